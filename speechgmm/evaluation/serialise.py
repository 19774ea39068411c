"""A report as files hold it: report.json for programs, scores.csv with a row for each utterance.

Nothing is written here: `to_json` gives an object for `json.dumps`, `score_rows` gives rows for `csv.writer`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation.report import Report

SCHEMA = "speechgmm-report"
SCHEMA_VERSION = 2
SCORE_COLUMNS = (
    *("path", "label", "probability", "score", "speech_s", "reason", "truth", "speaker", "duration_s"),
    *("snr_db", "start", "end"),
)


def to_json(report: Report) -> dict[str, Any]:
    """Turn a report into plain JSON values.

    Parameters
    ----------
    report : Report
        From `evaluate`.

    Returns
    -------
    dict
        ``schema`` and ``schema_version``, then the fields of `Report` under their names. What is not a finite number
        is None, so that ``json.dumps(..., allow_nan=False)`` accepts it.
    """
    fields = {one.name: plain(getattr(report, one.name)) for one in dataclasses.fields(report)}
    return {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **fields}


def score_rows(outcomes: Sequence[Outcome], *, classes: Sequence[str]) -> Iterator[list[str]]:
    """Give the rows of scores.csv, the header first.

    The columns are `SCORE_COLUMNS`, ``probability_<class>`` and ``llr_<class>`` of each class, and the further columns
    of the corpus in the order they are met, under their own names; one whose name is taken has ``column_`` before it.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The classified utterances.
    classes : sequence of str
        The classes of the model, in its order.

    Yields
    ------
    list of str
        One cell a column: numbers such that reading them gives the same number, empty where there is none.
    """
    further = list(dict.fromkeys(column for outcome in outcomes for column in outcome.columns))
    of_classes = [f"{kind}_{name}" for name in classes for kind in ("probability", "llr")]
    header = [*SCORE_COLUMNS, *of_classes]
    yield header + [f"column_{column}" if column in header else column for column in further]
    for outcome in outcomes:
        yield _score_row(outcome, classes) + [outcome.columns.get(column, "") for column in further]


def _score_row(outcome: Outcome, classes: Sequence[str]) -> list[str]:
    decision = outcome.decision
    row = [outcome.path, decision.label, _cell(decision.probability), _cell(decision.score), _cell(decision.speech_s)]
    row += [decision.reason, outcome.truth, outcome.speaker or "", _cell(outcome.duration_s)]
    row += [_cell(outcome.snr_db), _cell(outcome.start), "" if outcome.end is None else _cell(outcome.end)]
    for name in classes:
        row.append(_cell(decision.probabilities.get(name, math.nan)))
        row.append(_cell(decision.log_likelihood_ratios.get(name, math.nan)))
    return row


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def plain(value: Any) -> Any:
    """A value as plain JSON values: dataclasses by their fields, arrays as lists, what is no finite number as None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

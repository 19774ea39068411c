"""Convert a report to the contents of report.json, and outcomes to the rows of scores.csv.

No file is written here: `to_json` returns an object for `json.dumps`, `score_rows` yields rows for
`text.tables.csv_line`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation.report import Report

SCORE_COLUMNS = (
    *("path", "label", "probability", "score", "speech_s", "reason", "truth", "speaker", "duration_s"),
    *("snr_db", "start", "end", "warning"),
)


def to_json(report: Report) -> dict[str, Any]:
    """Convert a report to plain JSON values.

    Parameters
    ----------
    report : Report
        From `evaluate`.

    Returns
    -------
    dict
        ``schema`` and ``schema_version``, then one key per field of `Report`. Headline metrics are on the top level:
        ``<name>``, and ``<name>_<kind>`` per interval. Numbers that are not finite become None, as
        ``json.dumps(..., allow_nan=False)`` requires.
    """
    return report.to_dict()


def score_rows(outcomes: Sequence[Outcome], *, classes: Sequence[str]) -> Iterator[list[str]]:
    """Yield the rows of scores.csv, the header first.

    The columns are `SCORE_COLUMNS`, ``probability_<class>`` and ``llr_<class>`` per class, and the further columns of
    the corpus in order of first occurrence. A further column whose name is already in use gets the prefix ``column_``.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The classified utterances.
    classes : sequence of str
        The classes of the model, in its order.

    Yields
    ------
    list of str
        One cell per column. Numbers have full precision; a missing value is an empty cell.
    """
    further = list(dict.fromkeys(column for outcome in outcomes for column in outcome.columns))
    per_class = [f"{kind}_{name}" for name in classes for kind in ("probability", "llr")]
    header = [*SCORE_COLUMNS, *per_class]
    yield header + [f"column_{column}" if column in header else column for column in further]
    for outcome in outcomes:
        yield _score_row(outcome, classes) + [outcome.columns.get(column, "") for column in further]


def _score_row(outcome: Outcome, classes: Sequence[str]) -> list[str]:
    decision = outcome.decision
    row = [outcome.path, decision.label, _cell(decision.probability), _cell(decision.score), _cell(decision.speech_s)]
    row += [decision.reason, outcome.truth, outcome.speaker or "", _cell(outcome.duration_s)]
    row += [_cell(outcome.snr_db), _cell(outcome.start), "" if outcome.end is None else _cell(outcome.end)]
    row.append(outcome.warning)
    for name in classes:
        row.append(_cell(decision.probabilities.get(name, math.nan)))
        row.append(_cell(decision.log_likelihood_ratios.get(name, math.nan)))
    return row


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))

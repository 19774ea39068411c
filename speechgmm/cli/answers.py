"""How the answers of ``classify`` look on stdout: for people, or as csv, json or jsonl; each is written as it comes."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TextIO

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.classifier.outcome import Outcome
from speechgmm.cli.console import printable

COLUMNS = ("path", "label", "probability", "score", "speech_s", "reason", "duration_s")

Write = Callable[[Outcome], None]


def writer_for(form: str, labels: Sequence[str], stream: TextIO) -> AbstractContextManager[Write]:
    """A function that writes one answer, within a context that writes what stands before and after them.

    Parameters
    ----------
    form : str
        "table", "csv", "json" or "jsonl".
    labels : sequence of str
        The model's classes.
    stream : text stream
    """
    return {"table": _table, "csv": _csv, "json": _json, "jsonl": _jsonl}[form](labels, stream)


@contextmanager
def _table(labels: Sequence[str], stream: TextIO) -> Iterator[Write]:
    width = max(len(UNKNOWN), *(len(printable(label)) for label in labels))
    print(f"{'label':{width}}  probability   score  speech  path", file=stream, flush=True)

    def write(outcome: Outcome) -> None:
        decision = outcome.decision
        label, path = printable(decision.label), printable(outcome.path)
        figures = f"{decision.probability:11.3f}  {decision.score:+6.2f}" if decision.decided else " " * 19
        reason = f"  ({decision.reason})" if decision.reason else ""
        print(f"{label:{width}}  {figures}  {decision.speech_s:4.1f} s  {path}{reason}", file=stream, flush=True)

    yield write


@contextmanager
def _csv(labels: Sequence[str], stream: TextIO) -> Iterator[Write]:
    table = csv.writer(stream, lineterminator="\n")
    table.writerow([*COLUMNS, *(f"{kind}_{label}" for label in labels for kind in ("probability", "llr"))])
    stream.flush()

    def write(outcome: Outcome) -> None:
        values = _values(outcome, labels)
        cells = [values[column] for column in COLUMNS]
        for label in labels:
            cells += [values["probabilities"][label], values["log_likelihood_ratios"][label]]
        table.writerow(cells)
        stream.flush()

    yield write


@contextmanager
def _json(labels: Sequence[str], stream: TextIO) -> Iterator[Write]:
    separator = ""
    stream.write('{"schema": "speechgmm-answers", "schema_version": 1, "answers": [')

    def write(outcome: Outcome) -> None:
        nonlocal separator
        print(f"{separator}\n{json.dumps(_values(outcome, labels))}", end="", file=stream, flush=True)
        separator = ","

    yield write
    stream.write("\n]}\n")


@contextmanager
def _jsonl(labels: Sequence[str], stream: TextIO) -> Iterator[Write]:
    def write(outcome: Outcome) -> None:
        print(json.dumps(_values(outcome, labels)), file=stream, flush=True)

    yield write


def _values(outcome: Outcome, labels: Sequence[str]) -> dict[str, Any]:
    """One answer as plain JSON values; what is not defined is None."""
    decision = outcome.decision
    return {
        "path": outcome.path,
        "label": decision.label,
        "probability": _number(decision.probability),
        "score": _number(decision.score),
        "speech_s": round(decision.speech_s, 3),
        "reason": decision.reason,
        "duration_s": round(outcome.duration_s, 3),
        "probabilities": {label: decision.probabilities.get(label) for label in labels},
        "log_likelihood_ratios": {label: decision.log_likelihood_ratios.get(label) for label in labels},
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value

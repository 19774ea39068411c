"""Output formats of ``speechgmm classify``: a table, CSV, JSON and JSON Lines.

A writer takes outcomes one by one and yields the text of each before it takes the next. A new format is one function
and its entry in `FORMATS`. The command line reads the names of the formats for its help, so this module imports no
numeric library.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.classifier.outcome import Outcome
from speechgmm.text.tables import csv_line
from speechgmm.text.terminal import escaped

SCHEMA = "speechgmm-answers"
SCHEMA_VERSION = 1
COLUMNS = ("path", "label", "probability", "score", "speech_s", "reason", "duration_s", "warning")


class Write(Protocol):
    """A function that writes outcomes as text."""

    def __call__(self, outcomes: Iterable[Outcome], *, labels: Sequence[str]) -> Iterator[str]:
        """Write outcomes.

        Parameters
        ----------
        outcomes : iterable of Outcome
        labels : sequence of str
            The model's classes.

        Yields
        ------
        str
            The next part of the output.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Format:
    """An output format.

    Attributes
    ----------
    description : str
        For the help of the command line.
    suffix : str
        End of the name of a file in this format.
    write : callable
        See `Write`.
    """

    description: str
    suffix: str
    write: Write


def table(outcomes: Iterable[Outcome], *, labels: Sequence[str]) -> Iterator[str]:
    """Aligned columns under a header; control characters in labels and paths are escaped."""
    width = max(len(UNKNOWN), *(len(escaped(label)) for label in labels))
    yield f"{'label':{width}}  probability   score  speech    heard  path\n"
    for outcome in outcomes:
        decision = outcome.decision
        label, path = escaped(decision.label), escaped(outcome.path)
        figures = f"{decision.probability:11.3f}  {decision.score:+6.2f}" if decision.decided else " " * 19
        remarks = "; ".join(filter(None, [decision.reason, outcome.warning]))
        seconds = f"{decision.speech_s:4.1f} s  {outcome.duration_s:5.1f} s"
        yield f"{label:{width}}  {figures}  {seconds}  {path}{f'  ({escaped(remarks)})' if remarks else ''}\n"


def comma_separated(outcomes: Iterable[Outcome], *, labels: Sequence[str]) -> Iterator[str]:
    """A row per recording (`text.tables`): `COLUMNS`, then ``probability_CLASS`` and ``llr_CLASS`` of each class."""
    yield csv_line([*COLUMNS, *(f"{kind}_{label}" for label in labels for kind in ("probability", "llr"))])
    for outcome in outcomes:
        values = _values(outcome, labels)
        cells = [values[column] for column in COLUMNS]
        for label in labels:
            cells += [values["probabilities"][label], values["log_likelihood_ratios"][label]]
        yield csv_line(cells)


def json_object(outcomes: Iterable[Outcome], *, labels: Sequence[str]) -> Iterator[str]:
    """One object with ``schema``, ``schema_version`` and ``answers``, a list with an object per recording."""
    yield f'{{"schema": "{SCHEMA}", "schema_version": {SCHEMA_VERSION}, "answers": ['
    separator = "\n"
    for outcome in outcomes:
        yield separator + json.dumps(_values(outcome, labels))
        separator = ",\n"
    yield "\n]}\n"


def json_lines(outcomes: Iterable[Outcome], *, labels: Sequence[str]) -> Iterator[str]:
    """An object per recording, each on its line."""
    for outcome in outcomes:
        yield json.dumps(_values(outcome, labels)) + "\n"


FORMATS: dict[str, Format] = {
    "table": Format(description="aligned columns", suffix=".txt", write=table),
    "csv": Format(description="a row per recording", suffix=".csv", write=comma_separated),
    "json": Format(description="one object", suffix=".json", write=json_object),
    "jsonl": Format(description="an object per line", suffix=".jsonl", write=json_lines),
}
"""The formats by name."""


def _values(outcome: Outcome, labels: Sequence[str]) -> dict[str, Any]:
    """An outcome as plain JSON values; what is not defined is None."""
    decision = outcome.decision
    return {
        "path": outcome.path,
        "label": decision.label,
        "probability": _number(decision.probability),
        "score": _number(decision.score),
        "speech_s": round(decision.speech_s, 3),
        "reason": decision.reason,
        "duration_s": round(outcome.duration_s, 3),
        "warning": outcome.warning,
        "probabilities": {label: decision.probabilities.get(label) for label in labels},
        "log_likelihood_ratios": {label: decision.log_likelihood_ratios.get(label) for label in labels},
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value

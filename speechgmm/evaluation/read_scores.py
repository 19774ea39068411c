"""Read scores.csv: the decisions of a model, one row per utterance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from speechgmm.classifier.decision import UNKNOWN, Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus.look_alike import look_alikes, shown
from speechgmm.errors import EvaluationError
from speechgmm.evaluation.report_files import SCORE_COLUMNS
from speechgmm.text.tables import Table, UnreadableRowError
from speechgmm.text.textfiles import NotTextError, decoded

REQUIRED = ("path", "label", "truth")
"""The required columns; the others of `SCORE_COLUMNS` are optional."""

Key: TypeAlias = tuple[str, float, float | None]


@dataclass(frozen=True, kw_only=True)
class ScoreTable:
    """A table of scores.

    Attributes
    ----------
    source : str
        The file, as given by the user.
    classes : tuple of str
        Classes of the model, in its order; if the table has no columns per class, all labels that occur, sorted.
    outcomes : mapping of (str, float, float or None) to Outcome
        By path, start and end, in the order of the rows.
    """

    source: str
    classes: tuple[str, ...]
    outcomes: Mapping[Key, Outcome]


def read_scores(file: Path) -> ScoreTable:
    """Read a table written by `report_files.score_rows`, or any CSV file with the columns `REQUIRED`.

    Parameters
    ----------
    file : Path
        In any form that `text.tables` reads, such as one that a spreadsheet has saved.

    Returns
    -------
    ScoreTable

    Raises
    ------
    EvaluationError
        If the file cannot be read, a required column is missing, a column is duplicated, a row has a wrong number of
        cells, a cell is invalid, a segment of a recording is duplicated, labels look alike, or there are no rows.
    """
    try:
        if file.is_dir():
            raise EvaluationError(f"{file}: it is a folder, expected a file; give the scores in it: {file}/scores.csv")
        text, _ = decoded(file.read_bytes())
    except OSError as error:
        raise EvaluationError(f"{file}: the scores cannot be read: {error.strerror or error}") from error
    except NotTextError as error:
        raise EvaluationError(f"{file}: {error}") from error
    table = Table.of(text, {*REQUIRED, *SCORE_COLUMNS}.__contains__)
    rows = _rows(file, table)
    line, header = next(rows, (1, []))
    _check_header(f"{file}:{line}", header)
    classes = tuple(name[len("llr_") :] for name in header if _names_class(name, header))
    outcomes: dict[Key, Outcome] = {}
    for line, cells in rows:
        if len(cells) != len(header):
            raise EvaluationError(
                f"{file}:{line}: there are {len(cells)} cells, expected {len(header)} as in the header"
            )
        outcome = _Row(f"{file}:{line}", table, dict(zip(header, cells, strict=True)), classes).outcome()
        key = outcome.path, outcome.start, outcome.end
        if key in outcomes:
            raise EvaluationError(f"{file}:{line}: column 'path' holds '{outcome.path}' for the second time")
        outcomes[key] = outcome
    if not outcomes:
        raise EvaluationError(f"{file}: there are no rows below the header")
    labels = {label for outcome in outcomes.values() for label in (outcome.truth, outcome.decision.label)} - {UNKNOWN}
    for group in look_alikes(sorted(labels)):
        spellings = " and ".join(map(shown, group))
        raise EvaluationError(f"{file}: the labels {spellings} look like one class, write them alike")
    return ScoreTable(source=str(file), classes=classes or tuple(sorted(labels)), outcomes=outcomes)


@dataclass(frozen=True)
class _Row:
    """One row: its file and line for error messages, the table, its cells by column, and the classes of the header."""

    place: str
    table: Table
    cells: Mapping[str, str]
    classes: tuple[str, ...]

    def outcome(self) -> Outcome:
        label, probability = self._name("label", UNKNOWN), self._number("probability", 0.0, 1.0)
        decision = Decision(
            label=label,
            probability=probability,
            score=self._number("score"),
            speech_s=self._number("speech_s", 0.0),
            reason=self.cells.get("reason", ""),
            probabilities=self._of_classes("probability_", 0.0, 1.0),
            log_likelihood_ratios=self._of_classes("llr_"),
        )
        end = self._number("end", 0.0)
        start = self._number("start", 0.0)
        known = {*SCORE_COLUMNS, *(f"{kind}_{name}" for name in self.classes for kind in ("probability", "llr"))}
        return Outcome(
            path=self._name("path"),
            truth=self._name("truth"),
            speaker=self.cells.get("speaker") or None,
            duration_s=self._number("duration_s", 0.0),
            decision=decision,
            start=0.0 if math.isnan(start) else start,
            end=None if math.isnan(end) else end,
            snr_db=self._number("snr_db"),
            warning=self.cells.get("warning", ""),
            columns={_own_name(name, known): cell for name, cell in self.cells.items() if name not in known},
        )

    def _name(self, column: str, *further: str) -> str:
        """A cell that must not be empty and, except for the path, must be a class (or one of `further`) if known."""
        cell = self.cells[column]
        expected = (*self.classes, *further)
        if not cell or (self.classes and column != "path" and cell not in expected):
            choices = " or ".join(expected) if self.classes and column != "path" else "a value"
            raise EvaluationError(f"{self.place}: column '{column}' holds '{cell}', expected {choices}")
        return cell

    def _number(self, column: str, least: float = -math.inf, most: float = math.inf) -> float:
        """The number in a cell; NaN if the cell is empty or the column is missing."""
        cell = self.cells.get(column, "")
        if not cell:
            return math.nan
        number = self.table.number(cell)
        if number is None or not least <= number <= most:
            limits = (
                ""
                if math.isinf(least)
                else f" of at least {least:g}"
                if math.isinf(most)
                else f" from {least:g} to {most:g}"
            )
            raise EvaluationError(
                f"{self.place}: column '{column}' holds '{cell}', expected a number{limits} or an empty cell"
            )
        return number

    def _of_classes(self, prefix: str, least: float = -math.inf, most: float = math.inf) -> dict[str, float]:
        """The numbers per class; classes without a number are left out."""
        numbers = {name: self._number(prefix + name, least, most) for name in self.classes}
        return {name: number for name, number in numbers.items() if not math.isnan(number)}


def _rows(file: Path, table: Table) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from table.rows(exact=True)
    except UnreadableRowError as error:
        raise EvaluationError(f"{file}:{error.line}: the row cannot be read as CSV: {error}") from error


def _check_header(place: str, header: Sequence[str]) -> None:
    for name in REQUIRED:
        if name not in header:
            columns = ", ".join(header) or "none"
            raise EvaluationError(
                f"{place}: column '{name}' is missing, expected the columns {', '.join(REQUIRED)}, found {columns}"
            )
    for name in header:
        if header.count(name) > 1:
            raise EvaluationError(f"{place}: there are {header.count(name)} columns '{name}'")


def _names_class(name: str, header: Sequence[str]) -> bool:
    return name.startswith("llr_") and f"probability_{name[len('llr_') :]}" in header


def _own_name(name: str, known: set[str]) -> str:
    """Original name of a further column, without the prefix that `score_rows` adds to a name already in use."""
    original = name.removeprefix("column_")
    return original if original in known else name

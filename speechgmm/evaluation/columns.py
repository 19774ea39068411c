"""Columns of a corpus that results can be grouped by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from speechgmm.classifier.outcome import Outcome

MOST_VALUES = 40  # results are broken down by columns of at most so many values, unless a column is requested


class Described(Protocol):
    """What has columns: a `Recording` or an `Outcome`."""

    @property
    def columns(self) -> Mapping[str, str]:
        """The further columns."""
        ...

    @property
    def renamed(self) -> Mapping[str, str]:
        """Other names of known columns."""
        ...

    def value_of(self, column: str) -> str | None:
        """Value in a column; None if there is none."""
        ...


def missing_column(described: Sequence[Described], by: Iterable[str]) -> str | None:
    """The first of these columns in which nothing has a value, or None; the split is no column to group by.

    Of no recordings or outcomes no column is missing.
    """
    for column in by:
        is_split = any(each.renamed.get(column, column) == "split" for each in described)
        if described and (is_split or all(each.value_of(column) is None for each in described)):
            return column
    return None


def further_columns(described: Iterable[Described]) -> set[str]:
    """The columns besides label and speaker, by all of their names."""
    return {name for each in described for name in (*each.columns, *each.renamed)}


def unfit_columns(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Columns unsuitable for grouping (constants, file names, identifiers), each with the reason."""
    reasons = {}
    for column in dict.fromkeys(column for outcome in outcomes for column in outcome.columns):
        n_values = len({outcome.columns.get(column, "") for outcome in outcomes})
        if n_values == 1:
            reasons[column] = "all utterances have the same value"
        elif n_values > MOST_VALUES:
            reasons[column] = f"it has {n_values} values, more than {MOST_VALUES}"
        elif n_values > max(2, len(outcomes) / 2):
            reasons[column] = f"it has {n_values} values for {len(outcomes)} utterances"
    return reasons

"""What the rows of a manifest say against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from speechgmm.corpus.look_alike import look_alikes, plain, shown
from speechgmm.corpus.one_file import with_two_labels
from speechgmm.corpus.recording import Recording

Row: TypeAlias = tuple[int, Recording]
"""The line of a row, from 1, and its recording."""


def contradictions(rows: Sequence[Row]) -> Iterator[tuple[int, str]]:
    """Find rows that contradict each other.

    Parameters
    ----------
    rows : sequence of Row
        In order of their lines.

    Yields
    ------
    line : int
        The later line.
    fault : str
        An excerpt that occurs twice, one file with two labels, a speaker in two splits or with two labels, or labels
        that look alike.
    """
    firsts: dict[tuple[Path, float, float | None], Row] = {}
    for line, recording in rows:
        excerpt = recording.file.absolute(), recording.start, recording.end
        first, other = firsts.setdefault(excerpt, (line, recording))
        if first != line:
            label = "" if recording.label == other.label else f", with the label {shown(other.label)}"
            yield line, f"'{recording.name}' with the same start and end is on line {first} already{label}"
    yield from _one_file(list(firsts.values()))
    yield from _speakers(rows)
    yield from _labels(rows)


def _one_file(rows: Sequence[Row]) -> Iterator[tuple[int, str]]:
    for first, further in with_two_labels([recording for _, recording in rows]):
        (first_line, one), (line, other) = rows[first], rows[further]
        labels = f"its label is {shown(other.label)} here and {shown(one.label)} there, keep one"
        yield line, f"'{other.name}' is the same file as '{one.name}' on line {first_line}, but {labels}"


def _speakers(rows: Sequence[Row]) -> Iterator[tuple[int, str]]:
    kinds = {label: plain(label) for label in {recording.label for _, recording in rows}}
    # (speaker, column) -> kind of value -> value and line of the first row that has it
    seen: dict[tuple[str, str], dict[str, tuple[str, int]]] = {}
    for line, recording in rows:
        label, split = recording.label, recording.split
        for column, value, kind in (("split", split, split), ("label", label, kinds[label])):
            if recording.speaker is None or value is None or kind is None:
                continue
            values = seen.setdefault((recording.speaker, column), {kind: (value, line)})
            # One fault per further value, not per row, so that the list stays short.
            if kind not in values:
                other, first = next(iter(values.values()))
                yield (
                    line,
                    f"speaker '{recording.speaker}' has the {column} '{value}' here and '{other}' on line {first}",
                )
                values[kind] = value, line


def _labels(rows: Sequence[Row]) -> Iterator[tuple[int, str]]:
    lines: dict[str, int] = {}
    for line, recording in rows:
        lines.setdefault(recording.label, line)
    for group in look_alikes(lines):
        *others, last = [f"{shown(label)} (line {lines[label]})" for label in group]
        yield lines[group[-1]], f"the labels {', '.join(others)} and {last} look like one class, write them alike"

"""Readers of annotation formats: RTTM, Praat's TextGrid and CSV.

A reader takes the text of a file, yields its `Line` items, and adds each fault with its line number to a list. It
checks the format only; `references` checks the times and the names. A new format is one function and its entry in
`READERS`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from speechgmm.segmentation.writers import TIER, one_word, recording_id

_COLUMNS = ("start", "end", "label")
_FIELDS = "SPEAKER recording channel start duration x x name"
_OTHER_TYPES = (
    *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "SU", "IP"),
    *("CB", "A/P", "SPKR-INFO"),
)
"""The types of RTTM lines that are no turn of a speaker (RT-09 evaluation plan, appendix A)."""

_SHOWN = 60
"""Characters of a faulty line that are shown."""

_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)(?!\S)|![^\n]*')

Faults = list[tuple[int, str]]
"""Line numbers from 1, each with what is wrong there."""

Token = tuple[int, str | float]
"""A line number with a string or a number."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One annotated time span.

    Attributes
    ----------
    number : int
        Line number, from 1.
    recording : str
        `recording_id` of the recording; empty if the file does not name it.
    start, end : float
        Seconds, not checked.
    name : str
        Label or speaker.
    """

    number: int
    recording: str
    start: float
    end: float
    name: str


def rttm_lines(text: str, faults: Faults) -> Iterator[Line]:
    """Read the SPEAKER lines of RTTM; lines of `_OTHER_TYPES` and comments (``;;``) are skipped."""
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0] in _OTHER_TYPES or fields[0].startswith(";;"):
            continue
        if fields[0] != "SPEAKER" or len(fields) < 8:
            found = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
            faults.append((number, f"expected '{_FIELDS}', found '{found}'"))
            continue
        start, duration = _seconds(fields[3]), _seconds(fields[4])
        if math.isnan(start + duration):
            faults.append((number, f"start and duration are '{fields[3]}' and '{fields[4]}', expected seconds"))
            continue
        yield Line(number=number, recording=one_word(fields[1]), start=start, end=start + duration, name=fields[7])


def csv_lines(text: str, faults: Faults) -> Iterator[Line]:
    """Read the rows of a CSV file with the columns start, end, label and optionally path."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    paths: dict[str, str] = {}
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        missing = [name for name in _COLUMNS if name not in columns]
        if missing:
            faults += [(1, f"there is no column '{name}' in the header") for name in missing]
            return
        for cells in reader:
            if any(cells):
                yield from _csv_row(reader.line_num, columns, [cell.strip() for cell in cells], paths, faults)
    except csv.Error as error:
        faults.append((reader.line_num, f"the rows from here on cannot be read as CSV ({error})"))


def _csv_row(
    number: int, columns: list[str], cells: list[str], paths: dict[str, str], faults: Faults
) -> Iterator[Line]:
    """One row, unless it has a fault; `paths` maps each `recording_id` to its path, to find two paths with the same."""
    if len(cells) != len(columns):
        faults.append((number, f"there are {len(cells)} cells, expected {len(columns)} as in the header"))
        return
    row = dict(zip(columns, cells, strict=True))
    path = row.get("path", "")
    recording = recording_id(path) if path else ""
    start, end = _seconds(row["start"]), _seconds(row["end"])
    if math.isnan(start + end):
        faults.append((number, f"start and end are '{row['start']}' and '{row['end']}', expected seconds"))
    elif paths.setdefault(recording, path) != path:
        faults.append((number, f"'{path}' and '{paths[recording]}' have the same file name and cannot be told apart"))
    else:
        yield Line(number=number, recording=recording, start=start, end=end, name=row["label"])


def textgrid_lines(text: str, faults: Faults) -> Iterator[Line]:
    """Read the labelled intervals of the tier `TIER`, or of the only tier, from the long or the short text form.

    Both forms have the same strings and free-standing numbers in the same order; all other text is ignored.
    """
    tokens = _tokens(text)
    try:
        tiers = _tiers(tokens)
    except (StopIteration, TypeError, ValueError, OverflowError):
        number = next(tokens, (text.count("\n") + 1, ""))[0]
        faults.append((number, "expected a TextGrid in text form; something is missing or wrong up to this line"))
        return
    if TIER not in tiers and len(tiers) != 1:
        names = ", ".join(f"'{name}'" for name in tiers) or "none"
        faults.append((1, f"expected one interval tier, or one with the name '{TIER}', found {names}"))
        return
    yield from tiers.get(TIER) or next(iter(tiers.values()))


def _tokens(text: str) -> Iterator[Token]:
    """The strings and free-standing numbers of a TextGrid, with their lines; comments (``!``) are skipped."""
    number, position = 1, 0
    for match in _TOKEN.finditer(text):
        number, position = number + text.count("\n", position, match.start()), match.start()
        if match[1] is not None:
            yield number, match[1].replace('""', '"')
        elif match[2] is not None:
            yield number, float(match[2])


def _tiers(tokens: Iterator[Token]) -> dict[str, list[Line]]:
    """The interval tiers by name, each with its labelled intervals.

    Raises
    ------
    StopIteration, TypeError, ValueError, OverflowError
        If the tokens end too early or are not those of a TextGrid.
    """
    if [_string(tokens), _string(tokens)] != ["ooTextFile", "TextGrid"]:
        raise ValueError("another kind of file")
    tiers = {}
    _, _, n_tiers = [_number(tokens) for _ in range(3)]
    for _ in range(int(n_tiers)):
        kind, name = _string(tokens), _string(tokens)
        _, _, size = [_number(tokens) for _ in range(3)]
        if kind == "IntervalTier":
            intervals = [_interval(tokens) for _ in range(int(size))]
            tiers[name] = [interval for interval in intervals if interval.name]
        else:  # a point tier: a time and a mark per point
            for _ in range(int(size)):
                _number(tokens), _string(tokens)
    return tiers


def _interval(tokens: Iterator[Token]) -> Line:
    number, start = next(tokens)
    if isinstance(start, str):
        raise TypeError(start)
    return Line(number=number, recording="", start=start, end=_number(tokens), name=_string(tokens).strip())


def _number(tokens: Iterator[Token]) -> float:
    value = next(tokens)[1]
    if isinstance(value, str):
        raise TypeError(value)
    return value


def _string(tokens: Iterator[Token]) -> str:
    value = next(tokens)[1]
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


READERS: dict[str, Callable[[str, Faults], Iterable[Line]]] = {
    ".rttm": rttm_lines,
    ".textgrid": textgrid_lines,
    ".csv": csv_lines,
}
"""The readers by the suffix of the file name in lower case."""

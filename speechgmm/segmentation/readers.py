"""Annotations as text, RTTM, TextGrid or a table, to lines of who speaks from when to when.

Every reader takes a file's text and a list, to which it adds what is wrong with the file, each fault with its line. It
does not know what names mean nor whether times make sense: that is for `references`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from speechgmm.segmentation.writers import TIER, one_word, recording_id

_COLUMNS = ("start", "end", "label")
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)(?!\S)|![^\n]*')

Faults = list[tuple[int, str]]
Token = tuple[int, str | float]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One annotation as the file has it.

    Attributes
    ----------
    number : int
        Of the line, from 1.
    recording : str
        Its `recording_id`; empty where the file does not say.
    start, end : float
        In seconds, not checked.
    name : str
        Who or what it is.
    """

    number: int
    recording: str
    start: float
    end: float
    name: str


def rttm_lines(text: str, faults: Faults) -> Iterator[Line]:
    """The SPEAKER lines; those of other types and comments (``;;``) are left out."""
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        if len(fields) < 8:
            faults.append((number, f"expected 'SPEAKER recording channel start duration x x name', found '{line}'"))
            continue
        start, duration = _seconds(fields[3]), _seconds(fields[4])
        if math.isnan(start + duration):
            faults.append((number, f"start and duration are '{fields[3]}' and '{fields[4]}', expected seconds"))
            continue
        yield Line(number=number, recording=one_word(fields[1]), start=start, end=start + duration, name=fields[7])


def csv_lines(text: str, faults: Faults) -> Iterator[Line]:
    """The rows of a table with a header and the columns start, end and label, and perhaps path."""
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
        faults.append((reader.line_num, f"the row cannot be read as CSV ({error}), nor any below it"))


def _csv_row(
    number: int, columns: list[str], cells: list[str], paths: dict[str, str], faults: Faults
) -> Iterator[Line]:
    """A row, unless it has a fault; `paths` remembers which recording is which file."""
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
        faults.append((number, f"'{path}' and '{paths[recording]}' have one name; recordings are known by their names"))
    else:
        yield Line(number=number, recording=recording, start=start, end=end, name=row["label"])


def textgrid_lines(text: str, faults: Faults) -> Iterator[Line]:
    """The labelled intervals of the tier `TIER`, or of the only tier; in the long and in the short text form.

    What counts in such a file are its strings and the numbers that stand by themselves, in their order. All else are
    names of what follows.
    """
    tokens = _tokens(text)
    try:
        tiers = _tiers(tokens)
    except (StopIteration, TypeError, ValueError, OverflowError):
        number = next(tokens, (text.count("\n") + 1, ""))[0]
        faults.append((number, "expected the text form of a TextGrid; something is missing or odd up to this line"))
        return
    if TIER not in tiers and len(tiers) != 1:
        found = ", ".join(f"'{name}'" for name in tiers) or "none"
        faults.append((1, f"expected one tier of intervals, or one that is called '{TIER}', found {found}"))
        return
    yield from tiers.get(TIER) or next(iter(tiers.values()))


def _tokens(text: str) -> Iterator[Token]:
    """The strings and free-standing numbers of a TextGrid, with their lines; comments (``!``) are left out."""
    number, at = 1, 0
    for match in _TOKEN.finditer(text):
        number, at = number + text.count("\n", at, match.start()), match.start()
        if match[1] is not None:
            yield number, match[1].replace('""', '"')
        elif match[2] is not None:
            yield number, float(match[2])


def _tiers(tokens: Iterator[Token]) -> dict[str, list[Line]]:
    """The tiers of intervals by name, each with its labelled intervals.

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
            tiers[name] = [one for one in intervals if one.name]
        else:  # points: a time and a mark each
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


READERS: Mapping[str, Callable[[str, Faults], Iterable[Line]]] = MappingProxyType(
    {".rttm": rttm_lines, ".textgrid": textgrid_lines, ".csv": csv_lines}
)
"""By the end of a file's name, in lower case."""

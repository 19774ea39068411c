"""Readers of annotation formats: RTTM, Praat's TextGrid and CSV.

A reader takes the text of a file, yields its `Line` items, and adds each fault with its line number to a list. It
checks the format only; `references` checks the times and the names. A new format is one function and its entry in
`READERS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from speechgmm.segmentation.writers import TIER, one_word, recording_id
from speechgmm.text.numerals import decimal
from speechgmm.text.tables import Table, UnreadableRowError

_COLUMNS = ("start", "end", "label")
_FURTHER_COLUMNS = ("path", "channel")
_NONE = "<NA>"
_FIELDS = "SPEAKER recording channel start duration x x name"
_OTHER_TYPES = (
    *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "SU", "IP"),
    *("CB", "A/P", "SPKR-INFO"),
)
"""The types of RTTM lines that are no turn of a speaker (RT-09 evaluation plan, appendix A)."""

_SHOWN = 60
"""Characters of a faulty line that are shown."""

_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)(?!\S)|![^\n]*')

_CHANNEL_TIER = re.compile(r"(?:channel|ch)[ _-]?([0-9]+)", re.IGNORECASE)

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
    channel : str
        Channel of the recording, from 1; empty if the file names none.
    """

    number: int
    recording: str
    start: float
    end: float
    name: str
    channel: str = ""


def rttm_lines(text: str, faults: Faults) -> Iterator[Line]:
    """Read the SPEAKER lines of RTTM; lines of `_OTHER_TYPES` and comments (``;;``) are skipped."""
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0] in _OTHER_TYPES or fields[0].startswith(";;"):
            continue
        found = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
        if fields[0] != "SPEAKER" or len(fields) < 8:
            faults.append((number, f"expected '{_FIELDS}', found '{found}'"))
            continue
        if _has_blank_in_name(fields):
            faults.append((number, f"expected '{_FIELDS}' with _ for each blank in a name, found '{found}'"))
            continue
        start, duration = decimal(fields[3]), decimal(fields[4])
        if start is None or duration is None:
            faults.append((number, f"start and duration are '{fields[3]}' and '{fields[4]}', expected seconds"))
            continue
        yield Line(
            number=number,
            recording=one_word(fields[1]),
            start=start,
            end=start + duration,
            name=fields[7],
            channel="" if fields[2] == _NONE else fields[2],
        )


def _has_blank_in_name(fields: Sequence[str]) -> bool:
    """Whether a name has made two fields: there are too many, or names and numbers are not where they should be."""
    confidences = (field for field in fields[8:] if field != _NONE)
    return len(fields) > 10 or fields[7] == _NONE or any(decimal(field) is None for field in confidences)


def csv_lines(text: str, faults: Faults) -> Iterator[Line]:
    """Read the rows of a table with the columns start, end, label and optionally path and channel."""
    table = Table.of(text, lambda name: _column(name) in (*_COLUMNS, *_FURTHER_COLUMNS))
    rows = table.rows()
    paths: dict[str, str] = {}
    try:
        header_line, header = next(rows, (1, []))
        columns = [_column(name) for name in header]
        header_faults = [
            f"there is no column '{name}' in the header" if name not in columns else f"there are two columns '{name}'"
            for name in (*_COLUMNS, *_FURTHER_COLUMNS)
            if columns.count(name) > 1 or (name in _COLUMNS and name not in columns)
        ]
        if header_faults:
            faults += [(header_line, fault) for fault in header_faults]
            return
        for number, cells in rows:
            if len(cells) == len(columns):
                yield from _csv_row(number, table, dict(zip(columns, cells, strict=True)), paths, faults)
            else:
                faults.append((number, f"there are {len(cells)} cells, expected {len(columns)} as in the header"))
    except UnreadableRowError as error:
        faults.append((error.line, f"the rows from here on cannot be read as CSV ({error})"))


def _column(name: str) -> str:
    return name.strip().casefold()


def _csv_row(number: int, table: Table, row: dict[str, str], paths: dict[str, str], faults: Faults) -> Iterator[Line]:
    """One row, unless it has a fault; `paths` maps each `recording_id` to its path, to find two paths with the same."""
    path = row.get("path", "")
    recording = recording_id(path) if path else ""
    start, end = table.number(row["start"]), table.number(row["end"])
    if start is None or end is None:
        faults.append((number, f"start and end are '{row['start']}' and '{row['end']}', expected seconds"))
    elif paths.setdefault(recording, path) != path:
        faults.append((number, f"'{path}' and '{paths[recording]}' have the same file name and cannot be told apart"))
    else:
        channel = row.get("channel", "")
        yield Line(number=number, recording=recording, start=start, end=end, name=row["label"], channel=channel)


def textgrid_lines(text: str, faults: Faults) -> Iterator[Line]:
    """Read the labelled intervals of the tier `TIER`, of the only tier, or of tiers ``channel 1`` and so on.

    Both forms of the text, long and short, have the same strings and free-standing numbers in the same order; all other
    text is ignored.
    """
    tokens = _tokens(text)
    try:
        tiers = _tiers(tokens)
    except (StopIteration, TypeError, ValueError, OverflowError):
        number = next(tokens, (text.count("\n") + 1, ""))[0]
        faults.append((number, "expected a TextGrid in text form; something is missing or wrong up to this line"))
        return
    chosen = [(name, lines) for name, lines in tiers if name == TIER] or tiers
    channels = [(match[1], lines) for name, lines in chosen if (match := _CHANNEL_TIER.fullmatch(name.strip()))]
    if not channels and len(chosen) == 1:
        channels = [("", chosen[0][1])]
    if not channels:
        names = ", ".join(f"'{name}'" for name, _ in tiers) or "none"
        expected = f"one interval tier, one with the name '{TIER}', or tiers 'channel 1', 'channel 2' ..."
        faults.append((1, f"expected {expected}, found {names}"))
    for channel, lines in channels:
        yield from (replace(line, channel=channel) for line in lines)


def _tokens(text: str) -> Iterator[Token]:
    """The strings and free-standing numbers of a TextGrid, with their lines; comments (``!``) are skipped."""
    number, position = 1, 0
    for match in _TOKEN.finditer(text):
        number, position = number + text.count("\n", position, match.start()), match.start()
        if match[1] is not None:
            yield number, match[1].replace('""', '"')
        elif match[2] is not None:
            yield number, float(match[2])


def _tiers(tokens: Iterator[Token]) -> list[tuple[str, list[Line]]]:
    """The interval tiers, each with its name and its labelled intervals.

    Raises
    ------
    StopIteration, TypeError, ValueError, OverflowError
        If the tokens end too early or are not those of a TextGrid.
    """
    if [_string(tokens), _string(tokens)] != ["ooTextFile", "TextGrid"]:
        raise ValueError("another kind of file")
    tiers = []
    _, _, n_tiers = [_number(tokens) for _ in range(3)]
    for _ in range(int(n_tiers)):
        kind, name = _string(tokens), _string(tokens)
        _, _, size = [_number(tokens) for _ in range(3)]
        if kind == "IntervalTier":
            intervals = [_interval(tokens) for _ in range(int(size))]
            tiers.append((name, [interval for interval in intervals if interval.name]))
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


READERS: dict[str, Callable[[str, Faults], Iterable[Line]]] = {
    ".rttm": rttm_lines,
    ".textgrid": textgrid_lines,
    ".csv": csv_lines,
    ".tsv": csv_lines,
}
"""The readers by the suffix of the file name in lower case."""

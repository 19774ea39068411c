"""Tables of cells: CSV as programs and spreadsheets write it.

Every CSV file that this package reads or writes goes through this module, because of one rule. A spreadsheet runs a
cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula, also after blanks, and names of files and speakers may
come from others. Such a cell is written with an apostrophe before it, unless it is a number; a cell that begins with
apostrophes and then like a formula gets one more. Reading takes one apostrophe away, so that every text is read back as
it was.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from speechgmm.text.numerals import decimal

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
"""The separators that are recognised, and their names."""

_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])")
_ESCAPED_FORMULA = re.compile(f"'{_FORMULA.pattern}")
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?(?=[\r\n])', re.IGNORECASE)
_HEADER_LENGTH = 65536
"""Characters in which the header must end to be recognised."""


class UnreadableRowError(ValueError):
    """A row is not CSV, and nothing below it can be read.

    Parameters
    ----------
    line : int
        The line on which the row starts, from 1.
    reason : str
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that was read.

    Attributes
    ----------
    text : str
        The whole table.
    separator : str
        One of `SEPARATORS`.
    """

    text: str
    separator: str

    @classmethod
    def of(cls, text: str, is_known: Callable[[str], bool]) -> Table:
        """Recognise the form of a table.

        Parameters
        ----------
        text : str
            As decoded by `textfiles.decoded`.
        is_known : callable
            Whether a text is the name of a known column. The separator is the one that gives the header most of them,
            or else most cells. A line ``sep=;`` before the header, as spreadsheets understand it, decides first.
        """
        given = _SEPARATOR_LINE.match(text)
        if given:
            # An empty line instead, so that line numbers stay.
            return cls(text=text[given.end() :], separator=given[1])
        headers = {separator: _header(text[:_HEADER_LENGTH], separator) for separator in SEPARATORS}
        separator = max(headers, key=lambda each: (sum(map(is_known, headers[each])), len(headers[each])))
        return cls(text=text, separator=separator)

    def rows(self, *, exact: bool = False) -> Iterator[tuple[int, list[str]]]:
        """The rows with a cell that is not empty, each with the line on which it starts.

        Quoted cells may hold separators, quotes and line ends. Between tabs they do only if that gives every row as
        many cells as the header, and reading line by line does not: in transcripts a quote may stand alone.

        Parameters
        ----------
        exact : bool
            Whether white space around cells is kept.

        Raises
        ------
        UnreadableRowError
            While iterating.
        """
        by_lines = self.separator == "\t" and (_fit(self._lines()) or not _fit(self._quoted_rows(exact=exact)))
        for line, row in self._lines() if by_lines else self._quoted_rows(exact=exact):
            cells = [_without_escape(cell if exact else cell.strip()) for cell in row]
            if any(cells):
                yield line, cells

    def number(self, cell: str) -> float | None:
        """The number in a cell, or None; between semicolons it may have a decimal comma."""
        return decimal(cell.strip(), comma=self.separator == ";")

    def _quoted_rows(self, *, exact: bool) -> Iterator[tuple[int, list[str]]]:
        stream = io.StringIO(self.text, newline="")
        reader = csv.reader(stream, delimiter=self.separator, strict=True, skipinitialspace=not exact)
        line = 1
        try:
            for row in reader:
                yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise UnreadableRowError(line, str(error)) from error

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        for line, content in enumerate(io.StringIO(self.text, newline=""), start=1):
            yield line, [_unquoted(cell) for cell in content.rstrip("\r\n").split(self.separator)]


def csv_line(cells: Iterable[object]) -> str:
    """One row of CSV (RFC 4180) with its line end; None becomes an empty cell, and no text is a formula."""
    line = io.StringIO()
    safe = [_with_escape(cell) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(line, lineterminator="\r\n").writerow(safe)  # cells with either line end are quoted
    return line.getvalue().removesuffix("\r\n") + "\n"


def _with_escape(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) and decimal(cell) is None else cell


def _without_escape(cell: str) -> str:
    return cell[1:] if _ESCAPED_FORMULA.match(cell) else cell


def _header(text: str, separator: str) -> list[str]:
    """The first row with something else than separators."""
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        return next((row for row in rows if any(cell.strip(",; \t") for cell in row)), [])
    except csv.Error:
        return []


def _fit(rows: Iterable[tuple[int, list[str]]]) -> bool:
    """Whether all rows that are not empty have as many cells as the first."""
    try:
        return len({len(row) for _, row in rows if any(cell.strip() for cell in row)}) <= 1
    except UnreadableRowError:
        return False


def _unquoted(cell: str) -> str:
    """A cell without the quotes around it, if it is one that a spreadsheet quoted."""
    inner = cell[1:-1].replace('""', "")
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner
    return cell[1:-1].replace('""', '"') if quoted else cell

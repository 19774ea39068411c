"""Tables: separators, quotes, and cells that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io

import pytest

from speechgmm.text.tables import Table, UnreadableRowError, csv_line


def table(text: str, known: str = "path label") -> Table:
    return Table.of(text, known.split().__contains__)


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("path,label\n", ","),
        ("path;label\n", ";"),
        ("path\tlabel\n", "\t"),
        ('\n \n,,\npath;label;"a,b,c,d"\n', ";"),
        ("path,label,a;b;c;d;e\n", ","),
        ("x;y\n", ";"),
        ("path\n", ","),
        ("", ","),
        ("sep=;\npath,label\n", ";"),
        ('"sep=\t"\r\npath,label\r\n', "\t"),
    ],
)
def test_the_separator_is_that_of_the_header(text: str, separator: str) -> None:
    """The one that gives most known names, or else most cells; a line sep= says it."""
    assert table(text).separator == separator


def test_line_numbers_count_the_line_that_names_the_separator() -> None:
    """It is no row."""
    assert list(table("sep=;\r\npath;label\r\n").rows()) == [(2, ["path", "label"])]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('a\tb\n"x\ty\n', [(1, ["a", "b"]), (2, ['"x', "y"])]),
        ('a\tb\n"x ""y"""\t"\n', [(1, ["a", "b"]), (2, ['x "y"', '"'])]),
        ('a\tb\nx\t"y" z\n', [(1, ["a", "b"]), (2, ["x", '"y" z'])]),
        ('a\tb\n"x\nx"\ty\nz\tz\n', [(1, ["a", "b"]), (2, ["x\nx", "y"]), (4, ["z", "z"])]),
        ('a\tb\n"x\tx"\ty\n', [(1, ["a", "b"]), (2, ["x\tx", "y"])]),
        ('a\tb\n"x\ty\nz\n', [(1, ["a", "b"]), (2, ['"x', "y"]), (3, ["z"])]),
        ("a\tb\r\n\t\r\n\r\nx\t\r\n", [(1, ["a", "b"]), (4, ["x", ""])]),
    ],
)
def test_quotes_between_tabs(text: str, rows: list[tuple[int, list[str]]]) -> None:
    """A line is a row if every line has as many cells; else quotes hold tabs and line ends, if that fits."""
    assert list(table(text).rows()) == rows


def test_an_unreadable_row_has_its_line() -> None:
    """The line on which it starts."""
    rows = table('path,label\n"a\nb",c\n"d,e\n').rows()
    assert [next(rows), next(rows)] == [(1, ["path", "label"]), (2, ["a\nb", "c"])]
    with pytest.raises(UnreadableRowError, match="unexpected end of data") as caught:
        next(rows)
    assert caught.value.line == 4


def test_exact_cells_keep_their_spaces() -> None:
    """Otherwise they are stripped."""
    assert list(table("path, label \n").rows(exact=True)) == [(1, ["path", " label "])]
    assert list(table("path, label \n").rows()) == [(1, ["path", "label"])]


def test_numbers_between_semicolons_may_have_a_comma() -> None:
    """Between other separators they have a point."""
    assert [table(text).number(" 1,5 ") for text in ("path;label", "path,label", "path\tlabel")] == [1.5, None, None]


FORMULAS = (
    "=1+1",
    "+SUM(1)",
    "-x",
    "@SUM(1)",
    "\tx",
    "\rx",
    "\nx",
    " =1",
    "\u00a0@x",
    "＝1",
    "'=1",
    "''-x",
    "=cmd|' /C calc'!A0",
)
OTHERS = ("-1.5", "+3", "-1e-05", "x=1", "'x'", "'", "", "a-b", "a\rb", "a\r\nb", "ä")


@pytest.mark.parametrize("cell", FORMULAS)
def test_no_cell_is_a_formula(cell: str) -> None:
    """It starts with an apostrophe, and is read back as it was."""
    assert next(csv.reader(io.StringIO(csv_line(["x", cell]), newline=""))) == ["x", f"'{cell}"]
    assert list(table(csv_line(["x", cell])).rows(exact=True)) == [(1, ["x", cell])]


@pytest.mark.parametrize("cell", OTHERS)
def test_other_cells_are_written_as_they_are(cell: str) -> None:
    """Numbers above all."""
    assert next(csv.reader(io.StringIO(csv_line(["x", cell]), newline=""))) == ["x", cell]
    assert list(table(csv_line(["x", cell])).rows(exact=True)) == [(1, ["x", cell])]


def test_cells_that_are_no_text() -> None:
    """Numbers may be negative, and None is empty."""
    assert csv_line([-0.5, None, 3]) == "-0.5,,3\n"

"""Two columns of a user's table as the frames of the chapters."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechgmm.errors import CorpusError, OptionError
from speechgmm.explanation.material import Material
from speechgmm.explanation.scene import Floats
from speechgmm.explanation.traced_fit import standardised
from speechgmm.text.numerals import decimal
from speechgmm.text.tables import Table, UnreadableRowError
from speechgmm.text.textfiles import NotTextError, decoded

Rows = list[tuple[int, list[str]]]
"""The cells of each row, with its line."""

MOST_COMPONENTS = 10
LARGEST_VALUE = 1e30
"""Squares and products of larger values would overflow in the fits."""
MOST_ROWS = 300
"""Rows that are drawn: more would only cover each other, and the page would be large."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """The numbers of a table.

    Attributes
    ----------
    names : tuple of str
    values : ndarray (T, D)
    left_out : tuple of str
        Columns that the automatic choice did not take: those without numbers or without a name.
    """

    names: tuple[str, ...]
    values: Floats
    left_out: tuple[str, ...] = ()


def material_of(file: Path, *, columns: Sequence[str], n_components: int, covariance: str) -> Material:
    """Read a table, and make its columns, or their two leading principal axes, the frames of the chapters.

    Parameters
    ----------
    file : Path
        CSV, with or without a header; commas, semicolons or tabs.
    columns : sequence of str
        Names of two columns or more; if empty, all that have a name and hold numbers.
    n_components : int
        K, 1 to `MOST_COMPONENTS`.
    covariance : str

    Returns
    -------
    Material

    Raises
    ------
    CorpusError
        If the file cannot be read, or a cell of the columns is no number up to `LARGEST_VALUE`.
    OptionError
        If there are fewer than two columns, the file lacks one or two have the same name, or there are more components
        than different rows.
    """
    table = read_columns(file, columns)
    if len(table.names) < 2:
        found = f"only {table.names[0]!r}" if table.names else "none"
        raise OptionError(f"{file}: two columns of numbers are needed, and there is {found}: give a table with two")
    frames, names, source = in_plane(table)
    source = f"{file.name}: {source}"
    if len(frames) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(len(frames), MOST_ROWS, replace=False))
        source += f" {MOST_ROWS} of its {len(frames):,} rows, drawn at random."
        frames = frames[chosen]
    n_different = len(np.unique(frames, axis=0))
    if not 1 <= n_components <= MOST_COMPONENTS:
        raise OptionError(f"--components {n_components}: the page shows 1 to {MOST_COMPONENTS} components")
    if n_different < max(n_components, 2):
        raise OptionError(
            f"--components {n_components}: {file} has {n_different} different row{'s' if n_different > 1 else ''}, but "
            "each component needs one and the page two: give fewer components or more rows"
        )
    return Material(
        frames=frames,
        columns=names,
        source=source,
        code=_code(file, table, columns),
        n_components=n_components,
        covariance=covariance,
        left_out=table.left_out,
    )


def in_plane(table: Columns) -> tuple[Floats, tuple[str, str], str]:
    """The frames in the plane, the names of the two axes, and what was done."""
    quoted = ", ".join(table.names)
    if len(table.names) == 2:
        return table.values, (table.names[0], table.names[1]), f"the columns {quoted}."
    scaled = standardised(table.values)
    axes = np.linalg.svd(scaled, full_matrices=False)[2][:2]
    projected: Floats = scaled @ axes.T
    share = float(projected.var(axis=0).sum() / max(scaled.var(axis=0).sum(), np.finfo(float).tiny))
    done = (
        f"the two leading principal axes of the columns {quoted}, each scaled to mean 0 and variance 1; they hold "
        f"{100 * share:.0f} % of the variance. Fits are of these two axes only."
    )
    return projected, ("principal axis 1", "principal axis 2"), done


def read_columns(file: Path, chosen: Sequence[str]) -> Columns:
    """Read the chosen columns, or all that have a name and hold numbers."""
    table, rows = _rows(file)
    if not rows:
        raise CorpusError(f"{file}: the table is empty, but a header and rows of numbers are needed")
    (_, header), body = rows[0], rows[1:]
    if all(table.number(cell) is not None for cell in header):  # no header
        header, body = [f"column {n}" for n in range(1, len(header) + 1)], rows
    if not body:
        raise CorpusError(f"{file}: there is no row below the header, but rows of numbers are needed")
    places = _named_places(file, header, chosen) if chosen else _places_of_numbers(file, table, header, body)
    values = np.array([[_checked(file, table, line, row, header, at) for at in places] for line, row in body])
    others = [] if chosen else [place for place in range(len(header)) if place not in places]
    return Columns(
        names=tuple(header[place] for place in places),
        values=values.reshape(len(body), len(places)),
        left_out=tuple(header[place] or f"(column {place + 1})" for place in others),
    )


def _named_places(file: Path, header: list[str], chosen: Sequence[str]) -> list[int]:
    for name in chosen:
        if name not in header:
            raise OptionError(f"--columns {name}: {file} has no such column; it has {', '.join(header)}")
        if chosen.count(name) > 1:
            raise OptionError(
                f"--columns {','.join(chosen)}: {name!r} is given twice: give different columns of {file}"
            )
        if header.count(name) > 1:
            raise OptionError(f"--columns {name}: {file} has {header.count(name)} columns of this name: rename them")
    return [header.index(name) for name in chosen]


def _places_of_numbers(file: Path, table: Table, header: list[str], body: Rows) -> list[int]:
    """The columns with a name and a number; the column of row numbers that some programs write has no name."""
    places = [
        place
        for place, name in enumerate(header)
        if name and any(_number(table, row, place) is not None for _, row in body)
    ]
    names = [header[place] for place in places]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(
                f"{file}: {names.count(name)} columns are named {name!r}: rename them, or give others in --columns"
            )
    return places


def _rows(file: Path) -> tuple[Table, Rows]:
    try:
        text, _ = decoded(file.read_bytes())
        table = _table_of_numbers(text) or Table.of(text, lambda name: decimal(name) is None and name != "")
        return table, list(table.rows())
    except OSError as error:
        raise CorpusError(f"{file}: cannot be read: {error.strerror or error}") from error
    except NotTextError as error:
        raise CorpusError(f"{file}: {error}") from error
    except UnreadableRowError as error:
        raise CorpusError(f"{file}:{error.line}: the row is not CSV: {error}") from error


def _table_of_numbers(text: str) -> Table | None:
    """A table without a header, whose first row is numbers only.

    `Table.of` would take the separator from names. Tabs and semicolons come first, because between them a comma is in a
    number.
    """
    for separator in ("\t", ";", ","):
        table = Table(text=text, separator=separator)
        with suppress(UnreadableRowError):
            _, first = next(table.rows(), (1, []))
            if len(first) > 1 and all(table.number(cell) is not None for cell in first):
                return table
    return None


def _number(table: Table, row: Sequence[str], place: int) -> float | None:
    return table.number(row[place]) if place < len(row) else None


def _checked(file: Path, table: Table, line: int, row: Sequence[str], header: Sequence[str], place: int) -> float:
    number = _number(table, row, place)
    if number is None:
        cell = row[place] if place < len(row) else ""
        raise CorpusError(
            f"{file}:{line}: the column {header[place]!r} has {cell!r}, but a finite number is needed: mend or remove "
            "the row, or name other columns with --columns"
        )
    if abs(number) > LARGEST_VALUE:
        raise CorpusError(
            f"{file}:{line}: the column {header[place]!r} has {row[place]!r}, but {LARGEST_VALUE:g} is the most "
            "that can be shown: give the column in a larger unit, or name other columns with --columns"
        )
    return number


def _code(file: Path, table: Columns, chosen: Sequence[str]) -> str:
    """Python that reads the same frames."""
    arguments = f"Path({file.name!r}), {list(chosen)!r}"
    return (
        "from pathlib import Path\n\nfrom speechgmm.explanation.table_columns import in_plane, read_columns\n\n"
        f"X, names, _ = in_plane(read_columns({arguments}))\n"
    )

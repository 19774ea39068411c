"""Data frames of pandas or polars. Neither is needed elsewhere, so they are imported only here and when one is made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from speechgmm.argument_checks import wrong
from speechgmm.errors import OptionError

LIBRARIES = ("pandas", "polars")


def data_frame(rows: Iterable[Mapping[str, object]], library: str | None = None) -> Any:
    """Make a data frame.

    Parameters
    ----------
    rows : iterable of mapping
        Values by column. A row without a column has NaN there if it is a column of floating-point numbers, else None.
    library : "pandas" or "polars", optional
        By default pandas, or polars where pandas is not installed.

    Returns
    -------
    pandas.DataFrame or polars.DataFrame
        The columns are in order of their first occurrence.

    Raises
    ------
    OptionError
        If the library is another one, or is not installed.
    """
    name = _installed(library)
    rows = list(rows)
    names = dict.fromkeys(column for row in rows for column in row)
    columns = {column: _filled([row.get(column) for row in rows]) for column in names}
    if name == "pandas":
        import pandas

        return pandas.DataFrame(columns)
    import polars

    return polars.DataFrame(columns)


def _installed(library: str | None) -> str:
    if library not in (None, *LIBRARIES):
        raise wrong("library", library, "'pandas' or 'polars'")
    for name in LIBRARIES if library is None else (library,):
        if find_spec(name):
            return name
    missing = library or "pandas or polars"
    raise OptionError(f"a data frame needs {missing}, which is not installed: pip install {library or 'pandas'}")


def _filled(values: list[object]) -> list[object]:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, float) for value in present):
        return [math.nan if value is None else value for value in values]
    return values

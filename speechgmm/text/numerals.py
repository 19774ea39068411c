"""Numbers in text, with the digits 0 to 9 only.

Python itself also reads ``1_5`` as 15, digits of other scripts, ``nan`` and ``infinity``, and ``1e400`` as infinite. In
a file or on a command line each of them is a mistake.
"""

from __future__ import annotations

import math
import re

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")


def decimal(text: str, *, comma: bool = False) -> float | None:
    """Read a finite number; None if the text is none.

    Parameters
    ----------
    text : str
        Such as ``12``, ``-0.5`` or ``1e-3``.
    comma : bool
        Whether a comma may stand for the point.
    """
    if comma:
        text = text.replace(",", ".")
    number = float(text) if _DECIMAL.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None


def whole(text: str) -> int | None:
    """Read a whole number; None if the text is none."""
    if not _WHOLE.fullmatch(text):
        return None
    try:
        return int(text)
    except ValueError:  # more digits than Python reads
        return None

"""Checks of the arguments of Python functions. What is wrong is named in an OptionError, with what was expected."""

from __future__ import annotations

import math
import operator
import os
import reprlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, SupportsFloat, TypeVar

from speechgmm.errors import OptionError

T = TypeVar("T")

MAX_JOBS = 10_000
MAX_INTEGER = 2**63 - 1  # of TOML and of files


def wrong(name: str, value: object, expected: str) -> OptionError:
    """The error of an argument."""
    try:
        given = reprlib.repr(value)
    except ValueError:  # Python writes no whole number of more than some thousand digits
        given = "a number of very many digits"
    return OptionError(f"{name} is {given}, but it must be {expected}")


def instance_of(kind: type[T], name: str, value: object, expected: str) -> T:
    """An argument of this type.

    Raises
    ------
    OptionError
        If it is of another type.
    """
    if not isinstance(value, kind):
        raise wrong(name, value, expected)
    return value


def path(name: str, value: object, expected: str = "a path") -> Path:
    """A path that the file system can have.

    Raises
    ------
    OptionError
        If it is none.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise wrong(name, value, expected)
    text = os.fspath(value)
    if not isinstance(text, str) or not text or "\0" in text:
        raise wrong(name, value, f"{expected}: text without null characters")
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise wrong(name, value, f"{expected}: text that can be encoded") from error
    return Path(text)


def whole_number(name: str, value: Any, minimum: int | None = None) -> int:
    """A whole number of at least `minimum`, also one of numpy.

    Raises
    ------
    OptionError
        If it is none.
    """
    expected = "a whole number" if minimum is None else f"a whole number of {minimum} or more"
    try:
        number = operator.index(value)
    except TypeError as error:
        raise wrong(name, value, expected) from error
    if isinstance(value, bool) or (minimum is not None and number < minimum):
        raise wrong(name, value, expected)
    return number


def number(name: str, value: SupportsFloat, expected: str = "a finite number") -> float:
    """A finite number, also one of numpy or in an array without dimensions; text is none.

    Raises
    ------
    OptionError
        If it is none.
    """
    if isinstance(value, (bool, str, bytes)):
        raise wrong(name, value, expected)
    try:
        converted = float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise wrong(name, value, expected) from error
    if not math.isfinite(converted):
        raise wrong(name, value, expected)
    return value if isinstance(value, int) else converted


def items(name: str, value: Any, expected: str) -> list[Any]:
    """The items of a list, a tuple or an array of one dimension; text is none.

    Raises
    ------
    OptionError
        If it is none.
    """
    if isinstance(value, (str, bytes)) or not (isinstance(value, Sequence) or getattr(value, "ndim", 0) == 1):
        raise wrong(name, value, expected)
    return list(value)


def job_count(value: Any) -> int:
    """A number of workers: 1 or more, or negative, which counts down from the number of cores.

    Raises
    ------
    OptionError
        If it is none.
    """
    number = whole_number("jobs", value)
    if number == 0 or abs(number) > MAX_JOBS:
        raise wrong("jobs", value, f"1 to {MAX_JOBS:,}, or -1 for one worker per core")
    return number


def channel_number(channel: Any) -> int | None:
    """The number of a channel, from 1, or None.

    Raises
    ------
    OptionError
        If it is neither.
    """
    return None if channel is None else whole_number("channel", channel, 1)


def conform_fields(options: Any) -> None:
    """Check the fields of a frozen dataclass that are numbers, text or truth values; for its `__post_init__`.

    Numbers of numpy become numbers of Python, which can be written to files. A number need not be finite.

    Parameters
    ----------
    options : dataclass
        In a module with ``from __future__ import annotations``.

    Raises
    ------
    OptionError
        If a value is of another type.
    """
    for field in fields(options):
        value = getattr(options, field.name)
        if field.type == "int":
            object.__setattr__(options, field.name, _integer(field.name, value))
        elif field.type == "float":
            object.__setattr__(options, field.name, _real_number(field.name, value))
        elif field.type == "str":
            instance_of(str, field.name, value, "text")
        elif field.type == "bool":
            instance_of(bool, field.name, value, "True or False")


def _integer(name: str, value: Any) -> int:
    converted = whole_number(name, value)
    if abs(converted) > MAX_INTEGER:
        raise wrong(name, value, f"a whole number of at most {MAX_INTEGER:,}")
    return converted


def _real_number(name: str, value: Any) -> float:
    if isinstance(value, float) and not math.isfinite(value):
        return float(value)
    return number(name, value, "a number")

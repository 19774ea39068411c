"""How NumPy handles floating-point errors in this package, whatever its caller has chosen."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")


def with_usual_arithmetic(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function compute as usual where its caller has changed numpy's handling of floating-point errors.

    Terms too small for a number are part of the computation, and no error.
    """

    @functools.wraps(function)
    def wrapped(*arguments: P.args, **options: P.kwargs) -> R:
        with np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
            return function(*arguments, **options)

    return wrapped

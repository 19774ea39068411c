"""How long work is watched: the library hands its loops to a `Progress`, and the command line shows a bar there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Passes an iterable through and may tell of its progress."""

    def __call__(self, items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
        """Yield every item of `items`.

        Parameters
        ----------
        items : iterable
        total : int or None
            How many there are, if that is known.
        what : str
            What is being done, in a few words.
        """
        ...


def silent(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
    """Pass the items through and say nothing."""
    return items

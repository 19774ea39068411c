"""Progress of long work: the library passes its loops through a `Progress`. The command line shows a bar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Passes the items of a loop through and may show the progress."""

    def __call__(self, items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
        """Yield every item of `items`.

        Parameters
        ----------
        items : iterable
        total : int or None
            Number of items, if known.
        what : str
            Name of the work, in a few words.
        """
        ...


def silent(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
    """Pass the items through without output."""
    return items

"""The numbers of a page: each is read from one place of a report's JSON, says which, and is written in one way.

A number stands on the page as ``<data value="0.9706" data-key="/uar">0.971</data>``: the key is the place in
report.json as a JSON pointer (RFC 6901), the value is what stands there, the text is what `formatted` makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from speechgmm.reporting.html import Html, element, joined

Form: TypeAlias = Literal["ratio", "count", "one", "percent", "plain"]


@dataclass(frozen=True)
class Place:
    """A place in a report's JSON.

    Attributes
    ----------
    value : object
        What stands there.
    key : str
        Where it is, as a JSON pointer; empty for the whole.
    """

    value: Any
    key: str = ""

    def __getitem__(self, step: str | int) -> Place:
        """What stands below, by name or number."""
        return Place(self.value[step], f"{self.key}/{str(step).replace('~', '~0').replace('/', '~1')}")

    def __iter__(self) -> Iterator[Place]:
        """The entries of a list, or the values of an object, in their order."""
        steps = self.value if isinstance(self.value, Mapping) else range(len(self.value))
        return (self[step] for step in steps)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.value)

    def __str__(self) -> str:
        return "" if self.value is None else str(self.value)


def formatted(value: float | None, form: Form) -> str:
    """A number as people read it.

    Parameters
    ----------
    value : float or None
        None is a figure that is not defined.
    form : str
        "ratio" has three decimals, "one" has one, "percent" is a hundred times the value, "count" has commas between
        thousands, "plain" has as many digits as there are.

    Returns
    -------
    str
    """
    if value is None:
        return "n/a"
    return {
        "ratio": f"{value:.3f}",
        "one": f"{value:.1f}",
        "percent": f"{100 * value:g} %",
        "count": f"{value:,}",
        "plain": f"{value}",
    }[form]


def number(place: Place, form: Form = "ratio") -> Html:
    """What stands at a place, marked with where that is."""
    value = "" if place.value is None else repr(place.value)
    return element("data", formatted(place.value, form), value=value, data_key=place.key)


def count(place: Place, noun: str = "") -> Html:
    """A count, with what it counts if that is told: ``1 speaker``, ``2 speakers``."""
    ending = "" if place.value == 1 else "s"
    return joined([number(place, "count"), f" {noun}{ending}"]) if noun else number(place, "count")


def length(place: Place) -> Html:
    """How many entries there are at a place."""
    return element("data", formatted(len(place), "count"), value=len(place), data_length=place.key)


def ends(place: Place, form: Form = "ratio") -> Html:
    """The two ends of an interval."""
    return joined([number(place["low"], form), " to ", number(place["high"], form)])

"""Numbers on a page: each is read from report.json, formatted, and marked with its JSON pointer.

Example: ``<data value="0.9706" data-key="/uar">0.971</data>``. ``data-key`` is the JSON pointer (RFC 6901) into
report.json, ``value`` the value there, and the text that value as `formatted`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from speechgmm.reporting.html_elements import Html, element, joined

Form: TypeAlias = Literal["ratio", "count", "tenths", "percent", "plain"]


@dataclass(frozen=True)
class JsonValue:
    """A value in report.json with its JSON pointer.

    Attributes
    ----------
    value : object
    pointer : str
        Empty for the whole document.
    """

    value: Any
    pointer: str = ""

    def __getitem__(self, step: str | int) -> JsonValue:
        """The member with this name, or the item with this index."""
        return JsonValue(self.value[step], f"{self.pointer}/{str(step).replace('~', '~0').replace('/', '~1')}")

    def __iter__(self) -> Iterator[JsonValue]:
        """The items of a list or the values of an object, in order."""
        steps = self.value if isinstance(self.value, Mapping) else range(len(self.value))
        return (self[step] for step in steps)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        """Whether the value is true in Python: not empty, zero or null."""
        return bool(self.value)

    def __str__(self) -> str:
        return "" if self.value is None else str(self.value)


def formatted(value: float | None, form: Form) -> str:
    """Format a number.

    Parameters
    ----------
    value : float or None
        None is an undefined number, shown as ``n/a``.
    form : str
        "ratio" has three decimals, "tenths" has one, "percent" is the value times 100 with a percent sign, "count" has
        commas between thousands, "plain" has all digits.

    Returns
    -------
    str
    """
    if value is None:
        return "n/a"
    return {
        "ratio": f"{value:.3f}",
        "tenths": f"{value:.1f}",
        "percent": f"{100 * value:g} %",
        "count": f"{value:,}",
        "plain": f"{value}",
    }[form]


def number(json: JsonValue, form: Form = "ratio") -> Html:
    """A number, marked with its JSON pointer."""
    value = "" if json.value is None else repr(json.value)
    return element("data", formatted(json.value, form), value=value, data_key=json.pointer)


def count(json: JsonValue, noun: str = "") -> Html:
    """A count, followed by its noun if one is given: ``1 speaker``, ``2 speakers``."""
    ending = "" if json.value == 1 else "s"
    return joined([number(json, "count"), f" {noun}{ending}"]) if noun else number(json, "count")


def length(items: JsonValue) -> Html:
    """The length of a list, marked with the JSON pointer of the list."""
    return element("data", formatted(len(items), "count"), value=len(items), data_length=items.pointer)


def ends(interval: JsonValue, form: Form = "ratio") -> Html:
    """Both ends of an interval: ``0.950 to 0.990``."""
    return joined([number(interval["low"], form), " to ", number(interval["high"], form)])

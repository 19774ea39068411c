"""The card of a model on a page: whatever it holds, in words or as lists of names and values."""

from __future__ import annotations

from collections.abc import Mapping

from speechgmm.reporting.html import Html, element, folded, joined, listing, name
from speechgmm.reporting.numbers import Place, number


def card(model: Place) -> Html:
    """Everything a model's card holds; what has parts of its own is folded."""
    plain = [_entry(key, model[key]) for key in model.value if not _has_parts(model[key])]
    nested = [folded(_title(key), _shown(model[key])) for key in model.value if _has_parts(model[key])]
    return joined([element("dl", *plain) if plain else "", *nested])


def _shown(place: Place) -> Html:
    if isinstance(place.value, Mapping):
        return element("dl", *(_entry(key, place[key]) for key in place.value)) if place else Html("none")
    if isinstance(place.value, list):
        return listing(map(_shown, place)) if place else Html("none")
    if isinstance(place.value, bool) or place.value is None:
        return Html({True: "yes", False: "no", None: "none"}[place.value])
    return name(place.value) if isinstance(place.value, str) else number(place, "plain")


def _entry(key: str, place: Place) -> Html:
    return joined([element("dt", _title(key)), element("dd", _shown(place))])


def _title(key: str) -> Html:
    return name(key.replace("_", " "))


def _has_parts(place: Place) -> bool:
    """Whether there is more to it than a value or a list of texts."""
    if isinstance(place.value, list):
        return any(not isinstance(one.value, str) for one in place)
    return isinstance(place.value, Mapping)

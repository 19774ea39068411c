"""The model card on a page: its entries as definition lists."""

from __future__ import annotations

from collections.abc import Mapping

from speechgmm.reporting.html_elements import Html, element, folded, joined, listing, name
from speechgmm.reporting.numbers import JsonValue, number


def card(model: JsonValue) -> Html:
    """All entries of a model card; nested entries are folded."""
    plain = [_entry(key, model[key]) for key in model.value if not _is_nested(model[key])]
    nested = [folded(_title(key), _content(model[key])) for key in model.value if _is_nested(model[key])]
    return joined([element("dl", *plain) if plain else "", *nested])


def _content(entry: JsonValue) -> Html:
    if isinstance(entry.value, Mapping):
        return element("dl", *(_entry(key, entry[key]) for key in entry.value)) if entry else Html("none")
    if isinstance(entry.value, list):
        return listing(map(_content, entry)) if entry else Html("none")
    if isinstance(entry.value, bool) or entry.value is None:
        return Html({True: "yes", False: "no", None: "none"}[entry.value])
    return name(entry.value) if isinstance(entry.value, str) else number(entry, "plain")


def _entry(key: str, entry: JsonValue) -> Html:
    return joined([element("dt", _title(key)), element("dd", _content(entry))])


def _title(key: str) -> Html:
    return name(key.replace("_", " "))


def _is_nested(entry: JsonValue) -> bool:
    """Whether an entry is an object, or a list with an item that is not a string."""
    if isinstance(entry.value, list):
        return any(not isinstance(item.value, str) for item in entry)
    return isinstance(entry.value, Mapping)

"""Recipe documents: sections of plain values, as in TOML, compared with the values of a known recipe.

Names, types and the version are checked here. What the values mean is known to `training.recipe`.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from speechgmm.errors import OptionError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VERSION = 1

Table = dict[str, Any]


def parse(content: bytes, source: str) -> Table:
    """Read TOML.

    Raises
    ------
    OptionError
        With the line of the parser, if it is not TOML.
    """
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, or too many digits, or too deep
        raise OptionError(f"{source}: not a TOML file: {error}") from error


def check_version(document: Mapping[str, Any], source: str) -> None:
    """Refuse a document of a later version.

    Raises
    ------
    OptionError
    """
    version = document.get("version", VERSION)
    if not isinstance(version, int) or version < 1:
        raise OptionError(f"{source}: version is {version!r}, expected a whole number from 1 to {VERSION}")
    if version > VERSION:
        raise OptionError(
            f"{source}: the recipe has version {version}, and this speechgmm reads up to {VERSION}: update speechgmm"
        )


def merged(
    defaults: Mapping[str, Any], templates: Mapping[str, Table], document: Mapping[str, Any], source: str
) -> Table:
    """The defaults with the values of a document, each checked by the default's type.

    Parameters
    ----------
    defaults : mapping
        Tables, and lists of tables, by section.
    templates : mapping
        For each section that is a list: the defaults of its tables.
    document : mapping
    source : str
        Name of the document in messages.

    Returns
    -------
    dict

    Raises
    ------
    OptionError
        If a section, a name or the type of a value is wrong.
    """
    result: Table = {**defaults}
    for section, values in document.items():
        if section == "version":
            continue
        default = _section(defaults, section, source)
        if isinstance(default, list):
            if not isinstance(values, list):
                raise OptionError(f"{source}: {section} is not a list of tables: write [[{section}]] before each")
            places = [f"{section}.{number}" for number in range(1, len(values) + 1)]
            result[section] = [
                _checked(templates[section], table, place, source) for table, place in zip(values, places, strict=True)
            ]
        else:
            result[section] = _checked(default, values, section, source)
    return result


def key_of(setting: str) -> str:
    """The key of a setting KEY=VALUE."""
    return setting.partition("=")[0].strip()


def changed(document: Mapping[str, Any], setting: str) -> Table:
    """A complete document with one value changed.

    Parameters
    ----------
    document : mapping
        Complete: every value has its default.
    setting : str
        Such as ``training.components=32`` or ``streams.2.window_s=0.05``; tables of a list are counted from 1. A value
        is a TOML value; text needs no quotes.

    Returns
    -------
    dict

    Raises
    ------
    OptionError
        If the setting is not SECTION.NAME=VALUE of the document, or the value is of another type.
    """
    _, equals, text = setting.partition("=")
    section, _, name = key_of(setting).partition(".")
    if not (equals and name):
        raise OptionError(f"{setting!r} is not SECTION.NAME=VALUE, such as training.components=32")
    tables = _section(document, section, setting)
    if not isinstance(tables, list):
        return {**document, section: _checked(tables, {name: _value(text.strip(), tables.get(name))}, section, setting)}
    number, _, name = name.partition(".")
    if number not in _numbers(tables):
        counted = f"with N from 1 to {len(tables)}" if tables else "but the recipe has none"
        raise OptionError(f"{setting}: there is no {section}.{number}, expected {section}.N.NAME {counted}")
    index = _numbers(tables).index(number)
    value = _value(text.strip(), tables[index].get(name))
    changed_tables = [*tables]
    changed_tables[index] = _checked(tables[index], {name: value}, f"{section}.{number}", setting)
    return {**document, section: changed_tables}


def value_at(document: Mapping[str, Any], key: str) -> Any:
    """The value of a complete document at a key such as ``training.components``; None if there is none."""
    value: Any = document
    for part in key.split("."):
        if isinstance(value, list):
            value = value[_numbers(value).index(part)] if part in _numbers(value) else None
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
    return value


def with_key(message: str, document: Mapping[str, Any]) -> str:
    """A message that starts with the name of an option, with the key of the document for the name."""
    name, space, rest = message.partition(" ")
    name = {"n_components": "components", "calibration_folds": "folds"}.get(name, name)
    sections = [section for section, table in document.items() if isinstance(table, dict) and name in table]
    return f"{sections[0]}.{name}{space}{rest}" if len(sections) == 1 else message


def nearest(name: str, names: Sequence[str]) -> str:
    """The end of a message: the nearest of the names, if one is near."""
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _numbers(tables: Sequence[Table]) -> list[str]:
    """The numbers of tables in keys, from 1."""
    return [str(number) for number in range(1, len(tables) + 1)]


def _value(text: str, default: Any) -> Any:
    """The TOML value of a text; the text itself if it is none, or if text is expected."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # as in `parse`
        return text
    return text if isinstance(default, str) and not isinstance(value, str) else value


def _section(document: Mapping[str, Any], section: str, source: str) -> Any:
    sections = [name for name in document if name != "version"]
    if section not in sections:
        raise OptionError(
            f"{source}: there is no section {section!r}, expected {', '.join(sections)}{nearest(section, sections)}"
        )
    return document[section]


def _checked(defaults: Table, values: Any, place: str, source: str) -> Table:
    """A table with its defaults, each value checked by the default's type."""
    if not isinstance(values, dict):
        raise OptionError(f"{source}: {place} is {values!r}, expected a table: write [{place}] before its values")
    for name, value in values.items():
        if name not in defaults:
            raise OptionError(
                f"{source}: there is no {place}.{name}, expected {', '.join(defaults)}{nearest(name, list(defaults))}"
            )
        expected = _fault(defaults[name], value)
        if expected:
            raise OptionError(f"{source}: {place}.{name} is {value!r}, expected {expected}")
    return {**defaults, **{name: type(defaults[name])(value) for name, value in values.items()}}


def _fault(default: Any, value: Any) -> str:
    """What is expected instead of a value that has not the type of the default; empty if it has."""
    kind = type(default)
    if kind is list:
        return "" if isinstance(value, list) and all(isinstance(each, str) for each in value) else "a list of texts"
    fits = isinstance(value, (int, float) if kind is float else kind) and isinstance(value, bool) == (kind is bool)
    return "" if fits else {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]

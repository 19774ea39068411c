"""Recipes: training options as a TOML file, to read, edit and repeat.

A recipe holds everything that makes a model from recordings, in sections: ``training``, ``em``, ``streams`` (one table
per stream), ``mmi``, ``augmentation``, ``rejection``, ``calibration`` and ``decision``. What a file leaves out has the
value of the recipe ``plain``. The package contains the recipes `NAMES`; a model carries its own.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w

from speechgmm.classifier import model_file
from speechgmm.classifier.model import DecisionOptions, Model
from speechgmm.errors import OptionError
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.training.options import TrainingOptions

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAMES = ("plain", "robust")
"""The recipes that the package contains."""

VERSION = 1
SUFFIX, MODEL_SUFFIX = ".toml", ".npz"

Table = dict[str, Any]


def to_document(options: TrainingOptions) -> Table:
    """Convert training options to a recipe: plain values by section.

    Parameters
    ----------
    options : TrainingOptions

    Returns
    -------
    dict
        With ``version`` and the sections; all values are TOML and JSON values.
    """
    mmi = asdict(options.mmi or MMIOptions())
    augmentation = {name: mmi.pop(name) for name in ("channel_share", "effort_share")}
    return {
        "version": VERSION,
        "training": {
            "components": options.n_components,
            "start": options.start,
            "restarts": options.restarts,
            "background_iterations": options.background_iterations,
            "map_relevance": options.map_relevance,
            "speaker_share": options.speaker_share,
            "balance_by": options.balance_by,
            "seed": options.seed,
        },
        "em": asdict(options.em),
        "streams": [asdict(front_end) for front_end in options.front_ends],
        "mmi": {**mmi, "steps": mmi["steps"] if options.mmi else 0},
        "augmentation": augmentation,
        "rejection": {"nonspeech": options.nonspeech},
        "calibration": {"folds": options.calibration_folds},
        "decision": asdict(options.decision),
    }


def from_document(document: Mapping[str, Any], source: str) -> TrainingOptions:
    """Convert a recipe to training options.

    Parameters
    ----------
    document : mapping
        As from `to_document`; what is missing has the value of the recipe ``plain``.
    source : str
        Name of the recipe in messages.

    Returns
    -------
    TrainingOptions

    Raises
    ------
    OptionError
        If the version is newer, a section, a name or the type of a value is wrong, or a value is out of its range.
    """
    _check_version(document, source)
    recipe = _merged(to_document(TrainingOptions()), document, source)
    training, mmi = recipe["training"], recipe["mmi"]
    try:
        first, *others = [FrontEndOptions(**stream) for stream in recipe["streams"]]
        return TrainingOptions(
            n_components=training["components"],
            start=training["start"],
            restarts=training["restarts"],
            background_iterations=training["background_iterations"],
            map_relevance=training["map_relevance"],
            speaker_share=training["speaker_share"],
            balance_by=training["balance_by"],
            seed=training["seed"],
            em=EMOptions(**recipe["em"]),
            front_end=first,
            further_front_ends=tuple(others),
            mmi=_mmi(mmi, recipe["augmentation"]),
            nonspeech=recipe["rejection"]["nonspeech"],
            calibration_folds=recipe["calibration"]["folds"],
            decision=DecisionOptions(**recipe["decision"]),
        )
    except OptionError as error:
        raise OptionError(f"{source}: {error}") from error


def to_toml(options: TrainingOptions) -> str:
    """Write training options as a recipe in TOML."""
    return tomli_w.dumps(to_document(options))


def load(name: str) -> TrainingOptions:
    """Read a recipe.

    Parameters
    ----------
    name : str
        One of `NAMES`, or the path of a TOML file or of a model, which carries the recipe that made it.

    Returns
    -------
    TrainingOptions

    Raises
    ------
    OptionError
        If there is no such recipe, or it is faulty; see `from_document`.
    ModelFileError
        If the model cannot be read.
    """
    suffix = Path(name).suffix.lower()
    if suffix == MODEL_SUFFIX:
        return of_model(model_file.load(Path(name)), name)
    if name in NAMES:
        content = (resources.files("speechgmm.training") / "recipes" / f"{name}{SUFFIX}").read_bytes()
    elif suffix == SUFFIX:
        try:
            content = Path(name).read_bytes()
        except OSError as error:
            raise OptionError(f"{name}: the recipe cannot be read: {error.strerror or error}") from error
    else:
        raise OptionError(
            f"there is no recipe {name!r}: give one of {', '.join(NAMES)}, or a file that ends in {SUFFIX} or "
            f"{MODEL_SUFFIX}{_nearest(name, NAMES)}"
        )
    try:
        return from_document(tomllib.loads(content.decode()), name)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{name}: not a TOML file: {error}") from error


def of_model(model: Model, source: str) -> TrainingOptions:
    """The recipe that a model carries: with it and the same recordings, training makes the same model.

    Parameters
    ----------
    model : Model
    source : str
        Name of the model in messages.

    Returns
    -------
    TrainingOptions

    Raises
    ------
    OptionError
        If the model carries no recipe, or one that this version cannot read.
    """
    document = model.card.get("recipe")
    if not isinstance(document, dict):
        raise OptionError(
            f"{source}: the model carries no recipe, it is of an earlier version: give one of {', '.join(NAMES)}"
        )
    return from_document(document, source)


def with_settings(options: TrainingOptions, settings: Iterable[str]) -> TrainingOptions:
    """Change single values of training options.

    Parameters
    ----------
    options : TrainingOptions
    settings : iterable of str
        Such as ``training.components=32`` or ``streams.2.window_s=0.05``; streams are counted from 1. A value is a TOML
        value; text needs no quotes.

    Returns
    -------
    TrainingOptions

    Raises
    ------
    OptionError
        If a setting is not SECTION.NAME=VALUE of a recipe, or out of its range.
    """
    document = to_document(options)
    for setting in settings:
        path, equals, text = setting.partition("=")
        section, _, name = path.strip().partition(".")
        if not (equals and name):
            raise OptionError(f"{setting!r} is not SECTION.NAME=VALUE, such as training.components=32")
        tables = _section(document, section, setting)
        if isinstance(tables, list):
            number, _, name = name.partition(".")
            if not (number.isdecimal() and 1 <= int(number) <= len(tables)):
                raise OptionError(
                    f"{setting}: there is no stream {number!r}, expected streams.N.NAME with N from 1 to {len(tables)}"
                )
            index = int(number) - 1
            tables[index] = _checked(tables[index], {name: _value(text.strip())}, f"{section}.{number}", setting)
        else:
            document[section] = _checked(tables, {name: _value(text.strip())}, section, setting)
    return from_document(document, "the settings")


def _mmi(mmi: Table, augmentation: Table) -> MMIOptions | None:
    """The options of MMI; None without steps, where the other values are checked all the same."""
    if mmi["steps"]:
        return MMIOptions(**mmi, **augmentation)
    for name, share in augmentation.items():
        if share:
            raise OptionError(
                f"augmentation.{name} is {share}, but without MMI nothing is augmented: set mmi.steps, or {name} to 0"
            )
    MMIOptions(**{**mmi, "steps": 1})
    return None


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _check_version(document: Mapping[str, Any], source: str) -> None:
    version = document.get("version", VERSION)
    if not isinstance(version, int) or version < 1:
        raise OptionError(f"{source}: version is {version!r}, expected a whole number from 1 to {VERSION}")
    if version > VERSION:
        raise OptionError(
            f"{source}: the recipe has version {version}, and this speechgmm reads up to {VERSION}: update speechgmm"
        )


def _merged(defaults: Table, document: Mapping[str, Any], source: str) -> Table:
    """The defaults with the values of a document, each checked by the default's type."""
    merged: Table = {**defaults}
    for section, values in document.items():
        if section == "version":
            continue
        default = _section(defaults, section, source)
        if isinstance(default, list):
            if not (isinstance(values, list) and values):
                raise OptionError(f"{source}: {section} is not a list of tables: write [[{section}]] before each")
            places = [f"{section}.{number}" for number in range(1, len(values) + 1)]
            merged[section] = [
                _checked(default[0], table, place, source) for table, place in zip(values, places, strict=True)
            ]
        else:
            merged[section] = _checked(default, values, section, source)
    return merged


def _section(document: Table, section: str, source: str) -> Any:
    sections = [name for name in document if name != "version"]
    if section not in sections:
        raise OptionError(
            f"{source}: there is no section {section!r}, expected {', '.join(sections)}{_nearest(section, sections)}"
        )
    return document[section]


def _checked(defaults: Table, values: Any, place: str, source: str) -> Table:
    """A section with its defaults, each value checked by the default's type."""
    if not isinstance(values, dict):
        raise OptionError(f"{source}: {place} is {values!r}, expected a table: write [{place}] before its values")
    for name, value in values.items():
        if name not in defaults:
            raise OptionError(
                f"{source}: there is no {place}.{name}, expected {', '.join(defaults)}{_nearest(name, list(defaults))}"
            )
        kind = type(defaults[name])
        fits = isinstance(value, (int, float) if kind is float else kind) and isinstance(value, bool) == (kind is bool)
        if not fits:
            expected = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]
            raise OptionError(f"{source}: {place}.{name} is {value!r}, expected {expected}")
    return {**defaults, **{name: type(defaults[name])(value) for name, value in values.items()}}


def _nearest(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""

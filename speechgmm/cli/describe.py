"""``speechgmm describe``: print a model's settings and card."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgmm.cli.arguments import Subparsers, new_command
from speechgmm.text.terminal import escaped

if TYPE_CHECKING:
    from speechgmm.classifier.model import Model
    from speechgmm.classifier.scorer import Stream

EXAMPLE = """\
  speechgmm describe
  speechgmm describe voices.npz --format json"""

WIDTH = 100
UNITS = {"s": "s", "hz": "Hz", "db": "dB"}  # suffixes of the names of numbers
NAMED_UNITS = {
    "sampling_rate": "Hz",
    "smoothing": "frames",
    "min_occupancy": "frames",
    "log_likelihood_per_frame": "nats",
    "log_likelihoods_per_frame": "nats",
    "held_out_by_components": "nats per frame",
    "spread": "nats per frame",
    "losses": "nats",
    "offsets": "nats",
    "least_ratio": "nats per frame",
    "least_likelihood": "nats per frame",
    "cllr": "bits",
    "min_cllr": "bits",
}
TITLES = {"uar_95": "uar 95 % interval"}  # names that are not words


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    summary = "print a model's classes, training data, front end, results and limits"
    parser = new_command(subparsers, "describe", summary, EXAMPLE)
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="model file (default: the shipped model)")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="output format (default: text)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Describe a model on stdout."""
    from speechgmm.classifier.model_file import load
    from speechgmm.classifier.shipped_model import shipped_model_file

    file = options.model or shipped_model_file()
    model = load(file)
    print(
        json.dumps(to_json(model, file), indent=2) + "\n" if options.format == "json" else to_text(model, file), end=""
    )
    return 0


def to_json(model: Model, file: Path) -> dict[str, Any]:
    """The description of a model as plain JSON values.

    Parameters
    ----------
    model : Model
    file : Path
        The file the model was read from.
    """
    return {
        "schema": "speechgmm-model-description",
        "schema_version": 1,
        "labels": list(model.labels),
        "file": {"name": file.name, "bytes": file.stat().st_size},
        "streams": [
            {
                "family": stream.all_mixtures[0].family,
                "components": _components(model, stream),
                "dimensions": stream.front_end.n_dimensions,
                "front_end": asdict(stream.front_end),
            }
            for stream in model.streams
        ],
        **({"submodels": [model.labels[index] for index in model.submodels]} if model.submodels else {}),
        "calibration": asdict(model.calibration),
        "rejection": _rejection(model),
        "least_likelihood": model.min_likelihood,
        "priors": dict(zip(model.labels, model.priors, strict=True)),
        "decision": asdict(model.decision),
        "training_files_recognised": len(model.training_digests),
        "card": model.card,
    }


def _rejection(model: Model) -> dict[str, Any] | None:
    """The non-speech rejection of the model, if it has one."""
    if not model.rejects:
        return None
    by: dict[str, Any] = (
        {"by": "a tied sub-model of speech against non-speech in each stream"} if model.tied_rejection else {}
    )
    if model.nonspeech:
        by |= {"stream": model.nonspeech.stream, "components": model.nonspeech.mixture.n_components}
    return {**by, "least_ratio": model.min_speech_ratio}


def _components(model: Model, stream: Stream) -> dict[str, int]:
    """Number of components of each class's mixture, or of the background mixture of its sub-models."""
    if stream.tied:
        return {"background": stream.tied.background.n_components}
    return {label: mixture.n_components for label, mixture in zip(model.labels, stream.mixtures, strict=True)}


def to_text(model: Model, file: Path) -> str:
    """The description of a model as text: the entries of its card, then its settings."""
    description = to_json(model, file)
    card = dict(description.pop("card"))
    card.pop("recipe", None)  # the settings below say the same; `speechgmm recipe FILE` prints it
    for name in ("schema", "schema_version", "labels"):
        del description[name]
    description["file"] = f"{description['file']['bytes']} bytes"
    description["rejection"] = description["rejection"] or "none: the model was trained without non-speech"
    trained = card.get("streams")
    if isinstance(trained, list) and len(trained) == len(description["streams"]):
        del card["streams"]
        description["streams"] = [_with_training(*pair) for pair in zip(description["streams"], trained, strict=True)]
    lines = [escaped(f"{file}: {' / '.join(model.labels)}")]
    for name, value in [*card.items(), *description.items()]:
        lines += _entry(name, value, indent=0)
    return "\n".join(lines) + "\n"


def _with_training(stream: Mapping[str, Any], trained: object) -> Mapping[str, Any]:
    """A stream with the card's entries on its training; its front end is in `stream` already."""
    entries = trained if isinstance(trained, Mapping) else {"training": trained}
    return {**stream, **{name: value for name, value in entries.items() if name != "front_end"}}


def _entry(name: str, value: Any, indent: int) -> list[str]:
    """The lines of one named value; nested values are indented."""
    margin, title = "  " * indent, _words(name, value)
    if isinstance(value, Mapping) and any(isinstance(item, (Mapping, list, tuple)) for item in value.values()):
        return [f"{margin}{title}:", *(line for key, item in value.items() for line in _entry(key, item, indent + 1))]
    if isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
        if all(len(_inline(item)) <= WIDTH - len(margin) - 4 for item in value):
            return [f"{margin}{title}:", *(f"{margin}  - {_inline(item)}" for item in value)]
        return _entry(name, {str(number): item for number, item in enumerate(value, start=1)}, indent)
    if isinstance(value, (list, tuple)) and any(isinstance(item, str) and len(item) > 30 for item in value):
        return [
            f"{margin}{title}:",
            *(line for item in value for line in _wrapped(f"- {_inline(item)}", margin + "  ")),
        ]
    if isinstance(value, (Mapping, list, tuple)):
        return _wrapped(f"{title}: {_inline(value)}", margin)
    return _wrapped(f"{title}: {_with_unit(name, value)}", margin)


def _inline(value: Any) -> str:
    """A value on one line; the names of nested values end in a colon."""
    if isinstance(value, Mapping) and any(isinstance(item, (Mapping, list, tuple)) for item in value.values()):
        return "; ".join(f"{_words(key, item)}: {_inline(item)}" for key, item in value.items())
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(key, item)} {_with_unit(key, item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_inline, value))
    return _plain(value)


def _with_unit(name: str, value: object) -> str:
    """A value followed by its unit, if it is a number."""
    unit = (UNITS.get(_suffix(name)) or NAMED_UNITS.get(name)) if _is_number(value) else None
    return f"{_plain(value)} {unit}" if unit else _plain(value)


def _suffix(name: str) -> str:
    """The part of a name after its last underscore; empty if there is none."""
    return name.rpartition("_")[2] if "_" in name else ""


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "n/a", True: "yes", False: "no"}[value]
    return f"{value:g}" if isinstance(value, float) else escaped(str(value))


def _words(name: str, value: object) -> str:
    """A name as words, without the unit of a number, which follows it; the unit of several numbers is in brackets."""
    if name in TITLES:
        return TITLES[name]
    words = name.removesuffix(f"_{_suffix(name)}") if _is_number(value) and _suffix(name) in UNITS else name
    unit = f" ({NAMED_UNITS[name]})" if name in NAMED_UNITS and isinstance(value, (Mapping, list, tuple)) else ""
    return escaped(words.removeprefix("n_").replace("_", " ")) + unit


def _wrapped(text: str, margin: str) -> list[str]:
    """Wrap a text to `WIDTH`, with a hanging indent."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=margin,
        subsequent_indent=margin + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )

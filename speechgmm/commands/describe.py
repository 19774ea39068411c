"""``speechgmm describe``: what a model is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgmm.commands.arguments import Subparsers, new_command
from speechgmm.commands.console import printable

if TYPE_CHECKING:
    from speechgmm.decision.model import Model

EXAMPLE = """\
  speechgmm describe
  speechgmm describe voices.npz --format json"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(
        subparsers, "describe", "tell what a model is: classes, data, front end, results, limits", EXAMPLE
    )
    parser.add_argument(
        "model", type=Path, nargs="?", metavar="MODEL", help="a model file (default: the one that is shipped)"
    )
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="for people or for programs (default: text)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Describe a model on stdout."""
    from speechgmm.api import load, shipped_model_file

    model = load(options.model)
    if options.format == "json":
        print(json.dumps(to_json(model), indent=2))
    else:
        print(to_text(model, options.model or shipped_model_file()), end="")
    return 0


def to_json(model: Model) -> dict[str, Any]:
    """All a model says of itself, as plain JSON values."""
    return {
        "schema": "speechgmm-model-description",
        "schema_version": 1,
        "labels": list(model.labels),
        "streams": [
            {
                "family": stream.mixtures[0].family,
                "components": {
                    label: mixture.n_components for label, mixture in zip(model.labels, stream.mixtures, strict=True)
                },
                "front_end": asdict(stream.front_end),
            }
            for stream in model.streams
        ],
        "calibration": asdict(model.calibration),
        "least_likelihood": model.least_likelihood,
        "priors": dict(zip(model.labels, model.priors, strict=True)),
        "decision": asdict(model.decision),
        "card": model.card,
    }


def to_text(model: Model, file: Path) -> str:
    """All a model says of itself, for people."""
    sections = to_json(model)
    lines = [printable(f"{file}: {' / '.join(model.labels)}")]
    del sections["schema"], sections["schema_version"], sections["labels"]
    card = sections.pop("card")
    for name, value in [*card.items(), *sections.items()]:
        lines += _entry(name, value, indent=0)
    return "\n".join(lines) + "\n"


def _entry(name: str, value: Any, indent: int) -> list[str]:
    margin, title = "  " * indent, _words(name)
    if isinstance(value, Mapping):
        if all(not isinstance(item, (Mapping, list, tuple)) for item in value.values()):
            return [f"{margin}{title}: " + ", ".join(f"{_words(key)} {_plain(item)}" for key, item in value.items())]
        lines = [f"{margin}{title}:"]
        for key, item in value.items():
            lines += _entry(key, item, indent + 1)
        return lines
    if isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
        return _entry(name, {str(number): item for number, item in enumerate(value, start=1)}, indent)
    if isinstance(value, (list, tuple)) and any(isinstance(item, str) and len(item) > 30 for item in value):
        return [f"{margin}{title}:", *(f"{margin}  - {_plain(item)}" for item in value)]
    if isinstance(value, (list, tuple)):
        return [f"{margin}{title}: " + ", ".join(map(_plain, value))]
    return [f"{margin}{title}: {_plain(value)}"]


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else printable(str(value))


def _words(name: str) -> str:
    return printable(name.replace("_", " "))

"""``speechgmm recipe``: print a recipe, to read or to edit."""

from __future__ import annotations

import argparse

from speechgmm.cli.arguments import Subparsers, add_set_argument, new_command

EXAMPLE = """\
  speechgmm recipe robust > mine.toml
      edit mine.toml, and train with --recipe mine.toml
  speechgmm recipe voices.npz"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "recipe", "print the recipe of a training as TOML", EXAMPLE)
    parser.add_argument(
        "recipe",
        nargs="?",
        default="plain",
        metavar="RECIPE",
        help="robust, plain, a .toml file, or a model file, whose recipe made it (default: plain)",
    )
    add_set_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the recipe."""
    from speechgmm.training.recipe import load, to_toml, with_settings

    print(to_toml(with_settings(load(options.recipe), options.set)), end="")
    return 0

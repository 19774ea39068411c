"""``speechgmm recipe``: print a recipe, to read or to edit."""

from __future__ import annotations

import argparse

from speechgmm.cli.arguments import Subparsers, new_command
from speechgmm.cli.recipe_arguments import DEFAULT, add_set_argument, settings_of

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
        default=DEFAULT,
        metavar="RECIPE",
        help=f"robust, plain, a .toml file, or a model file, whose recipe made it (default: {DEFAULT})",
    )
    add_set_argument(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the recipe."""
    from speechgmm.training.recipe import Recipe

    print(Recipe.load(options.recipe, *settings_of(options)).to_toml(), end="")
    return 0

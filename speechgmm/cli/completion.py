"""``speechgmm --completion SHELL``: a script with which a shell completes commands, options and names of files.

shtab writes the script from the parser, once. A library that asks the program for each completion would start Python at
each press of the key.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

SHELLS = ("bash", "zsh", "fish")
NAMES_OF_FILES = ("paths", "recordings", "recipe")
"""Arguments that are names of files, besides those of type Path."""


class Completion(argparse.Action):
    """Print the script and exit."""

    def __call__(self, parser: argparse.ArgumentParser, _namespace: Any, shell: Any, *_: Any) -> NoReturn:
        """Print and exit."""
        import shtab

        for action in _actions(parser):
            if action.choices is None and (action.type is Path or action.dest in NAMES_OF_FILES):
                completed = shtab.DIRECTORY if action.metavar == "FOLDER" else shtab.FILE
                setattr(action, "complete", completed)  # noqa: B010  # read by shtab; unknown to argparse
        print(shtab.complete(parser, shell), flush=True)
        parser.exit()


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of a parser and of its commands; argparse has no public list of them."""
    for action in parser._actions:  # noqa: SLF001
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from _actions(command)

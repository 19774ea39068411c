"""The parsers of the command line: options and paths in any order, each option once, an error in one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from speechgmm.cli.console import report_error


class OneLineErrorParser(argparse.ArgumentParser):
    """A parser whose errors are one line that names the help, instead of the usage before each error."""

    def error(self, message: str) -> NoReturn:
        """Print the error and exit."""
        report_error(f"{message} (see {self.prog} -h)")
        sys.exit(2)

    # The method of argparse hides that the help could not be written.
    def _print_message(self, message: str, file: Any = None) -> None:
        print(message, end="", file=file or sys.stderr, flush=True)


class CommandParser(OneLineErrorParser):
    """The parser of one command, for one command line."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._inner = False
        for name in (None, "store"):
            self.register("action", name, Once)

    # The signature is that of argparse, which calls this method for a subcommand.
    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments of the command, in which options may stand before, between and after paths.

        Arguments that are not recognised are an error here, so that it names this command's help. With ``--``, which
        argparse loses among intermixed arguments, all paths must be beside each other.
        """
        words = list(sys.argv[1:] if args is None else args)
        if self._inner:  # called by `parse_known_intermixed_args`
            return super().parse_known_args(words, namespace)
        self._inner = True
        parse = super().parse_known_args if "--" in words else super().parse_known_intermixed_args
        options, unknown = parse(words, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, []


class Once(argparse.Action):
    """Store a value. A second value of an option is an error: otherwise the first one would be lost silently."""

    _given = False

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Store the value."""
        if option is not None and self._given:
            raise argparse.ArgumentError(self, "given twice, expected once")
        self._given = True
        setattr(namespace, self.dest, values)

"""The command line. This room alone prints and exits; what it prints on stdout is the answer, all else is on stderr."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from typing import NoReturn

from speechgmm.cli import audit, classify, compare, crossvalidate, demo, describe, evaluate, segment, train
from speechgmm.cli.console import tell_error
from speechgmm.errors import OptionError, SpeechGmmError

COMMANDS = (train, classify, segment, evaluate, crossvalidate, compare, audit, describe, demo)

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def entry_point() -> NoReturn:
    """Run the command line and exit with its code."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; by default those of the process.

    Returns
    -------
    int
        0: done; 1: some work failed; 2: wrong usage; 130: interrupted.
    """
    options = parse(arguments)
    _prepare_streams()
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("speechgmm: interrupted", file=sys.stderr)
        return INTERRUPTED
    except SpeechGmmError as error:
        tell_error(str(error))
        return USAGE if isinstance(error, OptionError) else FAILED
    except OSError as error:  # what comes of files is a SpeechGmmError: stdout is closed or its disk full
        _give_stdout_up()
        if not isinstance(error, BrokenPipeError):  # whoever closed the pipe has enough
            tell_error(f"{error.filename or 'stdout'}: {error.strerror or error}")
        return FAILED
    return code


def _prepare_streams() -> None:
    """Names of files need not be valid text: stdin and stdout take and give their very bytes."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # whoever started this process closed it
            setattr(sys, name, io.StringIO())
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def _give_stdout_up() -> None:
    """What could not be written is still in the buffer: without this, Python would try again at exit and complain."""
    with suppress(io.UnsupportedOperation):  # who calls `main` from Python may have put anything there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; its `run` does what it asks for. Exits where it is wrong or asks for help."""
    parser = argparse.ArgumentParser(
        prog="speechgmm",
        description="Voice gender labels for speech recordings, by Gaussian mixtures on MFCCs, with calibrated scores.",
        epilog="Each command has its own help: speechgmm COMMAND --help.",
    )
    parser.add_argument("--version", action="version", version=f"speechgmm {metadata.version('speechgmm')}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    options = parser.parse_args(arguments)
    options.parse = parse  # for the command that runs others
    options.command_line = shlex.join(["speechgmm", *(sys.argv[1:] if arguments is None else arguments)])
    return options

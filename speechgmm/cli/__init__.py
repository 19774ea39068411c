"""The command line: the only package that prints and exits. Results go to stdout, everything else to stderr."""

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

from speechgmm.cli import (
    audit,
    classify,
    compare,
    crossvalidate,
    demo,
    describe,
    evaluate,
    evaluate_segments,
    recipe,
    segment,
    train,
)
from speechgmm.cli.console import report_error
from speechgmm.cli.parsers import CommandParser, OneLineErrorParser
from speechgmm.errors import OptionError, SpeechGmmError

COMMANDS = (
    train,
    classify,
    segment,
    evaluate,
    evaluate_segments,
    crossvalidate,
    compare,
    audit,
    describe,
    recipe,
    demo,
)

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

QUIET_TRACKER = "ignore::UserWarning:joblib.externals.loky.backend.resource_tracker"


def entry_point() -> NoReturn:
    """Run the command line and exit with its code."""
    # Worker processes that are killed, as after a closed pipe, leave semaphores. joblib's tracker, a process of its
    # own, removes them, and would warn about each.
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), QUIET_TRACKER]))
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program name; default: those of the process.

    Returns
    -------
    int
        Exit code, 0: done; 1: an error, or some recordings could not be used; 2: wrong usage; 130: interrupted.
    """
    options = parse(arguments)
    _prepare_streams()
    code, message = _run(options)
    if code == INTERRUPTED:
        print("speechgmm: interrupted", file=sys.stderr)
    elif message:
        report_error(message)
    return code


def _run(options: argparse.Namespace) -> tuple[int, str]:
    """Run the command; its exit code, and the error that ended it.

    The message is printed after this function has ended: only then are the progress bars of the command closed.
    """
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED, ""
    except SpeechGmmError as error:
        return USAGE if isinstance(error, OptionError) else FAILED, str(error)
    except OSError as error:  # errors of input and output files are SpeechGmmErrors: this one is of stdout
        _redirect_stdout_to_null()
        if isinstance(error, BrokenPipeError):  # a closed pipe, as in `speechgmm ... | head`, needs no message
            return FAILED, ""
        return FAILED, f"{error.filename or 'stdout'}: {error.strerror or error}"
    return code, ""


def _prepare_streams() -> None:
    """Let stdin and stdout carry file names that are not valid UTF-8, and replace closed streams by empty ones."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # the parent process closed it
            setattr(sys, name, io.StringIO())
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def _redirect_stdout_to_null() -> None:
    """Discard what is left in the buffer of stdout; otherwise Python fails again when it flushes at exit."""
    with suppress(io.UnsupportedOperation):  # stdout may have no file descriptor if `main` is called from Python
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; `run` of the result executes the command. Exits on wrong usage and on --help."""
    parser = OneLineErrorParser(
        prog="speechgmm",
        description="Voice gender labels for speech recordings, with Gaussian mixture models of MFCCs and calibrated "
        "scores.",
        epilog="Each command has its own help: speechgmm COMMAND --help.",
    )
    parser.add_argument("--version", action="version", version=f"speechgmm {metadata.version('speechgmm')}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=CommandParser)
    for command in COMMANDS:
        command.add_parser(subparsers)
    options = parser.parse_args(arguments)
    options.parse = parse  # `demo` runs other commands
    options.command_line = shlex.join(["speechgmm", *(sys.argv[1:] if arguments is None else arguments)])
    return options

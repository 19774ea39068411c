"""The command line: the only package that prints and exits. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from speechgmm.cli.completion import SHELLS, Completion
from speechgmm.cli.console import note, report_error, say, to_stderr
from speechgmm.cli.parsers import CommandParser, OneLineErrorParser
from speechgmm.cli.standard_streams import discard, occupy_closed_descriptors, prepare_streams
from speechgmm.cli.termination import interrupt_behind, orderly_termination
from speechgmm.errors import OptionError, SpeechGmmError

COMMANDS = (
    "train",
    "classify",
    "segment",
    "evaluate",
    "evaluate-segments",
    "crossvalidate",
    "compare",
    "audit",
    "describe",
    "explain",
    "recipe",
    "serve",
    "demo",
)

DONE, FAILED, USAGE, SIGNALLED = 0, 1, 2, 128

QUIET_TRACKER = "ignore::UserWarning:joblib.externals.loky.backend.resource_tracker"


def entry_point() -> NoReturn:
    """Run the command line and exit with its code."""
    # Worker processes that are killed, as after a closed pipe, leave semaphores. joblib's tracker, a process of its
    # own, removes them, and would warn about each.
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), QUIET_TRACKER]))
    # joblib warns of work that was cancelled, and that it works in one process, which `_note_one_process` says.
    warnings.filterwarnings("ignore", category=UserWarning, module="joblib")
    occupy_closed_descriptors()
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
        Exit code, 0: done; 1: an error, or some recordings could not be used; 2: wrong usage; 130: interrupted; 143:
        terminated.
    """
    prepare_streams()
    with orderly_termination():
        code, message = _run(arguments)
    if message:
        tell = say if code >= SIGNALLED else report_error
        tell(message)
    return code


def _run(arguments: Sequence[str] | None) -> tuple[int, str]:
    """Run the command; its exit code, and the error or signal that ended it.

    The message is printed after this function has ended: only then are the progress bars of the command closed.
    """
    try:
        options = parse(arguments)
        _note_one_process(options)
        code: int = options.run(options)
        sys.stdout.flush()
    except SpeechGmmError as error:
        return USAGE if isinstance(error, OptionError) else FAILED, str(error)
    except OSError as error:  # errors of input and output files are SpeechGmmErrors: this one is of stdout
        discard(sys.stdout)
        if isinstance(error, BrokenPipeError):  # a closed pipe, as in `speechgmm ... | head`, needs no message
            return FAILED, ""
        return FAILED, f"{error.filename or 'stdout'}: {error.strerror or error}"
    except BaseException as error:
        if (interrupt := interrupt_behind(error)) is None:
            raise
        return interrupt
    return code, ""


def _note_one_process(options: argparse.Namespace) -> None:
    """Tell that --jobs has no effect, where that is so."""
    jobs = getattr(options, "jobs", 1)
    if jobs == 1 or isinstance(jobs, str):
        return
    if getattr(options, "few_jobs_are_threads", False):
        from speechgmm.classifier.classify import in_threads

        if in_threads(jobs):
            return
    from speechgmm.workers.local import process_count

    if process_count(2) == 1:
        reason = "this system has no semaphores for worker processes, which need a writable /dev/shm"
        note(options, f"--jobs {'all' if jobs < 0 else jobs}: {reason}: one process does all of the work")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line; `run` of the result executes the command. Exits on wrong usage and on --help.

    Without any argument the help is printed on stderr, because it is no result, and the usage is wrong.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = OneLineErrorParser(
        prog="speechgmm",
        description="Voice gender labels for speech recordings, with Gaussian mixture models of MFCCs and calibrated "
        "scores.",
        epilog="Each command has its own help: speechgmm COMMAND --help.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    parser.add_argument(
        "--completion",
        action=Completion,
        choices=SHELLS,
        help="print a script for this shell that completes commands and options, and exit",
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=CommandParser)
    for name in words[:1] if words[:1] and words[0] in COMMANDS else COMMANDS:  # a command needs no other's arguments
        command_module(name).add_parser(subparsers)
    if not words:
        to_stderr(parser.format_help())
        sys.exit(USAGE)
    options = parser.parse_args(words)
    options.parse = parse  # `demo` runs other commands
    options.command_line = shlex.join(["speechgmm", *words])
    return options


def command_module(name: str) -> ModuleType:
    """The module of a command: `add_parser`, and an `EXAMPLE` for its help."""
    return importlib.import_module(f"speechgmm.cli.{name.replace('-', '_')}")


class _Version(argparse.Action):
    """Print the version and exit. It is looked up only then: that takes as long as all other imports of a command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        """Print and exit."""
        from importlib import metadata

        print(f"speechgmm {metadata.version('speechgmm')}", flush=True)
        parser.exit()

"""What the commands print on stderr: progress, notes, errors and failures of single recordings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from speechgmm.cli.standard_streams import discard
from speechgmm.errors import shortened
from speechgmm.progress import Progress, silent
from speechgmm.text.terminal import escaped

T = TypeVar("T")


def progress_for(options: argparse.Namespace) -> Progress:
    """A progress bar on stderr, if that is a terminal and --quiet is not given."""
    return silent if options.quiet else _progress_bar


def detailed_progress_for(options: argparse.Namespace) -> Progress:
    """As `progress_for`; with --verbose, lines instead of a bar where stderr is no terminal."""
    return _progress_lines if options.verbose and not sys.stderr.isatty() else progress_for(options)


def _progress_bar(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
    if not sys.stderr.isatty():
        return items
    from tqdm import tqdm

    return tqdm(items, total=total, desc=what, leave=False, file=sys.stderr)


def _progress_lines(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:
    """A line for each tenth of the work."""
    for number, item in enumerate(items, start=1):
        yield item
        if total and number * 10 // total > (number - 1) * 10 // total:
            say(f"{what}: {number} of {total}")


def say(text: str) -> None:
    """Print a line on stderr."""
    to_stderr(f"speechgmm: {shortened(text)}\n")


def to_stderr(text: str) -> None:
    """Print text on stderr; a progress bar stays intact. If stderr is closed or full, no result is lost."""
    try:
        if "tqdm" in sys.modules:  # otherwise there is no bar
            from tqdm import tqdm

            tqdm.write(text, file=sys.stderr, end="")
        else:
            sys.stderr.write(text)
    except OSError:
        discard(sys.stderr)


def tell(options: argparse.Namespace, text: str) -> None:
    """Print what is also in a file, unless --quiet is given."""
    if not options.quiet:
        print(text)


def print_result(options: argparse.Namespace, text: str) -> None:
    """Print a result; with --quiet only if there is no --output that has it."""
    if options.output is None or not options.quiet:
        print(text, end="")


def note(options: argparse.Namespace, text: str) -> None:
    """Print information that is no error, unless --quiet is given."""
    if not options.quiet:
        say(text)


def detail(options: argparse.Namespace, text: str) -> None:
    """Print information if --verbose is given."""
    if options.verbose:
        say(text)


def report_error(text: str) -> None:
    """Print the error that ended a command: one sentence, possibly with a list of faults below it."""
    say("error: " + "\n".join(map(escaped, text.split("\n"))))


def report_failure(reason: str) -> None:
    """Print one line about a recording that could not be used."""
    say(escaped(reason))


def report_failure_count(n_failures: int, n_all: int) -> None:
    """Print how many recordings could not be used, if any."""
    if n_failures:
        report_failure(f"{n_failures} of {n_all} recordings could not be used")


def note_warning_count(options: argparse.Namespace, n_warnings: int, n_all: int) -> None:
    """Print how many recordings have a warning, if any. The warnings themselves are in the output."""
    if n_warnings:
        note(options, f"{n_warnings} of {n_all} recordings have a warning")


def reporting(options: argparse.Namespace, progress: Progress) -> Progress:
    """Wrap a progress so that each `Failure` is printed when it occurs, even if the command fails later.

    Augmented versions fail with their recording, which is printed once. Features that were damaged are noted, and what
    was odd about a recording: once, though every stream reads it.
    """
    from speechgmm.features.extraction import Failure
    from speechgmm.training.heard_recordings import new_notes

    told: set[str] = set()

    def report(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:
        for item in progress(items, total=total, what=what):
            if isinstance(item, Failure) and not item.recording.augmentation:
                report_failure(item.reason)
            for text in new_notes(item, told):
                note(options, escaped(text))
            yield item

    return report

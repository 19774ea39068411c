"""What the commands print on stderr: progress, notes, errors and failures of single recordings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from speechgmm.progress import Progress, silent
from speechgmm.terminal import escaped

T = TypeVar("T")


def progress_for(options: argparse.Namespace) -> Progress:
    """A progress bar on stderr, if that is a terminal and --quiet is not given."""
    return silent if options.quiet else _progress_bar


def _progress_bar(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
    return tqdm(items, total=total, desc=what, disable=None, leave=False, file=sys.stderr)


def note(options: argparse.Namespace, text: str) -> None:
    """Print information that is no error, unless --quiet is given."""
    if not options.quiet:
        print(f"speechgmm: {text}", file=sys.stderr)


def detail(options: argparse.Namespace, text: str) -> None:
    """Print information if --verbose is given."""
    if options.verbose:
        print(f"speechgmm: {text}", file=sys.stderr)


def report_error(text: str) -> None:
    """Print the error that ended a command: one sentence, possibly with a list of faults below it."""
    print("speechgmm: error:", "\n".join(map(escaped, text.split("\n"))), file=sys.stderr)


def report_failure(reason: str) -> None:
    """Print one line about a recording that could not be used; a progress bar stays intact."""
    tqdm.write(f"speechgmm: {escaped(reason)}", file=sys.stderr)


def report_failure_count(n_failures: int, n_all: int) -> None:
    """Print how many recordings could not be used, if any."""
    if n_failures:
        report_failure(f"{n_failures} of {n_all} recordings could not be used")


def reporting_failures(progress: Progress) -> Progress:
    """Wrap a progress so that each `Failure` is printed when it occurs, even if the command fails later."""
    from speechgmm.features.extraction import Failure

    def report(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:
        for item in progress(items, total=total, what=what):
            if isinstance(item, Failure):
                report_failure(item.reason)
            yield item

    return report

"""What the commands say on stderr: progress, notes, faults of single files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from speechgmm.progress import Progress, silent

T = TypeVar("T")


def progress_for(options: argparse.Namespace) -> Progress:
    """A progress bar on stderr where that is a terminal and --quiet was not given."""
    return silent if options.quiet else _bar


def _bar(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
    return tqdm(items, total=total, desc=what, disable=None, leave=False, file=sys.stderr)


def note(options: argparse.Namespace, text: str) -> None:
    """Tell the user something that is no error, unless --quiet was given."""
    if not options.quiet:
        print(f"speechgmm: {text}", file=sys.stderr)


def detail(options: argparse.Namespace, text: str) -> None:
    """Tell the user something only --verbose asks for."""
    if options.verbose:
        print(f"speechgmm: {text}", file=sys.stderr)


def tell_error(text: str) -> None:
    """Tell the user why the work was given up: one sentence, and perhaps a list of faults below it."""
    print("speechgmm: error:", "\n".join(map(printable, text.split("\n"))), file=sys.stderr)


def tell_failure(reason: str) -> None:
    """Tell the user in one line that a file could not be used."""
    tqdm.write(f"speechgmm: {printable(reason)}", file=sys.stderr)


def tell_failure_count(n_failures: int, n_all: int) -> None:
    """Tell the user how many files could not be used, if any."""
    if n_failures:
        tell_failure(f"{n_failures} of {n_all} recordings could not be used")


def reporting_failures(progress: Progress) -> Progress:
    """The same watch, which also tells of each failure that passes: it is known even if the work fails later on."""
    from speechgmm.features.extraction import Failure

    def tell(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:
        for item in progress(items, total=total, what=what):
            if isinstance(item, Failure):
                tell_failure(item.reason)
            yield item

    return tell


def printable(text: str) -> str:
    """A text from a file, or its name, fit for a terminal: control characters and line ends are escaped."""
    return "".join(
        character if character.isprintable() or "\udc80" <= character <= "\udcff" else ascii(character)[1:-1]
        for character in text
    )

"""The files that ``speechgmm segment`` writes: none of them is an input, and one that fails loses no other."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ParamSpec

from speechgmm.cli.arguments import model_file
from speechgmm.cli.console import report_failure
from speechgmm.segmentation.writers import FORMATS

P = ParamSpec("P")

SUMMARY = "speaking-time.json"


class SegmentFiles:
    """The files in the output folder, if there is one: one per recording with its stem, and the speaking times.

    A file that cannot be written is reported on stderr, and the others are written.

    Attributes
    ----------
    n_failures : int
        Number of files that could not be written.

    Raises
    ------
    OptionError
        If two recordings have the same file.
    OutputError
        If a file exists and --force is not given, or cannot be written.
    """

    def __init__(self, options: argparse.Namespace, names: Sequence[str]) -> None:
        from speechgmm.errors import OptionError
        from speechgmm.output.files import check_destinations

        self.n_failures = 0
        self._options = options
        self._folder: Path | None = options.output
        self._files: tuple[Path, ...] = ()
        if self._folder is None:
            return
        suffix = FORMATS[options.format].suffix
        names_by_file: dict[Path, str] = {}
        for name in names:
            file = self._folder / (Path(name).stem + suffix)
            if file in names_by_file:
                raise OptionError(
                    f"{name}: its segments would be written to {file}, and those of {names_by_file[file]} too; "
                    "segment them separately"
                )
            names_by_file[file] = name
        self._files = (*names_by_file, self._folder / SUMMARY)
        check_destinations(self._files, replace=options.force)

    def check_inputs(self, recordings: Iterable[Path]) -> None:
        """Refuse outputs, also that of --html, that are the model or one of the recordings."""
        from speechgmm.output.files import check_not_inputs

        page = [] if self._options.html is None else [self._options.html]
        check_not_inputs([*self._files, *page], [model_file(self._options), *recordings])

    def write(self, index: int, texts: Iterable[str]) -> None:
        """Write the file of one recording."""
        self.attempt(self._write, self._files[index], "".join(texts))

    def write_summary(self, text: str) -> None:
        """Write the speaking times of all recordings."""
        if self._files:
            self.attempt(self._write, self._files[-1], text)

    def attempt(self, write: Callable[P, None], *arguments: P.args, **options: P.kwargs) -> None:
        """Write a file; report it if it cannot be written."""
        from speechgmm.errors import OutputError

        try:
            write(*arguments, **options)
        except OutputError as error:
            self.n_failures += 1
            report_failure(str(error))

    def _write(self, file: Path, text: str) -> None:
        from speechgmm.output.files import make_folder, write_atomically

        make_folder(file.parent)
        write_atomically(file, text.encode("utf-8", "surrogateescape"))

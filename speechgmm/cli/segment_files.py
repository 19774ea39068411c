"""The files that ``speechgmm segment`` writes: none of them is an input, and one that fails loses no other."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ParamSpec

from speechgmm.cli.arguments import model_file
from speechgmm.cli.console import report_failure
from speechgmm.output.named_format import format_named_by
from speechgmm.segmentation.writers import FORMATS

P = ParamSpec("P")

SUMMARY = "speaking-time.json"


def format_of(output: Path | None) -> str | None:
    """The format that --output names as a file; None if it is not given, or a folder for a file of each recording."""
    return None if output is None or output.is_dir() else format_named_by(output, FORMATS)


def files_in(folder: Path, names: Sequence[str], suffix: str) -> list[Path]:
    """A file for each recording in a folder, with the stem of its name.

    Raises
    ------
    OptionError
        If two recordings have the same file.
    """
    from speechgmm.errors import OptionError

    names_by_file: dict[Path, str] = {}
    for name in names:
        file = folder / (Path(name).stem + suffix)
        if file in names_by_file:
            raise OptionError(
                f"{name}: its segments would be written to {file}, and those of {names_by_file[file]} too; "
                "segment them separately"
            )
        names_by_file[file] = name
    return list(names_by_file)


class SegmentFiles:
    """The files of --output, if it is given: one for all recordings, or in a folder one for each and speaking times.

    A file that cannot be written is reported on stderr, and the others are written.

    Parameters
    ----------
    options : argparse.Namespace
        With the format.
    names : sequence of str
        Of the recordings.

    Attributes
    ----------
    shared : bool
        Whether the text of all recordings stands together: in one file or on stdout.
    n_failures : int
        Number of files that could not be written.

    Raises
    ------
    OptionError
        If two recordings have the same file, which can hold only one.
    OutputError
        If a file exists and --force is not given, or cannot be written.
    """

    def __init__(self, options: argparse.Namespace, names: Sequence[str]) -> None:
        from speechgmm.errors import OptionError
        from speechgmm.output.files import check_destinations

        self.n_failures = 0
        self._options = options
        is_file = format_of(options.output) is not None
        self.shared = is_file or options.output is None
        self._texts: list[str] = []
        self._files: list[Path] = []
        form = FORMATS[options.format]
        if form.one_recording and len(names) > 1 and self.shared:
            raise OptionError(
                f"--format {options.format} holds one recording and there are {len(names)}: give -o FOLDER"
            )
        if is_file:
            self._files = [options.output]
        elif options.output is not None:
            self._files = [*files_in(options.output, names, form.suffix), options.output / SUMMARY]
        check_destinations(self._files, replace=options.force)

    def check_inputs(self, recordings: Iterable[Path], pages: Sequence[Path] = ()) -> None:
        """Refuse outputs, also pages, that are the model or one of the recordings."""
        from speechgmm.output.files import check_not_inputs

        check_not_inputs([*self._files, *pages], [model_file(self._options), *recordings])

    def write(self, index: int, texts: Iterable[str]) -> None:
        """Write the segments of one recording, or keep them for the file of all."""
        if self.shared:
            self._texts += texts
        else:
            self.attempt(self._write, self._files[index], "".join(texts))

    def finish(self, speaking_times: str) -> None:
        """Write the file of all recordings, or the speaking times to the folder."""
        if self._files:
            self.attempt(self._write, self._files[-1], "".join(self._texts) if self.shared else speaking_times)

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

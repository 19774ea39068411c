"""The recordings that the paths of a command line name."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.console import report_failure

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Recording


class GivenRecordings:
    """The recordings at paths, found while iterating. A path without recordings is reported on stderr.

    Parameters
    ----------
    paths : sequence of str
        Recordings, folders that are searched, and patterns, which some shells leave to the programs. What has the name
        of a pattern is meant before what matches it.
    stdin : iterable of str, optional
        What the path ``-`` stands for: names of recordings and folders, and no patterns.

    Attributes
    ----------
    n_empty : int
        Number of folders without recordings, and of patterns that match nothing, so far.
    """

    def __init__(self, paths: Sequence[str], stdin: Iterable[str] | None = None) -> None:
        self.n_empty = 0
        self._paths = paths
        self._stdin = stdin

    def __iter__(self) -> Iterator[Recording]:
        from speechgmm.corpus import find_audio
        from speechgmm.corpus.recording import Recording

        for path in self._names():
            found = False
            for file in find_audio(Path(path)):
                found = True
                # A path that was given keeps its spelling, so that the result can be matched with it.
                yield Recording(file=file, name=path if file == Path(path) else str(file), label="")
            if not found:
                self.n_empty += 1
                report_failure(f"{path}: the folder contains no recordings")

    def _names(self) -> Iterator[str]:
        for path in self._paths:
            if path == "-" and self._stdin is not None:
                yield from self._stdin
            elif not glob.has_magic(path) or os.path.lexists(path):
                yield path
            else:
                matches = _matches(path)
                yield from matches
                if not matches:
                    self.n_empty += 1
                    report_failure(f"{path}: there is no such file, and none that matches this pattern")


def _matches(pattern: str) -> list[str]:
    """The sorted paths that match; for ``**`` without folders, because what is in them matches as well."""
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # keeps the spelling, and hides what shells hide
    return [path for path in matches if not ("**" in pattern and Path(path).is_dir())]

"""The recordings that the paths of a command line name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.console import report_failure

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Recording


class GivenRecordings:
    """The recordings at paths, found while iterating. A folder without recordings is reported on stderr.

    Parameters
    ----------
    paths : iterable of str
        Recordings, and folders that are searched.

    Attributes
    ----------
    n_empty : int
        Number of folders without recordings so far.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.n_empty = 0
        self._paths = paths

    def __iter__(self) -> Iterator[Recording]:
        from speechgmm.corpus import find_audio
        from speechgmm.corpus.recording import Recording

        for path in self._paths:
            found = False
            for file in find_audio(Path(path)):
                found = True
                # A path that was given keeps its spelling, so that the result can be matched with it.
                yield Recording(file=file, name=path if file == Path(path) else str(file), label="")
            if not found:
                self.n_empty += 1
                report_failure(f"{path}: the folder contains no recordings")

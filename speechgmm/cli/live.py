"""Live sound that ends on SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from speechgmm.errors import AudioError

if TYPE_CHECKING:
    from speechgmm.audio.samples import Samples


class _Stopped(BaseException):
    """SIGTERM arrived during the wait for a block."""


class UntilStopped:
    """Blocks of samples up to their end, an error, or SIGTERM; the iteration then ends normally.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)

    Attributes
    ----------
    error : AudioError or None
        The error that ended the sound after its first block. An error before that is raised.
    """

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self.error: AudioError | None = None
        self._blocks = iter(blocks)
        self._waiting = self._stopped = False

    def __iter__(self) -> Iterator[Samples]:
        if threading.current_thread() is not threading.main_thread():  # signals arrive in the main thread only
            yield from self._until_end()
            return
        previous_handler = signal.signal(signal.SIGTERM, self._stop)
        try:
            yield from self._until_end()
        finally:
            signal.signal(signal.SIGTERM, previous_handler)

    def _until_end(self) -> Iterator[Samples]:
        started = False
        try:
            while (block := self._next()) is not None:
                started = True
                yield block
        except AudioError as error:
            if not started:
                raise
            self.error = error

    def _next(self) -> Samples | None:
        try:
            self._waiting = True
            return None if self._stopped else next(self._blocks, None)
        except _Stopped:
            return None
        finally:
            self._waiting = False

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Interrupt the wait for a block; work on a block is not interrupted."""
        self._stopped = True
        if self._waiting:
            raise _Stopped

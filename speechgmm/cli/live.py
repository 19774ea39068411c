"""Sound that arrives until somebody stops it."""

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
    """SIGTERM has come while sound was waited for."""


class UntilStopped:
    """Blocks of sound up to their end, a fault, or SIGTERM: whoever listens can finish in any case.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)

    Attributes
    ----------
    fault : AudioError or None
        What the sound ended in, after some of it had arrived. Where none did, it is raised.
    """

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self.fault: AudioError | None = None
        self._blocks = iter(blocks)
        self._waiting = self._stopped = False

    def __iter__(self) -> Iterator[Samples]:
        if threading.current_thread() is not threading.main_thread():  # where no signal arrives
            yield from self._all()
            return
        before = signal.signal(signal.SIGTERM, self._stop)
        try:
            yield from self._all()
        finally:
            signal.signal(signal.SIGTERM, before)

    def _all(self) -> Iterator[Samples]:
        begun = False
        try:
            while (block := self._next()) is not None:
                begun = True
                yield block
        except AudioError as error:
            if not begun:
                raise
            self.fault = error

    def _next(self) -> Samples | None:
        try:
            self._waiting = True
            return None if self._stopped else next(self._blocks, None)
        except _Stopped:
            return None
        finally:
            self._waiting = False

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Stop waiting at once; what is being worked on is not torn apart."""
        self._stopped = True
        if self._waiting:
            raise _Stopped

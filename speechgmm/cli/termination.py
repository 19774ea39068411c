"""Termination: SIGTERM and SIGHUP end a command as Ctrl-C does, so that nothing is left half-written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end.

    Attributes
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def orderly_termination() -> Iterator[None]:
    """Raise `Terminated` where a signal would kill the process; signals that are ignored stay so."""
    signals = [number for number in SIGNALS if _kills(number)]
    for number in signals:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number in signals:
            signal.signal(number, signal.SIG_DFL)


def interrupt_behind(error: BaseException | None) -> tuple[int, str] | None:
    """Exit code and message if an error is a signal, or a library raised it when a signal interrupted it; else None."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    if error is None:
        return None
    if isinstance(error, Terminated):
        return 128 + error.number, "terminated"
    return 128 + signal.SIGINT, "interrupted"


def _kills(number: int) -> bool:
    # Only the main thread may set handlers.
    return threading.current_thread() is threading.main_thread() and signal.getsignal(number) == signal.SIG_DFL


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated(number)

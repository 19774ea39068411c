"""Termination: SIGTERM and SIGHUP end a command as Ctrl-C does, so that nothing is left half-written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

RETRY_S = 0.02


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
    previous = {number: signal.getsignal(number) for number in SIGNALS if _ends_the_process(number)}
    for number in previous:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interrupt_behind(error: BaseException | None) -> tuple[int, str] | None:
    """Exit code and message if an error is a signal, or a library raised it when a signal interrupted it; else None."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    if error is None:
        return None
    number = error.number if isinstance(error, Terminated) else signal.SIGINT
    return 128 + number, "interrupted" if number == signal.SIGINT else "terminated"


def _ends_the_process(number: int) -> bool:
    # Only the main thread may set handlers.
    is_main = threading.current_thread() is threading.main_thread()
    return is_main and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


def _terminate(number: int, frame: FrameType | None) -> None:
    """Raise `Terminated`; but not during an import, in which extensions in C++ abort on any exception: after it."""
    if not _is_importing(frame):
        raise Terminated(number)
    retry = threading.Timer(RETRY_S, _send, [number])
    retry.daemon = True
    retry.start()


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _send(number: int) -> None:
    """Send a signal to the main thread."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)

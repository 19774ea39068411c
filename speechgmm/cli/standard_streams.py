"""The standard streams of the command line: one that is closed or full is an error where it is needed."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import NoReturn, TextIO

from speechgmm.errors import OptionError


class ClosedOutput(io.TextIOBase):
    """Stands for a stdout that the parent process closed: the first text that is written to it is an error."""

    def write(self, text: str, /) -> NoReturn:
        """Fail."""
        raise OSError(errno.EBADF, "it is closed")


def prepare_streams() -> None:
    """Let stdin and stdout carry names that are not valid UTF-8; a closed stdout fails, a closed stderr does not."""
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
    if sys.stderr is None:
        sys.stderr = io.StringIO()
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def occupy_closed_descriptors() -> None:
    """Open the null device in place of closed standard streams; otherwise the next file that is opened takes it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free, so this one


def standard_input() -> TextIO:
    """Stdin, for the argument ``-``.

    Raises
    ------
    OptionError
        If it is closed.
    """
    if sys.stdin is None:
        raise OptionError("-: standard input is closed: redirect it from a file or a pipe")
    return sys.stdin


def names_on_stdin() -> Iterator[str]:
    """The lines of stdin that are not empty, without their ends.

    Raises
    ------
    OptionError
        If stdin is closed; while iterating, if it cannot be read.
    """
    return _names(standard_input())


def _names(stream: TextIO) -> Iterator[str]:
    try:
        for line in stream:
            if name := line.removesuffix("\n").removesuffix("\r"):
                yield name
    except OSError as error:
        raise OptionError(f"-: standard input cannot be read: {error.strerror or error}") from error


def discard(stream: TextIO) -> None:
    """Discard what is left in the buffer of a stream; otherwise Python fails again when it flushes it at exit."""
    with suppress(io.UnsupportedOperation):  # it may have no file descriptor if `main` is called from Python
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

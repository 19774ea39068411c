"""Locks on files. The system releases a lock when its owner ends, however it ends: no lock outlives its owner."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)  # another error means that the file system has no locks


@contextmanager
def locked(file: Path) -> Iterator[bool]:
    """Hold the lock on a file, which is made for it and deleted afterwards.

    Parameters
    ----------
    file : Path
        In an existing folder.

    Yields
    ------
    bool
        Whether the lock was got: false if another process or another thread holds it. On a file system without locks
        it is always true.

    Raises
    ------
    OSError
        If the file cannot be made.
    """
    handle, held = _opened(file)
    try:
        yield held
    finally:
        if held:
            unlink(file, handle)
        else:
            os.close(handle)


def _opened(file: Path) -> tuple[int, bool]:
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            held = try_lock(handle)
        except OSError:
            held = True
        if not held or names(file, handle):
            return handle, held
        os.close(handle)  # the last owner deleted the file after it was opened here


def try_lock(handle: int) -> bool:
    """Lock an open file until it is closed or this process ends; false if it is locked already.

    Raises
    ------
    OSError
        If its file system has no locks.
    """
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


def names(file: Path, handle: int) -> bool:
    """Whether a path names this open file, and not another one or none."""
    with suppress(OSError):
        return os.path.samestat(file.stat(), os.fstat(handle))
    return False


def unlink(file: Path, handle: int) -> None:
    """Delete a locked file and close it. A process that opened it meanwhile sees by `names` that it has gone."""
    try:
        if sys.platform == "win32":  # where an open file cannot be deleted
            os.close(handle)
            handle = -1
        with suppress(OSError):
            file.unlink()
    finally:
        if handle >= 0:
            os.close(handle)

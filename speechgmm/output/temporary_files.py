"""Temporary files. Each is locked while its owner lives, so that those of killed processes can be told and deleted."""

from __future__ import annotations

import functools
import os
import secrets
from contextlib import suppress
from pathlib import Path

from speechgmm.output.locks import names, try_lock, unlink

PREFIX, SUFFIX = ".speechgmm-", ".part"
"""Of the names, which are short: the name of an output may be as long as its file system allows."""


def open_temporary(folder: Path, permissions: int) -> tuple[Path, int]:
    """Make a temporary file.

    Temporary files in the folder whose owner has ended are deleted, when this process makes its first one there.

    Parameters
    ----------
    folder : Path
        An existing folder.
    permissions : int
        Of the file, from which the kernel subtracts the umask.

    Returns
    -------
    file : Path
    handle : int
        The open file, locked until it is closed.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    _delete_leftovers(Path(os.path.realpath(folder)))
    while True:
        file = folder / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, permissions)
        with suppress(OSError):  # on a file system without locks nobody deletes it
            try_lock(handle)
        if names(file, handle):
            return file, handle
        os.close(handle)  # another process deleted it before it was locked


@functools.cache  # once: a folder may hold very many files
def _delete_leftovers(folder: Path) -> None:
    for file in folder.glob(f"{PREFIX}*{SUFFIX}"):
        with suppress(OSError):
            handle = os.open(file, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            if _has_no_owner(handle):
                unlink(file, handle)
            else:
                os.close(handle)


def _has_no_owner(handle: int) -> bool:
    with suppress(OSError):  # without locks nothing is known of an owner
        return try_lock(handle)
    return False

"""Writing outputs so that none ever stands half-written under its final name."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from speechgmm.errors import OutputError


def write_atomically(file: Path, content: bytes) -> None:
    """Write a file under a temporary name beside the final one, then rename it.

    Parameters
    ----------
    file : Path
        Replaced if it exists. Its folder must exist.
    content : bytes

    Raises
    ------
    OutputError
        If it cannot be written; an existing file is then left as it was.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            umask = os.umask(0)
            os.umask(umask)
            Path(temporary).chmod(0o666 & ~umask)  # mkstemp makes it the owner's alone
            Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error.strerror or error}") from error


def check_destination(file: Path, *, replace: bool) -> None:
    """Find out before the work whether its result could be written.

    Parameters
    ----------
    file : Path
        Where the result shall go.
    replace : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If it exists and may not be replaced, or nothing can be written there.
    """
    try:
        if file.is_dir():
            raise OutputError(f"{file}: it is a folder, but a file is to be written")
        if file.exists() and not replace:
            raise OutputError(f"{file}: it exists already; --force replaces it")
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error.strerror or error}") from error


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where it is missing.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the folder cannot be made: {error.strerror or error}") from error

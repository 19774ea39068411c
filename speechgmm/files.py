"""Atomic output: a file appears under its final name only when it is complete."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from speechgmm.errors import OutputError


def write_atomically(file: Path, content: bytes) -> None:
    """Write a temporary file in the same folder, then rename it.

    Parameters
    ----------
    file : Path
        Replaced if it exists. Its folder must exist. The permissions are those of any new file (0o666 less the umask).
    content : bytes

    Raises
    ------
    OutputError
        If the file cannot be written; an existing file is then unchanged.
    """
    temporary = file.parent / f".{file.name}.{secrets.token_hex(4)}.part"
    try:
        # The kernel applies the umask. Reading the umask would mean to change it, for all threads of the process.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(file)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error.strerror or error}") from error


def check_destination(file: Path, *, replace: bool) -> None:
    """Check before the work that the output file can be written.

    Parameters
    ----------
    file : Path
        The output file.
    replace : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file exists and `replace` is false, or its folder is not writable.
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


def check_destinations(files: Iterable[Path], *, replace: bool) -> None:
    """Check before the work that output files can be written, also to folders that do not exist yet.

    Missing folders are made and removed again, so that nothing is left if the work fails. `make_folder` makes them when
    there is something to write.

    Parameters
    ----------
    files : iterable of Path
        The output files.
    replace : bool
        Whether existing files may be replaced.

    Raises
    ------
    OutputError
        If a file exists and `replace` is false, or its folder cannot be made or is not writable.
    """
    made: list[Path] = []
    try:
        for file in files:
            made += [folder for folder in (file.parent, *file.parent.parents) if not os.path.lexists(folder)]
            make_folder(file.parent)
            check_destination(file, replace=replace)
    finally:
        for folder in sorted(made, key=lambda folder: len(folder.parts), reverse=True):
            with suppress(OSError):  # it could not be made
                folder.rmdir()


def make_folder(folder: Path) -> None:
    """Make a folder and its parents if they do not exist.

    Raises
    ------
    OutputError
        If the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        paths = (folder, *folder.parents)
        file = next((path for path in paths if os.path.lexists(path) and not path.is_dir()), folder)
        raise OutputError(f"{folder}: the folder cannot be made, because {file} is a file") from error
    except OSError as error:
        raise OutputError(f"{folder}: the folder cannot be made: {error.strerror or error}") from error

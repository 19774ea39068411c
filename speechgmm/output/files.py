"""Outputs: a file appears under its final name only when it is complete, and no input or device is ever replaced."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec

from speechgmm.errors import OutputError
from speechgmm.output.temporary_files import open_temporary

P = ParamSpec("P")


def write_atomically(file: Path, content: bytes) -> None:
    """Write a temporary file in the same folder, then rename it.

    Parameters
    ----------
    file : Path
        Replaced if it exists, and then its permissions are kept; those of a new file are 0o666 less the umask. Of a
        symbolic link, the file that it names is written. A pipe or character device, such as ``/dev/stdout``, is
        written to. The folder must exist.
    content : bytes

    Raises
    ------
    OutputError
        If the file cannot be written; an existing file is then unchanged.
    """
    write_parts(file, [content])


def write_parts(file: Path, parts: Iterable[bytes]) -> None:
    """Write a file as `write_atomically` does, of parts that come one by one: they are never in memory together.

    Parameters
    ----------
    file : Path
    parts : iterable of bytes
        Its errors are raised as they are, but for an OSError; an existing file is then unchanged.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    try:
        old = _status(file)
        if old is not None and _takes_a_stream(file, old):
            with file.open("wb") as stream:
                for part in parts:
                    stream.write(part)
                    stream.flush()  # for the program at the other end
        else:
            _replace(_followed(file), old, parts)
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error.strerror or error}") from error


def delete(file: Path) -> None:
    """Delete a file that an earlier run wrote, if it is there.

    Raises
    ------
    OutputError
        If it cannot be deleted.
    """
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{file}: cannot be deleted: {error.strerror or error}") from error


def _replace(file: Path, old: os.stat_result | None, parts: Iterable[bytes]) -> None:
    # The kernel applies the umask. Reading the umask would mean to change it, for all threads of the process.
    temporary, handle = open_temporary(file.parent, 0o666 if old is None else _permissions(old) | stat.S_IWUSR)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(parts)
            stream.flush()
            if old is not None:
                _take_over_access(temporary, old)
            os.fsync(stream.fileno())
            if sys.platform == "win32":  # where an open file cannot be renamed
                stream.close()
            temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _take_over_access(file: Path, old: os.stat_result) -> None:
    """Give a new file the owner and permissions of the one that it replaces, as far as this user may."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.chown(file, old.st_uid, old.st_gid)
    with suppress(OSError):
        file.chmod(_permissions(old))


def _permissions(old: os.stat_result) -> int:
    return stat.S_IMODE(old.st_mode) & 0o777


def _status(file: Path) -> os.stat_result | None:
    """What the path names, after symbolic links; None if that does not exist."""
    try:
        return file.stat()
    except FileNotFoundError:
        return None


def _followed(file: Path) -> Path:
    """The file that is written: a symbolic link stays, and the file that it names is replaced."""
    return Path(os.path.realpath(file)) if file.is_symlink() else file


def _takes_a_stream(file: Path, status: os.stat_result) -> bool:
    """Whether the output is a pipe or a character device, which is written to and never replaced.

    Raises
    ------
    OutputError
        If it is a socket or a block device.
    OSError
        If it is a folder.
    """
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise OutputError(f"{file}: it is a socket or a block device, but a file or a pipe is to be written")
    return not stat.S_ISREG(mode)


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
        old = _status(file)
        if old is not None and stat.S_ISDIR(old.st_mode):
            raise OutputError(f"{file}: it is a folder, but a file is to be written")
        if old is not None and _takes_a_stream(file, old):
            if not os.access(file, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        if old is not None and not replace:
            raise OutputError(f"{file}: it exists already; --force replaces it")
        with tempfile.TemporaryFile(dir=_followed(file).parent):
            pass
    except OSError as error:
        raise OutputError(f"{file}: cannot be written: {error.strerror or error}") from error


def check_destinations(files: Iterable[Path], *, replace: bool) -> None:
    """Check before the work that output files can be written, also to folders that do not exist yet.

    Missing folders are made and removed again, so that nothing is left if the work fails. `make_folder` makes them when
    there is something to write. A name that is too long is no error here: it fails when it is written, alone.

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
            try:
                check_destination(file, replace=replace)
            except OutputError as error:
                if not _is_too_long(error):
                    raise
    finally:
        for folder in sorted(made, key=lambda folder: len(folder.parts), reverse=True):
            with suppress(OSError):  # it could not be made
                folder.rmdir()


def _is_too_long(error: OutputError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENAMETOOLONG


def check_not_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuse an output that is an input of the same run, or another output of it, by any name.

    Parameters
    ----------
    outputs : iterable of Path
        The files that will be written.
    inputs : iterable of Path
        The files that are read; looked at only where an output exists.

    Raises
    ------
    OutputError
        If an output is one of the inputs, or two outputs are the same file.
    """
    places: set[str] = set()
    existing: dict[tuple[int, int], Path] = {}
    for output in outputs:
        if output.exists() and not output.is_file():  # a pipe or a device
            continue
        place = os.path.normcase(os.path.realpath(output))
        if place in places:
            raise OutputError(f"{output}: two outputs would be written to this file: give them different names")
        places.add(place)
        if identity := _identity(output):
            existing[identity] = output
    if not existing:
        return
    for each in inputs:
        if (identity := _identity(each)) and identity in existing:
            output = existing[identity]
            name = "" if output == each else f" ({each})"
            raise OutputError(
                f"{output}: it is an input of this command{name} and would be lost: give another name for the output"
            )


def _identity(file: Path) -> tuple[int, int] | None:
    """Device and number of a regular file; None where there is none."""
    with suppress(OSError):
        status = file.stat()
        if stat.S_ISREG(status.st_mode):
            return status.st_dev, status.st_ino
    return None


class Attempts:
    """Outputs that do not depend on each other; see `each_attempted`.

    Attributes
    ----------
    errors : list of str
        Of the outputs that could not be written.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []

    def run(self, write: Callable[P, object], /, *arguments: P.args, **options: P.kwargs) -> None:
        """Call a function that writes an output; an OutputError of it is kept."""
        try:
            write(*arguments, **options)
        except OutputError as error:
            self.errors.append(str(error))


@contextmanager
def each_attempted() -> Iterator[Attempts]:
    """Write several outputs: where one fails, the others are still written.

    Yields
    ------
    Attempts
        Its `run` writes an output.

    Raises
    ------
    OutputError
        At the end, with a line for each output that could not be written.
    """
    attempts = Attempts()
    try:
        yield attempts
    except OutputError as error:
        attempts.errors.append(str(error))
    if attempts.errors:
        raise OutputError("\n".join(attempts.errors))


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

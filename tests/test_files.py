"""Outputs: complete under their name or not there at all, and what cannot be written is found out early."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

from speechgmm.errors import OutputError
from speechgmm.files import check_destination, make_folder, write_atomically


def fail_with(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every folder one that nothing can be made in; permissions do not stop a superuser."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise fail_with(errno.EACCES)

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)


def test_content_arrives_under_the_final_name_only(tmp_path: Path) -> None:
    """A new file has the content, the permissions of any new file, and no company."""
    file, usual = tmp_path / "out.bin", tmp_path / "usual"
    usual.touch()

    write_atomically(file, b"\x00new\n")

    assert file.read_bytes() == b"\x00new\n"
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.bin", "usual"]


def test_an_existing_file_is_replaced(tmp_path: Path) -> None:
    """The old content is gone as a whole, however long it was."""
    file = tmp_path / "out.bin"
    file.write_bytes(b"old" * 1000)

    write_atomically(file, b"new")

    assert file.read_bytes() == b"new"


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the content cannot be written down, the old file stays and no unfinished one is left."""
    file = tmp_path / "out.bin"
    file.write_bytes(b"old")

    def full(descriptor: int) -> NoReturn:
        raise fail_with(errno.ENOSPC)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError) as caught:
        write_atomically(file, b"new")

    assert str(caught.value) == f"{file}: cannot be written: No space left on device"
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_an_interruption_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before the end goes on to the caller, and nothing is left behind."""

    def interrupt(descriptor: int) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "out.bin", b"new")

    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_fails_leaves_no_file(tmp_path: Path) -> None:
    """Over a folder no file can be put; the unfinished file goes."""
    (tmp_path / "out.bin").mkdir()

    with pytest.raises(OutputError, match=r"out.bin: cannot be written: Is a directory$"):
        write_atomically(tmp_path / "out.bin", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["out.bin"]


def test_a_folder_that_is_read_only_or_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own reason is given, with the file that was to be written."""
    file = tmp_path / "nowhere" / "out.bin"
    with pytest.raises(OutputError) as caught:
        write_atomically(file, b"new")
    assert str(caught.value) == f"{file}: cannot be written: No such file or directory"

    read_only(monkeypatch)
    with pytest.raises(OutputError) as caught:
        write_atomically(tmp_path / "out.bin", b"new")
    assert str(caught.value) == f"{tmp_path / 'out.bin'}: cannot be written: Permission denied"


def test_a_good_destination_is_left_alone(tmp_path: Path) -> None:
    """Checking makes nothing and changes nothing."""
    file = tmp_path / "out.bin"
    check_destination(file, replace=False)
    assert list(tmp_path.iterdir()) == []

    file.write_bytes(b"old")
    check_destination(file, replace=True)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_an_existing_file_needs_leave(tmp_path: Path) -> None:
    """Without leave an existing file is not replaced, and the remedy is named."""
    file = tmp_path / "out.bin"
    file.touch()

    with pytest.raises(OutputError) as caught:
        check_destination(file, replace=False)

    assert str(caught.value) == f"{file}: it exists already; --force replaces it"


@pytest.mark.parametrize("replace", [False, True])
def test_a_folder_is_no_destination(tmp_path: Path, replace: bool) -> None:
    """A folder is never replaced by a file."""
    with pytest.raises(OutputError) as caught:
        check_destination(tmp_path, replace=replace)

    assert str(caught.value) == f"{tmp_path}: it is a folder, but a file is to be written"


def test_a_missing_folder_is_found_out_early(tmp_path: Path) -> None:
    """Where there is no folder nothing can be written."""
    file = tmp_path / "nowhere" / "out.bin"

    with pytest.raises(OutputError) as caught:
        check_destination(file, replace=True)

    assert str(caught.value) == f"{file}: cannot be written: No such file or directory"


def test_a_read_only_folder_is_found_out_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the folder can be written to is tried."""
    read_only(monkeypatch)

    with pytest.raises(OutputError, match=r"out.bin: cannot be written: Permission denied$"):
        check_destination(tmp_path / "out.bin", replace=True)


def test_a_destination_that_cannot_be_looked_up_is_an_output_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed folder on the way, or a name that is too long, is no reason for another kind of error."""

    def closed(path: Path) -> NoReturn:
        raise fail_with(errno.ENAMETOOLONG)

    monkeypatch.setattr(Path, "is_dir", closed)
    with pytest.raises(OutputError, match=r"out.bin: cannot be written: File name too long$"):
        check_destination(tmp_path / "out.bin", replace=True)


def test_folders_are_made_with_those_above(tmp_path: Path) -> None:
    """A folder that is there already is fine."""
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path: Path) -> None:
    """The system's own reason is given."""
    (tmp_path / "a").touch()

    with pytest.raises(OutputError) as caught:
        make_folder(tmp_path / "a")
    assert str(caught.value) == f"{tmp_path / 'a'}: the folder cannot be made: File exists"

    with pytest.raises(OutputError, match=r"b: the folder cannot be made: Not a directory$"):
        make_folder(tmp_path / "a" / "b")

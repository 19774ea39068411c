"""Atomic output, and checks of the destination before the work."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from speechgmm.errors import OutputError
from speechgmm.files import check_destination, check_destinations, make_folder, write_atomically


def system_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def make_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the creation of any file fail; permissions have no effect on a superuser."""

    def refuse(*args: object, **options: object) -> NoReturn:
        raise system_error(errno.EACCES)

    monkeypatch.setattr(os, "open", refuse)


def test_only_the_final_file_remains(tmp_path: Path) -> None:
    """A new file has the content and the permissions of any new file; no temporary file is left."""
    file, usual = tmp_path / "out.bin", tmp_path / "usual"
    usual.touch()

    write_atomically(file, b"\x00new\n")

    assert file.read_bytes() == b"\x00new\n"
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.bin", "usual"]


@pytest.mark.skipif(os.name != "posix", reason="needs a umask")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_umask_is_respected_and_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int) -> None:
    """The permissions are 0o666 less the umask, which is process-wide and so must not be changed, not even briefly."""
    set_umask = os.umask
    original = set_umask(umask)

    def refuse(mask: int) -> NoReturn:
        raise AssertionError(f"the umask was set to {mask:#o}")

    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", refuse)
            write_atomically(tmp_path / "out.bin", b"new")
    finally:
        left = set_umask(original)

    assert left == umask
    assert stat.S_IMODE((tmp_path / "out.bin").stat().st_mode) == 0o666 & ~umask


def test_temporary_file_never_replaces_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that already has the name of the temporary file is an error and is not touched."""
    monkeypatch.setattr("secrets.token_hex", lambda n_bytes: "0" * 2 * n_bytes)
    other = tmp_path / ".out.bin.00000000.part"
    other.write_bytes(b"other")

    with pytest.raises(OutputError, match=r"out\.bin: cannot be written: File exists$"):
        write_atomically(tmp_path / "out.bin", b"new")

    assert other.read_bytes() == b"other"
    assert list(tmp_path.iterdir()) == [other]


def test_existing_file_is_replaced(tmp_path: Path) -> None:
    """The whole old content is replaced, even if it was longer."""
    file = tmp_path / "out.bin"
    file.write_bytes(b"old" * 1000)

    write_atomically(file, b"new")

    assert file.read_bytes() == b"new"


def test_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the content cannot be written, the old file is unchanged and no temporary file is left."""
    file = tmp_path / "out.bin"
    file.write_bytes(b"old")

    def full(descriptor: int) -> NoReturn:
        raise system_error(errno.ENOSPC)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError) as caught:
        write_atomically(file, b"new")

    assert str(caught.value) == f"{file}: cannot be written: No space left on device"
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_interruption_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is raised to the caller, and no temporary file is left."""

    def interrupt(descriptor: int) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "out.bin", b"new")

    assert list(tmp_path.iterdir()) == []


def test_failed_rename_leaves_no_file(tmp_path: Path) -> None:
    """A file cannot replace a folder; no temporary file is left."""
    (tmp_path / "out.bin").mkdir()

    with pytest.raises(OutputError, match=r"out.bin: cannot be written: Is a directory$"):
        write_atomically(tmp_path / "out.bin", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["out.bin"]


def test_read_only_or_missing_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file and gives the reason of the operating system."""
    file = tmp_path / "nowhere" / "out.bin"
    with pytest.raises(OutputError) as caught:
        write_atomically(file, b"new")
    assert str(caught.value) == f"{file}: cannot be written: No such file or directory"

    make_read_only(monkeypatch)
    with pytest.raises(OutputError) as caught:
        write_atomically(tmp_path / "out.bin", b"new")
    assert str(caught.value) == f"{tmp_path / 'out.bin'}: cannot be written: Permission denied"


def test_check_leaves_no_trace(tmp_path: Path) -> None:
    """The check makes no file and does not change an existing one."""
    file = tmp_path / "out.bin"
    check_destination(file, replace=False)
    assert list(tmp_path.iterdir()) == []

    file.write_bytes(b"old")
    check_destination(file, replace=True)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_existing_file_without_permission_to_replace(tmp_path: Path) -> None:
    """The error names the file and the remedy."""
    file = tmp_path / "out.bin"
    file.touch()

    with pytest.raises(OutputError) as caught:
        check_destination(file, replace=False)

    assert str(caught.value) == f"{file}: it exists already; --force replaces it"


@pytest.mark.parametrize("replace", [False, True])
def test_folder_as_destination(tmp_path: Path, replace: bool) -> None:
    """A folder is refused, with and without `replace`."""
    with pytest.raises(OutputError) as caught:
        check_destination(tmp_path, replace=replace)

    assert str(caught.value) == f"{tmp_path}: it is a folder, but a file is to be written"


def test_destination_in_a_missing_folder(tmp_path: Path) -> None:
    """The check fails if the folder does not exist."""
    file = tmp_path / "nowhere" / "out.bin"

    with pytest.raises(OutputError) as caught:
        check_destination(file, replace=True)

    assert str(caught.value) == f"{file}: cannot be written: No such file or directory"


def test_destination_in_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check tries to create a file in the folder."""
    make_read_only(monkeypatch)

    with pytest.raises(OutputError, match=r"out.bin: cannot be written: Permission denied$"):
        check_destination(tmp_path / "out.bin", replace=True)


def test_destination_that_cannot_be_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent folder that is not accessible, or a name that is too long, is an OutputError too."""

    def fail(path: Path) -> NoReturn:
        raise system_error(errno.ENAMETOOLONG)

    monkeypatch.setattr(Path, "is_dir", fail)
    with pytest.raises(OutputError, match=r"out.bin: cannot be written: File name too long$"):
        check_destination(tmp_path / "out.bin", replace=True)


def test_folders_are_made_with_their_parents(tmp_path: Path) -> None:
    """An existing folder is not an error."""
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()


def test_file_in_place_of_a_folder(tmp_path: Path) -> None:
    """The error names the file, which may be a parent."""
    taken = tmp_path / "a"
    taken.touch()

    for folder in (taken, taken / "b"):
        with pytest.raises(OutputError) as caught:
            make_folder(folder)
        assert str(caught.value) == f"{folder}: the folder cannot be made, because {taken} is a file"


def test_check_of_missing_folders_leaves_no_trace(tmp_path: Path) -> None:
    """The folders of the files are made, checked and removed again; existing ones stay."""
    (tmp_path / "old").mkdir()

    check_destinations([tmp_path / name for name in ("old/a", "old/new/a", "new/a", "new/b/c/a")], replace=False)

    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]


def test_failed_check_of_missing_folders_leaves_no_trace(tmp_path: Path) -> None:
    """A file in place of a folder, and an existing file, are errors after which no new folder is left."""
    (tmp_path / "taken").touch()

    for bad, message in (("taken/a", "because .*taken is a file$"), ("taken", "taken: it exists already; --force")):
        with pytest.raises(OutputError, match=message):
            check_destinations([tmp_path / "new" / "a", tmp_path / bad], replace=False)
        assert list(tmp_path.iterdir()) == [tmp_path / "taken"]

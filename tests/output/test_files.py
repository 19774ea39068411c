"""Atomic output, and checks of the destination before the work."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from speechgmm.errors import OutputError
from speechgmm.output.files import (
    check_destination,
    check_destinations,
    check_not_inputs,
    each_attempted,
    make_folder,
    write_atomically,
    write_parts,
)
from speechgmm.output.locks import try_lock

WRITES: tuple[Callable[[Path], None], ...] = (
    lambda file: write_atomically(file, b"new"),
    lambda file: check_destination(file, replace=True),
    lambda file: check_destination(file, replace=False),
)

posix = pytest.mark.skipif(os.name != "posix", reason="needs the files of POSIX")


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


@posix
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
    """A file that already has the name of the temporary file, and a living owner, is an error and is not touched."""
    monkeypatch.setattr("secrets.token_hex", lambda n_bytes: "0" * 2 * n_bytes)
    other = tmp_path / f".speechgmm-{'0' * 16}.part"
    with other.open("wb") as stream:
        assert try_lock(stream.fileno())

        with pytest.raises(OutputError, match=r"out\.bin: cannot be written: File exists$"):
            write_atomically(tmp_path / "out.bin", b"new")

    assert list(tmp_path.iterdir()) == [other]


@pytest.mark.parametrize("length", [240, 241, 255])
def test_names_may_be_as_long_as_the_file_system_allows(tmp_path: Path, length: int) -> None:
    """The temporary name does not contain the name of the file."""
    file = tmp_path / ("m" * (length - 4) + ".npz")
    check_destination(file, replace=False)
    write_atomically(file, b"new")

    assert file.read_bytes() == b"new"


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o777])
def test_permissions_of_a_replaced_file_are_kept(tmp_path: Path, mode: int) -> None:
    """A private file stays private, also while it is written."""
    file = tmp_path / "out.bin"
    file.write_bytes(b"old")
    file.chmod(mode)

    write_atomically(file, b"new")

    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs a superuser")
def test_the_owner_of_a_replaced_file_is_kept(tmp_path: Path) -> None:
    """A superuser does not take a private file away from its owner."""
    file = tmp_path / "out.bin"
    file.touch(0o600)
    os.chown(file, 12345, 12345)

    write_atomically(file, b"new")

    assert (file.stat().st_uid, file.stat().st_gid, stat.S_IMODE(file.stat().st_mode)) == (12345, 12345, 0o600)


@posix
def test_a_private_file_is_private_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary file never has more permissions than the file that it replaces."""
    file = tmp_path / "out.bin"
    file.touch(0o600)
    seen: list[int] = []
    open_file = os.open

    def watched(path: Path, flags: int, mode: int = 0o777) -> int:
        handle = open_file(path, flags, mode)
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))
        return handle

    monkeypatch.setattr(os, "open", watched)
    write_atomically(file, b"new")

    assert seen == [0o600]


@posix
@pytest.mark.parametrize("dangling", [False, True])
def test_a_symbolic_link_stays(tmp_path: Path, dangling: bool) -> None:
    """The file that it names is written, in the folder of that file."""
    (tmp_path / "models").mkdir()
    target, link = tmp_path / "models" / "voices-2.npz", tmp_path / "voices.npz"
    if not dangling:
        target.write_bytes(b"old")
    link.symlink_to("models/voices-2.npz")

    check_destination(link, replace=True)
    write_atomically(link, b"new")

    assert link.is_symlink()
    assert target.read_bytes() == link.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@posix
def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    """There is no file at its end."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    for write in WRITES:
        with pytest.raises(OutputError, match=r"a: cannot be written: Too many levels of symbolic links$"):
            write(tmp_path / "a")


def test_parts_are_written_as_they_come(tmp_path: Path) -> None:
    """They appear under the name of the file together, and not at all if one of them fails."""
    file = tmp_path / "out.txt"
    file.write_bytes(b"old")

    def parts(*, fail: bool) -> Iterator[bytes]:
        yield b"one "
        assert file.read_bytes() == b"old"
        if fail:
            raise ValueError
        yield b"two"

    with pytest.raises(ValueError, match=r"^$"):
        write_parts(file, parts(fail=True))
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
    assert file.read_bytes() == b"old"

    write_parts(file, parts(fail=False))
    assert file.read_bytes() == b"one two"


@posix
def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """It is not replaced, and needs no permission for that."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()

    check_destination(pipe, replace=False)
    write_atomically(pipe, b"new")
    reader.join(20)

    assert got == [b"new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


@posix
def test_a_device_is_written_to(tmp_path: Path) -> None:
    """A device, or a link to it, is not replaced; if it takes nothing, that is an error."""
    null, full, link = (tmp_path / name for name in ("null", "full", "link"))
    try:  # devices of this test: a superuser could replace those of the system
        os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(full, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        full.open("wb").close()
    except OSError:
        pytest.skip("needs a superuser who may make devices")
    link.symlink_to("null")

    for file in (null, link):
        check_destination(file, replace=False)
        write_atomically(file, b"new")
        assert null.is_char_device()
        assert file.is_char_device()
    with pytest.raises(OutputError, match=r"full: cannot be written: No space left on device$"):
        write_atomically(full, b"new")
    assert full.is_char_device()


@posix
def test_a_socket_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It can be neither replaced nor written to."""
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for write in WRITES:
            with pytest.raises(OutputError, match=r"^socket: it is a socket or a block device, but a file or a pipe"):
                write(Path("socket"))
        assert Path("socket").is_socket()


OWNER = """
import sys, time
from pathlib import Path
from speechgmm.output.temporary_files import open_temporary
open_temporary(Path(sys.argv[1]), 0o666)
print("open", flush=True)
time.sleep(60)
"""


def test_temporary_files_of_killed_processes_are_deleted(tmp_path: Path) -> None:
    """The next process that writes to the folder deletes them; those of living processes, and other files, stay."""
    other = tmp_path / ".notes.part"
    other.touch()
    owners = [subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for owner in owners:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"open\n"
        assert len(list(tmp_path.iterdir())) == 3
        owners[0].kill()
        owners[0].wait(20)

        write_atomically(tmp_path / "out.bin", b"new")

        left = {path.name for path in tmp_path.iterdir()} - {"out.bin", ".notes.part"}
        assert len(left) == 1
        assert left.pop().startswith(".speechgmm-")
        assert other.exists()
    finally:
        for owner in owners:
            owner.kill()
            owner.communicate()


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


def test_a_name_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    """The file system refuses it before the work."""
    with pytest.raises(OutputError, match=r"m: cannot be written: File name too long$"):
        check_destination(tmp_path / ("m" * 256), replace=True)


@pytest.mark.parametrize("name", ["corpus.csv", "other/../corpus.csv", "link.csv", "hard.csv"])
def test_an_input_is_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A file that is read is not written, under whatever name."""
    monkeypatch.chdir(tmp_path)
    corpus = Path("corpus.csv")
    corpus.write_text("path,label\n")
    Path("other").mkdir()
    Path("link.csv").symlink_to(corpus)
    os.link(corpus, "hard.csv")

    with pytest.raises(OutputError) as caught:
        check_not_inputs([Path("new.npz"), Path(name)], [Path("a.wav"), tmp_path / "corpus.csv"])

    assert str(caught.value) == (
        f"{name}: it is an input of this command ({tmp_path / 'corpus.csv'}) and would be lost: give another name for "
        "the output"
    )


def test_other_files_are_outputs(tmp_path: Path) -> None:
    """Existing files and devices that are not read, and files that do not exist yet."""
    for name in ("corpus.csv", "old.npz"):
        (tmp_path / name).touch()
    null = Path(os.devnull)

    check_not_inputs([tmp_path / "old.npz", tmp_path / "new.npz", null, null], [tmp_path / "corpus.csv", null])


def test_one_file_is_not_two_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second would replace the first."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(OutputError, match=r"r/a\.json: two outputs would be written to this file: give them"):
        check_not_inputs([Path("r/a.json"), Path("r/b.json"), tmp_path / "r" / "a.json"], [])


def test_every_output_is_attempted(tmp_path: Path) -> None:
    """One that fails loses no other, and each failure is told at the end."""

    def write_all() -> None:
        with each_attempted() as attempts:
            for name in ("no/a", "b", "no/c", "d"):
                attempts.run(write_atomically, tmp_path / name, name.encode())

    with pytest.raises(OutputError) as caught:
        write_all()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "d"]
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/no/{name}: cannot be written: No such file or directory" for name in "ac"
    ]


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

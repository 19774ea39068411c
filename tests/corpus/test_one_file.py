"""One file under two names with two labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from speechgmm.corpus import Recording, scan_folder
from speechgmm.corpus.one_file import with_two_labels
from speechgmm.errors import CorpusError


def recording(file: Path, label: str, *, start: float = 0.0, end: float | None = None) -> Recording:
    return Recording(file=file, name=file.name, label=label, start=start, end=end)


def write(file: Path, *, middle: bytes = b"m", end: bytes = b"e") -> Path:
    """A file of 30 kB with these bytes in the middle and at the end."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"s" * 10_000 + middle * 10_000 + end * 10_000)
    return file


def test_files_with_the_same_bytes_are_one(tmp_path: Path) -> None:
    """A difference anywhere makes another file, and so does another excerpt."""
    one, copy = write(tmp_path / "one.wav"), write(tmp_path / "copy.wav")
    others = [write(tmp_path / "middle.wav", middle=b"n"), write(tmp_path / "end.wav", end=b"f")]
    recordings = [
        recording(one, "a"),
        *(recording(file, "b") for file in (*others, tmp_path / "gone.wav")),
        recording(one, "b", start=1.0),
        recording(one, "b", end=1.0),
        recording(copy, "b"),
        recording(one, "c"),
    ]

    assert list(with_two_labels(recordings)) == [(0, 6), (0, 7)]


def test_the_same_label_is_no_contradiction(tmp_path: Path) -> None:
    """And empty files have nothing in common."""
    for name in ("1.wav", "2.wav"):
        (tmp_path / name).touch()
    same = [recording(write(tmp_path / name), "a") for name in ("3.wav", "4.wav")]

    assert not list(with_two_labels([*same, recording(tmp_path / "1.wav", "a"), recording(tmp_path / "2.wav", "b")]))


def test_files_are_read_only_if_need_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not if sizes differ, labels are the same, or it is a link to the same file."""
    (tmp_path / "link.wav").symlink_to(write(tmp_path / "one.wav"))
    (tmp_path / "short.wav").write_bytes(b"short")
    recordings = [recording(tmp_path / name, name[0]) for name in ("one.wav", "link.wav", "short.wav")]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file is read")

    monkeypatch.setattr(Path, "open", refuse)
    assert list(with_two_labels(recordings)) == [(0, 1)]


def test_files_that_cannot_be_read_are_no_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is reported when the recording is read."""
    recordings = [recording(write(tmp_path / f"{label}.wav"), label) for label in "ab"]

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert not list(with_two_labels(recordings))


def test_a_copy_in_two_class_folders_is_refused(tmp_path: Path) -> None:
    """Copies in one class are accepted."""
    for name in ("alto/1/x.wav", "alto/2/y.wav", "bass/1/z.wav"):
        write(tmp_path / name)

    with pytest.raises(CorpusError) as caught:
        scan_folder(tmp_path)

    assert caught.value.faults == (
        "bass/1/z.wav is the same file as alto/1/x.wav, but its label is 'bass' and not 'alto', keep one",
    )


def test_class_folders_that_look_alike_are_refused(tmp_path: Path) -> None:
    """So is one that looks like the reserved label."""
    for name in ("Alto/x.wav", "alto /y.wav", "bass/z.wav", "UNKNOWN/z.wav"):
        write(tmp_path / name, middle=name.encode()[:1])

    with pytest.raises(CorpusError) as caught:
        scan_folder(tmp_path)

    assert caught.value.faults == (
        f"{tmp_path}/UNKNOWN: 'UNKNOWN' is reserved for undecided recordings, rename the folder",
        "the class folders 'Alto' and 'alto ' look like one class, put them together",
    )

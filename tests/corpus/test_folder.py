"""Folders of recordings become a corpus, or a CorpusError names their faults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from speechgmm.corpus import find_audio, scan_folder
from speechgmm.errors import CorpusError


def make(root: Path, *names: str) -> Path:
    """Make empty files; a scan does not open them."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root


def forbid_listing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make listing a folder fail."""
    scandir = os.scandir

    def guarded(path: str | Path) -> Iterator[os.DirEntry[str]]:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)


def test_class_speaker_and_name_come_from_the_path(tmp_path: Path) -> None:
    """The first folder is the class, the second the speaker as CLASS/SPEAKER; the others are part of the name only."""
    make(tmp_path, "male/7/x/y/b.flac", "male/7/a.WAV", "female/7/c d.mp3", "female/ñ.opus")

    corpus = scan_folder(tmp_path)

    assert corpus.source == str(tmp_path)
    assert corpus.labels == ("female", "male")
    assert [(recording.name, recording.label, recording.speaker) for recording in corpus.recordings] == [
        ("female/7/c d.mp3", "female", "female/7"),
        ("female/ñ.opus", "female", None),
        ("male/7/a.WAV", "male", "male/7"),
        ("male/7/x/y/b.flac", "male", "male/7"),
    ]
    for recording in corpus.recordings:
        assert recording.file == tmp_path / recording.name
        assert (recording.split, recording.start, recording.end) == (None, 0.0, None)


def test_recordings_are_sorted_by_name(tmp_path: Path) -> None:
    """The order does not depend on the file system."""
    names = ["b/2/z.wav", "b/10/a.wav", "a/c.wav", "b/1.wav", "b/1/a.wav", "a/1/b.wav"]
    make(tmp_path, *names)

    assert [found.name for found in scan_folder(tmp_path).recordings] == sorted(names)


def test_files_left_out_are_counted(tmp_path: Path) -> None:
    """Notes count other files and recordings outside of class folders; hidden files are skipped without a note."""
    make(
        tmp_path,
        *("a/1/x.wav", "a/1/x.txt", "a/1/y.TXT", "a/1/z.mid", "a/LICENSE", "notes.txt", "loose.wav"),
        *("a/1/.hidden.wav", "a/.cache/x.wav", ".git/x.wav", ".y.wav"),
    )

    corpus = scan_folder(tmp_path)

    assert [found.name for found in corpus.recordings] == ["a/1/x.wav"]
    assert corpus.notes == (
        "files left out because they have no audio suffix: .txt (3), .mid (1), without suffix (1)",
        "recordings left out because they are not in a class folder: 1",
    )


def test_recordings_without_speaker_are_counted(tmp_path: Path) -> None:
    """A note counts the recordings without a speaker, because they make results optimistic."""
    make(tmp_path, "a/1/x.wav", "a/y.wav", "b/z.wav")

    (note,) = scan_folder(tmp_path).notes

    assert note.startswith("2 of 3 recordings have no speaker; results are optimistic")


def test_relative_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory can be scanned."""
    make(tmp_path, "a/1/x.wav", "loose.wav")
    monkeypatch.chdir(tmp_path)

    (recording,) = scan_folder(Path()).recordings
    assert (recording.name, recording.speaker) == ("a/1/x.wav", "a/1")


def test_links_are_followed_without_loops(tmp_path: Path) -> None:
    """Files in a linked folder have the name of the link; a link to a parent, direct or indirect, is not followed."""
    make(tmp_path, "store/s1/x.wav", "root/a/1/y.wav", "root/b/2/z.wav")
    root = tmp_path / "root"
    (root / "a" / "linked").symlink_to(tmp_path / "store" / "s1")
    (root / "a" / "1" / "back").symlink_to(root)
    (root / "a" / "1" / "self").symlink_to(root / "a" / "1")
    (root / "a" / "over").symlink_to(root / "b")
    (root / "b" / "over").symlink_to(root / "a")

    assert [found.name for found in scan_folder(root).recordings] == [
        "a/1/y.wav",
        "a/linked/x.wav",
        "a/over/2/z.wav",
        "b/2/z.wav",
        "b/over/1/y.wav",
        "b/over/linked/x.wav",
    ]


def test_broken_link_is_kept(tmp_path: Path) -> None:
    """A broken link counts as a recording, so that reading it reports the error."""
    make(tmp_path, "a/1/x.wav")
    (tmp_path / "a" / "1" / "broken.wav").symlink_to(tmp_path / "gone.wav")

    assert [found.name for found in scan_folder(tmp_path).recordings] == ["a/1/broken.wav", "a/1/x.wav"]


@pytest.mark.parametrize("name", ["gone", "file.wav", "x" * 300])
def test_root_that_is_not_a_folder(tmp_path: Path, name: str) -> None:
    """A root that is a file or missing is refused with the expected layout."""
    make(tmp_path, "file.wav")

    with pytest.raises(CorpusError, match=rf"{name}: it is not a folder, expected ROOT/CLASS/\[SPEAKER/...\]FILE$"):
        scan_folder(tmp_path / name)


def test_root_without_class_folders(tmp_path: Path) -> None:
    """Files and hidden folders are not classes."""
    make(tmp_path, "x.wav", ".hidden/y.wav")

    with pytest.raises(CorpusError, match=r"there are no class folders in it, expected ROOT/CLASS/"):
        scan_folder(tmp_path)


def test_class_folders_without_recordings(tmp_path: Path) -> None:
    """The error names all class folders without recordings and the suffixes of their files."""
    make(tmp_path, "full/x.wav", "text/1/x.txt", "text/1/y.txt", "text/z.mid")
    (tmp_path / "empty").mkdir()

    with pytest.raises(CorpusError, match=r"its class folders are faulty\n") as caught:
        scan_folder(tmp_path)

    assert caught.value.faults == (
        f"{tmp_path / 'empty'}: there are no recordings in it",
        f"{tmp_path / 'text'}: there are no recordings in it, only files named .txt (2), .mid (1)",
    )


def test_reserved_class_name(tmp_path: Path) -> None:
    """No class may have the label of undecided recordings."""
    make(tmp_path, "female/x.wav", "unknown/y.wav")

    with pytest.raises(CorpusError) as caught:
        scan_folder(tmp_path)

    assert caught.value.faults == (
        f"{tmp_path / 'unknown'}: 'unknown' is reserved for undecided recordings, rename the folder",
    )


def test_one_class_is_accepted(tmp_path: Path) -> None:
    """A single class can be evaluated; training checks for more."""
    make(tmp_path, "female/1/x.wav")

    assert scan_folder(tmp_path).labels == ("female",)


def test_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus with a folder that cannot be listed is refused."""
    make(tmp_path, "a/1/x.wav", "a/2/y.wav")
    forbid_listing(tmp_path / "a" / "2", monkeypatch)

    with pytest.raises(CorpusError, match=r"a/2: the folder cannot be listed \(Permission denied\)$"):
        scan_folder(tmp_path)


def test_find_audio_in_a_folder(tmp_path: Path) -> None:
    """All recordings at any depth by suffix, sorted within each folder; hidden and other files are skipped."""
    make(tmp_path, "b.wav", "a.MP3", "x/z.flac", "x/b/y.ogg", "x.txt", ".x.wav", ".x/y.wav")

    names = [file.relative_to(tmp_path).as_posix() for file in find_audio(tmp_path)]

    assert names == ["a.MP3", "b.wav", "x/z.flac", "x/b/y.ogg"]


def test_find_audio_is_sorted(tmp_path: Path) -> None:
    """The order does not depend on the file system."""
    names = [f"{letter}/{digit}.wav" for letter in "qxcmbzfa" for digit in "4918"]
    make(tmp_path, *names)

    assert [file.relative_to(tmp_path).as_posix() for file in find_audio(tmp_path)] == sorted(names)


def test_find_audio_of_other_paths(tmp_path: Path) -> None:
    """A file of any name gives itself, and so does a missing or invalid path."""
    make(tmp_path, "speech.dat")
    paths = [tmp_path / name for name in ("speech.dat", "gone.wav", "x" * 300, "a\0b.wav")]

    assert [list(find_audio(path)) for path in paths] == [[path] for path in paths]


def test_find_audio_is_lazy(tmp_path: Path) -> None:
    """Folders are listed while iterating."""
    make(tmp_path, "a.wav", "x/b.wav")
    files = find_audio(tmp_path)

    assert next(files) == tmp_path / "a.wav"
    make(tmp_path, "x/a.wav")
    assert list(files) == [tmp_path / "x" / "a.wav", tmp_path / "x" / "b.wav"]


def test_find_audio_gives_folders_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be listed comes last, so that reading it reports the error."""
    make(tmp_path, "a/x.wav", "b/y.wav")
    forbid_listing(tmp_path / "a", monkeypatch)

    assert list(find_audio(tmp_path)) == [tmp_path / "b" / "y.wav", tmp_path / "a"]

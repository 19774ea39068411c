"""Folders of recordings become a corpus, or a CorpusError says what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from speechgmm.corpus import find_audio, scan_folder
from speechgmm.errors import CorpusError


def make(root: Path, *names: str) -> Path:
    """Make empty files; no scan opens them."""
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return root


def close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder one that cannot be listed."""
    scandir = os.scandir

    def guarded(path: str | Path) -> Iterator[os.DirEntry[str]]:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)


def test_class_speaker_and_name_come_from_the_path(tmp_path: Path) -> None:
    """Class is the first folder, speaker the second as CLASS/SPEAKER, deeper folders belong to the name only."""
    make(tmp_path, "male/7/x/y/b.flac", "male/7/a.WAV", "female/7/c d.mp3", "female/ñ.opus")

    corpus = scan_folder(tmp_path)

    assert corpus.source == str(tmp_path)
    assert corpus.labels == ("female", "male")
    assert [(found.name, found.label, found.speaker) for found in corpus.recordings] == [
        ("female/7/c d.mp3", "female", "female/7"),
        ("female/ñ.opus", "female", None),
        ("male/7/a.WAV", "male", "male/7"),
        ("male/7/x/y/b.flac", "male", "male/7"),
    ]
    assert [found.file for found in corpus.recordings] == [tmp_path / found.name for found in corpus.recordings]
    assert all((found.split, found.start, found.end) == (None, 0.0, None) for found in corpus.recordings)


def test_order_is_that_of_the_names(tmp_path: Path) -> None:
    """Whatever order the disk gives, recordings are sorted by name."""
    names = ["b/2/z.wav", "b/10/a.wav", "a/c.wav", "b/1.wav", "b/1/a.wav", "a/1/b.wav"]
    make(tmp_path, *names)

    assert [found.name for found in scan_folder(tmp_path).recordings] == sorted(names)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    """Other files and recordings in no class are left out and said; hidden ones are left out silently."""
    make(
        tmp_path,
        *("a/1/x.wav", "a/1/x.txt", "a/1/y.TXT", "a/1/z.mid", "a/LICENSE", "notes.txt", "loose.wav"),
        *("a/1/.hidden.wav", "a/.cache/x.wav", ".git/x.wav", ".y.wav"),
    )

    corpus = scan_folder(tmp_path)

    assert [found.name for found in corpus.recordings] == ["a/1/x.wav"]
    assert corpus.notes == (
        "files left out that are not named like recordings: .txt (3), .mid (1), without suffix (1)",
        "recordings left out that are in no class folder: 1",
    )


def test_recordings_without_speaker_are_counted(tmp_path: Path) -> None:
    """Where speakers are not known, the notes say so, because results will flatter."""
    make(tmp_path, "a/1/x.wav", "a/y.wav", "b/z.wav")

    (note,) = scan_folder(tmp_path).notes

    assert note.startswith("2 of 3 recordings have no speaker; results are optimistic")


def test_relative_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder one is in can be scanned too."""
    make(tmp_path, "a/1/x.wav", "loose.wav")
    monkeypatch.chdir(tmp_path)

    assert [(found.name, found.speaker) for found in scan_folder(Path()).recordings] == [("a/1/x.wav", "a/1")]


def test_links_are_followed_without_loops(tmp_path: Path) -> None:
    """A linked folder counts under the link's name; a link back to where one is, or that two make, does not."""
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
    """A link that leads nowhere is a recording whose reading will say so, not one that vanishes."""
    make(tmp_path, "a/1/x.wav")
    (tmp_path / "a" / "1" / "broken.wav").symlink_to(tmp_path / "gone.wav")

    assert [found.name for found in scan_folder(tmp_path).recordings] == ["a/1/broken.wav", "a/1/x.wav"]


@pytest.mark.parametrize("name", ["gone", "file.wav", "x" * 300])
def test_root_that_is_no_folder(tmp_path: Path, name: str) -> None:
    """A root that is a file or not there at all is refused with the layout expected."""
    make(tmp_path, "file.wav")

    with pytest.raises(CorpusError, match=rf"{name}: it is not a folder, expected ROOT/CLASS/\[SPEAKER/...\]FILE$"):
        scan_folder(tmp_path / name)


def test_root_without_class_folders(tmp_path: Path) -> None:
    """A root with files and hidden folders only has no classes."""
    make(tmp_path, "x.wav", ".hidden/y.wav")

    with pytest.raises(CorpusError, match=r"there are no class folders in it, expected ROOT/CLASS/"):
        scan_folder(tmp_path)


def test_class_folders_without_recordings(tmp_path: Path) -> None:
    """All class folders that hold no recording are named, with what they hold instead."""
    make(tmp_path, "full/x.wav", "text/1/x.txt", "text/1/y.txt", "text/z.mid")
    (tmp_path / "empty").mkdir()

    with pytest.raises(CorpusError, match=r"its class folders are faulty\n") as caught:
        scan_folder(tmp_path)

    assert caught.value.faults == (
        f"{tmp_path / 'empty'}: there are no recordings in it",
        f"{tmp_path / 'text'}: there are no recordings in it, only files named .txt (2), .mid (1)",
    )


def test_reserved_class_name(tmp_path: Path) -> None:
    """No class may be called as the answer for what cannot be decided."""
    make(tmp_path, "female/x.wav", "unknown/y.wav")

    with pytest.raises(CorpusError) as caught:
        scan_folder(tmp_path)

    assert caught.value.faults == (
        f"{tmp_path / 'unknown'}: 'unknown' is the answer for what cannot be decided, rename the folder",
    )


def test_one_class_is_enough_here(tmp_path: Path) -> None:
    """A single class can be evaluated; training asks for more by itself."""
    make(tmp_path, "female/1/x.wav")

    assert scan_folder(tmp_path).labels == ("female",)


def test_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus of which a part cannot be seen is refused."""
    make(tmp_path, "a/1/x.wav", "a/2/y.wav")
    close(tmp_path / "a" / "2", monkeypatch)

    with pytest.raises(CorpusError, match=r"a/2: the folder cannot be listed \(Permission denied\)$"):
        scan_folder(tmp_path)


def test_find_audio_in_a_folder(tmp_path: Path) -> None:
    """All recordings at any depth by suffix, sorted within each folder; hidden and other files are passed over."""
    make(tmp_path, "b.wav", "a.MP3", "x/z.flac", "x/b/y.ogg", "x.txt", ".x.wav", ".x/y.wav")

    found = [file.relative_to(tmp_path).as_posix() for file in find_audio(tmp_path)]

    assert found == ["a.MP3", "b.wav", "x/z.flac", "x/b/y.ogg"]


def test_find_audio_is_in_order(tmp_path: Path) -> None:
    """Folders and files come by name, whatever order the disk gives."""
    names = [f"{letter}/{digit}.wav" for letter in "qxcmbzfa" for digit in "4918"]
    make(tmp_path, *names)

    assert [file.relative_to(tmp_path).as_posix() for file in find_audio(tmp_path)] == sorted(names)


def test_find_audio_of_anything_else(tmp_path: Path) -> None:
    """A file gives itself whatever its name, and so does a path where there is nothing, or cannot be."""
    make(tmp_path, "speech.dat")
    paths = [tmp_path / name for name in ("speech.dat", "gone.wav", "x" * 300, "a\0b.wav")]

    assert [list(find_audio(path)) for path in paths] == [[path] for path in paths]


def test_find_audio_is_lazy(tmp_path: Path) -> None:
    """Folders further down are looked at when their turn comes."""
    make(tmp_path, "a.wav", "x/b.wav")
    files = find_audio(tmp_path)

    assert next(files) == tmp_path / "a.wav"
    make(tmp_path, "x/a.wav")
    assert list(files) == [tmp_path / "x" / "a.wav", tmp_path / "x" / "b.wav"]


def test_find_audio_gives_folders_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is closed comes last, so that reading it makes an error line."""
    make(tmp_path, "a/x.wav", "b/y.wav")
    close(tmp_path / "a", monkeypatch)

    assert list(find_audio(tmp_path)) == [tmp_path / "b" / "y.wav", tmp_path / "a"]

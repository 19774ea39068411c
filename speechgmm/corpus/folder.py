"""Scan folders of recordings: ``ROOT/CLASS/[SPEAKER/...]FILE``, or any path.

Names that begin with a dot are skipped. Symbolic links are followed, except to a parent folder, which would be a loop.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from speechgmm.audio.reading import AUDIO_SUFFIXES
from speechgmm.corpus.look_alike import look_alikes, plain, shown
from speechgmm.corpus.one_file import with_two_labels
from speechgmm.corpus.recording import RESERVED_LABEL, Corpus, Recording
from speechgmm.errors import CorpusError

_LAYOUT = "expected ROOT/CLASS/[SPEAKER/...]FILE"


def scan_folder(root: Path) -> Corpus:
    """Read a corpus from a folder of class folders.

    The first folder below `root` is the class of a recording. The next one is its speaker, named ``CLASS/SPEAKER``, so
    that two classes may both have a speaker ``1``; without this folder it has no speaker. The path below `root` is its
    name. Files with one of `AUDIO_SUFFIXES` are recordings.

    Parameters
    ----------
    root : Path
        The folder.

    Returns
    -------
    corpus : Corpus
        Sorted by name. Its notes count the files left out and the recordings without a speaker.

    Raises
    ------
    CorpusError
        If `root` is not a folder or has no class folders, if a folder in it cannot be listed, if a class folder has no
        recordings or a reserved name, if the names of class folders look alike, or if one file, a link to it or a copy
        is in two of them.
    """
    if not is_folder(root):
        raise CorpusError(f"{root}: it is not a folder, {_LAYOUT}")
    files = list(_walk(root, _raise_not_listed))
    classes: dict[str, list[Path]] = {entry.name: [] for entry in sorted(root.iterdir()) if _is_class(entry)}
    if not classes:
        raise CorpusError(f"{root}: there are no class folders in it, {_LAYOUT}")
    for file in files:
        if file.parent != root:
            classes[file.relative_to(root).parts[0]].append(file)
    faults = [fault for name, members in classes.items() for fault in _class_faults(root / name, members)]
    unsorted = (_recording(root, file) for members in classes.values() for file in members if _is_audio(file))
    recordings = tuple(sorted(unsorted, key=lambda recording: recording.name))
    faults += [*_look_alikes(classes), *_one_file(recordings)]
    if faults:
        raise CorpusError(f"{root}: its class folders are faulty", faults)
    return Corpus(source=str(root), recordings=recordings, left_out=tuple(_left_out(root, files)))


def find_audio(path: Path) -> Iterator[Path]:
    """Find the recordings at a path.

    Parameters
    ----------
    path : Path
        A folder, or any other path.

    Yields
    ------
    file : Path
        For a folder: the files at any depth with one of `AUDIO_SUFFIXES`, sorted by name within each folder, then the
        folders that could not be listed. Folders are listed while iterating. For any other path: the path itself, even
        if it does not exist, so that the reader reports the error.
    """
    if not is_folder(path):
        yield path
        return
    unlisted: list[OSError] = []
    yield from filter(_is_audio, _walk(path, unlisted.append))
    yield from (Path(error.filename) for error in unlisted)


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; false for a path that cannot be looked up."""
    try:
        return path.is_dir()
    except OSError:  # the name is too long or a parent folder is not accessible
        return False


def _walk(root: Path, on_error: Callable[[OSError], object]) -> Iterator[Path]:
    for path, folders, files in os.walk(root, onerror=on_error, followlinks=True):
        folder = Path(path)
        folders[:] = sorted(name for name in folders if not (name.startswith(".") or _is_loop(folder / name)))
        yield from (folder / name for name in sorted(files) if not name.startswith("."))


def _is_loop(folder: Path) -> bool:
    """Whether a folder is a symbolic link to one of its parents."""
    if not folder.is_symlink():
        return False
    target = folder.resolve()
    return any(parent.resolve() == target for parent in folder.absolute().parents)


def _raise_not_listed(error: OSError) -> NoReturn:
    raise CorpusError(f"{error.filename}: the folder cannot be listed ({error.strerror})") from error


def _is_class(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _is_audio(file: Path) -> bool:
    return file.suffix.lower() in AUDIO_SUFFIXES


def _recording(root: Path, file: Path) -> Recording:
    label, *between, _ = parts = file.relative_to(root).parts
    return Recording(file=file, name="/".join(parts), label=label, speaker=f"{label}/{between[0]}" if between else None)


def _class_faults(folder: Path, files: Sequence[Path]) -> Iterator[str]:
    if plain(folder.name) == RESERVED_LABEL:
        yield f"{folder}: {shown(folder.name)} is reserved for undecided recordings, rename the folder"
    if not any(map(_is_audio, files)):
        yield f"{folder}: there are no recordings in it" + (f", only files named {_suffixes(files)}" if files else "")


def _look_alikes(classes: Iterable[str]) -> Iterator[str]:
    for group in look_alikes(classes):
        *others, last = map(shown, group)
        yield f"the class folders {', '.join(others)} and {last} look like one class, put them together"


def _one_file(recordings: Sequence[Recording]) -> Iterator[str]:
    for first, further in with_two_labels(recordings):
        yield (
            f"{recordings[further].name} is the same file as {recordings[first].name}, but its label is "
            f"{shown(recordings[further].label)} and not {shown(recordings[first].label)}, keep one"
        )


def _left_out(root: Path, files: Iterable[Path]) -> Iterator[str]:
    other = [file for file in files if not _is_audio(file)]
    if other:
        yield f"files left out because they have no audio suffix: {_suffixes(other)}"
    loose = [file for file in files if _is_audio(file) and file.parent == root]
    if loose:
        yield f"recordings left out because they are not in a class folder: {len(loose)}"


def _suffixes(files: Iterable[Path]) -> str:
    """Suffixes with their numbers of files, the most frequent first."""
    counts = Counter(file.suffix.lower() or "without suffix" for file in files)
    return ", ".join(
        f"{suffix} ({count})" for suffix, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )

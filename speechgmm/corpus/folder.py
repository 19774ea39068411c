"""Folders of recordings: ``ROOT/CLASS/[SPEAKER/...]FILE``, and the recordings below any path.

Names that begin with a dot are skipped. Symbolic links are followed, but never back into a folder one is in already.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from speechgmm.audio.reading import AUDIO_SUFFIXES
from speechgmm.corpus.recording import RESERVED_LABEL, Corpus, Recording
from speechgmm.errors import CorpusError

_LAYOUT = "expected ROOT/CLASS/[SPEAKER/...]FILE"


def scan_folder(root: Path) -> Corpus:
    """Read a corpus from a folder of class folders.

    The class of a recording is the first folder below `root`, its speaker the first folder below that as
    ``CLASS/SPEAKER``, so that two classes may both have a speaker ``1``; without such a folder it has no speaker.
    Its name is its path below `root`. Recordings are known by their suffix, one of `AUDIO_SUFFIXES`.

    Parameters
    ----------
    root : Path
        The folder.

    Returns
    -------
    corpus : Corpus
        Sorted by name. The notes count the files left out and the recordings without a speaker.

    Raises
    ------
    CorpusError
        If `root` is no folder or has no class folders, if a folder in it cannot be listed, or if a class folder holds
        no recording or has a name that is reserved.
    """
    if not is_folder(root):
        raise CorpusError(f"{root}: it is not a folder, {_LAYOUT}")
    files = list(_walk(root, _refuse))
    classes: dict[str, list[Path]] = {entry.name: [] for entry in sorted(root.iterdir()) if _is_class(entry)}
    if not classes:
        raise CorpusError(f"{root}: there are no class folders in it, {_LAYOUT}")
    for file in files:
        if file.parent != root:
            classes[file.relative_to(root).parts[0]].append(file)
    faults = [fault for name, own in classes.items() for fault in _class_faults(root / name, own)]
    if faults:
        raise CorpusError(f"{root}: its class folders are faulty", faults)
    found = (_recording(root, file) for own in classes.values() for file in own if _is_audio(file))
    recordings = tuple(sorted(found, key=lambda recording: recording.name))
    return Corpus(source=str(root), recordings=recordings, left_out=tuple(_left_out(root, files)))


def find_audio(path: Path) -> Iterator[Path]:
    """Find the recordings a path stands for.

    Parameters
    ----------
    path : Path
        A folder, or anything else.

    Yields
    ------
    file : Path
        Of a folder, the files at any depth that have one of `AUDIO_SUFFIXES`, found as they are asked for and sorted
        by name within each folder; at the end the folders that could not be listed. Anything but a folder as it is,
        whether it exists or not: reading it says what is wrong with it.
    """
    if not is_folder(path):
        yield path
        return
    unlisted: list[OSError] = []
    yield from filter(_is_audio, _walk(path, unlisted.append))
    yield from (Path(error.filename) for error in unlisted)


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; no for a path that cannot even be looked up."""
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or a folder on the way that is closed
        return False


def _walk(root: Path, on_error: Callable[[OSError], object]) -> Iterator[Path]:
    for folder, folders, files in os.walk(root, onerror=on_error, followlinks=True):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not (name.startswith(".") or _leads_back(here / name)))
        yield from (here / name for name in sorted(files) if not name.startswith("."))


def _leads_back(folder: Path) -> bool:
    if not folder.is_symlink():
        return False
    target = folder.resolve()
    return any(parent.resolve() == target for parent in folder.absolute().parents)


def _refuse(error: OSError) -> NoReturn:
    raise CorpusError(f"{error.filename}: the folder cannot be listed ({error.strerror})") from error


def _is_class(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _is_audio(file: Path) -> bool:
    return file.suffix.lower() in AUDIO_SUFFIXES


def _recording(root: Path, file: Path) -> Recording:
    label, *between, _ = parts = file.relative_to(root).parts
    return Recording(file=file, name="/".join(parts), label=label, speaker=f"{label}/{between[0]}" if between else None)


def _class_faults(folder: Path, files: Sequence[Path]) -> Iterator[str]:
    if folder.name == RESERVED_LABEL:
        yield f"{folder}: '{RESERVED_LABEL}' is the answer for what cannot be decided, rename the folder"
    if not any(map(_is_audio, files)):
        yield f"{folder}: there are no recordings in it" + (f", only files named {_suffixes(files)}" if files else "")


def _left_out(root: Path, files: Iterable[Path]) -> Iterator[str]:
    other = [file for file in files if not _is_audio(file)]
    if other:
        yield f"files left out that are not named like recordings: {_suffixes(other)}"
    loose = [file for file in files if _is_audio(file) and file.parent == root]
    if loose:
        yield f"recordings left out that are in no class folder: {len(loose)}"


def _suffixes(files: Iterable[Path]) -> str:
    """Say which suffixes there are and how many files have each, the most frequent first."""
    counts = Counter(file.suffix.lower() or "without suffix" for file in files)
    return ", ".join(
        f"{suffix} ({count})" for suffix, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )

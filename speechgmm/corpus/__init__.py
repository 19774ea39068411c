"""Corpora: recordings with label, speaker and split, from a folder of class folders or a CSV manifest.

Main path: `read_corpus` -> `folder.scan_folder` or `manifest.read_manifest` -> `recording.Corpus`. `speakers` divides
recordings into speaker-disjoint folds. The audio files themselves are not opened.
"""

from __future__ import annotations

from os import PathLike

from speechgmm.argument_checks import path
from speechgmm.audio.reading import AUDIO_SUFFIXES
from speechgmm.corpus.folder import find_audio, is_folder, scan_folder
from speechgmm.corpus.manifest import read_manifest, write_manifest
from speechgmm.corpus.recording import RESERVED_LABEL, SPLITS, Corpus, Recording, require_classes
from speechgmm.errors import CorpusError, OptionError

__all__ = [
    "RESERVED_LABEL",
    "SPLITS",
    "Corpus",
    "Recording",
    "find_audio",
    "read_corpus",
    "read_manifest",
    "require_classes",
    "scan_folder",
    "write_manifest",
]


def read_corpus(source: str | PathLike[str], *, root: str | PathLike[str] | None = None) -> Corpus:
    """Read a corpus from a folder of class folders or from a manifest.

    Parameters
    ----------
    source : path
        The folder or the manifest.
    root : path, optional
        Base folder of relative paths in a manifest. If None, the folder of the manifest.

    Returns
    -------
    corpus : Corpus

    Raises
    ------
    CorpusError
        If `source` is neither or is faulty: see `scan_folder` and `read_manifest`.
    OptionError
        If `source` is a folder and `root` is given, or one of them is no path.
    """
    source = path("source", source, "a folder or a manifest")
    root = None if root is None else path("root", root, "a folder")
    if is_folder(source):
        if root is not None:
            raise OptionError(f"root is {root}, but {source} is a folder; a root is for the paths in a manifest")
        return scan_folder(source)
    if source.suffix.lower() in AUDIO_SUFFIXES:
        raise CorpusError(f"{source}: this is one recording, expected a folder of class folders or a manifest")
    return read_manifest(source, root=root)

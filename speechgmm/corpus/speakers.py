"""Whose recordings train and whose are held out: always decided for whole speakers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from speechgmm.corpus.recording import Recording


def speaker_of(recording: Recording) -> str:
    """The speaker of a recording; a recording whose speaker nobody named is a speaker of its own."""
    return recording.speaker if recording.speaker is not None else f"recording {recording.name}"


def speaker_folds(recordings: Iterable[Recording], n_folds: int, seed: int) -> list[frozenset[str]]:
    """Divide the speakers into folds that have, as nearly as can be, equally many speakers of each class.

    Parameters
    ----------
    recordings : iterable of Recording
        At least two speakers of each class.
    n_folds : int
        How many folds at most; there are no more than the smallest class has speakers.
    seed : int
        The same seed and speakers give the same folds, in whatever order the recordings come.

    Returns
    -------
    list of frozenset of str
        Speakers, as `speaker_of` names them; each is in one fold, and each fold has speakers of every class.
    """
    speakers: dict[str, set[str]] = {}
    for recording in recordings:
        speakers.setdefault(recording.label, set()).add(speaker_of(recording))
    rng = np.random.default_rng(seed)
    n_folds = min(n_folds, *(len(names) for names in speakers.values()))
    folds: list[set[str]] = [set() for _ in range(n_folds)]
    for label in sorted(speakers):
        names = sorted(speakers[label])
        for position, index in enumerate(rng.permutation(len(names))):
            folds[position % n_folds].add(names[index])
    return [frozenset(fold) for fold in folds]

"""Speaker-disjoint folds: all recordings of a speaker are in the same fold."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from speechgmm.corpus.recording import Recording


def speaker_of(recording: Recording) -> str:
    """Speaker of a recording; a recording without a speaker counts as a speaker of its own."""
    return recording.speaker if recording.speaker is not None else f"recording {recording.name}"


def speaker_folds(recordings: Iterable[Recording], n_folds: int, seed: int) -> list[frozenset[str]]:
    """Divide the speakers into folds, stratified by class: per class, sizes differ by at most one speaker.

    Parameters
    ----------
    recordings : iterable of Recording
        At least two speakers of each class.
    n_folds : int
        Maximum number of folds; reduced to the number of speakers of the smallest class.
    seed : int
        The same seed and speakers give the same folds, whatever the order of the recordings.

    Returns
    -------
    list of frozenset of str
        Speakers, as named by `speaker_of`. Each is in one fold, and each fold has speakers of every class.
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


def fewest_speakers(recordings: Iterable[Recording]) -> int:
    """Number of training speakers (not of the dev split) of the class that has the fewest; 0 without recordings."""
    speakers: dict[str, set[str]] = {}
    for recording in recordings:
        names = speakers.setdefault(recording.label, set())
        if recording.split != "dev":
            names.add(speaker_of(recording))
    return min((len(names) for names in speakers.values()), default=0)

"""Speaker-disjoint folds: stratified by class and reproducible."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from speechgmm.corpus.recording import Recording
from speechgmm.corpus.speakers import speaker_folds, speaker_of


def recording(name: str, label: str, speaker: str | None) -> Recording:
    return Recording(file=Path(name), name=name, label=label, speaker=speaker)


def recordings(**speakers: int) -> list[Recording]:
    """Two recordings of each speaker; `speakers` gives the number of speakers per class."""
    return [
        recording(f"{label}/{number}/{take}.wav", label, f"{label}/{number}")
        for label, count in speakers.items()
        for number in range(count)
        for take in range(2)
    ]


def test_recording_without_speaker_is_a_speaker_of_its_own() -> None:
    """Two recordings without a speaker count as two speakers."""
    assert speaker_of(recording("a.wav", "low", "Ada")) == "Ada"
    assert speaker_of(recording("a.wav", "low", None)) != speaker_of(recording("b.wav", "low", None))


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_folds_are_stratified_by_class(n_folds: int) -> None:
    """Each speaker is in one fold, and per class, fold sizes differ by at most one speaker."""
    counts = {"high": 7, "low": 11, "other": 5}

    folds = speaker_folds(recordings(**counts), n_folds, seed=1)

    assert len(folds) == n_folds
    assert sorted(name for fold in folds for name in fold) == sorted(
        {speaker_of(each) for each in recordings(**counts)}
    )
    for label, count in counts.items():
        sizes = [sum(name.startswith(f"{label}/") for name in fold) for fold in folds]
        assert min(sizes) == count // n_folds > 0
        assert max(sizes) - min(sizes) <= 1


def test_number_of_folds_is_limited_by_the_smallest_class() -> None:
    """Each fold has speakers of every class."""
    folds = speaker_folds(recordings(high=9, low=3), 5, seed=1)

    assert len(folds) == 3
    assert all({name.split("/")[0] for name in fold} == {"high", "low"} for fold in folds)


def test_folds_depend_on_the_seed_and_not_on_the_order() -> None:
    """The order of the recordings has no effect; another seed gives other folds."""
    ordered = recordings(high=8, low=8)
    shuffled = [ordered[index] for index in np.random.default_rng(2).permutation(len(ordered))]

    assert speaker_folds(shuffled, 4, seed=1) == speaker_folds(ordered, 4, seed=1)
    folds_by_seed = [speaker_folds(ordered, 4, seed=seed) for seed in range(6)]
    assert any(first != second for first, second in pairwise(folds_by_seed))


def test_recordings_without_speakers_are_divided() -> None:
    """Recordings without speakers are distributed one by one."""
    unnamed = [recording(f"{label}{number}.wav", label, None) for label in ("high", "low") for number in range(4)]

    folds = speaker_folds(unnamed, 2, seed=0)

    assert [len(fold) for fold in folds] == [4, 4]

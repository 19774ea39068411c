"""Splitting: by whole speakers, every class in every part, and always the same way."""

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
    """Two recordings each of so many speakers a class."""
    return [
        recording(f"{label}/{number}/{take}.wav", label, f"{label}/{number}")
        for label, count in speakers.items()
        for number in range(count)
        for take in range(2)
    ]


def test_a_recording_without_speaker_is_a_speaker_of_its_own() -> None:
    """Two unnamed recordings are two speakers; named ones keep their name."""
    assert speaker_of(recording("a.wav", "low", "Ada")) == "Ada"
    assert speaker_of(recording("a.wav", "low", None)) != speaker_of(recording("b.wav", "low", None))


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_folds_are_even_in_every_class(n_folds: int) -> None:
    """Each speaker is in one fold, and no two folds differ by more than one speaker of a class."""
    counts = {"high": 7, "low": 11, "other": 5}

    folds = speaker_folds(recordings(**counts), n_folds, seed=1)

    assert len(folds) == n_folds
    assert sorted(name for fold in folds for name in fold) == sorted({each.speaker for each in recordings(**counts)})
    for label, count in counts.items():
        sizes = [sum(name.startswith(f"{label}/") for name in fold) for fold in folds]
        assert min(sizes) == count // n_folds > 0
        assert max(sizes) - min(sizes) <= 1


def test_there_are_no_more_folds_than_the_smallest_class_has_speakers() -> None:
    """Each fold must have every class."""
    folds = speaker_folds(recordings(high=9, low=3), 5, seed=1)

    assert len(folds) == 3
    assert all({name.split("/")[0] for name in fold} == {"high", "low"} for fold in folds)


def test_folds_depend_on_the_seed_and_not_on_the_order() -> None:
    """The order of the recordings does not count; another seed divides otherwise."""
    ordered = recordings(high=8, low=8)
    shuffled = [ordered[index] for index in np.random.default_rng(2).permutation(len(ordered))]

    assert speaker_folds(shuffled, 4, seed=1) == speaker_folds(ordered, 4, seed=1)
    divisions = [speaker_folds(ordered, 4, seed=seed) for seed in range(6)]
    assert any(one != other for one, other in pairwise(divisions))


def test_unnamed_recordings_are_divided_too() -> None:
    """Recordings without speakers are dealt out one by one."""
    unnamed = [recording(f"{label}{number}.wav", label, None) for label in ("high", "low") for number in range(4)]

    folds = speaker_folds(unnamed, 2, seed=0)

    assert [len(fold) for fold in folds] == [4, 4]

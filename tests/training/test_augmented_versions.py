"""Augmented versions of the recordings that train: which there are, and how they are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Corpus
from speechgmm.features.extraction import InStreams, Utterance
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.training.feature_store import FeatureStore
from speechgmm.training.heard_recordings import extract
from speechgmm.training.material import augmentations
from speechgmm.training.recipe import Augmentation, Recipe
from tests.builders import RunCommand


@pytest.mark.parametrize(
    ("shares", "kinds"),
    [
        (Augmentation(), []),
        (Augmentation(channel_share=0.2), ["channel"]),
        (Augmentation(channel_share=0.2, effort_share=0.1), ["channel", "effort"]),
    ],
)
def test_training_recordings_are_augmented(shares: Augmentation, kinds: list[str], voices: Path) -> None:
    """One of each wanted kind, none of the recordings of the dev split."""
    first, *others = read_corpus(voices).recordings
    corpus = Corpus(source="voices", recordings=(replace(first, split="dev"), *others))
    recipe = Recipe(mmi=MMIOptions(), augmentation=shares)
    assert augmentations(corpus, recipe) == [replace(each, augmentation=kind) for kind in kinds for each in others]


def test_versions_in_noise_are_made_where_submodels_reject(voices: Path) -> None:
    """Of a third of the recordings that train; not for class mixtures, and not without recordings of non-speech."""
    first, *others = read_corpus(voices).recordings
    corpus = Corpus(source="voices", recordings=(replace(first, split="dev"), *others))
    made = augmentations(corpus, Recipe(mmi=MMIOptions(), nonspeech="none"))
    assert made == [replace(each, augmentation="noise") for each in others[::3]]
    assert augmentations(corpus, Recipe(nonspeech="none")) == []
    assert augmentations(corpus, Recipe(mmi=MMIOptions())) == []


@pytest.mark.parametrize("kind", ["channel", "effort"])
def test_a_version_is_another_sound_of_the_same_file(kind: str, voices: Path, tmp_path: Path) -> None:
    """It has other frames than the recording, the same each time, in memory and from disk."""
    recordings = read_corpus(voices).recordings
    front_end, noises = FrontEndOptions(), (recordings[-1].file,)
    augmented = replace(recordings[0], augmentation=kind)
    in_memory = [extract(each, front_ends=[front_end], noises=noises) for each in (recordings[0], augmented, augmented)]
    stored = FeatureStore(folder=tmp_path, front_end=front_end, noises=noises).fetch(augmented)
    plain, *versions = [each for result in in_memory if isinstance(result, InStreams) for each in result.utterances]
    assert isinstance(stored, Utterance)
    versions.append(stored)
    assert len(versions) == 3
    first, original = next(versions[0].stretches()).frames, next(plain.stretches()).frames
    assert first.shape != original.shape or np.abs(first - original).max() > 0.1
    # A raised voice also speaks faster, in proportion to its pitch.
    n_frames = plain.summaries[0].n_frames
    assert (versions[0].summaries[0].n_frames == n_frames) == (kind == "channel")
    assert 0.35 * n_frames < versions[0].summaries[0].n_frames <= n_frames
    for each in versions[1:]:
        np.testing.assert_array_equal(next(each.stretches()).frames, first)
    assert versions[0].digest == plain.digest


def test_versions_with_other_noises_are_kept_apart(voices: Path, tmp_path: Path) -> None:
    """A version mixed with other sounds is not taken for this one; those of vocal effort have no noise."""
    recordings = read_corpus(voices).recordings
    for index in (-1, -2):
        store = FeatureStore(folder=tmp_path, front_end=FrontEndOptions(), noises=(recordings[index].file,))
        store.fetch(replace(recordings[0], augmentation="channel"))
        store.fetch(replace(recordings[0], augmentation="effort"))
    assert len(list(tmp_path.rglob("*.npy"))) == 3


def test_versions_of_another_augmentation_are_made_again(
    monkeypatch: pytest.MonkeyPatch, voices: Path, tmp_path: Path
) -> None:
    """A folder that an earlier version filled has other augmented versions; the recordings stay as they are."""
    recording = read_corpus(voices).recordings[0]
    for version in (1, 2):
        monkeypatch.setattr("speechgmm.training.feature_store.VERSION", version)
        store = FeatureStore(folder=tmp_path, front_end=FrontEndOptions())
        for kind in ("", "channel", "effort"):
            store.fetch(replace(recording, augmentation=kind))
    assert len(list(tmp_path.rglob("*.npy"))) == 5


@pytest.mark.parametrize("name", ["channel_share", "effort_share"])
def test_augmentation_without_mmi_is_refused(run: RunCommand, voices: Path, tmp_path: Path, name: str) -> None:
    """Only discriminative training uses augmented versions."""
    done = run("train", voices, "-o", tmp_path / "m.npz", "--recipe", "plain", "--set", f"augmentation.{name}=0.4")
    assert (done.returncode, done.stdout) == (2, "")
    assert "augmentation is given, but without MMI nothing is augmented: set mmi.iterations, or both" in done.stderr

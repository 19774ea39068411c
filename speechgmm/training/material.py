"""The material of a training: every recording and its augmented versions as utterances, in every stream."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from speechgmm.audio.reading import short_digest
from speechgmm.augmentation.augment import CHANNEL, EFFORT, NOISE, NONSPEECH_KINDS
from speechgmm.corpus.recording import Corpus, Recording, augmented_versions
from speechgmm.features.extraction import Failure, InStreams, Utterance
from speechgmm.features.options import FrontEndOptions
from speechgmm.training.feature_store import FeatureStore, fetch
from speechgmm.training.heard_recordings import extract
from speechgmm.training.packaged_rejection import Packaged, packaged_for
from speechgmm.training.recipe import Recipe
from speechgmm.training.recordings import TrainingRecordings
from speechgmm.training.run_context import Run

StreamUtterances = list[list[Utterance]]
"""For each stream the same utterances in the same order, with the frames of that stream."""

NOISY_STEP = 3  # of the recordings, for each one with a version in noise: more of them add little

Extractor = Callable[[Recording], InStreams | Failure]


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """All utterances of a training.

    Attributes
    ----------
    corpus : Corpus
        Their recordings, without non-speech and augmented versions.
    streams : list of list of Utterance
        The recordings and their augmented versions, in each stream.
    nonspeech : list of list of Utterance
        Non-speech and augmented versions of it, in each stream.
    packaged : Packaged, optional
        Background mixtures and rejection, where the recipe takes those of the package.
    failures : tuple of Failure
        Recordings that could not be used.
    """

    corpus: Corpus
    streams: StreamUtterances
    nonspeech: StreamUtterances
    failures: tuple[Failure, ...]
    packaged: Packaged | None = None

    @property
    def usable(self) -> list[Recording]:
        """The recordings with speech frames in every stream."""
        return [
            first.recording
            for first, *others in zip(*self.streams, strict=True)
            if not first.recording.augmentation and all(each.n_speech for each in (first, *others))
        ]

    def of(self, corpus: Corpus, keep: Callable[[Recording], bool]) -> Material:
        """The utterances of a part of the corpus, whose recordings `keep` is true for; all of the non-speech."""
        return replace(self, corpus=corpus, streams=selected(self.streams, keep))

    @property
    def train_set(self) -> StreamUtterances:
        """Recordings and augmented versions that train: all but the dev split."""
        return selected(self.streams, lambda recording: recording.split != "dev")

    @property
    def train_recordings(self) -> StreamUtterances:
        """The train set without augmented versions."""
        return selected(self.streams, lambda recording: recording.split != "dev" and not recording.augmentation)

    @property
    def dev_recordings(self) -> StreamUtterances:
        """The dev split without augmented versions; empty lists where the corpus has none."""
        return selected(self.streams, lambda recording: recording.split == "dev" and not recording.augmentation)

    @property
    def short_digests(self) -> npt.NDArray[np.uint64]:
        """Digests of all files, sorted."""
        digests = {short_digest(each.digest) for each in (*self.streams[0], *self.nonspeech[0])}
        return np.array(sorted(digests), dtype=np.uint64)


def selected(streams: StreamUtterances, keep: Callable[[Recording], bool]) -> StreamUtterances:
    """The utterances whose recordings `keep` is true for, in each stream."""
    return [[each for each in utterances if keep(each.recording)] for utterances in streams]


def read_material(recordings: TrainingRecordings, run: Run) -> Material:
    """Read all recordings and make their augmented versions.

    Parameters
    ----------
    recordings : TrainingRecordings
    run : Run

    Returns
    -------
    Material

    Raises
    ------
    OptionError
        If rejection is asked for and there is nothing for it.
    OutputError
        If features cannot be written to the feature folder.
    """
    packaged = packaged_for(run.recipe)
    voices, nonspeech, recipe = recordings.voices, recordings.nonspeech, run.recipe
    noises = tuple(recording.file for recording in nonspeech)

    voice_versions = (*voices.recordings, *augmentations(voices, recipe))
    of_voices = _extract_all(voice_versions, recipe.front_ends, run, noises)
    sounds = (*nonspeech, *augmented_versions(nonspeech, NONSPEECH_KINDS))
    of_nonspeech = _extract_all(sounds, recipe.front_ends, run, noises)
    return Material(
        corpus=voices,
        streams=of_voices.streams,
        nonspeech=of_nonspeech.streams,
        packaged=packaged,
        failures=(*of_voices.failures, *of_nonspeech.failures),
    )


def augmentations(corpus: Corpus, recipe: Recipe) -> list[Recording]:
    """The augmented versions of the recordings that train: see `Augmentation`.

    Where tied sub-models learn to reject, a third of the recordings also have a version in recorded noise.
    """
    shares = {CHANNEL: recipe.augmentation.channel_share, EFFORT: recipe.augmentation.effort_share}
    trained = [recording for recording in corpus.recordings if recording.split != "dev"]
    versions = augmented_versions(trained, [kind for kind, share in shares.items() if share])
    noisy = trained[::NOISY_STEP] if recipe.mmi and recipe.nonspeech else []
    return [*versions, *augmented_versions(noisy, [NOISE])]


@dataclass(frozen=True, eq=False)
class _Extracted:
    streams: StreamUtterances
    failures: list[Failure]


def _extractor(front_ends: Sequence[FrontEndOptions], run: Run, noises: tuple[Path, ...]) -> Extractor:
    folder, channel = run.feature_folder, run.channel
    if folder is None:
        return functools.partial(extract, front_ends=front_ends, channel=channel, noises=noises)
    stores = [FeatureStore(folder=folder, front_end=each, channel=channel, noises=noises) for each in front_ends]
    return functools.partial(fetch, stores)


def _extract_all(
    recordings: Sequence[Recording], front_ends: Sequence[FrontEndOptions], run: Run, noises: tuple[Path, ...]
) -> _Extracted:
    """Extract every recording in every stream."""
    streams: StreamUtterances = [[] for _ in front_ends]
    failures: list[Failure] = []
    if recordings:
        results = run.executor.read(_extractor(front_ends, run, noises), recordings)
        for result in run.progress(results, total=len(recordings), what="reading recordings"):
            if isinstance(result, InStreams):
                for own, utterance in zip(streams, result.utterances, strict=True):
                    own.append(utterance)
            else:
                failures.append(result)
    return _Extracted(streams, [failure for failure in failures if not failure.recording.augmentation])

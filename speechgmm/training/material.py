"""The material of a training: every recording and its augmented versions as utterances, in every stream."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from speechgmm.audio.reading import short_digest
from speechgmm.augmentation.augment import CHANNEL, EFFORT, NONSPEECH_KINDS, SHOUT
from speechgmm.corpus.recording import Corpus, Recording, augmented_versions
from speechgmm.features.extraction import Failure, Utterance, extract
from speechgmm.features.options import FrontEndOptions
from speechgmm.training.feature_store import FeatureStore
from speechgmm.training.packaged_rejection import PackagedRejection, packaged_rejection
from speechgmm.training.recipe import Recipe
from speechgmm.training.recordings import TrainingRecordings
from speechgmm.training.run_context import Run

StreamUtterances = list[list[Utterance]]
"""For each stream the same utterances in the same order, with the frames of that stream."""

Extractor = Callable[[Recording], Utterance | Failure]


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """All utterances of a training.

    Attributes
    ----------
    corpus : Corpus
        Their recordings, without non-speech and augmented versions.
    streams : list of list of Utterance
        The recordings and their augmented versions, in each stream.
    nonspeech : list of Utterance
        Non-speech and augmented versions of it, with the frames of the rejecting stream.
    packaged : PackagedRejection, optional
        What stands for non-speech, where the recipe takes that of the package.
    failures : tuple of Failure
        Recordings that could not be used.
    """

    corpus: Corpus
    streams: StreamUtterances
    nonspeech: list[Utterance]
    failures: tuple[Failure, ...]
    packaged: PackagedRejection | None = None

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
        digests = {short_digest(each.digest) for each in (*self.streams[0], *self.nonspeech)}
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
    packaged = packaged_rejection(run.recipe)
    voices, nonspeech, recipe = recordings.voices, recordings.nonspeech, run.recipe
    noises = tuple(recording.file for recording in nonspeech)

    def extract_all(recordings: Sequence[Recording], front_ends: Sequence[FrontEndOptions]) -> _Extracted:
        extractors = [_extractor(front_end, run, noises) for front_end in front_ends]
        return _extract_all(recordings, extractors, run)

    of_voices = extract_all((*voices.recordings, *augmentations(voices, recipe)), recipe.front_ends)
    all_nonspeech = (*nonspeech, *augmented_versions(nonspeech, NONSPEECH_KINDS))
    of_nonspeech = extract_all(all_nonspeech, (recipe.front_ends[recipe.rejecting_stream],))
    return Material(
        corpus=voices,
        streams=of_voices.streams,
        nonspeech=of_nonspeech.streams[0],
        packaged=packaged,
        failures=(*of_voices.failures, *of_nonspeech.failures),
    )


def augmentations(corpus: Corpus, recipe: Recipe) -> list[Recording]:
    """The augmented versions of the recordings that train: see `MMIOptions`."""
    mmi = recipe.mmi
    shares = {CHANNEL: mmi.channel_share, EFFORT: mmi.effort_share, SHOUT: mmi.effort_share} if mmi else {}
    trained = [recording for recording in corpus.recordings if recording.split != "dev"]
    return augmented_versions(trained, [kind for kind, share in shares.items() if share])


@dataclass(frozen=True, eq=False)
class _Extracted:
    streams: StreamUtterances
    failures: list[Failure]


def _extractor(front_end: FrontEndOptions, run: Run, noises: tuple[Path, ...]) -> Extractor:
    if run.feature_folder is None:
        return functools.partial(extract, front_end=front_end, channel=run.channel, noises=noises)
    return FeatureStore(folder=run.feature_folder, front_end=front_end, channel=run.channel, noises=noises).fetch


def _extract_all(recordings: Sequence[Recording], extractors: Sequence[Extractor], run: Run) -> _Extracted:
    """Extract every recording in every stream; one that fails in any of them is in none."""
    streams: StreamUtterances = []
    failures: dict[tuple[object, ...], Failure] = {}
    for extractor in extractors:
        readable = [each for each in recordings if _key(each) not in failures]
        utterances: list[Utterance] = []
        streams.append(utterances)
        if not readable:
            continue
        results = run.executor.read(extractor, readable)
        for result in run.progress(results, total=len(readable), what="reading recordings"):
            if isinstance(result, Utterance):
                utterances.append(result)
            else:
                failures[_key(result.recording)] = result
    # A file may be deleted between one stream and the next.
    streams = selected(streams, lambda recording: _key(recording) not in failures)
    return _Extracted(streams, [failure for failure in failures.values() if not failure.recording.augmentation])


def _key(recording: Recording) -> tuple[object, ...]:
    return recording.name, recording.start, recording.end, recording.augmentation

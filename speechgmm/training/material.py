"""What a training learns from: utterances as every stream sees them, their copies, sounds that are no speech."""

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
from speechgmm.errors import CorpusError
from speechgmm.features.extraction import Failure, Utterance, extract
from speechgmm.features.options import FrontEndOptions
from speechgmm.progress import Progress
from speechgmm.training.feature_store import FeatureStore
from speechgmm.training.options import TrainingOptions
from speechgmm.workers.local import Executor

Views = list[list[Utterance]]
"""For each stream the same utterances in the same order."""

Extractor = Callable[[FrontEndOptions], Callable[[Recording], Utterance | Failure]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """All that was read.

    Attributes
    ----------
    views : list of list of Utterance
        Recordings and their copies, as each stream sees them.
    nonspeech : list of Utterance
        Sounds that are no speech and copies of them, as the stream sees them that tells them from speech.
    failures : tuple of Failure
        Recordings that could not be used.
    """

    views: Views
    nonspeech: list[Utterance]
    failures: tuple[Failure, ...]

    @property
    def usable(self) -> list[Recording]:
        """The recordings in which every stream heard speech."""
        pairs = zip(*self.views, strict=True)
        return [
            each[0].recording
            for each in pairs
            if not each[0].recording.augmentation and all(view.n_speech for view in each)
        ]

    def of(self, keep: Callable[[Recording], bool]) -> Material:
        """The part of it whose recordings are kept; the sounds that are no speech all are."""
        return replace(self, views=[[each for each in view if keep(each.recording)] for view in self.views])

    @property
    def train_set(self) -> Views:
        """Recordings and copies that train."""
        return [[each for each in view if each.recording.split != "dev"] for view in self.views]

    def originals(self, part: str) -> Views:
        """The recordings themselves of the part "train" or "dev"; what has no split trains."""
        return [
            [
                each
                for each in view
                if not each.recording.augmentation and (each.recording.split == "dev") == (part == "dev")
            ]
            for view in self.views
        ]

    @property
    def short_digests(self) -> npt.NDArray[np.uint64]:
        """Digests of all files, sorted."""
        digests = {short_digest(each.digest) for each in (*self.views[0], *self.nonspeech)}
        return np.array(sorted(digests), dtype=np.uint64)


def read_material(
    corpus: Corpus,
    sounds: Sequence[Recording],
    options: TrainingOptions,
    *,
    workers: Executor,
    channel: int | None,
    features: Path | None,
    progress: Progress,
) -> Material:
    """Read what a training learns from; parameters otherwise as for `training.train`.

    Parameters
    ----------
    corpus : Corpus
        Recordings of voices, of the train and dev splits or without splits.
    sounds : sequence of Recording
        What is no speech; copies through other channels are mixed with them.
    """
    noises = tuple(recording.file for recording in sounds)

    def extractor(front_end: FrontEndOptions) -> Callable[[Recording], Utterance | Failure]:
        if features is None:
            return functools.partial(extract, front_end=front_end, channel=channel, noises=noises)
        return FeatureStore(folder=features, front_end=front_end, channel=channel, noises=noises).fetch

    recordings = (*corpus.recordings, *copies(corpus, options))
    views, failures = _extract_all(recordings, options.front_ends, workers, extractor, progress)
    judge = options.front_ends[options.rejecting_stream]
    (nonspeech,), lost = _extract_all(
        (*sounds, *augmented_versions(sounds, NONSPEECH_KINDS)), (judge,), workers, extractor, progress
    )
    return Material(views=views, nonspeech=nonspeech, failures=(*failures, *lost))


def copies(corpus: Corpus, options: TrainingOptions) -> list[Recording]:
    """The copies of training recordings that are wanted: see `MMIOptions`."""
    wanted = options.mmi
    shares = {CHANNEL: wanted.channel_share, EFFORT: wanted.effort_share, SHOUT: wanted.effort_share} if wanted else {}
    learnt = [recording for recording in corpus.recordings if recording.split != "dev"]
    return augmented_versions(learnt, [kind for kind, share in shares.items() if share])


def nonspeech_of(corpus: Corpus, label: str) -> tuple[Recording, ...]:
    """The recordings of a class that training may touch as sounds that are no speech.

    Raises
    ------
    CorpusError
        If the class has none of them.
    """
    if not label:
        return ()
    split = any(recording.split is not None for recording in corpus.recordings)
    found = corpus.select(lambda each: each.label == label and (not split or each.split == "train")).recordings
    if not found:
        raise CorpusError(f"{corpus.source}: the class {label!r} has no recordings to learn from what is no speech")
    return found


def _extract_all(
    recordings: Sequence[Recording],
    front_ends: Sequence[FrontEndOptions],
    workers: Executor,
    extractor: Extractor,
    progress: Progress,
) -> tuple[Views, list[Failure]]:
    """The utterances with the frames of each stream, and what could not be read: the same in all of them."""
    views: Views = []
    failures: dict[tuple[object, ...], Failure] = {}
    for front_end in front_ends:
        readable = [each for each in recordings if _key(each) not in failures]
        found: list[Utterance] = []
        views.append(found)
        if not readable:
            continue
        results = workers.read(extractor(front_end), readable)
        for result in progress(results, total=len(readable), what="reading recordings"):
            if isinstance(result, Utterance):
                found.append(result)
            else:
                failures[_key(result.recording)] = result
    # A file may have gone between one stream and the next.
    views = [[each for each in view if _key(each.recording) not in failures] for view in views]
    return views, [failure for failure in failures.values() if not failure.recording.augmentation]


def _key(recording: Recording) -> tuple[object, ...]:
    return recording.name, recording.start, recording.end, recording.augmentation

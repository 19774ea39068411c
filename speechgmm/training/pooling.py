"""Pooling: the frames of many utterances as one data set for EM, weighted by speaker and mean-normalised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speechgmm.corpus.speakers import speaker_of
from speechgmm.errors import TrainingError
from speechgmm.features.extraction import FrameStorage, Utterance
from speechgmm.features.front_end import Features, mean_shift
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.shards import SHARD_FRAMES, ShardedFrames
from speechgmm.training.recipe import Recipe
from speechgmm.workers.local import Executor


@dataclass(frozen=True, eq=False)
class ClassUtterances:
    """The training utterances of one class.

    Attributes
    ----------
    label : str
        The class.
    utterances : tuple of Utterance
        At least one with speech.
    weights : tuple of float
        Weight of each frame of an utterance, positive.
    """

    label: str
    utterances: tuple[Utterance, ...]
    weights: tuple[float, ...]

    @property
    def n_speech(self) -> int:
        """Number of speech frames."""
        return sum(utterance.n_speech for utterance in self.utterances)

    @property
    def total(self) -> float:
        """Sum of the weights of all speech frames."""
        pairs = zip(self.weights, self.utterances, strict=True)
        return sum(weight * utterance.n_speech for weight, utterance in pairs)

    def times(self, factor: float) -> ClassUtterances:
        """The same utterances with all weights multiplied by a factor."""
        return replace(self, weights=tuple(factor * weight for weight in self.weights))


@dataclass(frozen=True, eq=False)
class Piece:
    """Consecutive speech frames of one stretch.

    Attributes
    ----------
    storage : FrameStorage
    begin, end : int
        Their range in the utterance's frames.
    shift : ndarray (D,) of float32, or None
        Subtracted from each frame; None for nothing.
    weight : float
        Of each frame.
    worker : str
        On a cluster, the address of the worker that extracted them; else empty.
    """

    storage: FrameStorage
    begin: int
    end: int
    shift: Features | None
    weight: float
    worker: str = ""

    def frames(self) -> Features:
        """The mean-normalised frames."""
        frames = self.storage.read(self.begin, self.end)
        return frames if self.shift is None else frames - self.shift


@dataclass(frozen=True, eq=False)
class PooledShard:
    """Pieces of several utterances; implements `mixture.shards.Shard`."""

    pieces: tuple[Piece, ...]

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return sum(piece.end - piece.begin for piece in self.pieces)

    @property
    def worker(self) -> str:
        """On a cluster, the worker that extracted most of the pieces."""
        return Counter(piece.worker for piece in self.pieces).most_common(1)[0][0]

    def frames(self) -> Features:
        """The mean-normalised frames, piece by piece."""
        return np.concatenate([piece.frames() for piece in self.pieces])

    def weights(self) -> Floats:
        """Weight of each frame."""
        return np.repeat([piece.weight for piece in self.pieces], [piece.end - piece.begin for piece in self.pieces])

    def describe(self, row: int) -> str:
        """Name of the storage of a frame."""
        ends = np.cumsum([piece.end - piece.begin for piece in self.pieces])
        return self.pieces[int(np.searchsorted(ends, row, side="right"))].storage.describe()


def balance(label: str, utterances: Sequence[Utterance], recipe: Recipe) -> ClassUtterances:
    """Weight utterances so that no speaker dominates the class: see `Recipe.speaker_share`.

    Parameters
    ----------
    label : str
    utterances : sequence of Utterance
        Of that class.
    recipe : Recipe

    Returns
    -------
    ClassUtterances
        With weights up to 1.

    Raises
    ------
    TrainingError
        If there is less speech than the recipe need.
    """
    frames_of: Counter[str] = Counter()
    for utterance in utterances:
        frames_of[speaker_of(utterance.recording)] += utterance.n_speech
    if frames_of.total() < recipe.least_frames:
        hop_s = recipe.front_end.hop_s
        needed = f"{recipe.least_frames * hop_s:.1f} s"
        remedy = (
            f"{needed} is needed: give more speech"
            if recipe.uses_package
            else f"{recipe.n_components} components need {needed}: give more speech or fewer components"
        )
        raise TrainingError(
            f"the class {label!r} has {frames_of.total() * hop_s:.1f} s of speech to train on, but {remedy}"
        )
    limit = recipe.speaker_share * float(np.median([count for count in frames_of.values() if count]))
    weights = [min(1.0, limit / max(frames_of[speaker_of(utterance.recording)], 1)) for utterance in utterances]
    return ClassUtterances(label, tuple(utterances), tuple(weights))


def reference_mean(classes: Sequence[ClassUtterances]) -> Floats:
    """The mean frame of the training data, every class with the same weight.

    Parameters
    ----------
    classes : sequence of ClassUtterances

    Returns
    -------
    ndarray (D,)
    """
    means = []
    for each in classes:
        pairs = zip(each.utterances, each.weights, strict=True)
        sums = [
            weight * summary.n_speech * summary.mean for utterance, weight in pairs for summary in utterance.summaries
        ]
        means.append(np.sum(sums, axis=0) / each.total)
    mean: Floats = np.mean(means, axis=0)
    return mean


def pool(
    classes: Sequence[ClassUtterances], reference: Floats, front_end: FrontEndOptions, executor: Executor
) -> ShardedFrames:
    """The frames of one or more classes, mean-normalised toward the reference, in shards of `SHARD_FRAMES`.

    Parameters
    ----------
    classes : sequence of ClassUtterances
    reference : ndarray (D,)
        Mean toward which utterances are normalised.
    front_end : FrontEndOptions
    executor : Executor
        Of the work on the shards.

    Returns
    -------
    ShardedFrames
        All shards but the last are full.
    """
    shards: list[PooledShard] = []
    pending: list[Piece] = []
    room = SHARD_FRAMES
    for piece in _pieces(classes, reference, front_end):
        begin = piece.begin
        while begin < piece.end:
            end = min(piece.end, begin + room)
            pending.append(replace(piece, begin=begin, end=end))
            room -= end - begin
            begin = end
            if not room:
                shards.append(PooledShard(tuple(pending)))
                pending, room = [], SHARD_FRAMES
    if pending:
        shards.append(PooledShard(tuple(pending)))
    return ShardedFrames(shards, executor.compute)


def _pieces(classes: Sequence[ClassUtterances], reference: Floats, front_end: FrontEndOptions) -> Iterator[Piece]:
    for each in classes:
        for utterance, weight in zip(each.utterances, each.weights, strict=True):
            begin = 0
            for summary in utterance.summaries:
                end = begin + summary.n_speech
                shift = mean_shift(summary.mean, summary.n_speech, reference, front_end)
                yield Piece(utterance.storage, begin, end, shift, weight, utterance.worker)
                begin = end

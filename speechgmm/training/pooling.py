"""The frames of many utterances as one set for EM: how much each counts, and where its mean is moved."""

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
from speechgmm.mixture.shards import SHARD_FRAMES
from speechgmm.training.options import TrainingOptions


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
        How much each frame of an utterance counts, positive.
    """

    label: str
    utterances: tuple[Utterance, ...]
    weights: tuple[float, ...]

    @property
    def n_speech(self) -> int:
        """Frames of speech."""
        return sum(utterance.n_speech for utterance in self.utterances)

    @property
    def total(self) -> float:
        """Sum of the weights of all frames of speech."""
        pairs = zip(self.weights, self.utterances, strict=True)
        return sum(weight * utterance.n_speech for weight, utterance in pairs)

    def times(self, factor: float) -> ClassUtterances:
        """The same, every frame counting so many times as much."""
        return replace(self, weights=tuple(factor * weight for weight in self.weights))


@dataclass(frozen=True, eq=False)
class Piece:
    """Successive speech frames of one stretch.

    Attributes
    ----------
    kept : FrameStorage
        Where they are.
    begin, end : int
        Which of the utterance's frames they are.
    shift : ndarray (D,) of float32, or None
        What is taken off each; None for nothing.
    weight : float
        How much each counts.
    home : str
        The address of the worker that extracted them, on a cluster.
    """

    kept: FrameStorage
    begin: int
    end: int
    shift: Features | None
    weight: float
    home: str = ""

    def frames(self) -> Features:
        """The frames, moved."""
        frames = self.kept.read(self.begin, self.end)
        return frames if self.shift is None else frames - self.shift


@dataclass(frozen=True, eq=False)
class PooledShard:
    """Pieces of several utterances: a `mixture.shards.Shard`."""

    pieces: tuple[Piece, ...]

    @property
    def n_frames(self) -> int:
        """How many frames the pieces have."""
        return sum(piece.end - piece.begin for piece in self.pieces)

    @property
    def home(self) -> str:
        """The worker that extracted most of the pieces, on a cluster."""
        return Counter(piece.home for piece in self.pieces).most_common(1)[0][0]

    def frames(self) -> Features:
        """The frames, moved, one piece after the other."""
        return np.concatenate([piece.frames() for piece in self.pieces])

    def weights(self) -> Floats:
        """How much each frame counts."""
        return np.repeat([piece.weight for piece in self.pieces], [piece.end - piece.begin for piece in self.pieces])

    def describe(self, row: int) -> str:
        """Where a frame is kept."""
        ends = np.cumsum([piece.end - piece.begin for piece in self.pieces])
        return self.pieces[int(np.searchsorted(ends, row, side="right"))].kept.describe()


def balance(label: str, utterances: Sequence[Utterance], options: TrainingOptions) -> ClassUtterances:
    """Weight utterances so that no talkative speaker owns the class: see `TrainingOptions.speaker_share`.

    Parameters
    ----------
    label : str
    utterances : sequence of Utterance
        Of that class.
    options : TrainingOptions

    Returns
    -------
    ClassUtterances
        With weights up to 1.

    Raises
    ------
    TrainingError
        If they hold less speech than the options need.
    """
    frames_of: Counter[str] = Counter()
    for utterance in utterances:
        frames_of[speaker_of(utterance.recording)] += utterance.n_speech
    if frames_of.total() < options.least_frames:
        hop_s = options.front_end.hop_s
        raise TrainingError(
            f"the class {label!r} has {frames_of.total() * hop_s:.1f} s of speech to train on, "
            f"but {options.n_components} components need {options.least_frames * hop_s:.1f} s: "
            "give more speech or fewer components"
        )
    limit = options.speaker_share * float(np.median([count for count in frames_of.values() if count]))
    weights = [min(1.0, limit / max(frames_of[speaker_of(utterance.recording)], 1)) for utterance in utterances]
    return ClassUtterances(label, tuple(utterances), tuple(weights))


def reference_mean(classes: Sequence[ClassUtterances]) -> Floats:
    """The mean frame of the training data, every class counting the same.

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
        sums = [weight * extent.n_speech * extent.mean for utterance, weight in pairs for extent in utterance.extents]
        means.append(np.sum(sums, axis=0) / each.total)
    mean: Floats = np.mean(means, axis=0)
    return mean


def pool(classes: Sequence[ClassUtterances], reference: Floats, front_end: FrontEndOptions) -> list[PooledShard]:
    """The frames of one or more classes as shards of `SHARD_FRAMES`, their means moved toward the reference.

    Parameters
    ----------
    classes : sequence of ClassUtterances
    reference : ndarray (D,)
        The mean frame that utterances are moved toward.
    front_end : FrontEndOptions

    Returns
    -------
    list of PooledShard
        All but the last are full.
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
    return [*shards, PooledShard(tuple(pending))] if pending else shards


def _pieces(classes: Sequence[ClassUtterances], reference: Floats, front_end: FrontEndOptions) -> Iterator[Piece]:
    for each in classes:
        for utterance, weight in zip(each.utterances, each.weights, strict=True):
            begin = 0
            for extent in utterance.extents:
                end = begin + extent.n_speech
                shift = mean_shift(extent.mean, extent.n_speech, reference, front_end)
                yield Piece(utterance.kept, begin, end, shift, weight, utterance.home)
                begin = end

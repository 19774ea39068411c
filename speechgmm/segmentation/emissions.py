"""Emission log-likelihoods: the frames of chunks to log-likelihoods of non-speech and of each class in each step.

All are relative to non-speech, whose log-likelihood is 0. A class has the speech evidence plus its class evidence.

**Speech evidence** of a frame is a weighted sum of three measures: decibels below the loud frames and above the quiet
frames of the last half minute, and the log-likelihood ratio of speech to non-speech if the model has a mixture of
non-speech. The weights are those of a logistic regression on frames of composed programmes (split train,
scripts/fit_speech_evidence.py), times 0.3 because neighbouring frames are correlated. Several such fits were compared
on programmes of the split dev, clean and in noise; this one is among those with few errors.

**Class evidence** of a frame is its calibrated log-likelihoods, offsets included, minus their mean over the classes,
times `CLASS_WEIGHT`. It is 0 in frames far below the loud frames of the last two seconds. The weight has the order of
what one frame counts in a short utterance: 1 / (n + half_weight_frames) with n frames (equation 5).

Mean normalisation uses the frames of the last two seconds instead of the whole utterance; of all spans that were
compared this one has the fewest errors. Nothing here looks ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.classifier.model import Model
from speechgmm.classifier.scorer import FrameScores, Stream
from speechgmm.features.array_types import Features
from speechgmm.features.front_end import features_of, mean_shift
from speechgmm.features.voice_activity import DECIBELS, SILENCE_DB, extremes, frame_powers, is_steady
from speechgmm.segmentation.array_types import Floats, Mask
from speechgmm.segmentation.options import Grid

LEVEL_CHUNKS = 30  # chunks whose levels count for the loud and the quiet frames
GATE_DB = 20.0  # frames further below the loud frames of this chunk and the last have no class evidence

MAX_BELOW_DB, MAX_ABOVE_DB, MAX_RATIO = 50.0, 30.0, 8.0


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weights of the speech evidence, in nats per unit of each measure, and its constant in nats.

    Attributes
    ----------
    below_loud, above_quiet : float
        Per decibel.
    ratio : float
        Per nat of the log-likelihood ratio of speech to non-speech.
    constant : float
    """

    below_loud: float
    above_quiet: float
    ratio: float
    constant: float


WITH_RATIO = Weights(below_loud=0.020, above_quiet=0.004, ratio=0.083, constant=0.55)
WITHOUT_RATIO = Weights(below_loud=0.019, above_quiet=0.025, ratio=0.0, constant=0.10)
CLASS_WEIGHT = 0.03  # per nat of the class evidence


@dataclass(frozen=True, eq=False)
class FrameSum:
    """Number of frames and their sum (D,); they add up."""

    n: int
    total: Floats

    def __add__(self, other: FrameSum) -> FrameSum:
        return FrameSum(self.n + other.n, self.total + other.total)


@dataclass(frozen=True, eq=False)
class Past:
    """What is kept of the chunks before.

    Attributes
    ----------
    levels : tuple of ndarray (T,)
        Level of the frames of the first stream in decibels, for each of the last `LEVEL_CHUNKS` chunks.
    moments : tuple of FrameSum
        Of the frames of the last chunk that passed the energy gate, for each stream; empty before the first chunk.
    """

    levels: tuple[Features, ...] = ()
    moments: tuple[FrameSum, ...] = ()


def listen(model: Model, grid: Grid, batch: Sequence[Sequence[Features]], past: Past) -> tuple[list[Floats], Past]:
    """Compute the emissions of consecutive chunks. They are scored together, which takes less time.

    Parameters
    ----------
    model : Model
    grid : Grid
        Of the model's front ends.
    batch : sequence of sequence of ndarray (T, n_mels)
        Log mel bands of each chunk for each stream, at least one frame in the first stream. Only the last chunks of a
        recording may have less than `Grid.chunk` frames, or fewer frames in another stream.
    past : Past
        From the chunk before.

    Returns
    -------
    emissions : list of ndarray (N, 1 + C)
        For each chunk: log-likelihood (nats) of non-speech, which is 0, and of each class, for each step.
    past : Past
        For the next chunk.
    """
    frames, gates, speech_levels = [], [], []
    for bands in batch:
        chunk_frames, is_open, past = shifted_frames(model, grid, bands, past)
        frames.append(chunk_frames)
        gates.append(is_open)
        speech_levels.append(past.levels)
    is_open = np.concatenate(gates)
    scores = batch_scores(model, grid, frames, is_open)
    ratios, classes = speech_ratios(grid, scores, len(is_open)), class_evidence(model, grid, scores, is_open)
    emissions, end = [], 0
    for bands, levels, gate in zip(batch, speech_levels, gates, strict=True):
        begin, end = end, end + len(gate)
        own_ratios = None if ratios is None else ratios[begin:end]
        speech = speech_evidence(levels, own_ratios, grid.frame_s, WITH_RATIO if model.nonspeech else WITHOUT_RATIO)
        if is_steady(bands[0], grid.frame_s):
            speech = np.minimum(speech, -WITH_RATIO.constant)
        evidence = np.column_stack([np.zeros(len(gate)), speech[:, np.newaxis] + classes[begin:end]])
        emissions.append(np.add.reduceat(evidence, np.arange(0, len(gate), grid.step), axis=0))
    return emissions, past


def batch_scores(model: Model, grid: Grid, frames: Sequence[Sequence[Features]], is_open: Mask) -> list[FrameScores]:
    """Score the frames of consecutive chunks in each stream.

    Parameters
    ----------
    model, grid
    frames : sequence of sequence of ndarray (T, D)
        From `shifted_frames`: of each chunk, for each stream.
    is_open : ndarray (T,) of bool
        Which frames of the first stream pass the energy gate, over all chunks. The classes of the others do not count.

    Returns
    -------
    list of FrameScores
        Of each stream, over all chunks.
    """
    streams = [np.concatenate(stream) for stream in zip(*frames, strict=True)]
    return [
        model.frame_scores(index, stream, is_open[:: grid.ratios[index]][: len(stream)])
        for index, stream in enumerate(streams)
    ]


def shifted_frames(
    model: Model, grid: Grid, bands: Sequence[Features], past: Past
) -> tuple[list[Features], Mask, Past]:
    """Compute the mean-normalised frames of a chunk.

    Parameters
    ----------
    model, grid, bands, past
        As for `listen`.

    Returns
    -------
    frames : list of ndarray (T, D)
        Of each stream.
    is_open : ndarray (T,) of bool
        Which frames of the first stream pass the energy gate: see `open_frames`.
    past : Past
        For the next chunk.
    """
    level = DECIBELS * np.log(frame_powers(bands[0]))
    levels = (*past.levels, level)[-LEVEL_CHUNKS:]
    is_open = open_frames(levels, grid.frame_s)
    frames, moments = [], []
    for index, (stream, stream_bands) in enumerate(zip(model.streams, bands, strict=True)):
        features = features_of(stream_bands, stream.front_end)
        gated = features[is_open[:: grid.ratios[index]][: len(stream_bands)]]
        moments.append(FrameSum(len(gated), gated.sum(axis=0, dtype=np.float64)))
        recent = moments[index] + past.moments[index] if past.moments else moments[index]
        frames.append(_normalised(features, stream, recent))
    return frames, is_open, Past(levels, tuple(moments))


def open_frames(levels: Sequence[Features], frame_s: float) -> Mask:
    """Energy gate: the frames of the last chunk that are neither silent nor far below the loud frames.

    Parameters
    ----------
    levels : sequence of ndarray (T,)
        Decibels, of each chunk; the last two are used.
    frame_s : float
        Hop in seconds.

    Returns
    -------
    ndarray (T,) of bool
    """
    loud, _ = extremes(np.concatenate(levels[-2:]), frame_s)
    return np.asarray(levels[-1] >= max(loud - GATE_DB, SILENCE_DB))


def speech_evidence(levels: Sequence[Features], ratios: Floats | None, frame_s: float, weights: Weights) -> Floats:
    """Log-likelihood ratio of speech to non-speech for each frame of the last chunk.

    Parameters
    ----------
    levels : sequence of ndarray (T,)
        Decibels, of each chunk that counts for the loud and the quiet frames.
    ratios : ndarray (T,), optional
        Log-likelihood ratio (nats) of speech to non-speech in the last chunk; None without rejection.
    frame_s : float
        Hop in seconds.
    weights : Weights

    Returns
    -------
    ndarray (T,)
        Nats; negative throughout if even the loud frames are silent.
    """
    level = levels[-1]
    loud, quiet = extremes(np.concatenate(levels), frame_s)
    if loud < SILENCE_DB:
        return np.full(len(level), -WITH_RATIO.constant)
    below, above, ratio = speech_measures(level, ratios, loud=loud, quiet=quiet)
    evidence: Floats = (
        weights.constant - weights.below_loud * below + weights.above_quiet * above + weights.ratio * ratio
    )
    return evidence


def speech_measures(
    level: Features, ratios: Floats | None, *, loud: float, quiet: float
) -> tuple[Floats, Floats, Floats]:
    """The measures that `Weights` weigh, each (T,) and clipped: decibels below loud, decibels above quiet, ratio."""
    return (
        np.clip(loud - level, 0.0, MAX_BELOW_DB),
        np.clip(level - quiet, 0.0, MAX_ABOVE_DB),
        np.clip(0.0 if ratios is None else ratios, -MAX_RATIO, np.where(level < SILENCE_DB, 0.0, MAX_RATIO)),
    )


def speech_ratios(grid: Grid, scores: Sequence[FrameScores], n_frames: int) -> Floats | None:
    """Log-likelihood ratio of speech to non-speech at the frames of the first stream, (T,).

    It is the sum over the streams that reject; None without any.
    """
    ratios = [
        _at_first_stream(stream_scores.speech_ratios, ratio, n_frames)
        for stream_scores, ratio in zip(scores, grid.ratios, strict=True)
        if stream_scores.speech_ratios is not None
    ]
    return np.sum(ratios, axis=0) if ratios else None


def class_evidence(model: Model, grid: Grid, scores: Sequence[FrameScores], is_open: Mask) -> Floats:
    """Weighted calibrated log-likelihood of each class in each frame, minus the mean over the classes.

    Parameters
    ----------
    model : Model
    grid : Grid
    scores : sequence of FrameScores
        Of each stream's frames.
    is_open : ndarray (T,) of bool
        From `open_frames`.

    Returns
    -------
    ndarray (T, C)
        Nats; 0 in frames that do not pass the energy gate.
    """
    streams = [
        _at_first_stream(stream_scores.log_likelihoods, ratio, len(is_open))
        for stream_scores, ratio in zip(scores, grid.ratios, strict=True)
    ]
    evidence = np.zeros((len(is_open), len(model.labels)))
    calibrated = model.calibration.joined(model.class_scores(np.stack(streams, axis=1)[is_open]))
    evidence[is_open] = CLASS_WEIGHT * (calibrated - calibrated.mean(axis=1, keepdims=True))
    return evidence


def _at_first_stream(values: Floats, ratio: int, n_frames: int) -> Floats:
    """Repeat a stream's values at the hop of the first stream; 0 for the frames after its last one."""
    repeated = np.zeros((n_frames, *values.shape[1:]))
    known = np.repeat(values, ratio, axis=0)[:n_frames]
    repeated[: len(known)] = known
    return repeated


def _normalised(features: Features, stream: Stream, recent: FrameSum) -> Features:
    mean = recent.total / max(recent.n, 1)
    shift = mean_shift(mean, recent.n, stream.reference_mean, stream.front_end)
    return features if shift is None else features - shift

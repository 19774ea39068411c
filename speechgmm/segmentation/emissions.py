"""How much each second speaks for each class and for no speech: frames of a chunk to log-likelihoods of its steps.

Everything is relative to no speech, whose log-likelihood is 0.

**That somebody speaks** is a sum over frames of how far they lie below the loud and above the quiet ones of the last
half minute, in decibels, and of the log-likelihood ratio of all voices to other sounds, where the model has one. The
weights are those of a logistic regression on frames of composed programmes (scripts/fit_speech_evidence.py, split
train), times 0.3 because neighbouring frames are much alike: of several such fits, one that left few errors on
programmes of the split dev, clean and in noise.

**Which class speaks** is what the calibration makes of the frame's log-likelihoods, its offsets included, less the
mean over the classes, in frames that are not far below the loud ones of the last two seconds. An utterance of n
frames is worth n / (n + halfway) of its mean, so a frame of a second of speech about `CLASS_WEIGHT`.

The mean frame, which the classifier takes off an utterance's frames, is here that of the last two seconds: of all
spans that were tried it left the fewest errors. Nothing looks ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.classifier.model import FrameScores, Model, Stream
from speechgmm.features.activity import DECIBELS, SILENCE_DB, extremes, frame_powers, is_steady
from speechgmm.features.front_end import Features, features_of, mean_shift
from speechgmm.mixture.estep import Floats
from speechgmm.segmentation.options import Grid

BACK_CHUNKS = 30  # for the loud and the quiet
GATE_DB = 20.0  # below the loud frames of this chunk and the last, no class is heard
CLASS_WEIGHT = 0.03

MOST_BELOW_DB, MOST_ABOVE_DB, MOST_RATIO = 50.0, 30.0, 8.0


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What a frame's evidence of speech is summed with: nats for each decibel, decibel and nat, and a constant."""

    below_loud: float
    above_quiet: float
    ratio: float
    constant: float


WITH_RATIO = Weights(below_loud=0.020, above_quiet=0.004, ratio=0.083, constant=0.55)
WITHOUT_RATIO = Weights(below_loud=0.019, above_quiet=0.025, ratio=0.0, constant=0.10)


@dataclass(frozen=True, eq=False)
class Moments:
    """How many frames were heard in a stream, and their sum (D,)."""

    n: int
    total: Floats

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.total + other.total)


@dataclass(frozen=True, eq=False)
class Past:
    """What is remembered of the chunks before.

    Attributes
    ----------
    levels : tuple of ndarray (T,)
        Level in decibels of the frames of the first stream, of each of the last chunks.
    moments : tuple of Moments
        Of the frames of the last chunk in which a class was heard, for each stream; empty before the first chunk.
    """

    levels: tuple[Features, ...] = ()
    moments: tuple[Moments, ...] = ()


def listen(model: Model, grid: Grid, bands: Sequence[Features], past: Past) -> tuple[Floats, Past]:
    """Listen to a chunk.

    Parameters
    ----------
    model : Model
    grid : Grid
        Of the model's front ends.
    bands : sequence of ndarray (T, n_mels)
        Log mel bands of the chunk's frames for each stream, at least one frame in the first.
    past : Past
        What the chunk before left.

    Returns
    -------
    emissions : ndarray (N, 1 + C)
        Log-likelihood (nats) of each of the chunk's steps for no speech, which is 0, and for each class.
    past : Past
        For the chunk after.
    """
    frames, is_open, past = shifted_frames(model, grid, bands, past)
    n_frames = len(is_open)
    scores = [model.frame_scores(index, own) for index, own in enumerate(frames)]
    speech = speech_evidence(past.levels, speech_ratios(grid, scores, n_frames), grid.frame_s)
    if is_steady(bands[0], grid.frame_s):
        speech = np.minimum(speech, -WITH_RATIO.constant)
    classes = class_evidence(model, grid, scores, is_open)
    evidence = np.column_stack([np.zeros(n_frames), speech[:, np.newaxis] + classes])
    steps: Floats = np.add.reduceat(evidence, np.arange(0, n_frames, grid.step), axis=0)
    return steps, past


def shifted_frames(
    model: Model, grid: Grid, bands: Sequence[Features], past: Past
) -> tuple[list[Features], np.ndarray[tuple[int], np.dtype[np.bool_]], Past]:
    """A chunk's frames in each stream (T, D), their mean moved; which of the first stream's are open; what is new past.

    The arguments are those of `listen`.
    """
    level = DECIBELS * np.log(frame_powers(bands[0]))
    levels = (*past.levels, level)[-BACK_CHUNKS:]
    is_open = open_frames(levels, grid.frame_s)
    frames, moments = [], []
    for index, (stream, own) in enumerate(zip(model.streams, bands, strict=True)):
        features = features_of(own, stream.front_end)
        heard = features[is_open[:: grid.ratios[index]][: len(own)]]
        moments.append(Moments(len(heard), heard.sum(axis=0, dtype=np.float64)))
        around = moments[index] + past.moments[index] if past.moments else moments[index]
        frames.append(_shifted(features, stream, around))
    return frames, is_open, Past(levels, tuple(moments))


def open_frames(levels: Sequence[Features], frame_s: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The frames of the last chunk in which a class can be heard: not silent, and not far below the loud ones.

    Parameters
    ----------
    levels : sequence of ndarray (T,)
        Decibels, of each chunk; the last two count.
    frame_s : float
        Seconds from frame to frame.

    Returns
    -------
    ndarray (T,) of bool
    """
    loud, _ = extremes(np.concatenate(levels[-2:]), frame_s)
    return np.asarray(levels[-1] >= max(loud - GATE_DB, SILENCE_DB))


def speech_evidence(levels: Sequence[Features], ratios: Floats | None, frame_s: float) -> Floats:
    """How much each frame of the last chunk speaks for somebody speaking.

    Parameters
    ----------
    levels : sequence of ndarray (T,)
        Decibels, of each chunk that counts for the loud and the quiet.
    ratios : ndarray (T,), optional
        Log-likelihood ratio of voices to other sounds (nats) in the last chunk; None where nobody knows.
    frame_s : float
        Seconds from frame to frame.

    Returns
    -------
    ndarray (T,)
        Nats. Where even the loud frames are silent, nothing speaks for speech.
    """
    level = levels[-1]
    loud, quiet = extremes(np.concatenate(levels), frame_s)
    if loud < SILENCE_DB:
        return np.full(len(level), -WITH_RATIO.constant)
    weights = WITHOUT_RATIO if ratios is None else WITH_RATIO
    below, above, ratio = speech_measures(level, ratios, loud=loud, quiet=quiet)
    evidence: Floats = (
        weights.constant - weights.below_loud * below + weights.above_quiet * above + weights.ratio * ratio
    )
    return evidence


def speech_measures(
    level: Features, ratios: Floats | None, *, loud: float, quiet: float
) -> tuple[Floats, Floats, Floats]:
    """What the weights weigh, each (T,) and bounded: decibels below the loud and above the quiet, and the ratios."""
    return (
        np.clip(loud - level, 0.0, MOST_BELOW_DB),
        np.clip(level - quiet, 0.0, MOST_ABOVE_DB),
        np.clip(0.0 if ratios is None else ratios, -MOST_RATIO, np.where(level < SILENCE_DB, 0.0, MOST_RATIO)),
    )


def speech_ratios(grid: Grid, scores: Sequence[FrameScores], n_frames: int) -> Floats | None:
    """Log-likelihood ratio of voices to other sounds for each frame of the first stream; None where nobody knows."""
    for found, ratio in zip(scores, grid.ratios, strict=True):
        if found.speech_ratios is not None:
            return _repeated(found.speech_ratios, ratio, n_frames)
    return None


def class_evidence(
    model: Model, grid: Grid, scores: Sequence[FrameScores], is_open: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Floats:
    """How much each frame speaks for each class, less the mean over the classes.

    Parameters
    ----------
    model : Model
    grid : Grid
    scores : sequence of FrameScores
        Of each stream's frames.
    is_open : ndarray (T,) of bool
        The frames of the first stream in which a class can be heard.

    Returns
    -------
    ndarray (T, C)
        Nats; 0 in the other frames.
    """
    streams = [
        _repeated(found.log_likelihoods, ratio, len(is_open)) for found, ratio in zip(scores, grid.ratios, strict=True)
    ]
    evidence = model.calibration.joined(np.stack(streams, axis=1))
    evidence -= evidence.mean(axis=1, keepdims=True)
    evidence[~is_open] = 0.0
    return CLASS_WEIGHT * evidence


def _repeated(values: Floats, ratio: int, n_frames: int) -> Floats:
    """What each frame of a stream says, for each frame of the first one; 0 where that has more."""
    repeated = np.zeros((n_frames, *values.shape[1:]))
    known = np.repeat(values, ratio, axis=0)[:n_frames]
    repeated[: len(known)] = known
    return repeated


def _shifted(features: Features, stream: Stream, around: Moments) -> Features:
    mean = around.total / max(around.n, 1)
    shift = mean_shift(mean, around.n, stream.reference_mean, stream.front_end)
    return features if shift is None else features - shift

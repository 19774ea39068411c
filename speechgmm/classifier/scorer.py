"""Scoring: log-likelihoods of speech frames per stream and class.

A `Scorer` has class mixtures over one or more streams, and optionally a non-speech model. Training fits a scorer. A
calibrated `classifier.model.Model` is a scorer that can also decide.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.classifier.rejection import NonSpeechModel, log_ratios
from speechgmm.errors import OptionError
from speechgmm.features.front_end import Features, Stretch, normalise_mean
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.bank import Bank
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.model import Mixture


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """Sums of log-likelihoods over frames. The scores of an utterance are the sum of the scores of its stretches.

    Attributes
    ----------
    n_frames : int
        Number of all frames, with and without speech.
    n_speech : ndarray (S,) of int
        Number of speech frames in each stream.
    log_likelihoods : ndarray (S, C)
        Sum over the speech frames of the log-likelihood per stream and class (natural logarithm).
    speech_ratio : float
        Sum, over the speech frames of the non-speech model's stream, of the log-likelihood ratio of speech to
        non-speech; 0 without a non-speech model.
    decibels : float
        Sum, over the speech frames of the first stream, of the estimated signal-to-noise ratio of their stretch.
    """

    n_frames: int
    n_speech: npt.NDArray[np.int64]
    log_likelihoods: Floats
    speech_ratio: float = 0.0
    decibels: float = 0.0

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            n_frames=self.n_frames + other.n_frames,
            n_speech=self.n_speech + other.n_speech,
            log_likelihoods=self.log_likelihoods + other.log_likelihoods,
            speech_ratio=self.speech_ratio + other.speech_ratio,
            decibels=self.decibels + other.decibels,
        )

    @property
    def snr_db(self) -> float:
        """Estimated signal-to-noise ratio in decibels, the mean over the speech frames; NaN without speech."""
        return self.decibels / int(self.n_speech[0]) if self.n_speech[0] else math.nan

    @property
    def means(self) -> Floats:
        """Mean log-likelihood per frame, per stream and class (S, C); 0 in a stream without speech."""
        means: Floats = self.log_likelihoods / np.maximum(self.n_speech, 1)[:, np.newaxis]
        return means


@dataclass(frozen=True, eq=False)
class FrameScores:
    """Log-likelihoods of single frames of one stream.

    Attributes
    ----------
    log_likelihoods : ndarray (T, C)
        Under each class (natural logarithm).
    speech_ratios : ndarray (T,), optional
        Log-likelihood ratio of speech to non-speech; None if the non-speech model is not of this stream.
    """

    log_likelihoods: Floats
    speech_ratios: Floats | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """A front end and the class mixtures over its frames.

    Attributes
    ----------
    front_end : FrontEndOptions
        Options of the computation of the frames.
    reference_mean : ndarray (D,)
        Mean of the training frames. The mean of a stretch is moved toward it.
    mixtures : tuple of Mixture
        One per class.
    """

    front_end: FrontEndOptions
    reference_mean: Floats
    mixtures: tuple[Mixture, ...]

    def __post_init__(self) -> None:
        n_dimensions = self.front_end.n_dimensions
        if any(mixture.n_dimensions != n_dimensions for mixture in self.mixtures):
            raise OptionError(f"the mixtures must have the front end's {n_dimensions} dimensions")
        if self.reference_mean.shape != (n_dimensions,) or not np.isfinite(self.reference_mean).all():
            raise OptionError(f"reference_mean must be {n_dimensions} finite numbers")

    def frames(self, stretch: Stretch) -> Features:
        """The speech frames of a stretch (T, D) after mean normalisation."""
        return normalise_mean(stretch.frames, self.reference_mean, self.front_end)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scorer:
    """Class mixtures over one or more streams.

    Attributes
    ----------
    labels : tuple of str
        The classes, two or more.
    streams : tuple of Stream
        One or more. The speech frames of the first stream determine the seconds of speech.
    nonspeech : NonSpeechModel, optional
        For the rejection of non-speech.
    """

    labels: tuple[str, ...]
    streams: tuple[Stream, ...]
    nonspeech: NonSpeechModel | None = None

    def __post_init__(self) -> None:
        n_classes = len(self.labels)
        if n_classes < 2 or len(set(self.labels)) < n_classes or UNKNOWN in self.labels:
            raise OptionError(
                f"a model needs two or more different classes, none of them {UNKNOWN!r}, "
                f"not {', '.join(self.labels) or 'none'}"
            )
        if not self.streams or any(len(stream.mixtures) != n_classes for stream in self.streams):
            raise OptionError("a model needs at least one stream, and in each one mixture per class")
        check_streams(self.front_ends)
        if self.nonspeech:
            _check_nonspeech(self.nonspeech, self.front_ends)

    @property
    def front_end(self) -> FrontEndOptions:
        """The front end of the first stream. All streams have the same sampling rate and hop."""
        return self.streams[0].front_end

    @property
    def front_ends(self) -> tuple[FrontEndOptions, ...]:
        """The front ends of all streams."""
        return tuple(stream.front_end for stream in self.streams)

    def score(self, stretches: Sequence[Stretch]) -> Scores:
        """Score the speech frames of a stretch in every stream under each class.

        Parameters
        ----------
        stretches : sequence of Stretch
            The same stretch in each stream.

        Returns
        -------
        Scores
        """
        frames = [stream.frames(stretch) for stream, stretch in zip(self.streams, stretches, strict=True)]
        scores = [self.frame_scores(index, own) for index, own in enumerate(frames)]
        return Scores(
            n_frames=stretches[0].n_frames,
            n_speech=np.array([len(own) for own in frames]),
            log_likelihoods=np.stack([own.log_likelihoods.sum(axis=0) for own in scores]),
            speech_ratio=float(sum(own.speech_ratios.sum() for own in scores if own.speech_ratios is not None)),
            decibels=len(frames[0]) * stretches[0].snr_db if len(frames[0]) else 0.0,
        )

    def frame_scores(self, stream: int, frames: Features) -> FrameScores:
        """Score each frame of one stream.

        Parameters
        ----------
        stream : int
            Index of the stream.
        frames : ndarray (T, D)
            After mean normalisation.

        Returns
        -------
        FrameScores
        """
        scores = self._banks[stream].log_likelihoods(frames)
        if self.nonspeech is None or self.nonspeech.stream != stream:
            return FrameScores(scores)
        n_classes = len(self.labels)
        classes, nonspeech, speech = scores[:, :n_classes], scores[:, n_classes], scores[:, n_classes + 1 :]
        return FrameScores(classes, log_ratios(speech if self.nonspeech.speech else classes, nonspeech))

    @functools.cached_property
    def _banks(self) -> tuple[Bank, ...]:
        """The mixtures of each stream: one per class, then those of the non-speech model if it is of this stream."""
        rejecting = self.nonspeech
        return tuple(
            Bank((*stream.mixtures, rejecting.mixture, *rejecting.speech))
            if rejecting and rejecting.stream == index
            else Bank(stream.mixtures)
            for index, stream in enumerate(self.streams)
        )

    def score_all(self, stretches: Iterable[Sequence[Stretch]]) -> Scores:
        """Score an utterance: the sum of the scores of its stretches."""
        shape = len(self.streams), len(self.labels)
        zero = Scores(n_frames=0, n_speech=np.zeros(shape[0], dtype=np.int64), log_likelihoods=np.zeros(shape))
        return sum(map(self.score, stretches), start=zero)


def _check_nonspeech(nonspeech: NonSpeechModel, front_ends: Sequence[FrontEndOptions]) -> None:
    if not 0 <= nonspeech.stream < len(front_ends):
        raise OptionError(
            f"the non-speech model's stream is {nonspeech.stream}, but the model has {len(front_ends)} streams"
        )
    n_dimensions = front_ends[nonspeech.stream].n_dimensions
    if any(mixture.n_dimensions != n_dimensions for mixture in (nonspeech.mixture, *nonspeech.speech)):
        raise OptionError(f"the mixtures of the non-speech model must have {n_dimensions} dimensions")


def check_streams(front_ends: Sequence[FrontEndOptions]) -> None:
    """Raise OptionError unless all streams have one sampling rate and one hop."""
    if len({(front_end.sampling_rate, front_end.hop_s) for front_end in front_ends}) > 1:
        raise OptionError("the streams of a model must have the same sampling_rate and the same hop_s")

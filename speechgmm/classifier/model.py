"""The model: everything that turns an utterance's frames into a decision, and what is known of where it came from."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from speechgmm.classifier.calibration import Calibration, log_likelihood_ratios
from speechgmm.classifier.decision import UNKNOWN, Decision
from speechgmm.classifier.rejection import Rejection, log_ratios
from speechgmm.errors import OptionError
from speechgmm.features.front_end import Features, Stretch, normalise_mean
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.bank import Bank
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.model import Mixture


@dataclass(frozen=True, kw_only=True)
class DecisionOptions:
    """When the model answers.

    Attributes
    ----------
    min_speech_s : float
        Seconds of speech below which the answer is `UNKNOWN`; not negative.
    min_probability : float
        Probability of the likeliest class below which the answer is `UNKNOWN`; at least 0 and below 1.
    """

    min_speech_s: float = 0.3
    min_probability: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.min_speech_s) and self.min_speech_s >= 0):
            raise OptionError(f"min_speech_s is {self.min_speech_s}, but it must be 0 or more seconds")
        if not 0 <= self.min_probability < 1:
            raise OptionError(f"min_probability is {self.min_probability}, but it must be at least 0 and below 1")


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """What the class mixtures say of some frames. Scores of an utterance's stretches add up to the utterance's.

    Attributes
    ----------
    n_frames : int
        Frames in all.
    n_speech : ndarray (S,) of int
        Frames of speech among them, as each stream sees it.
    log_likelihoods : ndarray (S, C)
        Sum over the speech frames of the log-likelihood in each stream under each class (natural logarithm).
    speech_ratio : float
        Sum over the speech frames of the rejection's stream of the log-likelihood ratio of speech to non-speech, where
        the model knows of any.
    decibels : float
        Sum over the speech frames of the first stream of the signal-to-noise ratio estimated for their stretch.
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
        """Mean log-likelihood a frame in each stream under each class, (S, C); 0 in a stream without speech."""
        means: Floats = self.log_likelihoods / np.maximum(self.n_speech, 1)[:, np.newaxis]
        return means


@dataclass(frozen=True, eq=False)
class FrameScores:
    """What a stream's mixtures say of each of some frames.

    Attributes
    ----------
    log_likelihoods : ndarray (T, C)
        Under each class (natural logarithm).
    speech_ratios : ndarray (T,), optional
        Log-likelihood ratio of speech to non-speech; None in a stream that the model does not reject by.
    """

    log_likelihoods: Floats
    speech_ratios: Floats | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """One view of speech: frames made in one way, and the mixture of each class over them.

    Attributes
    ----------
    front_end : FrontEndOptions
        How the frames are made.
    reference_mean : ndarray (D,)
        Mean of the training frames, toward which an utterance's mean is moved.
    mixtures : tuple of Mixture
        One a class.
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
        """The speech frames of a stretch (T, D), their mean moved toward the reference."""
        return normalise_mean(stretch.frames, self.reference_mean, self.front_end)


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A likelihood-ratio classifier over class mixtures.

    Attributes
    ----------
    labels : tuple of str
        The classes, two or more.
    streams : tuple of Stream
        The views of speech whose scores are joined, one or more; how much speech there is, the first one says.
    calibration : Calibration
        From mean log-likelihoods a frame to calibrated ones.
    min_likelihood : float, optional
        Mean log-likelihood a frame in the first stream, under the class that fits best, below which an utterance sounds
        like none of the voices the model was trained on. None where none is too low.
    priors : tuple of float
        Probability of each class before anything is heard; positive, they sum to 1.
    rejection : Rejection, optional
        What tells speech from other sounds.
    decision : DecisionOptions
        When the model answers.
    card : mapping
        Where it came from: plain JSON values.
    training_digests : ndarray (N,) of uint64
        Digests of the audio files it was trained and calibrated on, sorted, to tell when it is tested on them.
    """

    labels: tuple[str, ...]
    streams: tuple[Stream, ...]
    calibration: Calibration
    min_likelihood: float | None
    priors: tuple[float, ...]
    rejection: Rejection | None = None
    decision: DecisionOptions = DecisionOptions()
    card: Mapping[str, Any] = field(default_factory=dict)
    training_digests: np.ndarray[tuple[int], np.dtype[np.uint64]] = field(
        default_factory=lambda: np.empty(0, dtype=np.uint64)
    )

    def __post_init__(self) -> None:
        n_classes = len(self.labels)
        if n_classes < 2 or len(set(self.labels)) < n_classes or UNKNOWN in self.labels:
            raise OptionError(
                f"a model needs two or more different classes, none of them {UNKNOWN!r}, "
                f"not {', '.join(self.labels) or 'none'}"
            )
        if any(len(stream.mixtures) != n_classes for stream in self.streams) or not (
            n_classes == len(self.priors) == len(self.calibration.offsets)
        ):
            raise OptionError("a model needs one mixture, one prior and one calibration offset for each class")
        if not 0 < len(self.streams) == len(self.calibration.scales):
            raise OptionError("a model needs at least one stream, and one scale of the calibration for each")
        check_streams(self.front_ends)
        if self.rejection:
            _check_rejection(self.rejection, self.front_ends)
        if self.min_likelihood is not None and not math.isfinite(self.min_likelihood):
            raise OptionError(f"min_likelihood is {self.min_likelihood}, but it must be a finite number")
        check_priors(self.priors)

    @property
    def front_end(self) -> FrontEndOptions:
        """The front end of the first stream; all have its sampling rate and its hop."""
        return self.streams[0].front_end

    @property
    def front_ends(self) -> tuple[FrontEndOptions, ...]:
        """The front ends of all streams."""
        return tuple(stream.front_end for stream in self.streams)

    def score(self, stretches: Sequence[Stretch]) -> Scores:
        """Score the speech frames of a stretch, as each stream sees it, under each class.

        Parameters
        ----------
        stretches : sequence of Stretch
            One a stream.

        Returns
        -------
        Scores
        """
        frames = [stream.frames(stretch) for stream, stretch in zip(self.streams, stretches, strict=True)]
        found = [self.frame_scores(index, each) for index, each in enumerate(frames)]
        return Scores(
            n_frames=stretches[0].n_frames,
            n_speech=np.array([len(each) for each in frames]),
            log_likelihoods=np.stack([each.log_likelihoods.sum(axis=0) for each in found]),
            speech_ratio=float(sum(each.speech_ratios.sum() for each in found if each.speech_ratios is not None)),
            decibels=len(frames[0]) * stretches[0].snr_db if len(frames[0]) else 0.0,
        )

    def frame_scores(self, stream: int, frames: Features) -> FrameScores:
        """Score frames of a stream, each by itself.

        Parameters
        ----------
        stream : int
            Which of the model's.
        frames : ndarray (T, D)
            Their mean moved.

        Returns
        -------
        FrameScores
        """
        scores = self._banks[stream].log_likelihoods(frames)
        if self.rejection is None or self.rejection.stream != stream:
            return FrameScores(scores)
        classes = scores[:, :-1]
        return FrameScores(classes, log_ratios(classes, scores[:, -1]))

    @functools.cached_property
    def _banks(self) -> tuple[Bank, ...]:
        """The mixtures of each stream: one a class, then that of other sounds if it is what the model rejects by."""
        judge = self.rejection
        return tuple(
            Bank((*stream.mixtures, judge.nonspeech) if judge and judge.stream == index else stream.mixtures)
            for index, stream in enumerate(self.streams)
        )

    def score_all(self, stretches: Iterable[Sequence[Stretch]]) -> Scores:
        """Score an utterance, stretch by stretch."""
        shape = len(self.streams), len(self.labels)
        nothing = Scores(n_frames=0, n_speech=np.zeros(shape[0], dtype=np.int64), log_likelihoods=np.zeros(shape))
        return sum(map(self.score, stretches), start=nothing)

    def decide(self, scores: Scores) -> Decision:
        """Give an utterance to the class of highest posterior probability, or say why not.

        Parameters
        ----------
        scores : Scores

        Returns
        -------
        Decision
        """
        n_speech = int(scores.n_speech[0])
        speech_s = n_speech * self.front_end.hop_s
        reason = self._reason_not_to_answer(scores, speech_s)
        if reason:
            return Decision(label=UNKNOWN, speech_s=speech_s, reason=reason)
        calibrated = self.calibration.log_likelihoods(scores.means[np.newaxis], np.array([float(n_speech)]))[0]
        ratios = log_likelihood_ratios(calibrated)
        joint = calibrated + np.log(self.priors)
        posteriors = np.exp(joint - np.logaddexp.reduce(joint))
        best = int(np.argmax(posteriors))
        if posteriors[best] < self.decision.min_probability:
            reason = f"no class has a probability of {self.decision.min_probability:g} or more"
            return Decision(label=UNKNOWN, speech_s=speech_s, reason=reason)
        return Decision(
            label=self.labels[best],
            probability=float(posteriors[best]),
            score=float(ratios[best]),
            speech_s=speech_s,
            probabilities=dict(zip(self.labels, posteriors.tolist(), strict=True)),
            log_likelihood_ratios=dict(zip(self.labels, ratios.tolist(), strict=True)),
        )

    def _reason_not_to_answer(self, scores: Scores, speech_s: float) -> str:
        judge = self.rejection.stream if self.rejection else 0
        if scores.n_speech[0] == 0 or scores.n_speech[judge] == 0:
            return "no speech"
        if speech_s < self.decision.min_speech_s:
            return f"too little speech: less than {self.decision.min_speech_s:g} s"
        if self.rejection and scores.speech_ratio < self.rejection.min_ratio * scores.n_speech[judge]:
            return "does not sound like speech"
        if self.min_likelihood is not None and scores.means[0].max() < self.min_likelihood:
            return "does not sound like the voices the model was trained on"
        return ""

    def with_priors(self, priors: Mapping[str, float]) -> Model:
        """The same model with other priors.

        Parameters
        ----------
        priors : mapping of str to float
            Probability of each class; positive, they sum to 1.

        Raises
        ------
        OptionError
            If a class is missing or not the model's, or the probabilities are none.
        """
        if set(priors) != set(self.labels):
            raise OptionError(f"priors are needed for {', '.join(self.labels)}, not for {', '.join(priors)}")
        return replace(self, priors=tuple(priors[label] for label in self.labels))


def uncalibrated_model(
    *,
    labels: tuple[str, ...],
    streams: tuple[Stream, ...],
    rejection: Rejection | None = None,
    decision: DecisionOptions,
) -> Model:
    """A model that scores but was shown no held-out speakers yet; all classes are equally likely."""
    return Model(
        labels=labels,
        streams=streams,
        calibration=Calibration(scales=(1.0,) * len(streams), half_weight_frames=0.0, offsets=(0.0,) * len(labels)),
        min_likelihood=None,
        priors=(1.0 / len(labels),) * len(labels),
        rejection=rejection,
        decision=decision,
    )


def _check_rejection(rejection: Rejection, front_ends: Sequence[FrontEndOptions]) -> None:
    if not 0 <= rejection.stream < len(front_ends):
        raise OptionError(f"rejection's stream is {rejection.stream}, but the model has {len(front_ends)} streams")
    n_dimensions = front_ends[rejection.stream].n_dimensions
    if rejection.nonspeech.n_dimensions != n_dimensions:
        raise OptionError(f"the mixture of rejection must have {n_dimensions} dimensions")


def check_streams(front_ends: Sequence[FrontEndOptions]) -> None:
    """Raise OptionError unless all streams have one sampling rate and one hop."""
    if len({(front_end.sampling_rate, front_end.hop_s) for front_end in front_ends}) > 1:
        raise OptionError("the streams of a model must have the same sampling_rate and the same hop_s")


def check_priors(priors: tuple[float, ...]) -> None:
    """Raise OptionError unless the priors are positive and sum to 1."""
    if not (all(prior > 0 for prior in priors) and abs(sum(priors) - 1) < 1e-6):
        raise OptionError(f"the priors are {', '.join(map(str, priors))}, but they must be positive and sum to 1")

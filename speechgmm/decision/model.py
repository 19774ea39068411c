"""The model: everything that turns an utterance's frames into a decision, and what is known of where it came from."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from speechgmm.decision.calibration import Calibration, log_likelihood_ratios
from speechgmm.decision.decision import UNKNOWN, Decision
from speechgmm.errors import OptionError
from speechgmm.features.frontend import Features, Stretch, normalise_mean
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.model import Mixture


@dataclass(frozen=True, kw_only=True)
class DecisionOptions:
    """When the model answers.

    Attributes
    ----------
    min_speech_s : float
        Seconds of speech below which the answer is `UNKNOWN`; not negative.
    """

    min_speech_s: float = 0.3

    def __post_init__(self) -> None:
        if not (math.isfinite(self.min_speech_s) and self.min_speech_s >= 0):
            raise OptionError(f"min_speech_s is {self.min_speech_s}, but it must be 0 or more seconds")


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """What the class mixtures say of some frames. Scores of an utterance's stretches add up to the utterance's.

    Attributes
    ----------
    n_frames : int
        Frames in all.
    n_speech : int
        Frames of speech among them.
    log_likelihoods : ndarray (C,)
        Sum over the speech frames of the log-likelihood under each class (natural logarithm).
    """

    n_frames: int
    n_speech: int
    log_likelihoods: Floats

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            n_frames=self.n_frames + other.n_frames,
            n_speech=self.n_speech + other.n_speech,
            log_likelihoods=self.log_likelihoods + other.log_likelihoods,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """A likelihood-ratio classifier over class mixtures.

    Attributes
    ----------
    labels : tuple of str
        The classes, two or more.
    front_end : FrontEndOptions
        How its frames are made.
    reference_mean : ndarray (D,)
        Mean of the training frames, toward which an utterance's mean is moved.
    mixtures : tuple of Mixture
        One a class.
    calibration : Calibration
        From mean log-likelihoods a frame to calibrated ones.
    least_likelihood : float
        Mean log-likelihood a frame, under the class that fits best, below which an utterance sounds like none of
        the voices the model was trained on.
    priors : tuple of float
        Probability of each class before anything is heard; positive, they sum to 1.
    decision : DecisionOptions
        When the model answers.
    card : mapping
        Where it came from: plain JSON values.
    training_digests : ndarray (N,) of uint64
        Digests of the audio files it was trained and calibrated on, sorted, to tell when it is tested on them.
    """

    labels: tuple[str, ...]
    front_end: FrontEndOptions
    reference_mean: Floats
    mixtures: tuple[Mixture, ...]
    calibration: Calibration
    least_likelihood: float
    priors: tuple[float, ...]
    decision: DecisionOptions = DecisionOptions()
    card: Mapping[str, Any] = field(default_factory=dict)
    training_digests: np.ndarray[tuple[int], np.dtype[np.uint64]] = field(
        default_factory=lambda: np.empty(0, dtype=np.uint64)
    )

    def __post_init__(self) -> None:
        n_classes, n_dimensions = len(self.labels), self.front_end.n_dimensions
        if n_classes < 2 or len(set(self.labels)) < n_classes or UNKNOWN in self.labels:
            raise OptionError(
                f"a model needs two or more different classes, none of them {UNKNOWN!r}, "
                f"not {', '.join(self.labels) or 'none'}"
            )
        if not n_classes == len(self.mixtures) == len(self.priors) == len(self.calibration.offsets):
            raise OptionError("a model needs one mixture, one prior and one calibration offset for each class")
        if any(mixture.n_dimensions != n_dimensions for mixture in self.mixtures):
            raise OptionError(f"the mixtures must have the front end's {n_dimensions} dimensions")
        if self.reference_mean.shape != (n_dimensions,) or not np.isfinite(self.reference_mean).all():
            raise OptionError(f"reference_mean must be {n_dimensions} finite numbers")
        if not math.isfinite(self.least_likelihood):
            raise OptionError(f"least_likelihood is {self.least_likelihood}, but it must be a finite number")
        check_priors(self.priors)

    def score(self, stretch: Stretch) -> Scores:
        """Score the speech frames of a stretch under each class.

        Parameters
        ----------
        stretch : Stretch

        Returns
        -------
        Scores
        """
        frames = normalise_mean(stretch.frames, self.reference_mean, self.front_end)
        return Scores(
            n_frames=stretch.n_frames,
            n_speech=len(frames),
            log_likelihoods=class_log_likelihoods(self.mixtures, frames).sum(axis=0),
        )

    def score_all(self, stretches: Iterable[Stretch]) -> Scores:
        """Score an utterance, stretch by stretch."""
        nothing = Scores(n_frames=0, n_speech=0, log_likelihoods=np.zeros(len(self.labels)))
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
        speech_s = scores.n_speech * self.front_end.hop_s
        reason = self._reason_not_to_answer(scores, speech_s)
        if reason:
            return Decision(label=UNKNOWN, speech_s=speech_s, reason=reason)
        means = scores.log_likelihoods[np.newaxis] / scores.n_speech
        calibrated = self.calibration.log_likelihoods(means, np.array([float(scores.n_speech)]))[0]
        ratios = log_likelihood_ratios(calibrated)
        joint = calibrated + np.log(self.priors)
        posteriors = np.exp(joint - np.logaddexp.reduce(joint))
        best = int(np.argmax(posteriors))
        return Decision(
            label=self.labels[best],
            probability=float(posteriors[best]),
            score=float(ratios[best]),
            speech_s=speech_s,
            probabilities=dict(zip(self.labels, posteriors.tolist(), strict=True)),
            log_likelihood_ratios=dict(zip(self.labels, ratios.tolist(), strict=True)),
        )

    def _reason_not_to_answer(self, scores: Scores, speech_s: float) -> str:
        if scores.n_speech == 0:
            return "no speech"
        if speech_s < self.decision.min_speech_s:
            return f"too little speech: less than {self.decision.min_speech_s:g} s"
        if scores.log_likelihoods.max() / scores.n_speech < self.least_likelihood:
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
    front_end: FrontEndOptions,
    reference_mean: Floats,
    mixtures: tuple[Mixture, ...],
    decision: DecisionOptions,
) -> Model:
    """A model that scores but was shown no held-out speakers yet; all classes are equally likely."""
    return Model(
        labels=labels,
        front_end=front_end,
        reference_mean=reference_mean,
        mixtures=mixtures,
        calibration=Calibration(scale=1.0, halfway=0.0, offsets=(0.0,) * len(labels)),
        least_likelihood=-sys.float_info.max,
        priors=(1.0 / len(labels),) * len(labels),
        decision=decision,
    )


def class_log_likelihoods(mixtures: Iterable[Mixture], frames: Features) -> Floats:
    """Log-likelihood of each frame under each class, (T, C)."""
    return np.stack([mixture.log_likelihoods(frames) for mixture in mixtures], axis=1)


def check_priors(priors: tuple[float, ...]) -> None:
    """Raise OptionError unless the priors are positive and sum to 1."""
    if not (all(prior > 0 for prior in priors) and abs(sum(priors) - 1) < 1e-6):
        raise OptionError(f"the priors are {', '.join(map(str, priors))}, but they must be positive and sum to 1")

"""The model: a scorer with calibration, priors and thresholds, which decides on the label of an utterance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from speechgmm.argument_checks import channel_number, conform_fields, job_count, wrong
from speechgmm.classifier.calibration import Calibration, log_likelihood_ratios
from speechgmm.classifier.decision import UNKNOWN, Decision
from speechgmm.classifier.scorer import Scorer, Scores
from speechgmm.errors import OptionError

if TYPE_CHECKING:
    from speechgmm.audio.given_sound import GivenSound
    from speechgmm.features.extraction import Failure


@dataclass(frozen=True, kw_only=True)
class DecisionOptions:
    """Limits below which the model abstains.

    Attributes
    ----------
    min_speech_s : float
        Seconds of speech below which the label is `UNKNOWN`; not negative.
    min_probability : float
        Probability of the most probable class below which the label is `UNKNOWN`; at least 0 and below 1.
    """

    min_speech_s: float = 0.3
    min_probability: float = 0.0

    def __post_init__(self) -> None:
        conform_fields(self)
        if not (math.isfinite(self.min_speech_s) and self.min_speech_s >= 0):
            raise OptionError(f"min_speech_s is {self.min_speech_s}, but it must be 0 or more seconds")
        if not 0 <= self.min_probability < 1:
            raise OptionError(f"min_probability is {self.min_probability}, but it must be at least 0 and below 1")


@dataclass(frozen=True, kw_only=True, eq=False)
class Model(Scorer):
    """A calibrated likelihood-ratio classifier.

    Attributes
    ----------
    calibration : Calibration
        From mean log-likelihoods per frame to calibrated log-likelihoods.
    priors : tuple of float
        Prior probability of each class; positive, they sum to 1.
    min_speech_ratio : float, optional
        Minimum of `Scores.mean_speech_ratio` (nats); below it the label is unknown. Given if non-speech is rejected,
        and only then.
    min_likelihood : float, optional
        Minimum mean log-likelihood per frame in the first stream, under the class that fits best; below it the label is
        unknown. None for no threshold.
    decision : DecisionOptions
        Further limits below which the label is unknown.
    card : mapping
        Model card: plain JSON values.
    training_digests : ndarray (N,) of uint64
        Sorted digests of the audio files of training and calibration, to detect an evaluation on them.
    """

    calibration: Calibration
    priors: tuple[float, ...]
    min_speech_ratio: float | None = None
    min_likelihood: float | None = None
    decision: DecisionOptions = DecisionOptions()
    card: Mapping[str, Any] = field(default_factory=dict)
    training_digests: np.ndarray[tuple[int], np.dtype[np.uint64]] = field(
        default_factory=lambda: np.empty(0, dtype=np.uint64)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.labels) == len(self.priors) == len(self.calibration.offsets):
            raise OptionError("a model needs one prior and one calibration offset for each class")
        if len(self.streams) != len(self.calibration.scales):
            raise OptionError("a model needs one calibration scale for each stream")
        if self.rejects != (self.min_speech_ratio is not None):
            raise OptionError("a model needs min_speech_ratio if it rejects non-speech, and only then")
        for name in ("min_speech_ratio", "min_likelihood"):
            bound = getattr(self, name)
            if bound is not None and not math.isfinite(bound):
                raise OptionError(f"{name} is {bound}, but it must be a finite number")
        check_priors(self.priors)

    def decide(self, scores: Scores) -> Decision:
        """Choose the class of highest posterior probability, or abstain with a reason.

        Parameters
        ----------
        scores : Scores

        Returns
        -------
        Decision
        """
        n_speech = int(scores.n_speech[0])
        speech_s = n_speech * self.front_end.hop_s
        reason = self._reason_for_unknown(scores, speech_s)
        if reason:
            return Decision(label=UNKNOWN, speech_s=speech_s, reason=reason)
        means = self.class_scores(scores.means)
        calibrated = self.calibration.log_likelihoods(means[np.newaxis], np.array([float(n_speech)]))[0]
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

    def _reason_for_unknown(self, scores: Scores, speech_s: float) -> str:
        """Why the scores allow no decision; empty if they do."""
        rejecting = slice(None) if self.tied_rejection else self.nonspeech.stream if self.nonspeech else 0
        if scores.n_speech[0] == 0 or not np.all(scores.n_speech[rejecting]):
            return "no speech"
        if speech_s < self.decision.min_speech_s:
            return f"too little speech: less than {self.decision.min_speech_s:g} s"
        if self.min_speech_ratio is not None and scores.mean_speech_ratio < self.min_speech_ratio:
            return "does not sound like speech"
        if self.min_likelihood is not None and scores.means[0].max() < self.min_likelihood:
            return "does not sound like the voices the model was trained on"
        return ""

    def classify(
        self, source: GivenSound, sampling_rate: float | None = None, *, channel: int | None = None
    ) -> Decision:
        """Classify an utterance; parameters and errors as of `speechgmm.classify`."""
        from speechgmm.classifier.classify_given import classify_given

        return classify_given(self, source, sampling_rate, channel=channel_number(channel))

    def classify_many(
        self,
        sources: Iterable[GivenSound],
        sampling_rate: float | None = None,
        *,
        jobs: int = 1,
        channel: int | None = None,
    ) -> Iterator[Decision | Failure]:
        """Classify utterances lazily and in order; parameters and errors as of `speechgmm.classify_many`."""
        from speechgmm.classifier.classify_given import classify_each

        if isinstance(sources, (str, bytes)) or not isinstance(sources, Iterable):
            raise wrong("sources", sources, "a list or another iterable of what classify takes")
        return classify_each(self, sources, sampling_rate, jobs=job_count(jobs), channel=channel_number(channel))

    def with_priors(self, priors: Mapping[str, float]) -> Model:
        """The same model with other priors.

        Parameters
        ----------
        priors : mapping of str to float
            Probability of each class; positive, they sum to 1. In a model of two classes one of them is enough: the
            other gets the rest.

        Raises
        ------
        OptionError
            If a class is missing or not one of the model's, or the probabilities are not positive or do not sum to 1.
        """
        expected = "a mapping of each class to its probability"
        if not isinstance(priors, Mapping):
            raise wrong("priors", priors, expected)
        if not all(isinstance(prior, Real) for prior in priors.values()):
            raise wrong("priors", dict(priors), expected)
        if len(self.labels) == 2 and len(priors) == 1 and set(priors) < set(self.labels):
            (other,) = set(self.labels) - set(priors)
            ((label, prior),) = priors.items()
            if not 0 < prior < 1:
                raise OptionError(f"the prior of {label} is {prior}, but it must be in (0, 1): {other} has the rest")
            priors = {**priors, other: 1.0 - prior}
        if set(priors) != set(self.labels):
            given, labels = ", ".join(map(str, priors)), ", ".join(self.labels)
            raise OptionError(f"the priors are for {given}, expected one for each of {labels}")
        return replace(self, priors=tuple(float(priors[label]) for label in self.labels))


def check_priors(priors: tuple[float, ...]) -> None:
    """Raise OptionError unless the priors are positive and sum to 1."""
    if not (all(prior > 0 for prior in priors) and abs(sum(priors) - 1) < 1e-6):
        raise OptionError(f"the priors are {', '.join(map(str, priors))}, but they must be positive and sum to 1")

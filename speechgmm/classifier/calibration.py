"""Calibration: from mean log-likelihoods per frame to calibrated log-likelihoods.

The frames of an utterance are not independent: they are of one speaker. The sum of their log-likelihood ratios is
overconfident, and the mean is underconfident. With ``m_sc`` the mean log-likelihood per frame in stream s under class
c and ``n`` the number of speech frames, the calibrated log-likelihood of class c is, up to a term common to all
classes,

    l_c = n / (n + half_weight_frames) sum_s scale_s m_sc + offset_c                                             (5)

The sum over streams is the score fusion.

For two classes with normally distributed speaker means, the log-likelihood ratio grows with n in this way: the variance
of ``m`` is a between-speaker variance plus a within-speaker variance proportional to 1/n. In that model the offset also
grows with n. A constant offset gives fewer errors on other kinds of corpora (docs/lab-book.md).

The parameters are found by logistic regression (prior-weighted cross-entropy; Brümmer & du Preez 2006) on utterances of
held-out speakers, cut to several lengths. The targets are smoothed as in Platt (1999), with the number of speakers per
class as the number of cases. So a small number of speakers never makes the model certain, even if they are perfectly
separated. For the same reason a penalty pulls the score fusion toward streams of equal spread:

    fusion_prior / N sum_s (log(scale_s d_s) - mean_s log(scale_s d_s))^2

with ``d_s`` the standard deviation of ``m_sc`` around its mean over the classes, and N the speakers of the class that
has the fewest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Floats

START_SCALE, START_HALF_WEIGHT = 10.0, 100.0
SCALE_RANGE, HALF_WEIGHT_RANGE = (1e-3, 1e3), (1e-2, 1e5)
FUSION_PRIOR = 3.0  # in speakers, about
LEAST_SPREAD = 1e-6  # nats; of a stream in which all classes have the same score


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The parameters of equation (5).

    Attributes
    ----------
    scales : tuple of float
        Weight of each stream; positive.
    half_weight_frames : float
        Number of speech frames at which the evidence has half of its full weight; not negative.
    offsets : tuple of float
        One per class; they sum to 0.
    """

    scales: tuple[float, ...]
    half_weight_frames: float
    offsets: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(math.isfinite(scale) and scale > 0 for scale in self.scales):
            raise OptionError(f"the calibration's scales are {self.scales}, but they must be positive")
        if not (math.isfinite(self.half_weight_frames) and self.half_weight_frames >= 0):
            raise OptionError(f"half_weight_frames is {self.half_weight_frames}, but it must be 0 or more")
        if not all(math.isfinite(offset) for offset in self.offsets):
            raise OptionError(f"the calibration's offsets are {self.offsets}, but they must be finite")

    def log_likelihoods(self, means: Floats, n_frames: Floats) -> Floats:
        """Apply equation (5).

        Parameters
        ----------
        means : ndarray (N, S, C)
            Mean log-likelihood per frame of each utterance, per stream and class.
        n_frames : ndarray (N,)
            Speech frames of each utterance.

        Returns
        -------
        ndarray (N, C)
            Calibrated log-likelihoods (natural logarithm), up to a constant per utterance.
        """
        calibrated: Floats = (n_frames / (n_frames + self.half_weight_frames))[:, np.newaxis] * self._scaled(
            means
        ) + self.offsets
        return calibrated

    def joined(self, means: Floats) -> Floats:
        """Apply equation (5) in the limit of many frames: score fusion at full weight.

        Parameters
        ----------
        means : ndarray (..., S, C)
            As for `log_likelihoods`, or log-likelihoods of single frames.

        Returns
        -------
        ndarray (..., C)
        """
        return self._scaled(means) + self.offsets

    def _scaled(self, means: Floats) -> Floats:
        scaled: Floats = np.einsum("s,...sc->...c", np.array(self.scales), means)
        return scaled


def log_likelihood_ratios(log_likelihoods: Floats) -> Floats:
    """Log-likelihood ratio of each class against all others together, the others with equal priors.

    Parameters
    ----------
    log_likelihoods : ndarray (..., C)
        Up to a constant common to the classes; C at least 2.

    Returns
    -------
    ndarray (..., C)
        Natural logarithms. For two classes the second is the negative of the first.
    """
    n_classes = log_likelihoods.shape[-1]
    without_own = np.where(np.eye(n_classes, dtype=np.bool_), -np.inf, log_likelihoods[..., np.newaxis, :])
    others = np.logaddexp.reduce(without_own, axis=-1)
    ratios: Floats = log_likelihoods - others + math.log(n_classes - 1)
    return ratios


def fit_calibration(
    means: Floats,
    n_frames: Floats,
    truth: npt.NDArray[np.intp],
    case_weights: Floats,
    speakers_per_class: npt.NDArray[np.intp],
) -> Calibration:
    """Fit the calibration: minimum cross-entropy on utterances of held-out speakers, with equal class priors.

    The penalty toward streams of equal spread is in the text above.

    Parameters
    ----------
    means : ndarray (N, S, C)
        Mean log-likelihood per frame of each utterance, per stream and class.
    n_frames : ndarray (N,)
        Speech frames of each utterance.
    truth : ndarray (N,) of int
        Index of each utterance's class.
    case_weights : ndarray (N,)
        Weight of each utterance within its class; positive.
    speakers_per_class : ndarray (C,) of int
        Number of speakers per class, for the smoothing of the targets and for the penalty; at least 1.

    Returns
    -------
    Calibration
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    _, n_streams, n_classes = means.shape
    targets = smoothed_targets(speakers_per_class)[truth]
    class_totals = np.bincount(truth, weights=case_weights, minlength=n_classes)
    weights = case_weights / class_totals[truth] / n_classes
    log_spreads = np.log(_spreads(means))
    n_speakers = int(speakers_per_class.min())

    def calibration_of(parameters: Floats) -> Calibration:
        half_weight_frames, *scales = np.exp(parameters[: 1 + n_streams]).tolist()
        offsets = parameters[1 + n_streams :]  # all but the last
        return Calibration(
            scales=tuple(scales),
            half_weight_frames=half_weight_frames,
            offsets=(*offsets.tolist(), -float(offsets.sum())),
        )

    def cost(parameters: Floats) -> float:
        calibration = calibration_of(parameters)
        posteriors = log_softmax(calibration.log_likelihoods(means, n_frames), axis=1)
        log_fused = np.log(calibration.scales) + log_spreads
        penalty = FUSION_PRIOR / n_speakers * float(np.square(log_fused - log_fused.mean()).sum())
        return penalty - float(weights @ (targets * posteriors).sum(axis=1))

    bounds = (
        [tuple(np.log(HALF_WEIGHT_RANGE))] + [tuple(np.log(SCALE_RANGE))] * n_streams + [(None, None)] * (n_classes - 1)
    )
    start = np.log([START_HALF_WEIGHT, *[START_SCALE / n_streams] * n_streams])
    start = np.concatenate([start, np.zeros(n_classes - 1)])
    result = minimize(cost, start, method="L-BFGS-B", bounds=bounds)
    return calibration_of(result.x)


def _spreads(means: Floats) -> Floats:
    """Standard deviation of the scores in each stream (S,) around their mean over the classes; positive."""
    deviations: Floats = (means - means.mean(axis=2, keepdims=True)).std(axis=(0, 2))
    return np.maximum(deviations, LEAST_SPREAD)


def smoothed_targets(speakers_per_class: npt.NDArray[np.intp]) -> Floats:
    """Target probabilities (Platt 1999): (N_c + 1) / (N_c + C) for the true class of N_c speakers, equal for the rest.

    Parameters
    ----------
    speakers_per_class : ndarray (C,) of int

    Returns
    -------
    ndarray (C, C)
        Row: true class; column: target probability of each class.
    """
    n_classes = len(speakers_per_class)
    targets = np.repeat(1.0 / (speakers_per_class + n_classes), n_classes).reshape(n_classes, n_classes)
    np.fill_diagonal(targets, (speakers_per_class + 1.0) / (speakers_per_class + n_classes))
    return targets

"""Calibration: from mean log-likelihoods a frame to log-likelihoods that mean what they say.

The frames of an utterance are not independent. Their summed log-likelihood ratio is over-confident, and however long
the recording is, it is one speaker's; their mean is under-confident. With ``m_sc`` the mean log-likelihood a frame in
stream s under class c and ``n`` the number of speech frames, the calibrated log-likelihood of class c is, up to a term
common to all classes,

    l_c = n / (n + halfway) sum_s scale_s m_sc + offset_c                                                        (5)

For two classes of normally distributed speaker means this is how the log-likelihood ratio grows with n: the spread of
``m`` is a between-speaker variance plus a within-speaker variance that falls as 1/n. Their offset would grow as well; a
constant one errs less on corpora of other kinds (docs/accuracy.md). The parameters are found by logistic regression
(prior-weighted cross-entropy; Brümmer & du Preez 2006) on utterances of held-out speakers, cut to several lengths. The
targets are smoothed as Platt (1999) does, with the number of speakers of a class as the number of cases, so that few
speakers, however well separated, cannot make it certain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize
from scipy.special import log_softmax

from speechgmm.errors import OptionError

Floats = npt.NDArray[np.float64]

START_SCALE, START_HALFWAY = 10.0, 100.0
SCALE_RANGE, HALFWAY_RANGE = (1e-3, 1e3), (1e-2, 1e5)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The parameters of equation (5).

    Attributes
    ----------
    scales : tuple of float
        How much each stream counts, positive.
    half_weight_frames : float
        Speech frames at which half the weight of evidence is reached; not negative.
    offsets : tuple of float
        One a class; they sum to 0.
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
            Mean log-likelihood a frame of each utterance in each stream under each class.
        n_frames : ndarray (N,)
            Speech frames of each utterance.

        Returns
        -------
        ndarray (N, C)
            Calibrated log-likelihoods (natural logarithm), up to a constant common to an utterance's classes.
        """
        calibrated: Floats = (n_frames / (n_frames + self.half_weight_frames))[:, np.newaxis] * self._scaled(
            means
        ) + self.offsets
        return calibrated

    def joined(self, means: Floats) -> Floats:
        """Apply equation (5) as for frames without number, the limit for n.

        Parameters
        ----------
        means : ndarray (..., S, C)
            As for `log_likelihoods`, or the log-likelihoods of single frames.

        Returns
        -------
        ndarray (..., C)
        """
        return self._scaled(means) + self.offsets

    def _scaled(self, means: Floats) -> Floats:
        scaled: Floats = np.einsum("s,...sc->...c", np.array(self.scales), means)
        return scaled


def log_likelihood_ratios(log_likelihoods: Floats) -> Floats:
    """Each class against all others together, these equally likely among themselves.

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
    others = np.stack(
        [np.logaddexp.reduce(np.delete(log_likelihoods, c, axis=-1), axis=-1) for c in range(n_classes)], axis=-1
    )
    ratios: Floats = log_likelihoods - others + math.log(n_classes - 1)
    return ratios


def fit_calibration(
    means: Floats,
    n_frames: Floats,
    truth: npt.NDArray[np.intp],
    case_weights: Floats,
    speakers_per_class: npt.NDArray[np.intp],
) -> Calibration:
    """Find the calibration of least cross-entropy on utterances of held-out speakers, all classes equally likely.

    Parameters
    ----------
    means : ndarray (N, S, C)
        Mean log-likelihood a frame of each utterance in each stream under each class.
    n_frames : ndarray (N,)
        Speech frames of each utterance.
    truth : ndarray (N,) of int
        Index of each utterance's class.
    case_weights : ndarray (N,)
        How much each utterance counts within its class; positive.
    speakers_per_class : ndarray (C,) of int
        Number of different speakers, for the smoothing of the targets; at least 1.

    Returns
    -------
    Calibration
    """
    _, n_streams, n_classes = means.shape
    targets = smoothed_targets(speakers_per_class)[truth]
    class_totals = np.bincount(truth, weights=case_weights, minlength=n_classes)
    weights = case_weights / class_totals[truth] / n_classes

    def calibration_of(parameters: Floats) -> Calibration:
        half_weight_frames, *scales = np.exp(parameters[: 1 + n_streams]).tolist()
        free = parameters[1 + n_streams :]
        return Calibration(
            scales=tuple(scales), half_weight_frames=half_weight_frames, offsets=(*free.tolist(), -float(free.sum()))
        )

    def cross_entropy(parameters: Floats) -> float:
        posteriors = log_softmax(calibration_of(parameters).log_likelihoods(means, n_frames), axis=1)
        return -float(weights @ (targets * posteriors).sum(axis=1))

    bounds = (
        [tuple(np.log(HALFWAY_RANGE))] + [tuple(np.log(SCALE_RANGE))] * n_streams + [(None, None)] * (n_classes - 1)
    )
    start = np.log([START_HALFWAY, *[START_SCALE / n_streams] * n_streams])
    start = np.concatenate([start, np.zeros(n_classes - 1)])
    result = scipy.optimize.minimize(cross_entropy, start, method="L-BFGS-B", bounds=bounds)
    return calibration_of(result.x)


def smoothed_targets(speakers_per_class: npt.NDArray[np.intp]) -> Floats:
    """What a certain answer is worth: (N_c + 1) / (N_c + C) for the true class of N_c speakers, the rest shared evenly.

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

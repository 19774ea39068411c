"""Discriminative training of tied sub-models by maximum mutual information (MMI; Bahl et al. 1986).

Maximum likelihood describes each class as well as possible, also where this does not help to separate the classes. MMI
maximises the posterior probability of the truth given the utterances u, that is, minimises

    L = - sum_u W_u log P(A_u | u) + smoothing / 2 sum_hk w_k |d_hk|^2,                                         (7)
    P(h | u) ~ exp( sharpness r_uh ),     r_uh = sum_k (b_hk + d_hk) . X_uk

with A_u the sub-models that the truth admits, P(A_u | u) the sum of their posteriors, W_u the weights of the utterances
(they sum to 1) and X_uk = (N_k, F_k) / n_u the statistics (10) of an utterance of n_u frames. r is the mean of the
log-likelihood ratio (9) per frame, linear in what is trained:

    dL/dd_h = sharpness sum_u W_u ( P(h | u) - P(h | u, A_u) ) X_u  +  smoothing w d_h                          (8)

- b are the coefficients of sub-models fitted by maximum likelihood, one EM step from the background mixture.
  I-smoothing (Povey 2003) limits overfitting: the penalty pulls the coefficients toward b, each component by its
  weight.
- The steps are those of L-BFGS (Liu & Nocedal 1989) from d = 0. Few of them are part of the method: more of them fit
  the training corpora better and others worse.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize
from scipy.special import log_softmax, logsumexp

from speechgmm.argument_checks import conform_fields
from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.tied import SHARPNESS

PRIOR_SHARE = 0.2  # of the background's weights in the occupancies of maximum likelihood, against empty components


@dataclass(frozen=True, kw_only=True)
class MMIOptions:
    """Options of discriminative training (MMI).

    Attributes
    ----------
    iterations : int
        Iterations of L-BFGS, 1 or more.
    i_smoothing : float
        Strength of the penalty that pulls the coefficients toward those of maximum likelihood; not negative.
    """

    iterations: int = 25
    i_smoothing: float = 1.0

    def __post_init__(self) -> None:
        conform_fields(self)
        if self.iterations < 1:
            raise OptionError(f"iterations is {self.iterations}, but it must be 1 or more")
        if not (math.isfinite(self.i_smoothing) and self.i_smoothing >= 0):
            raise OptionError(f"i_smoothing is {self.i_smoothing}, but it must be 0 or more and finite")


@dataclass(frozen=True, eq=False)
class Cases:
    """Utterances with their truth.

    Attributes
    ----------
    statistics : ndarray (U, K, 1 + D) of float32
        The statistics (10) of each utterance, divided by its number of frames.
    admitted : ndarray (U, H) of bool
        The sub-models that the truth admits: at least one for each utterance.
    weights : ndarray (U,)
        Not negative; they sum to 1.
    """

    statistics: npt.NDArray[np.float32]
    admitted: npt.NDArray[np.bool_]
    weights: Floats


@dataclass(frozen=True, eq=False)
class MMIFit:
    """Tied sub-models after discriminative training.

    Attributes
    ----------
    coefficients : ndarray (H, K, 1 + D)
        As of `mixture.tied.TiedModels`.
    losses : tuple of float
        Loss L of equation (7) at the start and after each iteration.
    """

    coefficients: Floats
    losses: tuple[float, ...]


def likeliest(cases: Cases, background_weights: Floats) -> Floats:
    """Sub-models of maximum likelihood: one EM step from the background mixture.

    An utterance that admits several sub-models counts for each of them in equal parts.

    Parameters
    ----------
    cases : Cases
    background_weights : ndarray (K,)

    Returns
    -------
    ndarray (H, K, 1 + D)
        Coefficients of equation (9). The occupancies of a sub-model are smoothed by the background's weights.
    """
    shares = cases.admitted / cases.admitted.sum(axis=1, keepdims=True) * cases.weights[:, np.newaxis]
    shares /= np.maximum(shares.sum(axis=0), np.finfo(float).tiny)
    _, n_components, n_linear = cases.statistics.shape
    flat = cases.statistics.reshape(len(shares), -1)
    sums = (shares.T.astype(np.float32) @ flat).astype(np.float64).reshape(-1, n_components, n_linear)
    smoothed = (sums[:, :, 0] + PRIOR_SHARE * background_weights) / (1.0 + PRIOR_SHARE)
    shifts = sums[:, :, 1:] / (smoothed * (1.0 + PRIOR_SHARE))[:, :, np.newaxis]
    constants = np.log(smoothed / background_weights) - 0.5 * (shifts**2).sum(axis=2)
    return np.concatenate([constants[:, :, np.newaxis], shifts], axis=2)


def fit_mmi(
    cases: Cases,
    start: Floats,
    background_weights: Floats,
    options: MMIOptions,
    *,
    monitor: Callable[[Sequence[float]], None] | None = None,
) -> MMIFit:
    """Train tied sub-models discriminatively: minimise equation (7).

    Parameters
    ----------
    cases : Cases
    start : ndarray (H, K, 1 + D)
        Coefficients to start from, which I-smoothing pulls toward.
    background_weights : ndarray (K,)
    options : MMIOptions
    monitor : callable, optional
        Called after each iteration with the losses so far.

    Returns
    -------
    MMIFit
    """
    shape = start.shape
    flat = cases.statistics.reshape(len(cases.weights), -1)
    penalty = options.i_smoothing * np.broadcast_to(background_weights[:, np.newaxis], shape[1:]).ravel()
    not_admitted = np.where(cases.admitted, 0.0, -np.inf)
    offset = SHARPNESS * (flat @ start.reshape(shape[0], -1).T.astype(np.float32)).astype(np.float64)

    def loss_and_slope(parameters: Floats) -> tuple[float, Floats]:
        differences = parameters.reshape(shape[0], -1)
        scores = offset + SHARPNESS * (flat @ differences.T.astype(np.float32)).astype(np.float64)
        posteriors, admitted = log_softmax(scores, axis=1), scores + not_admitted
        of_truth = logsumexp(posteriors + not_admitted, axis=1)
        errors = (np.exp(posteriors) - np.exp(log_softmax(admitted, axis=1))) * cases.weights[:, np.newaxis]
        slope = SHARPNESS * (errors.T.astype(np.float32) @ flat).astype(np.float64) + penalty * differences
        loss = -float(cases.weights @ of_truth) + 0.5 * float((penalty * differences**2).sum())
        return loss, slope.ravel()

    losses = [loss_and_slope(np.zeros(start.size))[0]]

    def record(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        losses.append(float(intermediate_result.fun))
        if monitor is not None:
            monitor(losses)

    result = scipy.optimize.minimize(
        loss_and_slope,
        np.zeros(start.size),
        jac=True,
        method="L-BFGS-B",
        callback=record,
        options={"maxiter": options.iterations},
    )
    return MMIFit(start + result.x.reshape(shape), tuple(losses))

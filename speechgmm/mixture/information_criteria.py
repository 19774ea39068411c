"""Selection of the number of components by held-out log-likelihood; AIC and BIC for comparison.

Held-out log-likelihood measures how well a mixture describes speakers that it was not fitted to. AIC and BIC use the
training frames and penalise parameters. Both assume independent frames, which frames of speech are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MARGIN = 0.01  # nats per frame; a smaller gain does not justify twice the number of components


@dataclass(frozen=True, kw_only=True)
class SizeResult:
    """Results of mixtures of one size.

    Attributes
    ----------
    n_components : int
        Number of components of each class mixture.
    log_likelihood : float
        Mean log-likelihood per frame (nats) on the training frames.
    aic, bic : float
        Of the mixtures of all classes together; lower is better.
    held_out : float
        Mean log-likelihood per frame (nats) on held-out speakers.
    """

    n_components: int
    log_likelihood: float
    aic: float
    bic: float
    held_out: float


def aic(log_likelihood_sum: float, n_parameters: int) -> float:
    """Akaike's information criterion, ``2P - 2 log L`` (Akaike 1974).

    Parameters
    ----------
    log_likelihood_sum : float
        Log-likelihood (nats) of all training frames.
    n_parameters : int

    Returns
    -------
    float
        Lower is better.
    """
    return 2.0 * n_parameters - 2.0 * log_likelihood_sum


def bic(log_likelihood_sum: float, n_parameters: int, n_frames: float) -> float:
    """Bayesian information criterion, ``P log T - 2 log L`` (Schwarz 1978, who uses -1/2 times this).

    Parameters
    ----------
    log_likelihood_sum : float
        Log-likelihood (nats) of all training frames.
    n_parameters : int
    n_frames : float
        Number of training frames, positive.

    Returns
    -------
    float
        Lower is better.
    """
    return n_parameters * math.log(n_frames) - 2.0 * log_likelihood_sum


def choose(results: Iterable[SizeResult]) -> SizeResult:
    """Choose the smallest size whose held-out log-likelihood is within `MARGIN` of the best.

    The held-out curve is flat near its maximum, and every component costs time whenever the model is used.

    Parameters
    ----------
    results : iterable of SizeResult
        At least one.

    Returns
    -------
    SizeResult
    """
    results = list(results)
    threshold = max(result.held_out for result in results) - MARGIN
    candidates = (result for result in results if result.held_out >= threshold)
    return min(candidates, key=lambda result: result.n_components)

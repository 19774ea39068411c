"""How many components: what a size costs and gains, and which one to take.

Held-out log-likelihood asks what is wanted: how well a mixture describes speakers it was not fitted to. AIC and BIC ask
the training frames themselves and charge for parameters; both rest on independent frames, which speech does not give.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MARGIN = 0.01  # nats a frame: a gain too small to pay twice the components for


@dataclass(frozen=True, kw_only=True)
class SizeResult:
    """What mixtures of one size achieved.

    Attributes
    ----------
    n_components : int
        Of each class's mixture.
    log_likelihood : float
        Mean log-likelihood a frame (nats) on the frames that the mixtures were fitted to.
    aic, bic : float
        Of the mixtures of all classes together; less is better.
    held_out : float
        Mean log-likelihood a frame (nats) on speakers that the mixtures were not fitted to.
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
        Log-likelihood (nats) of all frames that the model was fitted to.
    n_parameters : int

    Returns
    -------
    float
        Less is better.
    """
    return 2.0 * n_parameters - 2.0 * log_likelihood_sum


def bic(log_likelihood_sum: float, n_parameters: int, n_frames: float) -> float:
    """Bayesian information criterion, ``P log T - 2 log L`` (Schwarz 1978, there halved and with the other sign).

    Parameters
    ----------
    log_likelihood_sum : float
        Log-likelihood (nats) of all frames that the model was fitted to.
    n_parameters : int
    n_frames : float
        How many they are, counted as independent; positive.

    Returns
    -------
    float
        Less is better.
    """
    return n_parameters * math.log(n_frames) - 2.0 * log_likelihood_sum


def choose(results: Iterable[SizeResult]) -> SizeResult:
    """The smallest size whose held-out log-likelihood is within `MARGIN` of the best.

    Near its top the held-out curve is flat, and every component costs time for as long as the model is used.

    Parameters
    ----------
    results : iterable of SizeResult
        At least one.

    Returns
    -------
    SizeResult
    """
    results = list(results)
    enough = max(result.held_out for result in results) - MARGIN
    return min((each for each in results if each.held_out >= enough), key=lambda each: each.n_components)

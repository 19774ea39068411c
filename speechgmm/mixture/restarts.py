"""EM from several starts: it climbs to a local optimum, and which one is the luck of the start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.mixture.em import EMOptions, Fit, fit
from speechgmm.mixture.estep import Floats, Frames
from speechgmm.mixture.initialisation import start
from speechgmm.mixture.statistics import Spread


@dataclass(frozen=True, eq=False)
class Restarts:
    """The best of several fits.

    Attributes
    ----------
    best : Fit
        The one whose mixture has the highest log-likelihood; of equal ones the first.
    log_likelihoods : tuple of float
        Mean log-likelihood a frame (nats) that each fit ended with, in the order of the fits.
    """

    best: Fit
    log_likelihoods: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Difference between the highest and the lowest log-likelihood, in nats a frame."""
        return max(self.log_likelihoods) - min(self.log_likelihoods)


def check_restarts(restarts: int) -> None:
    """Refuse a number of fits below 1.

    Raises
    ------
    OptionError
    """
    if restarts < 1:
        raise OptionError(f"restarts is {restarts}, but it must be 1 or more")


def fit_restarts(
    frames: Frames,
    n_components: int,
    rng: np.random.Generator,
    *,
    restarts: int = 1,
    method: str = "kmeans",
    frame_weights: Floats | None = None,
    options: EMOptions = EMOptions(),
    spread: Spread = map,
) -> Restarts:
    """Fit a mixture from several starts and keep the best.

    Parameters
    ----------
    frames : ndarray (T, D)
    n_components : int
        K, at most T.
    rng : numpy.random.Generator
        The starts are drawn from it one after the other, so that the first fits do not depend on how many follow.
    restarts : int
        How many fits, at least 1.
    method : str
        Of `initialisation.START_METHODS`.
    frame_weights : ndarray (T,), optional
        How much each frame counts; 1 by default.
    options : EMOptions
    spread : callable
        How the shards of an E-step are worked on: see `statistics.accumulate_shards`.

    Returns
    -------
    Restarts

    Raises
    ------
    OptionError
        If there is no such method, or the number of fits is below 1.
    TrainingError
        If there are fewer frames than components, or a frame is not finite.
    """
    check_restarts(restarts)
    log_likelihoods: list[float] = []
    for _ in range(restarts):
        beginning = start(frames, n_components, rng, method=method, frame_weights=frame_weights, options=options)
        fitted = fit(frames, beginning, frame_weights=frame_weights, options=options, spread=spread)
        if not log_likelihoods or fitted.log_likelihoods[-1] > max(log_likelihoods):
            best = fitted
        log_likelihoods.append(fitted.log_likelihoods[-1])
    return Restarts(best, tuple(log_likelihoods))

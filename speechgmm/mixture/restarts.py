"""EM from several starts: it climbs to a local optimum, and which one is the luck of the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.mixture.checkpoint import Journal
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estep import Frames
from speechgmm.mixture.families import family_for
from speechgmm.mixture.initialisation import start
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import Shards, Spread, as_shards


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

    best: Fit[Any]
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
    data: Frames | Shards,
    n_components: int,
    *,
    family: str = "gaussian",
    seed: int = 0,
    restarts: int = 1,
    method: str = "kmeans",
    options: EMOptions = EMOptions(),
    spread: Spread = map,
    journal: Journal = Journal(),
) -> Restarts:
    """Fit a mixture from several starts and keep the best.

    Parameters
    ----------
    data : ndarray (T, D) or sequence of Shard
    n_components : int
        K, at most T.
    family : str
        Of `families.FAMILIES`.
    seed : int
        Each start draws from a generator made of it and of its number, so that the first fits do not depend on how many
        follow.
    restarts : int
        How many fits, at least 1.
    method : str
        Of `initialisation.START_METHODS`.
    options : EMOptions
    spread : callable
        How the shards of an E-step are worked on: see `shards.Spread`.
    journal : Journal
        Where the fits are kept as they proceed.

    Returns
    -------
    Restarts

    Raises
    ------
    OptionError
        If there is no such method or family, or the number of fits is below 1.
    TrainingError
        If there are fewer frames than components, or a frame is not one the family can describe.
    """
    check_restarts(restarts)
    shards = as_shards(data)
    kind = family_for(family, shards, n_components, options=options, spread=spread)
    fits: list[Fit[Any]] = []
    for number in range(1, restarts + 1):
        page = journal.at(f"start-{number}")
        begun = page.read()
        if begun is None:
            rng = np.random.default_rng([seed, number])
            beginning = start(shards, n_components, kind, rng, method=method, options=options, spread=spread)
        fits.append(fit(shards, begun or beginning, family=kind, options=options, spread=spread, monitor=page.write))
    ends = tuple(fitted.log_likelihoods[-1] for fitted in fits)
    return Restarts(fits[int(np.argmax(ends))], ends)

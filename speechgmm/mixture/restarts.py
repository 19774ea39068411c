"""EM from several starts. EM finds a local optimum, which depends on the start; the best fit is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.mixture.checkpoint import Checkpoint
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estep import Frames
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.initialisation import start
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import ShardedFrames, as_shards


@dataclass(frozen=True, eq=False)
class Restarts:
    """The best of several fits.

    Attributes
    ----------
    best : Fit
        The fit with the highest log-likelihood, the first one of a tie.
    log_likelihoods : tuple of float
        Final mean log-likelihood per frame (nats) of each fit.
    """

    best: Fit[Any]
    log_likelihoods: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Difference between the highest and the lowest log-likelihood, in nats per frame."""
        return max(self.log_likelihoods) - min(self.log_likelihoods)


def check_restarts(restarts: int) -> None:
    """Raise OptionError unless the number of fits is 1 or more.

    Raises
    ------
    OptionError
    """
    if restarts < 1:
        raise OptionError(f"restarts is {restarts}, but it must be 1 or more")


def fit_restarts(
    data: Frames | ShardedFrames,
    n_components: int,
    *,
    family: str | Family[Any] = "gaussian",
    seed: int = 0,
    restarts: int = 1,
    method: str = "kmeans",
    options: EMOptions = EMOptions(),
    checkpoint: Checkpoint = Checkpoint(),
) -> Restarts:
    """Fit a mixture from several starts and return the best fit.

    Parameters
    ----------
    data : ndarray (T, D) or ShardedFrames
    n_components : int
        K, at most T.
    family : str or Family
        One of `family_registry.FAMILIES`, or a family created for the data, which are then not checked.
    seed : int
        The generator of each start is seeded with this and the number of the start. A fit therefore does not depend on
        the number of restarts.
    restarts : int
        Number of fits, at least 1.
    method : str
        One of `initialisation.START_METHODS`.
    options : EMOptions
    checkpoint : Checkpoint
        Saves the fits during training.

    Returns
    -------
    Restarts

    Raises
    ------
    OptionError
        If the method or family is unknown, or the number of fits is below 1.
    TrainingError
        If there are fewer frames than components, or the frames are not valid for the family.
    """
    check_restarts(restarts)
    shards = as_shards(data)
    m_step_family = family if isinstance(family, Family) else family_for(family, shards, n_components, options=options)
    fits: list[Fit[Any]] = []
    for number in range(1, restarts + 1):
        part = checkpoint.at(f"start-{number}")
        initial: Mixture | Fit[Any] | None = part.read()
        if initial is None:
            rng = np.random.default_rng([seed, number])
            initial = start(shards, n_components, m_step_family, rng, method=method, options=options)
        fits.append(fit(shards, initial, family=m_step_family, options=options, monitor=part.write))
    log_likelihoods = tuple(fitted.log_likelihoods[-1] for fitted in fits)
    return Restarts(fits[int(np.argmax(log_likelihoods))], log_likelihoods)

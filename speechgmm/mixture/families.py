"""The families by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from speechgmm.errors import OptionError, TrainingError
from speechgmm.mixture.bernoulli import BernoulliMixture
from speechgmm.mixture.bernoulli_family import BernoulliFamily
from speechgmm.mixture.family import Family
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.gaussian_family import GaussianFamily
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import Shards, Spread
from speechgmm.mixture.statistics import Moments, moments

FAMILIES: dict[str, Callable[[Moments, EMOptions], Family[Any]]] = {
    "gaussian": GaussianFamily.of,
    "bernoulli": BernoulliFamily.of,
}
MIXTURES: dict[str, type[Mixture]] = {"gaussian": DiagonalMixture, "bernoulli": BernoulliMixture}


def check_family(name: str) -> None:
    """Refuse a name that is none of `FAMILIES`.

    Raises
    ------
    OptionError
    """
    if name not in FAMILIES:
        raise OptionError(f"the family is {name!r}, but it must be one of {', '.join(FAMILIES)}")


def family_for(
    name: str, shards: Shards, n_components: int, *, options: EMOptions = EMOptions(), spread: Spread = map
) -> Family[Any]:
    """A family for given data, once it is clear that a mixture can be fitted to them.

    Parameters
    ----------
    name : str
        One of `FAMILIES`.
    shards : sequence of Shard
    n_components : int
        How many components the data must have frames for; a frame of weight 0 does not count as one.
    options : EMOptions
    spread : callable
        How the shards are worked on: see `shards.Spread`.

    Raises
    ------
    OptionError
        If there is no such family.
    TrainingError
        If there are fewer frames than components, or a frame is not one the family can describe.
    """
    check_family(name)
    n_frames = sum(int(np.count_nonzero(shard.weights())) for shard in shards)
    if n_frames < n_components:
        raise TrainingError(
            f"there are {n_frames} frames for {n_components} components: give more speech or fewer components"
        )
    return FAMILIES[name](moments(shards, spread=spread), options)

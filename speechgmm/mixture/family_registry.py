"""Families of components by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from speechgmm.errors import OptionError, TrainingError
from speechgmm.mixture.bernoulli_mstep import BernoulliFamily
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.gaussian_mstep import GaussianFamily
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import ShardedFrames
from speechgmm.mixture.statistics import moments

FAMILIES: dict[str, type[Family[Any]]] = {
    family.mixture_type.family: family for family in (GaussianFamily, BernoulliFamily)
}


def check_family(name: str) -> None:
    """Raise OptionError unless the name is one of `FAMILIES`.

    Raises
    ------
    OptionError
    """
    if name not in FAMILIES:
        raise OptionError(f"the family is {name!r}, but it must be one of {', '.join(FAMILIES)}")


def family_for(name: str, data: ShardedFrames, n_components: int, *, options: EMOptions = EMOptions()) -> Family[Any]:
    """Check that a mixture can be fitted to the data, and create the family for them.

    Parameters
    ----------
    name : str
        One of `FAMILIES`.
    data : ShardedFrames
    n_components : int
        Minimum number of frames; frames of weight 0 do not count.
    options : EMOptions

    Raises
    ------
    OptionError
        If the family is unknown.
    TrainingError
        If there are fewer frames than components, or the frames are not valid for the family.
    """
    check_family(name)
    n_frames = sum(int(np.count_nonzero(shard.weights())) for shard in data)
    if n_frames < n_components:
        raise TrainingError(
            f"there are {n_frames} frames for {n_components} components: give more speech or fewer components"
        )
    return FAMILIES[name].of(moments(data), options)

"""The fit of one component to data that come in chunks.

With one component all responsibilities are 1, whatever its parameters are. The sums of equation (3) over all chunks
then determine the fit, and it is that of all rows together. With more components the responsibilities of earlier chunks
would change with every update, so no fit that sees each chunk once is the one of EM.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import Fit, Iteration
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.shards import shards_of
from speechgmm.mixture.statistics import Moments, Statistics, auxiliary, moments


@dataclass(frozen=True, eq=False)
class Chunks:
    """What is known of the chunks so far.

    Attributes
    ----------
    seen : Moments
    statistics : Statistics
        With one component, on the axes of the first chunk.
    fit : Fit
        The fit of one component to all rows so far.
    """

    seen: Moments
    statistics: Statistics
    fit: Fit[Any]


def extended(
    chunks: Chunks | None, rows: Floats, weights: Floats, family_for: Callable[[Moments], Family[Any]]
) -> Chunks:
    """The chunks with another one.

    Parameters
    ----------
    chunks : Chunks or None
        None for the first one.
    rows : ndarray (n, D)
    weights : ndarray (n,)
    family_for : callable
        Creates the family for data with some moments.
    """
    seen = moments(shards_of(rows, weights))
    if chunks is not None:
        seen = chunks.seen + seen
    family = family_for(seen)
    axes = family.axes if chunks is None else chunks.statistics.axes
    sums = axes.expand(rows, np.empty((axes.n_expanded, len(rows)))) @ weights
    statistics = Statistics(axes, float(weights.sum()), math.nan, 0.0, sums[np.newaxis])
    if chunks is not None:
        statistics = chunks.statistics + statistics
    mixture = family.maximise(statistics)
    statistics = replace(statistics, log_likelihood=auxiliary(statistics, mixture))
    end = Iteration.after(statistics, raised=math.nan, log_prior=family.log_prior(mixture))
    return Chunks(
        seen, statistics, Fit(mixture=mixture, iterations=(end,), converged=True, n_limited=family.n_limited(mixture))
    )

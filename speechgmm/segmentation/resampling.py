"""How sure a ratio of seconds is: a bootstrap over the units it is summed over, recordings or blocks of time."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from speechgmm.evaluation.intervals import Resampling, percentile_interval
from speechgmm.evaluation.metrics import Interval

LEAST_UNITS = 5
"""Fewer say nothing of how others would be: there is no interval then."""


def ratio_interval(parts: npt.NDArray[np.float64], wholes: npt.NDArray[np.float64], resampling: Resampling) -> Interval:
    """Percentile interval (95 %) of the sum of `parts` over the sum of `wholes`, as many units drawn as there are.

    Parameters
    ----------
    parts, wholes : array (n,)
        Of each unit. Units that have neither are not drawn: they say nothing.
    resampling : Resampling

    Returns
    -------
    Interval
        NaN where fewer than `LEAST_UNITS` units have a whole, or a resample's whole is 0.
    """
    if np.count_nonzero(wholes) < LEAST_UNITS:
        return Interval(math.nan, math.nan)
    told = (parts != 0) | (wholes != 0)
    parts, wholes, n_units = parts[told], wholes[told], np.count_nonzero(told)
    rng = np.random.default_rng(resampling.seed)
    draws = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=resampling.n_resamples)
    drawn_parts, drawn_wholes = draws @ parts, draws @ wholes
    ratios = np.divide(drawn_parts, drawn_wholes, out=np.full(len(draws), np.nan), where=drawn_wholes > 0)
    return percentile_interval(ratios)

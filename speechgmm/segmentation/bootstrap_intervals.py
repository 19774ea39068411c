"""Bootstrap interval of a ratio of two sums, by resampling the units that are summed: recordings or blocks of time."""

from __future__ import annotations

import math

import numpy as np

from speechgmm.evaluation.intervals import Resampling, percentile_interval
from speechgmm.evaluation.metrics import Interval
from speechgmm.segmentation.array_types import Floats

MIN_UNITS = 5
"""With fewer units there is no interval."""


def ratio_interval(parts: Floats, wholes: Floats, resampling: Resampling) -> Interval:
    """95 % percentile interval of ``parts.sum() / wholes.sum()``; a resample has as many units as there are.

    Parameters
    ----------
    parts, wholes : array (n,)
        Of each unit. Units with neither are not drawn.
    resampling : Resampling

    Returns
    -------
    Interval
        NaN if fewer than `MIN_UNITS` units have a whole, or if the wholes of a resample sum to 0.
    """
    if np.count_nonzero(wholes) < MIN_UNITS:
        return Interval(math.nan, math.nan)
    used = (parts != 0) | (wholes != 0)
    parts, wholes, n_units = parts[used], wholes[used], np.count_nonzero(used)
    rng = np.random.default_rng(resampling.seed)
    draws = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=resampling.n_resamples)
    drawn_parts, drawn_wholes = draws @ parts, draws @ wholes
    ratios = np.divide(drawn_parts, drawn_wholes, out=np.full(len(draws), np.nan), where=drawn_wholes > 0)
    return percentile_interval(ratios)

"""High-pass filter against a DC offset: what is left of the samples without their exponential moving average.

The filter is a first-order Butterworth high-pass with its cut-off at `CUTOFF_HZ`. With ``t = tan(pi CUTOFF_HZ / rate)``
and ``a = (1 - t) / (1 + t)`` it is

    y[n] = (x[n] - v[n]) / (1 - t),     v[n] = (1 - a) x[n] + a v[n-1]

The average is a cumulative sum with growing weights, ``v[n] = a^(n+1) (v[-1] + sum_j (1 - a) a^-(j+1) x[j])``, which
begins anew every `PERIOD` samples, before the weights leave the range of double precision.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from speechgmm.features.array_types import Samples

CUTOFF_HZ = 20.0
PERIOD = 16384  # weights up to 1e112 at 8000 Hz


def without_offset(blocks: Iterable[Samples], sampling_rate: int) -> Iterator[Samples]:
    """Remove a DC offset; the first sample counts as the offset until then.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)
        Consecutive samples in blocks of any size. The result is bit-identical for all sizes.
    sampling_rate : int
        In Hz.

    Yields
    ------
    ndarray (n,) of float32
        One per block that is not empty.
    """
    growing, decaying, gain = _weights(sampling_rate)
    average, position = math.nan, 0  # `average` is divided by the weight it decays with from the start of the period
    for block in blocks:
        if len(block) == 0:
            continue
        if math.isnan(average):
            average = float(block[0])
        filtered = np.empty(len(block), dtype=np.float32)
        for begin, end in _within_periods(position, len(block)):
            samples, weights = block[begin:end], slice(position, position + end - begin)
            averages = samples * growing[weights]
            averages[0] += average
            np.add.accumulate(averages, out=averages)
            average, position = averages[-1], weights.stop
            averages *= decaying[weights]
            if position == PERIOD:
                average, position = averages[-1], 0
            np.subtract(samples, averages, out=averages)
            np.multiply(averages, gain, out=filtered[begin:end], casting="same_kind")
        yield filtered


def _within_periods(position: int, n_samples: int) -> Iterator[tuple[int, int]]:
    """The ranges of a block that lie in one period each, if it begins at this position of a period."""
    begin = 0
    while begin < n_samples:
        end = min(begin + PERIOD - position, n_samples)
        yield begin, end
        begin, position = end, 0


@functools.lru_cache(maxsize=8)
def _weights(sampling_rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    """Growing and decaying weights (`PERIOD`,) of the cumulative sum, and the gain ``1 / (1 - t)``."""
    t = math.tan(math.pi * CUTOFF_HZ / sampling_rate)
    decay = (1.0 - t) / (1.0 + t)
    decaying = decay ** np.arange(1.0, 1.0 + PERIOD)
    return (1.0 - decay) / decaying, decaying, 1.0 / (1.0 - t)

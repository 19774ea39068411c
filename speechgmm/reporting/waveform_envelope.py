"""Waveform envelope: minimum and maximum sample per bin, updated block by block in constant memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from speechgmm.audio.samples import Samples

MAX_BINS = 2048


class Envelope:
    """Minimum and maximum sample in bins of equal width.

    When all bins are full, neighbouring bins are merged in pairs and the bin width doubles. A signal longer than
    `max_bins` samples therefore fills between half of the bins and all of them.

    Parameters
    ----------
    max_bins : int
        Even, at least 2.

    Attributes
    ----------
    bin_width : int
        Samples per bin: a power of two.
    n_samples : int
        Samples added so far.
    """

    def __init__(self, max_bins: int = MAX_BINS) -> None:
        self.bin_width = 1
        self.n_samples = 0
        self._lowest = np.full(max_bins, np.inf, np.float32)
        self._highest = np.full(max_bins, -np.inf, np.float32)

    def add(self, samples: Samples) -> None:
        """Add the next samples, shape (n,)."""
        if len(samples) == 0:
            return
        end = self.n_samples + len(samples)
        while end > self.bin_width * len(self._lowest):
            self._merge_bins()
        first, last = self.n_samples // self.bin_width, (end - 1) // self.bin_width
        starts = np.maximum(np.arange(first, last + 1) * self.bin_width - self.n_samples, 0)
        bins = slice(first, last + 1)
        self._lowest[bins] = np.minimum(self._lowest[bins], np.minimum.reduceat(samples, starts))
        self._highest[bins] = np.maximum(self._highest[bins], np.maximum.reduceat(samples, starts))
        self.n_samples = end

    def extremes(self) -> npt.NDArray[np.float32]:
        """Minimum and maximum of each bin, shape (bins, 2); the last bin may hold fewer samples."""
        n_bins = -(-self.n_samples // self.bin_width)
        return np.column_stack([self._lowest[:n_bins], self._highest[:n_bins]])

    def _merge_bins(self) -> None:
        self.bin_width *= 2
        half = len(self._lowest) // 2
        self._lowest[:half], self._lowest[half:] = self._lowest.reshape(-1, 2).min(axis=1), np.inf
        self._highest[:half], self._highest[half:] = self._highest.reshape(-1, 2).max(axis=1), -np.inf

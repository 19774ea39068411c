"""The outline of a sound: its lowest and highest sample in each of a bounded number of bins, while it goes by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from speechgmm.audio.samples import Samples

MOST_BINS = 2048


class Envelope:
    """Extremes of samples in bins of equal width; whenever the bins are full, each two become one.

    So a sound of any length has between half of the bins and all of them, and memory does not grow with it.

    Parameters
    ----------
    most_bins : int
        Even, two or more.

    Attributes
    ----------
    bin_width : int
        Samples in a bin: a power of two.
    n_samples : int
        How many have been added.
    """

    def __init__(self, most_bins: int = MOST_BINS) -> None:
        self.bin_width = 1
        self.n_samples = 0
        self._lowest = np.full(most_bins, np.inf, np.float32)
        self._highest = np.full(most_bins, -np.inf, np.float32)

    def add(self, samples: Samples) -> None:
        """Add the next samples, shape (n,)."""
        if len(samples) == 0:
            return
        end = self.n_samples + len(samples)
        while end > self.bin_width * len(self._lowest):
            self._halve()
        first, last = self.n_samples // self.bin_width, (end - 1) // self.bin_width
        begins = np.maximum(np.arange(first, last + 1) * self.bin_width - self.n_samples, 0)
        touched = slice(first, last + 1)
        self._lowest[touched] = np.minimum(self._lowest[touched], np.minimum.reduceat(samples, begins))
        self._highest[touched] = np.maximum(self._highest[touched], np.maximum.reduceat(samples, begins))
        self.n_samples = end

    def extremes(self) -> npt.NDArray[np.float32]:
        """The lowest and the highest sample of each bin, shape (bins, 2); the last bin may hold fewer samples."""
        used = -(-self.n_samples // self.bin_width)
        return np.column_stack([self._lowest[:used], self._highest[:used]])

    def _halve(self) -> None:
        self.bin_width *= 2
        half = len(self._lowest) // 2
        self._lowest[:half], self._lowest[half:] = self._lowest.reshape(-1, 2).min(axis=1), np.inf
        self._highest[:half], self._highest[half:] = self._highest.reshape(-1, 2).max(axis=1), -np.inf

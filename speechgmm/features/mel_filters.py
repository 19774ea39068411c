"""Mel filter banks: those of librosa, and those that a model was trained with."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError
from speechgmm.features.array_types import Features
from speechgmm.features.options import FrontEndOptions

BANDS_PER_PRODUCT = 16


class _Part(NamedTuple):
    """Neighbouring bands, and the bins that any of them weighs."""

    bins: slice
    bands: slice
    weights: Features


@dataclass(frozen=True, eq=False)
class MelFilters:
    """A mel filter bank: each band weighs a range of neighbouring frequency bins.

    Attributes
    ----------
    ranges : ndarray (n_mels, 2) of uint16
        First bin of each band, and the bin after its last one; equal for an empty band.
    weights : ndarray (n,) of float32
        Weights of the bins of the first band, then of the second and so on.

    Raises
    ------
    OptionError
        If the ranges and the weights do not match, or a weight is not a finite number of 0 or more.
    """

    ranges: npt.NDArray[np.uint16]
    weights: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.ranges.ndim != 2 or self.ranges.shape[1] != 2 or (self.ranges[:, 1] < self.ranges[:, 0]).any():
            raise OptionError("the bands of a mel filter bank must be ranges of frequency bins, (n_mels, 2)")
        if self.weights.shape != (int(self._lengths.sum()),):
            raise OptionError(
                f"a mel filter bank with ranges of {self._lengths.sum()} bins needs as many weights, "
                f"not {self.weights.shape}"
            )
        if not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            raise OptionError("the weights of a mel filter bank must be finite numbers, 0 or more")

    @classmethod
    def of(cls, bank: Features) -> MelFilters:
        """The filters of a matrix (n_mels, n), in which most weights are 0."""
        ranges = np.zeros((len(bank), 2), dtype=np.uint16)
        for band, row in zip(ranges, bank, strict=True):
            if row.any():
                used = np.flatnonzero(row)
                band[:] = used[0], used[-1] + 1
        weights = [row[begin:end] for row, (begin, end) in zip(bank, ranges, strict=True)]
        return cls(ranges, np.concatenate(weights).astype(np.float32))

    @property
    def n_bins(self) -> int:
        """Number of frequency bins that the bank needs, from the lowest to the highest that a band weighs."""
        return int(self.ranges[:, 1].max())

    @property
    def n_mels(self) -> int:
        """Number of bands."""
        return len(self.ranges)

    def apply(self, power: Features, out: Features) -> None:
        """Compute the power of the bands.

        Parameters
        ----------
        power : ndarray (T, n_bins or more)
            Power spectra.
        out : ndarray (T, n_mels)
            Is filled.
        """
        for part in self._parts:
            np.matmul(power[:, part.bins], part.weights, out=out[:, part.bands])

    @property
    def _lengths(self) -> npt.NDArray[np.int64]:
        """Number of bins of each band."""
        ranges = self.ranges.astype(np.int64)
        return ranges[:, 1] - ranges[:, 0]

    @cached_property
    def _parts(self) -> tuple[_Part, ...]:
        """The bank as small products: a band weighs few bins, and neighbouring bands weigh neighbouring ones."""
        ends = np.cumsum(self._lengths)
        parts = []
        for bands in np.array_split(np.arange(self.n_mels), max(1, self.n_mels // BANDS_PER_PRODUCT)):
            filled = [band for band in bands if self._lengths[band]]
            first = min((int(self.ranges[band, 0]) for band in filled), default=0)
            last = max((int(self.ranges[band, 1]) for band in filled), default=0)
            weights = np.zeros((last - first, len(bands)), dtype=np.float32)
            for band in filled:
                begin, end = self.ranges[band].astype(int) - first
                weights[begin:end, band - bands[0]] = self.weights[ends[band] - self._lengths[band] : ends[band]]
            parts.append(_Part(slice(first, last), slice(int(bands[0]), int(bands[-1]) + 1), weights))
        return tuple(parts)


@functools.lru_cache(maxsize=8)
def mel_filters(options: FrontEndOptions) -> MelFilters:
    """The filter bank of librosa for a front end."""
    from librosa.filters import mel

    bank: Features = mel(
        sr=options.sampling_rate,
        n_fft=options.n_fft,
        n_mels=options.n_mels,
        fmin=options.fmin_hz,
        fmax=options.fmax_hz,
    )
    return MelFilters.of(bank)

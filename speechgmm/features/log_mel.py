"""From samples to log mel bands: Hann window, power spectrum, mel filters, logarithm.

The frames go through the steps in blocks that stay in the cache of a core, so that no spectrum of a whole stretch is
ever in memory. Front ends with the same window share its spectrum.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence

import numpy as np

from speechgmm.features.array_types import Features, Samples
from speechgmm.features.mel_filters import MelFilters
from speechgmm.features.options import FrontEndOptions
from speechgmm.features.voice_activity import DECIBELS

BLOCK_FRAMES = 64
POWER_FLOOR = 1e-12  # power of a mel band, samples in [-1, 1]: far below 16-bit quantisation noise


def log_mel_bands(
    samples: Samples, front_ends: Sequence[FrontEndOptions], filters: Sequence[MelFilters]
) -> list[Features]:
    """Compute the log mel bands of samples for several front ends of one window and one hop.

    Parameters
    ----------
    samples : ndarray (n,)
        At least one window.
    front_ends : sequence of FrontEndOptions
    filters : sequence of MelFilters
        Of each front end.

    Returns
    -------
    list of ndarray (T, n_mels) of float32
        As of `limited_log`, for each front end; ``T = 1 + (n - window) // hop``.
    """
    import scipy.fft

    first = front_ends[0]
    frames = np.lib.stride_tricks.sliding_window_view(samples, first.window)[:: first.hop]
    bands = [np.empty((len(frames), own.n_mels), dtype=np.float32) for own in filters]
    n_bins = max(own.n_bins for own in filters)
    buffers, hann = _buffers.of(first), hann_window(first.window)
    for begin in range(0, len(frames), BLOCK_FRAMES):
        block = frames[begin : begin + BLOCK_FRAMES]
        padded, power = buffers.padded[: len(block)], buffers.power[: len(block), :n_bins]
        np.multiply(block, hann, out=padded[:, : first.window])
        np.abs(scipy.fft.rfft(padded, axis=1)[:, :n_bins], out=power)
        np.square(power, out=power)
        for own, bank in zip(bands, filters, strict=True):
            bank.apply(power, out=own[begin : begin + BLOCK_FRAMES])
    for own, options in zip(bands, front_ends, strict=True):
        limited_log(own, options)
    return bands


def groups_of_one_spectrum(front_ends: Sequence[FrontEndOptions]) -> list[list[int]]:
    """The indices of front ends, in groups of the same window and hop."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, options in enumerate(front_ends):
        groups.setdefault((options.window, options.hop), []).append(index)
    return list(groups.values())


def limited_log(bands: Features, options: FrontEndOptions) -> None:
    """Replace the power of mel bands (T, n_mels) by its natural logarithm.

    It is limited to `POWER_FLOOR`, and per frame to `band_range_db` below the loudest band.
    """
    np.maximum(bands, np.float32(POWER_FLOOR), out=bands)
    np.log(bands, out=bands)
    lowest = bands.max(axis=1, keepdims=True) - np.float32(options.band_range_db / DECIBELS)
    np.maximum(bands, lowest, out=bands)


@functools.lru_cache(maxsize=8)
def hann_window(length: int) -> Samples:
    """Periodic Hann window, (length,)."""
    return (0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, length + 1)[:-1])).astype(np.float32)


class _Buffers:
    """Arrays for the frames of one window length.

    Attributes
    ----------
    padded : ndarray (BLOCK_FRAMES, n_fft)
        Windowed frames; zero after the window.
    power : ndarray (BLOCK_FRAMES, 1 + n_fft / 2)
        Power spectra.
    """

    def __init__(self, n_fft: int) -> None:
        self.padded = np.zeros((BLOCK_FRAMES, n_fft), dtype=np.float32)
        self.power = np.empty((BLOCK_FRAMES, 1 + n_fft // 2), dtype=np.float32)


class _BuffersOfThread(threading.local):
    """The buffers of each thread, made once: fresh memory costs as much time as a step of the computation."""

    def __init__(self) -> None:
        self._made: dict[int, _Buffers] = {}

    def of(self, options: FrontEndOptions) -> _Buffers:
        if options.window not in self._made:
            self._made[options.window] = _Buffers(options.n_fft)
        return self._made[options.window]


_buffers = _BuffersOfThread()

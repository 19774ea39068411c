"""Samples in memory and the form all sound is brought to: mono, float32, at one sampling rate.

Whatever sound comes from, it arrives here as pieces: arrays of shape (n, channels) at its own rate, one after the
other. `mono_at_rate` makes of them what the rest of the package listens to, through a streaming resampler, so that no
sample depends on the size of the pieces. `to_mono_at_rate` is the same for samples that are in memory already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from speechgmm.errors import AudioError

Samples = NDArray[np.float32]
Frames = NDArray[Any]  # shape (n, channels), floating point, full scale at -1 and 1

MIN_RATE = 8_000
"""The lowest sampling rate in Hz: below it, speech lacks part of the band up to 4 kHz that a model listens to."""

MAX_RATE = 768_000
"""The highest sampling rate in Hz: the highest any audio converter uses."""

MAX_MAGNITUDE = 1e12
"""Samples beyond this are taken for damage: their power would overflow. Even unscaled 32-bit integers stay below."""

NO_END = 2**63 - 1
"""A number of samples for sound whose length nobody knows. It is libsndfile's own count for such files."""

_QUALITY = "HQ"
_INTEGERS = {
    np.dtype(np.uint8): (128, 128),
    np.dtype(np.int8): (0, 2**7),
    np.dtype(np.int16): (0, 2**15),
    np.dtype(np.int32): (0, 2**31),
}


def to_mono_at_rate(samples: ArrayLike, sampling_rate: float, target_rate: int) -> Samples:
    """Bring samples in memory to the form that all sound has: mono, float32, at the rate wanted.

    Parameters
    ----------
    samples : array_like, shape (n,) or (n, channels)
        Floating-point numbers, or integers of 8, 16 or 32 bits, which are divided by their full range (``uint8`` has
        its zero at 128). Channels are averaged.
    sampling_rate : float
        Of `samples`, in Hz, in [`MIN_RATE`, `MAX_RATE`].
    target_rate : int > 0
        Of the samples wanted, in Hz.

    Returns
    -------
    samples : np.ndarray, shape (m,), float32

    Raises
    ------
    AudioError
        If there are no samples, one is not finite, or shape, type or rate are none of the above.
    """
    check_rate("samples", sampling_rate)
    try:
        array = np.asarray(samples)
    except ValueError as error:
        raise AudioError("samples: not an array, expected shape (n,) or (n, channels)") from error
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] > array.shape[0] > 0):
        raise AudioError(f"samples: shape {array.shape}, expected (n,) or (n, channels) with n >= channels")
    if array.size == 0:
        raise AudioError(f"samples: there are none, the shape is {array.shape}")
    mono = _mono("samples", full_scale(array).reshape(len(array), -1), 0, sampling_rate)
    return np.asarray(soxr.resample(mono, sampling_rate, target_rate, quality=_QUALITY))


def mono_at_rate(
    name: str, pieces: Iterable[Frames], *, rate: int, channel: int | None, first: int, sampling_rate: int
) -> Iterator[Samples]:
    """Make mono samples at the rate wanted of the pieces of one stretch of sound.

    Parameters
    ----------
    name : str
        What errors call the sound.
    pieces : iterable of np.ndarray, shape (n, channels), floating point
        One after the other, full scale at -1 and 1.
    rate : int
        Of the pieces, in Hz.
    channel : int >= 1, optional
        The channel to take, counted from 1. If None, the mean of all channels.
    first : int >= 0
        The number of the first sample in the whole sound, for errors to say where.
    sampling_rate : int > 0
        Of the samples wanted, in Hz.

    Yields
    ------
    samples : np.ndarray, shape (m,), float32
        The next samples, m > 0.

    Raises
    ------
    AudioError
        If a sample is not finite, or there are none at all.
    """
    mono = _mono_blocks(name, pieces, rate, channel, first)
    if rate == sampling_rate:
        yield from mono
        return
    resampler = soxr.ResampleStream(rate, sampling_rate, 1, dtype="float32", quality=_QUALITY)
    for block in mono:
        if (samples := resampler.resample_chunk(block)).size:
            yield samples
    if (samples := resampler.resample_chunk(np.empty(0, np.float32), last=True)).size:
        yield samples


def check_rate(name: str, rate: float) -> None:
    """Refuse a sampling rate outside [`MIN_RATE`, `MAX_RATE`] with an AudioError."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"{name}: the sampling rate is {rate:,} Hz, expected {MIN_RATE:,} to {MAX_RATE:,} Hz")


def check_channel(name: str, channel: int | None, channels: int) -> None:
    """Refuse a channel that is not among `channels` with an AudioError."""
    if channel is not None and not 1 <= channel <= channels:
        raise AudioError(f"{name}: there is no channel {channel}, expected 1 to {channels}")


def stretch(name: str, start: float, end: float | None, rate: int) -> tuple[int, int]:
    """Find the first sample of a stretch and the one after its last.

    Parameters
    ----------
    name : str
        What errors call the sound.
    start, end : float
        In seconds, half open; an `end` of None is the end of the sound.
    rate : int
        In Hz.

    Returns
    -------
    first, stop : int
        Half open; `stop` is `NO_END` where there is no `end`.

    Raises
    ------
    AudioError
        Unless 0 <= start < end.
    """
    if not 0 <= start < math.inf or (end is not None and not start < end < math.inf):
        raise AudioError(f"{name}: no stretch from {start} s to {end} s, expected 0 <= start < end")
    return round(start * rate), NO_END if end is None else round(end * rate)


def cut(pieces: Iterable[Frames], at: int, first: int, stop: int) -> Iterator[Frames]:
    """Keep samples [first, stop) of pieces that begin with sample number `at`; nothing is read beyond them."""
    for piece in pieces:
        if (wanted := piece[max(first - at, 0) : max(stop - at, 0)]).size:
            yield wanted
        at += len(piece)
        if at >= stop:
            return


def gathered(pieces: Iterable[Frames], block: int) -> Iterator[Frames]:
    """Join pieces until each has `block` samples or more; the last may have less."""
    held: list[Frames] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        if count >= block:
            yield np.concatenate(held)
            held, count = [], 0
    if held:
        yield np.concatenate(held)


def full_scale(array: NDArray[Any]) -> NDArray[Any]:
    """Floating-point samples as they are (float16 widened), integers divided by their full range."""
    if array.dtype.kind == "f":
        return array.astype(np.result_type(array, np.float32), copy=False)
    if array.dtype not in _INTEGERS:
        raise AudioError(
            f"samples: they are of type {array.dtype}, expected floating-point numbers, uint8, int8, int16 or int32"
        )
    zero, full_scale = _INTEGERS[array.dtype]
    return (array.astype(np.float64) - zero) / full_scale


def _mono_blocks(name: str, pieces: Iterable[Frames], rate: int, channel: int | None, first: int) -> Iterator[Samples]:
    at = first
    for piece in pieces:
        yield _mono(name, piece if channel is None else piece[:, [channel - 1]], at, rate)
        at += len(piece)
    if at == first:
        raise AudioError(f"{name}: there are no samples after {first / rate:.3f} s")


def _mono(name: str, frames: NDArray[Any], at: int, rate: float) -> Samples:
    """Mean over the channels of frames (n, channels), of which the first is number `at` of the recording."""
    usable = np.abs(frames) <= MAX_MAGNITUDE
    if not usable.all():
        row, column = np.argwhere(~usable)[0]
        raise AudioError(
            f"{name}: the sample at {(at + row) / rate:.3f} s is {frames[row, column]:g}, "
            f"expected a finite number of at most {MAX_MAGNITUDE:g}"
        )
    mean: Samples = (frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1)).astype(np.float32)
    return mean

"""Conversion of decoded audio to mono float32 samples at one sampling rate.

A decoder gives frames in pieces: arrays of shape (n, channels) at the rate of the recording. `mono_at_rate` downmixes,
checks and resamples them. Its resampler is a streaming one, so no sample depends on the size of the pieces.
`to_mono_at_rate` does the same for samples that are already in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from speechgmm.audio.hearing import Heard, Listener
from speechgmm.errors import AudioError

Samples = NDArray[np.float32]
Frames = NDArray[Any]  # shape (n, channels), floating point, full scale at -1 and 1

MIN_RATE = 8_000
"""Lowest sampling rate in Hz: below it, part of the band up to 4 kHz, which the front end uses, is missing."""

MAX_RATE = 768_000
"""Highest sampling rate in Hz: the highest of any audio converter."""

MAX_MAGNITUDE = 1e12
"""Larger samples are damage: their power would overflow. Even unscaled 32-bit integers are below it."""

NO_END = 2**63 - 1
"""Number of samples if the length is not known. libsndfile uses the same value."""

_QUALITY = "HQ"

# Zero level and full scale of integer samples.
_INTEGERS = {
    np.dtype(np.uint8): (128, 128),
    np.dtype(np.int8): (0, 2**7),
    np.dtype(np.int16): (0, 2**15),
    np.dtype(np.int32): (0, 2**31),
}


def to_mono_at_rate(
    samples: ArrayLike, sampling_rate: float, target_rate: int, *, heard: Heard | None = None
) -> Samples:
    """Convert samples in memory to mono float32 at `target_rate`.

    Parameters
    ----------
    samples : array_like, shape (n,) or (n, channels)
        Floating-point numbers, or integers of 8, 16 or 32 bits, which are divided by their full range (``uint8`` has
        its zero at 128). Channels are averaged.
    sampling_rate : float
        Of `samples`, in Hz, in [`MIN_RATE`, `MAX_RATE`].
    target_rate : int > 0
        Of the result, in Hz.
    heard : Heard, optional
        Is filled in.

    Returns
    -------
    samples : np.ndarray, shape (m,), float32

    Raises
    ------
    AudioError
        If there are no samples, one is not finite, or their shape, type or rate is not supported.
    """
    check_rate("samples", sampling_rate)
    array = _array_of(samples)
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] > array.shape[0] > 0):
        raise AudioError(
            f"samples: shape {array.shape}, expected (n,) or (n, channels) with n >= channels: transpose samples of "
            "shape (channels, n)"
        )
    if array.size == 0:
        raise AudioError(f"samples: there are none, the shape is {array.shape}")
    frames = to_float(array).reshape(len(array), -1)
    mono = _mono("samples", frames, 0, sampling_rate)
    if heard is not None:
        listener = Listener(heard, rate=sampling_rate, channel=None)
        listener.measure(frames)
        heard.remarks += listener.remarks()
    return np.asarray(soxr.resample(mono, sampling_rate, target_rate, quality=_QUALITY))


def _array_of(samples: ArrayLike) -> NDArray[Any]:
    """The samples as an array; tensors of other libraries are converted, as far as they can be."""
    parts = samples if isinstance(samples, (list, tuple)) else [samples]
    if n_masked := sum(int(np.ma.getmaskarray(part).sum()) for part in parts if isinstance(part, np.ma.MaskedArray)):
        raise AudioError(f"samples: {n_masked:,} are masked, expected none: fill them, or leave them out")
    try:
        if not hasattr(samples, "__array__") and hasattr(samples, "numpy"):
            samples = samples.numpy()
        return np.asarray(samples)
    except Exception as error:  # other libraries raise what they like
        raise AudioError(
            f"samples: not an array, expected shape (n,) or (n, channels) in main memory ({error}); of a tensor give "
            "tensor.detach().cpu().numpy()"
        ) from error


def mono_at_rate(
    name: str, pieces: Iterable[Frames], *, rate: int, channel: int | None, first: int, sampling_rate: int
) -> Iterator[Samples]:
    """Convert successive pieces of one recording to mono samples at `sampling_rate`.

    Parameters
    ----------
    name : str
        Of the recording, for error messages.
    pieces : iterable of np.ndarray, shape (n, channels), floating point
        Successive frames, full scale at -1 and 1.
    rate : int
        Of the pieces, in Hz.
    channel : int >= 1, optional
        The channel to take, counted from 1. If None, the mean of all channels.
    first : int >= 0
        Index of the first frame in the recording, for error messages.
    sampling_rate : int > 0
        Of the result, in Hz.

    Yields
    ------
    samples : np.ndarray, shape (m,), float32
        The next samples, m > 0.

    Raises
    ------
    AudioError
        If a sample is not finite, or there are no samples.
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
    """Raise an AudioError if a sampling rate is outside [`MIN_RATE`, `MAX_RATE`]."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(f"{name}: the sampling rate is {rate:,} Hz, expected {MIN_RATE:,} to {MAX_RATE:,} Hz")


def check_channel(name: str, channel: int | None, channels: int) -> None:
    """Raise an AudioError if `channel` is not in [1, `channels`]."""
    if channel is not None and not 1 <= channel <= channels:
        raise AudioError(f"{name}: there is no channel {channel}, expected 1 to {channels}")


def sample_range(name: str, start: float, end: float | None, rate: int) -> tuple[int, int]:
    """Convert an excerpt in seconds to sample indices.

    Parameters
    ----------
    name : str
        Of the recording, for error messages.
    start, end : float
        In seconds, half open. If `end` is None, up to the end of the recording.
    rate : int
        In Hz.

    Returns
    -------
    first, stop : int
        Half open; `stop` is `NO_END` if `end` is None.

    Raises
    ------
    AudioError
        Unless 0 <= start < end.
    """
    if not 0 <= start < math.inf or (end is not None and not start < end < math.inf):
        if end is None:
            raise AudioError(f"{name}: the start is {start} s, expected 0 or more")
        raise AudioError(f"{name}: the excerpt is from {start} s to {end} s, expected 0 <= start < end")
    return round(start * rate), NO_END if end is None else round(end * rate)


def select_range(pieces: Iterable[Frames], offset: int, first: int, stop: int) -> Iterator[Frames]:
    """Select frames [first, stop) of pieces that begin with frame `offset`; no piece after them is read."""
    for piece in pieces:
        if (selected := piece[max(first - offset, 0) : max(stop - offset, 0)]).size:
            yield selected
        offset += len(piece)
        if offset >= stop:
            return


def join_pieces(pieces: Iterable[Frames], block: int) -> Iterator[Frames]:
    """Concatenate successive pieces to blocks of `block` frames or more; the last block may be shorter."""
    pending: list[Frames] = []
    count = 0
    for piece in pieces:
        pending.append(piece)
        count += len(piece)
        if count >= block:
            yield np.concatenate(pending)
            pending, count = [], 0
    if pending:
        yield np.concatenate(pending)


def to_float(array: NDArray[Any]) -> NDArray[Any]:
    """Floating-point samples unchanged (float16 is widened), integers divided by their full range."""
    if array.dtype.kind == "f":
        return array.astype(np.result_type(array, np.float32), copy=False)
    native = array.dtype.newbyteorder("=")
    if native not in _INTEGERS:
        raise AudioError(
            f"samples: they are of type {array.dtype}, expected floating-point numbers, uint8, int8, int16 or int32"
        )
    zero, full_scale = _INTEGERS[native]
    return (array.astype(np.float64) - zero) / full_scale


def _mono_blocks(name: str, pieces: Iterable[Frames], rate: int, channel: int | None, first: int) -> Iterator[Samples]:
    offset = first
    for piece in pieces:
        yield _mono(name, piece if channel is None else piece[:, [channel - 1]], offset, rate)
        offset += len(piece)
    if offset == first:
        raise AudioError(f"{name}: there are no samples after {first / rate:.3f} s")


def _mono(name: str, frames: NDArray[Any], offset: int, rate: float) -> Samples:
    """Mean over the channels of frames (n, channels); `offset` is the index of the first frame in the recording."""
    # Where a sample is not a number, so are the extremes.
    if not (frames.min(initial=0.0) >= -MAX_MAGNITUDE and frames.max(initial=0.0) <= MAX_MAGNITUDE):
        row, column = np.argwhere(~(np.abs(frames) <= MAX_MAGNITUDE))[0]
        raise AudioError(
            f"{name}: the sample at {(offset + row) / rate:.3f} s is {frames[row, column]:g}, "
            f"expected a finite number of at most {MAX_MAGNITUDE:g}"
        )
    mean: Samples = (frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1)).astype(np.float32, copy=False)
    return mean

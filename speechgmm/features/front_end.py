"""The front end: from samples to feature frames, with scipy's transforms and librosa's mel filter bank.

Steps: high-pass against a DC offset; Hann window and power spectrum; mel bands; logarithm; then discrete cosine
transform with optional deltas, or the binary `binary_patterns`. A frame depends on its own samples only (deltas: on its
neighbours; patterns: on the frame 50 ms earlier) and not on the level of the rest of the recording. Therefore
`librosa.feature.mfcc` is not used: it clips everything 80 dB below the loudest point of the recording.

A long recording is processed in stretches of up to a minute, so memory does not grow with its length. Each stretch has
its own voice activity detection and its own mean. A stream is one front end and its frames.

Main path: `stream_stretches` -> `without_offset`, `stretch_samples`, `power_spectrum`, `log_mel_bands`, `stretch_of` ->
`features_of`; later `normalise_mean`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import librosa
import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

from speechgmm.features.array_types import Features as Features  # exported from here too
from speechgmm.features.array_types import Samples as Samples
from speechgmm.features.binary_patterns import patterns
from speechgmm.features.options import FrontEndOptions
from speechgmm.features.voice_activity import DECIBELS, speech_frames, speech_to_noise_db

STRETCH_S = 60.0
OFFSET_CUTOFF_HZ = 20.0
FRAMES_PER_TRANSFORM = 64  # their spectra fit in the cache of a core
POWER_FLOOR = 1e-12  # power of a mel band, samples in [-1, 1]: far below 16-bit quantisation noise


@dataclass(frozen=True, eq=False)
class Stretch:
    """The speech frames of one stretch of the signal, up to one minute long (the last: up to one and a half).

    Attributes
    ----------
    frames : ndarray (T, D) of float32
        Speech frames, before mean normalisation.
    n_frames : int
        Number of all frames, with and without speech.
    snr_db : float
        Estimated signal-to-noise ratio in decibels; NaN without speech, or if the stretch was read from stored frames.
    """

    frames: Features
    n_frames: int
    snr_db: float = math.nan


def stretches(blocks: Iterable[Samples], options: FrontEndOptions) -> Iterator[Stretch]:
    """Yield the speech frames of each stretch of a recording, for a single stream.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)
        Consecutive samples in [-1, 1] at the options' sampling rate, in blocks of any size. The result does not depend
        on the block boundaries.
    options : FrontEndOptions

    Yields
    ------
    Stretch
        At least one, unless the recording is shorter than a window.
    """
    return (stretch for (stretch,) in stream_stretches(blocks, [options]))


def stream_stretches(blocks: Iterable[Samples], front_ends: Sequence[FrontEndOptions]) -> Iterator[tuple[Stretch, ...]]:
    """Yield, for each stretch of a recording, the speech frames of every stream.

    A stretch is a part of the signal of up to one minute (the last: up to one and a half). Each item is one stretch and
    has one `Stretch` per stream. Streams with the same window share its power spectrum.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)
        As for `stretches`.
    front_ends : sequence of FrontEndOptions
        One per stream, of one sampling rate and one hop.

    Yields
    ------
    tuple of Stretch
        One per stream, in the order of `front_ends`. It is empty if the end of the recording is shorter than the
        stream's window.
    """
    by_window = {options.window: options for options in front_ends}
    filtered = itertools.tee(without_offset(blocks, front_ends[0].sampling_rate), len(by_window))
    pieces = [stretch_samples(own, options) for own, options in zip(filtered, by_window.values(), strict=True)]
    for samples_by_window in itertools.zip_longest(*pieces):
        powers = {
            window: None if samples is None else power_spectrum(samples, options)
            for (window, options), samples in zip(by_window.items(), samples_by_window, strict=True)
        }
        yield tuple(_stretch_of_power(powers[options.window], options) for options in front_ends)


def _stretch_of_power(power: Features | None, options: FrontEndOptions) -> Stretch:
    return _empty_stretch(options) if power is None else stretch_of(log_mel_bands(power, options), options)


def stretch_of(log_mel: Features, options: FrontEndOptions) -> Stretch:
    """Compute the features of the speech frames of one stretch from its log mel bands (T, n_mels)."""
    if len(log_mel) == 0:
        return _empty_stretch(options)
    is_speech = speech_frames(log_mel, options)
    return Stretch(features_of(log_mel, options)[is_speech], len(log_mel), speech_to_noise_db(log_mel, is_speech))


def features_of(log_mel: Features, options: FrontEndOptions) -> Features:
    """Compute cepstra or patterns (T, D), as the options say, from log mel bands (T, n_mels)."""
    if len(log_mel) == 0:
        return _empty_stretch(options).frames
    return patterns(log_mel, options.hop_s) if options.features == "patterns" else cepstra(log_mel, options)


def _empty_stretch(options: FrontEndOptions) -> Stretch:
    return Stretch(np.empty((0, options.n_dimensions), dtype=np.float32), 0)


def aligned(parts: Iterable[Iterable[Stretch]], front_ends: Sequence[FrontEndOptions]) -> Iterator[tuple[Stretch, ...]]:
    """Zip the stretches of several streams of one recording into tuples, as `stream_stretches` yields them.

    Parameters
    ----------
    parts : iterable of iterable of Stretch
        The stretches of each stream.
    front_ends : sequence of FrontEndOptions
        Of each stream. A stream with fewer stretches than another gets empty ones at the end.
    """
    for row in itertools.zip_longest(*parts):
        yield tuple(stretch or _empty_stretch(options) for stretch, options in zip(row, front_ends, strict=True))


def without_offset(blocks: Iterable[Samples], sampling_rate: int) -> Iterator[Samples]:
    """Remove a DC offset with a first-order high-pass; the filter state is carried from block to block."""
    b, a, settled = offset_filter(sampling_rate)
    state: Samples | None = None
    for block in blocks:
        if len(block) == 0:
            continue
        if state is None:
            state = settled * block[0]
        filtered, state = scipy.signal.lfilter(b, a, block, zi=state)
        yield filtered


@functools.lru_cache(maxsize=8)
def offset_filter(sampling_rate: int) -> tuple[Samples, Samples, Samples]:
    """Coefficients b and a of the high-pass, and its steady state for a constant input of 1."""
    b, a = scipy.signal.butter(1, OFFSET_CUTOFF_HZ, "highpass", fs=sampling_rate)
    return b.astype(np.float32), a.astype(np.float32), scipy.signal.lfilter_zi(b, a).astype(np.float32)


def stretch_samples(blocks: Iterable[Samples], options: FrontEndOptions) -> Iterator[Samples]:
    """Re-block samples into the samples of each stretch; neighbours overlap by window minus hop.

    The last stretch is half to one and a half times as long as the others, so that no stretch is too short for voice
    activity detection. A recording of less than half a stretch is one short stretch.
    """
    step = round(STRETCH_S / options.hop_s) * options.hop
    length = step - options.hop + options.window
    pending = np.empty(0, dtype=np.float32)
    for block in blocks:
        pending = np.concatenate([pending, block])
        while len(pending) >= length + step // 2:
            yield pending[:length]
            pending = pending[step:]
    if len(pending) >= options.window:
        yield pending


def power_spectrum(samples: Samples, options: FrontEndOptions) -> Features:
    """Power spectrum of each frame.

    Parameters
    ----------
    samples : ndarray (n,)
        At least one window.
    options : FrontEndOptions

    Returns
    -------
    ndarray (T, 1 + n_fft / 2) of float32
        ``T = 1 + (n - window) // hop``.
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, options.window)[:: options.hop]
    power = np.empty((len(frames), 1 + options.n_fft // 2), dtype=np.float32)
    padded = np.zeros((FRAMES_PER_TRANSFORM, options.n_fft), dtype=np.float32)
    for begin in range(0, len(frames), FRAMES_PER_TRANSFORM):
        block = frames[begin : begin + FRAMES_PER_TRANSFORM]
        windowed = padded[: len(block)]
        np.multiply(block, hann_window(options.window), out=windowed[:, : options.window])
        # Real and imaginary parts alternate in memory; squaring them in place needs no strides.
        parts = scipy.fft.rfft(windowed, axis=1).view(np.float32)
        np.square(parts, out=parts)
        np.add(parts[:, ::2], parts[:, 1::2], out=power[begin : begin + FRAMES_PER_TRANSFORM])
    return power


@functools.lru_cache(maxsize=8)
def hann_window(length: int) -> Samples:
    """Periodic Hann window."""
    return scipy.signal.get_window("hann", length).astype(np.float32)


def log_mel_bands(power: Features, options: FrontEndOptions) -> Features:
    """Natural logarithm of the mel bands' power, limited per frame to `band_range_db` below the loudest band.

    Parameters
    ----------
    power : ndarray (T, 1 + n_fft / 2)
    options : FrontEndOptions

    Returns
    -------
    ndarray (T, n_mels) of float32
    """
    filters = mel_filters(options)
    bands: Features = power[:, : len(filters)] @ filters
    np.maximum(bands, np.float32(POWER_FLOOR), out=bands)
    np.log(bands, out=bands)
    lowest = bands.max(axis=1, keepdims=True) - np.float32(options.band_range_db / DECIBELS)
    np.maximum(bands, lowest, out=bands)
    return bands


@functools.lru_cache(maxsize=8)
def mel_filters(options: FrontEndOptions) -> Features:
    """Mel filter bank as a matrix (n, n_mels) for the n lowest frequencies; all weights above these are zero."""
    filters: Features = librosa.filters.mel(
        sr=options.sampling_rate,
        n_fft=options.n_fft,
        n_mels=options.n_mels,
        fmin=options.fmin_hz,
        fmax=options.fmax_hz,
    )
    n_used = 1 + int(np.flatnonzero(filters.any(axis=0))[-1])
    return np.ascontiguousarray(filters.T[:n_used], dtype=np.float32)


def cepstra(log_mel: Features, options: FrontEndOptions) -> Features:
    """MFCCs without the zeroth, followed by their deltas up to `delta_order`.

    Parameters
    ----------
    log_mel : ndarray (T, n_mels)
    options : FrontEndOptions

    Returns
    -------
    ndarray (T, D) of float32
        Orthonormal discrete cosine transform, type II.
    """
    transformed = scipy.fft.dct(log_mel, type=2, norm="ortho", axis=1)
    coefficients: Features = transformed[:, 1 : 1 + options.n_coefficients]
    deltas = [
        librosa.feature.delta(coefficients, order=order, axis=0, mode="nearest")
        for order in range(1, 1 + options.delta_order)
    ]
    return np.concatenate([coefficients, *deltas], axis=1)


def normalise_mean(frames: Features, reference: npt.NDArray[np.float64], options: FrontEndOptions) -> Features:
    """Cepstral mean normalisation (CMN): shift the frames so that their mean moves toward the training mean.

    `FrontEndOptions.cepstral_mean` says how far. Patterns are not shifted.

    Parameters
    ----------
    frames : ndarray (T, D)
        Speech frames of one stretch.
    reference : ndarray (D,)
        Training mean.
    options : FrontEndOptions

    Returns
    -------
    ndarray (T, D) of float32
    """
    if len(frames) == 0:
        return frames
    shift = mean_shift(frames.mean(axis=0, dtype=np.float64), len(frames), reference, options)
    return frames if shift is None else frames - shift


def mean_shift(
    mean: npt.NDArray[np.float64], n_frames: int, reference: npt.NDArray[np.float64], options: FrontEndOptions
) -> Features | None:
    """The shift (D,) that `normalise_mean` subtracts from `n_frames` frames with this mean; None for no shift."""
    if options.features == "patterns" or options.cepstral_mean == "none":
        return None
    share = n_frames / (n_frames + options.shrink_frames) if options.cepstral_mean == "shrunk" else 1.0
    shift: Features = (share * (mean - reference)).astype(np.float32)
    return shift

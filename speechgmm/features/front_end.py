"""From samples to frames, with scipy's Fourier and cosine transforms and librosa's mel filter bank.

The way of a frame: a steady offset is filtered out; a Hann window and its power spectrum; mel bands; logarithm;
discrete cosine transform and, where asked for, deltas; or the bits of `patterns` instead. A frame depends on its own
samples only (deltas: on its neighbours; patterns: on the frame 50 ms before), never on how loud the rest of the
recording is; that is why `librosa.feature.mfcc`, which clips everything 80 dB below the recording's loudest instant, is
not used.

Long recordings are worked through in stretches of about a minute, each with its own choice of speech frames and its own
mean, so that memory does not grow with their length.
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

from speechgmm.features.activity import DECIBELS, speech_frames, speech_to_noise_db
from speechgmm.features.options import FrontEndOptions
from speechgmm.features.patterns import patterns

Samples = npt.NDArray[np.float32]
Features = npt.NDArray[np.float32]

STRETCH_S = 60.0
OFFSET_CUTOFF_HZ = 20.0
FRAMES_AT_A_TIME = 64  # in the transform: their spectra stay in a core's cache
POWER_FLOOR = 1e-12  # power of a mel band, samples in [-1, 1]: far below 16-bit quantisation noise


@dataclass(frozen=True, eq=False)
class Stretch:
    """The speech frames of a minute or so.

    Attributes
    ----------
    frames : ndarray (T, D) of float32
        Frames that hold speech; the mean of cepstra is not taken off yet.
    n_frames : int
        How many frames the stretch had in all.
    snr_db : float
        Estimated signal-to-noise ratio in decibels; NaN without speech, and where only the speech frames are kept.
    """

    frames: Features
    n_frames: int
    snr_db: float = math.nan


def stretches(blocks: Iterable[Samples], options: FrontEndOptions) -> Iterator[Stretch]:
    """Turn a recording into stretches of speech frames.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)
        The samples in [-1, 1] at the options' sampling rate, cut anyhow: the result does not depend on the cuts.
    options : FrontEndOptions

    Yields
    ------
    Stretch
        At least one, unless the recording is shorter than a window.
    """
    return (stretch for (stretch,) in stream_stretches(blocks, [options]))


def stream_stretches(blocks: Iterable[Samples], front_ends: Sequence[FrontEndOptions]) -> Iterator[tuple[Stretch, ...]]:
    """Turn a recording into stretches of speech frames in several ways; those of one window share its spectrum.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)
        As for `stretches`.
    front_ends : sequence of FrontEndOptions
        Of one sampling rate and one hop.

    Yields
    ------
    tuple of Stretch
        One for each front end; an empty one where the recording's end is too short for its window.
    """
    by_window = {options.window: options for options in front_ends}
    copies = itertools.tee(without_offset(blocks, front_ends[0].sampling_rate), len(by_window))
    pieces = [windows_of(copy, options) for copy, options in zip(copies, by_window.values(), strict=True)]
    for found in itertools.zip_longest(*pieces):
        powers = {
            window: None if samples is None else power_spectrum(samples, options)
            for (window, options), samples in zip(by_window.items(), found, strict=True)
        }
        yield tuple(_stretch(powers[options.window], options) for options in front_ends)


def _stretch(power: Features | None, options: FrontEndOptions) -> Stretch:
    return _no_stretch(options) if power is None else stretch_of(log_mel_bands(power, options), options)


def stretch_of(log_mel: Features, options: FrontEndOptions) -> Stretch:
    """Make a stretch of its log mel bands (T, n_mels): the frames that hold speech, as features."""
    if len(log_mel) == 0:
        return _no_stretch(options)
    keep = speech_frames(log_mel, options)
    return Stretch(features_of(log_mel, options)[keep], len(log_mel), speech_to_noise_db(log_mel, keep))


def features_of(log_mel: Features, options: FrontEndOptions) -> Features:
    """Turn log mel bands (T, n_mels) into what the options make of them, (T, D)."""
    if len(log_mel) == 0:
        return _no_stretch(options).frames
    return patterns(log_mel, options.hop_s) if options.features == "patterns" else cepstra(log_mel, options)


def _no_stretch(options: FrontEndOptions) -> Stretch:
    return Stretch(np.empty((0, options.n_dimensions), dtype=np.float32), 0)


def aligned(parts: Iterable[Iterable[Stretch]], front_ends: Sequence[FrontEndOptions]) -> Iterator[tuple[Stretch, ...]]:
    """Put the stretches that each front end has made of a recording side by side, as `views` yields them."""
    for found in itertools.zip_longest(*parts):
        yield tuple(stretch or _no_stretch(options) for stretch, options in zip(found, front_ends, strict=True))


def without_offset(blocks: Iterable[Samples], sampling_rate: int) -> Iterator[Samples]:
    """Filter out a steady offset by a first-order high-pass, its state carried from block to block."""
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
    """Coefficients of the high-pass, and its state where it has settled on a steady 1."""
    b, a = scipy.signal.butter(1, OFFSET_CUTOFF_HZ, "highpass", fs=sampling_rate)
    return b.astype(np.float32), a.astype(np.float32), scipy.signal.lfilter_zi(b, a).astype(np.float32)


def windows_of(blocks: Iterable[Samples], options: FrontEndOptions) -> Iterator[Samples]:
    """Cut samples anew, into pieces that hold a stretch's windows each; windows of neighbouring pieces may overlap.

    The last piece has half a stretch to one and a half, so that no tail is too short to tell speech from pauses.
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
    """Power of each frequency in each frame.

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
    padded = np.zeros((FRAMES_AT_A_TIME, options.n_fft), dtype=np.float32)
    for begin in range(0, len(frames), FRAMES_AT_A_TIME):
        several = frames[begin : begin + FRAMES_AT_A_TIME]
        windowed = padded[: len(several)]
        np.multiply(several, hann_window(options.window), out=windowed[:, : options.window])
        # Real, imaginary, real, ...: squared where they lie, without strides.
        parts = scipy.fft.rfft(windowed, axis=1).view(np.float32)
        np.square(parts, out=parts)
        np.add(parts[:, ::2], parts[:, 1::2], out=power[begin : begin + FRAMES_AT_A_TIME])
    return power


@functools.lru_cache(maxsize=8)
def hann_window(length: int) -> Samples:
    """A periodic Hann window."""
    return scipy.signal.get_window("hann", length).astype(np.float32)


def log_mel_bands(power: Features, options: FrontEndOptions) -> Features:
    """Natural logarithm of the power in each mel band of each frame, at most so far below the frame's loudest.

    Parameters
    ----------
    power : ndarray (T, 1 + n_fft / 2)
    options : FrontEndOptions
        For the bands, and `band_range_db`.

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
    """The mel filter bank as a matrix (n, n_mels), for the n lowest frequencies; no band holds any of the others."""
    filters: Features = librosa.filters.mel(
        sr=options.sampling_rate,
        n_fft=options.n_fft,
        n_mels=options.n_mels,
        fmin=options.fmin_hz,
        fmax=options.fmax_hz,
    )
    n_heard = 1 + int(np.flatnonzero(filters.any(axis=0))[-1])
    return np.ascontiguousarray(filters.T[:n_heard], dtype=np.float32)


def cepstra(log_mel: Features, options: FrontEndOptions) -> Features:
    """Cepstral coefficients of log mel bands, without the zeroth, and their deltas where asked for.

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
    """Move the mean of an utterance's cepstra toward the mean of the training data, as the options say; never patterns.

    Parameters
    ----------
    frames : ndarray (T, D)
        Speech frames of one stretch.
    reference : ndarray (D,)
        Mean of the training frames.
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
    """What `normalise_mean` takes off each of so many frames with this mean, (D,); None for nothing."""
    if options.features == "patterns" or options.cepstral_mean == "none":
        return None
    share = n_frames / (n_frames + options.shrink_frames) if options.cepstral_mean == "shrunk" else 1.0
    shift: Features = (share * (mean - reference)).astype(np.float32)
    return shift

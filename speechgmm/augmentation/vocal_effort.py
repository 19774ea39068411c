"""Copies of recordings for training as if they were spoken up or shouted: at another pitch, the formants as they were.

A model that has heard only usual voices leans on their pitch. Copies that differ in just that, and keep their labels,
teach it better; they are for training alone. Pure functions of samples in [-1, 1], as in `channel_copies`; a recording
shorter than one window (`WINDOW_S`) comes back as it is.

Main path: `raise_effort`, `shout` -> `is_low_voice`, `other_pitch`.
"""

from __future__ import annotations

import math

import numpy as np
import soxr
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import dct, irfft, next_fast_len, rfft
from scipy.signal import get_window

from speechgmm.audio.samples import Samples

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex64]

WINDOW_S = 0.032
"""Seconds of speech that are taken for unchanging when its envelope is set; they hold two periods of 62 Hz."""

LOW_VOICE_HZ = 165.0
"""Median pitch below which a voice counts as low: the middle of 145 to 185 Hz, where women's and men's overlap."""

_HOPS = 4  # per window; squared Hann windows, as analysis and synthesis multiply to, need three or more
_ENVELOPE_S = 0.0022  # cepstrum kept: details wider than 450 Hz are formants, narrower ones may be harmonics
_MAX_GAIN = 6.0  # nepers, 52 dB: what resampling left empty cannot be filled
_TILT_FROM_HZ = 500.0  # about the first formant, which the tilt leaves as it is
_TILT_OCTAVES = 3  # it stays the same above 4 kHz, where there is little voice

_PITCH_FRAME_S = 0.040  # more than two periods of the lowest pitch
_PITCH_HZ = (60.0, 400.0)  # of adult speech
_VOICED_PEAK = 0.5  # of the autocorrelation; periods that stay the same give 0.58 at 60 Hz and more above
_FAINT = 0.1  # of the mean power: frames below are often hum and the ends of sounds


def raise_effort(samples: Samples, sampling_rate: int, *, low_voice: bool, rng: np.random.Generator) -> Samples:
    """A recording as if it were spoken up or shouted: higher in pitch, stronger in the high partials.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int >= 8000
        In Hz.
    low_voice : bool
        What `is_low_voice` says of the recording or, better, what is known of its speaker.
    rng : numpy.random.Generator
        Draws the factors: for the pitch 1.4 to 2.4 for low voices, which go up farther, and 1.1 to 1.6 for high ones;
        1 to 1.1 for the formants, which nearly stay; a tilt of 0 to 6 dB an octave. Both kinds of voices are raised,
        lest effort itself became a sign of one.

    Returns
    -------
    array (m,)
        With m = n / pitch, rounded.
    """
    pitch = rng.uniform(1.4, 2.4) if low_voice else rng.uniform(1.1, 1.6)
    formants, tilt_db = rng.uniform(1, 1.1), rng.uniform(0, 6)
    return other_pitch(samples, sampling_rate, pitch=pitch, formants=formants, tilt_db=tilt_db)


def shout(samples: Samples, sampling_rate: int, *, low_voice: bool, rng: np.random.Generator) -> Samples:
    """A recording as if it were shouted at the top of the voice; parameters and result as for `raise_effort`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the factors: for the pitch 2 to 3.5 for low voices and 1.5 to 2.6 for high ones, 1 to 1.15 for the
        formants; a tilt of 0 to 6 dB an octave.
    """
    pitch = rng.uniform(2.0, 3.5) if low_voice else rng.uniform(1.5, 2.6)
    formants, tilt_db = rng.uniform(1, 1.15), rng.uniform(0, 6)
    return other_pitch(samples, sampling_rate, pitch=pitch, formants=formants, tilt_db=tilt_db)


def other_pitch(samples: Samples, sampling_rate: int, *, pitch: float, formants: float, tilt_db: float) -> Samples:
    """A recording at another pitch, with formants that stay where they are or move by a factor of their own.

    It is played faster or slower, which moves pitch and formants alike; then each window is given the spectral
    envelope, smoothed by way of the cepstrum, that the recording has at that place.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int > 0
        In Hz.
    pitch : float > 0
        Factor of the pitch. Below 1 the band above `pitch` times half of the sampling rate is left nearly empty.
    formants : float > 0
        Factor of the frequencies of the envelope.
    tilt_db : float
        Added to the envelope for each octave above 500 Hz, as far as 4 kHz, in dB.

    Returns
    -------
    array (m,)
        With m = n / pitch, rounded: it is also spoken faster by the factor `pitch`.
    """
    if len(samples) < WINDOW_S * sampling_rate:
        return samples
    hop = round(WINDOW_S / _HOPS * sampling_rate)
    size = _HOPS * hop
    # The envelope is set anew, so a flat pass band and a steep edge matter little: medium quality.
    played = soxr.resample(samples, sampling_rate, sampling_rate / pitch, quality="MQ")
    middles = np.arange(0, len(played) + size, hop) - size // 2
    spectra = _spectra(played, middles, size)
    bins = np.arange(size // 2 + 1, dtype=np.float64)
    wanted = _envelope(_spectra(samples, np.rint(middles * pitch).astype(int), size), sampling_rate, bins / formants)
    # What was periodic at one quefrency before is so at a shorter one now, unless the pitch was lowered.
    found = _envelope(spectra, sampling_rate / max(pitch, 1), bins)
    gain = wanted - found + _tilt(bins * sampling_rate / size, tilt_db)
    spectra *= np.exp(np.clip(gain, -_MAX_GAIN, _MAX_GAIN))
    return _overlap_added(spectra, size)[: len(played)]


def is_low_voice(samples: Samples, sampling_rate: int) -> bool:
    """Whether the median pitch of a recording's voiced frames is below `LOW_VOICE_HZ`.

    A frame's pitch is where its autocorrelation has the highest peak between 60 and 400 Hz; it is voiced where that
    peak is above half of the power and the frame is not faint. Good enough to choose a direction, no pitch tracker.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int >= 8000
        In Hz.

    Returns
    -------
    bool
        False where nothing is voiced.
    """
    pitches = _voiced_pitches(samples, sampling_rate)
    return bool(len(pitches) and np.median(pitches) < LOW_VOICE_HZ)


def _hann_root(size: int) -> Samples:
    """Used for analysis and again for synthesis: their product is a Hann window."""
    return np.sqrt(get_window("hann", size)).astype(np.float32)


def _spectra(samples: Samples, middles: NDArray[np.int_], size: int) -> Spectra:
    """Spectra (T, size / 2 + 1) of windows around `middles` (T,); beyond the ends there is silence."""
    padded = np.pad(samples, size)
    starts = np.clip(middles + size - size // 2, 0, len(padded) - size)
    spectra: Spectra = rfft(sliding_window_view(padded, size)[starts] * _hann_root(size))
    return spectra


def _envelope(spectra: Spectra, sampling_rate: float, bins: Floats) -> Samples:
    """Logarithms of smoothed magnitudes (T, B), in nepers, at any places `bins` (B,) between those of the spectra."""
    last = spectra.shape[1] - 1
    cepstra = dct(np.log(np.abs(spectra) + 1e-6), type=1) / last  # 1e-6: what resampling leaves of silence
    kept = int(_ENVELOPE_S * sampling_rate)
    weights = np.ones(kept)
    weights[[0, -1]] = 0.5  # the first as in the inverse transform, the last against ripples
    quefrencies = np.arange(kept)[:, np.newaxis]
    cosines = weights[:, np.newaxis] * np.cos(np.pi * quefrencies * np.minimum(bins, last) / last)
    envelopes: Samples = cepstra[:, :kept] @ cosines.astype(np.float32)
    return envelopes


def _tilt(frequencies_hz: Floats, tilt_db: float) -> Floats:
    octaves = np.log2(np.maximum(frequencies_hz, _TILT_FROM_HZ) / _TILT_FROM_HZ)
    return tilt_db * math.log(10) / 20 * np.minimum(octaves, _TILT_OCTAVES)


def _overlap_added(spectra: Spectra, size: int) -> Samples:
    """Samples from spectra (T, size / 2 + 1), the first of which is of the window that ends where they begin."""
    hop = size // _HOPS
    windows = irfft(spectra, size) * _hann_root(size) / (_HOPS / 2)  # Hann windows add up to half their number
    sums = np.zeros((len(windows) + _HOPS - 1, hop), np.float32)
    for part in range(_HOPS):
        sums[part : part + len(windows)] += windows[:, part * hop : (part + 1) * hop]
    return sums.ravel()[size:]


def _voiced_pitches(samples: Samples, sampling_rate: int) -> Floats:
    """Pitch in Hz of each voiced frame, one every 20 ms."""
    size = round(_PITCH_FRAME_S * sampling_rate)
    if len(samples) < size:
        return np.empty(0)
    frames = sliding_window_view(samples, size)[:: size // 2]
    frames = frames - frames.mean(axis=1, keepdims=True)
    n_fft = next_fast_len(2 * size, real=True)
    correlation = irfft(np.abs(rfft(frames, n_fft)) ** 2, n_fft)
    shortest, longest = math.ceil(sampling_rate / _PITCH_HZ[1]), int(sampling_rate / _PITCH_HZ[0])
    lags = shortest + np.argmax(correlation[:, shortest : longest + 1], axis=1)
    peaks = correlation[np.arange(len(lags)), lags]
    powers = correlation[:, 0]
    inside = (lags > shortest) & (lags < longest)  # at the ends of the range it is the slope of a peak beyond
    voiced = inside & (peaks > _VOICED_PEAK * powers) & (powers > _FAINT * powers.mean())
    pitches: Floats = sampling_rate / lags[voiced]
    return pitches

"""Vocal effort augmentation: raised voices, by a pitch shift that keeps the formants, and a change of the spectrum.

A model trained only on voices of normal effort relies too much on their pitch.

All functions are pure functions of samples in [-1, 1], as in `channel`. A recording shorter than one window
(`WINDOW_S`) is returned unaltered.

Main path: `is_low_voice`, then `raise_effort` -> `with_effort`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import dct, irfft, next_fast_len, rfft
from scipy.signal import get_window

from speechgmm.audio.samples import Samples

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex64]  # (T, size / 2 + 1)
LogMagnitudes = NDArray[np.float32]  # (T, B), in nepers

WINDOW_S = 0.032
"""Window of the pitch shift in seconds: speech is nearly stationary, and two periods of 62 Hz fit in."""

LOW_VOICE_HZ = 165.0
"""Upper limit of the median pitch of a low voice: the middle of 145 to 185 Hz, where women and men overlap."""

EFFORT_CURVE_DB = {
    150: -11.0,
    300: -10.0,
    415: -6.0,
    533: 1.0,
    700: 3.5,
    1000: 4.5,
    2000: 6.5,
    3000: 5.5,
    4000: 3.5,
    5000: 3.0,
}
"""Change of the level at a frequency (Hz) relative to the whole, in dB per octave by which a voice is raised.

From an earlier measurement on men who act neutral and angry speech (emodb, sdap-acted, banglaser); that of
docs/lab-book.md has the same shape. The lowest harmonics lose, those of the formants gain.
"""

_HOPS_PER_WINDOW = 4  # the product of both sqrt-Hann windows is a Hann window, which overlap-adds to a constant
_ENVELOPE_S = 0.0022  # cepstrum kept: formants are wider than 450 Hz, narrower details may be harmonics
_MAX_GAIN_NEPERS = 6.0  # 52 dB; limits the amplification of bands that resampling left empty
_TILT_HZ = (1000.0, 4000.0)  # voices have little power above
_FIRST_FORMANT_HZ, _SECOND_FORMANT_HZ = 800.0, 1800.0  # upper limit of the one, about the middle of the other

_PITCH_FRAME_S = 0.040  # more than two periods of the lowest pitch
_PITCH_RANGE_HZ = (60.0, 400.0)  # adult speech
_MIN_VOICED_PEAK = 0.5  # share of the power; a stationary periodic signal has 0.58 at 60 Hz and more above
_MIN_POWER_SHARE = 0.1  # of the mean power; frames below are often hum and ends of sounds


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How a voice is raised.

    Attributes
    ----------
    pitch : float
        Pitch factor, positive.
    formants : float
        Factor of the frequencies of all formants, positive.
    first_formant : float
        Further factor of the frequencies of the first formant, positive.
    tilt_db : float
        Spectral tilt from 1 to 4 kHz, in dB per octave; the gain is constant outside.
    curve_share : float
        Share of the measured change of the spectrum, `EFFORT_CURVE_DB`.
    """

    pitch: float
    formants: float = 1.0
    first_formant: float = 1.0
    tilt_db: float = 0.0
    curve_share: float = 0.0


def raise_effort(samples: Samples, sampling_rate: int, *, low_voice: bool, rng: np.random.Generator) -> Samples:
    """Simulate a raised voice: higher pitch and first formant, weaker low and stronger high partials.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int >= 8000
        In Hz.
    low_voice : bool
        From `is_low_voice`, or from what is known of the speaker.
    rng : numpy.random.Generator
        Draws a pitch factor of 1.2 to 2.6 for low voices and 1.05 to 1.7 for high ones, a factor of the first formant
        of 1 to 1.12, of all formants of 1 to 1.08, a tilt of -1 to 3 dB per octave, and 0.5 to 1.5 times the measured
        curve. Both low and high voices are raised, so that effort does not indicate a class.

    Returns
    -------
    array (m,)
        m = n / pitch, rounded.
    """
    effort = Effort(
        pitch=rng.uniform(1.2, 2.6) if low_voice else rng.uniform(1.05, 1.7),
        first_formant=rng.uniform(1, 1.12),
        formants=rng.uniform(1, 1.08),
        tilt_db=rng.uniform(-1, 3),
        curve_share=rng.uniform(0.5, 1.5),
    )
    return with_effort(samples, sampling_rate, effort)


def with_effort(samples: Samples, sampling_rate: int, effort: Effort) -> Samples:
    """Change pitch, formants and spectrum of a voice.

    Resampling multiplies pitch and formants by the pitch factor. Then the spectral envelope of each window is replaced
    by that of the original at the same place, with its frequencies multiplied by the factors of the formants. Envelopes
    are cepstrally smoothed.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int > 0
        In Hz.
    effort : Effort
        With a pitch factor below 1, the band above `pitch` times half of the sampling rate is left nearly empty.

    Returns
    -------
    array (m,)
        m = n / pitch, rounded: the speaking rate is also multiplied by the pitch factor.
    """
    if len(samples) < WINDOW_S * sampling_rate:
        return samples
    hop = round(WINDOW_S / _HOPS_PER_WINDOW * sampling_rate)
    size = _HOPS_PER_WINDOW * hop
    # The envelope is replaced, so a flat pass band and a steep edge matter little: medium quality.
    resampled = soxr.resample(samples, sampling_rate, sampling_rate / effort.pitch, quality="MQ")
    centres = np.arange(0, len(resampled) + size, hop) - size // 2
    spectra = _spectra(resampled, centres, size)
    bins = np.arange(size // 2 + 1, dtype=np.float64)
    hertz = bins * sampling_rate / size
    original = _spectra(samples, np.rint(centres * effort.pitch).astype(int), size)
    target_envelope = _envelope(original, sampling_rate, _original_hertz(hertz, effort) * size / sampling_rate)
    # A higher pitch has shorter quefrencies, so fewer coefficients are kept. For a lower pitch none are added.
    current_envelope = _envelope(spectra, sampling_rate / max(effort.pitch, 1), bins)
    gain = target_envelope - current_envelope + _spectral_change(hertz, effort)
    spectra *= np.exp(np.clip(gain, -_MAX_GAIN_NEPERS, _MAX_GAIN_NEPERS))
    return _overlap_add(spectra, size)[: len(resampled)]


def _original_hertz(hertz: Floats, effort: Effort) -> Floats:
    """Frequencies of the original envelope that are moved to these: the first formant further than the others."""
    low, high = _FIRST_FORMANT_HZ * effort.first_formant * effort.formants, _SECOND_FORMANT_HZ * effort.formants
    if low >= high:
        return hertz / effort.formants
    last = max(float(hertz[-1]), high) + high
    return np.interp(
        hertz, [0.0, low, high, last], [0.0, _FIRST_FORMANT_HZ, _SECOND_FORMANT_HZ, last / effort.formants]
    )


def _spectral_change(hertz: Floats, effort: Effort) -> LogMagnitudes:
    """Log gain in nepers at each frequency: the measured curve in proportion to the octaves of pitch, and the tilt."""
    curve = np.interp(np.log(np.maximum(hertz, 1.0)), np.log(list(EFFORT_CURVE_DB)), list(EFFORT_CURVE_DB.values()))
    octaves = np.log2(np.clip(hertz, *_TILT_HZ) / _TILT_HZ[0])
    decibels = effort.curve_share * math.log2(effort.pitch) * curve + effort.tilt_db * octaves
    change: LogMagnitudes = (decibels * (math.log(10) / 20)).astype(np.float32)
    return change


def is_low_voice(samples: Samples, sampling_rate: int) -> bool:
    """Whether the median pitch of a recording's voiced frames is below `LOW_VOICE_HZ`.

    The pitch of a frame is at the highest peak of its autocorrelation between 60 and 400 Hz. A frame is voiced if that
    peak is above half of its power and its power is above a tenth of the mean. Accurate enough to choose between low
    and high; not a pitch tracker.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int >= 8000
        In Hz.

    Returns
    -------
    bool
        False if no frame is voiced.
    """
    pitches = voiced_pitches(samples, sampling_rate)
    return bool(len(pitches) and np.median(pitches) < LOW_VOICE_HZ)


def _sqrt_hann(size: int) -> Samples:
    """Square root of a Hann window, for analysis and for synthesis."""
    return np.sqrt(get_window("hann", size)).astype(np.float32)


def _spectra(samples: Samples, centres: NDArray[np.int_], size: int) -> Spectra:
    """Spectra (T, size / 2 + 1) of windows around `centres` (T,); samples are zero-padded at both ends."""
    padded = np.pad(samples, size)
    starts = np.clip(centres + size - size // 2, 0, len(padded) - size)
    spectra: Spectra = rfft(sliding_window_view(padded, size)[starts] * _sqrt_hann(size))
    return spectra


def _envelope(spectra: Spectra, sampling_rate: float, bins: Floats) -> LogMagnitudes:
    """Cepstrally smoothed log magnitudes (T, B), in nepers, at fractional frequency bins (B,)."""
    last = spectra.shape[1] - 1
    cepstra = dct(np.log(np.abs(spectra) + 1e-6), type=1) / last  # 1e-6: magnitude of resampled silence
    n_kept = int(_ENVELOPE_S * sampling_rate)
    weights = np.ones(n_kept)
    weights[[0, -1]] = 0.5  # the first as in the inverse transform, the last against ripples
    quefrencies = np.arange(n_kept)[:, np.newaxis]
    cosines = weights[:, np.newaxis] * np.cos(np.pi * quefrencies * np.minimum(bins, last) / last)
    envelopes: LogMagnitudes = cepstra[:, :n_kept] @ cosines.astype(np.float32)
    return envelopes


def _overlap_add(spectra: Spectra, size: int) -> Samples:
    """Samples from spectra (T, size / 2 + 1); the first window ends where the samples begin."""
    hop = size // _HOPS_PER_WINDOW
    # Overlapping Hann windows sum to half the hops per window.
    windows = irfft(spectra, size) * _sqrt_hann(size) / (_HOPS_PER_WINDOW / 2)
    sums = np.zeros((len(windows) + _HOPS_PER_WINDOW - 1, hop), np.float32)
    for part in range(_HOPS_PER_WINDOW):
        sums[part : part + len(windows)] += windows[:, part * hop : (part + 1) * hop]
    return sums.ravel()[size:]


def voiced_pitches(samples: Samples, sampling_rate: int) -> Floats:
    """Pitch in Hz of each voiced frame, one every 20 ms."""
    size = round(_PITCH_FRAME_S * sampling_rate)
    if len(samples) < size:
        return np.empty(0)
    frames = sliding_window_view(samples, size)[:: size // 2]
    frames = frames - frames.mean(axis=1, keepdims=True)
    n_fft = next_fast_len(2 * size, real=True)
    correlation = irfft(np.abs(rfft(frames, n_fft)) ** 2, n_fft)
    shortest, longest = math.ceil(sampling_rate / _PITCH_RANGE_HZ[1]), int(sampling_rate / _PITCH_RANGE_HZ[0])
    lags = shortest + np.argmax(correlation[:, shortest : longest + 1], axis=1)
    peaks = correlation[np.arange(len(lags)), lags]
    powers = correlation[:, 0]
    inside = (lags > shortest) & (lags < longest)  # a maximum at an end is the slope of a peak outside the range
    voiced = inside & (peaks > _MIN_VOICED_PEAK * powers) & (powers > _MIN_POWER_SHARE * powers.mean())
    pitches: Floats = sampling_rate / lags[voiced]
    return pitches

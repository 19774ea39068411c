"""Channel augmentation: room, noise, telephone band and codec.

A model trained on clean recordings only confuses band, noise and room of other recordings with properties of the voice.

All functions are pure functions of samples in [-1, 1]. The results are not clipped. A recording shorter than
`MIN_DURATION_S` is returned unaltered. All random numbers come from the caller's generator: the same state gives the
same samples.

Main path: `augment_channel` -> `reverberated`, `with_recorded_noise`, `steady_noise`, `with_noise`, `telephone`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import fftconvolve

from speechgmm.audio.samples import Samples

MIN_DURATION_S = 0.032
"""Shortest recording in seconds that is altered."""

_TELEPHONE_RATE = 8000  # Hz, narrowband telephony
_MU = 255  # mu-law of North American and Japanese telephony
_CODE_STEPS = 127  # magnitudes above zero in 8 bits, one of which is the sign

_LEVEL_PIECE_S = 0.010  # shorter than the pauses between syllables
_SILENCE_POWER = 1e-10  # mean power, 100 dB below full scale: below are rounding errors, not to be amplified

_LOWEST_OCTAVE_HZ = 50.0  # below the voice

_DECAY_NEPERS = math.log(1000)  # the amplitude decays by 60 dB over the decay time


def augment_channel(
    samples: Samples, sampling_rate: int, noises: Sequence[Samples], rng: np.random.Generator
) -> Samples:
    """Apply a random channel: room, noise and telephone, each by chance.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int >= 8000
        Of the recording and of the noises, in Hz.
    noises : sequence of arrays
        Recorded noises to choose from, of any lengths. If empty, only steady noise is added.
    rng : numpy.random.Generator
        Draws

        - a room with probability 1/2: decay 0.15 to 0.6 s, 12 to 0 dB below the direct sound;
        - at most one noise: recorded with probability 0.4, 5 to 25 dB below the speech; steady with probability 0.4,
          5 to 30 dB below the speech;
        - a telephone with probability 1/2: half of these with mu-law companding.

    Returns
    -------
    array (n,)
        With probability 0.05 (0.15 without recorded noises) the recording unaltered.
    """
    if rng.random() < 0.5:
        decay_s, wet_db = rng.uniform(0.15, 0.6), rng.uniform(-12, 0)
        samples = reverberated(samples, sampling_rate, decay_s=decay_s, wet_db=wet_db, rng=rng)
    kind = rng.random()
    if kind < 0.4 and noises:
        samples = with_recorded_noise(samples, sampling_rate, noises, (5, 25), rng)
    elif 0.4 <= kind < 0.8:
        noise = steady_noise(len(samples), sampling_rate, rng)
        samples = with_noise(samples, noise, rng.uniform(5, 30), begin=0, sampling_rate=sampling_rate)
    if rng.random() < 0.5:
        samples = telephone(samples, sampling_rate, companded=bool(rng.random() < 0.5))
    return samples


def with_recorded_noise(
    samples: Samples,
    sampling_rate: int,
    noises: Sequence[Samples],
    levels_db: tuple[float, float],
    rng: np.random.Generator,
) -> Samples:
    """Add one of some recorded noises at a random level.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int >= 8000
        Of the recording and of the noises, in Hz.
    noises : sequence of arrays
        To choose from, at least one.
    levels_db : (float, float)
        Range of the level, in dB below the speech.
    rng : numpy.random.Generator
        Draws the noise, where it begins, and its level.

    Returns
    -------
    array (n,)
    """
    noise = noises[int(rng.integers(len(noises)))]
    begin = int(rng.random() * len(noise))
    return with_noise(samples, noise, rng.uniform(*levels_db), begin=begin, sampling_rate=sampling_rate)


def steady_noise(n_samples: int, sampling_rate: int, rng: np.random.Generator) -> Samples:
    """Stationary noise of a random colour between white and brown, like fans, amplifiers, wind and engines.

    Parameters
    ----------
    n_samples : int
    sampling_rate : int > 0
        In Hz.
    rng : numpy.random.Generator
        Draws the spectral slope, 0 to -9 dB per octave, and a deviation per octave (standard deviation 3 dB).

    Returns
    -------
    array (n_samples,)
        The level is arbitrary.
    """
    if n_samples == 0:
        return np.empty(0, np.float32)
    size = next_fast_len(n_samples, real=True)
    spectrum = rfft(rng.standard_normal(size))
    frequencies = np.maximum(np.linspace(0, sampling_rate / 2, len(spectrum)), _LOWEST_OCTAVE_HZ)
    octaves = np.log2(frequencies / _LOWEST_OCTAVE_HZ)
    knots = np.arange(math.ceil(octaves[-1]) + 1)
    gains_db = np.interp(octaves, knots, rng.normal(0, 3, len(knots))) - rng.uniform(0, 9) * octaves
    return irfft(spectrum * 10 ** (gains_db / 20), size)[:n_samples].astype(np.float32)


def telephone(samples: Samples, sampling_rate: int, *, companded: bool) -> Samples:
    """Limit a recording to the telephone band: low-pass at 4 kHz, without a high-pass.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int >= 8000
        In Hz.
    companded : bool
        Whether to also encode and decode with 8-bit mu-law. Full scale is the recording's peak.

    Returns
    -------
    array (n,)
    """
    if _too_short(samples, sampling_rate):
        return samples
    narrow = soxr.resample(samples, sampling_rate, _TELEPHONE_RATE)
    if companded:
        narrow = _mu_law_coded(narrow)
    wide = soxr.resample(narrow, _TELEPHONE_RATE, sampling_rate)[: len(samples)]
    return np.pad(wide, (0, len(samples) - len(wide)))  # rounding may lose a sample


def with_noise(samples: Samples, noise: Samples, snr_db: float, *, begin: int, sampling_rate: int = 16_000) -> Samples:
    """Add noise at a given signal-to-noise ratio.

    Parameters
    ----------
    samples : array (n,)
        The recording. Its speech level is the mean power of the louder half of its 10-ms pieces, so that pauses do not
        count.
    noise : array (m,)
        Repeated as often as needed. Its level is the mean power of the part added.
    snr_db : float
        Speech level minus noise level, in dB.
    begin : int
        First sample of `noise` to add, modulo m.
    sampling_rate : int
        Of both, in Hz.

    Returns
    -------
    array (n,)
        The recording unaltered if the recording or the noise is silent.
    """
    if _too_short(samples, sampling_rate):
        return samples
    added = np.resize(np.roll(noise, -begin), len(samples))
    speech_power, noise_power = _speech_power(samples, sampling_rate), _power(added)
    if min(speech_power, noise_power) < _SILENCE_POWER:
        return samples
    gain = math.sqrt(speech_power / noise_power * 10 ** (-snr_db / 10))
    return samples + np.float32(gain) * added


def reverberated(
    samples: Samples, sampling_rate: int, *, decay_s: float, wet_db: float, rng: np.random.Generator
) -> Samples:
    """Add reverberation: convolve with a direct sound followed by exponentially decaying white noise.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int > 0
        In Hz.
    decay_s : float > 0
        Reverberation time (RT60) in seconds: the decay by 60 dB. Homes and offices have 0.2 to 0.6.
    wet_db : float
        Energy of the reverberation relative to that of the direct sound, in dB.
    rng : numpy.random.Generator
        Draws the noise of the impulse response.

    Returns
    -------
    array (n,)
        The mean power is that of the recording. The reverberation is cut off at the end.
    """
    if _too_short(samples, sampling_rate):
        return samples
    seconds = np.arange(math.ceil(decay_s * sampling_rate)) / sampling_rate
    response = rng.standard_normal(len(seconds)) * np.exp(-_DECAY_NEPERS / decay_s * seconds)
    response *= math.sqrt(10 ** (wet_db / 10) / float(np.sum(response**2)))
    response[0] += 1
    wet = fftconvolve(samples, response)[: len(samples)]
    level = math.sqrt(_power(samples) / max(_power(wet), np.finfo(np.float64).tiny))
    return (level * wet).astype(np.float32)


def _too_short(samples: Samples, sampling_rate: int) -> bool:
    return len(samples) < MIN_DURATION_S * sampling_rate


def _power(samples: NDArray[np.floating]) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def _speech_power(samples: Samples, sampling_rate: int) -> float:
    """Mean power of the louder half of short pieces, without the incomplete last piece."""
    piece = round(_LEVEL_PIECE_S * sampling_rate)
    pieces = samples[: len(samples) // piece * piece].reshape(-1, piece)
    powers = np.mean(np.square(pieces, dtype=np.float64), axis=1)
    return float(powers[powers >= np.median(powers)].mean())


def _mu_law_coded(samples: Samples) -> Samples:
    """Encode and decode with mu-law, y = sign(x) log(1 + mu |x|) / log(1 + mu), which ITU-T G.711 approximates."""
    full_scale = max(float(np.abs(samples).max()), np.finfo(np.float32).tiny)
    compressed = np.log1p(_MU * np.abs(samples) / full_scale) / math.log1p(_MU)
    code = np.round(compressed * _CODE_STEPS)
    expanded = np.expm1(code / _CODE_STEPS * math.log1p(_MU)) / _MU
    decoded: Samples = (np.sign(samples) * expanded * full_scale).astype(np.float32)
    return decoded

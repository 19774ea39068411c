"""Copies of recordings for training as over other channels: in rooms, in noise, over telephones.

A model that has heard only clean recordings takes the band, the noise or the room of others for part of the voice.
Copies that differ in just that, and keep their labels, teach it better. They are for training alone: how well a model
does is measured on recordings as they are.

All are pure functions of samples in [-1, 1]; what they return is not clipped. A recording shorter than one window
(`LEAST_S`) comes back as it is. What is drawn comes from the caller's generator: in the same state it gives the same
copy.
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

LEAST_S = 0.032
"""Seconds below which there is nothing to perturb."""

_TELEPHONE_RATE = 8000  # Hz, of telephony without wideband
_MU = 255  # of the companding law of North American and Japanese telephony
_CODE_STEPS = 127  # magnitudes above zero that are left of 8 bits, one of which is the sign

_LEVEL_PIECE_S = 0.010  # short enough to fall between syllables
_SILENCE = 1e-10  # mean power, 100 dB below full scale: less is rounding, which must not be made loud

_LOWEST_OCTAVE_HZ = 50.0  # what is below holds no voice

_DECAY = math.log(1000)  # an amplitude decays by 60 dB over the decay time


def augment_channel(
    samples: Samples, sampling_rate: int, noises: Sequence[Samples], rng: np.random.Generator
) -> Samples:
    """A recording as over another channel: by chance in a room, in noise, over a telephone, or in all of them.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int >= 8000
        Of the recording and of the noises, in Hz.
    noises : sequence of arrays
        Recorded sounds to choose from, of any lengths; without any, the noise is steady where there is some.
    rng : numpy.random.Generator
        Draws a room with probability 1/2 (decay 0.15 to 0.6 s, 12 to 0 dB below the direct sound), one of the noises
        with 0.4 (5 to 25 dB below the speech) or steady noise with 0.4 (5 to 30 dB), a telephone with 1/2 (companded
        half of the time).

    Returns
    -------
    array (n,)
        With probability 0.05 (0.15 without noises) it is the recording as it is.
    """
    if rng.random() < 0.5:
        decay_s, wet_db = rng.uniform(0.15, 0.6), rng.uniform(-12, 0)
        samples = reverberated(samples, sampling_rate, decay_s=decay_s, wet_db=wet_db, rng=rng)
    kind = rng.random()
    if kind < 0.4 and noises:
        noise = noises[int(rng.integers(len(noises)))]
        begin = int(rng.random() * len(noise))
        samples = with_noise(samples, noise, rng.uniform(5, 25), begin=begin, sampling_rate=sampling_rate)
    elif 0.4 <= kind < 0.8:
        noise = steady_noise(len(samples), sampling_rate, rng)
        samples = with_noise(samples, noise, rng.uniform(5, 30), begin=0, sampling_rate=sampling_rate)
    if rng.random() < 0.5:
        samples = telephone(samples, sampling_rate, companded=bool(rng.random() < 0.5))
    return samples


def steady_noise(n_samples: int, sampling_rate: int, rng: np.random.Generator) -> Samples:
    """Noise that does not change, of a colour between white and brown, as of fans, amplifiers, wind and engines.

    Parameters
    ----------
    n_samples : int
    sampling_rate : int > 0
        In Hz.
    rng : numpy.random.Generator
        Draws how it falls, 0 to 9 dB an octave, and gains from octave to octave beside (3 dB).

    Returns
    -------
    array (n_samples,)
        Of no certain level.
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
    """A recording in the band of a telephone: nothing above 4 kHz. Nothing is taken from below.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int >= 8000
        In Hz.
    companded : bool
        Whether it also goes through the 8 bits of a mu-law code, with the recording's own peak as full scale.

    Returns
    -------
    array (n,)
    """
    if _too_short(samples, sampling_rate):
        return samples
    narrow = soxr.resample(samples, sampling_rate, _TELEPHONE_RATE)
    if companded:
        narrow = _companded(narrow)
    wide = soxr.resample(narrow, _TELEPHONE_RATE, sampling_rate)[: len(samples)]
    return np.pad(wide, (0, len(samples) - len(wide)))  # rounded lengths may miss a sample


def with_noise(samples: Samples, noise: Samples, snr_db: float, *, begin: int, sampling_rate: int = 16_000) -> Samples:
    """A recording with noise added, at a level relative to its speech.

    Parameters
    ----------
    samples : array (n,)
        The recording. The level of its speech is the mean power of the louder half of pieces of 10 ms: pauses, of
        which recordings have more or less, do not count.
    noise : array (m,)
        Repeated as often as needed. Its level is the mean power of the part added.
    snr_db : float
        Level of the speech over that of the noise, in dB.
    begin : int
        Sample of `noise` to begin with; counted on from its start where it is m or more.
    sampling_rate : int
        Of both, in Hz.

    Returns
    -------
    array (n,)
        The recording as it is where it or the noise is silent.
    """
    if _too_short(samples, sampling_rate):
        return samples
    added = np.resize(np.roll(noise, -begin), len(samples))
    speech_power, noise_power = _speech_power(samples, sampling_rate), _power(added)
    if min(speech_power, noise_power) < _SILENCE:
        return samples
    gain = math.sqrt(speech_power / noise_power * 10 ** (-snr_db / 10))
    return samples + np.float32(gain) * added


def reverberated(
    samples: Samples, sampling_rate: int, *, decay_s: float, wet_db: float, rng: np.random.Generator
) -> Samples:
    """A recording as in a room: the simplest, whose echoes are noise that decays exponentially.

    Parameters
    ----------
    samples : array (n,)
        The recording.
    sampling_rate : int > 0
        In Hz.
    decay_s : float > 0
        Time in which the echoes decay by 60 dB, in seconds; rooms of homes and offices have 0.2 to 0.6.
    wet_db : float
        Energy of the echoes relative to that of the direct sound, in dB.
    rng : numpy.random.Generator
        Draws the echoes.

    Returns
    -------
    array (n,)
        With the power of the recording; echoes after its end are cut off.
    """
    if _too_short(samples, sampling_rate):
        return samples
    seconds = np.arange(math.ceil(decay_s * sampling_rate)) / sampling_rate
    response = rng.standard_normal(len(seconds)) * np.exp(-_DECAY / decay_s * seconds)
    response *= math.sqrt(10 ** (wet_db / 10) / float(np.sum(response**2)))
    response[0] += 1
    wet = fftconvolve(samples, response)[: len(samples)]
    level = math.sqrt(_power(samples) / max(_power(wet), np.finfo(np.float64).tiny))
    return (level * wet).astype(np.float32)


def _too_short(samples: Samples, sampling_rate: int) -> bool:
    return len(samples) < LEAST_S * sampling_rate


def _power(samples: NDArray[np.floating]) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def _speech_power(samples: Samples, sampling_rate: int) -> float:
    """Mean power of the louder half of short pieces; a remainder at the end does not count."""
    piece = round(_LEVEL_PIECE_S * sampling_rate)
    pieces = samples[: len(samples) // piece * piece].reshape(-1, piece)
    powers = np.mean(np.square(pieces, dtype=np.float64), axis=1)
    return float(powers[powers >= np.median(powers)].mean())


def _companded(samples: Samples) -> Samples:
    """Through mu-law code and back: y = sign(x) log(1 + mu |x|) / log(1 + mu), as ITU-T G.711 approximates it."""
    full_scale = max(float(np.abs(samples).max()), np.finfo(np.float32).tiny)
    compressed = np.log1p(_MU * np.abs(samples) / full_scale) / math.log1p(_MU)
    code = np.round(compressed * _CODE_STEPS)
    expanded = np.expm1(code / _CODE_STEPS * math.log1p(_MU)) / _MU
    decoded: Samples = (np.sign(samples) * expanded * full_scale).astype(np.float32)
    return decoded

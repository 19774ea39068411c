"""Augmentation of non-speech recordings: another pitch and other resonances, by chance another channel.

A few dozen recordings represent all non-speech sounds. A model trained on these alone overfits them and accepts other
sounds as speech. Versions at other pitches and over other channels make it generalise.

Main path: `augment_nonspeech` -> `vocal_effort.with_effort`, `channel.augment_channel`.
"""

from __future__ import annotations

import math

import numpy as np

from speechgmm.audio.samples import Samples
from speechgmm.augmentation.channel import augment_channel
from speechgmm.augmentation.vocal_effort import Effort, with_effort


def augment_nonspeech(samples: Samples, sampling_rate: int, rng: np.random.Generator) -> Samples:
    """Alter the pitch and the resonances of a non-speech recording, and with probability 1/2 its channel.

    Parameters
    ----------
    samples : array (n,)
        The recording, in [-1, 1].
    sampling_rate : int >= 8000
        In Hz.
    rng : numpy.random.Generator
        Draws a pitch factor of exp(-0.35) to exp(0.35), a resonance factor of exp(-0.15) to exp(0.15), a tilt of -3 to
        3 dB per octave, and with probability 1/2 a channel (see `augment_channel`; without recorded noises).

    Returns
    -------
    array (m,)
        m = n / pitch, rounded. A recording shorter than one window is returned unaltered.
    """
    pitch, resonances = math.exp(rng.uniform(-0.35, 0.35)), math.exp(rng.uniform(-0.15, 0.15))
    effort = Effort(pitch=pitch, formants=resonances, tilt_db=rng.uniform(-3, 3))
    shifted = with_effort(samples, sampling_rate, effort)
    return augment_channel(shifted, sampling_rate, [], rng) if rng.random() < 0.5 else shifted

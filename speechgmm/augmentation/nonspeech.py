"""Copies for training of sounds that are no speech: as another dog, engine or child would sound, elsewhere.

A few dozen recorded sounds stand for all that there are. A model that learns these alone knows them by heart and
takes the next dog for a voice; with copies of other sizes, over other channels, it learns what is common to them.

Main path: `augment_nonspeech` -> `effort_copies.other_pitch`, `channel_copies.augment_channel`.
"""

from __future__ import annotations

import math

import numpy as np

from speechgmm.audio.samples import Samples
from speechgmm.augmentation.channel import augment_channel
from speechgmm.augmentation.vocal_effort import other_pitch


def augment_nonspeech(samples: Samples, sampling_rate: int, rng: np.random.Generator) -> Samples:
    """A sound as of another source, by chance over another channel.

    Parameters
    ----------
    samples : array (n,)
        The recording, in [-1, 1].
    sampling_rate : int >= 8000
        In Hz.
    rng : numpy.random.Generator
        Draws factors of exp(-0.35) to exp(0.35) for the pitch and of exp(-0.15) to exp(0.15) for the resonances, a tilt
        of -3 to 3 dB an octave, and with probability 1/2 a channel (see `augment_channel`; no recorded noises).

    Returns
    -------
    array (m,)
        With m = n / pitch, rounded; a recording shorter than one window comes back as it is.
    """
    pitch, resonances = math.exp(rng.uniform(-0.35, 0.35)), math.exp(rng.uniform(-0.15, 0.15))
    copy = other_pitch(samples, sampling_rate, pitch=pitch, formants=resonances, tilt_db=rng.uniform(-3, 3))
    return augment_channel(copy, sampling_rate, [], rng) if rng.random() < 0.5 else copy

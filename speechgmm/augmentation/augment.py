"""The copies of recordings that training makes, by their names: see `Recording.augmentation`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechgmm.audio.samples import Samples
from speechgmm.augmentation.channel import augment_channel
from speechgmm.augmentation.nonspeech import augment_nonspeech
from speechgmm.augmentation.vocal_effort import is_low_voice, raise_effort, shout

CHANNEL, EFFORT, SHOUT = "channel", "effort", "shout"
NONSPEECH_KINDS = ("sound-1", "sound-2", "sound-3")
"""Of a sound that is no speech; eight of each tell unheard sounds from speech hardly better than three."""

VERSION = 3
"""Of what is drawn: features of copies that were kept on disk are made again where it differs."""


def augment(samples: Samples, sampling_rate: int, kind: str, *, noises: Sequence[Samples], seed: int) -> Samples:
    """Make a copy, the same each time.

    Parameters
    ----------
    samples : array (n,)
        The recording, in [-1, 1].
    sampling_rate : int >= 8000
        Of the recording and of the noises, in Hz.
    kind : str
        `CHANNEL`, `EFFORT`, `SHOUT` or one of `NONSPEECH_KINDS`.
    noises : sequence of arrays
        Recorded sounds that copies over another channel may be mixed with.
    seed : int
        What is drawn depends on it alone.

    Returns
    -------
    array (m,)
    """
    if kind in NONSPEECH_KINDS:
        return augment_nonspeech(samples, sampling_rate, np.random.default_rng([seed, NONSPEECH_KINDS.index(kind)]))
    rng = np.random.default_rng(seed)
    if kind == CHANNEL:
        return augment_channel(samples, sampling_rate, noises, rng)
    raised = {EFFORT: raise_effort, SHOUT: shout}[kind]
    return raised(samples, sampling_rate, low_voice=is_low_voice(samples, sampling_rate), rng=rng)

"""The copies of recordings that training makes, by their names: see `Recording.copy`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechgmm.audio.samples import Samples
from speechgmm.augmentation.channel import channel_copy
from speechgmm.augmentation.nonspeech import sound_copy
from speechgmm.augmentation.vocal_effort import effort_copy, is_low_voice, shout_copy

CHANNEL, EFFORT, SHOUT = "channel", "effort", "shout"
SOUNDS = ("sound-1", "sound-2", "sound-3")
"""Of a sound that is no speech; eight of each tell unheard sounds from speech hardly better than three."""

VERSION = 3
"""Of what is drawn: features of copies that were kept on disk are made again where it differs."""


def copy_of(samples: Samples, sampling_rate: int, kind: str, *, noises: Sequence[Samples], seed: int) -> Samples:
    """Make a copy, the same each time.

    Parameters
    ----------
    samples : array (n,)
        The recording, in [-1, 1].
    sampling_rate : int >= 8000
        Of the recording and of the noises, in Hz.
    kind : str
        `CHANNEL`, `EFFORT`, `SHOUT` or one of `SOUNDS`.
    noises : sequence of arrays
        Recorded sounds that copies over another channel may be mixed with.
    seed : int
        What is drawn depends on it alone.

    Returns
    -------
    array (m,)
    """
    if kind in SOUNDS:
        return sound_copy(samples, sampling_rate, np.random.default_rng([seed, SOUNDS.index(kind)]))
    rng = np.random.default_rng(seed)
    if kind == CHANNEL:
        return channel_copy(samples, sampling_rate, noises, rng)
    raised = {EFFORT: effort_copy, SHOUT: shout_copy}[kind]
    return raised(samples, sampling_rate, low_voice=is_low_voice(samples, sampling_rate), rng=rng)

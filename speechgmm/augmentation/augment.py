"""Augmented versions of recordings by the name of their kind, which is stored in `Recording.augmentation`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechgmm.audio.samples import Samples
from speechgmm.augmentation.channel import augment_channel, with_recorded_noise
from speechgmm.augmentation.nonspeech_sounds import augment_nonspeech
from speechgmm.augmentation.vocal_effort import is_low_voice, raise_effort

CHANNEL, EFFORT, NOISE = "channel", "effort", "noise"
NOISE_LEVELS_DB = (0.0, 20.0)
"""Range of the level of the noise in `NOISE`, in dB below the speech."""

NONSPEECH_KINDS = ("sound-1", "sound-2", "sound-3")
"""Kinds for non-speech recordings. With eight versions instead of three, rejection of unseen sounds hardly improves."""

VERSION = 4
"""Version of the augmentation. Stored features of augmented recordings with another version are extracted again."""


def augment(samples: Samples, sampling_rate: int, kind: str, *, noises: Sequence[Samples], seed: int) -> Samples:
    """Return an augmented version of a recording; the same arguments give the same samples.

    Parameters
    ----------
    samples : array (n,)
        The recording, in [-1, 1].
    sampling_rate : int >= 8000
        Of the recording and of the noises, in Hz.
    kind : str
        `CHANNEL`, `EFFORT`, `NOISE` or one of `NONSPEECH_KINDS`.
    noises : sequence of arrays
        Recorded noises to choose from; used by `CHANNEL` and `NOISE` only.
    seed : int
        Seed of all random choices.

    Returns
    -------
    array (m,)
    """
    if kind in NONSPEECH_KINDS:
        return augment_nonspeech(samples, sampling_rate, np.random.default_rng([seed, NONSPEECH_KINDS.index(kind)]))
    rng = np.random.default_rng(seed)
    if kind == CHANNEL:
        return augment_channel(samples, sampling_rate, noises, rng)
    if kind == NOISE:
        return with_recorded_noise(samples, sampling_rate, noises, NOISE_LEVELS_DB, rng)
    return raise_effort(samples, sampling_rate, low_voice=is_low_voice(samples, sampling_rate), rng=rng)

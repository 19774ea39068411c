"""Log mel bands on a grid of time: the frames of a second or so at once, as soon as their samples are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from speechgmm.features.front_end import Features, Samples, log_mel_bands, power_spectrum, without_offset
from speechgmm.features.options import FrontEndOptions


def chunks(
    blocks: Iterable[Samples], front_ends: Sequence[FrontEndOptions], *, n_frames: int
) -> Iterator[tuple[Features, ...]]:
    """Turn samples into log mel bands, the same whatever blocks the samples come in.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)
        The samples in [-1, 1] at the front ends' sampling rate, cut anyhow.
    front_ends : sequence of FrontEndOptions
        Of one sampling rate; the hop of each is a whole multiple of the first one's.
    n_frames : int
        Frames of the first front end in a chunk, a multiple of those that any other hops over.

    Yields
    ------
    tuple of ndarray (T, n_mels)
        One for each front end: natural logarithms, ``n_frames`` of the first one's hops long. The last chunk is as long
        as the samples are; there, a longer window may have fewer frames, or none.
    """
    step = n_frames * front_ends[0].hop
    length = step + max(options.window - options.hop for options in front_ends)
    pending = np.empty(0, dtype=np.float32)
    for block in without_offset(blocks, front_ends[0].sampling_rate):
        pending = np.concatenate([pending, block])
        while len(pending) >= length:
            yield _bands(pending[:length], step, front_ends)
            pending = pending[step:]
    # What is left over when no more samples come may still be a little more than a chunk.
    while len(pending) >= front_ends[0].window:
        yield _bands(pending, step, front_ends)
        pending = pending[step:]


def _bands(samples: Samples, step: int, front_ends: Sequence[FrontEndOptions]) -> tuple[Features, ...]:
    return tuple(
        log_mel_bands(power_spectrum(own, options), options)
        if len(own) >= options.window
        else np.empty((0, options.n_mels), dtype=np.float32)
        for options in front_ends
        for own in [samples[: step - options.hop + options.window]]
    )

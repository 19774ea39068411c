"""Log mel bands on a fixed time grid, in chunks of about a second, with as little delay as the windows allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from speechgmm.features.array_types import Features, Samples
from speechgmm.features.log_mel import groups_of_one_spectrum, log_mel_bands
from speechgmm.features.mel_filters import MelFilters, mel_filters
from speechgmm.features.offset import without_offset
from speechgmm.features.options import FrontEndOptions


def chunks(
    blocks: Iterable[Samples],
    front_ends: Sequence[FrontEndOptions],
    filters: Sequence[MelFilters] | None = None,
    *,
    n_frames: int,
) -> Iterator[list[tuple[Features, ...]]]:
    """Yield the log mel bands of the chunks that each block completes; they do not depend on the block boundaries.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)
        Consecutive samples in [-1, 1] at the front ends' sampling rate, in blocks of any size.
    front_ends : sequence of FrontEndOptions
        One per stream, of one sampling rate. Each hop is a whole multiple of the first front end's hop.
    filters : sequence of MelFilters, optional
        Mel filter bank of each stream, as a model has it; by default those of librosa.
    n_frames : int
        Frames per chunk of the first front end; a multiple of every hop ratio.

    Yields
    ------
    list of tuple of ndarray (T, n_mels)
        One or more chunks. Each has one array per stream: natural logarithms of ``n_frames`` hops of the first front
        end. The last chunk may be shorter; there, a stream with a longer window may have fewer frames, or none.
    """
    banks = [mel_filters(options) for options in front_ends] if filters is None else filters
    step = n_frames * front_ends[0].hop
    length = step + max(options.window - options.hop for options in front_ends)
    pending = np.empty(0, dtype=np.float32)
    for block in without_offset(blocks, front_ends[0].sampling_rate):
        pending = np.concatenate([pending, block]) if len(pending) else block
        begins = range(0, len(pending) - length + 1, step)
        if begins:
            yield [_bands(pending[begin : begin + length], step, front_ends, banks) for begin in begins]
            pending = pending[begins[-1] + step :]
    # The samples left at the end may be a little more than one chunk.
    begins = range(0, len(pending) - front_ends[0].window + 1, step)
    if begins:
        yield [_bands(pending[begin:], step, front_ends, banks) for begin in begins]


def _bands(
    samples: Samples, step: int, front_ends: Sequence[FrontEndOptions], filters: Sequence[MelFilters]
) -> tuple[Features, ...]:
    bands: list[Features] = [np.empty((0, options.n_mels), dtype=np.float32) for options in front_ends]
    for group in groups_of_one_spectrum(front_ends):
        window, hop = front_ends[group[0]].window, front_ends[group[0]].hop
        own = samples[: step - hop + window]
        if len(own) < window:
            continue
        found = log_mel_bands(own, [front_ends[index] for index in group], [filters[index] for index in group])
        for index, each in zip(group, found, strict=True):
            bands[index] = each
    return tuple(bands)

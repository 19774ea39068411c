"""The front end: from samples to feature frames.

Steps: high-pass against a DC offset; Hann window and power spectrum; mel bands; logarithm; then discrete cosine
transform with optional deltas, or the binary `binary_patterns`. A frame depends on its own samples only (deltas: on its
neighbours; patterns: on the frame 50 ms earlier) and not on the level of the rest of the recording. Therefore
`librosa.feature.mfcc` is not used: it clips everything 80 dB below the loudest point of the recording. The mel filter
bank is that of librosa, or the one in a model: labels do not depend on the installed librosa, nor wait for its import.

A long recording is processed in stretches of up to a minute, so memory does not grow with its length. Each stretch has
its own voice activity detection and its own mean. A stream is one front end and its frames.

Main path: `stream_stretches` -> `without_offset`, `stretch_samples`, `log_mel_bands`, `stretch_of` -> `features_of`;
later `normalise_mean`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.features.array_types import Features as Features  # exported from here too
from speechgmm.features.array_types import Samples as Samples
from speechgmm.features.binary_patterns import patterns
from speechgmm.features.cepstra import cepstra
from speechgmm.features.log_mel import groups_of_one_spectrum, log_mel_bands
from speechgmm.features.mel_filters import MelFilters, mel_filters
from speechgmm.features.offset import without_offset
from speechgmm.features.options import FrontEndOptions
from speechgmm.features.voice_activity import frame_powers, speech_frames, speech_to_noise_db

STRETCH_S = 60.0


@dataclass(frozen=True, eq=False)
class Stretch:
    """The speech frames of one stretch of the signal, up to one minute long (the last: up to one and a half).

    Attributes
    ----------
    frames : ndarray (T, D) of float32
        Speech frames, before mean normalisation.
    n_frames : int
        Number of all frames, with and without speech.
    snr_db : float
        Estimated signal-to-noise ratio in decibels; NaN without speech, or if the stretch was read from stored frames.
    """

    frames: Features
    n_frames: int
    snr_db: float = math.nan


def stretches(blocks: Iterable[Samples], options: FrontEndOptions) -> Iterator[Stretch]:
    """Yield the speech frames of each stretch of a recording, for a single stream.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)
        Consecutive samples in [-1, 1] at the options' sampling rate, in blocks of any size. The result does not depend
        on the block boundaries.
    options : FrontEndOptions

    Yields
    ------
    Stretch
        At least one, unless the recording is shorter than a window.
    """
    return (stretch for (stretch,) in stream_stretches(blocks, [options]))


def stream_stretches(
    blocks: Iterable[Samples],
    front_ends: Sequence[FrontEndOptions],
    filters: Sequence[MelFilters] | None = None,
) -> Iterator[tuple[Stretch, ...]]:
    """Yield, for each stretch of a recording, the speech frames of every stream.

    A stretch is a part of the signal of up to one minute (the last: up to one and a half). Each item is one stretch and
    has one `Stretch` per stream. Streams with the same window share its power spectrum.

    Parameters
    ----------
    blocks : iterable of ndarray (n,)
        As for `stretches`.
    front_ends : sequence of FrontEndOptions
        One per stream, of one sampling rate and one hop.
    filters : sequence of MelFilters, optional
        Mel filter bank of each stream, as a model has it; by default those of librosa.

    Yields
    ------
    tuple of Stretch
        One per stream, in the order of `front_ends`. It is empty if the end of the recording is shorter than the
        stream's window.
    """
    banks = [mel_filters(options) for options in front_ends] if filters is None else filters
    groups = groups_of_one_spectrum(front_ends)
    filtered = _tee(without_offset(blocks, front_ends[0].sampling_rate), len(groups))
    rows = [
        _bands_of_stretches(own, [front_ends[index] for index in group], [banks[index] for index in group])
        for own, group in zip(filtered, groups, strict=True)
    ]
    for bands_of_groups in itertools.zip_longest(*rows, fillvalue=[]):  # nothing where the end is shorter than a window
        row = [_empty_stretch(options) for options in front_ends]
        for bands, group in zip(bands_of_groups, groups, strict=True):
            for index, own in zip(group, bands, strict=False):
                row[index] = stretch_of(own, front_ends[index])
        yield tuple(row)


def _tee(blocks: Iterator[Samples], n: int) -> list[Iterator[Samples]]:
    """As `itertools.tee`, which keeps up to 57 blocks that all have taken: many minutes of sound."""
    waiting: list[deque[Samples]] = [deque() for _ in range(n)]

    def take(own: deque[Samples]) -> Iterator[Samples]:
        while True:
            if not own:
                block = next(blocks, None)
                if block is None:
                    return
                for each in waiting:
                    each.append(block)
                del block
            yield own.popleft()

    return [take(own) for own in waiting]


def _bands_of_stretches(
    blocks: Iterable[Samples], front_ends: Sequence[FrontEndOptions], filters: Sequence[MelFilters]
) -> Iterator[list[Features]]:
    """The log mel bands of each stretch, for front ends of one spectrum. Its samples are not kept meanwhile."""
    compute = functools.partial(log_mel_bands, front_ends=front_ends, filters=filters)
    return map(compute, stretch_samples(blocks, front_ends[0]))


def stretch_of(log_mel: Features, options: FrontEndOptions) -> Stretch:
    """Compute the features of the speech frames of one stretch from its log mel bands (T, n_mels)."""
    if len(log_mel) == 0:
        return _empty_stretch(options)
    powers = frame_powers(log_mel)
    is_speech = speech_frames(log_mel, powers, options)
    return Stretch(features_of(log_mel, options)[is_speech], len(log_mel), speech_to_noise_db(powers, is_speech))


def features_of(log_mel: Features, options: FrontEndOptions) -> Features:
    """Compute cepstra or patterns (T, D), as the options say, from log mel bands (T, n_mels)."""
    if len(log_mel) == 0:
        return _empty_stretch(options).frames
    return patterns(log_mel, options.hop_s) if options.features == "patterns" else cepstra(log_mel, options)


def _empty_stretch(options: FrontEndOptions) -> Stretch:
    return Stretch(np.empty((0, options.n_dimensions), dtype=np.float32), 0)


def aligned(parts: Iterable[Iterable[Stretch]], front_ends: Sequence[FrontEndOptions]) -> Iterator[tuple[Stretch, ...]]:
    """Zip the stretches of several streams of one recording into tuples, as `stream_stretches` yields them.

    Parameters
    ----------
    parts : iterable of iterable of Stretch
        The stretches of each stream.
    front_ends : sequence of FrontEndOptions
        Of each stream. A stream with fewer stretches than another gets empty ones at the end.
    """
    for row in itertools.zip_longest(*parts):
        yield tuple(stretch or _empty_stretch(options) for stretch, options in zip(row, front_ends, strict=True))


def stretch_samples(blocks: Iterable[Samples], options: FrontEndOptions) -> Iterator[Samples]:
    """Re-block samples into the samples of each stretch; neighbours overlap by window minus hop.

    The last stretch is half to one and a half times as long as the others, so that no stretch is too short for voice
    activity detection. A recording of less than half a stretch is one short stretch.
    """
    step = round(STRETCH_S / options.hop_s) * options.hop
    length = step - options.hop + options.window
    parts: list[Samples] = []
    n_samples = 0
    for block in blocks:
        parts.append(block)
        n_samples += len(block)
        while n_samples >= length + step // 2:
            parts = [np.concatenate(parts)]
            rest = parts[0][step:].copy()
            yield parts.pop()[:length]  # nothing keeps it here, and the rest is no part of it
            parts, n_samples = [rest], n_samples - step
    if n_samples >= options.window:
        yield parts[0] if len(parts) == 1 else np.concatenate(parts)


def normalise_mean(frames: Features, reference: npt.NDArray[np.float64], options: FrontEndOptions) -> Features:
    """Cepstral mean normalisation (CMN): shift the frames so that their mean moves toward the training mean.

    `FrontEndOptions.cepstral_mean` says how far. Patterns are not shifted.

    Parameters
    ----------
    frames : ndarray (T, D)
        Speech frames of one stretch.
    reference : ndarray (D,)
        Training mean.
    options : FrontEndOptions

    Returns
    -------
    ndarray (T, D) of float32
    """
    if len(frames) == 0:
        return frames
    shift = mean_shift(frames.mean(axis=0, dtype=np.float64), len(frames), reference, options)
    return frames if shift is None else frames - shift


def mean_shift(
    mean: npt.NDArray[np.float64], n_frames: int, reference: npt.NDArray[np.float64], options: FrontEndOptions
) -> Features | None:
    """The shift (D,) that `normalise_mean` subtracts from `n_frames` frames with this mean; None for no shift."""
    if options.features == "patterns" or options.cepstral_mean == "none":
        return None
    share = n_frames / (n_frames + options.shrink_frames) if options.cepstral_mean == "shrunk" else 1.0
    shift: Features = (share * (mean - reference)).astype(np.float32)
    return shift

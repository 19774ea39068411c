"""From a recording to its frames: where audio files meet the front end."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from speechgmm.audio.reading import blocks, digest, short_digest
from speechgmm.augmentation.augment import CHANNEL, augment
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.features.front_end import Features, Samples, Stretch, stream_stretches
from speechgmm.features.options import FrontEndOptions


class FrameStorage(Protocol):
    """Where the speech frames of an utterance are kept."""

    def read(self, begin: int, end: int) -> Features:
        """Some of them, (end - begin, D)."""

    def describe(self) -> str:
        """How an error calls the place."""


@dataclass(frozen=True, eq=False)
class InMemory:
    """Frames (T, D) that are at hand."""

    frames: Features

    def read(self, begin: int, end: int) -> Features:
        """A view of some of them."""
        return self.frames[begin:end]

    def describe(self) -> str:
        """Memory has no name."""
        return "the frames"


@dataclass(frozen=True, eq=False)
class StretchSummary:
    """What is known of a stretch without its frames.

    Attributes
    ----------
    n_frames : int
        How many frames it had in all.
    n_speech : int
        Frames of speech among them.
    mean : ndarray (D,)
        Of the speech frames; 0 where there are none.
    """

    n_frames: int
    n_speech: int
    mean: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Utterance:
    """A recording and its frames.

    Attributes
    ----------
    recording : Recording
    extents : tuple of StretchSummary
        Of its stretches, a minute each.
    kept : FrameStorage
        Where their speech frames are, one stretch after the other.
    digest : str
        SHA-256 of the audio file, in hexadecimal.
    home : str
        The address of the worker that extracted it, on a cluster.
    """

    recording: Recording
    extents: tuple[StretchSummary, ...]
    kept: FrameStorage
    digest: str
    home: str = ""

    @classmethod
    def of(cls, recording: Recording, parts: Iterable[Stretch], digest: str) -> Utterance:
        """An utterance whose stretches are in memory."""
        parts = tuple(parts)
        frames: list[Features] = [part.frames for part in parts] or [np.empty((0, 0), dtype=np.float32)]
        return cls(
            recording=recording,
            extents=tuple(map(summarise_stretch, parts)),
            kept=InMemory(frames[0] if len(frames) == 1 else np.concatenate(frames)),
            digest=digest,
        )

    @property
    def n_speech(self) -> int:
        """Frames of speech."""
        return sum(extent.n_speech for extent in self.extents)

    def stretches(self) -> Iterator[Stretch]:
        """Its stretches, read from where they are kept."""
        begin = 0
        for extent in self.extents:
            yield Stretch(self.kept.read(begin, begin + extent.n_speech), extent.n_frames)
            begin += extent.n_speech

    def at(self, home: str) -> Utterance:
        """The same, extracted by this worker of a cluster."""
        return replace(self, home=home)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A recording that could not be used, and why."""

    recording: Recording
    reason: str


def summarise_stretch(stretch: Stretch) -> StretchSummary:
    """What to know of a stretch."""
    n_speech, n_dimensions = stretch.frames.shape
    mean = stretch.frames.mean(axis=0, dtype=np.float64) if n_speech else np.zeros(n_dimensions)
    return StretchSummary(stretch.n_frames, n_speech, mean)


def recording_stretches(
    recording: Recording,
    front_ends: Sequence[FrontEndOptions],
    *,
    channel: int | None = None,
    noises: tuple[Path, ...] = (),
) -> Iterator[tuple[Stretch, ...]]:
    """Read a recording, or make a copy of one, once and turn it into frames in several ways, a minute at a time.

    Parameters
    ----------
    recording : Recording
    front_ends : sequence of FrontEndOptions
        Of one sampling rate and one hop.
    channel : int, optional
        Counted from 1; by default the channels are mixed.
    noises : tuple of Path
        Sounds that copies with another channel may be mixed with.

    Yields
    ------
    tuple of Stretch
        One a front end.

    Raises
    ------
    AudioError
        If the recording cannot be read.
    """
    sampling_rate = front_ends[0].sampling_rate
    samples = blocks(
        recording.file, sampling_rate=sampling_rate, channel=channel, start=recording.start, end=recording.end
    )
    return stream_stretches(
        _copied(recording, samples, sampling_rate, noises) if recording.augmentation else samples, front_ends
    )


def extract(
    recording: Recording,
    *,
    front_end: FrontEndOptions,
    channel: int | None = None,
    noises: tuple[Path, ...] = (),
) -> Utterance | Failure:
    """Read a recording and keep all its frames in memory; parameters as for `recording_stretches`."""
    try:
        parts = recording_stretches(recording, [front_end], channel=channel, noises=noises)
        return Utterance.of(recording, (part for (part,) in parts), digest(recording.file))
    except AudioError as error:
        return Failure(recording=recording, reason=str(error))


def _copied(
    recording: Recording, samples: Iterable[Samples], sampling_rate: int, noises: tuple[Path, ...]
) -> list[Samples]:
    """The copy that the recording stands for, the same each time: what is drawn depends on the file alone."""
    whole = np.concatenate([np.empty(0, dtype=np.float32), *samples])
    mixed_with = [_sound(noise, sampling_rate) for noise in noises] if recording.augmentation == CHANNEL else []
    seed = int(short_digest(digest(recording.file)))
    return [augment(whole, sampling_rate, recording.augmentation, noises=mixed_with, seed=seed)]


@functools.lru_cache(maxsize=512)
def _sound(file: Path, sampling_rate: int) -> Samples:
    return np.concatenate([np.empty(0, dtype=np.float32), *blocks(file, sampling_rate=sampling_rate)])

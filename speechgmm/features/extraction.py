"""Feature extraction: read a recording, or make an augmented version of it, and turn it into frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from speechgmm.audio.hearing import Heard
from speechgmm.audio.reading import blocks, digest, short_digest
from speechgmm.corpus.recording import Recording
from speechgmm.features.front_end import Features, Samples, Stretch, stream_stretches
from speechgmm.features.mel_filters import MelFilters
from speechgmm.features.options import FrontEndOptions


class FrameStorage(Protocol):
    """Storage of the speech frames of an utterance: memory or a file."""

    def read(self, begin: int, end: int) -> Features:
        """The frames from `begin` to before `end`, (end - begin, D)."""

    def describe(self) -> str:
        """Name of the storage in an error message."""


@dataclass(frozen=True, eq=False)
class InMemory:
    """Frames (T, D) in memory."""

    frames: Features

    def read(self, begin: int, end: int) -> Features:
        """A view of the frames."""
        return self.frames[begin:end]

    def describe(self) -> str:
        """Memory has no file name."""
        return "the frames"


@dataclass(frozen=True, eq=False)
class StretchSummary:
    """Counts and mean of a stretch, known without its frames.

    Attributes
    ----------
    n_frames : int
        Frames in all.
    n_speech : int
        Speech frames among them.
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
    summaries : tuple of StretchSummary
        Of its stretches, one minute each.
    storage : FrameStorage
        Of the speech frames, stretch by stretch.
    digest : str
        SHA-256 of the audio file, in hexadecimal.
    worker : str
        On a cluster, the address of the worker that extracted it; else empty.
    """

    recording: Recording
    summaries: tuple[StretchSummary, ...]
    storage: FrameStorage
    digest: str
    worker: str = ""

    @classmethod
    def of(cls, recording: Recording, parts: Iterable[Stretch], digest: str) -> Utterance:
        """An utterance whose stretches are in memory."""
        parts = tuple(parts)
        frames: list[Features] = [part.frames for part in parts] or [np.empty((0, 0), dtype=np.float32)]
        return cls(
            recording=recording,
            summaries=tuple(map(summarise_stretch, parts)),
            storage=InMemory(frames[0] if len(frames) == 1 else np.concatenate(frames)),
            digest=digest,
        )

    @property
    def n_speech(self) -> int:
        """Frames of speech."""
        return sum(summary.n_speech for summary in self.summaries)

    def stretches(self) -> Iterator[Stretch]:
        """The stretches, read from the storage."""
        begin = 0
        for summary in self.summaries:
            yield Stretch(self.storage.read(begin, begin + summary.n_speech), summary.n_frames)
            begin += summary.n_speech

    def at(self, worker: str) -> Utterance:
        """The same utterance, extracted by this worker of a cluster."""
        return replace(self, worker=worker)


@dataclass(frozen=True, eq=False)
class InStreams:
    """A recording in every stream.

    Attributes
    ----------
    utterances : tuple of Utterance
        One per stream.
    """

    utterances: tuple[Utterance, ...]

    def at(self, worker: str) -> InStreams:
        """The same utterances, extracted by this worker of a cluster."""
        return InStreams(tuple(each.at(worker) for each in self.utterances))


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A recording that could not be used, and why."""

    recording: Recording
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the name of the recording and the reason."""
        return {"path": self.recording.name, "reason": self.reason}

    def to_row(self) -> dict[str, Any]:
        """Values by column of a table of decisions: there is no label."""
        return {"label": None, "reason": self.reason}


def summarise_stretch(stretch: Stretch) -> StretchSummary:
    """Count the frames of a stretch and average its speech frames."""
    n_speech, n_dimensions = stretch.frames.shape
    mean = stretch.frames.mean(axis=0, dtype=np.float64) if n_speech else np.zeros(n_dimensions)
    return StretchSummary(stretch.n_frames, n_speech, mean)


def recording_stretches(
    recording: Recording,
    front_ends: Sequence[FrontEndOptions],
    *,
    channel: int | None = None,
    noises: tuple[Path, ...] = (),
    heard: Heard | None = None,
    filters: Sequence[MelFilters] | None = None,
) -> Iterator[tuple[Stretch, ...]]:
    """Read a recording once and yield its frames in every stream, one minute at a time.

    Where the recording stands for an augmented version, the version is made first.

    Parameters
    ----------
    recording : Recording
    front_ends : sequence of FrontEndOptions
        Of one sampling rate and one hop.
    channel : int, optional
        Counted from 1; by default the channels are mixed.
    noises : tuple of Path
        Non-speech recordings that channel augmentation may mix in.
    heard : Heard, optional
        Is filled in when the last stretch was read.
    filters : sequence of MelFilters, optional
        Mel filter bank of each front end, as a model has it; by default those of librosa.

    Yields
    ------
    tuple of Stretch
        One per front end.

    Raises
    ------
    AudioError
        If the recording cannot be read.
    """
    sampling_rate = front_ends[0].sampling_rate
    samples = blocks(
        recording.file,
        sampling_rate=sampling_rate,
        channel=channel,
        start=recording.start,
        end=recording.end,
        heard=heard,
    )
    heard_samples = _augmented(recording, samples, sampling_rate, noises) if recording.augmentation else samples
    return stream_stretches(heard_samples, front_ends, filters)


def stretches_by_stream(rows: Iterable[Sequence[Stretch]], n_streams: int) -> list[list[Stretch]]:
    """The stretches of each stream, without the empty ones at the end of a recording that is shorter in one of them."""
    streams: list[list[Stretch]] = [[] for _ in range(n_streams)]
    for row in rows:
        for own, stretch in zip(streams, row, strict=True):
            if stretch.n_frames:
                own.append(stretch)
    return streams


def _augmented(
    recording: Recording, samples: Iterable[Samples], sampling_rate: int, noises: tuple[Path, ...]
) -> Iterator[Samples]:
    """The augmented version. It is the same each time: its random numbers depend on the file alone."""
    from speechgmm.augmentation.augment import CHANNEL, NOISE, augment

    yield augment(
        _joined(samples),
        sampling_rate,
        recording.augmentation,
        noises=_SoundFiles(noises if recording.augmentation in (CHANNEL, NOISE) else (), sampling_rate),
        seed=int(short_digest(digest(recording.file))),
    )


class _SoundFiles(Sequence[Samples]):
    """The samples of audio files, each read when it is asked for: an augmentation draws one of many."""

    def __init__(self, files: tuple[Path, ...], sampling_rate: int) -> None:
        self._files, self._sampling_rate = files, sampling_rate

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> Samples: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Samples]: ...

    def __getitem__(self, index: int | slice) -> Samples | Sequence[Samples]:
        if isinstance(index, slice):
            return _SoundFiles(self._files[index], self._sampling_rate)
        return _joined(blocks(self._files[index], sampling_rate=self._sampling_rate))


def _joined(pieces: Iterable[Samples]) -> Samples:
    return np.concatenate([np.empty(0, dtype=np.float32), *pieces])

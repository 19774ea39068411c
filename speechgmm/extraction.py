"""From a recording to its frames: where audio files meet the front end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from speechgmm.errors import AudioError
from speechgmm.features.frontend import Stretch, stretches
from speechgmm.features.options import FrontEndOptions
from speechgmm.recordings.audio import blocks, digest
from speechgmm.recordings.recording import Recording


@dataclass(frozen=True, kw_only=True, eq=False)
class Utterance:
    """A recording and its frames.

    Attributes
    ----------
    recording : Recording
    stretches : tuple of Stretch
        Its speech frames, a minute at a time.
    digest : int
        Of the audio file, 64 bits.
    """

    recording: Recording
    stretches: tuple[Stretch, ...]
    digest: int

    @property
    def n_speech(self) -> int:
        """Frames of speech."""
        return sum(len(stretch.frames) for stretch in self.stretches)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A recording that could not be used, and why."""

    recording: Recording
    reason: str


def recording_stretches(
    recording: Recording, front_end: FrontEndOptions, *, channel: int | None = None
) -> Iterator[Stretch]:
    """Read a recording and turn it into frames, a minute at a time.

    Parameters
    ----------
    recording : Recording
    front_end : FrontEndOptions
    channel : int, optional
        Counted from 1; by default the channels are mixed.

    Yields
    ------
    Stretch

    Raises
    ------
    AudioError
        If the recording cannot be read.
    """
    samples = blocks(
        recording.file,
        sampling_rate=front_end.sampling_rate,
        channel=channel,
        start=recording.start,
        end=recording.end,
    )
    return stretches(samples, front_end)


def extract(recording: Recording, *, front_end: FrontEndOptions, channel: int | None = None) -> Utterance | Failure:
    """Read a recording and keep all its frames; parameters as for `recording_stretches`."""
    try:
        return Utterance(
            recording=recording,
            stretches=tuple(recording_stretches(recording, front_end, channel=channel)),
            digest=digest(recording.file),
        )
    except AudioError as error:
        return Failure(recording=recording, reason=str(error))

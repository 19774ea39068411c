"""Read audio files as blocks of mono samples at one sampling rate.

`survey` decides how much sound a file holds, then libsndfile reads it if it can, otherwise ffmpeg. Files are read in
blocks, so memory use does not grow with their length. A file that cannot be used raises an `AudioError`.

Main path: `blocks` -> `_open` -> `survey.survey` -> `pieces` of `SoundFile`, `Media` or `Joined` ->
`samples.mono_at_rate`.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

import numpy as np

from speechgmm.audio.byte_source import Source
from speechgmm.audio.extent import Extent, Part
from speechgmm.audio.hearing import Heard, Listener
from speechgmm.audio.joined import Joined, Sound
from speechgmm.audio.media_process import MEDIA_SUFFIXES, check_installed, open_media
from speechgmm.audio.memory_file import AudioFile, MemoryFile, opened
from speechgmm.audio.samples import NO_END, Samples, check_channel, check_rate, mono_at_rate, sample_range
from speechgmm.audio.sound_file import SOUND_SUFFIXES, NotSoundError, open_sound_file
from speechgmm.audio.survey import MEDIA_KINDS, survey
from speechgmm.errors import AudioError

AUDIO_SUFFIXES = SOUND_SUFFIXES | MEDIA_SUFFIXES
"""Suffixes, in lower case, of the files in a folder that are recordings. Headerless formats such as ``.raw`` are
excluded, because their sampling rate and channel count are not known."""

_UNREACHED_S = 0.1  # an excerpt that ends so much after the recording is no mistake


def blocks(
    file: AudioFile,
    *,
    sampling_rate: int,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    block_s: float = 10.0,
    heard: Heard | None = None,
) -> Iterator[Samples]:
    """Read a recording, or an excerpt of one, block by block.

    Parameters
    ----------
    file : Path or MemoryFile
        Any file that soundfile can read (wav, flac, ogg, opus, mp3, aiff, au, caf ...) and, with the extra ``media``,
        the audio of m4a, mp4, webm, mkv ...; any rate in [`MIN_RATE`, `MAX_RATE`], sample width and channel count.
    sampling_rate : int > 0
        Of the result, in Hz.
    channel : int >= 1, optional
        The channel to take, counted from 1. If None, the mean of all channels.
    start, end : float
        The excerpt in seconds, half open. If `end` is None or past the end of the file, up to the end of the file.
    block_s : float > 0
        Seconds read at a time. The samples do not depend on it.
    heard : Heard, optional
        Is filled in while reading; the remarks, when the last block was read.

    Yields
    ------
    samples : np.ndarray, shape (n,), float32
        The next samples, n > 0, full scale at -1 and 1.

    Raises
    ------
    AudioError
        While iterating, if the file is missing, not audio, empty, truncated or damaged, if its rate is out of range, a
        sample is not finite, or the channel or the excerpt does not exist.
    """
    with _open(file, channel) as (sound, extent):
        check_channel(str(file), channel, sound.channels)
        rate = sound.samplerate
        first, stop = sample_range(str(file), start, end, rate)
        heard = Heard() if heard is None else heard
        if sound.n_samples != NO_END:
            heard.declared_s = sound.n_samples / rate
        listener = Listener(heard, rate=rate, channel=channel, n_before=sound.n_before)
        pieces = listener.passing(sound.pieces(first, stop, max(round(block_s * rate), 1)))
        column = None if channel is None else channel - sound.n_before
        yield from mono_at_rate(str(file), pieces, rate=rate, channel=column, first=first, sampling_rate=sampling_rate)
        reached = first + listener.n_frames
        heard.remarks += [*extent.remarks, *sound.remarks, *listener.remarks()]
        if end is not None and (stop - reached) / rate > _UNREACHED_S:
            heard.remarks.append(f"the excerpt ends at {reached / rate:.1f} s, with the recording")
        if reached < stop and not extent.tells_end:
            heard.remarks.append(f"heard {heard.seconds:.1f} s; this format cannot tell whether it is whole")


def read(
    file: AudioFile,
    *,
    sampling_rate: int,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    heard: Heard | None = None,
) -> Samples:
    """Read a short recording, or an excerpt of one, into one array.

    Parameters and errors as in `blocks`.

    Returns
    -------
    samples : np.ndarray, shape (n,), float32
        All blocks, concatenated.
    """
    parts = blocks(file, sampling_rate=sampling_rate, channel=channel, start=start, end=end, heard=heard)
    return np.concatenate([np.empty(0, np.float32), *parts])


def duration_s(file: AudioFile) -> float:
    """Duration of a recording in seconds, from its header; if the header declares none, the samples are counted.

    Raises
    ------
    AudioError
        If the file cannot be opened as audio.
    """
    with _open(file) as (sound, _):
        n_samples = sound.n_samples
        if n_samples == NO_END:
            n_samples = sum(map(len, sound.pieces(0, NO_END, sound.samplerate)))
        return n_samples / sound.samplerate


def channels(file: AudioFile) -> int:
    """Number of channels of a recording, of all its tracks.

    Raises
    ------
    AudioError
        If the file cannot be opened as audio.
    """
    with _open(file) as (sound, _):
        return sound.channels


def digest(file: AudioFile) -> str:
    """SHA-256 of the bytes of a file, in hexadecimal.

    Raises
    ------
    AudioError
        If the file cannot be read.
    """
    state = hashlib.sha256()
    with _open_bytes(file) as stream:
        while piece := stream.read(1 << 20):
            state.update(piece)
    return state.hexdigest()


def short_digest(hexadecimal: str) -> int:
    """First 64 bits of a digest as a number, enough to identify the files of one training set."""
    return int(hexadecimal[:16], 16)


@contextmanager
def _open_bytes(file: AudioFile) -> Iterator[BinaryIO]:
    try:
        if not isinstance(file, MemoryFile) and not stat.S_ISREG(mode := file.stat().st_mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise AudioError(f"{file}: it is {kind} and cannot be read as a recording")
        with opened(file) as stream:
            yield stream
    except FileNotFoundError as error:
        raise AudioError(f"{file}: there is no such file") from error
    except OSError as error:
        raise AudioError(f"{file}: it cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise AudioError(f"{str(file)!r}: it is not a valid file name ({error})") from error


@contextmanager
def _open(file: AudioFile, channel: int | None = None) -> Iterator[tuple[Sound, Extent]]:
    """Open a recording and check its rate and length before it is read."""
    extent = _extent(file)
    open_part = functools.partial(_open_part, file, extent, channel)
    with ExitStack() as stack:
        is_joined = len(extent.parts) > 1
        sound: Sound = (
            Joined(file, extent.parts, open_part) if is_joined else stack.enter_context(open_part(extent.parts[0]))
        )
        check_rate(str(file), sound.samplerate)
        if sound.n_samples == 0:
            raise AudioError(f"{file}: it holds no samples")
        yield sound, extent


def _extent(file: AudioFile) -> Extent:
    with _open_bytes(file) as stream:
        size = stream.seek(0, os.SEEK_END)
        if size == 0:
            raise AudioError(f"{file}: it is empty (0 bytes)")
        return survey(file, Source(stream, size))


@contextmanager
def _open_part(file: AudioFile, extent: Extent, channel: int | None, part: Part) -> Iterator[Sound]:
    """Open a part with libsndfile, or, if it is a media file, with ffmpeg."""
    with ExitStack() as stack:
        if part.kind in MEDIA_KINDS:
            yield open_media(file, part, channel, stack)
            return
        try:
            sound_file = open_sound_file(file, part, size=extent.size, stack=stack)
        except NotSoundError as error:
            if file.suffix.lower() not in MEDIA_SUFFIXES:
                raise AudioError(f"{file}: it is not audio that can be read ({error})") from error
            check_installed(file)
            raise AudioError(
                f"{file}: it is not audio or video that can be read "
                f"(its format is not recognised, or its beginning or end is missing)"
            ) from error
        yield sound_file

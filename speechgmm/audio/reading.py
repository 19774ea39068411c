"""Read audio files as blocks of mono samples at one sampling rate.

soundfile reads a file if it can, otherwise `ffmpeg`. Files are read in blocks, so memory use does not grow with their
length. A file that cannot be used raises an `AudioError`.

`truncation` and `ffmpeg` list the truncations that are not detected. For MP3 without a Xing header, the decoder
estimates the length: up to 2 % may be missing undetected, and a file with a variable bit rate may be read in part.

Main path: `blocks` -> `_open` -> `pieces` of `_SoundFile` or `Media` -> `samples.mono_at_rate`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgmm.audio.ffmpeg import MEDIA_SUFFIXES, Media, open_media
from speechgmm.audio.samples import NO_END, Samples, check_channel, check_rate, mono_at_rate, sample_range
from speechgmm.audio.truncation import PatchedWav, declared_length
from speechgmm.errors import AudioError

AUDIO_SUFFIXES = frozenset(
    {f".{name.lower()}" for name in soundfile.available_formats() if name != "RAW"}
    | {".aif", ".aifc", ".oga", ".opus", ".snd", ".sph", ".wave"}
    | MEDIA_SUFFIXES
)
"""Suffixes, in lower case, of the files in a folder that are recordings. Headerless formats such as ``.raw`` are
excluded, because their sampling rate and channel count are not known."""

_MP3_TOLERANCE = 0.02
_HEADERLESS = "it has no header with its sampling rate and channel count"
_REASONS = {
    1: "its format is not recognised",
    3: "it is damaged",
    4: "its encoding is not supported",
    7: "no audio was found in it",
}


def blocks(
    file: Path,
    *,
    sampling_rate: int,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    block_s: float = 10.0,
) -> Iterator[Samples]:
    """Read a recording, or an excerpt of one, block by block.

    Parameters
    ----------
    file : Path
        Any file that soundfile can read (wav, flac, ogg, opus, mp3, aiff, au, caf ...) and, with the extra ``ffmpeg``,
        the audio of m4a, mp4, webm, mkv ...; any rate in [`MIN_RATE`, `MAX_RATE`], sample width and channel count.
    sampling_rate : int > 0
        Of the result, in Hz.
    channel : int >= 1, optional
        The channel to take, counted from 1. If None, the mean of all channels.
    start, end : float
        The excerpt in seconds, half open. If `end` is None or past the end of the file, up to the end of the file.
    block_s : float > 0
        Seconds read at a time. The samples do not depend on it.

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
    with _open(file) as audio:
        check_channel(str(file), channel, audio.channels)
        rate = audio.samplerate
        first, stop = sample_range(str(file), start, end, rate)
        pieces = audio.pieces(first, stop, max(round(block_s * rate), 1))
        yield from mono_at_rate(str(file), pieces, rate=rate, channel=channel, first=first, sampling_rate=sampling_rate)


def read(
    file: Path, *, sampling_rate: int, channel: int | None = None, start: float = 0.0, end: float | None = None
) -> Samples:
    """Read a short recording, or an excerpt of one, into one array.

    Parameters and errors as in `blocks`.

    Returns
    -------
    samples : np.ndarray, shape (n,), float32
        All blocks, concatenated.
    """
    parts = blocks(file, sampling_rate=sampling_rate, channel=channel, start=start, end=end)
    return np.concatenate([np.empty(0, np.float32), *parts])


def duration_s(file: Path) -> float:
    """Duration of a recording in seconds, from its header; if the header declares none, the samples are counted.

    Raises
    ------
    AudioError
        If the file cannot be opened as audio.
    """
    with _open(file) as audio:
        rate = audio.samplerate
        frames = audio.frames
        if frames == NO_END:
            frames = sum(map(len, audio.pieces(0, NO_END, rate)))
        return float(frames / rate)


def channels(file: Path) -> int:
    """Number of channels of a recording. Only the beginning of the file is read.

    Raises
    ------
    AudioError
        If the file cannot be opened as audio.
    """
    with _open(file) as audio:
        return int(audio.channels)


def digest(file: Path) -> str:
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


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types, its class counts as Any
    """A sound file that is read sequentially, without a seek between blocks.

    soundfile seeks to the current position after each read. A seek restarts the MP3 decoder, so that the blocks do not
    join, and it fails at the end of a FLAC file that declares no length.
    """

    def __init__(self, file: Path, source: str | bytes | PatchedWav) -> None:
        super().__init__(source)
        self.path = file

    def seekable(self) -> bool:
        return False

    def pieces(self, first: int, stop: int, block: int) -> Iterator[NDArray[np.float32]]:
        """Read samples [first, stop) as arrays (n, channels), n <= `block`; raise an AudioError if one is missing."""
        if first >= self.frames:
            length = self.frames / self.samplerate
            raise AudioError(f"{self.path}: the start at {first / self.samplerate} s is past its end at {length:.3f} s")
        stop = min(stop, self.frames)
        offset = 0
        try:
            if first > 0 and self._seek_is_exact():
                offset = self.seek(first)
            while offset < stop:
                count = min(block, (first if offset < first else stop) - offset)
                frames = self.read(count, dtype="float32", always_2d=True)
                if len(frames) == 0:
                    break
                if offset >= first:
                    yield frames
                offset += len(frames)
        except soundfile.LibsndfileError as error:
            place = f"{offset / self.samplerate:.3f} s"
            raise AudioError(
                f"{self.path}: it is cut short or damaged somewhere after {place} ({_reason(error)})"
            ) from error
        self._check_end(stop, offset)

    def _seek_is_exact(self) -> bool:
        """Whether a seek reaches the exact sample; in an MP3 file with a variable bit rate it does not."""
        return bool(super().seekable()) and self.format != "MP3"

    def _check_end(self, stop: int, reached: int) -> None:
        """Raise an AudioError if reading, which ended before sample `reached`, did not reach the declared end."""
        expected = reached if self.frames == NO_END else stop
        tolerance = _MP3_TOLERANCE * self.frames if self.format == "MP3" else 0
        if expected - reached > tolerance:
            raise AudioError(
                f"{self.path}: it is cut short, its header declares {self.frames:,} samples, "
                f"reading ended after {reached:,}"
            )


@contextmanager
def _open_bytes(file: Path) -> Iterator[BinaryIO]:
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise AudioError(f"{file}: it is {kind} and cannot be read as a recording")
        with file.open("rb") as stream:
            yield stream
    except FileNotFoundError as error:
        raise AudioError(f"{file}: there is no such file") from error
    except OSError as error:
        raise AudioError(f"{file}: it cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise AudioError(f"{str(file)!r}: it is not a valid file name ({error})") from error


@contextmanager
def _open(file: Path) -> Iterator[_SoundFile | Media]:
    """Open a recording and check its rate and length before it is read."""
    with ExitStack() as stack:
        audio = _open_decoder(file, stack)
        check_rate(str(file), audio.samplerate)
        if audio.frames == 0:
            raise AudioError(f"{file}: it holds no samples")
        yield audio


def _open_decoder(file: Path, stack: ExitStack) -> _SoundFile | Media:
    """Open a file with soundfile, otherwise with `ffmpeg`; if both fail, the error gives soundfile's reason."""
    source = _checked_source(file, stack)
    try:
        sound_file: _SoundFile = stack.enter_context(_SoundFile(file, source))
        if sound_file.format != "RAW":  # libsndfile's guess from a suffix such as .au or .vox, whatever the contents
            return sound_file
        reason = _HEADERLESS
    except soundfile.LibsndfileError as error:
        reason = _reason(error)
    except TypeError:  # soundfile requires a sampling rate if the suffix is .raw
        reason = _HEADERLESS
    media = open_media(file, stack.enter_context(_open_bytes(file)), stack)
    if media is None:
        raise AudioError(f"{file}: it is not audio that can be read ({reason})")
    return media


def _checked_source(file: Path, stack: ExitStack) -> str | bytes | PatchedWav:
    """Check that a file exists and is not truncated; return what soundfile is to open."""
    with _open_bytes(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size == 0:
            raise AudioError(f"{file}: it is empty (0 bytes)")
        declared = declared_length(stream, size)
    if declared.missing:
        raise AudioError(
            f"{file}: it is cut short, its header declares {declared.missing:,} bytes more than the {size:,} it has"
        )
    # Bytes, so that names that are not valid UTF-8 work too. Windows has no such names.
    name = os.fsencode(file) if os.name == "posix" else str(file)
    if declared.unset_at is None:
        return name
    return stack.enter_context(PatchedWav(name, declared.unset_at))


def _reason(error: soundfile.LibsndfileError) -> str:
    return _REASONS.get(error.code, str(error.error_string).strip().rstrip(".").removeprefix("Error : "))

"""Audio files as mono samples at one sampling rate, block by block.

soundfile reads a file if it can, `media` if it cannot. Files are read in blocks, so memory does not grow with a file's
length. Whatever keeps a file from being used is an `AudioError` of one sentence.

What cannot be found out is said in `container` and `media`, and two things of MP3: without a Xing header the length is
an estimate of the decoder, so up to 2 % may be missing unnoticed, and a variable-bit-rate file without it may be read
in part.

The main path starts at `blocks`; `samples` makes the pieces that are read here what `blocks` gives.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgmm.audio.containers import PatchedWav, declared_length
from speechgmm.audio.media import MEDIA_SUFFIXES, Media, open_media
from speechgmm.audio.samples import NO_END, Samples, check_channel, check_rate, mono_at_rate, stretch
from speechgmm.errors import AudioError

AUDIO_SUFFIXES = frozenset(
    {f".{name.lower()}" for name in soundfile.available_formats() if name != "RAW"}
    | {".aif", ".aifc", ".oga", ".opus", ".snd", ".sph", ".wave"}
    | MEDIA_SUFFIXES
)
"""The ends of file names, in lower case, by which a folder's recordings are known. Files without a header that says
rate and channels (``.raw`` and the like) are not among them."""

_MP3_TOLERANCE = 0.02
_HEADERLESS = "it has no header that says its sampling rate and channels"
_REASONS = {
    1: "its format is not recognised",
    3: "it is damaged",
    4: "its encoding is not supported",
    7: "no sound is found in it",
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
    """Read a recording, or a stretch of one, block by block.

    Parameters
    ----------
    file : Path
        Any file soundfile can read (wav, flac, ogg, opus, mp3, aiff, au, caf ...) and, with the extra ``media``, the
        sound of m4a, mp4, webm, mkv ...; of any rate in [`MIN_RATE`, `MAX_RATE`], sample width and channel count.
    sampling_rate : int > 0
        Of the samples wanted, in Hz.
    channel : int >= 1, optional
        The channel to take, counted from 1. If None, the mean of all channels.
    start, end : float
        The stretch wanted in seconds, half open. An `end` of None or past the end of the file is the end of the file.
    block_s : float > 0
        Seconds read at a time. The samples do not depend on it.

    Yields
    ------
    samples : np.ndarray, shape (n,), float32
        The next samples, n > 0, full scale at -1 and 1.

    Raises
    ------
    AudioError
        While iterating, if the file is missing, not audio, empty, cut short or damaged, if its rate is out of range or
        a sample is not finite, or if there is no such channel or stretch.
    """
    with _opened(file) as sound:
        check_channel(str(file), channel, sound.channels)
        rate = sound.samplerate
        first, stop = stretch(str(file), start, end, rate)
        pieces = sound.pieces(first, stop, max(round(block_s * rate), 1))
        yield from mono_at_rate(str(file), pieces, rate=rate, channel=channel, first=first, sampling_rate=sampling_rate)


def read(
    file: Path, *, sampling_rate: int, channel: int | None = None, start: float = 0.0, end: float | None = None
) -> Samples:
    """Read a short recording, or a stretch of one, at once.

    Parameters and errors are those of `blocks`.

    Returns
    -------
    samples : np.ndarray, shape (n,), float32
        All the blocks, joined.
    """
    parts = blocks(file, sampling_rate=sampling_rate, channel=channel, start=start, end=end)
    return np.concatenate([np.empty(0, np.float32), *parts])


def duration_s(file: Path) -> float:
    """Length of a recording in seconds, as its header has it, or counted where the header does not say.

    Raises
    ------
    AudioError
        If the file cannot be opened as audio.
    """
    with _opened(file) as sound:
        rate = sound.samplerate
        frames = sound.frames
        if frames == NO_END:
            frames = sum(map(len, sound.pieces(0, NO_END, rate)))
        return float(frames / rate)


def channels(file: Path) -> int:
    """Count the channels of a recording, without reading more than its beginning.

    Raises
    ------
    AudioError
        If the file cannot be opened as audio.
    """
    with _opened(file) as sound:
        return int(sound.channels)


def digest(file: Path) -> str:
    """SHA-256 of the bytes of a file, in hexadecimal: it tells the contents from those of other files.

    Raises
    ------
    AudioError
        If the file cannot be read.
    """
    state = hashlib.sha256()
    with _bytes_of(file) as stream:
        while piece := stream.read(1 << 20):
            state.update(piece)
    return state.hexdigest()


def short_digest(hexadecimal: str) -> int:
    """The first 64 bits of a digest as a number: enough to tell the files of one training from others."""
    return int(hexadecimal[:16], 16)


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types, its class counts as Any
    """A sound file that is read from one block to the next with no seek in between.

    After each read soundfile seeks to the place where the file already is. An MP3 decoder then starts anew and the
    blocks do not join; a FLAC file that does not know its own length fails at its end.
    """

    def __init__(self, file: Path, source: str | bytes | PatchedWav) -> None:
        super().__init__(source)
        self.path = file

    def seekable(self) -> bool:
        return False

    def pieces(self, first: int, stop: int, block: int) -> Iterator[NDArray[np.float32]]:
        """Samples [first, stop) in pieces of shape (n, channels), n <= block; all of them, or an AudioError."""
        if first >= self.frames:
            length = self.frames / self.samplerate
            raise AudioError(f"{self.path}: the start at {first / self.samplerate} s is past its end at {length:.3f} s")
        stop = min(stop, self.frames)
        at = 0
        try:
            if first > 0 and self._skips_exactly():
                at = self.seek(first)
            while at < stop:
                frames = self.read(min(block, (first if at < first else stop) - at), dtype="float32", always_2d=True)
                if len(frames) == 0:
                    break
                if at >= first:
                    yield frames
                at += len(frames)
        except soundfile.LibsndfileError as error:
            place = f"{at / self.samplerate:.3f} s"
            raise AudioError(
                f"{self.path}: it is cut short or damaged somewhere after {place} ({_reason(error)})"
            ) from error
        self._check_end(stop, at)

    def _skips_exactly(self) -> bool:
        """Whether a seek lands on the very sample: in an MP3 file with a variable bit rate it does not."""
        return bool(super().seekable()) and self.format != "MP3"

    def _check_end(self, stop: int, at: int) -> None:
        """Whether reading, which stopped before sample `at`, came as far as the header had announced."""
        announced = at if self.frames == NO_END else stop
        tolerated = _MP3_TOLERANCE * self.frames if self.format == "MP3" else 0
        if announced - at > tolerated:
            raise AudioError(
                f"{self.path}: it is cut short, its header announces {self.frames:,} samples, "
                f"reading ended after {at:,}"
            )


@contextmanager
def _bytes_of(file: Path) -> Iterator[BinaryIO]:
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise AudioError(f"{file}: it is {kind}, which cannot be read as a recording")
        with file.open("rb") as stream:
            yield stream
    except FileNotFoundError as error:
        raise AudioError(f"{file}: there is no such file") from error
    except OSError as error:
        raise AudioError(f"{file}: it cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise AudioError(f"{str(file)!r}: this cannot be the name of a file ({error})") from error


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """Open a `_SoundFile` or `Media` and refuse what can be refused before reading it."""
    with ExitStack() as stack:
        sound = _sound_file(file, stack)
        check_rate(str(file), sound.samplerate)
        if sound.frames == 0:
            raise AudioError(f"{file}: it holds no samples")
        yield sound


def _sound_file(file: Path, stack: ExitStack) -> _SoundFile | Media:
    """What soundfile reads, else what `media` reads; if neither, soundfile's reason counts."""
    source = _source(file, stack)
    try:
        sound: _SoundFile = stack.enter_context(_SoundFile(file, source))
        if sound.format != "RAW":  # the library's guess from a name like .au or .vox, whatever the contents are
            return sound
        reason = _HEADERLESS
    except soundfile.LibsndfileError as error:
        reason = _reason(error)
    except TypeError:  # soundfile asks for the rate if the name ends in .raw
        reason = _HEADERLESS
    media = open_media(file, stack.enter_context(_bytes_of(file)), stack)
    if media is None:
        raise AudioError(f"{file}: it is not audio that can be read ({reason})")
    return media


def _source(file: Path, stack: ExitStack) -> str | bytes | PatchedWav:
    """What to hand to the library, once the file is found to be there and as long as it says."""
    with _bytes_of(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size == 0:
            raise AudioError(f"{file}: it is empty (0 bytes)")
        promised = declared_length(stream, size)
    if promised.missing:
        raise AudioError(
            f"{file}: it is cut short, its header announces {promised.missing:,} bytes more than the {size:,} it has"
        )
    # Bytes, so that names that are not valid UTF-8 work too; Windows has no such names.
    name = os.fsencode(file) if os.name == "posix" else str(file)
    if promised.unset_at is None:
        return name
    return stack.enter_context(PatchedWav(name, promised.unset_at))


def _reason(error: soundfile.LibsndfileError) -> str:
    return _REASONS.get(error.code, str(error.error_string).strip().rstrip(".").removeprefix("Error : "))

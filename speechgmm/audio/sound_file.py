"""Files that libsndfile reads. Only this module, of those that read files, uses soundfile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechgmm.audio.byte_source import Window
from speechgmm.audio.extent import Part
from speechgmm.audio.memory_file import AudioFile, MemoryFile
from speechgmm.audio.samples import NO_END
from speechgmm.errors import AudioError

SOUND_SUFFIXES = frozenset(
    {f".{name.lower()}" for name in soundfile.available_formats() if name != "RAW"}
    | {".aif", ".aifc", ".oga", ".opus", ".snd", ".sph", ".wave"}
)
"""Suffixes, in lower case, of files that libsndfile may read."""

_MPEG_TOLERANCE = 4 * 1152  # samples: a decoder leaves out the first frames if they need data from before
_HEADERLESS = "it has no header with its sampling rate and channel count"
_REASONS = {
    1: "its format is not recognised",
    3: "it is damaged",
    4: "its encoding is not supported",
    7: "no audio was found in it",
}


class NotSoundError(Exception):
    """libsndfile cannot read a file. The message says why."""


def open_sound_file(file: AudioFile, part: Part, *, size: int, stack: ExitStack) -> SoundFile:
    """Open a part of a file.

    Parameters
    ----------
    file : Path or MemoryFile
    part : Part
    size : int
        Length of the file in bytes.
    stack : ExitStack
        Closes the file.

    Returns
    -------
    SoundFile

    Raises
    ------
    NotSoundError
        If libsndfile cannot read it.
    """
    source: str | bytes | Window
    is_whole = (part.begin, part.end) == (0, size) and not part.head and not part.estimated
    if is_whole and not isinstance(file, MemoryFile):
        # Bytes, so that names that are not valid UTF-8 work too. Windows has no such names.
        source = os.fsencode(file) if os.name == "posix" else str(file)
    else:
        window = Window(file, part.begin, part.end, head=part.head, inflated=part.estimated)
        source = stack.enter_context(window)
    try:
        sound_file = SoundFile(file, source, part)
    except soundfile.LibsndfileError as error:
        raise NotSoundError(_reason(error)) from error
    except TypeError as error:  # soundfile requires a sampling rate if the suffix is .raw
        raise NotSoundError(_HEADERLESS) from error
    stack.enter_context(sound_file)
    if sound_file.format == "RAW":  # libsndfile guesses it from a suffix such as .au or .vox
        raise NotSoundError(_HEADERLESS)
    if sound_file.format == "MP3" and part.n_samples is None:
        raise NotSoundError("its frames have no declared length, which is not supported")
    return sound_file


class SoundFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types, its class counts as Any
    """A sound file that is read sequentially, without a seek between blocks.

    soundfile seeks to the current position after each read. A seek restarts the MP3 decoder, so that the blocks do not
    join, and it fails at the end of a FLAC file that declares no length.

    Attributes
    ----------
    n_samples : int
        Samples per channel; `NO_END` if the file does not declare them and they were not counted.
    n_before : int
        0: there is one track.
    remarks : tuple of str
        Empty: the extent has them.
    """

    n_before = 0
    remarks: tuple[str, ...] = ()

    def __init__(self, file: AudioFile, source: str | bytes | Window, part: Part) -> None:
        super().__init__(source)
        self.path = file
        self._window = source if isinstance(source, Window) else None
        counted = NO_END if part.n_samples is None else part.n_samples
        self.n_samples: int = min(self.frames, counted)

    def seekable(self) -> bool:
        """False: see above."""
        return False

    def pieces(self, first: int, stop: int, block: int) -> Iterator[NDArray[np.float32]]:
        """Read samples [first, stop) as arrays (n, channels), n <= `block`; raise an AudioError if one is missing."""
        if first >= self.n_samples:
            length = self.n_samples / self.samplerate
            raise AudioError(f"{self.path}: the start at {first / self.samplerate} s is past its end at {length:.3f} s")
        stop = min(stop, self.n_samples)
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
        if self._window is not None and self._window.error is not None:
            raise AudioError(f"{self.path}: it cannot be read ({self._window.error.strerror})")
        expected = reached if self.n_samples == NO_END else stop
        if expected - reached > (_MPEG_TOLERANCE if self.format == "MP3" else 0):
            raise AudioError(
                f"{self.path}: it is cut short or damaged, it declares {self.n_samples:,} samples, "
                f"reading ended after {reached:,}"
            )


def _reason(error: soundfile.LibsndfileError) -> str:
    return _REASONS.get(error.code, str(error.error_string).strip().rstrip(".").removeprefix("Error : "))

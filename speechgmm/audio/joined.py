"""Files that were joined, read one after the other as one recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from speechgmm.audio.extent import Part
from speechgmm.audio.memory_file import AudioFile
from speechgmm.audio.samples import NO_END, Frames, select_range
from speechgmm.errors import AudioError


class Sound(Protocol):
    """A recording that is open. It can be read once.

    Attributes
    ----------
    samplerate : int
        In Hz.
    channels : int
        Of all tracks.
    n_before : int
        Channels of the tracks before the one that is read.
    n_samples : int
        Samples per channel; `NO_END` if it is not known.
    remarks : tuple of str
        What is odd about it, apart from the remarks of the extent; complete when all was read.
    """

    samplerate: int
    channels: int
    n_before: int
    n_samples: int
    remarks: tuple[str, ...]

    def pieces(self, first: int, stop: int, block: int) -> Iterator[Frames]:
        """Read samples [first, stop) as arrays (n, channels); raise an AudioError if one is missing."""


class Joined:
    """The parts of a file as one recording; attributes as in `Sound`.

    Parameters
    ----------
    file : Path or MemoryFile
        For error messages.
    parts : sequence of Part
    open_part : callable
        Opens a part.

    Raises
    ------
    AudioError
        If a part cannot be read, or has another sampling rate or another number of channels.
    """

    def __init__(
        self, file: AudioFile, parts: Sequence[Part], open_part: Callable[[Part], AbstractContextManager[Sound]]
    ) -> None:
        self._file, self._open_part = file, open_part
        self._parts: list[Part] = []
        self.remarks: tuple[str, ...] = ()
        self.n_samples = 0
        for number, part in enumerate(parts):
            with open_part(part) as sound:
                if number == 0:
                    self.samplerate, self.channels, self.n_before = sound.samplerate, sound.channels, sound.n_before
                self._check_form(sound)
                self.n_samples = min(self.n_samples + sound.n_samples, NO_END)
                if sound.n_samples:
                    self._parts.append(part)

    def pieces(self, first: int, stop: int, block: int) -> Iterator[Frames]:
        """Read samples [first, stop); the parts before them are read too, because their lengths may be estimates."""
        return select_range(self._all_pieces(block), 0, first, stop)

    def _all_pieces(self, block: int) -> Iterator[Frames]:
        for part in self._parts:
            with self._open_part(part) as sound:
                yield from sound.pieces(0, NO_END, block)
                self.remarks += sound.remarks

    def _check_form(self, sound: Sound) -> None:
        if (sound.samplerate, sound.channels) != (self.samplerate, self.channels):
            raise AudioError(
                f"{self._file}: several files are joined in it, after {self.n_samples / self.samplerate:.3f} s its "
                f"audio changes to {sound.samplerate:,} Hz and {sound.channels} channels, expected "
                f"{self.samplerate:,} Hz and {self.channels} as before: split it"
            )

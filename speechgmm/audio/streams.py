"""Sound that arrives through a pipe, WAV or raw samples, as mono samples at one sampling rate.

Nothing is sought, and what has arrived is handed on at once: a live stream is not held back. A stream that stalls is
waited for, one that is closed has ended. Whatever keeps it from being used is an `AudioError` of one sentence.

The main path starts at `blocks`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import soundfile

from speechgmm.audio.containers import SMALLEST_PLACEHOLDER
from speechgmm.audio.samples import (
    MAX_RATE,
    MIN_RATE,
    Frames,
    Samples,
    check_channel,
    check_rate,
    cut,
    mono_at_rate,
    stretch,
)
from speechgmm.errors import AudioError, OptionError

MAX_CHANNELS = 1024
"""The most channels that the library decodes."""

_PIECE = 1 << 16
_LONGEST_FORMAT = 1 << 12


class _Encoding(NamedTuple):
    subtype: str  # in soundfile's words, as is `endian`
    endian: str
    size: int  # bytes per sample


_ENCODINGS = {
    "u8": _Encoding("PCM_U8", "FILE", 1),
    "s8": _Encoding("PCM_S8", "FILE", 1),
    "s16le": _Encoding("PCM_16", "LITTLE", 2),
    "s16be": _Encoding("PCM_16", "BIG", 2),
    "s24le": _Encoding("PCM_24", "LITTLE", 3),
    "s24be": _Encoding("PCM_24", "BIG", 3),
    "s32le": _Encoding("PCM_32", "LITTLE", 4),
    "s32be": _Encoding("PCM_32", "BIG", 4),
    "f32le": _Encoding("FLOAT", "LITTLE", 4),
    "f32be": _Encoding("FLOAT", "BIG", 4),
    "f64le": _Encoding("DOUBLE", "LITTLE", 8),
    "f64be": _Encoding("DOUBLE", "BIG", 8),
    "mulaw": _Encoding("ULAW", "FILE", 1),
    "alaw": _Encoding("ALAW", "FILE", 1),
}
ENCODINGS = tuple(_ENCODINGS)
"""Names of the encodings of raw samples, as ffmpeg calls them."""

# WAV format tag and bytes per sample. Samples of fewer bits than their bytes hold stand at the upper end.
_WAV_ENCODINGS = {
    (1, 1): "u8",
    (1, 2): "s16le",
    (1, 3): "s24le",
    (1, 4): "s32le",
    (3, 4): "f32le",
    (3, 8): "f64le",
    (6, 1): "alaw",
    (7, 1): "mulaw",
}
_EXTENSIBLE = 0xFFFE  # the tag stands further down


@dataclass(frozen=True, kw_only=True)
class RawForm:
    """What has to be said of samples that have no header.

    Attributes
    ----------
    encoding : str
        One of `ENCODINGS`.
    rate : int
        In Hz, in [`MIN_RATE`, `MAX_RATE`].
    channels : int
        In [1, `MAX_CHANNELS`], interleaved.
    """

    encoding: str
    rate: int
    channels: int = 1

    def __post_init__(self) -> None:
        if self.encoding not in _ENCODINGS:
            raise OptionError(f"encoding is '{self.encoding}'; expected one of {', '.join(ENCODINGS)}")
        if not MIN_RATE <= self.rate <= MAX_RATE:
            raise OptionError(f"rate is {self.rate:,} Hz; expected {MIN_RATE:,} to {MAX_RATE:,} Hz")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise OptionError(f"channels is {self.channels}; expected 1 to {MAX_CHANNELS}")

    @property
    def frame_size(self) -> int:
        """Bytes of one sample of all channels."""
        return _ENCODINGS[self.encoding].size * self.channels


def blocks(
    stream: BinaryIO,
    *,
    sampling_rate: int,
    raw: RawForm | None = None,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    name: str = "standard input",
) -> Iterator[Samples]:
    """Read a stream, or a stretch of it, as it arrives.

    Parameters
    ----------
    stream : binary file
        Need not be seekable, such as ``sys.stdin.buffer``; read no further than needed.
    sampling_rate : int > 0
        Of the samples wanted, in Hz.
    raw : RawForm, optional
        What the samples are. If None, the stream is a WAV file: integers of 8 to 32 bits, floating-point numbers,
        A-law or mu-law, of a length that its header may leave open.
    channel : int >= 1, optional
        The channel to take, counted from 1. If None, the mean of all channels.
    start, end : float
        The stretch wanted in seconds, half open. An `end` of None or past the end of the stream is its end.
    name : str
        What errors call the stream.

    Yields
    ------
    samples : np.ndarray, shape (n,), float32
        The next samples, n > 0, full scale at -1 and 1.

    Raises
    ------
    AudioError
        While iterating, if the stream is empty, no WAV file of these kinds, or ends within its header, before the
        length announced there, or in the middle of a frame (all whole frames are yielded before); if its rate is out
        of range or a sample is not finite, or if there is no such channel or stretch.
    """
    source = _Source(stream, name)
    form, size = (raw, None) if raw is not None else _wav_form(source)
    check_channel(name, channel, form.channels)
    first, stop = stretch(name, start, end, form.rate)
    pieces = cut(_pieces(source, form, size), 0, first, stop)
    yield from mono_at_rate(name, pieces, rate=form.rate, channel=channel, first=first, sampling_rate=sampling_rate)


class _Source:
    """Bytes of a stream one after the other, with its faults as AudioErrors."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        # A buffered reader's `read` would wait until it has all the bytes, its `read1` gives those that are there.
        self._read = getattr(stream, "read1", stream.read)
        self.taken = 0

    def some(self, most: int) -> bytes:
        """The next bytes that arrive, at most so many; none at the end."""
        try:
            piece: bytes = self._read(min(most, _PIECE))
        except OSError as error:
            raise AudioError(f"{self.name}: it cannot be read ({error.strerror})") from error
        if not piece and not self.taken:
            raise AudioError(f"{self.name}: it is empty (0 bytes)")
        self.taken += len(piece)
        return piece

    def header(self, count: int) -> bytes:
        """The next bytes of a header, all of them."""
        content = b""
        while len(content) < count:
            if not (piece := self.some(count - len(content))):
                raise AudioError(f"{self.name}: it ends within its WAV header")
            content += piece
        return content


def _pieces(source: _Source, form: RawForm, size: int | None) -> Iterator[Frames]:
    """Decode whole frames as they arrive, up to `size` bytes or, if it is None, to the end."""
    frame_size, held, taken = form.frame_size, b"", 0
    while size is None or taken < size:
        if not (piece := source.some(_PIECE if size is None else size - taken)):
            _check_end(source.name, form, size, taken)
            return
        taken += len(piece)
        held += piece
        if whole := len(held) - len(held) % frame_size:
            yield _decode(held[:whole], form)
            held = held[whole:]


def _decode(content: bytes, form: RawForm) -> Frames:
    subtype, endian, _ = _ENCODINGS[form.encoding]
    frames: Frames
    frames, _ = soundfile.read(
        io.BytesIO(content),
        dtype="float32",
        always_2d=True,
        samplerate=form.rate,
        channels=form.channels,
        format="RAW",
        subtype=subtype,
        endian=endian,
    )
    return frames


def _check_end(name: str, form: RawForm, size: int | None, taken: int) -> None:
    """Refuse an end after `taken` bytes that is none."""
    if size is not None:
        raise AudioError(
            f"{name}: it is cut short, its header announces {size:,} bytes of sound, it ends after {taken:,}"
        )
    if taken % form.frame_size:
        raise AudioError(
            f"{name}: it ends in the middle of a frame, after {taken:,} bytes of {form.encoding} with {form.channels} "
            f"channels, {form.frame_size} bytes a frame: is --raw/--rate/--channels right?"
        )


def _wav_form(source: _Source) -> tuple[RawForm, int | None]:
    """Read a WAV header up to the sound: what it is and how many bytes of it there are, None where that is open."""
    magic = source.header(4)
    whole, kind = struct.unpack("<I4s", source.header(8)) if magic in (b"RIFF", b"RF64") else (0, b"")
    if kind != b"WAVE":
        raise AudioError(
            f"{source.name}: it does not begin like a WAV file; make it one, or say what samples it holds "
            f"(--raw, --rate, --channels)"
        )
    form = None
    long_size = 0
    while True:
        identifier, size = struct.unpack("<4sI", source.header(8))
        if identifier == b"data":
            break
        content = _chunk(source, size + size % 2)
        if identifier == b"fmt ":
            form = _described_form(source.name, content)
        elif identifier == b"ds64" and len(content) >= 16:
            long_size = struct.unpack_from("<Q", content, 8)[0]
    if form is None:
        raise AudioError(f"{source.name}: its WAV header does not say what its samples are")
    if size == 0xFFFFFFFF:
        size = long_size
    # Where the size of the whole stream was set and goes past this chunk, the chunk is empty in earnest.
    finished_empty = size == 0 and source.taken < whole + 8 < SMALLEST_PLACEHOLDER
    is_open = size == 0 or (size >= SMALLEST_PLACEHOLDER and not long_size)
    return form, size - size % form.frame_size if finished_empty or not is_open else None


def _chunk(source: _Source, size: int) -> bytes:
    """Read a chunk of a header and keep its beginning."""
    content = source.header(min(size, _LONGEST_FORMAT))
    left = size - len(content)
    while left:
        left -= len(source.header(min(left, _PIECE)))
    return content


def _described_form(name: str, content: bytes) -> RawForm:
    """What the chunk "fmt " of a WAV header describes."""
    if len(content) < 16:
        raise AudioError(f"{name}: its WAV header is damaged, the chunk 'fmt ' has {len(content)} bytes, expected 16")
    tag, channels, rate, _, frame_size, bits = struct.unpack_from("<HHIIHH", content)
    if tag == _EXTENSIBLE and len(content) >= 26:
        tag = struct.unpack_from("<H", content, 24)[0]
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(f"{name}: it has {channels} channels, expected 1 to {MAX_CHANNELS}")
    check_rate(name, rate)
    encoding = _WAV_ENCODINGS.get((tag, frame_size // channels))
    if encoding is None or frame_size % channels:
        raise AudioError(
            f"{name}: its encoding is not supported (WAV format {tag} with {bits} bits), "
            f"expected integers of 8 to 32 bits, floating-point numbers, A-law or mu-law"
        )
    return RawForm(encoding=encoding, rate=rate, channels=channels)

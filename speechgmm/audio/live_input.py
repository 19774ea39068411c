"""Read WAV or raw samples from a pipe as blocks of mono samples at one sampling rate.

The stream is not seeked and each block is given as soon as its bytes arrive, so a live stream has no added delay. A
stalled stream is waited for; a closed one has ended. A stream that cannot be used raises an `AudioError`.

Main path: `blocks` -> `_wav_form` (header) -> `_pieces` (decoding) -> `samples.mono_at_rate`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import soundfile

from speechgmm.argument_checks import conform_fields
from speechgmm.audio.chunks import CHUNKS_AFTER, is_placeholder
from speechgmm.audio.hearing import Heard, Listener
from speechgmm.audio.samples import (
    MAX_RATE,
    MIN_RATE,
    Frames,
    Samples,
    check_channel,
    check_rate,
    mono_at_rate,
    sample_range,
    select_range,
)
from speechgmm.errors import AudioError, OptionError

MAX_CHANNELS = 1024
"""Maximum number of channels that libsndfile decodes."""

_PIECE = 1 << 16  # bytes read at a time
_LONGEST_FORMAT = 1 << 12  # bytes kept of a header chunk


class _Encoding(NamedTuple):
    subtype: str  # soundfile's name, as is `endian`
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
"""Encodings of raw samples, by ffmpeg's names."""

# By WAV format tag and bytes per sample. Samples with fewer bits are left-justified in their bytes.
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
_WAV_MAGICS = (b"RIFF", b"RF64", b"BW64")
_EXTENSIBLE = 0xFFFE  # the tag is in the extension of the chunk


@dataclass(frozen=True, kw_only=True)
class RawForm:
    """Format of raw samples, which have no header.

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
        conform_fields(self)
        if self.encoding not in _ENCODINGS:
            raise OptionError(f"encoding is '{self.encoding}'; expected one of {', '.join(ENCODINGS)}")
        if not MIN_RATE <= self.rate <= MAX_RATE:
            raise OptionError(f"rate is {self.rate:,} Hz; expected {MIN_RATE:,} to {MAX_RATE:,} Hz")
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise OptionError(f"channels is {self.channels}; expected 1 to {MAX_CHANNELS}")

    @property
    def frame_size(self) -> int:
        """Bytes per frame: one sample of all channels."""
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
    heard: Heard | None = None,
) -> Iterator[Samples]:
    """Read a stream, or an excerpt of it, as it arrives.

    Parameters
    ----------
    stream : binary file
        Need not be seekable, for example ``sys.stdin.buffer``. It is read only as far as `end` requires.
    sampling_rate : int > 0
        Of the result, in Hz.
    raw : RawForm, optional
        Format of raw samples. If None, the stream is a WAV file: integers of 8 to 32 bits, floating-point numbers,
        A-law or mu-law. Its header need not declare the length.
    channel : int >= 1, optional
        The channel to take, counted from 1. If None, the mean of all channels.
    start, end : float
        The excerpt in seconds, half open. If `end` is None or past the end of the stream, up to the end of the stream.
    name : str
        Of the stream, for error messages.
    heard : Heard, optional
        Is filled in while reading; the remarks, when the last block was read.

    Yields
    ------
    samples : np.ndarray, shape (n,), float32
        The next samples, n > 0, full scale at -1 and 1.

    Raises
    ------
    AudioError
        While iterating, if the stream is empty or not a supported WAV file; if it ends within its header, before the
        declared length, or in the middle of a frame (after all complete frames are yielded); if its rate is out of
        range, a sample is not finite, or the channel or the excerpt does not exist.
    """
    source = _Source(stream, name)
    heard = Heard() if heard is None else heard
    form, size = (raw, None) if raw is not None else _wav_form(source)
    check_channel(name, channel, form.channels)
    first, stop = sample_range(name, start, end, form.rate)
    listener = Listener(heard, rate=form.rate, channel=channel)
    pieces = _pieces(source, form, None) if size is None else _wav_pieces(source, form, size, heard)
    heard_pieces = listener.passing(select_range(pieces, 0, first, stop))
    yield from mono_at_rate(
        name, heard_pieces, rate=form.rate, channel=channel, first=first, sampling_rate=sampling_rate
    )
    heard.remarks += listener.remarks()


class _Source:
    """Successive bytes of a stream; errors are raised as AudioErrors."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        # `read` of a buffered reader waits until all bytes have arrived, `read1` returns those that are available.
        self._read = getattr(stream, "read1", stream.read)
        self.taken = 0
        self._given_back = b""

    def give_back(self, content: bytes) -> None:
        """Let these bytes be the next ones."""
        self._given_back = content + self._given_back
        self.taken -= len(content)

    def available(self, limit: int) -> bytes:
        """Wait for the next bytes, at most `limit`; empty at the end."""
        if self._given_back:
            given, self._given_back = self._given_back[:limit], self._given_back[limit:]
            self.taken += len(given)
            return given
        try:
            piece: bytes = self._read(min(limit, _PIECE))
        except OSError as error:
            raise AudioError(f"{self.name}: it cannot be read ({error.strerror})") from error
        if not piece and not self.taken:
            raise AudioError(f"{self.name}: it is empty (0 bytes)")
        self.taken += len(piece)
        return piece

    def header(self, count: int) -> bytes:
        """Exactly `count` bytes of the header."""
        if len(content := self.up_to(count)) < count:
            raise AudioError(f"{self.name}: it ends within its WAV header")
        return content

    def up_to(self, count: int) -> bytes:
        """The next `count` bytes, fewer at the end."""
        content = b""
        while len(content) < count and (piece := self.available(count - len(content))):
            content += piece
        return content


def _pieces(source: _Source, form: RawForm, size: int | None) -> Iterator[Frames]:
    """Decode complete frames as they arrive, up to `size` bytes or, if it is None, to the end of the stream."""
    frame_size, pending, taken = form.frame_size, b"", 0
    while size is None or taken < size:
        if not (piece := source.available(_PIECE if size is None else size - taken)):
            _check_end(source.name, form, size, taken)
            return
        taken += len(piece)
        pending += piece
        if complete := len(pending) - len(pending) % frame_size:
            yield _decode(pending[:complete], form)
            pending = pending[complete:]


def _wav_pieces(source: _Source, form: RawForm, size: int, heard: Heard) -> Iterator[Frames]:
    """Decode the samples of a WAV stream, and what follows them: other chunks, another WAV stream, or more samples."""
    yield from _pieces(source, form, size)
    source.up_to(size % 2)
    while len(head := source.up_to(8)) == 8 and not head.startswith(b"TAG"):
        name, length = struct.unpack("<4sI", head)
        if name in CHUNKS_AFTER:
            while length and (skipped := source.available(length)):
                length -= len(skipped)
            continue
        source.give_back(head)
        more: int | None = None
        if name in _WAV_MAGICS:
            next_form, more = _wav_form(source)
            if next_form != form:
                raise AudioError(f"{source.name}: another WAV stream of another format follows: split it")
            heard.remarks.append("another WAV stream follows, and was read too")
        else:
            heard.remarks.append(f"its header declares {size:,} bytes of sound; more follow, and were read")
        yield from _pieces(source, form, more)
        source.up_to((more or 0) % 2)


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
    """Raise an AudioError if the stream must not end after `taken` bytes."""
    if size is not None:
        raise AudioError(
            f"{name}: it is cut short, its header declares {size:,} bytes of audio, it ends after {taken:,}"
        )
    if taken % form.frame_size:
        raise AudioError(
            f"{name}: it ends in the middle of a frame, after {taken:,} bytes of {form.encoding} with {form.channels} "
            f"channels, {form.frame_size} bytes per frame: check --raw, --rate and --channels"
        )


def _wav_form(source: _Source) -> tuple[RawForm, int | None]:
    """Read a WAV header up to the samples: their format and size in bytes, None if the header declares no size."""
    magic = source.header(4)
    whole, kind = struct.unpack("<I4s", source.header(8)) if magic in _WAV_MAGICS else (0, b"")
    if kind != b"WAVE":
        raise AudioError(
            f"{source.name}: it is not a WAV stream; convert it to WAV, or describe raw samples with "
            f"--raw, --rate and --channels"
        )
    form = None
    long_size = 0
    while True:
        identifier, size = struct.unpack("<4sI", source.header(8))
        if identifier == b"data":
            break
        content = _chunk(source, size + size % 2)
        if identifier == b"fmt ":
            form = _parse_format(source.name, content)
        elif identifier == b"ds64" and len(content) >= 16:
            long_size = struct.unpack_from("<Q", content, 8)[0]
    if form is None:
        raise AudioError(f"{source.name}: its WAV header is damaged, it has no chunk 'fmt ' before the samples")
    if size == 0xFFFFFFFF:
        size = long_size
    # The size of the whole stream is set and reaches past this chunk: the chunk is really empty.
    finished_empty = size == 0 and source.taken < whole + 8 and not is_placeholder(whole)
    is_undeclared = size == 0 or (is_placeholder(size) and not long_size)
    return form, size if finished_empty or not is_undeclared else None


def _chunk(source: _Source, size: int) -> bytes:
    """Read a chunk of a header; return its beginning."""
    content = source.header(min(size, _LONGEST_FORMAT))
    remaining = size - len(content)
    while remaining:
        remaining -= len(source.header(min(remaining, _PIECE)))
    return content


def _parse_format(name: str, content: bytes) -> RawForm:
    """Sample format in the chunk "fmt " of a WAV header."""
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

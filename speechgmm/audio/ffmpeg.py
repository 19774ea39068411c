"""Decode the audio of media files: m4a, mp4, webm, mkv and others. Only this module uses PyAV, which contains ffmpeg.

It runs in a process of its own (`media_worker`), because a decoder in C may crash. An audio track is decoded frame by
frame. Times are relative to the beginning of playback. A gap in the time stamps is filled with silence, unless the
clock was set: such silence was never recorded.

Not detected: the 20 to 50 ms of silence that encoders put first in formats without an edit list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import av
import numpy as np

from speechgmm.audio.byte_source import Window
from speechgmm.audio.extent import remark_on_zeros
from speechgmm.audio.media_clock import GAP_S, Clock
from speechgmm.audio.samples import NO_END, Frames, join_pieces, select_range, to_float
from speechgmm.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

# Formats whose duration ffmpeg reads from the header or an index; it estimates that of the others.
_WITH_DURATION = {"mov", "matroska", "asf", "flv"}
_WITH_INDEX = {"mov", "matroska"}
_PROTECTED = {"aavd", "drms", "enca"}  # codec tags of encrypted MP4 files

_CHECKSUMMED = {"ac3", "eac3", "flac", "wavpack"}  # each packet of these codecs holds a checksum

_PREROLL_S = 0.5  # a decoder with memory needs input from before the requested time
_LENGTH_TOLERANCE = 0.02
_LENGTH_TOLERANCE_S = 0.5
_LENGTH_ROUNDING = 0.001
_LENGTH_ROUNDING_S = 0.25  # containers count whole frames, or the delay of the encoder
_ZEROS = 64  # bytes: more in a row are a hole in the file, except in formats without compression
_REREADING = 2  # times the size of the file: a hostile index refers to the same data again and again


class MediaFile(NamedTuple):
    """A media file.

    Attributes
    ----------
    name : str
        For error messages.
    source : Window
    size : int
        Its length in bytes.
    kind : str
        ffmpeg's name of the format. No other format is tried, because some of them open further files.
    stream_bytes : mapping of int to int
        Bytes of the packets of a stream, if they were counted.
    """

    name: str
    source: Window
    size: int
    kind: str
    stream_bytes: Mapping[int, int]

    @contextmanager
    def opened(self) -> Iterator[InputContainer]:
        """Open the container at its beginning."""
        self.source.seek(0)
        try:
            with av.open(self.source, "r", format=self.kind, metadata_errors="replace") as container:
                yield container
        except av.FFmpegError as error:
            raise AudioError(
                f"{self.name}: it is not audio or video that can be read "
                f"(its format is not recognised, or its beginning or end is missing; {_reason(error)})"
            ) from error


class Track:
    """An audio track of an open container. It can be read once.

    Parameters
    ----------
    file : MediaFile
    container : InputContainer
        Open.
    number : int
        Of the track, from 0.
    alive : callable
        Called during long work.

    Attributes
    ----------
    samplerate : int
        In Hz, of the decoded audio; some codecs decode to twice the rate in the container.
    n_columns : int
        Channels of the decoded audio.
    n_channels, n_before : int
        Channels of all tracks, and of those before this one.
    n_samples : int
        Samples per channel that the container declares; `NO_END` if it declares none.
    remarks : list of str
        What is odd about it; complete when all is decoded.
    """

    def __init__(self, file: MediaFile, container: InputContainer, number: int, alive: Callable[[], None]) -> None:
        self._file, self._container, self._alive = file, container, alive
        self._stream = _audio_stream(file.name, container, number)
        codec = self._stream.codec_context
        if codec.name in _CHECKSUMMED:  # ffmpeg compares the checksums only if told to
            codec.options = {"err_detect": "crccheck+explode"}
        self._zeros_are_silence = codec.name.startswith(("pcm_", "adpcm_"))
        self._n_bytes = self._n_zeros = 0
        self._frames = self._decode()
        first = next(self._frames, None)
        if first is None:
            raise AudioError(f"{file.name}: it holds no samples")
        self.samplerate = first.sample_rate
        self.n_columns = self.n_channels = _samples(first).shape[1]
        self.n_before = 0
        self.remarks: list[str] = []
        # A small offset of the first frame is the encoder's delay, not recorded silence.
        start_s, first_s = (container.start_time or 0) / 1e6, first.time or 0.0
        self._origin_s = first_s if first_s < start_s + GAP_S else start_s
        self._frames = chain([first], self._frames)
        length_s = self._declared_s()
        self.n_samples = NO_END if length_s is None else round(length_s * self.samplerate)
        self._clock = Clock(file.name, self.samplerate, has_index=file.kind in _WITH_INDEX)

    def pieces(self, first: int, stop: int, block: int) -> Iterator[Frames]:
        """Decode samples [first, stop) to arrays (n, channels) with n >= `block`, except the last.

        Raises
        ------
        AudioError
            While iterating, if the file is damaged or ends before its declared length.
        """
        offset = self._seek_before(first)
        yield from join_pieces(select_range(self._without_gaps(offset), offset, first, stop), block)
        self.remarks += self._clock.remarks()
        if remark := remark_on_zeros(self._n_zeros, self._n_bytes):
            self.remarks.append(remark)

    def decoded(self) -> Iterator[Frames]:
        """Decode all frames to arrays (n, channels)."""
        return map(_samples, self._frames)

    def _seek_before(self, first: int) -> int:
        """Seek to a frame before sample `first`; return the index of its first sample."""
        target_s = first / self.samplerate - _PREROLL_S
        base = self._stream.time_base
        if target_s <= 0 or base is None or self._file.kind not in _WITH_INDEX:
            return 0
        self._container.seek(int((self._origin_s + target_s) / base), stream=self._stream)
        self._frames = self._decode()
        frame = next(self._frames, None)
        if frame is None:
            return first
        self._frames = chain([frame], self._frames)
        return self._index_of(frame) or 0

    def _without_gaps(self, offset: int) -> Iterator[Frames]:
        """Decode from sample `offset` to the end, with silence in the gaps of the time stamps."""
        for frame in self._frames:
            index = self._index_of(frame)
            if index is not None and (silence := self._clock.silence(offset, index)):
                for count in _steps(silence, self.samplerate):
                    yield np.zeros((count, self.n_columns), np.float32)
                offset += silence
            samples = _samples(frame)
            if (frame.sample_rate, samples.shape[1]) != (self.samplerate, self.n_columns):
                raise AudioError(
                    f"{self._file.name}: after {offset / self.samplerate:.3f} s its audio changes to "
                    f"{frame.sample_rate:,} Hz and {samples.shape[1]} channels, "
                    f"expected {self.samplerate:,} Hz and {self.n_columns} as before"
                )
            yield samples
            offset += len(samples)
        self._check_end((offset + self._clock.skew) / self.samplerate)
        counted = self._file.stream_bytes.get(self._stream.index, 0)
        if self._n_bytes < counted:
            raise AudioError(
                f"{self._file.name}: it is damaged, it holds {counted:,} bytes of audio, {self._n_bytes:,} were found"
            )

    def _decode(self) -> Iterator[AudioFrame]:
        """Decode the frames from the current position of the container."""
        reached_s = 0.0
        place = "at its beginning"
        try:
            for packet in self._container.demux(self._stream):
                self._alive()
                if packet.is_corrupt:
                    raise AudioError(f"{self._file.name}: it is cut short or damaged {place}")
                self._check_bytes(bytes(packet), place)
                for frame in packet.decode():
                    reached_s = frame.time or reached_s
                    place = f"somewhere after {reached_s:.3f} s"
                    yield frame
        except av.FFmpegError as error:
            raise AudioError(
                f"{self._file.name}: it is cut short, damaged or protected against copying, {place} ({_reason(error)})"
            ) from error

    def _check_bytes(self, content: bytes, place: str) -> None:
        """Raise an AudioError if the data of packets are zeros, or are more than the file can hold."""
        self._n_bytes += len(content)
        if self._n_bytes > _REREADING * self._file.size + (1 << 20):
            raise AudioError(f"{self._file.name}: it is damaged, its index refers to the same data again and again")
        self._n_zeros = 0 if content.strip(b"\0") else self._n_zeros + len(content)
        if self._n_zeros >= _ZEROS and not self._zeros_are_silence:
            raise AudioError(f"{self._file.name}: it is damaged {place}, its data are zeros there")

    def _index_of(self, frame: AudioFrame) -> int | None:
        """Index of a frame's first sample according to its time stamp; None if it has none."""
        return None if frame.time is None else round((frame.time - self._origin_s) * self.samplerate)

    def _declared_s(self) -> float | None:
        if self._file.kind not in _WITH_DURATION:
            return None
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        if self._container.duration is not None and len(self._container.streams) == 1:
            return float(self._container.duration / 1e6)
        return None

    def _check_end(self, end_s: float) -> None:
        """Raise an AudioError if much of the declared length is missing; add a remark if less is."""
        declared_s = self._declared_s()
        if declared_s is None:
            return
        if end_s < declared_s * (1 - _LENGTH_TOLERANCE) - _LENGTH_TOLERANCE_S:
            raise AudioError(
                f"{self._file.name}: it is cut short, its header declares {declared_s:.3f} s of audio, "
                f"reading ended after {end_s:.3f} s"
            )
        if end_s < declared_s * (1 - _LENGTH_ROUNDING) - _LENGTH_ROUNDING_S:
            self.remarks.append(f"its header declares {declared_s:.2f} s of audio, it ends after {end_s:.2f} s")


def _audio_stream(name: str, container: InputContainer, number: int) -> AudioStream:
    stream = container.streams.audio[number]
    if stream.codec_context is None:
        raise AudioError(f"{name}: the encoding of its audio is not supported")
    try:
        is_protected = stream.codec_context.codec_tag in _PROTECTED
    except UnicodeDecodeError:  # a tag that is a number
        is_protected = False
    if is_protected:
        raise AudioError(f"{name}: it is protected against copying and cannot be decoded")
    return stream


def _steps(count: int, step: int) -> Iterator[int]:
    for done in range(0, count, step):
        yield min(step, count - done)


def _samples(frame: AudioFrame) -> Frames:
    """Samples of a frame, shape (n, channels), full scale at -1 and 1."""
    array = frame.to_ndarray()
    return to_float(array.T if frame.format.is_planar else array.reshape(frame.samples, -1))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error)

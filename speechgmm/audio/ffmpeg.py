"""Audio of media files that soundfile cannot read: m4a, mp4, webm, mkv and others. Only this module uses PyAV.

PyAV, which contains ffmpeg, is optional: ``speechgmm[media]``. The first audio stream of a file is decoded frame by
frame. Times are relative to the beginning of playback. Gaps in the time stamps are filled with silence.

Not detected: truncation between two packets in formats that declare no length (aac, ac3, amr, MPEG streams), and the
20 to 50 ms of silence that the encoders of these formats put first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from speechgmm.audio.samples import NO_END, Frames, join_pieces, select_range, to_float
from speechgmm.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

MEDIA_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".aac", ".ac3", ".amr", ".asf", ".avi", ".flv", ".m2ts", ".m4a", ".m4b", ".m4v", ".mka", ".mkv"}
    | {".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".weba", ".webm", ".wma", ".wmv"}
)
"""Suffixes, in lower case, of files that may need this module."""

# ffmpeg's names. Playlists and similar formats, which open further files, are excluded.
_FORMATS = "mov,matroska,asf,avi,flv,mpegts,mpeg,aac,ac3,eac3,amr"
_FORMATS_WITHOUT_LENGTH = {"aac", "ac3", "eac3", "amr", "mpeg", "mpegts"}
_FORMATS_WITH_INDEX = {"mov", "matroska"}
_PROTECTED = {"aavd", "drms", "enca"}  # codec tags of encrypted MP4 files

_PREROLL_S = 0.5  # a decoder with memory needs input from before the requested time
_GAP_S = 0.05  # smaller gaps come from rounded time stamps and from drift between the recorder's clocks
_LONGEST_GAP_S = 24 * 3600.0
_LENGTH_TOLERANCE = 0.02
_LENGTH_TOLERANCE_S = 0.5


def open_media(file: Path, stream: BinaryIO, stack: ExitStack) -> Media | None:
    """Open the first audio stream of a media file.

    Parameters
    ----------
    file : Path
        Its path, for error messages.
    stream : binary file
        The file, open and seekable.
    stack : ExitStack
        Closes the container.

    Returns
    -------
    media : Media or None
        None if the file is not a media file.

    Raises
    ------
    AudioError
        If it is a media file without audio, damaged or protected, or has a media suffix and PyAV is not installed.
    """
    has_media_suffix = file.suffix.lower() in MEDIA_SUFFIXES
    try:
        import av
    except ImportError as error:
        if not has_media_suffix:
            return None
        raise AudioError(f"{file}: PyAV is needed to read it: pip install 'speechgmm[media]'") from error
    stream.seek(0)
    try:
        options = {"format_whitelist": _FORMATS}
        container = stack.enter_context(av.open(stream, "r", options=options, metadata_errors="replace"))
    except av.FFmpegError as error:
        if not has_media_suffix:
            return None
        raise AudioError(
            f"{file}: it is not audio or video that can be read "
            f"(its format is not recognised, or its beginning or end is missing; {_reason(error)})"
        ) from error
    return Media(file, container)


class Media:
    """The first audio stream of an open container. It can be read once.

    Parameters
    ----------
    file : Path
        Its path, for error messages.
    container : InputContainer
        Open.

    Attributes
    ----------
    samplerate : int
        In Hz, of the decoded audio; some codecs decode to twice the rate in the container.
    channels : int
        Of the decoded audio.
    frames : int
        Samples per channel that the container declares; `NO_END` if it declares none.
    """

    def __init__(self, file: Path, container: InputContainer) -> None:
        self._file = file
        self._container = container
        self._stream = _audio_stream(file, container)
        self._format = container.format.name.split(",")[0]
        self._decoded = self._decode()
        first = next(self._decoded, None)
        if first is None:
            raise AudioError(f"{file}: it holds no samples")
        self.samplerate = first.sample_rate
        self.channels = _samples(first).shape[1]
        # A small offset of the first frame is the encoder's delay, not recorded silence.
        start_s, first_s = (container.start_time or 0) / 1e6, first.time or 0.0
        self._origin_s = first_s if first_s < start_s + _GAP_S else start_s
        self._decoded = chain([first], self._decoded)
        length_s = self._declared_s()
        self.frames = NO_END if length_s is None else round(length_s * self.samplerate)

    def pieces(self, first: int, stop: int, block: int) -> Iterator[Frames]:
        """Decode samples [first, stop) to arrays (n, channels) with n >= `block`, except the last.

        Raises
        ------
        AudioError
            While iterating, if the file is damaged or ends before its declared length.
        """
        offset = self._seek_before(first)
        return join_pieces(select_range(self._without_gaps(offset), offset, first, stop), block)

    def _seek_before(self, first: int) -> int:
        """Seek to a frame before sample `first`; return the index of its first sample."""
        target_s = first / self.samplerate - _PREROLL_S
        base = self._stream.time_base
        if target_s <= 0 or base is None or self._format not in _FORMATS_WITH_INDEX:
            return 0
        self._container.seek(int((self._origin_s + target_s) / base), stream=self._stream)
        self._decoded = self._decode()
        frame = next(self._decoded, None)
        if frame is None:
            return first
        self._decoded = chain([frame], self._decoded)
        return self._index_of(frame) or 0

    def _without_gaps(self, offset: int) -> Iterator[Frames]:
        """Decode from sample `offset` to the end, with silence in the gaps of the time stamps."""
        for frame in self._decoded:
            index = self._index_of(frame)
            if index is not None and index - offset > _GAP_S * self.samplerate:
                yield from self._silence(offset, index)
                offset = index
            samples = _samples(frame)
            if (frame.sample_rate, samples.shape[1]) != (self.samplerate, self.channels):
                raise AudioError(
                    f"{self._file}: after {offset / self.samplerate:.3f} s its audio changes to "
                    f"{frame.sample_rate:,} Hz and {samples.shape[1]} channels, "
                    f"expected {self.samplerate:,} Hz and {self.channels} as before"
                )
            yield samples
            offset += len(samples)
        self._check_end(offset / self.samplerate)

    def _silence(self, first: int, stop: int) -> Iterator[Frames]:
        if stop - first > _LONGEST_GAP_S * self.samplerate:
            raise AudioError(
                f"{self._file}: its time stamps jump from {first / self.samplerate:.3f} s to "
                f"{stop / self.samplerate:.3f} s, expected no gap longer than {_LONGEST_GAP_S:,.0f} s"
            )
        for offset in range(first, stop, self.samplerate):
            yield np.zeros((min(self.samplerate, stop - offset), self.channels), np.float32)

    def _decode(self) -> Iterator[AudioFrame]:
        """Decode the frames from the current position of the container."""
        import av

        reached_s = 0.0
        place = "at its beginning"
        try:
            for packet in self._container.demux(self._stream):
                if packet.is_corrupt:
                    raise AudioError(f"{self._file}: it is cut short or damaged {place}")
                for frame in packet.decode():
                    reached_s = frame.time or reached_s
                    place = f"somewhere after {reached_s:.3f} s"
                    yield frame
        except av.FFmpegError as error:
            raise AudioError(
                f"{self._file}: it is cut short, damaged or protected against copying, {place} ({_reason(error)})"
            ) from error

    def _index_of(self, frame: AudioFrame) -> int | None:
        """Index of a frame's first sample according to its time stamp; None if it has none."""
        return None if frame.time is None else round((frame.time - self._origin_s) * self.samplerate)

    def _declared_s(self) -> float | None:
        if self._format in _FORMATS_WITHOUT_LENGTH:  # ffmpeg only estimates their length
            return None
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        if self._container.duration is not None and len(self._container.streams) == 1:
            return float(self._container.duration / 1e6)
        return None

    def _check_end(self, end_s: float) -> None:
        declared_s = self._declared_s()
        if declared_s is not None and end_s < declared_s * (1 - _LENGTH_TOLERANCE) - _LENGTH_TOLERANCE_S:
            raise AudioError(
                f"{self._file}: it is cut short, its header declares {declared_s:.3f} s of audio, "
                f"reading ended after {end_s:.3f} s"
            )


def _audio_stream(file: Path, container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise AudioError(f"{file}: there is no audio stream in it")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise AudioError(f"{file}: the encoding of its audio is not supported")
    if stream.codec_context.codec_tag in _PROTECTED:
        raise AudioError(f"{file}: it is protected against copying and cannot be decoded")
    return stream


def _samples(frame: AudioFrame) -> Frames:
    """Samples of a frame, shape (n, channels), full scale at -1 and 1."""
    array = frame.to_ndarray()
    return to_float(array.T if frame.format.is_planar else array.reshape(frame.samples, -1))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error)

"""The sound of media files that soundfile cannot read, m4a, mp4, webm, mkv and others: the only place that knows PyAV.

PyAV brings ffmpeg along and is an extra, ``speechgmm[media]``. The first audio stream of a file is decoded frame by
frame. Times count from where the file begins to play: where its time stamps leave a gap, silence stands in for it.

Not found out: a cut between two packets in formats that do not say how long they are (aac, ac3, amr, MPEG streams), and
how much silence their encoders put first, 20 to 50 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from speechgmm.audio.samples import NO_END, Frames, cut, full_scale, gathered
from speechgmm.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

MEDIA_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".aac", ".ac3", ".amr", ".asf", ".avi", ".flv", ".m2ts", ".m4a", ".m4b", ".m4v", ".mka", ".mkv"}
    | {".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".weba", ".webm", ".wma", ".wmv"}
)
"""The ends of names, in lower case, of files with sound that may need this module."""

# By ffmpeg's names. Playlists and the like, which would open further files, are not among them.
_FORMATS = "mov,matroska,asf,avi,flv,mpegts,mpeg,aac,ac3,eac3,amr"
_FORMATS_WITHOUT_LENGTH = {"aac", "ac3", "eac3", "amr", "mpeg", "mpegts"}
_FORMATS_WITH_INDEX = {"mov", "matroska"}
_PROTECTED = {"aavd", "drms", "enca"}  # in place of the codec's name where MP4 files are encrypted

_PREROLL_S = 0.5  # decoders with a memory need to hear something before the place asked for
_GAP_S = 0.05  # time stamps are rounded, and drift where the recorder's two clocks did
_LONGEST_GAP_S = 24 * 3600.0
_LENGTH_TOLERANCE = 0.02
_LENGTH_TOLERANCE_S = 0.5


def open_media(file: Path, stream: BinaryIO, stack: ExitStack) -> Media | None:
    """Open the first audio stream of a media file.

    Parameters
    ----------
    file : Path
        Its name, for errors.
    stream : binary file
        The file, open and seekable.
    stack : ExitStack
        Closes what is opened here.

    Returns
    -------
    media : Media or None
        None if this is no media file.

    Raises
    ------
    AudioError
        If it is a media file without sound, damaged or protected, or is called one and PyAV is not installed.
    """
    called_media = file.suffix.lower() in MEDIA_SUFFIXES
    try:
        import av
    except ImportError as error:
        if not called_media:
            return None
        raise AudioError(f"{file}: to read its sound needs pip install 'speechgmm[media]'") from error
    stream.seek(0)
    try:
        options = {"format_whitelist": _FORMATS}
        container = stack.enter_context(av.open(stream, "r", options=options, metadata_errors="replace"))
    except av.FFmpegError as error:
        if not called_media:
            return None
        raise AudioError(
            f"{file}: it is not audio or video that can be read "
            f"(its format is not recognised, or its beginning or end is missing; {_reason(error)})"
        ) from error
    return Media(file, container)


class Media:
    """The first audio stream of an open container, to be read once.

    Parameters
    ----------
    file : Path
        Its name, for errors.
    container : InputContainer
        Open.

    Attributes
    ----------
    samplerate : int
        In Hz, as decoded: codecs may double what the container says.
    channels : int
        As decoded.
    frames : int
        How many samples a channel has by the container's account; `NO_END` where it does not say.
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
        # An encoder's own delay is no silence that somebody recorded.
        begin_s, first_s = (container.start_time or 0) / 1e6, first.time or 0.0
        self._zero_s = first_s if first_s < begin_s + _GAP_S else begin_s
        self._decoded = chain([first], self._decoded)
        length_s = self._announced_s()
        self.frames = NO_END if length_s is None else round(length_s * self.samplerate)

    def pieces(self, first: int, stop: int, block: int) -> Iterator[Frames]:
        """Samples [first, stop) in pieces of shape (n, channels), most of them longer than `block` by a packet or less.

        Raises
        ------
        AudioError
            While iterating, if the file is damaged or ends before the container says.
        """
        at = self._go_before(first)
        return gathered(cut(self._filled(at), at, first, stop), block)

    def _go_before(self, first: int) -> int:
        """Make a frame from before sample `first` the next to be decoded; its place."""
        target_s = first / self.samplerate - _PREROLL_S
        base = self._stream.time_base
        if target_s <= 0 or base is None or self._format not in _FORMATS_WITH_INDEX:
            return 0
        self._container.seek(int((self._zero_s + target_s) / base), stream=self._stream)
        self._decoded = self._decode()
        frame = next(self._decoded, None)
        if frame is None:
            return first
        self._decoded = chain([frame], self._decoded)
        return self._place(frame) or 0

    def _filled(self, at: int) -> Iterator[Frames]:
        """All samples from number `at` on, with silence in the gaps."""
        for frame in self._decoded:
            place = self._place(frame)
            if place is not None and place - at > _GAP_S * self.samplerate:
                yield from self._silence(at, place)
                at = place
            samples = _samples(frame)
            if (frame.sample_rate, samples.shape[1]) != (self.samplerate, self.channels):
                raise AudioError(
                    f"{self._file}: after {at / self.samplerate:.3f} s its sound changes to {frame.sample_rate:,} Hz "
                    f"and {samples.shape[1]} channels, expected {self.samplerate:,} Hz and {self.channels} as before"
                )
            yield samples
            at += len(samples)
        self._check_end(at / self.samplerate)

    def _silence(self, first: int, stop: int) -> Iterator[Frames]:
        if stop - first > _LONGEST_GAP_S * self.samplerate:
            raise AudioError(
                f"{self._file}: its time stamps jump from {first / self.samplerate:.3f} s to "
                f"{stop / self.samplerate:.3f} s, expected no gap beyond {_LONGEST_GAP_S:,.0f} s"
            )
        for at in range(first, stop, self.samplerate):
            yield np.zeros((min(self.samplerate, stop - at), self.channels), np.float32)

    def _decode(self) -> Iterator[AudioFrame]:
        """Decode frame after frame from where the container is."""
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

    def _place(self, frame: AudioFrame) -> int | None:
        """The number of a frame's first sample by its time stamp; None where it has none."""
        return None if frame.time is None else round((frame.time - self._zero_s) * self.samplerate)

    def _announced_s(self) -> float | None:
        if self._format in _FORMATS_WITHOUT_LENGTH:  # ffmpeg estimates one
            return None
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        if self._container.duration is not None and len(self._container.streams) == 1:
            return float(self._container.duration / 1e6)
        return None

    def _check_end(self, end_s: float) -> None:
        announced_s = self._announced_s()
        if announced_s is not None and end_s < announced_s * (1 - _LENGTH_TOLERANCE) - _LENGTH_TOLERANCE_S:
            raise AudioError(
                f"{self._file}: it is cut short, its header announces {announced_s:.3f} s of sound, "
                f"reading ended after {end_s:.3f} s"
            )


def _audio_stream(file: Path, container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise AudioError(f"{file}: there is no audio stream in it")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise AudioError(f"{file}: the encoding of its sound is not supported")
    if stream.codec_context.codec_tag in _PROTECTED:
        raise AudioError(f"{file}: it is protected against copying and cannot be decoded")
    return stream


def _samples(frame: AudioFrame) -> Frames:
    """The samples of a frame, shape (n, channels), full scale at -1 and 1."""
    array = frame.to_ndarray()
    return full_scale(array.T if frame.format.is_planar else array.reshape(frame.samples, -1))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or error)

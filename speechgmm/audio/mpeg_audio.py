"""The sound in MP3, MP2 and MP1 streams, by a count of the frames.

Without a count in its first frame (Xing, Info, VBRI) the decoder estimates the duration from the size of the file. That
is wrong with tags, a variable bit rate or a container. So all frames are counted, and the decoder reads to the end.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

from speechgmm.audio.byte_source import Source
from speechgmm.audio.extent import Part, UnsoundError
from speechgmm.audio.units import UNFINISHED, UNMISTAKABLE, Unit, Walk, check_holes, tag

_SYNC = b"\xff"
_UNCOUNTED = 2  # frames that encoders leave out of their count, or count too much

# Bit rates in kbit/s by index, of MPEG 1 layers I, II and III, and of MPEG 2 and 2.5 layers I, and II and III.
_BIT_RATES = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)


@functools.cache
def _length(second: int, third: int) -> int:
    """Length of a frame from the second and third byte of its header (ISO/IEC 11172-3, section 2.4.2); 0 if invalid."""
    version, layer, index, rate_index = second >> 3 & 3, 4 - (second >> 1 & 3), third >> 4, third >> 2 & 3
    if second < 0xE0 or version == 1 or layer == 4 or index in (0, 15) or rate_index == 3:
        return 0
    rate = _RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]  # MPEG 1, 2, 2.5
    bits = 1000 * _BIT_RATES[1 if version == 3 else 2, layer][index]
    padding = third >> 1 & 1
    if layer == 1:
        return (12 * bits // rate + padding) * 4
    return _samples(second) // 8 * bits // rate + padding


def _samples(second: int) -> int:
    """Samples per frame from the second byte of a header."""
    layer = 4 - (second >> 1 & 3)
    return 384 if layer == 1 else 1152 if layer == 2 or second >> 3 & 3 == 3 else 576


def frame_length(buffer: bytes, at: int) -> int:
    """Length of the frame at a position of a buffer; 0 if there is none, or one of free format, which declares none."""
    return _length(buffer[at + 1], buffer[at + 2]) if buffer[at] == 0xFF else 0


def is_mpeg_audio(source: Source, begin: int) -> bool:
    """Whether frames of one form follow one another from `begin`, or from a little later."""
    walk = Walk(source, begin, min(source.size, begin + (1 << 16)), _measure, _SYNC)
    frames = [unit for unit, _ in zip(walk, range(UNMISTAKABLE), strict=False)]
    forms = {_form(unit.head) for unit in frames if unit.head.startswith(_SYNC)}
    return len(forms) == 1 and (len(frames) == UNMISTAKABLE or walk.position == source.size)


def survey_mpeg_audio(source: Source, begin: int, end: int | None = None) -> list[Part]:
    """Count the frames of a stream, or of several that were joined.

    Parameters
    ----------
    source : Source
    begin, end : int
        Range in the file; without `end`, up to the end of the file.

    Returns
    -------
    list of Part
        Of kind "mpeg audio". `Part.end` of the last is the end of the range.

    Raises
    ------
    UnsoundError
        If there are fewer frames than a stream declares, a hole, or a change of the rate or the number of channels.
    """
    end = source.size if end is None else end
    walk = Walk(source, begin, end, _measure, _SYNC)
    streams: list[_Stream] = []
    for unit in walk:
        if not unit.head.startswith(_SYNC):  # a tag
            continue
        declared = _declared_frames(unit.head)
        if declared is not None or not streams:
            streams.append(_Stream(unit, declared))
        streams[-1].add(unit)
    if not streams:
        raise UnsoundError("no audio was found in it")
    parts = [stream.part(is_cut=walk.missing > 0 and stream is streams[-1]) for stream in streams]
    complete = parts[-1].tells_end
    remark = check_holes(walk, begin, end, complete=complete)
    if walk.missing and not complete:
        remark = UNFINISHED
    return [*parts[:-1], replace(parts[-1], remark=remark)]


@dataclass
class _Stream:
    """Frames that follow one another, of one form."""

    first: Unit
    declared: int | None
    n_frames: int = 0
    end: int = 0

    def add(self, unit: Unit) -> None:
        if _form(unit.head) != _form(self.first.head):
            raise UnsoundError(
                f"its sampling rate or number of channels changes after {self.n_frames:,} frames: split it there"
            )
        self.n_frames += 1
        self.end = unit.end

    def part(self, *, is_cut: bool) -> Part:
        """The part of the file; `is_cut` if an incomplete frame follows."""
        samples = _samples(self.first.head[1])
        n_frames = self.n_frames - (self.declared is not None)  # the frame with the count holds no sound
        if self.declared and self.declared > n_frames + (0 if is_cut else _UNCOUNTED):
            raise UnsoundError(
                f"it is cut short, its header declares {self.declared * samples:,} samples, "
                f"it holds {n_frames * samples:,}"
            )
        is_right = self.declared is not None and self.declared > 0 and abs(self.declared - n_frames) <= _UNCOUNTED
        # A count that is too small would end the reading: it is left out.
        begin = self.first.begin if is_right or self.declared is None else self.first.end
        return Part(
            kind="mpeg audio",
            begin=begin,
            end=self.end,
            tells_end=is_right,
            n_samples=n_frames * samples,
            estimated=not is_right,
        )


def _measure(buffer: bytes, at: int) -> int:
    return frame_length(buffer, at) or tag(buffer, at)


def _form(head: bytes) -> tuple[int, int, bool]:
    """Version and layer, sampling rate, and whether there is one channel."""
    return head[1] & 0xFE, head[2] & 0x0C, head[3] >> 6 == 3


def _declared_frames(head: bytes) -> int | None:
    """Number of frames after this one that it declares; 0 if it is such a frame without a number, None if it is not."""
    for at in (13, 21, 36, 15, 23, 38):  # after the side information, whose length depends on the form
        if head[at : at + 4] in (b"Xing", b"Info"):
            return int.from_bytes(head[at + 8 : at + 12], "big") if head[at + 7] & 1 else 0
    return int.from_bytes(head[50:54], "big") if head[36:40] == b"VBRI" else None

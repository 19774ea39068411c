"""Walk through a file that is a row of units: frames, pages, packets, blocks or tags, each of which tells its length.

A walk reads only the first bytes of each unit. It finds what a decoder skips in silence: holes, a last unit that is
incomplete, and where one stream ends and another begins.

A measure is a function of a buffer and a position that gives the length of the unit which begins there, 0 if none does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from speechgmm.audio.byte_source import Source
from speechgmm.audio.extent import UnsoundError

Measure = Callable[[bytes, int], int]

UNFINISHED = "it ends in the middle of a frame"
"""Remark on a stream that declares no length and whose last unit is incomplete."""

UNMISTAKABLE = 5
"""Number of successive units that other data do not hold by chance."""

_BLOCK = 1 << 16
_LARGEST_FRAME = 1500  # of MP3 and AAC: a stream that was recorded begins within a frame
_JUNK = 4096  # tags and padding that are not recognised are shorter
_LOOKAHEAD = 512  # more than the header of any unit


class Unit(NamedTuple):
    """A complete unit: its range in the file, and its first bytes, 64 or more."""

    begin: int
    end: int
    head: bytes


class Walk:
    """Iterate over the units in a range of a file.

    Parameters
    ----------
    source : Source
    begin, end : int
        The range in bytes.
    measure : callable
        Length of the unit at a position of a buffer; 0 if there is none.
    sync : bytes
        First bytes of each unit, to find the next one after a hole. Without them, a hole is the end.

    Attributes
    ----------
    position : int
        End of the last unit so far.
    holes : list of (int, int)
        Ranges without units so far.
    missing : int
        Bytes that the last unit lacks at the end of the range; 0 if it is complete.
    """

    def __init__(self, source: Source, begin: int, end: int, measure: Measure, sync: bytes = b"") -> None:
        self.position = begin
        self.holes: list[tuple[int, int]] = []
        self.missing = 0
        self._source, self._end, self._measure, self._sync = source, end, measure, sync
        self._block, self._block_begin = b"", begin

    def __iter__(self) -> Iterator[Unit]:
        if self._sync:  # the first unit is not one by chance
            self._skip_hole(self._after_hole(self.position - 1))
        while self.position < self._end:
            length = self._length(self.position)
            if not length:
                self._skip_hole(self._after_hole(self.position))
            elif (end := self.position + length) > self._end:
                self.missing = end - self._end
                return
            else:
                index = self.position - self._block_begin
                unit = Unit(self.position, end, self._block[index : index + 64])
                self.position = end
                yield unit

    def _skip_hole(self, after: int) -> None:
        if after > self.position:
            self.holes.append((self.position, after))
            self.position = after

    def _length(self, offset: int) -> int:
        """Length of the unit at `offset`; the block is read anew if it does not hold the header there."""
        index = offset - self._block_begin
        if not 0 <= index <= len(self._block) - _LOOKAHEAD:
            self._block, self._block_begin = self._source.at(offset, _BLOCK + _LOOKAHEAD), offset
            index = 0
        return self._measure(self._block, index)

    def _after_hole(self, begin: int) -> int:
        """Offset of the first two successive units after `begin`, or of a last one; the end of the range without."""
        offset = begin
        while self._sync and (offset := self._source.find(self._sync, offset + 1, self._end)) >= 0:
            after = offset + self._length(offset)
            if after == self._end or (offset < after < self._end and self._length(after)):
                return offset
        return self._end


def check_holes(walk: Walk, begin: int, end: int, *, complete: bool = False) -> str:
    """Refuse a stream with a hole.

    Parameters
    ----------
    walk : Walk
        Ended.
    begin, end : int
        Its range.
    complete : bool
        Whether all that the stream declares was found, so that it does not matter what follows.

    Returns
    -------
    remark : str
        On a small hole, as tools and interrupted transmissions leave them; otherwise empty.

    Raises
    ------
    UnsoundError
        If there is a larger one.
    """
    holes = [hole for hole in walk.holes if not (complete and hole[1] == end)]
    n_bytes = sum(after - before for before, after in holes)
    if not n_bytes:
        return ""
    if n_bytes > max(_LARGEST_FRAME, min(_JUNK, (end - begin) // 16)):
        raise UnsoundError(f"it is damaged: from byte {holes[0][0]:,} on, {n_bytes:,} bytes of it are no audio")
    return f"{n_bytes:,} bytes of it, from byte {holes[0][0]:,} on, are no audio"


def tag(buffer: bytes, at: int) -> int:
    """Tags that stand before, between and after streams of any kind: ID3, APE."""
    if buffer.startswith(b"ID3", at) and max(buffer[at + 6 : at + 10]) < 128:
        size = sum(byte << shift for byte, shift in zip(buffer[at + 6 : at + 10], (21, 14, 7, 0), strict=True))
        return size + (20 if buffer[at + 5] & 0x10 else 10)
    if buffer.startswith(b"TAG", at):
        return 128
    if buffer.startswith(b"APETAGEX", at):
        has_header = buffer[at + 23] & 0x20
        return int.from_bytes(buffer[at + 12 : at + 16], "little") + (32 if has_header else 0)
    return 0


def ogg_page(buffer: bytes, at: int) -> int:
    """RFC 3533, section 6."""
    if not buffer.startswith(b"OggS\0", at):
        return 0
    segments = buffer[at + 26]
    return 27 + segments + sum(buffer[at + 27 : at + 27 + segments])


def adts_frame(buffer: bytes, at: int) -> int:
    """AAC with ADTS headers (ISO/IEC 13818-7, section 6.2)."""
    if buffer[at] != 0xFF or buffer[at + 1] & 0xF6 != 0xF0:
        return 0
    length = (buffer[at + 3] & 3) << 11 | buffer[at + 4] << 3 | buffer[at + 5] >> 5
    return length if length > 7 else 0


_AC3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)


def ac3_frame(buffer: bytes, at: int) -> int:
    """AC-3 and E-AC-3 (ATSC A/52, sections 5.3 and E.2)."""
    if not buffer.startswith(b"\x0b\x77", at):
        return 0
    if buffer[at + 5] >> 3 > 10:
        return 2 * ((buffer[at + 2] & 7) << 8 | buffer[at + 3]) + 2
    rate, code = buffer[at + 4] >> 6, buffer[at + 4] & 63
    if rate == 3 or code > 37:
        return 0
    kbits = _AC3_KBITS[code // 2]
    return (2 * kbits * 2, 2 * (kbits * 320 // 147 + code % 2), 2 * kbits * 3)[rate]


AMR, AMR_WB = b"#!AMR\n", b"#!AMR-WB\n"
_AMR_SIZES = (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1)
_AMR_WB_SIZES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1)


def amr_frame(buffer: bytes, at: int) -> int:
    """AMR storage format (RFC 4867, section 5.3): the mark of the file, then frames."""
    return len(AMR) if buffer.startswith(AMR, at) else 0 if buffer[at] & 0x83 else _AMR_SIZES[buffer[at] >> 3 & 15]


def amr_wb_frame(buffer: bytes, at: int) -> int:
    """AMR-WB storage format."""
    if buffer.startswith(AMR_WB, at):
        return len(AMR_WB)
    return 0 if buffer[at] & 0x83 else _AMR_WB_SIZES[buffer[at] >> 3 & 15]


def flv_tag(buffer: bytes, at: int) -> int:
    """Flash video: a header and its length, then tags."""
    if buffer.startswith(b"FLV\x01", at):
        return int.from_bytes(buffer[at + 5 : at + 9], "big") + 4
    if buffer[at] & 0x1F not in (8, 9, 18):
        return 0
    return 15 + int.from_bytes(buffer[at + 1 : at + 4], "big")


def riff_chunk(buffer: bytes, at: int) -> int:
    """AVI: chunks; a list is entered."""
    name = buffer[at : at + 4]
    if name in (b"RIFF", b"LIST"):
        return 12
    size = int.from_bytes(buffer[at + 4 : at + 8], "little")
    return 8 + size + size % 2 if name.isascii() and name.decode("ascii").isprintable() else 0


# Identifiers of the segment and the cluster, which are entered, and of all that stands on their levels (RFC 9559).
_ENTERED = (b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75")
_ELEMENTS = {
    *(b"\x1a\x45\xdf\xa3", b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1c\x53\xbb\x6b"),
    *(b"\x19\x41\xa4\x69", b"\x10\x43\xa7\x70", b"\x12\x54\xc3\x67", b"\xec", b"\xbf", b"\xe7", b"\xa3", b"\xa0"),
    *(b"\xab", b"\xa7", b"\x58\x54", b"\xaf"),
}


def matroska_element(buffer: bytes, at: int) -> int:
    """Matroska and WebM: elements of the segment and of the clusters."""
    width = 9 - buffer[at].bit_length()
    name = buffer[at : at + width]
    size_width, size = vint(buffer, at + width)
    if name in _ENTERED:
        return width + size_width
    return width + size_width + size if name in _ELEMENTS and size is not None else 0


def vint(buffer: bytes, at: int) -> tuple[int, int | None]:
    """Width and value of a variable-size integer (RFC 8794, section 4); None if all its bits are set: unknown."""
    width = 9 - buffer[at].bit_length()
    unknown = (1 << 7 * width) - 1
    value = int.from_bytes(buffer[at : at + width], "big") & unknown
    return width, None if value == unknown else value


def program_stream_packet(buffer: bytes, at: int) -> int:
    """MPEG program stream: pack headers and packets (ISO/IEC 13818-1, section 2.5)."""
    if not buffer.startswith(b"\0\0\x01", at):
        return 0
    kind = buffer[at + 3]
    if kind == 0xBA:
        return 14 + (buffer[at + 13] & 7) if buffer[at + 4] >> 6 == 1 else 12 if buffer[at + 4] >> 4 == 2 else 0
    if kind == 0xB9:
        return 4
    return 6 + int.from_bytes(buffer[at + 4 : at + 6], "big") if kind > 0xBA else 0


SAMPLE_DUMP_HEADER = 21


def sample_dump_packet(buffer: bytes, at: int) -> int:
    """MIDI sample dump: packets of one length (MIDI 1.0 specification)."""
    return 127 if buffer.startswith(b"\xf0\x7e", at) and buffer[at + 3] == 2 else 0


def packets(length: int, sync: bytes, skew: int = 0) -> Measure:
    """Measure of packets of one length, each with the byte `sync` at offset `skew`; a unit is a row of them."""

    def measure(buffer: bytes, at: int) -> int:
        count = max((len(buffer) - at) // length, 1)
        first_bytes = buffer[at + skew : at + count * length : length]
        n_packets = len(first_bytes) - len(first_bytes.lstrip(sync))
        # The last packet of a row is measured again: it may be incomplete.
        return max(n_packets - 1, min(n_packets, 1)) * length

    return measure

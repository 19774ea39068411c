"""Declared end of MP4 and QuickTime, Matroska and WebM, ASF, W64, NIST SPHERE and VOC files.

Only the header fields that hold the length are read. `truncation.declared_length` compares it with the file size.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import BinaryIO

# Top-level boxes of an MP4 file. Devices append other data after them, which must not be parsed as boxes.
_BOXES = {b"ftyp", b"free", b"mdat", b"meta", b"mfra", b"moof", b"moov", b"sidx", b"skip", b"styp", b"uuid", b"wide"}
_FIRST_BOXES = {b"ftyp", b"mdat", b"moov", b"wide"}

# A fragmented file has about two boxes per second. A hostile file could have millions of empty ones.
_MAX_BOXES = 200_000

# A size that the recorder did not set is the largest possible number, or close to it.
_PLACEHOLDER = 1 << 60

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_W64 = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
_NIST = b"NIST_1A\n"
_NIST_FIELDS = (rb"channel_count", rb"sample_count", rb"sample_n_bytes")
_VOC = b"Creative Voice File\x1a"


def declared_end(stream: BinaryIO, size: int) -> int:
    """Find the end of the file that its headers declare.

    Parameters
    ----------
    stream : binary file
        The whole file, seekable.
    size : int
        Its length in bytes.

    Returns
    -------
    end : int
        Offset in bytes; 0 if the headers declare none.
    """
    beginning = bytes_at(stream, 0, 20)
    if beginning[4:8] in _FIRST_BOXES:
        return _end_of_boxes(stream, size)
    end = next((find(stream, size) for magic, find in _FINDERS.items() if beginning.startswith(magic)), 0)
    return end if end < _PLACEHOLDER else 0


def bytes_at(stream: BinaryIO, offset: int, count: int) -> bytes:
    """Read `count` bytes at `offset`, padded with zeros past the end of the file."""
    stream.seek(offset)
    return stream.read(count).ljust(count, b"\0")


def _end_of_boxes(stream: BinaryIO, size: int) -> int:
    """MP4 and QuickTime (ISO/IEC 14496-12, section 4.2): boxes with a 32-bit size; a 64-bit size follows a 1."""
    offset = 0
    for _ in range(_MAX_BOXES):
        length, kind, long_length = struct.unpack(">I4sQ", bytes_at(stream, offset, 16))
        length = long_length if length == 1 else length
        if offset >= size or kind not in _BOXES or length < 8:  # a length of 0 means up to the end of the file
            break
        offset += length
    return offset


def _end_of_segment(stream: BinaryIO, _: int) -> int:
    """Matroska: the segment holds all audio (RFC 9559); numbers as in RFC 8794, section 4."""
    offset, length = _vint(stream, 4)
    offset += length or 0
    if bytes_at(stream, offset, 4) != _SEGMENT:
        return 0
    offset, declared = _vint(stream, offset + 4)
    return 0 if declared is None else offset + declared


def _vint(stream: BinaryIO, offset: int) -> tuple[int, int | None]:
    """End offset and value of a variable-size integer; None if all its bits are set, which means unknown."""
    content = bytes_at(stream, offset, 8)
    count = 9 - content[0].bit_length()
    unknown = (1 << 7 * count) - 1
    value = int.from_bytes(content[:count], "big") & unknown
    return offset + count, None if value == unknown else value


def _end_of_asf(stream: BinaryIO, _: int) -> int:
    """ASF: the header object, then the data object; each starts with a 16-byte identifier and a 64-bit size."""
    (offset,) = struct.unpack("<Q", bytes_at(stream, 16, 8))
    kind, length = struct.unpack("<16sQ", bytes_at(stream, min(offset, 2**62), 24))
    return offset + length if kind == _ASF_DATA else 0


def _end_of_w64(stream: BinaryIO, _: int) -> int:
    (length,) = struct.unpack("<Q", bytes_at(stream, 16, 8))
    return int(length)


def _end_of_nist(stream: BinaryIO, _: int) -> int:
    """NIST SPHERE: a text header, whose length is on its second line, then the samples."""
    header = bytes_at(stream, 0, 1024)
    fields = [re.search(rb"^" + field + rb" -i (\d{1,15})\s*$", header, re.MULTILINE) for field in _NIST_FIELDS]
    length = re.match(rb"NIST_1A\n\s*(\d{1,6})\n", header)
    if length is None or b"shorten" in header or not all(fields):
        return 0
    channels, count, width = (int(field[1]) for field in fields if field)
    return int(length[1]) + channels * count * width


def _end_of_voc(stream: BinaryIO, size: int) -> int:
    """VOC: blocks with a kind (1 byte) and a size (3 bytes); kind 0 ends the file."""
    (offset,) = struct.unpack("<H", bytes_at(stream, 20, 2))
    for _ in range(_MAX_BOXES):
        kind, *length = bytes_at(stream, offset, 4)
        if offset >= size or kind == 0:
            break
        offset += 4 + int.from_bytes(bytes(length), "little")
    return int(offset)


_FINDERS: dict[bytes, Callable[[BinaryIO, int], int]] = {
    _EBML: _end_of_segment,
    _ASF_HEADER: _end_of_asf,
    _W64: _end_of_w64,
    _NIST: _end_of_nist,
    _VOC: _end_of_voc,
}

"""Where a file ends by its own account: MP4 and QuickTime, Matroska and WebM, ASF, W64, NIST SPHERE and VOC.

Only the few bytes are read that say it. The container `declared_length` compares it with what is there.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import BinaryIO

# Boxes that may stand at the top of an MP4 file; behind anything else may stand what some device has put there.
_BOXES = {b"ftyp", b"free", b"mdat", b"meta", b"mfra", b"moof", b"moov", b"sidx", b"skip", b"styp", b"uuid", b"wide"}
_FIRST_BOXES = {b"ftyp", b"mdat", b"moov", b"wide"}

# A fragmented file has two a second or so; a hostile one could have millions of empty ones.
_MOST_BOXES = 200_000

# Sizes that were never set are written as the largest number there is, or near it.
_PLACEHOLDER = 1 << 60

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_W64 = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
_NIST = b"NIST_1A\n"
_NIST_FIELDS = (rb"channel_count", rb"sample_count", rb"sample_n_bytes")
_VOC = b"Creative Voice File\x1a"


def announced_end(stream: BinaryIO, size: int) -> int:
    """Find where a file should end.

    Parameters
    ----------
    stream : binary file
        The whole file, seekable.
    size : int
        Its length in bytes.

    Returns
    -------
    end : int
        In bytes from the beginning; 0 where the file does not say.
    """
    beginning = bytes_at(stream, 0, 20)
    if beginning[4:8] in _FIRST_BOXES:
        return _end_of_boxes(stream, size)
    end = next((find(stream, size) for magic, find in _FINDERS.items() if beginning.startswith(magic)), 0)
    return end if end < _PLACEHOLDER else 0


def bytes_at(stream: BinaryIO, at: int, count: int) -> bytes:
    """So many bytes from a place on, with zeros for those that are not there."""
    stream.seek(at)
    return stream.read(count).ljust(count, b"\0")


def _end_of_boxes(stream: BinaryIO, size: int) -> int:
    """MP4 and QuickTime (ISO/IEC 14496-12, section 4.2): boxes of a size, where 1 is followed by one of 64 bits."""
    at = 0
    for _ in range(_MOST_BOXES):
        length, kind, long_length = struct.unpack(">I4sQ", bytes_at(stream, at, 16))
        length = long_length if length == 1 else length
        if at >= size or kind not in _BOXES or length < 8:  # 0 is as long as the file
            break
        at += length
    return at


def _end_of_segment(stream: BinaryIO, _: int) -> int:
    """Matroska (RFC 8794, section 4 for numbers; RFC 9559 for the segment that all the sound is in)."""
    at, length = _number(stream, 4)
    at += length or 0
    if bytes_at(stream, at, 4) != _SEGMENT:
        return 0
    at, announced = _number(stream, at + 4)
    return 0 if announced is None else at + announced


def _number(stream: BinaryIO, at: int) -> tuple[int, int | None]:
    """The end of a number of variable size and its value, None where all its bits are set, which means unknown."""
    content = bytes_at(stream, at, 8)
    count = 9 - content[0].bit_length()
    unknown = (1 << 7 * count) - 1
    value = int.from_bytes(content[:count], "big") & unknown
    return at + count, None if value == unknown else value


def _end_of_asf(stream: BinaryIO, _: int) -> int:
    """ASF: the header object, then the object with the packets; 16 bytes say what each is, 8 how long."""
    (at,) = struct.unpack("<Q", bytes_at(stream, 16, 8))
    kind, length = struct.unpack("<16sQ", bytes_at(stream, min(at, 2**62), 24))
    return at + length if kind == _ASF_DATA else 0


def _end_of_w64(stream: BinaryIO, _: int) -> int:
    (length,) = struct.unpack("<Q", bytes_at(stream, 16, 8))
    return int(length)


def _end_of_nist(stream: BinaryIO, _: int) -> int:
    """NIST SPHERE: lines of text, of a length that the second line says, then the samples."""
    header = bytes_at(stream, 0, 1024)
    found = [re.search(rb"^" + field + rb" -i (\d{1,15})\s*$", header, re.MULTILINE) for field in _NIST_FIELDS]
    length = re.match(rb"NIST_1A\n\s*(\d{1,6})\n", header)
    if length is None or b"shorten" in header or not all(found):
        return 0
    channels, count, width = (int(match[1]) for match in found if match)
    return int(length[1]) + channels * count * width


def _end_of_voc(stream: BinaryIO, size: int) -> int:
    """VOC: blocks of one byte for the kind and three for the length; kind 0 ends the file."""
    (at,) = struct.unpack("<H", bytes_at(stream, 20, 2))
    for _ in range(_MOST_BOXES):
        kind, *length = bytes_at(stream, at, 4)
        if at >= size or kind == 0:
            break
        at += 4 + int.from_bytes(bytes(length), "little")
    return int(at)


_FINDERS: dict[bytes, Callable[[BinaryIO, int], int]] = {
    _EBML: _end_of_segment,
    _ASF_HEADER: _end_of_asf,
    _W64: _end_of_w64,
    _NIST: _end_of_nist,
    _VOC: _end_of_voc,
}

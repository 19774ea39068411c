"""The sound in FLAC files (RFC 9639): the number of samples in the header, and the position of the last frame.

A decoder stops after the declared number of samples. So what follows the last frame is looked at here.
"""

from __future__ import annotations

import re

from speechgmm.audio.byte_source import Source
from speechgmm.audio.checksums import checked_ends, checksum, remainders
from speechgmm.audio.chunks import is_beginning
from speechgmm.audio.extent import Part, may_be_sound
from speechgmm.audio.units import tag

_MARKS = (b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22")
_STREAM_INFO = 8  # offset of the block with this name
_TOTAL = _STREAM_INFO + 13  # of the number of samples: the last 36 bits of 5 bytes
_LONGEST_FRAME = 1 << 18  # that is searched for, if the header does not say
_LARGEST_FRAME = 1 << 20  # that is searched for, whatever the header says
_FRAME_MARK = re.compile(rb"\xff[\xf8\xf9]")
_BLOCK_SIZES = (0, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)


_CRC_8, _CRC_16 = remainders(0x107, 8), remainders(0x18005, 16)


def survey_flac(source: Source, begin: int) -> list[Part]:
    """Find the end of a FLAC file. A number of samples that is too small is corrected, so that all are read.

    Parameters
    ----------
    source : Source
    begin : int
        Offset of the file's first byte.

    Returns
    -------
    list of Part
        One; it ends where another file begins.
    """
    after = [offset for mark in _MARKS if (offset := source.find(mark, begin + 8)) >= 0]
    end = min(after, default=source.size)
    total = _total(source.at(begin + _TOTAL, 5))
    held, unread = _end_of_last_frame(source, begin, end), ""
    if not held:
        held, end, unread = _before_rest(source, begin, end)
    if not total or held <= total:
        return [Part(kind="flac", begin=begin, end=end, tells_end=total > 0, remark=unread)]
    first = source.at(begin + _TOTAL, 1)[0] & 0xF0
    head = source.at(begin, _TOTAL) + (first << 32 | held).to_bytes(5, "big")
    corrected = f"its header declares {total:,} samples, it holds {held:,}, and all were read"
    remark = "; ".join(filter(None, (corrected, unread)))
    return [Part(kind="flac", begin=begin + len(head), end=end, head=head, remark=remark)]


def _total(content: bytes) -> int:
    return int.from_bytes(content, "big") & ((1 << 36) - 1)


def _before_rest(source: Source, begin: int, end: int) -> tuple[int, int, str]:
    """The number of samples and the end of a file that does not end with its last frame, and a remark on the rest.

    The end is that of the range, unless another file begins after the last frame. The end of a frame is only known by
    its checksum, which is right by chance in one of 65,536 places: the one that leaves the shortest rest is taken.
    """
    first = _begin_of_last_frame(source, begin, end)
    content = source.at(first, min(_longest_frame(source, begin), end - first))
    frame_ends = [first + at for at in checked_ends(content, _CRC_16, 16)]
    if not frame_ends:
        return 0, end, ""
    held = _end_of_frame(content, 0, _block_size(source, begin))
    if other := next((at for at in frame_ends if is_beginning(source, at)), 0):
        return held, other, ""
    rest = min(_length_of_rest(source, at, end) for at in frame_ends)
    unread = f"its last {rest:,} bytes, after its last frame, were not read"
    return held, end, unread if may_be_sound(rest, first - begin) else ""


def _length_of_rest(source: Source, after: int, end: int) -> int:
    """Bytes up to `end`, without tags and zeros at the beginning."""
    while length := tag(source.at(after, 64), 0):
        after += length
    return end - source.end_of_zeros(after, end) if after < end else 0


def _begin_of_last_frame(source: Source, begin: int, end: int) -> int:
    """Offset of the last frame, found by bisection: up to it, a frame begins in every range as long as the longest."""
    longest, block_size = _longest_frame(source, begin), _block_size(source, begin)
    low, high = begin, end
    while low < high:
        middle = (low + high + 1) // 2
        content = source.at(middle, longest + 16)
        marks = (match.start() for match in _FRAME_MARK.finditer(content, 0, longest + 1))
        found = next((at for at in marks if _end_of_frame(content, at, block_size)), None)
        if found is None:
            high = middle - 1
        else:
            low = middle + found
    return low


def _block_size(source: Source, begin: int) -> int:
    return int.from_bytes(source.at(begin + _STREAM_INFO + 2, 2), "big")


def _longest_frame(source: Source, begin: int) -> int:
    declared = int.from_bytes(source.at(begin + _STREAM_INFO + 7, 3), "big")
    return min(declared or _LONGEST_FRAME, _LARGEST_FRAME)


def _end_of_last_frame(source: Source, begin: int, end: int) -> int:
    """Number of samples up to the end of the last frame; 0 if that is not found."""
    block_size = _block_size(source, begin)
    start = max(end - _longest_frame(source, begin), begin)
    content = source.at(start, end - start)
    at = len(content)
    while (at := content.rfind(b"\xff", 0, at)) >= 0:
        samples = _end_of_frame(content, at, block_size)
        if samples and checksum(content[at:], _CRC_16, 16) == 0:
            return samples
    return 0


def _end_of_frame(content: bytes, at: int, block_size: int) -> int:
    """Number of samples up to the end of the frame at `at`, from its header (RFC 9639, section 9.1); 0 if invalid."""
    header = content[at : at + 16].ljust(16, b"\0")
    if header[1] & 0xFE != 0xF8 or header[3] & 1 or header[2] < 0x10:
        return 0
    n_more = max(8 - (header[4] ^ 0xFF).bit_length() - 1, 0)  # a number in the form of UTF-8
    position = header[4] & (0x7F >> (n_more + bool(n_more)))
    for byte in header[5 : 5 + n_more]:
        position = position << 6 | byte & 0x3F
    after = 5 + n_more
    code = header[2] >> 4
    width = {6: 1, 7: 2}.get(code, 0)
    length = int.from_bytes(header[after : after + width], "big") + 1 if width else _BLOCK_SIZES[code]
    after += width + {12: 1, 13: 2, 14: 2}.get(header[2] & 15, 0)
    if not length or checksum(header[: after + 1], _CRC_8, 8):
        return 0
    return (position if header[1] & 1 else position * block_size) + length

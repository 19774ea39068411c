"""End of a file that its header declares: formats with one header, and containers whose boxes or blocks hold all.

Only the header fields that hold a length are read. `survey` compares the end with the size of the file.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from speechgmm.audio.byte_source import Source
from speechgmm.audio.units import SAMPLE_DUMP_HEADER, vint

# Top-level boxes of an MP4 file. Devices append other data after them, which must not be parsed as boxes.
_BOXES = {b"ftyp", b"free", b"mdat", b"meta", b"mfra", b"moof", b"moov", b"sidx", b"skip", b"styp", b"uuid", b"wide"}

# A fragmented file has about two boxes per second. A hostile file could have millions of empty ones.
_MAX_BOXES = 200_000

_UNSET = 1 << 60  # a size that the recorder did not set is the largest possible number, or close to it
_SEGMENT = b"\x18\x53\x80\x67"
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_NIST_FIELDS = (rb"channel_count", rb"sample_count", rb"sample_n_bytes")
_MAT4_SIZES = (8, 4, 4, 2, 2, 1)  # bytes per number, by the tens digit of the type
_SDS_PACKET = 127


def declared_end(source: Source, begin: int, kind: str) -> int | None:
    """Find the end that the headers of a file declare.

    Parameters
    ----------
    source : Source
    begin : int
        Offset of the file's first byte.
    kind : str
        A key of `FINDERS`.

    Returns
    -------
    end : int or None
        Offset in bytes; None if the headers declare none.
    """
    end = FINDERS[kind](source, begin)
    return end if end is not None and begin < end < _UNSET else None


def _mp4(source: Source, begin: int) -> int | None:
    """MP4 and QuickTime: boxes. One that reaches to the end of the file, and fragments without index, declare none."""
    end = begin
    kinds: set[bytes] = set()
    for offset, kind, length in boxes(source, begin):
        if kind == b"ftyp" and {b"moov", b"mdat"} <= kinds:  # another file follows
            break
        if length == 0:
            return None
        kinds.add(kind)
        end = offset + length
    return None if end <= source.size and b"moof" in kinds and not kinds & {b"mfra", b"sidx"} else end


def boxes(source: Source, begin: int) -> list[tuple[int, bytes, int]]:
    """Offset, kind and length of the boxes (ISO/IEC 14496-12, section 4.2): a 64-bit length follows a 32-bit 1."""
    found: list[tuple[int, bytes, int]] = []
    offset = begin
    while offset < source.size and len(found) < _MAX_BOXES:
        length, kind, long_length = struct.unpack(">I4sQ", source.at(offset, 16))
        length = long_length if length == 1 else length
        if kind not in _BOXES or 0 < length < 8:
            break
        found.append((offset, kind, length))
        if length == 0:  # up to the end of the file
            break
        offset += length
    return found


def _matroska(source: Source, begin: int) -> int | None:
    """Matroska: the segment holds all audio (RFC 9559)."""
    width, length = vint(source.at(begin + 4, 16), 0)
    offset = begin + 4 + width + (length or 0)
    if source.at(offset, 4) != _SEGMENT:
        return None
    width, declared = vint(source.at(offset + 4, 16), 0)
    return None if declared is None else offset + 4 + width + declared


def _asf(source: Source, begin: int) -> int | None:
    """ASF: the header object, then the data object; each starts with a 16-byte identifier and a 64-bit size."""
    (length,) = struct.unpack("<Q", source.at(begin + 16, 8))
    kind, data_length = struct.unpack("<16sQ", source.at(begin + length, 24))
    return begin + int(length) + int(data_length) if kind == _ASF_DATA else None


def _avi(source: Source, begin: int) -> int | None:
    """AVI: RIFF chunks one after the other; the first is of type AVI, the others, of large files, of type AVIX."""
    offset, form = begin, b"AVI "
    while source.at(offset, 4) == b"RIFF" and source.at(offset + 8, 4) == form:
        (size,) = struct.unpack("<I", source.at(offset + 4, 4))
        if size in (0, 0xFFFFFFFF):
            return None
        offset, form = offset + 8 + size + size % 2, b"AVIX"
    return offset


def _w64(source: Source, begin: int) -> int | None:
    (length,) = struct.unpack("<Q", source.at(begin + 16, 8))
    return begin + int(length)


def _nist(source: Source, begin: int) -> int | None:
    """NIST SPHERE: a text header, whose length is on its second line, then the samples."""
    header = source.at(begin, 1024)
    fields = [
        re.search(rb"^" + field + rb" -(?:i|s\d+) (\d{1,15})\s*$", header, re.MULTILINE) for field in _NIST_FIELDS
    ]
    length = re.match(rb"NIST_1A\n\s*(\d{1,6})\n", header)
    if length is None or b"shorten" in header or not all(fields):
        return None
    channels, count, width = (int(field[1]) for field in fields if field)
    return begin + int(length[1]) + channels * count * width


def _voc(source: Source, begin: int) -> int | None:
    """VOC: blocks with a kind (1 byte) and a size (3 bytes); kind 0 ends the file."""
    offset = begin + int.from_bytes(source.at(begin + 20, 2), "little")
    for _ in range(_MAX_BOXES):
        kind, *length = source.at(offset, 4)
        if offset >= source.size or kind > 9:
            break
        offset += 4 + int.from_bytes(bytes(length), "little") if kind else 1
        if kind == 0:
            break
    return offset


def _avr(source: Source, begin: int) -> int | None:
    stereo, bits, _, _, _, _, n_frames = struct.unpack(">HHHHHII", source.at(begin + 12, 18))
    return begin + 128 + int(n_frames * (bits // 8) * (2 if stereo else 1))


def _mpc2k(source: Source, begin: int) -> int | None:
    """Akai MPC 2000: samples of 16 bits."""
    (stereo,) = source.at(begin + 21, 1)
    (n_frames,) = struct.unpack("<I", source.at(begin + 30, 4))
    return begin + 42 + 2 * int(n_frames) * (2 if stereo else 1)


def _wve(source: Source, begin: int) -> int | None:
    (length,) = struct.unpack(">I", source.at(begin + 18, 4))
    return begin + 32 + int(length)


def _xi(source: Source, begin: int) -> int | None:
    """FastTracker 2: sample headers of 40 bytes, which begin with the size, then the samples."""
    (n_samples,) = struct.unpack("<H", source.at(begin + 296, 2))
    if n_samples > 16:
        return None
    sizes = [struct.unpack("<I", source.at(begin + 298 + 40 * number, 4))[0] for number in range(n_samples)]
    return begin + 298 + 40 * n_samples + sum(sizes) if sum(sizes) else None


def _mat4(source: Source, begin: int) -> int | None:
    """MATLAB 4: two matrices, the sampling rate and the samples."""
    offset = begin
    for _ in range(2):
        order = "<" if source.at(offset, 2) != b"\0\0" or source.at(offset, 4) == bytes(4) else ">"
        kind, rows, columns, imaginary, name = struct.unpack(f"{order}5I", source.at(offset, 20))
        width = _MAT4_SIZES[kind // 10 % 10] if kind // 10 % 10 < len(_MAT4_SIZES) else 0
        offset += 20 + int(name) + int(rows) * int(columns) * width * (2 if imaginary else 1)
    return offset


def _mat5(source: Source, begin: int) -> int | None:
    """MATLAB 5: a header of 128 bytes, then two matrices: the sampling rate and the samples.

    A matrix has flags, dimensions, name and numbers; the size of the numbers is more reliable than that of the matrix.
    """
    order = "<" if source.at(begin + 126, 2) == b"IM" else ">"
    kind, size = struct.unpack(f"{order}II", source.at(begin + 128, 8))
    offset = begin + 128 + 8 + int(size) + 8
    if kind != 14:
        return None
    for _ in range(3):
        is_small, size = struct.unpack(f"{order}II", source.at(offset, 8))
        offset += 8 if is_small > 0xFFFF else 8 + int(size) + -int(size) % 8
    (size,) = struct.unpack(f"{order}I", source.at(offset + 4, 4))
    return offset + 8 + int(size)


def _sds(source: Source, begin: int) -> int | None:
    """MIDI sample dump: packets of 120 bytes of samples, 7 bits in each byte."""
    header = source.at(begin, SAMPLE_DUMP_HEADER)
    n_samples = header[10] | header[11] << 7 | header[12] << 14
    per_packet = 120 // max(-(-header[6] // 7), 1)
    return begin + SAMPLE_DUMP_HEADER + -(-n_samples // per_packet) * _SDS_PACKET


FINDERS: dict[str, Callable[[Source, int], int | None]] = {
    "mov": _mp4,
    "matroska": _matroska,
    "asf": _asf,
    "avi": _avi,
    "w64": _w64,
    "nist": _nist,
    "voc": _voc,
    "avr": _avr,
    "mpc2k": _mpc2k,
    "wve": _wve,
    "xi": _xi,
    "mat4": _mat4,
    "mat5": _mat5,
    "sds": _sds,
}
"""By kind."""

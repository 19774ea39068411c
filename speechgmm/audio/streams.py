"""The sound in streams of frames, packets and tags: AAC, AC-3, AMR, FLV, AVI, Matroska, MPEG, ASF.

Holes, zeros in place of the rest (a download that broke off) and incomplete last units are found by `units.Walk`.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence

from speechgmm.audio import units
from speechgmm.audio.byte_source import Source
from speechgmm.audio.declared_end import declared_end
from speechgmm.audio.extent import Part, cut_short
from speechgmm.audio.units import UNFINISHED, UNMISTAKABLE, Measure, Walk, check_holes

_ASF_DATA_HEADER = 50
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


_FORMS: dict[str, tuple[Measure, bytes]] = {
    "aac": (units.adts_frame, b"\xff"),
    "ac3": (units.ac3_frame, b"\x0b\x77"),
    "eac3": (units.ac3_frame, b"\x0b\x77"),
    "mpeg": (units.program_stream_packet, b"\0\0\x01"),
    "flv": (units.flv_tag, b""),
    "avi": (units.riff_chunk, b""),
    "matroska": (units.matroska_element, b""),
}
"""Measure of each kind, and the bytes with which each unit begins."""

_SEARCHED = 1 << 16  # bytes
_DECLARING = ("avi", "matroska", "asf")
_BEGINNINGS = {"flv": b"FLV\x01", "amr": b"#!AMR", "matroska": b"\x1a\x45\xdf\xa3"}


def survey_units(source: Source, begin: int, kind: str) -> list[Part]:
    """Check the units of a stream.

    Parameters
    ----------
    source : Source
    begin : int
        Offset of its first byte.
    kind : str
        ffmpeg's name.

    Returns
    -------
    list of Part
        One; it ends where another file of its kind begins.

    Raises
    ------
    UnsoundError
        If it ends before its declared end, or has a hole.
    """
    declared = declared_end(source, begin, kind) if kind in _DECLARING else None
    end = source.size if declared is None else declared
    if end > source.size:
        raise cut_short(end - source.size, source.size)
    tells_end = declared is not None or (kind == "flv" and _declares_duration(source, begin))
    walk = _walk(source, begin, end, kind)
    stream_bytes: Counter[int] = Counter()
    for unit in walk:
        if kind == "avi" and unit.head[2:4] == b"wb" and unit.head[:2].isdigit():  # audio, after the stream's number
            stream_bytes[int(unit.head[:2])] += int.from_bytes(unit.head[4:8], "little")
        if kind in _BEGINNINGS and unit.begin > begin and unit.head.startswith(_BEGINNINGS[kind]):
            return [Part(kind=kind, begin=begin, end=unit.begin, tells_end=tells_end)]
    if walk.missing and tells_end:
        raise cut_short(walk.missing, source.size)
    hole = check_holes(walk, begin, end)
    remark = UNFINISHED if walk.missing else hole
    last = walk.holes[-1][0] if walk.holes and walk.holes[-1][1] == end else walk.position
    return [Part(kind=kind, begin=begin, end=last, tells_end=tells_end, stream_bytes=dict(stream_bytes), remark=remark)]


def stream_kind(source: Source, begin: int, kinds: Sequence[str]) -> tuple[str, int]:
    """Recognise a stream without a mark at its beginning.

    Parameters
    ----------
    source : Source
    begin : int
        Offset of its first byte. A transmission that was recorded begins within a frame.
    kinds : sequence of str
        Of "mpegts", "mpeg", "aac" and "ac3", those that are tried.

    Returns
    -------
    kind : str
        Empty if it is none.
    first : int
        Offset of its first frame.
    """
    for kind in kinds:
        if kind == "mpegts":
            first = next((at for at in range(begin, begin + 204) if _transport_packet(source, at)[0]), None)
            if first is not None:
                return kind, first
            continue
        walk = Walk(source, begin, min(source.size, begin + _SEARCHED), *_FORMS[kind])
        found = [unit for unit, _ in zip(walk, range(UNMISTAKABLE), strict=False)]
        forms = {_form(kind, unit.head) for unit in found}
        if len(forms) == 1 and (len(found) == UNMISTAKABLE or walk.position == source.size):
            is_enhanced = kind == "ac3" and found[0].head[5] >> 3 > 10
            return "eac3" if is_enhanced else kind, found[0].begin
    return "", begin


def _form(kind: str, head: bytes) -> bytes:
    """What is the same in the headers of all frames of a stream."""
    return {"aac": head[1:3], "ac3": bytes([head[4] >> 6, head[5]])}.get(kind, b"")


def _transport_packet(source: Source, begin: int) -> tuple[int, int]:
    """Length of the packets of an MPEG transport stream, and bytes before the mark of each; zeros if it is none."""
    content = source.at(begin, 5 * 204)
    for length, skew in ((188, 0), (192, 4), (204, 0)):
        if content[skew : 5 * length : length] == b"\x47" * 5:
            return length, skew
    return 0, 0


def _walk(source: Source, begin: int, end: int, kind: str) -> Walk:
    if kind == "amr":
        measure = units.amr_frame if source.at(begin, len(units.AMR)) == units.AMR else units.amr_wb_frame
        return Walk(source, begin, end, measure)
    if kind == "mpegts":
        length, skew = _transport_packet(source, begin)
        return Walk(source, begin, end, units.packets(length, b"\x47", skew), b"" if skew else b"\x47")
    if kind == "asf":
        first, length = _asf_packets(source, begin, end)
        return Walk(source, first, end, units.packets(length, source.at(first, 1)))
    return Walk(source, begin, end, *_FORMS[kind])


def _asf_packets(source: Source, begin: int, end: int) -> tuple[int, int]:
    """ASF: offset and length of the packets in the data object, which follows the header object."""
    (header,) = struct.unpack("<Q", source.at(begin + 16, 8))
    properties = source.find(_ASF_FILE_PROPERTIES, begin, begin + header)
    length = int.from_bytes(source.at(properties + 92, 4), "little") if properties >= 0 else 0
    first = begin + header + _ASF_DATA_HEADER
    is_row = length and (end - first) % length == 0 and source.at(first, 1) != b"\0"
    return (first, length) if is_row and first < end else (end, 1)


def _declares_duration(source: Source, begin: int) -> bool:
    """Whether the metadata of a Flash video hold a duration, a big-endian double, that is not 0."""
    at = source.find(b"\0\x08duration\0", begin, begin + 4096)
    return at >= 0 and struct.unpack(">d", source.at(at + 11, 8))[0] > 0

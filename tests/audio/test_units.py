"""Walks through rows of frames, pages, packets and tags."""

from __future__ import annotations

import io
import struct

import pytest

from speechgmm.audio import units
from speechgmm.audio.byte_source import Source
from speechgmm.audio.extent import UnsoundError
from speechgmm.audio.units import Measure, Walk, check_holes


def adts(length: int) -> bytes:
    """An AAC frame of this length."""
    return bytes([0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC]).ljust(
        length, b"\x11"
    )


def ogg(*segments: int) -> bytes:
    """An Ogg page with segments of these lengths."""
    return b"OggS\0" + bytes(21) + bytes([len(segments), *segments]) + b"\x11" * sum(segments)


def ac3(rate: int, code: int) -> bytes:
    """Beginning of an AC-3 frame."""
    return b"\x0b\x77\0\0" + bytes([rate << 6 | code, 8 << 3])


UNITS: dict[str, tuple[Measure, bytes, int]] = {
    "ogg": (units.ogg_page, ogg(255, 255, 10), 27 + 3 + 520),
    "ogg without segments": (units.ogg_page, ogg(), 27),
    "adts": (units.adts_frame, adts(371), 371),
    "long adts": (units.adts_frame, adts(8000), 8000),
    "ac3 48 kHz": (units.ac3_frame, ac3(0, 28), 4 * 384),
    "ac3 44.1 kHz": (units.ac3_frame, ac3(1, 28), 1670),
    "ac3 44.1 kHz, padded": (units.ac3_frame, ac3(1, 29), 1672),
    "ac3 32 kHz": (units.ac3_frame, ac3(2, 28), 6 * 384),
    "eac3": (units.ac3_frame, b"\x0b\x77\x02\xff\0" + bytes([16 << 3]), 2 * 0x300),
    "amr": (units.amr_frame, b"\x3c", 32),
    "amr silence": (units.amr_frame, b"\x7c", 1),
    "amr mark": (units.amr_frame, b"#!AMR\n", 6),
    "amr-wb": (units.amr_wb_frame, b"\x44", 61),
    "amr-wb mark": (units.amr_wb_frame, b"#!AMR-WB\n", 9),
    "flv header": (units.flv_tag, b"FLV\x01\x04" + struct.pack(">II", 9, 0), 13),
    "flv tag": (units.flv_tag, b"\x08\0\x01\0", 15 + 256),
    "chunk": (units.riff_chunk, b"01wb" + struct.pack("<I", 101), 8 + 102),
    "list": (units.riff_chunk, b"LIST" + struct.pack("<I", 1000) + b"movi", 12),
    "matroska block": (units.matroska_element, b"\xa3\x40\xff", 3 + 255),
    "matroska cluster": (units.matroska_element, b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7, 12),
    "pack": (units.program_stream_packet, b"\0\0\x01\xba\x44" + bytes(8) + b"\xfa", 16),
    "pack of MPEG 1": (units.program_stream_packet, b"\0\0\x01\xba\x21", 12),
    "end of program": (units.program_stream_packet, b"\0\0\x01\xb9", 4),
    "packet": (units.program_stream_packet, b"\0\0\x01\xc0\x01\x00", 6 + 256),
    "id3v2": (units.tag, b"ID3\x03\0\0\0\0\x02\x01", 10 + 257),
    "id3v2 with footer": (units.tag, b"ID3\x04\0\x10\0\0\0\x01", 21),
    "id3v1": (units.tag, b"TAG", 128),
    "ape": (units.tag, b"APETAGEX" + struct.pack("<III", 2000, 100, 5) + b"\0\0\0\x80", 100),
    "ape with header": (units.tag, b"APETAGEX" + struct.pack("<III", 2000, 100, 5) + b"\0\0\0\xa0", 132),
}
MEASURES = sorted({measure for measure, _, _ in UNITS.values()}, key=lambda measure: measure.__name__)


@pytest.mark.parametrize("name", UNITS)
def test_length_of_a_unit(name: str) -> None:
    """The header tells the length, at any position of a buffer."""
    measure, unit, length = UNITS[name]

    assert measure(b"xyz" + unit.ljust(600, b"\0"), 3) == length


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.__name__)
def test_zeros_are_no_units(measure: Measure) -> None:
    """Only AMR has a frame that begins with a zero; its frames of zeros are found when they are decoded."""
    assert measure(bytes(600), 0) == (13 if measure is units.amr_frame else 18 if measure is units.amr_wb_frame else 0)


@pytest.mark.parametrize("size", [300, 70_000, 400_000])
def test_walk(size: int) -> None:
    """All units are given with their range and first bytes, wherever blocks of reading end."""
    frames = [adts(100 + index % 300) for index in range(size // 200)]
    content = b"".join(frames)

    walk = Walk(Source(io.BytesIO(content), len(content)), 0, len(content), units.adts_frame, b"\xff")
    found = list(walk)

    assert [content[unit.begin : unit.end] for unit in found] == frames
    assert all(content[unit.begin :].startswith(unit.head[:7]) for unit in found)
    assert (walk.position, walk.missing, walk.holes) == (len(content), 0, [])


def test_unit_that_is_longer_than_a_block() -> None:
    """A unit of any length is passed over."""
    content = b"\x09" + (200_000).to_bytes(3, "big") + bytes(200_011) + b"\x08\0\0\0" + bytes(11)

    walk = Walk(Source(io.BytesIO(content), len(content)), 0, len(content), units.flv_tag)

    assert [unit.end - unit.begin for unit in walk] == [200_015, 15]


@pytest.mark.parametrize("hole", [bytes(5000), b"\xff" * 5000, bytes(range(256)) * 20])
def test_hole(hole: bytes) -> None:
    """Bytes between units that are no units are a hole; the units after it are found."""
    content = adts(300) * 3 + hole + adts(200) * 4

    walk = Walk(Source(io.BytesIO(content), len(content)), 0, len(content), units.adts_frame, b"\xff")

    assert len(list(walk)) == 7
    assert walk.holes == [(900, 900 + len(hole))]
    with pytest.raises(
        UnsoundError, match=rf"it is damaged: from byte 900 on, {len(hole):,} bytes of it are no audio$"
    ):
        check_holes(walk, 0, len(content))


def test_small_hole_is_a_remark() -> None:
    """Few bytes that are no units, as in recorded transmissions, are accepted with a remark."""
    content = b"\x12" * 99 + adts(300) * 9

    walk = Walk(Source(io.BytesIO(content), len(content)), 0, len(content), units.adts_frame, b"\xff")
    assert len(list(walk)) == 9
    assert check_holes(walk, 0, len(content)) == "99 bytes of it, from byte 0 on, are no audio"


def test_what_follows_a_complete_stream_does_not_matter() -> None:
    """If all that was declared is there, bytes after it are no hole, but bytes before its end are."""
    content = adts(300) * 9 + bytes(5000)
    walk = Walk(Source(io.BytesIO(content), len(content)), 0, len(content), units.adts_frame, b"\xff")
    list(walk)

    assert check_holes(walk, 0, len(content), complete=True) == ""
    walk.holes = [(300, 8000), *walk.holes]
    with pytest.raises(UnsoundError, match="from byte 300 on, 7,700 bytes"):
        check_holes(walk, 0, len(content), complete=True)


def test_incomplete_last_unit() -> None:
    """The bytes that the last unit lacks are counted; without a mark of units, a hole is the end."""
    content = adts(300) * 3 + adts(200)[:150]
    walk = Walk(Source(io.BytesIO(content), len(content)), 0, len(content), units.adts_frame, b"\xff")

    assert len(list(walk)) == 3
    assert (walk.missing, walk.position) == (50, 900)
    unmarked = Walk(Source(io.BytesIO(b"?" + content), 1051), 0, 1051, units.adts_frame)
    assert list(unmarked) == []
    assert unmarked.holes == [(0, 1051)]


@pytest.mark.parametrize(("length", "skew"), [(188, 0), (192, 4), (204, 0), (3200, 0)])
@pytest.mark.parametrize("n_packets", [1, 2, 7, 3000])
def test_packets(length: int, skew: int, n_packets: int) -> None:
    """Rows of packets are passed at once; an incomplete last one and a hole are found."""
    packet = (bytes(skew) + b"\x47").ljust(length, b"\x01")
    measure = units.packets(length, b"\x47", skew)

    def walked(content: bytes) -> tuple[int, int, list[tuple[int, int]]]:
        walk = Walk(Source(io.BytesIO(content), len(content)), 0, len(content), measure)
        end = max((unit.end for unit in walk), default=0)
        return end, walk.missing, walk.holes

    assert walked(packet * n_packets) == (length * n_packets, 0, [])
    assert walked((packet * n_packets)[:-9]) == (length * (n_packets - 1), 9, [])
    assert walked(packet * n_packets + bytes(999)) == (
        length * n_packets,
        0,
        [(length * n_packets, length * n_packets + 999)],
    )

"""Declared end of files built from bytes."""

from __future__ import annotations

import io
import struct

import pytest

from speechgmm.audio.container_length import declared_end

ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
W64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
AUDIO = bytes(range(100))
UNKNOWN = 2**64 - 1


def box(kind: bytes, content: bytes = b"", length: int | None = None) -> bytes:
    """An MP4 box; `length` overrides its declared length."""
    return struct.pack(">I4s", 8 + len(content) if length is None else length, kind) + content


def nist(*fields: str) -> bytes:
    """A NIST SPHERE file with 100 bytes of audio."""
    return "\n".join(["NIST_1A", "   1024", *fields, "end_head", ""]).encode().ljust(1024) + AUDIO


COUNTS = ("channel_count -i 2", "sample_count -i 25", "sample_n_bytes -i 2")
EBML = b"\x1a\x45\xdf\xa3\x84" + bytes(4)
SEGMENT = b"\x18\x53\x80\x67"
VOC = b"Creative Voice File\x1a" + struct.pack("<H", 26) + bytes(4)

WHOLE = {
    "mp4": box(b"ftyp", b"isom") + box(b"moov", bytes(30)) + box(b"mdat", AUDIO),
    "mp4 with 64 bits": box(b"ftyp") + box(b"mdat", struct.pack(">Q", 116) + AUDIO, 1),
    "old mov": box(b"wide") + box(b"mdat", AUDIO),
    "mkv": EBML + SEGMENT + b"\xe4" + AUDIO,
    "mkv with 8 bytes": EBML + SEGMENT + b"\x01" + (100).to_bytes(7, "big") + AUDIO,
    "asf": ASF_HEADER + struct.pack("<Q", 30) + bytes(6) + ASF_DATA + struct.pack("<Q", 124) + AUDIO,
    "w64": W64_RIFF + struct.pack("<Q", 124) + AUDIO,
    "nist": nist(*COUNTS),
    "voc": VOC + b"\x01\x14\0\0" + bytes(20) + b"\x02\x64\0\0" + AUDIO,
}


def end_of(content: bytes) -> int:
    """Declared end of a file with this content."""
    return declared_end(io.BytesIO(content), len(content))


@pytest.mark.parametrize("cut", [0, 1, 60])
@pytest.mark.parametrize("name", WHOLE)
def test_declared_end(name: str, cut: int) -> None:
    """The end is found even if the file is truncated before it."""
    content = WHOLE[name]

    assert end_of(content[: len(content) - cut]) == len(content)


@pytest.mark.parametrize(
    "content",
    [
        EBML + SEGMENT + b"\xff" + AUDIO,
        EBML + SEGMENT + b"\x01" + b"\xff" * 7 + AUDIO,
        EBML + b"something else",
        b"\x1a\x45\xdf\xa3",
        ASF_HEADER + struct.pack("<Q", UNKNOWN) + AUDIO,
        ASF_HEADER + struct.pack("<Q", 24) + AUDIO,
        ASF_HEADER + struct.pack("<Q", 24) + ASF_DATA + struct.pack("<Q", UNKNOWN) + AUDIO,
        W64_RIFF + struct.pack("<Q", UNKNOWN) + AUDIO,
        nist(*COUNTS[:2]),
        nist(*COUNTS, "sample_coding -s26 pcm,embedded-shorten-v2.00"),
        b"NIST_1A\n" + AUDIO,
        b"",
        b"not audio at all",
    ],
)
def test_no_declared_end(content: bytes) -> None:
    """Live streams, compressed audio and damaged headers declare no end."""
    assert end_of(content) == 0


@pytest.mark.parametrize(
    "after",
    [box(b"mdat", AUDIO, 0), b"TAG" + bytes(125), box(b"junk", b"", 99_999), box(b"mdat", AUDIO, 3), bytes(50)],
)
def test_data_after_the_boxes_is_ignored(after: bytes) -> None:
    """A last box of open length, or other data that a device appended, does not change the end."""
    content = WHOLE["mp4"]

    assert end_of(content + after) == len(content)


def test_data_after_the_last_voc_block_is_ignored() -> None:
    """Data after the terminating block of a VOC file does not change the end."""
    content = WHOLE["voc"]

    assert end_of(content + b"\0" + b"\xff" * 50) == len(content)


def test_number_of_boxes_is_limited() -> None:
    """A file with very many boxes is not parsed completely."""
    assert end_of(box(b"ftyp") + box(b"free") * 250_000) < 8 * 250_000

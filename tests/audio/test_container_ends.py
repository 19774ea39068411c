"""Where files should end by their own account, on files put together by hand."""

from __future__ import annotations

import io
import struct

import pytest

from speechgmm.audio.container_ends import announced_end

ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
W64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")
SOUND = bytes(range(100))
UNKNOWN = 2**64 - 1


def box(kind: bytes, content: bytes = b"", length: int | None = None) -> bytes:
    """An MP4 box, which may announce another length than it has."""
    return struct.pack(">I4s", 8 + len(content) if length is None else length, kind) + content


def nist(*fields: str) -> bytes:
    """A NIST SPHERE file of 100 bytes of sound."""
    return "\n".join(["NIST_1A", "   1024", *fields, "end_head", ""]).encode().ljust(1024) + SOUND


COUNTS = ("channel_count -i 2", "sample_count -i 25", "sample_n_bytes -i 2")
EBML = b"\x1a\x45\xdf\xa3\x84" + bytes(4)
SEGMENT = b"\x18\x53\x80\x67"
VOC = b"Creative Voice File\x1a" + struct.pack("<H", 26) + bytes(4)

WHOLE = {
    "mp4": box(b"ftyp", b"isom") + box(b"moov", bytes(30)) + box(b"mdat", SOUND),
    "mp4 with 64 bits": box(b"ftyp") + box(b"mdat", struct.pack(">Q", 116) + SOUND, 1),
    "old mov": box(b"wide") + box(b"mdat", SOUND),
    "mkv": EBML + SEGMENT + b"\xe4" + SOUND,
    "mkv with 8 bytes": EBML + SEGMENT + b"\x01" + (100).to_bytes(7, "big") + SOUND,
    "asf": ASF_HEADER + struct.pack("<Q", 30) + bytes(6) + ASF_DATA + struct.pack("<Q", 124) + SOUND,
    "w64": W64_RIFF + struct.pack("<Q", 124) + SOUND,
    "nist": nist(*COUNTS),
    "voc": VOC + b"\x01\x14\0\0" + bytes(20) + b"\x02\x64\0\0" + SOUND,
}


def end_of(content: bytes) -> int:
    """The end that a file with this content announces."""
    return announced_end(io.BytesIO(content), len(content))


@pytest.mark.parametrize("cut", [0, 1, 60])
@pytest.mark.parametrize("name", WHOLE)
def test_end_is_announced(name: str, cut: int) -> None:
    """The end is found, also where the file was cut off before it."""
    content = WHOLE[name]

    assert end_of(content[: len(content) - cut]) == len(content)


@pytest.mark.parametrize(
    "content",
    [
        EBML + SEGMENT + b"\xff" + SOUND,
        EBML + SEGMENT + b"\x01" + b"\xff" * 7 + SOUND,
        EBML + b"something else",
        b"\x1a\x45\xdf\xa3",
        ASF_HEADER + struct.pack("<Q", UNKNOWN) + SOUND,
        ASF_HEADER + struct.pack("<Q", 24) + SOUND,
        ASF_HEADER + struct.pack("<Q", 24) + ASF_DATA + struct.pack("<Q", UNKNOWN) + SOUND,
        W64_RIFF + struct.pack("<Q", UNKNOWN) + SOUND,
        nist(*COUNTS[:2]),
        nist(*COUNTS, "sample_coding -s26 pcm,embedded-shorten-v2.00"),
        b"NIST_1A\n" + SOUND,
        b"",
        b"no audio at all",
    ],
)
def test_nothing_is_announced(content: bytes) -> None:
    """Live streams, packed sound and damaged headers announce no end."""
    assert end_of(content) == 0


@pytest.mark.parametrize(
    "after",
    [box(b"mdat", SOUND, 0), b"TAG" + bytes(125), box(b"junk", b"", 99_999), box(b"mdat", SOUND, 3), bytes(50)],
)
def test_what_is_behind_the_boxes_does_not_matter(after: bytes) -> None:
    """A last box as long as the file, or what some device has put behind the boxes, announces nothing."""
    content = WHOLE["mp4"]

    assert end_of(content + after) == len(content)


def test_end_of_a_voc_file_is_its_last_block() -> None:
    """Behind the block that ends a VOC file nothing counts."""
    content = WHOLE["voc"]

    assert end_of(content + b"\0" + b"\xff" * 50) == len(content)


def test_many_boxes_take_no_time() -> None:
    """A file of nothing but boxes is not walked through for ever."""
    assert end_of(box(b"ftyp") + box(b"free") * 250_000) < 8 * 250_000

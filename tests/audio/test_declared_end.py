"""Declared end of files built from bytes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from speechgmm.audio.byte_source import Source
from speechgmm.audio.declared_end import declared_end

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

AVI = b"RIFF" + struct.pack("<I", 104) + b"AVI " + AUDIO
AVIX = b"RIFF" + struct.pack("<I", 104) + b"AVIX" + AUDIO

WHOLE = {
    "mov": box(b"ftyp", b"isom") + box(b"moov", bytes(30)) + box(b"mdat", AUDIO),
    "mov, 64 bits": box(b"ftyp") + box(b"mdat", struct.pack(">Q", 116) + AUDIO, 1),
    "mov, old": box(b"wide") + box(b"mdat", AUDIO),
    "matroska": EBML + SEGMENT + b"\xe4" + AUDIO,
    "matroska, 8 bytes": EBML + SEGMENT + b"\x01" + (100).to_bytes(7, "big") + AUDIO,
    "asf": ASF_HEADER + struct.pack("<Q", 30) + bytes(6) + ASF_DATA + struct.pack("<Q", 124) + AUDIO,
    "w64": W64_RIFF + struct.pack("<Q", 124) + AUDIO,
    "nist": nist(*COUNTS),
    "voc": VOC + b"\x01\x14\0\0" + bytes(20) + b"\x02\x64\0\0" + AUDIO,
    "avi": AVI,
    "avi, large": AVI + AVIX,
    "mpc2k": b"\x01\x04" + bytes(28) + struct.pack("<I", 50) + bytes(8) + AUDIO,
    "mpc2k, stereo": b"\x01\x04" + bytes(19) + b"\1" + bytes(8) + struct.pack("<I", 25) + bytes(8) + AUDIO,
    "avr": b"2BIT" + bytes(8) + struct.pack(">HHHHHII", 0xFFFF, 16, 0, 0, 0, 8000, 25) + bytes(98) + AUDIO,
    "wve": b"ALawSoundFile**\0\x0f\x10" + struct.pack(">I", 100) + bytes(10) + AUDIO,
    "xi": b"Extended Instrument: ".ljust(296, b"x") + b"\1\0" + struct.pack("<I", 100) + bytes(36) + AUDIO,
}


def end_of(content: bytes, kind: str, begin: int = 0) -> int | None:
    """Declared end of a file with this content."""
    return declared_end(Source(io.BytesIO(content), len(content)), begin, kind)


@pytest.mark.parametrize("cut", [0, 1, 60])
@pytest.mark.parametrize("name", WHOLE)
def test_declared_end(name: str, cut: int) -> None:
    """The end is found even if the file is truncated before it."""
    content, kind = WHOLE[name], name.split(",", maxsplit=1)[0]

    assert end_of(content[: len(content) - cut], kind) == len(content)


@pytest.mark.parametrize("name", WHOLE)
def test_declared_end_behind_a_tag(name: str) -> None:
    """Offsets count from the first byte of the format, not of the file."""
    content, kind = b"x" * 77 + WHOLE[name], name.split(",", maxsplit=1)[0]

    assert end_of(content, kind, 77) == len(content)


@pytest.mark.parametrize(
    ("kind", "container", "coding", "endian"),
    [
        ("w64", "W64", "PCM_16", "FILE"),
        ("nist", "NIST", "PCM_16", "LITTLE"),
        ("nist", "NIST", "ULAW", "FILE"),
        ("voc", "VOC", "PCM_U8", "FILE"),
        ("avr", "AVR", "PCM_16", "FILE"),
        ("mpc2k", "MPC2K", "PCM_16", "FILE"),
        ("wve", "WVE", "ALAW", "FILE"),
        ("mat4", "MAT4", "DOUBLE", "LITTLE"),
        ("mat4", "MAT4", "PCM_16", "BIG"),
        ("mat5", "MAT5", "PCM_16", "LITTLE"),
        ("mat5", "MAT5", "FLOAT", "BIG"),
        ("sds", "SDS", "PCM_24", "FILE"),
    ],
)
@pytest.mark.parametrize("n_samples", [1000, 1007])
def test_files_of_libsndfile(kind: str, container: str, coding: str, endian: str, n_samples: int) -> None:
    """The end is that of the files that libsndfile writes, in either byte order."""
    content = io.BytesIO()
    soundfile.write(content, np.zeros(n_samples), 8000, format=container, subtype=coding, endian=endian)

    assert end_of(content.getvalue(), kind) == len(content.getvalue())


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("matroska", EBML + SEGMENT + b"\xff" + AUDIO),
        ("matroska", EBML + SEGMENT + b"\x01" + b"\xff" * 7 + AUDIO),
        ("matroska", EBML + b"something else"),
        ("matroska", b"\x1a\x45\xdf\xa3"),
        ("asf", ASF_HEADER + struct.pack("<Q", UNKNOWN) + AUDIO),
        ("asf", ASF_HEADER + struct.pack("<Q", 24) + AUDIO),
        ("asf", ASF_HEADER + struct.pack("<Q", 24) + ASF_DATA + struct.pack("<Q", UNKNOWN) + AUDIO),
        ("w64", W64_RIFF + struct.pack("<Q", UNKNOWN) + AUDIO),
        ("nist", nist(*COUNTS[:2])),
        ("nist", nist(*COUNTS, "sample_coding -s26 pcm,embedded-shorten-v2.00")),
        ("nist", b"NIST_1A\n" + AUDIO),
        ("avi", b"RIFF" + bytes(4) + b"AVI " + AUDIO),
        ("avi", b"RIFF\xff\xff\xff\xffAVI " + AUDIO),
        ("mov", box(b"ftyp") + box(b"moov") + box(b"mdat", AUDIO, 0)),
        ("mov", box(b"ftyp") + box(b"moov") + box(b"moof") + box(b"mdat", AUDIO)),
        ("xi", b"Extended Instrument: ".ljust(296, b"x") + b"\1\0" + bytes(40) + AUDIO),
        ("mat5", b"MATLAB 5.0 MAT-file".ljust(126) + b"IM" + AUDIO),
        ("mov", b""),
        ("mov", b"not audio at all"),
    ],
)
def test_no_declared_end(kind: str, content: bytes) -> None:
    """Live streams, compressed audio and damaged headers declare no end."""
    assert end_of(content, kind) is None


@pytest.mark.parametrize("index", [b"mfra", b"sidx"])
def test_fragments_with_an_index(index: bytes) -> None:
    """An index of the fragments marks the end."""
    content = box(b"ftyp") + box(b"moov") + box(b"moof") + box(b"mdat", AUDIO) + box(index)

    assert end_of(content, "mov") == len(content)


@pytest.mark.parametrize("after", [b"TAG" + bytes(125), box(b"junk", b"", 99_999), box(b"mdat", AUDIO, 3), bytes(50)])
def test_data_after_the_boxes_is_ignored(after: bytes) -> None:
    """Data that a device appended do not change the end."""
    content = WHOLE["mov"]

    assert end_of(content + after, "mov") == len(content)


@pytest.mark.parametrize("name", ["mov", "avi", "avi, large"])
def test_another_file_that_follows(name: str) -> None:
    """The end is where a second file begins."""
    content = WHOLE[name]

    assert end_of(content + content, name.split(",", maxsplit=1)[0]) == len(content)


def test_data_after_the_last_voc_block_is_ignored() -> None:
    """Data after the terminating block of a VOC file, or that are no block, do not change the end."""
    content = WHOLE["voc"]

    assert end_of(content + b"\0" + b"\xff" * 50, "voc") == len(content) + 1
    assert end_of(content + b"TAG" + bytes(125), "voc") == len(content)


def test_number_of_boxes_is_limited() -> None:
    """A file with very many boxes is not parsed completely."""
    end = end_of(box(b"ftyp") + box(b"free") * 250_000, "mov")

    assert end is not None
    assert end < 8 * 250_000

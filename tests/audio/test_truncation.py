"""Declared length compared with the file size, on files built from bytes."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from speechgmm.audio.truncation import DeclaredLength, PatchedWav, declared_length

AUDIO = bytes(range(100))


def chunk(form: str, identifier: bytes, content: bytes, declared: int | None = None) -> bytes:
    """One chunk; `declared` overrides its declared size."""
    return struct.pack(form, identifier, len(content) if declared is None else declared) + content


def wav(declared: int | None = None, *, whole: int = 136, before: bytes = b"", after: bytes = b"") -> bytes:
    """A WAV file with 100 bytes of audio and other chunks before and after."""
    head = b"RIFF" + struct.pack("<I", whole) + b"WAVE" + chunk("<4sI", b"fmt ", bytes(16))
    return head + before + chunk("<4sI", b"data", AUDIO, declared) + after


def ogg_page(content: bytes, segments: bytes) -> bytes:
    """An Ogg page, valid as far as its length is concerned."""
    return b"OggS" + bytes(22) + bytes([len(segments)]) + segments + content


def length_of(content: bytes) -> DeclaredLength:
    """Declared length of a file with this content."""
    return declared_length(io.BytesIO(content), len(content))


CAF = b"caff" + bytes(4) + chunk(">4sq", b"desc", bytes(32))
AIFF = b"FORM" + bytes(4) + b"AIFF" + chunk(">4sI", b"COMM", bytes(18))
WHOLE = {
    "wav": wav(),
    "big-endian wav": b"RIFX" + bytes(4) + b"WAVE" + chunk(">4sI", b"data", AUDIO),
    "aiff": AIFF + chunk(">4sI", b"SSND", AUDIO),
    "caf": CAF + chunk(">4sq", b"data", AUDIO),
    "au": b".snd" + struct.pack(">II", 24, 100) + bytes(12) + AUDIO,
    "ogg": ogg_page(b"first", bytes([5])) + ogg_page(bytes(300), bytes([255, 45])),
}


@pytest.mark.parametrize("name", WHOLE)
def test_complete_file(name: str) -> None:
    """If all declared bytes are present, nothing is missing or unset."""
    assert length_of(WHOLE[name]) == DeclaredLength(missing=0, unset_at=None)


@pytest.mark.parametrize("cut", [1, 7, 60])
@pytest.mark.parametrize("name", WHOLE)
def test_truncated_file(name: str, cut: int) -> None:
    """The missing bytes are counted exactly."""
    assert length_of(WHOLE[name][:-cut]) == DeclaredLength(missing=cut)


@pytest.mark.parametrize("name", ["wav", "aiff"])
def test_chunks_of_odd_size_are_padded(name: str) -> None:
    """A chunk of odd size is followed by a padding byte, which may be missing at the end of the file."""
    form = "<4sI" if name == "wav" else ">4sI"
    odd = chunk(form, b"odd ", b"abc") + b"\0"
    content = wav(before=odd) if name == "wav" else AIFF + odd + chunk(form, b"SSND", AUDIO)

    assert length_of(content).missing == 0
    assert length_of(content[:-5]).missing == 5
    assert length_of(wav(99)[:-1]).missing == 0


def test_chunks_after_the_samples_may_be_truncated() -> None:
    """Only the samples must be complete, not the chunks after them."""
    content = wav(after=chunk("<4sI", b"LIST", bytes(50)))

    assert length_of(content[:-20]).missing == 0
    assert length_of(content[:-60]).missing == 2


@pytest.mark.parametrize("size", [0x7FFF0000, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_placeholder_sizes_are_no_declaration(size: int) -> None:
    """Sizes that recorders write as placeholders are ignored."""
    assert length_of(wav(size)) == DeclaredLength()
    assert length_of(b".snd" + struct.pack(">II", 24, size) + bytes(12) + AUDIO) == DeclaredLength()
    assert length_of(CAF + chunk(">4sq", b"data", AUDIO, -1)) == DeclaredLength()


def test_largest_size_below_the_placeholders() -> None:
    """A size just below the placeholders counts as declared."""
    assert length_of(wav(0x7FFEFFFF)).missing == 0x7FFEFFFF - 100


@pytest.mark.parametrize("whole", [0, 36, 0xFFFFFFFF])
def test_unset_size(whole: int) -> None:
    """A size of 0 before samples is unset if the size of the whole file is unset too."""
    assert length_of(wav(0, whole=whole)) == DeclaredLength(unset_at=40)


def test_empty_file() -> None:
    """A size of 0 is real if the file ends there or the size of the whole file reaches past it."""
    assert length_of(wav(0, whole=36)[:44]) == DeclaredLength()
    assert length_of(wav(0, whole=136)) == DeclaredLength()
    assert length_of(AIFF + chunk(">4sI", b"SSND", AUDIO, 0)) == DeclaredLength()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RI",
        b"RIFF",
        b"RIFF\xff\xff\xff\xffWAVE",
        b"RIFF" + bytes(100_000),
        b"RIFF" + bytes(8) + chunk("<4sI", b"fmt ", b"", 0xFFFFFFFF),
        b"caff" + bytes(4) + chunk(">4sq", b"desc", b"", -30),
        b"caff" + bytes(4) + chunk(">4sq", b"desc", b"", 2**63 - 1),
        b"fLaC" + bytes(100),
        b"not audio at all",
    ],
)
def test_no_declared_length(content: bytes) -> None:
    """Damaged files and files of other formats declare no length."""
    assert length_of(content) == DeclaredLength()


def test_last_page_is_found_in_a_long_file() -> None:
    """Only the end of an Ogg file is read, which is enough for a page of maximum length."""
    longest = ogg_page(bytes(255 * 255), bytes([255] * 255))
    content = ogg_page(b"", b"") * 5000 + longest

    assert length_of(content) == DeclaredLength()
    assert length_of(content[:-1]).missing == 1
    assert length_of(content[: -len(longest) + 20]).missing == 7


def test_data_after_the_last_page_is_ignored() -> None:
    """Tags that tools append after the last page are not part of the stream."""
    assert length_of(WHOLE["ogg"] + b"TAG" + bytes(125)) == DeclaredLength()


@pytest.mark.parametrize("step", [1, 3, 42, 1000])
def test_patched_size_in_reads_of_any_length(tmp_path: Path, step: int) -> None:
    """The four bytes of the size are read as 0xff and all others unchanged, for any read length."""
    file = tmp_path / "a.wav"
    content = wav(0, whole=0)
    file.write_bytes(content)

    buffer = bytearray(step)
    pieces = []
    with PatchedWav(str(file), 40) as patched:
        while count := patched.readinto(buffer):
            pieces.append(bytes(buffer[:count]))

    assert b"".join(pieces) == content[:40] + b"\xff" * 4 + content[44:]

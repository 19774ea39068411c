"""What a file's headers announce is compared with what is there, on files put together by hand."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from speechgmm.audio.containers import DeclaredLength, PatchedWav, declared_length

SOUND = bytes(range(100))


def chunk(form: str, identifier: bytes, content: bytes, announced: int | None = None) -> bytes:
    """One chunk of a chunked file, which may announce another size than it has."""
    return struct.pack(form, identifier, len(content) if announced is None else announced) + content


def wav(announced: int | None = None, *, whole: int = 136, before: bytes = b"", after: bytes = b"") -> bytes:
    """A WAV file of 100 bytes of sound with other chunks before and after."""
    head = b"RIFF" + struct.pack("<I", whole) + b"WAVE" + chunk("<4sI", b"fmt ", bytes(16))
    return head + before + chunk("<4sI", b"data", SOUND, announced) + after


def ogg_page(content: bytes, segments: bytes) -> bytes:
    """An Ogg page, as far as its length goes."""
    return b"OggS" + bytes(22) + bytes([len(segments)]) + segments + content


def told(content: bytes) -> DeclaredLength:
    """The promise of a file with this content."""
    return declared_length(io.BytesIO(content), len(content))


CAF = b"caff" + bytes(4) + chunk(">4sq", b"desc", bytes(32))
AIFF = b"FORM" + bytes(4) + b"AIFF" + chunk(">4sI", b"COMM", bytes(18))
WHOLE = {
    "wav": wav(),
    "big-endian wav": b"RIFX" + bytes(4) + b"WAVE" + chunk(">4sI", b"data", SOUND),
    "aiff": AIFF + chunk(">4sI", b"SSND", SOUND),
    "caf": CAF + chunk(">4sq", b"data", SOUND),
    "au": b".snd" + struct.pack(">II", 24, 100) + bytes(12) + SOUND,
    "ogg": ogg_page(b"first", bytes([5])) + ogg_page(bytes(300), bytes([255, 45])),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_file_lacks_nothing(name: str) -> None:
    """Where the announced bytes are there, nothing is missing and nothing unset."""
    assert told(WHOLE[name]) == DeclaredLength(missing=0, unset_at=None)


@pytest.mark.parametrize("cut", [1, 7, 60])
@pytest.mark.parametrize("name", WHOLE)
def test_cut_file_lacks_what_was_cut(name: str, cut: int) -> None:
    """The bytes that were cut off are counted exactly."""
    assert told(WHOLE[name][:-cut]) == DeclaredLength(missing=cut)


@pytest.mark.parametrize("name", ["wav", "aiff"])
def test_chunks_of_odd_size_are_padded(name: str) -> None:
    """A chunk of odd size is followed by one byte that does not count; at the end of the file it may be left out."""
    form = "<4sI" if name == "wav" else ">4sI"
    odd = chunk(form, b"odd ", b"abc") + b"\0"
    content = wav(before=odd) if name == "wav" else AIFF + odd + chunk(form, b"SSND", SOUND)

    assert told(content).missing == 0
    assert told(content[:-5]).missing == 5
    assert told(wav(99)[:-1]).missing == 0


def test_chunks_after_the_sound_may_be_cut() -> None:
    """Only the sound has to be there, not what comes after it."""
    content = wav(after=chunk("<4sI", b"LIST", bytes(50)))

    assert told(content[:-20]).missing == 0
    assert told(content[:-60]).missing == 2


@pytest.mark.parametrize("size", [0x7FFF0000, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_placeholder_sizes_announce_nothing(size: int) -> None:
    """Sizes that recorders write when they do not know are not taken at their word."""
    assert told(wav(size)) == DeclaredLength()
    assert told(b".snd" + struct.pack(">II", 24, size) + bytes(12) + SOUND) == DeclaredLength()
    assert told(CAF + chunk(">4sq", b"data", SOUND, -1)) == DeclaredLength()


def test_largest_real_size_is_believed() -> None:
    """Just below the placeholders a size is a promise."""
    assert told(wav(0x7FFEFFFF)).missing == 0x7FFEFFFF - 100


@pytest.mark.parametrize("whole", [0, 36, 0xFFFFFFFF])
def test_size_that_was_never_set_is_found(whole: int) -> None:
    """A size of 0 with sound behind it was left open by a recorder, if the whole file's size was too."""
    assert told(wav(0, whole=whole)) == DeclaredLength(unset_at=40)


def test_empty_in_earnest() -> None:
    """A size of 0 is meant where the file ends there, or where the whole file's size goes past it."""
    assert told(wav(0, whole=36)[:44]) == DeclaredLength()
    assert told(wav(0, whole=136)) == DeclaredLength()
    assert told(AIFF + chunk(">4sI", b"SSND", SOUND, 0)) == DeclaredLength()


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
        b"no audio at all",
    ],
)
def test_nothing_is_promised_where_nothing_is_found(content: bytes) -> None:
    """Files without a promise, and damaged ones, promise nothing and take no time."""
    assert told(content) == DeclaredLength()


def test_last_page_is_found_in_a_long_file() -> None:
    """Only the end of an Ogg file is looked at, which is enough for the longest page there can be."""
    longest = ogg_page(bytes(255 * 255), bytes([255] * 255))
    content = ogg_page(b"", b"") * 5000 + longest

    assert told(content) == DeclaredLength()
    assert told(content[:-1]).missing == 1
    assert told(content[: -len(longest) + 20]).missing == 7


def test_bytes_after_the_last_page_do_not_matter() -> None:
    """What tools append after the last page is no part of the stream."""
    assert told(WHOLE["ogg"] + b"TAG" + bytes(125)) == DeclaredLength()


@pytest.mark.parametrize("step", [1, 3, 42, 1000])
def test_patched_size_in_reads_of_any_length(tmp_path: Path, step: int) -> None:
    """The four bytes of the size read as 0xff, all others as they are, wherever a read begins and ends."""
    file = tmp_path / "a.wav"
    content = wav(0, whole=0)
    file.write_bytes(content)

    buffer = bytearray(step)
    pieces = []
    with PatchedWav(str(file), 40) as patched:
        while count := patched.readinto(buffer):
            pieces.append(bytes(buffer[:count]))

    assert b"".join(pieces) == content[:40] + b"\xff" * 4 + content[44:]

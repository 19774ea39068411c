"""The chunk with the samples, in files built from bytes."""

from __future__ import annotations

import io
import re
import struct

import pytest

from speechgmm.audio.byte_source import Source
from speechgmm.audio.chunks import is_placeholder, survey_chunks
from speechgmm.audio.extent import Part, UnsoundError

AUDIO = bytes(range(100))


def chunk(form: str, identifier: bytes, content: bytes, declared: int | None = None) -> bytes:
    """One chunk; `declared` overrides its declared size."""
    return struct.pack(form, identifier, len(content) if declared is None else declared) + content


def wav(declared: int | None = None, *, whole: int = 136, before: bytes = b"", after: bytes = b"") -> bytes:
    """A WAV file with 100 bytes of audio and other chunks before and after."""
    head = b"RIFF" + struct.pack("<I", whole) + b"WAVE" + chunk("<4sI", b"fmt ", bytes(16))
    return head + before + chunk("<4sI", b"data", AUDIO, declared) + after


def surveyed(content: bytes, kind: str = "wav") -> Part:
    """The sound in a file with this content."""
    return survey_chunks(Source(io.BytesIO(content), len(content)), 0, kind)


def seen(content: bytes, kind: str = "wav") -> bytes:
    """What the decoder sees of the file."""
    part = surveyed(content, kind)
    return part.head + content[part.begin : part.end]


def rf64(size: int, *, magic: bytes = b"RF64", data: int = 0xFFFFFFFF) -> bytes:
    """An RF64 file with 100 bytes of audio."""
    sizes = chunk("<4sI", b"ds64", struct.pack("<QQQI", 200, size, 50, 0))
    head = magic + b"\xff\xff\xff\xffWAVE" + sizes + chunk("<4sI", b"fmt ", bytes(16))
    return head + chunk("<4sI", b"data", AUDIO, data)


CAF = b"caff" + bytes(4) + chunk(">4sq", b"desc", bytes(32))
AIFF = b"FORM" + struct.pack(">I", 138) + b"AIFF" + chunk(">4sI", b"COMM", bytes(18))
SVX = b"FORM" + struct.pack(">I", 138) + b"8SVX" + chunk(">4sI", b"VHDR", bytes(20))
WHOLE = {
    "wav": wav(),
    "wav, big-endian": b"RIFX" + struct.pack(">I", 112) + b"WAVE" + chunk(">4sI", b"data", AUDIO),
    "wav, RF64": rf64(100),
    "wav, RF64 without ds64": rf64(100).replace(b"ds64", b"JUNK").replace(b"data\xff\xff\xff\xff", b"data\x64\0\0\0"),
    "aiff": AIFF + chunk(">4sI", b"SSND", AUDIO),
    "svx": SVX + chunk(">4sI", b"BODY", AUDIO),
    "caf": CAF + chunk(">4sq", b"data", AUDIO),
    "au": b".snd" + struct.pack(">II", 24, 100) + bytes(12) + AUDIO,
    "au, little-endian": b"dns." + struct.pack("<II", 24, 100) + bytes(12) + AUDIO,
}
MORE = bytes(range(1, 101)) * 100


@pytest.mark.parametrize("name", WHOLE)
def test_complete_file(name: str) -> None:
    """If all declared bytes are present, the decoder sees the file as it is."""
    part = surveyed(WHOLE[name], name.split(",", maxsplit=1)[0])

    assert (part.begin, part.end, part.head) == (0, len(WHOLE[name]), b"")
    assert part.tells_end
    assert not part.remark


@pytest.mark.parametrize("cut", [1, 7, 60])
@pytest.mark.parametrize("name", WHOLE)
def test_truncated_file(name: str, cut: int) -> None:
    """The missing bytes are counted exactly."""
    content = WHOLE[name][:-cut]

    with pytest.raises(UnsoundError, match=rf"declares {cut} bytes more than the {len(content)} it has$"):
        surveyed(content, name.split(",", maxsplit=1)[0])


@pytest.mark.parametrize("name", WHOLE)
def test_declared_size_that_is_too_small(name: str) -> None:
    """More sound than declared is read to the end of the file, behind a header that says so."""
    kind = name.split(",", maxsplit=1)[0]
    part = surveyed(WHOLE[name] + MORE, kind)

    assert seen(WHOLE[name] + MORE, kind).endswith(AUDIO + MORE)
    assert re.search(r"declares 100 bytes of sound, 10,100 follow and were read", part.remark)
    size = part.head[-4:] if kind != "au" else part.head[8:12]
    assert b"\x64" not in size or kind == "caf"


@pytest.mark.parametrize("name", WHOLE)
def test_another_file_that_follows(name: str) -> None:
    """The end is where a second file begins, with and without padding of an odd size."""
    assert surveyed(WHOLE[name] * 2, name.split(",", maxsplit=1)[0]).end == len(WHOLE[name])
    if name == "wav":
        odd = wav(99)
        assert surveyed(odd[:-1] + wav()).end == len(odd) - 1
        assert surveyed(odd[:-1] + b"\0" + wav()).end == len(odd)


@pytest.mark.parametrize("name", ["wav", "aiff"])
def test_chunks_of_odd_size_are_padded(name: str) -> None:
    """A chunk of odd size is followed by a padding byte, which may be missing at the end of the file."""
    form = "<4sI" if name == "wav" else ">4sI"
    odd = chunk(form, b"odd ", b"abc") + b"\0"
    content = wav(before=odd) if name == "wav" else AIFF + odd + chunk(form, b"SSND", AUDIO)

    assert surveyed(content, name).end == len(content)
    with pytest.raises(UnsoundError, match="declares 5 bytes more"):
        surveyed(content[:-5], name)
    assert surveyed(wav(99)[:-1]).end == len(wav(99)) - 1


@pytest.mark.parametrize("after", [b"LIST", b"id3 ", b"odd "])
def test_chunks_after_the_samples_are_no_sound(after: bytes) -> None:
    """Other chunks, tags and zeros may follow, and be cut short; the samples must be complete."""
    content = wav(after=chunk("<4sI", after, MORE) + b"TAG" + bytes(125) + bytes(9000))

    assert not surveyed(content).remark
    assert not surveyed(wav(after=chunk("<4sI", b"LIST", MORE))[:-20]).remark
    with pytest.raises(UnsoundError, match="declares 2 bytes more"):
        surveyed(wav(after=chunk("<4sI", after, MORE))[: -len(MORE) - 10])


def test_few_bytes_after_the_samples_are_no_sound() -> None:
    """What is short and unknown is not read as sound; of a short recording, it is much of the sound."""
    long = wav(100_000, after=AUDIO * 999)
    for content in (wav(after=MORE[:256]), long + MORE[:4096]):
        part = surveyed(content)
        assert not part.head
        assert not part.remark

    for content, declared, present in ((wav(after=MORE[:257]), 100, 357), (long + MORE[:4097], 100_000, 104_097)):
        part = surveyed(content)
        assert part.remark == f"its header declares {declared:,} bytes of sound, {present:,} follow and were read"


@pytest.mark.parametrize("size", [0x7FFF0000, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFDB, 0xFFFFFFFF])
def test_placeholder_sizes_are_no_declaration(size: int) -> None:
    """Sizes that recorders write as placeholders mean: to the end of the file, which may be anywhere."""
    for part in (surveyed(wav(size)), surveyed(b".snd" + struct.pack(">II", 24, size) + bytes(12) + AUDIO, "au")):
        assert part.end == part.begin + 100
        assert not part.tells_end
    assert is_placeholder(size)


@pytest.mark.parametrize("size", [-1, 0])
def test_caf_without_a_size(size: int) -> None:
    """-1 means to the end of the file; libsndfile must be given the size."""
    content = CAF + chunk(">4sq", b"data", AUDIO, size)

    assert seen(content, "caf") == CAF + chunk(">4sq", b"data", AUDIO)


@pytest.mark.parametrize("size", [0x7FFEFFFF, 0x80000001, 0xC0000000, 0xFFFEFFFF])
def test_other_large_sizes_are_declared(size: int) -> None:
    """A size of 2 to 4 GiB is a placeholder only near both ends of this range."""
    with pytest.raises(UnsoundError, match=f"declares {size - 100:,} bytes more"):
        surveyed(wav(size))


@pytest.mark.parametrize("whole", [0, 36, 0xFFFFFFFF])
def test_unset_size(whole: int) -> None:
    """A size of 0 before samples is unset if the size of the whole file is unset too."""
    content = wav(0, whole=whole)

    assert seen(content) == content[:40] + b"\xff" * 4 + content[44:]
    assert not surveyed(content).tells_end


@pytest.mark.parametrize("size", [0, 2**64 - 1])
@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_unfilled_ds64(size: int, magic: bytes) -> None:
    """A size that was not filled in is set to the end of the file; libsndfile knows BW64 by its older name."""
    assert seen(rf64(size, magic=magic)) == rf64(100)


def test_bw64() -> None:
    """A complete BW64 file is read as RF64."""
    assert seen(rf64(100, magic=b"BW64")) == rf64(100)


def test_empty_file() -> None:
    """A size of 0 is real if the file ends there or the size of the whole file reaches past it."""
    assert not surveyed(wav(0, whole=36)[:44]).head
    assert not surveyed(wav(0, whole=136)).head


class Sparse(io.RawIOBase):
    """A file with zeros between its beginning and its end."""

    def __init__(self, beginning: bytes, size: int) -> None:
        self._beginning, self.size, self._position = beginning, size, 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._position = offset
        return offset

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        count = max(min(len(buffer), self.size - self._position), 0)
        buffer[:count] = self._beginning[self._position : self._position + count].ljust(count, b"\0")
        return count


@pytest.mark.slow
def test_size_that_wrapped_at_4_gib() -> None:
    """A longer file has only the last 32 bits of its size in the header; it is read as RF64."""
    fmt = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
    head = b"RIFF" + struct.pack("<I", 136) + b"WAVE" + chunk("<4sI", b"fmt ", fmt) + chunk("<4sI", b"data", b"", 100)
    content = Sparse(head + AUDIO, len(head) + 2**32 + 100)

    part = survey_chunks(Source(content, content.size), 0, "wav")  # type: ignore[arg-type]

    assert part.head[:4] == b"RF64"
    assert part.head.count(fmt) == 1
    assert struct.unpack("<Q", part.head[28:36]) == (2**32 + 100,)
    assert (part.begin, part.end) == (len(head), content.size)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("wav", b"RIFF"),
        ("wav", b"RIFF\xff\xff\xff\xffWAVE"),
        ("wav", b"RIFF" + bytes(100_000)),
        ("wav", b"RIFF" + bytes(8) + chunk("<4sI", b"fmt ", b"", 0xFFFFFFFF)),
        ("caf", b"caff" + bytes(4) + chunk(">4sq", b"desc", b"", -30)),
        ("caf", b"caff" + bytes(4) + chunk(">4sq", b"desc", b"", 2**63 - 1)),
    ],
)
def test_no_chunk_with_samples(kind: str, content: bytes) -> None:
    """What is wrong with a damaged file is left to the decoder to say."""
    assert surveyed(content, kind) == Part(kind=kind, begin=0, end=len(content))

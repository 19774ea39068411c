"""The last frame of a FLAC file tells how many samples it holds."""

from __future__ import annotations

import io

import pytest
import soundfile

from speechgmm.audio.byte_source import Source
from speechgmm.audio.extent import Part
from speechgmm.audio.flac import survey_flac
from tests.builders import white_noise

TOTAL = slice(21, 26)


def flac(n_samples: int, *, channels: int = 1, coding: str = "PCM_16", level: float = 0.1) -> bytes:
    """A FLAC file."""
    content = io.BytesIO()
    samples = white_noise((n_samples, channels), level, seed=2)
    soundfile.write(content, samples, 16_000, format="FLAC", subtype=coding)
    return content.getvalue()


def declaring(content: bytes, n_samples: int) -> bytes:
    """The file with another number of samples in its header."""
    first = content[21] & 0xF0
    return content[:21] + (first << 32 | n_samples).to_bytes(5, "big") + content[26:]


def surveyed(content: bytes) -> list[Part]:
    """The streams in a file with this content."""
    return survey_flac(Source(io.BytesIO(content), len(content)), 0)


@pytest.mark.parametrize("n_samples", [1, 4095, 4096, 4097, 100_000, 1_000_000])
@pytest.mark.parametrize("level", [0.1, 0.0])
def test_number_that_is_too_small(n_samples: int, level: float) -> None:
    """The decoder sees the number that the file holds, for frame numbers of one to three bytes."""
    content = flac(n_samples, level=level)
    wrong = declaring(content, max(n_samples // 2, 1))

    (part,) = surveyed(wrong)

    if n_samples == 1:
        assert part.head == b""
        return
    assert part.head + wrong[part.begin :] == content
    assert part.remark == f"its header declares {n_samples // 2:,} samples, it holds {n_samples:,}, and all were read"


@pytest.mark.parametrize(("channels", "coding"), [(1, "PCM_24"), (2, "PCM_16"), (2, "PCM_S8"), (8, "PCM_24")])
def test_other_forms(channels: int, coding: str) -> None:
    """Channels and sample widths do not matter."""
    content = flac(30_000, channels=channels, coding=coding)

    assert surveyed(declaring(content, 7))[0].head[TOTAL] == content[TOTAL]


def test_right_or_unknown_number() -> None:
    """The file is read as it is; without a number a cut may go unnoticed."""
    content = flac(30_000)

    assert surveyed(content) == [Part(kind="flac", begin=0, end=len(content))]
    assert surveyed(declaring(content, 0)) == [Part(kind="flac", begin=0, end=len(content), tells_end=False)]
    assert surveyed(declaring(content, 99_999)) == [Part(kind="flac", begin=0, end=len(content))]


@pytest.mark.parametrize(
    ("after", "unread"),
    [
        (b"TAG" + bytes(125), 0),
        (bytes(50_000), 0),
        (white_noise(60, 1.0, seed=3).tobytes(), 0),
        (b"TAG" + bytes(125) + white_noise(20_000, 1.0, seed=3).tobytes(), 80_000),
        (white_noise(500_000, 1.0, seed=3).tobytes(), 2_000_000),
    ],
    ids=["tag", "zeros", "few bytes", "tag and bytes", "many bytes"],
)
def test_bytes_after_the_last_frame(after: bytes, unread: int) -> None:
    """The last frame is found before them, and a remark counts those that may be sound."""
    content = flac(30_000)
    remark = f"its last {unread:,} bytes, after its last frame, were not read" if unread else ""

    assert surveyed(content + after) == [Part(kind="flac", begin=0, end=len(content + after), remark=remark)]
    (part,) = surveyed(declaring(content, 7) + after)
    assert part.head == content[:26]
    assert part.remark.startswith("its header declares 7 samples, it holds 30,000, and all were read")
    assert part.remark.endswith(remark)


def test_a_checksum_that_is_right_by_chance() -> None:
    """In this file, 5,499 bytes before the end of the last frame: no rest is told of before the tag."""
    content = flac(30_071, channels=2, coding="PCM_24") + b"TAG" + bytes(125)

    assert surveyed(content) == [Part(kind="flac", begin=0, end=len(content))]


def test_file_without_its_last_frame() -> None:
    """Nothing is known of the end, and nothing is corrected, where the last frame is cut short."""
    content = flac(30_000)

    for cut in (content[:-10], declaring(content, 7)[:-10]):
        assert surveyed(cut) == [Part(kind="flac", begin=0, end=len(cut))]


def test_another_file_that_follows() -> None:
    """The stream ends where the next one begins."""
    content = flac(30_000)

    assert surveyed(content + content)[0].end == len(content)
    assert surveyed(content + b"RIFF\0\0\0\0WAVEfmt " + bytes(9))[0].end == len(content)

"""The last frame of a FLAC file tells how many samples it holds."""

from __future__ import annotations

import io

import numpy as np
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


def test_file_that_does_not_end_with_a_frame() -> None:
    """Nothing is corrected if the last frame is not found."""
    for after in (b"TAG" + bytes(125), np.random.default_rng(1).bytes(100_000)):
        assert surveyed(declaring(flac(30_000), 7) + after)[0].head == b""


def test_another_file_that_follows() -> None:
    """The stream ends where the next one begins."""
    content = flac(30_000)

    assert surveyed(content + content)[0].end == len(content)

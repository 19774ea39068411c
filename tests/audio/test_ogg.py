"""Pages of Ogg files: streams, the mark of the end, missing and damaged pages."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import soundfile

from speechgmm.audio.byte_source import Source
from speechgmm.audio.extent import Part, UnsoundError
from speechgmm.audio.ogg import survey_ogg
from tests.builders import white_noise


def encoded(coding: str) -> bytes:
    """A file of 20 s."""
    content = io.BytesIO()
    with soundfile.SoundFile(content, "w", 16_000, 1, format="OGG", subtype=coding) as sound:
        for _ in range(20):
            sound.write(white_noise(16_000, 0.1, seed=3))
    return content.getvalue()


FILES = {coding: encoded(coding) for coding in ("VORBIS", "OPUS")}
CODINGS = pytest.mark.parametrize("coding", FILES)


def pages(content: bytes) -> list[bytes]:
    """The pages of a file."""
    begins = [match.start() for match in re.finditer(rb"OggS\0", content)]
    return [content[begin:end] for begin, end in zip(begins, [*begins[1:], len(content)], strict=True)]


def surveyed(content: bytes) -> list[Part]:
    """The streams in a file with this content."""
    return survey_ogg(Source(io.BytesIO(content), len(content)), 0)


@CODINGS
def test_whole_file(coding: str) -> None:
    """One stream with a mark at its end; tags and zeros after that are no part of it."""
    content = FILES[coding]
    expected = [Part(kind="ogg", begin=0, end=len(content))]

    assert surveyed(content) == surveyed(content + bytes(50_000)) == surveyed(content + b"TAG" + bytes(125)) == expected


@CODINGS
@pytest.mark.parametrize("n_bytes", [5000, 50_000])
def test_zeros_after_a_page(coding: str, n_bytes: int) -> None:
    """Without a mark of the end, they stand for pages that are missing."""
    content = b"".join(pages(FILES[coding])[:8])

    with pytest.raises(UnsoundError, match=rf"from byte {len(content):,} on, {n_bytes:,} bytes of it are no audio"):
        surveyed(content + bytes(n_bytes))


@CODINGS
def test_end_is_missing(coding: str) -> None:
    """A cut between two pages cannot be told from a recorder that was stopped; a cut within a page can."""
    content = b"".join(pages(FILES[coding])[:-1])

    assert surveyed(content) == [Part(kind="ogg", begin=0, end=len(content), tells_end=False)]
    with pytest.raises(UnsoundError, match="declares 3 bytes more than"):
        surveyed(content[:-3])


@CODINGS
def test_page_is_missing(coding: str) -> None:
    """Pages are numbered."""
    first, *rest = pages(FILES[coding])
    del rest[6]

    with pytest.raises(UnsoundError, match=r"it is damaged: pages are missing before byte [\d,]+$"):
        surveyed(first + b"".join(rest))


@CODINGS
def test_beginning_is_missing(coding: str) -> None:
    """A recorded transmission has the headers and then later pages."""
    first, *rest = pages(FILES[coding])
    del rest[1:6]

    (part,) = surveyed(first + b"".join(rest))

    assert part.remark == "its beginning is missing, as in a recorded transmission"
    with pytest.raises(UnsoundError, match=r"^its beginning is missing$"):
        surveyed(b"".join(rest))


@CODINGS
@pytest.mark.parametrize("number", [2, -1])
def test_page_is_damaged(coding: str, number: int) -> None:
    """The first and the last page with sound are those that libsndfile counts from."""
    parts = pages(FILES[coding])
    damaged = bytearray(parts[number])
    damaged[-5] ^= 1
    parts[number] = bytes(damaged)

    with pytest.raises(UnsoundError, match=r"it is damaged in the page at byte [\d,]+$"):
        surveyed(b"".join(parts))


def test_streams_that_follow_one_another() -> None:
    """Each has its range and its end."""
    first, second = FILES["VORBIS"], b"".join(pages(FILES["OPUS"])[:-1])

    parts = surveyed(first + second + first)

    ends = np.cumsum([len(first), len(second), len(first)]).tolist()
    assert [(part.begin, part.end) for part in parts] == list(zip([0, *ends[:-1]], ends, strict=True))
    assert [part.tells_end for part in parts] == [True, False, True]


def test_streams_side_by_side() -> None:
    """Their first pages stand together: they are one part."""
    both = [pages(FILES["VORBIS"]), pages(FILES["OPUS"])]
    content = b"".join(page for pair in zip(*both, strict=False) for page in pair)

    (part,) = surveyed(content)

    assert (part.begin, part.end) == (0, len(content))

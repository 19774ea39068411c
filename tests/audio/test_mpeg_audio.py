"""The frames of MPEG audio are counted, and nothing is estimated."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
import soundfile

from speechgmm.audio.byte_source import Source
from speechgmm.audio.extent import Part, UnsoundError
from speechgmm.audio.mpeg_audio import frame_length, is_mpeg_audio, survey_mpeg_audio
from tests.builders import white_noise

RATE = 16_000
SAMPLES = 576  # per frame at this rate
ID3 = b"ID3\x03\0\0\0\0\x20\0" + bytes(4096)


@cache
def mp3(seconds: float = 3.0, *, rate: int = RATE, channels: int = 1, mode: str = "CONSTANT") -> bytes:
    """An MP3 file whose first frame declares the number of the others."""
    noise = white_noise((round(seconds * rate), channels), 0.1, seed=3)
    content = io.BytesIO()
    soundfile.write(content, noise, rate, format="MP3", bitrate_mode=mode, compression_level=0.5)
    return content.getvalue()


def without_count(content: bytes) -> bytes:
    """The frames after the one with the count."""
    return content[frame_length(content, 0) :]


def with_count(count: int) -> bytes:
    """A file that declares this number of frames."""
    content = bytearray(mp3())
    at = content.index(b"Info") + 8
    content[at : at + 4] = count.to_bytes(4, "big")
    return bytes(content)


def surveyed(content: bytes) -> list[Part]:
    """The streams in a file with this content."""
    return survey_mpeg_audio(Source(io.BytesIO(content), len(content)), 0)


N_FRAMES = surveyed(mp3())[0].n_samples // SAMPLES  # type: ignore[operator]


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("fffb90", 417),  # MPEG 1, layer III, 128 kbit/s, 44.1 kHz
        ("fffb92", 418),  # padded
        ("fffa90", 417),  # with a check sum
        ("fff388", 288),  # MPEG 2, layer III, 64 kbit/s, 16 kHz: 72 * 64000 / 16000
        ("ffe388", 576),  # MPEG 2.5, layer III, 64 kbit/s, 8 kHz
        ("fffd84", 384),  # MPEG 1, layer II, 128 kbit/s, 48 kHz
        ("ffff94", 288),  # MPEG 1, layer I, 288 kbit/s, 48 kHz: 4 * 12 * 288000 / 48000
        ("fffbf0", 0),  # invalid bit rate
        ("fffb00", 0),  # free format
        ("fffb9c", 0),  # invalid sampling rate
        ("ffeb90", 0),  # invalid version
        ("fff990", 0),  # invalid layer: AAC
        ("7ffb90", 0),
    ],
)
def test_frame_length(header: str, length: int) -> None:
    """Lengths as in ISO/IEC 11172-3 and 13818-3."""
    assert frame_length(b"x" + bytes.fromhex(header), 1) == length


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (8000, 1), (48_000, 1)])
def test_frames_are_counted(rate: int, channels: int, mode: str) -> None:
    """With a right count, the file is read as it is; the count holds the samples and the padding of the encoder."""
    content = mp3(rate=rate, channels=channels, mode=mode)

    (part,) = surveyed(content)

    assert (part.begin, part.end, part.tells_end, part.estimated, part.remark) == (0, len(content), True, False, "")
    assert part.n_samples is not None
    assert 3 * rate < part.n_samples < 3 * rate + 5 * 1152


def test_without_a_count() -> None:
    """The decoder would estimate the length, and a cut cannot be noticed."""
    content = without_count(mp3())

    (part,) = surveyed(content)

    assert (part.begin, part.end, part.tells_end, part.estimated) == (0, len(content), False, True)
    assert part.n_samples == N_FRAMES * SAMPLES


@pytest.mark.parametrize("count", [N_FRAMES + 3, N_FRAMES * 10])
def test_cut_short(count: int) -> None:
    """Fewer frames than declared."""
    with pytest.raises(UnsoundError, match=rf"declares {count * SAMPLES:,} samples, it holds {N_FRAMES * SAMPLES:,}$"):
        surveyed(with_count(count))


def test_last_frame_is_cut() -> None:
    """One missing frame counts, too, if part of it is there."""
    with pytest.raises(UnsoundError, match="it is cut short"):
        surveyed(mp3()[:-9])
    (part,) = surveyed(without_count(mp3())[:-9])
    assert part.remark == "it ends in the middle of a frame"


@pytest.mark.parametrize("count", [N_FRAMES - 2, N_FRAMES + 2])
def test_encoders_count_differently(count: int) -> None:
    """One or two frames more or less are no error."""
    assert surveyed(with_count(count))[0].tells_end


@pytest.mark.parametrize("count", [0, 1, N_FRAMES - 3])
def test_count_that_is_too_small(count: int) -> None:
    """It is left out, so that all frames are read."""
    (part,) = surveyed(with_count(count))

    assert part.begin == frame_length(mp3(), 0)
    assert part.estimated
    assert part.n_samples == N_FRAMES * SAMPLES


def test_count_of_another_kind() -> None:
    """VBRI is a frame with a count as well."""
    content = bytearray(mp3())
    length = frame_length(mp3(), 0)
    content[4:length] = bytes(32) + b"VBRI" + bytes(10) + (N_FRAMES * 2).to_bytes(4, "big") + bytes(length - 54)

    with pytest.raises(UnsoundError, match=rf"declares {2 * N_FRAMES * SAMPLES:,} samples"):
        surveyed(bytes(content))


@pytest.mark.parametrize("between", [b"", ID3, b"TAG" + bytes(125), b"TAG" + bytes(125) + ID3])
def test_joined_files(between: bytes) -> None:
    """A frame with a count begins another stream; frames without one go on with the stream before."""
    first, second = mp3(), mp3(2.0)

    parts = surveyed(first + between + second)
    (plain,) = surveyed(without_count(first) + between + without_count(second))

    assert [(part.begin, part.end) for part in parts] == [
        (0, len(first)),
        (len(first + between), len(first + between + second)),
    ]
    assert plain.n_samples == sum(part.n_samples or 0 for part in parts)
    assert surveyed(first + between + without_count(second))[0].n_samples == plain.n_samples


@pytest.mark.parametrize("other", [mp3(channels=2), mp3(rate=44_100)])
def test_change_of_form(other: bytes) -> None:
    """Frames of another rate or channel count that go on a stream are refused."""
    with pytest.raises(UnsoundError, match=rf"changes after {N_FRAMES:,} frames: split it there"):
        surveyed(without_count(mp3()) + without_count(other))


@pytest.mark.parametrize("hole", [bytes(5000), b"\xff" * 5000])
def test_hole(hole: bytes) -> None:
    """A hole between frames, or instead of the rest."""
    frames = without_count(mp3())
    half = len(frames) // 2 // frame_length(frames, 0) * frame_length(frames, 0)

    for content in (frames[:half] + hole + frames[half:], frames[:half] + hole):
        with pytest.raises(UnsoundError, match=rf"it is damaged: from byte {half:,} on, 5,000 bytes"):
            surveyed(content)
    with pytest.raises(UnsoundError, match="it is cut short"):
        surveyed(mp3()[: len(mp3()) // 2] + bytes(len(mp3()) // 2))


def test_what_follows_the_declared_frames_does_not_matter() -> None:
    """Zeros and other data after them are not read."""
    for after in (bytes(9000), b"LYRICSBEGIN" + b"x" * 9000):
        (part,) = surveyed(mp3() + after)
        assert (part.end, part.remark) == (len(mp3()), "")


def test_no_frames() -> None:
    """Other data are no MPEG audio: text, zeros, 16-bit samples."""
    quiet = (20 * np.random.default_rng(1).standard_normal(50_000)).astype(">i2").tobytes()
    for content in (b"this is a text " * 999, bytes(9999), quiet, b"", bytes.fromhex("fffb9000") + bytes(9999)):
        assert not is_mpeg_audio(Source(io.BytesIO(content), len(content)), 0)
    with pytest.raises(UnsoundError, match="no audio was found in it"):
        surveyed(bytes(9999))


@pytest.mark.parametrize("before", [b"", bytes(1000), b"\xff\xfb" * 500])
def test_frames_after_other_bytes(before: bytes) -> None:
    """A recorded stream begins within a frame; a short file has few frames."""
    for content in (without_count(mp3()), without_count(mp3())[: 2 * frame_length(without_count(mp3()), 0)]):
        assert is_mpeg_audio(Source(io.BytesIO(before + content), len(before + content)), 0)

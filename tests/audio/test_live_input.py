"""WAV or raw samples from a pipe are read as they arrive, with the same result as from a file."""

from __future__ import annotations

import io
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from speechgmm.audio import reading
from speechgmm.audio.live_input import ENCODINGS, RawForm, blocks
from speechgmm.audio.samples import Samples, to_mono_at_rate
from speechgmm.errors import AudioError, OptionError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RATE = 16_000

# numpy type of each encoding that numpy can write; floating-point numbers are not scaled.
DTYPES = {"u8": "u1", "s8": "i1", "s16le": "<i2", "s16be": ">i2", "s32le": "<i4", "s32be": ">i4"}
DTYPES |= {"f32le": "<f4", "f32be": ">f4", "f64le": "<f8", "f64be": ">f8"}


class Pipe(io.RawIOBase):
    """Bytes that arrive `step` at a time and are not seekable."""

    def __init__(self, content: bytes, step: int = 1000) -> None:
        self.remaining = content
        self.step = step

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        piece = self.remaining[: min(self.step, len(view))]
        self.remaining = self.remaining[len(piece) :]
        view[: len(piece)] = piece
        return len(piece)


def noise(seconds: float, channels: int = 1) -> NDArray[np.float64]:
    """White noise, shape (n, channels), always the same."""
    return np.clip(0.2 * np.random.default_rng(5).standard_normal((round(seconds * RATE), channels)), -1, 1)


def encoded(samples: NDArray[np.float64], encoding: str) -> bytes:
    """Raw samples, written by numpy."""
    dtype = np.dtype(DTYPES[encoding])
    if dtype.kind != "f":
        samples = np.round(samples * (2 ** (8 * dtype.itemsize - 1) - 1)) + (128 if dtype.kind == "u" else 0)
    content: bytes = samples.astype(dtype).tobytes()
    return content


def unbuffered(pipe: Pipe) -> BinaryIO:
    """A pipe as the type that `blocks` takes; typeshed does not count raw streams among them."""
    return cast("BinaryIO", pipe)


def read(
    content: bytes,
    step: int = 1000,
    *,
    raw: RawForm | None = None,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
    name: str = "standard input",
) -> Samples:
    """All samples of a stream."""
    stream = io.BufferedReader(Pipe(content, step))
    return np.concatenate(
        list(blocks(stream, sampling_rate=RATE, raw=raw, channel=channel, start=start, end=end, name=name))
    )


def wav(
    tmp_path: Path, samples: NDArray[np.float64], subtype: str = "PCM_16", *, rate: int = RATE, form: str = "WAV"
) -> bytes:
    """A WAV file, written by soundfile."""
    file = tmp_path / "a.wav"
    soundfile.write(file, samples, rate, subtype=subtype, format=form)
    return file.read_bytes()


@pytest.mark.parametrize("encoding", DTYPES)
def test_raw_samples(encoding: str) -> None:
    """Every encoding is decoded correctly, for any size of the pieces that arrive."""
    original = noise(0.05, 2)
    content = encoded(original, encoding)

    for step in (1, 7, 100_000):
        samples = read(content, step, raw=RawForm(encoding=encoding, rate=RATE, channels=2), channel=2)
        np.testing.assert_allclose(samples, original[:, 1], atol=1.0 / 100 if "8" in encoding else 1e-4)


@pytest.mark.parametrize("order", ["little", "big"])
def test_raw_samples_of_24_bits(order: Literal["little", "big"]) -> None:
    """Three bytes per sample, in either byte order."""
    values = [0, 1, -1, 2**22, -(2**23), 2**23 - 1]
    content = b"".join(value.to_bytes(3, order, signed=True) for value in values)

    samples = read(content, raw=RawForm(encoding="s24le" if order == "little" else "s24be", rate=RATE))

    np.testing.assert_array_equal(samples, np.array(values, np.float32) / 2**23)


def test_raw_telephone_samples() -> None:
    """Bytes with known values in G.711: the ends of the range and the smallest values."""
    mulaw = read(bytes([0x00, 0x80, 0xFF, 0xFE]), raw=RawForm(encoding="mulaw", rate=RATE))
    alaw = read(bytes([0x2A, 0xAA, 0xD5, 0x55]), raw=RawForm(encoding="alaw", rate=RATE))

    np.testing.assert_allclose(mulaw * 32_768, [-32_124, 32_124, 0, 8])
    np.testing.assert_allclose(alaw * 32_768, [-32_256, 32_256, 8, -8])


@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"])
def test_wav_stream_equals_the_file(tmp_path: Path, form: str, subtype: str) -> None:
    """A WAV stream gives the same samples as the file, for every header and sample format."""
    content = wav(tmp_path, noise(0.5, 2), subtype, rate=22_050, form=form)

    np.testing.assert_allclose(read(content), reading.read(tmp_path / "a.wav", sampling_rate=RATE), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF])
def test_wav_without_a_declared_length(tmp_path: Path, size: int) -> None:
    """Headers written into a pipe declare no length: the stream is read to its end."""
    original = noise(0.5)
    content = bytearray(wav(tmp_path, original, "FLOAT"))
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = struct.pack("<I", size)

    np.testing.assert_allclose(read(bytes(content)), original[:, 0], atol=1e-7)


def test_wav_with_other_chunks(tmp_path: Path) -> None:
    """A chunk before the samples, here of odd size, is skipped, and a chunk after them is not audio."""
    original = noise(0.5)
    content = wav(tmp_path, original)
    at = content.index(b"data")
    other = b"LIST" + struct.pack("<I", 99_999) + bytes(100_000)

    np.testing.assert_allclose(read(content[:at] + other + content[at:] + other), original[:, 0], atol=1e-4)


def test_empty_wav(tmp_path: Path) -> None:
    """A length of 0 is real if the length of the whole file reaches past it."""
    content = wav(tmp_path, noise(0.0)) + b"LIST" + struct.pack("<I", 4) + b"INFO"
    content = content[:4] + struct.pack("<I", len(content) - 8) + content[8:]

    with pytest.raises(AudioError, match=r"^standard input: there are no samples after 0\.000 s$"):
        read(content)


def test_channels_are_averaged_and_resampled() -> None:
    """By default the channels are averaged; the result is resampled like an array."""
    original = noise(1.0, 3)

    samples = read(encoded(original, "f64le"), raw=RawForm(encoding="f64le", rate=44_100, channels=3))

    np.testing.assert_allclose(samples, to_mono_at_rate(original, 44_100, RATE), atol=1e-6)


def test_excerpt(tmp_path: Path) -> None:
    """[start, end) is exact to the sample, and the stream is not read far past its end."""
    original = noise(30.0)
    pipe = Pipe(wav(tmp_path, original, "FLOAT"))

    samples = np.concatenate(list(blocks(unbuffered(pipe), sampling_rate=RATE, start=0.5, end=1.25)))

    np.testing.assert_allclose(samples, original[8000:20_000, 0], atol=1e-7)
    assert len(pipe.remaining) > 28 * RATE * 4
    with pytest.raises(AudioError, match=r"^x: there are no samples after 99\.000 s$"):
        read(encoded(original, "s16le"), raw=RawForm(encoding="s16le", rate=RATE), start=99.0, name="x")
    with pytest.raises(
        AudioError, match=r"^standard input: the excerpt is from 2\.0 s to 1\.0 s, expected 0 <= start < end"
    ):
        read(encoded(original, "s16le"), raw=RawForm(encoding="s16le", rate=RATE), start=2.0, end=1.0)


def test_live_stream_has_no_added_delay() -> None:
    """Samples written into a pipe are given before more are written."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb", buffering=0) as sender:
        arriving: Iterator[Samples] = blocks(
            stream, sampling_rate=RATE, raw=RawForm(encoding="s16le", rate=RATE, channels=1)
        )
        for value in (1000, 2000, 3000):
            sender.write(np.full(160, value, "<i2").tobytes())
            result: list[Samples] = []
            waiting = threading.Thread(target=lambda output=result: output.append(next(arriving)), daemon=True)
            waiting.start()
            waiting.join(10)
            assert result, "the block waits for more input"
            np.testing.assert_allclose(result[0], np.full(160, value / 32_768))


def test_end_in_the_middle_of_a_frame() -> None:
    """An incomplete frame at the end is an error, raised after all complete frames."""
    pipe = unbuffered(Pipe(encoded(noise(0.1, 2), "s16le") + b"xyz"))
    received: list[Samples] = []
    with pytest.raises(AudioError) as caught:
        received.extend(blocks(pipe, sampling_rate=RATE, raw=RawForm(encoding="s16le", rate=RATE, channels=2)))

    assert sum(map(len, received)) == 1600
    assert str(caught.value) == (
        "standard input: it ends in the middle of a frame, after 6,403 bytes of s16le with 2 channels, "
        "4 bytes per frame: check --raw, --rate and --channels"
    )


def test_wav_that_ends_early(tmp_path: Path) -> None:
    """A stream that ends before its declared length is an error, raised after all complete frames."""
    content = wav(tmp_path, noise(1.0))
    received: list[Samples] = []
    with pytest.raises(AudioError, match=r"its header declares 32,000 bytes of audio, it ends after 31,900$"):
        received.extend(blocks(unbuffered(Pipe(content[:-100])), sampling_rate=RATE))
    assert sum(map(len, received)) == 15_950
    assert len(read(content[:-100], end=0.5)) == RATE / 2
    with pytest.raises(AudioError, match=r"its header declares 32,000 bytes of audio, it ends after 31,900$"):
        read(wav(tmp_path, noise(1.0), form="RF64")[:-100])


@pytest.mark.parametrize("kept", [3, 8, 20, 30, 42])
def test_wav_that_ends_in_its_header(tmp_path: Path, kept: int) -> None:
    """An incomplete header is an error."""
    with pytest.raises(AudioError, match=r"^standard input: it ends within its WAV header$"):
        read(wav(tmp_path, noise(0.1))[:kept])


def header(tag: int, channels: int, rate: int, frame_size: int, *, size: int = 16) -> bytes:
    """A WAV header."""
    fmt = struct.pack("<HHIIHH", tag, channels, rate, 0, frame_size, 16)[:size]
    return b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<I", size) + fmt + b"data" + bytes(4)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", r"it is empty \(0 bytes\)$"),
        (b"this is a text and not audio\n" * 10, r"it is not a WAV stream; convert it to WAV, or describe raw samples"),
        (b"RIFF" + bytes(4) + b"AVI " + bytes(100), r"it is not a WAV stream"),
        (header(1, 1, RATE, 2), r"there are no samples after 0\.000 s$"),
        (header(1, 0, RATE, 2), r"it has 0 channels, expected 1 to 1024$"),
        (header(1, 2000, RATE, 4000), r"it has 2000 channels, expected 1 to 1024$"),
        (header(1, 1, 4000, 2), r"the sampling rate is 4,000 Hz, expected 8,000 to 768,000 Hz$"),
        (header(2, 1, RATE, 256), r"its encoding is not supported \(WAV format 2 with 16 bits\), expected integers"),
        (header(1, 2, RATE, 3), r"its encoding is not supported \(WAV format 1 with 16 bits\)"),
        (header(1, 1, RATE, 2, size=14), r"its WAV header is damaged, the chunk 'fmt ' has 14 bytes, expected 16$"),
        (b"RIFF" + bytes(4) + b"WAVEdata" + bytes(4), r"its WAV header is damaged, it has no chunk 'fmt ' before"),
        (b"RIFF" + bytes(4) + b"WAVEjunk" + b"\xff" * 4 + bytes(9999), r"it ends within its WAV header$"),
    ],
)
def test_faulty_streams(content: bytes, text: str) -> None:
    """The error names what the stream is and what was expected."""
    with pytest.raises(AudioError, match=rf"^standard input: {text}"):
        read(content)


def test_unusable_sample() -> None:
    """A sample that is not finite is an error with its time in the stream, unless it is outside of the excerpt."""
    original = noise(1.0)
    original[12_000] = np.nan
    raw = RawForm(encoding="f32le", rate=RATE)

    with pytest.raises(AudioError, match=r"^standard input: the sample at 0\.750 s is nan, expected a finite number"):
        read(encoded(original, "f32le"), raw=raw, start=0.25)
    assert len(read(encoded(original, "f32le"), raw=raw, end=0.5)) == 8000


def test_no_such_channel() -> None:
    """The error names the channel and the number of channels."""
    with pytest.raises(AudioError, match=r"^standard input: there is no channel 3, expected 1 to 2$"):
        read(bytes(400), raw=RawForm(encoding="s16le", rate=RATE, channels=2), channel=3)


def test_stream_that_cannot_be_read(tmp_path: Path) -> None:
    """The error gives the reason of the operating system."""

    class Broken(Pipe):
        def readinto(self, buffer: WriteableBuffer, /) -> int:
            raise IsADirectoryError(21, "Is a directory")

    with pytest.raises(AudioError, match=r"^standard input: it cannot be read \(Is a directory\)$"):
        list(blocks(io.BufferedReader(Broken(b"")), sampling_rate=RATE))


@pytest.mark.parametrize(
    ("encoding", "rate", "channels", "text"),
    [
        ("s12le", RATE, 1, r"encoding is 's12le'; expected one of u8, s8, s16le, .*alaw$"),
        ("s16le", 4000, 1, r"rate is 4,000 Hz; expected 8,000 to 768,000 Hz$"),
        ("s16le", RATE, 0, r"channels is 0; expected 1 to 1024$"),
    ],
)
def test_raw_form_is_checked(encoding: str, rate: int, channels: int, text: str) -> None:
    """Values outside of their ranges are refused."""
    with pytest.raises(OptionError, match=rf"^{text}"):
        RawForm(encoding=encoding, rate=rate, channels=channels)


def test_every_encoding_is_tested() -> None:
    """The tests above cover all encodings."""
    assert set(ENCODINGS) == {*DTYPES, "s24le", "s24be", "mulaw", "alaw"}

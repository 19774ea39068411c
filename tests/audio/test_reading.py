"""Audio files and arrays become mono float32 samples at the given rate, or an AudioError names the fault."""

from __future__ import annotations

import hashlib
import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import ArrayLike, DTypeLike, NDArray

from speechgmm.audio import reading
from speechgmm.audio.samples import Samples, to_mono_at_rate
from speechgmm.errors import AudioError
from tests.builders import sine, white_noise

RATE = 16_000
HERTZ = 440.0
AMPLITUDE = 0.5

# Suffix, libsndfile's format and sample type, maximum coding error.
FORMS = [
    ("wav", "WAV", "PCM_16", 1e-4),
    ("wav", "WAV", "PCM_U8", 1e-2),
    ("wav", "WAV", "PCM_24", 1e-6),
    ("wav", "WAV", "PCM_32", 1e-6),
    ("wav", "WAV", "FLOAT", 1e-6),
    ("wav", "WAV", "DOUBLE", 1e-6),
    ("wav", "WAV", "ULAW", 2e-2),
    ("wav", "WAV", "GSM610", 5e-2),
    ("wav", "WAVEX", "PCM_16", 1e-4),
    ("flac", "FLAC", "PCM_16", 1e-4),
    ("flac", "FLAC", "PCM_24", 1e-6),
    ("ogg", "OGG", "VORBIS", 2e-2),
    ("opus", "OGG", "OPUS", 2e-2),
    ("mp3", "MP3", "MPEG_LAYER_III", 2e-2),
    ("aiff", "AIFF", "PCM_16", 1e-4),
    ("au", "AU", "PCM_16", 1e-4),
    ("caf", "CAF", "ALAC_16", 1e-4),
    ("w64", "W64", "PCM_16", 1e-4),
    ("sph", "NIST", "PCM_16", 1e-4),
]
FORM_NAMES = [f"{container}-{coding}" for _, container, coding, _ in FORMS]


def noise(seconds: float, rate: int, channels: int = 1) -> NDArray[np.float32]:
    """White noise, shape (n, channels), always the same."""
    return white_noise((round(seconds * rate), channels), 0.1, seed=7)


def write(
    folder: Path,
    samples: NDArray[np.floating],
    rate: int = RATE,
    *,
    name: str = "a.wav",
    container: str = "WAV",
    coding: str = "PCM_16",
    bitrate_mode: str | None = None,
    compression_level: float | None = None,
) -> Path:
    """Write a recording."""
    file = folder / name
    compression = {"bitrate_mode": bitrate_mode, "compression_level": compression_level}
    soundfile.write(file, samples, rate, format=container, subtype=coding, **compression)
    return file


def fitted_sine(samples: Samples, hertz: float) -> tuple[float, float]:
    """Amplitude of the sine of this frequency, by least squares, and RMS of the residual."""
    phase = 2 * np.pi * hertz * np.arange(len(samples)) / RATE
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    weights = np.linalg.lstsq(basis, samples, rcond=None)[0]
    return float(np.hypot(*weights)), float(np.sqrt(np.mean((samples - basis @ weights) ** 2)))


@pytest.mark.parametrize(("suffix", "container", "coding", "error"), FORMS, ids=FORM_NAMES)
def test_every_form_is_read(tmp_path: Path, suffix: str, container: str, coding: str, error: float) -> None:
    """A sine is read from every container and sample type with its length, frequency and amplitude."""
    file = write(tmp_path, sine(1.0, RATE), name=f"a.{suffix}", container=container, coding=coding)

    samples = reading.read(file, sampling_rate=RATE)

    assert samples.dtype == np.float32
    assert abs(len(samples) - RATE) <= (320 if coding == "GSM610" else 0)
    amplitude, residual = fitted_sine(samples[2000:14_000], HERTZ)
    assert amplitude == pytest.approx(AMPLITUDE, abs=error)
    assert residual < error


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 768_000])
def test_every_rate_is_resampled(tmp_path: Path, rate: int) -> None:
    """A sine keeps its frequency, amplitude and duration at the new rate."""
    file = write(tmp_path, sine(1.0, rate), rate)

    samples = reading.read(file, sampling_rate=RATE)

    assert abs(len(samples) - RATE) <= 1
    amplitude, residual = fitted_sine(samples[2000:14_000], HERTZ)
    assert amplitude == pytest.approx(AMPLITUDE, abs=1e-3)
    assert residual < 1e-3


def test_same_rate_is_not_resampled(tmp_path: Path) -> None:
    """The samples of a file that has the given rate are unchanged."""
    original = noise(0.5, RATE)[:, 0]
    file = write(tmp_path, original, coding="FLOAT")

    np.testing.assert_array_equal(reading.read(file, sampling_rate=RATE), original)


@pytest.mark.parametrize("block_s", [0.00001, 0.0123, 0.5, 10.0])
@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_blocks_equal_one_shot_resampling(tmp_path: Path, rate: int, block_s: float) -> None:
    """For any block size, the samples are those of soxr on the whole signal, including the last one."""
    seconds = 0.05 if block_s < 0.001 else 1.37
    original = noise(seconds, rate)[:, 0]
    file = write(tmp_path, original, rate, coding="FLOAT")

    parts = list(reading.blocks(file, sampling_rate=RATE, block_s=block_s))

    assert all(part.size for part in parts)
    expected = soxr.resample(original, rate, RATE, quality="HQ")
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("suffix", "container", "coding", "bitrate_mode", "compression_level"),
    [
        ("flac", "FLAC", "PCM_16", None, None),
        ("ogg", "OGG", "VORBIS", None, None),
        ("opus", "OGG", "OPUS", None, None),
        ("wav", "WAV", "GSM610", None, None),
        ("mp3", "MP3", "MPEG_LAYER_III", "CONSTANT", 0.9),
        ("mp3", "MP3", "MPEG_LAYER_III", "VARIABLE", 0.5),
    ],
    ids=["flac", "vorbis", "opus", "gsm", "mp3-cbr", "mp3-vbr"],
)
def test_blocks_and_excerpts_of_compressed_files(
    tmp_path: Path, suffix: str, container: str, coding: str, bitrate_mode: str | None, compression_level: float | None
) -> None:
    """Decoders with memory give the same samples in small blocks and in excerpts as in one block."""
    bursts = noise(6.0, RATE)[:, 0] * (np.sin(np.arange(6 * RATE) / 3000) > 0)
    file = write(
        tmp_path,
        bursts,
        name=f"a.{suffix}",
        container=container,
        coding=coding,
        bitrate_mode=bitrate_mode,
        compression_level=compression_level,
    )

    whole = reading.read(file, sampling_rate=RATE)
    small = np.concatenate(list(reading.blocks(file, sampling_rate=RATE, block_s=0.05)))
    excerpt = reading.read(file, sampling_rate=RATE, start=3.21, end=4.0)

    np.testing.assert_allclose(small, whole, rtol=0, atol=1e-6)
    np.testing.assert_allclose(excerpt, whole[round(3.21 * RATE) : 4 * RATE], rtol=0, atol=1e-6)


def test_excerpt_is_half_open_and_ends_with_the_file(tmp_path: Path) -> None:
    """[start, end) is exact to the sample; an end past the file is the end of the file."""
    original = noise(2.0, RATE)[:, 0]
    file = write(tmp_path, original, coding="FLOAT")

    middle = reading.read(file, sampling_rate=RATE, start=0.5, end=1.25)
    rest = reading.read(file, sampling_rate=RATE, start=1.5, end=99.0)

    np.testing.assert_array_equal(middle, original[8000:20_000])
    np.testing.assert_array_equal(rest, original[24_000:])


def test_six_channels_are_averaged_or_selected(tmp_path: Path) -> None:
    """By default the mean of all channels, otherwise the given one, counted from 1."""
    original = noise(0.25, RATE, channels=6)
    file = write(tmp_path, original, coding="FLOAT")

    mixed = reading.read(file, sampling_rate=RATE)
    fifth = reading.read(file, sampling_rate=RATE, channel=5)

    np.testing.assert_allclose(mixed, original.mean(axis=1), atol=1e-7)
    np.testing.assert_array_equal(fifth, original[:, 4])


@pytest.mark.parametrize("channel", [0, 7, -1])
def test_channel_out_of_range(tmp_path: Path, channel: int) -> None:
    """The error names the channel and the number of channels."""
    file = write(tmp_path, noise(0.1, RATE, channels=6))

    with pytest.raises(AudioError, match=rf"a\.wav: there is no channel {channel}, expected 1 to 6$"):
        reading.read(file, sampling_rate=RATE, channel=channel)


@pytest.mark.parametrize("name", ["with blanks.wav", "trñ00.wav", "голос 声.wav", "upper.WAV", "no-suffix", "a.mp3"])
def test_any_name_is_read(tmp_path: Path, name: str) -> None:
    """The name of a file does not matter, not even a wrong suffix."""
    file = write(tmp_path, sine(0.1, RATE), name=name)

    assert len(reading.read(file, sampling_rate=RATE)) == 1600


def test_name_that_is_not_unicode_is_read(tmp_path: Path) -> None:
    """On POSIX systems, a name that is not valid UTF-8 works; other systems have no such names."""
    file = write(tmp_path, sine(0.1, RATE))
    if os.name == "posix":
        file = file.rename(tmp_path / os.fsdecode(b"caf\xe9.wav"))

    assert len(reading.read(file, sampling_rate=RATE)) == 1600


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Block-wise reading of a long file holds a few blocks at most."""
    file = tmp_path / "long.wav"
    with soundfile.SoundFile(file, "w", 44_100, 1, "PCM_16") as sound:
        for _ in range(120):
            sound.write(np.zeros(44_100))

    tracemalloc.start()
    count = sum(len(block) for block in reading.blocks(file, sampling_rate=RATE, block_s=1.0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 120 * RATE
    assert peak < 3e6  # the whole file would be 21e6 bytes


def test_clipped_and_offset_files_are_read(tmp_path: Path) -> None:
    """A clipped file and one with a large DC offset are read unchanged."""
    square = np.sign(sine(0.1, RATE))
    clipped = reading.read(write(tmp_path, square, coding="PCM_16", name="clipped.wav"), sampling_rate=RATE)
    offset = reading.read(write(tmp_path, np.full(1600, 0.9), coding="PCM_24", name="offset.wav"), sampling_rate=RATE)

    assert clipped.max() == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(offset, 0.9, atol=1e-6)


def test_missing_file(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(AudioError, match=r"gone\.wav: there is no such file$"):
        reading.read(tmp_path / "gone.wav", sampling_rate=RATE)


def test_folder_is_not_a_recording(tmp_path: Path) -> None:
    """The error says that the path is a folder."""
    with pytest.raises(AudioError, match=r"it is a folder and cannot be read as a recording$"):
        reading.read(tmp_path, sampling_rate=RATE)


def test_device_is_not_a_recording() -> None:
    """A device is refused before it is read."""
    with pytest.raises(AudioError, match=r"it is not a regular file and cannot be read as a recording$"):
        reading.read(Path(os.devnull), sampling_rate=RATE)


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gives the reason of the operating system."""
    file = write(tmp_path, sine(0.1, RATE))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioError, match=r"a\.wav: it cannot be read \(Permission denied\)$"):
        reading.read(file, sampling_rate=RATE)


def test_invalid_name() -> None:
    """A name that is not valid is an AudioError, like a missing file."""
    with pytest.raises(AudioError, match=r"'a\\x00b\.wav': it is not a valid file name"):
        reading.read(Path("a\0b.wav"), sampling_rate=RATE)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.aiff", "a.txt", "a"])
def test_text_is_not_audio(tmp_path: Path, name: str) -> None:
    """A text is refused, whatever its suffix."""
    file = tmp_path / name
    file.write_text("this is a text and nothing else\n" * 100)

    with pytest.raises(AudioError, match=r"it is not audio that can be read \(its format is not recognised\)$"):
        reading.read(file, sampling_rate=RATE)


def test_text_named_mp3_is_not_audio(tmp_path: Path) -> None:
    """The message of libsndfile refers to the file name, which would mislead; it is replaced."""
    file = tmp_path / "a.mp3"
    file.write_text("this is a text and nothing else\n" * 100)

    with pytest.raises(AudioError, match=r"it is not audio that can be read \(no audio was found in it\)$"):
        reading.read(file, sampling_rate=RATE)


@pytest.mark.parametrize("name", ["a.raw", "a.au", "a.snd", "a.vox", "a.gsm"])
def test_headerless_audio_is_refused(tmp_path: Path, name: str) -> None:
    """Bytes without a header are not read as audio because of their suffix."""
    file = tmp_path / name
    file.write_text("this is a text and nothing else\n" * 100)

    with pytest.raises(AudioError, match=r"\(it has no header with its sampling rate and channel count\)$"):
        reading.read(file, sampling_rate=RATE)


def test_zero_length_file(tmp_path: Path) -> None:
    """A file of 0 bytes is refused as empty."""
    file = tmp_path / "a.wav"
    file.touch()

    with pytest.raises(AudioError, match=r"a\.wav: it is empty \(0 bytes\)$"):
        reading.read(file, sampling_rate=RATE)


@pytest.mark.parametrize(("suffix", "container"), [("wav", "WAV"), ("au", "AU"), ("aiff", "AIFF")])
def test_zero_samples(tmp_path: Path, suffix: str, container: str) -> None:
    """A valid header without samples is refused."""
    file = write(tmp_path, np.empty(0), name=f"a.{suffix}", container=container)

    with pytest.raises(AudioError, match=rf"a\.{suffix}: it holds no samples$"):
        reading.read(file, sampling_rate=RATE)


@pytest.mark.parametrize(("value", "text"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (3e38, "3e\\+38")])
def test_unusable_samples_in_a_file(tmp_path: Path, value: float, text: str) -> None:
    """NaN, infinity and numbers whose power would overflow are refused with their time in the file, in any block."""
    samples = noise(2.0, RATE, channels=2)
    samples[20_000, 1] = value
    file = write(tmp_path, samples, coding="FLOAT")

    with pytest.raises(AudioError, match=rf"a\.wav: the sample at 1\.250 s is {text}, expected a finite number"):
        list(reading.blocks(file, sampling_rate=RATE, block_s=0.5))


def test_unusable_samples_elsewhere_do_not_matter(tmp_path: Path) -> None:
    """Samples in another channel or outside of the excerpt are not checked."""
    samples = noise(2.0, RATE, channels=2)
    samples[20_000, 1] = np.nan
    file = write(tmp_path, samples, coding="FLOAT")

    assert len(reading.read(file, sampling_rate=RATE, channel=1)) == 32_000
    assert len(reading.read(file, sampling_rate=RATE, end=1.0)) == 16_000


@pytest.mark.parametrize(
    ("rate", "text"), [(1, "1"), (7999, "7,999"), (768_001, "768,001"), (10_000_000, "10,000,000")]
)
def test_rate_out_of_range(tmp_path: Path, rate: int, text: str) -> None:
    """The error gives the rate and the supported range."""
    file = write(tmp_path, noise(0.1, RATE), rate)

    with pytest.raises(AudioError, match=rf"a\.wav: the sampling rate is {text} Hz, expected 8,000 to 768,000 Hz$"):
        reading.read(file, sampling_rate=RATE)


def test_start_past_the_end(tmp_path: Path) -> None:
    """An excerpt that begins after the end of the recording is refused, with the length of the recording."""
    file = write(tmp_path, sine(2.5, RATE))

    with pytest.raises(AudioError, match=r"a\.wav: the start at 3\.5 s is past its end at 2\.500 s$"):
        reading.read(file, sampling_rate=RATE, start=3.5)


@pytest.mark.parametrize(
    ("start", "end"), [(1.5, 1.0), (1.0, 1.0), (-0.5, 1.0), (np.nan, 1.0), (0.0, np.nan), (0.0, np.inf)]
)
def test_invalid_excerpt(tmp_path: Path, start: float, end: float) -> None:
    """Times that are not finite, negative or not in order are refused."""
    file = write(tmp_path, sine(2.0, RATE))

    with pytest.raises(AudioError, match=rf"the excerpt is from {start} s to {end} s, expected 0 <= start < end"):
        reading.read(file, sampling_rate=RATE, start=start, end=end)


@pytest.mark.parametrize("start", [-1.0, np.nan, np.inf])
def test_invalid_start_without_an_end(tmp_path: Path, start: float) -> None:
    """The error names the start only."""
    file = write(tmp_path, sine(2.0, RATE))

    with pytest.raises(AudioError, match=rf"a\.wav: the start is {start} s, expected 0 or more$"):
        reading.read(file, sampling_rate=RATE, start=start)


def test_excerpt_shorter_than_a_sample(tmp_path: Path) -> None:
    """An excerpt between two samples is refused as empty."""
    file = write(tmp_path, sine(1.0, RATE))

    with pytest.raises(AudioError, match=r"a\.wav: there are no samples after 0\.500 s$"):
        reading.read(file, sampling_rate=RATE, start=0.5, end=0.500001)


@pytest.mark.parametrize("kept", [0.999, 0.6, 0.1])
@pytest.mark.parametrize(
    ("suffix", "container", "coding"),
    [
        ("wav", "WAV", "PCM_16"),
        ("wav", "WAV", "FLOAT"),
        ("wav", "WAV", "GSM610"),
        ("wav", "WAVEX", "PCM_24"),
        ("flac", "FLAC", "PCM_16"),
        ("ogg", "OGG", "VORBIS"),
        ("opus", "OGG", "OPUS"),
        ("aiff", "AIFF", "PCM_16"),
        ("au", "AU", "PCM_16"),
        ("caf", "CAF", "PCM_16"),
        ("w64", "W64", "PCM_16"),
        ("sph", "NIST", "PCM_16"),
        ("voc", "VOC", "PCM_16"),
    ],
)
def test_truncated_file(tmp_path: Path, suffix: str, container: str, coding: str, kept: float) -> None:
    """A truncated file is refused, not read up to its end."""
    file = write(tmp_path, noise(2.0, RATE), name=f"a.{suffix}", container=container, coding=coding)
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])

    with pytest.raises(AudioError, match=rf"a\.{suffix}: it is cut short"):
        reading.read(file, sampling_rate=RATE)


def test_truncated_wav_error_gives_the_missing_bytes(tmp_path: Path) -> None:
    """The message gives the missing and the present bytes."""
    file = write(tmp_path, noise(1.0, RATE))
    file.write_bytes(file.read_bytes()[: 44 + 20_000])

    with pytest.raises(AudioError, match=r"its header declares 12,000 bytes more than the 20,044 it has$"):
        reading.read(file, sampling_rate=RATE)


def test_excerpt_of_a_truncated_flac(tmp_path: Path) -> None:
    """An excerpt well before the end can be read; for the whole file, the error gives the time and the reason."""
    file = write(tmp_path, noise(20.0, RATE), name="a.flac", container="FLAC")
    content = file.read_bytes()
    file.write_bytes(content[: int(0.8 * len(content))])

    assert len(reading.read(file, sampling_rate=RATE, start=2.0, end=4.0)) == 2 * RATE
    with pytest.raises(AudioError, match=r"damaged somewhere after 10\.000 s \(flac decoder lost sync\)$"):
        reading.read(file, sampling_rate=RATE)


@pytest.mark.parametrize("kept", [0.9, 0.6])
def test_truncated_mp3(tmp_path: Path, kept: float) -> None:
    """An MP3 file with fewer samples than its header declares is refused."""
    file = write(tmp_path, noise(3.0, RATE), name="a.mp3", container="MP3", coding="MPEG_LAYER_III")
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])

    with pytest.raises(AudioError, match=r"a\.mp3: it is cut short, its header declares 49,536 samples, it holds"):
        reading.read(file, sampling_rate=RATE)


def test_mp3_whose_length_is_an_estimate(tmp_path: Path) -> None:
    """Without a Xing header the decoder's estimate of the length is slightly too long; the file is accepted."""
    file = write(
        tmp_path,
        noise(10.0, 44_100),
        44_100,
        name="a.mp3",
        container="MP3",
        coding="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.9,
    )
    content = file.read_bytes()
    second_frame = content.index(content[:3], 4)
    file.write_bytes(content[second_frame:])
    with soundfile.SoundFile(file) as sound:
        estimated = sound.frames / sound.samplerate

    samples = reading.read(file, sampling_rate=RATE)

    assert 10.0 < len(samples) / RATE < estimated


def test_flac_without_a_declared_length(tmp_path: Path) -> None:
    """A FLAC stream without a declared length is read to its end, also as an excerpt; its duration is counted."""
    file = write(tmp_path, noise(2.0, RATE), name="a.flac", container="FLAC")
    whole = reading.read(file, sampling_rate=RATE)
    content = bytearray(file.read_bytes())
    content[21] &= 0xF0  # the number of samples has 36 bits and begins here
    content[22:26] = bytes(4)
    file.write_bytes(content)

    np.testing.assert_array_equal(reading.read(file, sampling_rate=RATE), whole)
    np.testing.assert_array_equal(reading.read(file, sampling_rate=RATE, start=1.5, end=9.0), whole[24_000:])
    assert reading.duration_s(file) == 2.0
    with pytest.raises(AudioError, match=r"a\.flac: there are no samples after 3\.000 s|damaged somewhere after"):
        reading.read(file, sampling_rate=RATE, start=3.0)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x80000000, 0])
def test_wav_with_an_unset_size(tmp_path: Path, size: int) -> None:
    """A file with a placeholder or 0 as the size of its samples is read to its end."""
    file = write(tmp_path, noise(1.0, RATE))
    whole = reading.read(file, sampling_rate=RATE)
    content = bytearray(file.read_bytes())
    content[4:8] = content[40:44] = size.to_bytes(4, "little")
    file.write_bytes(content)

    np.testing.assert_array_equal(reading.read(file, sampling_rate=RATE), whole)
    assert reading.duration_s(file) == 1.0


def test_duration(tmp_path: Path) -> None:
    """The duration follows from the number of samples and the rate of the file."""
    assert reading.duration_s(write(tmp_path, noise(1.25, 44_100, channels=2), 44_100)) == 1.25


def test_channels(tmp_path: Path) -> None:
    """The channels of a file are counted; a missing file is an AudioError."""
    assert reading.channels(write(tmp_path, noise(0.1, RATE, channels=6))) == 6
    with pytest.raises(AudioError, match=r"gone\.wav: there is no such file"):
        reading.channels(tmp_path / "gone.wav")


def test_reading_seeks_to_the_excerpt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An excerpt late in a file is reached without reading the samples before it."""
    file = write(tmp_path, noise(30.0, RATE))
    counts: list[int] = []
    read = soundfile.SoundFile.read

    def counting_read(sound: soundfile.SoundFile, frames: int, **options: object) -> NDArray[np.float32]:
        counts.append(frames)
        samples: NDArray[np.float32] = read(sound, frames, **options)
        return samples

    monkeypatch.setattr(soundfile.SoundFile, "read", counting_read)

    assert len(reading.read(file, sampling_rate=RATE, start=28.0, end=29.0)) == RATE
    assert sum(counts) == RATE


def test_duration_of_a_missing_file(tmp_path: Path) -> None:
    """`duration_s` raises the same errors as `read`."""
    with pytest.raises(AudioError, match=r"gone\.wav: there is no such file"):
        reading.duration_s(tmp_path / "gone.wav")


def test_digest(tmp_path: Path) -> None:
    """The digest is the SHA-256 of the bytes and independent of the name."""
    file = tmp_path / "a.bin"
    content = np.random.default_rng(3).bytes(3_000_000)
    file.write_bytes(content)
    copy = tmp_path / "b.bin"
    shutil.copy(file, copy)

    expected = hashlib.sha256(content).hexdigest()
    assert reading.digest(file) == reading.digest(copy) == expected
    file.write_bytes(content[:-1])
    assert reading.digest(file) != expected


def test_digest_of_a_missing_file(tmp_path: Path) -> None:
    """`digest` raises an AudioError that names the file."""
    with pytest.raises(AudioError, match=r"gone\.wav: there is no such file"):
        reading.digest(tmp_path / "gone.wav")


def test_audio_suffixes() -> None:
    """Speech formats are included, in lower case with a dot; headerless formats and text are not."""
    speech = {
        ".wav",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".mp3",
        ".aiff",
        ".aif",
        ".au",
        ".caf",
        ".sph",
        ".w64",
        ".m4a",
        ".webm",
    }

    assert speech <= reading.AUDIO_SUFFIXES
    assert not {".raw", ".vox", ".txt", ".csv", ""} & reading.AUDIO_SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in reading.AUDIO_SUFFIXES)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_arrays_of_floats(dtype: DTypeLike) -> None:
    """Floating-point samples of any width keep their values and become float32 at the given rate."""
    original = noise(0.5, 44_100)[:, 0]

    converted = to_mono_at_rate(original.astype(dtype), 44_100, RATE)

    assert converted.dtype == np.float32
    expected = soxr.resample(original, 44_100, RATE, quality="HQ")
    np.testing.assert_allclose(converted, expected, atol=1e-3 if dtype is np.float16 else 1e-6)


@pytest.mark.parametrize(
    ("dtype", "lowest", "middle"),
    [(np.uint8, 0, 128), (np.int8, -128, 0), (np.int16, -32_768, 0), (np.int32, -(2**31), 0)],
)
def test_arrays_of_integers(dtype: DTypeLike, lowest: int, middle: int) -> None:
    """Integers are divided by their full range: the lowest is -1, the middle 0, half-way between them -0.5."""
    samples: NDArray[np.integer] = np.array([lowest, middle, (lowest + middle) // 2], dtype)

    np.testing.assert_array_equal(to_mono_at_rate(samples, RATE, RATE), np.array([-1.0, 0.0, -0.5], np.float32))


def test_array_equals_the_file(tmp_path: Path) -> None:
    """An array gives the same samples as a file with the array."""
    original = noise(0.5, 22_050, channels=2)
    file = write(tmp_path, original, 22_050, coding="FLOAT")

    np.testing.assert_array_equal(to_mono_at_rate(original, 22_050, RATE), reading.read(file, sampling_rate=RATE))


def test_lists_and_fractional_rates() -> None:
    """A list of floats is accepted, and a rate that is not a whole number."""
    converted = to_mono_at_rate([0.25] * 100_000, 8000.5, RATE)

    assert len(converted) == pytest.approx(100_000 * RATE / 8000.5, abs=1)
    np.testing.assert_allclose(converted[1000:-1000], 0.25, atol=1e-3)


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\), expected \(n,\) or \(n, channels\)"),
        (np.float64(0.5), r"shape \(\), expected \(n,\)"),
        (np.zeros((2, 16_000)), r"shape \(2, 16000\), expected \(n,\) or \(n, channels\) with n >= channels"),
        ([[0.1, 0.2], [0.3]], r"not an array, expected shape \(n,\)"),
        ([], r"there are none, the shape is \(0,\)"),
        (np.zeros((100, 0)), r"there are none, the shape is \(100, 0\)"),
        ([0, 1, 2], r"they are of type int64, expected floating-point numbers, uint8, int8, int16 or int32"),
        (np.zeros(9, np.uint16), r"they are of type uint16, expected"),
        (np.zeros(9, np.complex64), r"they are of type complex64, expected"),
        (np.zeros(9, bool), r"they are of type bool, expected"),
        (["a", "b"], r"they are of type <U1, expected"),
        ([0.0] * 8000 + [np.nan], r"the sample at 0\.500 s is nan, expected a finite number"),
        ([0.0] * 4000 + [-np.inf], r"the sample at 0\.250 s is -inf, expected a finite number"),
        ([0.0] * 1600 + [1e300], r"the sample at 0\.100 s is 1e\+300, expected a finite number of at most 1e\+12"),
    ],
)
def test_faulty_arrays(samples: ArrayLike, text: str) -> None:
    """The error says what the array is and what was expected."""
    with pytest.raises(AudioError, match=rf"^samples: {text}"):
        to_mono_at_rate(samples, RATE, RATE)


@pytest.mark.parametrize(("rate", "text"), [(1, "1"), (7999.5, "7,999.5"), (1e7, "10,000,000.0"), (np.nan, "nan")])
def test_faulty_rates_of_arrays(rate: float, text: str) -> None:
    """The range of rates is the same for arrays as for files."""
    with pytest.raises(AudioError, match=rf"^samples: the sampling rate is {text} Hz, expected 8,000 to 768,000 Hz$"):
        to_mono_at_rate([0.0, 0.0], rate, RATE)

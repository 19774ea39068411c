"""Media files are read like any other audio file, and their faults are named."""

from __future__ import annotations

import io
import re
import struct
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from speechgmm.audio import reading
from speechgmm.audio.byte_source import Source, Window
from speechgmm.audio.hearing import Heard
from speechgmm.audio.samples import Frames, Samples, to_mono_at_rate
from speechgmm.audio.survey import survey
from speechgmm.audio.units import Walk, matroska_element, vint
from speechgmm.corpus.folder import find_audio, scan_folder
from speechgmm.errors import AudioError

if TYPE_CHECKING:
    from av import AudioFrame

av = pytest.importorskip("av", reason="the extra 'media' is not installed")

from speechgmm.audio import ffmpeg  # noqa: E402 - they need av
from speechgmm.audio.ffmpeg import MediaFile, Track  # noqa: E402 - they need av
from speechgmm.audio.media_clock import Clock  # noqa: E402 - they need av
from speechgmm.audio.media_tracks import opened_track  # noqa: E402 - they need av

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}

# ffmpeg before 8 does not write the delay of its AAC encoder to Matroska files.
MATROSKA_AAC_DELAY = 0 if av.library_versions["libavformat"] >= (62,) else 1024

# File name, codec, rate, channels, maximum coding error, silence that the encoder puts first in s.
FORMS = [
    ("a.m4a", "aac", 44_100, 2, 2e-2, 0.0),
    ("a.m4a", "aac", 16_000, 1, 2e-2, 0.0),
    ("a.m4a", "alac", 44_100, 2, 1e-4, 0.0),
    ("a.mov", "pcm_s24le", 48_000, 2, 1e-6, 0.0),
    ("a.mp4", "aac", 48_000, 6, 2e-2, 0.0),
    ("a.webm", "libopus", 48_000, 1, 2e-2, 0.0),
    ("a.mkv", "aac", 44_100, 2, 2e-2, MATROSKA_AAC_DELAY / 44_100),
    ("a.mkv", "pcm_s16le", 16_000, 2, 1e-4, 0.0),
    ("a.mkv", "pcm_f32le", 16_000, 1, 1e-7, 0.0),
    ("a.mkv", "pcm_u8", 16_000, 2, 1e-2, 0.0),
    ("a.mka", "flac", 44_100, 1, 1e-4, 0.0),
    ("a.aac", "aac", 44_100, 1, 2e-2, 1024 / 44_100),
    ("a.ts", "aac", 48_000, 1, 2e-2, 1024 / 48_000),
    ("a.flv", "aac", 44_100, 1, 2e-2, 1024 / 44_100),
    ("a.wma", "wmav2", 44_100, 2, 5e-2, 2048 / 44_100),
]
FORM_NAMES = [f"{name}-{codec}-{rate}-{channels}" for name, codec, rate, channels, *_ in FORMS]


def chirps(seconds: float, rate: int, channels: int = 1) -> NDArray[np.float32]:
    """A different chirp in each channel, shape (n, channels): the position of any part can be identified."""
    time = np.arange(round(seconds * rate))[:, None] / rate
    lowest = 200.0 + 300.0 * np.arange(channels)
    tones: NDArray[np.float64] = 0.3 * np.sin(2 * np.pi * (lowest * time + 40.0 * time**2))
    return tones.astype(np.float32)


def write(
    file: Path,
    samples: NDArray[np.float32],
    rate: int,
    codec: str,
    *,
    pictures: int = 0,
    begin_s: float = 0.0,
    pause: tuple[float, float] = (0.0, 0.0),
    options: dict[str, str] | None = None,
) -> Path:
    """Write a media file. Its audio begins at `begin_s`; after `pause[0]`, time stamps are later by `pause[1]` s."""
    layout = LAYOUTS[samples.shape[1]]
    with av.open(
        str(file), "w", format={".aac": "adts", ".ts": "mpegts"}.get(file.suffix), options=options or {}
    ) as out:
        if pictures:
            video = out.add_stream("mpeg4", rate=25)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream(codec, rate=rate, layout=layout)
        if codec == "wmav2":
            sound.bit_rate = 128_000
        sound.codec_context.time_base = Fraction(1, rate)
        fifo = av.AudioFifo()
        source = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
        source.sample_rate, source.time_base = rate, Fraction(1, rate)
        sound.codec_context.open()
        for frame in av.AudioResampler(sound.codec_context.format.name, layout, rate).resample(source):
            fifo.write(frame)
        shift = round(begin_s * rate)
        while frame := fifo.read(sound.codec_context.frame_size or 1000, partial=True):
            later = round(pause[1] * rate) if frame.pts >= pause[0] * rate else 0
            frame.pts += shift + later
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
        for number in range(pictures):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 255, np.uint8), format="rgb24")
            picture.pts = number
            out.mux(video.encode(picture))
        if pictures:
            out.mux(video.encode(None))
    return file


@contextmanager
def track_of(file: Path, channel: int | None = None) -> Iterator[Track]:
    """The audio track of a file, decoded in this process."""
    part = survey(file, Source(io.BytesIO(file.read_bytes()), file.stat().st_size)).parts[0]
    with Window(file, part.begin, part.end) as window:
        media = MediaFile(str(file), window, part.end - part.begin, part.kind, part.stream_bytes)
        with opened_track(media, channel, lambda: None) as track:
            yield track


def heard_of(file: Path, **options: int) -> tuple[float, str]:
    """Seconds that are heard of a file, and the warning."""
    heard = Heard()
    reading.read(file, sampling_rate=16_000, heard=heard, **options)
    return heard.seconds, heard.warning


def lag(samples: Samples, original: Samples, limit: int = 4000) -> int:
    """Delay of `samples` relative to `original`, in samples, by the maximum of their cross-correlation."""
    middle = original[limit : len(original) // 2]
    products = np.correlate(samples[: len(middle) + 2 * limit], middle, "valid")
    return int(np.argmax(products)) - limit


@pytest.mark.parametrize(("name", "codec", "rate", "channels", "error", "silence_s"), FORMS, ids=FORM_NAMES)
def test_every_form_is_read(
    tmp_path: Path, name: str, codec: str, rate: int, channels: int, error: float, silence_s: float
) -> None:
    """Each channel has its order, time and length, for every container and sample format."""
    original = chirps(1.5, rate, channels)
    file = write(tmp_path / name, original, rate, codec)

    assert reading.channels(file) == channels
    for number in {1, channels}:
        samples = reading.read(file, sampling_rate=rate, channel=number)
        assert samples.dtype == np.float32
        delay = lag(samples, original[:, number - 1])
        assert delay == pytest.approx(silence_s * rate, abs=rate / 1000 if silence_s else 2)
        assert -2 <= len(samples) - delay - len(original) <= 2048
        inner = slice(4096, len(original) - 4096)
        difference = samples[inner.start + delay : inner.stop + delay] - original[inner, number - 1]
        assert np.sqrt(np.mean(difference**2)) < error


def test_channels_are_averaged_and_resampled(tmp_path: Path) -> None:
    """By default the channels are averaged; the result is resampled like any other file."""
    original = chirps(1.0, 48_000, 2)
    file = write(tmp_path / "a.mkv", original, 48_000, "pcm_f32le")

    samples = reading.read(file, sampling_rate=16_000)

    np.testing.assert_allclose(samples, to_mono_at_rate(original, 48_000, 16_000), atol=1e-6)


def test_audio_of_a_video(tmp_path: Path) -> None:
    """The audio of a video is read; if it begins after the pictures, silence is inserted."""
    original = chirps(1.0, 16_000)
    together = write(tmp_path / "a.mp4", original, 16_000, "aac", pictures=30)
    later = write(tmp_path / "b.mkv", original, 16_000, "pcm_s16le", pictures=30, begin_s=0.5)

    assert abs(lag(reading.read(together, sampling_rate=16_000), original[:, 0])) <= 2
    samples = reading.read(later, sampling_rate=16_000)
    assert not samples[:8000].any()
    np.testing.assert_allclose(samples[8000:], original[:, 0], atol=1e-4)


def test_gap_in_the_time_stamps_is_silence(tmp_path: Path) -> None:
    """A pause of the recorder is filled with silence, also if the excerpt begins after it."""
    original = chirps(2.0, 16_000)
    file = write(tmp_path / "a.mkv", original, 16_000, "pcm_s16le", pause=(1.0, 3.25))

    samples = reading.read(file, sampling_rate=16_000)
    rest = reading.read(file, sampling_rate=16_000, start=4.5)

    assert len(samples) == round(5.25 * 16_000)
    np.testing.assert_allclose(samples[:16_000], original[:16_000, 0], atol=1e-4)
    assert not samples[16_000 : round(4.25 * 16_000)].any()
    np.testing.assert_allclose(samples[round(4.25 * 16_000) :], original[16_000:, 0], atol=1e-4)
    np.testing.assert_array_equal(rest, samples[round(4.5 * 16_000) :])


def test_gap_that_is_too_long(tmp_path: Path) -> None:
    """Time stamps that jump by more than a day are an error."""
    file = write(tmp_path / "a.mkv", chirps(2.0, 16_000), 16_000, "pcm_s16le", pause=(1.0, 90_000.0))

    with pytest.raises(
        AudioError, match=r"a\.mkv: its time stamps jump from 1\.000 s to 90001\.000 s, expected no gap"
    ):
        reading.read(file, sampling_rate=16_000)


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.m4a", "aac", 44_100),
        ("a.mkv", "pcm_s16le", 44_100),
        ("a.webm", "libopus", 48_000),
        ("a.aac", "aac", 44_100),
    ],
)
def test_excerpt_equals_that_of_the_whole_file(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    """An excerpt has the samples of the whole file at the same time, with and without a seek."""
    file = write(tmp_path / name, chirps(12.0, rate), rate, codec)
    whole = reading.read(file, sampling_rate=rate)

    excerpt = reading.read(file, sampling_rate=rate, start=9.123, end=10.5)
    small = np.concatenate(list(reading.blocks(file, sampling_rate=rate, block_s=0.05)))

    first, stop = round(9.123 * rate), round(10.5 * rate)
    assert len(excerpt) == stop - first
    delay = lag(excerpt, whole[first:stop])
    assert abs(delay) <= (rate / 1000 if name != "a.m4a" else 0)  # Matroska stores times in milliseconds
    margin = abs(delay)
    np.testing.assert_allclose(
        excerpt[margin : len(excerpt) - margin], whole[first + margin - delay : stop - margin - delay], atol=1e-3
    )
    np.testing.assert_array_equal(small, whole)


def test_reading_seeks_to_the_excerpt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An excerpt late in a file is reached without decoding the audio before it."""
    file = write(tmp_path / "a.m4a", chirps(30.0, 16_000), 16_000, "aac")
    decoded: list[Frames] = []
    samples_of = ffmpeg._samples

    def recorded(frame: AudioFrame) -> Frames:
        decoded.append(samples_of(frame))
        return decoded[-1]

    monkeypatch.setattr(ffmpeg, "_samples", recorded)
    with track_of(file) as track:
        assert sum(map(len, track.pieces(28 * 16_000, 29 * 16_000, 1000))) == 16_000
    assert 16_000 < len(decoded) * 1024 < 3 * 16_000


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Block-wise reading of a long file holds a few blocks at most."""
    file = write(tmp_path / "a.mkv", np.zeros((120 * 16_000, 1), np.float32), 16_000, "pcm_s16le")

    tracemalloc.start()
    count = sum(len(block) for block in reading.blocks(file, sampling_rate=16_000, block_s=1.0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 120 * 16_000
    assert peak < 2e6  # the whole file would be 7.7e6 bytes


def test_duration(tmp_path: Path) -> None:
    """The duration is that of the container; if it declares none, the samples are counted."""
    original = chirps(2.0, 16_000)

    assert reading.duration_s(write(tmp_path / "a.m4a", original, 16_000, "aac")) == 2.0
    assert reading.duration_s(write(tmp_path / "a.aac", original, 16_000, "aac")) == pytest.approx(2.0, abs=0.2)


def test_name_does_not_matter(tmp_path: Path) -> None:
    """An m4a file with any suffix is read, and so is a WAV file with the suffix mp4."""
    original = chirps(1.0, 16_000)
    for name in ("a.mp3", "a.wav", "a.raw", "no-suffix"):
        file = write(tmp_path / "a.m4a", original, 16_000, "aac").rename(tmp_path / name)
        assert abs(lag(reading.read(file, sampling_rate=16_000), original[:, 0])) <= 2
    file = write(tmp_path / "a.wav", original, 16_000, "pcm_s16le").rename(tmp_path / "b.mp4")
    assert len(reading.read(file, sampling_rate=16_000)) == 16_000


def test_media_files_in_folders(tmp_path: Path) -> None:
    """Media files in folders are recordings of a corpus."""
    (tmp_path / "female" / "1").mkdir(parents=True)
    (tmp_path / "male").mkdir()
    (tmp_path / "female" / "1" / "a.M4A").touch()
    (tmp_path / "male" / "b.webm").touch()

    assert [file.name for file in find_audio(tmp_path)] == ["a.M4A", "b.webm"]
    assert [recording.name for recording in scan_folder(tmp_path).recordings] == ["female/1/a.M4A", "male/b.webm"]


@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.WEBM", "a.mkv"])
def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Without PyAV the error says how to install it."""
    file = write(tmp_path / "a.mka", chirps(0.5, 16_000), 16_000, "flac").rename(tmp_path / name)
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(AudioError, match=rf"{name}: PyAV is needed to read it: pip install 'speechgmm\[media\]'$"):
        reading.read(file, sampling_rate=16_000)


def test_other_files_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyAV the error for a text file does not mention it."""
    monkeypatch.setitem(sys.modules, "av", None)
    text = tmp_path / "a.wav"
    text.write_text("this is a text and nothing else\n" * 100)

    with pytest.raises(AudioError, match=r"it is not audio that can be read \(its format is not recognised\)$"):
        reading.read(text, sampling_rate=16_000)


def test_video_without_audio(tmp_path: Path) -> None:
    """A video without an audio stream has its own error."""
    file = tmp_path / "a.mp4"
    with av.open(str(file), "w") as out:
        video = out.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        out.mux(video.encode(None))

    with pytest.raises(AudioError, match=r"a\.mp4: there is no audio stream in it$"):
        reading.read(file, sampling_rate=16_000)


@pytest.mark.parametrize("kept", [0.999, 0.6, 0.1])
@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.m4a", "aac", {}),
        ("a.m4a", "aac", {"movflags": "faststart"}),
        ("a.mp4", "aac", {"movflags": "frag_keyframe+empty_moov", "frag_duration": "200000"}),
        ("a.webm", "libopus", {}),
        ("a.mkv", "pcm_s16le", {}),
        ("a.wma", "wmav2", {}),
    ],
    ids=["m4a", "faststart", "fragments", "webm", "mkv", "wma"],
)
def test_truncated_file(tmp_path: Path, name: str, codec: str, options: dict[str, str], kept: float) -> None:
    """A truncated file is refused with the number of missing bytes, not read up to its end."""
    file = write(tmp_path / name, chirps(4.0, 48_000), 48_000, codec, options=options)
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])

    with pytest.raises(AudioError, match=rf"{name}: it is cut short, its header declares [\d,]+ bytes more than the"):
        reading.read(file, sampling_rate=16_000)


def test_truncated_between_packets(tmp_path: Path) -> None:
    """Truncation between two packets is detected by the declared duration."""
    file = write(tmp_path / "a.flv", chirps(8.0, 44_100), 44_100, "aac")
    content = file.read_bytes()
    at = 13  # packets follow, with their sizes
    while at < 0.7 * len(content):
        at += 11 + int.from_bytes(content[at + 1 : at + 4], "big") + 4
    file.write_bytes(content[:at])

    with pytest.raises(
        AudioError, match=r"a\.flv: it is cut short, its header declares 8\.\d+ s of audio, reading ended after 5\."
    ):
        reading.read(file, sampling_rate=16_000)


def test_packets_that_are_skipped_at_the_end(tmp_path: Path) -> None:
    """Of a block of an unknown track, ffmpeg skips the rest of the cluster: so little may also be a rounded header."""
    file = write(tmp_path / "a.webm", chirps(4.0, 48_000), 48_000, "libopus")
    assert heard_of(file)[1] == ""
    content = file.read_bytes()
    walk = Walk(Source(io.BytesIO(content), len(content)), 0, len(content), matroska_element)
    block = [unit.begin for unit in walk if unit.head.startswith(b"\xa3")][-20]
    place = block + 1 + vint(content, block + 1)[0]  # of the number of the track
    file.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])

    seconds, warning = heard_of(file)

    assert seconds == pytest.approx(3.6, abs=0.05)
    assert re.fullmatch(r"its header declares 4\.0\d s of audio, it ends after 3\.\d\d s", warning)


def test_truncated_packet(tmp_path: Path) -> None:
    """An incomplete packet is not decoded."""
    file = write(tmp_path / "a.flv", chirps(8.0, 44_100), 44_100, "aac")
    content = file.read_bytes()
    file.write_bytes(content[: int(0.7 * len(content))])

    with pytest.raises(AudioError, match=r"a\.flv: it is cut short, its header declares \d+ bytes more than the"):
        reading.read(file, sampling_rate=16_000)


def test_estimated_length_is_not_checked(tmp_path: Path) -> None:
    """The length of an AAC file is only an estimate of ffmpeg, here too long; the file is accepted."""
    noise = 0.2 * np.random.default_rng(3).standard_normal((6 * 16_000, 1)).astype(np.float32)
    noise[: 3 * 16_000] *= 1e-4
    file = write(tmp_path / "a.aac", noise, 16_000, "aac")
    with av.open(str(file)) as container:
        assert container.duration is not None
        assert container.duration > 7e6

    assert len(reading.read(file, sampling_rate=16_000)) == pytest.approx(6 * 16_000, abs=2048)


def test_mp4_without_its_index(tmp_path: Path) -> None:
    """A file truncated exactly before its index, or a text with the suffix mp4, is refused."""
    file = write(tmp_path / "a.mp4", chirps(1.0, 16_000), 16_000, "aac")
    content = file.read_bytes()
    file.write_bytes(content[: content.index(b"moov") - 4])
    text = tmp_path / "b.mp4"
    text.write_text("this is a text and nothing else\n" * 100)

    for damaged in (file, text):
        with pytest.raises(
            AudioError, match=rf"{damaged.name}: it is not audio or video that can be read \(its format"
        ):
            reading.read(damaged, sampling_rate=16_000)


def test_damaged_packets(tmp_path: Path) -> None:
    """A packet that cannot be decoded is an error with its time; audio before it can be read."""
    file = write(tmp_path / "a.m4a", chirps(4.0, 16_000), 16_000, "aac")
    content = bytearray(file.read_bytes())
    first, stop = content.index(b"mdat") + 4, content.index(b"moov")
    middle = (first + stop) // 2
    content[middle : middle + 3000] = b"\xff" * 3000
    file.write_bytes(content)

    assert len(reading.read(file, sampling_rate=16_000, end=1.0)) == 16_000
    with pytest.raises(
        AudioError, match=r"a\.m4a: it is cut short, damaged or protected .* somewhere after \d\.\d+ s \("
    ):
        reading.read(file, sampling_rate=16_000)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mka", "flac"), ("a.mkv", "wavpack"), ("a.mkv", "eac3"), ("a.ac3", "ac3")],
)
def test_wrong_bit_within_a_packet(tmp_path: Path, name: str, codec: str) -> None:
    """It is found wherever a packet has a checksum; whole files have none that is wrong."""
    file = write(tmp_path / name, chirps(3.0, 48_000, 2), 48_000, codec)
    content = file.read_bytes()
    assert heard_of(file)[0] == pytest.approx(3.0, abs=0.05)
    for start in range(len(content) // 4, len(content) * 9 // 10, len(content) // 30):
        file.write_bytes(content[:start] + bytes([content[start] ^ 1]) + content[start + 1 :])
        with pytest.raises(AudioError, match=r"damaged"):
            reading.read(file, sampling_rate=16_000)


def test_protected_file(tmp_path: Path) -> None:
    """The error says that the file is protected."""
    file = write(tmp_path / "a.m4a", chirps(1.0, 16_000), 16_000, "aac")
    file.write_bytes(file.read_bytes().replace(b"mp4a", b"drms"))

    with pytest.raises(AudioError, match=r"a\.m4a: it is protected against copying and cannot be decoded$"):
        reading.read(file, sampling_rate=16_000)


def test_unknown_encoding(tmp_path: Path) -> None:
    """Audio in an unknown encoding is refused."""
    file = write(tmp_path / "a.mkv", chirps(1.0, 16_000), 16_000, "flac")
    file.write_bytes(file.read_bytes().replace(b"A_FLAC", b"A_FLAX"))

    with pytest.raises(AudioError, match=r"a\.mkv: the encoding of its audio is not supported$"):
        reading.read(file, sampling_rate=16_000)


def test_start_past_the_end(tmp_path: Path) -> None:
    """An excerpt after the end has no samples, with and without a seek."""
    original = chirps(2.0, 16_000)
    for name in ("a.m4a", "a.aac", "a.mkv"):
        file = write(tmp_path / name, original, 16_000, "aac")
        with pytest.raises(AudioError, match=rf"{name}: there are no samples after 5\.000 s$"):
            reading.read(file, sampling_rate=16_000, start=5.0, end=6.0)


def test_rate_too_low(tmp_path: Path) -> None:
    """The range of rates is the same as for other files."""
    file = write(tmp_path / "a.mkv", chirps(1.0, 4000), 4000, "pcm_s16le")

    with pytest.raises(AudioError, match=r"a\.mkv: the sampling rate is 4,000 Hz, expected 8,000 to 768,000 Hz$"):
        reading.read(file, sampling_rate=16_000)


def test_unusable_samples(tmp_path: Path) -> None:
    """A sample that is not finite is refused with its time."""
    original = chirps(2.0, 16_000)
    original[20_000] = np.nan
    file = write(tmp_path / "a.mkv", original, 16_000, "pcm_f32le")

    with pytest.raises(AudioError, match=r"a\.mkv: the sample at 1\.250 s is nan, expected a finite number"):
        reading.read(file, sampling_rate=16_000)


def test_playlists_are_not_opened(tmp_path: Path) -> None:
    """A playlist, which refers to other files, is not a recording: only formats that are recognised are tried."""
    write(tmp_path / "a.m4a", chirps(1.0, 16_000), 16_000, "aac")
    texts = {
        "b.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{tmp_path / 'a.m4a'}\n#EXT-X-ENDLIST\n",
        "c.mp4": "ffconcat version 1.0\nfile a.m4a\n",
        "d.mp4": ";FFMETADATA1\ntitle=text that ffmpeg has a format for\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(AudioError, match=rf"{name}: it is not audio or video that can be read"):
            reading.read(tmp_path / name, sampling_rate=16_000)


def test_change_of_channels(tmp_path: Path) -> None:
    """A change of the channel count within a file is an error with its time."""
    parts = [write(tmp_path / f"{n}.aac", chirps(1.0, 16_000, n), 16_000, "aac").read_bytes() for n in (1, 2)]
    file = tmp_path / "a.aac"
    file.write_bytes(parts[0] + parts[1])

    with pytest.raises(
        AudioError, match=r"a\.aac: after 1\.\d+ s its audio changes to 16,000 Hz and 2 channels, expected"
    ):
        reading.read(file, sampling_rate=16_000)


@pytest.mark.parametrize(
    ("name", "codec", "tells_end"),
    [
        ("a.m4a", "aac", True),
        ("a.mkv", "aac", True),
        ("a.webm", "libopus", True),
        ("a.wma", "wmav2", True),
        ("a.avi", "libmp3lame", True),
        ("a.flv", "aac", True),
        ("a.ts", "aac", False),
        ("a.mpg", "mp2", False),
        ("a.aac", "aac", False),
        ("a.ac3", "ac3", False),
        ("a.amr", "libopencore_amrnb", False),
    ],
)
def test_damaged_and_joined_files(tmp_path: Path, name: str, codec: str, tells_end: bool) -> None:
    """A hole is refused, a cut is refused or warned of, and all of joined files is heard."""
    rate = {"libopus": 48_000, "ac3": 48_000, "libopencore_amrnb": 8000}.get(codec, 44_100)
    noise = 0.1 * np.random.default_rng(3).standard_normal((8 * rate, 1)).astype(np.float32)
    file = write(tmp_path / name, noise, rate, codec)
    content = file.read_bytes()
    seconds, warning = heard_of(file)
    half, size = len(content) // 2, max(5000, len(content) // 8)
    assert seconds == pytest.approx(8.0, abs=0.2)
    assert warning == ("" if tells_end else f"heard {seconds:.1f} s; this format cannot tell whether it is whole")

    for hole in (bytes(size), np.random.default_rng(1).bytes(size)):
        file.write_bytes(content[:half] + hole + content[half + size :])
        if hole.strip(b"\0") and codec == "libopencore_amrnb":  # any bytes are frames
            continue
        with pytest.raises(AudioError, match=r"it is (cut short|damaged)|its (data are zeros|last|time stamps)"):
            heard_of(file)
    file.write_bytes(content[:half] + bytes(len(content) - half))
    with pytest.raises(AudioError, match=r"it is (cut short|damaged|not audio)"):
        heard_of(file)
    file.write_bytes(content[:half])
    if tells_end:
        with pytest.raises(AudioError, match="it is cut short"):
            heard_of(file)
    elif name not in ("a.ts", "a.mpg"):  # the last packet may not be decodable
        assert "this format cannot tell whether it is whole" in heard_of(file)[1]
    file.write_bytes(content + content)
    joined, warning = heard_of(file)
    assert joined == pytest.approx(2 * seconds, abs=0.1)
    assert "2 files are joined in it" in warning or "this format cannot tell whether it is whole" in warning


@pytest.mark.parametrize("name", ["a.ts", "a.mpg", "a.aac", "a.ac3"])
def test_transmission_that_was_recorded(tmp_path: Path, name: str) -> None:
    """It begins and ends within a frame."""
    codec = {".mpg": "mp2", ".ac3": "ac3"}.get(Path(name).suffix, "aac")
    file = write(tmp_path / name, chirps(6.0, 48_000), 48_000, codec)
    content = file.read_bytes()
    file.write_bytes(content[1:])
    assert heard_of(file)[0] > 5.5
    file.write_bytes(content[:-9])
    assert re.match(
        "it ends in the middle of a frame; heard|. bytes of it, from byte .* are no audio; heard", heard_of(file)[1]
    )


def test_hole_in_a_transmission_that_ends_within_a_frame(tmp_path: Path) -> None:
    """The incomplete last frame does not hide the hole."""
    file = write(tmp_path / "a.aac", chirps(8.0, 48_000), 48_000, "aac")
    content = file.read_bytes()
    file.write_bytes(content[:20_000] + bytes(6000) + content[26_000:-9])

    with pytest.raises(
        AudioError, match=r"a\.aac: it is damaged: from byte [\d,]+ on, [\d,]+ bytes of it are no audio$"
    ):
        heard_of(file)


@pytest.mark.parametrize("codec", ["adpcm_ima_wav", "adpcm_ms", "pcm_s16le", "aac"])
def test_avi_declares_no_duration(tmp_path: Path, codec: str) -> None:
    """The durations of ffmpeg may be thousands of seconds; tags of codecs may be numbers."""
    file = write(tmp_path / "a.avi", chirps(3.0, 44_100, 2), 44_100, codec)

    assert heard_of(file)[0] == pytest.approx(3.0, abs=0.06)
    assert heard_of(file)[1] == ""
    assert reading.duration_s(file) == pytest.approx(3.0, abs=0.06)


def test_avi_with_a_damaged_index(tmp_path: Path) -> None:
    """With it, ffmpeg finds a part of the sound only."""
    file = write(tmp_path / "a.avi", chirps(17.0, 44_100), 44_100, "libmp3lame")
    content = file.read_bytes()
    at = content.index(b"idx1") + 500
    outcomes: set[str] = set()
    for seed in range(4):
        file.write_bytes(content[:at] + np.random.default_rng(seed).bytes(3000) + content[at + 3000 :])
        try:
            outcomes.add(f"{heard_of(file)[0]:.0f} s")
        except AudioError as error:
            outcomes.add(str(error).split(": ")[1].split(",")[0])
    assert outcomes <= {"17 s", "it is damaged"}
    assert "it is damaged" in outcomes


def joined_clocks(folder: Path, *begins_s: float, name: str = "a.ts", codec: str = "aac") -> Path:
    """Transport streams of three seconds whose clocks begin at these times, joined."""
    parts = [
        write(folder / f"part{name}", chirps(3.0, 48_000), 48_000, codec, begin_s=s).read_bytes() for s in begins_s
    ]
    file = folder / name
    file.write_bytes(b"".join(parts))
    return file


@pytest.mark.parametrize("name", ["a.ts", "a.mpg"])
@pytest.mark.parametrize("begins_s", [(0, 7200), (7200, 0), (0, 40, 20, 86_000, 5)])
def test_clocks_that_jump(tmp_path: Path, name: str, begins_s: tuple[float, ...]) -> None:
    """The clocks of transmissions differ: no silence is invented."""
    file = joined_clocks(tmp_path, *begins_s, name=name, codec="aac" if name == "a.ts" else "mp2")

    seconds, warning = heard_of(file)

    assert seconds == pytest.approx(3 * len(begins_s), abs=0.3)
    assert warning.startswith("its clock is set at 3.0 s")
    assert ("and later" in warning) == (len(begins_s) > 2)


def test_short_gap_in_a_transmission(tmp_path: Path) -> None:
    """Lost packets are replaced by silence, with a warning."""
    seconds, warning = heard_of(joined_clocks(tmp_path, 0, 5.0))

    assert seconds == pytest.approx(8.0, abs=0.1)
    assert warning.startswith("its time stamps have gaps, which are filled with 1.9 s of silence; ")


def test_pauses_that_are_too_long_in_all(tmp_path: Path) -> None:
    """Many pauses, each of them possible."""
    clock = Clock("a.mp4", 10, has_index=True)
    assert [clock.silence(offset, offset + 60_000) for offset in (0, 60_000, 120_000)] == [60_000] * 3

    with pytest.raises(AudioError, match=r"expected no gap longer than 7,200 s, and 14,400 s in all$"):
        clock.silence(180_000, 240_000)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.ts", "aac"), ("a.avi", "libmp3lame")]
)
def test_several_tracks(tmp_path: Path, name: str, codec: str) -> None:
    """The first track with sound is read; channels are counted through all tracks."""
    sound = chirps(2.0, 44_100, 2)
    silence = np.zeros_like(sound)
    file = write_tracks(tmp_path / name, [silence, sound, sound[:, :1]], 44_100, codec)

    _, warning = heard_of(file)
    first, third, fifth = (reading.read(file, sampling_rate=44_100, channel=channel) for channel in (1, 3, 5))

    assert warning.startswith(
        "it has 3 audio tracks, and track 2 was read, the first with sound: --channel 1 to 5 selects a channel of any"
    )
    assert reading.channels(file) == 5
    assert np.abs(first).max() < 1e-3
    assert abs(lag(third, sound[:, 0])) < 2000
    np.testing.assert_allclose(np.std(fifth), np.std(sound[:, 0]), rtol=0.1)
    assert "--channel" not in heard_of(file, channel=3)[1]
    with pytest.raises(AudioError, match=r"there is no channel 6, expected 1 to 5$"):
        reading.read(file, sampling_rate=16_000, channel=6)


def test_tracks_without_sound(tmp_path: Path) -> None:
    """The first of them is read, and the others are named."""
    file = write_tracks(tmp_path / "a.mp4", [np.zeros((44_100, 1), np.float32)] * 2, 44_100, "aac")

    assert heard_of(file)[1] == (
        "it has 2 audio tracks, and track 1 was read: --channel 1 to 2 selects a channel of any of them"
    )


def test_track_that_cannot_be_decoded(tmp_path: Path) -> None:
    """Another track is read."""
    file = write_tracks(tmp_path / "a.mkv", [chirps(1.0, 44_100)] * 2, 44_100, "flac")
    content = file.read_bytes()
    file.write_bytes(content.replace(b"A_FLAC", b"A_FLAX", 1))
    assert heard_of(file)[0] == pytest.approx(1.0, abs=0.05)
    file.write_bytes(content.replace(b"A_FLAC", b"A_FLAX"))
    with pytest.raises(AudioError, match="the encoding of its audio is not supported"):
        heard_of(file)


def write_tracks(file: Path, tracks: list[NDArray[np.float32]], rate: int, codec: str) -> Path:
    """Write a media file with several audio tracks."""
    with av.open(str(file), "w", format={".ts": "mpegts"}.get(file.suffix)) as out:
        packets = []
        for samples in tracks:
            layout = LAYOUTS[samples.shape[1]]
            stream = out.add_stream(codec, rate=rate, layout=layout)
            stream.codec_context.time_base = Fraction(1, rate)
            stream.codec_context.open()
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            fifo = av.AudioFifo()
            for converted in av.AudioResampler(stream.codec_context.format.name, layout, rate).resample(frame):
                fifo.write(converted)
            while part := fifo.read(stream.codec_context.frame_size or 1000, partial=True):
                packets += stream.encode(part)
            packets += stream.encode(None)
        for packet in sorted(
            (packet for packet in packets if packet.dts is not None), key=lambda p: p.dts * p.time_base
        ):
            out.mux(packet)
    return file


def box(kind: bytes, *contents: bytes) -> bytes:
    """A box of an MP4 file."""
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def hostile_index(samples: bytes, n_times: int) -> bytes:
    """A QuickTime file with 16-bit samples whose index refers to the same data `n_times`."""
    rate, count = 48_000, len(samples) // 2
    head = box(b"ftyp", b"qt  ", bytes(4), b"qt  ")
    kind = box(b"sowt", bytes(6), b"\0\1", bytes(8), struct.pack(">HHHHI", 1, 16, 0, 0, rate << 16))
    table = box(
        b"stbl",
        box(b"stsd", bytes(4), struct.pack(">I", 1), kind),
        box(b"stts", bytes(4), struct.pack(">III", 1, count * n_times, 1)),
        box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, count, 1)),
        box(b"stsz", bytes(4), struct.pack(">II", 2, count * n_times)),
        box(b"stco", bytes(4), struct.pack(">I", n_times), struct.pack(">I", len(head) + 8) * n_times),
    )
    times = struct.pack(">IIHH", rate, count * n_times, 0, 0)
    handler = box(b"hdlr", bytes(4), b"mhlr", b"soun", bytes(12), b"\0")
    data = box(b"dinf", box(b"dref", bytes(4), struct.pack(">I", 1), box(b"url ", b"\0\0\0\1")))
    media = box(b"mdia", box(b"mdhd", bytes(12), times), handler, box(b"minf", box(b"smhd", bytes(8)), data, table))
    track = box(b"trak", box(b"tkhd", b"\0\0\0\7", bytes(8), b"\0\0\0\1", bytes(4), times[4:8], bytes(60)), media)
    return head + box(b"mdat", samples) + box(b"moov", box(b"mvhd", bytes(12), times[:8], bytes(80)), track)


def test_index_that_refers_to_the_same_data_again_and_again(tmp_path: Path) -> None:
    """A small file would make hours of sound."""
    samples = (3000 * np.random.default_rng(1).standard_normal(16_000)).astype("<i2").tobytes()
    file = tmp_path / "a.mov"
    file.write_bytes(hostile_index(samples, 1))
    assert heard_of(file)[0] == pytest.approx(1 / 3, abs=0.01)
    file.write_bytes(hostile_index(samples, 10_000))

    with pytest.raises(AudioError, match=r"a\.mov: it is damaged, its index refers to the same data again and again$"):
        reading.read(file, sampling_rate=16_000)


def test_zeros_at_the_end_of_samples_without_compression(tmp_path: Path) -> None:
    """They may be silence: the file is accepted, with a warning."""
    samples = chirps(4.0, 16_000)
    samples[32_000:] = 0
    file = write(tmp_path / "a.mov", samples, 16_000, "pcm_s16le")

    seconds, warning = heard_of(file)

    assert seconds == 4.0
    assert "bytes of 128,000 are zeros, which is silence, or a download that broke off" in warning


def test_live_matroska(tmp_path: Path) -> None:
    """A live stream declares no length, neither of its segment nor of its clusters."""
    file = write(tmp_path / "a.mkv", chirps(6.0, 44_100), 44_100, "aac", options={"live": "1"})

    seconds, warning = heard_of(file)

    assert seconds == pytest.approx(6.0, abs=0.1)
    assert warning.endswith("this format cannot tell whether it is whole")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert heard_of(file)[1].startswith("it ends in the middle of a frame; ")

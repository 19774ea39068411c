"""All of a file is heard, or it is refused, or a remark says what may be missing: for every format of libsndfile."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from speechgmm.audio import reading
from speechgmm.audio.byte_source import Window
from speechgmm.audio.hearing import Heard
from speechgmm.errors import AudioError
from tests.builders import white_noise

RATE = 16_000
SECONDS = 3.0
UNKNOWN = "this format cannot tell whether it is whole"

# Container and coding of libsndfile, and whether the container tells its end.
FORMATS = {
    "wav": ("WAV", "PCM_16", True),
    "wavex": ("WAVEX", "PCM_24", True),
    "rf64": ("RF64", "PCM_16", True),
    "w64": ("W64", "PCM_16", True),
    "aiff": ("AIFF", "PCM_16", True),
    "svx": ("SVX", "PCM_16", True),
    "caf": ("CAF", "PCM_16", True),
    "alac": ("CAF", "ALAC_16", True),
    "au": ("AU", "PCM_16", True),
    "nist": ("NIST", "PCM_16", True),
    "voc": ("VOC", "PCM_16", True),
    "avr": ("AVR", "PCM_16", True),
    "mpc2k": ("MPC2K", "PCM_16", True),
    "mat4": ("MAT4", "PCM_16", True),
    "mat5": ("MAT5", "PCM_16", True),
    "sds": ("SDS", "PCM_16", True),
    "htk": ("HTK", "PCM_16", True),
    "wve": ("WVE", "ALAW", True),
    "flac": ("FLAC", "PCM_16", True),
    "vorbis": ("OGG", "VORBIS", True),
    "opus": ("OGG", "OPUS", True),
    "mp3": ("MP3", "MPEG_LAYER_III", True),
    "paf": ("PAF", "PCM_16", False),
    "ircam": ("IRCAM", "PCM_16", False),
    "pvf": ("PVF", "PCM_16", False),
    "xi": ("XI", "DPCM_16", False),
}
TELLING = [name for name, (_, _, tells_end) in FORMATS.items() if tells_end]
CHECKED = ["flac", "vorbis", "opus", "mp3"]
WITHOUT_HOLES = [*CHECKED, "sds"]
REFUSED_IF_DOUBLED = ["mat4", "sds", "htk"]


def noise(seconds: float, channels: int = 1) -> NDArray[np.float32]:
    """White noise, always the same."""
    return white_noise((round(seconds * RATE), channels), 0.1, seed=7)


def encoded(samples: NDArray[np.floating], container: str, coding: str, rate: int = RATE) -> bytes:
    """A file with these samples."""
    content = io.BytesIO()
    with soundfile.SoundFile(
        content, "w", rate, 1 if samples.ndim == 1 else samples.shape[1], format=container, subtype=coding
    ) as sound:
        sound.write(samples)
    return content.getvalue()


@cache
def whole(name: str) -> bytes:
    """A file of this format."""
    container, coding, _ = FORMATS[name]
    return encoded(noise(SECONDS), container, coding, 8000 if name == "wve" else RATE)


@cache
def heard_of_whole(name: str) -> float:
    """Seconds of the whole file."""
    return 2 * SECONDS if name == "wve" else len(noise(SECONDS)) / (44_100 if name == "xi" else RATE)


def heard_of(content: bytes, folder: Path, **excerpt: float) -> tuple[float, str]:
    """Seconds that are heard of a file with this content, and the warning."""
    file = folder / "a.bin"
    file.write_bytes(content)
    heard = Heard()
    samples = reading.read(file, sampling_rate=RATE, heard=heard, **excerpt)  # type: ignore[arg-type]
    assert len(samples) / RATE == pytest.approx(heard.seconds, abs=0.001)
    return heard.seconds, heard.warning


@pytest.mark.parametrize("name", FORMATS)
def test_whole_file(name: str, tmp_path: Path) -> None:
    """All is heard; there is a warning only if the format does not tell its end."""
    seconds, warning = heard_of(whole(name), tmp_path)

    assert seconds == pytest.approx(heard_of_whole(name), abs=0.01)
    assert warning == ("" if FORMATS[name][2] else f"heard {seconds:.1f} s; {UNKNOWN}")


@pytest.mark.parametrize("kept", [0.98, 0.6, 0.1])
@pytest.mark.parametrize("name", FORMATS)
def test_file_that_is_cut_short(name: str, kept: float, tmp_path: Path) -> None:
    """It is refused; if the format does not tell its end, the warning says so."""
    content = whole(name)[: int(kept * len(whole(name)))]

    if FORMATS[name][2]:
        with pytest.raises(AudioError, match=r"a\.bin: it is (cut short|damaged|not audio)"):
            heard_of(content, tmp_path)
    else:
        seconds, warning = heard_of(content, tmp_path)
        assert warning == f"heard {seconds:.1f} s; {UNKNOWN}"


@pytest.mark.parametrize("name", FORMATS)
def test_tail_of_zeros(name: str, tmp_path: Path) -> None:
    """What a broken download leaves is refused; where zeros are silence, there is a warning."""
    length = len(whole(name))
    content = whole(name)[: length // 2] + bytes(length - length // 2)

    if name in WITHOUT_HOLES:
        with pytest.raises(AudioError, match=r"it is (cut short|damaged)"):
            heard_of(content, tmp_path)
    else:
        _, warning = heard_of(content, tmp_path)
        assert "are zeros, which is silence, or a download that broke off" in warning


@pytest.mark.parametrize("hole", [bytes(6000), b"\xaa" * 6000, b""])
@pytest.mark.parametrize("name", WITHOUT_HOLES)
def test_hole(name: str, hole: bytes, tmp_path: Path) -> None:
    """A hole in compressed sound or in packets is refused, filled with zeros, with other data or not at all."""
    content = whole(name)
    at = len(content) // 2

    with pytest.raises(AudioError, match=r"it is (cut short|damaged)"):
        heard_of(content[:at] + hole + content[at + 6000 :], tmp_path)


@pytest.mark.parametrize("name", TELLING)
def test_joined_files(name: str, tmp_path: Path) -> None:
    """All of both is heard, as is an excerpt over the joint; or they are refused."""
    content = whole(name) * 2

    if name in REFUSED_IF_DOUBLED:
        with pytest.raises(AudioError, match=r"declares [\d,]+ bytes less than it holds|format is not recognised"):
            heard_of(content, tmp_path)
        return
    length = heard_of_whole(name)
    seconds, warning = heard_of(content, tmp_path)
    excerpt, _ = heard_of(content, tmp_path, start=length - 0.5, end=length + 0.25)
    rest, _ = heard_of(content, tmp_path, start=1.5 * length)

    assert seconds == pytest.approx(2 * length, abs=0.02)
    assert "2 files are joined in it" in warning or "bytes of sound" in warning or "all were read" in warning
    assert excerpt == 0.75
    assert rest == pytest.approx(0.5 * length, abs=0.02)
    assert reading.duration_s(tmp_path / "a.bin") == pytest.approx(2 * length, abs=0.02)


def test_joined_files_without_sound(tmp_path: Path) -> None:
    """An empty recording among them does not matter."""
    empty = encoded(np.empty(0), "WAV", "PCM_16")

    assert heard_of(empty + whole("wav") + empty + whole("wav"), tmp_path)[0] == 2 * SECONDS
    with pytest.raises(AudioError, match="it holds no samples"):
        heard_of(empty + empty, tmp_path)


@pytest.mark.parametrize("name", CHECKED)
def test_second_file_is_cut_short(name: str, tmp_path: Path) -> None:
    """Each of the files is checked."""
    with pytest.raises(AudioError, match=r"it is (cut short|damaged)"):
        heard_of(whole(name) + whole(name)[: len(whole(name)) // 2], tmp_path)


@pytest.mark.parametrize("name", ["wav", "flac", "vorbis"])
def test_joined_files_of_different_forms(name: str, tmp_path: Path) -> None:
    """Another sampling rate or channel count is refused, with the time."""
    container, coding, _ = FORMATS[name]
    for other in (encoded(noise(1.0), container, coding, 22_050), encoded(noise(1.0, 2), container, coding)):
        with pytest.raises(AudioError, match=r"several files are joined in it, after 3\.000 s its audio changes to"):
            heard_of(whole(name) + other, tmp_path)


@pytest.mark.parametrize(
    ("first", "second"), [("wav", "flac"), ("wav", "vorbis"), ("wav", "aiff"), ("w64", "nist"), ("flac", "wav")]
)
def test_joined_files_of_different_formats(first: str, second: str, tmp_path: Path) -> None:
    """The second would be read as samples, or not at all."""
    with pytest.raises(AudioError, match=r"a file of another format \(\w+\) follows in it, after [\d,]+ bytes: split"):
        heard_of(whole(first) + whole(second), tmp_path)


@pytest.mark.parametrize("name", ["wav", "aiff", "flac", "vorbis", "mp3"])
def test_tags(name: str, tmp_path: Path) -> None:
    """Tags before and after do not count, and hide no cut."""
    before = b"ID3\x03\0\0\0\0\x20\0" + b"cover".ljust(4096)
    content = before * 2 + whole(name) + b"TAG".ljust(128, b"x")

    assert heard_of(content, tmp_path) == (SECONDS, "")
    with pytest.raises(AudioError, match=r"it is (cut short|damaged)"):
        heard_of((before + whole(name))[:-4000], tmp_path)


@pytest.mark.parametrize("name", TELLING)
def test_zeros_after_the_end(name: str, tmp_path: Path) -> None:
    """Padding after the declared end is not heard."""
    if name in ("htk", "voc"):
        with pytest.raises(AudioError, match=r"format is not recognised|its last 20,000 bytes are zeros"):
            heard_of(whole(name) + bytes(20_000), tmp_path)
        return
    seconds, _ = heard_of(whole(name) + bytes(20_000), tmp_path)

    assert seconds == pytest.approx(heard_of_whole(name), abs=0.01)


@pytest.mark.parametrize("name", ["w64", "nist", "avr", "mpc2k", "mat5", "wve"])
def test_more_than_declared(name: str, tmp_path: Path) -> None:
    """Sound after the declared end is read, with a warning."""
    more = (1000 * np.ones(8000)).astype("<i2").tobytes()
    seconds, warning = heard_of(whole(name) + more, tmp_path)

    assert seconds > heard_of_whole(name) + 0.4
    assert warning == "its header declares 16,000 bytes less than it holds, and all were read"


@pytest.mark.parametrize("size", [0, 20_000])
def test_wrong_sizes(size: int, tmp_path: Path) -> None:
    """Sizes of the samples that were never set, or are too small."""
    wav, rf64 = bytearray(whole("wav")), bytearray(whole("rf64"))
    wav[4:8] = wav[40:44] = size.to_bytes(4, "little")
    at = rf64.index(b"ds64") + 16
    rf64[at : at + 8] = size.to_bytes(8, "little")

    for content in (wav, rf64):
        seconds, warning = heard_of(bytes(content), tmp_path)
        assert seconds == SECONDS
        assert warning == (
            f"heard 3.0 s; {UNKNOWN}"
            if size == 0
            else "its header declares 20,000 bytes of sound, 96,000 follow and were read"
        )


def test_file_that_was_never_filled(tmp_path: Path) -> None:
    """A large file of zeros is not read: it was made in full length before the sound came."""
    content = bytearray(whole("wav"))
    content[40:44] = (200 << 20).to_bytes(4, "little")
    file = tmp_path / "a.wav"
    with file.open("wb") as stream:
        stream.write(content)
        stream.truncate(44 + (200 << 20))

    with pytest.raises(AudioError, match=r"it is damaged, its last 209,619,\d+ bytes of 209,715,244 are zeros$"):
        reading.read(file, sampling_rate=RATE)


def test_ogg_without_an_end(tmp_path: Path) -> None:
    """A stream whose last page is not marked as the end may have been cut between two pages."""
    content = whole("vorbis")
    last = content.rindex(b"OggS")

    seconds, warning = heard_of(content[:last], tmp_path)

    assert seconds < SECONDS
    assert warning == f"heard {seconds:.1f} s; {UNKNOWN}"


def test_ogg_without_its_beginning(tmp_path: Path) -> None:
    """The headers are missing."""
    content = whole("vorbis")

    with pytest.raises(AudioError, match="its beginning is missing"):
        heard_of(content[content.index(b"OggS", 4000) :], tmp_path)


def test_mp3_in_wav(tmp_path: Path) -> None:
    """The frames in the chunk are read, whatever the other chunks say of the length."""
    frames = whole("mp3")
    fmt = (0x55).to_bytes(2, "little") + b"\1\0" + RATE.to_bytes(4, "little") + bytes(20) + b"\0\0"
    body = b"WAVEfmt " + len(fmt).to_bytes(4, "little") + fmt + b"fact\x04\0\0\0" + (10**9).to_bytes(4, "little")
    body += b"data" + len(frames).to_bytes(4, "little") + frames
    content = b"RIFF" + len(body).to_bytes(4, "little") + body

    assert heard_of(content, tmp_path) == (SECONDS, "")
    with pytest.raises(AudioError, match="it is cut short"):
        heard_of(content[:-2000], tmp_path)


def test_mp3_with_a_variable_bit_rate_and_no_count(tmp_path: Path) -> None:
    """The estimate of the decoder, from the first frames, would end the reading early."""
    samples = np.concatenate([noise(1.0), 1e-4 * noise(9.0)])
    content = encoded(samples, "MP3", "MPEG_LAYER_III")
    first = content.index(content[:2], 20)
    (tmp_path / "b.mp3").write_bytes(content[first:])
    with soundfile.SoundFile(tmp_path / "b.mp3") as sound:
        assert sound.frames < 9 * RATE

    seconds, warning = heard_of(content[first:], tmp_path)

    assert seconds == pytest.approx(10.1, abs=0.1)
    assert warning.endswith(UNKNOWN)


def test_excerpts_of_a_format_that_does_not_tell_its_end(tmp_path: Path) -> None:
    """Only reading to the end makes a warning."""
    assert heard_of(whole("paf"), tmp_path, start=0.5, end=1.5) == (1.0, "")
    assert heard_of(whole("paf"), tmp_path, start=0.5, end=SECONDS) == (2.5, "")
    assert heard_of(whole("paf"), tmp_path, start=2.0)[1] == f"heard 1.0 s; {UNKNOWN}"


def test_excerpt_that_ends_after_the_recording(tmp_path: Path) -> None:
    """The warning says how far the recording reaches."""
    assert heard_of(whole("wav"), tmp_path, start=1.0, end=5.0) == (
        2.0,
        "the excerpt ends at 3.0 s, with the recording",
    )
    assert heard_of(whole("wav"), tmp_path, start=1.0, end=3.05) == (2.0, "")


def test_channels_that_cancel(tmp_path: Path) -> None:
    """The warning about channels comes from the file that is read."""
    opposite = encoded(np.concatenate([noise(1.0), -noise(1.0)], axis=1), "WAV", "PCM_16")

    assert "use --channel" in heard_of(opposite, tmp_path)[1]


def test_error_of_the_system_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in the middle is no end of the recording."""
    frames = whole("mp3")
    (tmp_path / "a.mp3").write_bytes(frames[frames.index(frames[:2], 20) :])
    read_range = Window._read_range

    def failing(window: Window, position: int, view: memoryview) -> int:
        if position > len(frames) // 2:
            window.error = OSError(5, "Input/output error")
            return 0
        count: int = read_range(window, position, view)
        return count

    monkeypatch.setattr("speechgmm.audio.byte_source.Window._read_range", failing)
    with pytest.raises(AudioError, match=r"a\.mp3: it cannot be read \(Input/output error\)$"):
        reading.read(tmp_path / "a.mp3", sampling_rate=RATE)

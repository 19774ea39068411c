"""A recording in memory is read as its file is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgmm.audio import media_process
from speechgmm.audio.hearing import Heard
from speechgmm.audio.memory_file import MemoryFile
from speechgmm.audio.reading import channels, digest, duration_s, read
from speechgmm.errors import AudioError
from tests.builders import white_noise

RATE = 16_000


def in_memory(file: Path) -> MemoryFile:
    return MemoryFile(file.name, file.read_bytes())


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".aiff", ".au"])
def test_sound_files(tmp_path: Path, suffix: str) -> None:
    """The samples, the length and the digest are those of the file; so are those of an excerpt of one channel."""
    file = tmp_path / f"noise{suffix}"
    soundfile.write(file, white_noise((2 * RATE, 2), 0.1, seed=1), RATE)
    held = in_memory(file)

    np.testing.assert_array_equal(read(held, sampling_rate=8_000), read(file, sampling_rate=8_000))
    excerpt = {"sampling_rate": RATE, "channel": 2, "start": 0.5, "end": 1.5}
    np.testing.assert_array_equal(read(held, **excerpt), read(file, **excerpt))  # type: ignore[arg-type]
    assert (duration_s(held), channels(held), digest(held)) == (duration_s(file), channels(file), digest(file))


def test_declared_duration(tmp_path: Path) -> None:
    """It is that of the file, also of an excerpt."""
    file = tmp_path / "noise.wav"
    soundfile.write(file, white_noise(3 * RATE, 0.1, seed=1), RATE)
    heard = Heard()

    read(in_memory(file), sampling_rate=RATE, end=1.0, heard=heard)

    assert (heard.declared_s, heard.seconds) == (3.0, 1.0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "it is empty (0 bytes)"), (b"no sound", "it is not audio that can be read (its format is not recognised)")],
    ids=["empty", "garbage"],
)
def test_faulty(content: bytes, reason: str) -> None:
    """An error has the name and the reason."""
    with pytest.raises(AudioError) as caught:
        read(MemoryFile("voice.wav", content), sampling_rate=RATE)

    assert str(caught.value) == f"voice.wav: {reason}"


def test_media_files(tmp_path: Path) -> None:
    """The bytes go to the process of the decoder, which keeps nothing of them, and no file has their name."""
    av = pytest.importorskip("av", reason="the extra 'media' is not installed")
    file = tmp_path / "noise.mka"
    with av.open(str(file), "w", format="matroska") as out:
        stream = out.add_stream("pcm_s16le", rate=RATE, layout="mono")
        samples = (1000 * white_noise((1, 20 * RATE), 1.0, seed=1)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = RATE
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    expected = read(file, sampling_rate=RATE)
    held = in_memory(file)
    file.unlink()

    for _ in range(2):
        np.testing.assert_array_equal(read(held, sampling_rate=RATE), expected)
    (process,) = media_process._idle
    answer, _ = process.ask({"next": True})
    assert "error" in answer  # the file was forgotten
    with pytest.raises(AudioError, match=r"^noise\.mka: it is cut short"):
        read(MemoryFile("noise.mka", held.content[:3000]), sampling_rate=RATE)

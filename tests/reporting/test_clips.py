"""Audio clips embedded in a page: the loudest seconds, as MP3."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.reporting.clips import CLIP_S, SAMPLING_RATE, clip, loudest
from tests.builders import sine

MP3 = "data:audio/mpeg;base64,"

Signal = npt.NDArray[np.float64]


def decoded(url: str) -> tuple[Signal, int]:
    """Samples and sampling rate of an MP3 data URL."""
    assert url.startswith(MP3)
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(url.removeprefix(MP3))))
    return samples, rate


def recording(file: Path, *, start: float = 0.0, end: float | None = None) -> Recording:
    return Recording(file=file, name="x", label="a", start=start, end=end)


def test_a_clip_is_the_recording(tmp_path: Path) -> None:
    """Mono at 16 kHz, as long as the recording, and small."""
    soundfile.write(tmp_path / "a.wav", np.stack([sine(2.0, 44100)] * 2, axis=1), 44100)
    url = clip(recording(tmp_path / "a.wav"))
    samples, rate = decoded(url)
    assert (samples.ndim, rate) == (1, SAMPLING_RATE)
    assert len(samples) / rate == pytest.approx(2.0, abs=0.15)
    assert np.sqrt(np.mean(samples[4000:20000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert len(url) < 20_000


def test_channel_start_and_end_select_the_signal(tmp_path: Path) -> None:
    """The clip is taken from the signal that was classified."""
    both = np.stack([np.zeros(4 * 16000), np.concatenate([np.zeros(32000), sine(2.0, 16000)])], axis=1)
    soundfile.write(tmp_path / "a.wav", both, 16000)

    def power(channel: int, *, start: float = 0.0, end: float | None = None) -> float:
        samples, _ = decoded(clip(recording(tmp_path / "a.wav", start=start, end=end), channel=channel))
        return float(np.mean(samples**2))

    assert power(channel=1) < 1e-6
    assert power(channel=2, start=0.0, end=1.9) < 1e-6
    assert power(channel=2, start=2.1) > 0.1


def test_the_loudest_seconds_are_chosen() -> None:
    """Of a long recording, the five seconds with the highest energy; a short one is returned whole."""
    samples = np.zeros(20 * SAMPLING_RATE, np.float32)
    samples[11 * SAMPLING_RATE : 15 * SAMPLING_RATE] = 0.1
    loud = loudest(samples)
    assert len(loud) == CLIP_S * SAMPLING_RATE
    assert np.sum(loud > 0) == 4 * SAMPLING_RATE
    assert loudest(samples[:100]) is not None
    assert len(loudest(samples[:100])) == 100


def test_only_the_first_30_seconds_are_searched(tmp_path: Path) -> None:
    """A long recording is not read to its end."""
    samples = np.concatenate([np.zeros(31 * 8000), sine(5.0, 8000)])
    soundfile.write(tmp_path / "long.wav", samples, 8000)
    signal, _ = decoded(clip(recording(tmp_path / "long.wav")))
    assert np.abs(signal).max() < 0.01


def test_samples_beyond_full_scale_do_not_wrap(tmp_path: Path) -> None:
    """Floating-point recordings may exceed 1; the clip is limited."""
    soundfile.write(tmp_path / "a.wav", sine(1.0, 16000, amplitude=3.0), 16000, subtype="FLOAT")
    signal, _ = decoded(clip(recording(tmp_path / "a.wav")))
    assert 0.9 < np.abs(signal).max() < 1.3


def test_unreadable_recordings_have_no_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors for a missing file, and for a libsndfile without MP3."""
    with pytest.raises(AudioError, match="there is no such file"):
        clip(recording(tmp_path / "none.wav"))
    soundfile.write(tmp_path / "a.wav", sine(1.0, 16000), 16000)
    monkeypatch.setattr("speechgmm.reporting.clips.soundfile.write", _refuse)
    with pytest.raises(AudioError, match=r"a\.wav: the clip cannot be encoded as MP3 .*: Unknown format: 'MP3'"):
        clip(recording(tmp_path / "a.wav"))


def _refuse(*_: object, **__: object) -> None:
    raise ValueError("Unknown format: 'MP3'")

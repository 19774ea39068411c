"""Clips of recordings inside a page: the loudest seconds, as sound that browsers play."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError
from speechgmm.reporting.clips import CLIP_S, SAMPLING_RATE, clip, loudest

MP3 = "data:audio/mpeg;base64,"


def played(address: str) -> tuple[np.ndarray, int]:
    assert address.startswith(MP3)
    return soundfile.read(io.BytesIO(base64.b64decode(address.removeprefix(MP3))))


def tone(duration_s: float, rate: int, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * 440 * np.arange(round(duration_s * rate)) / rate)


def recording(file: Path, **place: float) -> Recording:
    return Recording(file=file, name="x", label="a", **place)


def test_a_clip_is_the_sound(tmp_path: Path) -> None:
    """Mono at 16 kHz, as long as the recording, and small."""
    soundfile.write(tmp_path / "a.wav", np.stack([tone(2.0, 44100)] * 2, axis=1), 44100)
    address = clip(recording(tmp_path / "a.wav"))
    samples, rate = played(address)
    assert (samples.ndim, rate) == (1, SAMPLING_RATE)
    assert len(samples) / rate == pytest.approx(2.0, abs=0.15)
    assert np.sqrt(np.mean(samples[4000:20000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert len(address) < 20_000


def test_a_channel_and_a_stretch_can_be_chosen(tmp_path: Path) -> None:
    """What is heard is what was classified."""
    both = np.stack([np.zeros(4 * 16000), np.concatenate([np.zeros(32000), tone(2.0, 16000)])], axis=1)
    soundfile.write(tmp_path / "a.wav", both, 16000)

    def power(**options: object) -> float:
        place = {key: value for key, value in options.items() if key != "channel"}
        samples, _ = played(clip(recording(tmp_path / "a.wav", **place), channel=options.get("channel")))
        return float(np.mean(samples**2))

    assert power(channel=1) < 1e-6
    assert power(channel=2, start=0.0, end=1.9) < 1e-6
    assert power(channel=2, start=2.1) > 0.1


def test_the_loudest_seconds_are_chosen() -> None:
    """Of a long recording five seconds, where most is to be heard."""
    samples = np.zeros(20 * SAMPLING_RATE, np.float32)
    samples[11 * SAMPLING_RATE : 15 * SAMPLING_RATE] = 0.1
    found = loudest(samples)
    assert len(found) == CLIP_S * SAMPLING_RATE
    assert np.sum(found > 0) == 4 * SAMPLING_RATE
    assert loudest(samples[:100]) is not None
    assert len(loudest(samples[:100])) == 100


def test_only_the_first_half_minute_is_searched(tmp_path: Path) -> None:
    """An hour is not read for five seconds of it."""
    samples = np.concatenate([np.zeros(31 * 8000), tone(5.0, 8000)])
    soundfile.write(tmp_path / "long.wav", samples, 8000)
    heard, _ = played(clip(recording(tmp_path / "long.wav")))
    assert np.abs(heard).max() < 0.01


def test_samples_beyond_full_scale_do_not_wrap(tmp_path: Path) -> None:
    """Floating-point recordings may be louder than 1."""
    soundfile.write(tmp_path / "a.wav", tone(1.0, 16000, amplitude=3.0), 16000, subtype="FLOAT")
    heard, _ = played(clip(recording(tmp_path / "a.wav")))
    assert 0.9 < np.abs(heard).max() < 1.3


def test_what_cannot_be_read_has_no_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, and a library without MP3."""
    with pytest.raises(AudioError, match="there is no such file"):
        clip(recording(tmp_path / "none.wav"))
    soundfile.write(tmp_path / "a.wav", tone(1.0, 16000), 16000)
    monkeypatch.setattr("speechgmm.reporting.clips.soundfile.write", _refuse)
    with pytest.raises(AudioError, match=r"a\.wav: no clip can be made of it: Unknown format: 'MP3'"):
        clip(recording(tmp_path / "a.wav"))


def _refuse(*_: object, **__: object) -> None:
    raise ValueError("Unknown format: 'MP3'")

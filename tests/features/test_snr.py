"""The estimated signal-to-noise ratio: by hand, compared with known mixtures, and in the outcome."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from speechgmm.augmentation.channel import with_noise
from speechgmm.classifier.classify import classify_recording
from speechgmm.classifier.model import Model
from speechgmm.classifier.outcome import Outcome
from speechgmm.classifier.scorer import Scores
from speechgmm.corpus.recording import Recording
from speechgmm.features.front_end import Stretch, stretches
from speechgmm.features.options import FrontEndOptions
from speechgmm.features.voice_activity import frame_powers, speech_to_noise_db
from tests.builders import spoken

OPTIONS = FrontEndOptions()


def estimates(ratio: float) -> list[float]:
    """Estimates for four synthetic voices in white noise at this ratio."""
    values = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        voice = spoken("female" if seed % 2 else "male", 4.0, rng)
        noise = rng.standard_normal(len(voice)).astype(np.float32)
        (stretch,) = stretches([with_noise(voice, noise, ratio, begin=0)], OPTIONS)
        values.append(stretch.snr_db)
    return values


def test_the_ratio_by_hand() -> None:
    """Twenty frames of two bands: the mean of the speech over the mean of the two quietest."""
    bands = np.full((20, 2), 3.0)
    bands[:4] = 500.0
    bands[10], bands[17] = 0.5, 1.5
    speech = np.zeros(20, dtype=bool)
    speech[:4] = True
    expected = 10 * math.log10(1000 / ((1 + 3) / 2))
    powers = frame_powers(np.log(bands).astype(np.float32))
    assert speech_to_noise_db(powers, speech) == pytest.approx(expected, abs=1e-4)


def test_without_speech_there_is_no_ratio() -> None:
    """Without speech frames and for a silent recording, the estimate is NaN."""
    assert math.isnan(speech_to_noise_db(np.ones(5, np.float32), np.zeros(5, dtype=bool)))
    (silence,) = stretches([np.zeros(16000, np.float32)], OPTIONS)
    assert math.isnan(silence.snr_db)


def test_the_ratio_rises_with_the_true_one() -> None:
    """The estimate rises for every voice. In steady noise it is 2 to 8 dB too high."""
    table = np.array([estimates(ratio) for ratio in (10, 15, 20, 25)])
    assert (np.diff(table, axis=0) > 2.0).all()
    bias = table - np.array([[10], [15], [20], [25]])
    assert (bias > 2.0).all()
    assert (bias < 8.0).all()


def test_level_does_not_matter() -> None:
    """Half the amplitude gives the same estimate."""
    rng = np.random.default_rng(1)
    voice = spoken("female", 3.0, rng)
    noisy = with_noise(voice, rng.standard_normal(len(voice)).astype(np.float32), 20, begin=0)
    (loud,), (soft,) = stretches([noisy], OPTIONS), stretches([noisy / np.float32(2)], OPTIONS)
    assert soft.snr_db == pytest.approx(loud.snr_db, abs=0.01)


def scores(n_speech: int, decibels: float) -> Scores:
    return Scores(
        n_frames=100,
        n_speech=np.array([n_speech]),
        log_likelihoods=np.zeros((1, 2)),
        speech_ratios=np.zeros(1),
        decibels=decibels,
    )


def test_stretches_count_by_their_speech() -> None:
    """The mean in decibels is weighted by speech frames. A stretch without speech has no weight."""
    whole = scores(30, 30 * 10.0) + scores(0, 0.0) + scores(10, 10 * 30.0)
    assert whole.snr_db == 15.0
    assert math.isnan(scores(0, 0.0).snr_db)


def test_a_model_averages_over_the_stretches_of_its_first_stream(tiny_model: Model) -> None:
    """`score_all` weights each stretch by its number of speech frames."""
    width = tiny_model.front_end.n_dimensions
    frames = [np.zeros((n, width), np.float32) for n in (30, 0, 10)]
    parts = [(Stretch(own, 60, ratio),) for own, ratio in zip(frames, (10.0, math.nan, 30.0), strict=True)]
    assert tiny_model.score_all(parts).snr_db == pytest.approx(15.0)
    assert math.isnan(tiny_model.score_all([(Stretch(frames[0], 60),)]).snr_db)


def test_the_outcome_has_the_ratio(tiny_model: Model, voices: Path) -> None:
    """The outcome of a recording also has its start and end in the file."""
    file = next(iter(sorted(voices.rglob("*.wav"))))
    recording = Recording(file=file, name="x", label="female", start=0.5, end=2.0)
    result = classify_recording(recording, model=tiny_model)
    assert isinstance(result, Outcome)
    assert 10 < result.snr_db < 120
    assert (result.start, result.end) == (0.5, 2.0)

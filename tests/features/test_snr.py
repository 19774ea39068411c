"""The estimated signal-to-noise ratio: by hand, against known mixtures, and through to the answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from speechgmm.augmentation.channel import with_noise
from speechgmm.classifier.classify import classify_recording
from speechgmm.classifier.model import Model, Scores
from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus.recording import Recording
from speechgmm.demo.synthesis import draw_voice, speak
from speechgmm.features.activity import speech_to_noise_db
from speechgmm.features.front_end import Stretch, stretches
from speechgmm.features.options import FrontEndOptions

OPTIONS = FrontEndOptions()


def estimates(ratio: float) -> list[float]:
    """What is said of some synthetic voices in white noise."""
    found = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        voice = speak(draw_voice("female" if seed % 2 else "male", rng), duration_s=4.0, rng=rng).astype(np.float32)
        noise = rng.standard_normal(len(voice)).astype(np.float32)
        (stretch,) = stretches([with_noise(voice, noise, ratio, begin=0)], OPTIONS)
        found.append(stretch.snr_db)
    return found


def test_the_ratio_by_hand() -> None:
    """Twenty frames of two bands: the mean of the speech over the mean of the two quietest."""
    powers = np.full((20, 2), 3.0)
    powers[:4] = 500.0
    powers[10], powers[17] = 0.5, 1.5
    speech = np.zeros(20, dtype=bool)
    speech[:4] = True
    expected = 10 * math.log10(1000 / ((1 + 3) / 2))
    assert speech_to_noise_db(np.log(powers).astype(np.float32), speech) == pytest.approx(expected, abs=1e-4)


def test_without_speech_there_is_no_ratio() -> None:
    """Nor in a recording that holds none."""
    assert math.isnan(speech_to_noise_db(np.zeros((5, 2), np.float32), np.zeros(5, dtype=bool)))
    (silence,) = stretches([np.zeros(16000, np.float32)], OPTIONS)
    assert math.isnan(silence.snr_db)


def test_the_ratio_rises_with_the_true_one() -> None:
    """On every voice, and in steady noise it is high by 2 to 8 dB."""
    table = np.array([estimates(ratio) for ratio in (10, 15, 20, 25)])
    assert (np.diff(table, axis=0) > 2.0).all()
    bias = table - np.array([[10], [15], [20], [25]])
    assert (bias > 2.0).all()
    assert (bias < 8.0).all()


def test_level_does_not_matter() -> None:
    """Half the amplitude, the same ratio."""
    rng = np.random.default_rng(1)
    voice = speak(draw_voice("female", rng), duration_s=3.0, rng=rng).astype(np.float32)
    noisy = with_noise(voice, rng.standard_normal(len(voice)).astype(np.float32), 20, begin=0)
    (loud,), (soft,) = stretches([noisy], OPTIONS), stretches([noisy / 2], OPTIONS)
    assert soft.snr_db == pytest.approx(loud.snr_db, abs=0.01)


def scores(n_speech: int, decibels: float) -> Scores:
    return Scores(n_frames=100, n_speech=np.array([n_speech]), log_likelihoods=np.zeros((1, 2)), decibels=decibels)


def test_stretches_count_by_their_speech() -> None:
    """The mean of decibels over speech frames; a stretch without speech has no say."""
    whole = scores(30, 30 * 10.0) + scores(0, 0.0) + scores(10, 10 * 30.0)
    assert whole.snr_db == 15.0
    assert math.isnan(scores(0, 0.0).snr_db)


def test_a_model_joins_the_stretches_of_its_first_stream(tiny_model: Model) -> None:
    """`score_all` weights each stretch by its frames of speech."""
    width = tiny_model.front_end.n_dimensions
    frames = [np.zeros((n, width), np.float32) for n in (30, 0, 10)]
    parts = [(Stretch(each, 60, ratio),) for each, ratio in zip(frames, (10.0, math.nan, 30.0), strict=True)]
    assert tiny_model.score_all(parts).snr_db == pytest.approx(15.0)
    assert math.isnan(tiny_model.score_all([(Stretch(frames[0], 60),)]).snr_db)


def test_the_outcome_of_a_recording_has_it(tiny_model: Model, voices) -> None:
    """And where in the file the utterance is."""
    file = next(iter(sorted(voices.rglob("*.wav"))))
    recording = Recording(file=file, name="x", label="female", start=0.5, end=2.0)
    result = classify_recording(recording, model=tiny_model)
    assert isinstance(result, Outcome)
    assert 10 < result.snr_db < 120
    assert (result.start, result.end) == (0.5, 2.0)

"""The script that fits the weights of segmentation: its regression against scikit-learn, and what counts as speech."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression

import speechgmm
from speechgmm import Segment
from speechgmm.audio.reading import read
from speechgmm.demo.synthesis import draw_voice, speak
from speechgmm.features.bands import chunks
from speechgmm.segmentation.emissions import WITHOUT_RATIO, Past, Weights, listen
from speechgmm.segmentation.options import Grid

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NAMES = ("programmes", "compose_programmes", "fit_speech_evidence")

pytestmark = pytest.mark.checkout


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """The script's module; scripts are no package."""
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module(NAMES[-1])
    sys.path.remove(str(SCRIPTS))
    for name in NAMES:
        del sys.modules[name]


def test_the_regression_is_that_of_scikit_learn(script: ModuleType) -> None:
    """Balanced classes, no penalty; a measure that never changes weighs nothing."""
    rng = np.random.default_rng(0)
    measures = np.column_stack([rng.normal(20, 10, 2000), rng.normal(-1, 3, 2000), np.full(2000, 0.0)])
    chances = 1 / (1 + np.exp(3 - 0.1 * measures[:, 0] - 0.4 * measures[:, 1]))
    speech = rng.random(2000) < chances
    found = script.fitted(measures, speech)
    oracle = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-8, max_iter=1000).fit(measures[:, :2], speech)
    np.testing.assert_allclose(found, [*oracle.coef_[0], 0.0, oracle.intercept_[0]], rtol=1e-3)


def test_a_frame_is_speech_where_its_middle_is(script: ModuleType) -> None:
    """Frames of 25 ms, 10 ms apart, against two spans that overlap."""
    spans = [Segment(start=0.033, end=0.05, label="a"), Segment(start=0.045, end=0.0625, label="b")]
    found = script.spoken(spans, 8, hop_s=0.01, window_s=0.025)
    assert found.tolist() == [False, False, False, True, True, False, False, False]


def test_measures_and_weights_are_what_segmentation_sums(
    script: ModuleType, tiny_model: speechgmm.Model, tmp_path: Path
) -> None:
    """The measures, weighed by hand, are the mean of the classes' emissions, step for step."""
    rng = np.random.default_rng(3)
    samples = speak(draw_voice("male", rng), duration_s=4.0, sampling_rate=16000, rng=rng)
    soundfile.write(tmp_path / "voice.wav", samples, 16000)
    measures = script.heard(tiny_model, tmp_path / "voice.wav")
    w = WITHOUT_RATIO
    evidence = w.constant + measures @ [-w.below_loud, w.above_quiet, w.ratio]
    grid, past, emissions = Grid.of(tiny_model.front_ends), Past(), []
    sound = read(tmp_path / "voice.wav", sampling_rate=16000)
    for bands in chunks([sound], tiny_model.front_ends, n_frames=grid.chunk):
        steps, past = listen(tiny_model, grid, bands, past)
        emissions.append(steps)
    expected = np.concatenate(emissions)[:, 1:].mean(axis=1)
    found = np.add.reduceat(evidence, np.arange(0, len(evidence), grid.step))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert script.damped(np.array([-1.0, 2.0, 0.0, 0.5])) == Weights(
        below_loud=0.3, above_quiet=0.6, ratio=0.0, constant=0.15
    )

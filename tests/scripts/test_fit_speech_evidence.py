"""The fit of the segmentation weights: the regression against scikit-learn, and the labels of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression

import fit_speech_evidence as script
import speechgmm
from speechgmm import Segment
from speechgmm.audio.reading import read
from speechgmm.features.bands import chunks
from speechgmm.segmentation.emissions import WITHOUT_RATIO, Past, Weights, listen
from speechgmm.segmentation.options import Grid
from tests.builders import spoken

pytestmark = pytest.mark.checkout


def test_the_regression_equals_that_of_scikit_learn() -> None:
    """Balanced classes, no penalty; the weight of a constant measure is 0."""
    rng = np.random.default_rng(0)
    measures = np.column_stack([rng.normal(20, 10, 2000), rng.normal(-1, 3, 2000), np.full(2000, 0.0)])
    probabilities = 1 / (1 + np.exp(3 - 0.1 * measures[:, 0] - 0.4 * measures[:, 1]))
    speech = rng.random(2000) < probabilities
    weights = script.fitted(measures, speech)
    oracle = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-8, max_iter=1000).fit(measures[:, :2], speech)
    np.testing.assert_allclose(weights, [*oracle.coef_[0], 0.0, oracle.intercept_[0]], rtol=1e-3)


def test_a_frame_is_speech_if_its_middle_is() -> None:
    """Frames of 25 ms with a hop of 10 ms, and two overlapping spans."""
    spans = [Segment(start=0.033, end=0.05, label="a"), Segment(start=0.045, end=0.0625, label="b")]
    speech = script.is_speech(spans, 8, hop_s=0.01, window_s=0.025)
    assert speech.tolist() == [False, False, False, True, True, False, False, False]


def test_measures_and_weights_give_the_emissions_of_segmentation(tiny_model: speechgmm.Model, tmp_path: Path) -> None:
    """The weighted sum of the measures is the mean of the emissions of the classes in each step."""
    rng = np.random.default_rng(3)
    samples = spoken("male", 4.0, rng)
    soundfile.write(tmp_path / "voice.wav", samples, 16000)
    measures = script.measures_of(tiny_model, tmp_path / "voice.wav")
    w = WITHOUT_RATIO
    evidence = w.constant + measures @ [-w.below_loud, w.above_quiet, w.ratio]
    grid, past, emissions = Grid.of(tiny_model.front_ends), Past(), []
    sound = read(tmp_path / "voice.wav", sampling_rate=16000)
    for batch in chunks([sound], tiny_model.front_ends, n_frames=grid.chunk):
        steps, past = listen(tiny_model, grid, batch, past)
        emissions += steps
    expected = np.concatenate(emissions)[:, 1:].mean(axis=1)
    sums = np.add.reduceat(evidence, np.arange(0, len(evidence), grid.step))
    np.testing.assert_allclose(sums, expected, rtol=1e-4, atol=1e-4)
    assert script.damped(np.array([-1.0, 2.0, 0.0, 0.5])) == Weights(
        below_loud=0.3, above_quiet=0.6, ratio=0.0, constant=0.15
    )

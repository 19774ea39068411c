"""Discriminative training (MMI): gradient compared with difference quotients, I-smoothing, averaging, accuracy."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from speechgmm.errors import OptionError
from speechgmm.mixture.em import fit
from speechgmm.mixture.estep import Floats, Frames
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.mmi import Adam, Average, Batch, MMIOptions, fit_mmi, gradient
from tests.builders import random_gaussians

MIXTURES = tuple(
    random_gaussians(seed, n_components, 2, concentration=4.0, variances=(0.4, 2.0))
    for seed, n_components in ((1, 3), (2, 4), (3, 3))
)


def batch_of(n_utterances: int = 7, *, seed: int = 0) -> Batch:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 30, size=n_utterances)
    return Batch(rng.normal(size=(lengths.sum(), 2)), lengths, rng.integers(3, size=n_utterances))


def loss_by_loops(mixtures: Sequence[DiagonalMixture], batch: Batch, scale: float, offsets: Floats) -> float:
    """Equation (7), one utterance at a time."""
    loss, begin = 0.0, 0
    for length, truth in zip(batch.lengths, batch.truth, strict=True):
        frames = batch.frames[begin : begin + length]
        begin += length
        joint = [
            scale * mixture.log_likelihoods(frames).mean() + offset
            for mixture, offset in zip(mixtures, offsets, strict=True)
        ]
        loss -= joint[truth] - math.log(sum(map(math.exp, joint)))
    return loss / len(batch.lengths)


def test_the_gradient_is_that_of_the_loss() -> None:
    """The loss is that of equation (7), and every derivative is its difference quotient."""
    batch, scale, offsets = batch_of(), 3.0, np.array([0.3, -0.5, 0.2])
    result = gradient(MIXTURES, batch, scale=scale, offsets=offsets)
    assert result.loss == pytest.approx(loss_by_loops(MIXTURES, batch, scale, offsets), rel=1e-12)
    step = 1e-5
    for c, mixture in enumerate(MIXTURES):
        for index in np.ndindex(mixture.means.shape):
            ends = []
            for sign in (1, -1):
                means = mixture.means.copy()
                means[index] += sign * step
                others = [*MIXTURES[:c], replace(mixture, means=means), *MIXTURES[c + 1 :]]
                ends.append(loss_by_loops(others, batch, scale, offsets))
            assert result.means[c][index] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-7)
    ends = [loss_by_loops(MIXTURES, batch, scale * math.exp(sign * step), offsets) for sign in (1, -1)]
    assert result.log_scale == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)
    for c in range(3):
        ends = [loss_by_loops(MIXTURES, batch, scale, offsets + sign * step * np.eye(3)[c]) for sign in (1, -1)]
        assert result.offsets[c] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_the_gradient_in_single_precision() -> None:
    """Frames in float32 give the gradient of float64."""
    batch = batch_of(40)
    single = replace_frames(batch, batch.frames.astype(np.float32))
    actual, expected = (gradient(MIXTURES, frames, scale=3.0, offsets=np.zeros(3)) for frames in (single, batch))
    for left, right in zip(actual.means, expected.means, strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-6)


def replace_frames(batch: Batch, frames: Frames) -> Batch:
    return Batch(frames, batch.lengths, batch.truth)


def hard_classes(seed: int, n_utterances: int = 64) -> Batch:
    """Utterances of two classes that differ in the second feature; the first one has a large variance only."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n_utterances) % 2
    lengths = np.full(n_utterances, 20)
    frames = np.column_stack([8.0 * rng.standard_normal(20 * n_utterances), rng.standard_normal(20 * n_utterances)])
    signs = np.where(rng.random(20 * n_utterances) < 0.5, 1.0, -1.0)
    frames[:, 1] += signs * np.repeat(np.where(truth == 0, 0.6, 1.6), 20)
    return Batch(frames, lengths, truth)


def accuracy(mixtures: Sequence[DiagonalMixture], batch: Batch) -> float:
    means = np.stack(
        [mixture.log_likelihoods(batch.frames).reshape(-1, 20).mean(axis=1) for mixture in mixtures], axis=1
    )
    return float((means.argmax(axis=1) == batch.truth).mean())


def coarse_mixtures() -> list[DiagonalMixture]:
    """Two components per class, placed by EM for the first feature only."""
    batch = hard_classes(0)
    fitted: list[DiagonalMixture] = []
    for c in range(2):
        frames = batch.frames[np.repeat(batch.truth, 20) == c]
        start = DiagonalMixture(np.full(2, 0.5), np.array([[-6.0, 0.0], [6.0, 0.0]]), np.tile([30.0, 2.0], (2, 1)))
        fitted.append(fit(frames, replace(start, variances=np.tile(frames.var(axis=0), (2, 1)))).mixture)
    return [replace(mixture, variances=np.tile([30.0, 2.5], (2, 1))) for mixture in fitted]


def test_training_improves_loss_and_accuracy() -> None:
    """From mixtures that model the wrong feature, the loss falls and the accuracy on new utterances rises."""
    options = MMIOptions(steps=150, learning_rate=0.05, i_smoothing=0.0)
    before = coarse_mixtures()
    result = fit_mmi(before, (hard_classes(seed) for seed in range(1, 151)), options)
    test_batch = hard_classes(1000, n_utterances=400)
    assert len(result.losses) == 150
    assert np.mean(result.losses[-20:]) < np.mean(result.losses[:5]) - 0.1
    assert accuracy(result.mixtures, test_batch) > accuracy(before, test_batch) + 0.1
    for old, new in zip(before, result.mixtures, strict=True):
        np.testing.assert_array_equal(new.weights, old.weights)
        np.testing.assert_array_equal(new.variances, old.variances)


def test_i_smoothing_limits_the_moves() -> None:
    """The stronger the I-smoothing, the less the means move."""
    distances = []
    for i_smoothing in (0.0, 1.0, 100.0):
        options = MMIOptions(steps=60, i_smoothing=i_smoothing)
        moved = fit_mmi(MIXTURES, (batch_of(32, seed=seed) for seed in range(60)), options).mixtures
        pairs = zip(moved, MIXTURES, strict=True)
        distances.append(sum(float(((new.means - old.means) ** 2).sum()) for new, old in pairs))
    assert distances[0] > distances[1] > 4 * distances[2] > 0


def test_result_is_the_average_after_the_first_quarter() -> None:
    """The means are those of an explicit average over the last three quarters of the steps."""
    options = MMIOptions(steps=8, learning_rate=0.1)
    batches = [batch_of(16, seed=seed) for seed in range(8)]
    # With 10**6 steps none of n batches is averaged, so the result is the value after step n.
    means = []
    for n in range(1, 9):
        early = fit_mmi(MIXTURES, batches[:n], replace(options, steps=10**6)).mixtures
        means.append([mixture.means for mixture in early])
    averaged = fit_mmi(MIXTURES, batches, options).mixtures
    assert 10**6 * 0.25 > 8
    for c, mixture in enumerate(averaged):
        expected = np.mean([step[c] for step in means[2:]], axis=0)
        np.testing.assert_allclose(mixture.means, expected, rtol=1e-10)


def test_the_same_batches_give_the_same_mixtures() -> None:
    """Training is deterministic and does not change the given mixtures."""
    before = [mixture.means.copy() for mixture in MIXTURES]
    options = MMIOptions(steps=5)
    first, second = (fit_mmi(MIXTURES, [batch_of(8, seed=seed) for seed in range(5)], options) for _ in range(2))
    for left, right, old, mixture in zip(first.mixtures, second.mixtures, before, MIXTURES, strict=True):
        np.testing.assert_array_equal(left.means, right.means)
        np.testing.assert_array_equal(mixture.means, old)


def test_adam_by_hand() -> None:
    """The first step has the size of the learning rate for every gradient; the second is that of Kingma & Ba."""
    value = Adam((2,), 0.1)
    value.step(np.array([4.0, -0.001]))
    np.testing.assert_allclose(value.value, [-0.1, 0.1], rtol=1e-4)
    value.step(np.array([2.0, -0.001]))
    mean = (0.9 * 0.1 * 4.0 + 0.1 * 2.0) / (1 - 0.9**2)
    square = (0.99 * 0.01 * 16.0 + 0.01 * 4.0) / (1 - 0.99**2)
    np.testing.assert_allclose(value.value, [-0.1 - 0.1 * mean / math.sqrt(square), 0.2], rtol=1e-4)


def test_an_average_by_hand() -> None:
    """The value is the mean of all added values."""
    average = Average((1,))
    for value in (1.0, 2.0, 6.0):
        average.add(np.array([value]))
    assert (average.value[0], average.count) == (3.0, 3)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"steps": 0}, "steps is 0, but it must be 1 or more"),
        ({"batch_size": 1}, "batch_size is 1, but it must be 2 or more"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0, but it must be positive and finite"),
        ({"learning_rate": math.inf}, "learning_rate is inf, but it must be positive and finite"),
        ({"i_smoothing": -1.0}, "i_smoothing is -1.0, but it must be 0 or more and finite"),
        (
            {"shortest_s": 4.0},
            (
                "shortest_s is 4.0 and longest_s 3.0, but both must be positive and finite "
                "and shortest_s at most longest_s"
            ),
        ),
        (
            {"channel_share": 0.7, "effort_share": 0.4},
            "channel_share is 0.7 and effort_share 0.4, but both must be 0 or more and their sum at most 1",
        ),
        (
            {"effort_share": -0.1},
            "channel_share is 0.0 and effort_share -0.1, but both must be 0 or more and their sum at most 1",
        ),
    ],
)
def test_options_outside_their_range_are_refused(options: dict[str, Any], text: str) -> None:
    """The error names the option, its value and the range."""
    with pytest.raises(OptionError, match="^" + re.escape(text) + "$"):
        MMIOptions(**options)

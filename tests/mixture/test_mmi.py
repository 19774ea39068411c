"""Discriminative re-estimation: its gradient against differences, the pull, and classes it tells apart better."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from speechgmm.errors import OptionError
from speechgmm.mixture.em import fit
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.mmi import Adam, Average, Batch, MMIOptions, fit_mmi, gradient


def mixture_of(seed, n_components=3):
    rng = np.random.default_rng(seed)
    shape = n_components, 2
    return DiagonalMixture(
        rng.dirichlet(np.full(n_components, 4.0)), rng.normal(size=shape), rng.uniform(0.4, 2.0, shape)
    )


MIXTURES = mixture_of(1), mixture_of(2, n_components=4), mixture_of(3)


def batch_of(n_utterances=7, *, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 30, size=n_utterances)
    return Batch(rng.normal(size=(lengths.sum(), 2)), lengths, rng.integers(3, size=n_utterances))


def loss_by_loops(mixtures, batch, scale, offsets):
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


def test_the_gradient_is_that_of_the_loss():
    """The loss is equation (7)'s, and every slope is the difference quotient of it."""
    batch, scale, offsets = batch_of(), 3.0, np.array([0.3, -0.5, 0.2])
    found = gradient(MIXTURES, batch, scale=scale, offsets=offsets)
    assert found.loss == pytest.approx(loss_by_loops(MIXTURES, batch, scale, offsets), rel=1e-12)
    step = 1e-5
    for c, mixture in enumerate(MIXTURES):
        for index in np.ndindex(mixture.means.shape):
            ends = []
            for sign in (1, -1):
                means = mixture.means.copy()
                means[index] += sign * step
                others = [replace(mixture, means=means) if i == c else each for i, each in enumerate(MIXTURES)]
                ends.append(loss_by_loops(others, batch, scale, offsets))
            assert found.means[c][index] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4, abs=1e-7)
    ends = [loss_by_loops(MIXTURES, batch, scale * math.exp(sign * step), offsets) for sign in (1, -1)]
    assert found.log_scale == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)
    for c in range(3):
        ends = [loss_by_loops(MIXTURES, batch, scale, offsets + sign * step * np.eye(3)[c]) for sign in (1, -1)]
        assert found.offsets[c] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_the_gradient_in_single_precision():
    """Frames in float32 give the slopes of float64."""
    batch = batch_of(40)
    single = replace_frames(batch, batch.frames.astype(np.float32))
    one, other = (gradient(MIXTURES, each, scale=3.0, offsets=np.zeros(3)) for each in (single, batch))
    for mine, theirs in zip(one.means, other.means, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)


def replace_frames(batch, frames):
    return Batch(frames, batch.lengths, batch.truth)


def hard_classes(seed, n_utterances=64):
    """Utterances of two classes that differ in the second feature; a loud first one says nothing of them."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n_utterances) % 2
    lengths = np.full(n_utterances, 20)
    frames = np.column_stack([8.0 * rng.standard_normal(20 * n_utterances), rng.standard_normal(20 * n_utterances)])
    signs = np.where(rng.random(20 * n_utterances) < 0.5, 1.0, -1.0)
    frames[:, 1] += signs * np.repeat(np.where(truth == 0, 0.6, 1.6), 20)
    return Batch(frames, lengths, truth)


def accuracy(mixtures, batch):
    means = np.stack(
        [mixture.log_likelihoods(batch.frames).reshape(-1, 20).mean(axis=1) for mixture in mixtures], axis=1
    )
    return float((means.argmax(axis=1) == batch.truth).mean())


def coarse_mixtures():
    """Two components a class, placed by EM for the loud feature alone."""
    batch, fitted = hard_classes(0), []
    for c in range(2):
        frames = batch.frames[np.repeat(batch.truth, 20) == c]
        start = DiagonalMixture(np.full(2, 0.5), np.array([[-6.0, 0.0], [6.0, 0.0]]), np.tile([30.0, 2.0], (2, 1)))
        fitted.append(fit(frames, replace(start, variances=np.tile(frames.var(axis=0), (2, 1)))).mixture)
    return [replace(each, variances=np.tile([30.0, 2.5], (2, 1))) for each in fitted]


def test_classes_are_told_apart_better():
    """Where likelihood is spent on what tells nothing, the loss falls, and unheard utterances are told apart better."""
    options = MMIOptions(steps=150, rate=0.05, i_smoothing=0.0)
    before = coarse_mixtures()
    result = fit_mmi(before, (hard_classes(seed) for seed in range(1, 151)), options)
    unheard = hard_classes(1000, n_utterances=400)
    assert len(result.losses) == 150
    assert np.mean(result.losses[-20:]) < np.mean(result.losses[:5]) - 0.1
    assert accuracy(result.mixtures, unheard) > accuracy(before, unheard) + 0.1
    for old, new in zip(before, result.mixtures, strict=True):
        np.testing.assert_array_equal(new.weights, old.weights)
        np.testing.assert_array_equal(new.variances, old.variances)


def test_the_pull_holds_the_means():
    """The stronger the pull, the less the means move, those of heavy components most of all."""
    distances = []
    for i_smoothing in (0.0, 1.0, 100.0):
        options = MMIOptions(steps=60, i_smoothing=i_smoothing)
        moved = fit_mmi(MIXTURES, (batch_of(32, seed=seed) for seed in range(60)), options).mixtures
        pairs = zip(moved, MIXTURES, strict=True)
        distances.append(sum(float(((new.means - old.means) ** 2).sum()) for new, old in pairs))
    assert distances[0] > distances[1] > 4 * distances[2] > 0


def test_what_is_kept_is_the_average_after_the_first_quarter():
    """The means are those of an explicit average over the steps that count."""
    options = MMIOptions(steps=8, rate=0.1)
    batches = [batch_of(16, seed=seed) for seed in range(8)]
    # With as many steps as batches n, and none averaged yet, the last value is kept: so each step's can be had.
    means = []
    for n in range(1, 9):
        early = fit_mmi(MIXTURES, batches[:n], replace(options, steps=10**6)).mixtures
        means.append([mixture.means for mixture in early])
    found = fit_mmi(MIXTURES, batches, options).mixtures
    assert 10**6 * 0.25 > 8
    for c, mixture in enumerate(found):
        expected = np.mean([each[c] for each in means[2:]], axis=0)
        np.testing.assert_allclose(mixture.means, expected, rtol=1e-10)


def test_the_same_batches_give_the_same_mixtures():
    """Nothing is drawn at random, and the mixtures given stay as they are."""
    before = [mixture.means.copy() for mixture in MIXTURES]
    options = MMIOptions(steps=5)
    one, other = (fit_mmi(MIXTURES, [batch_of(8, seed=seed) for seed in range(5)], options) for _ in range(2))
    for mine, theirs, old, mixture in zip(one.mixtures, other.mixtures, before, MIXTURES, strict=True):
        np.testing.assert_array_equal(mine.means, theirs.means)
        np.testing.assert_array_equal(mixture.means, old)


def test_adam_by_hand():
    """The first step has the size of the rate whatever the slope; the second is Kingma & Ba's."""
    value = Adam((2,), 0.1)
    value.step(np.array([4.0, -0.001]))
    np.testing.assert_allclose(value.value, [-0.1, 0.1], rtol=1e-4)
    value.step(np.array([2.0, -0.001]))
    mean = (0.9 * 0.1 * 4.0 + 0.1 * 2.0) / (1 - 0.9**2)
    square = (0.99 * 0.01 * 16.0 + 0.01 * 4.0) / (1 - 0.99**2)
    np.testing.assert_allclose(value.value, [-0.1 - 0.1 * mean / math.sqrt(square), 0.2], rtol=1e-4)


def test_an_average_by_hand():
    """The mean of all values so far."""
    average = Average((1,))
    for value in (1.0, 2.0, 6.0):
        average.add(np.array([value]))
    assert (average.value[0], average.count) == (3.0, 3)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"steps": 0}, "steps is 0, but it must be 1 or more"),
        ({"batch": 1}, "batch is 1, but it must be 2 or more"),
        ({"rate": 0.0}, "rate is 0.0, but it must be positive"),
        ({"rate": math.inf}, "rate is inf, but it must be positive"),
        ({"i_smoothing": -1.0}, "i_smoothing is -1.0, but it must be 0 or more"),
        (
            {"shortest_s": 4.0},
            "shortest_s is 4.0 and longest_s 3.0, but 0 < shortest_s <= longest_s must hold",
        ),
        (
            {"channel_share": 0.7, "effort_share": 0.4},
            "channel_share is 0.7 and effort_share 0.4, but they must be from 0 on and together at most 1",
        ),
        (
            {"effort_share": -0.1},
            "channel_share is 0.0 and effort_share -0.1, but they must be from 0 on and together at most 1",
        ),
    ],
)
def test_options_outside_their_range_are_refused(options, text):
    """The error names the option, its value and the range."""
    with pytest.raises(OptionError, match="^" + re.escape(text) + "$"):
        MMIOptions(**options)

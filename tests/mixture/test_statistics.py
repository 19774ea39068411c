"""The sufficient statistics: sums against explicit loops, and that they add up however the frames come."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from speechgmm.mixture.estep import BLOCK_FRAMES, Axes
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.shards import SHARD_FRAMES, shards_of
from speechgmm.mixture.statistics import accumulate, accumulate_shards, mean_log_likelihood, moments
from speechgmm.workers.local import ordered_map

MIXTURE = DiagonalMixture(
    np.array([0.2, 0.5, 0.3]),
    np.array([[-1.0, 0.5], [0.0, 2.0], [1.5, -1.0]]),
    np.array([[0.5, 1.0], [2.0, 0.3], [1.0, 1.5]]),
)
CENTER, SCALE = np.array([0.25, 0.5]), np.array([2.0, 0.5])
AXES = Axes.gaussian(CENTER, SCALE)


def random_frames(n_frames, seed=0):
    return np.random.default_rng(seed).normal(size=(n_frames, 2))


def sums_by_loops(frames, frame_weights):
    """Equation (3), one frame and one component at a time."""
    log_likelihood, occupancies = 0.0, np.zeros(3)
    first, second = np.zeros((3, 2)), np.zeros((3, 2))
    for frame, a in zip(frames, frame_weights, strict=True):
        joint = []
        for k in range(3):
            density = MIXTURE.weights[k]
            for d in range(2):
                v = MIXTURE.variances[k, d]
                density *= math.exp(-((frame[d] - MIXTURE.means[k, d]) ** 2) / (2 * v)) / math.sqrt(2 * math.pi * v)
            joint.append(density)
        log_likelihood += a * math.log(sum(joint))
        for k in range(3):
            share = a * joint[k] / sum(joint)
            occupancies[k] += share
            first[k] += share * (frame - CENTER)
            second[k] += share * (frame - CENTER) ** 2
    return log_likelihood, occupancies, first, second


def assert_same(found, expected):
    assert found.n_frames == pytest.approx(expected.n_frames, rel=1e-12)
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
    np.testing.assert_array_equal(found.center, expected.center)
    np.testing.assert_allclose(found.occupancies, expected.occupancies, rtol=1e-11)
    np.testing.assert_allclose(found.first, expected.first, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found.second, expected.second, rtol=1e-11)


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_against_loops(weighted):
    """Occupancies, first and second order sums and the log-likelihood are those of equation (3)."""
    frames = random_frames(80)
    frame_weights = np.random.default_rng(1).uniform(0.0, 2.0, size=80) if weighted else None
    found = accumulate(MIXTURE, frames, axes=AXES, frame_weights=frame_weights)
    log_likelihood, occupancies, first, second = sums_by_loops(frames, frame_weights if weighted else np.ones(80))
    assert found.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)
    np.testing.assert_allclose(found.occupancies, occupancies, rtol=1e-12)
    np.testing.assert_allclose(found.first, first, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(found.second, second, rtol=1e-12)
    assert found.n_frames == pytest.approx(frame_weights.sum() if weighted else 80.0, rel=1e-12)
    assert found.occupancies.sum() == pytest.approx(found.n_frames, rel=1e-12)


@pytest.mark.parametrize("cuts", [[1], [700, 701], [0, 1024], [BLOCK_FRAMES - 1, BLOCK_FRAMES + 1]])
def test_chunks_add_up(cuts):
    """Statistics of the pieces, however cut, add up to those of the whole; an empty piece adds nothing."""
    frames = random_frames(5000, seed=2)
    frame_weights = np.random.default_rng(3).uniform(0.0, 2.0, size=5000)
    whole = accumulate(MIXTURE, frames, axes=AXES, frame_weights=frame_weights)
    pieces = [
        accumulate(MIXTURE, piece, axes=AXES, frame_weights=weights)
        for piece, weights in zip(np.split(frames, cuts), np.split(frame_weights, cuts), strict=True)
    ]
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    assert_same(total, whole)


def test_the_order_of_frames_does_not_matter():
    """Statistics are sums over a set of frames: permuted frames have the same."""
    frames = random_frames(1500, seed=4)
    permuted = np.random.default_rng(5).permutation(frames)
    assert_same(accumulate(MIXTURE, permuted, axes=AXES), accumulate(MIXTURE, frames, axes=AXES))


def test_integer_weights_are_repeated_frames():
    """A frame of weight n counts as n frames, one of weight 0 not at all."""
    frames, times = random_frames(200, seed=6), np.random.default_rng(7).integers(0, 4, size=200)
    weighted = accumulate(MIXTURE, frames, axes=AXES, frame_weights=times.astype(np.float64))
    assert_same(weighted, accumulate(MIXTURE, np.repeat(frames, times, axis=0), axes=AXES))


def test_statistics_do_not_change_their_input():
    """Frames and weights are only read."""
    frames, weights = random_frames(30), np.full(30, 0.5)
    before = frames.copy(), weights.copy()
    accumulate(MIXTURE, frames, axes=AXES, frame_weights=weights)
    np.testing.assert_array_equal(frames, before[0])
    np.testing.assert_array_equal(weights, before[1])


def test_a_far_outlier_spoils_nothing():
    """A frame far from all components is counted whole, without overflow."""
    found = accumulate(MIXTURE, np.array([[1e10, 1e10]]), axes=AXES)
    assert found.occupancies.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.isfinite(found.log_likelihood)


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_shards_add_up_however_the_work_is_spread(weighted, threads):
    """The statistics of several shards are those of all frames, to the last bit the same with one hand or three."""
    frames = random_frames(2 * SHARD_FRAMES + 5, seed=12)
    weights = np.random.default_rng(13).uniform(0.1, 2.0, len(frames)) if weighted else None
    whole = accumulate(MIXTURE, frames, axes=AXES, frame_weights=weights)
    alone = accumulate_shards(MIXTURE, shards_of(frames, weights), axes=AXES)
    hands = functools.partial(ordered_map, jobs=3, threads=threads)
    together = accumulate_shards(MIXTURE, shards_of(frames, weights), axes=AXES, spread=hands)
    assert_same(alone, whole)
    np.testing.assert_array_equal(together.sums, alone.sums)
    assert (together.n_frames, together.log_likelihood) == (alone.n_frames, alone.log_likelihood)


def test_no_frames_have_empty_statistics():
    """Without frames all sums are 0."""
    found = accumulate_shards(MIXTURE, [], axes=AXES)
    assert (found.n_frames, found.log_likelihood) == (0.0, 0.0)
    np.testing.assert_array_equal(found.sums, 0.0)


def test_different_centers_are_refused():
    """Sums around different centres mean different things."""
    one = accumulate(MIXTURE, random_frames(5), axes=AXES)
    other = accumulate(MIXTURE, random_frames(5), axes=Axes.gaussian(CENTER + 1.0, SCALE))
    with pytest.raises(ValueError, match=r"^statistics on different axes cannot be added$"):
        one + other


@pytest.mark.parametrize("n_frames", [1, SHARD_FRAMES, SHARD_FRAMES + 1, 100_000])
def test_moments_far_from_the_origin_in_float32(n_frames):
    """Mean and variance of float32 frames around -500 are those of float64 arithmetic."""
    frames = (-500.0 + np.random.default_rng(8).normal(size=(n_frames, 2))).astype(np.float32)
    found = moments(shards_of(frames))
    np.testing.assert_allclose(found.mean, frames.mean(axis=0, dtype=np.float64), rtol=1e-13)
    np.testing.assert_allclose(found.variance, frames.astype(np.float64).var(axis=0), rtol=1e-9)
    assert found.mean.dtype == found.variance.dtype == np.float64


def test_weighted_moments_are_those_of_repeated_frames():
    """A frame of weight n counts as n frames in mean and variance."""
    frames = 7.0 + random_frames(SHARD_FRAMES + 500, seed=9)
    times = np.random.default_rng(10).integers(0, 4, size=len(frames))
    repeated = np.repeat(frames, times, axis=0)
    found = moments(shards_of(frames, times.astype(np.float64)))
    np.testing.assert_allclose(found.mean, repeated.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.variance, repeated.var(axis=0), rtol=1e-10)


def test_a_shard_of_no_weight_has_no_part_in_the_moments():
    """Mean and variance are those of the others, whether it comes first, between them or last."""
    frames = random_frames(3 * SHARD_FRAMES, seed=14)
    for silent in range(3):
        weights = np.ones(len(frames))
        weights[silent * SHARD_FRAMES : (silent + 1) * SHARD_FRAMES] = 0.0
        found = moments(shards_of(frames, weights))
        assert found.total == 2 * SHARD_FRAMES
        np.testing.assert_allclose(found.mean, frames[weights > 0].mean(axis=0), rtol=1e-11)
        np.testing.assert_allclose(found.variance, frames[weights > 0].var(axis=0), rtol=1e-11)


def test_the_mean_log_likelihood_is_weighted():
    """It is the weighted mean over all shards of the frames' log-likelihoods."""
    frames = random_frames(SHARD_FRAMES + 700, seed=15)
    weights = np.random.default_rng(16).uniform(0.0, 2.0, len(frames))
    expected = np.average(MIXTURE.log_likelihoods(frames), weights=weights)
    assert mean_log_likelihood(MIXTURE, shards_of(frames, weights)) == pytest.approx(expected, rel=1e-12)

"""Sufficient statistics: sums compared with explicit loops, and sums over parts of the frames."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import pytest

from speechgmm.mixture.estep import BLOCK_FRAMES, Axes, Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.shards import SHARD_FRAMES, ShardedFrames, shards_of
from speechgmm.mixture.statistics import Statistics, accumulate, accumulate_shards, mean_log_likelihood, moments
from speechgmm.workers.local import ordered_map
from tests.builders import normal_frames

MIXTURE = DiagonalMixture(
    np.array([0.2, 0.5, 0.3]),
    np.array([[-1.0, 0.5], [0.0, 2.0], [1.5, -1.0]]),
    np.array([[0.5, 1.0], [2.0, 0.3], [1.0, 1.5]]),
)
CENTER, SCALE = np.array([0.25, 0.5]), np.array([2.0, 0.5])
AXES = Axes.gaussian(CENTER, SCALE)


def sums_by_loops(frames: Floats, frame_weights: Floats) -> tuple[float, Floats, Floats, Floats]:
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


def assert_same(actual: Statistics, expected: Statistics) -> None:
    assert actual.n_frames == pytest.approx(expected.n_frames, rel=1e-12)
    assert actual.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
    np.testing.assert_array_equal(actual.center, expected.center)
    np.testing.assert_allclose(actual.occupancies, expected.occupancies, rtol=1e-11)
    np.testing.assert_allclose(actual.first, expected.first, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(actual.second, expected.second, rtol=1e-11)


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_against_loops(weighted: bool) -> None:
    """Occupancies, sums of first and second order and the log-likelihood are those of equation (3)."""
    frames = normal_frames(80, 2)
    weights = np.random.default_rng(1).uniform(0.0, 2.0, size=80) if weighted else np.ones(80)
    statistics = accumulate(MIXTURE, frames, axes=AXES, frame_weights=weights if weighted else None)
    log_likelihood, occupancies, first, second = sums_by_loops(frames, weights)
    assert statistics.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)
    np.testing.assert_allclose(statistics.occupancies, occupancies, rtol=1e-12)
    np.testing.assert_allclose(statistics.first, first, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(statistics.second, second, rtol=1e-12)
    assert statistics.n_frames == pytest.approx(weights.sum() if weighted else 80.0, rel=1e-12)
    assert statistics.occupancies.sum() == pytest.approx(statistics.n_frames, rel=1e-12)


@pytest.mark.parametrize("cuts", [[1], [700, 701], [0, 1024], [BLOCK_FRAMES - 1, BLOCK_FRAMES + 1]])
def test_statistics_of_parts_add_up(cuts: list[int]) -> None:
    """Statistics of the parts add up to those of all frames; an empty part adds 0."""
    frames = normal_frames(5000, 2, seed=2)
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


def test_the_order_of_frames_does_not_matter() -> None:
    """Permuted frames have the same statistics."""
    frames = normal_frames(1500, 2, seed=4)
    permuted = np.random.default_rng(5).permutation(frames)
    assert_same(accumulate(MIXTURE, permuted, axes=AXES), accumulate(MIXTURE, frames, axes=AXES))


def test_integer_weights_are_repeated_frames() -> None:
    """A frame of weight n is equivalent to n equal frames."""
    frames, times = normal_frames(200, 2, seed=6), np.random.default_rng(7).integers(0, 4, size=200)
    weighted = accumulate(MIXTURE, frames, axes=AXES, frame_weights=times.astype(np.float64))
    assert_same(weighted, accumulate(MIXTURE, np.repeat(frames, times, axis=0), axes=AXES))


def test_statistics_do_not_change_their_input() -> None:
    """Frames and weights are not changed."""
    frames, weights = normal_frames(30, 2), np.full(30, 0.5)
    before = frames.copy(), weights.copy()
    accumulate(MIXTURE, frames, axes=AXES, frame_weights=weights)
    np.testing.assert_array_equal(frames, before[0])
    np.testing.assert_array_equal(weights, before[1])


def test_distant_outlier_does_not_overflow() -> None:
    """A frame far from all components counts as one frame, without overflow."""
    statistics = accumulate(MIXTURE, np.array([[1e10, 1e10]]), axes=AXES)
    assert statistics.occupancies.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.isfinite(statistics.log_likelihood)


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_statistics_do_not_depend_on_the_executor(weighted: bool, threads: bool) -> None:
    """Statistics of several shards are those of all frames, bit-identical with one worker or three."""
    frames = normal_frames(2 * SHARD_FRAMES + 5, 2, seed=12)
    weights = np.random.default_rng(13).uniform(0.1, 2.0, len(frames)) if weighted else None
    whole = accumulate(MIXTURE, frames, axes=AXES, frame_weights=weights)
    sequential = accumulate_shards(MIXTURE, shards_of(frames, weights), axes=AXES)
    execute = functools.partial(ordered_map, jobs=3, threads=threads)
    parallel = accumulate_shards(MIXTURE, replace(shards_of(frames, weights), execute=execute), axes=AXES)
    assert_same(sequential, whole)
    np.testing.assert_array_equal(parallel.sums, sequential.sums)
    assert (parallel.n_frames, parallel.log_likelihood) == (sequential.n_frames, sequential.log_likelihood)


def test_statistics_without_frames_are_zero() -> None:
    """Without frames all sums are 0."""
    statistics = accumulate_shards(MIXTURE, ShardedFrames([]), axes=AXES)
    assert (statistics.n_frames, statistics.log_likelihood) == (0.0, 0.0)
    np.testing.assert_array_equal(statistics.sums, 0.0)


def test_different_centers_are_refused() -> None:
    """Statistics with different centres cannot be added."""
    first = accumulate(MIXTURE, normal_frames(5, 2), axes=AXES)
    second = accumulate(MIXTURE, normal_frames(5, 2), axes=Axes.gaussian(CENTER + 1.0, SCALE))
    with pytest.raises(ValueError, match=r"^statistics on different axes cannot be added$"):
        first + second


@pytest.mark.parametrize("n_frames", [1, SHARD_FRAMES, SHARD_FRAMES + 1, 100_000])
def test_moments_far_from_the_origin_in_float32(n_frames: int) -> None:
    """Mean and variance of float32 frames around -500 are those of float64 arithmetic."""
    frames = (-500.0 + np.random.default_rng(8).normal(size=(n_frames, 2))).astype(np.float32)
    result = moments(shards_of(frames))
    np.testing.assert_allclose(result.mean, frames.mean(axis=0, dtype=np.float64), rtol=1e-13)
    np.testing.assert_allclose(result.variance, frames.astype(np.float64).var(axis=0), rtol=1e-9)
    assert result.mean.dtype == result.variance.dtype == np.float64


def test_weighted_moments_are_those_of_repeated_frames() -> None:
    """A frame of weight n is equivalent to n equal frames in mean and variance."""
    frames = 7.0 + normal_frames(SHARD_FRAMES + 500, 2, seed=9)
    times = np.random.default_rng(10).integers(0, 4, size=len(frames))
    repeated = np.repeat(frames, times, axis=0)
    result = moments(shards_of(frames, times.astype(np.float64)))
    np.testing.assert_allclose(result.mean, repeated.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(result.variance, repeated.var(axis=0), rtol=1e-10)


def test_a_shard_of_weight_zero_does_not_change_the_moments() -> None:
    """Mean and variance are those of the other shards, for every position of the shard."""
    frames = normal_frames(3 * SHARD_FRAMES, 2, seed=14)
    for index in range(3):
        weights = np.ones(len(frames))
        weights[index * SHARD_FRAMES : (index + 1) * SHARD_FRAMES] = 0.0
        result = moments(shards_of(frames, weights))
        assert result.total == 2 * SHARD_FRAMES
        np.testing.assert_allclose(result.mean, frames[weights > 0].mean(axis=0), rtol=1e-11)
        np.testing.assert_allclose(result.variance, frames[weights > 0].var(axis=0), rtol=1e-11)


def test_the_mean_log_likelihood_is_weighted() -> None:
    """It is the weighted mean of the log-likelihoods of all frames of all shards."""
    frames = normal_frames(SHARD_FRAMES + 700, 2, seed=15)
    weights = np.random.default_rng(16).uniform(0.0, 2.0, len(frames))
    expected = np.average(MIXTURE.log_likelihoods(frames), weights=weights)
    assert mean_log_likelihood(MIXTURE, shards_of(frames, weights)) == pytest.approx(expected, rel=1e-12)

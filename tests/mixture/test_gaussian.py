"""Gaussian mixtures: scores compared with explicit loops and scikit-learn, samples, invalid parameters."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import BLOCK_FRAMES, Axes, Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from tests.builders import random_gaussians


def log_density(mixture: DiagonalMixture, frame: Floats) -> float:
    """Logarithm of equation (1), computed factor by factor."""
    total = 0.0
    for weight, mean, variance in zip(mixture.weights, mixture.means, mixture.variances, strict=True):
        density = float(weight)
        for x, m, v in zip(frame, mean, variance, strict=True):
            density *= math.exp(-((float(x) - m) ** 2) / (2.0 * v)) / math.sqrt(2.0 * math.pi * v)
        total += density
    return math.log(total)


def as_sklearn(mixture: DiagonalMixture) -> GaussianMixture:
    model = GaussianMixture(mixture.n_components, covariance_type="diag")
    model.weights_, model.means_, model.covariances_ = mixture.weights, mixture.means, mixture.variances
    model.precisions_cholesky_ = 1.0 / np.sqrt(mixture.variances)
    return model


def test_one_standard_gaussian_by_hand() -> None:
    """The standard normal density in two dimensions is 1 / (2 pi) at its mean; its logarithm is 0.5 less at (1, 0)."""
    mixture = DiagonalMixture(np.ones(1), np.zeros((1, 2)), np.ones((1, 2)))
    at_mean, one_off = mixture.log_likelihoods(np.array([[0.0, 0.0], [1.0, 0.0]]))
    assert at_mean == pytest.approx(-math.log(2.0 * math.pi), abs=1e-15)
    assert one_off == pytest.approx(at_mean - 0.5, abs=1e-15)


def test_log_likelihoods_against_loops() -> None:
    """The score of each frame is the logarithm of the density, computed factor by factor."""
    mixture = random_gaussians()
    frames = np.random.default_rng(1).normal(size=(50, 3))
    expected = [log_density(mixture, frame) for frame in frames]
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=1e-12)


@pytest.mark.parametrize("n_components", [1, 7])
def test_scores_against_sklearn(n_components: int) -> None:
    """Log-likelihoods and responsibilities are those of scikit-learn."""
    mixture = random_gaussians(2, n_components=n_components, n_dimensions=5)
    frames = np.random.default_rng(3).normal(size=(300, 5))
    oracle = as_sklearn(mixture)
    np.testing.assert_allclose(mixture.log_likelihoods(frames), oracle.score_samples(frames), rtol=1e-12)
    np.testing.assert_allclose(mixture.responsibilities(frames), oracle.predict_proba(frames), rtol=0, atol=1e-12)


def test_far_from_the_origin_in_float32() -> None:
    """Frames in float32 around -500 are scored as exactly as single precision allows."""
    mixture = random_gaussians(4, offset=-500.0)
    frames = (-500.0 + np.random.default_rng(5).normal(size=(200, 3))).astype(np.float32)
    shifted = DiagonalMixture(mixture.weights, mixture.means + 500.0, mixture.variances)
    expected = [log_density(shifted, frame.astype(np.float64) + 500.0) for frame in frames]
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("distance", [1e3, 1e10, 3e38])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_far_outliers_have_finite_scores(distance: float, sign: float) -> None:
    """A frame at any distance float32 can hold has a finite log-likelihood and responsibilities that sum to 1."""
    mixture = random_gaussians(6)
    frames = np.full((1, 3), sign * distance, dtype=np.float32)
    score = mixture.log_likelihoods(frames)[0]
    distances = (((frames[0].astype(np.float64) - mixture.means) ** 2) / mixture.variances).sum(axis=1)
    assert score == pytest.approx(-distances.min() / 2.0, rel=0.02)
    posteriors = mixture.responsibilities(frames)
    assert np.isfinite(posteriors).all()
    assert posteriors.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("n_frames", [0, 1, BLOCK_FRAMES, BLOCK_FRAMES + 1, 2 * BLOCK_FRAMES + 3])
def test_block_boundaries(n_frames: int) -> None:
    """Scores do not depend on the block, and every frame is scored."""
    mixture = random_gaussians(7)
    frames = np.random.default_rng(8).normal(size=(n_frames, 3))
    scores, posteriors = mixture.log_likelihoods(frames), mixture.responsibilities(frames)
    assert scores.shape == (n_frames,)
    assert posteriors.shape == (n_frames, mixture.n_components)
    np.testing.assert_allclose(posteriors.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    for t in {0, BLOCK_FRAMES - 1, BLOCK_FRAMES, n_frames - 1} & set(range(n_frames)):
        assert scores[t] == pytest.approx(log_density(mixture, frames[t]), rel=1e-12)


def test_scoring_changes_neither_frames_nor_mixture() -> None:
    """Scoring twice gives the same scores and does not change the frames."""
    mixture, frames = random_gaussians(9), np.random.default_rng(10).normal(size=(20, 3))
    before = frames.copy()
    first = mixture.log_likelihoods(frames)
    mixture.responsibilities(frames)
    np.testing.assert_array_equal(mixture.log_likelihoods(frames), first)
    np.testing.assert_array_equal(frames, before)


def test_axes_are_mean_and_deviation_of_the_mixture() -> None:
    """Components of weight 1/4 and 3/4 and variance 1 at 0 and 8 have the mean 6 and the variance 1 + 12.

    The power of two closest to this standard deviation is 4.
    """
    mixture = DiagonalMixture(np.array([0.25, 0.75]), np.array([[0.0], [8.0]]), np.ones((2, 1)))
    assert (mixture.n_components, mixture.n_dimensions) == (2, 1)
    np.testing.assert_array_equal(mixture.axes.center, [6.0])
    np.testing.assert_array_equal(mixture.axes.scale, [4.0])


@pytest.mark.parametrize(("center", "scale"), [(0.0, 1.0), (1.0, 3.0), (-2.0, 0.1)])
def test_coefficients_do_not_depend_on_the_axes(center: float, scale: float) -> None:
    """Relative coefficients plus the Gaussian of the axes give the joint log-density for all axes."""
    mixture = random_gaussians(11)
    frames = np.random.default_rng(12).normal(size=(10, 3))
    axes = Axes.gaussian(np.full(3, center), np.full(3, scale))
    z = axes.expand(frames, np.empty((7, 10))).T
    joint = z @ mixture.joint_coefficients(axes) + (z @ axes.reference)[:, np.newaxis]
    np.testing.assert_allclose(
        np.logaddexp.reduce(joint, axis=1), [log_density(mixture, x) for x in frames], rtol=1e-11
    )


@pytest.mark.parametrize(
    ("weights", "means", "variances", "text"),
    [
        (
            np.full(2, 0.5),
            np.zeros((3, 4)),
            np.ones((3, 4)),
            (
                "a mixture needs weights (K,), means (K, D) and variances (K, D) with K and D at least 1, "
                "not (2,), (3, 4) and (3, 4)"
            ),
        ),
        (np.full(2, 0.5), np.zeros((2, 4)), np.ones((2, 3)), "not (2,), (2, 4) and (2, 3)"),
        (np.full(2, 0.5), np.zeros(2), np.ones(2), "not (2,), (2,) and (2,)"),
        (np.empty(0), np.empty((0, 4)), np.empty((0, 4)), "K and D at least 1, not (0,), (0, 4) and (0, 4)"),
        (np.ones(1), np.empty((1, 0)), np.empty((1, 0)), "K and D at least 1, not (1,), (1, 0) and (1, 0)"),
        (np.ones(1), np.array([[0.0, np.nan]]), np.ones((1, 2)), "the means of a mixture must be finite numbers"),
        (np.ones(1), np.array([[0.0, np.inf]]), np.ones((1, 2)), "the means of a mixture must be finite numbers"),
        (
            np.ones(1),
            np.zeros((1, 2)),
            np.array([[1.0, 0.0]]),
            "the variances of a mixture must be positive and finite",
        ),
        (np.ones(1), np.zeros((1, 1)), np.array([[np.inf]]), "the variances of a mixture must be positive and finite"),
        (np.ones(1), np.zeros((1, 1)), np.array([[np.nan]]), "the variances of a mixture must be positive and finite"),
        (
            np.array([0.5, 0.75]),
            np.zeros((2, 1)),
            np.ones((2, 1)),
            "the weights of a mixture must be positive and sum to 1, but the least is 0.5 and their sum 1.25",
        ),
        (np.array([1.5, -0.5]), np.zeros((2, 1)), np.ones((2, 1)), "but the least is -0.5 and their sum 1"),
        (np.array([1.0, 0.0]), np.zeros((2, 1)), np.ones((2, 1)), "but the least is 0 and their sum 1"),
        (np.array([1.0, np.nan]), np.zeros((2, 1)), np.ones((2, 1)), "but the least is nan and their sum nan"),
    ],
)
def test_an_invalid_mixture_is_refused(weights: Floats, means: Floats, variances: Floats, text: str) -> None:
    """The error names shapes that do not match, and values outside of their range."""
    with pytest.raises(OptionError, match=re.escape(text) + "$"):
        DiagonalMixture(weights, means, variances)


def test_samples_have_the_moments_of_the_mixture() -> None:
    """Samples of a component have its mean and variance, and components have their weights."""
    mixture = random_gaussians(8)
    n_frames = 200_000
    frames, components = mixture.sample(n_frames, np.random.default_rng(9))
    assert frames.shape == (n_frames, 3)
    np.testing.assert_allclose(np.bincount(components) / n_frames, mixture.weights, atol=0.005)
    for k in range(4):
        own = frames[components == k]
        np.testing.assert_allclose(own.mean(axis=0), mixture.means[k], atol=0.04)
        np.testing.assert_allclose(own.var(axis=0), mixture.variances[k], rtol=0.04)


def test_the_same_seed_gives_the_same_samples() -> None:
    """The same seed gives the same samples; another seed gives others."""
    mixture = random_gaussians(8)
    first, again, other = (mixture.sample(20, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_zero_samples() -> None:
    """Zero frames can be drawn, with the number of dimensions of the mixture."""
    frames, components = random_gaussians().sample(0, np.random.default_rng(0))
    assert (frames.shape, components.shape) == ((0, 3), (0,))


def test_a_negative_number_of_samples_is_refused() -> None:
    """The error names a negative number of frames."""
    with pytest.raises(OptionError, match=r"^n_frames is -1, but it must be 0 or more$"):
        random_gaussians().sample(-1, np.random.default_rng(0))

"""The mixture model: its scores against explicit loops and scikit-learn, and what it refuses."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import BLOCK_FRAMES, Axes
from speechgmm.mixture.gaussian import DiagonalMixture


def random_mixture(seed=0, *, n_components=4, n_dimensions=3, offset=0.0):
    rng = np.random.default_rng(seed)
    return DiagonalMixture(
        rng.dirichlet(np.full(n_components, 5.0)),
        offset + rng.normal(size=(n_components, n_dimensions)),
        rng.uniform(0.2, 3.0, size=(n_components, n_dimensions)),
    )


def log_density(mixture, frame):
    """Equations (1) and (2), one product at a time."""
    total = 0.0
    for weight, mean, variance in zip(mixture.weights, mixture.means, mixture.variances, strict=True):
        density = float(weight)
        for x, m, v in zip(frame, mean, variance, strict=True):
            density *= math.exp(-((float(x) - m) ** 2) / (2.0 * v)) / math.sqrt(2.0 * math.pi * v)
        total += density
    return math.log(total)


def as_sklearn(mixture):
    model = GaussianMixture(mixture.n_components, covariance_type="diag")
    model.weights_, model.means_, model.covariances_ = mixture.weights, mixture.means, mixture.variances
    model.precisions_cholesky_ = 1.0 / np.sqrt(mixture.variances)
    return model


def test_one_standard_gaussian_by_hand():
    """At its mean a standard normal density in two dimensions is 1 / (2 pi); one deviation away it has lost a half."""
    mixture = DiagonalMixture(np.ones(1), np.zeros((1, 2)), np.ones((1, 2)))
    at_mean, one_off = mixture.log_likelihoods(np.array([[0.0, 0.0], [1.0, 0.0]]))
    assert at_mean == pytest.approx(-math.log(2.0 * math.pi), abs=1e-15)
    assert one_off == pytest.approx(at_mean - 0.5, abs=1e-15)


def test_log_likelihoods_against_loops():
    """Each frame's score is the logarithm of the density, computed product by product."""
    mixture = random_mixture()
    frames = np.random.default_rng(1).normal(size=(50, 3))
    expected = [log_density(mixture, frame) for frame in frames]
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=1e-12)


@pytest.mark.parametrize("n_components", [1, 7])
def test_scores_against_sklearn(n_components):
    """Log-likelihoods and responsibilities are scikit-learn's."""
    mixture = random_mixture(2, n_components=n_components, n_dimensions=5)
    frames = np.random.default_rng(3).normal(size=(300, 5))
    oracle = as_sklearn(mixture)
    np.testing.assert_allclose(mixture.log_likelihoods(frames), oracle.score_samples(frames), rtol=1e-12)
    np.testing.assert_allclose(mixture.responsibilities(frames), oracle.predict_proba(frames), rtol=0, atol=1e-12)


def test_far_from_the_origin_in_float32():
    """Frames in float32 around -500 are scored as exactly as single precision is around 0."""
    mixture = random_mixture(4, offset=-500.0)
    frames = (-500.0 + np.random.default_rng(5).normal(size=(200, 3))).astype(np.float32)
    shifted = DiagonalMixture(mixture.weights, mixture.means + 500.0, mixture.variances)
    expected = [log_density(shifted, frame.astype(np.float64) + 500.0) for frame in frames]
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("distance", [1e3, 1e10, 3e38])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_far_outliers_have_finite_scores(distance, sign):
    """A frame at any distance float32 can hold has a finite log-likelihood and responsibilities that sum to 1."""
    mixture = random_mixture(6)
    frames = np.full((1, 3), sign * distance, dtype=np.float32)
    score = mixture.log_likelihoods(frames)[0]
    distances = (((frames[0].astype(np.float64) - mixture.means) ** 2) / mixture.variances).sum(axis=1)
    assert score == pytest.approx(-distances.min() / 2.0, rel=0.02)
    posteriors = mixture.responsibilities(frames)
    assert np.isfinite(posteriors).all()
    assert posteriors.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("n_frames", [0, 1, BLOCK_FRAMES, BLOCK_FRAMES + 1, 2 * BLOCK_FRAMES + 3])
def test_block_boundaries(n_frames):
    """Frames are scored one by one, whatever block they fall in, and no frame is left out."""
    mixture = random_mixture(7)
    frames = np.random.default_rng(8).normal(size=(n_frames, 3))
    scores, posteriors = mixture.log_likelihoods(frames), mixture.responsibilities(frames)
    assert scores.shape == (n_frames,)
    assert posteriors.shape == (n_frames, mixture.n_components)
    np.testing.assert_allclose(posteriors.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    for t in {0, BLOCK_FRAMES - 1, BLOCK_FRAMES, n_frames - 1} & set(range(n_frames)):
        assert scores[t] == pytest.approx(log_density(mixture, frames[t]), rel=1e-12)


def test_scoring_changes_neither_frames_nor_mixture():
    """A mixture scores the same frames alike twice, and leaves them as they were."""
    mixture, frames = random_mixture(9), np.random.default_rng(10).normal(size=(20, 3))
    before = frames.copy()
    first = mixture.log_likelihoods(frames)
    mixture.responsibilities(frames)
    np.testing.assert_array_equal(mixture.log_likelihoods(frames), first)
    np.testing.assert_array_equal(frames, before)


def test_axes_are_mean_and_deviation_of_the_mixture():
    """Components of weight 1/4 and 3/4 and variance 1 at 0 and 8 have their mean at 6 and the variance 1 + 12.

    The power of two nearest to that deviation is 4.
    """
    mixture = DiagonalMixture(np.array([0.25, 0.75]), np.array([[0.0], [8.0]]), np.ones((2, 1)))
    assert (mixture.n_components, mixture.n_dimensions) == (2, 1)
    np.testing.assert_array_equal(mixture.axes.center, [6.0])
    np.testing.assert_array_equal(mixture.axes.scale, [4.0])


@pytest.mark.parametrize(("center", "scale"), [(0.0, 1.0), (1.0, 3.0), (-2.0, 0.1)])
def test_coefficients_do_not_depend_on_the_axes(center, scale):
    """Relative coefficients plus the axes' own Gaussian are the joint log-density, whatever the axes."""
    mixture = random_mixture(11)
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
            "a mixture needs weights (K,), means (K, D) and variances (K, D) with K and D at least 1, "
            "not (2,), (3, 4) and (3, 4)",
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
def test_a_faulty_mixture_is_refused(weights, means, variances, text):
    """Arrays that do not fit one another, and values outside their range, are named."""
    with pytest.raises(OptionError, match=re.escape(text) + "$"):
        DiagonalMixture(weights, means, variances)


def test_samples_have_the_moments_of_the_mixture():
    """Samples of a component have its mean and variance, and components come as often as they weigh."""
    mixture = random_mixture(8)
    n_frames = 200_000
    frames, components = mixture.sample(n_frames, np.random.default_rng(9))
    assert frames.shape == (n_frames, 3)
    np.testing.assert_allclose(np.bincount(components) / n_frames, mixture.weights, atol=0.005)
    for k in range(4):
        own = frames[components == k]
        np.testing.assert_allclose(own.mean(axis=0), mixture.means[k], atol=0.04)
        np.testing.assert_allclose(own.var(axis=0), mixture.variances[k], rtol=0.04)


def test_the_same_seed_gives_the_same_samples():
    """A generator's seed decides the samples; another seed gives others."""
    mixture = random_mixture(8)
    first, again, other = (mixture.sample(20, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_no_samples_are_none():
    """Zero frames can be drawn; they have the mixture's dimensions."""
    frames, components = random_mixture().sample(0, np.random.default_rng(0))
    assert (frames.shape, components.shape) == ((0, 3), (0,))


def test_a_negative_number_of_samples_is_refused():
    """A negative number of frames is named in the error."""
    with pytest.raises(OptionError, match=r"^n_frames is -1, but it must be 0 or more$"):
        random_mixture().sample(-1, np.random.default_rng(0))

"""EM as coordinate ascent on a lower bound, soft and hard, and k-means as its limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speechgmm.mixture.em import fit
from speechgmm.mixture.estep import Axes
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.kmeans import assign, centroids
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.statistics import accumulate, auxiliary

EXACT = EMOptions(max_iterations=25, tolerance=0.0, variance_floor=0.0, min_occupancy=1e-3)
UNIT = Axes.gaussian(np.zeros(3), np.ones(3))


def frames_of(n_frames=600, seed=1):
    """Frames of four overlapping clusters."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, 3))[rng.integers(4, size=n_frames)] * 2.0 + rng.normal(size=(n_frames, 3))


def mixture_of(seed=2, n_components=5):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(n_components, 4.0))
    means, variances = rng.normal(size=(n_components, 3)), rng.uniform(0.5, 2.0, (n_components, 3))
    return DiagonalMixture(weights, means, variances)


def joint(mixture, frames):
    """Log w_k N(x_t; m_k, v_k) by the formula, (T, K)."""
    distances = ((frames[:, np.newaxis] - mixture.means) ** 2 / mixture.variances).sum(axis=2)
    return np.log(mixture.weights) - 0.5 * (np.log(2 * np.pi * mixture.variances).sum(axis=1) + distances)


def posteriors(mixture, frames):
    log_joint = joint(mixture, frames)
    return np.exp(log_joint - np.logaddexp.reduce(log_joint, axis=1)[:, np.newaxis])


@pytest.mark.parametrize("weighted", [False, True])
def test_auxiliary_and_entropy_are_what_they_are_called(weighted):
    """Q and the entropy, computed from sums, are those of explicit responsibilities; together the log-likelihood."""
    frames, mixture, other = frames_of(), mixture_of(), mixture_of(3)
    weights = np.random.default_rng(4).uniform(0.2, 2.0, len(frames)) if weighted else np.ones(len(frames))
    statistics = accumulate(mixture, frames, axes=UNIT, frame_weights=weights if weighted else None)
    shares = posteriors(mixture, frames)
    entropy = -(weights[:, np.newaxis] * shares * np.log(shares)).sum()
    assert statistics.entropy == pytest.approx(entropy, rel=1e-10)
    for each in (mixture, other):
        expected = (weights[:, np.newaxis] * shares * joint(each, frames)).sum()
        assert auxiliary(statistics, each) == pytest.approx(expected, rel=1e-12)
    log_likelihood = weights @ np.logaddexp.reduce(joint(mixture, frames), axis=1)
    assert auxiliary(statistics, mixture) + entropy == pytest.approx(log_likelihood, rel=1e-12)


def test_each_iteration_raises_the_bound_and_closes_the_gap():
    """F equals the log-likelihood after each E-step, never falls in either step, and the gap is the KL divergence."""
    frames, start = frames_of(), mixture_of()
    mixtures = [start] + [fit(frames, start, options=replace(EXACT, max_iterations=n)).mixture for n in range(1, 9)]
    history = fit(frames, start, options=EXACT).iterations
    assert np.isnan(history[0].raised)
    for before, after, old, new in zip(history[:8], history[1:9], mixtures[:8], mixtures[1:], strict=True):
        assert before.bound == pytest.approx(before.log_likelihood, rel=1e-12)
        assert after.raised >= before.bound - 1e-12
        assert after.bound >= after.raised - 1e-12
        q, p = posteriors(old, frames), posteriors(new, frames)
        divergence = (q * np.log(q / p)).sum() / len(frames)
        assert after.gap == pytest.approx(divergence, rel=1e-6, abs=1e-12)
        assert after.log_likelihood == pytest.approx(np.logaddexp.reduce(joint(new, frames), axis=1).mean(), rel=1e-12)


def test_hard_em_takes_the_best_component_alone():
    """Hard statistics are those of one-hot responsibilities; their log-likelihood is the best components' joint one."""
    frames, mixture = frames_of(), mixture_of()
    statistics = accumulate(mixture, frames, axes=UNIT, hard=True)
    best = joint(mixture, frames).argmax(axis=1)
    np.testing.assert_array_equal(statistics.occupancies, np.bincount(best, minlength=5))
    expected = np.stack([frames[best == k].sum(axis=0) for k in range(5)])
    np.testing.assert_allclose(statistics.first, expected, rtol=1e-12)
    assert statistics.log_likelihood == pytest.approx(joint(mixture, frames).max(axis=1).sum(), rel=1e-12)
    assert statistics.entropy == pytest.approx(0.0, abs=1e-8)


def test_hard_em_never_lowers_its_own_likelihood():
    """The classification likelihood rises with every iteration; soft EM from there starts higher."""
    options = EMOptions(max_iterations=25, tolerance=0.0, variance_floor=0.01, min_occupancy=1e-3, hard=True)
    hard = fit(frames_of(), mixture_of(), options=options)
    assert min(np.diff(hard.log_likelihoods)) >= -1e-12
    assert hard.n_iterations >= 3
    assert fit(frames_of(), hard.mixture, options=EXACT).log_likelihoods[0] > hard.log_likelihoods[-1]


def test_k_means_is_hard_em_with_equal_weights_and_one_spherical_variance():
    """Lloyd's assignments and centroids are the hard E-step's and its M-step's means, iteration after iteration."""
    frames = frames_of()
    centers = frames[:5].copy()
    for _ in range(6):
        mixture = DiagonalMixture(np.full(5, 0.2), centers, np.full((5, 3), 0.7))
        statistics = accumulate(mixture, frames, axes=UNIT, hard=True)
        clustering = assign(frames, centers)
        np.testing.assert_array_equal(statistics.occupancies, np.bincount(clustering.assignments, minlength=5))
        # -2 v times the log-likelihood is the distortion, up to a constant.
        constant = len(frames) * (np.log(0.2) - 1.5 * np.log(2 * np.pi * 0.7))
        distortion = -2 * 0.7 * (statistics.log_likelihood - constant) / len(frames)
        assert distortion == pytest.approx(clustering.distortion, rel=1e-10)
        moved = statistics.first / statistics.occupancies[:, np.newaxis]
        np.testing.assert_allclose(moved, centroids(frames, clustering), rtol=1e-10)
        centers = moved


def test_k_means_is_the_limit_of_soft_em_as_the_variance_vanishes():
    """With ever smaller shared variance the responsibilities become one-hot and the means those of Lloyd's."""
    frames = frames_of()
    centers = frames[:5].copy()
    expected = centroids(frames, assign(frames, centers))
    errors = []
    for variance in (1.0, 1e-2, 1e-5):
        mixture = DiagonalMixture(np.full(5, 0.2), centers, np.full((5, 3), variance))
        statistics = accumulate(mixture, frames, axes=UNIT)
        errors.append(np.abs(statistics.first / statistics.occupancies[:, np.newaxis] - expected).max())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-9

"""EM as coordinate ascent on a lower bound, soft and hard, and k-means as a special case and as a limit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speechgmm.mixture.em import fit
from speechgmm.mixture.estep import Axes, Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.kmeans import assign, centroids
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.statistics import accumulate, auxiliary
from tests.builders import random_gaussians

EXACT = EMOptions(max_iterations=25, tolerance=0.0, variance_floor=0.0, min_occupancy=1e-3)
UNIT = Axes.gaussian(np.zeros(3), np.ones(3))
MIXTURE, OTHER = (random_gaussians(seed, 5, concentration=4.0, variances=(0.5, 2.0)) for seed in (2, 3))


def frames_of(n_frames: int = 600, seed: int = 1) -> Floats:
    """Frames of four overlapping clusters."""
    rng = np.random.default_rng(seed)
    centers: Floats = rng.normal(size=(4, 3))[rng.integers(4, size=n_frames)]
    return centers * 2.0 + rng.normal(size=(n_frames, 3))


def joint(mixture: DiagonalMixture, frames: Floats) -> Floats:
    """Log w_k N(x_t; m_k, v_k) by the formula, (T, K)."""
    distances = ((frames[:, np.newaxis] - mixture.means) ** 2 / mixture.variances).sum(axis=2)
    log_joint: Floats = np.log(mixture.weights) - 0.5 * (np.log(2 * np.pi * mixture.variances).sum(axis=1) + distances)
    return log_joint


def posteriors(mixture: DiagonalMixture, frames: Floats) -> Floats:
    log_joint = joint(mixture, frames)
    shares: Floats = np.exp(log_joint - np.logaddexp.reduce(log_joint, axis=1)[:, np.newaxis])
    return shares


@pytest.mark.parametrize("weighted", [False, True])
def test_auxiliary_and_entropy_from_explicit_responsibilities(weighted: bool) -> None:
    """Q and the entropy from statistics are those of explicit responsibilities; their sum is the log-likelihood."""
    frames, mixture, other = frames_of(), MIXTURE, OTHER
    weights = np.random.default_rng(4).uniform(0.2, 2.0, len(frames)) if weighted else np.ones(len(frames))
    statistics = accumulate(mixture, frames, axes=UNIT, frame_weights=weights if weighted else None)
    shares = posteriors(mixture, frames)
    entropy = -(weights[:, np.newaxis] * shares * np.log(shares)).sum()
    assert statistics.entropy == pytest.approx(entropy, rel=1e-10)
    for candidate in (mixture, other):
        expected = (weights[:, np.newaxis] * shares * joint(candidate, frames)).sum()
        assert auxiliary(statistics, candidate) == pytest.approx(expected, rel=1e-12)
    log_likelihood = weights @ np.logaddexp.reduce(joint(mixture, frames), axis=1)
    assert auxiliary(statistics, mixture) + entropy == pytest.approx(log_likelihood, rel=1e-12)


def test_each_iteration_raises_the_bound_and_closes_the_gap() -> None:
    """F is the log-likelihood after each E-step and does not fall in either step; the gap is the KL divergence."""
    frames, start = frames_of(), MIXTURE
    mixtures = [start] + [fit(frames, start, options=replace(EXACT, max_iterations=n)).mixture for n in range(1, 9)]
    history = fit(frames, start, options=EXACT).iterations
    assert np.isnan(history[0].raised)
    for before, after, old, new in zip(history[:8], history[1:9], mixtures[:8], mixtures[1:], strict=True):
        assert before.bound == pytest.approx(before.log_likelihood, rel=1e-12)
        expected = (posteriors(old, frames) * joint(old, frames)).sum() / len(frames)
        assert before.auxiliary == pytest.approx(expected, rel=1e-10)
        assert after.raised >= before.bound - 1e-12
        assert after.bound >= after.raised - 1e-12
        q, p = posteriors(old, frames), posteriors(new, frames)
        divergence = (q * np.log(q / p)).sum() / len(frames)
        assert after.gap == pytest.approx(divergence, rel=1e-6, abs=1e-12)
        assert after.log_likelihood == pytest.approx(np.logaddexp.reduce(joint(new, frames), axis=1).mean(), rel=1e-12)


def test_hard_em_uses_the_most_likely_component() -> None:
    """Hard statistics are those of one-hot responsibilities, with the joint log-likelihood of the best components."""
    frames, mixture = frames_of(), MIXTURE
    statistics = accumulate(mixture, frames, axes=UNIT, hard=True)
    best = joint(mixture, frames).argmax(axis=1)
    np.testing.assert_array_equal(statistics.occupancies, np.bincount(best, minlength=5))
    expected = np.stack([frames[best == k].sum(axis=0) for k in range(5)])
    np.testing.assert_allclose(statistics.first, expected, rtol=1e-12)
    assert statistics.log_likelihood == pytest.approx(joint(mixture, frames).max(axis=1).sum(), rel=1e-12)
    assert statistics.entropy == pytest.approx(0.0, abs=1e-8)


def test_hard_em_never_lowers_its_own_likelihood() -> None:
    """The classification likelihood rises with every iteration; the likelihood of the same mixture is higher."""
    options = EMOptions(max_iterations=25, tolerance=0.0, variance_floor=0.01, min_occupancy=1e-3, hard=True)
    hard = fit(frames_of(), MIXTURE, options=options)
    assert min(np.diff(hard.log_likelihoods)) >= -1e-12
    assert hard.n_iterations >= 3
    assert fit(frames_of(), hard.mixture, options=EXACT).log_likelihoods[0] > hard.log_likelihoods[-1]


def test_k_means_is_hard_em_with_equal_weights_and_one_variance() -> None:
    """In every iteration, assignments and centroids of Lloyd are those of the hard E-step and M-step."""
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


def test_k_means_is_the_limit_of_soft_em_as_the_variance_vanishes() -> None:
    """As the shared variance vanishes, responsibilities become one-hot and the means those of Lloyd."""
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

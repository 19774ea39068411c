"""Full, tied and spherical covariances: scores against SciPy, updates against scikit-learn, the floor, the bound."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from speechgmm.errors import OptionError
from speechgmm.mixture.em import fit
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.full_gaussian import FullMixture, ProductAxes, TiedMixture
from speechgmm.mixture.full_gaussian_mstep import FullFamily, TiedFamily
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.gaussian_mstep import GaussianFamily
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of
from speechgmm.mixture.spherical import SphericalFamily, SphericalMixture
from speechgmm.mixture.statistics import accumulate, auxiliary, moments

FAMILIES: dict[str, type[FullFamily | GaussianFamily]] = {
    "full": FullFamily,
    "tied": TiedFamily,
    "diag": GaussianFamily,
    "spherical": SphericalFamily,
}
EXACT = EMOptions(tolerance=0.0, min_occupancy=1e-6)


def frames_of(n_frames: int = 400, seed: int = 0) -> Floats:
    """Frames of three overlapping, correlated clusters in three dimensions of different units."""
    rng = np.random.default_rng(seed)
    centers = np.array([[0.0, 0.0, 0.0], [2.0, -1.0, 1.0], [-1.0, 3.0, 0.5]])
    mixing = np.array([[1.0, 0.6, 0.0], [0.0, 0.8, -0.5], [0.0, 0.0, 0.7]])
    frames: Floats = centers[rng.integers(3, size=n_frames)] + rng.normal(size=(n_frames, 3)) @ mixing
    return frames * [1.0, 30.0, 0.02] + [5.0, 0.0, 100.0]


def covariances_of(n_components: int, seed: int = 0) -> Floats:
    """Positive definite covariances in the units of the frames."""
    factors = np.random.default_rng(seed).normal(size=(n_components, 3, 6)) * np.array([1.0, 30.0, 0.02])[:, np.newaxis]
    covariances: Floats = factors @ factors.transpose(0, 2, 1) / 6.0
    return covariances


def start_of(kind: str, frames: Floats, n_components: int = 3) -> Mixture:
    """A start at random frames, with the covariances of the data or multiples of them."""
    weights = np.full(n_components, 1.0 / n_components)
    means = frames[np.random.default_rng(1).choice(len(frames), n_components, replace=False)]
    covariances = np.cov(frames.T) * np.linspace(0.5, 1.5, n_components)[:, np.newaxis, np.newaxis]
    variances = np.diagonal(covariances, axis1=1, axis2=2).copy()
    if kind == "full":
        return FullMixture(weights, means, covariances)
    if kind == "tied":
        return TiedMixture(weights, means, np.repeat(covariances[:1], n_components, axis=0))
    if kind == "diag":
        return DiagonalMixture(weights, means, variances)
    return SphericalMixture(weights, means, np.repeat(variances.mean(axis=1)[:, np.newaxis], 3, axis=1))


def family_of(kind: str, frames: Floats, variance_floor: float = 1e-9) -> Any:
    return FAMILIES[kind].of(moments(shards_of(frames)), EMOptions(variance_floor=variance_floor))


def in_the_units_of_sklearn(kind: str, mixture: Any) -> Floats:
    """Covariances in the shape of scikit-learn."""
    shapes = {"full": ("covariances", ...), "tied": ("covariances", 0), "diag": ("variances", ...)}
    name, which = shapes.get(kind, ("variances", (slice(None), 0)))
    covariances: Floats = getattr(mixture, name)[which]
    return covariances


def test_scores_are_those_of_scipy() -> None:
    """Log-likelihoods and responsibilities are those of SciPy's densities, on correlated features of three units."""
    frames, covariances = frames_of(), covariances_of(4)
    mixture = FullMixture(np.array([0.1, 0.2, 0.3, 0.4]), frames[:4], covariances)
    joint = np.stack(
        [
            np.log(weight) + multivariate_normal(mean, covariance).logpdf(frames)
            for weight, mean, covariance in zip(mixture.weights, mixture.means, covariances, strict=True)
        ],
        axis=1,
    )
    expected = np.logaddexp.reduce(joint, axis=1)
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=1e-11)
    np.testing.assert_allclose(mixture.responsibilities(frames), np.exp(joint - expected[:, np.newaxis]), atol=1e-12)


def test_a_full_mixture_of_diagonals_is_the_diagonal_mixture() -> None:
    """Without correlations both families give the same scores."""
    frames = frames_of()
    diagonal = start_of("diag", frames)
    assert isinstance(diagonal, DiagonalMixture)
    covariances = np.stack([np.diag(variances) for variances in diagonal.variances])
    full = FullMixture(diagonal.weights, diagonal.means, covariances)
    np.testing.assert_allclose(full.log_likelihoods(frames), diagonal.log_likelihoods(frames), rtol=1e-12)


def test_sampled_frames_have_the_covariance() -> None:
    """Mean and covariance of many samples are those of the component."""
    mixture = FullMixture(np.ones(1), np.array([[5.0, 0.0, 100.0]]), covariances_of(1))
    frames, _ = mixture.sample(100_000, np.random.default_rng(0))
    scale = np.sqrt(np.diag(mixture.covariances[0]))
    np.testing.assert_allclose((frames.mean(axis=0) - mixture.means[0]) / scale, 0, atol=0.02)
    np.testing.assert_allclose((np.cov(frames.T) - mixture.covariances[0]) / np.outer(scale, scale), 0, atol=0.02)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_updates", [1, 20])
@pytest.mark.parametrize("kind", FAMILIES)
def test_updates_are_those_of_sklearn(kind: str, n_updates: int) -> None:
    """From the same start, weights, means and covariances are those of scikit-learn after 1 and 20 updates."""
    frames = frames_of()
    start: Any = start_of(kind, frames)
    covariances = in_the_units_of_sklearn(kind, start)
    precisions = np.linalg.inv(covariances) if kind in ("full", "tied") else 1.0 / covariances
    oracle = GaussianMixture(
        3,
        covariance_type=kind,
        tol=0.0,
        reg_covar=0.0,
        max_iter=n_updates,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=precisions,
    ).fit(frames)
    family = family_of(kind, frames)
    result = fit(frames, start, family=family, options=replace(EXACT, max_iterations=n_updates))
    deviations, found = frames.std(axis=0), in_the_units_of_sklearn(kind, result.mixture)
    unit = {"diag": deviations**2, "spherical": deviations.max() ** 2}.get(kind, np.outer(deviations, deviations))
    np.testing.assert_allclose(result.mixture.weights, oracle.weights_, rtol=1e-6)
    np.testing.assert_allclose((result.mixture.means - oracle.means_) / deviations, 0, atol=1e-6)
    np.testing.assert_allclose((found - oracle.covariances_) / unit, 0, atol=1e-6)
    assert result.log_likelihoods[-1] == pytest.approx(oracle.score(frames), rel=1e-7)
    assert result.mixture.n_parameters == oracle._n_parameters()


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("variance_floor", [1e-9, 0.3])
@pytest.mark.parametrize("kind", FAMILIES)
def test_the_bound_never_falls(kind: str, variance_floor: float, hard: bool) -> None:
    """Neither step lowers F, with and without an active floor, for frames with weights; repairs may lower it."""
    frames = frames_of()
    weights = np.random.default_rng(3).uniform(0.0, 3.0, len(frames))
    family = family_of(kind, frames, variance_floor)
    options = replace(EXACT, max_iterations=30, hard=hard)
    result = fit(shards_of(frames, weights), start_of(kind, frames, 5), family=family, options=options)
    assert hard or result.n_limited > 0 or variance_floor < 0.1
    assert result.log_likelihoods[-1] > result.log_likelihoods[0] + 0.05
    assert result.n_iterations - len(result.reseeded_at) >= 3
    for number, (before, after) in enumerate(pairwise(result.iterations), start=1):
        if number not in result.reseeded_at:
            assert after.raised >= before.log_likelihood - 1e-10
            assert after.log_likelihood >= after.raised - 1e-10


@pytest.mark.parametrize("kind", FAMILIES)
def test_the_gap_is_the_divergence(kind: str) -> None:
    """Q plus entropy is the log-likelihood, and the gap is KL(q, posteriors) from explicit responsibilities."""
    frames = frames_of()
    family, mixture = family_of(kind, frames), start_of(kind, frames)
    result = fit(frames, mixture, family=family, options=replace(EXACT, max_iterations=1))
    statistics = accumulate(mixture, frames, axes=family.axes)
    assert auxiliary(statistics, mixture) + statistics.entropy == pytest.approx(statistics.log_likelihood, rel=1e-10)
    q, p = mixture.responsibilities(frames), result.mixture.responsibilities(frames)
    assert result.iterations[1].gap == pytest.approx((q * np.log(q / p)).sum() / len(frames), rel=1e-8)


def test_a_floored_covariance_is_the_constrained_optimum() -> None:
    """No covariance above the floor has a higher expected log-likelihood than the floored one."""
    frames = frames_of()
    family, mixture = family_of("full", frames, 0.3), start_of("full", frames)
    statistics = accumulate(mixture, frames, axes=family.axes)
    best = family.maximise(statistics)
    highest, rng = auxiliary(statistics, best), np.random.default_rng(0)
    for size in (0.3, 0.03, 0.003):
        for _ in range(50):
            changed = np.linalg.cholesky(best.covariances) @ (np.eye(3) + size * rng.normal(size=(3, 3, 3)))
            other = family.apply_limits(replace(best, covariances=changed @ changed.transpose(0, 2, 1)))
            assert auxiliary(statistics, other) <= highest + 1e-9


def test_the_floor_holds_in_every_direction() -> None:
    """Two equal features have a variance in the direction in which they do not vary: that of the floor."""
    column = np.random.default_rng(0).normal(size=100)
    frames = np.column_stack([column, 3.0 * column])
    family = family_of("full", frames, 1e-4)
    result = fit(
        frames, family.apply_limits(FullMixture(np.ones(1), np.zeros((1, 2)), np.eye(2)[np.newaxis])), family=family
    )
    unit = np.sqrt(family.floor)
    values = np.linalg.eigvalsh(result.mixture.covariances[0] / np.outer(unit, unit))
    assert values[0] == pytest.approx(1.0, rel=1e-6)
    assert values[1] == pytest.approx(2e4, rel=0.01)
    assert result.n_limited == 1


def test_the_spherical_variance_by_hand() -> None:
    """The variance is the mean over the features, and the floor the mean of theirs."""
    frames = np.array([[-1.0, -3.0], [1.0, 3.0]])
    family = family_of("spherical", frames)
    statistics = accumulate(SphericalMixture(np.ones(1), np.zeros((1, 2)), np.ones((1, 2))), frames, axes=family.axes)
    np.testing.assert_allclose(family.maximise(statistics).variances, [[5.0, 5.0]], rtol=1e-12)
    high = replace(family, floor=np.array([4.0, 12.0]))
    limited = high.maximise(statistics)
    np.testing.assert_allclose(limited.variances, [[8.0, 8.0]], rtol=1e-12)
    assert high.n_limited(limited) == 1


@pytest.mark.parametrize("kind", ["full", "tied"])
def test_a_component_is_split_along_its_longest_axis(kind: str) -> None:
    """The halves are 0.2 standard deviations to either side of the mean; a copy of the covariance is appended."""
    kinds: dict[str, type[FullMixture]] = {"full": FullMixture, "tied": TiedMixture}
    covariances = np.repeat([[[2.0, 1.5], [1.5, 2.0]]], 2, axis=0)
    mixture = kinds[kind](np.array([0.25, 0.75]), np.array([[0.0, 0.0], [5.0, 6.0]]), covariances)
    split = family_of(kind, np.random.default_rng(0).normal(size=(9, 2))).split(mixture, 1)
    assert type(split) is kinds[kind]
    np.testing.assert_array_equal(split.weights, [0.25, 0.375, 0.375])
    shift = 0.2 * math.sqrt(3.5) / math.sqrt(2.0)  # the longest axis is (1, 1), with the variance 3.5
    ends = sorted(split.means[1:].tolist())
    np.testing.assert_allclose(ends, [[5 - shift, 6 - shift], [5 + shift, 6 + shift]], rtol=1e-12)
    np.testing.assert_array_equal(split.covariances, np.repeat(covariances[:1], 3, axis=0))


@pytest.mark.parametrize("kind", FAMILIES)
def test_map_adaptation_is_between_background_and_data(kind: str) -> None:
    """Without data the background stays; with share 1 it is maximum likelihood, with less it is equation (6)."""
    frames = frames_of()
    family = family_of(kind, frames)
    background: Any = family.apply_limits(start_of(kind, frames))
    statistics = accumulate(background, frames, axes=family.axes)
    name = "covariances" if kind in ("full", "tied") else "variances"
    none, all_, some = (
        family.adapt(background, statistics, weights=background.weights, share=np.full(3, share))
        for share in (0.0, 1.0, 0.25)
    )
    best = family.maximise(statistics)
    np.testing.assert_allclose(none.means, background.means, rtol=1e-12)
    np.testing.assert_allclose(getattr(none, name), getattr(background, name), rtol=1e-12)
    np.testing.assert_allclose(all_.means, best.means, rtol=1e-12)
    np.testing.assert_allclose(some.means, 0.25 * best.means + 0.75 * background.means, rtol=1e-12)
    assert type(some) is type(background)
    if kind == "full":
        np.testing.assert_allclose(all_.covariances, best.covariances, rtol=1e-9)
        moments_of = [each.covariances + each.means[:, :, None] * each.means[:, None, :] for each in (best, background)]
        expected = 0.25 * moments_of[0] + 0.75 * moments_of[1] - some.means[:, :, None] * some.means[:, None, :]
        np.testing.assert_allclose(some.covariances, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ([[1.0, 2.0], [2.0, 1.0]], "positive definite"),
        ([[1.0, 0.5], [0.4, 1.0]], "symmetric"),
        ([[1.0, math.nan], [math.nan, 1.0]], "symmetric"),
        ([[1.0]], r"not \(1,\), \(1, 2\) and \(1, 1, 1\)"),
    ],
)
def test_an_invalid_covariance_is_refused(covariance: list[list[float]], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        FullMixture(np.ones(1), np.zeros((1, 2)), np.array([covariance]))


def test_axes_expand_to_products() -> None:
    """Z is (1, x, x^2, x1 x2, x1 x3, x2 x3) with x on the axes."""
    axes = ProductAxes.gaussian(np.array([1.0, 0.0, -1.0]), np.array([2.0, 1.0, 1.0]))
    z = axes.expand(np.array([[5.0, 3.0, 4.0]]), np.empty((axes.n_expanded, 1)))
    np.testing.assert_array_equal(z[:, 0], [1, 2, 3, 5, 4, 9, 25, 6, 10, 15])

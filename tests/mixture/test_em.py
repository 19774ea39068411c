"""EM: updates compared with scikit-learn, likelihood never falls, and re-seeding and removal of components."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from speechgmm.errors import OptionError, TrainingError
from speechgmm.mixture.component_family import SPLIT_OFFSET
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estep import Axes, Floats, Frames
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.gaussian_mstep import ABSOLUTE_FLOOR, GaussianFamily
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of
from speechgmm.mixture.statistics import Moments, moments

T = TypeVar("T")
R = TypeVar("R")

NO_REPAIR = EMOptions(variance_floor=0.0, min_occupancy=1e-6, tolerance=0.0)
ONE_UPDATE = EMOptions(max_iterations=1)


def clustered_frames(seed: int = 0, n_frames: int = 600) -> Floats:
    """Frames of three overlapping clusters in three dimensions."""
    rng = np.random.default_rng(seed)
    centers = np.array([[0.0, 0.0, 0.0], [2.0, -1.0, 1.0], [-1.0, 3.0, 0.5]])
    frames: Floats = centers[rng.integers(3, size=n_frames)] + rng.normal(size=(n_frames, 3)) * [0.5, 1.0, 0.7]
    return frames


def starting_at(frames: Frames, n_components: int, seed: int = 0) -> DiagonalMixture:
    """An initial mixture: components of equal weight and variance 1 at random frames."""
    drawn = np.random.default_rng(seed).choice(len(frames), size=n_components, replace=False)
    return DiagonalMixture(
        np.full(n_components, 1.0 / n_components),
        frames[drawn].astype(np.float64),
        np.ones((n_components, frames.shape[1])),
    )


def smallest_step(result: Fit[DiagonalMixture]) -> float:
    """The smallest gain of the updates without re-seeding or removal."""
    steps = np.diff(result.log_likelihoods)
    return min(float(step) for number, step in enumerate(steps, start=1) if number not in result.reseeded_at)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_updates", [1, 20])
def test_updates_are_those_of_sklearn(n_updates: int) -> None:
    """From the same start, weights, means and variances are those of scikit-learn after 1 and 20 updates."""
    frames = clustered_frames()
    start = starting_at(frames, 4)
    oracle = GaussianMixture(
        4,
        covariance_type="diag",
        tol=0.0,
        reg_covar=0.0,
        max_iter=n_updates,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=1.0 / start.variances,
    ).fit(frames)
    result = fit(frames, start, options=replace(NO_REPAIR, max_iterations=n_updates))
    assert result.n_iterations == n_updates
    np.testing.assert_allclose(result.mixture.weights, oracle.weights_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.mixture.means, oracle.means_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.mixture.variances, oracle.covariances_, rtol=0, atol=1e-8)
    assert result.log_likelihoods[-1] == pytest.approx(oracle.score(frames), rel=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("variance_floor", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_the_likelihood_never_falls(seed: int, variance_floor: float, weighted: bool) -> None:
    """No update lowers the likelihood, with and without an active variance floor, with and without frame weights."""
    frames = clustered_frames(seed)
    frame_weights = np.random.default_rng(seed).uniform(0.0, 3.0, size=len(frames)) if weighted else None
    result = fit(
        shards_of(frames, frame_weights),
        starting_at(frames, 6, seed),
        options=replace(NO_REPAIR, variance_floor=variance_floor, max_iterations=60),
    )
    assert result.reseeded_at == ()
    assert (result.n_limited > 0) == (variance_floor > 0)
    assert result.log_likelihoods[-1] - result.log_likelihoods[0] > 0.1
    assert smallest_step(result) > -1e-12


def test_coefficients_are_computed_twice_in_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for the bound after the M-step and once for the E-step: with few frames they are much of the time."""
    joint_coefficients, calls = DiagonalMixture.joint_coefficients, []

    def counted(mixture: DiagonalMixture, axes: Axes) -> Floats:
        calls.append(mixture)
        return joint_coefficients(mixture, axes)

    monkeypatch.setattr(DiagonalMixture, "joint_coefficients", counted)
    frames = clustered_frames(n_frames=200)
    result = fit(frames, starting_at(frames, 4), options=replace(NO_REPAIR, max_iterations=5))
    assert len(calls) == 1 + 2 * result.n_iterations


def test_history_starts_with_the_start_and_ends_with_the_mixture() -> None:
    """The first log-likelihood is that of the floored start, the last one that of the result."""
    frames = clustered_frames()
    start = starting_at(frames, 4)
    narrow = DiagonalMixture(start.weights, start.means, np.full((4, 3), 1e-9))
    options = EMOptions(variance_floor=0.1, max_iterations=5)
    result = fit(frames, narrow, options=options)
    floored = DiagonalMixture(start.weights, start.means, np.tile(0.1 * frames.var(axis=0), (4, 1)))
    assert result.log_likelihoods[0] == pytest.approx(floored.log_likelihoods(frames).mean(), rel=1e-12)
    assert result.log_likelihoods[-1] == pytest.approx(result.mixture.log_likelihoods(frames).mean(), rel=1e-12)


def test_the_floor_is_respected_and_counted() -> None:
    """No variance is below the floor of its dimension, and the variances at the floor are counted."""
    frames = clustered_frames()
    options = EMOptions(variance_floor=0.3)
    result = fit(frames, starting_at(frames, 6), options=options)
    floor = 0.3 * frames.var(axis=0)
    assert (result.mixture.variances >= floor * (1.0 - 1e-12)).all()
    n_floored = np.isclose(result.mixture.variances, floor, rtol=1e-12).sum()
    assert 0 < n_floored < 18
    assert result.n_limited == n_floored


def test_floor_is_a_share_of_the_variance_but_never_zero() -> None:
    """The floor is proportional to the variance of each dimension; a constant dimension has the absolute floor."""
    family = GaussianFamily.of(Moments(1.0, np.zeros(2), np.array([4.0, 0.0])), EMOptions(variance_floor=0.25))
    np.testing.assert_array_equal(family.floor, [1.0, ABSOLUTE_FLOOR])


def test_floored_variances_of_a_split_component_are_counted() -> None:
    """Both halves of a component at the floor count, also if the last update split it."""
    frames = np.tile([[1.0, 2.0]], (50, 1))
    start = DiagonalMixture(np.full(2, 0.5), np.array([[1.0, 2.0], [900.0, 900.0]]), np.ones((2, 2)))
    result = fit(frames, start, options=EMOptions(max_iterations=1))
    assert (result.n_reseeded, result.n_limited) == (1, 4)


def test_the_heaviest_component_is_split_by_hand() -> None:
    """The heavy component becomes two halves, 0.2 standard deviations to either side; the other one stays."""
    mixture = DiagonalMixture(
        np.array([0.25, 0.75]), np.array([[0.0, 0.0], [5.0, 6.0]]), np.array([[1.0, 1.0], [4.0, 9.0]])
    )
    family = GaussianFamily.of(Moments(1.0, np.zeros(2), np.ones(2)), EMOptions())
    split = family.split(mixture, 1)
    assert SPLIT_OFFSET == 0.2
    np.testing.assert_array_equal(split.weights, [0.25, 0.375, 0.375])
    np.testing.assert_allclose(split.means, [[0.0, 0.0], [4.6, 5.4], [5.4, 6.6]], rtol=1e-15)
    np.testing.assert_array_equal(split.variances, [[1.0, 1.0], [4.0, 9.0], [4.0, 9.0]])
    np.testing.assert_array_equal(mixture.weights, [0.25, 0.75])
    np.testing.assert_array_equal(mixture.means, [[0.0, 0.0], [5.0, 6.0]])


def test_reseeded_components_are_distinct() -> None:
    """If many components have no frames, no two re-seeded components are equal, and the excess is removed."""
    frames = clustered_frames()
    means = np.vstack([np.zeros((1, 3)), [[2.0, -1.0, 1.0]], 1e4 + np.arange(15.0).reshape(5, 3)])
    start = DiagonalMixture(np.full(7, 1 / 7), means, np.ones((7, 3)))
    result = fit(frames, start, options=ONE_UPDATE)
    assert (result.n_reseeded, result.n_pruned) == (2, 3)
    assert len(np.unique(result.mixture.means, axis=0)) == 4


def test_a_starved_component_is_reseeded_and_reported() -> None:
    """A component far from all frames is re-seeded among the frames in the first update and stays there."""
    frames = clustered_frames()
    start = DiagonalMixture(np.full(3, 1 / 3), np.array([[0.0] * 3, [1.0] * 3, [1e4] * 3]), np.ones((3, 3)))
    result = fit(frames, start)
    assert (result.reseeded_at, result.n_reseeded, result.n_pruned) == ((1,), 1, 0)
    assert result.mixture.n_components == 3
    assert np.abs(result.mixture.means).max() < 10.0
    assert smallest_step(result) > 0
    assert result.converged


def test_components_that_starve_again_are_removed_and_reported() -> None:
    """With a minimum occupancy of 20 frames, 30 frames allow one component.

    Of three components, the first update re-seeds one and removes one, as no half is split again. The next two updates
    re-seed the second component again. The fourth update removes it, because three components have been re-seeded.
    """
    frames = clustered_frames(n_frames=30)
    result = fit(frames, starting_at(frames, 3), options=EMOptions(min_occupancy=20.0))
    assert (result.reseeded_at, result.n_reseeded, result.n_pruned) == ((1, 2, 3, 4), 3, 2)
    assert result.mixture.n_components == 1
    assert result.converged
    np.testing.assert_allclose(result.mixture.means[0], frames.mean(axis=0), rtol=1e-12)


def test_occupancy_uses_frame_weights() -> None:
    """With frame weights of 0.5 a component has half of the occupancy and is re-seeded."""
    frames = clustered_frames(n_frames=40)
    start = starting_at(frames, 1)
    pair = DiagonalMixture(np.full(2, 0.5), np.vstack([start.means, start.means]), np.ones((2, 3)))
    options = EMOptions(min_occupancy=15.0, max_iterations=1)
    assert fit(frames, pair, options=options).n_reseeded == 0
    assert fit(shards_of(frames, np.full(40, 0.5)), pair, options=options).n_reseeded == 1


@pytest.mark.parametrize("tolerance", [1e-2, 3e-3, 1e-3, 3e-4, 1e-4])
def test_convergence_is_reported(tolerance: float) -> None:
    """EM stops at the first gain below the tolerance and reports it; it reports False at the iteration limit."""
    frames = clustered_frames()
    start = starting_at(frames, 3)
    done = fit(frames, start, options=EMOptions(tolerance=tolerance, max_iterations=200))
    steps = np.diff(done.log_likelihoods)
    assert done.converged
    assert steps[-1] < tolerance <= steps[:-1].min()
    cut_short = fit(frames, start, options=EMOptions(tolerance=tolerance, max_iterations=done.n_iterations - 1))
    assert not cut_short.converged
    assert cut_short.log_likelihoods == done.log_likelihoods[:-1]


def test_an_update_that_reseeds_is_not_the_last() -> None:
    """An update that re-seeds a component is followed by another update for every gain."""
    frames = clustered_frames()
    start = DiagonalMixture(np.full(2, 0.5), np.array([[0.0] * 3, [1e4] * 3]), np.ones((2, 3)))
    result = fit(frames, start, options=EMOptions(tolerance=1e6))
    assert (result.reseeded_at, result.n_iterations, result.converged) == ((1,), 2, True)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_component_is_the_sample_mean_and_variance(weighted: bool) -> None:
    """The fit of a single Gaussian has a closed form."""
    frames = clustered_frames()
    frame_weights = np.random.default_rng(1).uniform(0.0, 3.0, size=len(frames)) if weighted else None
    mixture = fit(shards_of(frames, frame_weights), starting_at(frames, 1)).mixture
    mean = np.average(frames, axis=0, weights=frame_weights)
    np.testing.assert_allclose(mixture.means[0], mean, rtol=1e-10)
    variance = np.average((frames - mean) ** 2, axis=0, weights=frame_weights)
    np.testing.assert_allclose(mixture.variances[0], variance, rtol=1e-10)
    assert mixture.weights[0] == pytest.approx(1.0, abs=1e-15)


def test_integer_weights_are_repeated_frames() -> None:
    """A frame of weight n is equivalent to n equal frames, including the variance floor."""
    frames, times = clustered_frames(n_frames=300), np.random.default_rng(2).integers(0, 4, size=300)
    start, options = starting_at(frames, 3), EMOptions(variance_floor=0.4)
    weighted = fit(shards_of(frames, times.astype(np.float64)), start, options=options)
    repeated = fit(np.repeat(frames, times, axis=0), start, options=options)
    assert weighted.n_limited == repeated.n_limited > 0
    np.testing.assert_allclose(weighted.log_likelihoods, repeated.log_likelihoods, rtol=1e-10)
    np.testing.assert_allclose(weighted.mixture.means, repeated.mixture.means, rtol=0, atol=1e-8)


def test_the_unit_of_the_features_does_not_matter() -> None:
    """Scaled features with a scaled start have the same responsibilities."""
    frames, factor = clustered_frames(), np.array([8.0, 0.25, 1000.0])
    start = starting_at(frames, 4)
    scaled_start = DiagonalMixture(start.weights, start.means * factor, start.variances * factor**2)
    plain, scaled = fit(frames, start), fit(frames * factor, scaled_start)
    np.testing.assert_allclose(
        scaled.mixture.responsibilities(frames * factor), plain.mixture.responsibilities(frames), rtol=0, atol=1e-9
    )
    shift = np.log(factor).sum()
    np.testing.assert_allclose(scaled.log_likelihoods, np.array(plain.log_likelihoods) - shift, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("kind", "offset", "tolerance"), [(np.float32, -500.0, 1e-5), (np.float64, 1e6, 1e-9)])
def test_frames_far_from_the_origin(kind: type[np.floating], offset: float, tolerance: float) -> None:
    """The fit of frames far from the origin is that of the shifted frames, to their precision."""
    far = (clustered_frames() + offset).astype(kind)
    near = far.astype(np.float64) - offset
    start = starting_at(near, 3)
    expected, result = fit(near, start), fit(far, DiagonalMixture(start.weights, start.means + offset, start.variances))
    np.testing.assert_allclose(result.log_likelihoods, expected.log_likelihoods, rtol=0, atol=tolerance)
    np.testing.assert_allclose(result.mixture.means - offset, expected.mixture.means, rtol=0, atol=10 * tolerance)


def test_constant_feature() -> None:
    """Its variance is the absolute floor in every component, and the fit of the other features does not change."""
    frames = clustered_frames()
    with_constant = np.hstack([frames, np.full((len(frames), 1), 0.1)])
    start = starting_at(frames, 3)
    wider = DiagonalMixture(
        start.weights, np.hstack([start.means, np.full((3, 1), 0.1)]), np.hstack([start.variances, np.ones((3, 1))])
    )
    result, expected = fit(with_constant, wider), fit(frames, start)
    np.testing.assert_array_equal(result.mixture.variances[:, 3], ABSOLUTE_FLOOR)
    assert result.n_limited == expected.n_limited + 3
    np.testing.assert_allclose(result.mixture.means[:, :3], expected.mixture.means, rtol=0, atol=1e-9)


def test_identical_frames() -> None:
    """All components move to the only point, with the minimum variance."""
    frames = np.tile([[3.0, -4.0]], (100, 1))
    result = fit(frames, starting_at(frames, 2))
    assert result.converged
    np.testing.assert_allclose(result.mixture.means, np.tile([[3.0, -4.0]], (2, 1)), rtol=1e-12)
    np.testing.assert_array_equal(result.mixture.variances, ABSOLUTE_FLOOR)
    density = -math.log(2.0 * math.pi * ABSOLUTE_FLOOR)
    assert result.log_likelihoods[-1] == pytest.approx(density, rel=1e-9)


def test_monitor_is_called_for_every_update() -> None:
    """It receives the current fit at the start and after each update; the last one is the result."""
    frames = clustered_frames()
    states: list[Fit[DiagonalMixture]] = []
    result = fit(frames, starting_at(frames, 3), monitor=states.append)
    assert result.n_iterations > 1
    assert [state.log_likelihoods for state in states] == [
        result.log_likelihoods[:n] for n in range(1, 2 + result.n_iterations)
    ]
    assert states[-1] is result


@pytest.mark.parametrize("min_occupancy", [10.0, 60.0])
def test_interrupted_fit_resumes(min_occupancy: float) -> None:
    """Resumed from each state passed to the monitor, the result is bit-identical, including the repair counts."""
    frames = clustered_frames(n_frames=300)
    states: list[Fit[DiagonalMixture]] = []
    options = EMOptions(min_occupancy=min_occupancy)
    whole = fit(frames, starting_at(frames, 7), options=options, monitor=states.append)
    assert (whole.n_pruned > 1) == (min_occupancy == 60.0)
    for state in states:
        again = fit(frames, state, options=options)
        np.testing.assert_array_equal(again.mixture.means, whole.mixture.means)
        assert again.log_likelihoods == whole.log_likelihoods
        for name in ("converged", "n_limited", "reseeded_at", "n_reseeded", "n_pruned"):
            assert getattr(again, name) == getattr(whole, name)


def test_a_finished_fit_is_left_alone() -> None:
    """A fit that has converged, or has made all iterations, is returned without work on the frames."""
    frames = clustered_frames()
    done, short = fit(frames, starting_at(frames, 3)), fit(frames, starting_at(frames, 3), options=ONE_UPDATE)

    def idle(function: Callable[[T], R], items: Iterable[T]) -> Iterable[R]:
        raise AssertionError("there is no work left")

    data = replace(shards_of(frames), execute=idle)
    family = GaussianFamily.of(moments(shards_of(frames)), EMOptions())
    assert fit(data, done, family=family) is done
    assert fit(data, short, family=family, options=ONE_UPDATE) is short


def test_the_same_start_gives_the_same_fit() -> None:
    """EM is deterministic and does not change frames and start."""
    frames = clustered_frames()
    start, before = starting_at(frames, 3), frames.copy()
    means = start.means.copy()
    first, second = fit(frames, start), fit(frames, start)
    assert first.log_likelihoods == second.log_likelihoods
    np.testing.assert_array_equal(first.mixture.variances, second.mixture.variances)
    np.testing.assert_array_equal(frames, before)
    np.testing.assert_array_equal(start.means, means)


def test_fewer_frames_than_components_are_refused() -> None:
    """The error states both numbers and the remedy."""
    frames = clustered_frames(n_frames=4)
    start = DiagonalMixture(np.full(5, 0.2), np.zeros((5, 3)), np.ones((5, 3)))
    text = "^there are 4 frames for 5 components: give more speech or fewer components$"
    with pytest.raises(TrainingError, match=text):
        fit(frames, start)


def test_frames_of_weight_zero_do_not_count() -> None:
    """Only frames of positive weight are compared with the number of components."""
    frames = clustered_frames(n_frames=10)
    frame_weights = np.array([1.0, 1.0] + [0.0] * 8)
    with pytest.raises(TrainingError, match=r"^there are 2 frames for 3 components"):
        fit(shards_of(frames, frame_weights), starting_at(frames, 3))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_frames_that_are_not_finite_are_refused(value: float) -> None:
    """A single value that is not finite is an error."""
    frames = clustered_frames()
    start = starting_at(frames, 3)
    frames[17, 1] = value
    with pytest.raises(TrainingError, match=r"^the frames hold values that are not finite numbers$"):
        fit(frames, start)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_iterations": 0}, "max_iterations is 0, but EM needs at least 1"),
        ({"tolerance": -0.5}, "tolerance is -0.5, but it must be 0 or more"),
        ({"tolerance": math.nan}, "tolerance is nan, but it must be 0 or more"),
        ({"variance_floor": -0.25}, "variance_floor is -0.25, but it must be at least 0 and below 1"),
        ({"variance_floor": 1.0}, "variance_floor is 1.0, but it must be at least 0 and below 1"),
        ({"variance_floor": math.nan}, "variance_floor is nan, but it must be at least 0 and below 1"),
        ({"min_occupancy": 0.0}, "min_occupancy is 0.0, but it must be positive"),
        ({"min_occupancy": math.nan}, "min_occupancy is nan, but it must be positive"),
    ],
)
def test_options_outside_their_range_are_refused(options: dict[str, Any], text: str) -> None:
    """The error names the option, its value and the range."""
    with pytest.raises(OptionError, match="^" + re.escape(text) + "$"):
        EMOptions(**options)


def test_options_at_the_limits_of_their_ranges() -> None:
    """The minimum values are accepted."""
    options = EMOptions(max_iterations=1, tolerance=0.0, variance_floor=0.0, min_occupancy=1e-9)
    assert (options.max_iterations, options.tolerance, options.variance_floor) == (1, 0.0, 0.0)


@pytest.mark.parametrize(
    "frames", [np.array([[2.5]]), np.array([[2.5, -1.0, 0.0]]), np.linspace(0.0, 1.0, 40)[:, None]]
)
def test_smallest_data(frames: Floats) -> None:
    """With one frame, one dimension or both, a single Gaussian has the frames' mean and floored variance."""
    result = fit(
        frames,
        DiagonalMixture(np.ones(1), np.zeros((1, frames.shape[1])), np.ones((1, frames.shape[1]))),
        options=EMOptions(min_occupancy=0.5),
    )
    np.testing.assert_allclose(result.mixture.means[0], frames.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(result.mixture.variances[0], np.maximum(frames.var(axis=0), ABSOLUTE_FLOOR), rtol=1e-9)


def test_duplicated_frames_do_not_change_the_fit() -> None:
    """Every frame three times gives the same mixture and the same log-likelihood per frame."""
    frames = clustered_frames(n_frames=300)
    single, triple = (fit(np.repeat(frames, times, axis=0), starting_at(frames, 3)) for times in (1, 3))
    np.testing.assert_allclose(triple.mixture.means, single.mixture.means, rtol=0, atol=1e-9)
    np.testing.assert_allclose(triple.log_likelihoods, single.log_likelihoods, rtol=1e-10)

"""EM: each update against scikit-learn's, a likelihood that never falls, and every repair it makes and reports."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from speechgmm.errors import OptionError, TrainingError
from speechgmm.mixture.em import fit
from speechgmm.mixture.family import SPLIT_OFFSET
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.gaussian_family import ABSOLUTE_FLOOR, GaussianFamily
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of
from speechgmm.mixture.statistics import Moments, moments

UNREPAIRED = EMOptions(variance_floor=0.0, min_occupancy=1e-6, tolerance=0.0)
ONE_UPDATE = EMOptions(max_iterations=1)


def clustered_frames(seed=0, n_frames=600):
    """Three overlapping clusters of three dimensions."""
    rng = np.random.default_rng(seed)
    centers = np.array([[0.0, 0.0, 0.0], [2.0, -1.0, 1.0], [-1.0, 3.0, 0.5]])
    return centers[rng.integers(3, size=n_frames)] + rng.normal(size=(n_frames, 3)) * [0.5, 1.0, 0.7]


def starting_at(frames, n_components, seed=0):
    """A rough start: components of equal weight and variance 1 at frames drawn at random."""
    drawn = np.random.default_rng(seed).choice(len(frames), size=n_components, replace=False)
    return DiagonalMixture(
        np.full(n_components, 1.0 / n_components),
        frames[drawn].astype(np.float64),
        np.ones((n_components, frames.shape[1])),
    )


def smallest_step(result):
    """The least gain of the updates in which nothing was repaired."""
    steps = np.diff(result.log_likelihoods)
    return min(step for number, step in enumerate(steps, start=1) if number not in result.reseeded_at)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_updates", [1, 20])
def test_updates_are_those_of_sklearn(n_updates):
    """From the same start, one update and twenty give scikit-learn's weights, means and variances."""
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
    result = fit(frames, start, options=replace(UNREPAIRED, max_iterations=n_updates))
    assert result.n_iterations == n_updates
    np.testing.assert_allclose(result.mixture.weights, oracle.weights_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.mixture.means, oracle.means_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.mixture.variances, oracle.covariances_, rtol=0, atol=1e-8)
    assert result.log_likelihoods[-1] == pytest.approx(oracle.score(frames), rel=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("variance_floor", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(4))
def test_the_likelihood_never_falls(seed, variance_floor, weighted):
    """No update loses likelihood, with the variance floor at work or not, with frame weights or without."""
    frames = clustered_frames(seed)
    frame_weights = np.random.default_rng(seed).uniform(0.0, 3.0, size=len(frames)) if weighted else None
    result = fit(
        shards_of(frames, frame_weights),
        starting_at(frames, 6, seed),
        options=replace(UNREPAIRED, variance_floor=variance_floor, max_iterations=60),
    )
    assert result.reseeded_at == ()
    assert (result.n_limited > 0) == (variance_floor > 0)
    assert result.log_likelihoods[-1] - result.log_likelihoods[0] > 0.1
    assert smallest_step(result) > -1e-12


def test_the_history_begins_with_the_start_and_ends_with_the_mixture():
    """The first log-likelihood is that of the start above the floor, the last that of the mixture returned."""
    frames = clustered_frames()
    start = starting_at(frames, 4)
    thin = DiagonalMixture(start.weights, start.means, np.full((4, 3), 1e-9))
    options = EMOptions(variance_floor=0.1, max_iterations=5)
    result = fit(frames, thin, options=options)
    lifted = DiagonalMixture(start.weights, start.means, np.tile(0.1 * frames.var(axis=0), (4, 1)))
    assert result.log_likelihoods[0] == pytest.approx(lifted.log_likelihoods(frames).mean(), rel=1e-12)
    assert result.log_likelihoods[-1] == pytest.approx(result.mixture.log_likelihoods(frames).mean(), rel=1e-12)


def test_the_floor_is_respected_and_counted():
    """No variance is below its dimension's floor, and those that stand on it are counted."""
    frames = clustered_frames()
    options = EMOptions(variance_floor=0.3)
    result = fit(frames, starting_at(frames, 6), options=options)
    floor = 0.3 * frames.var(axis=0)
    assert (result.mixture.variances >= floor * (1.0 - 1e-12)).all()
    held = np.isclose(result.mixture.variances, floor, rtol=1e-12).sum()
    assert 0 < held < 18
    assert result.n_limited == held


def test_the_floor_is_a_share_of_the_variance_but_never_zero():
    """The floor follows each dimension's variance; a dimension that does not vary has the absolute one."""
    family = GaussianFamily.of(Moments(1.0, np.zeros(2), np.array([4.0, 0.0])), EMOptions(variance_floor=0.25))
    np.testing.assert_array_equal(family.floor, [1.0, ABSOLUTE_FLOOR])


def test_floored_variances_of_a_split_component_are_counted():
    """Both halves of a component that stands on the floor count, also where the last update split it."""
    frames = np.tile([[1.0, 2.0]], (50, 1))
    start = DiagonalMixture(np.full(2, 0.5), np.array([[1.0, 2.0], [900.0, 900.0]]), np.ones((2, 2)))
    result = fit(frames, start, options=EMOptions(max_iterations=1))
    assert (result.n_reseeded, result.n_limited) == (1, 4)


def test_the_heaviest_component_is_split_by_hand():
    """The heavy component becomes two halves, a fifth of a standard deviation to either side; the other stays."""
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


def test_many_starved_components_do_not_become_twins():
    """However many are put on heavy ones at once, no two are the same, and those too many are removed."""
    frames = clustered_frames()
    means = np.vstack([np.zeros((1, 3)), [[2.0, -1.0, 1.0]], 1e4 + np.arange(15.0).reshape(5, 3)])
    start = DiagonalMixture(np.full(7, 1 / 7), means, np.ones((7, 3)))
    result = fit(frames, start, options=ONE_UPDATE)
    assert (result.n_reseeded, result.n_pruned) == (2, 3)
    assert len(np.unique(result.mixture.means, axis=0)) == 4


def test_a_starved_component_is_reseeded_and_reported():
    """A component far from all frames is put where the frames are, in the first update, and stays there."""
    frames = clustered_frames()
    start = DiagonalMixture(np.full(3, 1 / 3), np.array([[0.0] * 3, [1.0] * 3, [1e4] * 3]), np.ones((3, 3)))
    result = fit(frames, start)
    assert (result.reseeded_at, result.n_reseeded, result.n_pruned) == ((1,), 1, 0)
    assert result.mixture.n_components == 3
    assert np.abs(result.mixture.means).max() < 10.0
    assert smallest_step(result) > 0
    assert result.converged


def test_components_that_starve_again_are_removed_and_reported():
    """With 20 frames asked of each component, 30 frames carry one.

    Three components: the first update re-seeds one on the half of the one that stays and removes one, as nothing is
    halved twice; the next two re-seed the other again, and the fourth, when three have been, removes it.
    """
    frames = clustered_frames(n_frames=30)
    result = fit(frames, starting_at(frames, 3), options=EMOptions(min_occupancy=20.0))
    assert (result.reseeded_at, result.n_reseeded, result.n_pruned) == ((1, 2, 3, 4), 3, 2)
    assert result.mixture.n_components == 1
    assert result.converged
    np.testing.assert_allclose(result.mixture.means[0], frames.mean(axis=0), rtol=1e-12)


def test_occupancy_is_counted_in_frames_with_their_weights():
    """Halved frame weights halve what a component owns, and so decide whether it may stay."""
    frames = clustered_frames(n_frames=40)
    start = starting_at(frames, 1)
    pair = DiagonalMixture(np.full(2, 0.5), np.vstack([start.means, start.means]), np.ones((2, 3)))
    options = EMOptions(min_occupancy=15.0, max_iterations=1)
    assert fit(frames, pair, options=options).n_reseeded == 0
    assert fit(shards_of(frames, np.full(40, 0.5)), pair, options=options).n_reseeded == 1


@pytest.mark.parametrize("tolerance", [1e-2, 3e-3, 1e-3, 3e-4, 1e-4])
def test_converged_means_converged(tolerance):
    """EM stops at the first gain below the tolerance and says so; it says no where the iterations ran out."""
    frames = clustered_frames()
    start = starting_at(frames, 3)
    done = fit(frames, start, options=EMOptions(tolerance=tolerance, max_iterations=200))
    steps = np.diff(done.log_likelihoods)
    assert done.converged
    assert steps[-1] < tolerance <= steps[:-1].min()
    cut_short = fit(frames, start, options=EMOptions(tolerance=tolerance, max_iterations=done.n_iterations - 1))
    assert not cut_short.converged
    assert cut_short.log_likelihoods == done.log_likelihoods[:-1]


def test_an_update_that_repairs_is_not_the_last():
    """However small its gain, an update that re-seeds a component is followed by another."""
    frames = clustered_frames()
    start = DiagonalMixture(np.full(2, 0.5), np.array([[0.0] * 3, [1e4] * 3]), np.ones((2, 3)))
    result = fit(frames, start, options=EMOptions(tolerance=1e6))
    assert (result.reseeded_at, result.n_iterations, result.converged) == ((1,), 2, True)


@pytest.mark.parametrize("weighted", [False, True])
def test_one_component_is_the_sample_mean_and_variance(weighted):
    """The fit of a single Gaussian is known in closed form."""
    frames = clustered_frames()
    frame_weights = np.random.default_rng(1).uniform(0.0, 3.0, size=len(frames)) if weighted else None
    mixture = fit(shards_of(frames, frame_weights), starting_at(frames, 1)).mixture
    mean = np.average(frames, axis=0, weights=frame_weights)
    np.testing.assert_allclose(mixture.means[0], mean, rtol=1e-10)
    variance = np.average((frames - mean) ** 2, axis=0, weights=frame_weights)
    np.testing.assert_allclose(mixture.variances[0], variance, rtol=1e-10)
    assert mixture.weights[0] == pytest.approx(1.0, abs=1e-15)


def test_integer_weights_are_repeated_frames():
    """A frame of weight n is fitted as n equal frames, the variance floor included."""
    frames, times = clustered_frames(n_frames=300), np.random.default_rng(2).integers(0, 4, size=300)
    start, options = starting_at(frames, 3), EMOptions(variance_floor=0.4)
    weighted = fit(shards_of(frames, times.astype(np.float64)), start, options=options)
    repeated = fit(np.repeat(frames, times, axis=0), start, options=options)
    assert weighted.n_limited == repeated.n_limited > 0
    np.testing.assert_allclose(weighted.log_likelihoods, repeated.log_likelihoods, rtol=1e-10)
    np.testing.assert_allclose(weighted.mixture.means, repeated.mixture.means, rtol=0, atol=1e-8)


def test_the_unit_of_the_features_does_not_matter():
    """Features times a constant, from a start times that constant, give the same responsibilities."""
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
def test_frames_far_from_the_origin(kind, offset, tolerance):
    """Frames far from the origin are fitted as the same frames around it, to their own precision."""
    far = (clustered_frames() + offset).astype(kind)
    near = far.astype(np.float64) - offset
    start = starting_at(near, 3)
    here, there = fit(near, start), fit(far, DiagonalMixture(start.weights, start.means + offset, start.variances))
    np.testing.assert_allclose(there.log_likelihoods, here.log_likelihoods, rtol=0, atol=tolerance)
    np.testing.assert_allclose(there.mixture.means - offset, here.mixture.means, rtol=0, atol=10 * tolerance)


def test_a_feature_that_never_varies():
    """Its variance stands at the absolute floor in every component, and the other features are fitted as ever."""
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


def test_identical_frames():
    """All components come to lie on the one point there is, with the least variance."""
    frames = np.tile([[3.0, -4.0]], (100, 1))
    result = fit(frames, starting_at(frames, 2))
    assert result.converged
    np.testing.assert_allclose(result.mixture.means, np.tile([[3.0, -4.0]], (2, 1)), rtol=1e-12)
    np.testing.assert_array_equal(result.mixture.variances, ABSOLUTE_FLOOR)
    density = -math.log(2.0 * math.pi * ABSOLUTE_FLOOR)
    assert result.log_likelihoods[-1] == pytest.approx(density, rel=1e-9)


def test_the_monitor_hears_of_every_update():
    """It is given the fit as it stands, at the start and after each update; the last is the result."""
    frames, heard = clustered_frames(), []
    result = fit(frames, starting_at(frames, 3), monitor=heard.append)
    assert result.n_iterations > 1
    assert [each.log_likelihoods for each in heard] == [
        result.log_likelihoods[:n] for n in range(1, 2 + result.n_iterations)
    ]
    assert heard[-1] is result


@pytest.mark.parametrize("min_occupancy", [10.0, 60.0])
def test_a_fit_that_was_broken_off_ends_as_if_it_never_had_been(min_occupancy):
    """From whatever the monitor was given, the fit goes on to the same last bit; repairs are not forgotten."""
    frames, heard = clustered_frames(n_frames=300), []
    options = EMOptions(min_occupancy=min_occupancy)
    whole = fit(frames, starting_at(frames, 7), options=options, monitor=heard.append)
    assert (whole.n_pruned > 1) == (min_occupancy == 60.0)
    for begun in heard:
        again = fit(frames, begun, options=options)
        np.testing.assert_array_equal(again.mixture.means, whole.mixture.means)
        assert again.log_likelihoods == whole.log_likelihoods
        for name in ("converged", "n_limited", "reseeded_at", "n_reseeded", "n_pruned"):
            assert getattr(again, name) == getattr(whole, name)


def test_a_finished_fit_is_left_alone():
    """What has converged, or has made its iterations, is given back without another look at the frames."""
    frames = clustered_frames()
    done, short = fit(frames, starting_at(frames, 3)), fit(frames, starting_at(frames, 3), options=ONE_UPDATE)

    def idle(function, items):
        raise AssertionError("there is nothing left to do")

    family = GaussianFamily.of(moments(shards_of(frames)), EMOptions())
    assert fit(frames, done, family=family, spread=idle) is done
    assert fit(frames, short, family=family, options=ONE_UPDATE, spread=idle) is short


def test_the_same_start_gives_the_same_fit():
    """EM draws nothing at random, and leaves frames and start as they were."""
    frames = clustered_frames()
    start, before = starting_at(frames, 3), frames.copy()
    means = start.means.copy()
    one, other = fit(frames, start), fit(frames, start)
    assert one.log_likelihoods == other.log_likelihoods
    np.testing.assert_array_equal(one.mixture.variances, other.mixture.variances)
    np.testing.assert_array_equal(frames, before)
    np.testing.assert_array_equal(start.means, means)


def test_fewer_frames_than_components_are_refused():
    """The error says how many there are and what to do."""
    frames = clustered_frames(n_frames=4)
    start = DiagonalMixture(np.full(5, 0.2), np.zeros((5, 3)), np.ones((5, 3)))
    text = "^there are 4 frames for 5 components: give more speech or fewer components$"
    with pytest.raises(TrainingError, match=text):
        fit(frames, start)


def test_frames_of_weight_zero_are_no_frames():
    """Only frames that count are held against the number of components."""
    frames = clustered_frames(n_frames=10)
    frame_weights = np.array([1.0, 1.0] + [0.0] * 8)
    with pytest.raises(TrainingError, match=r"^there are 2 frames for 3 components"):
        fit(shards_of(frames, frame_weights), starting_at(frames, 3))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_frames_that_are_not_finite_are_refused(value):
    """A single bad value anywhere is an error, not a model of NaN."""
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
def test_options_outside_their_range_are_refused(options, text):
    """The error names the option, its value and the range."""
    with pytest.raises(OptionError, match="^" + re.escape(text) + "$"):
        EMOptions(**options)


def test_options_at_the_ends_of_their_ranges():
    """The least values allowed are allowed."""
    options = EMOptions(max_iterations=1, tolerance=0.0, variance_floor=0.0, min_occupancy=1e-9)
    assert (options.max_iterations, options.tolerance, options.variance_floor) == (1, 0.0, 0.0)


@pytest.mark.parametrize(
    "frames", [np.array([[2.5]]), np.array([[2.5, -1.0, 0.0]]), np.linspace(0.0, 1.0, 40)[:, None]]
)
def test_the_least_that_can_be_fitted(frames):
    """One frame, one dimension or both: a single Gaussian is the frames' mean and variance, floored."""
    result = fit(
        frames,
        DiagonalMixture(np.ones(1), np.zeros((1, frames.shape[1])), np.ones((1, frames.shape[1]))),
        options=EMOptions(min_occupancy=0.5),
    )
    np.testing.assert_allclose(result.mixture.means[0], frames.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(result.mixture.variances[0], np.maximum(frames.var(axis=0), ABSOLUTE_FLOOR), rtol=1e-9)


def test_duplicated_frames_change_nothing():
    """Every frame three times over gives the same mixture, and the same log-likelihood a frame."""
    frames = clustered_frames(n_frames=300)
    one, three = (fit(np.repeat(frames, times, axis=0), starting_at(frames, 3)) for times in (1, 3))
    np.testing.assert_allclose(three.mixture.means, one.mixture.means, rtol=0, atol=1e-9)
    np.testing.assert_allclose(three.log_likelihoods, one.log_likelihoods, rtol=1e-10)

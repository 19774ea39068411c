"""MAP adaptation: the limits of no data and of infinite data, equation (6) by hand, and the gain in likelihood."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from speechgmm.errors import OptionError, TrainingError
from speechgmm.mixture.em import Fit, update
from speechgmm.mixture.estep import Axes, Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.gaussian_mstep import GaussianFamily
from speechgmm.mixture.map_adaptation import MAX_ITERATIONS, adapt, fit_adapted
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of
from speechgmm.mixture.statistics import Statistics, accumulate

AXES = Axes.gaussian(np.array([0.5, -0.5]), np.array([2.0, 1.0]))
NO_FLOOR = GaussianFamily(np.zeros(2), AXES)

BACKGROUND = DiagonalMixture(
    np.array([0.2, 0.5, 0.3]),
    np.array([[-3.0, 0.0], [0.0, 1.0], [3.0, -1.0]]),
    np.array([[1.0, 0.5], [2.0, 1.0], [0.8, 1.5]]),
)


def class_frames(n_frames: int = 400, *, offset: float = 0.0) -> Floats:
    """Frames of a class whose components are close to those of the background."""
    near = DiagonalMixture(np.array([0.4, 0.4, 0.2]), BACKGROUND.means + 0.7, 0.6 * BACKGROUND.variances)
    return near.sample(n_frames, np.random.default_rng(3))[0] + offset


def statistics_of(
    frames: Floats, *, mixture: DiagonalMixture = BACKGROUND, frame_weights: Floats | None = None
) -> Statistics:
    return accumulate(mixture, frames, axes=AXES, frame_weights=frame_weights)


def assert_same(actual: DiagonalMixture, expected: DiagonalMixture, *, rtol: float = 1e-9) -> None:
    for name in ("weights", "means", "variances"):
        np.testing.assert_allclose(getattr(actual, name), getattr(expected, name), rtol=rtol, atol=rtol, err_msg=name)


def one_component(mean: float, variance: float) -> DiagonalMixture:
    return DiagonalMixture(np.ones(1), np.array([[mean, 0.0]]), np.array([[variance, 1.0]]))


def test_without_data_result_is_background() -> None:
    """Without frames the result is the background."""
    adapted = adapt(BACKGROUND, statistics_of(np.empty((0, 2))), NO_FLOOR)
    assert_same(adapted, BACKGROUND, rtol=1e-15)


def test_infinite_data_give_maximum_likelihood() -> None:
    """With frame weights of 1e9, the result is that of the M-step."""
    frames = class_frames()
    statistics = statistics_of(frames, frame_weights=np.full(len(frames), 1e9))
    expected = update(statistics, NO_FLOOR, min_occupancy=1.0, may_reseed=0).mixture
    assert_same(adapt(BACKGROUND, statistics, NO_FLOOR), expected, rtol=1e-8)


def test_relevance_0_is_maximum_likelihood() -> None:
    """With a relevance factor of 0, components with data get the parameters of the M-step."""
    statistics = statistics_of(class_frames())
    expected = update(statistics, NO_FLOOR, min_occupancy=1e-6, may_reseed=0).mixture
    assert_same(adapt(BACKGROUND, statistics, NO_FLOOR, relevance=0.0), expected)


def test_one_component_by_hand() -> None:
    """Two frames 3 and 5 with relevance factor 6: a = 1/4, the mean 0 becomes 1 and the variance 4 becomes 6.25."""
    frames = np.array([[3.0, 0.0], [5.0, 0.0]])
    background = one_component(0.0, 4.0)
    adapted = adapt(background, statistics_of(frames, mixture=background), NO_FLOOR, relevance=6.0)
    assert adapted.weights == pytest.approx([1.0])
    assert adapted.means[0] == pytest.approx([1.0, 0.0])
    # (9 + 25) / 2 / 4 + 3/4 (4 + 0) - 1 = 4.25 + 3 - 1, and 0 / 4 + 3/4 (1 + 0) - 0
    assert adapted.variances[0] == pytest.approx([6.25, 0.75])


def test_equation_6_frame_by_frame() -> None:
    """Every parameter is that of equation (6), computed frame by frame from the responsibilities."""
    frames, relevance = class_frames(60), 16.0
    posteriors = BACKGROUND.responsibilities(frames)
    counts = posteriors.sum(axis=0)
    first, second = posteriors.T @ frames / counts[:, None], posteriors.T @ frames**2 / counts[:, None]
    share = counts / (counts + relevance)
    weights = share * counts / 60 + (1 - share) * BACKGROUND.weights
    a = share[:, None]
    means = a * first + (1 - a) * BACKGROUND.means
    variances = a * second + (1 - a) * (BACKGROUND.variances + BACKGROUND.means**2) - means**2
    expected = DiagonalMixture(weights / weights.sum(), means, variances)
    assert_same(adapt(BACKGROUND, statistics_of(frames), NO_FLOOR, relevance=relevance), expected)


@pytest.mark.parametrize("relevance", [0.0, 16.0])
def test_a_component_without_data_keeps_its_parameters(relevance: float) -> None:
    """A component without frames keeps its mean and variance for every relevance factor; the others move."""
    background = DiagonalMixture(
        BACKGROUND.weights, np.array([[-3.0, 0.0], [0.0, 1.0], [1e4, 0.0]]), BACKGROUND.variances
    )
    statistics = statistics_of(class_frames(), mixture=background)
    assert statistics.occupancies[2] < 1e-9
    adapted = adapt(background, statistics, NO_FLOOR, relevance=relevance)
    np.testing.assert_array_equal(adapted.means[2], background.means[2])
    np.testing.assert_array_equal(adapted.variances[2], background.variances[2])
    assert (np.abs(adapted.means[:2] - background.means[:2]) > 0.1).any(axis=1).all()


def test_variances_stay_above_the_floor() -> None:
    """A variance that would fall below the floor is set to the floor; the others are unchanged."""
    statistics = statistics_of(np.tile([[0.0, 1.0]], (10_000, 1)))
    floor = np.array([0.0, 0.3])
    free, floored = (adapt(BACKGROUND, statistics, family) for family in (NO_FLOOR, GaussianFamily(floor, AXES)))
    assert free.variances[1, 1] < 0.3
    assert_same(floored, replace(free, variances=np.maximum(free.variances, floor)), rtol=1e-12)


def test_no_cancellation_far_from_the_origin() -> None:
    """A million units from the origin, the variances are those of the same data at the origin."""
    frames = class_frames()
    far = DiagonalMixture(BACKGROUND.weights, BACKGROUND.means + 1e6, BACKGROUND.variances)
    axes = Axes.gaussian(np.full(2, 1e6), np.ones(2))
    adapted = adapt(far, accumulate(far, frames + 1e6, axes=axes), GaussianFamily(np.zeros(2), axes))
    expected = adapt(BACKGROUND, statistics_of(frames), NO_FLOOR)
    np.testing.assert_allclose(adapted.variances, expected.variances, rtol=1e-7)


@pytest.mark.parametrize("relevance", [-1.0, math.nan])
def test_invalid_relevance_is_refused(relevance: float) -> None:
    """The error names a relevance factor that is negative or NaN."""
    with pytest.raises(OptionError, match=f"^relevance is {relevance}, but it must be 0 or more$"):
        adapt(BACKGROUND, statistics_of(class_frames()), NO_FLOOR, relevance=relevance)


@pytest.mark.parametrize("relevance", [1.0, 16.0, 100.0])
def test_adapting_improves_the_likelihood_of_the_data(relevance: float) -> None:
    """Adaptation raises the likelihood of the frames, and more with a smaller relevance factor."""
    frames = class_frames()
    before = BACKGROUND.log_likelihoods(frames).mean()
    adapted, loose = (fit_adapted(frames, BACKGROUND, relevance=factor) for factor in (relevance, relevance / 4))
    assert adapted.mixture.log_likelihoods(frames).mean() > before + 0.01
    assert loose.log_likelihoods[-1] > adapted.log_likelihoods[-1]


def test_fit_records_its_history() -> None:
    """The history starts with the background and ends with the mixture; with tolerance 0 all iterations are made."""
    frames = class_frames()
    fit = fit_adapted(frames, BACKGROUND, options=EMOptions(tolerance=0.0))
    assert fit.n_iterations == MAX_ITERATIONS
    assert fit.log_likelihoods[0] == pytest.approx(BACKGROUND.log_likelihoods(frames).mean(), rel=1e-12)
    assert fit.log_likelihoods[-1] == pytest.approx(fit.mixture.log_likelihoods(frames).mean(), rel=1e-12)
    assert (fit.converged, fit.n_reseeded, fit.n_pruned, fit.reseeded_at) == (False, 0, 0, ())
    assert fit_adapted(frames, BACKGROUND, options=EMOptions(max_iterations=2, tolerance=0.0)).n_iterations == 2
    assert fit_adapted(frames, BACKGROUND, options=EMOptions(tolerance=10.0)).converged


def test_each_iteration_adapts_the_background() -> None:
    """After many iterations the mean is still half way to the data: each iteration starts from the background."""
    frames = np.array([[4.0, 0.0]] * 16)
    background = one_component(0.0, 4.0)
    fit = fit_adapted(frames, background, relevance=16.0, options=EMOptions(tolerance=0.0))
    assert fit.n_iterations == MAX_ITERATIONS
    assert fit.mixture.means[0, 0] == pytest.approx(2.0)


def test_weighted_frames_count_by_their_weights() -> None:
    """A frame of weight 2 counts as two frames, a frame of weight 0 does not count."""
    frames = class_frames(50)
    weighted = fit_adapted(shards_of(frames, np.r_[np.full(20, 2.0), np.ones(20), np.zeros(10)]), BACKGROUND)
    repeated = fit_adapted(np.concatenate([frames[:20], frames[:40]]), BACKGROUND)
    assert_same(weighted.mixture, repeated.mixture)


def test_frames_that_are_not_finite_are_refused() -> None:
    """A frame with NaN is an error."""
    with pytest.raises(TrainingError, match=r"^the frames hold values that are not finite numbers$"):
        fit_adapted(np.array([[0.0, math.nan]]), BACKGROUND)


def test_interrupted_adaptation_resumes() -> None:
    """Resumed from each state passed to the monitor, the result is the same; the background is still the original."""
    frames = class_frames(50)
    states: list[Fit[DiagonalMixture]] = []
    whole = fit_adapted(frames, BACKGROUND, options=EMOptions(tolerance=0.0), monitor=states.append)
    assert len(states) == 1 + MAX_ITERATIONS
    for state in states:
        again = fit_adapted(frames, BACKGROUND, options=EMOptions(tolerance=0.0), resume=state)
        assert_same(again.mixture, whole.mixture, rtol=0)
        assert again.log_likelihoods == whole.log_likelihoods

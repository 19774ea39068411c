"""Calibration: equation (5), log-likelihood ratios, and the fit on data with a known calibration."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax

from speechgmm.classifier.calibration import (
    Calibration,
    fit_calibration,
    log_likelihood_ratios,
    smoothed_targets,
)
from speechgmm.errors import OptionError
from speechgmm.evaluation.detection import cllr, min_cllr
from speechgmm.mixture.estep import Floats

SCALE, HALF_WEIGHT = 4.0, 100.0
MANY = 10**9  # with so many speakers the targets are hardly smoothed


def one_stream(means: Floats) -> Floats:
    return means[:, np.newaxis]


def draw(n_per_class: tuple[int, int], *, seed: int) -> tuple[Floats, Floats, npt.NDArray[np.intp]]:
    """Utterances whose exact log-likelihood ratio is equation (5) with `SCALE` and `HALF_WEIGHT`.

    A speaker's difference of mean log-likelihoods is normal around 1 or -1 with variance 2 / SCALE. An utterance of n
    frames adds a variance HALF_WEIGHT / n times as large.
    """
    rng = np.random.default_rng(seed)
    truth = np.repeat([0, 1], n_per_class)
    n_frames = rng.choice([30.0, 100.0, 300.0, 1000.0], size=len(truth))
    deviation = np.sqrt(2 / SCALE * (1 + HALF_WEIGHT / n_frames))
    difference = np.where(truth == 0, 1.0, -1.0) + deviation * rng.standard_normal(len(truth))
    return one_stream(np.stack([difference / 2, -difference / 2], axis=1) - 40.0), n_frames, truth


def fit(
    means: Floats,
    n_frames: Floats,
    truth: npt.NDArray[np.intp],
    *,
    n_speakers: int = MANY,
    weights: Floats | None = None,
) -> Calibration:
    weights = np.ones(len(truth)) if weights is None else weights
    return fit_calibration(means, n_frames, truth, weights, np.full(means.shape[2], n_speakers))


def parameters(calibration: Calibration) -> list[float]:
    return [*calibration.scales, calibration.half_weight_frames, *calibration.offsets]


def test_equation_5_by_hand() -> None:
    """The weight is half of the scale at `half_weight_frames`, and three quarters at three times that length."""
    calibration = Calibration(scales=(8.0,), half_weight_frames=100.0, offsets=(0.5, -0.5))

    calibrated = calibration.log_likelihoods(
        one_stream(np.array([[-2.0, -3.0], [-2.0, -3.0]])), np.array([100.0, 300.0])
    )

    np.testing.assert_allclose(calibrated, [[-7.5, -12.5], [-11.5, -18.5]], rtol=1e-15)


@pytest.mark.parametrize(
    ("scales", "half_weight_frames", "offsets", "text"),
    [
        ((0.0,), 1.0, (0.0, 0.0), "the calibration's scales are (0.0,), but they must be positive"),
        ((math.inf,), 1.0, (0.0, 0.0), "the calibration's scales are (inf,), but they must be positive"),
        ((2.0, -3.0), 1.0, (0.0, 0.0), "the calibration's scales are (2.0, -3.0), but they must be positive"),
        ((2.0,), -1.0, (0.0, 0.0), "half_weight_frames is -1.0, but it must be 0 or more"),
        ((2.0,), math.nan, (0.0, 0.0), "half_weight_frames is nan, but it must be 0 or more"),
        ((2.0,), 1.0, (0.0, math.nan), "the calibration's offsets are (0.0, nan), but they must be finite"),
    ],
)
def test_values_out_of_range_are_refused(
    scales: tuple[float, ...], half_weight_frames: float, offsets: tuple[float, ...], text: str
) -> None:
    """Each parameter is checked, and the error gives its value."""
    with pytest.raises(OptionError) as caught:
        Calibration(scales=scales, half_weight_frames=half_weight_frames, offsets=offsets)

    assert str(caught.value) == text


def test_ratios_of_two_classes_are_opposite() -> None:
    """With two classes, one ratio is the difference of the log-likelihoods, and the other its negative."""
    ratios = log_likelihood_ratios(np.array([[-40.0, -42.5], [3.0, 3.0]]))

    np.testing.assert_allclose(ratios, [[2.5, -2.5], [0.0, 0.0]], atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_ratios_give_the_posteriors_of_equal_priors(n_classes: int) -> None:
    """A ratio l gives the posterior 1 / (1 + (K - 1) exp(-l)) with equal priors of K classes."""
    log_likelihoods = np.random.default_rng(1).normal(-50, 3, size=(20, n_classes))

    ratios = log_likelihood_ratios(log_likelihoods)

    np.testing.assert_allclose(1 / (1 + (n_classes - 1) * np.exp(-ratios)), softmax(log_likelihoods, axis=1))


def test_smoothed_targets_by_hand() -> None:
    """(N + 1) / (N + C) for the true class, equal shares of the rest for the others."""
    np.testing.assert_allclose(smoothed_targets(np.array([1, 3])), [[2 / 3, 1 / 3], [1 / 5, 4 / 5]])
    np.testing.assert_allclose(
        smoothed_targets(np.array([1, 2, 7])), [[0.5, 0.25, 0.25], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]]
    )


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_smoothed_targets_are_probabilities(n_classes: int) -> None:
    """Every row sums to 1, and its maximum is the true class."""
    targets = smoothed_targets(np.arange(1, n_classes + 1))

    np.testing.assert_allclose(targets.sum(axis=1), 1.0)
    np.testing.assert_array_equal(targets.argmax(axis=1), np.arange(n_classes))


def test_fit_finds_the_calibration_the_data_was_drawn_with() -> None:
    """The fit finds the parameters of the true calibration, although one class has three times as many cases."""
    calibration = fit(*draw((6000, 2000), seed=2))

    assert calibration.scales == pytest.approx((SCALE,), rel=0.08)
    assert calibration.half_weight_frames == pytest.approx(HALF_WEIGHT, rel=0.15)
    assert calibration.offsets == pytest.approx((0.0, 0.0), abs=0.08)


def test_fitted_ratios_have_almost_the_minimum_cllr() -> None:
    """On new utterances, Cllr is that of the true calibration and within 0.02 bit of the minimum."""
    calibration = fit(*draw((4000, 4000), seed=3))
    means, n_frames, truth = draw((4000, 4000), seed=4)
    exact = Calibration(scales=(SCALE,), half_weight_frames=HALF_WEIGHT, offsets=(0.0, 0.0))

    ratios, best = (log_likelihood_ratios(used.log_likelihoods(means, n_frames))[:, 0] for used in (calibration, exact))

    cost = cllr(ratios[truth == 0], ratios[truth == 1])
    assert cost == pytest.approx(cllr(best[truth == 0], best[truth == 1]), abs=0.003)
    assert cost < min_cllr(ratios[truth == 0], ratios[truth == 1]) + 0.02
    assert cost < 0.5


def test_offsets_remove_a_bias() -> None:
    """A constant bias to one class goes into the offsets, which sum to 0."""
    means, _, truth = draw((2000, 2000), seed=5)
    n_frames = np.full(len(truth), 100.0)

    calibration = fit(means + np.array([0.3, 0.0]), n_frames, truth)

    evidence = calibration.scales[0] * 100.0 / (100.0 + calibration.half_weight_frames)
    assert calibration.offsets[1] - calibration.offsets[0] == pytest.approx(0.3 * evidence, abs=0.1)
    assert math.fsum(calibration.offsets) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("n_speakers", [1, 4])
def test_few_speakers_limit_the_probability(n_speakers: int) -> None:
    """With N perfectly separated speakers per class, no posterior is above (N + 1) / (N + 2)."""
    truth = np.repeat([0, 1], 60)
    n_frames = np.tile([30.0, 100.0, 400.0], 40)
    means = one_stream(np.where(truth[:, np.newaxis] == [0, 1], -30.0, -80.0))

    calibration = fit(means, n_frames, truth, n_speakers=n_speakers)

    posteriors = softmax(calibration.log_likelihoods(means, n_frames), axis=1)[np.arange(120), truth]
    assert posteriors.max() == pytest.approx((n_speakers + 1) / (n_speakers + 2), abs=0.01)


def test_the_number_of_cases_per_class_has_no_effect() -> None:
    """With every case of one class twice, the calibration is the same."""
    means, n_frames, truth = draw((300, 300), seed=6)
    twice = np.concatenate([np.arange(600), np.flatnonzero(truth == 0)])

    assert parameters(fit(means[twice], n_frames[twice], truth[twice])) == pytest.approx(
        parameters(fit(means, n_frames, truth)), rel=1e-3
    )


def test_a_weight_of_two_is_the_same_case_twice() -> None:
    """Cases with weight 2 have the effect of repeated cases."""
    means, n_frames, truth = draw((200, 200), seed=7)
    weights = np.where(np.arange(400) % 2 == 0, 2.0, 1.0)
    repeated = np.repeat(np.arange(400), weights.astype(int))

    assert parameters(fit(means, n_frames, truth, weights=weights)) == pytest.approx(
        parameters(fit(means[repeated], n_frames[repeated], truth[repeated])), rel=1e-3
    )


def test_three_classes_are_calibrated() -> None:
    """Three classes have three offsets, and the cross-entropy is below that of equal posteriors."""
    rng = np.random.default_rng(8)
    truth = np.repeat([0, 1, 2], 200)
    means = 0.5 * (truth[:, np.newaxis] == [0, 1, 2]) + 0.3 * rng.standard_normal((600, 3)) + [0.0, 0.2, 0.0]
    n_frames = np.full(600, 100.0)

    calibration = fit(one_stream(means), n_frames, truth)

    own = softmax(calibration.log_likelihoods(one_stream(means), n_frames), axis=1)[np.arange(600), truth]
    assert len(calibration.offsets) == 3
    assert calibration.offsets[1] < min(calibration.offsets[0], calibration.offsets[2])
    assert -np.log2(own).mean() < 0.75 * math.log2(3)


def test_fit_is_deterministic() -> None:
    """The same data give exactly the same numbers."""
    data = draw((100, 100), seed=9)

    assert fit(*data) == fit(*data)

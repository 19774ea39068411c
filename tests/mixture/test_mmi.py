"""Discriminative training of tied sub-models (MMI)."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.optimize

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.mmi import Cases, MMIOptions, fit_mmi, likeliest
from speechgmm.mixture.tied import SHARPNESS

K, D, H = 4, 3, 3
WEIGHTS = np.array([0.1, 0.2, 0.3, 0.4])


def cases_of(n_cases: int, seed: int = 0) -> Cases:
    """Statistics of utterances whose mean depends on their class; the last class has two sub-models."""
    rng = np.random.default_rng(seed)
    truth = np.arange(n_cases) % 2
    statistics = rng.normal(0, 0.1, (n_cases, K, 1 + D))
    statistics[:, :, 0] = rng.dirichlet(50 * WEIGHTS, n_cases)
    statistics[:, 0, 1] += 0.15 * (2 * truth - 1)
    admitted = np.column_stack([truth == 0, truth == 1, (truth == 1) & (np.arange(n_cases) % 3 == 0)])
    weights = rng.uniform(1, 2, n_cases)
    return Cases(statistics.astype(np.float32), admitted, weights / weights.sum())


def loss_of(cases: Cases, coefficients: Floats, start: Floats, smoothing: float) -> float:
    """Equation (7), utterance by utterance."""
    loss = 0.0
    for statistics, admitted, weight in zip(cases.statistics, cases.admitted, cases.weights, strict=True):
        scores = [SHARPNESS * float((own * statistics).sum()) for own in coefficients]
        likelihoods = np.exp(np.array(scores) - max(scores))
        loss -= weight * np.log(likelihoods[admitted].sum() / likelihoods.sum())
    penalty = (WEIGHTS[:, np.newaxis] * (coefficients - start) ** 2).sum()
    return float(loss + smoothing / 2 * penalty)


def test_maximum_likelihood_is_one_em_step() -> None:
    """The weights and means of a sub-model are those of its utterances, smoothed by the background's weights."""
    cases = cases_of(30)
    shares = cases.weights * cases.admitted[:, 0]
    mean = np.einsum("u,ukd->kd", shares / shares.sum(), cases.statistics.astype(np.float64))
    weights = (mean[:, 0] + 0.2 * WEIGHTS) / 1.2
    shifts = mean[:, 1:] / (mean[:, 0] + 0.2 * WEIGHTS)[:, np.newaxis]

    first = likeliest(cases, WEIGHTS)[0]

    np.testing.assert_allclose(first[:, 1:], shifts, atol=1e-5)
    np.testing.assert_allclose(first[:, 0], np.log(weights / WEIGHTS) - (shifts**2).sum(axis=1) / 2, atol=1e-5)


def test_an_utterance_of_either_style_counts_half_for_each() -> None:
    """It is in the mean of both sub-models."""
    statistics = np.zeros((2, K, 1 + D), dtype=np.float32)
    statistics[:, :, 0] = WEIGHTS
    statistics[:, 0, 1] = [0.1, 0.4]
    both = Cases(statistics, np.array([[True, False], [True, True]]), np.array([0.5, 0.5]))

    shifts = likeliest(both, WEIGHTS)[:, 0, 1] * 0.1 * 1.2

    np.testing.assert_allclose(shifts, [(0.1 + 0.4 / 2) / 1.5, 0.4], rtol=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_the_slope_is_that_of_the_loss(monkeypatch: pytest.MonkeyPatch, smoothing: float) -> None:
    """Against differences of equation (7), at a point away from the start."""
    cases, start = cases_of(12), likeliest(cases_of(12), WEIGHTS)
    captured = {}

    def capture(function: object, first: Floats, **_: object) -> SimpleNamespace:
        captured["function"] = function
        return SimpleNamespace(x=first)

    monkeypatch.setattr(scipy.optimize, "minimize", capture)
    fit_mmi(cases, start, WEIGHTS, MMIOptions(i_smoothing=smoothing))
    point = np.random.default_rng(5).normal(0, 0.2, start.size)

    loss, slope = captured["function"](point)  # type: ignore[operator]

    assert loss == pytest.approx(loss_of(cases, start + point.reshape(start.shape), start, smoothing), rel=1e-5)
    for index in range(0, start.size, 5):
        step = np.zeros(start.size)
        step[index] = 1e-4
        ends = [
            loss_of(cases, start + (point + sign * step).reshape(start.shape), start, smoothing) for sign in (1, -1)
        ]
        assert slope[index] == pytest.approx((ends[0] - ends[1]) / 2e-4, abs=1e-4)


def test_training_lowers_the_loss_and_separates_the_classes() -> None:
    """The losses fall, the last is that of the result, and more posteriors are right than before."""
    cases = cases_of(300)
    start = np.zeros((H, K, 1 + D))
    seen: list[Sequence[float]] = []

    fitted = fit_mmi(cases, start, WEIGHTS, MMIOptions(iterations=15), monitor=lambda losses: seen.append(list(losses)))

    assert fitted.losses[0] == pytest.approx(loss_of(cases, start, start, 1.0), rel=1e-5)
    assert fitted.losses[-1] == pytest.approx(loss_of(cases, fitted.coefficients, start, 1.0), rel=1e-4)
    assert all(later <= earlier for earlier, later in zip(fitted.losses, fitted.losses[1:], strict=False))
    assert fitted.losses[-1] < 0.8 * fitted.losses[0]
    assert seen[-1] == list(fitted.losses)
    scores = np.tensordot(cases_of(300, seed=1).statistics, fitted.coefficients, axes=([1, 2], [1, 2]))
    right = np.argmax(np.column_stack([scores[:, 0], scores[:, 1:].max(axis=1)]), axis=1) == np.arange(300) % 2
    assert right.mean() > 0.8


def test_smoothing_keeps_the_result_near_the_start() -> None:
    """With a large I-smoothing nothing moves."""
    cases = cases_of(50)
    start = likeliest(cases, WEIGHTS)
    free, held = (
        fit_mmi(cases, start, WEIGHTS, MMIOptions(i_smoothing=smoothing)).coefficients for smoothing in (0.1, 1e6)
    )
    assert np.abs(held - start).max() < 1e-4 < 0.01 < np.abs(free - start).max()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"iterations": 0}, "iterations is 0, but it must be 1 or more"),
        ({"i_smoothing": -1.0}, "i_smoothing is -1"),
        ({"i_smoothing": np.inf}, "i_smoothing is inf"),
    ],
)
def test_wrong_options_are_refused(values: dict[str, float], message: str) -> None:
    """Outside their ranges."""
    with pytest.raises(OptionError, match=message):
        MMIOptions(**values)  # type: ignore[arg-type]

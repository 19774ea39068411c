"""DET points, EER and Cllr compared with scikit-learn, explicit loops and hand-worked cases."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from speechgmm.errors import EvaluationError, SpeechGmmError
from speechgmm.evaluation import detection
from speechgmm.evaluation.array_types import Floats

NO_SCORES = np.array([])


def random_scores(
    seed: int, *, n_targets: int = 40, n_nontargets: int = 25, decimals: int = 1
) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.normal(1, 1.5, n_targets).round(decimals), rng.normal(-1, 1, n_nontargets).round(decimals)


def eer_by_loop(targets: Floats, nontargets: Floats) -> float:
    """Visit every threshold and intersect each line segment with the diagonal."""
    corners = []
    for threshold in [*sorted({*targets, *nontargets}), math.inf]:
        miss = sum(score < threshold for score in targets) / len(targets)
        false_alarm = sum(score >= threshold for score in nontargets) / len(nontargets)
        corners.append((false_alarm, miss))
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        if y0 <= x0 and y1 >= x1:
            part = (x0 - y0) / ((x0 - y0) + (y1 - x1))
            return float(x0 + part * (x1 - x0))
    raise AssertionError


def cllr_by_loop(targets: Floats, nontargets: Floats) -> float:
    target_cost = sum(math.log2(1 + math.exp(-llr)) for llr in targets) / len(targets)
    nontarget_cost = sum(math.log2(1 + math.exp(llr)) for llr in nontargets) / len(nontargets)
    return (target_cost + nontarget_cost) / 2


def min_cllr_by_search(targets: Floats, nontargets: Floats) -> float:
    """Search all poolings of adjacent scores with non-decreasing likelihood ratios for the lowest cost."""
    scores = sorted({*targets, *nontargets})
    best = math.inf
    for cuts in itertools.product([False, True], repeat=len(scores) - 1):
        blocks = [[scores[0]]]
        for cut, score in zip(cuts, scores[1:], strict=True):
            blocks = [*blocks, [score]] if cut else [*blocks[:-1], [*blocks[-1], score]]
        shares = [
            (sum(np.isin(targets, block)) / len(targets), sum(np.isin(nontargets, block)) / len(nontargets))
            for block in blocks
        ]
        if any(p1 * q0 < p0 * q1 for (p0, q0), (p1, q1) in itertools.pairwise(shares)):
            continue
        cost = sum((p * math.log2(1 + q / p) if p else 0) + (q * math.log2(1 + p / q) if q else 0) for p, q in shares)
        best = min(best, cost / 2)
    return best


def test_det_points_equal_scikit_learn() -> None:
    """The points equal those of scikit-learn's ROC with all thresholds kept, in reverse order."""
    targets, nontargets = random_scores(1)
    labels = np.repeat([1, 0], [len(targets), len(nontargets)])
    false_alarm, hit, _ = roc_curve(labels, np.concatenate([targets, nontargets]), drop_intermediate=False)
    points = detection.det_points(targets, nontargets)
    np.testing.assert_allclose(points.false_alarm, false_alarm[::-1], atol=1e-15)
    np.testing.assert_allclose(points.miss, 1 - hit[::-1], atol=1e-15)


def test_det_points_hand_worked() -> None:
    """Equal scores share a point, and both ends are included."""
    points = detection.det_points(np.array([2.0, 1.0, 1.0]), np.array([1.0, 0.0]))
    np.testing.assert_array_equal(points.thresholds, [0, 1, 2, np.inf])
    np.testing.assert_allclose(points.false_alarm, [1, 1 / 2, 0, 0])
    np.testing.assert_allclose(points.miss, [0, 0, 2 / 3, 1])


@pytest.mark.parametrize("decimals", [0, 1, 9])
def test_eer_equals_explicit_loop(decimals: int) -> None:
    """EER with many, some and no ties."""
    targets, nontargets = random_scores(2, decimals=decimals)
    expected = eer_by_loop(targets, nontargets)
    assert 0.02 < expected < 0.5
    assert detection.equal_error_rate(targets, nontargets) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("targets", "nontargets", "expected"),
    [
        ([3.0, 2.0], [1.0, 0.0], 0.0),  # perfect
        ([0.0, 1.0], [2.0, 3.0], 1.0),  # perfectly wrong
        ([5.0, 5.0, 5.0], [5.0], 0.5),  # constant
        ([1.0], [0.0], 0.0),  # two files
        ([0.0], [1.0], 1.0),
        ([2.0, 1.0, 1.0], [1.0, 0.0], 2 / 7),  # (1/2, 0) to (0, 2/3) crosses the diagonal at 2/7
        ([4.0, 2.0], [3.0, 1.0], 0.5),
    ],
)
def test_eer_hand_worked(targets: list[float], nontargets: list[float], expected: float) -> None:
    """Perfect, constant and tied scores, and two files."""
    assert detection.equal_error_rate(np.array(targets), np.array(nontargets)) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_eer_is_unchanged_if_targets_and_nontargets_are_exchanged(seed: int) -> None:
    """Negated scores with targets and nontargets exchanged have the same EER."""
    targets, nontargets = random_scores(seed, decimals=0)
    exchanged = detection.equal_error_rate(-nontargets, -targets)
    assert detection.equal_error_rate(targets, nontargets) == pytest.approx(exchanged)


def test_cllr_equals_explicit_loop() -> None:
    """Cllr equals its formula, computed trial by trial."""
    targets, nontargets = random_scores(3)
    assert detection.cllr(targets, nontargets) == pytest.approx(cllr_by_loop(targets, nontargets))


def test_cllr_hand_worked() -> None:
    """Uninformative ratios cost 1 bit; a target at ln 3 costs log2 4/3, a nontarget at 0 one bit."""
    assert detection.cllr(np.zeros(3), np.zeros(5)) == pytest.approx(1)
    assert detection.cllr(np.array([math.log(3)]), np.array([0.0])) == pytest.approx((math.log2(4 / 3) + 1) / 2)


def test_cllr_does_not_overflow() -> None:
    """Ratios beyond the range of exp have a finite cost: 5000 nats in the wrong direction."""
    assert detection.cllr(np.array([5000.0]), np.array([-5000.0])) == 0
    assert detection.cllr(np.array([-5000.0]), np.array([-5000.0])) == pytest.approx(2500 / math.log(2))


@pytest.mark.parametrize("seed", range(6))
def test_min_cllr_equals_exhaustive_search(seed: int) -> None:
    """No non-decreasing map of the scores has a lower cost, ties pooled."""
    rng = np.random.default_rng(seed)
    targets, nontargets = rng.integers(2, 8, 9).astype(float), rng.integers(0, 6, 6).astype(float)
    expected = min_cllr_by_search(targets, nontargets)
    assert 0 < expected < 1
    assert detection.min_cllr(targets, nontargets) == pytest.approx(expected)


def test_min_cllr_never_exceeds_cllr_nor_one() -> None:
    """Optimal calibration does not increase the cost, nor above that of uninformative ratios."""
    for seed in range(20):
        targets, nontargets = random_scores(seed)
        assert detection.min_cllr(targets, nontargets) <= min(detection.cllr(targets, nontargets), 1)
    assert detection.min_cllr(nontargets, targets) <= 1


def test_min_cllr_depends_on_order_only() -> None:
    """An increasing map of the scores does not change minimum Cllr."""
    targets, nontargets = random_scores(4)
    mapped = detection.min_cllr(np.exp(targets), np.exp(nontargets))
    assert mapped == pytest.approx(detection.min_cllr(targets, nontargets))


@pytest.mark.parametrize(
    ("targets", "nontargets", "expected"),
    [([2.0, 3.0], [0.0, 1.0], 0.0), ([1.0, 1.0, 1.0], [1.0], 1.0), ([0.0], [1.0], 1.0), ([1.0], [0.0], 0.0)],
)
def test_min_cllr_hand_worked(targets: list[float], nontargets: list[float], expected: float) -> None:
    """Perfect order costs 0 bits; constant scores and reversed order cost 1 bit."""
    assert detection.min_cllr(np.array(targets), np.array(nontargets)) == pytest.approx(expected, abs=1e-12)


def test_multiclass_cllr_of_two_classes_is_cllr() -> None:
    """With opposite ratios of two classes of unequal size, both definitions agree."""
    targets, nontargets = random_scores(5)
    llr = np.concatenate([targets, nontargets])
    truth = np.repeat([0, 1], [len(targets), len(nontargets)])
    actual = detection.multiclass_cllr(np.stack([llr, -llr], axis=1), truth)
    assert actual == pytest.approx(detection.cllr(targets, nontargets))


def test_multiclass_cllr_equals_posteriors_by_loop() -> None:
    """Multiclass Cllr equals the mean -log2 posterior at equal priors, computed from the likelihoods."""
    rng = np.random.default_rng(6)
    likelihoods = np.exp(rng.normal(0, 2, (30, 4)))
    truth = rng.permutation(np.repeat(range(4), [3, 12, 5, 10]))
    llrs = np.log(3 * likelihoods / (likelihoods.sum(axis=1, keepdims=True) - likelihoods))
    costs: dict[int, list[float]] = {label: [] for label in range(4)}
    for row, label in zip(likelihoods, truth, strict=True):
        costs[label].append(-math.log2(row[label] / sum(row)))
    expected = sum(sum(values) / len(values) for values in costs.values()) / 4
    assert detection.multiclass_cllr(llrs, truth) == pytest.approx(expected)


def test_multiclass_cllr_of_uninformative_ratios() -> None:
    """The cost is log2 of the number of classes."""
    assert detection.multiclass_cllr(np.zeros((6, 3)), np.array([0, 1, 2, 2, 2, 2])) == pytest.approx(math.log2(3))


@pytest.mark.parametrize("metric", [detection.equal_error_rate, detection.cllr, detection.min_cllr])
def test_metrics_without_targets_or_nontargets_are_undefined(metric: Callable[[Floats, Floats], float]) -> None:
    """Without targets, without nontargets or without both the metric is NaN."""
    some = np.array([0.5, 1.5])
    for targets, nontargets in [(some, NO_SCORES), (NO_SCORES, some), (NO_SCORES, NO_SCORES)]:
        assert math.isnan(metric(targets, nontargets))


def test_multiclass_cllr_without_one_of_the_classes_is_undefined() -> None:
    """Every class needs a trial."""
    assert math.isnan(detection.multiclass_cllr(np.zeros((4, 3)), np.array([0, 0, 2, 2])))
    assert math.isnan(detection.multiclass_cllr(np.zeros((0, 2)), np.zeros(0, dtype=int)))


def test_det_points_without_nontargets() -> None:
    """Only the false-alarm rates are undefined."""
    points = detection.det_points(np.array([1.0, 2.0]), NO_SCORES)
    np.testing.assert_allclose(points.miss, [0, 0.5, 1])
    assert np.isnan(points.false_alarm).all()


@pytest.mark.parametrize(
    "metric", [detection.det_points, detection.equal_error_rate, detection.cllr, detection.min_cllr]
)
@pytest.mark.parametrize("invalid", [math.nan, math.inf, -math.inf])
def test_scores_must_be_finite(metric: Callable[[Floats, Floats], object], invalid: float) -> None:
    """The error states how many scores of targets and nontargets are not finite."""
    good, bad = np.array([0.0, 1.0, 2.0]), np.array([0.0, invalid])
    with pytest.raises(EvaluationError, match=r"1 of \d scores are not finite"):
        metric(good, bad)
    with pytest.raises(SpeechGmmError, match=r"1 of \d scores are not finite"):
        metric(bad, good)


def test_multiclass_ratios_must_be_finite() -> None:
    """The error states how many ratios are not finite."""
    with pytest.raises(EvaluationError, match="2 of 6 scores are not finite: leave out"):
        detection.multiclass_cllr(np.array([[0, 1], [np.nan, np.inf], [0, 0]]), np.array([0, 1, 1]))


@pytest.mark.parametrize("decimals", [0, 3])
def test_metrics_of_resamples_equal_those_of_repeated_trials(decimals: int) -> None:
    """EER and Cllr of draws equal those of repeated trials; they are NaN without targets or without nontargets."""
    targets, nontargets = random_scores(7, decimals=decimals)
    scores, is_target = np.concatenate([targets, nontargets]), np.repeat([True, False], [40, 25])
    draws = np.random.default_rng(8).poisson(0.7, (30, 65))
    draws[3, :40], draws[4, 40:] = 0, 0
    eers = detection.equal_error_rates(scores, is_target, draws)
    truth = (~is_target).astype(int)
    costs = detection.trial_costs(np.stack([scores, -scores], axis=1), truth)
    cllrs = detection.resampled_cllr(costs, truth, draws, n_classes=2)
    for row, eer, cllr in zip(draws, eers, cllrs, strict=True):
        drawn = np.repeat(targets, row[:40]), np.repeat(nontargets, row[40:])
        assert eer == pytest.approx(detection.equal_error_rate(*drawn), nan_ok=True)
        assert cllr == pytest.approx(detection.cllr(*drawn), nan_ok=True)
    assert np.isnan(eers).nonzero()[0].tolist() == np.isnan(cllrs).nonzero()[0].tolist() == [3, 4]


def test_resamples_of_no_trials_are_undefined() -> None:
    """Without trials every resample is NaN."""
    draws = np.zeros((5, 0), dtype=int)
    assert np.isnan(detection.equal_error_rates(NO_SCORES, np.array([], dtype=bool), draws)).all()
    assert np.isnan(detection.resampled_cllr(NO_SCORES, np.array([], dtype=int), draws, n_classes=3)).all()

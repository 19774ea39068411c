"""Data of the score figures compared with scikit-learn and hand-worked cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score

from speechgmm.classifier.outcome import Outcome
from speechgmm.errors import EvaluationError
from speechgmm.evaluation.array_types import Floats
from speechgmm.evaluation.detection import area_under_roc, det_points
from speechgmm.evaluation.metrics import wilson_interval
from speechgmm.evaluation.score_curves import det_curve, histogram, reliability, score_curves
from tests.builders import abstain, decide

NO_SCORES = np.empty(0)


def scores(seed: int, n_targets: int, n_nontargets: int, *, decimals: int = 9) -> tuple[Floats, Floats]:
    """Overlapping scores of targets and nontargets; few decimals give ties."""
    rng = np.random.default_rng(seed)
    return rng.normal(1.5, 1, n_targets).round(decimals), rng.normal(-1, 1, n_nontargets).round(decimals)


def outcome(truth: str, probability: float, name: str = "a.wav") -> Outcome:
    """An outcome with this probability of class a."""
    decision = decide({"a": probability, "b": 1 - probability})
    return Outcome(path=name, truth=truth, speaker=None, duration_s=2.0, decision=decision)


@pytest.mark.parametrize(("n_targets", "n_nontargets", "decimals"), [(30, 50, 9), (200, 7, 1), (40, 40, 0)])
def test_auc_equals_scikit_learn(n_targets: int, n_nontargets: int, decimals: int) -> None:
    """AUC with and without ties."""
    targets, nontargets = scores(3, n_targets, n_nontargets, decimals=decimals)
    truth = np.repeat([1, 0], [n_targets, n_nontargets])
    expected = roc_auc_score(truth, np.concatenate([targets, nontargets]))
    assert area_under_roc(targets, nontargets) == pytest.approx(expected, abs=1e-12)


def test_auc_hand_worked() -> None:
    """Perfect, constant and reversed scores, one tie in four pairs, and no targets or nontargets."""
    assert area_under_roc(np.array([2.0]), np.array([1.0])) == 1.0
    assert area_under_roc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
    assert area_under_roc(np.array([1.0]), np.array([2.0])) == 0.0
    assert area_under_roc(np.array([1.0, 3.0]), np.array([1.0, 2.0])) == 0.625
    assert np.isnan(area_under_roc(NO_SCORES, np.array([1.0])))
    assert np.isnan(area_under_roc(np.array([1.0]), NO_SCORES))
    with pytest.raises(EvaluationError, match="1 of 2 scores are not finite"):
        area_under_roc(np.array([np.nan]), np.array([1.0]))


def test_a_short_det_curve_has_all_points() -> None:
    """With few distinct scores no point is left out."""
    targets, nontargets = scores(1, 60, 80)
    points, curve = det_points(targets, nontargets), det_curve(targets, nontargets)
    assert curve.miss == tuple(points.miss)
    assert curve.false_alarm == tuple(points.false_alarm)


@pytest.mark.parametrize("n_trials", [150, 3000, 40_000])
def test_a_long_det_curve_is_thinned(n_trials: int) -> None:
    """At most 200 points of the full curve, in order, with both ends and without large gaps."""
    targets, nontargets = scores(2, n_trials, n_trials)
    points, curve = det_points(targets, nontargets), det_curve(targets, nontargets)
    assert 100 < len(curve.miss) == len(curve.false_alarm) <= 200
    full = set(zip(points.false_alarm.tolist(), points.miss.tolist(), strict=True))
    assert set(zip(curve.false_alarm, curve.miss, strict=True)) <= full
    assert (curve.false_alarm[0], curve.miss[0]) == (1.0, 0.0)
    assert (curve.false_alarm[-1], curve.miss[-1]) == (0.0, 1.0)
    assert (points.false_alarm[points.miss == 0].min(), 0.0) in zip(curve.false_alarm, curve.miss, strict=True)
    assert (0.0, points.miss[points.false_alarm == 0].min()) in zip(curve.false_alarm, curve.miss, strict=True)
    assert (np.diff(curve.miss) >= 0).all()
    assert (np.diff(curve.false_alarm) <= 0).all()
    assert max(np.abs(np.diff(curve.miss)).max(), np.abs(np.diff(curve.false_alarm)).max()) < 0.05


def test_det_curves_of_extreme_scores() -> None:
    """Perfect separation of many scores, constant scores, and no targets or nontargets."""
    perfect = det_curve(np.arange(500.0) + 1000, np.arange(500.0))
    assert len(perfect.miss) <= 200
    assert (0.0, 0.0) in set(zip(perfect.false_alarm, perfect.miss, strict=True))
    constant = det_curve(np.ones(3), np.ones(4))
    assert (constant.false_alarm, constant.miss) == ((1.0, 0.0), (0.0, 1.0))
    assert det_curve(np.ones(3), NO_SCORES).miss == det_curve(NO_SCORES, np.ones(3)).false_alarm == ()


def test_histogram_counts_every_score() -> None:
    """40 bins of equal width cover all scores; the last bin includes the highest."""
    targets, nontargets = scores(5, 300, 200)
    found = histogram(targets, nontargets)
    assert len(found.edges) == 41
    assert (sum(found.targets), sum(found.nontargets)) == (300, 200)
    assert found.edges[0] == min(targets.min(), nontargets.min())
    assert found.edges[-1] == max(targets.max(), nontargets.max())
    low, high = found.edges[10:12]
    assert found.nontargets[10] == sum(low <= score < high for score in nontargets)
    assert sum(histogram(np.array([2.0, 2.0]), NO_SCORES).targets) == 2
    assert histogram(NO_SCORES, NO_SCORES).edges == ()


def test_reliability_equals_scikit_learn() -> None:
    """Mean probability and share of targets in each bin."""
    rng = np.random.default_rng(4)
    probabilities = rng.beta(0.7, 0.7, 400)
    is_target = rng.random(400) < probabilities**1.3
    shares, means = calibration_curve(is_target, probabilities, n_bins=10)
    bins = reliability(probabilities, is_target)
    assert [one.share for one in bins] == pytest.approx(shares)
    assert [one.probability for one in bins] == pytest.approx(means)
    assert sum(one.n_trials for one in bins) == 400
    assert sum(one.n_targets for one in bins) == is_target.sum()


def test_reliability_hand_worked() -> None:
    """A bin includes its lower edge, the last bin both edges; empty bins are left out."""
    bins = reliability(np.array([0.0, 0.1, 0.19, 1.0, 0.9]), np.array([False, True, False, True, True]))
    assert [one.low for one in bins] == pytest.approx([0.0, 0.1, 0.9])
    assert [one.high for one in bins] == pytest.approx([0.1, 0.2, 1.0])
    assert [(one.n_trials, one.n_targets) for one in bins] == [(1, 0), (2, 1), (2, 2)]
    assert [one.probability for one in bins] == pytest.approx([0.0, 0.145, 0.95])
    assert [one.share for one in bins] == [0.0, 0.5, 1.0]
    assert bins[1].share_wilson == wilson_interval(1, 2)
    assert reliability(NO_SCORES, NO_SCORES.astype(bool)) == ()


def test_curves_use_decided_utterances() -> None:
    """With two classes there is one curve, of the first class; unknown utterances are excluded."""
    outcomes = [
        *(outcome("a", 0.9), outcome("a", 0.2), outcome("b", 0.4)),
        Outcome(path="u.wav", truth="b", speaker=None, duration_s=1.0, decision=abstain()),
    ]
    (curve,) = score_curves(outcomes, ("a", "b"))
    assert curve.target == "a"
    assert (sum(curve.scores.targets), sum(curve.scores.nontargets)) == (2, 1)
    assert curve.det.miss == (0.0, 0.5, 0.5, 1.0)
    assert curve.det.false_alarm == (1.0, 1.0, 0.0, 0.0)
    assert [one.n_trials for one in curve.reliability] == [1, 1, 1]


def test_curves_without_decided_utterances() -> None:
    """The curves are empty."""
    (curve,) = score_curves(
        [Outcome(path="u.wav", truth="b", speaker=None, duration_s=1.0, decision=abstain())], ("a", "b")
    )
    assert (curve.det.miss, curve.scores.edges, curve.reliability) == ((), (), ())

"""Confusion counts and their ratios compared with scikit-learn, and undefined ratios."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as oracle

from speechgmm.evaluation import metrics
from speechgmm.evaluation.array_types import Indices
from speechgmm.evaluation.metrics import Statistic

# Class a: 2 correct, 1 unknown. Class b: 1 correct, 1 predicted as a. Class c neither occurs nor is predicted.
HAND = np.array([[2, 0, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0]])


def random_labels(seed: int, *, n_classes: int, n_columns: int) -> tuple[Indices, Indices]:
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=300)
    guess = rng.integers(n_columns, size=300)
    return truth, np.where(rng.random(300) < 0.6, truth, guess)


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_confusion_equals_scikit_learn(n_classes: int) -> None:
    """Rows are corpus classes, columns predictions; unknown is the last column."""
    truth, predicted = random_labels(1, n_classes=n_classes, n_columns=n_classes + 1)
    expected = oracle.confusion_matrix(truth, predicted, labels=range(n_classes + 1))
    counts = metrics.confusion(truth, predicted, n_classes=n_classes)
    assert counts.shape == (n_classes, n_classes + 1)
    np.testing.assert_array_equal(counts, expected[:-1])


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_ratios_equal_scikit_learn(n_classes: int) -> None:
    """Accuracy, recall, precision and F1 with some predictions unknown."""
    truth, predicted = random_labels(2, n_classes=n_classes, n_columns=n_classes + 1)
    counts = metrics.confusion(truth, predicted, n_classes=n_classes)
    options = {"labels": range(n_classes), "average": None, "zero_division": np.nan}
    decided = predicted < n_classes
    assert metrics.accuracy(counts) == pytest.approx(oracle.accuracy_score(truth, predicted))
    assert metrics.accuracy_decided(counts) == pytest.approx(oracle.accuracy_score(truth[decided], predicted[decided]))
    np.testing.assert_allclose(metrics.recall(counts), oracle.recall_score(truth, predicted, **options))
    np.testing.assert_allclose(metrics.precision(counts), oracle.precision_score(truth, predicted, **options))
    np.testing.assert_allclose(metrics.f1(counts), oracle.f1_score(truth, predicted, **options))


def test_uar_equals_balanced_accuracy() -> None:
    """UAR equals scikit-learn's balanced accuracy, also if a class does not occur."""
    truth, predicted = random_labels(3, n_classes=3, n_columns=3)
    counts = metrics.confusion(truth, predicted, n_classes=4)
    assert metrics.unweighted_average_recall(counts) == pytest.approx(oracle.balanced_accuracy_score(truth, predicted))


def test_hand_worked_counts() -> None:
    """Unknown lowers accuracy and recall, not precision; the ratios of a class that does not occur are undefined."""
    assert metrics.accuracy(HAND) == pytest.approx(3 / 5)
    assert metrics.accuracy_decided(HAND) == pytest.approx(3 / 4)
    np.testing.assert_allclose(metrics.recall(HAND), [2 / 3, 1 / 2, np.nan])
    np.testing.assert_allclose(metrics.precision(HAND), [2 / 3, 1, np.nan])
    np.testing.assert_allclose(metrics.f1(HAND), [2 / 3, 2 / 3, np.nan])
    assert metrics.unweighted_average_recall(HAND) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_class_that_is_never_predicted() -> None:
    """Its recall and F1 are 0, its precision is undefined."""
    counts = np.array([[2, 0, 0], [3, 0, 1]])
    assert metrics.recall(counts)[1] == 0
    assert metrics.f1(counts)[1] == 0
    assert math.isnan(metrics.precision(counts)[1])


def test_ratios_of_empty_counts_are_undefined() -> None:
    """Without utterances every ratio is NaN; without decided utterances their accuracy is NaN."""
    empty, undecided = np.zeros((2, 3), dtype=int), np.array([[0, 0, 4], [0, 0, 5]])
    for ratio in (metrics.accuracy, metrics.accuracy_decided, metrics.unweighted_average_recall):
        assert math.isnan(ratio(empty))
    for ratio in (metrics.recall, metrics.precision, metrics.f1):
        assert np.isnan(ratio(empty)).all()
    assert math.isnan(metrics.accuracy_decided(undecided))
    assert metrics.accuracy(undecided) == 0


def test_counts_add() -> None:
    """The counts of two halves add up to the counts of the whole."""
    truth, predicted = random_labels(4, n_classes=3, n_columns=4)
    halves = [metrics.confusion(truth[part], predicted[part], n_classes=3) for part in (slice(100), slice(100, None))]
    np.testing.assert_array_equal(np.sum(halves, axis=0), metrics.confusion(truth, predicted, n_classes=3))


@pytest.mark.parametrize(
    "ratio",
    [
        metrics.accuracy,
        metrics.accuracy_decided,
        metrics.recall,
        metrics.precision,
        metrics.f1,
        metrics.unweighted_average_recall,
    ],
)
def test_leading_axes_are_kept(ratio: Statistic) -> None:
    """A stack of counts gives a stack of ratios."""
    stack = np.random.default_rng(5).integers(0, 4, size=(5, 2, 3, 4))
    expected = [[ratio(counts) for counts in row] for row in stack]
    np.testing.assert_allclose(ratio(stack), expected)


@pytest.mark.parametrize(("n_correct", "n"), [(0, 7), (7, 7), (1, 2), (382, 402), (100, 100)])
def test_wilson_interval_solves_its_equation(n_correct: int, n: int) -> None:
    """Its ends are the proportions at 1.96 of their own standard errors from the observed proportion."""
    z = 1.959963984540054
    share = n_correct / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    interval = metrics.wilson_interval(n_correct, n)
    assert interval.low == pytest.approx(centre - half, abs=1e-12)
    assert interval.high == pytest.approx(centre + half, abs=1e-12)
    assert 0 <= interval.low <= share <= interval.high <= 1


def test_wilson_interval_widens_with_its_level() -> None:
    """A higher level gives a wider interval."""
    narrow, wide = (metrics.wilson_interval(30, 40, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_wilson_interval_without_trials() -> None:
    """Without trials the interval is NaN."""
    interval = metrics.wilson_interval(0, 0)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)

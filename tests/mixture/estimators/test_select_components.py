"""The choice of the number of components, by three criteria."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GroupKFold, KFold

from speechgmm.mixture import BernoulliMixture, GaussianMixture, select_components
from speechgmm.mixture.estep import Floats

IRIS: Floats = load_iris().data
ESTIMATOR = GaussianMixture(covariance_type="diag", random_state=0)


def three_clusters(n_rows: int = 300) -> Floats:
    rng = np.random.default_rng(0)
    centers = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    rows: Floats = centers[rng.integers(3, size=n_rows)] + rng.normal(size=(n_rows, 2))
    return rows


@pytest.mark.parametrize("criterion", ["bic", "aic", "held-out"])
def test_three_clusters_are_found(criterion: str) -> None:
    """The curve is that of the criterion for the sizes in ascending order, and the estimator that of the best."""
    rows = three_clusters()
    found = select_components(rows, (4, 1, 3, 2), criterion=criterion, estimator=ESTIMATOR, random_state=0)
    assert found.n_components == found.estimator.n_components == 3
    assert [result.n_components for result in found.results] == [1, 2, 3, 4]
    assert len(found.estimator.weights_) == 3
    best = found.curve.argmax() if criterion == "held-out" else found.curve.argmin()
    assert best == 2
    assert np.isfinite([result.held_out for result in found.results]).all() == (criterion == "held-out")


def test_criteria_are_those_of_the_fits() -> None:
    """AIC, BIC and likelihood are those of an estimator of this size."""
    (result,) = select_components(IRIS, [2], estimator=ESTIMATOR).results
    fitted = clone(ESTIMATOR).set_params(n_components=2).fit(IRIS)
    assert result.aic == fitted.aic(IRIS)
    assert result.bic == fitted.bic(IRIS)
    assert result.log_likelihood == pytest.approx(fitted.score(IRIS), rel=1e-12)


@pytest.mark.parametrize("grouped", [False, True])
def test_held_out_rows_are_scored_by_the_other_rows(grouped: bool) -> None:
    """Each row once, by a fit without it, and without its group if there are groups."""
    groups = np.arange(150) % 7 if grouped else None
    found = select_components(
        IRIS, [2], criterion="held-out", estimator=ESTIMATOR, folds=3, groups=groups, random_state=5
    )
    seed = np.random.RandomState(5).randint(np.iinfo(np.int32).max)
    splitter = GroupKFold(3) if grouped else KFold(3, shuffle=True, random_state=seed)
    scores = [
        clone(ESTIMATOR).set_params(n_components=2).fit(IRIS[rest]).score_samples(IRIS[held])
        for rest, held in splitter.split(IRIS, groups=groups)
    ]
    assert found.curve[0] == pytest.approx(np.concatenate(scores).mean(), rel=1e-12)


def test_repeated_rows_mislead_bic_but_not_held_out_groups() -> None:
    """Each row ten times is no new information: BIC asks for more components, held-out groups do not."""
    rows = np.repeat(three_clusters(60), 10, axis=0)
    groups = np.repeat(np.arange(60), 10)
    by_bic = select_components(rows, range(1, 9), estimator=ESTIMATOR)
    by_groups = select_components(rows, range(1, 9), criterion="held-out", groups=groups, estimator=ESTIMATOR)
    assert by_bic.n_components > 4
    assert by_groups.n_components == 3


def test_other_mixtures_can_be_chosen_and_shown() -> None:
    """The estimator gives the family; the table has one row for each size."""
    pytest.importorskip("pandas")
    patterns = (IRIS.mean(axis=0) < IRIS).astype(float)
    found = select_components(patterns, [1, 2, 3], estimator=BernoulliMixture(random_state=0))
    assert found.n_components > 1
    frame = found.to_frame()
    assert list(frame.index) == [1, 2, 3]
    np.testing.assert_array_equal(frame["bic"], found.curve)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"criterion": "p-value"}, "criterion is 'p-value', but it must be one of 'bic', 'aic', 'held-out'"),
        ({"n_components": []}, "n_components is empty"),
        ({"n_components": [0, 1]}, "n_components is 0"),
        ({"groups": [1] * 150}, "groups are given, but the criterion 'bic' does not use them"),
        ({"criterion": "held-out", "folds": 1}, "folds is 1, but it must be a whole number of 2 or more"),
        ({"n_components": [200]}, "n_samples=150, but at least 200 rows are needed"),
    ],
)
def test_invalid_arguments_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        select_components(IRIS, **{"n_components": [1], **arguments})  # type: ignore[arg-type]


def test_more_folds_than_rows_or_groups_are_refused() -> None:
    """The message has both numbers."""
    rows = np.arange(6.0).reshape(3, 2)
    with pytest.raises(ValueError, match="folds is 5, but there are 3 rows"):
        select_components(rows, range(1, 3), criterion="held-out")
    with pytest.raises(ValueError, match="folds is 3, but there are 2 groups"):
        select_components(rows, range(1, 3), criterion="held-out", folds=3, groups=[0, 1, 1])

"""All five estimators do what scikit-learn expects of one: its own checks, and the tools that work with estimators."""

from __future__ import annotations

import inspect
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import speechgmm.mixture
from speechgmm.mixture import BernoulliMixture, GaussianMixture, KMeans, KMedoids, VectorQuantizer
from speechgmm.mixture.estep import Floats

ESTIMATORS = [GaussianMixture(), BernoulliMixture(), KMeans(), KMedoids(), VectorQuantizer()]
VARIANTS = [
    GaussianMixture(covariance_type="tied"),
    GaussianMixture(covariance_type="diag", algorithm="hard"),
    GaussianMixture(covariance_type="spherical", init="split"),
]
SIZES = ("n_components", "n_clusters", "n_codewords")


def small(estimator: Any, size: int = 3) -> Any:
    """A copy with few components, clusters or codewords and a fixed seed."""
    (name,) = set(SIZES) & set(estimator.get_params())
    return clone(estimator).set_params(random_state=0, **{name: size})


def data(n_rows: int = 60, n_features: int = 3) -> Floats:
    """Rows of three clusters."""
    rng = np.random.default_rng(0)
    rows: Floats = 6.0 * rng.normal(size=(3, n_features))[rng.integers(3, size=n_rows)]
    return rows + rng.normal(size=(n_rows, n_features))


def answer(estimator: Any, rows: Any) -> Any:
    """What the estimator says of each row."""
    return (estimator.encode if isinstance(estimator, VectorQuantizer) else estimator.predict)(rows)


def name_of(estimator: Any) -> str:
    return repr(estimator)


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *VARIANTS], ids=name_of)
def test_the_checks_of_sklearn_pass(estimator: Any) -> None:
    """Warnings are about fits with few iterations, which the checks ask for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(estimator, on_skip=None)


def test_the_room_exports_them() -> None:
    """Each name of `__all__` is loaded when it is used, and no other name."""
    assert (
        {type(estimator).__name__ for estimator in ESTIMATORS}
        < {*speechgmm.mixture.__all__}
        <= {*dir(speechgmm.mixture)}
    )
    assert all(callable(getattr(speechgmm.mixture, name)) for name in speechgmm.mixture.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Kmeans'"):
        _ = speechgmm.mixture.Kmeans


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_parameters_and_attributes_are_documented(estimator: Any) -> None:
    """The docstring names each parameter, and each attribute that a fit sets."""
    text = inspect.getdoc(type(estimator)) or ""
    fitted = small(estimator).fit(data())
    names = {*estimator.get_params()} | {name for name in vars(fitted) if name.endswith("_")}
    assert {name for name in names if name not in text} == set()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_clones_and_pickles_answer_alike(estimator: Any) -> None:
    rows = data()
    fitted = small(estimator).fit(rows)
    again = clone(fitted).fit(rows)
    np.testing.assert_array_equal(answer(again, rows), answer(fitted, rows))
    np.testing.assert_array_equal(answer(pickle.loads(pickle.dumps(fitted)), rows), answer(fitted, rows))


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *VARIANTS], ids=name_of)
def test_weights_count_rows_and_their_order_does_not_matter(estimator: Any) -> None:
    """A row of weight 3 is three rows, one of weight 0 is none, and shuffled rows give the same fit."""
    rows, rng = data(), np.random.default_rng(1)
    weights = rng.integers(0, 4, size=len(rows))
    weighted = small(estimator).fit(rows, sample_weight=weights)
    repeated = small(estimator).fit(rng.permutation(np.repeat(rows, weights, axis=0)))
    np.testing.assert_array_equal(answer(weighted, rows), answer(repeated, rows))
    for name in ("means_", "covariances_", "probabilities_", "weights_", "cluster_centers_", "codebook_", "inertia_"):
        if hasattr(weighted, name):
            np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_they_work_in_pipelines_and_grid_searches(estimator: Any) -> None:
    """A search chooses the size by the score; two are compared."""
    (size,) = set(SIZES) & set(estimator.get_params())
    pipeline = make_pipeline(StandardScaler(), small(estimator))
    name = f"{pipeline.steps[-1][0]}__{size}"
    search = GridSearchCV(pipeline, {name: [1, 3]}, cv=2, error_score="raise").fit(data(200, 8))
    assert search.best_params_ == {name: 3}


@pytest.mark.parametrize("estimator", [KMeans(), KMedoids(), VectorQuantizer()], ids=name_of)
def test_output_can_be_a_frame_with_names(estimator: Any) -> None:
    """`set_output` gives a pandas.DataFrame; names are those of the features, or of the clusters."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(data(), columns=["a", "b", "c"])
    fitted = small(estimator, 2).set_output(transform="pandas").fit(frame)
    assert list(fitted.feature_names_in_) == ["a", "b", "c"]
    clusters = [f"{type(estimator).__name__.lower()}{number}" for number in range(2)]
    expected = ["a", "b", "c"] if isinstance(estimator, VectorQuantizer) else clusters
    assert list(fitted.transform(frame).columns) == expected
    with pytest.raises(ValueError, match="feature names"):
        fitted.transform(frame[["b", "a", "c"]])


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_it_must_be_fitted_first(estimator: Any) -> None:
    with pytest.raises(NotFittedError):
        answer(clone(estimator), data())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_values_that_are_not_finite_are_refused(estimator: Any, bad: float) -> None:
    rows = data()
    fitted = small(estimator).fit(rows)
    rows[7, 1] = bad
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        clone(fitted).fit(rows)
    with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
        answer(fitted, rows)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_more_components_than_rows_are_refused(estimator: Any) -> None:
    """The error has both numbers and a remedy."""
    with pytest.raises(ValueError, match="n_samples=5, but at least 6 rows are needed: give more rows"):
        small(estimator, 6).fit(data(5))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_values_that_could_overflow_are_refused(estimator: Any) -> None:
    with pytest.raises(ValueError, match="X has the value 1e\\+40, but values must be at most 1e\\+30: divide X"):
        small(estimator).fit(1e40 * np.eye(4))


@pytest.mark.filterwarnings("ignore:components were removed")
@pytest.mark.parametrize("size", [3, 6])
@pytest.mark.parametrize("estimator", [*ESTIMATORS, *VARIANTS], ids=name_of)
def test_fewer_distinct_rows_than_components_are_a_warning(estimator: Any, size: int) -> None:
    """All rows are explained by the two that are distinct, as BernoulliMixture sees them too."""
    rows = np.repeat([[0.0, 1.0], [2.0, 0.0]], 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="2 distinct rows, fewer than"):
        fitted = small(estimator, size).fit(rows)
    answers = answer(fitted, rows)
    assert len(set(answers[:10])) == len(set(answers[10:])) == 1
    assert np.isfinite(fitted.score(rows))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_distinct", [1, 4])
@pytest.mark.parametrize("estimator", [*ESTIMATORS, *VARIANTS], ids=name_of)
def test_constant_features_are_no_obstacle(estimator: Any, n_distinct: int) -> None:
    """One feature is constant, or all of them are; also far from 0."""
    rows = np.column_stack([np.full(20, 1e9), np.arange(20) % n_distinct])
    fitted = small(estimator, 2).fit(rows)
    assert np.isfinite(fitted.score(rows))
    assert len(answer(fitted, rows)) == 20


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_a_single_row(estimator: Any) -> None:
    """It is a cluster, a codeword and a pattern, but has no variance."""
    row = np.array([[1.0, 2.0]])
    if isinstance(estimator, GaussianMixture):
        with pytest.raises(ValueError, match="n_samples=1, but at least 2 rows are needed"):
            small(estimator, 1).fit(row)
    else:
        assert list(answer(small(estimator, 1).fit(row), row)) == [0]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_the_largest_values_are_fitted(estimator: Any) -> None:
    """Values at the limit, with weights at theirs, give finite scores."""
    rows = data() / np.abs(data()).max() * 1e30
    assert np.isfinite(small(estimator).fit(rows, sample_weight=np.full(60, 1e30)).score(rows))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.full(60, -1.0), "the value -1, but weights must be 0 or more"),
        (np.zeros(60), "zero for every row, but at least one weight must be positive"),
        (np.ones((60, 1)), r"the shape \(60, 1\), but it must have one number per row"),
        (np.ones(59), "inconsistent numbers of samples"),
        (np.full(60, 1e40), "the largest sample_weight is 1e\\+40, but it must be from 1e-30 to 1e\\+30"),
        (np.full(60, 1e-40), "the largest sample_weight is 1e-40"),
    ],
)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_invalid_weights_are_refused(estimator: Any, weights: Floats, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(estimator).fit(data(), sample_weight=weights)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (GaussianMixture(0), "n_components is 0, but it must be a whole number of 1 or more"),
        (GaussianMixture(True), "n_components is True"),
        (
            GaussianMixture(2, covariance_type="round"),
            "covariance_type is 'round', but it must be one of 'full'",
        ),
        (GaussianMixture(2, algorithm="soft-ish"), "algorithm is 'soft-ish', but it must be one of 'soft', 'hard'"),
        (
            GaussianMixture(2, init="luck"),
            "init is 'luck', but it must be one of 'kmeans', 'random'",
        ),
        (GaussianMixture(2, init=[[0.0, 0.0]]), r"init has the shape \(1, 2\), but .*: \(2, 3\)"),
        (GaussianMixture(2, n_init=0), "n_init is 0"),
        (GaussianMixture(2, tol=-1.0), "tol is -1.0, but it must be a finite number of 0 or more"),
        (GaussianMixture(2, max_iter=0), "max_iter is 0"),
        (GaussianMixture(2, variance_floor=1.0), "variance_floor is 1.0, but it must be .* 0 or more, below 1"),
        (
            GaussianMixture(2).set_params(prior="background"),
            "prior is of the type str, but it must be a FullMixture of 2 components",
        ),
        (BernoulliMixture(2, smoothing=np.nan), "smoothing is nan"),
        (BernoulliMixture(2).set_params(binarize="high"), "binarize is 'high', but it must be a finite number"),
        (BernoulliMixture(2, binarize=None), "X has the value .*, but a Bernoulli mixture needs zeros and ones"),
        (KMeans(2, init="luck"), "init is 'luck', but it must be one of 'k-means"),
        (KMeans(2, max_iter=0), "max_iter is 0"),
        (KMedoids(2, max_passes=0), "max_passes is 0"),
        (KMedoids(2, n_init=0), "n_init is 0"),
        (VectorQuantizer(0), "n_codewords is 0"),
    ],
    ids=name_of,
)
def test_invalid_parameters_are_refused(estimator: Any, message: str) -> None:
    """The error names the parameter, its value and what was expected."""
    with pytest.raises(ValueError, match=message):
        estimator.fit(data())

"""The estimators of mixtures: scikit-learn as oracle, starts, MAP adaptation, the trace, chunks, criteria."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn import mixture as oracle
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from speechgmm.mixture import BernoulliMixture, GaussianMixture, estep, initialisation
from speechgmm.mixture.em import fit
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.estimators.trace import Trace
from speechgmm.mixture.full_gaussian import FullMixture
from speechgmm.mixture.options import EMOptions

KINDS = ("full", "tied", "diag", "spherical")
IRIS: Floats = load_iris().data
PATTERNS: Floats = (IRIS.mean(axis=0) < IRIS).astype(np.float64)
MIXTURES = [
    *(GaussianMixture(3, covariance_type=kind, random_state=0) for kind in KINDS),
    BernoulliMixture(3, random_state=0),
]


def name_of(estimator: Any) -> str:
    return repr(estimator)


def data_of(estimator: Any) -> Floats:
    return PATTERNS if isinstance(estimator, BernoulliMixture) else IRIS


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_is_that_of_sklearn_from_the_same_start(kind: str) -> None:
    """Parameters, scores, posteriors and criteria agree to 1e-6 after 12 iterations."""
    start = GaussianMixture(3, covariance_type=kind, max_iter=1, random_state=0).fit(IRIS)
    covariances = start.covariances_
    expected = oracle.GaussianMixture(
        3,
        covariance_type=kind,
        tol=0.0,
        reg_covar=0.0,
        max_iter=12,
        weights_init=start.weights_,
        means_init=start.means_,
        precisions_init=np.linalg.inv(covariances) if kind in ("full", "tied") else 1.0 / covariances,
    ).fit(IRIS)
    found = GaussianMixture(3, covariance_type=kind, init=start.mixture_, tol=0.0, max_iter=12).fit(IRIS)
    assert found.n_iter_ == 12
    for name in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.score_samples(IRIS), expected.score_samples(IRIS), rtol=1e-6)
    np.testing.assert_allclose(found.predict_proba(IRIS), expected.predict_proba(IRIS), atol=1e-6)
    np.testing.assert_array_equal(found.predict(IRIS), expected.predict(IRIS))
    for name in ("score", "aic", "bic"):
        assert getattr(found, name)(IRIS) == pytest.approx(getattr(expected, name)(IRIS), rel=1e-6)


@pytest.mark.filterwarnings("ignore:EM did not converge")
@pytest.mark.parametrize("algorithm", ["soft", "hard"])
@pytest.mark.parametrize("estimator", MIXTURES, ids=name_of)
def test_the_trace_is_that_of_the_engine(estimator: Any, algorithm: str) -> None:
    """F does not fall, Q plus entropy is F, and the last row is the fitted mixture."""
    rows = data_of(estimator)
    fitted = clone(estimator).set_params(algorithm=algorithm, tol=0.0, max_iter=60, trace_parameters=True).fit(rows)
    trace: Trace = fitted.trace_
    assert len(trace) == len(trace.parameters) == fitted.n_iter_ + 1
    np.testing.assert_allclose(trace["auxiliary"] + trace["entropy"], trace["log_likelihood"], rtol=1e-12)
    np.testing.assert_array_equal(trace["bound"], trace["auxiliary"] + trace["entropy"])
    kept = trace["reseeded"][1:] == 0
    assert kept.any()
    assert (np.diff(trace["objective"])[kept] >= -1e-9).all()
    assert (trace["gap"][1:][kept] >= -1e-9).all()
    if algorithm == "soft":
        assert fitted.score(rows) == pytest.approx(trace["log_likelihood"][-1], rel=1e-9)
        assert fitted.lower_bound_ == trace["log_likelihood"][-1]
    np.testing.assert_array_equal(trace.parameters[-1]["weights"], fitted.weights_)
    assert set(trace.parameters[0]) == {name for name in vars(fitted.mixture_) if not name.startswith("_")} - {
        "axes",
        "coefficients",
        "factors",
    }


@pytest.mark.parametrize("estimator", MIXTURES, ids=name_of)
def test_the_gap_is_the_divergence_of_old_from_new_responsibilities(estimator: Any) -> None:
    """In each iteration, from the parameters of the trace."""
    rows = data_of(estimator)
    with pytest.warns(ConvergenceWarning, match="did not converge in max_iter=4"):
        fitted = clone(estimator).set_params(trace_parameters=True, max_iter=4, tol=0.0, init="random").fit(rows)
    mixtures = [type(fitted.mixture_)(**parameters) for parameters in fitted.trace_.parameters]
    for number, (old, new) in enumerate(pairwise(mixtures), start=1):
        q, p = old.responsibilities(rows), new.responsibilities(rows)
        divergence = (q * (np.log(np.maximum(q, 1e-300)) - np.log(np.maximum(p, 1e-300)))).sum() / len(rows)
        assert fitted.trace_["gap"][number] == pytest.approx(divergence, rel=1e-6, abs=1e-10)


def test_a_trace_becomes_a_frame() -> None:
    """The columns are those of the trace, and the index counts iterations."""
    pytest.importorskip("pandas")
    fitted = GaussianMixture(3, random_state=0).fit(IRIS)
    frame = fitted.trace_.to_frame()
    assert list(frame.columns) == list(fitted.trace_.columns)
    assert frame.index.name == "iteration"
    assert list(frame.index) == list(range(fitted.n_iter_ + 1))
    assert fitted.trace_.parameters == []
    assert repr(fitted.trace_).startswith(f"Trace of {fitted.n_iter_} iterations: log_likelihood, auxiliary")


@pytest.mark.parametrize("init", ["kmeans", "random", "medoids", "split"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_start_works_with_every_covariance(kind: str, init: str) -> None:
    """Every start method gives three components, and a likelihood far above that of one."""
    one = GaussianMixture(1, covariance_type=kind).fit(IRIS).score(IRIS)
    fitted = GaussianMixture(3, covariance_type=kind, init=init, tol=1e-5, random_state=0).fit(IRIS)
    assert fitted.means_.shape == (3, 4)
    assert fitted.score(IRIS) > one + 0.2


def test_a_start_at_given_means_begins_there() -> None:
    """The means are those given, all components are as wide as the data, and have the same weight."""
    means = IRIS[[0, 60, 120]]
    fitted = GaussianMixture(3, init=means, trace_parameters=True).fit(IRIS)
    start = fitted.trace_.parameters[0]
    np.testing.assert_array_equal(start["means"], means)
    np.testing.assert_allclose(start["weights"], 1 / 3)
    assert len(fitted.restart_log_likelihoods_) == 1


def test_the_trace_marks_repairs() -> None:
    """A component far from all rows is re-seeded in the first iteration, which has no gap."""
    fitted = GaussianMixture(2, init=[IRIS.mean(axis=0), np.full(4, 1e4)]).fit(IRIS)
    assert fitted.n_reseeded_ == 1
    np.testing.assert_array_equal(np.flatnonzero(fitted.trace_["reseeded"]), [1])
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(fitted.trace_["gap"])), [0, 1])
    assert fitted.score(IRIS) > GaussianMixture(1).fit(IRIS).score(IRIS) + 0.2


def test_components_without_rows_are_removed_with_a_warning() -> None:
    """Hard EM of two distinct points keeps two components of four."""
    rows = np.repeat([[0.0, 0.0], [1.0, 4.0]], 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="components were removed because no rows were left to them: 2"):
        fitted = GaussianMixture(4, algorithm="hard", init=rows[[0, 0, 10, 10]], covariance_type="diag").fit(rows)
    assert fitted.weights_.shape == (2,)
    assert fitted.predict_proba(rows).shape == (20, 2)


def test_the_best_of_several_starts_is_kept() -> None:
    """Starts end in different optima; the trace is that of the best one."""
    fitted = GaussianMixture(4, init="random", n_init=6, trace_parameters=True, random_state=3).fit(IRIS)
    ends = fitted.restart_log_likelihoods_
    assert len(ends) == 6
    assert np.ptp(ends) > 1e-3
    assert fitted.lower_bound_ == ends.max() == fitted.trace_["log_likelihood"][-1]
    np.testing.assert_array_equal(fitted.trace_.parameters[-1]["means"], fitted.means_)


@pytest.mark.parametrize("estimator", MIXTURES, ids=name_of)
def test_a_prior_is_adapted(estimator: Any) -> None:
    """Few rows move a mixture little, and the more the smaller the relevance factor."""
    rows = data_of(estimator)
    background = clone(estimator).fit(rows).mixture_
    name = "probabilities" if isinstance(estimator, BernoulliMixture) else "means"
    moved = [
        np.abs(
            getattr(clone(estimator).set_params(prior=background, relevance=relevance).fit(rows[:30]).mixture_, name)
            - getattr(background, name)
        ).max()
        for relevance in (1e6, 100.0, 1.0)
    ]
    assert moved[0] < 1e-3 < moved[1] < moved[2]
    with pytest.raises(ValueError, match="prior has 3 components over 4 features, but it must be a"):
        clone(estimator).set_params(prior=background, n_components=2).fit(rows)


@pytest.mark.parametrize("estimator", MIXTURES, ids=name_of)
def test_one_component_is_fitted_to_chunks(estimator: Any) -> None:
    """Three chunks with weights give the fit to all rows together; more components have no such method."""
    rows, weights = data_of(estimator), np.random.default_rng(0).uniform(0.0, 2.0, size=150)
    whole, parts = (clone(estimator).set_params(n_components=1) for _ in range(2))
    whole.fit(rows, sample_weight=weights)
    for part in (slice(50), slice(50, 60), slice(60, None)):
        parts.partial_fit(rows[part], sample_weight=weights[part])
    for name in ("means_", "covariances_", "probabilities_", "lower_bound_"):
        if hasattr(whole, name):
            np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-10)
    np.testing.assert_allclose(parts.score_samples(rows), whole.score_samples(rows), rtol=1e-10)
    again = parts.fit(rows[:50]).partial_fit(rows[50:])  # a fit forgets the chunks before it
    np.testing.assert_allclose(again.score_samples(rows), clone(whole).fit(rows[50:]).score_samples(rows), rtol=1e-9)
    assert not hasattr(estimator, "partial_fit")


def test_weights_count_in_the_score() -> None:
    fitted = GaussianMixture(2, random_state=0).fit(IRIS)
    weights = np.random.default_rng(0).integers(0, 3, size=150)
    assert fitted.score(IRIS, sample_weight=weights) == pytest.approx(fitted.score(np.repeat(IRIS, weights, axis=0)))


@pytest.mark.parametrize("estimator", MIXTURES, ids=name_of)
def test_samples_are_like_the_data(estimator: Any) -> None:
    """Samples have the means of their components, and a seed gives the same ones again."""
    fitted = clone(estimator).fit(data_of(estimator))
    rows, components = fitted.sample(20_000)
    centers = fitted.probabilities_ if isinstance(estimator, BernoulliMixture) else fitted.means_
    for number, center in enumerate(centers):
        np.testing.assert_allclose(rows[components == number].mean(axis=0), center, atol=0.05)
    np.testing.assert_array_equal(fitted.sample(5)[0], fitted.sample(5)[0])
    with pytest.raises(ValueError, match="n_samples is 0, but it must be a whole number of 1 or more"):
        fitted.sample(0)


@pytest.mark.parametrize("unit", [1e-8, 1e8])
@pytest.mark.parametrize("kind", KINDS)
def test_the_unit_of_the_features_does_not_matter(kind: str, unit: float) -> None:
    """In other units the fit is the same, but for the logarithm of the unit; also for small ones."""
    fitted, other = (GaussianMixture(3, covariance_type=kind, random_state=0).fit(rows) for rows in (IRIS, IRIS * unit))
    np.testing.assert_allclose(other.means_, fitted.means_ * unit, rtol=1e-6)
    np.testing.assert_allclose(other.covariances_, fitted.covariances_ * unit**2, rtol=1e-5, atol=1e-9 * unit**2)
    assert other.score(IRIS * unit) == pytest.approx(fitted.score(IRIS) - 4 * np.log(unit), rel=1e-8)


def test_the_floor_is_a_share_of_the_variance() -> None:
    """Rows of two points: their components have the floor in every direction."""
    rows = np.repeat([[0.0, 0.0], [1.0, 4.0]], 10, axis=0)
    fitted = GaussianMixture(2, covariance_type="diag", variance_floor=0.1, random_state=0).fit(rows)
    np.testing.assert_allclose(fitted.covariances_, [[0.025, 0.4]] * 2, rtol=1e-9)
    assert fitted.n_limited_ == 4


def test_the_hard_algorithm_is_classification_em() -> None:
    """It ends with the weights of the assigned rows, and the likelihood of rows and components."""
    fitted = GaussianMixture(3, algorithm="hard", random_state=0).fit(IRIS)
    labels = fitted.predict(IRIS)
    np.testing.assert_allclose(fitted.weights_, np.bincount(labels) / 150, atol=1e-12)
    np.testing.assert_allclose(fitted.means_, [IRIS[labels == k].mean(axis=0) for k in range(3)], rtol=1e-9)
    assert fitted.lower_bound_ < fitted.score(IRIS)


def test_bernoulli_mixtures_take_a_threshold_or_zeros_and_ones() -> None:
    """A threshold is compared with each value; the smoothing is that of the engine."""
    patterns = (IRIS > 3.0).astype(np.float64)
    by_threshold = BernoulliMixture(2, binarize=3.0, smoothing=0.5, random_state=0).fit(IRIS)
    as_they_are = BernoulliMixture(2, binarize=None, smoothing=0.5, random_state=0).fit(patterns)
    np.testing.assert_array_equal(by_threshold.probabilities_, as_they_are.probabilities_)
    np.testing.assert_array_equal(by_threshold.predict(IRIS), as_they_are.predict(patterns))
    engine = fit(patterns, as_they_are.mixture_, options=EMOptions(smoothing=0.5, tolerance=1e-4))
    np.testing.assert_allclose(vars(engine.mixture)["probabilities"], as_they_are.probabilities_, atol=1e-2)


def test_blocks_of_frames_do_not_change_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the start nor in the E-step: with blocks of 3 and 7 rows, the fit is that of one block."""
    whole = GaussianMixture(3, random_state=0).fit(IRIS)
    monkeypatch.setattr(estep, "BLOCK_VALUES", 50)
    monkeypatch.setattr(initialisation, "EXPANDED_VALUES", 105)
    blocks = []
    matmul = np.matmul

    def counted(*arguments: Any, **options: Any) -> Any:
        blocks.append(arguments[0].shape)
        return matmul(*arguments, **options)

    monkeypatch.setattr(np, "matmul", counted)
    parts = GaussianMixture(3, random_state=0).fit(IRIS)
    assert {shape for shape in blocks if shape[1] == 15} == {(3, 15), (2, 15)}
    np.testing.assert_allclose(parts.means_, whole.means_, rtol=1e-9)
    np.testing.assert_allclose(parts.covariances_, whole.covariances_, rtol=1e-8)


def test_a_given_start_must_be_of_the_family() -> None:
    start: Any = GaussianMixture(3, covariance_type="diag", random_state=0).fit(IRIS).mixture_
    with pytest.raises(ValueError, match="init is of the type DiagonalMixture, but it must be a FullMixture of 3 comp"):
        GaussianMixture(3, init=start).fit(IRIS)
    given = FullMixture(start.weights, start.means, np.stack([np.diag(each) for each in start.variances]))
    assert GaussianMixture(3, init=given).fit(IRIS).score(IRIS) > start.log_likelihoods(IRIS).mean()

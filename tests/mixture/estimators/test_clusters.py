"""The estimators of clusters and codebooks: scikit-learn and brute force as oracle, traces, encoding and decoding."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn import cluster
from sklearn.datasets import load_iris

from speechgmm.mixture import KMeans, KMedoids, VectorQuantizer
from speechgmm.mixture.estep import Floats

IRIS: Floats = load_iris().data


def squares(rows: Floats, centers: Floats) -> Floats:
    """Squared distance of each row to its nearest centre."""
    nearest: Floats = cdist(rows, centers).min(axis=1) ** 2
    return nearest


@pytest.mark.parametrize("weighted", [False, True])
def test_kmeans_is_that_of_sklearn_from_the_same_start(weighted: bool) -> None:
    """Centres, labels and inertia agree, for rows with weights too."""
    weights = np.random.default_rng(0).uniform(0.1, 3.0, size=150) if weighted else None
    start = IRIS[[0, 50, 51, 100]]
    expected = cluster.KMeans(4, init=start, n_init=1, tol=0.0).fit(IRIS, sample_weight=weights)
    found = KMeans(4, init=start).fit(IRIS, sample_weight=weights)
    np.testing.assert_allclose(found.cluster_centers_, expected.cluster_centers_, rtol=1e-10)
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_allclose(found.transform(IRIS), expected.transform(IRIS), rtol=1e-6)
    assert found.inertia_ == pytest.approx(expected.inertia_, rel=1e-10)
    assert found.score(IRIS, sample_weight=weights) == pytest.approx(expected.score(IRIS, sample_weight=weights))


def test_each_step_lowers_the_distortion() -> None:
    """Assigning and moving in turn; both distortions are those of the centres in the trace."""
    fitted = KMeans(5, init="random", trace_parameters=True, random_state=1).fit(IRIS)
    trace = fitted.trace_
    assert len(trace) == len(trace.parameters) == fitted.n_iter_ + 1 >= 4
    steps = np.stack([trace["assigned"], trace["moved"]], axis=1).reshape(-1)[:-1]
    assert (np.diff(steps) <= 1e-12).all()
    assert np.isnan(trace["moved"][-1])
    centers = [each["centers"] for each in trace.parameters]
    labels = cdist(IRIS, centers[0]).argmin(axis=1)
    assert trace["assigned"][0] == pytest.approx(squares(IRIS, centers[0]).mean())
    assert trace["moved"][0] == pytest.approx(((IRIS - centers[1][labels]) ** 2).sum(axis=1).mean())
    assert trace["assigned"][-1] == fitted.distortion_ == pytest.approx(fitted.inertia_ / 150)
    np.testing.assert_array_equal(centers[-1], fitted.cluster_centers_)


def test_the_best_of_several_starts_is_kept() -> None:
    """More starts are never worse, and here better."""
    one, many = (KMeans(6, init="random", n_init=n, random_state=3).fit(IRIS).inertia_ for n in (1, 20))
    assert many < one - 0.1


def test_max_iter_limits_the_iterations() -> None:
    fitted = KMeans(5, init="random", max_iter=2, random_state=1).fit(IRIS)
    assert fitted.n_iter_ == 2
    assert len(fitted.trace_) == 3


def test_data_far_from_zero_are_clustered_as_near_zero() -> None:
    """Squares of large values do not cancel."""
    near = KMeans(3, random_state=0).fit(IRIS)
    far = KMeans(3, random_state=0).fit(IRIS + 1e9)
    np.testing.assert_array_equal(far.labels_, near.labels_)
    np.testing.assert_array_equal(far.predict(IRIS + 1e9), near.labels_)
    np.testing.assert_allclose(far.cluster_centers_ - 1e9, near.cluster_centers_, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_medoids_are_the_best_rows(weighted: bool) -> None:
    """Of all pairs of rows, the two medoids have the lowest sum of weighted distances."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(25, 2)) + 4.0 * rng.integers(2, size=(25, 1))
    weights = rng.integers(1, 6, size=25).astype(np.float64) if weighted else np.ones(25)
    fitted = KMedoids(2, random_state=0).fit(rows, sample_weight=weights if weighted else None)
    totals = {pair: weights @ cdist(rows, rows[list(pair)]).min(axis=1) for pair in combinations(range(25), 2)}
    best = min(totals, key=totals.__getitem__)
    assert sorted(fitted.medoid_indices_) == list(best)
    assert fitted.inertia_ == pytest.approx(totals[best])
    assert fitted.converged_
    np.testing.assert_array_equal(fitted.cluster_centers_, rows[fitted.medoid_indices_])
    np.testing.assert_array_equal(fitted.labels_, cdist(rows, fitted.cluster_centers_).argmin(axis=1))
    assert fitted.score(rows, sample_weight=weights) == pytest.approx(-totals[best])


def test_each_swap_lowers_the_deviation() -> None:
    """The deviations of the trace are those of its centres."""
    fitted = KMedoids(4, trace_parameters=True, random_state=0).fit(IRIS)
    trace = fitted.trace_
    assert len(trace) == len(trace.parameters) == fitted.n_swaps_ + 1 >= 3
    assert (np.diff(trace["deviation"]) < 0).all()
    for deviation, parameters in zip(trace["deviation"], trace.parameters, strict=True):
        assert deviation == pytest.approx(cdist(IRIS, parameters["centers"]).min(axis=1).sum())
    assert trace["deviation"][-1] == fitted.inertia_


def test_an_outlier_is_no_medoid() -> None:
    """It takes a centre of k-means for itself, and none of k-medoids."""
    rng = np.random.default_rng(0)
    rows = np.vstack([rng.normal(size=(30, 2)), rng.normal(size=(30, 2)) + 8.0, [[60.0, -40.0]]])
    assert 60 not in KMedoids(2, random_state=0).fit(rows).medoid_indices_
    assert [60.0, -40.0] in KMeans(2, random_state=0, n_init=5).fit(rows).cluster_centers_.tolist()


def test_the_best_medoids_of_several_starts_are_kept() -> None:
    """More starts are never worse."""
    ends = [KMedoids(5, n_init=n, max_passes=1, random_state=0).fit(IRIS).inertia_ for n in (1, 8)]
    assert ends[1] < ends[0]


def test_codes_are_decoded_to_the_nearest_codewords() -> None:
    """Encoding, decoding, distortion and rate by their definitions."""
    fitted = VectorQuantizer(16, random_state=0).fit(IRIS)
    codes = fitted.encode(IRIS)
    np.testing.assert_array_equal(codes, cdist(IRIS, fitted.codebook_).argmin(axis=1))
    np.testing.assert_array_equal(fitted.decode(codes), fitted.codebook_[codes])
    np.testing.assert_array_equal(fitted.transform(IRIS), fitted.codebook_[codes])
    assert fitted.bits_per_vector_ == 4.0
    assert fitted.distortion(IRIS) == pytest.approx(fitted.distortion_) == pytest.approx(-fitted.score(IRIS))
    assert fitted.distortion_ == pytest.approx(squares(IRIS, fitted.codebook_).mean()) == fitted.trace_["assigned"][-1]


def test_more_bits_have_less_distortion() -> None:
    """The distortion falls with the rate; with a codeword for each distinct row it is 0."""
    distortions = [VectorQuantizer(size, random_state=0).fit(IRIS).distortion_ for size in (1, 2, 4, 16, 64)]
    assert (np.diff(distortions) < 0).all()
    distinct = np.unique(IRIS, axis=0)
    assert VectorQuantizer(len(distinct)).fit(IRIS).distortion_ == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([0, 4], "codes are from 0 to 4, but they must be from 0 to 3"),
        ([-1, 0], "codes are from -1 to 0"),
        ([0.5], "the type float64, but they must be one whole number per row"),
        ([[1]], r"the shape \(1, 1\)"),
    ],
)
def test_invalid_codes_are_refused(codes: list[float], message: str) -> None:
    fitted = VectorQuantizer(4, random_state=0).fit(IRIS)
    with pytest.raises(ValueError, match=message):
        fitted.decode(codes)

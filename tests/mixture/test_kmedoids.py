"""k-medoids compared with brute force, and its robustness to outliers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from speechgmm.mixture import kmedoids
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.kmeans import lloyd, seed_plus_plus
from speechgmm.mixture.kmedoids import k_medoids, swap_changes
from tests.builders import normal_frames


def total_deviation(frames: Floats, indices: Iterable[int], weights: Floats | float = 1.0) -> float:
    return float((weights * cdist(frames, frames[list(indices)]).min(axis=1)).sum())


@pytest.mark.parametrize("n_clusters", [1, 2, 5, 40])
@pytest.mark.parametrize("seed", range(3))
def test_no_single_swap_improves(seed: int, n_clusters: int) -> None:
    """No swap of a centre with another frame lowers the final total deviation; all swaps are tried."""
    frames = normal_frames(40, 3, seed=seed)
    medoids = k_medoids(frames, n_clusters, np.random.default_rng(seed), max_passes=50)
    assert medoids.converged
    assert len(set(medoids.indices)) == n_clusters
    total = total_deviation(frames, medoids.indices)
    assert medoids.deviations[-1] == pytest.approx(total, rel=1e-12, abs=1e-12)
    for out in range(n_clusters):
        rest = np.delete(medoids.indices, out)
        assert all(total_deviation(frames, [*rest, other]) >= total - 1e-9 for other in range(len(frames)))


@pytest.mark.parametrize("n_clusters", [1, 3])
def test_swap_changes_against_brute_force(n_clusters: int) -> None:
    """For every candidate and every centre, the change by a swap is the difference of the two weighted totals."""
    frames = normal_frames(15, 3)
    weights = np.random.default_rng(1).uniform(0.0, 3.0, size=15)
    chosen = np.arange(n_clusters)
    nearest = kmedoids.two_nearest(frames, frames[chosen])
    removal = kmedoids.removal_costs(nearest, n_clusters, weights)
    for candidate in range(n_clusters, len(frames)):
        expected = [
            total_deviation(frames, [*np.delete(chosen, out), candidate], weights)
            - total_deviation(frames, chosen, weights)
            for out in range(n_clusters)
        ]
        changes = swap_changes(cdist(frames, frames[[candidate]])[:, 0], nearest, removal, weights)
        np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-12)


def test_the_optimum_is_found_with_clear_clusters() -> None:
    """For nine frames in three groups, the centres are the best of all choices of three."""
    frames = np.array([0.0, 1.0, 3.0, 50.0, 52.0, 53.0, 90.0, 94.0, 95.0])[:, np.newaxis]
    best = min(combinations(range(9), 3), key=lambda chosen: total_deviation(frames, chosen))
    for seed in range(10):
        medoids = k_medoids(frames, 3, np.random.default_rng(seed))
        assert sorted(medoids.indices) == list(best) == [1, 4, 7]


@pytest.mark.parametrize("seed", range(4))
def test_total_deviation_falls_with_every_swap(seed: int) -> None:
    """Each swap lowers the total deviation, and the last recorded one is that of the centres."""
    frames = normal_frames(300, 3, seed=seed)
    medoids = k_medoids(frames, 8, np.random.default_rng(seed))
    assert max(np.diff(medoids.deviations)) < 0.0
    assert medoids.deviations[-1] == pytest.approx(total_deviation(frames, medoids.indices), rel=1e-12)
    assert medoids.deviations[-1] < 0.9 * medoids.deviations[0]


def test_passes_are_limited() -> None:
    """One pass over many frames does not converge, and this is reported; without a pass there is no swap."""
    frames = normal_frames(300, 3)
    single = k_medoids(frames, 8, np.random.default_rng(0), max_passes=1)
    none = k_medoids(frames, 8, np.random.default_rng(0), max_passes=0)
    assert (single.converged, none.converged) == (False, False)
    assert len(single.deviations) > len(none.deviations) == 1


def test_an_outlier_moves_a_center_of_k_means_only() -> None:
    """With an outlier at 1e6 beside clusters of 1000 frames, k-means moves a centre there, k-medoids does not."""
    rng = np.random.default_rng(0)
    clusters = np.repeat([[0.0, 0.0], [5000.0, 0.0], [0.0, 5000.0]], 1000, axis=0) + rng.normal(size=(3000, 2))
    frames = np.vstack([clusters, [[1e6, 1e6]]])
    for seed in range(4):
        centers = frames[k_medoids(frames, 3, np.random.default_rng(seed)).indices]
        assert np.abs(centers).max() < 5010.0
        assert sorted(map(tuple, (centers / 5000.0).round(2) + 0.0)) == [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)]
        assert np.abs(lloyd(frames, seed_plus_plus(frames, 3, np.random.default_rng(seed))).centers).max() == 1e6


def test_repeated_frames() -> None:
    """With identical frames, centres are different frames and the total deviation is 0."""
    medoids = k_medoids(np.full((20, 2), 0.3), 4, np.random.default_rng(0))
    assert (medoids.deviations, medoids.converged, len(set(medoids.indices))) == ((0.0,), True, 4)


def test_medoids_are_determined_by_the_generator() -> None:
    """The same state of the generator gives the same centres, another state other centres."""
    frames = normal_frames(300, 3)
    first, same, other = (k_medoids(frames, 5, np.random.default_rng(seed), max_passes=1) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.indices, same.indices)
    assert not np.array_equal(np.sort(first.indices), np.sort(other.indices))

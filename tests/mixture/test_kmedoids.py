"""k-medoids against brute force, and what its centres are worth where there are stray frames."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from speechgmm.mixture import kmedoids
from speechgmm.mixture.kmeans import lloyd, seed_plus_plus
from speechgmm.mixture.kmedoids import k_medoids, swap_changes


def formless_frames(seed=0, n_frames=40):
    return np.random.default_rng(seed).normal(size=(n_frames, 3))


def total_deviation(frames, indices):
    return cdist(frames, frames[list(indices)]).min(axis=1).sum()


@pytest.mark.parametrize("n_clusters", [1, 2, 5, 40])
@pytest.mark.parametrize("seed", range(3))
def test_no_single_swap_improves(seed, n_clusters):
    """In the end no exchange of one centre for one other frame lowers the total deviation, by trying them all."""
    frames = formless_frames(seed)
    found = k_medoids(frames, n_clusters, np.random.default_rng(seed), max_passes=50)
    assert found.settled
    assert len(set(found.indices)) == n_clusters
    total = total_deviation(frames, found.indices)
    assert found.deviations[-1] == pytest.approx(total, rel=1e-12, abs=1e-12)
    for out in range(n_clusters):
        rest = np.delete(found.indices, out)
        assert all(total_deviation(frames, [*rest, other]) >= total - 1e-9 for other in range(len(frames)))


@pytest.mark.parametrize("n_clusters", [1, 3])
def test_swap_changes_against_brute_force(n_clusters):
    """For every candidate and every centre, what a swap changes is the difference of the two totals."""
    frames = formless_frames(n_frames=15)
    chosen = np.arange(n_clusters)
    nearest = kmedoids.two_nearest(frames, frames[chosen])
    removal = kmedoids.removal_costs(nearest, n_clusters)
    for candidate in range(n_clusters, len(frames)):
        expected = [
            total_deviation(frames, [*np.delete(chosen, out), candidate]) - total_deviation(frames, chosen)
            for out in range(n_clusters)
        ]
        changes = swap_changes(cdist(frames, frames[[candidate]])[:, 0], nearest, removal)
        np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-12)


def test_the_best_is_found_where_it_is_plain():
    """On nine frames in three groups, the centres are those of the best of all choices of three."""
    frames = np.array([0.0, 1.0, 3.0, 50.0, 52.0, 53.0, 90.0, 94.0, 95.0])[:, np.newaxis]
    best = min(combinations(range(9), 3), key=lambda chosen: total_deviation(frames, chosen))
    for seed in range(10):
        found = k_medoids(frames, 3, np.random.default_rng(seed))
        assert sorted(found.indices) == list(best) == [1, 4, 7]


@pytest.mark.parametrize("seed", range(4))
def test_total_deviation_falls_with_every_swap(seed):
    """Each swap lowers the total deviation, and the last one recorded is that of the centres."""
    frames = formless_frames(seed, n_frames=300)
    found = k_medoids(frames, 8, np.random.default_rng(seed))
    assert max(np.diff(found.deviations)) < 0.0
    assert found.deviations[-1] == pytest.approx(total_deviation(frames, found.indices), rel=1e-12)
    assert found.deviations[-1] < 0.9 * found.deviations[0]


def test_passes_are_limited():
    """One pass over many frames is not enough to settle, and says so; without any, the random start stands."""
    frames = formless_frames(n_frames=300)
    one = k_medoids(frames, 8, np.random.default_rng(0), max_passes=1)
    none = k_medoids(frames, 8, np.random.default_rng(0), max_passes=0)
    assert (one.settled, none.settled) == (False, False)
    assert len(one.deviations) > len(none.deviations) == 1


def test_a_stray_frame_pulls_k_means_only():
    """A frame at 1e6 beside clusters of a thousand frames: k-means moves a centre there, k-medoids leaves it out."""
    rng = np.random.default_rng(0)
    clusters = np.repeat([[0.0, 0.0], [5000.0, 0.0], [0.0, 5000.0]], 1000, axis=0) + rng.normal(size=(3000, 2))
    frames = np.vstack([clusters, [[1e6, 1e6]]])
    for seed in range(4):
        medoids = frames[k_medoids(frames, 3, np.random.default_rng(seed)).indices]
        assert np.abs(medoids).max() < 5010.0
        assert sorted(map(tuple, (medoids / 5000.0).round(2) + 0.0)) == [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)]
        assert np.abs(lloyd(frames, seed_plus_plus(frames, 3, np.random.default_rng(seed))).centers).max() == 1e6


def test_repeated_frames():
    """Where all frames are the same, some of them are the centres and nothing is to be gained."""
    found = k_medoids(np.full((20, 2), 0.3), 4, np.random.default_rng(0))
    assert (found.deviations, found.settled, len(set(found.indices))) == ((0.0,), True, 4)


def test_medoids_are_determined_by_the_generator():
    """The same state of the generator gives the same centres."""
    frames = formless_frames(n_frames=300)
    one, same, other = (k_medoids(frames, 5, np.random.default_rng(seed), max_passes=1) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.indices, same.indices)
    assert not np.array_equal(np.sort(one.indices), np.sort(other.indices))

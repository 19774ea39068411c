"""k-means compared with scikit-learn and explicit loops, its seeds and empty clusters, and the start of EM."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from speechgmm.errors import TrainingError
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.estep import BLOCK_FRAMES, Floats
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.initialisation import from_clusters, sample_size
from speechgmm.mixture.kmeans import Clustering, assign, centroids, lloyd, seed_plus_plus, squared_distances
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of
from tests.builders import CORNERS, corner_frames, normal_frames, sorted_rows, started


def test_squared_distances_against_loops() -> None:
    """Each entry is the squared Euclidean distance of one frame to one centre; never negative."""
    frames, centers = 30.0 + normal_frames(20, 3), 30.0 + normal_frames(4, 3, seed=1)
    expected = [
        [sum((x - c) ** 2 for x, c in zip(frame, center, strict=True)) for center in centers] for frame in frames
    ]
    np.testing.assert_allclose(squared_distances(frames, centers), expected, rtol=0, atol=1e-10)
    assert (squared_distances(frames, frames) >= 0).all()


@pytest.mark.parametrize("n_frames", [1, BLOCK_FRAMES, BLOCK_FRAMES + 1])
def test_frames_are_assigned_to_their_nearest_center(n_frames: int) -> None:
    """In every block, frames have their nearest centre, and distortion is the mean squared distance."""
    frames, centers = normal_frames(n_frames, 3), normal_frames(5, 3, seed=1)
    distances = ((frames[:, np.newaxis] - centers) ** 2).sum(axis=2)
    clustering = assign(frames, centers)
    np.testing.assert_array_equal(clustering.assignments, distances.argmin(axis=1))
    assert clustering.distortion == pytest.approx(distances.min(axis=1).mean(), rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_lloyd_against_sklearn(seed: int) -> None:
    """From the same initial centres, centres, clusters and distortion are those of scikit-learn."""
    frames = normal_frames(400, 3, seed=seed)
    centers = frames[:5]
    oracle = KMeans(5, init=centers, n_init=1, algorithm="lloyd", tol=0.0, max_iter=300).fit(frames)
    clustering = lloyd(frames, centers, max_iterations=300)
    np.testing.assert_allclose(clustering.centers, oracle.cluster_centers_, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(clustering.assignments, oracle.labels_)
    assert clustering.distortion == pytest.approx(oracle.inertia_ / len(frames), rel=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_distortion_never_rises(seed: int) -> None:
    """No further iteration raises the distortion, also with an empty cluster."""
    frames = normal_frames(400, 3, seed=seed)
    centers = np.vstack([frames[:5], [[1e3, 1e3, 1e3]]])
    distortions = [lloyd(frames, centers, max_iterations=n).distortion for n in range(15)]
    assert max(np.diff(distortions)) <= 0.0
    assert distortions[-1] < 0.9 * distortions[0]


def test_an_empty_cluster_takes_the_farthest_frame() -> None:
    """Two empty clusters take the two frames farthest from their centre, one each; the others take their mean."""
    frames = np.array([[0.0], [2.0], [9.0], [-10.0]])
    clustering = Clustering(np.array([[0.0], [500.0], [600.0]]), np.zeros(4, dtype=np.intp), 46.25)
    np.testing.assert_allclose(centroids(frames, clustering), [[0.25], [-10.0], [9.0]], rtol=1e-15)


def test_empty_clusters_are_filled() -> None:
    """Every cluster has frames in the end, also with initial centres far from all frames."""
    frames = corner_frames(800)
    centers = np.array([[50.0, 20.0], [1e4, 1e4], [-1e4, 1e4], [1e4, -1e4]])
    clustering = lloyd(frames, centers, max_iterations=50)
    assert (np.bincount(clustering.assignments, minlength=4) > 0).all()
    assert len(np.unique(clustering.centers, axis=0)) == 4


@pytest.mark.parametrize("seed", range(5))
def test_seeds_are_distinct_frames_if_possible(seed: int) -> None:
    """With six distinct frames among repeated ones, six seeds take each frame once."""
    distinct = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0], [7.0, 7.0], [-2.0, 5.0], [4.0, -4.0]])
    frames = np.repeat(distinct, [50, 1, 20, 1, 1, 30], axis=0)
    seeds = seed_plus_plus(frames, 6, np.random.default_rng(seed))
    np.testing.assert_array_equal(sorted_rows(seeds), sorted_rows(distinct))


def test_seeds_of_identical_frames() -> None:
    """With identical frames all seeds are equal to them."""
    frames = np.full((20, 3), 0.3)
    np.testing.assert_array_equal(seed_plus_plus(frames, 4, np.random.default_rng(0)), np.full((4, 3), 0.3))


def test_distant_frames_are_more_likely_seeds() -> None:
    """With four well separated clusters, four seeds are in four clusters."""
    for seed in range(10):
        seeds = seed_plus_plus(corner_frames(800, seed=seed), 4, np.random.default_rng(seed))
        nearest = squared_distances(seeds, CORNERS).argmin(axis=1)
        assert sorted(nearest) == [0, 1, 2, 3]


def test_seeds_are_determined_by_the_generator() -> None:
    """The same state of the generator gives the same seeds, another state other seeds."""
    frames = normal_frames(400, 3)
    first, same, other = (seed_plus_plus(frames, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_clusters_become_components() -> None:
    """Weights are shares of the frames; means and floored variances are those of the frames of each cluster."""
    frames = np.array([[7.0], [13.0], [22.0], [22.0]])
    family: Family[DiagonalMixture] = family_for(
        "gaussian", shards_of(frames), 3, options=EMOptions(variance_floor=0.02)
    )
    mixture = from_clusters(np.array([0, 0, 1, 1]), 3, frames, family)
    assert frames.mean() == 16.0
    assert frames.var() == 40.5
    np.testing.assert_allclose(mixture.weights, [0.4, 0.4, 0.2], rtol=1e-15)  # the empty cluster counts as one frame
    np.testing.assert_allclose(mixture.means, [[10.0], [22.0], [16.0]], rtol=1e-15)  # and has the mean of all frames
    np.testing.assert_allclose(mixture.variances, [[9.0], [0.81], [40.5]], rtol=1e-12)


def test_the_start_finds_well_separated_clusters() -> None:
    """Well separated clusters become one component each, with their share of the frames and their variance."""
    frames = corner_frames(4000)
    for seed in range(5):
        mixture = started(frames, 4, np.random.default_rng(seed), options=EMOptions(variance_floor=0.0))
        order = squared_distances(CORNERS, mixture.means).argmin(axis=1)
        np.testing.assert_allclose(mixture.means[order], CORNERS, rtol=0, atol=0.6)
        np.testing.assert_allclose(mixture.weights[order], [0.5, 0.2, 0.2, 0.1], rtol=0, atol=0.1)
        np.testing.assert_allclose(mixture.variances[order], 1.0, rtol=0, atol=0.6)


def test_the_start_does_not_depend_on_feature_scale() -> None:
    """Clusters that differ in a feature of small scale are found beside a feature of large scale without clusters."""
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=500)
    frames = np.column_stack([1000.0 * rng.normal(size=500), 0.001 * side + 0.00001 * rng.normal(size=500)])
    means = started(frames, 2, np.random.default_rng(0)).means
    np.testing.assert_allclose(np.sort(means[:, 1]), [0.0, 0.001], rtol=0, atol=0.0001)


def test_the_start_is_determined_by_the_generator() -> None:
    """The same state of the generator gives the identical mixture, another state another mixture."""
    frames = normal_frames(2000, 3)
    first, same, other = (started(frames, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    for name in ("weights", "means", "variances"):
        np.testing.assert_array_equal(getattr(first, name), getattr(same, name))
    assert not np.array_equal(first.means, other.means)


def test_the_start_respects_the_variance_floor() -> None:
    """Variances are at the floor of EM."""
    frames = corner_frames(800)
    floor = 0.01 * frames.var(axis=0)
    mixture = started(frames, 4, np.random.default_rng(0), options=EMOptions(variance_floor=0.01))
    np.testing.assert_allclose(mixture.variances, np.tile(floor, (4, 1)), rtol=1e-12)


def test_frames_of_weight_zero_are_not_drawn() -> None:
    """Only clusters with frames of positive weight become components."""
    frames = corner_frames(800)
    frame_weights = (frames[:, 0] > 50.0).astype(np.float64)
    assert sample_size("kmeans", 4) > np.count_nonzero(frame_weights) > 4
    mixture = started(frames, 4, np.random.default_rng(0), frame_weights=frame_weights)
    assert (mixture.means[:, 0] > 90.0).all()


def test_frames_are_drawn_in_proportion_to_their_weights() -> None:
    """Of two clusters of equal size, the one with a ninth of the other's weight has a tenth of the sample."""
    rng = np.random.default_rng(0)
    frames = np.repeat([[0.0], [100.0]], 10_000, axis=0) + rng.normal(size=(20_000, 1))
    frame_weights = np.where(frames[:, 0] > 50.0, 1.0, 9.0)
    mixture = started(frames, 2, np.random.default_rng(1), frame_weights=frame_weights)
    light = mixture.weights[mixture.means[:, 0].argmax()]
    assert light == pytest.approx(0.1, abs=0.06)


@pytest.mark.parametrize("n_frames", [3, 50])
def test_the_start_of_identical_frames_is_a_valid_mixture(n_frames: int) -> None:
    """With identical frames, all components are at this point."""
    frames = np.full((n_frames, 2), 0.7, dtype=np.float32)
    mixture = started(frames, 3, np.random.default_rng(0))
    np.testing.assert_allclose(mixture.means, np.float32(0.7), rtol=1e-12)
    assert mixture.n_components == 3


def test_as_many_components_as_frames() -> None:
    """Each frame becomes a component."""
    frames = normal_frames(6, 3)
    mixture = started(frames, 6, np.random.default_rng(0))
    np.testing.assert_allclose(sorted_rows(mixture.means), sorted_rows(frames), rtol=0, atol=1e-12)
    np.testing.assert_allclose(mixture.weights, 1 / 6, rtol=1e-15)


def test_fewer_frames_than_components_are_refused() -> None:
    """The error states the number of frames of positive weight, the number of components and the remedy."""
    text = "^there are {} frames for 6 components: give more speech or fewer components$"
    with pytest.raises(TrainingError, match=text.format(5)):
        started(normal_frames(5, 3), 6, np.random.default_rng(0))
    frame_weights = np.array([1.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0])
    with pytest.raises(TrainingError, match=text.format(3)):
        started(normal_frames(8, 3), 6, np.random.default_rng(0), frame_weights=frame_weights)


def test_frames_that_are_not_finite_are_refused() -> None:
    """A NaN is an error."""
    frames = normal_frames(400, 3)
    frames[3, 1] = np.nan
    with pytest.raises(TrainingError, match=r"^the frames hold values that are not finite numbers$"):
        started(frames, 4, np.random.default_rng(0))


def test_the_best_of_several_candidates_is_kept() -> None:
    """Mean distortion is lower than that of plain k-means++ with one candidate, computed here by a loop."""
    frames = corner_frames(800)

    def greedy(rng: np.random.Generator) -> Floats:
        return seed_plus_plus(frames, 8, rng)

    def plain(rng: np.random.Generator) -> Floats:
        chosen = [int(rng.integers(len(frames)))]
        while len(chosen) < 8:
            nearest = squared_distances(frames, frames[chosen]).min(axis=1)
            chosen.append(int(rng.choice(len(frames), p=nearest / nearest.sum())))
        return frames[chosen]

    greedy_mean, plain_mean = (
        np.mean([assign(frames, seeds(np.random.default_rng(seed))).distortion for seed in range(60)])
        for seeds in (greedy, plain)
    )
    assert greedy_mean < 0.95 * plain_mean


def test_seeds_are_drawn_by_weight() -> None:
    """The first one in proportion to the weights, the next one to weight times squared distance."""
    frames, rngs = np.array([[0.0], [1.0], [-1.0]]), [np.random.default_rng(seed) for seed in range(200)]
    firsts = [seed_plus_plus(frames, 1, rng, np.array([1.0, 2.0, 1.0]))[0, 0] for rng in rngs]
    assert firsts.count(1.0) / 200 == pytest.approx(0.5, abs=0.12)
    assert {*firsts} == {-1.0, 0.0, 1.0}
    for rng in rngs:
        assert seed_plus_plus(frames, 2, rng, np.array([1e12, 1.0, 1e-12])).tolist() == [[0.0], [1.0]]

"""The starts that EM can be given: what each is made of, and what all of them keep to."""

from __future__ import annotations

import numpy as np
import pytest

from speechgmm.errors import OptionError, TrainingError
from speechgmm.mixture.em import fit
from speechgmm.mixture.families import family_for
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.gaussian_family import GaussianFamily
from speechgmm.mixture.initialisation import (
    MEDOID_SAMPLE,
    START_METHODS,
    distinct_frames,
    draw_frames,
    sample_size,
    split_to,
    start,
)
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import ArrayShard, shards_of
from speechgmm.mixture.statistics import Moments

CORNERS = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 50.0], [100.0, 50.0]])

every_method = pytest.mark.parametrize("method", START_METHODS)


def begin(frames, n_components, rng, *, frame_weights=None, method="kmeans", options=EMOptions()):
    """A Gaussian mixture that `start` makes of frames."""
    shards = shards_of(frames, frame_weights)
    family = family_for("gaussian", shards, n_components, options=options)
    return start(shards, n_components, family, rng, method=method, options=options)


def clustered_frames(seed=0, n_frames=2000):
    """Four clusters of standard deviation 1 at the corners of a rectangle, the first with half of the frames."""
    rng = np.random.default_rng(seed)
    return CORNERS[rng.choice(4, size=n_frames, p=[0.5, 0.2, 0.2, 0.1])] + rng.normal(size=(n_frames, 2))


def by_rows(array):
    return array[np.lexsort(array.T)]


def is_row_of(rows, frames):
    return [(frames == row).all(axis=1).any() for row in rows]


@every_method
@pytest.mark.parametrize("n_components", [1, 5, 8])
def test_every_start_has_the_components_asked_for(method, n_components):
    """Whatever the method, the mixture has K distinct components, and a fit from it keeps them all."""
    frames = clustered_frames().astype(np.float32)
    mixture = begin(frames, n_components, np.random.default_rng(0), method=method)
    assert mixture.means.shape == mixture.variances.shape == (n_components, 2)
    assert mixture.means.dtype == mixture.variances.dtype == np.float64
    assert len(np.unique(mixture.means, axis=0)) == n_components
    assert fit(frames, mixture).mixture.n_components == n_components


@every_method
def test_every_start_is_determined_by_the_generator(method):
    """The same state of the generator gives the identical mixture; another gives another."""
    frames = clustered_frames()
    one, same, other = (begin(frames, 5, np.random.default_rng(seed), method=method) for seed in (1, 1, 2))
    for name in ("weights", "means", "variances"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    assert not np.array_equal(one.means, other.means)


@every_method
@pytest.mark.parametrize("seed", range(3))
def test_every_start_keeps_to_the_variance_floor(method, seed):
    """No variance is below the floor that all frames set, not those of the sample alone; and the floor is felt."""
    frames = clustered_frames(seed)
    floor = 0.2 * frames.var(axis=0)
    options = EMOptions(variance_floor=0.2)
    mixture = begin(frames, 8, np.random.default_rng(seed), method=method, options=options)
    assert (mixture.variances >= floor * (1 - 1e-9)).all()
    assert mixture.variances.min(axis=0) == pytest.approx(5 * floor if method == "random" else floor, rel=0.05)


@every_method
def test_frames_of_weight_zero_do_not_matter(method):
    """All components lie where the frames that have a weight are."""
    frames = clustered_frames()
    frame_weights = (frames[:, 0] > 50.0).astype(np.float64)
    mixture = begin(frames, 4, np.random.default_rng(0), method=method, frame_weights=frame_weights)
    assert (mixture.means[:, 0] > 90.0).all()


@every_method
@pytest.mark.parametrize("n_frames", [6, 60])
def test_identical_frames_give_a_valid_mixture(method, n_frames):
    """Where there is only one point, all components lie on it."""
    frames = np.full((n_frames, 2), 0.7, dtype=np.float32)
    mixture = begin(frames, 6, np.random.default_rng(0), method=method)
    np.testing.assert_allclose(mixture.means, np.full((6, 2), 0.7), rtol=0, atol=0.01)


@every_method
def test_as_many_components_as_frames(method):
    """A component for every frame can be had."""
    frames = clustered_frames(n_frames=7)
    assert begin(frames, 7, np.random.default_rng(0), method=method).n_components == 7


@every_method
def test_fewer_frames_than_components_are_refused(method):
    """The error says how many frames there are and what to do."""
    text = "^there are 5 frames for 6 components: give more speech or fewer components$"
    with pytest.raises(TrainingError, match=text):
        begin(clustered_frames(n_frames=5), 6, np.random.default_rng(0), method=method)


def test_an_unknown_method_is_refused():
    """The error says which methods there are."""
    text = "^the start is 'k-means', but it must be one of kmeans, random, medoids, split$"
    with pytest.raises(OptionError, match=text):
        begin(clustered_frames(), 4, np.random.default_rng(0), method="k-means")


def test_random_frames_become_means():
    """Means are different frames, weights are equal, variances those of all frames."""
    frames = clustered_frames()
    mixture = begin(frames, 30, np.random.default_rng(0), method="random")
    assert all(is_row_of(mixture.means, frames))
    np.testing.assert_allclose(mixture.weights, np.full(30, 1 / 30), rtol=1e-12)
    np.testing.assert_allclose(mixture.variances, np.tile(frames.var(axis=0), (30, 1)), rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_random_frames_are_distinct_where_there_are_enough(seed):
    """Of four distinct frames among many repeated ones each is drawn once, before any is drawn again."""
    distinct = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0], [7.0, 7.0]], dtype=np.float32)
    frames = np.repeat(distinct, [50, 1, 20, 1], axis=0)
    drawn = distinct_frames(frames, 6, np.random.default_rng(seed))
    np.testing.assert_array_equal(by_rows(drawn[:4]), by_rows(distinct))
    np.testing.assert_array_equal(drawn[4:], drawn[:2])


def test_random_frames_come_as_often_as_they_are():
    """A value that many frames have is drawn more often than a rare one."""
    frames = np.repeat([[0.0], [1.0], [2.0]], [80, 10, 10], axis=0)
    first = [distinct_frames(frames, 1, np.random.default_rng(seed))[0, 0] for seed in range(200)]
    assert 0.7 < first.count(0.0) / 200 < 0.9


def test_medoids_become_means():
    """Means are frames, one in each cluster however seldom, with its share and its variance."""
    frames = clustered_frames()
    mixture = begin(frames, 4, np.random.default_rng(0), method="medoids")
    distances = ((CORNERS[:, np.newaxis] - mixture.means) ** 2).sum(axis=2)
    order = distances.argmin(axis=1)
    np.testing.assert_allclose(mixture.means[order], CORNERS, rtol=0, atol=0.6)
    nearest = ((frames[:, np.newaxis] - mixture.means) ** 2).sum(axis=2).min(axis=0)
    np.testing.assert_allclose(nearest, 0.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(mixture.weights[order], [0.5, 0.2, 0.2, 0.1], rtol=0, atol=0.1)


def test_medoids_weigh_each_feature_alike():
    """Clusters that differ in a feature of small unit are found beside a feature of large unit that tells nothing."""
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=500)
    frames = np.column_stack([rng.normal(size=500), 1e-6 * side + 1e-8 * rng.normal(size=500)])
    means = begin(frames, 2, np.random.default_rng(1), method="medoids").means
    np.testing.assert_allclose(np.sort(means[:, 1]), [0.0, 1e-6], rtol=0, atol=1e-7)


@pytest.mark.parametrize(("n_components", "expected"), [(8, 400), (64, 3200), (81, 4000), (4096, 4096)])
def test_samples_for_medoids_are_bounded(n_components, expected):
    """50 frames a component, at most 4000, but one for each component."""
    assert MEDOID_SAMPLE == 4000
    assert sample_size("medoids", n_components) == expected
    assert sample_size("split", n_components) == 100 * n_components
    assert sample_size("kmeans", n_components) == sample_size("random", n_components) == max(2000, 25 * n_components)


def test_splitting_against_its_steps():
    """One Gaussian, two halves, EM, then as many of the heaviest as are wanted in two halves."""
    rng = np.random.default_rng(0)
    frames = np.repeat([[-10.0, 0.0], [10.0, 5.0]], [300, 100], axis=0) + rng.normal(size=(400, 2))
    options = EMOptions(variance_floor=1e-6)
    family = family_for("gaussian", shards_of(frames), 4, options=options)
    single = DiagonalMixture(np.ones(1), frames.mean(axis=0)[np.newaxis], frames.var(axis=0)[np.newaxis])
    halves = family.split(single, 1)
    em = EMOptions(max_iterations=8, tolerance=0.0, variance_floor=1e-6, min_occupancy=1e-3)
    better = fit(frames, halves, options=em).mixture
    assert np.abs(better.means - halves.means).max() > 1.0
    for n_components, expected in [
        (1, single),
        (2, halves),
        (3, family.split(better, 1)),
        (4, family.split(better, 2)),
    ]:
        mixture = split_to(n_components, frames, family, options)
        for name in ("weights", "means", "variances"):
            np.testing.assert_allclose(getattr(mixture, name), getattr(expected, name), rtol=1e-9, atol=1e-9)


def test_the_heaviest_are_split():
    """Each of the heaviest makes two halves 0.2 standard deviations to either side; the others stay."""
    mixture = DiagonalMixture(
        np.array([0.2, 0.5, 0.3]), np.array([[0.0], [10.0], [20.0]]), np.array([[1.0], [25.0], [4.0]])
    )
    split = GaussianFamily.of(Moments(1.0, np.zeros(1), np.ones(1)), EMOptions()).split(mixture, 2)
    np.testing.assert_allclose(split.weights, [0.2, 0.25, 0.15, 0.25, 0.15], rtol=1e-15)
    np.testing.assert_allclose(split.means[:, 0], [0.0, 9.0, 19.6, 11.0, 20.4], rtol=1e-15)
    np.testing.assert_allclose(split.variances[:, 0], [1.0, 25.0, 4.0, 25.0, 4.0], rtol=1e-15)


def test_splitting_keeps_components_apart():
    """However heavy one component is, no two of the mixture that grew from it are the same."""
    rng = np.random.default_rng(0)
    frames = np.concatenate([rng.normal(size=(3000, 1)), 1000.0 + rng.normal(size=(30, 1))])
    for n_components in (3, 5, 16, 27):
        options = EMOptions(variance_floor=1e-6)
        family = family_for("gaussian", shards_of(frames), n_components, options=options)
        means = np.sort(split_to(n_components, frames, family, options).means[:, 0])
        assert len(means) == n_components
        assert np.diff(means).min() > 1e-6


def test_frames_are_drawn_in_proportion_to_their_weights():
    """Over many draws of one frame, each comes as often as its weight says; a weight of 0 never does."""
    frames = np.arange(5.0)[:, np.newaxis]
    shards = [ArrayShard(frames[:2], np.array([1.0, 3.0])), ArrayShard(frames[2:], np.array([0.0, 2.0, 4.0]))]
    drawn = [draw_frames(shards, 1, np.random.default_rng(seed))[0, 0] for seed in range(2000)]
    counts = np.bincount(np.array(drawn, dtype=int), minlength=5) / 2000
    np.testing.assert_allclose(counts, [0.1, 0.3, 0.0, 0.2, 0.4], rtol=0, atol=0.04)


@pytest.mark.parametrize("cut", [1, 40, 99])
def test_drawn_frames_are_different_ones_in_their_order(cut):
    """None is drawn twice, they stand as they stood, and where the shards were cut does not matter."""
    frames = np.arange(100.0)[:, np.newaxis]
    weights = np.random.default_rng(0).uniform(0.1, 2.0, 100)
    whole = draw_frames([ArrayShard(frames, weights)], 30, np.random.default_rng(1))
    parts = [ArrayShard(frames[:cut], weights[:cut]), ArrayShard(frames[cut:], weights[cut:])]
    np.testing.assert_array_equal(draw_frames(parts, 30, np.random.default_rng(1)), whole)
    assert len(whole) == 30
    assert (np.diff(whole[:, 0]) > 0).all()
    np.testing.assert_array_equal(draw_frames(parts, 500, np.random.default_rng(1)), frames)

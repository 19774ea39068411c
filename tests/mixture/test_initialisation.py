"""Initialisation of EM: properties of every method, and each method by itself."""

from __future__ import annotations

import numpy as np
import pytest

from speechgmm.errors import OptionError, TrainingError
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import fit
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.gaussian_mstep import GaussianFamily
from speechgmm.mixture.initialisation import (
    MAX_MEDOID_SAMPLE,
    START_METHODS,
    distinct_frames,
    draw_frames,
    sample_size,
    split_to,
)
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import ArrayShard, ShardedFrames, shards_of
from speechgmm.mixture.statistics import Moments
from tests.builders import CORNERS, corner_frames, sorted_rows, started

every_method = pytest.mark.parametrize("method", START_METHODS)


def is_row_of(rows: Floats, frames: Floats) -> list[bool]:
    return [bool((frames == row).all(axis=1).any()) for row in rows]


@every_method
@pytest.mark.parametrize("n_components", [1, 5, 8])
def test_every_start_has_the_given_number_of_components(method: str, n_components: int) -> None:
    """For every method, the mixture has K distinct components, and a fit from it keeps all of them."""
    frames = corner_frames(2000).astype(np.float32)
    mixture = started(frames, n_components, np.random.default_rng(0), method=method)
    assert mixture.means.shape == mixture.variances.shape == (n_components, 2)
    assert mixture.means.dtype == mixture.variances.dtype == np.float64
    assert len(np.unique(mixture.means, axis=0)) == n_components
    assert fit(frames, mixture).mixture.n_components == n_components


@every_method
def test_every_start_is_determined_by_the_generator(method: str) -> None:
    """The same state of the generator gives the identical mixture, another state another mixture."""
    frames = corner_frames(2000)
    first, same, other = (started(frames, 5, np.random.default_rng(seed), method=method) for seed in (1, 1, 2))
    for name in ("weights", "means", "variances"):
        np.testing.assert_array_equal(getattr(first, name), getattr(same, name))
    assert not np.array_equal(first.means, other.means)


@every_method
@pytest.mark.parametrize("seed", range(3))
def test_every_start_respects_the_variance_floor(method: str, seed: int) -> None:
    """No variance is below the floor of all frames (not only of the sample), and some variances are at the floor."""
    frames = corner_frames(2000, seed=seed)
    floor = 0.2 * frames.var(axis=0)
    options = EMOptions(variance_floor=0.2)
    mixture = started(frames, 8, np.random.default_rng(seed), method=method, options=options)
    assert (mixture.variances >= floor * (1 - 1e-9)).all()
    assert mixture.variances.min(axis=0) == pytest.approx(5 * floor if method == "random" else floor, rel=0.05)


@every_method
def test_frames_of_weight_zero_do_not_matter(method: str) -> None:
    """All components are among the frames of positive weight."""
    frames = corner_frames(2000)
    frame_weights = (frames[:, 0] > 50.0).astype(np.float64)
    mixture = started(frames, 4, np.random.default_rng(0), method=method, frame_weights=frame_weights)
    assert (mixture.means[:, 0] > 90.0).all()


@every_method
@pytest.mark.parametrize("n_frames", [6, 60])
def test_identical_frames_give_a_valid_mixture(method: str, n_frames: int) -> None:
    """With identical frames, all components are at this point."""
    frames = np.full((n_frames, 2), 0.7, dtype=np.float32)
    mixture = started(frames, 6, np.random.default_rng(0), method=method)
    np.testing.assert_allclose(mixture.means, np.full((6, 2), 0.7), rtol=0, atol=0.01)


@every_method
def test_as_many_components_as_frames(method: str) -> None:
    """The number of components may equal the number of frames."""
    frames = corner_frames(7)
    assert started(frames, 7, np.random.default_rng(0), method=method).n_components == 7


@every_method
def test_fewer_frames_than_components_are_refused(method: str) -> None:
    """The error states both numbers and the remedy."""
    text = "^there are 5 frames for 6 components: give more speech or fewer components$"
    with pytest.raises(TrainingError, match=text):
        started(corner_frames(5), 6, np.random.default_rng(0), method=method)


def test_an_unknown_method_is_refused() -> None:
    """The error lists the methods."""
    text = "^start is 'k-means', but it must be one of kmeans, random, medoids, split$"
    with pytest.raises(OptionError, match=text):
        started(corner_frames(2000), 4, np.random.default_rng(0), method="k-means")


def test_random_frames_become_means() -> None:
    """Means are distinct frames, weights are equal, variances are those of all frames."""
    frames = corner_frames(2000)
    mixture = started(frames, 30, np.random.default_rng(0), method="random")
    assert all(is_row_of(mixture.means, frames))
    np.testing.assert_allclose(mixture.weights, np.full(30, 1 / 30), rtol=1e-12)
    np.testing.assert_allclose(mixture.variances, np.tile(frames.var(axis=0), (30, 1)), rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_random_frames_are_distinct_if_possible(seed: int) -> None:
    """Of four distinct frames among repeated ones, each is drawn once before any is drawn again."""
    distinct = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0], [7.0, 7.0]], dtype=np.float32)
    frames = np.repeat(distinct, [50, 1, 20, 1], axis=0)
    drawn = distinct_frames(frames, 6, np.random.default_rng(seed))
    np.testing.assert_array_equal(sorted_rows(drawn[:4]), sorted_rows(distinct.astype(np.float64)))
    np.testing.assert_array_equal(drawn[4:], drawn[:2])


def test_random_frames_are_drawn_in_proportion_to_their_frequency() -> None:
    """A frequent value is drawn more often than a rare one."""
    frames = np.repeat([[0.0], [1.0], [2.0]], [80, 10, 10], axis=0)
    first = [distinct_frames(frames, 1, np.random.default_rng(seed))[0, 0] for seed in range(200)]
    assert 0.7 < first.count(0.0) / 200 < 0.9


def test_medoids_become_means() -> None:
    """Means are frames, one in each cluster, also in a rare one, with its share of the frames."""
    frames = corner_frames(2000)
    mixture = started(frames, 4, np.random.default_rng(0), method="medoids")
    distances = ((CORNERS[:, np.newaxis] - mixture.means) ** 2).sum(axis=2)
    order = distances.argmin(axis=1)
    np.testing.assert_allclose(mixture.means[order], CORNERS, rtol=0, atol=0.6)
    nearest = ((frames[:, np.newaxis] - mixture.means) ** 2).sum(axis=2).min(axis=0)
    np.testing.assert_allclose(nearest, 0.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(mixture.weights[order], [0.5, 0.2, 0.2, 0.1], rtol=0, atol=0.1)


def test_medoids_do_not_depend_on_feature_scale() -> None:
    """Clusters that differ in a feature of small scale are found beside a feature of large scale without clusters."""
    rng = np.random.default_rng(0)
    side = rng.integers(2, size=500)
    frames = np.column_stack([rng.normal(size=500), 1e-6 * side + 1e-8 * rng.normal(size=500)])
    means = started(frames, 2, np.random.default_rng(1), method="medoids").means
    np.testing.assert_allclose(np.sort(means[:, 1]), [0.0, 1e-6], rtol=0, atol=1e-7)


@pytest.mark.parametrize(("n_components", "expected"), [(8, 400), (64, 3200), (81, 4000), (4096, 4096)])
def test_samples_for_medoids_are_bounded(n_components: int, expected: int) -> None:
    """50 frames per component, at most 4000, but at least one per component."""
    assert MAX_MEDOID_SAMPLE == 4000
    assert sample_size("medoids", n_components) == expected
    assert sample_size("split", n_components) == 100 * n_components
    assert sample_size("kmeans", n_components) == sample_size("random", n_components) == max(2000, 25 * n_components)


def test_splitting_step_by_step() -> None:
    """One Gaussian, two halves, EM, then splits of the heaviest components up to the given number."""
    rng = np.random.default_rng(0)
    frames = np.repeat([[-10.0, 0.0], [10.0, 5.0]], [300, 100], axis=0) + rng.normal(size=(400, 2))
    options = EMOptions(variance_floor=1e-6)
    family: Family[DiagonalMixture] = family_for("gaussian", shards_of(frames), 4, options=options)
    single = DiagonalMixture(np.ones(1), frames.mean(axis=0)[np.newaxis], frames.var(axis=0)[np.newaxis])
    halves = family.split(single, 1)
    em = EMOptions(max_iterations=8, tolerance=0.0, variance_floor=1e-6, min_occupancy=1e-3)
    fitted = fit(frames, halves, options=em).mixture
    assert np.abs(fitted.means - halves.means).max() > 1.0
    for n_components, expected in [
        (1, single),
        (2, halves),
        (3, family.split(fitted, 1)),
        (4, family.split(fitted, 2)),
    ]:
        mixture = split_to(n_components, frames, family, options)
        for name in ("weights", "means", "variances"):
            np.testing.assert_allclose(getattr(mixture, name), getattr(expected, name), rtol=1e-9, atol=1e-9)


def test_the_heaviest_are_split() -> None:
    """Each of the heaviest becomes two halves 0.2 standard deviations to either side; the others stay."""
    mixture = DiagonalMixture(
        np.array([0.2, 0.5, 0.3]), np.array([[0.0], [10.0], [20.0]]), np.array([[1.0], [25.0], [4.0]])
    )
    split = GaussianFamily.of(Moments(1.0, np.zeros(1), np.ones(1)), EMOptions()).split(mixture, 2)
    np.testing.assert_allclose(split.weights, [0.2, 0.25, 0.15, 0.25, 0.15], rtol=1e-15)
    np.testing.assert_allclose(split.means[:, 0], [0.0, 9.0, 19.6, 11.0, 20.4], rtol=1e-15)
    np.testing.assert_allclose(split.variances[:, 0], [1.0, 25.0, 4.0, 25.0, 4.0], rtol=1e-15)


def test_splitting_gives_distinct_components() -> None:
    """No two components are equal, even if one component has nearly all of the weight."""
    rng = np.random.default_rng(0)
    frames = np.concatenate([rng.normal(size=(3000, 1)), 1000.0 + rng.normal(size=(30, 1))])
    for n_components in (3, 5, 16, 27):
        options = EMOptions(variance_floor=1e-6)
        family: Family[DiagonalMixture] = family_for("gaussian", shards_of(frames), n_components, options=options)
        means = np.sort(split_to(n_components, frames, family, options).means[:, 0])
        assert len(means) == n_components
        assert np.diff(means).min() > 1e-6


def test_frames_are_drawn_in_proportion_to_their_weights() -> None:
    """Over many draws of one frame, frequencies are proportional to weights; a frame of weight 0 is never drawn."""
    frames = np.arange(5.0)[:, np.newaxis]
    shards = ShardedFrames(
        [ArrayShard(frames[:2], np.array([1.0, 3.0])), ArrayShard(frames[2:], np.array([0.0, 2.0, 4.0]))]
    )
    drawn = [draw_frames(shards, 1, np.random.default_rng(seed))[0, 0] for seed in range(2000)]
    counts = np.bincount(np.array(drawn, dtype=int), minlength=5) / 2000
    np.testing.assert_allclose(counts, [0.1, 0.3, 0.0, 0.2, 0.4], rtol=0, atol=0.04)


@pytest.mark.parametrize("cut", [1, 40, 99])
def test_drawn_frames_are_distinct_and_in_order(cut: int) -> None:
    """No frame is drawn twice, the order is that of the data, and the draw does not depend on the shards."""
    frames = np.arange(100.0)[:, np.newaxis]
    weights = np.random.default_rng(0).uniform(0.1, 2.0, 100)
    whole = draw_frames(shards_of(frames, weights), 30, np.random.default_rng(1))
    parts = ShardedFrames([ArrayShard(frames[:cut], weights[:cut]), ArrayShard(frames[cut:], weights[cut:])])
    np.testing.assert_array_equal(draw_frames(parts, 30, np.random.default_rng(1)), whole)
    assert len(whole) == 30
    assert (np.diff(whole[:, 0]) > 0).all()
    np.testing.assert_array_equal(draw_frames(parts, 500, np.random.default_rng(1)), frames)

"""Initialisation of EM: the first mixture, made from a sample of the frames by one of four methods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError
from speechgmm.mixture.component_family import Family, M
from speechgmm.mixture.em import fit
from speechgmm.mixture.estep import Floats, Frames
from speechgmm.mixture.kmeans import Vectors, assign, lloyd, seed_plus_plus
from speechgmm.mixture.kmedoids import k_medoids
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import Shard, ShardedFrames, shards_of
from speechgmm.mixture.statistics import Statistics, moments

START_METHODS = ("kmeans", "random", "medoids", "split")

SAMPLE_PER_COMPONENT, MIN_SAMPLE = 25, 2000  # frames drawn; a sample four times as large is not better after EM
SPLIT_SAMPLE_PER_COMPONENT = 100  # more frames, because EM runs on them
MEDOID_SAMPLE_PER_COMPONENT, MAX_MEDOID_SAMPLE = 50, 4000  # the time of k-medoids is quadratic in the sample size
SPLIT_ITERATIONS = 8  # of EM on the sample between two rounds of splits
MIN_SPLIT_OCCUPANCY = 1e-3  # frames
EXPANDED_VALUES = 1 << 25  # at most this many at a time, 256 MB


def start(
    data: ShardedFrames,
    n_components: int,
    family: Family[M],
    rng: np.random.Generator,
    *,
    method: str = "kmeans",
    options: EMOptions = EMOptions(),
) -> M:
    """Make the initial mixture of EM from a sample of the frames.

    Parameters
    ----------
    data : ShardedFrames
        The sample is drawn in proportion to the frame weights; a frame of weight 0 is never drawn.
    n_components : int
        K, at most the number of frames.
    family : Family
        The family of the components, created for these frames.
    rng : numpy.random.Generator
    method : str
        - "kmeans": the clusters of k-means become components. Each feature is scaled to variance 1 first.
        - "random": random frames, distinct if possible, become the centres of components with equal spread.
        - "medoids": the clusters of k-medoids become components. Each feature is scaled to variance 1 first.
        - "split": one component is split, with EM on the sample after each round of splits; see `split_to`.
    options : EMOptions
        Options of EM, for "split".

    Returns
    -------
    Mixture

    Raises
    ------
    OptionError
        If the method is unknown.
    """
    check_method(method)
    frames = draw_frames(data, sample_size(method, n_components), rng)
    if method == "random":
        return family.place(
            identical_components(n_components, frames, family), distinct_frames(frames, n_components, rng)
        )
    if method == "split":
        return split_to(n_components, frames, family, options)
    sample = standardised(frames)
    if method == "medoids":
        medoids = k_medoids(sample.astype(np.float64), n_components, rng).indices
        clusters = from_clusters(assign(sample, sample[medoids]).assignments, n_components, frames, family)
        return family.place(clusters, frames[medoids].astype(np.float64))
    clustering = lloyd(sample, seed_plus_plus(sample, n_components, rng))
    return from_clusters(clustering.assignments, n_components, frames, family)


def draw_frames(data: ShardedFrames, n_frames: int, rng: np.random.Generator) -> Frames:
    """Draw frames without replacement, in proportion to their weights.

    Weighted reservoir sampling (Efraimidis & Spirakis 2006): every frame gets an exponentially distributed arrival time
    with its weight as the rate, and the frames with the earliest times are drawn. This needs one pass over the weights
    and reads the drawn frames only.

    Parameters
    ----------
    data : ShardedFrames
    n_frames : int
        Number of frames to draw. All frames of positive weight are drawn if there are fewer.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray (n, D)
        In the order of the data.
    """
    times, positions = np.empty(0), np.empty((0, 2), dtype=np.int64)
    for index, shard in enumerate(data):
        weights = shard.weights()
        rows = np.flatnonzero(weights)
        times = np.concatenate([times, rng.exponential(size=len(weights))[rows] / weights[rows]])
        positions = np.concatenate([positions, np.stack([np.full(len(rows), index), rows], axis=1)])
        if len(times) > n_frames:
            earliest = np.argpartition(times, n_frames - 1)[:n_frames]
            times, positions = times[earliest], positions[earliest]
    drawn = sorted(map(tuple, positions.tolist()))
    rows_of: dict[int, list[int]] = {}
    for index, row in drawn:
        rows_of.setdefault(index, []).append(row)
    selections = [(data.shards[index], rows) for index, rows in rows_of.items()]
    frames: Frames = np.concatenate(list(data.execute(_read_rows, selections)))
    return frames


def _read_rows(selection: tuple[Shard, list[int]]) -> Frames:
    shard, rows = selection
    frames: Frames = shard.frames()[rows]
    return frames


def standardised(frames: Frames) -> Vectors:
    """Scale each feature to mean 0 and variance 1; a constant feature becomes 0."""
    overall = moments(shards_of(frames))
    deviation = np.sqrt(np.where(overall.variance > 0, overall.variance, 1.0))
    return ((frames - overall.mean) / deviation).astype(frames.dtype)


def check_method(method: str) -> None:
    """Raise OptionError unless the method is one of `START_METHODS`.

    Raises
    ------
    OptionError
    """
    if method not in START_METHODS:
        raise OptionError(f"start is {method!r}, but it must be one of {', '.join(START_METHODS)}")


def sample_size(method: str, n_components: int) -> int:
    """Number of frames to draw for the initialisation, at least the number of components."""
    if method == "medoids":
        return max(n_components, min(MEDOID_SAMPLE_PER_COMPONENT * n_components, MAX_MEDOID_SAMPLE))
    if method == "split":
        return SPLIT_SAMPLE_PER_COMPONENT * n_components
    return max(MIN_SAMPLE, SAMPLE_PER_COMPONENT * n_components)


def distinct_frames(frames: Frames, n_frames: int, rng: np.random.Generator) -> Floats:
    """Draw distinct frames in random order; if there are fewer than K, they are repeated in this order.

    Parameters
    ----------
    frames : ndarray (T, D)
    n_frames : int
        K.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray (K, D) of float64
    """
    shuffled = rng.permutation(frames)
    _, first = np.unique(shuffled, axis=0, return_index=True)
    return shuffled[np.resize(np.sort(first), n_frames)].astype(np.float64)


def split_to(n_components: int, frames: Frames, family: Family[M], options: EMOptions) -> M:
    """Grow a mixture from a single component by binary splitting, as HTK and Kaldi do.

    Each round at most doubles the number of components. `SPLIT_ITERATIONS` of EM run between two rounds, none after the
    last.

    Parameters
    ----------
    n_components : int
        K, at most T.
    frames : ndarray (T, D)
    family : Family
    options : EMOptions

    Returns
    -------
    Mixture
    """
    mixture = identical_components(1, frames, family)
    # The first updates after a split gain little, and on a sample a component may have few frames.
    brief = replace(options, max_iterations=SPLIT_ITERATIONS, tolerance=0.0, min_occupancy=MIN_SPLIT_OCCUPANCY)
    while mixture.n_components < n_components:
        if mixture.n_components > 1:
            fitted = fit(frames, mixture, family=family, options=brief)
            mixture = mixture if fitted.n_pruned else fitted.mixture
        mixture = family.split(mixture, n_components - mixture.n_components)
    return mixture


def from_clusters(assignments: npt.NDArray[np.intp], n_components: int, frames: Frames, family: Family[M]) -> M:
    """The mixture whose components are clusters: one M-step with hard assignments.

    Parameters
    ----------
    assignments : ndarray (T,) of int
        The cluster of each frame. An empty cluster becomes a component of all frames, with the weight of one frame.
    n_components : int
        K.
    frames : ndarray (T, D)
    family : Family

    Returns
    -------
    Mixture
    """
    axes = family.axes
    sums, total = np.zeros((n_components, axes.n_expanded)), np.zeros(axes.n_expanded)
    for rows, z in _expanded(frames, family):
        sums += np.stack([np.bincount(assignments[rows], feature, n_components) for feature in z], axis=1)
        total += z.sum(axis=1)
    sums[sums[:, 0] == 0] = total / len(frames)
    return family.maximise(Statistics(axes, float(len(frames)), np.nan, 0.0, sums))


def identical_components(n_components: int, frames: Frames, family: Family[M]) -> M:
    """A mixture of identical components, each fitted to all frames."""
    total: Floats = np.sum([z.sum(axis=1) for _, z in _expanded(frames, family)], axis=0)
    sums = np.tile(total, (n_components, 1))
    return family.maximise(Statistics(family.axes, float(len(frames)), np.nan, 0.0, sums))


def _expanded(frames: Frames, family: Family[M]) -> Iterator[tuple[slice, Floats]]:
    """The expanded frames, in double precision, in blocks that fit into memory: mostly a single one."""
    n_expanded = family.axes.n_expanded
    n_rows = max(1, EXPANDED_VALUES // n_expanded)
    for begin in range(0, len(frames), n_rows):
        rows = slice(begin, min(begin + n_rows, len(frames)))
        block = frames[rows].astype(np.float64)
        yield rows, family.axes.expand(block, np.empty((n_expanded, len(block))))

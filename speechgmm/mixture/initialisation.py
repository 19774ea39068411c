"""Where EM starts: a sample of the frames, and one of four ways to make a first mixture of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError
from speechgmm.mixture.em import fit
from speechgmm.mixture.estep import Floats, Frames
from speechgmm.mixture.family import Family, M
from speechgmm.mixture.kmeans import Vectors, assign, lloyd, seed_plus_plus
from speechgmm.mixture.kmedoids import k_medoids
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import Shards, Spread, shards_of
from speechgmm.mixture.statistics import Statistics, moments

START_METHODS = ("kmeans", "random", "medoids", "split")

SAMPLE_PER_COMPONENT, LEAST_SAMPLE = 25, 2000  # frames drawn; after EM, a sample four times as large ends no better
SPLIT_SAMPLE_PER_COMPONENT = 100  # EM runs on them
MEDOID_SAMPLE_PER_COMPONENT, MEDOID_SAMPLE = 50, 4000  # for k-medoids, whose time grows with the square of the sample
SPLIT_ITERATIONS = 8  # of EM on the sample between one round of splits and the next
LEAST_SHARE = 1e-3  # of a frame


def start(
    shards: Shards,
    n_components: int,
    family: Family[M],
    rng: np.random.Generator,
    *,
    method: str = "kmeans",
    options: EMOptions = EMOptions(),
    spread: Spread = map,
) -> M:
    """A mixture for EM to start from, made of a sample of the frames.

    Parameters
    ----------
    shards : sequence of Shard
        The sample is drawn in proportion to the frames' weights; a frame of weight 0 is never drawn.
    n_components : int
        K, at most as many as there are frames.
    family : Family
        Of the components, for these frames.
    rng : numpy.random.Generator
    method : str
        - "kmeans": clusters of k-means become components, each feature scaled to variance 1.
        - "random": random frames, different ones where there are enough, become the middles of equal components.
        - "medoids": clusters around K medoids become components, each feature scaled to variance 1.
        - "split": one component is split, and EM run on the sample, until there are enough: see `split_to`.
    options : EMOptions
        For the EM of "split".
    spread : callable
        How the shards are worked on: see `shards.Spread`.

    Returns
    -------
    Mixture

    Raises
    ------
    OptionError
        If there is no such method.
    """
    check_method(method)
    drawn = draw_frames(shards, sample_size(method, n_components), rng, spread)
    if method == "random":
        return family.place(all_alike(n_components, drawn, family), distinct_frames(drawn, n_components, rng))
    if method == "split":
        return split_to(n_components, drawn, family, options)
    sample = standardised(drawn)
    if method == "medoids":
        medoids = k_medoids(sample.astype(np.float64), n_components, rng).indices
        clusters = from_clusters(assign(sample, sample[medoids]).assignments, n_components, drawn, family)
        return family.place(clusters, drawn[medoids].astype(np.float64))
    clustering = lloyd(sample, seed_plus_plus(sample, n_components, rng))
    return from_clusters(clustering.assignments, n_components, drawn, family)


def draw_frames(shards: Shards, n_frames: int, rng: np.random.Generator, spread: Spread = map) -> Frames:
    """Draw frames without repetition, in proportion to their weights; all that have any where there are fewer.

    Every frame waits for a time of its own, exponential with its weight as rate; the first to come are drawn
    (Efraimidis & Spirakis 2006). So the weights are walked through once, and only frames that are drawn are kept.

    Parameters
    ----------
    shards : sequence of Shard
    n_frames : int
    rng : numpy.random.Generator
    spread : callable
        How the shards are worked on: see `shards.Spread`.

    Returns
    -------
    ndarray (n, D)
        In their order.
    """
    times, places = np.empty(0), np.empty((0, 2), dtype=np.int64)
    for index, shard in enumerate(shards):
        weights = shard.weights()
        rows = np.flatnonzero(weights)
        times = np.concatenate([times, rng.exponential(size=len(weights))[rows] / weights[rows]])
        places = np.concatenate([places, np.stack([np.full(len(rows), index), rows], axis=1)])
        if len(times) > n_frames:
            first = np.argpartition(times, n_frames - 1)[:n_frames]
            times, places = times[first], places[first]
    drawn = sorted(map(tuple, places.tolist()))
    rows_of: dict[int, list[int]] = {}
    for index, row in drawn:
        rows_of.setdefault(index, []).append(row)
    frames: Frames = np.concatenate(list(spread(_rows_of, [(shards[index], rows) for index, rows in rows_of.items()])))
    return frames


def _rows_of(wanted: tuple[Any, list[int]]) -> Frames:
    shard, rows = wanted
    frames: Frames = shard.frames()[rows]
    return frames


def standardised(frames: Frames) -> Vectors:
    """The frames with each feature scaled to mean 0 and variance 1, a constant one to 0."""
    known = moments(shards_of(frames))
    deviation = np.sqrt(np.where(known.variance > 0, known.variance, 1.0))
    return ((frames - known.mean) / deviation).astype(frames.dtype)


def check_method(method: str) -> None:
    """Refuse a method that is none of `START_METHODS`.

    Raises
    ------
    OptionError
    """
    if method not in START_METHODS:
        raise OptionError(f"the start is {method!r}, but it must be one of {', '.join(START_METHODS)}")


def sample_size(method: str, n_components: int) -> int:
    """How many frames a start is made of, where there are so many; never fewer than components."""
    if method == "medoids":
        return max(n_components, min(MEDOID_SAMPLE_PER_COMPONENT * n_components, MEDOID_SAMPLE))
    if method == "split":
        return SPLIT_SAMPLE_PER_COMPONENT * n_components
    return max(LEAST_SAMPLE, SAMPLE_PER_COMPONENT * n_components)


def distinct_frames(frames: Frames, n_frames: int, rng: np.random.Generator) -> Floats:
    """Draw frames, no two equal; where there are too few different ones, all of these again and again.

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
    """Grow a mixture from a single component by binary splitting (as HTK and Kaldi do), up to doubling it in a round.

    Between one round and the next come `SPLIT_ITERATIONS` of EM, after the last none.

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
    mixture = all_alike(1, frames, family)
    # The first updates after a split gain little, and on a sample every component may stay that owns any of it.
    brief = replace(options, max_iterations=SPLIT_ITERATIONS, tolerance=0.0, min_occupancy=LEAST_SHARE)
    while mixture.n_components < n_components:
        if mixture.n_components > 1:
            fitted = fit(frames, mixture, family=family, options=brief)
            mixture = mixture if fitted.n_pruned else fitted.mixture
        mixture = family.split(mixture, n_components - mixture.n_components)
    return mixture


def from_clusters(assignments: npt.NDArray[np.intp], n_components: int, frames: Frames, family: Family[M]) -> M:
    """The mixture whose components are clusters: the M-step from frames that belong to one component each.

    Parameters
    ----------
    assignments : ndarray (T,) of int
        Which cluster each frame is in; an empty one becomes what all frames together would, with the weight of one.
    n_components : int
        K.
    frames : ndarray (T, D)
    family : Family

    Returns
    -------
    Mixture
    """
    z = _expanded(frames, family)
    sums: Floats = np.stack([np.bincount(assignments, row, n_components) for row in z], axis=1)
    sums[sums[:, 0] == 0] = z.mean(axis=1)
    return family.maximise(Statistics(family.axes, float(len(frames)), np.nan, 0.0, sums))


def all_alike(n_components: int, frames: Frames, family: Family[M]) -> M:
    """Equal components, each what all frames together make."""
    sums: Floats = np.tile(_expanded(frames, family).sum(axis=1), (n_components, 1))
    return family.maximise(Statistics(family.axes, float(len(frames)), np.nan, 0.0, sums))


def _expanded(frames: Frames, family: Family[M]) -> Floats:
    axes = family.axes
    expanded: Floats = axes.expand(frames.astype(np.float64), np.empty((axes.n_expanded, len(frames))))
    return expanded

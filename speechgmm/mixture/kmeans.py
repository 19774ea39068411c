"""k-means: k-means++ initialisation (Arthur & Vassilvitskii 2007, greedy variant) and Lloyd's algorithm.

Distances are squared Euclidean. Features of different scale must be scaled first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from speechgmm.mixture.estep import BLOCK_FRAMES, Floats

Vectors = npt.NDArray[Any]  # float32 or float64, which is also the precision of the computation

LLOYD_ITERATIONS = 5


@dataclass(frozen=True, eq=False)
class Clustering:
    """Centres and the assignment of frames to them.

    Attributes
    ----------
    centers : ndarray (K, D)
    assignments : ndarray (T,) of int
        Index of the nearest centre of each frame.
    distortion : float
        Mean squared distance of the frames to their centres, by weight.
    """

    centers: Vectors
    assignments: np.ndarray[tuple[int], np.dtype[np.intp]]
    distortion: float


def squared_distances(frames: Vectors, centers: Vectors) -> Vectors:
    """Squared Euclidean distance of each frame to each centre, (T, K), not negative."""
    distances: Vectors = _relative_distances(frames, centers) + (frames**2).sum(axis=1)[:, np.newaxis]
    return np.maximum(distances, 0.0, out=distances)


def _relative_distances(frames: Vectors, centers: Vectors) -> Vectors:
    """Squared distance of each frame to each centre minus the squared norm of the frame; for comparing centres."""
    distances: Vectors = frames @ (-2.0 * centers.T)
    distances += (centers**2).sum(axis=1)
    return distances


def seed_plus_plus(
    frames: Vectors, n_clusters: int, rng: np.random.Generator, frame_weights: Floats | None = None
) -> Vectors:
    """Greedy k-means++: draw candidate frames in proportion to squared distance, keep the best of a few as next centre.

    Parameters
    ----------
    frames : ndarray (T, D)
    n_clusters : int
        K, at most T.
    rng : numpy.random.Generator
    frame_weights : ndarray (T,), optional
        Weight of each frame, positive; 1 by default.

    Returns
    -------
    ndarray (K, D)
        Centres, distinct if the frames have at least K distinct values.
    """
    n_candidates = 2 + int(np.log(n_clusters))
    features = np.ascontiguousarray(frames.T)  # distances to a candidate are then a contiguous row
    squared_norms = (features**2).sum(axis=0)

    def distances_to(candidates: npt.NDArray[np.intp]) -> Vectors:
        centers = frames[candidates]
        distances: Vectors = (-2.0 * centers) @ features
        distances += (centers**2).sum(axis=1)[:, np.newaxis]
        distances += squared_norms
        return np.maximum(distances, 0.0, out=distances)

    if frame_weights is None:
        chosen = [int(rng.integers(len(frames)))]
    else:
        cumulative = np.cumsum(frame_weights)
        chosen = [int(np.searchsorted(cumulative[:-1], rng.random() * cumulative[-1], side="right"))]
    nearest = distances_to(np.array(chosen))[0]
    while len(chosen) < n_clusters:
        cumulative = np.cumsum(nearest if frame_weights is None else nearest * frame_weights, dtype=np.float64)
        if cumulative[-1] > 0:
            drawn = rng.random(n_candidates) * cumulative[-1]
            candidates = np.minimum(np.searchsorted(cumulative, drawn, side="right"), len(frames) - 1)
        else:  # every frame equals a centre already
            candidates = rng.integers(len(frames), size=n_candidates)
        distances = np.minimum(nearest, distances_to(candidates))
        potentials = distances.sum(axis=1) if frame_weights is None else distances @ frame_weights
        best = int(np.argmin(potentials))
        chosen.append(int(candidates[best]))
        nearest = distances[best]
    return frames[chosen]


def assign(frames: Vectors, centers: Vectors, frame_weights: Floats | None = None) -> Clustering:
    """Assign each frame to its nearest centre; the weights are those of the distortion."""
    assignments = np.empty(len(frames), dtype=np.intp)
    nearest = (frames**2).sum(axis=1)
    for begin in range(0, len(frames), BLOCK_FRAMES):
        rows = slice(begin, begin + BLOCK_FRAMES)
        distances = _relative_distances(frames[rows], centers)
        assignments[rows] = distances.argmin(axis=1)
        nearest[rows] += distances[np.arange(len(distances)), assignments[rows]]
    nearest = np.maximum(nearest, 0.0)
    mean = nearest.mean(dtype=np.float64) if frame_weights is None else np.average(nearest, weights=frame_weights)
    return Clustering(centers, assignments, float(mean))


def centroids(frames: Vectors, clustering: Clustering, frame_weights: Floats | None = None) -> Vectors:
    """Mean of the frames of each cluster, (K, D). An empty cluster moves to the frame farthest from its centre.

    Several empty clusters move to different frames, if there are as many. Weights must be positive; they are 1 by
    default.
    """
    n_clusters = len(clustering.centers)
    counts = np.bincount(clustering.assignments, frame_weights, n_clusters)
    weighted = frames if frame_weights is None else frames * frame_weights[:, np.newaxis]
    sums = np.stack([np.bincount(clustering.assignments, feature, n_clusters) for feature in weighted.T], axis=1)
    means: Vectors = (sums / np.where(counts > 0, counts, 1)[:, np.newaxis]).astype(frames.dtype)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        errors = ((frames - clustering.centers[clustering.assignments]) ** 2).sum(axis=1)
        farthest = np.argsort(-errors, kind="stable")[: len(empty)]
        means[empty] = frames[np.resize(farthest, len(empty))]
    return means


def lloyd(frames: Vectors, centers: Vectors, *, max_iterations: int = LLOYD_ITERATIONS) -> Clustering:
    """Lloyd's algorithm: assign frames to centres and move centres to the means, until distortion no longer falls.

    Parameters
    ----------
    frames : ndarray (T, D)
    centers : ndarray (K, D)
        Initial centres.
    max_iterations : int
        Maximum number of iterations.

    Returns
    -------
    Clustering
        Its distortion is at most that of the initial centres.
    """
    *_, clustering = islice(lloyd_steps(frames, centers), max_iterations + 1)
    return clustering


def lloyd_steps(frames: Vectors, centers: Vectors, frame_weights: Floats | None = None) -> Iterator[Clustering]:
    """The clusterings of Lloyd's algorithm: that of the initial centres, then one for each iteration.

    The distortion falls from each to the next. They end when the distortion would not fall any more.

    Parameters
    ----------
    frames : ndarray (T, D)
    centers : ndarray (K, D)
        Initial centres.
    frame_weights : ndarray (T,), optional
        Weight of each frame, positive; 1 by default.
    """
    clustering = assign(frames, centers, frame_weights)
    yield clustering
    while True:
        moved = assign(frames, centroids(frames, clustering, frame_weights), frame_weights)
        if moved.distortion >= clustering.distortion:
            return
        clustering = moved
        yield clustering

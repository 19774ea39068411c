"""k-means: k-means++ seeds (Arthur & Vassilvitskii 2007, greedy variant) and Lloyd's iterations.

Distances are squared Euclidean, so features of different scale must be brought to one scale first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from speechgmm.mixture.estep import BLOCK_FRAMES

Vectors = npt.NDArray[Any]  # float32 or float64, which is also the precision of the work

LLOYD_ITERATIONS = 5


@dataclass(frozen=True, eq=False)
class Clustering:
    """Vectors divided among centres.

    Attributes
    ----------
    centers : ndarray (K, D)
    assignments : ndarray (T,) of int
        The nearest centre of each frame.
    distortion : float
        Mean squared distance of a frame to its centre.
    """

    centers: Vectors
    assignments: np.ndarray[tuple[int], np.dtype[np.intp]]
    distortion: float


def squared_distances(frames: Vectors, centers: Vectors) -> Vectors:
    """Squared Euclidean distance of each frame to each centre, (T, K), not negative."""
    distances: Vectors = _relative_distances(frames, centers) + (frames**2).sum(axis=1)[:, np.newaxis]
    return np.maximum(distances, 0.0, out=distances)


def _relative_distances(frames: Vectors, centers: Vectors) -> Vectors:
    """Squared distance of each frame to each centre, less the frame's own squared length: for comparing centres."""
    distances: Vectors = frames @ (-2.0 * centers.T)
    distances += (centers**2).sum(axis=1)
    return distances


def seed_plus_plus(frames: Vectors, n_clusters: int, rng: np.random.Generator) -> Vectors:
    """Draw centres from the frames, far ones more likely; of a few candidates keep the one that lowers distortion most.

    Parameters
    ----------
    frames : ndarray (T, D)
    n_clusters : int
        K, at most T.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray (K, D)
        Vectors; equal ones only where the frames have fewer than K distinct values.
    """
    n_candidates = 2 + int(np.log(n_clusters))
    features = np.ascontiguousarray(frames.T)  # a candidate's distances are a row, along which the work runs
    lengths = (features**2).sum(axis=0)

    def distances_to(candidates: npt.NDArray[np.intp]) -> Vectors:
        centers = frames[candidates]
        distances: Vectors = (-2.0 * centers) @ features
        distances += (centers**2).sum(axis=1)[:, np.newaxis]
        distances += lengths
        return np.maximum(distances, 0.0, out=distances)

    chosen = [int(rng.integers(len(frames)))]
    nearest = distances_to(np.array(chosen))[0]
    while len(chosen) < n_clusters:
        cumulated = np.cumsum(nearest, dtype=np.float64)
        if cumulated[-1] > 0:
            drawn = rng.random(n_candidates) * cumulated[-1]
            candidates = np.minimum(np.searchsorted(cumulated, drawn, side="right"), len(frames) - 1)
        else:  # all frames are centres already: any will do
            candidates = rng.integers(len(frames), size=n_candidates)
        distances = np.minimum(nearest, distances_to(candidates))
        best = int(np.argmin(distances.sum(axis=1)))
        chosen.append(int(candidates[best]))
        nearest = distances[best]
    return frames[chosen]


def assign(frames: Vectors, centers: Vectors) -> Clustering:
    """Give each frame to its nearest centre."""
    assignments = np.empty(len(frames), dtype=np.intp)
    nearest = (frames**2).sum(axis=1)
    for begin in range(0, len(frames), BLOCK_FRAMES):
        rows = slice(begin, begin + BLOCK_FRAMES)
        distances = _relative_distances(frames[rows], centers)
        assignments[rows] = distances.argmin(axis=1)
        nearest[rows] += distances[np.arange(len(distances)), assignments[rows]]
    return Clustering(centers, assignments, float(np.maximum(nearest, 0.0).mean(dtype=np.float64)))


def centroids(frames: Vectors, clustering: Clustering) -> Vectors:
    """The mean of each cluster's frames, (K, D); an empty cluster moves to the frame farthest from its centre.

    Each empty cluster takes another frame, so that two of them do not meet.
    """
    n_clusters = len(clustering.centers)
    counts = np.bincount(clustering.assignments, minlength=n_clusters)
    sums = np.stack([np.bincount(clustering.assignments, feature, n_clusters) for feature in frames.T], axis=1)
    means: Vectors = (sums / np.maximum(counts, 1)[:, np.newaxis]).astype(frames.dtype)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        errors = ((frames - clustering.centers[clustering.assignments]) ** 2).sum(axis=1)
        means[empty] = frames[np.argsort(-errors, kind="stable")[: len(empty)]]
    return means


def lloyd(frames: Vectors, centers: Vectors, *, max_iterations: int = LLOYD_ITERATIONS) -> Clustering:
    """Lloyd's iterations: assign frames to centres, move centres to their frames' mean, until nothing moves.

    Parameters
    ----------
    frames : ndarray (T, D)
    centers : ndarray (K, D)
        Where to start.
    max_iterations : int
        Most moves of the centres.

    Returns
    -------
    Clustering
        Its distortion is at most that of the start.
    """
    clustering = assign(frames, centers)
    for _ in range(max_iterations):
        moved = assign(frames, centroids(frames, clustering))
        if moved.distortion >= clustering.distortion:
            break
        clustering = moved
    return clustering

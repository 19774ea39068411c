"""k-means: k-means++ seeds (Arthur & Vassilvitskii 2007, greedy variant) and Lloyd's iterations.

Distances are squared Euclidean, so features of different scale must be brought to one scale first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechgmm.mixture.estep import BLOCK_FRAMES, Floats

LLOYD_ITERATIONS = 10


@dataclass(frozen=True, eq=False)
class Clustering:
    """Frames divided among centres.

    Attributes
    ----------
    centers : ndarray (K, D)
    assignments : ndarray (T,) of int
        The nearest centre of each frame.
    distortion : float
        Mean squared distance of a frame to its centre.
    """

    centers: Floats
    assignments: np.ndarray[tuple[int], np.dtype[np.intp]]
    distortion: float


def squared_distances(frames: Floats, centers: Floats) -> Floats:
    """Squared Euclidean distance of each frame to each centre, (T, K), not negative."""
    products = frames @ centers.T
    distances: Floats = (frames**2).sum(axis=1)[:, np.newaxis] - 2.0 * products + (centers**2).sum(axis=1)
    return np.maximum(distances, 0.0)


def seed_plus_plus(frames: Floats, n_clusters: int, rng: np.random.Generator) -> Floats:
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
        Frames; equal ones only where the frames have fewer than K distinct values.
    """
    n_candidates = 2 + int(np.log(n_clusters))
    chosen = [int(rng.integers(len(frames)))]
    nearest = squared_distances(frames, frames[chosen])[:, 0]
    while len(chosen) < n_clusters:
        total = nearest.sum()
        share = nearest / total if total > 0 else None  # all frames are centres already: any will do
        candidates = rng.choice(len(frames), size=n_candidates, p=share)
        distances = np.minimum(nearest[:, np.newaxis], squared_distances(frames, frames[candidates]))
        best = int(np.argmin(distances.sum(axis=0)))
        chosen.append(int(candidates[best]))
        nearest = distances[:, best]
    return frames[chosen]


def assign(frames: Floats, centers: Floats) -> Clustering:
    """Give each frame to its nearest centre."""
    assignments = np.empty(len(frames), dtype=np.intp)
    nearest = np.empty(len(frames))
    for begin in range(0, len(frames), BLOCK_FRAMES):
        rows = slice(begin, begin + BLOCK_FRAMES)
        distances = squared_distances(frames[rows], centers)
        assignments[rows] = distances.argmin(axis=1)
        nearest[rows] = distances.min(axis=1)
    return Clustering(centers, assignments, float(nearest.mean()))


def centroids(frames: Floats, clustering: Clustering) -> Floats:
    """The mean of each cluster's frames, (K, D); an empty cluster moves to the frame farthest from its centre.

    Each empty cluster takes another frame, so that two of them do not meet.
    """
    n_clusters = len(clustering.centers)
    counts = np.bincount(clustering.assignments, minlength=n_clusters)
    sums = np.zeros_like(clustering.centers)
    np.add.at(sums, clustering.assignments, frames)
    means = sums / np.maximum(counts, 1)[:, np.newaxis]
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        errors = ((frames - clustering.centers[clustering.assignments]) ** 2).sum(axis=1)
        means[empty] = frames[np.argsort(-errors, kind="stable")[: len(empty)]]
    return means


def lloyd(frames: Floats, centers: Floats, *, max_iterations: int = LLOYD_ITERATIONS) -> Clustering:
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

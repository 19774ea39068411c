"""k-medoids by FasterPAM (Schubert & Rousseeuw 2021): centres are frames, distances Euclidean.

The algorithm minimises the total deviation, the sum over frames of the distance to the nearest centre, by swaps of a
centre with a frame that is not a centre. The distances to the nearest and second nearest centre are cached. They give
the change of the total by a swap of one candidate with each of the K centres, at the cost of one row of distances. A
swap that lowers the total is made immediately.

Distances are not squared, so outliers have little influence. An outlier becomes a centre only if its distance exceeds
the cost of moving all frames of some cluster to their second nearest centre.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from speechgmm.mixture.estep import Floats

Indices = np.ndarray[tuple[int], np.dtype[np.intp]]

MAX_PASSES = 5  # over all candidates; there is hardly any gain after the second
CANDIDATE_BLOCK = 128  # rows of distances computed together
MIN_GAIN = 1e-12  # share of the total deviation; a smaller gain may be rounding


@dataclass(frozen=True, eq=False)
class Medoids:
    """Frames chosen as centres.

    Attributes
    ----------
    indices : ndarray (K,) of int
        Indices of the frames, all different.
    deviations : tuple of float
        Total deviation of the initial centres and after each swap, decreasing.
    converged : bool
        True if no single swap lowers the total further; False at the maximum number of passes.
    """

    indices: Indices
    deviations: tuple[float, ...]
    converged: bool


@dataclass(eq=False)
class Nearest:
    """The nearest and second nearest centre of each frame; with a single centre, that one twice.

    Attributes
    ----------
    first, second : ndarray (T,) of int
        Index of the centre, from 0.
    to_first, to_second : ndarray (T,)
        Distance to the centre.
    """

    first: Indices
    to_first: Floats
    second: Indices
    to_second: Floats


def k_medoids(
    frames: Floats,
    n_clusters: int,
    rng: np.random.Generator,
    *,
    max_passes: int = MAX_PASSES,
    frame_weights: Floats | None = None,
    monitor: Callable[[Indices], None] | None = None,
) -> Medoids:
    """Choose K frames as centres: random initial centres, then swaps that lower the total deviation.

    Parameters
    ----------
    frames : ndarray (T, D)
        The time of a pass is quadratic in T; use a sample of a few thousand.
    n_clusters : int
        K, at most T.
    rng : numpy.random.Generator
    max_passes : int
        Maximum number of times each frame is tried as a centre.
    frame_weights : ndarray (T,), optional
        Weight of each frame in the total deviation, not negative; 1 by default.
    monitor : callable, optional
        Called with the indices of the initial centres, and of the centres after each swap.

    Returns
    -------
    Medoids
    """
    n_frames = len(frames)
    weights = np.ones(n_frames) if frame_weights is None else frame_weights
    chosen = rng.choice(n_frames, size=n_clusters, replace=False)
    nearest = two_nearest(frames, frames[chosen])
    removal = removal_costs(nearest, n_clusters, weights)
    deviations: list[float] = []

    def record() -> None:
        deviations.append(float((weights * nearest.to_first).sum()))
        if monitor is not None:
            monitor(chosen.copy())

    record()
    since_swap = 0
    for candidate, distances in _candidates(frames, max_passes):
        if since_swap == n_frames:
            break
        since_swap += 1
        changes = swap_changes(distances, nearest, removal, weights)
        out = int(np.argmin(changes))
        if changes[out] < -MIN_GAIN * deviations[-1]:
            chosen[out] = candidate
            _swap(nearest, frames, frames[chosen], out, distances)
            removal = removal_costs(nearest, n_clusters, weights)
            record()
            since_swap = 0
    return Medoids(chosen, tuple(deviations), since_swap == n_frames)


def swap_changes(distances: Floats, nearest: Nearest, removal: Floats, weights: Floats) -> Floats:
    """Change of the total deviation if a candidate replaces each of the centres.

    Parameters
    ----------
    distances : ndarray (T,)
        Distances of the frames to the candidate.
    nearest : Nearest
    removal : ndarray (K,)
        Result of `removal_costs`.
    weights : ndarray (T,)
        Weight of each frame.

    Returns
    -------
    ndarray (K,)
        A frame that is nearer to the candidate than to its nearest centre gains for every replaced centre. A frame of
        the replaced centre moves to the candidate or to its second nearest centre.
    """
    gain = (weights * np.minimum(distances - nearest.to_first, 0.0)).sum()
    relief = weights * (nearest.to_second - np.clip(distances, nearest.to_first, nearest.to_second))
    changes: Floats = removal + gain - np.bincount(nearest.first, weights=relief, minlength=len(removal))
    return changes


def _candidates(frames: Floats, n_passes: int) -> Iterator[tuple[int, Floats]]:
    """Yield the index of each frame and its distances to all frames, once per pass."""
    for _ in range(n_passes):
        for begin in range(0, len(frames), CANDIDATE_BLOCK):
            yield from enumerate(cdist(frames[begin : begin + CANDIDATE_BLOCK], frames), begin)


def two_nearest(frames: Floats, centers: Floats) -> Nearest:
    """Find the nearest and second nearest of the centres (K, D) of each frame (T, D)."""
    distances = cdist(frames, centers)
    rows = np.arange(len(frames))
    first = distances.argmin(axis=1)
    to_first = distances[rows, first]
    if len(centers) == 1:  # an upper bound of all distances between frames replaces the second distance
        return Nearest(first, to_first, first, np.full(len(frames), 2.0 * to_first.max()))
    distances[rows, first] = np.inf
    second = distances.argmin(axis=1)
    return Nearest(first, to_first, second, distances[rows, second])


def removal_costs(nearest: Nearest, n_clusters: int, weights: Floats) -> Floats:
    """Increase of the total deviation if a centre is removed, (K,): its frames move to their second nearest centre."""
    costs = weights * (nearest.to_second - nearest.to_first)
    return np.bincount(nearest.first, weights=costs, minlength=n_clusters).astype(np.float64)


def _swap(nearest: Nearest, frames: Floats, centers: Floats, out: int, distances: Floats) -> None:
    """Update `nearest` after a candidate with these distances has replaced centre `out`."""
    lost = (nearest.first == out) | (nearest.second == out)
    closest = ~lost & (distances < nearest.to_first)
    closer = ~(lost | closest) & (distances < nearest.to_second)
    nearest.second[closest], nearest.to_second[closest] = nearest.first[closest], nearest.to_first[closest]
    nearest.first[closest], nearest.to_first[closest] = out, distances[closest]
    nearest.second[closer], nearest.to_second[closer] = out, distances[closer]
    updated = two_nearest(frames[lost], centers)
    nearest.first[lost], nearest.to_first[lost] = updated.first, updated.to_first
    nearest.second[lost], nearest.to_second[lost] = updated.second, updated.to_second

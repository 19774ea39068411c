"""k-medoids: centres that are frames, chosen so that the frames lie near them in Euclidean distance, not squared.

Minimised is the total deviation, the sum over frames of the distance to the nearest centre, by swaps of a centre with a
frame that is none: FasterPAM (Schubert & Rousseeuw 2021). Cached distances to the nearest and the second nearest centre
tell for one candidate what a swap with each of the K centres would change, at the cost of one row of distances; a swap
that lowers the total is made at once. As distances are not squared, a stray frame pulls no harder than any other; it
becomes a centre of its own only where its distance exceeds what that leaves to be paid by all frames of a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from speechgmm.mixture.estep import Floats

Indices = np.ndarray[tuple[int], np.dtype[np.intp]]

MAX_PASSES = 5  # over all candidates; hardly anything is gained after the second
CANDIDATES_AT_ONCE = 128  # rows of distances computed together
LEAST_GAIN = 1e-12  # of the total deviation: a smaller one may be rounding


@dataclass(frozen=True, eq=False)
class Medoids:
    """Frames chosen as centres.

    Attributes
    ----------
    indices : ndarray (K,) of int
        Which frames they are, all different.
    deviations : tuple of float
        Total deviation at first and after each swap; it falls.
    settled : bool
        True if no single swap lowers the total further; False if the passes ran out first.
    """

    indices: Indices
    deviations: tuple[float, ...]
    settled: bool


@dataclass(eq=False)
class Nearest:
    """The two centres nearest to each frame; with a single centre, that one twice.

    Attributes
    ----------
    first, second : ndarray (T,) of int
        Which of the centres, from 0.
    to_first, to_second : ndarray (T,)
        Distances to them.
    """

    first: Indices
    to_first: Floats
    second: Indices
    to_second: Floats


def k_medoids(frames: Floats, n_clusters: int, rng: np.random.Generator, *, max_passes: int = MAX_PASSES) -> Medoids:
    """Choose K frames as centres by eager swaps from a random start.

    Parameters
    ----------
    frames : ndarray (T, D)
        A pass takes time in proportion to T squared: a sample of a few thousand.
    n_clusters : int
        K, at most T.
    rng : numpy.random.Generator
    max_passes : int
        How many times each frame is tried as a centre, at most.

    Returns
    -------
    Medoids
    """
    n_frames = len(frames)
    chosen = rng.choice(n_frames, size=n_clusters, replace=False)
    nearest = two_nearest(frames, frames[chosen])
    removal = removal_costs(nearest, n_clusters)
    deviations = [float(nearest.to_first.sum())]
    since_swap = 0
    for candidate, distances in _candidates(frames, max_passes):
        if since_swap == n_frames:
            break
        since_swap += 1
        changes = swap_changes(distances, nearest, removal)
        out = int(np.argmin(changes))
        if changes[out] < -LEAST_GAIN * deviations[-1]:
            chosen[out] = candidate
            _swap(nearest, frames, frames[chosen], out, distances)
            removal = removal_costs(nearest, n_clusters)
            deviations.append(float(nearest.to_first.sum()))
            since_swap = 0
    return Medoids(chosen, tuple(deviations), since_swap == n_frames)


def swap_changes(distances: Floats, nearest: Nearest, removal: Floats) -> Floats:
    """What the total deviation would change by if a candidate took the place of each centre.

    Parameters
    ----------
    distances : ndarray (T,)
        From the frames to the candidate.
    nearest : Nearest
    removal : ndarray (K,)
        Of `removal_costs`.

    Returns
    -------
    ndarray (K,)
        A frame that is nearer to the candidate than to its first centre gains, whichever centre goes. A frame of the
        centre that goes pays no more than the way to the candidate.
    """
    gain = np.minimum(distances - nearest.to_first, 0.0).sum()
    relief = nearest.to_second - np.clip(distances, nearest.to_first, nearest.to_second)
    changes: Floats = removal + gain - np.bincount(nearest.first, weights=relief, minlength=len(removal))
    return changes


def _candidates(frames: Floats, n_passes: int) -> Iterator[tuple[int, Floats]]:
    """Each frame's number and its distances to all frames, again and again."""
    for _ in range(n_passes):
        for begin in range(0, len(frames), CANDIDATES_AT_ONCE):
            yield from enumerate(cdist(frames[begin : begin + CANDIDATES_AT_ONCE], frames), begin)


def two_nearest(frames: Floats, centers: Floats) -> Nearest:
    """Find the two of the centres (K, D) that are nearest to each frame (T, D)."""
    distances = cdist(frames, centers)
    rows = np.arange(len(frames))
    first = distances.argmin(axis=1)
    to_first = distances[rows, first]
    if len(centers) == 1:  # no frame can be farther from another than this: being left without a centre
        return Nearest(first, to_first, first, np.full(len(frames), 2.0 * to_first.max()))
    distances[rows, first] = np.inf
    second = distances.argmin(axis=1)
    return Nearest(first, to_first, second, distances[rows, second])


def removal_costs(nearest: Nearest, n_clusters: int) -> Floats:
    """What it would cost to remove each centre, (K,): its frames would pay the way to their second one."""
    costs = nearest.to_second - nearest.to_first
    return np.bincount(nearest.first, weights=costs, minlength=n_clusters).astype(np.float64)


def _swap(nearest: Nearest, frames: Floats, centers: Floats, out: int, distances: Floats) -> None:
    """Bring `nearest` up to date after a candidate with these distances has taken the place of centre `out`."""
    bereft = (nearest.first == out) | (nearest.second == out)
    closest = ~bereft & (distances < nearest.to_first)
    closer = ~(bereft | closest) & (distances < nearest.to_second)
    nearest.second[closest], nearest.to_second[closest] = nearest.first[closest], nearest.to_first[closest]
    nearest.first[closest], nearest.to_first[closest] = out, distances[closest]
    nearest.second[closer], nearest.to_second[closer] = out, distances[closer]
    again = two_nearest(frames[bereft], centers)
    nearest.first[bereft], nearest.to_first[bereft] = again.first, again.to_first
    nearest.second[bereft], nearest.to_second[bereft] = again.second, again.to_second

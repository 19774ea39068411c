"""The fit of centres by k-means for the estimators: restarts, data far from 0, and fewer rows than centres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from speechgmm.mixture.estep import Floats
from speechgmm.mixture.estimators.trace import Trace
from speechgmm.mixture.estimators.validation import Samples, checked_points, choice, count, seed_of, warn
from speechgmm.mixture.kmeans import Clustering, assign, lloyd_steps, seed_plus_plus

START_METHODS = ("k-means++", "random")


@dataclass(frozen=True, eq=False)
class Codebook:
    """Centres found by Lloyd's algorithm.

    Attributes
    ----------
    centers : ndarray (K, D)
    distortion : float
        Mean squared distance of the rows to their centres, by weight.
    n_iterations : int
        Number of times the centres were moved.
    trace : Trace
    """

    centers: Floats
    distortion: float
    n_iterations: int
    trace: Trace


def fit_codebook(
    samples: Samples, n_centers: int, *, init: Any, n_init: Any, max_iter: Any, random_state: Any, keep: bool
) -> Codebook:
    """The best of several runs of Lloyd's algorithm.

    Parameters
    ----------
    samples : Samples
        If there are fewer distinct rows than centres, these are the centres, some of them twice, with a warning.
    n_centers : int
        K.
    init : str or array-like (K, D)
        "k-means++", "random" for distinct random rows, or the initial centres.
    n_init, max_iter : int
        Number of runs, and the maximum number of iterations of each.
    random_state : int, RandomState or None
    keep : bool
        Whether the trace has the centres of each iteration.

    Raises
    ------
    OptionError
        If a parameter is outside its range.
    """
    n_rows = len(samples.rows)
    n_runs, n_most = count("n_init", n_init), count("max_iter", max_iter)
    offset = np.average(samples.rows, axis=0, weights=samples.weights)  # products of large values would cancel
    rows = samples.rows - offset
    if not isinstance(init, str):
        starts = [checked_points("init", init, (n_centers, rows.shape[1])) - offset]
    elif choice("init", init, START_METHODS) and n_rows < n_centers:
        warn(f"X has {n_rows} distinct rows, fewer than the {n_centers} centres: some centres are equal")
        starts = [np.resize(rows, (n_centers, rows.shape[1]))]
    else:
        rngs = [np.random.default_rng([seed_of(random_state), number]) for number in range(n_runs)]
        starts = [
            seed_plus_plus(rows, n_centers, rng, samples.weights)
            if init == "k-means++"
            else rows[rng.choice(n_rows, n_centers, replace=False)]
            for rng in rngs
        ]
    runs = [list(islice(lloyd_steps(rows, start, samples.weights), n_most + 1)) for start in starts]
    best = min(runs, key=lambda run: run[-1].distortion)
    return Codebook(
        centers=best[-1].centers + offset,
        distortion=best[-1].distortion,
        n_iterations=max(len(best) - 1, 1),
        trace=trace_of(best, rows, samples.weights, offset, keep=keep),
    )


def trace_of(run: Sequence[Clustering], rows: Floats, weights: Floats, offset: Floats, *, keep: bool) -> Trace:
    """The record of one run.

    Returns
    -------
    Trace
        `assigned`: the distortion after the rows were assigned to the centres; `moved`: after the centres then moved to
        the means of their rows, NaN for the last ones, which did not move.
    """
    moved = [
        np.average(((rows - after.centers[before.assignments]) ** 2).sum(axis=1), weights=weights)
        for before, after in pairwise(run)
    ]
    columns = {"assigned": np.array([each.distortion for each in run]), "moved": np.array([*moved, np.nan])}
    return Trace(columns, [{"centers": each.centers + offset} for each in run] if keep else [])


def nearest(rows: Floats, centers: Floats) -> npt.NDArray[np.intp]:
    """Number of the centre (K, D) nearest to each row (n, D), from 0; the first one of a tie."""
    offset = centers.mean(axis=0)
    return assign(rows - offset, centers - offset).assignments

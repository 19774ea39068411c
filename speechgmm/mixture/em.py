"""The update: from statistics to a better mixture, and the loop around both (Dempster, Laird & Rubin 1977).

M-step (Bishop 2006, eq. 9.24 to 9.26; the statistics are taken around c):

    w_k = n_k / sum_j n_j        m_k = c + s_k / n_k        v_k = max(q_k / n_k - (s_k / n_k)^2, floor)           (4)

The floored variance is the constrained optimum, so the likelihood does not fall while the starting mixture keeps to the
floor. A component that owns less than `min_occupancy` frames is put on one half of the heaviest component; in a fit of
K components this is done K times at most, after that such components are removed. Only in such an iteration may the
likelihood fall, and `Fit` says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from speechgmm.errors import OptionError, TrainingError
from speechgmm.mixture.estep import Axes, Floats, Frames
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.statistics import Spread, Statistics, accumulate_shards, all_finite, auxiliary, moments

SPLIT_OFFSET = 0.2  # standard deviations between a split component's mean and each half's, as HTK has it
ABSOLUTE_FLOOR = 1e-6  # for a feature that never varies, in squared units of the feature


@dataclass(frozen=True, kw_only=True)
class EMOptions:
    """How EM runs.

    Attributes
    ----------
    max_iterations : int
        Most updates, at least 1.
    tolerance : float
        EM has converged when an update gains less than this, in nats a frame; not negative.
    variance_floor : float
        Least variance of a component as a share of the data's variance in the same dimension, in [0, 1).
    min_occupancy : float
        Least number of (weighted) frames a component must own, positive.
    hard : bool
        Give each frame to its most likely component alone (Viterbi training) instead of sharing it out.
    """

    max_iterations: int = 50
    tolerance: float = 1e-3
    variance_floor: float = 0.01
    min_occupancy: float = 10.0
    hard: bool = False

    def __post_init__(self) -> None:
        if self.max_iterations < 1:
            raise OptionError(f"max_iterations is {self.max_iterations}, but EM needs at least 1")
        if not self.tolerance >= 0:
            raise OptionError(f"tolerance is {self.tolerance}, but it must be 0 or more")
        if not 0 <= self.variance_floor < 1:
            raise OptionError(f"variance_floor is {self.variance_floor}, but it must be at least 0 and below 1")
        if not self.min_occupancy > 0:
            raise OptionError(f"min_occupancy is {self.min_occupancy}, but it must be positive")


@dataclass(frozen=True, kw_only=True, eq=False)
class Update:
    """A mixture from one M-step, and what had to be repaired.

    Attributes
    ----------
    mixture : DiagonalMixture
    n_floored : int
        Variances (of K times D) held at the floor.
    n_reseeded, n_pruned : int
        Components put on one half of the heaviest, or removed, because they owned too few frames.
    """

    mixture: DiagonalMixture
    n_floored: int = 0
    n_reseeded: int = 0
    n_pruned: int = 0


@dataclass(frozen=True, kw_only=True)
class Iteration:
    """One step of EM in the light of its lower bound (Neal & Hinton 1998); all in nats a frame.

    For any responsibilities q, ``F(q, mixture) = Q + entropy(q)`` is at most the log-likelihood, by the
    Kullback-Leibler divergence of q from the posteriors. The M-step raises F at fixed q; the E-step closes the gap.

    Attributes
    ----------
    log_likelihood : float
        Of the mixture that the M-step made. (Hard EM: of the frames and their most likely components together.)
    auxiliary, entropy : float
        Q and the entropy of the responsibilities after the E-step; their sum F is the log-likelihood again.
    raised : float
        F after the M-step, with the responsibilities of the step before; NaN for the start, and where components were
        re-seeded or removed.
    """

    log_likelihood: float
    auxiliary: float
    entropy: float
    raised: float

    @classmethod
    def after(cls, statistics: Statistics, mixture: DiagonalMixture, *, raised: float) -> Iteration:
        """What an E-step found: its statistics, under the mixture they were taken with."""
        return cls(
            log_likelihood=statistics.log_likelihood / statistics.n_frames,
            auxiliary=auxiliary(statistics, mixture) / statistics.n_frames,
            entropy=statistics.entropy / statistics.n_frames,
            raised=raised,
        )

    @property
    def bound(self) -> float:
        """F after the E-step."""
        return self.auxiliary + self.entropy

    @property
    def gap(self) -> float:
        """Divergence of the old responsibilities from the new posteriors, which the E-step closed; not negative."""
        return self.log_likelihood - self.raised


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A fitted mixture and how it came about.

    Attributes
    ----------
    mixture : DiagonalMixture
    iterations : tuple of Iteration
        Of the starting mixture and after each update; the last is `mixture`'s.
    converged : bool
        True if the last update gained less than the tolerance; False if the iterations ran out.
    n_floored : int
        Variances of `mixture` that stand at the floor.
    reseeded_at : tuple of int
        The updates (from 1) in which components were re-seeded or removed: there the likelihood may fall.
    n_reseeded, n_pruned : int
        Components re-seeded and removed in all.
    """

    mixture: DiagonalMixture
    iterations: tuple[Iteration, ...]
    converged: bool
    n_floored: int
    reseeded_at: tuple[int, ...]
    n_reseeded: int
    n_pruned: int

    @property
    def log_likelihoods(self) -> tuple[float, ...]:
        """Mean log-likelihood a frame (nats) of the start and after each update."""
        return tuple(iteration.log_likelihood for iteration in self.iterations)

    @property
    def n_iterations(self) -> int:
        """How many updates were made."""
        return len(self.iterations) - 1


def floor_variances(variance: Floats, options: EMOptions) -> Floats:
    """Least variance of a component in each dimension, (D,), from the data's variance (D,)."""
    return np.maximum(options.variance_floor * variance, ABSOLUTE_FLOOR)


def checked_moments(frames: Frames, n_components: int, frame_weights: Floats | None) -> tuple[Floats, Floats]:
    """Mean and variance of the frames, each (D,), once it is clear that a mixture can be fitted to them.

    Parameters
    ----------
    frames : ndarray (T, D)
    n_components : int
    frame_weights : ndarray (T,) or None
        A frame of weight 0 does not count as one.

    Raises
    ------
    TrainingError
        If there are fewer frames than components, or a frame is not finite.
    """
    n_frames = len(frames) if frame_weights is None else int(np.count_nonzero(frame_weights))
    if n_frames < n_components:
        raise TrainingError(
            f"there are {n_frames} frames for {n_components} components: give more speech or fewer components"
        )
    if not all_finite(frames):
        raise TrainingError("the frames hold values that are not finite numbers")
    return moments(frames, frame_weights)


def update(statistics: Statistics, *, floor: Floats, min_occupancy: float, may_reseed: int) -> Update:
    """M-step, equation (4): the mixture of highest expected log-likelihood above the variance floor.

    Parameters
    ----------
    statistics : Statistics
    floor : ndarray (D,)
        Least variances.
    min_occupancy : float
        A component with fewer frames is re-seeded or removed. The heaviest always stays.
    may_reseed : int
        How many components may be re-seeded; beyond them, components are removed.

    Returns
    -------
    Update
    """
    occupancies = statistics.occupancies
    poor = occupancies < min_occupancy
    poor[np.argmax(occupancies)] = False
    rich = ~poor
    counts = occupancies[rich]
    offsets = statistics.first[rich] / counts[:, np.newaxis]
    means = statistics.center + offsets
    variances = np.maximum(statistics.second[rich] / counts[:, np.newaxis] - offsets**2, floor)
    n_reseeded = min(int(poor.sum()), may_reseed)
    for _ in range(n_reseeded):
        counts, means, variances = split_heaviest(counts, means, variances)
    return Update(
        mixture=DiagonalMixture(counts / counts.sum(), means, variances),
        n_floored=int((variances <= floor).sum()),
        n_reseeded=n_reseeded,
        n_pruned=int(poor.sum()) - n_reseeded,
    )


def split_heaviest(counts: Floats, means: Floats, variances: Floats) -> tuple[Floats, Floats, Floats]:
    """Replace the component with most frames by two halves, `SPLIT_OFFSET` standard deviations to either side.

    Parameters
    ----------
    counts : ndarray (K,)
    means, variances : ndarray (K, D)

    Returns
    -------
    counts : ndarray (K + 1,)
    means, variances : ndarray (K + 1, D)
    """
    heaviest = int(np.argmax(counts))
    shift = SPLIT_OFFSET * np.sqrt(variances[heaviest])
    counts = np.append(counts, counts[heaviest] / 2)
    counts[heaviest] /= 2
    means = np.vstack([means, means[heaviest] + shift])
    means[heaviest] -= shift
    return counts, means, np.vstack([variances, variances[heaviest]])


def fit(
    frames: Frames,
    start: DiagonalMixture,
    *,
    frame_weights: Floats | None = None,
    options: EMOptions = EMOptions(),
    spread: Spread = map,
    monitor: Callable[[int, float], None] | None = None,
) -> Fit:
    """Fit a mixture to frames by EM.

    Parameters
    ----------
    frames : ndarray (T, D)
    start : DiagonalMixture
        Where EM starts; its variances are lifted to the floor first.
    frame_weights : ndarray (T,), optional
        How much each frame counts; 1 by default.
    options : EMOptions
    spread : callable
        How the shards of an E-step are worked on: see `statistics.accumulate_shards`.
    monitor : callable, optional
        Called after each update with its number (from 1) and the mean log-likelihood a frame.

    Returns
    -------
    Fit

    Raises
    ------
    TrainingError
        If there are fewer frames than components, or a frame is not finite.
    """
    center, variance = checked_moments(frames, start.n_components, frame_weights)
    axes = Axes.around(center, np.sqrt(np.maximum(variance, ABSOLUTE_FLOOR)))
    floor = floor_variances(variance, options)
    mixture = DiagonalMixture(start.weights, start.means, np.maximum(start.variances, floor))

    def e_step(mixture: DiagonalMixture) -> Statistics:
        return accumulate_shards(
            mixture, frames, axes=axes, frame_weights=frame_weights, hard=options.hard, spread=spread
        )

    statistics = e_step(mixture)
    history = [Iteration.after(statistics, mixture, raised=math.nan)]
    reseeded_at: list[int] = []
    n_floored = n_reseeded = n_pruned = 0
    converged = False
    while not converged and len(history) <= options.max_iterations:
        step = update(
            statistics,
            floor=floor,
            min_occupancy=options.min_occupancy,
            may_reseed=start.n_components - n_reseeded,
        )
        mixture, n_floored = step.mixture, step.n_floored
        n_reseeded += step.n_reseeded
        n_pruned += step.n_pruned
        repaired = bool(step.n_reseeded or step.n_pruned)
        if repaired:
            reseeded_at.append(len(history))
            raised = math.nan  # the old responsibilities were of other components
        else:
            raised = (auxiliary(statistics, mixture) + statistics.entropy) / statistics.n_frames
        statistics = e_step(mixture)
        history.append(Iteration.after(statistics, mixture, raised=raised))
        gain = history[-1].log_likelihood - history[-2].log_likelihood
        converged = not repaired and gain < options.tolerance
        if monitor is not None:
            monitor(len(history) - 1, history[-1].log_likelihood)
    return Fit(
        mixture=mixture,
        iterations=tuple(history),
        converged=converged,
        n_floored=n_floored,
        reseeded_at=tuple(reseeded_at),
        n_reseeded=n_reseeded,
        n_pruned=n_pruned,
    )

"""The statistics: what EM needs to know of the data under a mixture. They add up.

The E-step computes responsibilities ``g_tk`` and keeps of them only sums over frames (Bishop 2006, eq. 9.23 to 9.27),

    n_k = sum_t a_t g_tk        s_k = sum_t a_t g_tk (x_t - c)        q_k = sum_t a_t g_tk (x_t - c)^2            (3)

with frame weights ``a_t`` and a fixed centre ``c``, around which nothing cancels. Sums over disjoint sets of frames
add up to the sums over all of them, whatever the order, the chunks or the machine.
"""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from speechgmm.errors import TrainingError
from speechgmm.mixture.estep import BOOST, Axes, Floats, Frames, keep_best, score_blocks
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.shards import Shard, Shards, Spread


@dataclass(frozen=True, eq=False)
class Statistics:
    """Expected sufficient statistics of some frames under a mixture, equation (3).

    Attributes
    ----------
    axes : Axes
        What the frames were expressed on; its centre is the c of (3).
    n_frames : float
        Sum of the frame weights.
    log_likelihood : float
        Weighted sum of the frames' log-likelihoods (natural logarithm); of their most likely components' joint ones
        where each frame was given to one component.
    entropy : float
        Weighted sum of the entropies of the frames' responsibilities, in nats.
    sums : ndarray (K, 1 + D) or (K, 1 + 2D)
        Sums of ``(1, x)`` or ``(1, x, x^2)``, weighted by the responsibilities, x on these axes.
    """

    axes: Axes
    n_frames: float
    log_likelihood: float
    entropy: float
    sums: Floats

    @property
    def center(self) -> Floats:
        """The c of (3), (D,)."""
        return self.axes.center

    @property
    def occupancies(self) -> Floats:
        """The n_k of (3), (K,); they sum to `n_frames`."""
        return self.sums[:, 0]

    @property
    def first(self) -> Floats:
        """The s_k of (3), (K, D), in the units of the features."""
        return self.sums[:, 1 : 1 + len(self.axes.center)] * self.axes.scale

    @property
    def second(self) -> Floats:
        """The q_k of (3), (K, D), in the squared units of the features; for axes that frames are squared on."""
        return self.sums[:, 1 + len(self.axes.center) :] * self.axes.scale**2

    def __add__(self, other: Statistics) -> Statistics:
        if not self.axes.same(other.axes):
            raise ValueError("statistics on different axes cannot be added")
        return Statistics(
            axes=self.axes,
            n_frames=self.n_frames + other.n_frames,
            log_likelihood=self.log_likelihood + other.log_likelihood,
            entropy=self.entropy + other.entropy,
            sums=self.sums + other.sums,
        )

    def only(self, which: npt.NDArray[np.bool_]) -> Statistics:
        """The same with the sums of some components only."""
        return replace(self, sums=self.sums[which])


def auxiliary(statistics: Statistics, mixture: Mixture) -> float:
    """EM's auxiliary function Q: expected joint log-likelihood of frames and components under a mixture.

    The expectation is over the responsibilities that the statistics were taken with, whichever mixture gave them:
    ``Q = sum_t a_t sum_k g_tk log w_k p_k(x_t)``  (Bishop 2006, eq. 9.30).

    Parameters
    ----------
    statistics : Statistics
    mixture : Mixture
        With the same number of components.

    Returns
    -------
    float
        In nats, over all frames.
    """
    coefficients = mixture.joint_coefficients(statistics.axes)
    return float((statistics.sums * coefficients.T).sum() + statistics.sums.sum(axis=0) @ statistics.axes.reference)


def accumulate(
    mixture: Mixture,
    frames: Frames,
    *,
    axes: Axes,
    frame_weights: Floats | None = None,
    hard: bool = False,
) -> Statistics:
    """E-step: the statistics of frames under a mixture.

    Parameters
    ----------
    mixture : Mixture
    frames : ndarray (T, D)
        In float32 or float64, which is also the precision of the work within a block; blocks add up in float64.
    axes : Axes
        Near the data's mean and standard deviation, the same for all statistics that shall be added.
    frame_weights : ndarray (T,), optional
        How much each frame counts, not negative; 1 by default.
    hard : bool
        Give each frame to its most likely component alone, as Viterbi training does, instead of sharing it out.

    Returns
    -------
    Statistics
    """
    coefficients = mixture.joint_coefficients(axes)
    sums = np.zeros((mixture.n_components, axes.n_expanded))
    log_ratio = 0.0
    for rows, block in score_blocks(frames, axes, coefficients):
        if hard:
            keep_best(block)
        weights = np.ones(len(block.totals)) if frame_weights is None else frame_weights[rows]
        log_ratio += float(weights @ block.log_ratios)
        # Normalises the responsibilities at the length of z in products a frame instead of K.
        block.z[:] *= (BOOST * weights / block.totals).astype(block.z.dtype)
        sums += (block.z @ block.likelihoods).T
    sums /= BOOST
    n_frames = float(len(frames)) if frame_weights is None else float(frame_weights.sum())
    # Responsibilities sum to 1, so the axes' own share of the log-likelihoods is in the sums already. And the
    # log-likelihood is Q plus the entropy of the responsibilities, because these are the posteriors.
    return Statistics(
        axes=axes,
        n_frames=n_frames,
        log_likelihood=log_ratio + float(sums.sum(axis=0) @ axes.reference),
        entropy=log_ratio - float((sums * coefficients.T).sum()),
        sums=sums,
    )


def accumulate_shards(
    mixture: Mixture, shards: Shards, *, axes: Axes, hard: bool = False, spread: Spread = map
) -> Statistics:
    """E-step on shards, which may be worked on side by side: parameters otherwise as for `accumulate`.

    What the shards give is added up in their order, so the sums do not depend on how the work was spread.

    Parameters
    ----------
    shards : sequence of Shard
        None have statistics of 0.
    spread : callable
        Applies a function to each of some items and gives the results in their order, as `map` does.
    """
    work = functools.partial(_accumulate_shard, mixture, axes, hard)
    nothing = Statistics(axes, 0.0, 0.0, 0.0, np.zeros((mixture.n_components, axes.n_expanded)))
    return functools.reduce(operator.add, spread(work, shards), nothing)


def _accumulate_shard(mixture: Mixture, axes: Axes, hard: bool, shard: Shard) -> Statistics:
    return accumulate(mixture, shard.frames(), axes=axes, frame_weights=shard.weights(), hard=hard)


def mean_log_likelihood(mixture: Mixture, shards: Shards, *, spread: Spread = map) -> float:
    """Weighted mean of the log-likelihoods (nats) of frames of which at least one has any weight."""
    sums = list(spread(functools.partial(_score_shard, mixture), shards))
    return sum(score for score, _ in sums) / sum(weight for _, weight in sums)


def _score_shard(mixture: Mixture, shard: Shard) -> tuple[float, float]:
    weights = shard.weights()
    return float(weights @ mixture.log_likelihoods(shard.frames())), float(weights.sum())


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and variance of some frames; those of several sets of frames add up to those of all.

    Attributes
    ----------
    total : float
        Sum of the frames' weights.
    mean, variance : ndarray (D,)
    """

    total: float
    mean: Floats
    variance: Floats

    def __add__(self, other: Moments) -> Moments:
        """Those of both sets together (Chan, Golub & LeVeque 1979)."""
        total = self.total + other.total
        share = other.total / (total or 1.0)
        step = other.mean - self.mean
        return Moments(
            total=total,
            mean=self.mean + share * step,
            variance=(1.0 - share) * self.variance + share * other.variance + share * (1.0 - share) * step**2,
        )


def moments(shards: Shards, *, spread: Spread = map) -> Moments:
    """Weighted mean and variance of the frames of one or more shards, in float64.

    Raises
    ------
    TrainingError
        If a frame is not finite; it says where that comes from.
    """
    return functools.reduce(operator.add, spread(_moments_of_shard, shards))


def _moments_of_shard(shard: Shard) -> Moments:
    weights, frames = shard.weights(), shard.frames().astype(np.float64)
    strange = ~np.isfinite(frames).all(axis=1)
    if strange.any():
        raise TrainingError(f"{shard.describe(int(strange.argmax()))} hold values that are not finite numbers")
    total = float(weights.sum())
    mean = weights @ frames / (total or 1.0)
    frames -= mean
    variance = weights @ np.square(frames, out=frames) / (total or 1.0)
    return Moments(total, mean, variance)

"""Expected sufficient statistics of frames under a mixture: the E-step.

The E-step computes responsibilities ``g_tk`` and keeps sums over frames only (Bishop 2006, eq. 9.23 to 9.27),

    n_k = sum_t a_t g_tk        s_k = sum_t a_t g_tk (x_t - c)        q_k = sum_t a_t g_tk (x_t - c)^2            (3)

with frame weights ``a_t`` and a fixed centre ``c``, which avoids cancellation. Statistics of disjoint sets of frames
add up to the statistics of all frames.
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
from speechgmm.mixture.shards import Shard, ShardedFrames


@dataclass(frozen=True, eq=False)
class Statistics:
    """Expected sufficient statistics of a set of frames under a mixture, equation (3).

    Attributes
    ----------
    axes : Axes
        The axes that the frames were expressed on; their centre is the c of (3).
    n_frames : float
        Sum of the frame weights.
    log_likelihood : float
        Weighted sum of the frames' log-likelihoods (nats). Hard EM: of the joint log-likelihoods of frames and their
        most likely components.
    entropy : float
        Weighted sum of the entropies of the frames' responsibilities, in nats.
    sums : ndarray (K, M)
        Sums of the z of the axes, such as ``(1, x)`` or ``(1, x, x^2)``, weighted by the responsibilities, x on these
        axes.
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
        """The q_k of (3), (K, D), in the squared units of the features; only for axes with ``z = (1, x, x^2, ...)``."""
        n_dimensions = len(self.axes.center)
        return self.sums[:, 1 + n_dimensions : 1 + 2 * n_dimensions] * self.axes.scale**2

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
        """The statistics with the sums of the selected components only."""
        return replace(self, sums=self.sums[which])


def auxiliary(statistics: Statistics, mixture: Mixture) -> float:
    """The auxiliary function Q of EM: expected joint log-likelihood of frames and components under a mixture.

    ``Q = sum_t a_t sum_k g_tk log w_k p_k(x_t)`` with the responsibilities of the statistics, which may be those of
    another mixture (Bishop 2006, eq. 9.30).

    Parameters
    ----------
    statistics : Statistics
    mixture : Mixture
        With the number of components of the statistics.

    Returns
    -------
    float
        In nats, summed over all frames.
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
    """E-step: expected sufficient statistics of frames under a mixture.

    Parameters
    ----------
    mixture : Mixture
    frames : ndarray (T, D)
        In float32 or float64, which is also the precision within a block; blocks are summed in float64.
    axes : Axes
        Near the data's mean and standard deviation; the same for all statistics that are added.
    frame_weights : ndarray (T,), optional
        Weight of each frame, not negative; 1 by default.
    hard : bool
        Assign each frame to its most likely component only (Viterbi training), not to all by responsibility.

    Returns
    -------
    Statistics
    """
    coefficients = mixture.joint_coefficients(axes)
    sums, products = np.zeros(coefficients.shape), np.empty(coefficients.shape, dtype=frames.dtype)
    log_ratio = 0.0
    for rows, block in score_blocks(frames, axes, coefficients):
        if hard:
            keep_best(block)
        weights = np.ones(len(block.totals)) if frame_weights is None else frame_weights[rows]
        log_ratio += float(weights @ block.log_ratios)
        # Scaling z instead of the likelihoods takes as many products per frame as z is long, instead of K.
        z = block.z
        z *= (BOOST * weights / block.totals).astype(z.dtype)
        sums += np.matmul(z, block.likelihoods, out=products)
    sums /= BOOST
    n_frames = float(len(frames)) if frame_weights is None else float(frame_weights.sum())
    # Responsibilities sum to 1, so the log-likelihood under the reference density of the axes follows from the sums.
    # The log-likelihood is Q plus the entropy of the responsibilities, because these are the posteriors.
    return Statistics(
        axes=axes,
        n_frames=n_frames,
        log_likelihood=log_ratio + float(sums.sum(axis=1) @ axes.reference),
        entropy=log_ratio - float((sums * coefficients).sum()),
        sums=np.ascontiguousarray(sums.T),
    )


def accumulate_shards(mixture: Mixture, data: ShardedFrames, *, axes: Axes, hard: bool = False) -> Statistics:
    """E-step on shards; other parameters as for `accumulate`.

    The statistics of the shards are added in the order of the shards, so the sums do not depend on the executor.

    Parameters
    ----------
    data : ShardedFrames
        May be empty; the statistics are then 0.
    """
    work = functools.partial(_accumulate_shard, mixture, axes, hard)
    zero = Statistics(axes, 0.0, 0.0, 0.0, np.zeros((mixture.n_components, axes.n_expanded)))
    return functools.reduce(operator.add, data.apply(work), zero)


def _accumulate_shard(mixture: Mixture, axes: Axes, hard: bool, shard: Shard) -> Statistics:
    return accumulate(mixture, shard.frames(), axes=axes, frame_weights=shard.weights(), hard=hard)


def mean_log_likelihood(mixture: Mixture, data: ShardedFrames) -> float:
    """Weighted mean log-likelihood per frame (nats); at least one frame must have a positive weight."""
    sums = list(data.apply(functools.partial(_score_shard, mixture)))
    return sum(score for score, _ in sums) / sum(weight for _, weight in sums)


def _score_shard(mixture: Mixture, shard: Shard) -> tuple[float, float]:
    weights = shard.weights()
    return float(weights @ mixture.log_likelihoods(shard.frames())), float(weights.sum())


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and variance of a set of frames. Moments of disjoint sets add up to those of all frames.

    Attributes
    ----------
    total : float
        Sum of the frame weights.
    mean, variance : ndarray (D,)
    """

    total: float
    mean: Floats
    variance: Floats

    def __add__(self, other: Moments) -> Moments:
        """Moments of the union of two disjoint sets (Chan, Golub & LeVeque 1979)."""
        total = self.total + other.total
        share = other.total / (total or 1.0)
        step = other.mean - self.mean
        return Moments(
            total=total,
            mean=self.mean + share * step,
            variance=(1.0 - share) * self.variance + share * other.variance + share * (1.0 - share) * step**2,
        )


def moments(data: ShardedFrames) -> Moments:
    """Weighted mean and variance of the frames of one or more shards, in float64.

    Raises
    ------
    TrainingError
        If a frame is not finite; the error names the origin of the frame.
    """
    return functools.reduce(operator.add, data.apply(_moments_of_shard))


def _moments_of_shard(shard: Shard) -> Moments:
    weights, frames = shard.weights(), shard.frames().astype(np.float64)
    not_finite = ~np.isfinite(frames).all(axis=1)
    if not_finite.any():
        raise TrainingError(f"{shard.describe(int(not_finite.argmax()))} hold values that are not finite numbers")
    total = float(weights.sum())
    mean = weights @ frames / (total or 1.0)
    frames -= mean
    variance = weights @ np.square(frames, out=frames) / (total or 1.0)
    return Moments(total, mean, variance)

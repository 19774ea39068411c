"""The statistics: what EM needs to know of the data under a mixture. They add up.

The E-step computes responsibilities ``g_tk`` and keeps of them only sums over frames (Bishop 2006, eq. 9.23 to 9.27),

    n_k = sum_t a_t g_tk        s_k = sum_t a_t g_tk (x_t - c)        q_k = sum_t a_t g_tk (x_t - c)^2            (3)

with frame weights ``a_t`` and a fixed centre ``c``, around which nothing cancels. Sums over disjoint sets of frames
add up to the sums over all of them, whatever the order, the chunks or the machine.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.mixture.estep import BOOST, Axes, Floats, Frames, keep_best, score_blocks
from speechgmm.mixture.gaussian import DiagonalMixture, joint_coefficients

SHARD_FRAMES = 1 << 15  # so many frames are one piece of work, however many hands there are
MOMENT_FRAMES = 1 << 14  # `moments` makes float64 of so many frames at a time

Spread = Callable[[Callable[[slice], "Statistics"], Sequence[slice]], Iterable["Statistics"]]


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
    sums : ndarray (K, 1 + 2D)
        Sums of ``(1, x, x^2)``, weighted by the responsibilities, x on these axes.
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
        """The q_k of (3), (K, D), in the squared units of the features."""
        return self.sums[:, 1 + len(self.axes.center) :] * self.axes.scale**2

    def __add__(self, other: Statistics) -> Statistics:
        same = np.array_equal(self.axes.center, other.axes.center) and np.array_equal(self.axes.scale, other.axes.scale)
        if not same:
            raise ValueError("statistics around different centres cannot be added")
        return Statistics(
            axes=self.axes,
            n_frames=self.n_frames + other.n_frames,
            log_likelihood=self.log_likelihood + other.log_likelihood,
            entropy=self.entropy + other.entropy,
            sums=self.sums + other.sums,
        )


def auxiliary(statistics: Statistics, mixture: DiagonalMixture) -> float:
    """EM's auxiliary function Q: expected joint log-likelihood of frames and components under a mixture.

    The expectation is over the responsibilities that the statistics were taken with, whichever mixture gave them:
    ``Q = sum_t a_t sum_k g_tk log w_k N(x_t; m_k, v_k)``  (Bishop 2006, eq. 9.30).

    Parameters
    ----------
    statistics : Statistics
    mixture : DiagonalMixture
        With the same number of components.

    Returns
    -------
    float
        In nats, over all frames.
    """
    coefficients = joint_coefficients(mixture, statistics.axes)
    return float((statistics.sums * coefficients.T).sum() + statistics.sums.sum(axis=0) @ statistics.axes.reference)


def accumulate(
    mixture: DiagonalMixture,
    frames: Frames,
    *,
    axes: Axes,
    frame_weights: Floats | None = None,
    hard: bool = False,
) -> Statistics:
    """E-step: the statistics of frames under a mixture.

    Parameters
    ----------
    mixture : DiagonalMixture
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
    coefficients = joint_coefficients(mixture, axes)
    sums = np.zeros((mixture.n_components, 1 + 2 * mixture.n_dimensions))
    log_ratio = 0.0
    for rows, block in score_blocks(frames, axes, coefficients):
        if hard:
            keep_best(block)
        weights = np.ones(len(block.totals)) if frame_weights is None else frame_weights[rows]
        log_ratio += float(weights @ block.log_ratios)
        # Normalises the responsibilities at 2D + 1 products a frame instead of K.
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
    mixture: DiagonalMixture,
    frames: Frames,
    *,
    axes: Axes,
    frame_weights: Floats | None = None,
    hard: bool = False,
    spread: Spread = map,
) -> Statistics:
    """E-step on shards of the frames, which may be worked on side by side: parameters otherwise as for `accumulate`.

    The shards are `SHARD_FRAMES` long and added up in order, so the sums do not depend on how the work was spread.

    Parameters
    ----------
    spread : callable
        Applies a function to each of some items and gives the results in their order, as `map` does.
    """

    def of_shard(rows: slice) -> Statistics:
        weights = None if frame_weights is None else frame_weights[rows]
        return accumulate(mixture, frames[rows], axes=axes, frame_weights=weights, hard=hard)

    begins = range(0, max(len(frames), 1), SHARD_FRAMES)
    return functools.reduce(operator.add, spread(of_shard, [slice(begin, begin + SHARD_FRAMES) for begin in begins]))


def moments(frames: Frames, frame_weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Weighted mean and variance of frames, each (D,), in two passes of float64.

    Parameters
    ----------
    frames : ndarray (T, D)
        Finite values, T at least 1.
    frame_weights : ndarray (T,), optional
        How much each frame counts, not negative and not all 0; 1 by default.
    """
    total = float(len(frames)) if frame_weights is None else frame_weights.sum()
    mean, variance = np.zeros(frames.shape[1]), np.zeros(frames.shape[1])
    for block, weights in _weighted_blocks(frames, frame_weights):
        mean += weights @ block / total
    for block, weights in _weighted_blocks(frames, frame_weights):
        variance += weights @ (block - mean) ** 2 / total
    return mean, variance


def all_finite(frames: Frames) -> bool:
    """Whether every value of the frames is a finite number."""
    return all(np.isfinite(block).all() for block, _ in _weighted_blocks(frames, None))


def _weighted_blocks(frames: Frames, frame_weights: Floats | None) -> Iterator[tuple[Frames, Floats]]:
    """Walk over frames and their weights, so that what is made of them need not be as long as they are."""
    for begin in range(0, len(frames), MOMENT_FRAMES):
        rows = slice(begin, begin + MOMENT_FRAMES)
        block = frames[rows]
        yield block, np.ones(len(block)) if frame_weights is None else frame_weights[rows]

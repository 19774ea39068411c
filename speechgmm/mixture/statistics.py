"""The statistics: what EM needs to know of the data under a mixture. They add up.

The E-step computes responsibilities ``g_tk`` and keeps of them only sums over frames (Bishop 2006, eq. 9.23 to 9.27),

    n_k = sum_t a_t g_tk        s_k = sum_t a_t g_tk (x_t - c)        q_k = sum_t a_t g_tk (x_t - c)^2            (3)

with frame weights ``a_t`` and a fixed centre ``c``, around which nothing cancels. Sums over disjoint sets of frames
add up to the sums over all of them, whatever the order, the chunks or the machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speechgmm.mixture.gaussian import (
    DiagonalMixture,
    Floats,
    Frames,
    expanded_blocks,
    exponentiate,
    joint_coefficients,
)

MOMENT_FRAMES = 1 << 14  # `moments` makes float64 of so many frames at a time


@dataclass(frozen=True, eq=False)
class Statistics:
    """Expected sufficient statistics of some frames under a mixture, equation (3).

    Attributes
    ----------
    center : ndarray (D,)
        The point c that first and second order sums are taken around.
    n_frames : float
        Sum of the frame weights.
    log_likelihood : float
        Weighted sum of the frames' log-likelihoods (natural logarithm).
    occupancies : ndarray (K,)
        n_k; they sum to `n_frames`.
    first : ndarray (K, D)
        s_k.
    second : ndarray (K, D)
        q_k.
    """

    center: Floats
    n_frames: float
    log_likelihood: float
    occupancies: Floats
    first: Floats
    second: Floats

    def __add__(self, other: Statistics) -> Statistics:
        if not np.array_equal(self.center, other.center):
            raise ValueError("statistics around different centres cannot be added")
        return Statistics(
            center=self.center,
            n_frames=self.n_frames + other.n_frames,
            log_likelihood=self.log_likelihood + other.log_likelihood,
            occupancies=self.occupancies + other.occupancies,
            first=self.first + other.first,
            second=self.second + other.second,
        )


def accumulate(
    mixture: DiagonalMixture, frames: Frames, *, center: Floats, frame_weights: Floats | None = None
) -> Statistics:
    """E-step: the statistics of frames under a mixture.

    Parameters
    ----------
    mixture : DiagonalMixture
    frames : ndarray (T, D)
    center : ndarray (D,)
        A point near the data, the same for all statistics that shall be added.
    frame_weights : ndarray (T,), optional
        How much each frame counts, not negative; 1 by default.

    Returns
    -------
    Statistics
    """
    coefficients = joint_coefficients(mixture, center)
    sums = np.zeros((mixture.n_components, 1 + 2 * mixture.n_dimensions))
    log_likelihood = 0.0
    for rows, z in expanded_blocks(frames, center):
        weights = np.ones(len(z)) if frame_weights is None else frame_weights[rows]
        joint = z @ coefficients
        log_likelihoods, totals = exponentiate(joint)
        log_likelihood += float(weights @ log_likelihoods)
        z *= (weights / totals)[:, np.newaxis]  # normalises the responsibilities at 2D + 1 products a frame, not K
        sums += joint.T @ z
    occupancies, first, second = np.split(sums, [1, 1 + mixture.n_dimensions], axis=1)
    n_frames = float(len(frames)) if frame_weights is None else float(frame_weights.sum())
    return Statistics(center, n_frames, log_likelihood, occupancies[:, 0], first, second)


def moments(frames: Frames, frame_weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Weighted mean and variance of frames, each (D,), in two passes of float64.

    Parameters
    ----------
    frames : ndarray (T, D)
        Finite values, T at least 1.
    frame_weights : ndarray (T,), optional
        How much each frame counts, not negative and not all 0; 1 by default.
    """
    weights = np.ones(len(frames)) if frame_weights is None else frame_weights
    blocks = [slice(begin, begin + MOMENT_FRAMES) for begin in range(0, len(frames), MOMENT_FRAMES)]
    total = weights.sum()
    mean, variance = np.zeros(frames.shape[1]), np.zeros(frames.shape[1])
    for rows in blocks:
        mean += weights[rows] @ frames[rows] / total
    for rows in blocks:
        variance += weights[rows] @ (frames[rows] - mean) ** 2 / total
    return mean, variance

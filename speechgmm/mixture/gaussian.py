"""The model: a mixture of Gaussians with diagonal covariances. It scores frames and never changes.

Symbols: ``T`` frames, ``D`` dimensions, ``K`` components. A mixture has the density

    p(x) = sum_k w_k N(x; m_k, diag(v_k))                                                                       (1)

    log w_k N(x; m_k, v_k) = log w_k - 1/2 sum_d [ log 2 pi v_kd + (x_d - m_kd)^2 / v_kd ]                      (2)

Expanding the square makes (2) linear in ``z = (1, x, x^2)``, so that one matrix product scores a block of frames under
all components. The expansion cancels badly far from the origin; frames and means are therefore taken relative to the
mixture's own mean first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError

Floats = npt.NDArray[np.float64]
Frames = npt.NDArray[np.float32] | npt.NDArray[np.float64]

BLOCK_FRAMES = 1024  # a block's K log-likelihoods a frame stay in the processor's cache


@dataclass(frozen=True, eq=False)
class DiagonalMixture:
    """A Gaussian mixture with diagonal covariances.

    Attributes
    ----------
    weights : ndarray (K,)
        Component weights, positive; they sum to 1. K and D are at least 1.
    means : ndarray (K, D)
        Component means, in the units of the features.
    variances : ndarray (K, D)
        Component variances, positive.

    Raises
    ------
    OptionError
        If the arrays do not fit one another or a value is outside its range.
    """

    weights: Floats
    means: Floats
    variances: Floats

    def __post_init__(self) -> None:
        if (
            self.means.ndim != 2
            or self.weights.shape != self.means.shape[:1]
            or self.variances.shape != self.means.shape
            or self.means.size == 0
        ):
            raise OptionError(
                "a mixture needs weights (K,), means (K, D) and variances (K, D) with K and D at least 1, "
                f"not {self.weights.shape}, {self.means.shape} and {self.variances.shape}"
            )
        if not np.isfinite(self.means).all():
            raise OptionError("the means of a mixture must be finite numbers")
        if not (np.isfinite(self.variances).all() and (self.variances > 0).all()):
            raise OptionError("the variances of a mixture must be positive and finite")
        if not ((self.weights > 0).all() and abs(self.weights.sum() - 1.0) < 1e-6):
            raise OptionError(
                "the weights of a mixture must be positive and sum to 1, "
                f"but the least is {self.weights.min():g} and their sum {self.weights.sum():g}"
            )

    @property
    def n_components(self) -> int:
        """K, the number of components."""
        return len(self.means)

    @property
    def n_dimensions(self) -> int:
        """D, the number of features a frame has."""
        return int(self.means.shape[1])

    @cached_property
    def center(self) -> Floats:
        """The mean of the mixture, (D,): the origin its scores are computed around."""
        center: Floats = self.weights @ self.means
        return center

    @cached_property
    def coefficients(self) -> Floats:
        """Equation (2) as a matrix (1 + 2D, K), to be multiplied by ``z = (1, x, x^2)``, x relative to `center`."""
        return joint_coefficients(self, self.center)

    def log_likelihoods(self, frames: Frames) -> Floats:
        """Logarithm of the density (1) of each frame.

        Parameters
        ----------
        frames : ndarray (T, D)

        Returns
        -------
        ndarray (T,)
            Natural logarithms.
        """
        scores = np.empty(len(frames))
        for rows, z in expanded_blocks(frames, self.center):
            scores[rows], _ = exponentiate(z @ self.coefficients)
        return scores

    def responsibilities(self, frames: Frames) -> Floats:
        """Posterior probability of each component given each frame (Bishop 2006, eq. 9.13).

        Parameters
        ----------
        frames : ndarray (T, D)

        Returns
        -------
        ndarray (T, K)
            Rows sum to 1.
        """
        posteriors = np.empty((len(frames), self.n_components))
        for rows, z in expanded_blocks(frames, self.center):
            joint = z @ self.coefficients
            _, totals = exponentiate(joint)
            posteriors[rows] = joint / totals[:, np.newaxis]
        return posteriors


def joint_coefficients(mixture: DiagonalMixture, center: Floats) -> Floats:
    """Equation (2) as a matrix for frames taken relative to `center`.

    Parameters
    ----------
    mixture : DiagonalMixture
    center : ndarray (D,)

    Returns
    -------
    ndarray (1 + 2D, K)
        Constant, linear and quadratic coefficients of each component.
    """
    means, precisions = mixture.means - center, 1.0 / mixture.variances
    constant = np.log(mixture.weights) - 0.5 * (
        np.log(2.0 * np.pi * mixture.variances).sum(axis=1) + (means**2 * precisions).sum(axis=1)
    )
    return np.vstack([constant, (means * precisions).T, -0.5 * precisions.T])


def expanded_blocks(frames: Frames, center: Floats) -> Iterator[tuple[slice, Floats]]:
    """Walk over frames in blocks of ``z = (1, x, x^2)``, x relative to `center`.

    Parameters
    ----------
    frames : ndarray (T, D)
    center : ndarray (D,)

    Yields
    ------
    rows : slice
        Which frames the block holds.
    z : ndarray (at most BLOCK_FRAMES, 1 + 2D)
        A new array each time; it may be overwritten.
    """
    n_dimensions = frames.shape[1]
    for begin in range(0, len(frames), BLOCK_FRAMES):
        rows = slice(begin, min(begin + BLOCK_FRAMES, len(frames)))
        z = np.empty((rows.stop - begin, 1 + 2 * n_dimensions))
        z[:, 0] = 1.0
        x = z[:, 1 : 1 + n_dimensions]
        np.subtract(frames[rows], center, out=x)
        np.multiply(x, x, out=z[:, 1 + n_dimensions :])
        yield rows, z


def exponentiate(joint: Floats) -> tuple[Floats, Floats]:
    """Turn joint log-likelihoods of frames and components into likelihoods, in place, without overflow.

    Parameters
    ----------
    joint : ndarray (T, K)
        Equation (2). Overwritten by its exponential, each row relative to its largest value.

    Returns
    -------
    log_likelihoods : ndarray (T,)
        Logarithm of the sum of each row's exponentials: the logarithm of (1).
    totals : ndarray (T,)
        Sum of each overwritten row, at least 1: dividing by it gives responsibilities.
    """
    peak = joint.max(axis=1)
    joint -= peak[:, np.newaxis]
    np.exp(joint, out=joint)
    totals: Floats = joint.sum(axis=1)
    return peak + np.log(totals), totals

"""The model: a mixture of Gaussians with diagonal covariances. It scores frames and never changes.

Symbols: ``T`` frames, ``D`` dimensions, ``K`` components. A mixture has the density

    p(x) = sum_k w_k N(x; m_k, diag(v_k))                                                                       (1)

    log w_k N(x; m_k, v_k) = log w_k - 1/2 sum_d [ log 2 pi v_kd + (x_d - m_kd)^2 / v_kd ]                      (2)

Expanding the square makes (2) linear in ``z = (1, x, x^2)``, so that one matrix product scores a block of frames under
all components; how that is done fast and safely is in `estep`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError
from speechgmm.mixture import estep
from speechgmm.mixture.estep import Axes, Floats, Frames


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
    def axes(self) -> Axes:
        """Axes near the mean and standard deviation of the mixture as a whole: what its scores are computed on."""
        mean = self.weights @ self.means
        spread = self.weights @ (self.variances + (self.means - mean) ** 2)
        return Axes.around(mean, np.sqrt(spread))

    def log_likelihoods(self, frames: Frames) -> Floats:
        """Logarithm of the density (1) of each frame.

        Parameters
        ----------
        frames : ndarray (T, D)
            In float32 or float64, which is also the precision of the work.

        Returns
        -------
        ndarray (T,)
            Natural logarithms.
        """
        coefficients = joint_coefficients(self, self.axes)
        scores = np.empty(len(frames))
        for rows, block in estep.score_blocks(frames, self.axes, coefficients):
            scores[rows] = block.log_ratios + self.axes.log_density(frames[rows])
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
        coefficients = joint_coefficients(self, self.axes)
        posteriors = np.empty((len(frames), self.n_components))
        for rows, block in estep.score_blocks(frames, self.axes, coefficients):
            np.divide(block.likelihoods, block.totals[:, np.newaxis], out=posteriors[rows])
        return posteriors

    def sample(self, n_frames: int, rng: np.random.Generator) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Draw frames from the density (1): a component by its weight, then a frame from its Gaussian.

        Parameters
        ----------
        n_frames : int
            How many; 0 or more.
        rng : numpy.random.Generator

        Returns
        -------
        frames : ndarray (n_frames, D)
        components : ndarray (n_frames,)
            Which component each frame was drawn from, 0 to K - 1.

        Raises
        ------
        OptionError
            If `n_frames` is negative.
        """
        if n_frames < 0:
            raise OptionError(f"n_frames is {n_frames}, but it must be 0 or more")
        components = rng.choice(self.n_components, size=n_frames, p=self.weights / self.weights.sum())
        noise = rng.standard_normal((n_frames, self.n_dimensions))
        return self.means[components] + np.sqrt(self.variances[components]) * noise, components


def joint_coefficients(mixture: DiagonalMixture, axes: Axes) -> Floats:
    """Equation (2), less the logarithm of the axes' own Gaussian, as a matrix for frames expressed on these axes.

    Parameters
    ----------
    mixture : DiagonalMixture
    axes : Axes

    Returns
    -------
    ndarray (1 + 2D, K)
        Constant, linear and quadratic coefficients of each component.
    """
    means, variances = (mixture.means - axes.center) / axes.scale, mixture.variances / axes.scale**2
    precisions = 1.0 / variances
    constant = np.log(mixture.weights) - 0.5 * (np.log(variances).sum(axis=1) + (means**2 * precisions).sum(axis=1))
    return np.vstack([constant, (means * precisions).T, 0.5 - 0.5 * precisions.T])

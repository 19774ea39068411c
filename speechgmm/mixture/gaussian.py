"""Gaussian mixture models with diagonal covariances (GMM).

Symbols: ``T`` frames, ``D`` dimensions, ``K`` components. A mixture has the density

    p(x) = sum_k w_k N(x; m_k, diag(v_k))                                                                       (1)

    log w_k N(x; m_k, v_k) = log w_k - 1/2 sum_d [ log 2 pi v_kd + (x_d - m_kd)^2 / v_kd ]                      (2)

Expanding the square makes (2) linear in ``z = (1, x, x^2)``. One matrix product therefore scores a block of frames
under all components; see `estep`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Axes, Floats
from speechgmm.mixture.model import Mixture, check_weights


@dataclass(frozen=True, eq=False)
class DiagonalMixture(Mixture):
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
        If the shapes of the arrays do not match or a value is outside its range.
    """

    family: ClassVar[str] = "gaussian"

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
        if not (self.variances.min() > 0 and self.variances.max() < np.inf):
            raise OptionError("the variances of a mixture must be positive and finite")
        check_weights(self.weights)

    @property
    def n_dimensions(self) -> int:
        """D, the number of features of a frame."""
        return int(self.means.shape[1])

    @property
    def n_parameters(self) -> int:
        """Number of free parameters, K(2D + 1) - 1."""
        return self.n_components * (2 * self.n_dimensions + 1) - 1

    @cached_property
    def axes(self) -> Axes:
        """Axes near the mean and standard deviation of the whole mixture."""
        mean = self.weights @ self.means
        spread = self.weights @ (self.variances + (self.means - mean) ** 2)
        return Axes.around(mean, np.sqrt(spread))

    def joint_coefficients(self, axes: Axes) -> Floats:
        """Equation (2): constant, linear and quadratic coefficients (1 + 2D, K), minus those of the axes' density."""
        means, precisions = (self.means - axes.center) / axes.scale, axes.scale**2 / self.variances
        linear = means * precisions
        squares = np.log(2.0 * np.pi * self.variances) + means * linear
        constant = np.log(self.weights) - 0.5 * squares.sum(axis=1)
        coefficients: Floats = np.concatenate([constant[np.newaxis], linear.T, -0.5 * precisions.T])
        coefficients -= axes.reference[:, np.newaxis]
        return coefficients

    def draw(self, components: npt.NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Draw one frame from each of the given Gaussians, (n, D)."""
        noise = rng.standard_normal((len(components), self.n_dimensions))
        frames: Floats = self.means[components] + np.sqrt(self.variances[components]) * noise
        return frames

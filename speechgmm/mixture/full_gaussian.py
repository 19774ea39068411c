"""Gaussian mixtures with full covariances, one for each component or one for all (tied).

Symbols as in `gaussian`, with covariances S_k (D, D) and precisions P_k, their inverses (Bishop 2006, eq. 2.43):

    log w_k N(x; m_k, S_k) = log w_k - 1/2 [ D log 2 pi + log |S_k| + (x - m_k)' P_k (x - m_k) ]             (2f)

This is linear in z = (1, x, x^2, x_i x_j for i < j), the diagonal family's z with the products of different features.
Both the determinant and P_k come from the Cholesky factor of S_k.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Axes, Floats, Frames
from speechgmm.mixture.model import Mixture, check_weights


@dataclass(frozen=True, eq=False)
class ProductAxes(Axes):
    """Axes that expand a frame to the products of its features too; `reference` has 1 + D + D(D + 1)/2 coefficients."""

    @classmethod
    def gaussian(cls, center: Floats, scale: Floats, width: Floats | float = 1.0) -> ProductAxes:
        """As `Axes.gaussian`; the reference density has no correlations."""
        plain = Axes.gaussian(center, scale, width)
        n_products = len(center) * (len(center) - 1) // 2
        return cls(center, scale, np.concatenate([plain.reference, np.zeros(n_products)]))

    def expand(self, frames: Frames, out: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """As `Axes.expand`, followed by the products x_i x_j for i < j in the order of `numpy.triu_indices`."""
        n_dimensions = len(self.center)
        row = 1 + 2 * n_dimensions
        x = super().expand(frames, out[:row])[1 : 1 + n_dimensions]
        z = out[:, : len(frames)]
        for i in range(n_dimensions - 1):
            n_products = n_dimensions - 1 - i
            np.multiply(x[i], x[i + 1 :], out=z[row : row + n_products])
            row += n_products
        return z


@dataclass(frozen=True, eq=False)
class FullMixture(Mixture):
    """A Gaussian mixture with full covariances.

    Attributes
    ----------
    weights : ndarray (K,)
        Component weights, positive; they sum to 1. K and D are at least 1.
    means : ndarray (K, D)
        Component means, in the units of the features.
    covariances : ndarray (K, D, D)
        Component covariances, symmetric and positive definite.

    Raises
    ------
    OptionError
        If the shapes of the arrays do not match or a value is outside its range.
    """

    family: ClassVar[str] = "full"

    means: Floats
    covariances: Floats

    def __post_init__(self) -> None:
        if (
            self.means.ndim != 2
            or self.weights.shape != self.means.shape[:1]
            or self.covariances.shape != (*self.means.shape, self.means.shape[1])
            or self.means.size == 0
        ):
            raise OptionError(
                "a mixture needs weights (K,), means (K, D) and covariances (K, D, D) with K and D at least 1, "
                f"not {self.weights.shape}, {self.means.shape} and {self.covariances.shape}"
            )
        if not np.isfinite(self.means).all():
            raise OptionError("the means of a mixture must be finite numbers")
        _ = self.factors
        check_weights(self.weights)

    @property
    def n_dimensions(self) -> int:
        """D, the number of features of a frame."""
        return int(self.means.shape[1])

    @property
    def n_parameters(self) -> int:
        """Number of free parameters, K(D + 1)(D + 2)/2 - 1."""
        return self.n_components * (self.n_dimensions + 1) * (self.n_dimensions + 2) // 2 - 1

    @cached_property
    def factors(self) -> Floats:
        """Lower Cholesky factors of the covariances, (K, D, D).

        Raises
        ------
        OptionError
            If a covariance is not symmetric or not positive definite.
        """
        transposed = self.covariances.transpose(0, 2, 1)
        symmetric = np.isfinite(self.covariances).all() and np.allclose(self.covariances, transposed, rtol=1e-6, atol=0)
        try:
            if symmetric:
                return np.linalg.cholesky(self.covariances).astype(np.float64, copy=False)
        except np.linalg.LinAlgError:
            pass
        raise OptionError("the covariances of a mixture must be symmetric and positive definite")

    @cached_property
    def axes(self) -> Axes:
        """Axes near the mean and standard deviations of the whole mixture."""
        mean = self.weights @ self.means
        variances = np.diagonal(self.covariances, axis1=1, axis2=2)
        return ProductAxes.around(mean, np.sqrt(self.weights @ (variances + (self.means - mean) ** 2)))

    def joint_coefficients(self, axes: Axes) -> Floats:
        """Equation (2f): coefficients (1 + D + D(D + 1)/2, K) of z, minus those of the axes' density."""
        means = (self.means - axes.center) / axes.scale
        inverses = np.linalg.inv(self.factors) * axes.scale  # of the factors on the axes
        precisions = inverses.transpose(0, 2, 1) @ inverses
        linear = (precisions @ means[:, :, np.newaxis])[:, :, 0]
        log_determinants = 2.0 * np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1)
        constant = np.log(self.weights) - 0.5 * (
            self.n_dimensions * np.log(2.0 * np.pi) + log_determinants + (means * linear).sum(axis=1)
        )
        i, j = np.triu_indices(self.n_dimensions, 1)
        squares = -0.5 * np.diagonal(precisions, axis1=1, axis2=2)
        coefficients: Floats = np.vstack([constant, linear.T, squares.T, -precisions[:, i, j].T])
        coefficients -= axes.reference[:, np.newaxis]
        return coefficients

    def draw(self, components: npt.NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Draw one frame from each of the given Gaussians, (n, D)."""
        noise = rng.standard_normal((len(components), self.n_dimensions))
        frames: Floats = self.means[components] + np.einsum("nij,nj->ni", self.factors[components], noise)
        return frames


@dataclass(frozen=True, eq=False)
class TiedMixture(FullMixture):
    """A Gaussian mixture whose components have the same covariance, K times in `covariances`."""

    family: ClassVar[str] = "tied"

    @property
    def n_parameters(self) -> int:
        """Number of free parameters, K(D + 1) - 1 + D(D + 1)/2."""
        n_dimensions = self.n_dimensions
        return self.n_components * (n_dimensions + 1) - 1 + n_dimensions * (n_dimensions + 1) // 2

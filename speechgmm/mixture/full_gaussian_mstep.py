"""M-step, MAP adaptation and limits of Gaussians with full covariances.

With the statistics of equation (3) and the sums of the products of features Q_k (D, D), centred at c, the update of
weights and means is (4), and that of the covariances (Bishop 2006, eq. 9.25)

    S_k = Q_k / n_k - (s_k / n_k) (s_k / n_k)'        tied: S = sum_k n_k S_k / sum_k n_k                     (4f)

The floor is a minimum of the variance in every direction: with F, the diagonal matrix of the minimum variances of the
features, S_k - F has no negative eigenvalue. In units in which F is the identity, the constrained optimum has the
eigenvectors of S_k and its eigenvalues raised to 1, because the expected log-likelihood of a Gaussian is a sum over
eigenvalues that falls on both sides of its maximum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from speechgmm.mixture.component_family import SPLIT_OFFSET, Family, halved
from speechgmm.mixture.estep import Axes, Floats
from speechgmm.mixture.full_gaussian import FullMixture, ProductAxes, TiedMixture
from speechgmm.mixture.gaussian_mstep import GaussianFamily
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.statistics import Moments, Statistics

AT_FLOOR = 1.0 + 1e-9  # an eigenvalue up to this is at the floor


@dataclass(frozen=True, eq=False)
class FullFamily(Family[FullMixture]):
    """The family of Gaussians with full covariances, for given data.

    Attributes
    ----------
    floor : ndarray (D,)
        Minimum variances of the features, positive.
    axes : ProductAxes
        Near the data's mean and standard deviation.
    """

    mixture_type: ClassVar[type[Mixture]] = FullMixture
    axes_type: ClassVar[type[Axes]] = ProductAxes

    floor: Floats
    axes: Axes

    @classmethod
    def of(cls, moments: Moments, options: EMOptions) -> FullFamily:
        """The family for data with these moments; the floor is that of diagonal covariances."""
        plain = GaussianFamily.of(moments, options)
        axes = ProductAxes.around(moments.mean, np.sqrt(np.maximum(moments.variance, plain.floor)))
        return cls(plain.floor, axes)

    def maximise(self, statistics: Statistics) -> FullMixture:
        """Equation (4f)."""
        counts = statistics.occupancies
        offsets = statistics.first / counts[:, np.newaxis]
        covariances = self._raised(scatter(statistics, counts))
        return FullMixture(counts / counts.sum(), statistics.center + offsets, covariances)

    def adapt(self, background: FullMixture, statistics: Statistics, *, weights: Floats, share: Floats) -> FullMixture:
        """Equation (6) of `map_adaptation` with covariances, in the form of `GaussianFamily.adapt`."""
        counts = np.where(share > 0, statistics.occupancies, 1.0)
        offsets = statistics.first / counts[:, np.newaxis]
        shift = offsets - (background.means - statistics.center)
        a = share[:, np.newaxis, np.newaxis]
        between = shift[:, :, np.newaxis] * shift[:, np.newaxis, :]
        covariances = a * scatter(statistics, counts) + (1.0 - a) * background.covariances + a * (1.0 - a) * between
        means = background.means + share[:, np.newaxis] * shift
        return replace(background, weights=weights, means=means, covariances=self._raised(covariances))

    def halves(self, mixture: FullMixture, which: npt.NDArray[np.intp]) -> FullMixture:
        """Move means by `SPLIT_OFFSET` standard deviations along the longest axis, down, and up in appended halves."""
        values, vectors = np.linalg.eigh(mixture.covariances[which])
        shift = np.zeros_like(mixture.means)
        shift[which] = SPLIT_OFFSET * np.sqrt(values[:, -1:]) * vectors[:, :, -1]
        return replace(
            mixture,
            weights=halved(mixture.weights, which),
            means=np.vstack([mixture.means - shift, (mixture.means + shift)[which]]),
            covariances=np.concatenate([mixture.covariances, mixture.covariances[which]]),
        )

    def place(self, mixture: FullMixture, points: Floats) -> FullMixture:
        """The mixture with these means."""
        return replace(mixture, means=points)

    def apply_limits(self, mixture: FullMixture) -> FullMixture:
        """The mixture with its covariances raised to the floor."""
        return replace(mixture, covariances=self._raised(mixture.covariances))

    def n_limited(self, mixture: FullMixture) -> int:
        """Number of directions, D per covariance, in which the variance is at the floor."""
        return int((np.linalg.eigvalsh(self._in_floors(mixture.covariances)) <= AT_FLOOR).sum())

    def log_prior(self, mixture: FullMixture) -> float:
        """0; Gaussians have no prior."""
        return 0.0

    def _raised(self, covariances: Floats) -> Floats:
        """The covariances (K, D, D) raised to the floor; those above it are unchanged."""
        raised = covariances.copy()
        values, vectors = np.linalg.eigh(self._in_floors(covariances))
        low = values[:, 0] < 1.0
        unit, limited = np.sqrt(self.floor), np.maximum(values[low, np.newaxis, :], 1.0)
        product = (vectors[low] * limited) @ vectors[low].transpose(0, 2, 1)
        raised[low] = (product + product.transpose(0, 2, 1)) / 2.0 * np.outer(unit, unit)
        return raised

    def _in_floors(self, covariances: Floats) -> Floats:
        """Covariances in units in which the floor is the identity."""
        unit = np.sqrt(self.floor)
        scaled: Floats = covariances / np.outer(unit, unit)
        return scaled


@dataclass(frozen=True, eq=False)
class TiedFamily(FullFamily):
    """The family of Gaussians with one full covariance for all components, for given data."""

    mixture_type: ClassVar[type[Mixture]] = TiedMixture

    def maximise(self, statistics: Statistics) -> TiedMixture:
        """Equation (4f), tied."""
        counts = statistics.occupancies
        weights, offsets = counts / counts.sum(), statistics.first / counts[:, np.newaxis]
        covariances = self._tied(weights, scatter(statistics, counts))
        return TiedMixture(weights, statistics.center + offsets, covariances)

    def adapt(self, background: FullMixture, statistics: Statistics, *, weights: Floats, share: Floats) -> FullMixture:
        """Equation (6) of `map_adaptation`; the covariance is the mean of the adapted ones, by weight."""
        return self.apply_limits(super().adapt(background, statistics, weights=weights, share=share))

    def apply_limits(self, mixture: FullMixture) -> FullMixture:
        """The mixture with the mean of its covariances, by weight, raised to the floor."""
        return replace(mixture, covariances=self._tied(mixture.weights, mixture.covariances))

    def n_limited(self, mixture: FullMixture) -> int:
        """Number of directions in which the variance is at the floor, D at most."""
        return super().n_limited(mixture) // mixture.n_components

    def _tied(self, weights: Floats, covariances: Floats) -> Floats:
        shared = self._raised(np.tensordot(weights, covariances, axes=1)[np.newaxis])
        return np.repeat(shared, len(weights), axis=0)


def scatter(statistics: Statistics, counts: Floats) -> Floats:
    """Covariances (K, D, D) of the frames of each component about their mean, in the units of the features.

    Parameters
    ----------
    statistics : Statistics
        On `ProductAxes`.
    counts : ndarray (K,)
        The occupancies, positive.
    """
    axes = statistics.axes
    n_dimensions = len(axes.center)
    expected = statistics.sums / counts[:, np.newaxis]
    offsets = expected[:, 1 : 1 + n_dimensions]
    i, j = np.triu_indices(n_dimensions, 1)
    d = np.arange(n_dimensions)
    covariances = np.empty((len(counts), n_dimensions, n_dimensions))
    covariances[:, d, d] = expected[:, 1 + n_dimensions : 1 + 2 * n_dimensions]
    covariances[:, i, j] = covariances[:, j, i] = expected[:, 1 + 2 * n_dimensions :]
    covariances -= offsets[:, :, np.newaxis] * offsets[:, np.newaxis, :]
    covariances *= np.outer(axes.scale, axes.scale)
    return covariances

"""M-step, MAP adaptation and limits of Gaussians with diagonal covariances.

With the occupancies n_k, sums s_k and squares q_k of equation (3), centred at c (Bishop 2006, eq. 9.24 to 9.26):

    w_k = n_k / sum_j n_j        m_k = c + s_k / n_k        v_k = max(q_k / n_k - (s_k / n_k)^2, floor)           (4)

The floored variance is the constrained optimum. The likelihood therefore does not fall if the initial mixture respects
the floor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from speechgmm.mixture.component_family import SPLIT_OFFSET, Family, halved
from speechgmm.mixture.estep import Axes, Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.statistics import Moments, Statistics

ABSOLUTE_FLOOR = 1e-6  # for a constant feature, in squared units of the feature


@dataclass(frozen=True, eq=False)
class GaussianFamily(Family[DiagonalMixture]):
    """The family of Gaussians with diagonal covariances, for given data.

    Attributes
    ----------
    floor : ndarray (D,)
        Minimum variances.
    axes : Axes
        Near the data's mean and standard deviation.
    """

    mixture_type: ClassVar[type[Mixture]] = DiagonalMixture
    axes_type: ClassVar[type[Axes]] = Axes

    floor: Floats
    axes: Axes

    @classmethod
    def of(cls, moments: Moments, options: EMOptions) -> GaussianFamily:
        """The family for data with these moments."""
        floor = np.maximum(options.variance_floor * moments.variance, ABSOLUTE_FLOOR)
        axes = Axes.around(moments.mean, np.sqrt(np.maximum(moments.variance, ABSOLUTE_FLOOR)))
        return cls(floor, axes)

    def maximise(self, statistics: Statistics) -> DiagonalMixture:
        """Equation (4)."""
        counts = statistics.occupancies
        offsets = statistics.first / counts[:, np.newaxis]
        variances = np.maximum(statistics.second / counts[:, np.newaxis] - offsets**2, self.floor)
        return DiagonalMixture(counts / counts.sum(), statistics.center + offsets, variances)

    def adapt(
        self, background: DiagonalMixture, statistics: Statistics, *, weights: Floats, share: Floats
    ) -> DiagonalMixture:
        """Equation (6) of `map_adaptation`.

        The variance is computed as ``a e + (1 - a) v + a (1 - a) (E[x] - m)^2`` with the variance e of the data around
        their mean. This equals (6) and avoids cancellation.
        """
        a = share[:, np.newaxis]
        counts = np.where(a > 0, statistics.occupancies[:, np.newaxis], 1.0)
        offsets = statistics.first / counts
        spread = np.maximum(statistics.second / counts - offsets**2, 0.0)
        shift = offsets - (background.means - statistics.center)
        variances = a * spread + (1.0 - a) * background.variances + a * (1.0 - a) * shift**2
        means = background.means + a * shift
        return replace(background, weights=weights, means=means, variances=np.maximum(variances, self.floor))

    def halves(self, mixture: DiagonalMixture, which: npt.NDArray[np.intp]) -> DiagonalMixture:
        """Move means down by `SPLIT_OFFSET` standard deviations, and up in the appended halves."""
        shift = np.zeros_like(mixture.means)
        shift[which] = SPLIT_OFFSET * np.sqrt(mixture.variances[which])
        return replace(
            mixture,
            weights=halved(mixture.weights, which),
            means=np.vstack([mixture.means - shift, (mixture.means + shift)[which]]),
            variances=np.vstack([mixture.variances, mixture.variances[which]]),
        )

    def place(self, mixture: DiagonalMixture, points: Floats) -> DiagonalMixture:
        """The mixture with these means."""
        return replace(mixture, means=points)

    def apply_limits(self, mixture: DiagonalMixture) -> DiagonalMixture:
        """The mixture with its variances raised to the floor."""
        return replace(mixture, variances=np.maximum(mixture.variances, self.floor))

    def n_limited(self, mixture: DiagonalMixture) -> int:
        """Number of variances at the floor."""
        return int((mixture.variances <= self.floor).sum())

    def log_prior(self, mixture: DiagonalMixture) -> float:
        """0; Gaussians have no prior."""
        return 0.0

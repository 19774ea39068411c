"""Gaussian mixtures with spherical covariances: one variance per component, the same in every direction.

A `SphericalMixture` is a diagonal mixture whose variances are equal in all dimensions, and is scored like one. With
equation (3) the M-step is (4) with the mean of the variances over the D dimensions:

    v_k = max( 1/D sum_d [ q_kd / n_k - (s_kd / n_k)^2 ], floor )                                             (4s)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from speechgmm.mixture.estep import Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.gaussian_mstep import GaussianFamily
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.statistics import Statistics


@dataclass(frozen=True, eq=False)
class SphericalMixture(DiagonalMixture):
    """A diagonal mixture whose variances (K, D) are equal in each row."""

    family: ClassVar[str] = "spherical"

    @property
    def n_parameters(self) -> int:
        """Number of free parameters, K(D + 2) - 1."""
        return self.n_components * (self.n_dimensions + 2) - 1


@dataclass(frozen=True, eq=False)
class SphericalFamily(GaussianFamily):
    """The family of Gaussians with spherical covariances, for given data; the mean of `floor` is the minimum variance.

    Like the floored variances of (4), the floored variance of (4s) is the constrained optimum.
    """

    mixture_type: ClassVar[type[Mixture]] = SphericalMixture

    def maximise(self, statistics: Statistics) -> SphericalMixture:
        """Equation (4s)."""
        counts = statistics.occupancies
        offsets = statistics.first / counts[:, np.newaxis]
        variances = self._spherical(statistics.second / counts[:, np.newaxis] - offsets**2)
        return SphericalMixture(counts / counts.sum(), statistics.center + offsets, variances)

    def adapt(
        self, background: DiagonalMixture, statistics: Statistics, *, weights: Floats, share: Floats
    ) -> DiagonalMixture:
        """Equation (6) of `map_adaptation`, with the mean of the variances over the dimensions."""
        return self.apply_limits(super().adapt(background, statistics, weights=weights, share=share))

    def apply_limits(self, mixture: DiagonalMixture) -> DiagonalMixture:
        """The mixture with the mean of the variances of each component, raised to the floor."""
        return replace(mixture, variances=self._spherical(mixture.variances))

    def n_limited(self, mixture: DiagonalMixture) -> int:
        """Number of components whose variance is at the floor."""
        return int((mixture.variances[:, 0] <= self.floor.mean()).sum())

    def _spherical(self, variances: Floats) -> Floats:
        mean = np.maximum(variances.mean(axis=1), self.floor.mean())
        return np.repeat(mean[:, np.newaxis], variances.shape[1], axis=1)

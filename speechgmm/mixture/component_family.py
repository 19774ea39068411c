"""The interface of a family of components: M-step, MAP adaptation, splits and limits.

EM is the same for every family whose joint log-likelihood is linear in some ``z(x)``. The E-step sums z over frames,
weighted by responsibility, and needs a `Mixture` only. The M-step computes parameters from these sums and needs a
`Family`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from speechgmm.mixture.estep import Axes, Floats
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.statistics import Moments, Statistics

SPLIT_OFFSET = 0.2  # standard deviations between the mean of a split component and that of each half, as in HTK

M = TypeVar("M", bound=Mixture)


class Family(ABC, Generic[M]):
    """A family of components: its M-step and other operations that depend on it, for given data.

    Attributes
    ----------
    mixture_type : type of Mixture
        The model of this family.
    axes : Axes
        Axes on which the frames of the data are expressed.
    """

    mixture_type: ClassVar[type[Mixture]]

    axes: Axes

    @classmethod
    @abstractmethod
    def of(cls, moments: Moments, options: EMOptions) -> Family[M]:
        """The family for data with these moments."""

    @abstractmethod
    def maximise(self, statistics: Statistics) -> M:
        """The mixture that maximises expected log-likelihood plus log prior; every component needs an occupancy > 0."""

    @abstractmethod
    def adapt(self, background: M, statistics: Statistics, *, weights: Floats, share: Floats) -> M:
        """MAP adaptation of the background's components, equation (6) of `map_adaptation`, with new weights.

        `share` (K,) is the a_k of (6): 0 keeps the background, 1 is maximum likelihood. It is 0 without frames.
        """

    @abstractmethod
    def halves(self, mixture: M, which: npt.NDArray[np.intp]) -> M:
        """The mixture with some components split in two: one half moved down by `SPLIT_OFFSET`, one moved up, appended.

        Each half has half of the weight.
        """

    @abstractmethod
    def place(self, mixture: M, points: Floats) -> M:
        """The mixture with its components moved to these points (K, D); weights and spreads stay."""

    @abstractmethod
    def apply_limits(self, mixture: M) -> M:
        """The mixture with its parameters brought within the limits of `maximise`."""

    @abstractmethod
    def n_limited(self, mixture: M) -> int:
        """Number of parameters at such a limit."""

    @abstractmethod
    def log_prior(self, mixture: M) -> float:
        """Logarithm (nats) of the prior density that `maximise` uses, up to a constant; 0 without a prior."""

    def split(self, mixture: M, n_splits: int) -> M:
        """Split each of the heaviest components in two.

        No half is split again: two of the four quarters could then be equal, and EM would never separate them.

        Parameters
        ----------
        mixture : Mixture
            K components.
        n_splits : int
            Number of components to split; K at most, more is taken as K.

        Returns
        -------
        Mixture
            At most 2 K components.
        """
        return self.halves(mixture, np.argsort(-mixture.weights, kind="stable")[:n_splits])


def halved(weights: Floats, which: npt.NDArray[np.intp]) -> Floats:
    """Weights after a split: those of the given components are halved, and their other halves appended."""
    halves = weights.copy()
    halves[which] /= 2
    return np.append(halves, halves[which])

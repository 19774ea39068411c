"""The update, as far as it depends on what the components are.

EM is the same for every family whose joint log-likelihood is linear in some ``z(x)``: the E-step sums z over the frames
by responsibility, the M-step turns those sums into parameters. The first needs a `Mixture` only, the second a `Family`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from speechgmm.mixture.estep import Axes, Floats
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.statistics import Statistics

SPLIT_OFFSET = 0.2  # standard deviations between a split component's mean and each half's, as HTK has it

M = TypeVar("M", bound=Mixture)


class Family(ABC, Generic[M]):
    """The M-step of one kind of components, and what else about them EM must know, for given data.

    Attributes
    ----------
    axes : Axes
        What the data's frames are expressed on.
    """

    axes: Axes

    @abstractmethod
    def maximise(self, statistics: Statistics) -> M:
        """The mixture of highest expected log-likelihood (and prior); every component must own some frames."""

    @abstractmethod
    def adapt(self, background: M, statistics: Statistics, *, weights: Floats, share: Floats) -> M:
        """The background's components, each moved a share (K,) of the way to its data, with new weights.

        See equation (6) of `adaptation`. A component without frames has the share 0.
        """

    @abstractmethod
    def halves(self, mixture: M, which: npt.NDArray[np.intp]) -> M:
        """The mixture with some components moved `SPLIT_OFFSET` to one side and their other halves appended.

        Their weights are divided between the halves.
        """

    @abstractmethod
    def place(self, mixture: M, points: Floats) -> M:
        """The mixture with its components about these points (K, D), as wide and heavy as they were."""

    @abstractmethod
    def apply_limits(self, mixture: M) -> M:
        """The mixture within the limits that `maximise` keeps to."""

    @abstractmethod
    def n_limited(self, mixture: M) -> int:
        """How many of its parameters stand at such a limit."""

    @abstractmethod
    def log_prior(self, mixture: M) -> float:
        """Logarithm (nats) of the prior density that `maximise` reckons with, up to a constant; 0 where it has none."""

    def split(self, mixture: M, n_splits: int) -> M:
        """Replace each of the heaviest components by two halves.

        No half is split again: if it were, two of the four quarters could meet where the component was, and EM would
        never part them.

        Parameters
        ----------
        mixture : Mixture
            Of K components.
        n_splits : int
            How many to split; all of them where it is more than K.

        Returns
        -------
        Mixture
            Of at most 2 K components.
        """
        return self.halves(mixture, np.argsort(-mixture.weights, kind="stable")[:n_splits])


def halved(weights: Floats, which: npt.NDArray[np.intp]) -> Floats:
    """Weights of components of which some are halved, their other halves appended."""
    halves = weights.copy()
    halves[which] /= 2
    return np.append(halves, halves[which])

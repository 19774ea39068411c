"""The base class of mixture models. A mixture is immutable; it scores frames and draws samples.

The joint log-likelihood of a frame and a component is linear in some ``z(x)``. One matrix product therefore scores a
block of frames under all components; see `estep`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError
from speechgmm.mixture import estep
from speechgmm.mixture.estep import Axes, Floats, Frames


@dataclass(frozen=True, eq=False)
class Mixture(ABC):
    """A mixture density ``p(x) = sum_k w_k p_k(x)`` of K components; all fields are arrays whose first axis is K.

    Attributes
    ----------
    weights : ndarray (K,)
        Component weights, positive; they sum to 1. K and D are at least 1.
    """

    family: ClassVar[str]

    weights: Floats

    @property
    def n_components(self) -> int:
        """K, the number of components."""
        return len(self.weights)

    @property
    @abstractmethod
    def n_dimensions(self) -> int:
        """D, the number of features of a frame."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Number of free parameters; the weights sum to 1 and have K - 1."""

    @property
    @abstractmethod
    def axes(self) -> Axes:
        """Axes near the mean and spread of the whole mixture, on which frames are scored."""

    @abstractmethod
    def joint_coefficients(self, axes: Axes) -> Floats:
        """Joint log-likelihood of a frame and each component, as coefficients of z on given axes.

        Parameters
        ----------
        axes : Axes

        Returns
        -------
        ndarray (M, K)
            Coefficients of z, minus those of the axes' reference density.
        """

    @abstractmethod
    def draw(self, components: npt.NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Draw one frame from each of the given components, (n, D)."""

    @cached_property
    def coefficients(self) -> Floats:
        """`joint_coefficients` on the axes of the mixture."""
        return self.joint_coefficients(self.axes)

    def log_likelihoods(self, frames: Frames) -> Floats:
        """Log-likelihood of each frame.

        Parameters
        ----------
        frames : ndarray (T, D)
            In float32 or float64, which is also the precision of the computation.

        Returns
        -------
        ndarray (T,)
            Natural logarithms.
        """
        axes = self.axes
        scores = np.empty(len(frames))
        for rows, block in estep.score_blocks(frames, axes, self.coefficients):
            scores[rows] = block.log_ratios + axes.log_density(frames[rows])
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
        for rows, block in estep.score_blocks(frames, self.axes, self.coefficients):
            np.divide(block.likelihoods, block.totals[:, np.newaxis], out=posteriors[rows])
        return posteriors

    def sample(self, n_frames: int, rng: np.random.Generator) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Draw frames from the mixture: a component by its weight, then a frame from that component.

        Parameters
        ----------
        n_frames : int
            Number of frames, 0 or more.
        rng : numpy.random.Generator

        Returns
        -------
        frames : ndarray (n_frames, D)
        components : ndarray (n_frames,)
            The component that each frame was drawn from, 0 to K - 1.

        Raises
        ------
        OptionError
            If `n_frames` is negative.
        """
        if n_frames < 0:
            raise OptionError(f"n_frames is {n_frames}, but it must be 0 or more")
        components = rng.choice(self.n_components, size=n_frames, p=self.weights / self.weights.sum())
        return self.draw(components, rng), components


def check_weights(weights: Floats) -> None:
    """Raise OptionError unless the weights of a mixture are positive and sum to 1."""
    if not ((weights > 0).all() and abs(weights.sum() - 1.0) < 1e-6):
        raise OptionError(
            "the weights of a mixture must be positive and sum to 1, "
            f"but the least is {weights.min():g} and their sum {weights.sum():g}"
        )

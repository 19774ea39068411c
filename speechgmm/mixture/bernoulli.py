"""Bernoulli mixture models, for frames of zeros and ones.

Symbols as in `gaussian`. The features are independent given the component (Bishop 2006, eq. 9.44 to 9.48):

    p(x) = sum_k w_k prod_d p_kd^x_d (1 - p_kd)^(1 - x_d)                                                      (1b)

    log w_k p_k(x) = log w_k + sum_d [ log(1 - p_kd) + x_d log(p_kd / (1 - p_kd)) ]                            (2b)

Equation (2b) is linear in ``z = (1, x)``.
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

MIN_PROBABILITY = 1e-6  # least distance of fitted probabilities from 0 and 1; one feature then costs at most 14 nats


@dataclass(frozen=True, eq=False)
class BernoulliMixture(Mixture):
    """A mixture whose components are independent Bernoulli variables, one per feature.

    Attributes
    ----------
    weights : ndarray (K,)
        Component weights, positive; they sum to 1. K and D are at least 1.
    probabilities : ndarray (K, D)
        Probability that a feature is 1, above 0 and below 1.

    Raises
    ------
    OptionError
        If the shapes of the arrays do not match or a value is outside its range.
    """

    family: ClassVar[str] = "bernoulli"

    probabilities: Floats

    def __post_init__(self) -> None:
        if (
            self.probabilities.ndim != 2
            or self.weights.shape != self.probabilities.shape[:1]
            or self.probabilities.size == 0
        ):
            raise OptionError(
                "a mixture needs weights (K,) and probabilities (K, D) with K and D at least 1, "
                f"not {self.weights.shape} and {self.probabilities.shape}"
            )
        if not ((self.probabilities > 0) & (self.probabilities < 1)).all():
            raise OptionError(
                "the probabilities of a mixture must be above 0 and below 1, "
                f"but the minimum is {self.probabilities.min():g} and the maximum {self.probabilities.max():g}"
            )
        check_weights(self.weights)

    @property
    def n_dimensions(self) -> int:
        """D, the number of features of a frame."""
        return int(self.probabilities.shape[1])

    @property
    def n_parameters(self) -> int:
        """Number of free parameters, K(D + 1) - 1."""
        return self.n_components * (self.n_dimensions + 1) - 1

    @cached_property
    def axes(self) -> Axes:
        """Axes about the mean of the whole mixture."""
        return axes_about(self.weights @ self.probabilities)

    def joint_coefficients(self, axes: Axes) -> Floats:
        """Equation (2b): constant and linear coefficients (1 + D, K), minus those of the density of `axes`."""
        p = self.probabilities
        logits = np.log(p) - np.log1p(-p)
        constant = np.log(self.weights) + np.log1p(-p).sum(axis=1)
        coefficients: Floats = np.vstack([constant, logits.T]) - axes.reference[:, np.newaxis]
        return coefficients

    def draw(self, components: npt.NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Draw one frame from each of the given components, (n, D)."""
        uniform = rng.random((len(components), self.n_dimensions))
        return (uniform < self.probabilities[components]).astype(np.float64)


def limited(probabilities: Floats) -> Floats:
    """Probabilities clipped to the range from `MIN_PROBABILITY` to 1 - `MIN_PROBABILITY`."""
    return np.clip(probabilities, MIN_PROBABILITY, 1.0 - MIN_PROBABILITY)


def axes_about(mean: Floats) -> Axes:
    """Axes with centre 0 and scale 1 whose density is that of independent Bernoulli variables with this mean."""
    p = limited(mean)
    logits = np.log(p) - np.log1p(-p)
    return Axes(np.zeros(len(p)), np.ones(len(p)), np.concatenate([[np.log1p(-p).sum()], logits]))

"""The other model: a mixture of independent Bernoulli variables, for frames of zeros and ones.

Symbols as in `gaussian`. A mixture has the probability (Bishop 2006, eq. 9.44 to 9.48)

    p(x) = sum_k w_k prod_d p_kd^x_d (1 - p_kd)^(1 - x_d)                                                      (1b)

    log w_k p_k(x) = log w_k + sum_d [ log(1 - p_kd) + x_d log(p_kd / (1 - p_kd)) ]                            (2b)

which is linear in ``z = (1, x)`` as it stands: there is no square.
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

LEAST_PROBABILITY = 1e-6  # fitted ones are so far from 0 and 1; a feature then costs a frame 14 nats at most


@dataclass(frozen=True, eq=False)
class BernoulliMixture(Mixture):
    """A mixture whose components are independent Bernoulli variables, one a feature.

    Attributes
    ----------
    weights : ndarray (K,)
        Component weights, positive; they sum to 1. K and D are at least 1.
    probabilities : ndarray (K, D)
        How likely each feature is to be 1, above 0 and below 1.

    Raises
    ------
    OptionError
        If the arrays do not fit one another or a value is outside its range.
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
                f"but the least is {self.probabilities.min():g} and the greatest {self.probabilities.max():g}"
            )
        check_weights(self.weights)

    @property
    def n_dimensions(self) -> int:
        """D, the number of features a frame has."""
        return int(self.probabilities.shape[1])

    @property
    def n_parameters(self) -> int:
        """Free parameters: K(D + 1) - 1."""
        return self.n_components * (self.n_dimensions + 1) - 1

    @cached_property
    def axes(self) -> Axes:
        """Axes about the mean of the mixture as a whole."""
        return axes_about(self.weights @ self.probabilities)

    def joint_coefficients(self, axes: Axes) -> Floats:
        """Equation (2b): constant and linear coefficients (1 + D, K), less those of the axes' own; see `axes_about`."""
        p = self.probabilities
        logits = np.log(p) - np.log1p(-p)
        constant = np.log(self.weights) + np.log1p(-p).sum(axis=1)
        coefficients: Floats = np.vstack([constant, logits.T]) - axes.reference[:, np.newaxis]
        return coefficients

    def draw(self, components: npt.NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Draw one frame from each of the components named, (n, D)."""
        uniform = rng.random((len(components), self.n_dimensions))
        return (uniform < self.probabilities[components]).astype(np.float64)


def limited(probabilities: Floats) -> Floats:
    """The probabilities, none nearer to 0 or 1 than `LEAST_PROBABILITY`."""
    return np.clip(probabilities, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)


def axes_about(mean: Floats) -> Axes:
    """Axes on which frames stay as they are, with the probability of independent Bernoulli variables of this mean."""
    p = limited(mean)
    logits = np.log(p) - np.log1p(-p)
    return Axes(np.zeros(len(p)), np.ones(len(p)), np.concatenate([[np.log1p(-p).sum()], logits]))

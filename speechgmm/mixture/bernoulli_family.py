"""The M-step for Bernoulli variables.

With the counts n_k and sums s_k of equation (3), taken around 0, the data's mean m and r frames of smoothing
(Bishop 2006, eq. 9.57 to 9.60 and, for r > 0, exercise 9.18):

    w_k = n_k / sum_j n_j        p_k = (s_k + r m) / (n_k + r), kept within the limits of `limited`           (4b)

This is the mode under a Beta prior of the same p, whose own mode is m, as if every component had seen r frames more:

    log prior = sum_kd r [ m_d log p_kd + (1 - m_d) log(1 - p_kd) ] + constant                                 (5b)

Both the expected log-likelihood and (5b) are concave in p, so the limited p is the constrained optimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from speechgmm.errors import TrainingError
from speechgmm.mixture.bernoulli import LEAST_PROBABILITY, BernoulliMixture, axes_about, limited
from speechgmm.mixture.estep import Axes, Floats
from speechgmm.mixture.family import SPLIT_OFFSET, Family, halved
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.statistics import Moments, Statistics

ROUNDING = 1e-9  # of a mean and variance in double precision; one stray frame of ten million makes a greater difference


@dataclass(frozen=True, eq=False)
class BernoulliFamily(Family[BernoulliMixture]):
    """Bernoulli variables, for given data.

    Attributes
    ----------
    mean : ndarray (D,)
        The data's, within the limits of `limited`.
    smoothing : float
        How many frames like the mean every component is taken to have seen besides its own; not negative.
    axes : Axes
        About the mean.
    """

    mean: Floats
    smoothing: float
    axes: Axes

    @classmethod
    def of(cls, moments: Moments, options: EMOptions) -> BernoulliFamily:
        """The family for data with these moments.

        Raises
        ------
        TrainingError
            If these cannot be the moments of zeros and ones.
        """
        # The mean of x (x - 1) is variance - mean (1 - mean). It is 0 for zeros and ones, below 0 for any others from 0
        # to 1. Values outside could make up for values between, but measured ones do not to nine places.
        strange = np.abs(moments.variance - moments.mean * (1.0 - moments.mean)) > ROUNDING
        if strange.any():
            which = int(strange.argmax())
            raise TrainingError(
                f"feature {which} has the mean {moments.mean[which]:.6g} and the variance "
                f"{moments.variance[which]:.6g}, so it is not always 0 or 1, which the family 'bernoulli' needs: "
                "give frames of zeros and ones or take the family 'gaussian'"
            )
        return cls(limited(moments.mean), options.smoothing, axes_about(moments.mean))

    def maximise(self, statistics: Statistics) -> BernoulliMixture:
        """Equation (4b)."""
        counts = statistics.occupancies
        seen = counts[:, np.newaxis] + self.smoothing
        probabilities = (statistics.first + self.smoothing * self.mean) / seen
        return BernoulliMixture(counts / counts.sum(), limited(probabilities))

    def adapt(
        self, background: BernoulliMixture, statistics: Statistics, *, weights: Floats, share: Floats
    ) -> BernoulliMixture:
        """The mean of equation (6) of `adaptation`: ``p' = a E[x] + (1 - a) p``. The smoothing is the background's."""
        a = share[:, np.newaxis]
        counts = np.where(a > 0, statistics.occupancies[:, np.newaxis], 1.0)
        probabilities = a * statistics.first / counts + (1.0 - a) * background.probabilities
        return BernoulliMixture(weights, limited(probabilities))

    def halves(self, mixture: BernoulliMixture, which: npt.NDArray[np.intp]) -> BernoulliMixture:
        """Some probabilities moved `SPLIT_OFFSET` standard deviations down, and their other halves up."""
        p = mixture.probabilities
        shift = np.zeros_like(p)
        shift[which] = SPLIT_OFFSET * np.sqrt(p[which] * (1.0 - p[which]))
        return BernoulliMixture(halved(mixture.weights, which), limited(np.vstack([p - shift, (p + shift)[which]])))

    def place(self, mixture: BernoulliMixture, points: Floats) -> BernoulliMixture:
        """The mixture with its probabilities half the way to these points: at a frame itself they would be 0 and 1."""
        return replace(mixture, probabilities=limited((mixture.probabilities + points) / 2.0))

    def apply_limits(self, mixture: BernoulliMixture) -> BernoulliMixture:
        """The mixture with its probabilities kept off 0 and 1."""
        return replace(mixture, probabilities=limited(mixture.probabilities))

    def n_limited(self, mixture: BernoulliMixture) -> int:
        """How many probabilities stand at the limits of `limited`."""
        p = mixture.probabilities
        return int(((p <= LEAST_PROBABILITY) | (p >= 1.0 - LEAST_PROBABILITY)).sum())

    def log_prior(self, mixture: BernoulliMixture) -> float:
        """Equation (5b)."""
        p, m = mixture.probabilities, self.mean
        return float(self.smoothing * (m * np.log(p) + (1.0 - m) * np.log1p(-p)).sum())

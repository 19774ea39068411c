"""M-step, MAP adaptation and limits of Bernoulli variables.

With the occupancies n_k and sums s_k of equation (3), centred at 0, the data's mean m and r frames of smoothing
(Bishop 2006, eq. 9.57 to 9.60 and, for r > 0, exercise 9.18):

    w_k = n_k / sum_j n_j        p_k = (s_k + r m) / (n_k + r), clipped by `limited`                          (4b)

This is the posterior mode under a Beta prior of p with mode m. It is equivalent to r additional frames per component:

    log prior = sum_kd r [ m_d log p_kd + (1 - m_d) log(1 - p_kd) ] + constant                                 (5b)

Both the expected log-likelihood and (5b) are concave in p, so the clipped p is the constrained optimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from speechgmm.errors import TrainingError
from speechgmm.mixture.bernoulli import MIN_PROBABILITY, BernoulliMixture, axes_about, limited
from speechgmm.mixture.component_family import SPLIT_OFFSET, Family, halved
from speechgmm.mixture.estep import Axes, Floats
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.statistics import Moments, Statistics

ROUNDING = 1e-9  # rounding error of mean and variance in float64; one invalid frame in ten million differs by more


@dataclass(frozen=True, eq=False)
class BernoulliFamily(Family[BernoulliMixture]):
    """The family of Bernoulli variables, for given data.

    Attributes
    ----------
    mean : ndarray (D,)
        Mean of the data, clipped by `limited`.
    smoothing : float
        Number of frames equal to the mean that are added to every component; not negative.
    axes : Axes
        Axes about the mean.
    """

    mixture_type: ClassVar[type[BernoulliMixture]] = BernoulliMixture

    mean: Floats
    smoothing: float
    axes: Axes

    @classmethod
    def of(cls, moments: Moments, options: EMOptions) -> BernoulliFamily:
        """The family for data with these moments.

        Raises
        ------
        TrainingError
            If these are not moments of zeros and ones.
        """
        # The mean of x (x - 1) is variance - mean (1 - mean). It is 0 for zeros and ones and negative for other values
        # between 0 and 1. Values outside of this range could compensate these, but not to nine decimals in real data.
        not_binary = np.abs(moments.variance - moments.mean * (1.0 - moments.mean)) > ROUNDING
        if not_binary.any():
            feature = int(not_binary.argmax())
            raise TrainingError(
                f"feature {feature} has the mean {moments.mean[feature]:.6g} and the variance "
                f"{moments.variance[feature]:.6g}, but the family 'bernoulli' needs values of 0 and 1 only: "
                "give frames of zeros and ones or use the family 'gaussian'"
            )
        return cls(limited(moments.mean), options.smoothing, axes_about(moments.mean))

    def maximise(self, statistics: Statistics) -> BernoulliMixture:
        """Equation (4b)."""
        counts = statistics.occupancies
        smoothed = counts[:, np.newaxis] + self.smoothing
        probabilities = (statistics.first + self.smoothing * self.mean) / smoothed
        return BernoulliMixture(counts / counts.sum(), limited(probabilities))

    def adapt(
        self, background: BernoulliMixture, statistics: Statistics, *, weights: Floats, share: Floats
    ) -> BernoulliMixture:
        """Equation (6) of `map_adaptation`, means only: ``p' = a E[x] + (1 - a) p``. There is no smoothing."""
        a = share[:, np.newaxis]
        counts = np.where(a > 0, statistics.occupancies[:, np.newaxis], 1.0)
        probabilities = a * statistics.first / counts + (1.0 - a) * background.probabilities
        return BernoulliMixture(weights, limited(probabilities))

    def halves(self, mixture: BernoulliMixture, which: npt.NDArray[np.intp]) -> BernoulliMixture:
        """Move probabilities down by `SPLIT_OFFSET` standard deviations, and up in the appended halves."""
        p = mixture.probabilities
        shift = np.zeros_like(p)
        shift[which] = SPLIT_OFFSET * np.sqrt(p[which] * (1.0 - p[which]))
        return BernoulliMixture(halved(mixture.weights, which), limited(np.vstack([p - shift, (p + shift)[which]])))

    def place(self, mixture: BernoulliMixture, points: Floats) -> BernoulliMixture:
        """The mixture with its probabilities moved half of the way to these points; at a frame they would be 0 or 1."""
        return replace(mixture, probabilities=limited((mixture.probabilities + points) / 2.0))

    def apply_limits(self, mixture: BernoulliMixture) -> BernoulliMixture:
        """The mixture with its probabilities clipped by `limited`."""
        return replace(mixture, probabilities=limited(mixture.probabilities))

    def n_limited(self, mixture: BernoulliMixture) -> int:
        """Number of probabilities at the limits of `limited`."""
        p = mixture.probabilities
        return int(((p <= MIN_PROBABILITY) | (p >= 1.0 - MIN_PROBABILITY)).sum())

    def log_prior(self, mixture: BernoulliMixture) -> float:
        """Equation (5b)."""
        p, m = mixture.probabilities, self.mean
        return float(self.smoothing * (m * np.log(p) + (1.0 - m) * np.log1p(-p)).sum())

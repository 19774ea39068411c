"""Sub-models tied to one background mixture, and their scores: linear scoring.

The components of all sub-models are those of a background mixture with weights w_k, means m_k and standard deviations
s_k: sub-model h has the weights p_hk and the means m_k + s_k a_hk. With the responsibilities g of the background held
fixed, the log-likelihood ratio of sub-model h to the background is linear in the frame (linear scoring; Glembek,
Burget, Dehak, Brümmer & Kenny 2009):

    r_h(x_t) = sum_k g_tk ( c_hk + a_hk . y_tk ),     y_tk = (x_t - m_k) / s_k,
    c_hk = log p_hk / w_k - 1/2 |a_hk|^2                                                                        (9)

The sum over the frames of an utterance needs its centred statistics only,

    N_k = sum_t g_tk        F_k = sum_t g_tk y_tk                                                              (10)

so that all sub-models together cost one product with the background mixture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.mixture.estep import BOOST, Floats, Frames, score_blocks
from speechgmm.mixture.gaussian import DiagonalMixture

SHARPNESS = 10.0  # of the posteriors of sub-models, see `mmi`: near the usual scale of a calibration


@dataclass(frozen=True, eq=False)
class TiedModels:
    """Sub-models tied to a background mixture.

    Attributes
    ----------
    background : DiagonalMixture
        Of K components over D dimensions.
    coefficients : ndarray (H, K, 1 + D)
        c_hk and a_hk of equation (9) for each sub-model. After discriminative training they need not be those of a
        density.

    Raises
    ------
    OptionError
        If the shapes do not match or a coefficient is not finite.
    """

    background: DiagonalMixture
    coefficients: Floats

    def __post_init__(self) -> None:
        expected = self.background.n_components, 1 + self.background.n_dimensions
        if self.coefficients.ndim != 3 or self.coefficients.shape[1:] != expected or not len(self.coefficients):
            raise OptionError(
                f"tied sub-models need coefficients (H, {expected[0]}, {expected[1]}) with H at least 1, "
                f"not {self.coefficients.shape}"
            )
        if not np.isfinite(self.coefficients).all():
            raise OptionError("the coefficients of tied sub-models must be finite numbers")

    @property
    def n_models(self) -> int:
        """H, the number of sub-models."""
        return len(self.coefficients)

    def totals(self, frames: Frames) -> Floats:
        """Log-likelihood ratio of each sub-model to the background, summed over the frames (T, D); (H,), in nats."""
        totals: Floats = np.tensordot(self.coefficients, centred_statistics(self.background, frames), axes=2)
        return totals

    def log_ratios(self, frames: Frames, n_models: int | None = None) -> Floats:
        """Log-likelihood ratio of sub-models to the background for each frame.

        Parameters
        ----------
        frames : ndarray (T, D)
        n_models : int, optional
            Only the first ones; by default all.

        Returns
        -------
        ndarray (T, H or `n_models`)
            In nats.
        """
        background, axes = self.background, self.background.axes
        n_linear = 1 + background.n_dimensions
        slopes = self._on_axes[:n_models].astype(frames.dtype)
        ratios = np.empty((len(frames), len(slopes)))
        for rows, block in score_blocks(frames, axes, background.coefficients):
            terms = np.matmul(block.z[:n_linear].T, slopes)  # (H, B, K)
            terms *= block.likelihoods
            ratios[rows] = (terms.sum(axis=2, dtype=np.float64) / block.totals).T
        return ratios

    @cached_property
    def _on_axes(self) -> Floats:
        """The coefficients (H, 1 + D, K) of the part of z = (1, x) with x on the axes of the background."""
        background, axes = self.background, self.background.axes
        deviations = np.sqrt(background.variances)
        constants, slopes = self.coefficients[:, :, 0], self.coefficients[:, :, 1:] / deviations
        constants = constants + (slopes * (axes.center - background.means)).sum(axis=2)
        on_axes: Floats = np.concatenate([constants[:, np.newaxis], (slopes * axes.scale).transpose(0, 2, 1)], axis=1)
        return on_axes


def centred_statistics(background: DiagonalMixture, frames: Frames) -> Floats:
    """The statistics (10) of some frames.

    Parameters
    ----------
    background : DiagonalMixture
        Of K components.
    frames : ndarray (T, D)
        In float32 or float64, which is also the precision within a block; blocks are summed in float64.

    Returns
    -------
    ndarray (K, 1 + D)
        N_k, then F_k, for each component. The N_k sum to T.
    """
    axes, n_linear = background.axes, 1 + background.n_dimensions
    sums = np.zeros((background.n_components, n_linear))
    for _, block in score_blocks(frames, axes, background.coefficients):
        z = block.z[:n_linear]
        z *= (BOOST / block.totals).astype(z.dtype)
        sums += (z @ block.likelihoods).T
    sums /= BOOST
    occupancies = sums[:, :1]
    sums[:, 1:] = (sums[:, 1:] * axes.scale - occupancies * (background.means - axes.center)) / np.sqrt(
        background.variances
    )
    return sums

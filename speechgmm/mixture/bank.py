"""Score frames under several mixtures with one matrix product.

The components of all mixtures are columns of one matrix, on common axes. Frames are expanded once, and one large matrix
product replaces several small ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from speechgmm.mixture.estep import TRUSTED, Floats, Frames, score_blocks
from speechgmm.mixture.model import Mixture


@dataclass(frozen=True, eq=False)
class Bank:
    """Mixtures that are scored together.

    Attributes
    ----------
    mixtures : tuple of Mixture
        One or more, of the same family and number of dimensions.
    """

    mixtures: tuple[Mixture, ...]

    def log_likelihoods(self, frames: Frames) -> Floats:
        """Log-likelihood of each frame under each mixture.

        Parameters
        ----------
        frames : ndarray (T, D)
            In float32 or float64, which is also the precision of the computation.

        Returns
        -------
        ndarray (T, M)
            Natural logarithms.
        """
        axes, least = self._pooled.axes, TRUSTED[np.dtype(frames.dtype)][0]
        scores = np.empty((len(frames), len(self.mixtures)))
        for rows, block in score_blocks(frames, axes, self._coefficients):
            totals = block.likelihoods @ self._members
            unit = axes.log_density(frames[rows]) + block.log_ratios - np.log(block.totals, dtype=np.float64)
            with np.errstate(divide="ignore"):  # a vanishing total is scored alone below
                scores[rows] = unit[:, np.newaxis] + np.log(totals, dtype=np.float64)
            weak = ~(totals > least)
            for index in np.flatnonzero(weak.any(axis=0)):
                alone = rows.start + np.flatnonzero(weak[:, index])
                scores[alone, index] = self.mixtures[index].log_likelihoods(frames[alone])
        return scores

    @cached_property
    def _pooled(self) -> Mixture:
        """All mixtures as one, with equal weights."""
        return pooled(self.mixtures)

    @cached_property
    def _coefficients(self) -> Floats:
        """Coefficients of the pooled mixture, with the component weights of the single mixtures."""
        coefficients = self._pooled.coefficients.copy()
        coefficients[0] += np.log(len(self.mixtures))
        return coefficients

    @cached_property
    def _members(self) -> npt.NDArray[np.float32]:
        """Membership of components in mixtures, (K, M) of 0 and 1."""
        sizes = [mixture.n_components for mixture in self.mixtures]
        return np.repeat(np.eye(len(sizes), dtype=np.float32), sizes, axis=0)


def pooled(mixtures: Sequence[Mixture]) -> Mixture:
    """The mixture of all components of some mixtures of one family, each mixture with the same total weight."""
    joined = {
        field.name: np.concatenate([getattr(mixture, field.name) for mixture in mixtures])
        for field in fields(mixtures[0])
    }
    joined["weights"] /= len(mixtures)
    return replace(mixtures[0], **joined)

"""What the estimators of clusters have in common: everything that fitted centres answer."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from speechgmm.mixture.estep import Floats
from speechgmm.mixture.estimators.codebook import nearest
from speechgmm.mixture.estimators.validation import Samples, checked_rows, count, distinct_rows

if TYPE_CHECKING:
    from typing_extensions import Self


class ClusterEstimator(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Centres of clusters; its subclasses say how they are found."""

    n_clusters: int

    cluster_centers_: Floats
    labels_: npt.NDArray[np.intp]

    @abstractmethod
    def _find(self, samples: Samples) -> None:
        """Set `cluster_centers_` and the other attributes, but for `labels_`."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Find the centres of the clusters of some data.

        Parameters
        ----------
        X : array-like (n_samples, n_features)
            Distances are Euclidean: scale features of different units first.
        y : ignored
        sample_weight : array-like (n_samples,), optional
            Weight of each row, 0 or more; 1 by default. A row of weight 2 counts as two equal rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data are not usable; the message names the value and what was expected.
        """
        rows = checked_rows(self, X, reset=True, n_needed=count("n_clusters", self.n_clusters))
        self._find(distinct_rows(rows, sample_weight))
        self.labels_ = nearest(rows, self.cluster_centers_)
        return self

    def predict(self, X: Any) -> npt.NDArray[np.intp]:
        """Number of the nearest centre of each row, from 0; the first one of a tie."""
        return nearest(self._checked(X), self.cluster_centers_)

    def transform(self, X: Any) -> Floats:
        """Euclidean distance of each row to each centre, (n_samples, n_clusters)."""
        distances: Floats = cdist(self._checked(X), self.cluster_centers_)
        return distances

    def _checked(self, X: Any) -> Floats:
        check_is_fitted(self)
        return checked_rows(self, X, reset=False)

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

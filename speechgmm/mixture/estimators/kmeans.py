"""The estimator of k-means."""

from __future__ import annotations

from typing import Any

import numpy as np

from speechgmm.mixture.estimators.cluster_estimator import ClusterEstimator
from speechgmm.mixture.estimators.codebook import fit_codebook
from speechgmm.mixture.estimators.trace import Trace
from speechgmm.mixture.estimators.validation import Samples, checked_weights


class KMeans(ClusterEstimator):
    """Clusters by k-means: Lloyd's algorithm, until the distortion no longer falls.

    Parameters
    ----------
    n_clusters : int
        K.
    init : str or array-like (n_clusters, n_features)
        "k-means++" (greedy), "random" for random rows, or the initial centres.
    n_init : int
        Number of starts by `init`; the one with the lowest distortion is kept.
    max_iter : int
        Maximum number of iterations.
    trace_parameters : bool
        Whether `trace_` contains the centres of each iteration.
    random_state : int, RandomState or None
        Determines the starts.

    Attributes
    ----------
    cluster_centers_ : ndarray (K, n_features)
    labels_ : ndarray (n_samples,)
        Cluster of each row, from 0.
    distortion_ : float
        Mean squared distance of the rows to their centres.
    inertia_ : float
        Sum of these squared distances, by weight.
    n_iter_ : int
    trace_ : Trace
        The distortion after each step, see `codebook.trace_of`.
    n_features_in_ : int
    feature_names_in_ : ndarray (n_features,)
        If the columns of X have names.
    """

    distortion_: float
    trace_: Trace

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int = 1,
        max_iter: int = 300,
        trace_parameters: bool = False,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.trace_parameters = trace_parameters
        self.random_state = random_state

    def _find(self, samples: Samples) -> None:
        codebook = fit_codebook(
            samples,
            self.n_clusters,
            init=self.init,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=self.random_state,
            keep=bool(self.trace_parameters),
        )
        self.cluster_centers_ = codebook.centers
        self.distortion_ = codebook.distortion
        self.inertia_ = codebook.distortion * float(samples.weights.sum())
        self.n_iter_ = codebook.n_iterations
        self.trace_ = codebook.trace

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Sum of the squared distances of the rows to their nearest centres, by weight, with a minus sign."""
        squares = self.transform(X).min(axis=1) ** 2
        weights = np.ones(len(squares)) if sample_weight is None else checked_weights(sample_weight, squares)
        return -float(weights @ squares)

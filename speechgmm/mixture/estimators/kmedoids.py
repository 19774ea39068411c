"""The estimator of k-medoids."""

from __future__ import annotations

from typing import Any

import numpy as np

from speechgmm.mixture.estimators.cluster_estimator import ClusterEstimator
from speechgmm.mixture.estimators.trace import Trace
from speechgmm.mixture.estimators.validation import Samples, checked_weights, count, seed_of, warn
from speechgmm.mixture.kmedoids import Indices, k_medoids


class KMedoids(ClusterEstimator):
    """Clusters whose centres are rows of the data, with the lowest sum of distances (not squared), by FasterPAM.

    The time is quadratic in the number of distinct rows.

    Parameters
    ----------
    n_clusters : int
        K.
    n_init : int
        Number of starts with random centres; the one with the lowest sum of distances is kept.
    max_passes : int
        Maximum number of times each row is tried as a centre.
    trace_parameters : bool
        Whether `trace_` contains the centres after each swap.
    random_state : int, RandomState or None
        Determines the starts.

    Attributes
    ----------
    cluster_centers_ : ndarray (K, n_features)
    medoid_indices_ : ndarray (K,)
        Indices of these rows of the data; of equal rows, the first one.
    labels_ : ndarray (n_samples,)
        Cluster of each row, from 0.
    inertia_ : float
        Sum of the distances of the rows to their centres, by weight.
    converged_ : bool
        True if no swap of a centre with a row lowers the sum further.
    n_swaps_ : int
    trace_ : Trace
        `deviation`: the sum of the distances, of the initial centres and after each swap.
    n_features_in_ : int
    feature_names_in_ : ndarray (n_features,)
        If the columns of X have names.
    """

    medoid_indices_: Indices
    inertia_: float
    trace_: Trace

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_init: int = 1,
        max_passes: int = 10,
        trace_parameters: bool = False,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_passes = max_passes
        self.trace_parameters = trace_parameters
        self.random_state = random_state

    def _find(self, samples: Samples) -> None:
        n_distinct, seed = min(self.n_clusters, len(samples.rows)), seed_of(self.random_state)
        if n_distinct < self.n_clusters:
            warn(f"X has {n_distinct} distinct rows, fewer than n_clusters={self.n_clusters}: some centres are equal")
        runs = []
        for number in range(count("n_init", self.n_init)):
            steps: list[Indices] = []
            medoids = k_medoids(
                samples.rows,
                n_distinct,
                np.random.default_rng([seed, number]),
                max_passes=count("max_passes", self.max_passes),
                frame_weights=samples.weights,
                monitor=steps.append,
            )
            runs.append((medoids, steps))
        best, steps = min(runs, key=lambda run: run[0].deviations[-1])
        chosen = np.resize(best.indices, self.n_clusters)
        self.cluster_centers_ = samples.rows[chosen]
        self.medoid_indices_ = samples.first[chosen]
        self.inertia_ = best.deviations[-1]
        self.converged_ = best.converged
        self.n_swaps_ = len(best.deviations) - 1
        kept = [{"centers": samples.rows[step]} for step in steps] if self.trace_parameters else []
        self.trace_ = Trace({"deviation": np.array(best.deviations)}, kept)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Sum of the distances of the rows to their nearest centres, by weight, with a minus sign."""
        distances = self.transform(X).min(axis=1)
        weights = np.ones(len(distances)) if sample_weight is None else checked_weights(sample_weight, distances)
        return -float(weights @ distances)

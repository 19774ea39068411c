"""The estimator of Bernoulli mixtures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from speechgmm.argument_checks import number
from speechgmm.errors import OptionError
from speechgmm.mixture import bernoulli
from speechgmm.mixture.bernoulli_mstep import BernoulliFamily
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.estimators.mixture_estimator import MixtureEstimator
from speechgmm.mixture.estimators.validation import at_least
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.statistics import Moments


class BernoulliMixture(MixtureEstimator):
    """A mixture of independent Bernoulli variables for rows of zeros and ones, fitted by EM.

    Parameters
    ----------
    n_components : int
        K, the number of components.
    init : str, Mixture or array-like (n_components, n_features)
        The start: "kmeans", "random", "medoids" or "split" (see `initialisation.start`); or a mixture of this family,
        such as the `mixture_` of a fitted estimator; or points from 0 to 1, to which the probabilities of components
        that are equal to the data's mean are moved half of the way.
    n_init, algorithm, tol, max_iter
        As for `GaussianMixture`.
    smoothing : float
        Number of rows equal to the data's mean that are added to every component; 0 or more. EM then maximises
        log-likelihood plus log prior, which is `trace_["objective"]`.
    binarize : float or None
        Values above this threshold become 1, the others 0, as in scikit-learn's BernoulliNB. None: the data must be
        zeros and ones.
    prior, relevance, trace_parameters, random_state
        As for `GaussianMixture`.

    Attributes
    ----------
    weights_ : ndarray (K,)
    probabilities_ : ndarray (K, n_features)
        Probability that a feature is 1.
    mixture_, trace_, converged_, n_iter_, lower_bound_, restart_log_likelihoods_
        As for `GaussianMixture`.
    n_limited_, n_reseeded_, n_features_in_, feature_names_in_
        As for `GaussianMixture`; the limits are those of `bernoulli.limited`.
    """

    probabilities_: Floats

    def __init__(
        self,
        n_components: int = 1,
        *,
        init: Any = "kmeans",
        n_init: int = 1,
        algorithm: str = "soft",
        tol: float = 1e-4,
        max_iter: int = 200,
        smoothing: float = 1.0,
        binarize: float | None = 0.0,
        prior: Mixture | None = None,
        relevance: float = 16.0,
        trace_parameters: bool = False,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.n_init = n_init
        self.algorithm = algorithm
        self.tol = tol
        self.max_iter = max_iter
        self.smoothing = smoothing
        self.binarize = binarize
        self.prior = prior
        self.relevance = relevance
        self.trace_parameters = trace_parameters
        self.random_state = random_state

    def _options(self) -> EMOptions:
        return replace(super()._options(), smoothing=at_least("smoothing", self.smoothing, 0.0))

    def _rows(self, X: Any, *, reset: bool, n_needed: int = 1) -> Floats:
        rows = super()._rows(X, reset=reset, n_needed=n_needed)
        if self.binarize is not None:
            return (rows > number("binarize", self.binarize)).astype(np.float64)
        other = rows[(rows != 0) & (rows != 1)]
        if len(other):
            raise OptionError(
                f"X has the value {other[0]:g}, but a Bernoulli mixture needs zeros and ones: "
                "give a threshold as binarize"
            )
        return rows

    def _family(self, of_data: Moments, options: EMOptions) -> BernoulliFamily:
        return BernoulliFamily.of(of_data, options)

    def _keep_parameters(self, mixture: bernoulli.BernoulliMixture) -> None:
        self.probabilities_ = mixture.probabilities

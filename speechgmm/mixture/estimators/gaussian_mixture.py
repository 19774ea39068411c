"""The estimator of Gaussian mixtures."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from speechgmm.mixture.estep import REFERENCE_WIDTH, Floats
from speechgmm.mixture.estimators.mixture_estimator import MixtureEstimator
from speechgmm.mixture.estimators.validation import at_least, choice
from speechgmm.mixture.full_gaussian import FullMixture
from speechgmm.mixture.full_gaussian_mstep import FullFamily, TiedFamily
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.gaussian_mstep import ABSOLUTE_FLOOR, GaussianFamily
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.spherical import SphericalFamily
from speechgmm.mixture.statistics import Moments

FAMILIES: dict[str, type[FullFamily | GaussianFamily]] = {
    "full": FullFamily,
    "tied": TiedFamily,
    "diag": GaussianFamily,
    "spherical": SphericalFamily,
}

LEAST_FLOOR = 1e-8  # share of the data's variance; of less, rounding errors would be too large a part
ROUNDING = 4.0 * np.finfo(np.float64).eps  # share of the mean; a feature that varies by less is constant


class GaussianMixture(MixtureEstimator):
    """A Gaussian mixture, fitted by EM.

    Parameters
    ----------
    n_components : int
        K, the number of components.
    covariance_type : str
        - "full": each component has a covariance of its own;
        - "tied": all components share one covariance;
        - "diag": each component has a variance for each feature, and no correlations;
        - "spherical": each component has one variance.
    init : str, Mixture or array-like (n_components, n_features)
        The start: "kmeans", "random", "medoids" or "split" (see `initialisation.start`); or a mixture of this family,
        such as the `mixture_` of a fitted estimator; or the initial means, of components that are as wide as the data
        and have equal weights.
    n_init : int
        Number of starts by a method of `init`; the fit with the highest likelihood is kept. A given mixture or given
        means are one start.
    algorithm : str
        "soft": EM. "hard": classification EM, which assigns each row to its most likely component only.
    tol : float
        EM has converged when an iteration gains less than this, in nats per row; 0 or more.
    max_iter : int
        Maximum number of iterations.
    variance_floor : float
        Minimum variance of a component in any direction, as a share of the data's variance; at least 0 and below 1. The
        unit of a feature does not matter. Below 1e-8 it is 1e-8.
    prior : Mixture, optional
        A mixture of this family that is adapted to the data (MAP adaptation, see `map_adaptation.fit_adapted`), such as
        the `mixture_` of an estimator that was fitted to more data. There is no other start then.
    relevance : float
        Number of rows at which an adapted component is half way between the prior and its data; 0 or more.
    trace_parameters : bool
        Whether `trace_` contains the parameters of each iteration.
    random_state : int, RandomState or None
        Determines the starts, and the rows of `sample`.

    Attributes
    ----------
    weights_ : ndarray (K,)
    means_ : ndarray (K, n_features)
    covariances_ : ndarray
        "full": (K, n_features, n_features); "tied": (n_features, n_features); "diag": variances (K, n_features);
        "spherical": variances (K,).
    mixture_ : Mixture
        The fitted model.
    trace_ : Trace
        The record of the iterations of the fit that was kept.
    converged_ : bool
    n_iter_ : int
        Number of iterations.
    lower_bound_ : float
        The last log-likelihood of `trace_`, in nats per row; with "hard", that of rows and their components.
    restart_log_likelihoods_ : ndarray (n_init,)
        The same for each start.
    n_limited_ : int
        Number of variances at the floor.
    n_reseeded_ : int
        Number of components that lost their rows and were re-seeded by splitting another one.
    n_features_in_ : int
    feature_names_in_ : ndarray (n_features,)
        If the columns of X have names.
    """

    least_rows: ClassVar[int] = 2  # a single row has no variance

    means_: Floats
    covariances_: Floats

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        init: Any = "kmeans",
        n_init: int = 1,
        algorithm: str = "soft",
        tol: float = 1e-4,
        max_iter: int = 200,
        variance_floor: float = 1e-6,
        prior: Mixture | None = None,
        relevance: float = 16.0,
        trace_parameters: bool = False,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.init = init
        self.n_init = n_init
        self.algorithm = algorithm
        self.tol = tol
        self.max_iter = max_iter
        self.variance_floor = variance_floor
        self.prior = prior
        self.relevance = relevance
        self.trace_parameters = trace_parameters
        self.random_state = random_state

    def _family(self, of_data: Moments, options: EMOptions) -> FullFamily | GaussianFamily:
        kind = FAMILIES[choice("covariance_type", self.covariance_type, tuple(FAMILIES))]
        share = at_least("variance_floor", self.variance_floor, 0.0, below=1.0)
        rounding = (ROUNDING * of_data.mean) ** 2
        constant = of_data.variance <= rounding
        variance = np.where(constant, np.maximum(rounding, ABSOLUTE_FLOOR), of_data.variance)
        floor = variance * np.where(constant, 1.0, max(share, LEAST_FLOOR))
        return kind(floor, kind.axes_type.gaussian(of_data.mean, np.sqrt(variance), REFERENCE_WIDTH))

    def _keep_parameters(self, mixture: FullMixture | DiagonalMixture) -> None:
        self.means_ = mixture.means
        if isinstance(mixture, FullMixture):
            self.covariances_ = mixture.covariances[0] if self.covariance_type == "tied" else mixture.covariances
        else:
            self.covariances_ = mixture.variances[:, 0] if self.covariance_type == "spherical" else mixture.variances

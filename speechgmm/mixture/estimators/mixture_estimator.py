"""What the estimators of mixtures have in common: the fit by EM, and everything that a fitted mixture answers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from speechgmm.errors import OptionError
from speechgmm.mixture import information_criteria
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import Fit, fit
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.estimators.chunks import Chunks, extended
from speechgmm.mixture.estimators.trace import Recorder, trace_of
from speechgmm.mixture.estimators.validation import (
    Samples,
    at_least,
    checked_points,
    checked_rows,
    checked_weights,
    choice,
    count,
    distinct_rows,
    seed_of,
    warn,
)
from speechgmm.mixture.initialisation import START_METHODS, identical_components
from speechgmm.mixture.map_adaptation import fit_adapted
from speechgmm.mixture.model import Mixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.restarts import fit_restarts
from speechgmm.mixture.shards import ShardedFrames, shards_of
from speechgmm.mixture.statistics import Moments, moments

if TYPE_CHECKING:
    from typing_extensions import Self

ALGORITHMS = ("soft", "hard")
NEGLIGIBLE = 1e-6  # share of the rows; a component with less is re-seeded or removed


def has_one_component(estimator: MixtureEstimator) -> bool:
    """Whether a fit to chunks is the fit to all of them, see `chunks`."""
    return estimator.n_components == 1 and estimator.prior is None


class MixtureEstimator(DensityMixin, BaseEstimator):  # type: ignore[misc]
    """A mixture that is fitted by EM; its subclasses say of which components."""

    least_rows: ClassVar[int] = 1

    n_components: int
    init: Any
    n_init: int
    algorithm: str
    tol: float
    max_iter: int
    prior: Mixture | None
    relevance: float
    trace_parameters: bool
    random_state: Any

    mixture_: Mixture
    weights_: Floats

    @abstractmethod
    def _family(self, of_data: Moments, options: EMOptions) -> Family[Any]:
        """The family of the components, for data with these moments."""

    @abstractmethod
    def _keep_parameters(self, mixture: Any) -> None:
        """Set the attributes with the parameters of the fitted mixture."""

    def _rows(self, X: Any, *, reset: bool, n_needed: int = 1) -> Floats:
        """The data as rows of numbers that the components can describe."""
        return checked_rows(self, X, reset=reset, n_needed=n_needed)

    def _options(self) -> EMOptions:
        """The options of EM that these parameters say."""
        return EMOptions(
            max_iterations=count("max_iter", self.max_iter),
            tolerance=at_least("tol", self.tol, 0.0),
            hard=choice("algorithm", self.algorithm, ALGORITHMS) == "hard",
        )

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit the mixture to data.

        Parameters
        ----------
        X : array-like (n_samples, n_features)
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
        options, n_components = self._options(), count("n_components", self.n_components)
        rows = self._rows(X, reset=True, n_needed=max(n_components, self.least_rows))
        samples = distinct_rows(rows, sample_weight)
        data = shards_of(samples.rows, samples.weights)
        options = replace(options, min_occupancy=NEGLIGIBLE * float(samples.weights.sum()))
        family = self._family(moments(data), options)
        best, mixtures, ends = self._fitted(data, samples, family, options)
        self._keep(best, mixtures, ends)
        self._chunks: Chunks | None = None
        return self

    @available_if(has_one_component)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit to one more chunk of the data; the result is that of a fit to all chunks together, but for rounding.

        Only with ``n_components=1`` and without prior: with more components this would not be EM, see `chunks`. There
        are no iterations. Parameters and errors are those of `fit`.
        """
        options, known = self._options(), getattr(self, "_chunks", None)
        rows = self._rows(X, reset=known is None)
        weights = np.ones(len(rows)) if sample_weight is None else checked_weights(sample_weight, rows)
        self._chunks = extended(known, rows, weights, lambda of_data: self._family(of_data, options))
        self._keep(self._chunks.fit, [], self._chunks.fit.log_likelihoods)
        return self

    def _fitted(
        self, data: ShardedFrames, samples: Samples, family: Family[Any], options: EMOptions
    ) -> tuple[Fit[Any], Sequence[Mixture], Sequence[float]]:
        """The best fit, the mixtures of its iterations if they are wanted, and the log-likelihoods of all fits."""
        recorder = Recorder(bool(self.trace_parameters))
        if self.prior is not None:
            background = self._checked_mixture("prior", self.prior, family)
            relevance = at_least("relevance", self.relevance, 0.0)
            only = fit_adapted(
                data, background, relevance=relevance, family=family, options=options, monitor=recorder.write
            )
        elif not isinstance(self.init, str):
            initial = self._given_start(samples, family)
            only = fit(data, initial, family=family, options=options, monitor=recorder.write)
        else:
            return self._best_of_starts(data, samples, family, options, recorder)
        return only, recorder.mixtures, only.log_likelihoods[-1:]

    def _best_of_starts(
        self, data: ShardedFrames, samples: Samples, family: Family[Any], options: EMOptions, recorder: Recorder
    ) -> tuple[Fit[Any], Sequence[Mixture], Sequence[float]]:
        method = choice("init", self.init, START_METHODS)
        if len(samples.rows) < self.n_components:
            warn(
                f"X has {len(samples.rows)} distinct rows, fewer than n_components={self.n_components}: "
                "some components are equal"
            )
            method = "random"  # the only method that can use a row more than once
        restarts = fit_restarts(
            data,
            self.n_components,
            family=family,
            seed=seed_of(self.random_state),
            restarts=count("n_init", self.n_init),
            method=method,
            options=options,
            checkpoint=recorder,
        )
        number = 1 + int(np.argmax(restarts.log_likelihoods))
        return restarts.best, recorder.at(f"start-{number}").mixtures, restarts.log_likelihoods

    def _given_start(self, samples: Samples, family: Family[Any]) -> Mixture:
        """The start that is given as `init`: a mixture, or the places of components that are as wide as the data."""
        if isinstance(self.init, Mixture):
            return self._checked_mixture("init", self.init, family)
        n_features = samples.rows.shape[1]
        points = checked_points("init", self.init, (self.n_components, n_features))
        placed: Mixture = family.place(identical_components(self.n_components, samples.rows, family), points)
        return placed

    def _checked_mixture(self, name: str, mixture: Any, family: Family[Any]) -> Mixture:
        """A mixture that is given as a parameter and fits the others.

        Raises
        ------
        OptionError
            If it does not.
        """
        kind = family.mixture_type
        expected = f"a {kind.__name__} of {self.n_components} components over {self.n_features_in_} features"
        if type(mixture) is not kind:
            raise OptionError(
                f"{name} is of the type {type(mixture).__name__}, but it must be {expected}, such as the mixture_ of a "
                "fitted estimator"
            )
        if (mixture.n_components, mixture.n_dimensions) != (self.n_components, self.n_features_in_):
            raise OptionError(
                f"{name} has {mixture.n_components} components over {mixture.n_dimensions} features, but it must be "
                f"{expected}"
            )
        return mixture

    def _keep(self, fitted: Fit[Any], mixtures: Sequence[Mixture], ends: Sequence[float]) -> None:
        """Set the attributes of a fitted estimator; warn if it is not what was asked for."""
        if not fitted.converged and self.prior is None:
            warn(f"EM did not converge in max_iter={self.max_iter} iterations: give a larger max_iter or tol")
        if fitted.n_pruned:
            warn(f"components were removed because no rows were left to them: {fitted.n_pruned}")
        self.mixture_ = fitted.mixture
        self.weights_ = fitted.mixture.weights
        self._keep_parameters(fitted.mixture)
        self.converged_ = fitted.converged
        self.n_iter_ = fitted.n_iterations
        self.lower_bound_ = fitted.log_likelihoods[-1]
        self.n_limited_, self.n_reseeded_ = fitted.n_limited, fitted.n_reseeded
        self.restart_log_likelihoods_ = np.array(ends)
        self.trace_ = trace_of(fitted, mixtures)

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> npt.NDArray[np.intp]:
        """Fit the mixture, and answer as `predict` for the same data."""
        return self.fit(X, y, sample_weight).predict(X)

    def predict_proba(self, X: Any) -> Floats:
        """Responsibilities: the posterior probability of each component for each row, (n_samples, n_components)."""
        check_is_fitted(self)
        return self.mixture_.responsibilities(self._rows(X, reset=False))

    def predict(self, X: Any) -> npt.NDArray[np.intp]:
        """Number of the most likely component of each row, from 0; the first one of a tie."""
        labels: npt.NDArray[np.intp] = self.predict_proba(X).argmax(axis=1)
        return labels

    def score_samples(self, X: Any) -> Floats:
        """Log-likelihood of each row, (n_samples,), in nats."""
        check_is_fitted(self)
        return self.mixture_.log_likelihoods(self._rows(X, reset=False))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Mean log-likelihood of the rows, in nats; by weight if weights are given."""
        log_likelihoods = self.score_samples(X)
        weights = None if sample_weight is None else checked_weights(sample_weight, log_likelihoods)
        return float(np.average(log_likelihoods, weights=weights))

    def aic(self, X: Any) -> float:
        """Akaike's information criterion of the data, see `information_criteria.aic`; lower is better."""
        return information_criteria.aic(float(self.score_samples(X).sum()), self.mixture_.n_parameters)

    def bic(self, X: Any) -> float:
        """Bayesian information criterion of the data, see `information_criteria.bic`; lower is better."""
        log_likelihoods = self.score_samples(X)
        return information_criteria.bic(
            float(log_likelihoods.sum()), self.mixture_.n_parameters, float(len(log_likelihoods))
        )

    def sample(self, n_samples: int = 1) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Draw rows from the fitted mixture.

        Parameters
        ----------
        n_samples : int
            1 or more.

        Returns
        -------
        X : ndarray (n_samples, n_features)
        y : ndarray (n_samples,)
            The component that each row was drawn from.
        """
        check_is_fitted(self)
        rng = np.random.default_rng(seed_of(self.random_state))
        return self.mixture_.sample(count("n_samples", n_samples), rng)

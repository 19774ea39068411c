"""The number of components: one fit for each size, compared by BIC, AIC or the likelihood of held-out rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, KFold

from speechgmm.argument_checks import whole_number
from speechgmm.errors import OptionError
from speechgmm.mixture import information_criteria
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.estimators.gaussian_mixture import GaussianMixture
from speechgmm.mixture.estimators.mixture_estimator import MixtureEstimator
from speechgmm.mixture.estimators.validation import choice, count, seed_of
from speechgmm.mixture.information_criteria import SizeResult

CRITERIA = ("bic", "aic", "held-out")


@dataclass(frozen=True, eq=False)
class Selection:
    """A choice of the number of components, and what it is based on.

    Attributes
    ----------
    criterion : str
        One of `CRITERIA`.
    results : tuple of SizeResult
        One for each size; `held_out` is NaN unless that is the criterion.
    best : SizeResult
        The chosen one.
    estimator : MixtureEstimator
        The estimator of the chosen size, fitted to all rows.
    """

    criterion: str
    results: tuple[SizeResult, ...]
    best: SizeResult
    estimator: MixtureEstimator

    @property
    def n_components(self) -> int:
        """The chosen number of components."""
        return self.best.n_components

    @property
    def curve(self) -> Floats:
        """The criterion of each size: AIC and BIC, lower is better; mean held-out log-likelihood, higher is better."""
        return np.array([getattr(result, self.criterion.replace("-", "_")) for result in self.results])

    def to_frame(self) -> Any:
        """A pandas.DataFrame of the results, with the number of components as index.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.results).set_index("n_components")


def select_components(
    X: Any,
    n_components: Iterable[int],
    *,
    criterion: str = "bic",
    estimator: MixtureEstimator | None = None,
    folds: int = 5,
    groups: Any = None,
    random_state: Any = None,
) -> Selection:
    """Choose the number of components of a mixture.

    Parameters
    ----------
    X : array-like (n_samples, n_features)
    n_components : iterable of int
        The sizes to compare.
    criterion : str
        - "bic" and "aic": the lowest criterion of the fit to all rows. Both assume that the rows are independent.
        - "held-out": the mean log-likelihood of rows that the mixture was not fitted to, in cross-validation; of the
          sizes within `information_criteria.MARGIN` of the best, the smallest one.
    estimator : GaussianMixture or BernoulliMixture, optional
        All other parameters; by default those of ``GaussianMixture()``.
    folds : int
        Number of parts of the rows, each of which is held out once; 2 or more.
    groups : array-like (n_samples,), optional
        Rows of one group, such as the frames of one speaker, are held out together. Without groups, rows are divided at
        random.
    random_state : int, RandomState or None
        Determines the random division.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If an argument or the data are not usable.
    """
    choice("criterion", criterion, CRITERIA)
    sizes = sorted({count("n_components", size) for size in n_components})
    if not sizes:
        raise OptionError("n_components is empty, but at least one size is needed")
    if groups is not None and criterion != "held-out":
        raise OptionError(f"groups are given, but the criterion {criterion!r} does not use them: give 'held-out'")
    template = GaussianMixture() if estimator is None else estimator
    parts = _divided(X, whole_number("folds", folds, 2), groups, random_state) if criterion == "held-out" else []
    fitted = {size: clone(template).set_params(n_components=size).fit(X) for size in sizes}
    results = tuple(_result(fitted[size], X, parts) for size in sizes)
    if criterion == "held-out":
        best = information_criteria.choose(results)
    else:
        best = min(results, key=lambda result: float(getattr(result, criterion)))
    return Selection(criterion, results, best, fitted[best.n_components])


def _divided(X: Any, folds: int, groups: Any, random_state: Any) -> list[Any]:
    """The rows to fit to and the rows held out, of each fold."""
    n_parts, what = (len(X), "rows") if groups is None else (len(np.unique(np.asarray(groups))), "groups")
    if n_parts < folds:
        raise OptionError(f"folds is {folds}, but there are {n_parts} {what}: give fewer folds, or more {what}")
    if groups is None:
        return list(KFold(folds, shuffle=True, random_state=seed_of(random_state)).split(X))
    return list(GroupKFold(folds).split(X, groups=groups))


def _result(fitted: MixtureEstimator, X: Any, parts: list[Any]) -> SizeResult:
    log_likelihoods = fitted.score_samples(X)
    total, n_parameters = float(log_likelihoods.sum()), fitted.mixture_.n_parameters
    return SizeResult(
        n_components=fitted.n_components,
        log_likelihood=total / len(log_likelihoods),
        aic=information_criteria.aic(total, n_parameters),
        bic=information_criteria.bic(total, n_parameters, len(log_likelihoods)),
        held_out=_held_out(fitted, X, parts) if parts else math.nan,
    )


def _held_out(fitted: MixtureEstimator, X: Any, parts: list[Any]) -> float:
    """Mean log-likelihood of all rows, each under the fit that it was held out of."""
    rows = np.asarray(X)
    scores = [clone(fitted).fit(rows[rest]).score_samples(rows[held]) for rest, held in parts]
    return float(np.concatenate(scores).mean())

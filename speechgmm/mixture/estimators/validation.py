"""Checks of what an estimator is given: its parameters, its data and their weights."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from speechgmm.argument_checks import number, whole_number, wrong
from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.kmedoids import Indices

LARGEST = 1e30  # larger values could overflow: the centres of axes are in single precision


@dataclass(frozen=True, eq=False)
class Samples:
    """The distinct rows of some data, in ascending order.

    A fit on these does not depend on the order of the rows, and a row of weight w counts as w rows.

    Attributes
    ----------
    rows : ndarray (T, D) of float64
    weights : ndarray (T,)
        Sum of the weights of the equal rows, positive.
    first : ndarray (T,) of int
        Index of the first of the equal rows.
    """

    rows: Floats
    weights: Floats
    first: Indices


def distinct_rows(rows: Floats, sample_weight: Any = None) -> Samples:
    """The distinct rows of data (n, D) with their weights; rows of weight 0 are left out.

    Raises
    ------
    OptionError
        If the weights are negative, all 0 or not one number per row.
    """
    weights = np.ones(len(rows)) if sample_weight is None else checked_weights(sample_weight, rows)
    used = np.flatnonzero(weights)
    distinct, first, which = np.unique(rows[used], axis=0, return_index=True, return_inverse=True)
    return Samples(distinct, np.bincount(which.reshape(-1), weights[used]).astype(np.float64), used[first])


def checked_weights(sample_weight: Any, rows: Floats) -> Floats:
    """The weights of rows (n, D) as an array (n,) of float64."""
    weights: Floats = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weights.ndim != 1:
        raise OptionError(f"sample_weight has the shape {weights.shape}, but it must have one number per row of X")
    check_consistent_length(rows, weights)
    if weights.min() < 0:
        raise OptionError(f"sample_weight has the value {weights.min():g}, but weights must be 0 or more")
    if weights.max() == 0:
        raise OptionError("sample_weight is zero for every row, but at least one weight must be positive")
    if not 1.0 / LARGEST <= weights.max() <= LARGEST:
        raise OptionError(
            f"the largest sample_weight is {weights.max():g}, but it must be from {1.0 / LARGEST:g} to {LARGEST:g}"
        )
    return weights


def checked_rows(estimator: BaseEstimator, X: Any, *, reset: bool, n_needed: int = 1) -> Floats:
    """The data as an array (n, D) of finite float64; n_features_in_ and feature_names_in_ are set or compared.

    Raises
    ------
    ValueError
        If these are not numbers, not finite, too large, or fewer rows than `n_needed`.
    """
    rows: Floats = validate_data(estimator, X, dtype=np.float64, reset=reset)
    largest = np.abs(rows).max()
    if largest > LARGEST:
        raise OptionError(f"X has the value {largest:g}, but values must be at most {LARGEST:g}: divide X by a number")
    if len(rows) < n_needed:
        raise OptionError(
            f"n_samples={len(rows)}, but at least {n_needed} rows are needed: give more rows, or fewer components"
        )
    return rows


def checked_points(name: str, points: Any, shape: tuple[int, int]) -> Floats:
    """Points (K, D) of the start as float64.

    Raises
    ------
    OptionError
        If the shape is another one.
    """
    found: Floats = check_array(points, dtype=np.float64, input_name=name)
    if found.shape != shape:
        raise OptionError(f"{name} has the shape {found.shape}, but it must have one row per component: {shape}")
    return found


def choice(name: str, value: object, choices: Sequence[str]) -> str:
    """One of these texts.

    Raises
    ------
    OptionError
        If it is none of them.
    """
    if not (isinstance(value, str) and value in choices):
        raise wrong(name, value, f"one of {', '.join(map(repr, choices))}")
    return value


def at_least(name: str, value: Any, minimum: float, below: float = np.inf) -> float:
    """A finite number of at least `minimum`, and below a limit.

    Raises
    ------
    OptionError
        If it is none.
    """
    expected = f"a finite number of {minimum:g} or more" + (f", below {below:g}" if below < np.inf else "")
    converted = number(name, value, expected)
    if not minimum <= converted < below:
        raise wrong(name, value, expected)
    return converted


def count(name: str, value: Any) -> int:
    """A whole number of 1 or more.

    Raises
    ------
    OptionError
        If it is none.
    """
    return whole_number(name, value, 1)


def seed_of(random_state: Any) -> int:
    """A seed from `random_state`, which is None, a number or a numpy.random.RandomState as in scikit-learn."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def warn(message: str) -> None:
    """A ConvergenceWarning, as scikit-learn gives it for fits that are not what was asked for."""
    warnings.warn(message, ConvergenceWarning, stacklevel=3)

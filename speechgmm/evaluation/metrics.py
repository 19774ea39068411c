"""How often the labels are right: confusion counts and the ratios made from them.

Counts have one row for each class in the corpus, one column for each predicted class and a last column for
`unknown`: shape (..., K, K + 1). They add over utterances, speakers and groups. Every ratio is a function of them and
is computed once, at the end; leading axes are kept, so the same function serves one evaluation and a thousand
resamples of it. A ratio whose denominator is zero is undefined and NaN, never 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

Counts: TypeAlias = npt.NDArray[np.int64]
Ratios: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Attributes
    ----------
    low, high : float
        Its ends; NaN where there is none.
    """

    low: float
    high: float


def confusion(truth: npt.NDArray[np.intp], predicted: npt.NDArray[np.intp], *, n_classes: int) -> Counts:
    """Count the utterances of each class by what was predicted for them.

    Parameters
    ----------
    truth : array of int (N,)
        Class in the corpus, in [0, K).
    predicted : array of int (N,)
        Predicted class, in [0, K]; K stands for unknown.
    n_classes : int
        K.

    Returns
    -------
    array of int (K, K + 1)
        Rows are the truth, columns the prediction, the last column is unknown.
    """
    cells = np.bincount(truth * (n_classes + 1) + predicted, minlength=n_classes * (n_classes + 1))
    return cells.reshape(n_classes, n_classes + 1).astype(np.int64)


def correct(counts: Counts) -> Counts:
    """Correct predictions of each class: the diagonal, (..., K, K + 1) to (..., K)."""
    return np.diagonal(counts, axis1=-2, axis2=-1)


def accuracy(counts: Counts) -> Ratios:
    """Share of all utterances with the right label; unknown is not right.

    Parameters
    ----------
    counts : array of int (..., K, K + 1)
        Confusion counts.

    Returns
    -------
    array of float (...)
        In [0, 1]; NaN without utterances.
    """
    return _ratio(correct(counts).sum(axis=-1), counts.sum(axis=(-2, -1)))


def accuracy_decided(counts: Counts) -> Ratios:
    """Share of the decided utterances with the right label, (..., K, K + 1) to (...); NaN if none is decided."""
    return _ratio(correct(counts).sum(axis=-1), counts[..., :-1].sum(axis=(-2, -1)))


def recall(counts: Counts) -> Ratios:
    """Share of the utterances of each class that got its label; unknown is a miss.

    Parameters
    ----------
    counts : array of int (..., K, K + 1)
        Confusion counts.

    Returns
    -------
    array of float (..., K)
        In [0, 1]; NaN for a class that does not occur.
    """
    return _ratio(correct(counts), counts.sum(axis=-1))


def precision(counts: Counts) -> Ratios:
    """Share of the utterances with a predicted label that are of that class.

    Parameters
    ----------
    counts : array of int (..., K, K + 1)
        Confusion counts.

    Returns
    -------
    array of float (..., K)
        In [0, 1]; NaN for a class that is never predicted.
    """
    return _ratio(correct(counts), counts[..., :-1].sum(axis=-2))


def f1(counts: Counts) -> Ratios:
    """F1 of each class: twice its correct predictions over its occurrences plus its predictions.

    Where recall and precision are both defined and not both 0 this is their harmonic mean. A class that occurs and is
    never predicted has F1 = 0 although its precision is undefined.

    Parameters
    ----------
    counts : array of int (..., K, K + 1)
        Confusion counts.

    Returns
    -------
    array of float (..., K)
        In [0, 1]; NaN for a class that neither occurs nor is predicted.
    """
    return _ratio(2 * correct(counts), counts.sum(axis=-1) + counts[..., :-1].sum(axis=-2))


def unweighted_average_recall(counts: Counts) -> Ratios:
    """UAR, also called balanced accuracy: the mean recall of the classes that occur.

    Parameters
    ----------
    counts : array of int (..., K, K + 1)
        Confusion counts.

    Returns
    -------
    array of float (...)
        In [0, 1]; NaN without utterances.
    """
    occurs = counts.sum(axis=-1) > 0
    return _ratio(np.where(occurs, recall(counts), 0.0).sum(axis=-1), occurs.sum(axis=-1))


def wilson_interval(n_correct: int, n: int, *, level: float = 0.95) -> Interval:
    """Score interval of a proportion of independent trials (Wilson 1927).

    Utterances of one speaker are not independent, so on speech it is too narrow; the bootstrap over speakers is not.

    Parameters
    ----------
    n_correct, n : int
        Successes and trials, 0 <= n_correct <= n.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Interval
        Within [0, 1]; NaN without trials.
    """
    if n == 0:
        return Interval(math.nan, math.nan)
    found = binomtest(n_correct, n).proportion_ci(confidence_level=level, method="wilson")
    return Interval(float(found.low), float(found.high))


def _ratio(numerator: npt.NDArray[np.number], denominator: npt.NDArray[np.number]) -> Ratios:
    ratios = np.full(np.shape(denominator), np.nan)
    np.divide(numerator, denominator, out=ratios, where=denominator != 0)
    return ratios

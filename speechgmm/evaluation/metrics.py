"""Confusion counts, and the ratios computed from them: accuracy, recall, precision, F1, UAR.

Confusion counts have the shape (..., K, K + 1): one row per class in the corpus, one column per predicted class, and a
last column for `unknown`. They are additive over utterances, speakers and groups. Each ratio is a function of the
counts and keeps leading axes, so the same function serves one evaluation and all its resamples. A ratio with
denominator 0 is undefined and NaN, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from speechgmm.evaluation.array_types import Counts, Floats, Indices

Statistic: TypeAlias = Callable[[Counts], Floats]
"""A ratio of confusion counts, (..., K, K + 1) to (...)."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Attributes
    ----------
    low, high : float
        Its ends; NaN if the interval is undefined.
    """

    low: float
    high: float


def confusion(truth: Indices, predicted: Indices, *, n_classes: int) -> Counts:
    """Confusion counts of utterances.

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
        Rows are corpus classes, columns predicted classes, the last column is unknown.
    """
    cells = np.bincount(truth * (n_classes + 1) + predicted, minlength=n_classes * (n_classes + 1))
    return cells.reshape(n_classes, n_classes + 1).astype(np.int64)


def correct(counts: Counts) -> Counts:
    """Correct predictions of each class: the diagonal, (..., K, K + 1) to (..., K)."""
    return np.diagonal(counts, axis1=-2, axis2=-1)


def accuracy(counts: Counts) -> Floats:
    """Share of all utterances with the correct label; unknown is not correct.

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


def accuracy_decided(counts: Counts) -> Floats:
    """Share of the decided utterances with the correct label, (..., K, K + 1) to (...); NaN if none is decided."""
    return _ratio(correct(counts).sum(axis=-1), counts[..., :-1].sum(axis=(-2, -1)))


def recall(counts: Counts) -> Floats:
    """Recall per class: share of its utterances with the correct label; unknown is a miss.

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


def precision(counts: Counts) -> Floats:
    """Precision per class: share of the utterances predicted as the class that belong to it.

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


def f1(counts: Counts) -> Floats:
    """F1 per class: 2 x correct / (occurrences + predictions).

    This is the harmonic mean of recall and precision if both are defined and not both 0. A class that occurs but is
    never predicted has F1 = 0, although its precision is undefined.

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


def unweighted_average_recall(counts: Counts) -> Floats:
    """UAR (balanced accuracy): mean recall of the classes that occur.

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
    """Wilson score interval of a proportion of independent trials (Wilson 1927).

    Utterances of one speaker are not independent: on speech this interval is too narrow. Use the bootstrap over
    speakers of `intervals` to account for that.

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
    z = float(ndtri(0.5 + level / 2))
    share, penalty = n_correct / n, z * z / n
    middle, half = share + penalty / 2, math.sqrt(penalty * (share * (1 - share) + penalty / 4))
    low, high = ((middle - half) / (1 + penalty), (middle + half) / (1 + penalty))
    # Rounding must not leave a proportion of 0 or 1 outside its interval.
    return Interval(low if n_correct else 0.0, high if n_correct < n else 1.0)


def _ratio(numerator: npt.NDArray[np.number], denominator: npt.NDArray[np.number]) -> Floats:
    ratios = np.full(np.shape(denominator), np.nan)
    np.divide(numerator, denominator, out=ratios, where=denominator != 0)
    return ratios

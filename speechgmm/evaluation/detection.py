"""How good the scores are, whatever the threshold: DET points, EER, area under the ROC curve, Cllr.

A detection problem has a target class and the others; a trial is one utterance with one score, higher meaning more
like the target. Likelihood ratios are natural logarithms and hold no prior; costs are in bits. A figure that needs
trials of two sides (of every class, for more than two) is NaN where one of them has none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.integrate import trapezoid
from scipy.optimize import isotonic_regression
from scipy.special import logit

from speechgmm.errors import EvaluationError

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DetPoints:
    """The error rates at every threshold that makes a difference.

    Attributes
    ----------
    thresholds : array of float (P,)
        Rising; a trial is accepted if its score is at or above the threshold. The last is infinite.
    false_alarm : array of float (P,)
        Share of the nontargets accepted: falls from 1 to 0. The x axis of DET and ROC.
    miss : array of float (P,)
        Share of the targets not accepted: rises from 0 to 1. The y axis of DET; of ROC it is 1 - miss.
    """

    thresholds: Floats
    false_alarm: Floats
    miss: Floats


def det_points(targets: Floats, nontargets: Floats) -> DetPoints:
    """Error rates at each distinct score and with nothing accepted.

    Equal scores cannot be told apart by any threshold and are passed together. Both ends are there: everything
    accepted (false alarm 1, miss 0) and nothing accepted (false alarm 0, miss 1).

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores of the two sides.

    Returns
    -------
    DetPoints
        One point more than there are distinct scores; the rates of a side without trials are NaN.

    Raises
    ------
    EvaluationError
        If a score is not finite.
    """
    scores, n_targets, n_nontargets = _count_ties(targets, nontargets)
    return DetPoints(
        thresholds=np.append(scores, np.inf),
        false_alarm=1.0 - _share_below(n_nontargets),
        miss=_share_below(n_targets),
    )


def equal_error_rate(targets: Floats, nontargets: Floats) -> float:
    """EER: the rate at which as many targets are missed as nontargets accepted, in proportion.

    The points of `det_points` are joined by straight lines, and the EER is where they cross false alarm = miss. Hence
    perfect separation gives 0, constant scores 0.5, and negated scores with exchanged sides the same value.

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores of the two sides.

    Returns
    -------
    float
        In [0, 1]; NaN if a side has no trials.

    Raises
    ------
    EvaluationError
        If a score is not finite.
    """
    points = det_points(targets, nontargets)
    if not len(targets) or not len(nontargets):
        return math.nan
    return float(_crossing(points.miss[np.newaxis], points.false_alarm[np.newaxis])[0])


def equal_error_rates(scores: Floats, is_target: npt.NDArray[np.bool_], draws: npt.NDArray[np.int64]) -> Floats:
    """EER of resamples of some trials: `equal_error_rate` of each, its trials as often there as they were drawn.

    Parameters
    ----------
    scores : array of float (N,)
        Finite scores of all trials.
    is_target : array of bool (N,)
        Which side each is of.
    draws : array of int (R, N)
        How often each trial is in each resample.

    Returns
    -------
    array of float (R,)
        In [0, 1]; NaN for a resample in which a side has no trials.
    """
    order = np.argsort(scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)[: len(order)])  # the last trial of each tie
    passed = []
    for side in (is_target, ~is_target):
        below = np.cumsum(np.where(side, draws, 0)[:, order], axis=1)[:, ends]
        passed.append(np.concatenate([np.zeros((len(draws), 1)), below], axis=1))
    n_targets, n_nontargets = (below[:, -1:] for below in passed)
    rates = np.full(len(draws), np.nan)
    both = (n_targets[:, 0] > 0) & (n_nontargets[:, 0] > 0)
    miss, false_alarm = passed[0][both] / n_targets[both], 1.0 - passed[1][both] / n_nontargets[both]
    rates[both] = _crossing(miss, false_alarm)
    return rates


def area_under_roc(targets: Floats, nontargets: Floats) -> float:
    """Area under the ROC curve, its points joined by straight lines; NaN if a side has no trials.

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores of the two sides.

    Returns
    -------
    float
        The chance that a target scores above a nontarget, ties counting half: 1 for perfect separation, 0.5 for
        constant scores.

    Raises
    ------
    EvaluationError
        If a score is not finite.
    """
    points = det_points(targets, nontargets)
    if not len(targets) or not len(nontargets):
        return math.nan
    return float(-trapezoid(1.0 - points.miss, points.false_alarm))


def cllr(targets: Floats, nontargets: Floats) -> float:
    """Cost of log-likelihood ratios in bits (Brümmer and du Preez 2006, "Application-independent evaluation").

    ``(mean over targets of log2(1 + exp(-l)) + mean over nontargets of log2(1 + exp(l))) / 2``: 0 for perfect ratios,
    1 for ratios that always say nothing (l = 0), above 1 for ratios that mislead.

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite natural-log likelihood ratios of target against nontarget.

    Returns
    -------
    float
        At least 0; NaN if a side has no trials.

    Raises
    ------
    EvaluationError
        If a ratio is not finite.
    """
    return _cllr(_finite(targets), _finite(nontargets))


def min_cllr(targets: Floats, nontargets: Floats) -> float:
    """Cllr after the best possible calibration: what the order of the scores alone allows.

    The best rising map from scores to posteriors is the isotonic regression of the labels on the scores, equal scores
    kept together; taking the logit of the trials' own prior off gives likelihood ratios (Brümmer and du Preez 2006,
    on the pool-adjacent-violators algorithm).

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores of the two sides; only their order matters.

    Returns
    -------
    float
        In [0, 1], never above `cllr` of the same trials; NaN if a side has no trials.

    Raises
    ------
    EvaluationError
        If a score is not finite.
    """
    _, n_targets, n_nontargets = _count_ties(targets, nontargets)
    if not len(targets) or not len(nontargets):
        return math.nan
    n_trials = n_targets + n_nontargets
    posteriors = isotonic_regression(n_targets / n_trials, weights=n_trials).x
    llrs = logit(posteriors) - math.log(len(targets) / len(nontargets))
    return _cllr(np.repeat(llrs, n_targets), np.repeat(llrs, n_nontargets))


def multiclass_cllr(llrs: Floats, truth: npt.NDArray[np.intp]) -> float:
    """Cllr for any number of classes: the mean over classes of their mean -log2 posterior of the true class.

    Posteriors are at equal priors. With K classes and a ratio l of a class against the mean likelihood of the other
    K - 1, its posterior is ``1 / (1 + (K - 1) exp(-l))``. For two classes this is `cllr`; ratios that say nothing
    (l = 0) give log2 K.

    Parameters
    ----------
    llrs : array of float (N, K)
        Finite natural-log likelihood ratios of each class against the mean likelihood of the others.
    truth : array of int (N,)
        Class of each trial, in [0, K).

    Returns
    -------
    float
        At least 0; NaN if a class has no trials.

    Raises
    ------
    EvaluationError
        If a ratio is not finite.
    """
    costs = trial_costs(llrs, truth)
    per_class = [_mean(costs[truth == one]) for one in range(llrs.shape[1])]
    return float(np.mean(per_class))


def trial_costs(llrs: Floats, truth: npt.NDArray[np.intp]) -> Floats:
    """Bits each trial costs: -log2 posterior of its class at equal priors; parameters as for `multiclass_cllr`."""
    n_trials, n_classes = llrs.shape
    own = _finite(llrs)[np.arange(n_trials), truth]
    bits: Floats = np.logaddexp(0.0, math.log(n_classes - 1) - own) / math.log(2.0)
    return bits


def resampled_cllr(
    costs: Floats, truth: npt.NDArray[np.intp], draws: npt.NDArray[np.int64], *, n_classes: int
) -> Floats:
    """Cllr of resamples of some trials: `multiclass_cllr` of each, its trials as often there as they were drawn.

    Parameters
    ----------
    costs : array of float (N,)
        From `trial_costs`.
    truth : array of int (N,)
        Class of each trial, in [0, K).
    draws : array of int (R, N)
        How often each trial is in each resample.
    n_classes : int
        K.

    Returns
    -------
    array of float (R,)
        At least 0; NaN for a resample in which a class has no trials.
    """
    is_of = (truth[:, np.newaxis] == np.arange(n_classes)).astype(np.float64)
    n_trials = draws @ is_of
    sums = draws @ (costs[:, np.newaxis] * is_of)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, n_trials, out=means, where=n_trials > 0)
    per_resample: Floats = means.mean(axis=1)
    return per_resample


def _crossing(miss: Floats, false_alarm: Floats) -> Floats:
    """Where the straight lines through the points (R, P) of R curves cross miss = false alarm, (R,)."""
    excess = miss - false_alarm
    after = (excess < 0.0).sum(axis=1)  # at least 1: the first excess is -1
    rows = np.arange(len(excess))
    back = excess[rows, after] / (excess[rows, after] - excess[rows, after - 1])
    crossings: Floats = miss[rows, after] - back * (miss[rows, after] - miss[rows, after - 1])
    return crossings


def _cllr(targets: Floats, nontargets: Floats) -> float:
    nats = _mean(np.logaddexp(0.0, -targets)) + _mean(np.logaddexp(0.0, nontargets))
    return nats / (2.0 * math.log(2.0))


def _count_ties(targets: Floats, nontargets: Floats) -> tuple[Floats, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Give the distinct scores, rising, with the number of targets and of nontargets at each."""
    scores, place = np.unique(_finite(np.concatenate([targets, nontargets])), return_inverse=True)
    n_targets = np.bincount(place[: len(targets)], minlength=len(scores))
    n_nontargets = np.bincount(place[len(targets) :], minlength=len(scores))
    return scores, n_targets, n_nontargets


def _share_below(n_trials: npt.NDArray[np.intp]) -> Floats:
    """Share of the trials below each distinct score, (P,) to (P + 1,), ending with all; NaN without trials."""
    below = np.append(0, np.cumsum(n_trials))
    return below / below[-1] if below[-1] else np.full(len(below), np.nan)


def _mean(values: Floats) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _finite(scores: Floats) -> Floats:
    n_faulty = int(np.sum(~np.isfinite(scores)))
    if n_faulty:
        raise EvaluationError(
            f"{n_faulty} of {np.size(scores)} scores are not finite: leave out the utterances without a score"
        )
    return scores

"""Detection metrics from scores, over all thresholds: DET points, EER, area under the ROC curve, Cllr, minimum Cllr.

A detection task compares a target class with the other classes (nontargets). A trial is one utterance with one score; a
higher score means more target-like. Log-likelihood ratios (LLRs) are natural logarithms without a prior; costs are in
bits. A metric is NaN if targets or nontargets (for more than two classes: any class) have no trials.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from speechgmm.errors import EvaluationError
from speechgmm.evaluation.array_types import Counts, Floats, Indices, Mask


@dataclass(frozen=True)
class DetPoints:
    """Error rates at every distinct threshold.

    Attributes
    ----------
    thresholds : array of float (P,)
        Ascending; a trial is accepted if its score is at or above the threshold. The last is infinite.
    false_alarm : array of float (P,)
        Share of the nontargets accepted, descending from 1 to 0. The x axis of DET and ROC.
    miss : array of float (P,)
        Share of the targets rejected, ascending from 0 to 1. The y axis of DET; the y axis of ROC is 1 - miss.
    """

    thresholds: Floats
    false_alarm: Floats
    miss: Floats


def det_points(targets: Floats, nontargets: Floats) -> DetPoints:
    """Error rates with each distinct score as threshold, and with an infinite threshold.

    Trials with equal scores are accepted or rejected together. The first point accepts all trials (false alarm 1,
    miss 0), the last none (false alarm 0, miss 1).

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores.

    Returns
    -------
    DetPoints
        One point more than there are distinct scores; `miss` is NaN without targets, `false_alarm` without nontargets.

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
    """Equal error rate (EER): the error rate where miss and false-alarm rate are equal.

    The points of `det_points` are interpolated linearly; the EER is their intersection with false alarm = miss. Perfect
    separation gives 0, constant scores give 0.5. Negated scores with targets and nontargets exchanged give the same
    value.

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores.

    Returns
    -------
    float
        In [0, 1]; NaN if targets or nontargets have no trials.

    Raises
    ------
    EvaluationError
        If a score is not finite.
    """
    points = det_points(targets, nontargets)
    if not len(targets) or not len(nontargets):
        return math.nan
    return float(_crossing(points.miss[np.newaxis], points.false_alarm[np.newaxis])[0])


def equal_error_rates(scores: Floats, is_target: Mask, draws: Counts) -> Floats:
    """EER of bootstrap resamples: `equal_error_rate` of each resample, every trial repeated as often as it is drawn.

    Parameters
    ----------
    scores : array of float (N,)
        Finite scores of all trials.
    is_target : array of bool (N,)
        True for targets.
    draws : array of int (R, N)
        Number of times each trial is drawn in each resample.

    Returns
    -------
    array of float (R,)
        In [0, 1]; NaN for a resample without targets or without nontargets.
    """
    order = np.argsort(scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)[: len(order)])  # last trial of each tie

    def below_thresholds(side: Mask) -> Floats:
        below = np.cumsum(np.where(side, draws, 0)[:, order], axis=1)[:, ends]
        return np.concatenate([np.zeros((len(draws), 1)), below], axis=1)

    targets_below, nontargets_below = below_thresholds(is_target), below_thresholds(~is_target)
    n_targets, n_nontargets = targets_below[:, -1:], nontargets_below[:, -1:]
    rates = np.full(len(draws), np.nan)
    defined = (n_targets[:, 0] > 0) & (n_nontargets[:, 0] > 0)
    miss = targets_below[defined] / n_targets[defined]
    false_alarm = 1.0 - nontargets_below[defined] / n_nontargets[defined]
    rates[defined] = _crossing(miss, false_alarm)
    return rates


def area_under_roc(targets: Floats, nontargets: Floats) -> float:
    """Area under the ROC curve (AUC), interpolated linearly; NaN if targets or nontargets have no trials.

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores.

    Returns
    -------
    float
        Probability that a target scores above a nontarget, ties counted as one half: 1 for perfect separation, 0.5 for
        constant scores.

    Raises
    ------
    EvaluationError
        If a score is not finite.
    """
    points = det_points(targets, nontargets)
    if not len(targets) or not len(nontargets):
        return math.nan
    hits = 1.0 - points.miss
    return float(-np.diff(points.false_alarm) @ (hits[1:] + hits[:-1]) / 2)


def cllr(targets: Floats, nontargets: Floats) -> float:
    """Cllr in bits (Brümmer and du Preez 2006, "Application-independent evaluation of speaker detection").

    ``(mean over targets of log2(1 + exp(-l)) + mean over nontargets of log2(1 + exp(l))) / 2``: 0 for perfect LLRs, 1
    for uninformative LLRs (l = 0), above 1 for misleading LLRs.

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite LLRs of target against nontarget.

    Returns
    -------
    float
        At least 0; NaN if targets or nontargets have no trials.

    Raises
    ------
    EvaluationError
        If an LLR is not finite.
    """
    return _cllr(_finite(targets), _finite(nontargets))


def min_cllr(targets: Floats, nontargets: Floats) -> float:
    """Minimum Cllr (discrimination loss): Cllr after optimal monotonic calibration of the scores.

    The optimal non-decreasing map from scores to posteriors is the isotonic regression of the labels on the scores
    (pool adjacent violators, equal scores pooled). The logit of the posteriors minus the logit of the trials' own prior
    gives the LLRs (Brümmer and du Preez 2006).

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores; only their order matters.

    Returns
    -------
    float
        In [0, 1] and not above `cllr` of the same trials; NaN if targets or nontargets have no trials.

    Raises
    ------
    EvaluationError
        If a score is not finite.
    """
    from scipy.optimize import isotonic_regression  # takes longer to import than a minute to segment

    _, n_targets, n_nontargets = _count_ties(targets, nontargets)
    if not len(targets) or not len(nontargets):
        return math.nan
    n_trials = n_targets + n_nontargets
    posteriors = isotonic_regression(n_targets / n_trials, weights=n_trials).x
    llrs = logit(posteriors) - math.log(len(targets) / len(nontargets))
    return _cllr(np.repeat(llrs, n_targets), np.repeat(llrs, n_nontargets))


def multiclass_cllr(llrs: Floats, truth: Indices) -> float:
    """Multiclass Cllr in bits: mean over classes of the mean -log2 posterior of the true class.

    Posteriors are at equal priors. With K classes and the LLR l of a class against the mean likelihood of the other
    K - 1 classes, its posterior is ``1 / (1 + (K - 1) exp(-l))``. For two classes this is `cllr`; uninformative LLRs
    (l = 0) give log2 K.

    Parameters
    ----------
    llrs : array of float (N, K)
        Finite LLRs of each class against the mean likelihood of the others.
    truth : array of int (N,)
        Class of each trial, in [0, K).

    Returns
    -------
    float
        At least 0; NaN if a class has no trials.

    Raises
    ------
    EvaluationError
        If an LLR is not finite.
    """
    costs = trial_costs(llrs, truth)
    per_class = [_mean(costs[truth == label]) for label in range(llrs.shape[1])]
    return float(np.mean(per_class))


def trial_costs(llrs: Floats, truth: Indices) -> Floats:
    """Cost of each trial in bits: -log2 posterior of its class at equal priors; parameters as of `multiclass_cllr`."""
    n_trials, n_classes = llrs.shape
    true_class = _finite(llrs)[np.arange(n_trials), truth]
    bits: Floats = np.logaddexp(0.0, math.log(n_classes - 1) - true_class) / math.log(2.0)
    return bits


def resampled_cllr(costs: Floats, truth: Indices, draws: Counts, *, n_classes: int) -> Floats:
    """Cllr of bootstrap resamples: `multiclass_cllr` of each resample, every trial repeated as often as it is drawn.

    Parameters
    ----------
    costs : array of float (N,)
        From `trial_costs`.
    truth : array of int (N,)
        Class of each trial, in [0, K).
    draws : array of int (R, N)
        Number of times each trial is drawn in each resample.
    n_classes : int
        K.

    Returns
    -------
    array of float (R,)
        At least 0; NaN for a resample in which a class has no trials.
    """
    membership = (truth[:, np.newaxis] == np.arange(n_classes)).astype(np.float64)
    n_trials = draws @ membership
    sums = draws @ (costs[:, np.newaxis] * membership)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, n_trials, out=means, where=n_trials > 0)
    per_resample: Floats = means.mean(axis=1)
    return per_resample


def _crossing(miss: Floats, false_alarm: Floats) -> Floats:
    """Intersections of R curves with miss = false alarm, (R, P) to (R,); points are interpolated linearly."""
    excess = miss - false_alarm
    after = (excess < 0.0).sum(axis=1)  # at least 1: the first excess is -1
    rows = np.arange(len(excess))
    fraction = excess[rows, after] / (excess[rows, after] - excess[rows, after - 1])
    crossings: Floats = miss[rows, after] - fraction * (miss[rows, after] - miss[rows, after - 1])
    return crossings


def _cllr(targets: Floats, nontargets: Floats) -> float:
    nats = _mean(np.logaddexp(0.0, -targets)) + _mean(np.logaddexp(0.0, nontargets))
    return nats / (2.0 * math.log(2.0))


def _count_ties(targets: Floats, nontargets: Floats) -> tuple[Floats, Indices, Indices]:
    """Distinct scores, ascending, and the number of targets and nontargets with each."""
    scores, index = np.unique(_finite(np.concatenate([targets, nontargets])), return_inverse=True)
    n_targets = np.bincount(index[: len(targets)], minlength=len(scores))
    n_nontargets = np.bincount(index[len(targets) :], minlength=len(scores))
    return scores, n_targets, n_nontargets


def _share_below(n_trials: Indices) -> Floats:
    """Share of the trials below each distinct score, and of all, (P,) to (P + 1,); NaN without trials."""
    below = np.append(0, np.cumsum(n_trials))
    return below / below[-1] if below[-1] else np.full(len(below), np.nan)


def _mean(values: Floats) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _finite(scores: Floats) -> Floats:
    n_invalid = int(np.sum(~np.isfinite(scores)))
    if n_invalid:
        raise EvaluationError(
            f"{n_invalid} of {np.size(scores)} scores are not finite: leave out the utterances without a score"
        )
    return scores

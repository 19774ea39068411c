"""Data of the score figures, small enough for report.json: DET and ROC points, score histograms, reliability bins.

Each compares one target class with the others; a trial is one decided utterance. The figures are drawn in `reporting`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation.array_types import Floats, Mask
from speechgmm.evaluation.detection import det_points
from speechgmm.evaluation.metrics import Interval, wilson_interval

MOST_POINTS = 200
N_SCORE_BINS = 40
N_PROBABILITY_BINS = 10


@dataclass(frozen=True, kw_only=True)
class DetCurve:
    """A subset of the points of a DET curve, at most `MOST_POINTS`, both ends included.

    Attributes
    ----------
    false_alarm : tuple of float
        Share of the nontargets accepted, descending from 1 to 0.
    miss : tuple of float
        Share of the targets rejected, ascending from 0 to 1.
    """

    false_alarm: tuple[float, ...]
    miss: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Score histogram with bins of equal width; a bin includes its lower edge, the last bin both edges.

    Attributes
    ----------
    edges : tuple of float
        One more than there are bins.
    targets, nontargets : tuple of int
        Number of trials per bin.
    """

    edges: tuple[float, ...]
    targets: tuple[int, ...]
    nontargets: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Trials whose probability of the target is in [low, high); in the last bin, in [low, high].

    Attributes
    ----------
    low, high : float
        Bin edges.
    n_trials, n_targets : int
        Trials in the bin, and the targets among them.
    probability : float
        Mean probability of the target.
    share : float
        ``n_targets / n_trials``; equals `probability` for calibrated scores.
    share_wilson : Interval
    """

    low: float
    high: float
    n_trials: int
    n_targets: int
    probability: float
    share: float
    share_wilson: Interval


@dataclass(frozen=True, kw_only=True)
class ScoreCurves:
    """Curves of the log-likelihood ratio of one class against the others.

    Attributes
    ----------
    target : str
        The class.
    det : DetCurve
        Without points if targets or nontargets have no trials.
    scores : Histogram
        Of the log-likelihood ratios (natural logarithm); without bins if there are no trials.
    reliability : tuple of ReliabilityBin
        By probability under the model's priors, ascending; bins without trials are left out.
    """

    target: str
    det: DetCurve
    scores: Histogram
    reliability: tuple[ReliabilityBin, ...]


def score_curves(outcomes: Sequence[Outcome], classes: Sequence[str]) -> tuple[ScoreCurves, ...]:
    """Compute the curves of each target class: the first of two classes, or each of more.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Checked by `check_outcomes`; those without a label are left out.
    classes : sequence of str
        The classes of the model.

    Returns
    -------
    tuple of ScoreCurves
        In the order of `classes`.
    """
    decided = [outcome for outcome in outcomes if outcome.decision.decided]
    curves = []
    for target in classes[:1] if len(classes) == 2 else classes:
        is_target = np.array([outcome.truth == target for outcome in decided], dtype=np.bool_)
        llrs = np.array([outcome.decision.log_likelihood_ratios[target] for outcome in decided])
        probabilities = np.array([outcome.decision.probabilities[target] for outcome in decided])
        targets, nontargets = llrs[is_target], llrs[~is_target]
        curves.append(
            ScoreCurves(
                target=target,
                det=det_curve(targets, nontargets),
                scores=histogram(targets, nontargets),
                reliability=reliability(probabilities, is_target),
            )
        )
    return tuple(curves)


def det_curve(targets: Floats, nontargets: Floats, *, most: int = MOST_POINTS) -> DetCurve:
    """Thin the points of `det_points` evenly on normal-deviate axes.

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores.
    most : int
        Maximum number of points, at least 4.

    Returns
    -------
    DetCurve
        All points if there are at most `most`; otherwise those next to evenly spaced levels on either axis.
    """
    if not len(targets) or not len(nontargets):
        return DetCurve(false_alarm=(), miss=())
    points = det_points(targets, nontargets)
    kept = np.arange(len(points.miss))
    if len(kept) > most:
        # Half of the levels on each axis, and four points: both ends, the last miss of 0, the first false alarm of 0.
        by_miss = np.searchsorted(points.miss, _levels(points.miss, most // 2 - 2))
        by_false_alarm = np.searchsorted(-points.false_alarm, -_levels(points.false_alarm, most // 2 - 2))
        corners = [0, np.sum(points.miss == 0.0) - 1, np.sum(points.false_alarm > 0.0), kept[-1]]
        kept = np.unique(np.concatenate([corners, by_miss, by_false_alarm]))
    return DetCurve(false_alarm=tuple(points.false_alarm[kept].tolist()), miss=tuple(points.miss[kept].tolist()))


def histogram(targets: Floats, nontargets: Floats) -> Histogram:
    """Histogram of target and nontarget scores over the range of both; without scores there are no bins."""
    if not len(targets) and not len(nontargets):
        return Histogram(edges=(), targets=(), nontargets=())
    edges = np.histogram_bin_edges(np.concatenate([targets, nontargets]), bins=N_SCORE_BINS)
    return Histogram(
        edges=tuple(edges.tolist()),
        targets=tuple(np.histogram(targets, edges)[0].tolist()),
        nontargets=tuple(np.histogram(nontargets, edges)[0].tolist()),
    )


def reliability(probabilities: Floats, is_target: Mask) -> tuple[ReliabilityBin, ...]:
    """Reliability diagram: mean probability of the target and share of targets, in bins of equal width.

    Parameters
    ----------
    probabilities : array of float (N,)
        Probability of the target for each trial, in [0, 1].
    is_target : array of bool (N,)

    Returns
    -------
    tuple of ReliabilityBin
        At most `N_PROBABILITY_BINS`; bins without trials are left out.
    """
    edges = np.linspace(0.0, 1.0, N_PROBABILITY_BINS + 1)
    indices = np.clip(np.searchsorted(edges, probabilities, side="right") - 1, 0, N_PROBABILITY_BINS - 1)
    bins = []
    for index in np.unique(indices):
        inside = indices == index
        n_trials, n_targets = int(inside.sum()), int(is_target[inside].sum())
        bins.append(
            ReliabilityBin(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                n_trials=n_trials,
                n_targets=n_targets,
                probability=float(probabilities[inside].mean()),
                share=n_targets / n_trials,
                share_wilson=wilson_interval(n_targets, n_trials),
            )
        )
    return tuple(bins)


def _levels(rates: Floats, n_levels: int) -> Floats:
    """Levels evenly spaced on a normal-deviate axis, from the lowest to the highest rate within (0, 1)."""
    inner = rates[(rates > 0.0) & (rates < 1.0)]
    if not len(inner):
        return inner
    levels: Floats = ndtr(np.linspace(ndtri(inner.min()), ndtri(inner.max()), n_levels))
    return levels

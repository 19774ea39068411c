"""What pictures of scores are drawn from: DET and ROC points, histograms and reliability, few enough for a file.

One class is held against the others; a trial is one decided utterance. Nothing here is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation.detection import det_points
from speechgmm.evaluation.metrics import Interval, wilson_interval

Floats: TypeAlias = npt.NDArray[np.float64]

MOST_POINTS = 200
N_SCORE_BINS = 40
N_PROBABILITY_BINS = 10


@dataclass(frozen=True, kw_only=True)
class DetCurve:
    """The error rates at some thresholds, at most `MOST_POINTS`; points of the curve itself, both ends among them.

    Attributes
    ----------
    false_alarm : tuple of float
        Share of the nontargets accepted: falls from 1 to 0.
    miss : tuple of float
        Share of the targets not accepted: rises from 0 to 1.
    """

    false_alarm: tuple[float, ...]
    miss: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How often scores fall in bins of equal width; a bin holds its lower edge and not its upper, the last one both.

    Attributes
    ----------
    edges : tuple of float
        One more than there are bins.
    targets, nontargets : tuple of int
        Trials of either side in each bin.
    """

    edges: tuple[float, ...]
    targets: tuple[int, ...]
    nontargets: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Trials whose probability of the target is in [low, high); in the last bin, [low, high].

    Attributes
    ----------
    low, high : float
        The bin's ends.
    n_trials, n_targets : int
        Trials in it, and the targets among them.
    probability : float
        Their mean probability of the target.
    share : float
        ``n_targets / n_trials``: what the probability promises.
    share_wilson : Interval
        Of `share`.
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
    """How the log-likelihood ratio of one class against the others tells its utterances from theirs.

    Attributes
    ----------
    target : str
        The class.
    det : DetCurve
        Without points if a side has no trials.
    scores : Histogram
        Of the ratios (natural logarithm); without bins if there are no trials.
    reliability : tuple of ReliabilityBin
        By probability under the model's priors, rising; bins without trials are left out.
    """

    target: str
    det: DetCurve
    scores: Histogram
    reliability: tuple[ReliabilityBin, ...]


def score_curves(outcomes: Sequence[Outcome], classes: Sequence[str]) -> tuple[ScoreCurves, ...]:
    """Hold the first of two classes, or each of more, against the others.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Checked; those without a label are left out.
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
    """Keep some of the points of `det_points`: few where they lie close on normal-deviate axes.

    Parameters
    ----------
    targets, nontargets : array of float (T,), (N,)
        Finite scores of the two sides.
    most : int
        Points to keep at most; at least 4.

    Returns
    -------
    DetCurve
        All points if there are no more than `most`; else those next to levels that are even on either axis.
    """
    if not len(targets) or not len(nontargets):
        return DetCurve(false_alarm=(), miss=())
    points = det_points(targets, nontargets)
    kept = np.arange(len(points.miss))
    if len(kept) > most:
        # Either side has half of the levels. Four more points are both ends, and where either side's errors end.
        by_miss = np.searchsorted(points.miss, _levels(points.miss, most // 2 - 2))
        by_false_alarm = np.searchsorted(-points.false_alarm, -_levels(points.false_alarm, most // 2 - 2))
        corners = [0, np.sum(points.miss == 0.0) - 1, np.sum(points.false_alarm > 0.0), kept[-1]]
        kept = np.unique(np.concatenate([corners, by_miss, by_false_alarm]))
    return DetCurve(false_alarm=tuple(points.false_alarm[kept].tolist()), miss=tuple(points.miss[kept].tolist()))


def histogram(targets: Floats, nontargets: Floats) -> Histogram:
    """Count the scores of either side in bins from the lowest to the highest; without scores there are no bins."""
    if not len(targets) and not len(nontargets):
        return Histogram(edges=(), targets=(), nontargets=())
    edges = np.histogram_bin_edges(np.concatenate([targets, nontargets]), bins=N_SCORE_BINS)
    return Histogram(
        edges=tuple(edges.tolist()),
        targets=tuple(np.histogram(targets, edges)[0].tolist()),
        nontargets=tuple(np.histogram(nontargets, edges)[0].tolist()),
    )


def reliability(probabilities: Floats, is_target: npt.NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    """Hold the probability of the target against the share of targets, in bins of equal width.

    Parameters
    ----------
    probabilities : array of float (N,)
        Probability of the target for each trial, in [0, 1].
    is_target : array of bool (N,)

    Returns
    -------
    tuple of ReliabilityBin
        At most `N_PROBABILITY_BINS`, none without trials.
    """
    edges = np.linspace(0.0, 1.0, N_PROBABILITY_BINS + 1)
    places = np.clip(np.searchsorted(edges, probabilities, side="right") - 1, 0, N_PROBABILITY_BINS - 1)
    bins = []
    for place in np.unique(places):
        inside = places == place
        n_trials, n_targets = int(inside.sum()), int(is_target[inside].sum())
        bins.append(
            ReliabilityBin(
                low=float(edges[place]),
                high=float(edges[place + 1]),
                n_trials=n_trials,
                n_targets=n_targets,
                probability=float(probabilities[inside].mean()),
                share=n_targets / n_trials,
                share_wilson=wilson_interval(n_targets, n_trials),
            )
        )
    return tuple(bins)


def _levels(rates: Floats, n_levels: int) -> Floats:
    """Rates that are even on a normal-deviate axis, between the lowest and the highest that are neither 0 nor 1."""
    inner = rates[(rates > 0.0) & (rates < 1.0)]
    if not len(inner):
        return inner
    levels: Floats = ndtr(np.linspace(ndtri(inner.min()), ndtri(inner.max()), n_levels))
    return levels

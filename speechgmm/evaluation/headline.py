"""The headline metrics of a report, each defined in one place.

To add a metric, append a `Metric` to `METRICS`. It is then in `Report.metrics`, in report.json (keys ``<name>`` and
``<name>_<kind>`` per interval), in the text report and in the headline table of the HTML report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from speechgmm.evaluation import metrics
from speechgmm.evaluation.array_types import Counts
from speechgmm.evaluation.discrimination import Discrimination, Trials
from speechgmm.evaluation.intervals import percentile_interval
from speechgmm.evaluation.metrics import Interval, Statistic

IntervalKind: TypeAlias = Literal["wilson", "bootstrap"]
Source: TypeAlias = Literal["labels", "scores"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """The data that a headline metric is computed from.

    Attributes
    ----------
    counts : array of int (K, K + 1)
        Confusion counts, see `metrics`.
    resampled : array of int (R, K, K + 1)
        Confusion counts of the bootstrap resamples.
    trials : Trials
        Log-likelihood ratios of the decided utterances.
    discrimination : Discrimination
        EER and Cllr of `trials`, with intervals.
    """

    counts: Counts
    resampled: Counts
    trials: Trials
    discrimination: Discrimination


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The value of a metric, NaN if undefined, and its confidence intervals by kind."""

    value: float
    intervals: Mapping[IntervalKind, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A headline metric.

    Attributes
    ----------
    name : str
        Key in `Report.metrics` and report.json.
    title : str
        Short name for readers.
    description : str
        Definition in a few words, for readers; may be empty.
    source : "labels" or "scores"
        Computed from predicted labels (confusion counts) or from log-likelihood ratios.
    of : "utterances" or "decided"
        The metric is computed over all utterances, or over the decided ones.
    proportion : bool
        Whether the value is the number of correct utterances divided by the number of utterances `of`.
    compute : callable
    """

    name: str
    title: str
    description: str = ""
    source: Source
    of: Literal["utterances", "decided"]
    proportion: bool = False
    compute: Callable[[Evidence], Estimate]


def from_counts(statistic: Statistic) -> Callable[[Evidence], Estimate]:
    """Return the `Metric.compute` of a ratio of confusion counts, with its bootstrap interval."""

    def compute(evidence: Evidence) -> Estimate:
        interval = percentile_interval(statistic(evidence.resampled))
        return Estimate(value=float(statistic(evidence.counts)), intervals={"bootstrap": interval})

    return compute


def _accuracy(evidence: Evidence) -> Estimate:
    n_correct, n_utterances = int(metrics.correct(evidence.counts).sum()), int(evidence.counts.sum())
    estimate = from_counts(metrics.accuracy)(evidence)
    wilson = metrics.wilson_interval(n_correct, n_utterances)
    return Estimate(value=estimate.value, intervals={"wilson": wilson, **estimate.intervals})


def _accuracy_decided(evidence: Evidence) -> Estimate:
    return Estimate(value=float(metrics.accuracy_decided(evidence.counts)))


def _eer(evidence: Evidence) -> Estimate:
    result = evidence.discrimination
    return Estimate(value=result.eer, intervals={"bootstrap": result.eer_bootstrap})


def _cllr(evidence: Evidence) -> Estimate:
    result = evidence.discrimination
    return Estimate(value=result.cllr, intervals={"bootstrap": result.cllr_bootstrap})


UAR = Metric(
    name="uar",
    title="UAR",
    description="mean recall of the classes (balanced accuracy)",
    source="labels",
    of="utterances",
    compute=from_counts(metrics.unweighted_average_recall),
)
"""The primary metric: the first line of a report shows it with its interval."""

METRICS: tuple[Metric, ...] = (
    Metric(
        name="accuracy",
        title="Accuracy",
        description="unknown is not correct",
        source="labels",
        of="utterances",
        proportion=True,
        compute=_accuracy,
    ),
    Metric(
        name="accuracy_decided",
        title="Accuracy, decided",
        source="labels",
        of="decided",
        proportion=True,
        compute=_accuracy_decided,
    ),
    UAR,
    Metric(name="eer", title="EER", description="equal error rate", source="scores", of="decided", compute=_eer),
    Metric(
        name="cllr",
        title="Cllr",
        description="cost of the log-likelihood ratios in bits",
        source="scores",
        of="decided",
        compute=_cllr,
    ),
)
"""All headline metrics, in the order of report.json."""


def estimates(evidence: Evidence, source: Source) -> dict[str, Estimate]:
    """Compute the metrics of a source, by name, in the order of `METRICS`."""
    return {metric.name: metric.compute(evidence) for metric in METRICS if metric.source == source}

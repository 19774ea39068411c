"""EER and Cllr of the decided utterances, with bootstrap intervals over speakers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation import detection
from speechgmm.evaluation.array_types import Floats, Indices
from speechgmm.evaluation.intervals import Resampling, percentile_interval
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcome_counts import number_speakers


@dataclass(frozen=True, kw_only=True)
class DetectionResult:
    """Detection of one class against the others by its log-likelihood ratio; decided utterances, costs in bits.

    `auc` is the probability that a target scores above a nontarget. `min_cllr` is the discrimination loss,
    `calibration_loss` is ``cllr - min_cllr``.
    """

    target: str
    n_targets: int
    n_nontargets: int
    eer: float
    eer_bootstrap: Interval
    auc: float
    cllr: float
    cllr_bootstrap: Interval
    min_cllr: float
    calibration_loss: float


@dataclass(frozen=True, kw_only=True)
class Discrimination:
    """Metrics of the log-likelihood ratios of all classes; decided utterances, costs in bits.

    Attributes
    ----------
    eer : float
        Mean of the defined EERs in `detections`.
    cllr : float
        Multiclass Cllr.
    eer_bootstrap, cllr_bootstrap : Interval
    detections : tuple of DetectionResult
        With two classes the first is the target; with more, each class against the others.
    """

    eer: float
    eer_bootstrap: Interval
    cllr: float
    cllr_bootstrap: Interval
    detections: tuple[DetectionResult, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trials:
    """The decided utterances as detection trials.

    Attributes
    ----------
    llrs : array of float (N, K)
        Log-likelihood ratio (LLR) of each class.
    truth : array of int (N,)
        Class in the corpus.
    speaker : array of int (N,)
        Number of the speaker.
    """

    llrs: Floats
    truth: Indices
    speaker: Indices

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], classes: Sequence[str]) -> Trials:
        """Trials of outcomes that `check_outcomes` accepts."""
        decided = [outcome for outcome in outcomes if outcome.decision.decided]
        rows = [[outcome.decision.log_likelihood_ratios[name] for name in classes] for outcome in decided]
        return cls(
            llrs=np.array(rows, dtype=np.float64).reshape(len(decided), len(classes)),
            truth=np.array([classes.index(outcome.truth) for outcome in decided], dtype=np.intp),
            speaker=number_speakers(decided)[1],
        )

    @property
    def targets(self) -> range:
        """The target classes: the first of two classes, or each of more."""
        n_classes = self.llrs.shape[1]
        return range(1 if n_classes == 2 else n_classes)

    def sides(self, target: int) -> tuple[Floats, Floats]:
        """LLRs of a class: of its own utterances, and of the others."""
        return self.llrs[self.truth == target, target], self.llrs[self.truth != target, target]

    @property
    def eer(self) -> float:
        """Mean of the defined EERs of the target classes."""
        return _mean_defined([detection.equal_error_rate(*self.sides(target)) for target in self.targets])

    @property
    def cllr(self) -> float:
        """Multiclass Cllr."""
        return detection.multiclass_cllr(self.llrs, self.truth)


def discriminate(trials: Trials, classes: Sequence[str], resampling: Resampling) -> Discrimination:
    """Compute EER and Cllr with bootstrap intervals over speakers.

    Parameters
    ----------
    trials : Trials
    classes : sequence of str
        The K classes.
    resampling : Resampling

    Returns
    -------
    Discrimination
        The interval of an undefined metric is NaN.
    """
    eers, costs, cllrs = _resampled(trials, resampling)
    defined = [target for target in trials.targets if not np.isnan(eers[:, target]).any()]
    detections = []
    for target in trials.targets:
        sides = trials.sides(target)
        cllr, min_cllr = detection.cllr(*sides), detection.min_cllr(*sides)
        detections.append(
            DetectionResult(
                target=classes[target],
                n_targets=len(sides[0]),
                n_nontargets=len(sides[1]),
                eer=detection.equal_error_rate(*sides),
                eer_bootstrap=percentile_interval(eers[:, target]),
                auc=detection.area_under_roc(*sides),
                cllr=cllr,
                cllr_bootstrap=percentile_interval(costs[:, target]),
                min_cllr=min_cllr,
                calibration_loss=cllr - min_cllr,
            )
        )
    mean_eers = eers[:, defined].mean(axis=1) if defined else np.full(len(eers), np.nan)
    return Discrimination(
        eer=trials.eer,
        eer_bootstrap=percentile_interval(mean_eers),
        cllr=trials.cllr,
        cllr_bootstrap=percentile_interval(cllrs),
        detections=tuple(detections),
    )


def _resampled(trials: Trials, resampling: Resampling) -> tuple[Floats, Floats, Floats]:
    """Metrics of R resamples: EER per target (R, targets), Cllr per target (R, targets) and multiclass Cllr (R,)."""
    is_other = [(trials.truth != target).astype(np.intp) for target in trials.targets]
    llrs = [trials.llrs[:, target] for target in trials.targets]
    pair_costs = [
        detection.trial_costs(np.stack([llr, -llr], axis=1), other) for llr, other in zip(llrs, is_other, strict=True)
    ]
    costs = detection.trial_costs(trials.llrs, trials.truth)
    eers, pairs, cllrs = [], [], []
    for draws in resampling.draws(trials.truth, trials.speaker):
        eers.append(
            [detection.equal_error_rates(llr, other == 0, draws) for llr, other in zip(llrs, is_other, strict=True)]
        )
        pairs.append(
            [
                detection.resampled_cllr(cost, other, draws, n_classes=2)
                for cost, other in zip(pair_costs, is_other, strict=True)
            ]
        )
        cllrs.append(detection.resampled_cllr(costs, trials.truth, draws, n_classes=trials.llrs.shape[1]))
    return np.concatenate(eers, axis=1).T, np.concatenate(pairs, axis=1).T, np.concatenate(cllrs)


def _mean_defined(values: Sequence[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan

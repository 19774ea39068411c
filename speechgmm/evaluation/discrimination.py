"""How well the scores of some utterances tell the classes apart, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation import detection
from speechgmm.evaluation.detection import Floats
from speechgmm.evaluation.intervals import Resampling, percentile_interval
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcomes import number_speakers


@dataclass(frozen=True, kw_only=True)
class DetectionResult:
    """One class against the others by its log-likelihood ratio, on the decided utterances; costs in bits.

    `auc` is the chance that a target scores above a nontarget. `min_cllr` is what `cllr` owes to the order of the
    scores alone, `calibration_loss` is the rest.
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
    """All classes by their log-likelihood ratios, on the decided utterances; costs in bits.

    Attributes
    ----------
    eer : float
        Mean over `detections` of those that have one.
    cllr : float
        Over all classes at once.
    eer_bootstrap, cllr_bootstrap : Interval
        Of them.
    detections : tuple of DetectionResult
        With two classes the first is the target; with more, each in turn against all others.
    """

    eer: float
    eer_bootstrap: Interval
    cllr: float
    cllr_bootstrap: Interval
    detections: tuple[DetectionResult, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trials:
    """The decided ones of some utterances.

    Attributes
    ----------
    llrs : array of float (N, K)
        Log-likelihood ratio of each class.
    truth : array of int (N,)
        Class in the corpus.
    speaker : array of int (N,)
        Who speaks.
    """

    llrs: Floats
    truth: npt.NDArray[np.intp]
    speaker: npt.NDArray[np.intp]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], classes: Sequence[str]) -> Trials:
        """The trials that checked outcomes are."""
        decided = [outcome for outcome in outcomes if outcome.decision.decided]
        rows = [[outcome.decision.log_likelihood_ratios[name] for name in classes] for outcome in decided]
        return cls(
            llrs=np.array(rows, dtype=np.float64).reshape(len(decided), len(classes)),
            truth=np.array([classes.index(outcome.truth) for outcome in decided], dtype=np.intp),
            speaker=number_speakers(decided)[1],
        )

    @property
    def targets(self) -> range:
        """The classes to detect: the first of two, each of more."""
        n_classes = self.llrs.shape[1]
        return range(1 if n_classes == 2 else n_classes)

    def sides(self, target: int) -> tuple[Floats, Floats]:
        """Ratios of a class for its own utterances and for the others."""
        return self.llrs[self.truth == target, target], self.llrs[self.truth != target, target]

    @property
    def eer(self) -> float:
        """Mean EER of the targets that have one."""
        return _mean_defined([detection.equal_error_rate(*self.sides(target)) for target in self.targets])

    @property
    def cllr(self) -> float:
        """Cllr of all classes at once."""
        return detection.multiclass_cllr(self.llrs, self.truth)


def discriminate(trials: Trials, classes: Sequence[str], resampling: Resampling) -> Discrimination:
    """Compute EER and Cllr with intervals by speakers.

    Parameters
    ----------
    trials : Trials
    classes : sequence of str
        The K classes.
    resampling : Resampling

    Returns
    -------
    Discrimination
        An interval is NaN where its figure is.
    """
    eers, costs, cllrs = _resampled(trials, resampling)
    defined = [target for target in trials.targets if not np.isnan(eers[:, target]).any()]
    detections = []
    for target in trials.targets:
        sides = trials.sides(target)
        cost, least = detection.cllr(*sides), detection.min_cllr(*sides)
        detections.append(
            DetectionResult(
                target=classes[target],
                n_targets=len(sides[0]),
                n_nontargets=len(sides[1]),
                eer=detection.equal_error_rate(*sides),
                eer_bootstrap=percentile_interval(eers[:, target]),
                auc=detection.area_under_roc(*sides),
                cllr=cost,
                cllr_bootstrap=percentile_interval(costs[:, target]),
                min_cllr=least,
                calibration_loss=cost - least,
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
    """EER (R, targets) and Cllr (R, targets) of each target, and Cllr of all classes (R,), of R resamples."""
    is_other = [(trials.truth != target).astype(np.intp) for target in trials.targets]
    ratios = [trials.llrs[:, target] for target in trials.targets]
    pair_costs = [
        detection.trial_costs(np.stack([ratio, -ratio], axis=1), other)
        for ratio, other in zip(ratios, is_other, strict=True)
    ]
    costs = detection.trial_costs(trials.llrs, trials.truth)
    eers, pairs, cllrs = [], [], []
    for draws in resampling.draws(trials.truth, trials.speaker):
        eers.append(
            [
                detection.equal_error_rates(ratio, other == 0, draws)
                for ratio, other in zip(ratios, is_other, strict=True)
            ]
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

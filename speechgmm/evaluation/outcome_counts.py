"""Check outcomes and count them: the input of every evaluation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.classifier.outcome import Outcome
from speechgmm.errors import EvaluationError
from speechgmm.evaluation.array_types import Counts, Indices
from speechgmm.evaluation.intervals import speaker_counts


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A recording excluded from the evaluation, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Warned:
    """A recording of the evaluation whose audio was odd, and how."""

    path: str
    warning: str


def check_outcomes(outcomes: Sequence[Outcome], classes: Sequence[str], *, n_skipped: int) -> None:
    """Raise an error if outcomes cannot be evaluated with these classes.

    Parameters
    ----------
    outcomes : sequence of Outcome
        At least one is needed.
    classes : sequence of str
        The classes of the model.
    n_skipped : int
        Recordings excluded; for the message.

    Raises
    ------
    EvaluationError
        If the classes are invalid, there are no outcomes, or one has an invalid label, duration or log-likelihood
        ratio.
    """
    if len(set(classes)) < max(2, len(classes)) or UNKNOWN in classes:
        raise EvaluationError(
            f"the classes are {list(classes)}: two or more different names are needed, none of them '{UNKNOWN}'"
        )
    if not outcomes:
        raise EvaluationError(
            f"nothing to evaluate: no recording labelled {' or '.join(classes)} was classified, "
            f"{n_skipped} were skipped"
        )
    for outcome in outcomes:
        _check_outcome(outcome, classes)


def _check_outcome(outcome: Outcome, classes: Sequence[str]) -> None:
    decision = outcome.decision
    expected = ", ".join(classes)
    if outcome.truth not in classes:
        raise EvaluationError(
            f"{outcome.path}: its label in the corpus is '{outcome.truth}', which the model does not have: "
            f"skip it, or use one of {expected}"
        )
    if not 0.0 <= outcome.duration_s < math.inf:
        raise EvaluationError(
            f"{outcome.path}: its duration is {outcome.duration_s} s; expected a finite number of at least 0"
        )
    if not decision.decided:
        return
    if decision.label not in classes:
        raise EvaluationError(f"{outcome.path}: its predicted label is '{decision.label}', not one of {expected}")
    for name in classes:
        llr = decision.log_likelihood_ratios.get(name, math.nan)
        if not math.isfinite(llr):
            raise EvaluationError(
                f"{outcome.path}: its log-likelihood ratio of '{name}' is {llr}; a decided utterance needs a finite one"
            )


def count_outcomes(outcomes: Sequence[Outcome], classes: Sequence[str]) -> tuple[list[str], Counts]:
    """Confusion counts per speaker.

    Parameters
    ----------
    outcomes : sequence of Outcome
        N utterances, checked by `check_outcomes`.
    classes : sequence of str
        The K classes of the model.

    Returns
    -------
    speakers : list of str
        The named speakers, sorted.
    counts : array of int (S, K, K + 1)
        First the named speakers in this order, then each utterance without a speaker as a speaker of its own.
    """
    index = {name: number for number, name in enumerate([*classes, UNKNOWN])}
    names, speakers = number_speakers(outcomes)
    counts = speaker_counts(
        np.array([index[outcome.truth] for outcome in outcomes], dtype=np.intp),
        np.array([index[outcome.decision.label] for outcome in outcomes], dtype=np.intp),
        speakers,
        n_classes=len(classes),
    )
    return names, counts


def number_speakers(outcomes: Sequence[Outcome]) -> tuple[list[str], Indices]:
    """Number the speakers of N utterances.

    Parameters
    ----------
    outcomes : sequence of Outcome

    Returns
    -------
    speakers : list of str
        The named speakers, sorted.
    numbers : array of int (N,)
        Index in `speakers`; each utterance without a speaker has a number of its own after them.
    """
    names = sorted({outcome.speaker for outcome in outcomes if outcome.speaker is not None})
    index = {name: number for number, name in enumerate(names)}
    unnamed = itertools.count(len(names))
    numbers = [next(unnamed) if outcome.speaker is None else index[outcome.speaker] for outcome in outcomes]
    return names, np.array(numbers, dtype=np.intp)


def missing_class_notes(classes: Sequence[str], n_utterances: Sequence[int]) -> Iterator[str]:
    """Note on the classes without utterances, which UAR leaves out."""
    missing = [name for name, number in zip(classes, n_utterances, strict=True) if not number]
    if missing:
        labels = " or ".join(map(repr, missing))
        others = [name for name in classes if name not in missing]
        recall = f"the recall of {others[0]!r} alone" if len(others) == 1 else "the mean recall of the others"
        yield f"no recording has the label {labels}: UAR is {recall}"

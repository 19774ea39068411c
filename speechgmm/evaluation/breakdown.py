"""The tables of a report: results by class, by group of utterances and by speaker.

Every row is counted first; the counts of the rows of a table add up to those of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from speechgmm.evaluation import metrics
from speechgmm.evaluation.metrics import Interval
from speechgmm.evaluation.outcome import Outcome, count_outcomes

_DURATIONS = {"0-1 s": 1.0, "1-2 s": 2.0, "2-3 s": 3.0, "3-5 s": 5.0, "5-10 s": 10.0, "10+ s": math.inf}


@dataclass(frozen=True, kw_only=True)
class ClassResult:
    """One class. `n_correct` of its `n_utterances` got its label; `n_predicted` utterances of any class did."""

    name: str
    n_utterances: int
    n_speakers: int
    n_correct: int
    n_unknown: int
    n_predicted: int
    recall: float
    precision: float
    f1: float


@dataclass(frozen=True, kw_only=True)
class GroupResult:
    """The utterances that have something in common, counted like the whole."""

    name: str
    n_utterances: int
    n_speakers: int
    n_correct: int
    n_unknown: int
    confusion: tuple[tuple[int, ...], ...]
    accuracy: float
    accuracy_wilson: Interval
    uar: float


@dataclass(frozen=True, kw_only=True)
class SpeakerResult:
    """One speaker of one label; an utterance that stayed unknown is an error too."""

    speaker: str
    label: str
    n_utterances: int
    n_errors: int
    n_unknown: int
    accuracy: float


def by_class(outcomes: Sequence[Outcome], classes: Sequence[str]) -> tuple[ClassResult, ...]:
    """Give the results of each class, in the order of `classes`."""
    speakers, counts = count_outcomes(outcomes, classes)
    total = counts.sum(axis=0)
    recall, precision, f1 = metrics.recall(total), metrics.precision(total), metrics.f1(total)
    return tuple(
        ClassResult(
            name=name,
            n_utterances=int(total[i].sum()),
            n_speakers=int(counts[: len(speakers), i].any(axis=1).sum()),
            n_correct=int(total[i, i]),
            n_unknown=int(total[i, -1]),
            n_predicted=int(total[:, i].sum()),
            recall=float(recall[i]),
            precision=float(precision[i]),
            f1=float(f1[i]),
        )
        for i, name in enumerate(classes)
    )


def by_duration(outcomes: Sequence[Outcome], classes: Sequence[str]) -> tuple[GroupResult, ...]:
    """Group by length of the audio, shortest first; a group holds its lower end and not its upper."""

    def name_of(outcome: Outcome) -> str:
        return next(name for name, end in _DURATIONS.items() if outcome.duration_s < end)

    members = _members(outcomes, name_of)
    return tuple(summarise(name, members[name], classes) for name in _DURATIONS if name in members)


def by_column(outcomes: Sequence[Outcome], classes: Sequence[str], column: str) -> tuple[GroupResult, ...]:
    """Group by the values of a column, sorted; utterances without a value are the group ``""``."""
    members = _members(outcomes, lambda outcome: outcome.columns.get(column, ""))
    return tuple(summarise(name, members[name], classes) for name in sorted(members))


def by_speaker(outcomes: Sequence[Outcome], classes: Sequence[str]) -> tuple[SpeakerResult, ...]:
    """Give the results of each named speaker: lowest accuracy first, among equals most errors first."""
    speakers, counts = count_outcomes(outcomes, classes)
    results = [
        SpeakerResult(
            speaker=speaker,
            label=label,
            n_utterances=n_utterances,
            n_errors=n_utterances - int(counts[s, i, i]),
            n_unknown=int(counts[s, i, -1]),
            accuracy=int(counts[s, i, i]) / n_utterances,
        )
        for s, speaker in enumerate(speakers)
        for i, label in enumerate(classes)
        if (n_utterances := int(counts[s, i].sum()))
    ]
    return tuple(sorted(results, key=lambda one: (one.accuracy, -one.n_errors, one.speaker, one.label)))


def summarise(name: str, outcomes: Sequence[Outcome], classes: Sequence[str]) -> GroupResult:
    """Give the results of some outcomes, at least one, as one row."""
    speakers, counts = count_outcomes(outcomes, classes)
    total = counts.sum(axis=0)
    n_correct = int(metrics.correct(total).sum())
    return GroupResult(
        name=name,
        n_utterances=len(outcomes),
        n_speakers=len(speakers),
        n_correct=n_correct,
        n_unknown=int(total[:, -1].sum()),
        confusion=tuple(tuple(int(count) for count in row) for row in total),
        accuracy=float(metrics.accuracy(total)),
        accuracy_wilson=metrics.wilson_interval(n_correct, len(outcomes)),
        uar=float(metrics.unweighted_average_recall(total)),
    )


def _members(outcomes: Sequence[Outcome], name_of: Callable[[Outcome], str]) -> dict[str, list[Outcome]]:
    members: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        members.setdefault(name_of(outcome), []).append(outcome)
    return members

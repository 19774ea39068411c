"""Single answers that are worth listening to: errors the classifier was sure of, and answers it was least sure of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from speechgmm.classifier.outcome import Outcome

N_EXAMPLES = 20


@dataclass(frozen=True, kw_only=True)
class Example:
    """One decided utterance: what was answered, and what its label in the corpus (`truth`) is.

    `start` and `end` are seconds of the file, an `end` of None being its end; `snr_db` is an estimate, in decibels.
    """

    path: str
    start: float
    end: float | None
    truth: str
    speaker: str | None
    label: str
    probability: float
    score: float
    speech_s: float
    duration_s: float
    snr_db: float


def confident_errors(outcomes: Sequence[Outcome], n: int = N_EXAMPLES) -> tuple[Example, ...]:
    """The wrong answers of highest probability, the surest first; at most `n`."""
    wrong = [one for one in outcomes if one.decision.decided and one.decision.label != one.truth]
    return _examples(sorted(wrong, key=lambda one: (-one.decision.probability, *_place(one)))[:n])


def least_certain(outcomes: Sequence[Outcome], n: int = N_EXAMPLES) -> tuple[Example, ...]:
    """The answers of lowest probability, right or wrong, the least sure first; at most `n`."""
    decided = [one for one in outcomes if one.decision.decided]
    return _examples(sorted(decided, key=lambda one: (one.decision.probability, *_place(one)))[:n])


def _place(outcome: Outcome) -> tuple[str, float]:
    return outcome.path, outcome.start


def _examples(outcomes: Iterable[Outcome]) -> tuple[Example, ...]:
    return tuple(
        Example(
            path=outcome.path,
            start=outcome.start,
            end=outcome.end,
            truth=outcome.truth,
            speaker=outcome.speaker,
            label=outcome.decision.label,
            probability=outcome.decision.probability,
            score=outcome.decision.score,
            speech_s=outcome.decision.speech_s,
            duration_s=outcome.duration_s,
            snr_db=outcome.snr_db,
        )
        for outcome in outcomes
    )

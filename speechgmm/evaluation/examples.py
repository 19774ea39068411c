"""Single utterances to inspect: confident errors and the least certain decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from speechgmm.classifier.outcome import Outcome

N_EXAMPLES = 20


@dataclass(frozen=True, kw_only=True)
class Example:
    """One decided utterance: the decision and the corpus label (`truth`).

    `start` and `end` are in seconds of the file; an `end` of None is the end of the file. `snr_db` is an estimate in
    decibels.
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
    """Select the `n` errors of highest probability, highest first."""
    errors = [outcome for outcome in outcomes if outcome.decision.decided and outcome.decision.label != outcome.truth]
    errors.sort(key=lambda error: (-error.decision.probability, error.path, error.start))
    return _examples(errors[:n])


def least_certain(outcomes: Sequence[Outcome], n: int = N_EXAMPLES) -> tuple[Example, ...]:
    """Select the `n` decisions of lowest probability, lowest first, correct or not."""
    decided = [outcome for outcome in outcomes if outcome.decision.decided]
    decided.sort(key=lambda outcome: (outcome.decision.probability, outcome.path, outcome.start))
    return _examples(decided[:n])


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

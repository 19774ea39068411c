"""An audit of labels: speakers and recordings whose label the models of the other folds contradict.

A wrong label trains as well, but never the model that judges it: the folds are disjoint by speaker. What is found is a
hint to listen, no statement about anyone: rare voices are contradicted too, and consistent errors of a whole corpus,
which all folds learn, are not.

The odds against a label are those of all other classes together, each class as likely as the next before anything is
heard. Utterances of a speaker are not independent, so their log odds are not added up. A speaker's frames are scored as
one long utterance instead: equation (5) takes the mean over all frames and lets its weight saturate, because more of
one voice never tells more than that voice's place among voices. For many utterances this errs on the careful side.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from speechgmm.classifier.decision import UNKNOWN, Decision
from speechgmm.classifier.model import Model
from speechgmm.corpus.speakers import speaker_of
from speechgmm.crossvalidation.crossvalidate import Answer, CrossValidation
from speechgmm.errors import OptionError

LARGEST_LOG_ODDS = 700.0  # exp of more is no finite number

MIN_ODDS = 2.0
"""Two of three voices like this carry another label. More is little to be had: the models are calibrated on the labels
themselves, and where one of 17 is wrong, as in `scripts/benchmark_audit.py`, they rightly never say more than 16 to 1.
There it lists six of seven wrong speakers and hardly one of those who are right."""


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A label that is contradicted.

    Attributes
    ----------
    speaker : str or None
        Whose it is; None where nobody said who speaks.
    path : str
        The recording; empty where all of the speaker's are judged together.
    label : str
        In the corpus.
    contradicted_by : str
        The class that all that was heard fits best.
    odds : float
        Of the other classes against the label, each class equally likely beforehand.
    n_utterances : int
        Recordings that were judged together.
    n_contradicted : int
        Those of them that on their own get another label.
    """

    speaker: str | None
    path: str
    label: str
    contradicted_by: str
    odds: float
    n_utterances: int
    n_contradicted: int

    @property
    def share_contradicted(self) -> float:
        """Share of the recordings that on their own get another label."""
        return self.n_contradicted / self.n_utterances


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an audit found, the highest odds first.

    Attributes
    ----------
    speakers : tuple of Contradiction
        Those named speakers whose label is contradicted by all they say together.
    files : tuple of Contradiction
        Those recordings of the other speakers whose label is contradicted.
    n_speakers, n_files : int
        Named speakers and recordings that were judged.
    n_undecided : int
        Recordings that were not: the models answer unknown.
    min_odds : float
        Below which nothing is listed.
    """

    speakers: tuple[Contradiction, ...]
    files: tuple[Contradiction, ...]
    n_speakers: int
    n_files: int
    n_undecided: int
    min_odds: float


def audit(found: CrossValidation, *, min_odds: float = MIN_ODDS) -> Audit:
    """Hold the labels of a corpus against what the models of a cross-validation say.

    Parameters
    ----------
    found : CrossValidation
    min_odds : float
        Odds against a label from which on it is listed; positive.

    Returns
    -------
    Audit

    Raises
    ------
    OptionError
        If `min_odds` is no such number.
    """
    check_odds(min_odds)
    groups = [(fold.model, answers) for fold in found.folds for answers in _by_speaker(fold.answers)]
    files = _judged((model, answer.recording.name, [answer]) for model, answers in groups for answer in answers)
    speakers = _judged((model, "", answers) for model, answers in groups if answers[0].recording.speaker is not None)
    listed = _listed(speakers, min_odds)
    known = {(one.speaker, one.label) for one in listed}
    return Audit(
        speakers=listed,
        files=_listed([one for one in files if (one.speaker, one.label) not in known], min_odds),
        n_speakers=len(speakers),
        n_files=len(files),
        n_undecided=sum(len(answers) for _, answers in groups) - len(files),
        min_odds=min_odds,
    )


def check_odds(min_odds: float) -> None:
    """Raise OptionError unless these are odds: a positive number."""
    if not (math.isfinite(min_odds) and min_odds > 0):
        raise OptionError(f"min_odds is {min_odds}, but odds are a positive number, such as {MIN_ODDS:g}")


def _by_speaker(answers: Iterable[Answer]) -> list[list[Answer]]:
    """The answers for each speaker of a label, as they are met."""
    groups: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers:
        groups.setdefault((speaker_of(answer.recording), answer.recording.label), []).append(answer)
    return list(groups.values())


def _judged(groups: Iterable[tuple[Model, str, Sequence[Answer]]]) -> list[Contradiction]:
    """What a model says of each group of recordings, as if it were one utterance, where it says anything."""
    judged = []
    for model, path, answers in groups:
        together = model.decide(functools.reduce(operator.add, (answer.scores for answer in answers)))
        if not together.decided:
            continue
        recording = answers[0].recording
        labels = [model.decide(answer.scores).label for answer in answers]
        judged.append(
            Contradiction(
                speaker=recording.speaker,
                path=path,
                label=recording.label,
                contradicted_by=together.label,
                odds=_odds_against(recording.label, together),
                n_utterances=len(answers),
                n_contradicted=sum(label not in (recording.label, UNKNOWN) for label in labels),
            )
        )
    return judged


def _odds_against(label: str, decision: Decision) -> float:
    log_odds = math.log(len(decision.log_likelihood_ratios) - 1) - decision.log_likelihood_ratios[label]
    return math.exp(min(log_odds, LARGEST_LOG_ODDS))


def _listed(judged: Iterable[Contradiction], min_odds: float) -> tuple[Contradiction, ...]:
    """Those of high odds, the highest first."""
    high = [one for one in judged if one.odds >= min_odds]
    return tuple(sorted(high, key=lambda one: (-one.odds, one.speaker or "", one.path)))

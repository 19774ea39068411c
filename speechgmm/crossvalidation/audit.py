"""Label audit: list speakers and recordings whose label is contradicted by models trained on the other folds.

The folds are speaker-disjoint, so a wrong label never trains the model that scores it. A contradiction is a reason to
listen to the recording, no statement about a person: correct labels of unusual voices are contradicted too. Consistent
errors of a whole corpus are not found, because the models of all folds learn them.

The odds against a label are the posterior odds of all other classes together, with equal priors. The utterances of a
speaker are not independent, so their log odds are not added. All frames of a speaker are scored as one long utterance
instead: equation (5) takes the mean over the frames, and its weight saturates, because more speech of one voice gives
no information on other voices. For many utterances this is conservative.
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
from speechgmm.crossvalidation.crossvalidate import CrossValidation, ScoredRecording
from speechgmm.errors import OptionError

MAX_LOG_ODDS = 700.0  # exp overflows above 709

MIN_ODDS = 2.0
"""Default: odds of 2 mean that two of three such voices have another label.

Much higher odds are rare, because the models are calibrated on the labels themselves. In `scripts/benchmark_audit.py`
one of 17 labels is wrong, and the odds rightly never exceed 16. There the default lists six of seven speakers with a
wrong label and almost none with a correct label.
"""


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A label and the odds against it.

    Attributes
    ----------
    speaker : str or None
        None if the corpus does not name the speaker.
    path : str
        The recording; empty if all recordings of the speaker are scored together.
    label : str
        The label in the corpus.
    contradicted_by : str
        The decision of the model.
    odds : float
        Of the other classes against the label, with equal priors.
    n_utterances : int
        Number of recordings scored together.
    n_contradicted : int
        Number of these recordings that get another label when scored alone.
    listen_to : str
        The recording to listen to: that with the highest odds against the label when scored alone.
    """

    speaker: str | None
    path: str
    label: str
    contradicted_by: str
    odds: float
    n_utterances: int
    n_contradicted: int
    listen_to: str


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The result of an audit, highest odds first.

    Attributes
    ----------
    speakers : tuple of Contradiction
        Named speakers with high odds against their label, all their recordings scored together.
    files : tuple of Contradiction
        Recordings of all other speakers with high odds against their label.
    n_speakers, n_files : int
        Number of named speakers, and of recordings, with a decision.
    n_undecided : int
        Number of recordings on which the models abstain.
    min_odds : float
        Minimum odds of a listed label.
    """

    speakers: tuple[Contradiction, ...]
    files: tuple[Contradiction, ...]
    n_speakers: int
    n_files: int
    n_undecided: int
    min_odds: float


def audit(results: CrossValidation, *, min_odds: float = MIN_ODDS) -> Audit:
    """Compare the labels of a corpus with the scores of a cross-validation.

    Parameters
    ----------
    results : CrossValidation
    min_odds : float
        Minimum odds against a label to list it; positive.

    Returns
    -------
    Audit

    Raises
    ------
    OptionError
        If `min_odds` is not a positive number.
    """
    check_odds(min_odds)
    groups = [(fold.model, group) for fold in results.folds for group in _by_speaker(fold.recordings)]
    files = _compared((model, scored.recording.name, [scored]) for model, group in groups for scored in group)
    speakers = _compared((model, "", group) for model, group in groups if group[0].recording.speaker is not None)
    listed = _listed(speakers, min_odds)
    listed_labels = {(entry.speaker, entry.label) for entry in listed}
    return Audit(
        speakers=listed,
        files=_listed([entry for entry in files if (entry.speaker, entry.label) not in listed_labels], min_odds),
        n_speakers=len(speakers),
        n_files=len(files),
        n_undecided=sum(len(group) for _, group in groups) - len(files),
        min_odds=min_odds,
    )


def check_odds(min_odds: float) -> None:
    """Raise OptionError unless `min_odds` is a positive number."""
    if not (math.isfinite(min_odds) and min_odds > 0):
        raise OptionError(f"min_odds is {min_odds}, but it must be a positive number, such as {MIN_ODDS:g}")


def _by_speaker(recordings: Iterable[ScoredRecording]) -> list[list[ScoredRecording]]:
    """The recordings per speaker and label, in order of first occurrence."""
    groups: dict[tuple[str, str], list[ScoredRecording]] = {}
    for scored in recordings:
        groups.setdefault((speaker_of(scored.recording), scored.recording.label), []).append(scored)
    return list(groups.values())


def _compared(groups: Iterable[tuple[Model, str, Sequence[ScoredRecording]]]) -> list[Contradiction]:
    """The odds against the label of each group, scored as one utterance; without groups on which the model abstains."""
    compared = []
    for model, path, group in groups:
        decision = model.decide(functools.reduce(operator.add, (scored.scores for scored in group)))
        if not decision.decided:
            continue
        recording = group[0].recording
        alone = [(scored.recording.name, model.decide(scored.scores)) for scored in group]
        labels = [decision.label for _, decision in alone]
        compared.append(
            Contradiction(
                speaker=recording.speaker,
                path=path,
                label=recording.label,
                contradicted_by=decision.label,
                odds=_odds_against(recording.label, decision),
                n_utterances=len(group),
                n_contradicted=sum(label not in (recording.label, UNKNOWN) for label in labels),
                listen_to=_most_contradicted(recording.label, alone),
            )
        )
    return compared


def _most_contradicted(label: str, alone: Sequence[tuple[str, Decision]]) -> str:
    """The recording with the highest odds against the label; the first one if the model abstains on each."""
    odds = [_odds_against(label, decision) if decision.decided else 0.0 for _, decision in alone]
    return alone[odds.index(max(odds))][0]


def _odds_against(label: str, decision: Decision) -> float:
    log_odds = math.log(len(decision.log_likelihood_ratios) - 1) - decision.log_likelihood_ratios[label]
    return math.exp(min(log_odds, MAX_LOG_ODDS))


def _listed(compared: Iterable[Contradiction], min_odds: float) -> tuple[Contradiction, ...]:
    """The entries with at least these odds, highest odds first."""
    high = [entry for entry in compared if entry.odds >= min_odds]
    return tuple(sorted(high, key=lambda entry: (-entry.odds, entry.speaker or "", entry.path)))

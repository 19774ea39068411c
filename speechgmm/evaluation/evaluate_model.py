"""Assess a model: classify the labelled recordings of a corpus and report on the decisions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.audio.reading import digest, short_digest
from speechgmm.classifier.classify import classify_recording
from speechgmm.classifier.doubt import doubt_note
from speechgmm.classifier.model import Model
from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus.look_alike import plain, shown
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.errors import CorpusError, EvaluationError
from speechgmm.evaluation.outcome_counts import Skipped
from speechgmm.evaluation.report import Report
from speechgmm.evaluation.report import evaluate as report_on
from speechgmm.features.extraction import Failure
from speechgmm.progress import Progress, silent
from speechgmm.workers.local import ordered_map


@dataclass(frozen=True, kw_only=True, eq=False)
class Assessment:
    """The report on a model, with the data it is computed from.

    Attributes
    ----------
    report : Report
    outcomes : tuple of Outcome
        One per classified utterance.
    failures : tuple of Failure
        Recordings that could not be used; the report lists them as skipped.
    """

    report: Report
    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...]


def assess(
    model: Model,
    corpus: Corpus,
    *,
    by: Sequence[str] = (),
    jobs: int = 1,
    channel: int | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    progress: Progress = silent,
) -> Assessment:
    """Classify labelled recordings and report on the decisions.

    Parameters
    ----------
    model : Model
    corpus : Corpus
        Recordings whose label is not a class of the model are skipped and listed in the report.
    by : sequence of str
        Columns of the manifest to group the results by.
    jobs : int
        Number of processes; negative values count down from the number of cores.
    channel : int, optional
        Channel of multi-channel recordings, counted from 1; by default the channels are averaged.
    n_resamples, seed : int
        Of the report's bootstrap intervals.
    progress : Progress

    Returns
    -------
    Assessment

    Raises
    ------
    CorpusError
        If a label looks like a class of the model, but is spelled differently.
    EvaluationError
        If no recording could be classified.
    OptionError
        If no recording has a column of `by`.
    """
    _check_spelling(corpus, model.labels)
    known = corpus.select(lambda recording: recording.label in model.labels)
    skipped = [
        Skipped(path=recording.name, reason=f"its label {recording.label!r} is not a class of the model")
        for recording in corpus.recordings
        if recording.label not in model.labels
    ]
    outcomes: list[Outcome] = []
    failures: list[Failure] = []
    n_training_files = 0
    results = ordered_map(functools.partial(_classify, model=model, channel=channel), known.recordings, jobs=jobs)
    for result, is_training_file in progress(results, total=len(known.recordings), what="classifying"):
        if isinstance(result, Failure):
            failures.append(result)
        else:
            outcomes.append(result)
            n_training_files += is_training_file
    skipped += [Skipped(path=failure.recording.name, reason=failure.reason) for failure in failures]
    if failures and not outcomes:
        raise EvaluationError(
            f"{corpus.source}: none of its {len(failures)} recordings could be used, the first: {failures[0].reason}"
        )
    report = report_on(
        outcomes,
        classes=model.labels,
        skipped=skipped,
        notes=[*corpus.notes, *_overlap_notes(n_training_files, len(outcomes)), *_doubt_notes(outcomes, model)],
        model=model.card,
        by=by,
        n_resamples=n_resamples,
        seed=seed,
    )
    return Assessment(report=report, outcomes=tuple(outcomes), failures=tuple(failures))


def _check_spelling(corpus: Corpus, classes: Sequence[str]) -> None:
    for label in corpus.labels:
        for name in classes:
            if label != name and plain(label) == plain(name):
                raise CorpusError(
                    f"{corpus.source}: the label {shown(label)} looks like the class {shown(name)} of the model, write "
                    "it as the model does"
                )


def _classify(recording: Recording, *, model: Model, channel: int | None) -> tuple[Outcome | Failure, bool]:
    """Classify a recording; the second value is whether its file was used to train or calibrate the model."""
    result = classify_recording(recording, model=model, channel=channel)
    if isinstance(result, Failure):
        return result, False
    return result, bool(np.isin(np.uint64(short_digest(digest(recording.file))), model.training_digests))


def _doubt_notes(outcomes: Sequence[Outcome], model: Model) -> list[str]:
    scores = [outcome.decision.score for outcome in outcomes if outcome.decision.decided]
    note = doubt_note(scores, model.card)
    return [note] if note else []


def _overlap_notes(n_training_files: int, n_outcomes: int) -> list[str]:
    if n_training_files == 0:
        return []
    note = (
        f"this model was trained or calibrated on {n_training_files} of the {n_outcomes} recordings: "
        "the results are better than on unseen speakers"
    )
    return [note]

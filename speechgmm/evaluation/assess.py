"""Assessment: a model's answers on labelled recordings, and the report on them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.audio.reading import digest, short_digest
from speechgmm.classifier.classify import classify_recording
from speechgmm.classifier.model import Model
from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.errors import EvaluationError
from speechgmm.evaluation.outcomes import Skipped
from speechgmm.evaluation.report import Report
from speechgmm.evaluation.report import evaluate as report_on
from speechgmm.features.extraction import Failure
from speechgmm.progress import Progress, silent
from speechgmm.workers.local import ordered_map


@dataclass(frozen=True, kw_only=True, eq=False)
class Assessment:
    """The report on a model, and what it rests on.

    Attributes
    ----------
    report : Report
    outcomes : tuple of Outcome
        One for each utterance that could be classified.
    failures : tuple of Failure
        Recordings that could not be read; the report lists them as skipped.
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
    """Classify labelled recordings and report on the answers.

    Parameters
    ----------
    model : Model
    corpus : Corpus
        Recordings whose label is no class of the model are skipped, and the report says so.
    by : sequence of str
        Columns of the manifest to break the results down by.
    jobs : int
        Processes; negative counts down from the number of cores.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.
    n_resamples, seed : int
        For the report's bootstrap intervals.
    progress : Progress
        Follows the progress.

    Returns
    -------
    Assessment

    Raises
    ------
    EvaluationError
        If nothing could be classified.
    OptionError
        If no recording has a column of `by`.
    """
    known = corpus.select(lambda recording: recording.label in model.labels)
    skipped = [
        Skipped(path=recording.name, reason=f"its label {recording.label!r} is no class of the model")
        for recording in corpus.recordings
        if recording.label not in model.labels
    ]
    outcomes: list[Outcome] = []
    failures: list[Failure] = []
    n_trained = 0
    results = ordered_map(functools.partial(_examine, model=model, channel=channel), known.recordings, jobs=jobs)
    for result, trained in progress(results, total=len(known.recordings), what="classifying"):
        if isinstance(result, Failure):
            failures.append(result)
        else:
            outcomes.append(result)
            n_trained += trained
    skipped += [Skipped(path=failure.recording.name, reason=failure.reason) for failure in failures]
    if failures and not outcomes:
        raise EvaluationError(
            f"{corpus.source}: none of its {len(failures)} recordings could be used, the first: {failures[0].reason}"
        )
    report = report_on(
        outcomes,
        classes=model.labels,
        skipped=skipped,
        notes=[*corpus.notes, *_overlap_notes(n_trained, len(outcomes))],
        model=model.card,
        by=by,
        n_resamples=n_resamples,
        seed=seed,
    )
    return Assessment(report=report, outcomes=tuple(outcomes), failures=tuple(failures))


def _examine(recording: Recording, *, model: Model, channel: int | None) -> tuple[Outcome | Failure, bool]:
    """Classify a recording, and tell whether its file trained or calibrated the model."""
    result = classify_recording(recording, model=model, channel=channel)
    if isinstance(result, Failure):
        return result, False
    return result, bool(np.isin(np.uint64(short_digest(digest(recording.file))), model.training_digests))


def _overlap_notes(n_trained: int, n_outcomes: int) -> list[str]:
    if n_trained == 0:
        return []
    return [
        f"{n_trained} of the {n_outcomes} recordings trained or calibrated this model: "
        "the results are far better than they would be on voices it has never heard"
    ]

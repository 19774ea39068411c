"""Cross-validation: every recording is scored by a model that is speaker-disjoint from it.

`crossvalidate` divides the speakers into folds and reads all recordings once. Per fold it trains on the other folds and
scores the fold. `report_on_folds` evaluates the scores.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechgmm.audio.reading import short_digest
from speechgmm.classifier.model import Model
from speechgmm.classifier.outcome import Outcome
from speechgmm.classifier.scorer import Scores
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.crossvalidation.folds import Fold, Folding, divide, is_outside, without, without_splits
from speechgmm.errors import CorpusError
from speechgmm.evaluation.evaluate_model import Assessment
from speechgmm.evaluation.outcome_counts import Skipped
from speechgmm.evaluation.report import evaluate
from speechgmm.features.extraction import Failure, Utterance
from speechgmm.features.front_end import aligned
from speechgmm.training.material import Material, read_material, selected
from speechgmm.training.recordings import TrainingRecordings, part_nonspeech
from speechgmm.training.run_context import Run
from speechgmm.training.train import train_on
from speechgmm.workers.local import Executor

FOLD = "fold"
"""Column of the outcomes with the name of the fold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredRecording:
    """A recording and its scores by a model that is speaker-disjoint from it.

    Attributes
    ----------
    recording : Recording
    scores : Scores
    trained : bool
        Whether the same audio file, under another speaker's name, trained that model.
    """

    recording: Recording
    scores: Scores
    trained: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldScores:
    """A fold: the model trained on the other folds, and its scores of the recordings of the fold."""

    name: str
    model: Model
    recordings: tuple[ScoredRecording, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossValidation:
    """The scores of a cross-validation.

    Attributes
    ----------
    corpus : Corpus
        The scored recordings; without non-speech.
    folding : Folding
    folds : tuple of FoldScores
    failures : tuple of Failure
        Recordings that could not be read.
    notes : tuple of str
        Remarks for the user.
    """

    corpus: Corpus
    folding: Folding
    folds: tuple[FoldScores, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]


def crossvalidate(corpus: Corpus, run: Run, *, folding: Folding = Folding()) -> CrossValidation:
    """Train and calibrate a model on all folds but one and score that fold, for each fold.

    Parameters
    ----------
    corpus : Corpus
        If it has splits, the train, dev and test recordings are merged and the others are left out.
    run : Run
        Its seed also determines the folds. Its checkpoint has a part for each fold.
    folding : Folding

    Returns
    -------
    CrossValidation

    Raises
    ------
    CorpusError
        If there are fewer than two classes. With `leave_one_out`: if two values share a speaker, a recording has no
        value, or all recordings of a class have the same value.
    TrainingError
        If a fold leaves a class too few speakers or too little speech.
    CheckpointError, OutputError
        As for `training.train.train`.
    """
    voices, nonspeech = part_nonspeech(without_splits(corpus), run.recipe.nonspeech)
    run = run.scaled_to(voices.recordings)
    folds = divide(voices, folding, run.recipe.seed)
    material = read_material(TrainingRecordings(voices=voices, nonspeech=nonspeech), run)
    scored: list[FoldScores] = []
    for number, fold in enumerate(run.progress(folds, total=len(folds), what="folds"), start=1):
        others = material.of(without(voices, fold), functools.partial(is_outside, fold))
        model = train_on(others, run.at(f"fold-{number}").silently()).model
        scored.append(_fold_scores(fold, model, material, run.executor))
    return CrossValidation(
        corpus=voices,
        folding=folding,
        folds=tuple(scored),
        failures=material.failures,
        notes=(*voices.notes, *_fold_notes(folding, len(folds)), *_overlap_notes(scored)),
    )


def report_on_folds(
    results: CrossValidation, *, by: Sequence[str] = (), n_resamples: int = 1000, seed: int = 0
) -> Assessment:
    """Evaluate the scores of all folds together and of each fold.

    Parameters
    ----------
    results : CrossValidation
    by : sequence of str
        Columns of the manifest to break the results down by.
    n_resamples, seed : int
        For the report's bootstrap intervals.

    Returns
    -------
    Assessment
        The outcomes have the column `FOLD`.

    Raises
    ------
    EvaluationError
        If no recording could be read.
    CorpusError
        If the manifest has a column `FOLD`: see `check_fold_column`.
    OptionError
        If no recording has one of the columns `by`.
    """
    check_fold_column(results.corpus, results.folding)
    outcomes = tuple(_outcome(scored, fold) for fold in results.folds for scored in fold.recordings)
    report = evaluate(
        outcomes,
        classes=results.corpus.labels,
        skipped=[Skipped(path=failure.recording.name, reason=failure.reason) for failure in results.failures],
        notes=results.notes,
        model=_card(results),
        by=by,
        fold_column=FOLD,
        n_resamples=n_resamples,
        seed=seed,
    )
    return Assessment(report=report, outcomes=outcomes, failures=results.failures)


def check_fold_column(corpus: Corpus, folding: Folding) -> None:
    """Refuse a manifest with a column `FOLD`, which would be overwritten, unless this column defines the folds.

    Raises
    ------
    CorpusError
    """
    if folding.leave_one_out != FOLD and any(FOLD in recording.columns for recording in corpus.recordings):
        raise CorpusError(
            f"{corpus.source}: its column {FOLD!r} would be replaced by the folds that are made here: rename it, or "
            "leave out its values in turn"
        )


def _fold_scores(fold: Fold, model: Model, material: Material, executor: Executor) -> FoldScores:
    held_out = selected(
        material.streams, lambda recording: not recording.augmentation and not is_outside(fold, recording)
    )
    utterances = list(zip(*held_out, strict=True))
    scores = executor.compute(functools.partial(_score, model=model), utterances)
    digests = np.array([short_digest(streams[0].digest) for streams in utterances], dtype=np.uint64)
    in_training = np.isin(digests, model.training_digests)
    recordings = tuple(
        ScoredRecording(
            recording=streams[0].recording,
            scores=score,
            trained=bool(trained) and _is_whole(streams[0].recording),
        )
        for streams, score, trained in zip(utterances, scores, in_training, strict=True)
    )
    return FoldScores(name=fold.name, model=model, recordings=recordings)


def _score(utterance: Sequence[Utterance], *, model: Model) -> Scores:
    return model.score_all(aligned((stream.stretches() for stream in utterance), model.front_ends))


def _is_whole(recording: Recording) -> bool:
    """Whether the recording is a whole file. Other excerpts of the same file may be other speakers' recordings."""
    return recording.start == 0 and recording.end is None


def _outcome(scored: ScoredRecording, fold: FoldScores) -> Outcome:
    recording, model = scored.recording, fold.model
    return Outcome(
        path=recording.name,
        truth=recording.label,
        speaker=recording.speaker,
        duration_s=model.front_end.duration_s(scored.scores.n_frames),
        decision=model.decide(scored.scores),
        start=recording.start,
        end=recording.end,
        columns={**recording.columns, FOLD: fold.name},
    )


def _fold_notes(folding: Folding, n_folds: int) -> list[str]:
    kind = f"the values of {folding.leave_one_out}" if folding.leave_one_out else "disjoint sets of speakers"
    notes = [f"cross-validation over {n_folds} folds, {kind}: no model was trained on the speakers it scores"]
    if not folding.leave_one_out and n_folds < folding.n_folds:
        notes.append(f"{n_folds} folds instead of {folding.n_folds}: the smallest class has no more speakers")
    return notes


def _overlap_notes(folds: Sequence[FoldScores]) -> list[str]:
    n_trained = sum(scored.trained for fold in folds for scored in fold.recordings)
    if not n_trained:
        return []
    return [
        (
            f"{n_trained} recordings also occur under another speaker's name and trained the model that scored them: "
            "the results are better than on speaker-disjoint recordings"
        )
    ]


def _card(results: CrossValidation) -> dict[str, Any]:
    """Model card: what all models have in common, and the number of components of each."""
    models = {fold.name: fold.model for fold in results.folds}
    card = next(iter(models.values())).card
    return {
        "name": f"cross-validation of {len(models)} models",
        "corpus": Path(results.corpus.source).name,
        "settings": {name: value for name, value in card["settings"].items() if name != "n_components"},
        "components": {name: model.card["settings"]["n_components"] for name, model in models.items()},
        "front_ends": [asdict(front_end) for front_end in next(iter(models.values())).front_ends],
        "software": card["software"],
    }

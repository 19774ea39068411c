"""Cross-validation: every recording is answered by a model that has heard nothing of its speaker.

`crossvalidate` does the work: it divides the speakers into folds, reads everything once, and for each fold trains on
the others and scores the fold. `report_on_folds` makes a report of the answers, `auditing.audit` lists wrong labels.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechgmm.audio.reading import short_digest
from speechgmm.classifier.model import Model, Scores
from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.crossvalidation.folds import Fold, Folding, divide, is_of_others, without, without_splits
from speechgmm.errors import CorpusError
from speechgmm.evaluation.assess import Assessment
from speechgmm.evaluation.outcomes import Skipped
from speechgmm.evaluation.report import evaluate
from speechgmm.features.extraction import Failure, Utterance
from speechgmm.features.front_end import aligned
from speechgmm.progress import Progress, silent
from speechgmm.training.component_selection import Sizes, check_sizes
from speechgmm.training.material import Material, nonspeech_of, read_material
from speechgmm.training.options import TrainingOptions
from speechgmm.training.train import train_on
from speechgmm.workers.local import Executor, LocalExecutor

FOLD = "fold"
"""The column of the outcomes that names the fold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What the model of the other folds says of a recording.

    Attributes
    ----------
    recording : Recording
    scores : Scores
    heard : bool
        Whether the whole of its audio file trained that model nevertheless, under another speaker's name.
    """

    recording: Recording
    scores: Scores
    heard: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldAnswers:
    """A fold, and what the model of the others says of its recordings."""

    name: str
    model: Model
    answers: tuple[Answer, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossValidation:
    """What the models of a cross-validation say.

    Attributes
    ----------
    corpus : Corpus
        The recordings that took part, those of sounds that are no speech aside.
    folding : Folding
    folds : tuple of FoldAnswers
    failures : tuple of Failure
        Recordings that could not be read.
    notes : tuple of str
        What the user should know.
    """

    corpus: Corpus
    folding: Folding
    folds: tuple[FoldAnswers, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]


def crossvalidate(
    corpus: Corpus,
    *,
    folding: Folding = Folding(),
    options: TrainingOptions = TrainingOptions(),
    sizes: Sizes = (),
    workers: Executor = LocalExecutor(),
    channel: int | None = None,
    features: Path | None = None,
    checkpoint: Path | None = None,
    progress: Progress = silent,
) -> CrossValidation:
    """Train a model without each fold in turn, calibrate it on what it trained on, and score the fold.

    Parameters
    ----------
    corpus : Corpus
        Where it has splits, the recordings of train, dev and test take part, whatever their split is.
    folding : Folding
    options : TrainingOptions
        Their seed decides the folds too.
    sizes, workers, channel, features, checkpoint, watch
        As for `training.train`; the checkpoint has a folder for each fold. Everything is read once for all folds.

    Returns
    -------
    CrossValidation

    Raises
    ------
    CorpusError
        If there are fewer than two classes, or the values of the column to leave out share a speaker, or a recording
        has none, or one of them has all recordings of a class.
    TrainingError
        If a fold leaves a class too few speakers or too little speech.
    OptionError, CheckpointError, OutputError
        As for `training.train`.
    """
    check_sizes(sizes, options)
    everything = without_splits(corpus)
    sounds = nonspeech_of(everything, options.nonspeech)
    voices = everything.select(lambda recording: recording.label != options.nonspeech)
    folds = divide(voices, folding, options.seed)
    material = read_material(
        voices, sounds, options, workers=workers, channel=channel, features=features, progress=progress
    )
    answered: list[FoldAnswers] = []
    for fold in progress(folds, total=len(folds), what="folds"):
        training = train_on(
            material.of(functools.partial(is_of_others, fold)),
            without(voices, fold),
            options=options,
            sizes=sizes,
            workers=workers,
            checkpoint=checkpoint / f"fold-{len(answered) + 1}" if checkpoint else None,
        )
        answered.append(_answers(fold, training.model, material, options, workers))
    return CrossValidation(
        corpus=voices,
        folding=folding,
        folds=tuple(answered),
        failures=material.failures,
        notes=(*voices.notes, *_fold_notes(folding, len(folds)), *_overlap_notes(answered)),
    )


def report_on_folds(
    found: CrossValidation, *, by: Sequence[str] = (), n_resamples: int = 1000, seed: int = 0
) -> Assessment:
    """Report on the answers of all folds together, and on each.

    Parameters
    ----------
    found : CrossValidation
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
        If nothing could be read.
    CorpusError
        If the manifest has a column `FOLD` of its own: see `check_fold_column`.
    OptionError
        If no recording has a column of `by`.
    """
    check_fold_column(found.corpus, found.folding)
    outcomes = tuple(_outcome(answer, fold) for fold in found.folds for answer in fold.answers)
    report = evaluate(
        outcomes,
        classes=found.corpus.labels,
        skipped=[Skipped(path=failure.recording.name, reason=failure.reason) for failure in found.failures],
        notes=found.notes,
        model=_card(found),
        by=by,
        fold_column=FOLD,
        n_resamples=n_resamples,
        seed=seed,
    )
    return Assessment(report=report, outcomes=outcomes, failures=found.failures)


def check_fold_column(corpus: Corpus, folding: Folding) -> None:
    """Refuse a manifest whose own column `FOLD` would be lost; one that names the very folds is welcome.

    Raises
    ------
    CorpusError
    """
    if folding.leave_one_out != FOLD and any(FOLD in recording.columns for recording in corpus.recordings):
        raise CorpusError(
            f"{corpus.source}: its column {FOLD!r} would be replaced by the folds that are made here: rename it, or "
            "leave out its values in turn"
        )


def _answers(fold: Fold, model: Model, material: Material, options: TrainingOptions, workers: Executor) -> FoldAnswers:
    mine = material.of(lambda recording: not recording.augmentation and not is_of_others(fold, recording))
    views = list(zip(*mine.views, strict=True))
    scores = workers.compute(functools.partial(_score, model=model), views)
    digests = np.array([short_digest(view[0].digest) for view in views], dtype=np.uint64)
    known = np.isin(digests, model.training_digests)
    answers = tuple(
        Answer(recording=view[0].recording, scores=score, heard=bool(trained) and _is_whole(view[0].recording))
        for view, score, trained in zip(views, scores, known, strict=True)
    )
    return FoldAnswers(name=fold.name, model=model, answers=answers)


def _score(views: Sequence[Utterance], *, model: Model) -> Scores:
    return model.score_all(aligned((view.stretches() for view in views), model.front_ends))


def _is_whole(recording: Recording) -> bool:
    """Whether it is all of its file, and no stretch that others may stand beside."""
    return recording.start == 0 and recording.end is None


def _outcome(answer: Answer, fold: FoldAnswers) -> Outcome:
    recording, model = answer.recording, fold.model
    return Outcome(
        path=recording.name,
        truth=recording.label,
        speaker=recording.speaker,
        duration_s=model.front_end.duration_s(answer.scores.n_frames),
        decision=model.decide(answer.scores),
        start=recording.start,
        end=recording.end,
        columns={**recording.columns, FOLD: fold.name},
    )


def _fold_notes(folding: Folding, n_folds: int) -> list[str]:
    kind = f"the values of {folding.leave_one_out}" if folding.leave_one_out else "disjoint sets of speakers"
    notes = [f"cross-validation over {n_folds} folds, {kind}: each recording is answered by a model of the others"]
    if not folding.leave_one_out and n_folds < folding.n_folds:
        notes.append(f"{n_folds} folds instead of {folding.n_folds}: the smallest class has no more speakers")
    return notes


def _overlap_notes(folds: Sequence[FoldAnswers]) -> list[str]:
    n_heard = sum(answer.heard for fold in folds for answer in fold.answers)
    if not n_heard:
        return []
    return [
        f"{n_heard} recordings are also there under another speaker's name, and trained the models that answered them: "
        "the results are better than they would be on voices never heard"
    ]


def _card(found: CrossValidation) -> dict[str, Any]:
    """What the models have in common, and how many components each has."""
    models = {fold.name: fold.model for fold in found.folds}
    card = next(iter(models.values())).card
    return {
        "name": f"cross-validation of {len(models)} models",
        "corpus": Path(found.corpus.source).name,
        "settings": {name: value for name, value in card["settings"].items() if name != "n_components"},
        "components": {name: model.card["settings"]["n_components"] for name, model in models.items()},
        "front_ends": [asdict(front_end) for front_end in next(iter(models.values())).front_ends],
        "software": card["software"],
    }

"""Training: from labelled recordings to a model. This is the place that walks through all the rooms."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from speechgmm.classifier.model import Model
from speechgmm.corpus.recording import Corpus, Recording, require_classes
from speechgmm.corpus.speakers import speaker_folds, speaker_of
from speechgmm.errors import TrainingError
from speechgmm.features.extraction import Failure, Utterance
from speechgmm.features.front_end import aligned
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.checkpoint import Journal
from speechgmm.mixture.selection import SizeResult, choose
from speechgmm.progress import Progress, silent
from speechgmm.provenance import PACKAGES
from speechgmm.training.calibrate import Evidence, HeldOut, calibrate, gather
from speechgmm.training.card import training_card
from speechgmm.training.checkpoint import FolderJournal
from speechgmm.training.component_selection import Sizes, check_sizes, compare_sizes
from speechgmm.training.fitting import FittedStream, fit_model
from speechgmm.training.material import Material, nonspeech_of, read_material
from speechgmm.training.options import TrainingOptions
from speechgmm.workers.local import Executor, LocalExecutor, single_thread


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """A trained model and how it came about.

    Attributes
    ----------
    model : Model
    fitted : tuple of FittedStream
        How EM went in each stream.
    failures : tuple of Failure
        Recordings that could not be used.
    sizes : tuple of SizeResult
        The numbers of components that were compared, if any.
    """

    model: Model
    fitted: tuple[FittedStream, ...]
    failures: tuple[Failure, ...]
    sizes: tuple[SizeResult, ...] = ()


def train(
    corpus: Corpus,
    *,
    options: TrainingOptions = TrainingOptions(),
    sizes: Sizes = (),
    workers: Executor = LocalExecutor(),
    channel: int | None = None,
    features: Path | None = None,
    checkpoint: Path | None = None,
    about: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Training:
    """Train a model.

    The same corpus, options and seed give the identical model, whoever does the work.

    Parameters
    ----------
    corpus : Corpus
        Recordings of two or more classes. Its train split trains and its dev split calibrates. Without a dev split,
        the training speakers are held out in turn for that, by models of their own. Recordings of other splits
        are not touched; if the corpus has no splits at all, every recording is used.
    options : TrainingOptions
    sizes : sequence of int or "auto"
        Where there are any, the number of components is chosen among these (see `sizing.compare_sizes` and
        `selection.choose`) instead of taken from the options.
    workers : Executor
        Who does the work.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.
    features : Path, optional
        Folder that the features are kept in, for speech that does not fit in memory and for later trainings; in memory
        by default. See `store`.
    checkpoint : Path, optional
        Folder in which the fits are kept as they proceed: a training that was broken off goes on from there.
    about : mapping, optional
        What the model's card shall say besides what is known here: plain JSON values.
    progress : Progress
        Follows the progress.

    Returns
    -------
    Training

    Raises
    ------
    CorpusError
        If there are fewer than two classes.
    TrainingError
        If a class has too few speakers or too little speech.
    OptionError
        If one of the sizes is no possible number of components.
    CheckpointError
        If the checkpoint is another training's, or damaged.
    OutputError
        If features or checkpoint cannot be written.
    """
    check_sizes(sizes, options)
    sounds = nonspeech_of(corpus, options.nonspeech)
    corpus = for_training(corpus.select(lambda recording: recording.label != options.nonspeech))
    material = read_material(
        corpus, sounds, options, workers=workers, channel=channel, features=features, progress=progress
    )
    return train_on(
        material,
        corpus,
        options=options,
        sizes=sizes,
        workers=workers,
        checkpoint=checkpoint,
        about=about,
        progress=progress,
    )


@single_thread
def train_on(
    material: Material,
    corpus: Corpus,
    *,
    options: TrainingOptions,
    sizes: Sizes = (),
    workers: Executor = LocalExecutor(),
    checkpoint: Path | None = None,
    about: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> Training:
    """Train a model on what was read; parameters, result and errors otherwise as for `train`.

    Parameters
    ----------
    material : Material
        From `material.read_material`, or a part of it.
    corpus : Corpus
        Its recordings without the sounds that are no speech: see `for_training`.
    """
    require_speakers(corpus, material.usable, who="speaker with speech", failures=material.failures)
    journal = Journal()
    if checkpoint:
        journal = FolderJournal.of_training(checkpoint, _identity(material, options, sizes))
    spread = workers.compute
    tried: tuple[SizeResult, ...] = ()
    learnt = material.originals("train")[0]
    if sizes:
        tried = compare_sizes(
            learnt, corpus.labels, options, sizes=sizes, spread=spread, journal=journal, progress=progress
        )
        options = replace(options, n_components=choose(tried).n_components)
    fit_all = functools.partial(
        fit_model, labels=corpus.labels, options=options, nonspeech=material.nonspeech, spread=spread
    )
    model, fitted = fit_all(material.train_set, journal=journal.at("model"), progress=progress)
    held_out = material.originals("dev")
    evidence = (
        gather(model, _held_out(held_out, options.front_ends))
        if held_out[0]
        else _cross_gather(material.views, fit_all, options, journal, progress)
    )
    parts = {"train": learnt, "dev": held_out[0]}
    card = training_card(corpus, parts, fitted, options, nonspeech=material.nonspeech, sizes=tried)
    model = replace(calibrate(model, evidence), card={**(about or {}), **card}, training_digests=material.short_digests)
    return Training(model=model, fitted=fitted, failures=material.failures, sizes=tried)


def for_training(corpus: Corpus) -> Corpus:
    """The recordings of a corpus that training may touch: its train and dev splits, or all where it has no splits.

    Raises
    ------
    CorpusError
        If they are of fewer than two classes.
    TrainingError
        If a class has too few speakers: see `require_speakers`.
    """
    if any(recording.split is not None for recording in corpus.recordings):
        corpus = corpus.select(lambda recording: recording.split in ("train", "dev"))
    require_classes(corpus)
    require_speakers(corpus, corpus.recordings)
    return corpus


def require_speakers(
    corpus: Corpus, usable: Iterable[Recording], *, who: str = "speaker", failures: Sequence[Failure] = ()
) -> None:
    """Refuse recordings that leave a class nobody to train on, or nobody else to calibrate on.

    Parameters
    ----------
    corpus : Corpus
        What is trained on.
    usable : iterable of Recording
        Those of its recordings that count.
    who : str
        What to call their speakers.
    failures : sequence of Failure
        Recordings that were lost; the first of the class is named.

    Raises
    ------
    TrainingError
        If a class has no speaker in the train or the dev split, or, where there is no dev split, fewer than two.
    """
    speakers = {(recording.label, recording.split, speaker_of(recording)) for recording in usable}
    has_dev = any(recording.split == "dev" for recording in corpus.recordings)
    for label in corpus.labels:
        fault = _lack_of_speakers(Counter(split for name, split, _ in speakers if name == label), who, has_dev)
        if fault:
            lost = [failure.reason for failure in failures if failure.recording.label == label]
            why = f"; {len(lost)} of its recordings could not be used, the first: {lost[0]}" if lost else ""
            raise TrainingError(f"{corpus.source}: the class {label!r} has {fault}{why}")


def _lack_of_speakers(n_speakers: Counter[str | None], who: str, has_dev: bool) -> str:
    if has_dev:
        empty = [split for split in ("train", "dev") if not n_speakers[split]]
        return f"no {who} in the {empty[0]} split" if empty else ""
    if n_speakers.total() < 2:
        count = "one" if n_speakers else "no"
        return f"{count} {who}, but two are needed: one to train and another to calibrate"
    return ""


def _cross_gather(
    views: Sequence[Sequence[Utterance]],
    fit_all: Callable[..., tuple[Model, Any]],
    options: TrainingOptions,
    journal: Journal,
    progress: Progress,
) -> list[Evidence]:
    """What is said of each speaker by a model that was trained without them."""
    folds = speaker_folds((each.recording for each in views[0]), options.folds, options.seed)
    evidence: list[Evidence] = []
    for number, fold in enumerate(progress(folds, total=len(folds), what="holding out speakers"), start=1):
        kept = [[each for each in view if speaker_of(each.recording) not in fold] for view in views]
        held_out = [
            [each for each in view if speaker_of(each.recording) in fold and not each.recording.augmentation]
            for view in views
        ]
        model, _ = fit_all(kept, journal=journal.at(f"fold-{number}"))
        evidence += gather(model, _held_out(held_out, options.front_ends))
    return evidence


def _held_out(views: Sequence[Sequence[Utterance]], front_ends: Sequence[FrontEndOptions]) -> Iterator[HeldOut]:
    for each in zip(*views, strict=True):
        recording = each[0].recording
        stretches = tuple(aligned((view.stretches() for view in each), front_ends))
        yield HeldOut(label=recording.label, speaker=speaker_of(recording), stretches=stretches)


def _identity(material: Material, options: TrainingOptions, sizes: Sizes) -> dict[str, str]:
    """What the result of a training depends on, for its checkpoint."""
    recordings = hashlib.sha256()
    for each in (*material.views[0], *material.nonspeech):
        recording = each.recording
        who = (recording.label, speaker_of(recording), recording.split, recording.value_of(options.balance_by))
        what = (each.digest, recording.start, recording.end, recording.augmentation, each.n_speech)
        recordings.update(repr((who, what)).encode(errors="surrogateescape"))
    return {
        "options": repr(options),
        "sizes": repr(sizes if sizes == "auto" else tuple(sizes)),
        "recordings": recordings.hexdigest(),
        "software": " ".join(f"{package} {metadata.version(package)}" for package in PACKAGES),
    }

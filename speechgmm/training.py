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

import numpy as np

from speechgmm.card import PACKAGES, training_card
from speechgmm.checkpoint import FolderJournal
from speechgmm.decision.heldout import Evidence, HeldOut, calibrate, gather
from speechgmm.decision.model import Model
from speechgmm.errors import TrainingError
from speechgmm.extraction import Failure, Utterance, extract
from speechgmm.fitting import fit_model
from speechgmm.mixture.em import Fit
from speechgmm.mixture.journal import Journal
from speechgmm.mixture.selection import SizeResult, choose
from speechgmm.mixture.shards import Spread
from speechgmm.options import TrainingOptions
from speechgmm.parallel import LocalWorkers, Workers, one_thread
from speechgmm.progress import Watch, unwatched
from speechgmm.recordings.audio import short_digest
from speechgmm.recordings.recording import Corpus, Recording, require_classes
from speechgmm.recordings.splitting import speaker_folds, speaker_of
from speechgmm.sizing import Sizes, check_sizes, compare_sizes
from speechgmm.store import FeatureStore


@dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """A trained model and how it came about.

    Attributes
    ----------
    model : Model
    fits : mapping of str to Fit
        How EM went for each class.
    failures : tuple of Failure
        Recordings that could not be used.
    sizes : tuple of SizeResult
        The numbers of components that were compared, if any.
    """

    model: Model
    fits: Mapping[str, Fit[Any]]
    failures: tuple[Failure, ...]
    sizes: tuple[SizeResult, ...] = ()


@one_thread()
def train(
    corpus: Corpus,
    *,
    options: TrainingOptions = TrainingOptions(),
    sizes: Sizes = (),
    workers: Workers = LocalWorkers(),
    channel: int | None = None,
    features: Path | None = None,
    checkpoint: Path | None = None,
    about: Mapping[str, Any] | None = None,
    watch: Watch = unwatched,
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
    workers : Workers
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
    watch : Watch
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
    corpus = for_training(corpus)
    utterances, failures = _extract_all(corpus, options, workers, channel, features, watch)
    usable = [each.recording for each in utterances if each.n_speech]
    require_speakers(corpus, usable, who="speaker with speech", failures=failures)
    train_set = [each for each in utterances if each.recording.split != "dev"]
    dev_set = [each for each in utterances if each.recording.split == "dev"]
    journal = FolderJournal.of_training(checkpoint, _identity(utterances, options, sizes)) if checkpoint else Journal()
    spread = workers.compute
    tried = (
        compare_sizes(train_set, corpus.labels, options, sizes=sizes, spread=spread, journal=journal, watch=watch)
        if sizes
        else ()
    )
    if tried:
        options = replace(options, n_components=choose(tried).n_components)
    model, fits, background = fit_model(
        train_set, corpus.labels, options, spread=spread, journal=journal.at("model"), watch=watch
    )
    evidence = (
        gather(model, _held_out(dev_set))
        if dev_set
        else _cross_gather(train_set, corpus, options, spread, journal, watch)
    )
    card = training_card(
        corpus, {"train": train_set, "dev": dev_set}, fits, options, background=background, sizes=tried
    )
    model = replace(
        calibrate(model, evidence),
        card={**(about or {}), **card},
        training_digests=np.unique(np.array([short_digest(each.digest) for each in utterances], dtype=np.uint64)),
    )
    return Training(model=model, fits=fits, failures=tuple(failures), sizes=tried)


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


def _extract_all(
    corpus: Corpus,
    options: TrainingOptions,
    workers: Workers,
    channel: int | None,
    features: Path | None,
    watch: Watch,
) -> tuple[list[Utterance], list[Failure]]:
    work: Callable[[Recording], Utterance | Failure]
    if features is None:
        work = functools.partial(extract, front_end=options.front_end, channel=channel)
    else:
        work = FeatureStore(folder=features, front_end=options.front_end, channel=channel).fetch
    results = workers.read(work, corpus.recordings)
    utterances: list[Utterance] = []
    failures: list[Failure] = []
    for result in watch(results, total=len(corpus.recordings), what="reading recordings"):
        if isinstance(result, Utterance):
            utterances.append(result)
        else:
            failures.append(result)
    return utterances, failures


def _cross_gather(
    utterances: Sequence[Utterance],
    corpus: Corpus,
    options: TrainingOptions,
    spread: Spread,
    journal: Journal,
    watch: Watch,
) -> list[Evidence]:
    """What is said of each speaker by a model that was trained without them."""
    folds = speaker_folds((each.recording for each in utterances), options.folds, options.seed)
    evidence: list[Evidence] = []
    for number, fold in enumerate(watch(folds, total=len(folds), what="holding out speakers"), start=1):
        kept = [each for each in utterances if speaker_of(each.recording) not in fold]
        model, _, _ = fit_model(kept, corpus.labels, options, spread=spread, journal=journal.at(f"fold-{number}"))
        evidence += gather(model, _held_out(each for each in utterances if speaker_of(each.recording) in fold))
    return evidence


def _held_out(utterances: Iterable[Utterance]) -> Iterator[HeldOut]:
    for each in utterances:
        yield HeldOut(label=each.recording.label, speaker=speaker_of(each.recording), stretches=tuple(each.stretches()))


def _identity(utterances: Sequence[Utterance], options: TrainingOptions, sizes: Sizes) -> dict[str, str]:
    """What the result of a training depends on, for its checkpoint."""
    recordings = hashlib.sha256()
    for each in utterances:
        recording = each.recording
        said = (each.digest, recording.start, recording.end, recording.label, speaker_of(recording), recording.split)
        recordings.update(repr((said, each.n_speech)).encode(errors="surrogateescape"))
    return {
        "options": repr(options),
        "sizes": repr(sizes if sizes == "auto" else tuple(sizes)),
        "recordings": recordings.hexdigest(),
        "software": " ".join(f"{package} {metadata.version(package)}" for package in PACKAGES),
    }

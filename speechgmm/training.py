"""Training: from labelled recordings to a model. This is the place that walks through all the rooms."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from speechgmm.card import training_card
from speechgmm.decision.heldout import Evidence, HeldOut, calibrate, gather
from speechgmm.decision.model import Model
from speechgmm.errors import TrainingError
from speechgmm.extraction import Failure, Utterance, extract
from speechgmm.fitting import fit_model
from speechgmm.mixture.em import Fit
from speechgmm.mixture.selection import SizeResult, choose
from speechgmm.options import TrainingOptions
from speechgmm.parallel import one_thread, ordered_map
from speechgmm.progress import Watch, unwatched
from speechgmm.recordings.recording import Corpus, Recording, require_classes
from speechgmm.recordings.splitting import speaker_folds, speaker_of
from speechgmm.sizing import Sizes, check_sizes, compare_sizes


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
    fits: Mapping[str, Fit]
    failures: tuple[Failure, ...]
    sizes: tuple[SizeResult, ...] = ()


@one_thread()
def train(
    corpus: Corpus,
    *,
    options: TrainingOptions = TrainingOptions(),
    sizes: Sizes = (),
    jobs: int = 1,
    channel: int | None = None,
    about: Mapping[str, Any] | None = None,
    watch: Watch = unwatched,
) -> Training:
    """Train a model.

    The same corpus, options and seed give the identical model, whatever `jobs` is.

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
    jobs : int
        Workers; negative counts down from the number of cores.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.
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
    """
    check_sizes(sizes, options)
    corpus = for_training(corpus)
    utterances, failures = _extract_all(corpus, options, jobs, channel, watch)
    usable = [each.recording for each in utterances if each.n_speech]
    require_speakers(corpus, usable, who="speaker with speech", failures=failures)
    train_set = [each for each in utterances if each.recording.split != "dev"]
    dev_set = [each for each in utterances if each.recording.split == "dev"]
    tried = compare_sizes(train_set, corpus.labels, options, sizes=sizes, jobs=jobs, watch=watch) if sizes else ()
    if tried:
        options = replace(options, n_components=choose(tried).n_components)
    model, fits, background = fit_model(train_set, corpus.labels, options, jobs=jobs, watch=watch)
    evidence = gather(model, _held_out(dev_set)) if dev_set else _cross_gather(train_set, corpus, options, jobs, watch)
    card = training_card(
        corpus, {"train": train_set, "dev": dev_set}, fits, options, background=background, sizes=tried
    )
    model = replace(
        calibrate(model, evidence),
        card={**(about or {}), **card},
        training_digests=np.unique(np.array([each.digest for each in utterances], dtype=np.uint64)),
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
    corpus: Corpus, options: TrainingOptions, jobs: int, channel: int | None, watch: Watch
) -> tuple[list[Utterance], list[Failure]]:
    work = functools.partial(extract, front_end=options.front_end, channel=channel)
    results = ordered_map(work, corpus.recordings, jobs=jobs)
    utterances: list[Utterance] = []
    failures: list[Failure] = []
    for result in watch(results, total=len(corpus.recordings), what="reading recordings"):
        if isinstance(result, Utterance):
            utterances.append(result)
        else:
            failures.append(result)
    return utterances, failures


def _cross_gather(
    utterances: Sequence[Utterance], corpus: Corpus, options: TrainingOptions, jobs: int, watch: Watch
) -> list[Evidence]:
    """What is said of each speaker by a model that was trained without them."""
    folds = speaker_folds((each.recording for each in utterances), options.folds, options.seed)
    evidence: list[Evidence] = []
    for fold in watch(folds, total=len(folds), what="holding out speakers"):
        kept = [each for each in utterances if speaker_of(each.recording) not in fold]
        model, _, _ = fit_model(kept, corpus.labels, options, jobs=jobs)
        evidence += gather(model, _held_out(each for each in utterances if speaker_of(each.recording) in fold))
    return evidence


def _held_out(utterances: Iterable[Utterance]) -> list[HeldOut]:
    return [
        HeldOut(label=each.recording.label, speaker=speaker_of(each.recording), stretches=each.stretches)
        for each in utterances
    ]

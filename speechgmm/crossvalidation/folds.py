"""Folds for cross-validation: how the recordings of a corpus are divided so that no speaker is on two sides."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

from speechgmm.corpus.recording import Corpus, Recording, require_classes
from speechgmm.corpus.speakers import speaker_folds, speaker_of
from speechgmm.errors import CorpusError, OptionError
from speechgmm.training.train import require_speakers

PUT_TOGETHER = ("train", "dev", "test")


@dataclass(frozen=True, kw_only=True)
class Folding:
    """How recordings are divided into folds; no speaker is in two of them.

    Attributes
    ----------
    n_folds : int
        Folds of speakers, 2 or more; no more are made than the smallest class has speakers.
    leave_one_out : str
        A column of the manifest, such as the corpus: each of its values is a fold instead.
    """

    n_folds: int = 5
    leave_one_out: str = ""

    def __post_init__(self) -> None:
        if self.n_folds < 2:
            raise OptionError(f"n_folds is {self.n_folds}, but it must be 2 or more")


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Speakers who are held out together, as `speaker_of` names them."""

    name: str
    speakers: frozenset[str]


def without_splits(corpus: Corpus) -> Corpus:
    """The recordings that take part, as if they had no splits: cross-validation makes its own."""
    if all(recording.split is None for recording in corpus.recordings):
        return corpus
    taken = corpus.select(lambda recording: recording.split in PUT_TOGETHER)
    n_left = len(corpus.recordings) - len(taken.recordings)
    left = f"; {n_left} recordings of another split, or of none, are left out" if n_left else ""
    return replace(
        taken,
        recordings=tuple(replace(recording, split=None) for recording in taken.recordings),
        left_out=(*taken.left_out, f"the splits {', '.join(PUT_TOGETHER)} are put together and divided anew{left}"),
    )


def divide(corpus: Corpus, folding: Folding, seed: int) -> tuple[Fold, ...]:
    """Divide the speakers of a corpus without splits, and make sure that each fold leaves enough to train on.

    Parameters
    ----------
    corpus : Corpus
    folding : Folding
    seed : int
        Of folds of speakers.

    Returns
    -------
    tuple of Fold

    Raises
    ------
    CorpusError, TrainingError
        As for `crossvalidate`.
    """
    require_classes(corpus)
    require_speakers(corpus, corpus.recordings)
    if folding.leave_one_out:
        folds = _values(corpus, folding.leave_one_out)
    else:
        found = speaker_folds(corpus.recordings, folding.n_folds, seed)
        folds = tuple(Fold(name=str(number), speakers=fold) for number, fold in enumerate(found, start=1))
    for fold in folds:
        rest = without(corpus, fold)
        lost = sorted({*corpus.labels} - {*rest.labels})
        if lost:
            raise CorpusError(f"{rest.source}: there are no recordings of the class {lost[0]!r} to train on")
        require_speakers(rest, rest.recordings)
    return folds


def without(corpus: Corpus, fold: Fold) -> Corpus:
    """The recordings of the other folds."""
    rest = corpus.select(functools.partial(is_of_others, fold))
    return replace(rest, source=f"{corpus.source} without fold {fold.name}")


def is_of_others(fold: Fold, recording: Recording) -> bool:
    """Whether a recording is of a speaker outside the fold."""
    return speaker_of(recording) not in fold.speakers


def _values(corpus: Corpus, column: str) -> tuple[Fold, ...]:
    """A fold for each value of a column, in the order they are met."""
    speakers: dict[str, set[str]] = {}
    homes: dict[str, str] = {}
    for recording in corpus.recordings:
        value, speaker = recording.value_of(column), speaker_of(recording)
        if not value:
            raise CorpusError(
                f"{corpus.source}: {recording.name} has no {column}, but each recording needs one to be left out by"
            )
        if homes.setdefault(speaker, value) != value:
            raise CorpusError(
                f"{corpus.source}: a split by {column} leaks a speaker: {speaker!r} has recordings with "
                f"{column}={homes[speaker]} and {column}={value}"
            )
        speakers.setdefault(value, set()).add(speaker)
    if len(speakers) < 2:
        raise CorpusError(
            f"{corpus.source}: all recordings have {column}={next(iter(speakers))}, but two values are needed"
        )
    return tuple(Fold(name=value, speakers=frozenset(names)) for value, names in speakers.items())

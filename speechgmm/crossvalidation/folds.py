"""Speaker-disjoint folds for cross-validation."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

from speechgmm.argument_checks import conform_fields
from speechgmm.corpus.recording import Corpus, Recording, require_classes
from speechgmm.corpus.speakers import speaker_folds, speaker_of
from speechgmm.errors import CorpusError, OptionError
from speechgmm.training.recordings import require_speakers

MERGED_SPLITS = ("train", "dev", "test")


@dataclass(frozen=True, kw_only=True)
class Folding:
    """Division of a corpus into speaker-disjoint folds.

    Attributes
    ----------
    n_folds : int
        Number of folds, 2 or more; at most the number of speakers of the smallest class.
    leave_one_out : str
        A column of the manifest, such as the corpus. Each of its values is a fold, and `n_folds` is not used.
    """

    n_folds: int = 5
    leave_one_out: str = ""

    def __post_init__(self) -> None:
        conform_fields(self)
        if self.n_folds < 2:
            raise OptionError(f"n_folds is {self.n_folds}, but it must be 2 or more")


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Speakers that are held out together, as named by `speaker_of`."""

    name: str
    speakers: frozenset[str]


def without_splits(corpus: Corpus) -> Corpus:
    """The recordings of the train, dev and test splits, without their splits."""
    if all(recording.split is None for recording in corpus.recordings):
        return corpus
    merged = corpus.select(lambda recording: recording.split in MERGED_SPLITS)
    n_left = len(corpus.recordings) - len(merged.recordings)
    left = f"; {n_left} recordings of another split, or of none, are left out" if n_left else ""
    return replace(
        merged,
        recordings=tuple(replace(recording, split=None) for recording in merged.recordings),
        left_out=(*merged.left_out, f"the splits {', '.join(MERGED_SPLITS)} are put together and divided anew{left}"),
    )


def divide(corpus: Corpus, folding: Folding, seed: int) -> tuple[Fold, ...]:
    """Divide the speakers of a corpus without splits; check that the corpus without each fold can be trained on.

    Parameters
    ----------
    corpus : Corpus
    folding : Folding
    seed : int
        Of the random folds.

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
        folds = _column_folds(corpus, folding.leave_one_out)
    else:
        groups = speaker_folds(corpus.recordings, folding.n_folds, seed)
        folds = tuple(Fold(name=str(number), speakers=group) for number, group in enumerate(groups, start=1))
    for fold in folds:
        rest = without(corpus, fold)
        lost = sorted({*corpus.labels} - {*rest.labels})
        if lost:
            raise CorpusError(f"{rest.source}: there are no recordings of the class {lost[0]!r} to train on")
        require_speakers(rest, rest.recordings)
    return folds


def without(corpus: Corpus, fold: Fold) -> Corpus:
    """The recordings of the other folds."""
    rest = corpus.select(functools.partial(is_outside, fold))
    return replace(rest, source=f"{corpus.source} without fold {fold.name}")


def is_outside(fold: Fold, recording: Recording) -> bool:
    """Whether the speaker of a recording is not in the fold."""
    return speaker_of(recording) not in fold.speakers


def _column_folds(corpus: Corpus, column: str) -> tuple[Fold, ...]:
    """A fold per value of a column, in the order of their first recordings."""
    speakers_by_value: dict[str, set[str]] = {}
    value_by_speaker: dict[str, str] = {}
    for recording in corpus.recordings:
        value, speaker = recording.value_of(column), speaker_of(recording)
        if not value:
            raise CorpusError(
                f"{corpus.source}: {recording.name} has no {column}, but every recording needs one: fill in the column"
            )
        if value_by_speaker.setdefault(speaker, value) != value:
            raise CorpusError(
                f"{corpus.source}: a split by {column} leaks a speaker: {speaker!r} has recordings with "
                f"{column}={value_by_speaker[speaker]} and {column}={value}"
            )
        speakers_by_value.setdefault(value, set()).add(speaker)
    if len(speakers_by_value) < 2:
        raise CorpusError(
            f"{corpus.source}: all recordings have {column}={next(iter(speakers_by_value))}, but two values are needed"
        )
    return tuple(Fold(name=value, speakers=frozenset(names)) for value, names in speakers_by_value.items())

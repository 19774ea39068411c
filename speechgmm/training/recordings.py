"""The recordings a training may use: train and dev splits, speakers enough in each class, non-speech apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from speechgmm.corpus.recording import Corpus, Recording, require_classes
from speechgmm.corpus.speakers import speaker_of
from speechgmm.errors import CorpusError, TrainingError
from speechgmm.features.extraction import Failure


@dataclass(frozen=True, kw_only=True)
class TrainingRecordings:
    """What a training reads.

    Attributes
    ----------
    voices : Corpus
        Recordings of two or more classes, of the train and dev splits or all without splits.
    nonspeech : tuple of Recording
        Recordings of non-speech; empty where rejection is not trained.
    """

    voices: Corpus
    nonspeech: tuple[Recording, ...]


def training_recordings(corpus: Corpus, nonspeech_label: str) -> TrainingRecordings:
    """Choose the recordings of a corpus that training may use: its train and dev splits, or all without splits.

    Parameters
    ----------
    corpus : Corpus
    nonspeech_label : str
        The class of the recordings of non-speech; empty for none.

    Returns
    -------
    TrainingRecordings

    Raises
    ------
    CorpusError
        If there are fewer than two classes, or no recordings of non-speech to train on.
    TrainingError
        If a class has too few speakers: see `require_speakers`.
    """
    voices, nonspeech = part_nonspeech(corpus, nonspeech_label)
    if _has_splits(voices):
        voices = voices.select(lambda recording: recording.split in ("train", "dev"))
    require_classes(voices)
    require_speakers(voices, voices.recordings)
    return TrainingRecordings(voices=voices, nonspeech=nonspeech)


def part_nonspeech(corpus: Corpus, nonspeech_label: str) -> tuple[Corpus, tuple[Recording, ...]]:
    """Part the voices of a corpus, of any split, from the recordings of non-speech that may train.

    Parameters
    ----------
    corpus : Corpus
    nonspeech_label : str
        The class of the recordings of non-speech; empty for none.

    Returns
    -------
    voices : Corpus
    nonspeech : tuple of Recording

    Raises
    ------
    CorpusError
        If the class has no recordings that may train.
    """
    if not nonspeech_label:
        return corpus, ()
    all_may_train = not _has_splits(corpus)
    nonspeech = tuple(
        recording
        for recording in corpus.recordings
        if recording.label == nonspeech_label and (all_may_train or recording.split == "train")
    )
    if not nonspeech:
        raise CorpusError(
            f"{corpus.source}: the non-speech class {nonspeech_label!r} has no recordings to train on: give some "
            "(in the train split, if the corpus has splits), or do not name a non-speech class"
        )
    return corpus.select(lambda recording: recording.label != nonspeech_label), nonspeech


def require_speakers(
    corpus: Corpus, usable: Iterable[Recording], *, who: str = "speaker", failures: Sequence[Failure] = ()
) -> None:
    """Refuse recordings that leave a class without a speaker to train on, or without another one to calibrate on.

    Parameters
    ----------
    corpus : Corpus
        What is trained on.
    usable : iterable of Recording
        Those of its recordings that count.
    who : str
        What to call their speakers in the message.
    failures : sequence of Failure
        Recordings that could not be used; the first of the class is named.

    Raises
    ------
    TrainingError
        If a class has no speaker in the train or the dev split, or, without a dev split, fewer than two.
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
        remedy = "give it some, or name the class with --nonspeech if its recordings are non-speech"
        return f"no {who} in the {empty[0]} split: {remedy}" if empty else ""
    if n_speakers.total() < 2:
        count = "one" if n_speakers else "no"
        return f"{count} {who}, but two are needed: one to train and another to calibrate"
    return ""


def _has_splits(corpus: Corpus) -> bool:
    return any(recording.split is not None for recording in corpus.recordings)

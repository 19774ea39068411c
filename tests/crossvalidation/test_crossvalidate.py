"""Cross-validation: nobody is answered by a model that has heard them, and the report adds the folds up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechgmm.classifier.classify import classify_recording
from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.corpus.speakers import speaker_of
from speechgmm.crossvalidation.crossvalidate import FOLD, CrossValidation, crossvalidate, report_on_folds
from speechgmm.crossvalidation.folds import Folding, divide, without_splits
from speechgmm.errors import CorpusError, OptionError, TrainingError
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.training.options import TrainingOptions
from speechgmm.training.train import train

SMALL = TrainingOptions(n_components=2, folds=2, em=EMOptions(max_iterations=2))


def corpus_of(*rows: tuple[str, str | None, str]) -> Corpus:
    """Recordings of (label, speaker, room) that no one reads."""
    recordings = [
        Recording(file=Path(f"{i}.wav"), name=f"{i}.wav", label=label, speaker=speaker, columns={"room": room})
        for i, (label, speaker, room) in enumerate(rows)
    ]
    return Corpus(source="c.csv", recordings=tuple(recordings))


ROOMS = corpus_of(*((label, f"{label}{i}", "abc"[i // 2]) for label in ("f", "m") for i in range(6) for _ in range(2)))


@pytest.fixture(scope="module")
def corpus(voices: Path) -> Corpus:
    """The synthetic voices, in rooms of two speakers a class."""
    found = read_corpus(voices)
    names = sorted({speaker_of(each) for each in found.recordings})
    rooms = {name: f"room {names.index(name) % 3}" for name in names}
    return replace(
        found, recordings=tuple(replace(each, columns={"room": rooms[speaker_of(each)]}) for each in found.recordings)
    )


@pytest.fixture(scope="module")
def found(corpus: Corpus) -> CrossValidation:
    """Three folds of speakers."""
    return crossvalidate(corpus, folding=Folding(n_folds=3), options=SMALL)


def test_folds_divide_the_speakers() -> None:
    """Each speaker is in one fold, and each fold has speakers of both classes."""
    folds = divide(ROOMS, Folding(n_folds=3), seed=4)
    assert [fold.name for fold in folds] == ["1", "2", "3"]
    assert [len(fold.speakers) for fold in folds] == [4, 4, 4]
    assert frozenset().union(*(fold.speakers for fold in folds)) == {speaker_of(each) for each in ROOMS.recordings}
    assert folds != divide(ROOMS, Folding(n_folds=3), seed=5)


def test_folds_are_the_values_of_a_column() -> None:
    """With a column to leave out, each of its values is a fold, in the order they come."""
    folds = divide(ROOMS, Folding(leave_one_out="room"), seed=0)
    assert [fold.name for fold in folds] == ["a", "b", "c"]
    assert folds[1].speakers == {"f2", "f3", "m2", "m3"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("f", "f0", "b")], "c.csv: a split by room leaks a speaker: 'f0' has recordings with room=a and room=b"),
        ([("f", "new", "")], "c.csv: 24.wav has no room, but each recording needs one to be left out by"),
        (
            [("x", "x1", "a"), ("x", "x2", "a")],
            "c.csv without fold a: there are no recordings of the class 'x' to train on",
        ),
    ],
)
def test_columns_that_divide_badly_are_refused(rows: list[tuple[str, str | None, str]], said: str) -> None:
    """A speaker in two values, a recording without a value, a class with no other value: the error names them."""
    corpus = corpus_of(*((each.label, each.speaker, each.columns["room"]) for each in ROOMS.recordings), *rows)
    with pytest.raises(CorpusError) as caught:
        divide(corpus, Folding(leave_one_out="room"), seed=0)
    assert str(caught.value) == said


def test_a_column_of_one_value_is_refused() -> None:
    """There would be nothing left to train on."""
    corpus = corpus_of(*((each.label, each.speaker, "a") for each in ROOMS.recordings))
    with pytest.raises(CorpusError, match=r"^c\.csv: all recordings have room=a, but two values are needed$"):
        divide(corpus, Folding(leave_one_out="room"), seed=0)


def test_too_few_speakers_are_refused_before_the_work() -> None:
    """Without a fold, each class needs two speakers, as in any training."""
    few = ROOMS.select(lambda each: each.speaker in ("f0", "f1", "m0", "m1", "m2"))
    with pytest.raises(
        TrainingError, match=r"^c\.csv without fold 1: the class 'f' has one speaker, but two are needed"
    ):
        divide(few, Folding(n_folds=3), seed=0)


def test_one_class_is_refused() -> None:
    """As in any training."""
    with pytest.raises(CorpusError, match="2 or more classes are needed, found f"):
        divide(ROOMS.select(lambda each: each.label == "f"), Folding(), seed=0)


def test_folding_out_of_range() -> None:
    """One fold leaves nothing to train on."""
    with pytest.raises(OptionError, match="n_folds is 1, but it must be 2 or more"):
        Folding(n_folds=1)


def test_splits_are_put_together() -> None:
    """Train, dev and test take part without their splits, others do not, and a note says so."""
    splits = ("train", "dev", "test", "other", None, "train")
    recordings = tuple(replace(each, split=split) for each, split in zip(ROOMS.recordings, splits, strict=False))
    joined = without_splits(replace(ROOMS, recordings=recordings, left_out=("x",)))
    assert [each.name for each in joined.recordings] == ["0.wav", "1.wav", "2.wav", "5.wav"]
    assert {each.split for each in joined.recordings} == {None}
    assert joined.left_out == (
        "x",
        "the splits train, dev, test are put together and divided anew; 2 recordings of another split, or of none, are "
        "left out",
    )
    assert without_splits(ROOMS) is ROOMS


def test_each_recording_is_answered_once_by_a_model_without_its_speaker(corpus: Corpus, found: CrossValidation) -> None:
    """The digests of a fold's recordings are none of those its model was trained or calibrated on."""
    names = [answer.recording.name for fold in found.folds for answer in fold.answers]
    assert sorted(names) == sorted(each.name for each in corpus.recordings)
    assert not any(answer.heard for fold in found.folds for answer in fold.answers)
    for fold in found.folds:
        mine = {speaker_of(answer.recording) for answer in fold.answers}
        assert len(fold.model.training_digests) == len(corpus.recordings) - len(fold.answers)
        assert not mine & {
            speaker_of(each.recording) for other in found.folds if other != fold for each in other.answers
        }


def test_a_fold_is_what_training_and_classifying_would_give(corpus: Corpus, found: CrossValidation) -> None:
    """The model of a fold is the one that `train` makes of the others, and its answers are those of the recordings."""
    fold = found.folds[1]
    mine = {speaker_of(answer.recording) for answer in fold.answers}
    model = train(corpus.select(lambda each: speaker_of(each) not in mine), options=SMALL).model
    assert model.calibration == fold.model.calibration
    np.testing.assert_array_equal(model.streams[0].mixtures[0].means, fold.model.streams[0].mixtures[0].means)
    for answer in fold.answers[:3]:
        expected = classify_recording(answer.recording, model=model)
        assert isinstance(expected, Outcome)
        assert fold.model.decide(answer.scores) == expected.decision


def test_the_report_is_of_all_folds_together(corpus: Corpus, found: CrossValidation) -> None:
    """Counts of the folds add up, outcomes name their fold, and columns of the manifest serve as ever."""
    assessment = report_on_folds(found, by=["room"], n_resamples=20, seed=1)
    report = assessment.report
    assert report.n_utterances == len(corpus.recordings) == sum(fold.n_utterances for fold in report.folds)
    assert report.n_correct == sum(fold.n_correct for fold in report.folds)
    assert [fold.name for fold in report.folds] == ["1", "2", "3"]
    assert {outcome.columns[FOLD] for outcome in assessment.outcomes} == {"1", "2", "3"}
    assert {group.name for group in report.by_column["room"]} == {"room 0", "room 1", "room 2"}
    assert report.fold_spread["uar"].minimum == min(fold.uar for fold in report.folds)
    assert report.notes == (
        "cross-validation over 3 folds, disjoint sets of speakers: each recording is answered by a model of the others",
    )
    assert report.model["name"] == "cross-validation of 3 models"
    assert report.model["components"] == {"1": 2, "2": 2, "3": 2}


def test_features_on_disk_change_nothing(corpus: Corpus, found: CrossValidation, tmp_path: Path) -> None:
    """Features in a folder, and checkpoints in one for each fold, give the same answers."""
    again = crossvalidate(
        corpus,
        folding=Folding(n_folds=3),
        options=SMALL,
        features=tmp_path / "features",
        checkpoint=tmp_path / "checkpoint",
    )
    first, second = (report_on_folds(each, n_resamples=2).report for each in (again, found))
    assert (first.confusion, first.eer, first.cllr) == (second.confusion, second.eer, second.cllr)
    assert sorted(each.name for each in (tmp_path / "checkpoint").iterdir()) == ["fold-1", "fold-2", "fold-3"]


def test_values_left_out_in_turn(corpus: Corpus) -> None:
    """Each room is answered by a model of the other rooms, whose recordings it names."""
    found = crossvalidate(corpus, folding=Folding(leave_one_out="room"), options=SMALL)
    for fold in found.folds:
        assert {answer.recording.columns["room"] for answer in fold.answers} == {fold.name}
    assert found.notes == (
        "cross-validation over 3 folds, the values of room: each recording is answered by a model of the others",
    )


def test_fewer_folds_than_asked_for_are_said(corpus: Corpus) -> None:
    """No more folds than the smallest class has speakers."""
    few = corpus.select(lambda each: speaker_of(each)[-1] in "123")
    found = crossvalidate(few, options=SMALL)
    assert "3 folds instead of 5: the smallest class has no more speakers" in found.notes


def test_a_recording_under_two_names_is_said(corpus: Corpus) -> None:
    """The same audio of two speakers trains the model that answers it: counted, and said."""
    one = next(each for each in corpus.recordings if each.label == "female")
    twins = tuple(replace(one, name=f"twin{i}", speaker=f"twin{i}") for i in range(3))
    found = crossvalidate(
        replace(corpus, recordings=(*corpus.recordings, *twins)), folding=Folding(n_folds=3), options=SMALL
    )
    n_heard = sum(answer.heard for fold in found.folds for answer in fold.answers)
    assert n_heard >= 2
    assert found.notes[-1].startswith(f"{n_heard} recordings are also there under another speaker's name")


def test_sounds_that_are_no_speech_train_every_fold(corpus: Corpus) -> None:
    """They are in no fold and are not answered, and each model rejects what is like them."""
    sounds = tuple(
        replace(each, label="none", name=f"sound {i}", speaker=None) for i, each in enumerate(corpus.recordings[:3])
    )
    found = crossvalidate(
        replace(corpus, recordings=(*corpus.recordings, *sounds)),
        folding=Folding(n_folds=2),
        options=replace(SMALL, nonspeech="none"),
    )
    assert found.corpus.labels == ("female", "male")
    assert all(fold.model.rejection is not None for fold in found.folds)
    assert sum(len(fold.answers) for fold in found.folds) == len(corpus.recordings)


def test_copies_train_and_are_not_answered(corpus: Corpus) -> None:
    """Recordings through another channel train where they are wanted; a fold is judged by the recordings alone."""
    moved = replace(SMALL, mmi=MMIOptions(steps=2, batch=4, channel_share=0.5))
    found = crossvalidate(corpus, folding=Folding(n_folds=2), options=moved)
    names = [answer.recording.name for fold in found.folds for answer in fold.answers]
    assert sorted(names) == sorted(each.name for each in corpus.recordings)


def test_what_cannot_be_read_is_a_failure(corpus: Corpus, tmp_path: Path) -> None:
    """A broken file is named once and listed in the report; the others are answered."""
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"")
    bad = replace(corpus.recordings[0], file=broken, name="broken.wav")
    found = crossvalidate(
        replace(corpus, recordings=(bad, *corpus.recordings[1:])), folding=Folding(n_folds=2), options=SMALL
    )
    report = report_on_folds(found, n_resamples=2).report
    assert [failure.recording.name for failure in found.failures] == ["broken.wav"]
    assert [one.path for one in report.skipped] == ["broken.wav"]
    assert report.n_utterances == len(corpus.recordings) - 1


def test_a_column_called_fold_is_refused(found: CrossValidation) -> None:
    """It would be replaced, unless it names the very folds."""
    named = [replace(each, columns={FOLD: "x"}) for each in found.corpus.recordings]
    clash = replace(found, corpus=replace(found.corpus, source="c.csv", recordings=tuple(named)))
    with pytest.raises(
        CorpusError, match=r"^c\.csv: its column 'fold' would be replaced by the folds that are made here"
    ):
        report_on_folds(clash)
    assert report_on_folds(replace(clash, folding=Folding(leave_one_out=FOLD)), n_resamples=2).report.folds

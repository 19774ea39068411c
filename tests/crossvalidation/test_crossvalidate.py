"""Cross-validation: models are speaker-disjoint from the recordings that they score; the report is over all folds."""

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
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.training.folder_checkpoint import FolderCheckpoint
from speechgmm.training.recipe import Augmentation, Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.train import train

SMALL = Recipe(n_components=2, calibration_folds=2, em=EMOptions(max_iterations=2))


def corpus_of(*rows: tuple[str, str | None, str]) -> Corpus:
    """Recordings of (label, speaker, room), without audio files."""
    recordings = [
        Recording(file=Path(f"{i}.wav"), name=f"{i}.wav", label=label, speaker=speaker, columns={"room": room})
        for i, (label, speaker, room) in enumerate(rows)
    ]
    return Corpus(source="c.csv", recordings=tuple(recordings))


ROOMS = corpus_of(*((label, f"{label}{i}", "abc"[i // 2]) for label in ("f", "m") for i in range(6) for _ in range(2)))


@pytest.fixture(scope="module")
def corpus(voices: Path) -> Corpus:
    """The synthetic voices, in rooms of two speakers per class."""
    plain = read_corpus(voices)
    names = sorted({speaker_of(each) for each in plain.recordings})
    rooms = {name: f"room {names.index(name) % 3}" for name in names}
    return replace(
        plain, recordings=tuple(replace(each, columns={"room": rooms[speaker_of(each)]}) for each in plain.recordings)
    )


@pytest.fixture(scope="module")
def results(corpus: Corpus) -> CrossValidation:
    """Three folds of speakers."""
    return crossvalidate(corpus, Run(recipe=SMALL), folding=Folding(n_folds=3))


def test_folds_divide_the_speakers() -> None:
    """Each speaker is in one fold, and each fold has speakers of both classes."""
    folds = divide(ROOMS, Folding(n_folds=3), seed=4)
    assert [fold.name for fold in folds] == ["1", "2", "3"]
    assert [len(fold.speakers) for fold in folds] == [4, 4, 4]
    assert frozenset().union(*(fold.speakers for fold in folds)) == {speaker_of(each) for each in ROOMS.recordings}
    assert folds != divide(ROOMS, Folding(n_folds=3), seed=5)


def test_folds_are_the_values_of_a_column() -> None:
    """With `leave_one_out`, each value of the column is a fold, in order of first occurrence."""
    folds = divide(ROOMS, Folding(leave_one_out="room"), seed=0)
    assert [fold.name for fold in folds] == ["a", "b", "c"]
    assert folds[1].speakers == {"f2", "f3", "m2", "m3"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("f", "f0", "b")], "c.csv: a split by room leaks a speaker: 'f0' has recordings with room=a and room=b"),
        ([("f", "new", "")], "c.csv: 24.wav has no room, but every recording needs one: fill in the column"),
        (
            [("x", "x1", "a"), ("x", "x2", "a")],
            "c.csv without fold a: there are no recordings of the class 'x' to train on",
        ),
    ],
)
def test_columns_that_divide_badly_are_refused(rows: list[tuple[str, str | None, str]], message: str) -> None:
    """A speaker with two values, a recording without a value, a class with only one value: the error names them."""
    corpus = corpus_of(*((each.label, each.speaker, each.columns["room"]) for each in ROOMS.recordings), *rows)
    with pytest.raises(CorpusError) as caught:
        divide(corpus, Folding(leave_one_out="room"), seed=0)
    assert str(caught.value) == message


def test_a_column_of_one_value_is_refused() -> None:
    """Nothing would remain for training."""
    corpus = corpus_of(*((each.label, each.speaker, "a") for each in ROOMS.recordings))
    with pytest.raises(CorpusError, match=r"^c\.csv: all recordings have room=a, but two values are needed$"):
        divide(corpus, Folding(leave_one_out="room"), seed=0)


def test_too_few_speakers_are_refused_before_the_work() -> None:
    """Without any fold, each class needs two speakers, as in every training."""
    few = ROOMS.select(lambda each: each.speaker in ("f0", "f1", "m0", "m1", "m2"))
    with pytest.raises(
        TrainingError, match=r"^c\.csv without fold 1: the class 'f' has one speaker, but two are needed"
    ):
        divide(few, Folding(n_folds=3), seed=0)


def test_one_class_is_refused() -> None:
    """Two classes are needed, as in every training."""
    with pytest.raises(CorpusError, match="2 or more classes are needed, found f"):
        divide(ROOMS.select(lambda each: each.label == "f"), Folding(), seed=0)


def test_folding_out_of_range() -> None:
    """Two or more folds are needed."""
    with pytest.raises(OptionError, match="n_folds is 1, but it must be 2 or more"):
        Folding(n_folds=1)


def test_splits_are_merged() -> None:
    """The train, dev and test splits are merged, other recordings are left out, and a note says so."""
    splits = ("train", "dev", "test", "other", None, "train")
    recordings = tuple(replace(each, split=split) for each, split in zip(ROOMS.recordings, splits, strict=False))
    merged = without_splits(replace(ROOMS, recordings=recordings, left_out=("x",)))
    assert [each.name for each in merged.recordings] == ["0.wav", "1.wav", "2.wav", "5.wav"]
    assert {each.split for each in merged.recordings} == {None}
    assert merged.left_out == (
        "x",
        (
            "the splits train, dev, test are put together and divided anew; 2 recordings of another split, or of none, "
            "are left out"
        ),
    )
    assert without_splits(ROOMS) is ROOMS


def test_each_recording_is_scored_once_by_a_speaker_disjoint_model(corpus: Corpus, results: CrossValidation) -> None:
    """The model of a fold was not trained or calibrated on recordings of the speakers in the fold."""
    names = [scored.recording.name for fold in results.folds for scored in fold.recordings]
    assert sorted(names) == sorted(each.name for each in corpus.recordings)
    assert not any(scored.trained for fold in results.folds for scored in fold.recordings)
    for fold in results.folds:
        speakers = {speaker_of(scored.recording) for scored in fold.recordings}
        assert len(fold.model.training_digests) == len(corpus.recordings) - len(fold.recordings)
        assert not speakers & {
            speaker_of(each.recording) for other in results.folds if other != fold for each in other.recordings
        }


def test_a_fold_equals_separate_training_and_classification(corpus: Corpus, results: CrossValidation) -> None:
    """The model of a fold is that of `train` on the other folds; its decisions are those of `classify_recording`."""
    fold = results.folds[1]
    speakers = {speaker_of(scored.recording) for scored in fold.recordings}
    model = train(corpus.select(lambda each: speaker_of(each) not in speakers), Run(recipe=SMALL)).model
    assert model.calibration == fold.model.calibration
    mixture, expected = model.streams[0].mixtures[0], fold.model.streams[0].mixtures[0]
    assert isinstance(mixture, DiagonalMixture)
    assert isinstance(expected, DiagonalMixture)
    np.testing.assert_array_equal(mixture.means, expected.means)
    for scored in fold.recordings[:3]:
        outcome = classify_recording(scored.recording, model=model)
        assert isinstance(outcome, Outcome)
        assert fold.model.decide(scored.scores) == outcome.decision


def test_the_report_is_over_all_folds(corpus: Corpus, results: CrossValidation) -> None:
    """Totals are sums over the folds, outcomes have a fold, and results can be broken down by manifest columns."""
    assessment = report_on_folds(results, by=["room"], n_resamples=20, seed=1)
    report = assessment.report
    assert report.n_utterances == len(corpus.recordings) == sum(fold.n_utterances for fold in report.folds)
    assert report.n_correct == sum(fold.n_correct for fold in report.folds)
    assert [fold.name for fold in report.folds] == ["1", "2", "3"]
    assert {outcome.columns[FOLD] for outcome in assessment.outcomes} == {"1", "2", "3"}
    assert {group.name for group in report.by_column["room"]} == {"room 0", "room 1", "room 2"}
    assert report.fold_spread["uar"].minimum == min(fold.uar for fold in report.folds)
    assert report.notes == (
        "cross-validation over 3 folds, disjoint sets of speakers: no model was trained on the speakers it scores",
    )
    assert report.model["name"] == "cross-validation of 3 models"
    assert report.model["components"] == {"1": 2, "2": 2, "3": 2}


def test_features_on_disk_give_the_same_results(corpus: Corpus, results: CrossValidation, tmp_path: Path) -> None:
    """A feature folder and a checkpoint folder do not change the results. The checkpoint has a part per fold."""
    again = crossvalidate(
        corpus,
        Run(recipe=SMALL, feature_folder=tmp_path / "features", checkpoint=FolderCheckpoint(tmp_path / "checkpoint")),
        folding=Folding(n_folds=3),
    )
    first, second = (report_on_folds(each, n_resamples=2).report for each in (again, results))
    assert (first.confusion, first.eer, first.cllr) == (second.confusion, second.eer, second.cllr)
    assert sorted(each.name for each in (tmp_path / "checkpoint").iterdir()) == ["fold-1", "fold-2", "fold-3"]


def test_values_of_a_column_are_held_out(corpus: Corpus) -> None:
    """The recordings of each room are scored by a model of the other rooms."""
    results = crossvalidate(corpus, Run(recipe=SMALL), folding=Folding(leave_one_out="room"))
    for fold in results.folds:
        assert {scored.recording.columns["room"] for scored in fold.recordings} == {fold.name}
    assert results.notes == (
        "cross-validation over 3 folds, the values of room: no model was trained on the speakers it scores",
    )


def test_a_smaller_number_of_folds_is_noted(corpus: Corpus) -> None:
    """The number of folds is at most the number of speakers of the smallest class."""
    few = corpus.select(lambda each: speaker_of(each)[-1] in "123")
    results = crossvalidate(few, Run(recipe=SMALL))
    assert "3 folds instead of 5: the smallest class has no more speakers" in results.notes


def test_a_recording_of_two_speakers_is_noted(corpus: Corpus) -> None:
    """If the same audio has two speakers, it trains the model that scores it. A note gives the number."""
    original = next(each for each in corpus.recordings if each.label == "female")
    twins = tuple(replace(original, name=f"twin{i}", speaker=f"twin{i}") for i in range(3))
    results = crossvalidate(
        replace(corpus, recordings=(*corpus.recordings, *twins)), Run(recipe=SMALL), folding=Folding(n_folds=3)
    )
    n_trained = sum(scored.trained for fold in results.folds for scored in fold.recordings)
    assert n_trained >= 2
    assert results.notes[-1].startswith(f"{n_trained} recordings also occur under another speaker's name")


def test_nonspeech_trains_every_fold(corpus: Corpus) -> None:
    """Non-speech is in no fold and is not scored. Every model has a non-speech model."""
    sounds = tuple(
        replace(each, label="none", name=f"sound {i}", speaker=None) for i, each in enumerate(corpus.recordings[:3])
    )
    results = crossvalidate(
        replace(corpus, recordings=(*corpus.recordings, *sounds)),
        Run(recipe=replace(SMALL, nonspeech="none")),
        folding=Folding(n_folds=2),
    )
    assert results.corpus.labels == ("female", "male")
    assert all(fold.model.nonspeech is not None for fold in results.folds)
    assert sum(len(fold.recordings) for fold in results.folds) == len(corpus.recordings)


def test_augmented_recordings_are_not_scored(corpus: Corpus) -> None:
    """Augmented recordings are used for training only. The scores are of the original recordings."""
    options = replace(SMALL, mmi=MMIOptions(iterations=2), augmentation=Augmentation(channel_share=0.5))
    results = crossvalidate(corpus, Run(recipe=options), folding=Folding(n_folds=2))
    names = [scored.recording.name for fold in results.folds for scored in fold.recordings]
    assert sorted(names) == sorted(each.name for each in corpus.recordings)


def test_an_unreadable_recording_is_a_failure(corpus: Corpus, tmp_path: Path) -> None:
    """A broken file is listed once in the report, and the other recordings are scored."""
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"")
    bad = replace(corpus.recordings[0], file=broken, name="broken.wav")
    results = crossvalidate(
        replace(corpus, recordings=(bad, *corpus.recordings[1:])), Run(recipe=SMALL), folding=Folding(n_folds=2)
    )
    report = report_on_folds(results, n_resamples=2).report
    assert [failure.recording.name for failure in results.failures] == ["broken.wav"]
    assert [skipped.path for skipped in report.skipped] == ["broken.wav"]
    assert report.n_utterances == len(corpus.recordings) - 1


def test_a_column_called_fold_is_refused(results: CrossValidation) -> None:
    """The column would be overwritten, unless it defines the folds."""
    named = [replace(each, columns={FOLD: "x"}) for each in results.corpus.recordings]
    clash = replace(results, corpus=replace(results.corpus, source="c.csv", recordings=tuple(named)))
    with pytest.raises(
        CorpusError, match=r"^c\.csv: its column 'fold' would be replaced by the folds that are made here"
    ):
        report_on_folds(clash)
    assert report_on_folds(replace(clash, folding=Folding(leave_one_out=FOLD)), n_resamples=2).report.folds

"""Training: from recordings to a model, on synthetic voices."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import soundfile

import speechgmm
from speechgmm.audio.reading import digest
from speechgmm.classifier.model import Model
from speechgmm.classifier.model_file import load, save
from speechgmm.classifier.scorer import Scorer
from speechgmm.corpus import read_corpus, write_manifest
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.demo.synthesis import write_voices
from speechgmm.errors import CorpusError, TrainingError
from speechgmm.features.extraction import Failure, InMemory, InStreams, Utterance
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import SHARD_FRAMES
from speechgmm.training.calibrate import HeldOutScores, score_utterances
from speechgmm.training.fitting import FittedScorer, fit_background, fit_scorer, fit_stream
from speechgmm.training.heard_recordings import extract
from speechgmm.training.material import Material, StreamUtterances, read_material
from speechgmm.training.pooling import ClassUtterances, Piece, PooledShard, balance, pool, reference_mean
from speechgmm.training.recipe import Recipe
from speechgmm.training.recordings import require_speakers, training_recordings
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from speechgmm.workers.local import LocalExecutor

T = TypeVar("T")

SINGLE = 1e-5  # relative; EM on float32 frames works in single precision, which each processor rounds in its own way

SMALL = Recipe(n_components=2, calibration_folds=2, em=EMOptions(max_iterations=3))


def number_of(recording: Recording) -> int:
    """The number in a synthetic speaker's name."""
    assert recording.speaker is not None
    return int(recording.speaker[-2:])


def split(corpus: Corpus, split_of: Callable[[int], str | None]) -> Corpus:
    """Put the speakers of each class into splits by their number, and keep the first file of each."""
    recordings = (replace(each, split=split_of(number_of(each))) for each in corpus.recordings if "/01." in each.name)
    return replace(corpus, recordings=tuple(recordings))


def of_speakers(corpus: Corpus, *numbers: int) -> Corpus:
    """The first file of some speakers of each class."""
    return split(corpus, lambda _: None).select(lambda recording: number_of(recording) in numbers)


def same_mixtures(one: Model, other: Model) -> bool:
    return all(
        np.array_equal(getattr(mine, name), getattr(theirs, name))
        for stream, other_stream in zip(one.streams, other.streams, strict=True)
        for mine, theirs in zip(stream.mixtures, other_stream.mixtures, strict=True)
        for name in ("weights", "means", "variances")
    )


def utterance(speaker: str | None, n_frames: int, *, label: str = "low", value: float = 0.0) -> Utterance:
    """An utterance of steady frames."""
    frames = np.full((n_frames, 20), value, dtype=np.float32)
    name = f"{speaker}-{n_frames}.wav"
    recording = Recording(file=Path(name), name=name, label=label, speaker=speaker)
    halves = (Stretch(frames[: n_frames // 2], n_frames), Stretch(frames[n_frames // 2 :], n_frames))
    return Utterance.of(recording, halves, f"{n_frames:064x}")


@pytest.fixture(scope="module")
def corpus(voices: Path) -> Corpus:
    return read_corpus(voices)


@pytest.fixture
def own_corpus(voices: Path, tmp_path: Path) -> Corpus:
    """Three speakers a class, one file each, in files that a test may spoil."""
    shutil.copytree(voices, tmp_path / "voices")
    return of_speakers(read_corpus(tmp_path / "voices"), 1, 2, 3)


def spoil(recordings: Iterable[Recording]) -> None:
    for recording in recordings:
        recording.file.write_bytes(b"no sound at all")


def silence(recordings: Iterable[Recording]) -> None:
    for recording in recordings:
        soundfile.write(recording.file, np.zeros(16000), 16000)


def test_unheard_voices_are_told_apart(tiny_model: Model, tmp_path: Path) -> None:
    """A model trained on synthetic voices is right far more often than chance on synthetic voices it never heard."""
    write_voices(tmp_path, n_speakers=10, n_files=1, duration_s=2.5, seed=77)

    report = speechgmm.evaluate(tmp_path, tiny_model)

    assert report.n_decided == 20
    assert report.n_correct >= 16
    assert report.uar >= 0.8
    assert report.cllr < 0.9


def test_two_jobs_give_the_same_bytes(corpus: Corpus, tiny_model_file: Path, tmp_path: Path) -> None:
    """A model file does not depend on how many workers made it."""
    trained = train(corpus, Run(recipe=Recipe(n_components=4), executor=LocalExecutor(2)))

    save(trained.model, tmp_path / "two.npz")

    assert (tmp_path / "two.npz").read_bytes() == tiny_model_file.read_bytes()


def test_a_manifest_of_a_folder_gives_its_model(corpus: Corpus, tiny_model: Model, tmp_path: Path) -> None:
    """The same recordings by way of a manifest give the same mixtures and calibration."""
    write_manifest(corpus, tmp_path / "voices.csv")

    model = train(read_corpus(tmp_path / "voices.csv"), Run(recipe=Recipe(n_components=4))).model

    assert same_mixtures(model, tiny_model)
    assert model.calibration == tiny_model.calibration
    assert model.min_likelihood == tiny_model.min_likelihood


def test_each_split_has_its_part(own_corpus: Corpus) -> None:
    """The train split alone makes the mixtures, the dev split calibrates, and the test split is not touched."""
    own_corpus = split(
        read_corpus(Path(own_corpus.source)), lambda number: ["train", "dev", "test", "other"][number % 4]
    )
    spoil(each for each in own_corpus.recordings if each.split in ("test", "other"))
    used = own_corpus.select(lambda each: each.split in ("train", "dev"))
    less = own_corpus.select(lambda each: each.split != "dev" or number_of(each) == 1)

    trained, with_less = train(own_corpus, Run(recipe=SMALL)), train(less, Run(recipe=SMALL))

    assert trained.failures == ()
    assert {part: amounts["male"]["speakers"] for part, amounts in trained.model.card["data"].items()} == {
        "train": 1,
        "dev": 2,
    }
    expected = sorted(int(digest(each.file)[:16], 16) for each in used.recordings)
    assert trained.model.training_digests.tolist() == expected
    assert same_mixtures(trained.model, with_less.model)
    assert trained.model.calibration != with_less.model.calibration


def test_which_recordings_training_may_touch(corpus: Corpus) -> None:
    """Without splits all, with splits those of train and dev; what has no split is then left out."""
    assert training_recordings(of_speakers(corpus, 1, 2), "").voices == of_speakers(corpus, 1, 2)

    mixed = split(corpus, {1: "train", 2: "dev", 3: "test", 4: "other"}.get)

    assert {(number_of(each), each.split) for each in training_recordings(mixed, "").voices.recordings} == {
        (1, "train"),
        (2, "dev"),
    }


def test_a_talkative_speaker_does_not_own_a_class() -> None:
    """All frames of a speaker together weigh at most four times those of the median speaker."""
    utterances = [utterance("a", 600), utterance("a", 400), utterance("b", 100), utterance("c", 50)]

    balanced = balance("low", utterances, SMALL)

    assert balanced.weights == pytest.approx((0.4, 0.4, 1.0, 1.0))
    assert balanced.utterances == tuple(utterances)
    assert balance("low", utterances, replace(SMALL, speaker_share=0.5)).weights == pytest.approx((0.05, 0.05, 0.5, 1))


def test_unnamed_recordings_and_silence_are_balanced_too() -> None:
    """A recording without speaker is a speaker of its own, and one without speech is no speaker at all."""
    utterances = [utterance(None, 1000), utterance(None, 100), utterance(None, 60), utterance("mute", 0)]

    assert balance("low", utterances, SMALL).weights == pytest.approx((0.4, 1.0, 1.0, 1.0))


def test_classes_count_the_same_in_the_reference_mean() -> None:
    """The reference is the mean of the classes' means, each weighted as its mixture is."""
    low = balance(
        "low", [utterance("a", 1000, value=8.0), utterance("b", 50, value=0.0)], replace(SMALL, speaker_share=0.1)
    )
    high = balance("high", [utterance("c", 100, value=-2.0)], SMALL)

    # The median of 1000 and 50 frames is 525, so a speaker weighs 52.5 frames at most.
    expected = (52.5 * 8.0 / (52.5 + 50) - 2.0) / 2
    np.testing.assert_allclose(reference_mean([low, high]), np.full(20, expected))


def test_frames_are_normalised_before_they_are_fitted() -> None:
    """Each stretch's mean is moved as the front end's options say, toward the reference; each frame has its weight."""
    data = balance("low", [utterance("a", 100, value=9.0), utterance("b", 10, value=-1.0)], SMALL)

    (moved,) = pool([data], np.full(20, 2.5), FrontEndOptions(cepstral_mean="utterance"), LocalExecutor())
    (kept,) = pool([data], np.full(20, 2.5), FrontEndOptions(cepstral_mean="none"), LocalExecutor())

    np.testing.assert_allclose(moved.frames(), np.full((110, 20), 2.5))
    np.testing.assert_array_equal(kept.frames()[:, 0], [9.0] * 100 + [-1.0] * 10)
    np.testing.assert_array_equal(moved.weights(), np.repeat(data.weights, [100, 10]))


class Place(InMemory):
    """Frames in a place that has a name."""

    name = ""

    def describe(self) -> str:
        return self.name


def test_a_frame_is_found_where_it_came_from() -> None:
    """Each row of a shard is told the place of its own piece, the first and the last row of each included."""
    places = [Place(np.zeros((n, 2), dtype=np.float32)) for n in (3, 2)]
    for place, name in zip(places, "ab", strict=True):
        object.__setattr__(place, "name", name)
    shard = PooledShard(tuple(Piece(place, 0, len(place.frames), None, 1.0) for place in places))
    assert [shard.describe(row) for row in range(5)] == ["a", "a", "a", "b", "b"]


@pytest.mark.parametrize("lengths", [(70_000,), (32_768, 5), (10_000, 30_000, 30_000), (1, 32_767, 32_768)])
def test_shards_are_full_whatever_the_utterances_are(lengths: tuple[int, ...]) -> None:
    """All shards but the last have the same size, and together they hold every frame once, in order."""
    utterances = []
    for number, length in enumerate(lengths):
        recording = Recording(file=Path("a.wav"), name="a.wav", label="low", speaker=str(number))
        frames = (1000 * number + np.linspace(0.0, 1.0, 20 * length).reshape(length, 20)).astype(np.float32)
        halves = [Stretch(frames[: length // 3], length), Stretch(frames[length // 3 :], length)]
        utterances.append(Utterance.of(recording, halves, "0"))
    data = ClassUtterances("low", tuple(utterances), tuple(1.0 + number for number in range(len(lengths))))

    shards = pool([data], np.zeros(20), FrontEndOptions(cepstral_mean="none"), LocalExecutor()).shards

    expected = np.concatenate([stretch.frames for each in utterances for stretch in each.stretches()])
    assert {shard.n_frames for shard in shards[:-1]} <= {SHARD_FRAMES}
    assert 0 < shards[-1].n_frames <= SHARD_FRAMES
    np.testing.assert_array_equal(np.concatenate([shard.frames() for shard in shards]), expected)
    weights = np.concatenate([shard.weights() for shard in shards])
    np.testing.assert_array_equal(weights, np.repeat(data.weights, lengths))


def test_classes_count_the_same_in_the_background() -> None:
    """With one component the background's mean is the mean of the classes' weighted means, whatever their sizes."""
    low = ClassUtterances("low", (utterance("a", 30, value=4.0), utterance("b", 30, value=1.0)), (1.0, 0.5))
    high = ClassUtterances("high", (utterance("c", 500, label="high", value=-5.0),), (1.0,))
    options = replace(SMALL, n_components=1, front_end=FrontEndOptions(cepstral_mean="none"))

    background = fit_background([low, high], np.zeros(20), options.front_end, Run(recipe=options))

    np.testing.assert_allclose(background.best.mixture.means, np.full((1, 20), (3.0 - 5.0) / 2), rtol=SINGLE)


def test_every_class_starts_from_the_background() -> None:
    """The first log-likelihood of each fit is the background's, and weights go into it and into the mixture."""
    options = replace(SMALL, n_components=1, speaker_share=0.1, front_end=FrontEndOptions(cepstral_mean="none"))
    utterances = [utterance("a", 1000, value=1.0), utterance("b", 50), utterance("c", 100, label="high", value=-2.0)]
    classes = [balance("low", utterances[:2], options), balance("high", utterances[2:], options)]
    background = fit_background(classes, np.zeros(20), options.front_end, Run(recipe=options))

    fitted = fit_stream(utterances, ["low", "high"], options.front_end, Run(recipe=options))

    for label, each in zip(["low", "high"], classes, strict=True):
        (shard,) = pool([each], np.zeros(20), options.front_end, LocalExecutor())
        expected = np.average(background.best.mixture.log_likelihoods(shard.frames()), weights=shard.weights())
        assert fitted.fits[label].log_likelihoods[0] == pytest.approx(expected)
    # The median of 1000 and 50 frames is 525, so a speaker weighs 52.5 frames at most.
    low = fitted.stream.mixtures[0]
    assert isinstance(low, DiagonalMixture)
    np.testing.assert_allclose(low.means, np.full((1, 20), 52.5 / (52.5 + 50)), rtol=SINGLE)


def test_too_little_speech_is_an_error() -> None:
    """The class, what it has and what it needs are named."""
    with pytest.raises(TrainingError) as caught:
        balance("low", [utterance("a", 100), utterance("b", 83)], replace(SMALL, n_components=64))

    assert str(caught.value) == (
        "the class 'low' has 1.8 s of speech to train on, but 64 components need 6.4 s: "
        "give more speech or fewer components"
    )


def test_too_little_speech_for_a_fold_is_said_before_the_work(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The speech of both speakers of a class suffices, that of one, which the calibration needs, does not."""
    two = of_speakers(corpus, 1, 2)
    material = read_material(training_recordings(two, ""), Run(recipe=SMALL))
    most = min(
        sum(each.n_speech for each in material.streams[0] if each.recording.label == label) for label in two.labels
    )
    monkeypatch.setattr("speechgmm.training.train.fitter", lambda *_: pytest.fail("the work was started"))
    with pytest.raises(
        TrainingError, match=r"^the class '\w+' has .* s of speech to train on, but \d+ components need"
    ):
        train(two, Run(recipe=replace(SMALL, n_components=int(most / SMALL.em.min_occupancy))))


def test_one_class_is_no_task(corpus: Corpus) -> None:
    """Two classes are needed, after the splits are chosen."""
    with pytest.raises(CorpusError, match=r"voices: 2 or more classes are needed, found male$"):
        train(corpus.select(lambda each: each.label == "male"), Run())
    with pytest.raises(CorpusError, match=r"voices: 2 or more classes are needed, found none$"):
        train(split(corpus, lambda _: "test"), Run())


def test_a_class_of_one_speaker_is_refused_before_anything_is_read(corpus: Corpus) -> None:
    """One speaker cannot both train and calibrate; files are not even looked for."""
    one = corpus.select(lambda each: each.label == "female" or number_of(each) == 1)
    absent = replace(one, recordings=tuple(replace(each, file=Path("absent.wav")) for each in one.recordings))

    with pytest.raises(TrainingError) as caught:
        train(absent, Run())

    assert str(caught.value) == (
        f"{corpus.source}: the class 'male' has one speaker, but two are needed: one to train and another to calibrate"
    )


@pytest.mark.parametrize("lacking", ["train", "dev"])
def test_every_class_needs_speakers_in_both_splits(corpus: Corpus, lacking: str) -> None:
    """Where there is a dev split, each class must have someone there and someone in the train split."""
    splits = split(corpus, lambda number: "train" if number < 4 else "dev")
    faulty = splits.select(lambda each: each.label == "female" or each.split != lacking)

    with pytest.raises(
        TrainingError, match=rf"voices: the class 'male' has no speaker in the {lacking} split: give it some, or name"
    ):
        training_recordings(faulty, "")


def test_unreadable_recordings_are_reported_and_left_out(own_corpus: Corpus) -> None:
    """Training goes on with the others, as if the faulty ones were not there."""
    faulty = [each for each in own_corpus.recordings if each.name.endswith("f03/01.wav")]
    spoil(faulty)

    trained = train(own_corpus, Run(recipe=SMALL))

    assert [failure.recording for failure in trained.failures] == faulty
    assert trained.failures[0].reason.startswith(f"{faulty[0].file}: it is not audio that can be read")
    assert trained.model.card["data"]["train"]["female"]["speakers"] == 2
    assert len(trained.model.training_digests) == 5


def test_a_class_that_is_lost_is_named_with_a_reason(own_corpus: Corpus) -> None:
    """Where no file of a class can be read, the error says which class, how many files, and why the first failed."""
    males = [each for each in own_corpus.recordings if each.label == "male"]
    spoil(males)

    with pytest.raises(TrainingError) as caught:
        train(own_corpus, Run(recipe=SMALL))

    assert str(caught.value).startswith(
        f"{own_corpus.source}: the class 'male' has no speaker with speech, but two are needed: one to train and "
        f"another to calibrate; 3 of its recordings could not be used, the first: {males[0].file}: it is not audio"
    )


def test_speakers_who_are_silent_do_not_count(own_corpus: Corpus) -> None:
    """A class of which only one speaker says something cannot be calibrated, and it is that class that is named."""
    silence(each for each in own_corpus.recordings if each.label == "male" and number_of(each) > 1)

    with pytest.raises(TrainingError) as caught:
        train(own_corpus, Run(recipe=SMALL))

    assert str(caught.value) == (
        f"{own_corpus.source}: the class 'male' has one speaker with speech, but two are needed: "
        "one to train and another to calibrate"
    )


def test_a_dev_split_that_is_lost_is_not_made_up_for(own_corpus: Corpus) -> None:
    """If nothing of the dev split can be read, training does not go on without it."""
    own_corpus = split(own_corpus, lambda number: "train" if number < 3 else "dev")
    spoil(each for each in own_corpus.recordings if each.split == "dev")

    with pytest.raises(
        TrainingError, match=r"the class 'female' has no speaker with speech in the dev split: .*; 1 of its"
    ):
        train(own_corpus, Run(recipe=SMALL))


def test_losses_of_other_classes_are_not_blamed(corpus: Corpus) -> None:
    """The reason given is of the class that lacks speakers."""
    recordings = of_speakers(corpus, 1, 2).recordings
    failures = [Failure(recording=each, reason=f"{each.name} is bad") for each in recordings if each.label == "female"]
    usable = [each for each in recordings if each.label == "female"]

    with pytest.raises(TrainingError, match=r"the class 'male' has no speaker, but two are needed: .* calibrate$"):
        require_speakers(replace(corpus, recordings=recordings), usable, failures=failures)


def test_nobody_calibrates_the_mixtures_they_trained(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a dev split every speaker is scored once, by mixtures of others."""
    fitted: list[set[str | None]] = []
    scored: list[set[str | None]] = []

    def watching_fit(material: Material, run: Run) -> FittedScorer:
        fitted.append({each.recording.speaker for each in material.streams[0]})
        return fit_scorer(material, run)

    def watching_score(scorer: Scorer, streams: StreamUtterances, balance_by: str) -> list[HeldOutScores]:
        scored.append({each.recording.speaker for each in streams[0]})
        return score_utterances(scorer, streams, balance_by)

    monkeypatch.setattr("speechgmm.training.fitting.fit_scorer", watching_fit)
    monkeypatch.setattr("speechgmm.training.calibrate.score_utterances", watching_score)
    four = of_speakers(corpus, 1, 2, 3, 4)
    everybody = {each.speaker for each in four.recordings}

    train(four, Run(recipe=SMALL))

    whole, *parts = fitted
    assert whole == everybody
    assert len(parts) == len(scored) == SMALL.calibration_folds
    for known, unknown in zip(parts, scored, strict=True):
        assert known | unknown == everybody
        assert not known & unknown
    assert sorted(name for each in scored for name in filter(None, each)) == sorted(filter(None, everybody))


def test_progress_is_told(corpus: Corpus) -> None:
    """Each long loop goes through the watch, with its length."""
    seen: list[tuple[str, int | None, int]] = []

    def progress(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
        taken = list(items)
        seen.append((what, total, len(taken)))
        return taken

    train(of_speakers(corpus, 1, 2), Run(recipe=SMALL, progress=progress))

    assert seen == [("reading recordings", 4, 4), ("fitting mixtures", 2, 2), ("holding out speakers", 2, 2)]


def test_three_classes_work_to_the_end(corpus: Corpus, tmp_path: Path) -> None:
    """A third class is trained, saved, loaded, decided and evaluated like the others."""
    four = of_speakers(corpus, 1, 2, 3, 4)
    third = replace(
        four,
        recordings=tuple(
            replace(each, label="low") if each.label == "male" and number_of(each) > 2 else each
            for each in four.recordings
        ),
    )

    save(train(third, Run(recipe=SMALL)).model, tmp_path / "three.npz")
    model = load(tmp_path / "three.npz")
    report = speechgmm.evaluate(third, model)
    decision = speechgmm.classify(four.recordings[0].file, model=model)

    assert model.labels == report.classes == ("female", "low", "male")
    assert report.n_utterances == 8
    assert [each.target for each in report.detection] == ["female", "low", "male"]
    assert decision.label in model.labels
    assert sum(decision.probabilities.values()) == pytest.approx(1.0)
    assert decision.probability == max(decision.probabilities.values())


def test_the_card_has_numbers_and_nobody_in_it(tiny_model: Model, voices: Path) -> None:
    """The card says how much of what trained the model and how, but no speaker's name and no path."""
    card = tiny_model.card
    text = json.dumps(dict(card))

    assert card["corpus"] == "voices"
    assert list(card["data"]) == ["train"]
    for label in ("female", "male"):
        amounts = card["data"]["train"][label]
        assert (amounts["recordings"], amounts["speakers"]) == (12, 6)
        assert 12 * 1.5 < amounts["speech_s"] < 12 * 3
        (stream,) = card["streams"]
        assert stream["fits"][label]["components"] == 4
        assert stream["fits"][label]["family"] == "gaussian"
        assert stream["front_end"] == asdict(tiny_model.front_end)
    assert card["settings"]["n_components"] == 4
    assert card["settings"]["calibration_folds"] == 5
    assert card["recordings_without_speaker"] == 0
    assert card["software"]["speechgmm"]
    assert "synthetic-" not in text
    assert str(voices.parent) not in text
    assert ".wav" not in text


def test_the_card_says_what_the_caller_says(corpus: Corpus) -> None:
    """Further entries are kept, but cannot contradict what is known; unnamed speakers are counted."""
    two = of_speakers(corpus, 1, 2)
    unnamed = replace(two, recordings=tuple(replace(each, speaker=None) for each in two.recordings))

    card = train(unnamed, Run(recipe=SMALL), about={"licence": "CC0", "corpus": "another"}).model.card

    assert card["licence"] == "CC0"
    assert card["corpus"] == "voices"
    assert card["recordings_without_speaker"] == 4
    assert card["data"]["train"]["male"]["speakers"] == 2


def test_a_stretch_of_a_recording_is_extracted_alone(corpus: Corpus) -> None:
    """Start and end of a recording are kept to, the channel too; the digest is of the file."""
    whole = corpus.recordings[0]

    extracted = extract(replace(whole, start=0.5, end=1.5), front_ends=[FrontEndOptions()])
    failure = extract(whole, front_ends=[FrontEndOptions()], channel=2)

    assert isinstance(extracted, InStreams)
    (utterance,) = extracted.utterances
    assert sum(stretch.n_frames for stretch in utterance.stretches()) == 98
    assert 0 < utterance.n_speech == sum(len(stretch.frames) for stretch in utterance.stretches()) <= 98
    assert utterance.digest == digest(whole.file)
    assert isinstance(failure, Failure)
    assert failure.reason == f"{whole.file}: there is no channel 2, expected 1 to 1"


def test_adaptation_begins_at_a_background_fitted_to_its_end() -> None:
    """Where classes are adapted, the background gets all iterations of EM instead of its own few."""
    rng = np.random.default_rng(0)
    classes = []
    for label in ("low", "high"):
        frames = rng.gamma(2.0, size=(500, 20)).astype(np.float32)
        recording = Recording(file=Path("a.wav"), name="a.wav", label=label)
        classes.append(ClassUtterances(label, (Utterance.of(recording, [Stretch(frames, 500)], "0"),), (1.0,)))
    options = Recipe(n_components=4, background_iterations=2, em=EMOptions(max_iterations=7, tolerance=0.0))

    free = fit_background(classes, np.zeros(20), options.front_end, Run(recipe=options))
    adapted = fit_background(classes, np.zeros(20), options.front_end, Run(recipe=replace(options, map_relevance=16.0)))

    assert (free.best.n_iterations, adapted.best.n_iterations) == (2, 7)

"""Held-out speakers: how their utterances are cut, weighed and turned into a calibration."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechgmm.augmentation.augment import CHANNEL, EFFORT
from speechgmm.classifier.calibration import Calibration
from speechgmm.classifier.model import DecisionOptions, Model
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.scorer import Scorer, Scores, Stream
from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.evaluation.detection import cllr
from speechgmm.features.extraction import Utterance
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.tied import TiedModels
from speechgmm.training.calibrate import (
    HeldOutScores,
    calibrate,
    cuts,
    held_out_answers,
    held_out_scores,
    min_likelihood,
    score_utterances,
)
from speechgmm.training.fitting import FittedScorer
from speechgmm.training.material import Material
from speechgmm.training.recipe import Augmentation, Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from tests.builders import unit_gaussian

SCORER = Scorer(
    labels=("high", "low"),
    streams=(
        Stream(
            front_end=FrontEndOptions(n_coefficients=1, cepstral_mean="none"),
            reference_mean=np.zeros(1),
            mixtures=(unit_gaussian(1.0), unit_gaussian(-1.0)),
        ),
    ),
)


def stretch(values: np.ndarray) -> Stretch:
    return Stretch(values.astype(np.float32)[:, np.newaxis], len(values) + 10)


def utterance(label: str, speaker: str, *stretches: Stretch) -> Utterance:
    recording = Recording(file=Path(f"{speaker}.wav"), name=f"{speaker}.wav", label=label, speaker=speaker)
    return Utterance.of(recording, stretches, "0")


def held_out(n_speakers: int, *, seed: int, n_frames: int = 300) -> list[Utterance]:
    """Speakers whose frames are normal around a mean of their own, and that around 0.5 or -0.5."""
    rng = np.random.default_rng(seed)
    return [
        utterance(
            label,
            f"{label}-{number}",
            stretch(centre + 0.5 * rng.standard_normal() + rng.standard_normal(n_frames)),
        )
        for label, centre in (("high", 0.5), ("low", -0.5))
        for number in range(n_speakers)
    ]


def scored(utterances: list[Utterance]) -> list[HeldOutScores]:
    return score_utterances(SCORER, [utterances])


def calibrated(utterances: list[Utterance]) -> Model:
    return calibrate(SCORER, scored(utterances), Recipe())


def cost(model: Model, utterances: list[Utterance]) -> float:
    """Cllr of the model's ratios for the first class."""
    ratios: dict[str, list[float]] = {"high": [], "low": []}
    for utterance in utterances:
        decision = model.decide(model.score_all((each,) for each in utterance.stretches()))
        ratios[utterance.recording.label].append(decision.log_likelihood_ratios["high"])
    return cllr(np.array(ratios["high"]), np.array(ratios["low"]))


def test_cuts_are_a_few_pieces_of_each_shorter_length() -> None:
    """Three neighbouring pieces of each length at most, fewer where the stretch is too short, none as long as it."""
    pieces = [piece for (piece,) in cuts([[stretch(np.arange(450))]])]

    assert Counter(len(piece.frames) for piece in pieces) == {30: 3, 50: 3, 100: 3, 200: 2, 400: 1}
    assert [int(piece.frames[0, 0]) for piece in pieces] == [0, 30, 60, 0, 50, 100, 0, 100, 200, 0, 200, 0]
    assert all(np.array_equal(np.diff(piece.frames[:, 0]), np.ones(len(piece.frames) - 1)) for piece in pieces)
    assert all(piece.n_frames == len(piece.frames) for piece in pieces)


def test_cuts_do_not_cross_stretches() -> None:
    """Every stretch is cut on its own; one that is too short gives none."""
    stretches = [stretch(np.zeros(20)), stretch(np.ones(45)), stretch(np.full(31, 2.0))]

    pieces = [piece for (piece,) in cuts([[each] for each in stretches])]

    assert [(len(piece.frames), set(piece.frames[:, 0].tolist())) for piece in pieces] == [(30, {1.0}), (30, {2.0})]


def test_least_likelihood_by_hand() -> None:
    """Four standard deviations below the mean, and one deviation is at least 0.1 a dimension."""
    assert min_likelihood([-40.0, -44.0], 2) == pytest.approx(-42.0 - 4 * 2.0)
    assert min_likelihood([-40.0, -44.0], 50) == pytest.approx(-42.0 - 4 * 5.0)
    assert min_likelihood([-7.0], 1) == pytest.approx(-7.4)


def test_utterances_are_scored_whole_and_cut() -> None:
    """An utterance of 120 frames gives its own scores and those of three pieces of 30, two of 50 and one of 100."""
    (scores,) = scored(held_out(1, seed=1, n_frames=120)[:1])

    assert (scores.label, scores.speaker, scores.whole.n_speech.tolist()) == ("high", "high-0", [120])
    assert [piece.n_speech.tolist() for piece in scores.cuts] == [[30], [30], [30], [50], [50], [100]]


def test_utterances_without_speech_are_ignored() -> None:
    """What holds no speech is no evidence."""
    silent = utterance("low", "mute", Stretch(np.empty((0, 1), np.float32), 200))
    nothing = utterance("low", "absent")

    scores = scored([silent, *held_out(1, seed=2), nothing])

    assert [each.speaker for each in scores] == ["high-0", "low-0"]


def test_calibration_on_held_out_speakers_is_sane() -> None:
    """The evidence is trusted less than frames in sum, no class is favoured, and new speakers gain by it."""
    model = calibrated(held_out(40, seed=3))

    others = held_out(40, seed=4)
    trusting = replace(model, calibration=Calibration(scales=(1e5,), half_weight_frames=1e5, offsets=(0.0, 0.0)))
    assert 0.5 < model.calibration.scales[0] < 10
    assert 0.0 <= model.calibration.half_weight_frames < 100
    assert model.calibration.offsets == pytest.approx((0.0, 0.0), abs=0.5)
    assert cost(model, others) < 0.75
    assert cost(model, others) < cost(trusting, others)
    assert model.decide(model.score_all((each,) for each in others[0].stretches())).decided


def test_the_mixtures_stay_as_they_are() -> None:
    """Calibration sets the calibration and the least likelihood and nothing else."""
    scores = scored(held_out(2, seed=5))
    decision = DecisionOptions(min_speech_s=0.5)

    model = calibrate(SCORER, scores, Recipe(decision=decision))

    best = [each.whole.log_likelihoods.max() / each.whole.n_speech[0] for each in scores]
    assert model.min_likelihood == pytest.approx(min_likelihood(best, 1))
    assert model.streams is SCORER.streams
    assert (model.labels, model.priors, model.decision) == (SCORER.labels, (0.5, 0.5), decision)


def test_a_talkative_speaker_counts_once() -> None:
    """All utterances of one speaker five times over: the calibration stays."""
    utterances = held_out(6, seed=6)
    once = calibrated(utterances).calibration

    again = calibrated([*utterances, *[utterances[0]] * 4]).calibration

    assert (*again.scales, again.half_weight_frames, *again.offsets) == pytest.approx(
        (*once.scales, once.half_weight_frames, *once.offsets), rel=1e-3
    )


def test_more_speakers_may_be_surer() -> None:
    """The same utterances as of many speakers give a higher scale than as of one a class."""
    utterances = held_out(10, seed=7)
    as_one = [replace(each, recording=replace(each.recording, speaker=each.recording.label)) for each in utterances]

    (many,), (one,) = (calibrated(each).calibration.scales for each in (utterances, as_one))

    assert many > 1.1 * one


# Who is held out


def versions(label: str, speaker: str, *kinds: str, corpus: str = "") -> list[Utterance]:
    """A recording of 40 frames, and versions of it."""
    own = utterance(label, speaker, stretch(np.full(40, 0.5)))
    columns = {"corpus": corpus} if corpus else {}
    return [replace(own, recording=replace(own.recording, columns=columns, augmentation=kind)) for kind in ("", *kinds)]


def material_of(utterances: list[Utterance]) -> Material:
    corpus = Corpus(source="made", recordings=tuple(each.recording for each in utterances))
    return Material(corpus=corpus, streams=[utterances], nonspeech=[[]], failures=())


def held_out_by(
    utterances: list[Utterance], recipe: Recipe
) -> tuple[list[set[tuple[str | None, str]]], list[HeldOutScores]]:
    """The speakers and kinds of version of the material of each fit, and the scores."""
    fitted: list[set[tuple[str | None, str]]] = []

    def fit(part: Material, _: Run) -> FittedScorer:
        fitted.append({(each.recording.speaker, each.recording.augmentation) for each in part.streams[0]})
        return FittedScorer(scorer=SCORER, streams=())

    return fitted, held_out_scores(SCORER, material_of(utterances), Run(recipe=recipe), fit)


CORPORA = {"high": ("x", "x", "y", "z"), "low": ("x", "y", "y", "z")}


def of_corpora(**changed: tuple[str, ...]) -> list[Utterance]:
    """A speaker in each of these corpora, with a channel and an effort version."""
    return [
        each
        for label, names in {**CORPORA, **changed}.items()
        for number, name in enumerate(names)
        for each in versions(label, f"{label} {number}", CHANNEL, EFFORT, corpus=name)
    ]


def test_the_recordings_of_each_value_are_held_out() -> None:
    """Each corpus is scored by a fit on the others, with the channel versions of its recordings only."""
    fitted, scores = held_out_by(of_corpora(), Recipe(calibration_by="corpus", balance_by="corpus"))

    everybody = {(each.recording.speaker, each.recording.augmentation) for each in of_corpora()}
    of_x, of_y, of_z = {"high 0", "high 1", "low 0"}, {"high 2", "low 1", "low 2"}, {"high 3", "low 3"}
    assert fitted == [{each for each in everybody if each[0] not in own} for own in (of_x, of_y, of_z)]
    groups = {each.speaker: each.group for each in scores}
    assert groups == {name: group for own, group in ((of_x, "x"), (of_y, "y"), (of_z, "z")) for name in own}
    assert [sum(each.augmented == kind for each in scores) for kind in (False, True)] == [8, 8]


def test_a_speaker_of_two_values_is_held_out_once() -> None:
    """With the first value; no fit that scores a recording has heard the speaker."""
    utterances = [*of_corpora(), *versions("high", "high 0", corpus="z")]
    fitted, scores = held_out_by(utterances, Recipe(calibration_by="corpus"))

    assert [("high 0", "") in own for own in fitted] == [False, True, True]
    assert sum(each.speaker == "high 0" for each in scores) == 3


@pytest.mark.parametrize(
    ("utterances", "by"),
    [(of_corpora(high=("x", "x", "y", "y")), "corpus"), (of_corpora(), ""), (of_corpora(), "room")],
)
def test_fewer_than_three_values_give_folds_of_speakers(utterances: list[Utterance], by: str) -> None:
    """Also if only one class has them in two, without a column, or with one that no recording has."""
    fitted, scores = held_out_by(utterances, Recipe(calibration_by=by, calibration_folds=2))

    assert len(fitted) == 2
    names = [{speaker for speaker, _ in own} for own in fitted]
    assert names[0] | names[1] == {each.recording.speaker for each in utterances}
    assert not names[0] & names[1]
    assert Counter(each.speaker for each in scores) == dict.fromkeys(names[0] | names[1], 2)
    assert {each.group for each in scores} == {""}


def test_the_dev_split_is_held_out_as_it_is() -> None:
    """Nothing is fitted again, and no version of a recording calibrates."""
    utterances = of_corpora()
    dev = [
        replace(each, recording=replace(each.recording, split="dev"))
        for each in utterances
        if each.recording.speaker in ("high 0", "low 0")
    ]
    others = [each for each in utterances if each.recording.speaker not in ("high 0", "low 0")]

    fitted, scores = held_out_by([*others, *dev], Recipe(calibration_by="corpus"))

    assert fitted == []
    assert [(each.speaker, each.augmented) for each in scores] == [("high 0", False), ("low 0", False)]


def test_only_recordings_are_answers() -> None:
    """The accuracy of a training is not that of augmented versions."""
    utterances = of_corpora()
    _, scores = held_out_by(utterances, Recipe())
    answers = held_out_answers(calibrate(SCORER, scores, Recipe()), scores)
    assert Counter(each.speaker for each in answers) == dict.fromkeys({each.speaker for each in scores}, 1)


def test_speakers_count_equally_in_the_calibration() -> None:
    """The case weights: whatever the corpus is, a speaker has 1, in equal parts for versions and cuts."""
    large = [each for n in range(9) for each in versions("high", f"large {n}", corpus="large")]
    small = versions("high", "small", CHANNEL, corpus="small") + versions("low", "other", corpus="small")
    scores = score_utterances(SCORER, [[*large, *small]], "corpus")
    caught: dict[str, np.ndarray] = {}

    def fit(**given: np.ndarray) -> Calibration:
        caught.update(given)
        return Calibration(scales=(1.0,), half_weight_frames=1.0, offsets=(0.0, 0.0))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("speechgmm.training.calibrate.fit_calibration", fit)
        calibrate(SCORER, scores, Recipe(balance_by="corpus"))

    n_cuts = 1 + len(scores[0].cuts)
    assert n_cuts == 2
    weights = caught["case_weights"].reshape(-1, n_cuts).sum(axis=1)
    np.testing.assert_allclose(weights, [*[1.0] * 9, 1 / 2, 1 / 2, 1.0])
    assert caught["speakers_per_class"].tolist() == [10, 1]
    assert caught["truth"].tolist() == [0] * 11 * n_cuts + [1] * n_cuts


# Thresholds


def rejecting(tied: bool) -> Scorer:
    """A scorer whose ratio of speech to non-speech of a frame x is x, or has the sign of x."""
    (stream,) = SCORER.streams
    if not tied:
        return replace(SCORER, nonspeech=NonSpeechModel(stream=0, mixture=unit_gaussian(0.0)))
    lines = np.array([[[0.0, 1.0]], [[0.0, -1.0]], [[0.0, 1.0]]])
    models = TiedModels(unit_gaussian(0.0), lines)
    return replace(SCORER, streams=(replace(stream, mixtures=(), tied=models),), submodels=(0, 1), tied_rejection=True)


def ratio_scores(
    value: float, label: str, speaker: str, *, n_frames: int = 200, augmented: bool = False
) -> HeldOutScores:
    """Scores of an utterance with this mean ratio of speech to non-speech."""
    whole = Scores(
        n_frames=n_frames,
        n_speech=np.array([n_frames]),
        log_likelihoods=np.zeros((1, 2)) + n_frames * np.array([[1.0, -1.0]]) * (1 if label == "high" else -1),
        speech_ratios=np.array([n_frames * value]),
    )
    return HeldOutScores(label=label, speaker=speaker, whole=whole, cuts=(), augmented=augmented)


@pytest.mark.parametrize("tied", [False, True])
def test_the_speech_ratio_threshold_follows_recordings_and_channel_versions(tied: bool) -> None:
    """The lower of the threshold that rejects 1 % of the recordings and that which rejects 2 % of the versions."""
    plain = [ratio_scores(-0.01 * n, "high" if n % 2 else "low", f"s{n}") for n in range(200)]
    noisy = [replace(ratio_scores(-0.02 * n, "high", f"s{n}"), augmented=True) for n in range(100)]

    def threshold(scores: list[HeldOutScores]) -> float | None:
        return calibrate(rejecting(tied), scores, Recipe()).min_speech_ratio

    assert threshold(plain) == pytest.approx(-1.97)
    assert threshold([*plain, *noisy]) == pytest.approx(-1.97)
    louder = [replace(each, whole=replace(each.whole, speech_ratios=2 * each.whole.speech_ratios)) for each in noisy]
    assert threshold([*plain, *louder]) == pytest.approx(-0.04 * 97)
    assert threshold([ratio_scores(1.0, label, label) for label in ("high", "low")]) == 0.0


def test_speakers_count_equally_for_the_threshold() -> None:
    """Many utterances of a single speaker with a low ratio do not lower it."""
    others = [ratio_scores(-0.1, "high" if n % 2 else "low", f"s{n}") for n in range(200)]
    odd = [ratio_scores(-5.0, "low", "odd")] * 50
    assert calibrate(rejecting(tied=True), [*others, *odd], Recipe()).min_speech_ratio == pytest.approx(-0.1)


def test_short_utterances_do_not_lower_the_threshold() -> None:
    """They count only where all have less than one second of speech."""
    long = [ratio_scores(-0.1, label, label) for label in ("high", "low")]
    short = [ratio_scores(-7.0, label, f"{label} 2", n_frames=99) for label in ("high", "low")]
    assert calibrate(rejecting(tied=True), [*long, *short], Recipe()).min_speech_ratio == pytest.approx(-0.1)
    assert calibrate(rejecting(tied=True), short, Recipe()).min_speech_ratio == pytest.approx(-7.0)


def test_a_minimum_likelihood_is_set_for_class_mixtures_without_rejection_only() -> None:
    """Sub-models score ratios to the background, which tell nothing of it."""
    scores = [ratio_scores(1.0, label, label) for label in ("high", "low")]
    tied = rejecting(tied=True)
    (stream,) = tied.streams
    assert stream.tied is not None
    models = TiedModels(stream.tied.background, stream.tied.coefficients[:2])
    accepting = replace(tied, streams=(replace(stream, tied=models),), tied_rejection=False)
    made = [calibrate(each, scores, Recipe()) for each in (SCORER, rejecting(tied=False), tied, accepting)]
    assert [each.min_likelihood is None for each in made] == [False, True, True, True]
    assert [each.min_speech_ratio is None for each in made] == [True, False, False, True]
    assert [(each.submodels, each.tied_rejection) for each in made[2:]] == [((0, 1), True), ((0, 1), False)]


def test_submodels_are_calibrated_by_the_scores_of_their_classes() -> None:
    """Each class's soft maximum, not single sub-models."""
    scores = [
        replace(each, whole=replace(each.whole, log_likelihoods=np.tile(each.whole.log_likelihoods, (1, 2))))
        for each in (ratio_scores(1.0, label, label) for label in ("high", "low"))
    ]
    tied = rejecting(tied=True)
    (stream,) = tied.streams
    lines = np.array([[[0.0, 1.0]], [[0.0, -1.0]], [[0.0, 1.0]], [[0.0, -1.0]], [[0.0, 1.0]]])
    doubled = replace(
        tied, streams=(replace(stream, tied=TiedModels(unit_gaussian(0.0), lines)),), submodels=(0, 1, 0, 1)
    )
    once = calibrate(tied, [ratio_scores(1.0, label, label) for label in ("high", "low")], Recipe())
    twice = calibrate(doubled, scores, Recipe())
    assert twice.calibration.scales == pytest.approx(once.calibration.scales, rel=1e-3)
    assert twice.calibration.offsets == pytest.approx(once.calibration.offsets, abs=1e-3)


def test_discriminative_training_calibrates_on_what_it_did_not_hear(voices: Path) -> None:
    """A whole training with channel versions: the folds of speakers, and twice as many scores as recordings."""
    recipe = Recipe(
        n_components=2, calibration_folds=2, mmi=MMIOptions(iterations=2), augmentation=Augmentation(channel_share=0.4)
    )
    seen: list[tuple[str, bool]] = []

    def watching(scorer: Scorer, scores: list[HeldOutScores], recipe: Recipe) -> Model:
        seen.extend((each.speaker, each.augmented) for each in scores)
        return calibrate(scorer, scores, recipe)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("speechgmm.training.train.calibrate", watching)
        training = train(read_corpus(voices), Run(recipe=recipe))

    assert Counter(seen) == {(speaker, kind): 2 for speaker, _ in seen for kind in (False, True)}
    assert len(training.held_out) == 24
    assert training.model.submodels == (0, 1)

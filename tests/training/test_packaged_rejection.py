"""Rejection without recordings of non-speech, by the mixtures of the shipped model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import speechgmm
from speechgmm.classifier.model import DecisionOptions
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.scorer import Scorer, Scores, Stream
from speechgmm.corpus import read_corpus
from speechgmm.errors import OptionError
from speechgmm.features.front_end import Stretch
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.training import material
from speechgmm.training.calibrate import LEAST_PACKAGED_RATIO, HeldOutScores, calibrate
from speechgmm.training.packaged_rejection import packaged_rejection
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from tests.builders import unit_gaussian, white_noise

ROBUST = Recipe.load("robust")


def score_of(scorer: Scorer, value: float) -> Scores:
    """Scores of 200 frames of one value."""
    return scorer.score([Stretch(np.full((200, 1), value, dtype=np.float32), 200)])


SMALL = replace(ROBUST, n_components=2, calibration_folds=2, em=EMOptions(max_iterations=2), mmi=None)


def test_a_model_without_sounds_rejects_noise(voices: Path, tmp_path: Path) -> None:
    """It has the shipped model's mixtures of speech and non-speech and its reference mean, also when read again."""
    shipped = speechgmm.load()
    assert shipped.nonspeech is not None
    stream = shipped.streams[shipped.nonspeech.stream]

    speechgmm.save(speechgmm.train(voices, recipe=SMALL).model, tmp_path / "model.npz")
    model = speechgmm.load(tmp_path / "model.npz")

    assert model.nonspeech is not None
    np.testing.assert_array_equal(model.nonspeech.mixture.weights, shipped.nonspeech.mixture.weights)
    assert [mixture.n_components for mixture in model.nonspeech.speech] == [64, 64]
    np.testing.assert_array_equal(model.streams[1].reference_mean, stream.reference_mean)
    assert not np.array_equal(model.streams[0].reference_mean, shipped.streams[0].reference_mean)
    swelling = white_noise(32000, 0.1, seed=1) * np.repeat([0.02, 1.0, 0.05, 0.6], 8000).astype(np.float32)
    assert speechgmm.classify(swelling, 16000, model=model).reason == "does not sound like speech"
    answers = [speechgmm.classify(file, model=model) for file in sorted(voices.rglob("*.wav"))]
    assert np.mean([answer.reason == "does not sound like speech" for answer in answers]) < 0.1


def test_the_mixtures_of_speech_are_those_of_the_ratio(voices: Path) -> None:
    """The ratio of speech to non-speech does not depend on the classes of the model."""
    model = speechgmm.train(voices, recipe=SMALL).model
    assert model.nonspeech is not None
    frames = np.random.default_rng(0).normal(size=(20, 40)).astype(np.float32)
    speech = np.column_stack([mixture.log_likelihoods(frames) for mixture in model.nonspeech.speech])
    expected = np.logaddexp.reduce(speech, axis=1) - np.log(2) - model.nonspeech.mixture.log_likelihoods(frames)
    found = model.frame_scores(1, frames)
    assert found.speech_ratios is not None
    np.testing.assert_allclose(found.speech_ratios, expected, rtol=1e-4)
    assert found.log_likelihoods.shape == (20, 2)


def test_few_voices_unlike_speech_do_not_switch_rejection_off() -> None:
    """The threshold follows the held-out voices; with packaged mixtures of speech it is not below -1."""
    stream = Stream(
        front_end=FrontEndOptions(n_coefficients=1),
        reference_mean=np.zeros(1),
        mixtures=(unit_gaussian(1.0), unit_gaussian(3.0)),
    )
    nonspeech = NonSpeechModel(stream=0, mixture=unit_gaussian(0.0), speech=(unit_gaussian(2.0),))
    scorer = Scorer(labels=("low", "high"), streams=(stream,), nonspeech=nonspeech)
    values = {"low": (-1.5, 1.0), "high": (2.9, 3.0)}  # the first is far from speech, which is around 2
    held_out = [
        HeldOutScores(label=label, speaker=f"{label} {value}", whole=score_of(scorer, value), cuts=())
        for label, pair in values.items()
        for value in pair
    ]
    threshold = calibrate(scorer, held_out, DecisionOptions()).min_speech_ratio
    assert threshold == LEAST_PACKAGED_RATIO
    own = replace(scorer, nonspeech=replace(nonspeech, speech=()))
    held_out = [replace(each, whole=score_of(own, values[each.label][0])) for each in held_out]
    threshold = calibrate(own, held_out, DecisionOptions()).min_speech_ratio
    assert threshold is not None
    assert threshold < LEAST_PACKAGED_RATIO


def test_a_class_of_sounds_prevails_and_plain_has_none() -> None:
    """The package's mixtures are used only where the recipe asks for them and names no class."""
    assert packaged_rejection(replace(ROBUST, nonspeech="noise")) is None
    assert packaged_rejection(Recipe.load("plain")) is None


def test_another_front_end_is_refused_before_the_work(voices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mixtures suit one front end only; the message gives the remedies."""
    monkeypatch.setattr(material, "_extract_all", lambda *_: pytest.fail("the work was started"))
    other = ROBUST.with_settings("streams.2.n_mels=60")
    with pytest.raises(
        OptionError, match=r"^rejection\.packaged needs streams\.2, .* or set rejection\.packaged=false$"
    ):
        train(read_corpus(voices), Run(recipe=other))

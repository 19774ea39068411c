"""Training without recordings of non-speech, by background mixtures and rejection of the shipped model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import speechgmm
from speechgmm.corpus import read_corpus
from speechgmm.errors import OptionError, TrainingError
from speechgmm.training import material
from speechgmm.training.packaged_rejection import packaged_for
from speechgmm.training.pooling import balance
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from tests.builders import RunCommand, white_noise

ROBUST = Recipe.load("robust")
SMALL = ("augmentation.channel_share=0", "augmentation.effort_share=0", "mmi.iterations=3", "calibration.folds=2")


def test_a_model_without_sounds_rejects_noise(voices: Path, tmp_path: Path) -> None:
    """It has the shipped model's background mixtures, reference means and rejection, also when read again."""
    shipped = speechgmm.load()

    training = speechgmm.train(voices, recipe=ROBUST.with_settings(*SMALL))
    speechgmm.save(training.model, tmp_path / "model.npz")
    model = speechgmm.load(tmp_path / "model.npz")

    assert (model.submodels, model.tied_rejection) == ((0, 1), True)
    for mine, theirs in zip(model.streams, shipped.streams, strict=True):
        assert mine.tied is not None
        assert theirs.tied is not None
        np.testing.assert_array_equal(mine.tied.background.means, theirs.tied.background.means)
        np.testing.assert_array_equal(mine.tied.coefficients[-1], theirs.tied.coefficients[-1])
        np.testing.assert_array_equal(mine.reference_mean, theirs.reference_mean)
        assert not np.array_equal(mine.tied.coefficients[0], theirs.tied.coefficients[0])
    assert [each.background for each in training.fitted] == [None] * 3
    swelling = white_noise(32000, 0.1, seed=1) * np.repeat([0.02, 1.0, 0.05, 0.6], 8000).astype(np.float32)
    assert speechgmm.classify(swelling, 16000, model=model).reason == "does not sound like speech"
    answers = {file: speechgmm.classify(file, model=model) for file in sorted(voices.rglob("*.wav"))}
    assert np.mean([answer.label == file.parts[-3] for file, answer in answers.items()]) > 0.9


def test_a_report_of_such_a_training_has_no_likelihood(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """Nothing is fitted by EM: only the losses are drawn."""
    pytest.importorskip("matplotlib", reason="the extra 'report' is not installed")
    settings = [f"--set={each}" for each in SMALL]
    done = run("train", voices, "-o", tmp_path / "model.npz", "-q", *settings, "--report", tmp_path / "report")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(file.name for file in (tmp_path / "report").iterdir()) == [
        "losses.png",
        "losses.svg",
        "training.json",
    ]


def test_a_class_of_sounds_prevails_and_plain_has_none() -> None:
    """The package's mixtures are used only where the recipe asks for them and names no class."""
    assert packaged_for(replace(ROBUST, nonspeech="noise")) is None
    assert packaged_for(Recipe.load("plain")) is None
    assert ROBUST.uses_package
    assert not replace(ROBUST, nonspeech="noise").uses_package


@pytest.mark.parametrize(
    "settings",
    [
        ("streams.2.n_mels=60",),
        ("training.components=64",),
        ("mmi.iterations=0", "augmentation.channel_share=0", "augmentation.effort_share=0"),
    ],
)
def test_other_models_are_refused_before_the_work(
    voices: Path, monkeypatch: pytest.MonkeyPatch, settings: tuple[str, ...]
) -> None:
    """The mixtures suit one front end and tied sub-models only; the message gives the remedies."""
    monkeypatch.setattr(material, "_extract_all", lambda *_: pytest.fail("the work was started"))
    with pytest.raises(
        OptionError,
        match=r"^rejection\.packaged needs MMI, and the streams and the number .* or set rejection\.packaged=false$",
    ):
        train(read_corpus(voices), Run(recipe=ROBUST.with_settings(*settings)))


def test_one_second_of_speech_of_a_class_suffices() -> None:
    """The mixtures need no speech of their own."""
    with pytest.raises(TrainingError) as caught:
        balance("low", [], ROBUST)
    assert str(caught.value) == (
        "the class 'low' has 0.0 s of speech to train on, but 1.0 s is needed: give more speech"
    )
    assert ROBUST.least_frames == 100
    assert replace(ROBUST, nonspeech="noise").least_frames == 1280


def test_a_comparison_of_sizes_is_refused(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """The package's mixtures have one number of components."""
    message = (
        "numbers of components cannot be compared with rejection.packaged, whose mixtures have one of their own: set"
    )
    done = run("train", voices, "-o", tmp_path / "model.npz", "--components", "64,128")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    with pytest.raises(OptionError, match=f"^{message}"):
        Run(recipe=ROBUST, sizes="auto")

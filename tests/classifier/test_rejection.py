"""Rejection of non-speech: the likelihood ratio, its threshold, and a training with a non-speech class."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import speechgmm
from speechgmm.augmentation.augment import NONSPEECH_KINDS
from speechgmm.classifier.rejection import NonSpeechModel, speech_ratio_threshold
from speechgmm.classifier.scorer import Scorer, Stream
from speechgmm.corpus import read_corpus
from speechgmm.errors import ModelFileError
from speechgmm.features.options import FrontEndOptions
from speechgmm.training.material import read_material
from speechgmm.training.recipe import Recipe
from speechgmm.training.recordings import training_recordings
from speechgmm.training.run_context import Run
from tests.builders import Floats, RunCommand, unit_gaussian


def crackle(rng: np.random.Generator, duration_s: float = 3.0) -> Floats:
    """Noise bursts, unlike a voice."""
    samples = 0.001 * rng.standard_normal(round(16000 * duration_s))
    for _ in range(round(12 * duration_s)):
        begin, length = int(rng.integers(len(samples) - 1600)), int(rng.integers(300, 1600))
        burst = np.diff(rng.standard_normal(length + 1), axis=0) * np.hanning(length)
        samples[begin : begin + length] += 0.2 * burst
    return samples


@pytest.fixture(scope="module")
def with_nonspeech(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Voices and a class of non-speech sounds; read only."""
    folder = tmp_path_factory.mktemp("nonspeech") / "recordings"
    for file in voices.rglob("*.wav"):
        (folder / file.relative_to(voices)).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.relative_to(voices)).write_bytes(file.read_bytes())
    rng = np.random.default_rng(0)
    (folder / "nothing").mkdir()
    for number in range(6):
        soundfile.write(folder / "nothing" / f"{number}.wav", crackle(rng), 16000)
    return folder


@pytest.fixture(scope="module")
def model_file(with_nonspeech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a non-speech model."""
    from speechgmm.cli import main

    file = tmp_path_factory.mktemp("model") / "model.npz"
    arguments = [
        "--recipe",
        "plain",
        "--components",
        "4",
        "--set",
        "calibration.folds=3",
        "--nonspeech",
        "nothing",
        "--quiet",
    ]
    assert main(["train", str(with_nonspeech), "-o", str(file), *arguments]) == 0
    return file


def test_the_ratio_by_hand() -> None:
    """Two classes around 1 and 3, non-speech around -1, variance 1: half of each class against non-speech."""
    nonspeech = NonSpeechModel(stream=0, mixture=unit_gaussian(-1.0))
    stream = Stream(
        front_end=FrontEndOptions(n_coefficients=1),
        reference_mean=np.zeros(1),
        mixtures=(unit_gaussian(1.0), unit_gaussian(3.0)),
    )
    scorer = Scorer(labels=("low", "high"), streams=(stream,), nonspeech=nonspeech)
    values = np.array([0.0, 0.5, -3.0, 2.0])
    scores = scorer.frame_scores(0, values[:, np.newaxis].astype(np.float32))
    assert scores.speech_ratios is not None
    expected = np.log(0.5 * np.exp(2 * values) + 0.5 * np.exp(4 * values - 4))
    np.testing.assert_allclose(scores.speech_ratios, expected, atol=1e-5)
    ratios = scores.log_likelihoods[:, 1] - scores.log_likelihoods[:, 0]
    np.testing.assert_allclose(ratios, 2 * values - 4, atol=1e-5)


def test_the_threshold_rejects_one_percent() -> None:
    """10 of 1000 held-out utterances are below the threshold. It is at most 0. Light ones hardly count."""
    means = np.random.default_rng(0).normal(size=1000)
    threshold = speech_ratio_threshold(means.tolist(), [1.0] * len(means), 0.01)
    assert (means < threshold).sum() == 10
    assert (means < speech_ratio_threshold(means.tolist(), [1.0] * len(means), 0.05)).sum() == 50
    assert speech_ratio_threshold((means + 10.0).tolist(), [1.0] * len(means), 0.01) == 0.0
    assert speech_ratio_threshold([-9.0, -5.0, -4.0, -3.0], [0.002, 0.002, 1.0, 1.0], 0.01) == -4.0


def test_nonspeech_is_unknown_and_voices_are_not(
    run: RunCommand, with_nonspeech: Path, model_file: Path, tmp_path: Path
) -> None:
    """New sounds of the same kind are unknown, with the reason. Voices get a label. Non-speech is not a class."""
    model = speechgmm.load(model_file)
    assert model.labels == ("female", "male")
    assert model.nonspeech is not None
    assert model.min_speech_ratio is not None
    assert model.min_likelihood is None  # only the speech ratio rejects
    assert model.card["nonspeech_recordings"] == 6
    soundfile.write(tmp_path / "new.wav", crackle(np.random.default_rng(9)), 16000)
    decision = json.loads(run("classify", tmp_path / "new.wav", "--model", model_file, "--format", "jsonl").stdout)
    assert (decision["label"], decision["reason"]) == ("unknown", "does not sound like speech")
    voices = [file for label in ("female", "male") for file in (with_nonspeech / label).rglob("*.wav")]
    decided = [speechgmm.classify(file, model=model).decided for file in voices]
    assert np.mean(decided) > 0.9


def test_nonspeech_is_augmented(with_nonspeech: Path) -> None:
    """Each sound has three different augmented versions in every stream."""
    corpus = read_corpus(with_nonspeech)
    options = Recipe(nonspeech="nothing", further_front_ends=(FrontEndOptions(window_s=0.064),))
    material = read_material(training_recordings(corpus, "nothing"), Run(recipe=options))
    assert len(material.nonspeech) == 2
    for sounds in material.nonspeech:
        by_kind = {
            kind: [each for each in sounds if each.recording.augmentation == kind] for kind in ("", *NONSPEECH_KINDS)
        }
        assert {kind: len(own) for kind, own in by_kind.items()} == dict.fromkeys(("", *NONSPEECH_KINDS), 6)
        versions = [next(own[0].stretches()).frames for own in by_kind.values()]
        assert len({frames.tobytes() for frames in versions}) == 4
        assert len(sounds) == 24


def test_a_loaded_model_saves_the_same_bytes(model_file: Path, tmp_path: Path) -> None:
    """The non-speech model is loaded and saved without loss."""
    speechgmm.save(speechgmm.load(model_file), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == model_file.read_bytes()


def test_a_file_without_the_nonspeech_mixture_is_refused(model_file: Path, tmp_path: Path) -> None:
    """If the header has a non-speech model, its arrays must exist."""
    with np.load(model_file) as arrays:
        kept = {name: array for name, array in arrays.items() if name != "means_nonspeech"}
    np.savez(tmp_path / "damaged.npz", **kept)
    with pytest.raises(ModelFileError, match="means_nonspeech"):
        speechgmm.load(tmp_path / "damaged.npz")


def test_a_missing_nonspeech_class_is_refused(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """The error names the class, before the training starts."""
    done = run("train", voices, "-o", tmp_path / "model.npz", "--nonspeech", "noise")
    assert done.returncode == 1
    assert "the non-speech class 'noise' has no recordings to train on: give some" in done.stderr


def test_a_minimum_probability_can_be_required(run: RunCommand, voices: Path, tiny_model_file: Path) -> None:
    """With --min-probability, less probable decisions become unknown, with the reason."""
    files = sorted(voices.rglob("*.wav"))
    plain, strict = (
        [json.loads(line) for line in run("classify", *files, "--model", tiny_model_file, *extra).stdout.splitlines()]
        for extra in (("--format", "jsonl"), ("--format", "jsonl", "--min-probability", "0.9"))
    )
    assert {decision["label"] == "unknown" for decision in strict} == {True, False} or min(
        decision["probability"] for decision in plain
    ) >= 0.9
    for before, after in zip(plain, strict, strict=True):
        sure = before["probability"] >= 0.9
        assert after["label"] == (before["label"] if sure else "unknown")
        assert after["reason"] == ("" if sure else "no class has a probability of 0.9 or more")


@pytest.mark.parametrize("value", ["1", "-0.1"])
def test_an_impossible_probability_is_refused(run: RunCommand, voices: Path, tiny_model_file: Path, value: str) -> None:
    """The error names the value and the range."""
    done = run("classify", voices, "--model", tiny_model_file, f"--min-probability={value}")
    assert done.returncode == 2
    assert f"min_probability is {float(value)}, but it must be at least 0 and below 1" in done.stderr

"""What is no speech gets no answer: the ratio, its bound, and a whole training with sounds that are none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import soundfile

import speechgmm
from speechgmm.augmentation.augment import NONSPEECH_KINDS
from speechgmm.classifier.model import DecisionOptions, Stream, uncalibrated_model
from speechgmm.classifier.rejection import Rejection, min_ratio
from speechgmm.corpus import read_corpus
from speechgmm.errors import ModelFileError, OptionError
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.progress import silent
from speechgmm.training.material import nonspeech_of, read_material
from speechgmm.training.options import TrainingOptions
from speechgmm.workers.local import LocalExecutor

Run = Callable[..., CompletedProcess[str]]


def normal(mean: float) -> DiagonalMixture:
    return DiagonalMixture(np.ones(1), np.array([[mean]]), np.ones((1, 1)))


def crackle(rng: np.random.Generator, duration_s: float = 3.0) -> np.ndarray:
    """Bursts of a band of noise, nothing like a voice."""
    samples = 0.001 * rng.standard_normal(round(16000 * duration_s))
    for _ in range(round(12 * duration_s)):
        begin, length = int(rng.integers(len(samples) - 1600)), int(rng.integers(300, 1600))
        burst = np.diff(rng.standard_normal(length + 1), axis=0) * np.hanning(length)
        samples[begin : begin + length] += 0.2 * burst
    return samples


@pytest.fixture(scope="module")
def with_sounds(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Voices, and a class of sounds that are none; read only."""
    folder = tmp_path_factory.mktemp("sounds") / "recordings"
    for file in voices.rglob("*.wav"):
        (folder / file.relative_to(voices)).parent.mkdir(parents=True, exist_ok=True)
        (folder / file.relative_to(voices)).write_bytes(file.read_bytes())
    rng = np.random.default_rng(0)
    (folder / "nothing").mkdir()
    for number in range(6):
        soundfile.write(folder / "nothing" / f"{number}.wav", crackle(rng), 16000)
    return folder


@pytest.fixture(scope="module")
def model_file(with_sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows of the sounds."""
    from speechgmm.cli import main

    file = tmp_path_factory.mktemp("model") / "model.npz"
    arguments = ["--components", "4", "--folds", "3", "--nonspeech", "nothing", "--quiet"]
    assert main(["train", str(with_sounds), "-o", str(file), *arguments]) == 0
    return file


def test_the_ratio_by_hand() -> None:
    """Two classes around 1 and 3, other sounds around -1, all of variance 1: half of each class against the sounds."""
    rejection = Rejection(stream=0, nonspeech=normal(-1.0), min_ratio=0.0)
    stream = Stream(
        front_end=FrontEndOptions(n_coefficients=1),
        reference_mean=np.zeros(1),
        mixtures=(normal(1.0), normal(3.0)),
    )
    model = uncalibrated_model(
        labels=("low", "high"), streams=(stream,), rejection=rejection, decision=DecisionOptions()
    )
    values = np.array([0.0, 0.5, -3.0, 2.0])
    found = model.frame_scores(0, values[:, np.newaxis].astype(np.float32))
    assert found.speech_ratios is not None
    expected = np.log(0.5 * np.exp(2 * values) + 0.5 * np.exp(4 * values - 4))
    np.testing.assert_allclose(found.speech_ratios, expected, atol=1e-5)
    ratios = found.log_likelihoods[:, 1] - found.log_likelihoods[:, 0]
    np.testing.assert_allclose(ratios, 2 * values - 4, atol=1e-5)


def test_the_bound_loses_one_in_a_hundred() -> None:
    """Of a thousand held-out utterances ten lie below it; but what is more like speech than not is never below."""
    means = np.random.default_rng(0).normal(size=1000)
    bound = min_ratio(means.tolist())
    assert (means < bound).sum() == 10
    assert min_ratio((means + 10.0).tolist()) == 0.0


def test_a_bound_that_is_no_number_is_refused() -> None:
    """NaN would answer everything."""
    with pytest.raises(OptionError, match=r"^min_ratio is nan, but it must be a finite number$"):
        Rejection(stream=0, nonspeech=normal(-1.0), min_ratio=math.nan)


def test_sounds_get_no_answer_and_voices_do(run: Run, with_sounds: Path, model_file: Path, tmp_path: Path) -> None:
    """New sounds of the kind are unknown, with the reason; the voices are answered; the class is no answer."""
    model = speechgmm.load(model_file)
    assert model.labels == ("female", "male")
    assert model.rejection is not None
    assert model.min_likelihood is None  # the sounds alone decide
    assert model.card["nonspeech_recordings"] == 6
    soundfile.write(tmp_path / "new.wav", crackle(np.random.default_rng(9)), 16000)
    answer = json.loads(run("classify", tmp_path / "new.wav", "--model", model_file, "--format", "jsonl").stdout)
    assert (answer["label"], answer["reason"]) == ("unknown", "does not sound like speech")
    voices = [file for label in ("female", "male") for file in (with_sounds / label).rglob("*.wav")]
    decided = [speechgmm.classify(file, model=model).decided for file in voices]
    assert np.mean(decided) > 0.9


def test_sounds_train_with_copies_of_them(with_sounds: Path) -> None:
    """Each sound comes three times more, every time another, and only in the stream that rejects."""
    corpus = read_corpus(with_sounds)
    options = TrainingOptions(nonspeech="nothing", further_front_ends=(FrontEndOptions(window_s=0.064),))
    sounds = nonspeech_of(corpus, "nothing")
    material = read_material(
        corpus, sounds, options, workers=LocalExecutor(1), channel=None, features=None, progress=silent
    )
    by_copy = {
        copy: [each for each in material.nonspeech if each.recording.augmentation == copy]
        for copy in ("", *NONSPEECH_KINDS)
    }
    assert {copy: len(found) for copy, found in by_copy.items()} == dict.fromkeys(("", *NONSPEECH_KINDS), 6)
    of_one = [next(found[0].stretches()).frames for found in by_copy.values()]
    assert len({frames.tobytes() for frames in of_one}) == 4
    assert len(material.nonspeech) == 24


def test_a_file_comes_back_with_its_rejection(model_file: Path, tmp_path: Path) -> None:
    """Loaded and saved again, the bytes are the same."""
    speechgmm.save(speechgmm.load(model_file), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == model_file.read_bytes()


def test_a_file_without_the_sounds_mixture_is_refused(model_file: Path, tmp_path: Path) -> None:
    """What the header promises must be there."""
    with np.load(model_file) as arrays:
        kept = {name: array for name, array in arrays.items() if name != "means_nonspeech"}
    np.savez(tmp_path / "damaged.npz", **kept)
    with pytest.raises(ModelFileError, match="means_nonspeech"):
        speechgmm.load(tmp_path / "damaged.npz")


def test_a_class_that_is_not_there_is_refused(run: Run, voices: Path, tmp_path: Path) -> None:
    """A misspelt class is named before the work."""
    done = run("train", voices, "-o", tmp_path / "model.npz", "--nonspeech", "noise")
    assert done.returncode == 1
    assert "the class 'noise' has no recordings to learn from what is no speech" in done.stderr


def test_improbable_answers_can_be_refused(run: Run, voices: Path, tiny_model_file: Path) -> None:
    """With --min-probability only classes so probable are answered; the others say why not."""
    files = sorted(voices.rglob("*.wav"))
    plain, strict = (
        [json.loads(line) for line in run("classify", *files, "--model", tiny_model_file, *extra).stdout.splitlines()]
        for extra in (("--format", "jsonl"), ("--format", "jsonl", "--min-probability", "0.9"))
    )
    assert {answer["label"] == "unknown" for answer in strict} == {True, False} or min(
        answer["probability"] for answer in plain
    ) >= 0.9
    for before, after in zip(plain, strict, strict=True):
        sure = before["probability"] >= 0.9
        assert after["label"] == (before["label"] if sure else "unknown")
        assert after["reason"] == ("" if sure else "no class has a probability of 0.9 or more")


@pytest.mark.parametrize("value", ["1", "-0.1", "nan"])
def test_an_impossible_probability_is_refused(run: Run, voices: Path, tiny_model_file: Path, value: str) -> None:
    """The error names the value and the range."""
    done = run("classify", voices, "--model", tiny_model_file, f"--min-probability={value}")
    assert done.returncode == 2
    assert f"min_probability is {float(value)}, but it must be at least 0 and below 1" in done.stderr

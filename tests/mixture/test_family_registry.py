"""Binary patterns: Bernoulli mixtures work with the same commands and files as Gaussian ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import speechgmm
from speechgmm.errors import ModelFileError
from speechgmm.mixture.bernoulli import BernoulliMixture
from tests.builders import RunCommand

FAST = ("--recipe", "plain", "--set", "calibration.folds=2", "--quiet")
PATTERNS = (*FAST, "--set", "streams.1.features=patterns")
ARGUMENTS = (*PATTERNS, "--components", "4")


@pytest.fixture(scope="module")
def bernoulli_model_file(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of Bernoulli mixtures; read only."""
    from speechgmm.cli import main

    file = tmp_path_factory.mktemp("bernoulli") / "model.npz"
    assert main(["train", str(voices), "-o", str(file), *ARGUMENTS]) == 0
    return file


def test_the_model_is_of_bernoulli_mixtures(bernoulli_model_file: Path) -> None:
    """Mixtures are of the family Bernoulli, the front end computes patterns, and the card contains the family."""
    model = speechgmm.load(bernoulli_model_file)
    (stream,), (described,) = model.streams, model.card["streams"]
    assert all(isinstance(mixture, BernoulliMixture) for mixture in stream.mixtures)
    assert model.front_end.features == "patterns"
    assert {fit["family"] for fit in described["fits"].values()} == {"bernoulli"}
    assert [mixture.n_dimensions for mixture in stream.mixtures] == [2 * model.front_end.n_mels - 1] * 2


def test_it_classifies_and_is_evaluated(
    run: RunCommand, voices: Path, bernoulli_model_file: Path, tmp_path: Path
) -> None:
    """It classifies the synthetic voices, and is evaluated like every model."""
    done = run("evaluate", voices, "--model", bernoulli_model_file, "-o", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["uar"] > 0.9
    file = next(voices.rglob("*.wav"))
    decision = json.loads(run("classify", file, "--model", bernoulli_model_file, "--format", "jsonl").stdout)
    assert decision["label"] == file.parent.parent.name


def test_loading_and_saving_keeps_the_file(bernoulli_model_file: Path, tmp_path: Path) -> None:
    """A model that is loaded and saved again has the same bytes."""
    speechgmm.save(speechgmm.load(bernoulli_model_file), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == bernoulli_model_file.read_bytes()


def test_describe_prints_the_family(run: RunCommand, bernoulli_model_file: Path, tiny_model_file: Path) -> None:
    """`describe` prints the family and the number of components."""
    for file, family in ((bernoulli_model_file, "bernoulli"), (tiny_model_file, "gaussian")):
        assert f"\n    family: {family}\n    components: female 4, male 4\n" in run("describe", file).stdout
        (stream,) = json.loads(run("describe", file, "--format", "json").stdout)["streams"]
        assert stream["family"] == family


def test_a_probability_of_one_in_a_file_is_refused(bernoulli_model_file: Path, tmp_path: Path) -> None:
    """The error names the damaged file and the invalid values."""
    with np.load(bernoulli_model_file) as arrays:
        contents = dict(arrays)
    contents["probabilities_0_0"] = np.ones_like(contents["probabilities_0_0"])
    np.savez(tmp_path / "damaged.npz", **contents)
    with pytest.raises(ModelFileError, match=r"damaged\.npz: .*probabilities of a mixture must be above 0 and below 1"):
        speechgmm.load(tmp_path / "damaged.npz")


def test_unknown_features_are_refused(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """The error lists the features."""
    done = run("train", voices, "-o", tmp_path / "model.npz", "--set", "streams.1.features=poisson")
    assert done.returncode == 2
    assert "features is 'poisson', but it must be one of ('cepstra', 'patterns')" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "extra",
    [
        ("--set", "training.map_relevance=16", "--components", "4"),
        ("--set", "em.hard=true", "--components", "4"),
        ("--set", "training.start=split", "--components", "4"),
        ("--components", "2,4"),
    ],
)
def test_training_options_work_with_bernoulli_mixtures(
    run: RunCommand, voices: Path, tmp_path: Path, extra: tuple[str, ...]
) -> None:
    """MAP, Viterbi training, other starts and the selection of the size work for Bernoulli mixtures too."""
    model = tmp_path / "model.npz"
    done = run("train", voices, "-o", model, *PATTERNS, *extra)
    assert done.returncode == 0, done.stderr
    assert run("classify", voices, "--model", model, "--quiet").returncode == 0

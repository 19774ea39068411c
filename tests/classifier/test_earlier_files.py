"""Files that earlier versions wrote, kept in tests/data, are read and mean what they meant.

model-format-N.npz were written by ``speechgmm train voices --components 4`` (from format 2 on with ``--recipe plain``)
with the first and the last version of each format, and scores-0.1.0.csv by ``evaluate`` of version 0.1.0 with the first
model. The voices are ``write_voices(folder, n_speakers=5, n_files=2, duration_s=3.0, seed=1)``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import speechgmm
from speechgmm.classifier.model_file import FORMAT_VERSION
from speechgmm.demo.synthesis import write_voices
from tests.builders import RunCommand

DATA = Path(__file__).resolve().parent.parent / "data"
MODELS = sorted(DATA.glob("model-format-*.npz"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The voices of the kept files."""
    folder = tmp_path_factory.mktemp("recorded") / "voices"
    write_voices(folder, n_speakers=5, n_files=2, duration_s=3.0, seed=1)
    return folder


def test_every_format_has_a_file() -> None:
    """A new format needs a file of the last version that wrote the one before, and one of its own."""
    assert [file.stem for file in MODELS] == [f"model-format-{number}" for number in range(1, FORMAT_VERSION + 1)]


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.stem)
def test_a_model_of_each_format_decides_as_it_did(file: Path, recorded: Path) -> None:
    """The scores are those that the version that wrote the file printed."""
    model = speechgmm.load(file)

    for name, score in (("01.wav", 1.24), ("02.wav", 1.32)):
        decision = speechgmm.classify(recorded / "male" / "synthetic-m01" / name, model=model)
        assert decision.label == "male"
        assert decision.score == pytest.approx(score, abs=0.006)


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.stem)
def test_a_model_of_each_format_is_described(file: Path, run: RunCommand) -> None:
    """With the speech it was trained on."""
    done = run("describe", file)

    assert done.returncode == 0
    assert "female: recordings 10, speakers 5" in done.stdout


def test_scores_of_the_first_version_are_compared(
    recorded: Path, run: RunCommand, tmp_path: Path, no_pictures: None
) -> None:
    """With those of today: the same model gives the same."""
    assert run("evaluate", recorded, "--model", MODELS[0], "-o", tmp_path / "now", "--no-audio").returncode == 0

    done = run("compare", DATA / "scores-0.1.0.csv", tmp_path / "now" / "scores.csv")

    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "now" / "report.json").read_text(encoding="utf-8"))
    assert f"{report['accuracy']:.3f}" in done.stdout

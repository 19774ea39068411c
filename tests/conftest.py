"""Fixtures that several test files share: synthetic voices and a small model trained on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import speechgmm
from speechgmm.cli import main
from speechgmm.demo.synthesis import write_voices


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of synthetic voices, CLASS/SPEAKER/FILE: six speakers a class, two files of 3 s each; read only."""
    folder = tmp_path_factory.mktemp("recordings") / "voices"
    write_voices(folder, n_speakers=6, n_files=2, duration_s=3.0, seed=1)
    return folder


@pytest.fixture(scope="session")
def tiny_model_file(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with four components a class, trained on `voices`; read only."""
    file = tmp_path_factory.mktemp("model") / "tiny.npz"
    options = speechgmm.TrainingOptions(n_components=4)
    speechgmm.save(speechgmm.train(voices, options=options), file)
    return file


@pytest.fixture(scope="session")
def tiny_model(tiny_model_file: Path) -> speechgmm.Model:
    """The model in `tiny_model_file`."""
    return speechgmm.load(tiny_model_file)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without pictures, as if drawn: pictures take time and have tests of their own."""
    monkeypatch.setattr("speechgmm.reporting.publish.draw", lambda report: {})
    monkeypatch.setattr("speechgmm.reporting.publish.has_matplotlib", lambda: True)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., CompletedProcess[str]]:
    """Run the command line in this process; the result is that of `subprocess.run`."""

    def run(*arguments: object) -> CompletedProcess[str]:
        capsys.readouterr()
        texts = [str(argument) for argument in arguments]
        try:
            code = main(texts)
        except SystemExit as exit_:  # as argparse leaves
            code = int(exit_.code or 0)
        return CompletedProcess(texts, code, *capsys.readouterr())

    return run

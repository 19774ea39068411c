"""Shared fixtures: synthetic voices and a small model trained on them."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

import speechgmm
from speechgmm.cli import main
from speechgmm.demo.synthesis import write_voices
from tests.builders import RunCommand

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"

# Without the checkout, the modules that tests/scripts imports are missing.
collect_ignore = [] if SCRIPTS.is_dir() else ["scripts"]


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of synthetic voices, CLASS/SPEAKER/FILE: six speakers per class, two files of 3 s each; read only."""
    folder = tmp_path_factory.mktemp("recordings") / "voices"
    write_voices(folder, n_speakers=6, n_files=2, duration_s=3.0, seed=1)
    return folder


@pytest.fixture(scope="session")
def tiny_model_file(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with four components per class, trained on `voices`; read only."""
    file = tmp_path_factory.mktemp("model") / "tiny.npz"
    options = speechgmm.Recipe(n_components=4)
    speechgmm.save(speechgmm.train(voices, recipe=options).model, file)
    return file


@pytest.fixture(scope="session")
def tiny_model(tiny_model_file: Path) -> speechgmm.Model:
    """The model in `tiny_model_file`."""
    return speechgmm.load(tiny_model_file)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without figures, which take time and have their own tests."""
    monkeypatch.setattr("speechgmm.reporting.write_report.draw", lambda report: {})
    monkeypatch.setattr("speechgmm.reporting.write_report.has_matplotlib", lambda: True)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> RunCommand:
    """Run the command line in this process; the result is like that of `subprocess.run`."""

    def run(*arguments: object) -> CompletedProcess[str]:
        capsys.readouterr()
        texts = [str(argument) for argument in arguments]
        try:
            code = main(texts)
        except SystemExit as exit_:  # raised by argparse
            code = int(exit_.code or 0)
        return CompletedProcess(texts, code, *capsys.readouterr())

    return run

"""What the README and the pages under docs/ say is true: their commands run, and the functions they name exist."""

from __future__ import annotations

import importlib
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechgmm.cli import COMMANDS, main
from speechgmm.demo.synthesis import draw_voice, speak, write_voices

PROJECT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.checkout


def code_blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def readme_commands() -> list[str]:
    """The speechgmm commands the README shows, without their comments and without the demonstration."""
    lines = [line for block in code_blocks("README.md", "sh") for line in block.splitlines()]
    commands = [line.partition("#")[0].strip() for line in lines if line.startswith("speechgmm ")]
    return [command for command in commands if command != "speechgmm demo"]


@pytest.fixture
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the recordings that the README's commands speak of; the commands run in it."""
    write_voices(tmp_path / "recordings", n_speakers=3, n_files=3, duration_s=6.0, seed=5)
    rng = np.random.default_rng(6)
    interview = speak(draw_voice("female", rng), duration_s=4.0, rng=rng)
    soundfile.write(tmp_path / "interview.wav", interview, 16000)
    write_voices(tmp_path / "unheard", n_speakers=2, n_files=1, duration_s=4.0, seed=7)
    files = sorted((tmp_path / "unheard").rglob("*.wav"))
    rows = [f"{file.relative_to(tmp_path)},{file.parts[-3]},{file.parts[-2]}" for file in files]
    (tmp_path / "test.csv").write_text("\n".join(["path,label,speaker", *rows]) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readme_shows_the_main_commands() -> None:
    """The commands run below are all there are, but for the demonstration."""
    shown = [command.split()[1] for command in readme_commands()]
    assert shown[:4] == ["classify", "segment", "train", "evaluate"]
    assert {*shown} == {each.__name__.rpartition(".")[2] for each in COMMANDS} - {"demo"}


def test_readme_commands_run(user_folder: Path) -> None:
    """Each command of the README, one after the other, succeeds."""
    for command in readme_commands():
        assert main(shlex.split(command)[1:]) == 0, command
    assert (user_folder / "voices.npz").is_file()
    assert (user_folder / "report" / "report.json").is_file()


def test_readme_python_runs(user_folder: Path) -> None:
    """The README's Python example runs as it stands."""
    samples, _ = soundfile.read(user_folder / "interview.wav")
    (block,) = code_blocks("README.md", "python")
    exec(block, {"samples": samples})
    assert (user_folder / "voices.npz").is_file()


def test_the_two_commands_are_there() -> None:
    """The two commands for a fresh machine are the first the README shows, and can be run."""
    first = code_blocks("README.md", "sh")[0]
    scripts = [line.split()[0] for line in first.splitlines()]
    assert scripts == ["scripts/quickstart", "scripts/test"]
    assert all(os.access(PROJECT / script, os.X_OK) for script in scripts)


def test_relative_links_lead_somewhere() -> None:
    """Every relative link of the pages has a target."""
    for page in [*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md"), *(PROJECT / "models").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(("page", "least"), [("method.md", 8), ("em.md", 8), ("segments.md", 2)])
def test_functions_named_in_the_pages_exist(page: str, least: int) -> None:
    """Each function a page names in backquotes with its room and module is in the package."""
    text = (PROJECT / "docs" / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:speechgmm\.)?((?:[a-z_]+\.)+[a-z_]+)`", text)) - {"librosa.feature.delta"}
    assert len(named) >= least
    for dotted in named:
        module, _, name = dotted.rpartition(".")
        home = importlib.import_module(f"speechgmm.{module}")
        assert hasattr(home, name), dotted

"""``speechgmm demo``: every step can be repeated, and synthetic voices are never called real speech."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from speechgmm.cli import demo, parse
from speechgmm.corpus import read_manifest
from speechgmm.errors import DownloadError
from tests.builders import RunCommand

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(autouse=True)
def ready_voices(voices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy existing synthetic voices instead of synthesising new ones: faster."""

    def write_voices(folder: Path, **options: object) -> None:
        shutil.copytree(voices, folder)

    monkeypatch.setattr("speechgmm.demo.synthesis.write_voices", write_voices)


@pytest.fixture
def recorded_speech(voices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace download and extraction: the archive does not exist, and the recordings are synthetic."""

    def extract(archive: Path, folder: Path) -> int:
        shutil.copytree(voices, folder)
        return 24

    monkeypatch.setattr("speechgmm.demo.ami_corpus.download", lambda folder: folder / "archive.tar.gz")
    monkeypatch.setattr("speechgmm.demo.ami_corpus.extract", extract)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the download fail."""

    def download(folder: Path) -> Path:
        raise DownloadError("pip could not download it; check the network")

    monkeypatch.setattr("speechgmm.demo.ami_corpus.download", download)


def commands_in(text: str) -> list[list[str]]:
    """The commands printed by the demo, split into arguments."""
    return [shlex.split(line[2:]) for line in text.splitlines() if line.startswith("$ ")]


def figures_in(text: str) -> dict[str, list[str]]:
    """The rows of the comparison table, split into cells, by model name."""
    lines = [line for line in text.splitlines() if line.startswith(("trained here ", "shipped "))]
    return {cells[0]: cells[1:] for cells in (re.split(r"\s{2,}", line) for line in lines)}


def test_demo_on_synthetic_voices(run: RunCommand, tmp_path: Path) -> None:
    """All steps run, the printed commands are valid, and the comparison matches the two reports: in 22 lines."""
    folder = tmp_path / "a folder"

    done = run("demo", "--synthetic", "--folder", folder)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("SYNTHETIC voices, no real speech: 24 utterances of 12 voices")
    assert len(done.stdout.splitlines()) <= 22
    commands = commands_in(done.stdout)
    assert [command[:2] for command in commands] == [
        ["speechgmm", name] for name in ("train", "classify", "evaluate", "evaluate")
    ]
    assert ["--model" in command for command in commands] == [False, True, True, False]
    for name, report in figures_of_reports(folder).items():
        figures = figures_in(done.stdout)[name]
        assert figures[0] == f"{report['n_correct']} of 8"
        assert float(figures[2]) == pytest.approx(report["uar"], abs=0.0005)
        assert report["n_utterances"] == 8


def figures_of_reports(folder: Path) -> dict[str, dict[str, float]]:
    """The two reports of a demo, by model name in the comparison."""
    return {
        name: json.loads((folder / subfolder / "report.json").read_text(encoding="utf-8"))
        for name, subfolder in (("trained here", "own"), ("shipped", "shipped"))
    }


def test_printed_commands_can_be_repeated(run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder, each printed command succeeds; with --verbose, what it prints is shown below it."""
    before = Path.cwd()
    done = run("demo", "--synthetic", "--folder", tmp_path / "a folder", "--verbose")
    assert Path.cwd() == before

    monkeypatch.chdir(tmp_path / "a folder")
    for line, command in zip(done.stdout.split("$ ")[1:], commands_in(done.stdout), strict=True):
        again = run(*command[1:])
        assert again.returncode == 0
        assert again.stdout
        assert line.partition("\n")[2].startswith(again.stdout)


def test_a_quiet_demo_says_its_result(run: RunCommand, tmp_path: Path) -> None:
    """The answers and the comparison."""
    done = run("demo", "--synthetic", "--folder", tmp_path, "--quiet")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("label ")
    assert "$ " not in done.stdout
    assert "Neither model has heard the test voices." in done.stdout


def test_test_speakers_are_not_trained_on(run: RunCommand, tmp_path: Path) -> None:
    """Every third speaker of each class is in the test split, and exactly these are evaluated."""
    run("demo", "--synthetic", "--folder", tmp_path)

    recordings = read_manifest(tmp_path / "synthetic.csv").recordings
    test_speakers = {recording.speaker for recording in recordings if recording.split == "test"}
    assert test_speakers == {
        *("female/synthetic-f03", "female/synthetic-f06", "male/synthetic-m03", "male/synthetic-m06"),
    }
    assert {recording.split for recording in recordings} == {"train", "test"}
    report = json.loads((tmp_path / "own" / "report.json").read_text(encoding="utf-8"))
    assert {speaker["speaker"] for speaker in report["per_speaker"]} == test_speakers


@pytest.mark.usefixtures("no_network")
def test_without_network_synthetic_voices_are_used(run: RunCommand, tmp_path: Path) -> None:
    """If the download fails, stderr gives the reason and the replacement; stdout does not claim real speech."""
    done = run("demo", "--folder", tmp_path)

    assert done.returncode == 0
    assert done.stderr.splitlines()[1:] == [
        "speechgmm: real speech is not available: pip could not download it; check the network",
        "speechgmm: continuing with synthetic voices",
    ]
    assert done.stdout.startswith("SYNTHETIC voices, no real speech")
    assert re.findall(r"\breal speech\b.", done.stdout, re.IGNORECASE) == ["real speech:", "real speech "]
    assert "AMI" not in done.stdout


@pytest.mark.usefixtures("recorded_speech")
def test_recorded_speech_is_called_real_with_its_source(run: RunCommand, tmp_path: Path) -> None:
    """With the download, stdout names the corpus and its licence and does not say synthetic."""
    done = run("demo", "--folder", tmp_path)

    assert done.returncode == 0
    assert done.stderr.startswith(f"speechgmm: downloading 14 MB of recorded speech to {tmp_path}; needed once")
    assert done.stdout.startswith("Real speech: 24 recordings of 12 speakers of the AMI meeting corpus (CC BY 4.0, ")
    introduction = done.stdout.partition("The files")[0]
    assert "SYNTHETIC" not in introduction
    assert [command[2] for command in commands_in(done.stdout) if command[1] != "classify"] == ["ami.csv"] * 3


def test_failing_step_ends_the_demo(run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a step fails there is no comparison, and the exit code is that of the step."""
    monkeypatch.setattr(demo, "_run_command", lambda options, arguments: 1 if arguments[0] == "classify" else 0)

    done = run("demo", "--synthetic", "--folder", tmp_path)

    assert done.returncode == 1
    assert [command[1] for command in commands_in(done.stdout)] == ["train", "classify"]
    assert not figures_in(done.stdout)


def test_a_file_in_place_of_the_folder_is_an_error(run: RunCommand, tmp_path: Path) -> None:
    """Nothing is prepared, and the error says what is in the way."""
    file = tmp_path / "file"
    file.touch()

    done = run("demo", "--synthetic", "--folder", file)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"speechgmm: error: {file}: the folder cannot be made, because {file} is a file\n"


def test_files_go_to_the_cache_folder(run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ``--folder`` the files go to the user's cache folder."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    monkeypatch.setattr(demo, "_run_command", lambda options, arguments: 1)

    done = run("demo", "--synthetic")

    assert f"The files are in {tmp_path / 'speechgmm' / 'demo'}, where" in done.stdout
    assert (tmp_path / "speechgmm" / "demo" / "synthetic.csv").is_file()
    assert parse(commands_in(done.stdout)[0][1:]).recordings == Path("synthetic.csv")

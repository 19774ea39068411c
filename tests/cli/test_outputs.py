"""Outputs of the commands: never one of the inputs, and never at the cost of another output."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from speechgmm.output import files
from tests.builders import RunCommand, write_manifest

TINY = ("--recipe", "plain", "--components", "2", "--set", "calibration.folds=2", "--quiet")
VOICE = "voices/female/synthetic-f01/01.wav"


@pytest.fixture
def work(voices: Path, tiny_model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with voices, a manifest, a model, a reference and an empty folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(voices, "voices")
    write_manifest(tmp_path / "corpus.csv", tmp_path / "voices")
    shutil.copy(tiny_model_file, "model.npz")
    Path("reference.csv").write_text("start,end,label\n0,2,female\n")
    Path("r").mkdir()
    return tmp_path


# The file that is copied, the input that it becomes, and the command, whose last argument is the output.
ONTO_INPUTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "train, recipe": ("model.npz", "in.npz", ("train", "voices", "--recipe", "in.npz", "-q", "-o", "in.npz")),
    "train, report": (
        "corpus.csv",
        "r/training.json",
        ("train", "r/training.json", "--root", ".", *TINY, "-o", "new.npz", "--report", "r"),
    ),
    "evaluate, manifest": ("corpus.csv", "r/scores.csv", ("evaluate", "r/scores.csv", "--root", ".", "-o", "r")),
    "evaluate, model": ("model.npz", "r/report.html", ("evaluate", "voices", "--model", "r/report.html", "-o", "r")),
    "crossvalidate, manifest": (
        "corpus.csv",
        "r/scores.csv",
        ("crossvalidate", "r/scores.csv", "--root", ".", "--folds", "2", *TINY, "-o", "r"),
    ),
    "audit, manifest": ("corpus.csv", "in.csv", ("audit", "in.csv", "--folds", "2", *TINY, "-o", "in.csv")),
    "audit, recording": (VOICE, VOICE, ("audit", "voices", "--folds", "2", *TINY, "--format", "csv", "-o", VOICE)),
    "audit, recording left out": (
        VOICE,
        VOICE,
        ("audit", "corpus.csv", "--where", "speaker=synthetic-m01", *TINY, "--format", "csv", "-o", VOICE),
    ),
    "classify, recording": (VOICE, "in.csv", ("classify", "in.csv", "--model", "model.npz", "-o", "in.csv")),
    "classify, model": ("model.npz", "in.csv", ("classify", VOICE, "--model", "in.csv", "-o", "in.csv")),
    "segment, recording and file": (VOICE, "in.json", ("segment", "in.json", "-o", "in.json")),
    "segment, recording": (VOICE, "in.json", ("segment", "in.json", "--format", "json", "-o", ".")),
    "segment, recording and page": (VOICE, "in.html", ("segment", "in.html", "--html", "in.html")),
    "segment, model and page": ("model.npz", "in.htm", ("segment", VOICE, "--model", "in.htm", "--html", "in.htm")),
    "evaluate-segments, reference": (
        "reference.csv",
        "r/report.json",
        ("evaluate-segments", VOICE, "r/report.json", "-o", "r"),
    ),
    "evaluate-segments, model": (
        "model.npz",
        "r/report.json",
        ("evaluate-segments", VOICE, "reference.csv", "--model", "r/report.json", "-o", "r"),
    ),
}


@pytest.mark.parametrize("spelling", ["relative", "absolute"])
@pytest.mark.parametrize("case", ONTO_INPUTS)
def test_no_command_replaces_an_input(run: RunCommand, work: Path, case: str, spelling: str) -> None:
    """Also with --force, whatever the name: nothing is read further, and the input is as it was."""
    source, target, (*command, output) = ONTO_INPUTS[case]
    if "--report" in command:
        pytest.importorskip("matplotlib", reason="the extra 'report' is not installed")
    content = Path(source).read_bytes()
    if source != target:
        Path(target).write_bytes(content)
        if target == "r/report.json" and source == "reference.csv":  # a reference is known by its suffix
            command[2] = "r"
            shutil.copy(source, "r/01.csv")
    if spelling == "absolute":
        output = str(work / output)

    done = run(*command, output, "--force")

    assert (done.returncode, done.stdout) == (1, "")
    assert "it is an input of this command" in done.stderr
    assert done.stderr.count("\n") == 1
    assert Path(target).read_bytes() == content


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="needs /dev/stdin")
def test_the_file_behind_stdin_is_no_output(work: Path) -> None:
    """The segments of live sound do not replace it."""
    shutil.copy(VOICE, "stdin.json")
    with Path("stdin.json").open("rb") as sound:
        done = subprocess.run(
            [sys.executable, "-m", "speechgmm", "segment", "-", "--format", "json", "-o", ".", "--force"],
            stdin=sound,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stdout) == (1, "")
    assert "stdin.json: it is an input of this command (/dev/stdin)" in done.stderr
    assert Path("stdin.json").read_bytes() == Path(VOICE).read_bytes()


def test_segments_do_not_replace_the_speaking_times(run: RunCommand, work: Path) -> None:
    """A recording may have the name of another output."""
    shutil.copy(VOICE, "speaking-time.wav")

    done = run("segment", "speaking-time.wav", "--format", "json", "-o", "out")

    assert done.returncode == 1
    assert done.stderr.startswith("speechgmm: error: out/speaking-time.json: two outputs would be written to this file")


def test_a_name_that_is_too_long_loses_no_other_segments(run: RunCommand, work: Path) -> None:
    """Names of 255 bytes are written. One that would be longer is reported, and so is the exit code."""
    names = ["a" * 250, "b" * 251, "c"]
    for name in names:
        shutil.copy(VOICE, f"{name}.wav")

    done = run("segment", *(f"{name}.wav" for name in names), "--format", "json", "-o", "out")

    assert sorted(file.name for file in Path("out").iterdir()) == [f"{'a' * 250}.json", "c.json", "speaking-time.json"]
    assert done.returncode == 1
    assert done.stderr == f"speechgmm: out/{'b' * 251}.json: cannot be written: File name too long\n"
    assert f"Speaking time in {'b' * 251}.wav" in done.stdout


@pytest.fixture
def full_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files for which the disk is full."""
    names: list[str] = []
    replace = files._replace

    def guarded(file: Path, old: os.stat_result | None, parts: Iterable[bytes]) -> None:
        if file.name in names:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(file, old, parts)

    monkeypatch.setattr(files, "_replace", guarded)
    return names


def test_a_report_is_printed_and_written_but_for_one_file(
    run: RunCommand, work: Path, full_for: list[str], no_pictures: None
) -> None:
    """The error names the file that could not be written, after all the others were."""
    full_for += ["report.json", "scores.csv"]

    done = run("evaluate", "voices", "--model", "model.npz", "-o", "r")

    assert [file.name for file in Path("r").iterdir()] == ["report.html"]
    assert "UAR" in done.stdout
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "speechgmm: error: r/report.json: cannot be written: No space left on device",
        "r/scores.csv: cannot be written: No space left on device",
    ]


def test_a_report_on_segments_is_printed(run: RunCommand, work: Path, full_for: list[str]) -> None:
    """Also if its file cannot be written."""
    full_for += ["report.json"]

    shutil.copy("reference.csv", "01.csv")  # of the recording of this name

    done = run("evaluate-segments", VOICE, "01.csv", "--model", "model.npz", "-o", "r")

    assert done.stdout.startswith("Identification error rate")
    assert done.returncode == 1
    assert "error: r/report.json: cannot be written: No space left on device\n" in done.stderr


@pytest.mark.parametrize(
    "command", [("evaluate", "voices"), ("evaluate-segments", VOICE, "01.csv")], ids=lambda command: command[0]
)
def test_a_quiet_report_is_in_its_files_only(
    run: RunCommand, work: Path, no_pictures: None, command: tuple[str, ...]
) -> None:
    """With --quiet it is printed if it is in no file; otherwise there is nothing on either stream."""
    shutil.copy("reference.csv", "01.csv")
    quiet = (*command, "--model", "model.npz", "--quiet")

    printed, written = run(*quiet), run(*quiet, "-o", "r")

    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert Path("r/report.json").is_file()


@pytest.mark.parametrize("lost", ["new.npz", "training.json"])
def test_a_training_writes_what_it_can(run: RunCommand, work: Path, full_for: list[str], lost: str) -> None:
    """The model without its report, or the report without its model, which is then not said to be there."""
    pytest.importorskip("matplotlib", reason="the extra 'report' is not installed")
    full_for += [lost]

    done = run("train", "voices", *TINY, "-o", "new.npz", "--report", "r")

    written = {"new.npz", "training.json"} - {lost}
    assert {file.name for file in (Path("new.npz"), *Path("r").iterdir()) if file.exists()} > written
    assert not any(file.exists() for file in (Path(lost), Path("r") / lost))
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"{lost}: cannot be written: No space left on device\n" in done.stderr


def test_segments_are_printed_without_their_page(run: RunCommand, work: Path, full_for: list[str]) -> None:
    """The page of --html is an output of its own."""
    full_for += ["page.html"]

    done = run("segment", VOICE, "--model", "model.npz", "--html", "page.html")

    assert VOICE in done.stdout
    assert done.returncode == 1
    assert done.stderr == "speechgmm: page.html: cannot be written: No space left on device\n"

"""``speechgmm evaluate --segments``: what it prints, writes, refuses, and the codes it exits with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import soundfile

RATE = 16000

Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
def talks(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings in which a man and then a woman speak for six seconds each, two seconds apart; read only."""
    folder = tmp_path_factory.mktemp("talks")
    pause = np.zeros(2 * RATE)
    for number in (1, 2):
        parts = [pause]
        for kind in ("male", "female"):
            files = sorted((voices / kind / f"synthetic-{kind[0]}{number:02}").iterdir())
            parts += [*(soundfile.read(file)[0] for file in files), pause]
        soundfile.write(folder / f"talk{number}.wav", np.concatenate(parts), RATE)
    return folder


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """Who speaks when in both of them."""
    file = tmp_path / "reference.rttm"
    lines = [
        f"SPEAKER talk{number} 1 {start} 6.0 <NA> <NA> {speaker} <NA> <NA>\n"
        for number in (1, 2)
        for start, speaker in ((2.0, "MEE001"), (10.0, "ada"))
    ]
    file.write_text("".join(lines))
    return file


@pytest.fixture
def evaluate(run: Run, tiny_model_file: Path, talks: Path, reference: Path) -> Run:
    """The command on `talks`, with the speakers' names explained."""

    def evaluate(*options: object, recordings: Path = talks) -> CompletedProcess[str]:
        named = ["--segments", reference, "--speaker", "ada=female"]
        return run("evaluate", recordings, "--model", tiny_model_file, *named, *options)

    return evaluate


def test_voices_are_found_where_they_are(evaluate: Run) -> None:
    """Most of what two synthetic voices say gets the right label; the report is on stdout, and nothing else is said."""
    done = evaluate("--collar", "0.5", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert [Path(one["name"]).name for one in report["recordings"]] in (
        ["talk1.wav", "talk2.wav"],
        ["talk2.wav", "talk1.wav"],
    )
    assert [one["duration_s"] for one in report["recordings"]] == [18.0, 18.0]
    assert report["errors"]["total_s"] == pytest.approx(4 * 5.5)
    assert report["errors"]["rate"] < 0.3
    assert report["collar_s"] == 0.5
    assert report["model"]


def test_the_report_is_written_too(evaluate: Run, tmp_path: Path) -> None:
    """As JSON; what stands there is replaced only if that is asked for, and that is found out before the work."""
    folder = tmp_path / "new" / "report"
    done = evaluate("-o", folder)
    assert done.stdout.startswith("Identification error rate ")
    assert json.loads((folder / "report.json").read_text())["schema"] == "speechgmm-segmentation-report"
    again = evaluate("-o", folder)
    assert (again.returncode, again.stdout) == (1, "")
    assert "report.json: it exists already; --force replaces it" in again.stderr
    assert evaluate("-o", folder, "--force").returncode == 0


def test_several_processes_give_the_same_report(evaluate: Run) -> None:
    """To the last letter."""
    assert evaluate("--jobs", "2").stdout == evaluate().stdout


def test_one_recording_alone(evaluate: Run, talks: Path) -> None:
    """What the reference has of others is told, unless --quiet is given."""
    done = evaluate(recordings=talks / "talk1.wav")
    assert done.returncode == 0
    assert done.stderr == "speechgmm: 1 of 2 references are of no recording here: 'talk2' ...\n"
    assert evaluate("--quiet", recordings=talks / "talk1.wav").stderr == ""


def test_what_cannot_be_scored_is_told_and_the_rest_is_scored(evaluate: Run, talks: Path, tmp_path: Path) -> None:
    """A line on stderr for each, and exit code 1."""
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "talk1.wav").write_bytes((talks / "talk1.wav").read_bytes())
    (folder / "talk2.wav").write_bytes(b"")
    (folder / "talk3.wav").write_bytes((talks / "talk1.wav").read_bytes())
    done = evaluate("--quiet", recordings=folder)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"speechgmm: {folder}/talk2.wav: it is empty (0 bytes)",
        f"speechgmm: {folder}/talk3.wav: there is no reference for 'talk3'",
        "speechgmm: 2 of 3 recordings could not be used",
    ]
    assert "Not scored: 2" in done.stdout


def test_names_nobody_explained_are_refused(evaluate: Run, reference: Path) -> None:
    """With the line they are on, before the work."""
    reference.write_text(reference.read_text().replace("ada", "eve"))
    done = evaluate()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[1] == (
        f"{reference}:2: 'eve' is no class, and it is not said which class it stands for"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--collar", "-1"], "the collar is -1.0 s; expected seconds, 0 or more"),
        (["--by", "language"], "--by cannot be used with --segments: it is for a corpus of utterances"),
        (["--no-audio"], "--no-audio cannot be used with --segments"),
        (["--split", "all"], "--split cannot be used with --segments"),
        (["--speaker", "eve=woman"], "'eve' stands for 'woman', expected female, male or nonspeech"),
    ],
)
def test_wrong_options_are_usage_errors(evaluate: Run, options: list[str], said: str) -> None:
    """Exit code 2, nothing on stdout, and before the work."""
    done = evaluate(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("options", [["--collar", "0.25"], ["--skip-overlap"], ["--speaker", "ada=female"]])
def test_options_of_segments_need_segments(run: Run, voices: Path, tiny_model_file: Path, options: list[str]) -> None:
    """On utterances they would do nothing."""
    done = run("evaluate", voices, "--model", tiny_model_file, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{options[0]} needs --segments" in done.stderr


def test_a_folder_without_recordings_is_an_error(evaluate: Run, tmp_path: Path) -> None:
    """Nothing to evaluate is not success."""
    empty = tmp_path / "empty"
    empty.mkdir()
    done = evaluate(recordings=empty)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{empty}: the folder holds no recordings" in done.stderr

"""``speechgmm evaluate-segments``: output, files, errors and exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import soundfile

from speechgmm.cli import parse
from tests.builders import RunCommand

RATE = 16000


@pytest.fixture(scope="module")
def talks(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings: 2 s pause, 6 s male speech, 2 s pause, 6 s female speech, 2 s pause; read only."""
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
    """The reference of both recordings."""
    file = tmp_path / "reference.rttm"
    lines = [
        f"SPEAKER talk{number} 1 {start} 6.0 <NA> <NA> {speaker} <NA> <NA>\n"
        for number in (1, 2)
        for start, speaker in ((2.0, "MEE001"), (10.0, "ada"))
    ]
    file.write_text("".join(lines))
    return file


@pytest.fixture
def evaluate(run: RunCommand, tiny_model_file: Path, talks: Path, reference: Path) -> RunCommand:
    """Run ``speechgmm evaluate-segments`` on `talks`; MEE001 is a known AMI speaker."""

    def evaluate(*options: object, recordings: Sequence[Path] = (talks,)) -> CompletedProcess[str]:
        more = ["--model", tiny_model_file, "--speaker", "ada=female"]
        return run("evaluate-segments", *recordings, reference, *more, *options)

    return evaluate


def test_report_in_json(evaluate: RunCommand) -> None:
    """Most speech gets the right label; the report is on stdout, and stderr is empty."""
    done = evaluate("--collar", "0.5", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert [Path(recording["name"]).name for recording in report["recordings"]] in (
        ["talk1.wav", "talk2.wav"],
        ["talk2.wav", "talk1.wav"],
    )
    assert [recording["duration_s"] for recording in report["recordings"]] == [18.0, 18.0]
    assert report["errors"]["total_s"] == pytest.approx(4 * 5.5)
    assert report["errors"]["rate"] < 0.3
    assert report["collar_s"] == 0.5
    assert report["model"]


def test_report_file(evaluate: RunCommand, tmp_path: Path) -> None:
    """``-o`` writes report.json; an existing one is replaced only with ``--force``."""
    folder = tmp_path / "new" / "report"
    done = evaluate("-o", folder)
    assert done.stdout.startswith("Identification error rate ")
    assert json.loads((folder / "report.json").read_text())["schema"] == "speechgmm-segmentation-report"
    again = evaluate("-o", folder)
    assert (again.returncode, again.stdout) == (1, "")
    assert "report.json: it exists already; --force replaces it" in again.stderr
    assert evaluate("-o", folder, "--force").returncode == 0


def test_parallel_run_gives_the_same_report(evaluate: RunCommand) -> None:
    """The text with two workers is the same."""
    assert evaluate("--jobs", "2").stdout == evaluate().stdout


def test_only_the_turns_of_the_channel_count(
    run: RunCommand, tiny_model_file: Path, talks: Path, tmp_path: Path
) -> None:
    """A channel is scored against its own turns, as `segment` writes them; without any it is a failure."""
    sound, rate = soundfile.read(talks / "talk1.wav")
    soundfile.write(tmp_path / "call.wav", np.stack([np.zeros_like(sound), sound, sound], axis=1), rate)
    segmented = run(
        *("segment", tmp_path / "call.wav", "--model", tiny_model_file, "--channel", "2", "--format", "rttm", "-q")
    )
    other = "SPEAKER call 1 0.0 18.0 <NA> <NA> male <NA> <NA>\n"
    (tmp_path / "both.rttm").write_text(other + segmented.stdout)

    done = [
        run(
            *("evaluate-segments", tmp_path / "call.wav", tmp_path / "both.rttm", "--model", tiny_model_file),
            *("--channel", channel, "--format", "json"),
        )
        for channel in (2, 3)
    ]

    assert json.loads(done[0].stdout)["errors"]["missed_s"] == pytest.approx(0.0, abs=0.01)
    assert json.loads(done[0].stdout)["errors"]["false_alarm_s"] == pytest.approx(0.0, abs=0.01)
    assert done[1].returncode == 1
    assert "the reference of 'call' has segments of channel 1, 2 only, expected some of channel 3" in done[1].stderr


def test_unused_references_are_noted(evaluate: RunCommand, talks: Path) -> None:
    """References without a recording are counted on stderr, unless --quiet is given."""
    done = evaluate(recordings=[talks / "talk1.wav"])
    assert done.returncode == 0
    assert done.stderr == "speechgmm: 1 of 2 references have no recording, the first: 'talk2'\n"
    assert evaluate("--quiet", recordings=[talks / "talk1.wav"]).stderr == ""


def test_unusable_recordings_are_reported_and_the_others_scored(
    evaluate: RunCommand, talks: Path, tmp_path: Path
) -> None:
    """Each has a line on stderr, and the exit code is 1."""
    folder = tmp_path / "some"
    folder.mkdir()
    (folder / "talk1.wav").write_bytes((talks / "talk1.wav").read_bytes())
    (folder / "talk2.wav").write_bytes(b"")
    (folder / "talk3.wav").write_bytes((talks / "talk1.wav").read_bytes())
    done = evaluate("--quiet", recordings=[folder])
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"speechgmm: {folder}/talk2.wav: it is empty (0 bytes)",
        f"speechgmm: {folder}/talk3.wav: there is no reference for 'talk3'",
        "speechgmm: 2 of 3 recordings could not be used",
    ]
    assert "Not scored: 2" in done.stdout


def test_unknown_speaker_names_are_refused(evaluate: RunCommand, reference: Path) -> None:
    """A name without a class is an error that names its line."""
    reference.write_text(reference.read_text().replace("ada", "eve"))
    done = evaluate()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[1] == (
        f"{reference}:2: 'eve' is not female, male or nonspeech; give its class with --speaker 'eve=CLASS'"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--collar", "-1"], "argument --collar: '-1' is not a time in seconds, 0 or more"),
        (["--by", "language"], "unrecognized arguments: --by"),
        (["--speaker", "eve=woman"], "--speaker: 'eve' stands for 'woman', expected female, male or nonspeech"),
    ],
)
def test_wrong_options_are_usage_errors(evaluate: RunCommand, options: list[str], message: str) -> None:
    """Exit code 2, nothing on stdout."""
    done = evaluate(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_several_recordings(evaluate: RunCommand, talks: Path) -> None:
    """Recordings stand before the reference, also with an option between them."""
    both = evaluate(recordings=[talks / "talk1.wav", talks / "talk2.wav"])
    assert (both.returncode, both.stdout) == (0, evaluate().stdout)
    options = parse(["evaluate-segments", "a.wav", "--collar", "1", "b.wav", "c.rttm"])
    assert (options.recordings, options.reference, options.collar) == (["a.wav", "b.wav"], Path("c.rttm"), 1.0)


def test_a_missing_reference(run: RunCommand, talks: Path) -> None:
    """One path is a usage error; a recording instead of the reference is an error that names it."""
    one = run("evaluate-segments", talks)
    assert (one.returncode, one.stdout) == (2, "")
    assert "the following arguments are required: REFERENCE" in one.stderr
    two = run("evaluate-segments", talks / "talk1.wav", talks / "talk2.wav")
    assert (two.returncode, two.stdout) == (1, "")
    assert f"{talks}/talk2.wav: not a reference, expected a folder or a file .rttm, .textgrid, .csv" in two.stderr


def test_folders_without_recordings_are_reported(evaluate: RunCommand, talks: Path, tmp_path: Path) -> None:
    """Each is a line on stderr; other recordings are scored, and the exit code is 1."""
    empty = tmp_path / "empty"
    empty.mkdir()
    alone, together = evaluate(recordings=[empty]), evaluate(recordings=[empty, talks])
    for done in (alone, together):
        assert (done.returncode, done.stderr) == (1, f"speechgmm: {empty}: the folder contains no recordings\n")
    assert (alone.stdout, together.stdout) == ("", evaluate().stdout)


def test_no_empty_folder_is_left(evaluate: RunCommand, tmp_path: Path) -> None:
    """If no recording can be scored, the output folder is not made."""
    (tmp_path / "talk1.wav").touch()
    assert evaluate("-o", tmp_path / "report", recordings=[tmp_path / "talk1.wav"]).returncode == 1
    assert not (tmp_path / "report").exists()


# The former name, ``speechgmm evaluate --segments``


def test_the_former_name_still_works(
    evaluate: RunCommand, run: RunCommand, talks: Path, reference: Path, tiny_model_file: Path
) -> None:
    """It gives the same output and one note on stderr with the new command; it is not in the help."""
    options = ["--model", tiny_model_file, "--speaker", "ada=female", "--collar", "0.5", "--skip-overlap"]
    former = run("evaluate", talks, "--segments", reference, *options)
    assert (former.returncode, former.stdout) == (0, evaluate("--collar", "0.5", "--skip-overlap").stdout)
    command = f"speechgmm evaluate-segments {talks} {reference}"
    message = f"evaluate --segments is now: {command}; the old form will be removed in 0.3.0"
    assert former.stderr == f"speechgmm: {message}\n"
    text = run("evaluate", "--help").stdout
    assert not [option for option in ("--segments", "--speaker", "--collar", "--skip-overlap") if option in text]


@pytest.mark.parametrize("option", [["--by", "language"], ["--no-audio"], ["--split", "all"]])
def test_options_of_utterances_are_refused_with_the_former_name(
    run: RunCommand, talks: Path, reference: Path, option: list[str]
) -> None:
    """They have no effect on segments."""
    done = run("evaluate", talks, "--segments", reference, *option)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{option[0]} cannot be used with --segments: it applies to a corpus of utterances" in done.stderr


@pytest.mark.parametrize("option", [["--collar", "0.25"], ["--skip-overlap"], ["--speaker", "ada=female"]])
def test_options_of_segments_are_refused_without_the_former_name(
    run: RunCommand, voices: Path, option: list[str]
) -> None:
    """They have no effect on utterances; the error names the command that has them."""
    done = run("evaluate", voices, *option)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"speechgmm: error: {option[0]} is an option of speechgmm evaluate-segments\n"

"""``speechgmm classify``: the same results in every format, streamed, and nothing else on stdout."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import numpy as np
import pytest
import soundfile

from speechgmm.classifier.outcome import Outcome
from speechgmm.classifier.writers import FORMATS, Format
from speechgmm.cli import main
from tests.builders import RunCommand

SCRIPT = Path(sys.executable).with_name("speechgmm")
COLUMNS = ["path", "label", "probability", "score", "speech_s", "reason", "duration_s", "warning"]
CLASS_COLUMNS = ["probability_female", "llr_female", "probability_male", "llr_male"]

needs_byte_names = pytest.mark.skipif(sys.platform != "linux", reason="file names must be text on this system")


@pytest.fixture
def few(voices: Path, tmp_path: Path) -> Path:
    """Two recordings, one of them in a subfolder, and files that are not recordings."""
    folder = tmp_path / "few"
    (folder / "deeper" / "down").mkdir(parents=True)
    shutil.copy(voices / "female" / "synthetic-f03" / "01.wav", folder / "b.wav")
    shutil.copy(voices / "male" / "synthetic-m03" / "01.wav", folder / "deeper" / "down" / "a b.WAV")
    (folder / "notes.txt").write_text("no recording")
    (folder / ".hidden.wav").write_text("no recording either")
    return folder


@pytest.fixture
def classify(run: RunCommand, tiny_model_file: Path) -> RunCommand:
    """Run the command with the tiny model."""
    return lambda *arguments: run("classify", "--model", tiny_model_file, *arguments)


def stdin_of(content: bytes) -> io.TextIOWrapper:
    """A stdin with this content."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


@contextmanager
def installed(*arguments: str | Path, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    """The installed command in a process, killed after a minute so that no test hangs."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [SCRIPT, *arguments], stdout=PIPE, stderr=PIPE, text=True, env=buffered, **streams
    ) as process:
        guard = threading.Timer(60, process.kill)
        guard.start()
        try:
            yield process
        finally:
            guard.cancel()
            process.kill()


def test_formats_have_the_same_results(classify: RunCommand, few: Path, tmp_path: Path) -> None:
    """Table, csv, json and jsonl have the same numbers; an undefined number is blank, empty or null."""
    (few / "c.wav").write_bytes((few / "b.wav").read_bytes()[:44] + bytes(96000))  # its samples are silence
    formats = {form: classify(few, "--format", form) for form in ("table", "csv", "json", "jsonl")}

    assert all(done.returncode == 0 for done in formats.values())
    assert {done.stderr for done in formats.values()} == {"speechgmm: 1 of 3 recordings have a warning\n"}
    answers = json.loads(formats["json"].stdout)
    assert (answers["schema"], answers["schema_version"]) == ("speechgmm-answers", 1)
    answers = answers["answers"]
    assert [json.loads(line) for line in formats["jsonl"].stdout.splitlines()] == answers
    assert [Path(answer["path"]).relative_to(few).as_posix() for answer in answers] == [
        *("b.wav", "c.wav", "deeper/down/a b.WAV")
    ]
    assert [answer["label"] for answer in answers] == ["female", "unknown", "male"]
    assert [answer["reason"] for answer in answers] == ["", "no speech", ""]
    zeros = "its last 96,001 bytes of 96,044 are zeros, which is silence, or a download that broke off"
    assert [answer["warning"] for answer in answers] == ["", zeros, ""]
    assert answers[0]["probability"] == answers[0]["probabilities"]["female"] > 0.5
    assert answers[0]["score"] == answers[0]["log_likelihood_ratios"]["female"] > 0

    rows = list(csv.reader(io.StringIO(formats["csv"].stdout)))
    assert rows[0] == COLUMNS + CLASS_COLUMNS
    assert rows[1:] == [csv_cells(answer) for answer in answers]

    lines = formats["table"].stdout.splitlines()
    assert lines[0].split() == ["label", "probability", "score", "speech", "heard", "path"]
    assert [line.split() for line in lines[1:]] == [table_cells(answer) for answer in answers]


def csv_cells(answer: dict[str, Any]) -> list[str]:
    """The expected row in csv of an entry of the json output."""
    values = [answer[column] for column in COLUMNS]
    for label in ("female", "male"):
        values += [answer["probabilities"][label], answer["log_likelihood_ratios"][label]]
    return ["" if value is None else str(value) for value in values]


def table_cells(answer: dict[str, Any]) -> list[str]:
    """The expected words in the table of an entry of the json output."""
    figures = [f"{answer['probability']:.3f}", f"{answer['score']:+.2f}"] if answer["label"] != "unknown" else []
    remarks = "; ".join(filter(None, [answer["reason"], answer["warning"]]))
    name = f"{answer['path']} ({remarks})" if remarks else answer["path"]
    seconds = [f"{answer['speech_s']:.1f}", "s", f"{answer['duration_s']:.1f}", "s"]
    return [answer["label"], *figures, *seconds, *name.split()]


def test_warning_about_channels(classify: RunCommand, voices: Path, tmp_path: Path) -> None:
    """Speech that cancels in the mean of the channels is not answered without a word; --quiet leaves out the note."""
    samples, rate = soundfile.read(next(voices.rglob("*.wav")))
    file = tmp_path / "opposite.wav"
    soundfile.write(file, np.stack([samples, -samples], axis=1), rate)

    mixed, first, quiet = classify(file), classify(file, "--channel", "1"), classify(file, "--quiet")

    assert "(no speech; its channels cancel each other in their mean, which was heard: use --channel" in mixed.stdout
    assert mixed.stderr == "speechgmm: 1 of 1 recordings have a warning\n"
    assert "no speech" not in first.stdout
    assert first.stderr == quiet.stderr == ""


def test_a_format_is_one_entry(classify: RunCommand, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A format that is entered in `FORMATS` is in the help and can be used; its text is streamed."""

    def pairs(outcomes: Iterable[Outcome], *, labels: Sequence[str]) -> Iterator[str]:
        yield f"{'/'.join(labels)}\n"
        yield from (f"{Path(outcome.path).name}={outcome.decision.label}\n" for outcome in outcomes)

    monkeypatch.setitem(FORMATS, "pairs", Format(description="name=label", suffix=".pairs", write=pairs))

    done = classify(few, "--format", "pairs")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "female/male\nb.wav=female\na b.WAV=male\n"
    assert "pairs: name=label" in " ".join(classify("--help").stdout.split())


def test_results_in_a_file(classify: RunCommand, few: Path, tmp_path: Path) -> None:
    """It has what stdout would have, in the format that its name or --format says; stdout has nothing."""
    forms = {"a.CSV": "", "b.json": "", "c.jsonl": "", "d": "csv", "e.csv": "jsonl"}
    for name, given in forms.items():
        done = classify(few, "-o", tmp_path / name, *(["--format", given] if given else []))
        form = given or Path(name).suffix[1:].lower()

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (tmp_path / name).read_text(encoding="utf-8") == classify(few, "--format", form).stdout


def test_only_force_replaces_a_file(classify: RunCommand, few: Path, tmp_path: Path) -> None:
    """It is checked before the work."""
    file = tmp_path / "a.csv"
    file.write_text("mine")

    done = classify(few, "-o", file)

    assert (done.returncode, done.stdout, file.read_text()) == (1, "", "mine")
    assert done.stderr == f"speechgmm: error: {file}: it exists already; --force replaces it\n"
    assert classify(few, "-o", file, "--force").returncode == 0
    assert file.read_text().startswith("path,label,")


def test_a_recording_named_on_stdin_is_no_output(
    classify: RunCommand, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is known only when the work has begun; it stays as it is, and nothing else is left."""
    before, names = (few / "b.wav").read_bytes(), {path.name for path in few.iterdir()}
    monkeypatch.setattr(sys, "stdin", stdin_of(f"{few / 'deeper'}\n{few / 'b.wav'}\n".encode()))

    done = classify("-", "-o", few / "b.wav", "--format", "csv", "--force")

    assert done.returncode == 1
    assert "b.wav: it is an input of this command" in done.stderr
    assert (few / "b.wav").read_bytes() == before
    assert {path.name for path in few.iterdir()} == names


def test_json_without_recordings_is_valid(classify: RunCommand, tmp_path: Path) -> None:
    """A folder without recordings gives a valid object, a line on stderr and exit code 1."""
    done = classify(tmp_path, "--format", "json")

    assert (done.returncode, done.stderr) == (1, f"speechgmm: {tmp_path}: the folder contains no recordings\n")
    assert json.loads(done.stdout)["answers"] == []


@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_folder_without_recordings_is_reported(
    classify: RunCommand, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_stdin: bool
) -> None:
    """It is a line on stderr and exit code 1; all other paths are classified."""
    empty = tmp_path / "empty"
    empty.mkdir()
    paths = [few / "b.wav", empty, few / "deeper"]
    monkeypatch.setattr(sys, "stdin", stdin_of("\n".join(map(str, paths)).encode()))

    done = classify(*(["-"] if from_stdin else paths), "--format", "jsonl")

    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["female", "male"]
    assert (done.returncode, done.stderr) == (1, f"speechgmm: {empty}: the folder contains no recordings\n")


def test_empty_stdin_is_an_error(classify: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path there is nothing to do."""
    monkeypatch.setattr(sys, "stdin", stdin_of(b"\n"))

    done = classify("-")

    assert (done.returncode, done.stderr) == (1, "speechgmm: no recordings were found: stdin names none\n")


def test_results_do_not_depend_on_jobs(classify: RunCommand, few: Path) -> None:
    """Two workers give the same results as one, in the same order, although the first recording takes longest."""
    samples, rate = soundfile.read(few / "b.wav")
    soundfile.write(few / "a.wav", np.tile(samples, 60), rate)

    one, two = (classify(few, "--format", "csv", "--jobs", jobs) for jobs in (1, 2))

    assert (two.returncode, two.stderr) == (0, "")
    assert two.stdout == one.stdout


def test_paths_keep_their_spelling(classify: RunCommand, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result for ``./b.wav`` has the path ``./b.wav``."""
    monkeypatch.chdir(few)
    given = ["./b.wav", "deeper/../b.wav", str(few / "b.wav")]

    done = classify(*given, "--format", "csv")

    assert [row["path"] for row in csv.DictReader(io.StringIO(done.stdout))] == given


def test_paths_come_from_stdin(classify: RunCommand, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads one path per line: with blanks, of folders, with either line end or none; empty lines are skipped."""
    lines = [f"{few}/deeper/down/a b.WAV\r", "", f"{few}/deeper", f"{few}/b.wav"]
    monkeypatch.setattr(sys, "stdin", stdin_of("\n".join(lines).encode()))

    done = classify("-", "--format", "csv")

    assert (done.returncode, done.stderr) == (0, "")
    found = [Path(row["path"]).name for row in csv.DictReader(io.StringIO(done.stdout))]
    assert found == ["a b.WAV", "a b.WAV", "b.wav"]


@needs_byte_names
@pytest.mark.parametrize("form", ["csv", "table"])
def test_names_that_are_not_utf8_keep_their_bytes(
    form: str,
    few: Path,
    tiny_model_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A name that is not valid UTF-8, from stdin or from a folder, is printed with the same bytes."""
    name = os.fsencode(few) + b"/tr\xf1 \xc3\xb1.wav"
    (few / "b.wav").rename(os.fsdecode(name))
    monkeypatch.setattr(sys, "stdin", stdin_of(name + b"\n"))

    code = main(["classify", "--model", str(tiny_model_file), "--format", form, "-", str(few)])

    out, err = capsysbinary.readouterr()
    assert (code, err) == (0, b"")
    assert out.count(name) == 2


@needs_byte_names
def test_names_do_not_depend_on_the_encoding_of_the_streams(few: Path, tiny_model_file: Path) -> None:
    """Names in UTF-8 are read and printed even if Python's stdin and stdout have the encoding ASCII."""
    name = f"{few}/trñ.wav"
    (few / "b.wav").rename(name)
    script = "import sys; from speechgmm.cli import main; sys.exit(main())"

    done = subprocess.run(
        [sys.executable, "-c", script, "classify", "-", "--model", tiny_model_file, "--format", "csv"],
        input=name.encode(),
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[1].startswith(name.encode() + b",female,")


@needs_byte_names
def test_a_line_end_in_a_name_is_escaped(classify: RunCommand, few: Path) -> None:
    """A name with a line end and a terminal code is escaped in the table and on stderr, and quoted in csv."""
    evil = few / "a\nmale  0.999  +9.99  2.0 s  \x1b[2Jb.wav"
    (few / "b.wav").rename(evil)
    broken = few / "c\nd.wav"
    broken.touch()

    table, quoted = classify(evil, broken), classify(evil, "--format", "csv")

    assert len(table.stdout.splitlines()) == 2
    assert r"a\nmale  0.999  +9.99  2.0 s  \x1b[2Jb.wav" in table.stdout
    assert table.stderr == (
        f"speechgmm: {few}/c\\nd.wav: it is empty (0 bytes)\nspeechgmm: 1 of 2 recordings could not be used\n"
    )
    assert [row["path"] for row in csv.DictReader(io.StringIO(quoted.stdout))] == [str(evil)]


def test_a_failure_does_not_stop_the_others(classify: RunCommand, few: Path) -> None:
    """The recordings around a bad one are classified; the bad one is on stderr only, and the exit code is 1."""
    bad = few / "bad.wav"
    bad.write_text("this is text in spite of its name")

    done = classify("-q", few / "b.wav", bad, few / "deeper", "--format", "jsonl")

    assert done.returncode == 1
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["female", "male"]
    assert done.stderr == (
        f"speechgmm: {bad}: it is not audio that can be read (its format is not recognised)\n"
        "speechgmm: 1 of 3 recordings could not be used\n"
    )


def test_priors_change_the_probability_and_not_the_score(classify: RunCommand, few: Path) -> None:
    """With ``--priors`` the probability is the posterior under them; the score does not depend on priors."""
    even, biased = (
        json.loads(classify(few / "b.wav", "--priors", priors, "--format", "jsonl").stdout)
        for priors in ("female=0.5,male=0.5", "male=0.999999,female=0.000001")
    )

    assert (even["label"], biased["label"]) == ("female", "male")
    assert biased["log_likelihood_ratios"] == even["log_likelihood_ratios"]
    odds = biased["probabilities"]["female"] / biased["probabilities"]["male"]
    even_odds = even["probabilities"]["female"] / even["probabilities"]["male"]
    assert odds * 999999 == pytest.approx(even_odds)


def test_the_prior_of_one_of_two_classes_is_enough(classify: RunCommand, few: Path) -> None:
    """The other class gets the rest."""
    one = classify(few, "--priors", "male=0.75", "--format", "csv").stdout

    assert one == classify(few, "--priors", "male=0.75,female=0.25", "--format", "csv").stdout
    assert one != classify(few, "--format", "csv").stdout


@pytest.mark.parametrize(
    ("flags", "terminals", "shown"),
    [
        ([], ["stderr"], True),
        ([], [], False),
        (["-q"], ["stderr"], False),
        ([], ["stdout", "stderr"], False),
    ],
)
def test_the_progress_bar_needs_a_terminal_of_its_own(
    classify: RunCommand,
    few: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    terminals: list[str],
    shown: bool,
) -> None:
    """The progress bar is shown if stderr is a terminal and stdout is not."""
    for name in terminals:
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda: True)

    done = classify(few, *flags)

    assert ("classifying" in done.stderr) is shown
    assert "classifying" not in done.stdout


def test_results_are_streamed_until_ctrl_c(voices: Path, tiny_model_file: Path) -> None:
    """The first result is printed while stdin is open; Ctrl-C then ends the command with code 130 and one line."""
    with installed("classify", "-", "--model", tiny_model_file, "--format", "csv", stdin=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        file = voices / "male" / "synthetic-m03" / "01.wav"
        process.stdin.write(f"{file}\n")
        process.stdin.flush()

        assert process.stdout.readline().startswith("path,label,")
        assert process.stdout.readline().startswith(f"{file},male,")

        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate()
        assert (process.returncode, rest, errors) == (130, "", "speechgmm: interrupted\n")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_closed_stdout_ends_the_work_quietly(voices: Path, tiny_model_file: Path, jobs: str) -> None:
    """If stdout is closed, as by ``| head -1``, nothing is printed on stderr."""
    with installed("classify", voices, "--model", tiny_model_file, "--format", "csv", "--jobs", jobs) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("path,label,")
        process.stdout.close()

        assert process.stderr.read() == ""
        assert process.wait() == 1

"""``speechgmm classify``: the same answers in every format, as they come, with nothing else on stdout."""

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, CompletedProcess
from typing import Any

import numpy as np
import pytest
import soundfile

from speechgmm.cli import main

Run = Callable[..., CompletedProcess[str]]

SCRIPT = Path(sys.executable).with_name("speechgmm")
COLUMNS = ["path", "label", "probability", "score", "speech_s", "reason", "duration_s"]
OF_CLASSES = ["probability_female", "llr_female", "probability_male", "llr_male"]

needs_byte_names = pytest.mark.skipif(sys.platform != "linux", reason="file names must be text on this system")


@pytest.fixture
def few(voices: Path, tmp_path: Path) -> Path:
    """Two recordings, one of them deeper down, and files that are none."""
    folder = tmp_path / "few"
    (folder / "deeper" / "down").mkdir(parents=True)
    shutil.copy(voices / "female" / "synthetic-f03" / "01.wav", folder / "b.wav")
    shutil.copy(voices / "male" / "synthetic-m03" / "01.wav", folder / "deeper" / "down" / "a b.WAV")
    (folder / "notes.txt").write_text("no recording")
    (folder / ".hidden.wav").write_text("no recording either")
    return folder


@pytest.fixture
def classify(run: Run, tiny_model_file: Path) -> Run:
    """Run the command with the tiny model."""
    return lambda *arguments: run("classify", "--model", tiny_model_file, *arguments)


def stdin_of(content: bytes) -> io.TextIOWrapper:
    """A stdin that has this content."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


@contextmanager
def installed(*arguments: str | Path, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    """The installed command while it runs, ended after a minute so that no test waits for ever."""
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


def test_formats_give_the_same_answers(classify: Run, few: Path, tmp_path: Path) -> None:
    """Table, csv, json and jsonl have the same numbers, and what is undefined is empty, blank or null."""
    (few / "c.wav").write_bytes((few / "b.wav").read_bytes()[:44] + bytes(96000))  # its samples are silence
    formats = {form: classify(few, "--format", form) for form in ("table", "csv", "json", "jsonl")}

    assert all(done.returncode == 0 and done.stderr == "" for done in formats.values())
    answers = json.loads(formats["json"].stdout)
    assert (answers["schema"], answers["schema_version"]) == ("speechgmm-answers", 1)
    answers = answers["answers"]
    assert [json.loads(line) for line in formats["jsonl"].stdout.splitlines()] == answers
    assert [Path(answer["path"]).relative_to(few).as_posix() for answer in answers] == [
        *("b.wav", "c.wav", "deeper/down/a b.WAV")
    ]
    assert [answer["label"] for answer in answers] == ["female", "unknown", "male"]
    assert [answer["reason"] for answer in answers] == ["", "no speech", ""]
    assert answers[0]["probability"] == answers[0]["probabilities"]["female"] > 0.5
    assert answers[0]["score"] == answers[0]["log_likelihood_ratios"]["female"] > 0

    rows = list(csv.reader(io.StringIO(formats["csv"].stdout)))
    assert rows[0] == COLUMNS + OF_CLASSES
    assert rows[1:] == [csv_cells(answer) for answer in answers]

    lines = formats["table"].stdout.splitlines()
    assert lines[0].split() == ["label", "probability", "score", "speech", "path"]
    assert [line.split() for line in lines[1:]] == [table_cells(answer) for answer in answers]


def csv_cells(answer: dict[str, Any]) -> list[str]:
    """An answer from json as its row in csv must be."""
    values = [answer[column] for column in COLUMNS]
    for label in ("female", "male"):
        values += [answer["probabilities"][label], answer["log_likelihood_ratios"][label]]
    return ["" if value is None else str(value) for value in values]


def table_cells(answer: dict[str, Any]) -> list[str]:
    """An answer from json as the words of its line in the table must be."""
    figures = [f"{answer['probability']:.3f}", f"{answer['score']:+.2f}"] if answer["label"] != "unknown" else []
    reason = f" ({answer['reason']})" if answer["reason"] else ""
    return [answer["label"], *figures, f"{answer['speech_s']:.1f}", "s", *f"{answer['path']}{reason}".split()]


def test_json_of_no_answers_is_still_json(classify: Run, tmp_path: Path) -> None:
    """A folder without recordings gives a valid empty answer, a line on stderr and code 1."""
    done = classify(tmp_path, "--format", "json")

    assert (done.returncode, done.stderr) == (1, "speechgmm: no recordings were found\n")
    assert json.loads(done.stdout)["answers"] == []


def test_answers_do_not_depend_on_jobs(classify: Run, few: Path) -> None:
    """Two workers give the same answers as one, and in the same order though the first recording takes longest."""
    samples, rate = soundfile.read(few / "b.wav")
    soundfile.write(few / "a.wav", np.tile(samples, 60), rate)

    one, two = (classify(few, "--format", "csv", "--jobs", jobs) for jobs in (1, 2))

    assert (two.returncode, two.stderr) == (0, "")
    assert two.stdout == one.stdout


def test_paths_are_called_as_they_were_given(classify: Run, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer for ``./b.wav`` has the path ``./b.wav``, so that the two can be matched."""
    monkeypatch.chdir(few)
    given = ["./b.wav", "deeper/../b.wav", str(few / "b.wav")]

    done = classify(*given, "--format", "csv")

    assert [row["path"] for row in csv.DictReader(io.StringIO(done.stdout))] == given


def test_paths_come_from_stdin(classify: Run, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads a path a line: with blanks in it, of folders, with either line end or none; an empty one is none."""
    lines = [f"{few}/deeper/down/a b.WAV\r", "", f"{few}/deeper", f"{few}/b.wav"]
    monkeypatch.setattr(sys, "stdin", stdin_of("\n".join(lines).encode()))

    done = classify("-", "--format", "csv")

    assert (done.returncode, done.stderr) == (0, "")
    found = [Path(row["path"]).name for row in csv.DictReader(io.StringIO(done.stdout))]
    assert found == ["a b.WAV", "a b.WAV", "b.wav"]


@needs_byte_names
@pytest.mark.parametrize("form", ["csv", "table"])
def test_names_that_are_no_text_go_through(
    form: str,
    few: Path,
    tiny_model_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """A name that is not valid UTF-8 comes from stdin or a folder and leaves with the same bytes."""
    name = os.fsencode(few) + b"/tr\xf1 \xc3\xb1.wav"
    (few / "b.wav").rename(os.fsdecode(name))
    monkeypatch.setattr(sys, "stdin", stdin_of(name + b"\n"))

    code = main(["classify", "--model", str(tiny_model_file), "--format", form, "-", str(few)])

    out, err = capsysbinary.readouterr()
    assert (code, err) == (0, b"")
    assert out.count(name) == 2


@needs_byte_names
def test_names_do_not_depend_on_the_encoding_of_the_streams(few: Path, tiny_model_file: Path) -> None:
    """Where Python takes stdin and stdout for ASCII, names in UTF-8 still come and go."""
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
def test_line_end_in_a_name_makes_no_second_line(classify: Run, few: Path) -> None:
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


def test_one_failure_does_not_keep_the_others_from_being_answered(classify: Run, few: Path) -> None:
    """The recordings around a bad one are answered; it is named on stderr only, counted, and the code is 1."""
    bad = few / "bad.wav"
    bad.write_text("this is a text, whatever its name says")

    done = classify("-q", few / "b.wav", bad, few / "deeper", "--format", "jsonl")

    assert done.returncode == 1
    assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["female", "male"]
    assert done.stderr == (
        f"speechgmm: {bad}: it is not audio that can be read (its format is not recognised)\n"
        "speechgmm: 1 of 3 recordings could not be used\n"
    )


def test_priors_move_the_probability_and_not_the_score(classify: Run, few: Path) -> None:
    """With ``--priors`` the probability is the posterior under them; the score is free of priors."""
    even, biased = (
        json.loads(classify(few / "b.wav", "--priors", priors, "--format", "jsonl").stdout)
        for priors in ("female=0.5,male=0.5", "male=0.999999,female=0.000001")
    )

    assert (even["label"], biased["label"]) == ("female", "male")
    assert biased["log_likelihood_ratios"] == even["log_likelihood_ratios"]
    odds = biased["probabilities"]["female"] / biased["probabilities"]["male"]
    even_odds = even["probabilities"]["female"] / even["probabilities"]["male"]
    assert odds * 999999 == pytest.approx(even_odds)


@pytest.mark.parametrize(
    ("flags", "terminals", "shown"),
    [
        ([], ["stderr"], True),
        ([], [], False),
        (["-q"], ["stderr"], False),
        ([], ["stdout", "stderr"], False),
    ],
)
def test_bar_is_shown_where_it_stands_alone(
    classify: Run, few: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], terminals: list[str], shown: bool
) -> None:
    """A progress bar needs a terminal behind stderr, and none behind stdout, where the answers come."""
    for name in terminals:
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda: True)

    done = classify(few, *flags)

    assert ("classifying" in done.stderr) is shown
    assert "classifying" not in done.stdout


def test_answers_come_before_stdin_ends_and_ctrl_c_ends_it(voices: Path, tiny_model_file: Path) -> None:
    """The first answer is there while stdin stays open; Ctrl-C then ends the command with 130 and one line."""
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
def test_closed_pipe_ends_the_work_quietly(voices: Path, tiny_model_file: Path, jobs: str) -> None:
    """When the reader of the answers goes away, as ``| head -1`` does, there is nothing on stderr."""
    with installed("classify", voices, "--model", tiny_model_file, "--format", "csv", "--jobs", jobs) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("path,label,")
        process.stdout.close()

        assert process.stderr.read() == ""
        assert process.wait() == 1

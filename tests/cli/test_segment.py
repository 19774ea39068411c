"""``speechgmm segment``: output, files, live sound, wrong usage and exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.writers import FORMATS, Format, SegmentedRecording
from tests.builders import RunCommand, spoken

RATE = 16000
Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def samples() -> npt.NDArray[np.float64]:
    """A female voice of 5 s, a pause of 2 s, a male voice of 5 s."""
    pause = 1e-4 * np.random.default_rng(0).standard_normal(2 * RATE)
    return np.concatenate(
        [spoken("female", 5.0, np.random.default_rng(7)), pause, spoken("male", 5.0, np.random.default_rng(8))]
    )


@pytest.fixture(scope="module")
def recording(samples: npt.NDArray[np.float64], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("long") / "talk.wav"
    soundfile.write(file, samples, RATE, subtype="PCM_16")
    return file


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_table_and_speaking_times(run: RunCommand, recording: Path, tiny_model_file: Path) -> None:
    """The default output is a table of the segments and the speaking times, both on stdout."""
    done = run("segment", recording, "--model", tiny_model_file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{recording}\n      start          end  probability  label\n")
    assert "female" in done.stdout
    assert "nonspeech" in done.stdout
    assert f"Speaking time in {recording}, 0:00:12.0 in all" in done.stdout


def test_csv_of_several_recordings(run: RunCommand, recording: Path, tiny_model_file: Path, tmp_path: Path) -> None:
    """One header, the rows of all recordings in order; speaking times on stderr, none with --quiet."""
    soundfile.write(tmp_path / "other.wav", np.zeros(RATE), RATE)
    paths = [recording, tmp_path]
    done = run("segment", *paths, "--model", tiny_model_file, "--format", "csv")
    assert done.returncode == 0
    assert done.stdout.count("path,start,end") == 1
    long = [row for row in rows(done.stdout) if float(row["end"]) - float(row["start"]) >= 1.0]
    assert [row["label"] for row in long] == ["female", "nonspeech", "male", "nonspeech"]
    assert [row["path"] for row in long] == [str(recording)] * 3 + [str(tmp_path / "other.wav")]
    assert float(long[2]["end"]) == 12.0
    assert "Speaking time in 2 recordings" in done.stderr
    assert run("segment", *paths, "--model", tiny_model_file, "--format", "csv", "--quiet").stderr == ""


def test_segments_do_not_depend_on_jobs(
    run: RunCommand, recording: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """Two processes give the same segments as one, in the same order."""
    soundfile.write(tmp_path / "other.wav", np.zeros(RATE), RATE)
    command = ["segment", recording, tmp_path, "--model", tiny_model_file, "--format", "csv"]
    assert run(*command, "--jobs", 2).stdout == run(*command).stdout


def test_files_in_a_folder(run: RunCommand, recording: Path, tiny_model_file: Path, tmp_path: Path) -> None:
    """With -o, a file for each recording and one with the speaking times; only --force replaces them."""
    command = ["segment", recording, "--model", tiny_model_file, "--format", "textgrid", "-o", tmp_path / "out"]
    done = run(*command)
    assert done.returncode == 0
    assert done.stdout.startswith("Speaking time in")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["speaking-time.json", "talk.TextGrid"]
    assert (tmp_path / "out" / "talk.TextGrid").read_text().startswith('File type = "ooTextFile"')
    summary = json.loads((tmp_path / "out" / "speaking-time.json").read_text())
    assert summary["recordings"][0]["name"] == str(recording)
    again = run(*command)
    assert again.returncode == 1
    assert "it exists already; --force replaces it" in again.stderr
    assert run(*command, "--force").returncode == 0


def test_a_file_named_like_a_format(run: RunCommand, recording: Path, tiny_model_file: Path, tmp_path: Path) -> None:
    """It is written as that format; --format is before its name. Speaking times are printed, but for --quiet."""
    command = ["segment", recording, "--model", tiny_model_file]
    done = run(*command, "-o", tmp_path / "talk.textGRID")
    quiet = run(*command, "-q", "-o", tmp_path / "new" / "talk.json", "--format", "rttm")

    assert done.stdout.startswith("Speaking time in")
    assert (tmp_path / "talk.textGRID").read_text().startswith('File type = "ooTextFile"')
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert (tmp_path / "new" / "talk.json").read_text().startswith("SPEAKER talk 1 ")
    assert "it exists already; --force replaces it" in run(*command, "-o", tmp_path / "talk.textGRID").stderr


def test_one_file_of_several_recordings(
    run: RunCommand, recording: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """It has one header. A format that holds one recording is refused; a folder may be named like a format."""
    soundfile.write(tmp_path / "other.wav", np.zeros(RATE), RATE)
    command = ["segment", recording, tmp_path / "other.wav", "--model", tiny_model_file]
    printed = run(*command, "--format", "csv").stdout
    assert run(*command, "-o", tmp_path / "all.csv").returncode == 0
    assert (tmp_path / "all.csv").read_text() == printed

    done = run(*command, "-o", tmp_path / "all.TextGrid")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--format textgrid holds one recording and there are 2: give -o FOLDER" in done.stderr

    (tmp_path / "old.csv").mkdir()
    assert run(*command, "-o", tmp_path / "old.csv").returncode == 0
    assert sorted(file.name for file in (tmp_path / "old.csv").iterdir()) == [
        *("other.txt", "speaking-time.json", "talk.txt")
    ]


def test_speaking_times_have_a_row_per_recording(
    run: RunCommand, recording: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """The numbers of speaking-time.json, as CSV; silence has its classes, too."""
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    command = ["segment", recording, tmp_path / "silence.wav", "--model", tiny_model_file, "-q"]
    table = rows(run(*command, "--format", "times").stdout)
    run(*command, "-o", tmp_path / "out")
    expected = json.loads((tmp_path / "out" / "speaking-time.json").read_text())["recordings"]

    assert [row["path"] for row in table] == [str(recording), str(tmp_path / "silence.wav")]
    for row, summary in zip(table, expected, strict=True):
        assert float(row["duration_s"]) == pytest.approx(summary["duration_s"], abs=1e-3)
        assert float(row["seconds_male"]) == pytest.approx(summary["classes_s"]["male"], abs=1e-3)
        assert row["share_female"] == ("" if summary["shares"]["female"] is None else str(summary["shares"]["female"]))
        assert row["share_low_female"] == row["share_high_female"] == ""  # one block
        assert float(row["nonspeech_s"]) == pytest.approx(summary["nonspeech_s"], abs=1e-3)
    assert table[1]["seconds_female"] == "0.0"


@pytest.mark.parametrize("one_recording", [False, True])
def test_a_format_is_one_entry(
    one_recording: bool,
    run: RunCommand,
    recording: Path,
    tiny_model_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A format that is entered in `FORMATS` is in the help and can be used; its fields decide what is printed."""

    def starts(segments: Iterable[Segment], recording: SegmentedRecording) -> Iterator[str]:
        yield "starts\n"
        yield f"{Path(recording.name).name} {' '.join(f'{segment.start:g}' for segment in segments)}\n"

    form = Format(description="start times", suffix=".starts", write=starts, one_recording=one_recording, header=True)
    monkeypatch.setitem(FORMATS, "starts", form)
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    command = ["segment", recording, tmp_path / "silence.wav", "--model", tiny_model_file, "--format", "starts"]

    done = run(*command, "--quiet")

    if one_recording:
        assert (done.returncode, done.stdout) == (2, "")
        assert "--format starts holds one recording and there are 2: give -o FOLDER" in done.stderr
    else:
        header, talk, silence = done.stdout.splitlines()
        assert (header, silence, done.stderr) == ("starts", "silence.wav 0", "")
        assert talk.startswith("talk.wav 0 ")
    assert run(*command, "-o", tmp_path / "out").returncode == 0
    assert (tmp_path / "out" / "silence.starts").read_text() == "starts\nsilence.wav 0\n"
    assert "starts: start times" in " ".join(run("segment", "--help").stdout.split())


def test_speaking_times_follow_text_for_people(
    run: RunCommand, recording: Path, tiny_model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are on stdout after a format for people, and on stderr with a format for programs."""
    command = ["segment", recording, "--model", tiny_model_file, "--format", "rttm"]
    for_programs = run(*command)
    assert for_programs.stderr.startswith("Speaking time in")
    monkeypatch.setitem(FORMATS, "rttm", replace(FORMATS["rttm"], for_people=True))
    for_people = run(*command)
    assert (for_people.stdout, for_people.stderr) == (f"{for_programs.stdout}\n{for_programs.stderr}", "")


def test_a_bad_recording_does_not_stop_the_others(
    run: RunCommand, recording: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """A line on stderr for each bad one, nothing on stdout; the others are segmented; exit code 1."""
    (tmp_path / "a-empty.wav").touch()
    cut = recording.read_bytes()[:100_000]
    (tmp_path / "b-cut.wav").write_bytes(cut)
    (tmp_path / "c-text.wav").write_text("text")
    soundfile.write(tmp_path / "d-good.wav", np.zeros(RATE), RATE)
    done = run("segment", tmp_path, "--model", tiny_model_file, "--format", "csv", "--quiet")
    assert done.returncode == 1
    assert [row["path"] for row in rows(done.stdout)] == [str(tmp_path / "d-good.wav")]
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    assert "a-empty.wav: it is empty (0 bytes)" in lines[0]
    assert "b-cut.wav: it is cut short" in lines[1]
    assert "c-text.wav: it is not audio that can be read" in lines[2]
    assert lines[3] == "speechgmm: 3 of 4 recordings could not be used"


def test_a_truncated_mp3(
    run: RunCommand, tiny_model_file: Path, samples: npt.NDArray[np.float64], tmp_path: Path
) -> None:
    """Half an MP3 file is reported as cut short and has no segments."""
    soundfile.write(tmp_path / "whole.mp3", samples, RATE)
    content = (tmp_path / "whole.mp3").read_bytes()
    half = tmp_path / "half.mp3"
    half.write_bytes(content[: len(content) // 2])
    done = run("segment", half, "--model", tiny_model_file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "half.mp3: it is cut short" in done.stderr


def test_a_time_span(run: RunCommand, recording: Path, tiny_model_file: Path) -> None:
    """--start and --end select a time span; times count from the start of the recording."""
    done = run("segment", recording, "--model", tiny_model_file, "--format", "csv", "--start", 7, "--end", 11.5)
    segments = rows(done.stdout)
    assert (float(segments[0]["start"]), float(segments[-1]["end"])) == (7.0, 11.5)
    assert "male" in {row["label"] for row in segments}


def test_each_channel_separately(run: RunCommand, tiny_model_file: Path, tmp_path: Path) -> None:
    """--per-channel gives each channel its own name and segments."""
    both = np.stack(
        [spoken("female", 4.0, np.random.default_rng(7)), spoken("male", 4.0, np.random.default_rng(8))], axis=1
    )
    soundfile.write(tmp_path / "call.wav", both, RATE)
    done = run("segment", tmp_path / "call.wav", "--model", tiny_model_file, "--format", "csv", "--per-channel")
    longest = {row["path"]: row["label"] for row in rows(done.stdout) if float(row["end"]) - float(row["start"]) > 1}
    assert longest == {
        str(tmp_path / "call.channel1.wav"): "female",
        str(tmp_path / "call.channel2.wav"): "male",
    }


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-", "a.wav"], "sound on stdin cannot be combined with recordings"),
        (["-", "--raw", "s16le"], "needs both --raw and --rate"),
        (["-", "--raw", "mp3", "--rate", "16000"], "--raw, --rate or --channels: encoding is 'mp3'"),
        (["-", "--per-channel"], "--per-channel cannot be used with -"),
        (["a.wav", "--raw", "s16le", "--rate", "16000"], "PATH must be -"),
        (["a.wav", "--per-channel", "--channel", "1"], "cannot be used together"),
        (["a.wav", "b.wav", "--start", "-1"], "argument --start: '-1' is not a time in seconds, 0 or more"),
        (["a.wav", "--start", "nan"], "argument --start: 'nan' is not a time in seconds, 0 or more"),
        (["a.wav", "--end", "inf"], "argument --end: 'inf' is not a time in seconds, 0 or more"),
        (["a.wav", "b.wav", "--start", "2", "--end", "2"], "--end is 2 s, expected a time after --start, 2 s"),
        (["-", "--end", "0"], "--end is 0 s, expected a time after --start, 0 s"),
        (["a.wav", "b.wav", "--format", "json"], "--format json holds one recording and there are 2: give -o FOLDER"),
        (["x/a.wav", "y/a.wav", "-o", "out"], "and those of x/a.wav too; segment them separately"),
    ],
)
def test_wrong_usage(run: RunCommand, arguments: list[str], text: str, tiny_model_file: Path) -> None:
    """Options that contradict each other are refused before the work: exit code 2."""
    done = run("segment", *arguments, "--model", tiny_model_file)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_found(run: RunCommand, tiny_model_file: Path, tmp_path: Path) -> None:
    """A folder without recordings is a failure."""
    done = run("segment", tmp_path, "--model", tiny_model_file)
    message = f"speechgmm: {tmp_path}: the folder contains no recordings\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_an_empty_folder_does_not_stop_the_others(
    run: RunCommand, recording: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """It is a line on stderr and exit code 1."""
    done = run("segment", tmp_path, recording, "--model", tiny_model_file, "--format", "csv", "--quiet")
    assert (done.returncode, done.stderr) == (1, f"speechgmm: {tmp_path}: the folder contains no recordings\n")
    assert {row["path"] for row in rows(done.stdout)} == {str(recording)}


@pytest.mark.parametrize(
    ("error", "code"), [(None, 1), (KeyboardInterrupt(), 130)], ids=["all recordings are bad", "Ctrl-C"]
)
def test_no_empty_folder_is_left(
    run: RunCommand,
    tiny_model_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException | None,
    code: int,
) -> None:
    """If there is nothing to write, the output folder is not made; one that was there stays."""

    def interrupted(*arguments: object, **options: object) -> None:
        raise error or AssertionError

    if error is not None:
        monkeypatch.setattr("speechgmm.segmentation.segment_recordings.segment_all", interrupted)
    (tmp_path / "bad.wav").touch()
    (tmp_path / "old").mkdir()
    for folder in ("old", "new/folder"):
        done = run("segment", tmp_path / "bad.wav", "--model", tiny_model_file, "-o", tmp_path / folder)
        assert (done.returncode, done.stdout) == (code, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.wav", "old"]


@contextmanager
def process(tiny_model_file: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a separate process, with pipes for its three streams."""
    command = [sys.executable, "-m", "speechgmm", "segment", "-", "--model", str(tiny_model_file), "--format", "csv"]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *arguments], stdin=pipe, stdout=pipe, stderr=pipe) as started:
        try:
            yield started
        finally:
            started.kill()


RAW = ("--raw", "s16le", "--rate", str(RATE))


@pytest.mark.slow
def test_stdin_has_the_segments_of_the_file(run: RunCommand, recording: Path, tiny_model_file: Path) -> None:
    """WAV and raw samples on stdin give the same segments as the file."""
    expected = run("segment", recording, "--model", tiny_model_file, "--format", "csv").stdout
    content = recording.read_bytes()
    for data, arguments in ((content, ()), (content[44:], RAW)):
        with process(tiny_model_file, "--quiet", *arguments) as sound:
            out, err = sound.communicate(data, timeout=120)
        assert out.decode().replace("stdin,", f"{recording},") == expected
        assert err == b""


@pytest.mark.slow
def test_a_pipe_that_stalls(run: RunCommand, recording: Path, tiny_model_file: Path) -> None:
    """A pause of seconds in the pipe, in the middle of a sample, does not change the segments."""
    expected = run("segment", recording, "--model", tiny_model_file, "--format", "csv").stdout
    content = recording.read_bytes()[44:]
    with process(tiny_model_file, "--quiet", *RAW) as sound:
        assert sound.stdin is not None
        assert sound.stdout is not None
        header = sound.stdout.readline()  # the command reads stdin from now on
        sound.stdin.write(content[:100_001])
        sound.stdin.flush()
        time.sleep(3.0)
        assert sound.poll() is None
        rest, err = sound.communicate(content[100_001:], timeout=120)
    assert (header + rest).decode().replace("stdin,", f"{recording},") == expected
    assert (sound.returncode, err) == (0, b"")


def test_half_a_sample_at_the_end(tiny_model_file: Path, recording: Path) -> None:
    """The segments are printed, then the error; exit code 1."""
    with process(tiny_model_file, "--quiet", *RAW) as sound:
        out, err = sound.communicate(recording.read_bytes()[44:] + b"\0", timeout=120)
    assert sound.returncode == 1
    last = rows(out.decode())[-1]
    assert (last["end"], last["label"]) == ("12.000", "male")
    assert b"it ends in the middle of a frame" in err


def test_an_empty_stream(tiny_model_file: Path) -> None:
    """Empty stdin is an error of one line."""
    with process(tiny_model_file) as sound:
        out, err = sound.communicate(b"", timeout=120)
    assert sound.returncode == 1
    assert err == b"speechgmm: error: standard input: it is empty (0 bytes)\n"
    assert b"," not in out.replace(b"path,start,end,label,probability,reason,warning\n", b"")


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM ends a process at once elsewhere")
def test_live_sound(tiny_model_file: Path, recording: Path) -> None:
    """Segments are printed while the pipe is open; after SIGTERM the last ones and the speaking times follow."""
    with process(tiny_model_file, *RAW) as sound:
        assert sound.stdin is not None
        assert sound.stdout is not None
        assert sound.stderr is not None
        sound.stdin.write(recording.read_bytes()[44:])
        sound.stdin.flush()
        header, first, second = (sound.stdout.readline() for _ in range(3))
        time.sleep(1.0)  # until the rest of the sound is read
        sound.send_signal(signal.SIGTERM)
        rest, err = sound.stdout.read(), sound.stderr.read()
        assert sound.wait(timeout=60) == 0
    assert header.startswith(b"path,")
    assert b"female" in first
    assert b"nonspeech" in second
    assert rest.startswith(b"stdin,")
    assert b",12.000,male" in rest
    assert b"Speaking time in stdin, 0:00:12.0" in err


@pytest.mark.skipif(os.name != "posix", reason="pipes differ elsewhere")
def test_a_closed_stdout(tiny_model_file: Path, recording: Path) -> None:
    """If stdout is closed, the work ends and nothing is printed on stderr."""
    with process(tiny_model_file, "--quiet", *RAW) as sound:
        assert sound.stdin is not None
        assert sound.stdout is not None
        assert sound.stderr is not None
        sound.stdout.close()
        with suppress(BrokenPipeError):
            sound.stdin.write(recording.read_bytes()[44:])
            sound.stdin.close()
        assert sound.stderr.read() == b""
        assert sound.wait(timeout=60) == 1


@pytest.fixture(scope="module")
def opposite(samples: npt.NDArray[np.float64], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording whose channels cancel each other."""
    file = tmp_path_factory.mktemp("opposite") / "talk.wav"
    soundfile.write(file, np.stack([samples, -samples], axis=1), RATE, subtype="PCM_16")
    return file


CANCELLED = "its channels cancel each other in their mean, which was heard: use --channel"


@pytest.mark.parametrize("form", FORMATS)
def test_warning_in_every_format(run: RunCommand, opposite: Path, tiny_model_file: Path, form: str) -> None:
    """The output has it, or stderr if the format has no place for it."""
    command = ["segment", opposite, "--model", tiny_model_file, "--format", form]
    done, first = run(*command), run(*command, "--channel", "1")

    assert done.returncode == first.returncode == 0
    assert "speechgmm: 1 of 1 recordings have a warning\n" in done.stderr
    assert (f"speechgmm: {opposite}: {CANCELLED}" in done.stderr) != FORMATS[form].shows_warning
    if form == "csv":
        assert all(row["warning"].startswith(CANCELLED) for row in rows(done.stdout))
    elif form == "json":
        answer = json.loads(done.stdout)
        assert answer["warning"].startswith(CANCELLED)
        assert answer["heard_s"] == pytest.approx(12.0, abs=0.01)
    elif form == "table":
        assert f"\nwarning: {CANCELLED}" in done.stdout
    assert "warning:" not in first.stdout
    assert "have a warning" not in first.stderr


def test_warning_about_sound_on_stdin(
    run: RunCommand, opposite: Path, tiny_model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is known at the end."""
    with opposite.open("rb") as stream:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
        done = run("segment", "-", "--model", tiny_model_file, "--format", "json")

    assert done.returncode == 0
    assert f"speechgmm: standard input: {CANCELLED}" in done.stderr
    assert json.loads(done.stdout)["warning"].startswith(CANCELLED)

"""``speechgmm segment``: what it prints, writes, refuses, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import soundfile

from speechgmm.demo.synthesis import Kind, draw_voice, speak

RATE = 16000
Run = Callable[..., CompletedProcess[str]]


def spoken(kind: Kind, seed: int, duration_s: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return speak(draw_voice(kind, rng), duration_s=duration_s, sampling_rate=RATE, rng=rng)


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """A woman, a pause of 2 s, a man: 12 s."""
    quiet = 1e-4 * np.random.default_rng(0).standard_normal(2 * RATE)
    return np.concatenate([spoken("female", 7, 5.0), quiet, spoken("male", 8, 5.0)])


@pytest.fixture(scope="module")
def recording(samples: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("long") / "talk.wav"
    soundfile.write(file, samples, RATE, subtype="PCM_16")
    return file


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_table_and_speaking_times(run: Run, recording: Path, tiny_model_file: Path) -> None:
    """For people: the segments, then how long each class speaks, all on stdout."""
    done = run("segment", recording, "--model", tiny_model_file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{recording}\n      start          end  probability  label\n")
    assert "female" in done.stdout
    assert "nonspeech" in done.stdout
    assert f"Speaking time in {recording}, 0:00:12.0 in all" in done.stdout


def test_csv_of_several_recordings(run: Run, recording: Path, tiny_model_file: Path, tmp_path: Path) -> None:
    """One header, the rows of each recording in order, the speaking times on stderr, none with --quiet."""
    soundfile.write(tmp_path / "other.wav", np.zeros(RATE), RATE)
    paths = [recording, tmp_path]
    done = run("segment", *paths, "--model", tiny_model_file, "--format", "csv")
    assert done.returncode == 0
    assert done.stdout.count("path,start,end") == 1
    found = rows(done.stdout)
    long = [row for row in found if float(row["end"]) - float(row["start"]) >= 1.0]
    assert [row["label"] for row in long] == ["female", "nonspeech", "male", "nonspeech"]
    assert [row["path"] for row in long] == [str(recording)] * 3 + [str(tmp_path / "other.wav")]
    assert float(long[2]["end"]) == 12.0
    assert "Speaking time in 2 recordings" in done.stderr
    assert run("segment", *paths, "--model", tiny_model_file, "--format", "csv", "--quiet").stderr == ""


def test_jobs_change_nothing(run: Run, recording: Path, tiny_model_file: Path, tmp_path: Path) -> None:
    """Two processes find what one finds, in the same order."""
    soundfile.write(tmp_path / "other.wav", np.zeros(RATE), RATE)
    command = ["segment", recording, tmp_path, "--model", tiny_model_file, "--format", "csv"]
    assert run(*command, "--jobs", 2).stdout == run(*command).stdout


def test_files_in_a_folder(run: Run, recording: Path, tiny_model_file: Path, tmp_path: Path) -> None:
    """With -o, a file for each recording and one with the speaking times; they are replaced by --force only."""
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


def test_a_bad_recording_does_not_stop_the_others(
    run: Run, recording: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """A line on stderr for each, nothing of it on stdout, exit code 1, all others done."""
    (tmp_path / "a-empty.wav").touch()
    cut = recording.read_bytes()[:100_000]
    (tmp_path / "b-cut.wav").write_bytes(cut)
    (tmp_path / "c-text.wav").write_text("no sound")
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


def test_a_truncated_mp3(run: Run, tiny_model_file: Path, samples: np.ndarray, tmp_path: Path) -> None:
    """Half an MP3 file is said to be cut short; it has no segments."""
    soundfile.write(tmp_path / "whole.mp3", samples, RATE)
    content = (tmp_path / "whole.mp3").read_bytes()
    half = tmp_path / "half.mp3"
    half.write_bytes(content[: len(content) // 2])
    done = run("segment", half, "--model", tiny_model_file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "half.mp3: it is cut short" in done.stderr


def test_a_stretch_keeps_its_times(run: Run, recording: Path, tiny_model_file: Path) -> None:
    """--start and --end choose; times are those of the whole recording."""
    done = run("segment", recording, "--model", tiny_model_file, "--format", "csv", "--start", 7, "--end", 11.5)
    found = rows(done.stdout)
    assert (float(found[0]["start"]), float(found[-1]["end"])) == (7.0, 11.5)
    assert "male" in {row["label"] for row in found}


def test_each_channel_apart(run: Run, tiny_model_file: Path, tmp_path: Path) -> None:
    """--per-channel segments a recording as often as it has channels and names each."""
    both = np.stack([spoken("female", 7, 4.0), spoken("male", 8, 4.0)], axis=1)
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
        (["-", "a.wav"], "sound on stdin is segmented alone"),
        (["-", "--raw", "s16le"], "needs both --raw and --rate"),
        (["-", "--raw", "mp3", "--rate", "16000"], "encoding is 'mp3'"),
        (["-", "--per-channel"], "--per-channel cannot be used with -"),
        (["a.wav", "--raw", "s16le", "--rate", "16000"], "PATH must be -"),
        (["a.wav", "--per-channel", "--channel", "1"], "cannot be used together"),
        (["a.wav", "b.wav", "--format", "json"], "--format json holds one recording and there are 2: give -o FOLDER"),
        (["x/a.wav", "y/a.wav", "-o", "out"], "and so would those of x/a.wav"),
    ],
)
def test_what_cannot_be_done_together(run: Run, arguments: list[str], text: str, tiny_model_file: Path) -> None:
    """Wrong usage is found before anything is heard: exit code 2."""
    done = run("segment", *arguments, "--model", tiny_model_file)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr


def test_nothing_found(run: Run, tiny_model_file: Path, tmp_path: Path) -> None:
    """A folder without recordings is a failure."""
    done = run("segment", tmp_path, "--model", tiny_model_file)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "speechgmm: no recordings were found\n")


@contextmanager
def process(tiny_model_file: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own, its three streams piped."""
    command = [sys.executable, "-m", "speechgmm", "segment", "-", "--model", str(tiny_model_file), "--format", "csv"]
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    with subprocess.Popen([*command, *arguments], **pipes) as started:
        try:
            yield started
        finally:
            started.kill()


RAW = ("--raw", "s16le", "--rate", str(RATE))


def test_stdin_says_what_the_file_says(run: Run, recording: Path, tiny_model_file: Path, samples: np.ndarray) -> None:
    """WAV and raw samples through a pipe have the segments of the file."""
    expected = run("segment", recording, "--model", tiny_model_file, "--format", "csv").stdout
    content = recording.read_bytes()
    for data, arguments in ((content, ()), (content[44:], RAW)):
        with process(tiny_model_file, "--quiet", *arguments) as sound:
            out, err = sound.communicate(data, timeout=120)
        assert out.decode().replace("stdin,", f"{recording},") == expected
        assert err == b""


def test_a_pipe_that_stalls(run: Run, recording: Path, tiny_model_file: Path) -> None:
    """Sound that stops coming for seconds, in the middle of a sample, and then goes on has the segments of the file."""
    expected = run("segment", recording, "--model", tiny_model_file, "--format", "csv").stdout
    content = recording.read_bytes()[44:]
    with process(tiny_model_file, "--quiet", *RAW) as sound:
        assert sound.stdin is not None
        assert sound.stdout is not None
        header = sound.stdout.readline()  # it listens from now on
        sound.stdin.write(content[:100_001])
        sound.stdin.flush()
        time.sleep(3.0)
        assert sound.poll() is None
        rest, err = sound.communicate(content[100_001:], timeout=120)
    assert (header + rest).decode().replace("stdin,", f"{recording},") == expected
    assert (sound.returncode, err) == (0, b"")


def test_an_odd_byte_is_told(tiny_model_file: Path, recording: Path) -> None:
    """Half a sample at the end: the segments before it are told, then the fault, exit code 1."""
    with process(tiny_model_file, "--quiet", *RAW) as sound:
        out, err = sound.communicate(recording.read_bytes()[44:] + b"\0", timeout=120)
    assert sound.returncode == 1
    last = rows(out.decode())[-1]
    assert (last["end"], last["label"]) == ("12.000", "male")
    assert b"it ends in the middle of a frame" in err


def test_an_empty_stream(tiny_model_file: Path) -> None:
    """A pipe that is closed at once is an error in a sentence."""
    with process(tiny_model_file) as sound:
        out, err = sound.communicate(b"", timeout=120)
    assert sound.returncode == 1
    assert err == b"speechgmm: error: standard input: it is empty (0 bytes)\n"
    assert b"," not in out.replace(b"path,start,end,label,probability,reason\n", b"")


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM ends a process at once elsewhere")
def test_live_sound(tiny_model_file: Path, recording: Path) -> None:
    """Segments are printed while the pipe stays open; SIGTERM brings the last of them and the speaking times."""
    with process(tiny_model_file, *RAW) as sound:
        assert sound.stdin is not None
        assert sound.stdout is not None
        assert sound.stderr is not None
        sound.stdin.write(recording.read_bytes()[44:])
        sound.stdin.flush()
        header, first, second = (sound.stdout.readline() for _ in range(3))  # waits for ever where nothing is told
        time.sleep(1.0)  # for the rest of the sound to be heard
        sound.send_signal(signal.SIGTERM)
        rest, err = sound.stdout.read(), sound.stderr.read()
        assert sound.wait(timeout=60) == 0
    assert header.startswith(b"path,")
    assert b"female" in first
    assert b"nonspeech" in second
    assert rest.startswith(b"stdin,")
    assert b",12.000,male" in rest
    assert b"Speaking time in stdin, 0:00:12.0" in err


@pytest.mark.skipif(os.name != "posix", reason="pipes are others elsewhere")
def test_a_closed_stdout(tiny_model_file: Path, recording: Path) -> None:
    """Who reads no further ends the work without a complaint."""
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

"""What other systems do differently, as far as it can be simulated on this one: docs/platforms.md says what cannot."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import soundfile

import speechgmm
from speechgmm.cli import termination
from speechgmm.corpus.manifest import read_manifest
from speechgmm.errors import SpeechGmmError
from speechgmm.output import files, locks
from speechgmm.output.temporary_files import open_temporary
from speechgmm.workers import local

WINDOWS_1252 = {**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252:strict"}


@pytest.fixture
def voice(voices: Path) -> Path:
    return voices / "female" / "synthetic-f03" / "01.wav"


def command(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    """Run speechgmm with the encoding of a western Windows on its streams."""
    words = [sys.executable, "-m", "speechgmm", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, env=WINDOWS_1252, check=False)


def test_names_that_the_console_cannot_show(voice: Path, tiny_model_file: Path, tmp_path: Path) -> None:
    """Results are UTF-8; messages replace what the console lacks. Neither is a traceback."""
    file = tmp_path / "男 señal.wav"
    file.write_bytes(voice.read_bytes())

    done = command("classify", file, tmp_path / "女.wav", "--model", tiny_model_file, "--format", "csv")

    assert done.returncode == 1
    assert "男 señal.wav,female" in done.stdout.decode("utf-8")
    assert b"Traceback" not in done.stderr
    assert rb"\u5973.wav" in done.stderr


def test_python_programs_that_spawn_processes(voice: Path, tiny_model_file: Path) -> None:
    """A model and a decision go to a new interpreter and back, as on Windows and macOS."""
    model = speechgmm.load(tiny_model_file)

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(speechgmm.classify, str(voice), model=model).result()

    assert there == speechgmm.classify(voice, model=model)


class Msvcrt:
    """The locks of Windows, on those of this system."""

    LK_NBLCK = 2

    @staticmethod
    def locking(handle: int, mode: int, n_bytes: int) -> None:
        assert (mode, n_bytes) == (Msvcrt.LK_NBLCK, 1)
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this package asks for, as Windows answers it."""
    monkeypatch.setattr(locks, "msvcrt", Msvcrt, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.mark.skipif(sys.platform == "win32", reason="simulates Windows")
def test_outputs_are_closed_before_they_are_renamed(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows cannot rename an open file."""
    made: list[int] = []

    def noted(folder: Path, permissions: int) -> tuple[Path, int]:
        file, handle = open_temporary(folder, permissions)
        made.append(handle)
        return file, handle

    monkeypatch.setattr(files, "open_temporary", noted)
    replace = Path.replace

    def strict(self: Path, target: Path) -> Path:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(made[0])
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", strict)
    files.write_atomically(tmp_path / "out.csv", b"a\nb\n")

    assert (tmp_path / "out.csv").read_bytes() == b"a\nb\n"
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.skipif(sys.platform == "win32", reason="simulates Windows")
def test_locks_of_windows(windows: None, tmp_path: Path) -> None:
    """A lock that is held is seen, and its file is deleted after it is closed."""
    with locks.locked(tmp_path / "lock") as first, locks.locked(tmp_path / "lock") as second:
        assert (first, second) == (True, False)
    assert not (tmp_path / "lock").exists()


def test_without_signal_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes start, and a signal is repeated, without functions that only Unix has."""
    sent: list[int] = []
    monkeypatch.delattr(signal, "pthread_sigmask", raising=False)
    monkeypatch.delattr(signal, "pthread_kill", raising=False)
    monkeypatch.setattr(signal, "raise_signal", sent.append)
    with local._out_of_reach():
        pass
    termination._send(signal.SIGTERM)
    assert sent == [signal.SIGTERM]


def test_the_decoder_without_limits_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no `resource`: the process that decodes media files serves all the same."""
    pytest.importorskip("av", reason="the extra 'media' is not installed")
    from speechgmm.audio import media_worker

    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
    media_worker.serve()


def test_a_drive_letter_is_of_another_computer_unless_this_is_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There, the file is only missing."""
    manifest = tmp_path / "corpus.csv"
    manifest.write_text("path,label\nC:\\voices\\a.wav,female\n", encoding="utf-8")
    with pytest.raises(SpeechGmmError, match="which is a path of Windows"):
        read_manifest(manifest)

    monkeypatch.setattr(os, "sep", "\\")
    with pytest.raises(SpeechGmmError) as caught:
        read_manifest(manifest)
    assert "a path of Windows" not in str(caught.value)


def test_lines_end_as_windows_ends_them(voice: Path, tmp_path: Path) -> None:
    """A manifest with CR LF is the same manifest."""
    samples, rate = soundfile.read(voice)
    soundfile.write(tmp_path / "a.wav", samples, rate)
    read = []
    for name, end in (("unix.csv", "\n"), ("windows.csv", "\r\n")):
        (tmp_path / name).write_bytes(f"path,label,speaker{end}a.wav,female,Ada{end}".encode())
        read.append(read_manifest(tmp_path / name).recordings)
    assert read[0] == read[1]

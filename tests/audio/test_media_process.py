"""A decoder that crashes, hangs or takes all memory costs its own file, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest

from speechgmm.audio import media_process, reading
from speechgmm.errors import AudioError
from speechgmm.workers.local import ordered_map

av = pytest.importorskip("av", reason="the extra 'media' is not installed")

# A worker that answers as the real one does, until a request matches.
FAULTY = """
import sys; sys.path[:] = {{path!r}}
import json, os, signal, time
import numpy as np
from speechgmm.audio import media_worker
answer = media_worker.Decoder._open
def faulty(decoder, name, **options):
    if "bad" in name:
        {fault}
    return answer(decoder, name=name, **options)
media_worker.Decoder._open = faulty
media_worker.serve()
"""


@pytest.fixture(autouse=True)
def own_processes() -> Iterator[None]:
    """Each test starts its processes, and leaves none."""
    media_process.stop_all()
    yield
    media_process.stop_all()


def media(folder: Path, *names: str, seconds: float = 1.0) -> list[Path]:
    """Equal media files."""
    content = folder / "content.mka"
    with av.open(str(content), "w", format="matroska") as out:
        stream = out.add_stream("pcm_s16le", rate=16_000, layout="mono")
        samples = (1000 * np.random.default_rng(1).standard_normal((1, round(seconds * 16_000)))).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = 16_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    for name in names:
        (folder / name).write_bytes(content.read_bytes())
    return [folder / name for name in names]


def outcome(file: Path) -> str:
    """Number of samples of a file, or the error."""
    try:
        return str(len(reading.read(file, sampling_rate=16_000)))
    except AudioError as error:
        return str(error).removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the decoder crashed, signal 11"),
        ("os._exit(7)", "the decoder crashed, exit status 7"),
        ("np.ones(media_worker.MEMORY, np.uint8)", "it needs too much memory"),
        ("time.sleep(60)", "the decoder gave no sound for 0.3 s"),
        ("raise ValueError('odd')", "odd"),
        ("sys.stdout.buffer.write(b'no answer\\\\n'); sys.stdout.flush()", "the decoder crashed, signal 9"),
    ],
    ids=["crash", "exit", "memory", "hang", "exception", "nonsense"],
)
def test_faulty_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str) -> None:
    """The file is named with the reason; the files before and after it are read."""
    monkeypatch.setattr(media_process, "_START", FAULTY.format(fault=fault))
    if "sleep" in fault:
        monkeypatch.setattr(media_process, "PATIENCE_S", 0.3)
        monkeypatch.setattr(media_process, "_Process", slowly_started(media_process._Process))
    files = media(tmp_path, "a.mka", "bad.mka", "b.mka")

    outcomes = [outcome(file) for file in files]

    assert outcomes[0] == outcomes[2] == "16000"
    assert outcomes[1].startswith(f"it cannot be decoded ({reason})")


def slowly_started(process: type[media_process._Process]) -> type[media_process._Process]:
    """A process that has answered once, so that its start does not count."""

    class Started(process):  # type: ignore[valid-type, misc]
        def __init__(self) -> None:
            patience, media_process.PATIENCE_S = media_process.PATIENCE_S, 60.0
            super().__init__()
            self.ask({"next": True})
            media_process.PATIENCE_S = patience

    return Started


def test_long_work_is_no_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that tells that it goes on is waited for."""
    fault = "[(time.sleep(0.1), setattr(decoder, '_answered_s', 0.0), decoder._alive()) for _ in range(10)]"
    monkeypatch.setattr(media_process, "_START", FAULTY.format(fault=fault))
    monkeypatch.setattr(media_process, "PATIENCE_S", 0.5)
    monkeypatch.setattr(media_process, "_Process", slowly_started(media_process._Process))
    (file,) = media(tmp_path, "bad.mka")

    assert outcome(file) == "16000"


def test_crash_in_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In worker processes and threads, too, only one file is lost."""
    monkeypatch.setattr(media_process, "_START", FAULTY.format(fault="os.abort()"))
    files = media(tmp_path, *(f"{number}.mka" for number in range(5)), "bad.mka", "z.mka")

    outcomes = list(ordered_map(outcome, files, jobs=3, threads=True))

    assert outcomes == ["16000"] * 5 + [
        "it cannot be decoded (the decoder crashed, signal 6): the file is damaged",
        "16000",
    ]


def test_process_is_kept(tmp_path: Path) -> None:
    """One process reads one file after the other, also after a file that is damaged or was not read to its end."""
    first, second, third, damaged = media(tmp_path, "a.mka", "b.mka", "c.mka", "d.mka", seconds=30.0)
    damaged.write_bytes(damaged.read_bytes().replace(b"A_PCM/INT", b"A_PCM/XXX"))

    assert outcome(first) == "480000"
    (process,) = media_process._idle
    blocks = reading.blocks(second, sampling_rate=16_000, block_s=1.0)
    next(blocks)
    assert media_process._idle == []
    other = reading.blocks(first, sampling_rate=16_000)
    next(other)
    for opened in (blocks, other):
        assert isinstance(opened, Generator)
        opened.close()
    assert media_process._idle[0] is process
    assert "not supported" in outcome(damaged)
    assert outcome(third) == "480000"
    assert process in media_process._idle


def test_dead_process_is_not_used(tmp_path: Path) -> None:
    """A process that was ended while it was idle is replaced."""
    first, second = media(tmp_path, "a.mka", "b.mka")
    outcome(first)
    (process,) = media_process._idle
    os.kill(process._popen.pid, signal.SIGKILL)
    process._popen.wait()

    assert outcome(second) == "16000"
    process.stop()


def test_interrupt_while_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was interrupted between request and answer is not used again."""
    (file,) = media(tmp_path, "a.mka")

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(media_process._Process, "_answer", interrupt)
        with pytest.raises(KeyboardInterrupt):
            reading.read(file, sampling_rate=16_000)
    assert media_process._idle == []
    assert outcome(file) == "16000"


def test_process_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says so."""
    (file,) = media(tmp_path, "a.mka")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))

    assert outcome(file) == "the process that decodes it cannot be started (No such file or directory)"


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "sys.exit()"])
def test_process_ends_with_its_parent(tmp_path: Path, end: str) -> None:
    """However the parent ends, no process is left."""
    (file,) = media(tmp_path, "a.mka")
    code = f"""
import os, signal, sys
from pathlib import Path
from speechgmm.audio import media_process, reading
reading.read(Path({str(file)!r}), sampling_rate=16_000)
print(media_process._idle[0]._popen.pid, flush=True)
{end}
"""
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)

    assert result.stderr == ""
    gone = threading.Event()
    for _ in range(100):
        try:
            os.kill(int(result.stdout), 0)
        except ProcessLookupError:
            return
        gone.wait(0.05)
    pytest.fail("the process is still there")


def test_name_of_any_bytes(tmp_path: Path) -> None:
    """The name is passed on as it is."""
    (file,) = media(tmp_path, "a.mka")
    if os.name == "posix":
        file = file.rename(tmp_path / os.fsdecode(b"caf\xe9.mka"))

    assert outcome(file) == "16000"

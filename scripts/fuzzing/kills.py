"""Commands that are killed while they work: their outputs are whole, and the next run succeeds.

A command is first run unbroken, which gives its whole outputs. Then, again and again, it is run in a folder with the
outputs of an earlier run of other recordings, or in an empty one, and killed: after a share of its time, or at one of
the moments at which it changes its outputs, or after a share of what it prints. It must hold that

- each output is the earlier one, the new one, or absent; never a part of one. What goes to stdout is the beginning of
  the whole, up to the end of a line;
- after SIGTERM nothing else is left; after SIGKILL only temporary files and an empty lock;
- the same command then succeeds, its outputs are those of the unbroken run, and nothing else is left.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzzing.material import small_model
from speechgmm.demo.synthesis import write_voices

OUTPUT, STDOUT = "out", "stdout.csv"
DONE = "ended before"
PATIENCE_S = 300.0
TIME_SHARE = 0.3
"""Share of the kills after a share of the time."""

COUNTED = -1
"""Stands for an access at which nothing is killed, but accesses are counted."""

_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+:\d-]*")
_TEMPORARY = re.compile(r"\.speechgmm-.*")

_RUN = """
import os, sys
at, number, where, events = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], 0

changes = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.chown"}

def watch(event, arguments):
    global events
    is_change = event in changes or event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if is_change and any(str(each).startswith(where) for each in arguments):
        events += 1
        if events == at:
            os.kill(os.getpid(), number)

sys.addaudithook(watch)
from speechgmm.cli import main
code = main(sys.argv[4:])
if at < 0:
    text = str(events)
    open(f"{where}.events", "w").write(text)
sys.exit(code)
"""

_STATES = (f"{OUTPUT}/state", f"{OUTPUT}/features")
"""Folders of a training that later ones go on from."""

_CORPUS = ("--recipe", "plain", "--components", "2", "--set", "calibration.folds=2")

COMMANDS: dict[str, tuple[str, ...]] = {
    "segment -o": ("segment", "{voices}", "-o", OUTPUT, "--format", "csv", "--force", "-q", "--model", "{model}"),
    "evaluate -o": ("evaluate", "{voices}", "-o", OUTPUT, "--resamples", "20", "--force", "-q", "--model", "{model}"),
    "classify > file": ("classify", "{voices}", "--format", "csv", "-q", "--model", "{model}"),
    "train": (
        *("train", "{voices}", "-o", f"{OUTPUT}/model.npz", "--force", "-q", *_CORPUS),
        *("--report", f"{OUTPUT}/report", "--checkpoint", f"{OUTPUT}/state", "--features", f"{OUTPUT}/features"),
    ),
}
"""By name; run in the folder that holds `OUTPUT`."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When a command is killed: after a time, at an access to its outputs, counted from 1, or after printed bytes."""

    seconds: float = PATIENCE_S
    access: int = 0
    printed: float = math.inf

    def __str__(self) -> str:
        if self.access:
            return f"at access {self.access}"
        return f"after {self.seconds:.2f} s" if math.isinf(self.printed) else f"after {self.printed} bytes"


Files = dict[str, bytes]
"""Contents by path in the folder; times in them are left out."""


@dataclass(frozen=True, kw_only=True)
class Unbroken:
    """An unbroken run: its outputs, its duration, and how often it opened, renamed or deleted outputs."""

    files: Files
    seconds: float
    n_events: int


class Kills:
    """Kills of one command.

    Parameters
    ----------
    name : str
        A key of `COMMANDS`.
    folder : Path
        For recordings and outputs.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._place = folder / re.sub(r"\W+", "-", name)
        self._place.mkdir()
        self._words, self._model = COMMANDS[name], small_model(self._place)
        self._voices = {seed: _recordings(folder / f"voices-{seed}", seed) for seed in (1, 2)}
        self._old, self._new = self._unbroken(2), self._unbroken(1)

    def kill(self, number: int, rng: np.random.Generator) -> tuple[str, list[str]]:
        """Kill the command once, by this signal, and run it again.

        Returns
        -------
        end : str
            The signal, or `DONE` if the command had ended before.
        faults : list of str
        """
        old = self._old.files if rng.integers(2) else {}
        self._begin({name: content for name, content in old.items() if not name.startswith(_STATES)})
        moment = self._moment(rng)
        code = self._run(1, moment, number)
        sent = signal.Signals(number).name
        place = f"{sent} {moment}, exit code {code}"
        faults = list(self._faults(old, after_kill=number == signal.SIGKILL))
        if code not in (0, -number, 128 + number):
            faults.append("the exit code is that of no signal")
        if (again := self._run(1, Moment())) != 0:
            faults.append(f"the next run ended with exit code {again}")
        left, new = self._files(), self._new.files
        differing = sorted(name for name in {*left, *new} if left.get(name) != new.get(name))
        faults += [f"after the next run, {name} is not as expected" for name in differing]
        return DONE if code == 0 else sent, [f"{place}: {fault}" for fault in faults]

    def _moment(self, rng: np.random.Generator) -> Moment:
        if rng.random() < TIME_SHARE:
            return Moment(seconds=float(rng.uniform(0, self._new.seconds)))
        if self._new.n_events:
            return Moment(access=int(rng.integers(1, self._new.n_events + 1)))
        return Moment(printed=int(rng.integers(1, len(self._new.files[STDOUT]))))

    def _faults(self, old: Files, *, after_kill: bool) -> Iterator[str]:
        for name, content in self._files().items():
            if _TEMPORARY.fullmatch(Path(name).name):
                if not after_kill:
                    yield f"{name} is left"
            elif name == STDOUT:
                whole = self._new.files[STDOUT]
                if not (whole.startswith(content) and (not content or content.endswith(b"\n"))):
                    yield f"{name} ends within a line"
            elif name.startswith(_STATES):
                continue  # states before the last; the next run tells whether they are whole
            elif content not in (old.get(name), self._new.files.get(name)):
                yield f"{name} is a part, {len(content)} bytes"

    def _unbroken(self, seed: int) -> Unbroken:
        self._begin({})
        begin = time.monotonic()
        code = self._run(seed, Moment(access=COUNTED))
        if code != 0:
            raise RuntimeError(f"the unbroken command ended with exit code {code}")
        seconds = time.monotonic() - begin
        counted = self._place / f"{OUTPUT}.events"
        n_events = int(counted.read_text())
        counted.unlink()
        return Unbroken(files=self._files(), seconds=seconds, n_events=n_events)

    def _begin(self, files: Files) -> None:
        for path in self._place.iterdir():
            if path.name != "small.npz":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self._place / OUTPUT).mkdir()
        for name, content in files.items():
            (self._place / name).parent.mkdir(parents=True, exist_ok=True)
            (self._place / name).write_bytes(content)

    def _run(self, seed: int, moment: Moment, number: int = 0) -> int:
        """Run the command on the recordings of this seed, and kill it at this moment; its exit code."""
        words = [word.format(voices=f"../voices-{seed}", model=self._model) for word in self._words]
        if "segment" in words:
            words[1:2] = [str(file) for file in self._voices[seed]]
        command = [sys.executable, "-c", _RUN, str(moment.access), str(number), OUTPUT, *words]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        file, begin = self._place / STDOUT, time.monotonic()
        with (
            file.open("wb") as stdout,
            subprocess.Popen(
                command, cwd=self._place, stdout=stdout, stderr=subprocess.DEVNULL, env=environment
            ) as run,
        ):
            while run.poll() is None:
                if time.monotonic() - begin > moment.seconds or file.stat().st_size >= moment.printed:
                    run.send_signal(number)
                    break
                time.sleep(0.001)
            return run.wait(PATIENCE_S)

    def _files(self) -> Files:
        found = {}
        for path in sorted(self._place.rglob("*")):
            if path.is_file() and path.name != "small.npz":
                found[path.relative_to(self._place).as_posix()] = _TIME.sub(b"TIME", path.read_bytes())
        return found


def _recordings(folder: Path, seed: int) -> list[Path]:
    """Recordings in folders CLASS/SPEAKER, with names of their own, as `segment` needs them."""
    if not folder.exists():
        write_voices(folder, n_speakers=3, n_files=1, duration_s=2.0, seed=seed)
        for file in sorted(folder.rglob("*.wav")):
            file.rename(file.with_name(f"{file.parent.name}.wav"))
    return sorted(folder.rglob("*.wav"))


def kill_all(n_kills: int, seed: int, folder: Path) -> Iterator[tuple[str, Counter[str], list[str]]]:
    """Kill each command so many times, by SIGKILL and SIGTERM in turn.

    Yields
    ------
    name : str
        Of the command.
    counts : Counter
        Runs by how they ended.
    faults : list of str
    """
    for index, name in enumerate(COMMANDS):
        kills, rng = Kills(name, folder), np.random.default_rng([seed, index])
        counts, faults = Counter[str](), list[str]()
        for kill in range(n_kills):
            end, found = kills.kill((signal.SIGKILL, signal.SIGTERM)[kill % 2], rng)
            counts[end] += 1
            faults += found
        yield name, counts, faults


ENDS = ("SIGKILL", "SIGTERM", DONE)
HEADER = f"| command | runs | {' | '.join(ENDS)} | faults |\n| :-- | --: | --: | --: | --: | --: |"


def row(name: str, counts: Counter[str], faults: list[str]) -> str:
    """The counts of a command as a row below `HEADER`, in Markdown."""
    return f"| `{name}` | {counts.total()} | {' | '.join(str(counts[end]) for end in ENDS)} | {len(faults)} |"

"""Checkpoints: a training that is killed at any moment goes on to the same bytes, and no other takes it for its own."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechgmm.errors import CheckpointError
from speechgmm.mixture.bernoulli import BernoulliMixture
from speechgmm.mixture.em import Fit, Iteration
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.model import Mixture
from speechgmm.training.folder_checkpoint import FolderCheckpoint, checkpoint_in
from tests.builders import RunCommand

IDENTITY = {"options": "some", "recordings": "these"}
GAUSSIAN = DiagonalMixture(np.array([0.25, 0.75]), np.array([[1 / 3, 2.0], [3.0, -4.0]]), np.full((2, 2), 0.1))
BERNOULLI = BernoulliMixture(np.array([0.25, 0.75]), np.array([[1 / 3, 0.5], [0.9, 0.1]]))

ARGUMENTS = (
    *("--recipe", "plain", "--components", "6", "--seed", "3"),
    *("--set", "calibration.folds=2", "--set", "training.restarts=2"),
)


def begun(folder: Path) -> FolderCheckpoint:
    """A checkpoint of the training of this identity."""
    checkpoint = FolderCheckpoint(folder)
    checkpoint.begin(IDENTITY)
    return checkpoint


def fit_of(mixture: Mixture) -> Fit[Mixture]:
    steps = (
        Iteration(log_likelihood=-1 / 3, auxiliary=-2.0, entropy=0.1, raised=float("nan"), log_prior=-0.7),
        Iteration(log_likelihood=-0.3, auxiliary=-1.9, entropy=0.2, raised=-0.31),
    )
    return Fit(
        mixture=mixture, iterations=steps, converged=True, n_limited=1, reseeded_at=(1,), n_reseeded=4, n_pruned=2
    )


@pytest.mark.parametrize("mixture", [GAUSSIAN, BERNOULLI])
def test_a_fit_comes_back_as_it_was(mixture: Mixture, tmp_path: Path) -> None:
    """All of it, to the last bit; the last one written counts."""
    page = begun(tmp_path / "new").at("part").at("class-1")
    assert page.read() is None
    page.write(replace(fit_of(mixture), converged=False))
    page.write(fit_of(mixture))

    back = begun(tmp_path / "new").at("part").at("class-1").read()

    assert back is not None
    assert type(back.mixture) is type(mixture)
    assert repr(replace(back, mixture=mixture)) == repr(fit_of(mixture))
    for name, value in vars(mixture).items():
        np.testing.assert_array_equal(getattr(back.mixture, name), value)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    """The error says what is other and what to do."""
    begun(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        FolderCheckpoint(tmp_path).begin({"options": "some", "recordings": "others", "software": "newer"})
    assert str(caught.value) == (
        f"{tmp_path}: it is the checkpoint of another training, with other recordings and software: give another "
        "folder, or delete this one to begin anew"
    )


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    """Nothing is written among files that are no checkpoint."""
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(CheckpointError, match=r"it holds files but no checkpoint: give an empty folder or a new one$"):
        begun(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("content", [b"", b"PK but no archive", b"[1]"])
def test_a_damaged_checkpoint_is_refused(content: bytes, tmp_path: Path) -> None:
    """The error names the file and the remedy, whichever file it is."""
    checkpoint = begun(tmp_path)
    checkpoint.at("class-1").write(fit_of(GAUSSIAN))
    (tmp_path / "class-1.npz").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"class-1\.npz: the checkpoint cannot be read .*: delete it, and this"):
        checkpoint.at("class-1").read()
    (tmp_path / "training.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"training\.json: the checkpoint cannot be read .*: delete its folder$"):
        begun(tmp_path)


def damages(content: bytes) -> Iterator[bytes]:
    """The content cut, with zeros, and with one changed byte in any place."""
    for length in range(0, len(content), 97):
        yield content[:length]
    yield content[:100] + bytes(len(content) - 100)
    yield bytes(len(content))
    yield content + b"more"
    for place in range(0, len(content), 31):
        yield content[:place] + bytes([content[place] ^ 0x20]) + content[place + 1 :]


def test_damage_is_found_wherever_it_is(tmp_path: Path) -> None:
    """No fit is resumed from a file that is not as it was written."""
    page = begun(tmp_path).at("class-1")
    page.write(fit_of(GAUSSIAN))
    file = tmp_path / "class-1.npz"
    for content in damages(file.read_bytes()):
        file.write_bytes(content)
        with pytest.raises(
            CheckpointError, match=r"class-1\.npz: the checkpoint cannot be read .*: delete it, and this"
        ):
            page.read()


class Intruder:
    """What runs when it is unpickled makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_a_pickle_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    """An array of Python objects is refused, not unpickled."""
    checkpoint = begun(tmp_path / "checkpoint")
    file = tmp_path / "checkpoint" / "class-1.npz"
    np.savez(file, family=np.array([Intruder(tmp_path / "here")], dtype=object))
    file.write_bytes(file.read_bytes() + hashlib.sha256(file.read_bytes()).digest())
    with pytest.raises(CheckpointError, match=r"class-1\.npz"):
        checkpoint.at("class-1").read()
    assert not (tmp_path / "here").exists()


HOLDER = """
import sys, time
from pathlib import Path
from speechgmm.training.folder_checkpoint import checkpoint_in
with checkpoint_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_a_checkpoint_has_one_training_at_a_time(tmp_path: Path) -> None:
    """A second one is refused while the first lives, in another process or in this one; nothing is left of the lock."""
    folder = tmp_path / "checkpoint"
    refusal = f"{folder}: another training is using this checkpoint: wait until it has ended, or give another folder"

    def refused() -> str:
        with pytest.raises(CheckpointError) as caught, checkpoint_in(folder):
            pass
        return str(caught.value)

    with subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert refused() == refusal
        holder.kill()
    with checkpoint_in(folder) as checkpoint:
        assert refused() == refusal
        checkpoint.begin(IDENTITY)
    with checkpoint_in(folder) as checkpoint:
        checkpoint.begin(IDENTITY)
    assert [each.name for each in folder.iterdir()] == ["training.json"]


def test_a_training_that_fails_early_leaves_no_folder(tmp_path: Path) -> None:
    """A folder that was there stays."""
    (tmp_path / "old").mkdir()
    for name in ("old", "new"):
        with checkpoint_in(tmp_path / name):
            pass
    assert [each.name for each in tmp_path.iterdir()] == ["old"]


KILLED = """
import os, sys
from speechgmm.cli import main
os.fsync = lambda handle: os.kill(os.getpid(), 9)
main(sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_killed_while_it_begins_the_same_command_goes_on(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """The temporary file that is left is no file of another's, and is deleted."""
    folder = tmp_path / "checkpoint"
    command = ["train", voices, "-o", tmp_path / "model.npz", *ARGUMENTS, "--quiet", "--checkpoint", folder]
    killed = subprocess.run([sys.executable, "-c", KILLED, *map(str, command)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert folder / "training.json" not in list(folder.iterdir())
    assert len(list(folder.iterdir())) == 2

    done = run(*command)

    assert (done.returncode, done.stderr) == (0, "")
    assert not list(folder.rglob(".*"))


def kill_after(n_writes: int, folder: Path, command: list[str]) -> int:
    """Start a command, send it SIGKILL after so many writes of its checkpoint, and tell how it ended."""
    count = count_writes(folder)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and count() < n_writes:
            time.sleep(0.001)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        return process.wait()


def count_writes(folder: Path) -> Callable[[], int]:
    """How many different states of the checkpoint have been seen so far."""
    seen: set[tuple[str, int]] = set()

    def count() -> int:
        for file in folder.rglob("*.npz"):
            try:
                seen.add((str(file), file.stat().st_mtime_ns))
            except FileNotFoundError:  # it was a temporary one
                continue
        return len(seen)

    return count


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_killed_again_and_again_it_ends_with_the_same_bytes(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """Killed after ever more writes of the checkpoint, the same command ends with the model of an unbroken run."""
    whole, folder = tmp_path / "whole.npz", tmp_path / "checkpoint"
    done = run("train", voices, "-o", whole, *ARGUMENTS, "--quiet")
    assert done.returncode == 0, done.stderr
    model = tmp_path / "model.npz"
    features = ("--features", tmp_path / "features")
    command = [
        "-m",
        "speechgmm",
        "train",
        voices,
        "-o",
        model,
        *ARGUMENTS,
        "--quiet",
        "--checkpoint",
        folder,
        *features,
    ]
    killed = 0
    for n_writes in (1, 4, 15, 40):
        code = kill_after(n_writes, folder, [sys.executable, *map(str, command)])
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
        assert not model.exists()
    assert killed >= 3
    if not model.exists():
        last = run(*command[2:])
        assert last.returncode == 0, last.stderr
    assert model.read_bytes() == whole.read_bytes()


def test_a_finished_checkpoint_is_not_fitted_again(
    run: RunCommand, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all fits in the checkpoint, the command writes the model again without a single E-step."""
    arguments = ("train", voices, *ARGUMENTS, "--checkpoint", tmp_path / "checkpoint", "--quiet")
    assert run(*arguments, "-o", tmp_path / "one.npz").returncode == 0

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an E-step was made")

    monkeypatch.setattr("speechgmm.mixture.em.accumulate_shards", refuse)
    assert run(*arguments, "-o", tmp_path / "two.npz").returncode == 0
    assert (tmp_path / "two.npz").read_bytes() == (tmp_path / "one.npz").read_bytes()


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (("--seed", "4"), "options"),
        (("--components", "4,6"), "options and sizes"),
        (("--where", "speaker=f1"), None),
    ],
)
def test_another_command_does_not_go_on_from_it(
    run: RunCommand, voices: Path, tmp_path: Path, other: tuple[str, str], what: str | None
) -> None:
    """Other options, sizes or recordings: the command refuses the checkpoint, says why, and writes no model."""
    arguments = (
        "train",
        voices,
        *("--recipe", "plain", "--set", "calibration.folds=2", "--quiet", "--checkpoint", tmp_path / "checkpoint"),
    )
    two = ("--components", "2")
    assert run(*arguments, *two, "-o", tmp_path / "one.npz").returncode == 0
    second: tuple[object, ...] = (*arguments, *other, *(() if "--components" in other else two))
    if what is None:
        fewer = tmp_path / "fewer"
        for file in sorted(voices.rglob("*.wav"))[1:]:
            (fewer / file.relative_to(voices).parent).mkdir(parents=True, exist_ok=True)
            (fewer / file.relative_to(voices)).write_bytes(file.read_bytes())
        second, what = ("train", fewer, *arguments[2:], *two), "recordings"
    refused = run(*second, "-o", tmp_path / "two.npz")
    assert refused.returncode == 1
    assert f"it is the checkpoint of another training, with other {what}: give another folder" in refused.stderr
    assert not (tmp_path / "two.npz").exists()

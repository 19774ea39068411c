"""What was odd about a recording is told where it trains, as it is where it is classified."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import speechgmm
from speechgmm.corpus.recording import Recording
from speechgmm.features.extraction import Failure, InStreams
from speechgmm.features.options import FrontEndOptions
from speechgmm.training.feature_store import FeatureStore, fetch
from speechgmm.training.heard_recordings import extract, notes_on
from tests.builders import RunCommand

SMALL = ("--recipe", "two.toml", "--components", "2", "--set", "calibration.folds=2", "--set", "em.max_iterations=2")
FRONT_END = FrontEndOptions()
WARNING = "its header declares 48,000 bytes of sound, 96,000 follow and were read"


@pytest.fixture
def corpus(voices: Path, tmp_path: Path) -> Path:
    """Voices, of which `odd_file` declares half of its length."""
    folder = Path(shutil.copytree(voices, tmp_path / "corpus"))
    content = bytearray(odd_file(folder).read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = (48_000).to_bytes(4, "little")
    odd_file(folder).write_bytes(content)
    return folder


def odd_file(folder: Path) -> Path:
    return folder / "female" / "synthetic-f02" / "01.wav"


def recording(file: Path, *, augmentation: str = "") -> Recording:
    return Recording(file=file, name="a.wav", label="female", augmentation=augmentation)


def in_memory(recording: Recording, folder: Path) -> InStreams | Failure:
    del folder
    return extract(recording, front_ends=[FRONT_END])


def in_a_store(recording: Recording, folder: Path) -> InStreams | Failure:
    return fetch([FeatureStore(folder=folder / "features", front_end=FRONT_END)], recording)


@pytest.mark.parametrize("read", [in_memory, in_a_store])
def test_notes(read: Callable[[Recording, Path], InStreams | Failure], corpus: Path, tmp_path: Path) -> None:
    """File and warning, each time that the recording is read; nothing on other recordings and augmented versions."""
    file = odd_file(corpus)
    for _ in range(2):  # extracted, and as it was stored
        assert list(notes_on(read(recording(file), tmp_path))) == [f"{file}: {WARNING}"]
    assert list(notes_on(read(recording(file.with_name("02.wav")), tmp_path))) == []
    assert list(notes_on(read(recording(file, augmentation="channel"), tmp_path))) == []
    assert list(notes_on(read(recording(file.with_name("gone.wav")), tmp_path))) == []


def test_features_of_earlier_versions_have_no_note(corpus: Path, tmp_path: Path) -> None:
    """They are used as they are."""
    file = odd_file(corpus)
    in_a_store(recording(file), tmp_path)
    (kept,) = (tmp_path / "features").rglob("*.json")
    known = json.loads(kept.read_text(encoding="utf-8"))
    del known["warning"]
    kept.write_text(json.dumps(known), encoding="utf-8")

    assert list(notes_on(in_a_store(recording(file), tmp_path))) == []


@pytest.mark.parametrize("command", [("train", "-o", "m.npz"), ("crossvalidate", "--folds", "2", "--resamples", "5")])
@pytest.mark.parametrize("features", [(), ("--features", "features")], ids=["memory", "store"])
def test_the_command_line_notes_each_once(
    run: RunCommand,
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    features: tuple[str, ...],
) -> None:
    """Once, though two streams read it; not with --quiet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.toml").write_text("[[streams]]\n[[streams]]\nn_mels = 30\n", encoding="utf-8")
    name, *others = command
    arguments = (name, corpus, *others, *SMALL)

    done = run(*arguments, *features)

    assert done.returncode == 0
    assert done.stderr.count(f"speechgmm: {odd_file(corpus)}: {WARNING}\n") == done.stderr.count(WARNING) == 1
    (tmp_path / "m.npz").unlink(missing_ok=True)
    assert WARNING not in run(*arguments, *features, "--quiet").stderr


def test_python_logs_each_once(corpus: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By the logger of the package."""
    recipe = speechgmm.Recipe(
        n_components=2, calibration_folds=2, further_front_ends=(speechgmm.FrontEndOptions(n_mels=30),)
    )
    with caplog.at_level(logging.WARNING, "speechgmm"):
        speechgmm.train(corpus, recipe=recipe)

    assert caplog.messages == [f"{odd_file(corpus)}: {WARNING}"]

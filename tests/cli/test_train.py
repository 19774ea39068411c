"""``speechgmm train``: a model file or none, and every recording that could not be used by name."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import speechgmm
from speechgmm.mixture.gaussian import DiagonalMixture
from tests.builders import RunCommand, write_manifest

SCRIPT = Path(sys.executable).with_name("speechgmm")
FAST = ["--recipe", "plain", "--set", "em.max_iterations=2", "--set", "calibration.folds=2"]
SMALL = [*FAST, "--components", "2"]


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """Where the model is to be written, in a folder of its own."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "model.npz"


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts to train fails the test."""

    def train(*arguments: object, **options: object) -> None:
        pytest.fail("the training was started")

    monkeypatch.setattr("speechgmm.training.train.train", train)


def test_model_is_written_and_summarised(run: RunCommand, voices: Path, model_file: Path) -> None:
    """The model file can be loaded, and stdout says what it was trained on, how good it is and where it is."""
    done = run("train", voices, "-o", model_file, *SMALL, "--seed", "5", "--set", "streams.1.n_coefficients=13")

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[:4] for line in lines[:3]] == [
        ["class", "split", "speakers", "recordings"],
        ["female", "train", "6", "12"],
        ["male", "train", "6", "12"],
    ]
    assert lines[4].startswith("UAR on 12 held-out speakers: ")
    assert lines[-2:] == [
        "recordings that could not be used: 0 of 24",
        f"the model is {model_file}; to look at it: speechgmm describe {model_file}",
    ]
    assert list(model_file.parent.iterdir()) == [model_file]
    model = speechgmm.load(model_file)
    assert model.labels == ("female", "male")
    assert model.front_end.n_coefficients == 13
    settings = model.card["settings"]
    assert [settings[name] for name in ("n_components", "max_iterations", "calibration_folds", "seed")] == [2, 2, 2, 5]


def test_quiet_prints_nothing(run: RunCommand, voices: Path, model_file: Path) -> None:
    """The result is in the file."""
    done = run("train", voices, "-o", model_file, *SMALL, "-q")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert model_file.is_file()


@pytest.mark.parametrize("name", ["voices.txt", "voices", "a.b/voices.csv"])
def test_the_name_of_a_model_ends_in_npz(run: RunCommand, voices: Path, tmp_path: Path, name: str) -> None:
    """Another name is refused before the work."""
    done = run("train", voices, "-o", tmp_path / name)

    message = f"--output {tmp_path / name}: it is a model file, whose name ends in .npz, such as voices.npz"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"speechgmm: error: {message}\n")
    assert not any(tmp_path.iterdir())


def test_verbose_says_all_and_shows_the_work(run: RunCommand, voices: Path, model_file: Path) -> None:
    """With -v the whole recipe is on stderr, then the progress in lines and each iteration of EM."""
    done = run("train", voices, "-o", model_file, *SMALL, "-v")

    assert done.stderr.startswith("speechgmm: the recipe:\nversion = 1\n")
    assert "\n[training]\ncomponents = 2\n" in done.stderr
    lines = done.stderr.splitlines()
    progress = [line for line in lines if line.startswith("speechgmm: reading recordings: ")]
    assert (len(progress), progress[-1]) == (10, "speechgmm: reading recordings: 24 of 24")
    iterations = [line for line in lines if line.startswith("speechgmm: model, stream 1, class 'male', iteration ")]
    assert len(iterations) == 3
    assert re.search(r"iteration 2: log-likelihood -\d+\.\d{4} per frame, change \+\d\.\d{4}$", iterations[-1])


def test_starts_and_restarts_are_in_the_card(run: RunCommand, voices: Path, model_file: Path) -> None:
    """The card names the start and the number of starts, and where there were several, how they ended."""
    done = run("train", voices, "-o", model_file, *SMALL, "--set=training.start=random", "--set=training.restarts=3")

    assert (done.returncode, done.stderr) == (0, "")
    card = speechgmm.load(model_file).card
    assert (card["settings"]["start"], card["settings"]["restarts"]) == ("random", 3)
    (stream,) = card["streams"]
    ends = stream["restarts"]["log_likelihoods_per_frame"]
    assert len(set(ends)) == 3
    assert stream["restarts"]["spread"] == pytest.approx(max(ends) - min(ends), abs=2e-6)
    assert "\n    restarts:\n      log likelihoods" in run("describe", model_file).stdout


def test_the_start_decides_the_model(run: RunCommand, voices: Path, model_file: Path) -> None:
    """Each start gives another model; k-means is the one where none is named, and one start has no spread."""
    means = {}
    for method in ("", "kmeans", "random", "medoids", "split"):
        option = [f"--set=training.start={method}"] if method else []
        assert run("train", voices, "-o", model_file, "--force", *SMALL, *option).returncode == 0
        model = speechgmm.load(model_file)
        mixture = model.streams[0].mixtures[0]
        assert isinstance(mixture, DiagonalMixture)
        means[method] = mixture.means.tobytes()
        assert model.card["settings"]["start"] == (method or "kmeans")
        assert "restarts" not in model.card["streams"][0]
    assert means.pop("") == means["kmeans"]
    assert len(set(means.values())) == 4


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "training.start=k-means"], "start is 'k-means', but it must be one of kmeans, random, medoids"),
        (["--set", "training.restarts=0"], "restarts is 0, but it must be 1 or more"),
    ],
)
def test_impossible_starts_are_refused_before_the_work(
    run: RunCommand, voices: Path, model_file: Path, arguments: list[str], said: str
) -> None:
    """An unknown start and no start at all are errors of usage."""
    done = run("train", voices, "-o", model_file, *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not model_file.exists()


@pytest.mark.usefixtures("no_training")
def test_existing_model_is_not_replaced(run: RunCommand, voices: Path, model_file: Path) -> None:
    """Without ``--force`` an existing file is refused before any work, and stays as it was."""
    model_file.write_text("an older model")

    done = run("train", voices, "-o", model_file)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"speechgmm: error: {model_file}: it exists already; --force replaces it\n"
    assert model_file.read_text() == "an older model"


def test_force_replaces_an_existing_model(run: RunCommand, voices: Path, model_file: Path) -> None:
    """With ``--force`` the file is replaced by the model."""
    model_file.write_text("an older model")

    done = run("train", voices, "-o", model_file, "--force", *SMALL)

    assert (done.returncode, done.stderr) == (0, "")
    assert speechgmm.load(model_file).labels == ("female", "male")


@pytest.mark.usefixtures("no_training")
def test_missing_output_folder_is_said_before_the_work(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """A model cannot go to a folder that is not there; nothing is made."""
    file = tmp_path / "none" / "model.npz"

    done = run("train", voices, "-o", file)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"speechgmm: error: {file}: cannot be written: No such file or directory\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_training")
def test_read_only_folder_is_said_before_the_work(
    run: RunCommand, voices: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder in which nothing can be written is refused before the work."""

    def refuse(*, dir: Path) -> None:
        assert dir == model_file.parent
        raise PermissionError(errno.EACCES, "Permission denied", str(dir))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)

    done = run("train", voices, "-o", model_file)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"speechgmm: error: {model_file}: cannot be written: Permission denied\n"


@pytest.mark.usefixtures("no_training")
def test_all_faults_of_a_manifest_are_listed(run: RunCommand, voices: Path, model_file: Path, tmp_path: Path) -> None:
    """A faulty manifest is refused with a line for each fault, on stderr, before any work."""
    manifest = tmp_path / "corpus.csv"
    manifest.write_text(
        "path,label,speaker,split\n"
        "female/synthetic-f01/01.wav,female,f1,train\n"
        "female/none.wav,female,f2,train\n"
        "female/synthetic-f01/02.wav,female,f1,dev\n"
        ",male,m1,training\n"
    )

    done = run("train", manifest, "--root", voices, "-o", model_file)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"speechgmm: error: {manifest}: the manifest is faulty",
        f"{manifest}:3: there is no file {voices}/female/none.wav",
        f"{manifest}:4: speaker 'f1' has the split 'dev' here and 'train' on line 2",
        f"{manifest}:5: the path is empty",
        f"{manifest}:5: the split is 'training', expected train, dev, test, other or nothing",
    ]


def test_unknown_speakers_are_said(run: RunCommand, voices: Path, model_file: Path, tmp_path: Path) -> None:
    """Recordings without a speaker are counted on stderr and in the model's card."""
    for file in voices.rglob("*.wav"):
        label, speaker, name = file.parts[-3:]
        home = tmp_path / "voices" / label / ("" if speaker.endswith("01") else speaker)
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, home / name)

    done = run("train", tmp_path / "voices", "-o", model_file, *SMALL)

    assert done.returncode == 0
    assert done.stderr.startswith("speechgmm: 4 of 24 recordings have no speaker; results are optimistic")
    assert speechgmm.load(model_file).card["recordings_without_speaker"] == 4


def test_rows_are_chosen_by_columns(run: RunCommand, voices: Path, model_file: Path, tmp_path: Path) -> None:
    """``--where`` takes the rows with all of the values given, and says so when there are none."""

    def columns(label: str, speaker: str, name: str) -> dict[str, str]:
        return {"language": "en" if speaker[-1] in "123" else "de", "take": name.removesuffix(".wav")}

    manifest = write_manifest(tmp_path / "corpus.csv", voices, columns)

    done = run("train", manifest, "-o", model_file, *SMALL, "--where", "language=en", "--where", "take=01")
    none = run("train", manifest, "-o", model_file, *SMALL, "--force", "--where", "language=fr")

    assert done.returncode == 0
    data = speechgmm.load(model_file).card["data"]["train"]
    assert [data[label]["recordings"] for label in ("female", "male")] == [3, 3]
    assert none.returncode == 2
    assert none.stderr.startswith(f"speechgmm: error: --where language=fr: no recording of {manifest} has this value")


def test_model_is_written_from_what_could_be_read(
    run: RunCommand, voices: Path, model_file: Path, tmp_path: Path
) -> None:
    """Recordings that cannot be used are named one by one and counted; the others make the model; the code is 1."""
    folder = tmp_path / "voices"
    shutil.copytree(voices, folder)
    empty, text = folder / "female" / "synthetic-f02" / "03.wav", folder / "male" / "synthetic-m04" / "02.wav"
    empty.touch()
    text.write_text("this is a text, whatever its name says")

    done = run("train", folder, "-o", model_file, *SMALL)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"speechgmm: {empty}: it is empty (0 bytes)",
        f"speechgmm: {text}: it is not audio that can be read (its format is not recognised)",
        "speechgmm: 2 of 25 recordings could not be used",
    ]
    data = json.loads(run("describe", model_file, "--format", "json").stdout)["card"]["data"]["train"]
    assert [data[label]["recordings"] for label in ("female", "male")] == [12, 11]


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: {}: cannot be written: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=["full disk", "Ctrl-C"],
)
def test_no_half_written_model_is_left(
    run: RunCommand,
    voices: Path,
    model_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: BaseException,
    code: int,
    said: str,
) -> None:
    """What goes wrong while the model is being written leaves the older file as it was and nothing beside it."""
    model_file.write_text("an older model")

    def fsync(handle: int) -> None:
        assert len(list(model_file.parent.iterdir())) == 2, "it is not written beside its final place"
        raise fault

    monkeypatch.setattr(os, "fsync", fsync)

    done = run("train", voices, "-o", model_file, "--force", *SMALL)

    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == f"speechgmm: {said.format(model_file)}\n"
    assert [(file, file.read_text()) for file in model_file.parent.iterdir()] == [(model_file, "an older model")]


def test_terminal_sees_progress_and_ctrl_c_leaves_nothing(voices: Path, model_file: Path) -> None:
    """Where stderr is a terminal there are bars; Ctrl-C in the middle gives 130, no model and nothing beside it."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals on this system")
    ours, theirs = pty.openpty()
    pytest.importorskip("fcntl").ioctl(
        theirs, pytest.importorskip("termios").TIOCSWINSZ, struct.pack("4H", 25, 80, 0, 0)
    )
    command = [
        str(SCRIPT),
        "train",
        str(voices),
        "-o",
        str(model_file),
        "--components",
        "128",
        "--recipe",
        "plain",
        "--set",
        "streams.1.n_coefficients=39",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        seen = b""
        while b"fitting mixtures" not in seen:
            seen += terminal.read(1000)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
        seen += terminal.read(1000)

    assert b"reading recordings" in seen
    assert seen.endswith(b"speechgmm: interrupted\r\n")
    assert (process.returncode, out) == (130, b"")
    assert list(model_file.parent.iterdir()) == []


def test_components_are_chosen_by_speakers_held_out(run: RunCommand, voices: Path, model_file: Path) -> None:
    """With several numbers of components the best one trains, -v prints the curve, and --sizes writes it."""
    sizes = model_file.parent / "sizes.csv"

    done = run("train", voices, "-o", model_file, *FAST, "--components", "8,1", "--sizes", sizes, "-v")

    assert done.returncode == 0
    said = [line.split(" held out")[0] for line in done.stderr.splitlines() if " held out" in line]
    rows = [line.split(",") for line in sizes.read_text().splitlines()]
    assert rows[0] == ["n_components", "log_likelihood", "aic", "bic", "held_out"]
    assert [row[0] for row in rows[1:]] == ["1", "8"]
    assert said == [
        f"speechgmm: {row[0]} components: log-likelihood per frame {float(row[-1]):.4f}" for row in rows[1:]
    ]
    assert speechgmm.load(model_file).card["settings"]["n_components"] == 8
    assert sorted(file.name for file in model_file.parent.iterdir()) == ["model.npz", "sizes.csv"]


def test_auto_tries_the_sizes_the_data_can_feed(run: RunCommand, voices: Path, model_file: Path) -> None:
    """``--components auto`` tries the automatic sizes, and without -v says nothing of it on stderr."""
    done = run("train", voices, "-o", model_file, *FAST, "--components", "auto")

    assert (done.returncode, done.stderr) == (0, "")
    card = speechgmm.load(model_file).card
    assert list(card["held_out_by_components"])[:3] == ["8", "16", "32"]
    assert str(card["settings"]["n_components"]) in card["held_out_by_components"]


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ["--components", "16,many"],
            2,
            "'16,many' is neither a list of whole numbers, such as 64 or 16,32,64, nor auto",
        ),
        (["--components", "auto", "--sizes", "{new}"], 2, "--sizes and --output are both {new}: give them different"),
        (
            ["--components", "16", "--sizes", "new.csv"],
            2,
            "--sizes needs a comparison: give --components auto or several numbers",
        ),
        (
            ["--components", "auto", "--sizes", "a.txt"],
            2,
            "--sizes is a.txt, but it must end in one of .csv, .png, .svg",
        ),
        (["--components", "8,16", "--sizes", "a.csv", "--sizes", "./a.csv"], 2, "--sizes names the same file twice"),
        (["--components", "auto", "--sizes", "{old}"], 1, "{old}: it exists already; --force replaces it"),
        (["--set", "training.map_relevance=-3"], 2, "map_relevance is -3.0, but it must be a finite number"),
        (["--set", "training.map_relevance=inf"], 2, "map_relevance is inf, but it must be a finite number"),
    ],
)
def test_faulty_choices_are_refused_before_the_work(
    run: RunCommand, voices: Path, model_file: Path, arguments: list[str], code: int, said: str
) -> None:
    """A number, a file or a relevance that cannot be is named, and nothing is written."""
    old = model_file.parent / "old.csv"
    old.write_text("an older table")

    done = run("train", voices, "-o", model_file, *(argument.format(old=old, new=model_file) for argument in arguments))

    assert (done.returncode, done.stdout) == (code, "")
    assert said.format(old=old, new=model_file) in done.stderr
    assert old.read_text() == "an older table"
    assert list(model_file.parent.iterdir()) == [old]


def test_force_replaces_an_existing_table(run: RunCommand, voices: Path, model_file: Path) -> None:
    """With ``--force`` an older table of sizes is replaced too."""
    sizes = model_file.parent / "sizes.csv"
    sizes.write_text("an older table")

    done = run("train", voices, "-o", model_file, *FAST, "--components", "1,2", "--sizes", sizes, "--force")

    assert done.returncode == 0
    assert sizes.read_text().startswith("n_components,")


def test_classes_are_adapted_from_the_background(run: RunCommand, voices: Path, model_file: Path) -> None:
    """The card has the relevance of MAP, and the more the background is trusted, the more alike the classes are."""
    distances = []
    for relevance in (1e6, 16.0):
        done = run("train", voices, "-o", model_file, *SMALL, "--set", f"training.map_relevance={relevance}", "--force")
        assert (done.returncode, done.stderr) == (0, "")
        model = speechgmm.load(model_file)
        assert model.card["settings"]["adapt"] == relevance
        one, other = model.streams[0].mixtures
        assert isinstance(one, DiagonalMixture)
        assert isinstance(other, DiagonalMixture)
        distances.append(abs(one.means - other.means).max())
    assert distances[0] < 0.05 < distances[1]


def test_without_the_options_the_card_is_as_before(run: RunCommand, voices: Path, model_file: Path) -> None:
    """A training with one size and free mixtures says nothing of sizes or adaptation in its card."""
    assert run("train", voices, "-o", model_file, *SMALL).returncode == 0
    card = speechgmm.load(model_file).card
    assert "adapt" not in card["settings"]
    assert "held_out_by_components" not in card


def test_old_options_make_the_same_model(voices: Path, tmp_path: Path, run: RunCommand) -> None:
    """An option of an earlier version does what its setting does, and stderr says how it is written now."""
    common = ("train", voices, "--recipe", "plain", "--components", "2")
    settings = ("--set", "em.max_iterations=2", "--set", "calibration.folds=2", "--set", "em.hard=true")
    new = run(*common, "-o", tmp_path / "new.npz", *settings)
    old = run(*common, "-o", tmp_path / "old.npz", "--iterations", "2", "--folds", "2", "--hard")
    assert (new.returncode, new.stderr, old.returncode) == (0, "", 0)
    assert (tmp_path / "old.npz").read_bytes() == (tmp_path / "new.npz").read_bytes()
    later = "the old option will be removed in 0.3.0"
    assert old.stderr.splitlines() == [
        f"speechgmm: --iterations 2 is now --set em.max_iterations=2; {later}",
        f"speechgmm: --folds 2 is now --set calibration.folds=2; {later}",
        f"speechgmm: --hard is now --set em.hard=true; {later}",
    ]

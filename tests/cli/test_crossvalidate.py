"""``speechgmm crossvalidate``: a report like that of evaluate, with the folds in it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from tests.builders import RunCommand, write_manifest

pytestmark = pytest.mark.usefixtures("no_pictures")

FAST = ["--recipe", "plain", "--set", "em.max_iterations=2", "--set", "calibration.folds=2", "--resamples", "10"]
SMALL = [*FAST, "--components", "2"]
NOTE = "no model was trained on the speakers it scores"


@pytest.fixture
def manifest(voices: Path, tmp_path: Path) -> Path:
    """The synthetic voices with splits, and a room for every two speakers of a class."""

    def columns(label: str, speaker: str, name: str) -> dict[str, str]:
        number = int(speaker[-1])
        return {"split": "train" if number < 6 else "other", "room": f"room {number // 2}"}

    return write_manifest(tmp_path / "corpus.csv", voices, columns)


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts to train fails the test."""

    def crossvalidate(*arguments: object, **options: object) -> None:
        pytest.fail("the work was started")

    monkeypatch.setattr("speechgmm.crossvalidation.crossvalidate.crossvalidate", crossvalidate)


def test_report_scores_and_text_agree(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """All recordings are answered once; scores.csv names their folds, and report.json and the text tell of each."""
    done = run("crossvalidate", voices, "--folds", 3, *SMALL, "-o", tmp_path / "report")

    assert done.returncode == 0
    assert done.stderr == f"speechgmm: cross-validation over 3 folds, disjoint sets of speakers: {NOTE}\n"
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    with (tmp_path / "report" / "scores.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    folds = Counter(row["fold"] for row in rows)
    assert {fold["name"]: fold["n_utterances"] for fold in report["folds"]} == dict(folds) == {"1": 8, "2": 8, "3": 8}
    assert all(
        len({row["fold"] for row in rows if row["speaker"] == who}) == 1 for who in {row["speaker"] for row in rows}
    )
    for fold in report["folds"]:
        mine = [row for row in rows if row["fold"] == fold["name"]]
        assert fold["n_correct"] == sum(row["label"] == row["truth"] for row in mine)
    assert report["n_utterances"] == 24
    assert report["schema"] == "speechgmm-report"
    assert set(report["fold_spread"]) == {"accuracy", "uar", "eer", "cllr"}
    assert "\nBy fold, each scored by a model trained without its speakers\n" in done.stdout
    assert f"UAR {report['uar']:.3f}" in done.stdout


def test_values_are_left_out_and_splits_put_together(run: RunCommand, manifest: Path) -> None:
    """With a column the folds are its values; the splits train, dev and test take part, and stderr says so."""
    done = run("crossvalidate", manifest, "--leave-one-out", "room", "--by", "room", *SMALL, "--format", "json")

    assert done.returncode == 0
    assert done.stderr == (
        "speechgmm: the splits train, dev, test are put together and divided anew; 4 recordings of another split, or "
        f"of none, are left out\nspeechgmm: cross-validation over 3 folds, the values of room: {NOTE}\n"
    )
    report = json.loads(done.stdout)
    counted = [(fold["name"], fold["n_utterances"]) for fold in report["folds"]]
    assert counted == [("room 0", 4), ("room 1", 8), ("room 2", 8)]
    groups = {group["name"]: group for group in report["by_column"]["room"]}
    assert all(groups[fold["name"]] == fold for fold in report["folds"])


def test_the_seed_decides_folds_and_models(run: RunCommand, voices: Path) -> None:
    """The same seed gives the same report to the last figure, another one other folds."""
    command = ("crossvalidate", voices, "--folds", 2, *SMALL, "--format", "json", "-q", "--seed")
    first, again, other = (run(*command, seed) for seed in (1, 1, 2))
    assert first.stderr == ""
    assert first.stdout == again.stdout
    assert json.loads(first.stdout)["folds"] != json.loads(other.stdout)["folds"]
    assert [json.loads(each.stdout)["intervals"]["seed"] for each in (first, other)] == [1, 2]


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--folds", "1"], 2, "'1' is not a whole number of at least 2"),
        (["--folds", "3", "--leave-one-out", "room"], 2, "not allowed with argument"),
        (["--by", "age"], 2, "--by age: {manifest} has no such column; its further columns: room"),
        (["--components", "0"], 2, "the settings: training.components is 0, but it must be 1 to 4096"),
        (["--jobs", "tcp://nowhere:1"], 2, "--jobs tcp://nowhere:1 needs --features"),
    ],
)
def test_wrong_usage_is_refused_before_the_work(
    run: RunCommand, manifest: Path, arguments: list[str], code: int, said: str
) -> None:
    """Folds and a column exclude each other; what evaluate and train refuse is refused here."""
    done = run("crossvalidate", manifest, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said.format(manifest=manifest) in done.stderr


def test_a_split_that_leaks_a_speaker_is_refused(run: RunCommand, manifest: Path) -> None:
    """The error names the speaker and both values, before anything is read."""
    text = manifest.read_text(encoding="utf-8").replace("train,room 0", "train,room 9", 1)
    manifest.write_text(text, encoding="utf-8")
    done = run("crossvalidate", manifest, "--leave-one-out", "room", *SMALL)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"speechgmm: error: {manifest}: a split by room leaks a speaker: 'synthetic-f01' has recordings with "
        "room=room 9 and room=room 0\n"
    )


@pytest.mark.usefixtures("no_work")
def test_a_column_called_fold_is_refused(run: RunCommand, manifest: Path) -> None:
    """It would be lost in scores.csv."""
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(",room\n", ",fold\n"), encoding="utf-8")
    done = run("crossvalidate", manifest, *SMALL)
    assert (done.returncode, done.stdout) == (1, "")
    assert "its column 'fold' would be replaced by the folds that are made here: rename it, or leave out" in done.stderr


@pytest.mark.usefixtures("no_work")
def test_existing_files_are_not_replaced(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """As for evaluate."""
    (tmp_path / "scores.csv").write_text("older")
    done = run("crossvalidate", voices, *SMALL, "-o", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"speechgmm: error: {tmp_path}/scores.csv: it exists already; --force replaces it\n"


def test_unreadable_recordings_are_named(run: RunCommand, manifest: Path, tmp_path: Path) -> None:
    """Once, whatever the number of folds; they are counted, in the report, and make the code 1."""
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"")
    with manifest.open("a", encoding="utf-8") as stream:
        stream.write(f"{broken},female,synthetic-f01,train,room 0\n")
    done = run("crossvalidate", manifest, "--folds", 2, *SMALL, "--format", "json")
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"speechgmm: {broken}: it is empty (0 bytes)\nspeechgmm: 1 of 21 recordings could not be used\n"
    )
    assert [one["path"] for one in json.loads(done.stdout)["skipped"]] == [str(broken)]


def test_two_cross_validations_can_be_compared(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """Their scores are of the same recordings."""
    for name, components in (("a", 1), ("b", 2)):
        run("crossvalidate", voices, "--folds", 2, *FAST, "--components", components, "-o", tmp_path / name)
    done = run("compare", tmp_path / "a" / "scores.csv", tmp_path / "b" / "scores.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "compared on 24 utterances of 12 speakers" in done.stdout

"""``speechgmm evaluate``: the report on stdout and in files, and the choice of recordings."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from speechgmm.demo.synthesis import write_voices
from speechgmm.errors import EvaluationError
from tests.builders import RunCommand, write_manifest

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speakers the tiny model was not trained on: three per class, two files of 2 s each; read only."""
    folder = tmp_path_factory.mktemp("held_out") / "voices"
    write_voices(folder, n_speakers=3, n_files=2, duration_s=2.0, seed=77)
    return folder


@pytest.fixture
def manifest(held_out: Path, tmp_path: Path) -> Path:
    """A manifest of `held_out` with a language per file: first speakers dev, second train, third test."""

    def columns(label: str, speaker: str, name: str) -> dict[str, str]:
        split = {"1": "dev", "2": "train", "3": "test"}[speaker[-1]]
        return {"split": split, "language": "en" if name == "01.wav" else "de"}

    return write_manifest(tmp_path / "corpus.csv", held_out, columns)


@pytest.fixture
def evaluate(run: RunCommand, tiny_model_file: Path) -> RunCommand:
    """Run ``speechgmm evaluate`` with the tiny model and few resamples."""
    return lambda *arguments: run("evaluate", "--model", tiny_model_file, "--resamples", 20, *arguments)


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if the evaluation starts."""

    def assess(*arguments: object, **options: object) -> None:
        pytest.fail("the evaluation was started")

    monkeypatch.setattr("speechgmm.evaluation.evaluate_model.assess", assess)


def scores(folder: Path) -> list[dict[str, str]]:
    """The rows of scores.csv."""
    with (folder / "scores.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_report_and_scores_agree(evaluate: RunCommand, held_out: Path, tmp_path: Path) -> None:
    """The figures of report.json follow from the rows of scores.csv and are in the text on stdout."""
    folder = tmp_path / "a" / "report"

    done = evaluate(held_out, "-o", folder)

    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(file.name for file in folder.iterdir()) == ["report.html", "report.json", "scores.csv"]
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    rows = scores(folder)
    assert (report["schema"], report["schema_version"]) == ("speechgmm-report", 2)
    assert len(rows) == report["n_utterances"] == 12
    assert {row["path"] for row in rows} == {file.relative_to(held_out).as_posix() for file in held_out.rglob("*.wav")}
    correct = Counter(row["truth"] for row in rows if row["truth"] == row["label"])
    assert report["n_correct"] == correct.total()
    assert report["accuracy"] == correct.total() / 12
    assert report["uar"] == pytest.approx((correct["female"] / 6 + correct["male"] / 6) / 2)
    assert report["n_speakers"] == len({row["speaker"] for row in rows}) == 6
    assert report["n_unknown"] == sum(row["label"] == "unknown" for row in rows)
    assert all(float(row["llr_female"]) == -float(row["llr_male"]) for row in rows if row["label"] != "unknown")
    assert done.stdout.startswith(f"UAR {report['uar']:.3f} (95 % interval ")
    assert f"{correct.total()} of 12 utterances correct" in done.stdout


def test_decisions_are_those_of_classify(
    evaluate: RunCommand, run: RunCommand, tiny_model_file: Path, held_out: Path
) -> None:
    """The numbers of predicted labels are those of classify."""
    done = evaluate(held_out, "--format", "json")
    decisions = run("classify", "--model", tiny_model_file, held_out, "--format", "jsonl").stdout.splitlines()

    report = json.loads(done.stdout)
    labels = Counter(json.loads(decision)["label"] for decision in decisions)
    predicted = {result["name"]: result["n_predicted"] for result in report["per_class"]}
    assert predicted == {label: labels[label] for label in ("female", "male")}


def test_output_is_reproducible(evaluate: RunCommand, held_out: Path, tmp_path: Path) -> None:
    """Two runs, one with two workers, write the same bytes; the JSON on stdout is that of the file."""
    first = evaluate(held_out, "-o", tmp_path / "one", "--format", "json")
    evaluate(held_out, "-o", tmp_path / "two", "--jobs", 2)

    for name in ("report.json", "scores.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert first.stdout == (tmp_path / "one" / "report.json").read_text(encoding="utf-8")


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("name", ["report.json", "scores.csv"])
def test_existing_files_are_not_replaced(evaluate: RunCommand, held_out: Path, tmp_path: Path, name: str) -> None:
    """Without ``--force`` an existing file is an error before the evaluation starts, and is not changed."""
    (tmp_path / name).write_text("an older report")

    done = evaluate(held_out, "-o", tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"speechgmm: error: {tmp_path / name}: it exists already; --force replaces it\n"
    assert [file.read_text() for file in tmp_path.iterdir()] == ["an older report"]


def test_force_replaces_files(evaluate: RunCommand, held_out: Path, tmp_path: Path) -> None:
    """With ``--force`` both files are replaced."""
    for name in ("report.json", "scores.csv"):
        (tmp_path / name).write_text("an older report")

    assert evaluate(held_out, "-o", tmp_path, "--force").returncode == 0

    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["n_utterances"] == len(scores(tmp_path))


@pytest.mark.usefixtures("no_work")
def test_output_folder_that_is_a_file_is_an_error(evaluate: RunCommand, held_out: Path, tmp_path: Path) -> None:
    """A report cannot be written into a file."""
    (tmp_path / "taken").touch()

    done = evaluate(held_out, "-o", tmp_path / "taken")

    assert (done.returncode, done.stdout) == (1, "")
    taken = tmp_path / "taken"
    assert done.stderr == f"speechgmm: error: {taken}: the folder cannot be made, because {taken} is a file\n"


@pytest.mark.parametrize(("error", "code"), [(EvaluationError("none"), 1), (KeyboardInterrupt(), 130)])
def test_no_empty_folder_is_left(
    evaluate: RunCommand,
    held_out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
) -> None:
    """After a failure and after Ctrl-C the output folder does not exist; one that was there stays."""

    def assess(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("speechgmm.evaluation.evaluate_model.assess", assess)
    (tmp_path / "old").mkdir()

    for folder in ("old", "new/report"):
        assert evaluate(held_out, "-o", tmp_path / folder).returncode == code

    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]


@pytest.mark.parametrize(
    ("flags", "n_utterances", "speakers"),
    [
        ([], 4, {"synthetic-f03", "synthetic-m03"}),
        (["--split", "test"], 4, {"synthetic-f03", "synthetic-m03"}),
        (["--split", "dev"], 4, {"synthetic-f01", "synthetic-m01"}),
        (["--split", "all"], 12, {f"synthetic-{kind}0{number}" for kind in "fm" for number in (1, 2, 3)}),
        (["--where", "language=en"], 2, {"synthetic-f03", "synthetic-m03"}),
        (["--where", "language=en", "--where", "label=male"], 1, {"synthetic-m03"}),
    ],
)
def test_choice_of_recordings(
    evaluate: RunCommand, manifest: Path, tmp_path: Path, flags: list[str], n_utterances: int, speakers: set[str]
) -> None:
    """By default the test split of a manifest is evaluated; ``--split`` and ``--where`` choose others."""
    done = evaluate(manifest, "-o", tmp_path / "report", *flags)

    assert done.returncode == 0
    rows = scores(tmp_path / "report")
    assert len(rows) == n_utterances
    assert {row["speaker"] for row in rows} == speakers


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("flags", "fault", "existing"),
    [
        (
            ["--split", "other"],
            "no recording of {manifest} is in this split",
            "expected all or one of: dev, test, train",
        ),
        (
            ["--split", "tset"],
            "no recording of {manifest} is in this split",
            "expected all or one of: dev, test, train; did you mean 'test'?",
        ),
        (
            ["--where", "language=fr"],
            "no recording of {manifest} has this value",
            "values of language: de, en",
        ),
        (
            ["--where", "language=en", "--where", "split=test", "--where", "speaker=synthetic-f01"],
            "no recording of {manifest} with language=en and split=test has this value",
            "values of speaker: synthetic-f03, synthetic-m03; did you mean 'synthetic-f03'?",
        ),
        (
            ["--where", "langauge=en"],
            "{manifest} has no column 'langauge'",
            "its columns: label, language, speaker, split; did you mean 'language'?",
        ),
        (
            ["--where", "age=9"],
            "{manifest} has no column 'age'",
            "its columns: label, language, speaker, split",
        ),
    ],
)
def test_empty_choice_is_wrong_usage(
    evaluate: RunCommand, manifest: Path, flags: list[str], fault: str, existing: str
) -> None:
    """A column, a split or a value that no recording has is an error that names those there are."""
    done = evaluate(manifest, *flags)

    option = " ".join(flags[-2:])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"speechgmm: error: {option}: {fault.format(manifest=manifest)}; {existing}\n"


@pytest.mark.parametrize(("speaker", "label"), [("client_id", "gender"), ("speaker", "label")])
def test_columns_are_known_by_both_names(
    evaluate: RunCommand, held_out: Path, tmp_path: Path, speaker: str, label: str
) -> None:
    """By those in the header, and by those they are read as."""
    manifest = write_manifest(tmp_path / "corpus.csv", held_out, lambda *_: {})
    header, *rows = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join([header.replace("speaker", "client_id").replace("label", "gender"), *rows]))

    chosen = evaluate(manifest, "--where", f"{label}=male", "--by", speaker, "--by", label, "--format", "json")
    refused = evaluate(manifest, "--by", "speeker")

    by_column = json.loads(chosen.stdout)["by_column"]
    assert [group["name"] for group in by_column[speaker]] == ["synthetic-m01", "synthetic-m02", "synthetic-m03"]
    assert [(group["name"], group["n_utterances"]) for group in by_column[label]] == [("male", 6)]
    assert refused.returncode == 2
    assert "its further columns: client_id, gender" in refused.stderr


@pytest.mark.usefixtures("no_work")
def test_missing_splits(evaluate: RunCommand, held_out: Path, tmp_path: Path) -> None:
    """Without a test split a split must be chosen; without splits, --split is wrong usage."""
    manifest = write_manifest(tmp_path / "corpus.csv", held_out, lambda *_: {"split": "train"})

    default, folder = evaluate(manifest), evaluate(held_out, "--split", "test")

    message = "no recording is in the split test, the default of --split; expected all or one of: train"
    assert (default.returncode, default.stderr) == (1, f"speechgmm: error: {manifest}: {message}\n")
    message = f"--split test: {held_out} has no splits; leave the option out"
    assert (folder.returncode, folder.stderr) == (2, f"speechgmm: error: {message}\n")


@pytest.mark.usefixtures("no_work")
def test_few_of_many_values_are_listed(evaluate: RunCommand, held_out: Path, tmp_path: Path) -> None:
    """Ten values are listed, and the others counted."""
    manifest = write_manifest(
        tmp_path / "corpus.csv", held_out, lambda label, speaker, name: {"id": f"{speaker[-3:]}{name[:2]}"}
    )

    done = evaluate(manifest, "--where", "id=x")

    listed = "f0101, f0102, f0201, f0202, f0301, f0302, m0101, m0102, m0201, m0202 and 2 more"
    assert done.stderr.endswith(f"values of id: {listed}\n")


def test_a_single_class_is_noted(evaluate: RunCommand, held_out: Path) -> None:
    """UAR is then the recall of one class, which a note says on stderr and in the report."""
    done = evaluate(held_out, "--where", "label=male")

    note = "no recording has the label 'female': UAR is the recall of 'male' alone"
    assert (done.returncode, done.stderr) == (0, f"speechgmm: {note}\n")
    assert note in " ".join(done.stdout.split())


def test_results_by_column(evaluate: RunCommand, manifest: Path) -> None:
    """``--by`` gives the results per value of a column, with the number of utterances."""
    done = evaluate(manifest, "--split", "all", "--by", "language", "--format", "json")

    groups = json.loads(done.stdout)["by_column"]["language"]
    assert [(group["name"], group["n_utterances"]) for group in groups] == [("de", 6), ("en", 6)]


@pytest.mark.usefixtures("no_work")
def test_unknown_column_is_refused_before_the_evaluation(evaluate: RunCommand, manifest: Path) -> None:
    """``--by`` with a column that the manifest does not have is wrong usage."""
    done = evaluate(manifest, "--by", "language", "--by", "langauge")

    message = f"--by langauge: {manifest} has no such column; its further columns: language; did you mean 'language'?"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"speechgmm: error: {message}\n"


def test_labels_the_model_does_not_have_are_left_out(evaluate: RunCommand, manifest: Path, tmp_path: Path) -> None:
    """Recordings of another class are counted on stderr and listed in the report."""
    with manifest.open("a", encoding="utf-8") as stream:
        for number in range(3):
            (tmp_path / f"{number}.wav").touch()
            stream.write(f"{number}.wav,child,c{number},test,en\n")

    done = evaluate(manifest, "-o", tmp_path / "report")

    assert done.returncode == 0
    assert done.stderr == "speechgmm: 3 of 7 recordings left out: their label is not female or male\n"
    assert "\nSkipped: 3 recordings\n" in done.stdout
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["n_utterances"] == 4
    assert {item["reason"] for item in report["skipped"]} == {"its label 'child' is not a class of the model"}


def test_a_label_that_looks_like_a_class_of_the_model_is_refused(
    evaluate: RunCommand, held_out: Path, tmp_path: Path
) -> None:
    """It is not another class."""
    manifest = write_manifest(tmp_path / "m.csv", held_out, lambda label, *_: {"label": label.replace("f", "F")})

    done = evaluate(manifest)

    assert (done.returncode, done.stdout) == (1, "")
    message = "the label 'Female' looks like the class 'female' of the model, write it as the model does"
    assert done.stderr == f"speechgmm: error: {manifest}: {message}\n"


def test_unreadable_recordings_are_reported(evaluate: RunCommand, held_out: Path, tmp_path: Path) -> None:
    """An unreadable recording is on stderr and in the report, the exit code is 1; the others are evaluated."""
    for file in held_out.rglob("*.wav"):
        copy = tmp_path / "voices" / file.relative_to(held_out)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(b"" if file.parts[-2:] == ("synthetic-f02", "02.wav") else file.read_bytes())

    done = evaluate(tmp_path / "voices", "--format", "json")

    empty = tmp_path / "voices" / "female" / "synthetic-f02" / "02.wav"
    assert done.returncode == 1
    assert done.stderr == (
        f"speechgmm: {empty}: it is empty (0 bytes)\nspeechgmm: 1 of 12 recordings could not be used\n"
    )
    report = json.loads(done.stdout)
    assert report["n_utterances"] == 11
    assert report["skipped"] == [{"path": "female/synthetic-f02/02.wav", "reason": f"{empty}: it is empty (0 bytes)"}]


def test_overlap_with_the_training_data_is_reported(
    evaluate: RunCommand, voices: Path, held_out: Path, tmp_path: Path
) -> None:
    """Training recordings are recognised by content, and counted on stderr and in the report."""
    for name, source in (("a", voices), ("b", held_out)):
        for number, file in enumerate(sorted(source.rglob("01.wav"))):
            copy = tmp_path / "voices" / file.parts[-3] / f"{name}{number}" / "renamed.wav"
            copy.parent.mkdir(parents=True)
            copy.write_bytes(file.read_bytes())

    done = evaluate(tmp_path / "voices")

    assert done.returncode == 0
    message = "this model was trained or calibrated on 12 of the 18 recordings: the results are better"
    assert done.stderr.startswith(f"speechgmm: {message}")
    assert message in " ".join(done.stdout.split())


@pytest.mark.skipif(sys.platform != "linux", reason="file names must be text on this system")
def test_report_with_undecodable_names_is_valid_json(evaluate: RunCommand, held_out: Path, tmp_path: Path) -> None:
    """report.json is valid JSON even if the name of a speaker's folder is not valid UTF-8."""
    odd = tmp_path / "voices" / "female" / "tr\udcf1" / "1.wav"
    plain = tmp_path / "voices" / "male" / "ñ" / "1.wav"
    for file, label in ((odd, "female"), (plain, "male")):
        file.parent.mkdir(parents=True)
        file.write_bytes(min((held_out / label).rglob("*.wav")).read_bytes())

    done = evaluate(tmp_path / "voices", "-o", tmp_path / "report")

    assert (done.returncode, done.stderr) == (0, "")
    report: dict[str, Any] = json.loads((tmp_path / "report" / "report.json").read_bytes())
    assert report["n_utterances"] == 2
    assert {item["speaker"] for item in report["per_speaker"]} == {"female/tr\udcf1", "male/ñ"}
    assert b"\nfemale/tr\xf1/1.wav," in (tmp_path / "report" / "scores.csv").read_bytes()

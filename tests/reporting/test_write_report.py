"""A report as files: complete, without files of an earlier report, and as documented."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import speechgmm
from speechgmm.classifier.model import Model
from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Corpus
from speechgmm.demo.synthesis import write_voices
from speechgmm.errors import OutputError
from speechgmm.evaluation.evaluate_model import Assessment, assess
from speechgmm.evaluation.report import evaluate
from speechgmm.reporting.report_page import Origin
from speechgmm.reporting.write_report import FIGURES, FILES, as_csv, has_matplotlib, origin_of, publish
from tests.builders import RunCommand

ORIGIN = Origin(command="speechgmm evaluate", made="2026-01-02T03:04:05+00:00", versions={})
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "report.md"
SVG = "{http://www.w3.org/2000/svg}svg"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A manifest of three speakers per class with a language column; one file holds two utterances."""
    folder = tmp_path_factory.mktemp("evaluation")
    write_voices(folder / "voices", n_speakers=3, n_files=2, duration_s=2.0, seed=78)
    rows = ["path,label,speaker,start,end,language"]
    for file in sorted((folder / "voices").rglob("*.wav")):
        label, speaker, name = file.parts[-3:]
        intervals = ("0,1.0", "1.0,") if name == "02.wav" else (",",)
        rows += [f"{file.relative_to(folder)},{label},{speaker},{interval},{name[1]}" for interval in intervals]
    (folder / "corpus.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return read_corpus(folder / "corpus.csv")


@pytest.fixture(scope="module")
def assessment(tiny_model: Model, corpus: Corpus) -> Assessment:
    return assess(tiny_model, corpus, n_resamples=10)


def test_everything_is_written(assessment: Assessment, corpus: Corpus, tmp_path: Path) -> None:
    """The page with figures and clips, report.json, scores.csv and figure files; no other files."""
    pytest.importorskip("matplotlib", reason="the extra 'report' is not installed")
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN, recordings=corpus.recordings)
    written = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    assert {"report.json", "scores.csv", "report.html", "figures/confusion.png", "figures/det.svg"} <= written
    assert written <= set(FILES)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    n_examples = len(assessment.report.confident_errors) + len(assessment.report.least_certain)
    assert page.count("<audio ") == page.count("data:audio/mpeg;base64,") == n_examples > 0
    assert page.count("<svg ") == len([name for name in written if name.endswith(".svg")])
    assert "cannot be read" not in page
    assert "A clip is " in page


def test_utterances_of_one_file_have_their_own_clips(
    assessment: Assessment, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip is taken from the classified utterance, not from another one in the same file."""
    monkeypatch.setattr("speechgmm.reporting.write_report.draw", lambda report: {})
    monkeypatch.setattr(
        "speechgmm.reporting.write_report.clip",
        lambda recording, channel: f"data:{recording.name} {recording.start} {recording.end}",
    )
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN, recordings=corpus.recordings)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for example in assessment.report.least_certain:
        assert f'src="data:{example.path} {example.start} {example.end}"' in page


def test_without_recordings_there_are_no_clips(assessment: Assessment, tmp_path: Path, no_pictures: None) -> None:
    """The page does not mention clips either."""
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<audio" not in page
    assert "clip" not in page.split("<style>")[0] + page.split("</style>")[1]


def test_missing_recordings_have_no_clips(
    assessment: Assessment, corpus: Corpus, tmp_path: Path, no_pictures: None
) -> None:
    """The page states which recordings cannot be read."""
    gone = [replace(one, file=tmp_path / "gone.wav") for one in corpus.recordings]
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN, recordings=gone)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<audio" not in page
    assert "(no clip: the recording cannot be read)" in page


def test_figures_of_an_earlier_report_are_deleted(assessment: Assessment, tmp_path: Path, no_pictures: None) -> None:
    """A figure that this report does not have is deleted; other files stay."""
    (tmp_path / FIGURES).mkdir()
    (tmp_path / FIGURES / "snr.png").write_bytes(b"old")
    (tmp_path / FIGURES / "mine.png").write_bytes(b"mine")
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN)
    assert [file.name for file in (tmp_path / FIGURES).iterdir()] == ["mine.png"]


@pytest.mark.slow
def test_the_same_report_gives_the_same_files(assessment: Assessment, corpus: Corpus, tmp_path: Path) -> None:
    """The same bytes, figures and clips included."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        publish(tmp_path / name, assessment.report, assessment.outcomes, origin=ORIGIN, recordings=corpus.recordings)
    files = [file.relative_to(tmp_path / "one") for file in (tmp_path / "one").rglob("*") if file.is_file()]
    assert len(files) >= 3
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_origin_has_command_date_and_versions() -> None:
    """Versions of Python and of the packages that a report depends on."""
    origin = origin_of("speechgmm evaluate x")
    assert origin.command == "speechgmm evaluate x"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", origin.made)
    assert {"python", "numpy", "librosa", "speechgmm"} <= set(origin.versions)
    assert ("matplotlib" in origin.versions) == has_matplotlib()


@pytest.fixture
def manifest(corpus: Corpus) -> str:
    return corpus.source


def test_without_matplotlib_there_are_tables_and_a_note(
    run: RunCommand, tiny_model_file: Path, manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything else is written, and a note names the package to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = run("evaluate", manifest, "--model", tiny_model_file, "--resamples", 5, "-o", tmp_path / "report")
    assert done.returncode == 0
    note = "report.html has no pictures: they need matplotlib: pip install 'speechgmm[report]'"
    assert done.stderr == f"speechgmm: {note}\n"
    assert sorted(file.name for file in (tmp_path / "report").iterdir()) == ["report.html", "report.json", "scores.csv"]
    assert "<svg" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("no_pictures")
def test_the_option_no_audio_leaves_clips_out(
    run: RunCommand, tiny_model_file: Path, manifest: str, tmp_path: Path
) -> None:
    """``--no-audio``; the page shows its command line."""
    arguments = ["evaluate", manifest, "--model", tiny_model_file, "--resamples", 5, "-o", tmp_path, "--force"]
    assert run(*arguments).returncode == 0
    assert "<audio" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert run(*arguments, "--no-audio").returncode == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<audio" not in page
    assert f"<code>speechgmm evaluate {manifest} --model {tiny_model_file} --resamples 5 " in page


@pytest.mark.parametrize("name", ["report.html", "figures/det.png"])
def test_existing_files_are_refused_before_the_work(
    run: RunCommand, tiny_model_file: Path, manifest: str, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page or figure of an earlier report is not replaced without ``--force``."""
    monkeypatch.setattr(
        "speechgmm.evaluation.evaluate_model.assess", lambda *_, **__: pytest.fail("the evaluation was started")
    )
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("an older one")
    done = run("evaluate", manifest, "--model", tiny_model_file, "-o", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"speechgmm: error: {tmp_path / name}: it exists already; --force replaces it\n"


def test_a_report_can_be_written_from_python(assessment: Assessment, tmp_path: Path, no_pictures: None) -> None:
    """`save_page` writes one file; a failure raises `OutputError`."""
    speechgmm.save_page(assessment.report, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f'data-key="/uar">{assessment.report.uar:.3f}</data>' in page
    assert "<audio" not in page
    with pytest.raises(OutputError, match="cannot be written"):
        speechgmm.save_page(assessment.report, tmp_path / "none" / "page.html")


def documented() -> dict[str, list[str]]:
    """The names in the first column of each table of the document, by heading."""
    tables: dict[str, list[str]] = {}
    heading = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
        elif match := re.match(r"\| (`[^|]*`) \|", line):
            tables.setdefault(heading, []).extend(re.findall(r"`([^`]*)`", match[1]))
    return tables


def flattened(objects: Any) -> Iterator[dict[str, Any]]:
    """The objects in nested lists, and in the lists that are values of an object."""
    for item in objects.values() if isinstance(objects, dict) else objects:
        if isinstance(item, list):
            yield from flattened(item)
        else:
            yield item


@pytest.mark.checkout
def test_report_json_is_what_is_documented(
    assessment: Assessment, tiny_model: Model, tmp_path: Path, no_pictures: None
) -> None:
    """All objects in report.json have exactly the documented fields."""
    outcomes = [
        replace(outcome, columns={**outcome.columns, "fold": str(i % 2)})
        for i, outcome in enumerate(assessment.outcomes)
    ]
    report = evaluate(outcomes, classes=tiny_model.labels, fold_column="fold", n_resamples=5, model=tiny_model.card)
    publish(tmp_path, report, outcomes, origin=ORIGIN)
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    tables = documented()
    objects_by_heading = {
        "Report": [read],
        "Class (`per_class`)": read["per_class"],
        "Detection of a class (`detection`)": read["detection"],
        "Curves (`curves`)": read["curves"],
        "Reliability bin (`reliability`)": read["curves"][0]["reliability"],
        "Group (`by_duration`, `by_snr`, `by_column`, `folds`)": [
            *flattened([read["by_duration"], read["by_snr"], read["folds"]]),
            *flattened(read["by_column"]),
        ],
        "Spread over folds (`fold_spread`)": list(read["fold_spread"].values()),
        "Speaker (`per_speaker`)": read["per_speaker"],
        "Decision (`confident_errors`, `least_certain`)": read["least_certain"],
        "Intervals (`intervals`)": [read["intervals"]],
    }
    for heading, objects in objects_by_heading.items():
        assert objects, heading
        for item in objects:
            assert list(item) == tables[heading] or set(item) == set(tables[heading]), heading
    assert (read["schema"], read["schema_version"]) == ("speechgmm-report", 2)
    assert "| `schema_version` | 2 |" in DOCUMENT.read_text(encoding="utf-8")
    assert set(read["curves"][0]["det"]) == {"false_alarm", "miss"}
    assert set(read["curves"][0]["scores"]) == {"edges", "targets", "nontargets"}
    assert set(read["uar_bootstrap"]) == {"low", "high"}


def test_no_cell_of_scores_csv_is_a_formula(assessment: Assessment) -> None:
    """Names of recordings and speakers may come from others."""
    outcome = replace(assessment.outcomes[0], path="=1+1", speaker="@SUM(1)", columns={"note": "+x"})
    (row,) = csv.DictReader(io.StringIO(as_csv(assessment.report, [outcome])))
    assert (row["path"], row["speaker"], row["note"]) == ("'=1+1", "'@SUM(1)", "'+x")


@pytest.mark.checkout
def test_scores_csv_is_what_is_documented(assessment: Assessment, tmp_path: Path, no_pictures: None) -> None:
    """The documented columns in order, then those of the classes and of the corpus."""
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN)
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    fixed = [name for name in documented()["scores.csv"] if "CLASS" not in name]
    of_classes = [f"{kind}_{label}" for label in ("female", "male") for kind in ("probability", "llr")]
    assert list(rows[0]) == [*fixed, *of_classes, "language"]
    assert {(row["start"], row["end"]) for row in rows} == {("0.0", ""), ("0.0", "1.0"), ("1.0", "")}
    assert all(float(row["snr_db"]) > 0 for row in rows if row["label"] != "unknown")


@pytest.mark.checkout
def test_the_files_are_those_documented() -> None:
    """Each file of a report is documented."""
    assert documented()["Content of a report"] == ["report.html", "report.json", "scores.csv", "figures/"]
    assert {name.split("/")[0].removesuffix("s") for name in FILES} == {
        "report.html",
        "report.json",
        "scores.csv",
        "figure",
    }

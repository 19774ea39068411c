"""A report as files: all that belongs to it, nothing of an earlier one, and as its documentation says."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import speechgmm
from speechgmm.classifier.model import Model
from speechgmm.corpus import read_corpus
from speechgmm.corpus.recording import Corpus
from speechgmm.demo.synthesis import write_voices
from speechgmm.errors import OutputError
from speechgmm.evaluation.assess import Assessment, assess
from speechgmm.evaluation.report import evaluate
from speechgmm.reporting.page import Origin
from speechgmm.reporting.publish import FIGURES, FILES, has_matplotlib, origin_of, publish

Run = Callable[..., CompletedProcess[str]]

ORIGIN = Origin(command="speechgmm evaluate", made="2026-01-02T03:04:05+00:00", versions={})
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "report.md"
SVG = "{http://www.w3.org/2000/svg}svg"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A manifest of three speakers a class, with a language, one of them as two stretches of one file."""
    folder = tmp_path_factory.mktemp("unheard")
    write_voices(folder / "voices", n_speakers=3, n_files=2, duration_s=2.0, seed=78)
    rows = ["path,label,speaker,start,end,language"]
    for file in sorted((folder / "voices").rglob("*.wav")):
        label, speaker, name = file.parts[-3:]
        stretches = ("0,1.0", "1.0,") if name == "02.wav" else (",",)
        rows += [f"{file.relative_to(folder)},{label},{speaker},{stretch},{name[1]}" for stretch in stretches]
    (folder / "corpus.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return read_corpus(folder / "corpus.csv")


@pytest.fixture(scope="module")
def assessment(tiny_model: Model, corpus: Corpus) -> Assessment:
    return assess(tiny_model, corpus, n_resamples=10)


def test_everything_is_written(assessment: Assessment, corpus: Corpus, tmp_path: Path) -> None:
    """The page with pictures and sound, both tables, and the pictures as files; no other files."""
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


def test_stretches_of_one_file_have_clips_of_their_own(
    assessment: Assessment, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip is of the stretch that was classified, not of another one of the same file."""
    monkeypatch.setattr("speechgmm.reporting.publish.draw", lambda report: {})
    monkeypatch.setattr(
        "speechgmm.reporting.publish.clip", lambda one, channel: f"data:{one.name} {one.start} {one.end}"
    )
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN, recordings=corpus.recordings)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for example in assessment.report.least_certain:
        assert f'src="data:{example.path} {example.start} {example.end}"' in page


def test_without_recordings_there_is_no_sound(assessment: Assessment, tmp_path: Path, no_pictures: None) -> None:
    """Nor any word of it."""
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<audio" not in page
    assert "heard" not in page.split("<style>")[0] + page.split("</style>")[1]
    assert "no sound" not in page


def test_recordings_that_are_gone_are_no_obstacle(
    assessment: Assessment, corpus: Corpus, tmp_path: Path, no_pictures: None
) -> None:
    """The page says which cannot be heard."""
    gone = [replace(one, file=tmp_path / "gone.wav") for one in corpus.recordings]
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN, recordings=gone)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<audio" not in page
    assert "(no sound: it cannot be read)" in page


def test_pictures_of_an_earlier_report_do_not_stay(assessment: Assessment, tmp_path: Path, no_pictures: None) -> None:
    """A picture that this report does not have is taken away; other files stay."""
    (tmp_path / FIGURES).mkdir()
    (tmp_path / FIGURES / "snr.png").write_bytes(b"old")
    (tmp_path / FIGURES / "mine.png").write_bytes(b"mine")
    publish(tmp_path, assessment.report, assessment.outcomes, origin=ORIGIN)
    assert [file.name for file in (tmp_path / FIGURES).iterdir()] == ["mine.png"]


def test_the_same_report_gives_the_same_files(assessment: Assessment, corpus: Corpus, tmp_path: Path) -> None:
    """To the byte, pictures and sound included."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        publish(tmp_path / name, assessment.report, assessment.outcomes, origin=ORIGIN, recordings=corpus.recordings)
    files = [file.relative_to(tmp_path / "one") for file in (tmp_path / "one").rglob("*") if file.is_file()]
    assert len(files) >= 3
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_origin_tells_command_date_and_versions() -> None:
    """Of the packages a report depends on."""
    origin = origin_of("speechgmm evaluate x")
    assert origin.command == "speechgmm evaluate x"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", origin.made)
    assert {"python", "numpy", "librosa", "speechgmm"} <= set(origin.versions)
    assert ("matplotlib" in origin.versions) == has_matplotlib()


@pytest.fixture
def manifest(corpus: Corpus) -> str:
    return corpus.source


def test_without_matplotlib_there_are_tables_and_a_word(
    run: Run, tiny_model_file: Path, manifest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything else is written, and a note tells what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = run("evaluate", manifest, "--model", tiny_model_file, "--resamples", 5, "-o", tmp_path / "report")
    assert done.returncode == 0
    note = "report.html has no pictures: they need matplotlib: pip install 'speechgmm[report]'"
    assert done.stderr == f"speechgmm: {note}\n"
    assert sorted(file.name for file in (tmp_path / "report").iterdir()) == ["report.html", "report.json", "scores.csv"]
    assert "<svg" not in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("no_pictures")
def test_the_command_leaves_sound_out_if_told(run: Run, tiny_model_file: Path, manifest: str, tmp_path: Path) -> None:
    """``--no-audio``; the page tells the command line it came from."""
    arguments = ["evaluate", manifest, "--model", tiny_model_file, "--resamples", 5, "-o", tmp_path, "--force"]
    assert run(*arguments).returncode == 0
    assert "<audio" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert run(*arguments, "--no-audio").returncode == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<audio" not in page
    assert f"<code>speechgmm evaluate {manifest} --model {tiny_model_file} --resamples 5 " in page


@pytest.mark.parametrize("name", ["report.html", "figures/det.png"])
def test_existing_files_are_refused_before_the_work(
    run: Run, tiny_model_file: Path, manifest: str, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page or picture of an earlier report is not replaced without ``--force``."""
    monkeypatch.setattr("speechgmm.evaluation.assess.assess", lambda *_, **__: pytest.fail("the work was started"))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("an older one")
    done = run("evaluate", manifest, "--model", tiny_model_file, "-o", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"speechgmm: error: {tmp_path / name}: it exists already; --force replaces it\n"


def test_a_report_can_be_written_from_python(assessment: Assessment, tmp_path: Path, no_pictures: None) -> None:
    """One function, one file; what cannot be written is said."""
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


def of(objects: Any) -> Iterator[dict[str, Any]]:
    """The objects in lists and in values of objects."""
    for one in objects.values() if isinstance(objects, dict) else objects:
        if isinstance(one, list):
            yield from of(one)
        else:
            yield one


@pytest.mark.checkout
def test_report_json_is_what_is_documented(
    assessment: Assessment, tiny_model: Model, tmp_path: Path, no_pictures: None
) -> None:
    """Read by a stranger: plain JSON whose objects have the documented fields, all of them and no others."""
    outcomes = [replace(one, columns={**one.columns, "fold": str(i % 2)}) for i, one in enumerate(assessment.outcomes)]
    report = evaluate(outcomes, classes=tiny_model.labels, fold_column="fold", n_resamples=5, model=tiny_model.card)
    publish(tmp_path, report, outcomes, origin=ORIGIN)
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    tables = documented()
    places = {
        "The report": [read],
        "A class (`per_class`)": read["per_class"],
        "A class against the others (`detection`)": read["detection"],
        "Curves (`curves`)": read["curves"],
        "A bin of probability (`reliability`)": read["curves"][0]["reliability"],
        "A group (`by_duration`, `by_snr`, `by_column`, `folds`)": [
            *of([read["by_duration"], read["by_snr"], read["folds"]]),
            *of(read["by_column"]),
        ],
        "A spread (`fold_spread`)": list(read["fold_spread"].values()),
        "A speaker (`per_speaker`)": read["per_speaker"],
        "An answer (`confident_errors`, `least_certain`)": read["least_certain"],
        "The intervals (`intervals`)": [read["intervals"]],
    }
    for heading, objects in places.items():
        assert objects, heading
        for one in objects:
            assert list(one) == tables[heading] or set(one) == set(tables[heading]), heading
    assert (read["schema"], read["schema_version"]) == ("speechgmm-report", 2)
    assert "| `schema_version` | 2 |" in DOCUMENT.read_text(encoding="utf-8")
    assert set(read["curves"][0]["det"]) == {"false_alarm", "miss"}
    assert set(read["curves"][0]["scores"]) == {"edges", "targets", "nontargets"}
    assert set(read["uar_bootstrap"]) == {"low", "high"}


@pytest.mark.checkout
def test_scores_csv_is_what_is_documented(assessment: Assessment, tmp_path: Path, no_pictures: None) -> None:
    """Read by a stranger: the documented columns in their order, then those of the classes and of the corpus."""
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
    """Each file of a report is in the document."""
    assert documented()["What a report holds"] == ["report.html", "report.json", "scores.csv", "figures/"]
    assert {name.split("/")[0].removesuffix("s") for name in FILES} == {
        "report.html",
        "report.json",
        "scores.csv",
        "figure",
    }

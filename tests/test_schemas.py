"""The JSON Schemas in docs/schemas describe what the commands write."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechgmm.classifier.shipped_model import shipped_model_file
from tests.builders import RunCommand, write_manifest

jsonschema = pytest.importorskip("jsonschema", reason="the extra 'test' is not installed")

SCHEMAS = Path(__file__).resolve().parent.parent / "docs" / "schemas"

pytestmark = pytest.mark.checkout


def check(name: str, value: object) -> None:
    """Validate a value."""
    jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))).validate(
        value
    )


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def header(model: Path) -> Any:
    with np.load(model, allow_pickle=False) as arrays:
        return json.loads(arrays["header"].tobytes())


@pytest.fixture(scope="module")
def recordings(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A voice and a recording without speech."""
    folder = tmp_path_factory.mktemp("schemas")
    samples, rate = soundfile.read(voices / "female" / "synthetic-f03" / "01.wav")
    soundfile.write(folder / "voice.wav", samples, rate)
    soundfile.write(folder / "silence.wav", np.zeros(rate), rate)
    return folder


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.name)
def test_schemas_are_schemas(file: Path) -> None:
    """Each is valid, has a title and a description, and is linked in docs/formats.md."""
    schema = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"title", "description"} <= {*schema}
    assert f"(schemas/{file.name})" in (SCHEMAS.parent / "formats.md").read_text(encoding="utf-8")


def test_answers(recordings: Path, tiny_model_file: Path, run: RunCommand) -> None:
    """Of a voice, and of silence, where there is no number."""
    answers = json.loads(run("classify", recordings, "--model", tiny_model_file, "--format", "json").stdout)
    assert {each["label"] == "unknown" for each in answers["answers"]} == {True, False}
    check("answers", answers)


@pytest.mark.parametrize("name", ["voice.wav", "silence.wav"])
def test_segments(name: str, recordings: Path, tiny_model_file: Path, run: RunCommand) -> None:
    check(
        "segments",
        json.loads(run("segment", recordings / name, "--model", tiny_model_file, "--format", "json").stdout),
    )


def test_report_and_scores(
    voices: Path, tiny_model_file: Path, run: RunCommand, no_pictures: None, tmp_path: Path
) -> None:
    """With a column of groups, and the manifest that has it."""
    manifest = tmp_path / "corpus.csv"
    write_manifest(manifest, voices, lambda *_: {"place": "here"})
    for row in rows(manifest):
        check("manifest", row)

    done = run("evaluate", manifest, "--model", tiny_model_file, "--by", "place", "-o", tmp_path / "report")

    assert done.returncode == 0, done.stderr
    check("report", json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8")))
    scores = rows(tmp_path / "report" / "scores.csv")
    assert len(scores) == 24
    for row in scores:
        check("scores", row)


def test_headers_of_models(tiny_model_file: Path) -> None:
    """With class mixtures, and with tied sub-models."""
    check("model-header", header(tiny_model_file))
    check("model-header", header(shipped_model_file()))


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: answer.pop("label"),
        lambda answer: answer.update(probability=1.2),
        lambda answer: answer.update(score="1.0"),
    ],
    ids=["missing", "out of range", "text"],
)
def test_a_wrong_answer_is_invalid(
    change: Callable[[dict[str, Any]], Any], recordings: Path, tiny_model_file: Path, run: RunCommand
) -> None:
    """The schema is not so wide that everything is valid."""
    file = recordings / "voice.wav"
    answers = json.loads(run("classify", file, "--model", tiny_model_file, "--format", "json").stdout)
    change(answers["answers"][0])
    with pytest.raises(jsonschema.ValidationError):
        check("answers", answers)

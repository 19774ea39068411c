"""``speechgmm describe``: a model's settings and card as text and as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import speechgmm
from speechgmm.classifier.rejection import NonSpeechModel
from tests.builders import RunCommand


def test_json_is_complete(run: RunCommand, tiny_model_file: Path) -> None:
    """The JSON is strict and has everything except the parameters of the mixtures."""
    model = speechgmm.load(tiny_model_file)

    done = run("describe", tiny_model_file, "--format", "json")

    assert (done.returncode, done.stderr) == (0, "")
    description = json.loads(done.stdout, parse_constant=lambda name: name)
    assert (description["schema"], description["schema_version"]) == ("speechgmm-model-description", 1)
    assert description["labels"] == ["female", "male"]
    (stream,) = description["streams"]
    assert (stream["family"], stream["components"]) == ("gaussian", {"female": 4, "male": 4})
    assert stream["front_end"]["n_mels"] == 40
    assert description["calibration"]["scales"] == list(model.calibration.scales)
    assert description["priors"] == {"female": 0.5, "male": 0.5}
    assert description["decision"] == {"min_speech_s": 0.3, "min_probability": 0.0}
    assert description["card"] == model.card
    assert description["file"] == {"name": "tiny.npz", "bytes": tiny_model_file.stat().st_size}
    assert stream["dimensions"] == model.front_end.n_dimensions
    assert description["training_files_recognised"] == len(model.training_digests) == 24
    assert description["rejection"] is None
    assert description["least_likelihood"] == model.min_likelihood


def test_text_has_data_front_end_and_limits(run: RunCommand, tiny_model_file: Path) -> None:
    """The text has one line for each entry on training data and settings."""
    done = run("describe", tiny_model_file)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{tiny_model_file}: female / male"
    speech_s = speechgmm.load(tiny_model_file).card["data"]["train"]["male"]["speech_s"]
    assert f"    male: recordings 12, speakers 6, speech {speech_s} s" in lines
    assert "recordings without speaker: 0" in lines
    assert "decision: min speech 0.3 s, min probability 0" in lines
    assert f"file: {tiny_model_file.stat().st_size} bytes" in lines
    assert "rejection: none: the model was trained without non-speech" in lines
    assert "training files recognised: 24" in lines
    start = lines.index("streams:")
    assert lines.count("streams:") == 1
    assert lines[start + 1 : start + 5] == [
        "  1:",
        "    family: gaussian",
        "    components: female 4, male 4",
        "    dimensions: 20",
    ]
    assert lines[start + 5].startswith(
        "    front end: sampling rate 16000 Hz, window 0.025 s, hop 0.01 s, mels 40, fmin 60 Hz"
    )
    fits = lines.index("    fits:", start)
    assert lines[fits + 1].startswith("      female: family gaussian, components 4, iterations ")
    assert max(map(len, lines[1:])) <= 100


def test_shipped_model_is_described_by_default(run: RunCommand) -> None:
    """Without MODEL the shipped model is described."""
    done = run("describe")

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].endswith("default.npz: female / male")
    assert any(line.startswith("rejection: by a tied sub-model of speech ") for line in lines)
    assert any(line.startswith("  - corpus: common-voice; licence: CC0-1.0; speakers: female ") for line in lines)
    assert max(map(len, lines[1:])) <= 100


def test_numbers_have_units(run: RunCommand) -> None:
    """Numbers in the text have their unit; that of several numbers is in the title."""
    text = " ".join(run("describe").stdout.split())

    assert "sampling rate 16000 Hz" in text
    assert re.search(r"log likelihood per frame -\d+\.\d+ nats", text)
    assert "losses (nats): first 0." in text
    assert "offsets (nats): 0." in text
    assert re.search(r"least ratio \S+ nats per frame", text)
    assert re.search(r" cllr: 0\.\d+ bits min cllr: 0\.\d+ bits", text)
    assert "cllr: n/a" in text
    assert "uar 95 % interval: 0." in text


def test_rejection_of_shipped_model_is_in_json(run: RunCommand) -> None:
    """The JSON has the classes of the sub-models, the sizes of the mixtures and the threshold."""
    model = speechgmm.load()
    described = json.loads(run("describe", "--format", "json").stdout)
    assert described["rejection"] == {
        "by": "a tied sub-model of speech against non-speech in each stream",
        "stream": 1,
        "components": 16,
        "least_ratio": model.min_speech_ratio,
    }
    assert described["submodels"] == ["female", "male", "female", "male"]
    assert [stream["components"] for stream in described["streams"]] == [{"background": 128}] * 3


def test_rejection_by_a_mixture_is_in_json(run: RunCommand, tiny_model: speechgmm.Model, tmp_path: Path) -> None:
    """The JSON has the non-speech model's size and the threshold, and no sub-models."""
    (stream,) = tiny_model.streams
    nonspeech = NonSpeechModel(stream=0, mixture=stream.mixtures[0])
    speechgmm.save(replace(tiny_model, nonspeech=nonspeech, min_speech_ratio=-0.5), tmp_path / "model.npz")
    described = json.loads(run("describe", tmp_path / "model.npz", "--format", "json").stdout)
    assert described["rejection"] == {"stream": 0, "components": 4, "least_ratio": -0.5}
    assert described["streams"][0]["components"] == {"female": 4, "male": 4}
    assert "submodels" not in described


def test_any_card_is_printed(run: RunCommand, tiny_model_file: Path, tmp_path: Path) -> None:
    """A card with arbitrary entries is printed: empty values, units, booleans, lists, malformed streams."""
    card = {
        "streams": ["odd"],
        "empty": {},
        "none": [],
        "used": True,
        "cllr": None,
        "length_s": 1.5,
        "n_files": 3,
        "s": 2,
        "wide": [{"name": "x" * 60, "licence": "y" * 60}, {"name": "z"}],
        "pairs": [{"a": 1, "range_hz": [1, 2]}],
        "blank": "",
    }
    speechgmm.save(replace(speechgmm.load(tiny_model_file), card=card), tmp_path / "odd.npz")
    lines = run("describe", tmp_path / "odd.npz").stdout.splitlines()
    start = lines.index("empty:")
    assert lines[start : start + 13] == [
        "empty:",
        "none:",
        "used: yes",
        "cllr: n/a",
        "length: 1.5 s",
        "files: 3",
        "s: 2",
        "wide:",
        f"  1: name {'x' * 60}, licence",
        f"      {'y' * 60}",
        "  2: name z",
        "pairs:",
        "  - a: 1; range hz: 1, 2",
    ]
    assert lines[start + 13] == "blank:"
    assert lines[lines.index("    training: odd") - 1].startswith("    ")


@pytest.mark.parametrize("name", ["discriminative", "mmi"])  # the first in cards written before the second
def test_names_of_settings_are_printed_as_stored(
    run: RunCommand, tiny_model_file: Path, tmp_path: Path, name: str
) -> None:
    """The card is printed generically: names of settings from other versions need no code."""
    card = {"settings": {"n_components": 64, name: {"n_steps": 300, "shortest_s": 0.2}}}
    speechgmm.save(replace(speechgmm.load(tiny_model_file), card=card), tmp_path / "model.npz")

    text = run("describe", tmp_path / "model.npz")
    as_json = run("describe", tmp_path / "model.npz", "--format", "json")

    assert (text.returncode, as_json.returncode) == (0, 0)
    assert text.stdout.splitlines()[1:4] == [
        "settings:",
        "  components: 64",
        f"  {name}: steps 300, shortest 0.2 s",
    ]
    assert json.loads(as_json.stdout)["card"] == card


def test_control_characters_in_card_are_escaped(run: RunCommand, tiny_model_file: Path, tmp_path: Path) -> None:
    """Control characters in names and values of a card are escaped in the text."""
    card = {"about\x1b[2J": "a\nb\ud800", "limits": ["for \x07 nothing but tests of the command line", "x"]}
    speechgmm.save(replace(speechgmm.load(tiny_model_file), card=card), tmp_path / "odd.npz")

    text, as_json = run("describe", tmp_path / "odd.npz"), run("describe", tmp_path / "odd.npz", "--format", "json")

    assert (text.returncode, text.stderr) == (0, "")
    assert text.stdout.splitlines()[1:5] == [
        r"about\x1b[2J: a\nb\ud800",
        "limits:",
        r"  - for \x07 nothing but tests of the command line",
        "  - x",
    ]
    assert json.loads(as_json.stdout)["card"] == card

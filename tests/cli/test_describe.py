"""``speechgmm describe``: all a model says of itself, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import speechgmm

Run = Callable[..., CompletedProcess[str]]


def test_json_has_everything_the_model_has(run: Run, tiny_model_file: Path) -> None:
    """The description in json is strict, and complete but for the mixtures themselves."""
    model = speechgmm.load(tiny_model_file)

    done = run("describe", tiny_model_file, "--format", "json")

    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout, parse_constant=lambda name: name)
    assert (told["schema"], told["schema_version"]) == ("speechgmm-model-description", 1)
    assert told["labels"] == ["female", "male"]
    (stream,) = told["streams"]
    assert (stream["family"], stream["components"]) == ("gaussian", {"female": 4, "male": 4})
    assert stream["front_end"]["n_mels"] == 40
    assert told["calibration"]["scales"] == list(model.calibration.scales)
    assert told["priors"] == {"female": 0.5, "male": 0.5}
    assert told["decision"] == {"min_speech_s": 0.3, "min_probability": 0.0}
    assert told["card"] == model.card
    assert told["file"] == {"name": "tiny.npz", "bytes": tiny_model_file.stat().st_size}
    assert stream["dimensions"] == model.front_end.n_dimensions
    assert told["training_files_recognised"] == len(model.training_digests) == 24
    assert told["rejection"] is None
    assert told["min_likelihood"] == model.min_likelihood


def test_text_tells_data_front_end_and_limits(run: Run, tiny_model_file: Path) -> None:
    """The description for people says what the model was trained on and how, a line for each thing."""
    done = run("describe", tiny_model_file)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{tiny_model_file}: female / male"
    speech_s = speechgmm.load(tiny_model_file).card["data"]["train"]["male"]["speech_s"]
    assert f"    male: recordings 12, speakers 6, speech {speech_s} s" in lines
    assert "recordings without speaker: 0" in lines
    assert "decision: min speech 0.3 s, min probability 0" in lines
    assert f"file: {tiny_model_file.stat().st_size} bytes" in lines
    assert "rejection: none: the model was shown nothing that is no speech" in lines
    assert "training files recognised: 24" in lines
    begin = lines.index("streams:")
    assert lines.count("streams:") == 1
    assert lines[begin + 1 : begin + 5] == [
        "  1:",
        "    family: gaussian",
        "    components: female 4, male 4",
        "    dimensions: 20",
    ]
    assert lines[begin + 5].startswith(
        "    front end: sampling rate 16000, window 0.025 s, hop 0.01 s, mels 40, fmin 60 Hz"
    )
    fits = lines.index("    fits:", begin)
    assert lines[fits + 1].startswith("      female: family gaussian, components 4, iterations ")
    assert max(map(len, lines[1:])) <= 100


def test_shipped_model_is_described_by_default(run: Run) -> None:
    """Without a name, the model that travels with the package is described."""
    done = run("describe")

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].endswith("default.npz: female / male")
    assert any(line.startswith("rejection: stream 1, components ") for line in lines)
    assert any(line.startswith("  - corpus: common-voice; licence: CC0-1.0; speakers: female ") for line in lines)
    assert max(map(len, lines[1:])) <= 100


def test_shipped_model_tells_its_rejection(run: Run) -> None:
    """What tells speech from other sounds is in the JSON with its bound."""
    model = speechgmm.load()
    assert model.rejection is not None
    told = json.loads(run("describe", "--format", "json").stdout)["rejection"]
    assert told["min_ratio"] == model.rejection.min_ratio
    assert told["components"] == model.rejection.nonspeech.n_components


def test_any_card_is_told(run: Run, tiny_model_file: Path, tmp_path: Path) -> None:
    """Whatever a card from elsewhere holds is laid out: nothing, units, truth, lists, streams that are none."""
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
    begin = lines.index("empty:")
    assert lines[begin : begin + 13] == [
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
    assert lines[begin + 13] == "blank:"
    assert lines[lines.index("    training: odd") - 1].startswith("    ")


def test_card_sends_no_codes_to_the_terminal(run: Run, tiny_model_file: Path, tmp_path: Path) -> None:
    """A model from elsewhere may say anything of itself: it is shown with control characters escaped."""
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

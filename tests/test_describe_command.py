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


def test_text_tells_data_front_end_and_limits(run: Run, tiny_model_file: Path) -> None:
    """The description for people says what the model was trained on and how, a line for each thing."""
    done = run("describe", tiny_model_file)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{tiny_model_file}: female / male"
    speech_s = speechgmm.load(tiny_model_file).card["data"]["train"]["male"]["speech_s"]
    assert f"    male: recordings 12, speakers 6, speech s {speech_s}" in lines
    assert "recordings without speaker: 0" in lines
    assert "decision: min speech s 0.3, min probability 0" in lines
    begin = lines.index("    family: gaussian") - 2
    assert lines[begin : begin + 2] == ["streams:", "  1:"]
    assert lines[begin + 3] == "    components: female 4, male 4"
    assert lines[begin + 4].startswith("    front end: sampling rate 16000, window s 0.025, hop s 0.01, n mels 40")
    assert any(line.startswith("      male: family gaussian, components 4, iterations ") for line in lines)


def test_shipped_model_is_described_by_default(run: Run) -> None:
    """Without a name, the model that travels with the package is described."""
    done = run("describe")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].endswith("default.npz: female / male")


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

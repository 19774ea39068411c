"""The examples in docs/examples/ do what they say."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import speechgmm
from tests.builders import spoken, white_noise

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
RATE = 16000

pytestmark = pytest.mark.checkout


@pytest.fixture(scope="module")
def two_voices() -> tuple[Any, Any]:
    """Six seconds of a female voice and of a male one."""
    rng = np.random.default_rng(6)
    return spoken("female", 6.0, rng), spoken("male", 6.0, rng)


def test_calls_are_lines_of_json(two_voices: tuple[Any, Any], tmp_path: Path) -> None:
    """One per call, with both channels; a call that cannot be read is a line too, and the others follow."""
    female, male = two_voices
    soundfile.write(tmp_path / "a.wav", np.stack([female, male], axis=1), RATE)
    (tmp_path / "b.wav").write_bytes(b"no audio")
    quiet = white_noise(len(male), 1e-4, seed=1)
    soundfile.write(tmp_path / "c.wav", np.stack([quiet, male], axis=1), RATE)
    lines = runpy.run_path(str(EXAMPLES / "call_centre.py"))["lines"]

    both, unreadable, one = [json.loads(line) for line in lines(tmp_path)]

    assert (both["call"], both["duration_s"]) == ("a.wav", 6.0)
    assert both["agent"]["female"] > 4.0
    assert both["customer"]["male"] > 4.0
    assert unreadable["call"] == "b.wav"
    assert "it is not audio that can be read" in unreadable["error"]
    assert one["agent"] == {}
    assert one["customer"] == both["customer"]


def test_the_praat_script_adds_a_textgrid(two_voices: tuple[Any, Any], tmp_path: Path) -> None:
    """To the selected Sound; run by Praat itself, with the command of this interpreter."""
    parselmouth = pytest.importorskip("parselmouth")
    samples = np.concatenate(two_voices)
    sound = parselmouth.Sound(samples.astype(np.float64), sampling_frequency=RATE)
    sound.name = "interview"

    objects = parselmouth.praat.run_file(
        sound, str(EXAMPLES / "segment_selected_sound.praat"), f'"{sys.executable}" -m speechgmm'
    )

    (grid,) = [each for each in objects if "TextGrid" in each.class_name]
    assert grid.name == "interview"
    assert grid.xmax == pytest.approx(12.0)
    grid.save(str(tmp_path / "interview.TextGrid"))
    segments = speechgmm.read_segments(tmp_path / "interview.TextGrid")["interview"]
    assert {segment.label for segment in segments if segment.end < 5.5} == {"female"}
    assert {segment.label for segment in segments if segment.start > 6.5} <= {"male", "unknown"}
    assert "male" in {segment.label for segment in segments}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the packages of Jupyter
def test_the_notebook_runs(tmp_path: Path) -> None:
    """Its shares are near those of which the programmes are composed, and it keeps no outputs."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(EXAMPLES / "speaking_time.ipynb", as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)

    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()

    text = "".join(output["text"] for cell in notebook.cells for output in cell.get("outputs", []))
    programmes = [line for line in text.splitlines() if "composed with" in line]
    assert len(programmes) == 4
    for line in programmes:
        measured, composed = (float(line.split(words)[1].split("%")[0]) for words in ("women ", "composed with "))
        assert abs(measured - composed) < 15
    assert "4 recordings: women " in text

"""What a command or a function imports: to answer needs nothing of training, and nothing that only training needs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import speechgmm
from speechgmm.mixture.family_registry import FAMILIES
from speechgmm.mixture.mixture_types import MIXTURE_TYPES
from speechgmm.training.recipe import DEFAULT

ROOMS = {"training", "evaluation", "crossvalidation", "reporting", "augmentation", "demo"}
LIBRARIES = {"librosa", "numba", "joblib", "sklearn", "matplotlib", "tqdm", "shtab"}
PARTS_OF_SCIPY = {f"scipy.{part}" for part in ("signal", "stats", "optimize", "linalg", "ndimage", "interpolate")}
NOT_NEEDED = {*(f"speechgmm.{room}" for room in ROOMS), *LIBRARIES, *PARTS_OF_SCIPY}


def imported_by(code: str, *arguments: object) -> set[str]:
    """The modules that a new interpreter has imported after this code, which finds the arguments in `sys.argv`."""
    script = f"import json, sys\n{code}\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


RUN = "from speechgmm.cli import main\nassert main(sys.argv[1:]) == 0"
FROM_PYTHON = "import speechgmm\nspeechgmm.{}(sys.argv[1], model=speechgmm.load(sys.argv[2]))"


@pytest.fixture
def voice(voices: Path) -> Path:
    return voices / "female" / "synthetic-f03" / "01.wav"


def test_to_classify_imports_what_it_needs(tiny_model_file: Path, voice: Path) -> None:
    """On the command line and from Python; the model file has its mel filter bank, so librosa is not needed."""
    command = imported_by(RUN, "classify", voice, "--model", tiny_model_file)
    function = imported_by(FROM_PYTHON.format("classify"), voice, tiny_model_file)

    # Some versions of SciPy import `scipy.linalg` with the Fourier transforms.
    not_needed = NOT_NEEDED - imported_by("import scipy.fft")
    assert not command & not_needed
    assert not function & not_needed
    assert {"speechgmm.classifier.classify", "scipy.fft", "soundfile"} <= command & function
    assert not any(name.startswith("speechgmm.segmentation.decoder") for name in command | function)


@pytest.mark.parametrize("code", [RUN, FROM_PYTHON.format("segment")], ids=["command", "function"])
def test_to_segment_imports_no_training_and_no_reports(code: str, tiny_model_file: Path, voice: Path) -> None:
    """Nor more of SciPy than an utterance. The intervals of speaking time are of `evaluation`."""
    arguments = ("segment", voice, "--model", tiny_model_file) if code is RUN else (voice, tiny_model_file)
    not_needed = NOT_NEEDED - {"speechgmm.evaluation"} - imported_by("import scipy.fft")
    assert not imported_by(code, *arguments) & not_needed


def test_to_describe_reads_no_audio(tiny_model_file: Path) -> None:
    """A model is read with numpy alone."""
    found = imported_by(RUN, "describe", tiny_model_file)

    assert not found & {*NOT_NEEDED, "scipy", "soundfile", "soxr", "speechgmm.audio", "speechgmm.corpus"}
    assert "speechgmm.classifier.model_file" in found


def test_a_command_imports_no_other(tiny_model_file: Path) -> None:
    """Only the arguments of the command that is run are set up; the help lists them all."""
    commands = {f"speechgmm.cli.{name}" for name in ("train", "audit", "segment", "evaluate", "demo")}

    assert not imported_by(RUN, "describe", tiny_model_file) & commands
    assert commands <= imported_by("from speechgmm.cli import main\ntry: main(['-h'])\nexcept SystemExit: pass")


def test_names_that_are_written_twice_agree() -> None:
    """The default recipe in the signature, and the types of mixtures: their homes are not imported for them."""
    assert inspect.signature(speechgmm.train).parameters["recipe"].default == DEFAULT
    assert {name: family.mixture_type for name, family in FAMILIES.items()} == MIXTURE_TYPES

"""A program that uses the package is type-checked with the types of the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.checkout

PROGRAM = """
import numpy as np
import speechgmm

model = speechgmm.load()
reveal_type(speechgmm.__version__)
reveal_type(speechgmm.classify("a.wav"))
reveal_type(model.classify(np.zeros(9), 16000).label)
reveal_type(list(model.classify_many([b"RIFF", "a.wav"], jobs=2)))
reveal_type(speechgmm.segment({"bytes": b"RIFF"})[0].start)
reveal_type(speechgmm.train_from_arrays([np.zeros(9)], ["a"], 16000).model)
speechgmm.classify("a.wav", model="a.npz")
"""
REVEALED = [
    "str",
    "speechgmm.classifier.decision.Decision",
    "str",
    "list[speechgmm.classifier.decision.Decision | speechgmm.features.extraction.Failure]",
    "float",
    "speechgmm.classifier.model.Model",
]


@pytest.mark.slow
def test_a_program_is_checked_with_the_types_of_the_installed_package(tmp_path: Path) -> None:
    """Also where the package is installed in editable mode, as for these tests."""
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")

    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path), "program.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    notes = [
        line.split('"')[1].replace("builtins.", "") for line in done.stdout.splitlines() if "Revealed type is" in line
    ]
    assert notes == REVEALED
    assert "incompatible type" in done.stdout
    assert "Found 1 error" in done.stdout

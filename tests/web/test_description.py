"""Requests that schemathesis makes from the OpenAPI description: each answer is as it is described."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
pytest.importorskip("schemathesis", reason="schemathesis is not installed")

from speechgmm.classifier.model import Model
from tests.web.serving import served


@pytest.mark.slow
def test_answers_are_as_described(tiny_model: Model) -> None:
    """Each request, valid or not, gets a described status with a body of the described form; no server error."""
    with served(tiny_model) as address:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"http://{address}/openapi.json"),
                *("--max-examples", "10", "--seed", "1", "--phases", "examples,coverage,fuzzing", "--no-color"),
                *("--exclude-checks", "positive_data_acceptance"),  # what it sends is no recording
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stdout

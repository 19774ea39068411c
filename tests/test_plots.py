"""Pictures: what they show is what was measured, and drawing them again gives the same bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree

import numpy as np
import pytest

from speechgmm.mixture.selection import SizeResult
from speechgmm.plots import FORMATS, rendered, size_curve

pytest.importorskip("matplotlib", reason="the extra 'plots' is not installed")

Run = Callable[..., CompletedProcess[str]]

RESULTS = [
    SizeResult(n_components=8, log_likelihood=-40.0, aic=9000.0, bic=9100.0, held_out=-41.0),
    SizeResult(n_components=16, log_likelihood=-39.0, aic=8900.0, bic=9050.0, held_out=-40.5),
    SizeResult(n_components=24, log_likelihood=-38.0, aic=8800.0, bic=9070.0, held_out=-40.7),
]
SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def test_the_size_curve_shows_the_results() -> None:
    """Each line has the results' numbers, the chosen size is marked, and every size has its tick."""
    upper, lower = size_curve(RESULTS).axes
    lines = {line.get_label(): line for line in (*upper.lines, *lower.lines)}
    expected = {
        "in training": [-40.0, -39.0, -38.0],
        "speakers held out": [-41.0, -40.5, -40.7],
        "AIC": [9000.0, 8900.0, 8800.0],
        "BIC": [9100.0, 9050.0, 9070.0],
    }
    for label, values in expected.items():
        np.testing.assert_array_equal(lines[label].get_xdata(), [8, 16, 24])
        np.testing.assert_array_equal(lines[label].get_ydata(), values)
    assert set(lines["chosen"].get_xdata()) == {16}
    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["8", "16", "24"]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_can_be_written_again(kind: str) -> None:
    """A file begins as its format does, and the same results give the same bytes."""
    content = rendered(size_curve(RESULTS), kind)
    assert content.startswith(SIGNATURES[kind])
    assert rendered(size_curve(RESULTS), kind) == content


def test_the_command_draws_and_tabulates(run: Run, voices: Path, tmp_path: Path) -> None:
    """``--sizes`` twice writes a table and a picture."""
    files = ("--sizes", tmp_path / "sizes.csv", "--sizes", tmp_path / "sizes.svg")
    done = run("train", voices, "-o", tmp_path / "model.npz", "--components", "1,2", "--folds", "2", *files, "--quiet")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sizes.csv").read_text().startswith("n_components,")
    assert ElementTree.fromstring((tmp_path / "sizes.svg").read_text()).tag.endswith("svg")


def test_without_matplotlib_the_remedy_is_told(
    run: Run, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture is refused before the work, with what to install; a table needs nothing."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    arguments = ("train", voices, "-o", tmp_path / "model.npz", "--components", "1,2", "--folds", "2", "--quiet")
    refused = run(*arguments, "--sizes", tmp_path / "sizes.png")
    assert refused.returncode == 2
    assert "a picture needs matplotlib: pip install 'speechgmm[plots]'" in refused.stderr
    assert run(*arguments, "--sizes", tmp_path / "sizes.csv").returncode == 0

"""Training curves: the plotted values are the measured ones, and rendering is deterministic."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

import speechgmm
from speechgmm.mixture.information_criteria import SizeResult
from speechgmm.reporting.training_plots import FORMATS, likelihood_curves, loss_curves, rendered, size_curve
from tests.builders import RunCommand

pytest.importorskip("matplotlib", reason="the extra 'report' is not installed")

if TYPE_CHECKING:
    from matplotlib.lines import Line2D

RESULTS = [
    SizeResult(n_components=8, log_likelihood=-40.0, aic=9000.0, bic=9100.0, held_out=-41.0),
    SizeResult(n_components=16, log_likelihood=-39.0, aic=8900.0, bic=9050.0, held_out=-40.5),
    SizeResult(n_components=24, log_likelihood=-38.0, aic=8800.0, bic=9070.0, held_out=-40.7),
]
FAST = ("--recipe", "plain", "--set", "calibration.folds=2", "--quiet")
SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def x_of(line: Line2D) -> list[float]:
    values: list[float] = np.asarray(line.get_xdata()).tolist()
    return values


def y_of(line: Line2D) -> list[float]:
    values: list[float] = np.asarray(line.get_ydata()).tolist()
    return values


def test_size_curve_shows_the_results() -> None:
    """The lines have the values of the results, the selected size is marked, and every size has a tick."""
    upper, lower = size_curve(RESULTS).axes
    lines = {line.get_label(): line for line in (*upper.lines, *lower.lines)}
    expected = {
        "training data": [-40.0, -39.0, -38.0],
        "held-out speakers": [-41.0, -40.5, -40.7],
        "AIC": [9000.0, 8900.0, 8800.0],
        "BIC": [9100.0, 9050.0, 9070.0],
    }
    for label, values in expected.items():
        np.testing.assert_array_equal(lines[label].get_xdata(), [8, 16, 24])
        np.testing.assert_array_equal(lines[label].get_ydata(), values)
    assert set(x_of(lines["selected"])) == {16}
    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["8", "16", "24"]


def test_likelihood_curves_have_one_panel_per_stream() -> None:
    """The values of each mixture are at iterations 0, 1, ...; names with special characters are escaped."""
    curves = [{"all classes": [-5.0, -4.0], "a$b$": [-6.0, -5.0, -4.5]}, {"_x": [-9.0, -8.0]}]
    upper, lower = likelihood_curves(curves).axes
    assert [(line.get_label(), y_of(line)) for line in upper.lines] == [
        ("all classes", [-5.0, -4.0]),
        (r"a\$b\$", [-6.0, -5.0, -4.5]),
    ]
    assert x_of(upper.lines[1]) == [0, 1, 2]
    legend = lower.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [" _x"]
    assert (upper.get_title(), lower.get_title()) == ("stream 1", "stream 2")
    (single,) = likelihood_curves(curves[:1]).axes
    assert single.get_title() == ""
    assert rendered(likelihood_curves([{"a\x1b$_{": [1.0]}]), "png").startswith(SIGNATURES["png"])


def test_losses_begin_at_the_start() -> None:
    """The values are at iterations 0, 1, ...; a stream without losses has no line, a single one no legend."""
    (axes,) = loss_curves([[3.0, 2.0, 1.5], [], [1.0, 0.5]]).axes
    first, last = axes.lines
    assert (x_of(first), y_of(first)) == ([0, 1, 2], [3.0, 2.0, 1.5])
    assert (first.get_label(), last.get_label(), last.get_color()) == ("stream 1", "stream 3", "C2")
    assert axes.get_ylim()[0] == 0.0
    assert axes.get_legend() is not None
    assert loss_curves([[1.0]]).axes[0].get_legend() is None


@pytest.mark.parametrize("kind", FORMATS)
def test_rendering_is_deterministic_in_every_format(kind: str) -> None:
    """The file has the signature of its format, and the same results give the same bytes."""
    content = rendered(size_curve(RESULTS), kind)
    assert content.startswith(SIGNATURES[kind])
    assert rendered(size_curve(RESULTS), kind) == content


def test_train_writes_the_size_comparison(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """The old ``--sizes`` given twice writes a table and a figure."""
    files = ("--sizes", tmp_path / "sizes.csv", "--sizes", tmp_path / "sizes.svg")
    done = run("train", voices, "-o", tmp_path / "model.npz", "--components", "1,2", *FAST, *files)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sizes.csv").read_text().startswith("n_components,")
    assert ElementTree.fromstring((tmp_path / "sizes.svg").read_text()).tag.endswith("svg")


def test_figures_without_matplotlib_are_refused_with_the_remedy(
    run: RunCommand, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A figure is refused before the training, with the package to install; a table needs no matplotlib."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    arguments = ("train", voices, "-o", tmp_path / "model.npz", "--components", "1,2", *FAST)
    refused = run(*arguments, "--sizes", tmp_path / "sizes.png")
    assert refused.returncode == 2
    assert "figures need matplotlib, which is not installed: pip install 'speechgmm[report]'" in refused.stderr
    assert run(*arguments, "--sizes", tmp_path / "sizes.csv").returncode == 0


def test_train_writes_a_report(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """``--report`` writes the values of every EM and MMI iteration, and figures; the model is unchanged."""
    recipe = tmp_path / "two.toml"
    recipe.write_text(
        "[em]\nmax_iterations = 3\n[mmi]\niterations = 4\n[calibration]\nfolds = 2\n[[streams]]\n[[streams]]\n"
        "n_coefficients = 13\n",
        encoding="utf-8",
    )
    small = ("--components", "1,2", "--recipe", recipe, "--quiet")
    done = run("train", voices, "-o", tmp_path / "a.npz", *small, "--report", tmp_path / "new" / "report")
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "new" / "report"
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        [
            "training.json",
            "sizes.csv",
            *(f"{name}.{kind}" for name in ("likelihood", "losses", "sizes") for kind in ("png", "svg")),
        ]
    )
    for file in folder.glob("*.svg"):
        assert ElementTree.fromstring(file.read_text(encoding="utf-8")).tag.endswith("svg")
    history = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    header = (history["schema"], history["schema_version"], history["labels"])
    assert header == ("speechgmm-training", 1, ["female", "male"])
    card = speechgmm.load(tmp_path / "a.npz").card
    assert history["chosen_size"] == card["settings"]["n_components"]
    assert {str(result["n_components"]) for result in history["sizes"]} == set(card["held_out_by_components"])
    for stream_, trained in zip(history["streams"], card["streams"], strict=True):
        losses, fit = stream_["losses"], trained["background"]
        assert len(losses) == 1 + 4
        assert trained["losses"] == pytest.approx({"first": losses[0], "last": losses[-1]}, abs=1e-6)
        assert stream_["classes"] == {}
        values = stream_["background"]["log_likelihoods"]
        assert len(values) == fit["iterations"] + 1
        assert values[-1] == pytest.approx(fit["log_likelihood_per_frame"], abs=1e-6)
        assert stream_["background"]["converged"] == fit["converged"]
        assert stream_["background"]["restarts"] == [stream_["background"]["log_likelihoods"][-1]]
    again = run("train", voices, "-o", tmp_path / "b.npz", *small)
    assert again.returncode == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_report_without_comparison_and_mmi_has_only_the_likelihood(
    run: RunCommand, voices: Path, tmp_path: Path
) -> None:
    """Only the likelihood is drawn, with every fit of a class; ``--force`` replaces the report."""
    small = ("--components", "1", *FAST, "--set", "em.max_iterations=1", "--report", tmp_path / "report")
    assert run("train", voices, "-o", tmp_path / "a.npz", *small).returncode == 0
    names = sorted(file.name for file in (tmp_path / "report").iterdir())
    assert names == ["likelihood.png", "likelihood.svg", "training.json"]
    history = json.loads((tmp_path / "report" / "training.json").read_text(encoding="utf-8"))
    (trained,) = speechgmm.load(tmp_path / "a.npz").card["streams"]
    assert history["streams"][0]["losses"] == []
    for label, fit in trained["fits"].items():
        values = history["streams"][0]["classes"][label]["log_likelihoods"]
        assert len(values) == fit["iterations"] + 1
        assert values[-1] == pytest.approx(fit["log_likelihood_per_frame"], abs=1e-6)
        assert history["streams"][0]["classes"][label]["converged"] == fit["converged"]
    refused = run("train", voices, "-o", tmp_path / "b.npz", *small)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"speechgmm: error: {tmp_path}/report/training.json: it exists already; --force replaces it\n"
    )
    assert not (tmp_path / "b.npz").exists()
    assert run("train", voices, "-o", tmp_path / "b.npz", *small, "--force").returncode == 0


def test_a_report_without_matplotlib_is_refused(
    run: RunCommand, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused before the training, with the package to install; no folder is made."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("speechgmm.training.train.train", lambda *_, **__: pytest.fail("the training was started"))
    refused = run("train", voices, "-o", tmp_path / "model.npz", "--report", tmp_path / "report")
    assert refused.returncode == 2
    assert "figures need matplotlib, which is not installed: pip install" in refused.stderr
    assert not (tmp_path / "report").exists()

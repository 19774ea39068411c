"""Figures of a report: for every kind of report, as files and as inline SVG in the colours of the page."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation.report import Report, evaluate
from speechgmm.reporting import figures
from speechgmm.reporting.html_elements import style
from speechgmm.reporting.numbers import formatted
from speechgmm.reporting.rendered_figures import DESCRIPTIONS, KINDS, Picture, draw
from speechgmm.reporting.svg import inline_svg
from tests.builders import abstain, decide

pytest.importorskip("matplotlib", reason="the extra 'report' is not installed")

HOSTILE = ("<script>", "أنثى", "_hidden", "$x^2$ \\{$$", "tr\udcf1\x07", "a" * 60, "女性", "ok")


def report_of(classes: tuple[str, ...], n: int, seed: int = 0) -> Report:
    """Random decisions, better than chance."""
    rng = np.random.default_rng(seed)
    outcomes = []
    for i in range(n):
        truth = classes[i % len(classes)]
        likelihoods = np.exp(rng.normal([1.5 if name == truth else 0.0 for name in classes]))
        decision = decide(dict(zip(classes, likelihoods.tolist(), strict=True)))
        duration_s, snr_db = float(rng.gamma(2, 2)), float(rng.normal(20, 8))
        outcomes.append(
            Outcome(path=f"{i}", truth=truth, speaker=None, duration_s=duration_s, snr_db=snr_db, decision=decision)
        )
    return evaluate(outcomes, classes=classes, n_resamples=5)


PAIR = report_of(("female", "male"), 60)


@pytest.fixture(scope="module")
def pictures() -> Mapping[str, Picture]:
    return draw(PAIR)


def test_every_figure_is_drawn_as_files_and_inline(pictures: Mapping[str, Picture]) -> None:
    """PNG and SVG files, and an inline SVG with a text alternative."""
    assert tuple(pictures) == tuple(DESCRIPTIONS)
    for name, picture in pictures.items():
        assert tuple(picture.files) == KINDS
        assert picture.files["png"].startswith(b"\x89PNG")
        assert ElementTree.fromstring(picture.files["svg"]).tag.endswith("svg")
        root = ElementTree.fromstring(picture.inline)
        assert (root.get("role"), root.get("aria-label")) == ("img", DESCRIPTIONS[name])


def test_inline_figures_use_only_colours_of_the_style_sheet(pictures: Mapping[str, Picture]) -> None:
    """Every colour is a variable that the style sheet defines for the light and the dark scheme."""
    defined = re.findall(r"^ +(--[a-z0-9-]+): #", style(), flags=re.MULTILINE)
    assert len(defined) == 2 * len(set(defined))
    for picture in pictures.values():
        assert not re.search(r"#[0-9a-f]{6}", picture.inline)
        used = set(re.findall(r"var\((--[a-z0-9-]+)\)", picture.inline))
        assert {"--ink", "--ground"} <= used <= set(defined)


def test_the_style_sheet_has_the_colours_of_the_files() -> None:
    """The light scheme has the colours that the figures are drawn in."""
    light = style().split("@media")[0]
    series = {f"--series-{number}": colour for number, colour in enumerate(figures.SERIES, 1)}
    names = {"--ground": figures.GROUND, "--ink": figures.INK, "--faint": figures.FAINT, "--line": figures.LINE}
    for name, colour in {**names, "--heat": figures.HEAT, **series}.items():
        assert f"{name}: {colour};" in light


def test_identifiers_of_figures_are_unique_on_the_page(pictures: Mapping[str, Picture]) -> None:
    """Every reference has its target; there are no style elements and no font families."""
    everything = "".join(picture.inline for picture in pictures.values())
    ids = re.findall(r' id="([^"]*)"', everything)
    assert len(ids) == len(set(ids))
    references = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', everything)
    assert {link or clip_path for link, clip_path in references} <= set(ids)
    assert "<style" not in everything
    assert "font-family" not in everything
    assert "DejaVu" not in everything


def test_figures_show_the_numbers_of_the_report(pictures: Mapping[str, Picture]) -> None:
    """Counts, EER and AUC are text in the common format."""
    texts = {name: re.findall(r"<text[^>]*>([^<]*)", picture.inline) for name, picture in pictures.items()}
    assert {formatted(count, "count") for row in PAIR.confusion for count in row} <= set(texts["confusion"])
    assert f"EER {formatted(PAIR.eer, 'ratio')} female" in texts["det"]
    assert f"AUC {formatted(PAIR.detection[0].auc, 'ratio')} female" in texts["roc"]
    assert f"n {PAIR.by_duration[0].n_utterances}" in " ".join(texts["duration"])


def test_the_same_report_gives_the_same_figures(
    pictures: Mapping[str, Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes, independent of the user's matplotlib settings."""
    import matplotlib

    monkeypatch.setitem(matplotlib.rcParams, "font.size", 31)
    monkeypatch.setitem(matplotlib.rcParams, "lines.linewidth", 9)
    assert draw(PAIR) == pictures


@pytest.mark.slow
def test_special_names_are_shown_literally() -> None:
    """No formulas, hidden legend entries or markup; long names lose their middle; eight classes have eight panels."""
    drawn = draw(report_of(HOSTILE, 160))
    labels = [text for picture in drawn.values() for text in re.findall(r"<t(?:ext|span)[^>]*>([^<]*)", picture.inline)]
    everything = " | ".join(labels)
    assert "&lt;script&gt;" in everything
    assert "$x^2$ \\{$$" in everything
    assert re.search(r"EER [\d.]+ _hidden", everything)
    assert "tr\ufffd\ufffd" in everything
    assert "aaaaaaaa…aaaaaaaa" in everything
    assert "a" * 9 not in everything
    assert "أنثى" in everything
    assert set(drawn) == set(DESCRIPTIONS)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_utterances_can_be_drawn(n: int) -> None:
    """With one, two or three utterances, figures without data are left out."""
    drawn = draw(report_of(("female", "male"), n))
    assert {"confusion", "scores", "reliability", "duration", "snr"} <= set(drawn)
    assert ("det" in drawn) == (n > 1)


def test_without_decided_utterances_only_counts_are_drawn() -> None:
    """Without scores there are no curves, and without SNR estimates no SNR figure."""
    outcomes = [Outcome(path=name, truth=name, speaker=None, duration_s=1.0, decision=abstain()) for name in "ab"]
    drawn = draw(evaluate(outcomes, classes=("a", "b"), n_resamples=5))
    assert set(drawn) == {"confusion", "duration"}


def test_a_perfect_classifier_can_be_drawn() -> None:
    """Without errors, the DET curve runs along the axes."""
    perfect = replace(
        PAIR,
        curves=tuple(
            replace(curve, det=replace(curve.det, miss=(0.0, 0.0, 1.0), false_alarm=(1.0, 0.0, 0.0)))
            for curve in PAIR.curves
        ),
    )
    assert "NaN" not in draw(perfect)["det"].inline.replace("nan", "NaN")


def test_error_bars_are_never_negative() -> None:
    """Rounding may put the end of an interval slightly beyond its value."""
    bars = figures._error_bars([1.0, 0.5], [(0.4, 1.0 - 1e-16), (0.5 + 1e-17, math.nextafter(0.5, 1))])
    assert (bars >= 0).all()


def test_inline_svg_has_no_metadata_styles_and_fonts() -> None:
    """Metadata, style elements, font families and sizes are removed, also from the ``font`` shorthand."""
    drawing = (
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 120 60">'
        b"<metadata>m</metadata><defs><style>*{x: y}</style></defs>"
        b'<g id="g"><path id="p" d="M 0 0" style="fill: #ffffff; stroke: #123456"/><use xlink:href="#p" x="1"/>'
        b"<text style=\"font: 10px 'Some Font', serif; text-anchor: middle\">a&lt;b</text></g></svg>"
    )
    assert inline_svg(drawing, name="n", description="t", colours={"#ffffff": "--ground"}) == (
        '<svg viewBox="0 0 120 60" style="max-width: 13.0rem" role="img" aria-label="t"><defs></defs>'
        '<g><path d="M 0 0" id="n-p" style="fill: var(--ground); stroke: #123456"></path><use x="1" href="#n-p"></use>'
        '<text style="font-size: 10px; text-anchor: middle">a&lt;b</text></g></svg>'
    )

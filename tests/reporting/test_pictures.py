"""Pictures of a report: of every shape of report, as files, and as part of a page that follows its colours."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation.report import Report, evaluate
from speechgmm.reporting import figures
from speechgmm.reporting.html import style
from speechgmm.reporting.numbers import formatted
from speechgmm.reporting.pictures import KINDS, SHOWN, draw
from speechgmm.reporting.svg import inline_svg

pytest.importorskip("matplotlib", reason="the extra 'report' is not installed")

HOSTILE = ("<script>", "أنثى", "_hidden", "$x^2$ \\{$$", "tr\udcf1\x07", "a" * 60, "女性", "ok")


def report_of(classes: tuple[str, ...], n: int, seed: int = 0) -> Report:
    """Answers by chance, somewhat right."""
    rng = np.random.default_rng(seed)
    outcomes = []
    for i in range(n):
        truth = classes[i % len(classes)]
        likelihoods = np.exp(rng.normal([1.5 if name == truth else 0.0 for name in classes]))
        shares = likelihoods / likelihoods.sum()
        ratios = np.log(shares / (1 - shares) * (len(classes) - 1))
        best = int(np.argmax(shares))
        decision = Decision(
            label=classes[best],
            probability=float(shares[best]),
            score=float(ratios[best]),
            speech_s=1.0,
            probabilities=dict(zip(classes, shares.tolist(), strict=True)),
            log_likelihood_ratios=dict(zip(classes, ratios.tolist(), strict=True)),
        )
        duration_s, snr_db = float(rng.gamma(2, 2)), float(rng.normal(20, 8))
        outcomes.append(
            Outcome(path=f"{i}", truth=truth, speaker=None, duration_s=duration_s, snr_db=snr_db, decision=decision)
        )
    return evaluate(outcomes, classes=classes, n_resamples=5)


PAIR = report_of(("female", "male"), 60)


@pytest.fixture(scope="module")
def pictures():
    return draw(PAIR)


def test_every_picture_is_drawn_as_files_and_for_a_page(pictures) -> None:
    """PNG and SVG, and an image with a name that says what it shows."""
    assert tuple(pictures) == tuple(SHOWN)
    for name, picture in pictures.items():
        assert tuple(picture.files) == KINDS
        assert picture.files["png"].startswith(b"\x89PNG")
        assert ElementTree.fromstring(picture.files["svg"]).tag.endswith("svg")
        root = ElementTree.fromstring(picture.inline)
        assert (root.get("role"), root.get("aria-label")) == ("img", SHOWN[name])


def test_pictures_for_a_page_have_its_colours_and_no_others(pictures) -> None:
    """Every colour is a variable that the style sheet defines, for light and for dark."""
    defined = re.findall(r"^ +(--[a-z0-9-]+): #", style(), flags=re.MULTILINE)
    assert len(defined) == 2 * len(set(defined))
    for picture in pictures.values():
        assert not re.search(r"#[0-9a-f]{6}", picture.inline)
        used = set(re.findall(r"var\((--[a-z0-9-]+)\)", picture.inline))
        assert {"--ink", "--ground"} <= used <= set(defined)


def test_the_style_sheet_has_the_colours_of_the_files() -> None:
    """Those of the light page are those that the pictures are drawn in."""
    light = style().split("@media")[0]
    series = {f"--series-{number}": colour for number, colour in enumerate(figures.SERIES, 1)}
    names = {"--ground": figures.GROUND, "--ink": figures.INK, "--faint": figures.FAINT, "--line": figures.LINE}
    for name, colour in {**names, "--heat": figures.HEAT, **series}.items():
        assert f"{name}: {colour};" in light


def test_pictures_on_one_page_do_not_meet(pictures) -> None:
    """Identifiers are unique on the page, and every reference leads to one."""
    everything = "".join(picture.inline for picture in pictures.values())
    ids = re.findall(r' id="([^"]*)"', everything)
    assert len(ids) == len(set(ids))
    references = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', everything)
    assert {one or other for one, other in references} <= set(ids)
    assert "<style" not in everything
    assert "font-family" not in everything
    assert "DejaVu" not in everything


def test_pictures_hold_the_figures_of_the_report(pictures) -> None:
    """Counts, EER and AUC are text, written as everywhere."""
    texts = {name: re.findall(r"<text[^>]*>([^<]*)", picture.inline) for name, picture in pictures.items()}
    assert {formatted(count, "count") for row in PAIR.confusion for count in row} <= set(texts["confusion"])
    assert f"EER {formatted(PAIR.eer, 'ratio')} female" in texts["det"]
    assert f"AUC {formatted(PAIR.detection[0].auc, 'ratio')} female" in texts["roc"]
    assert f"n {PAIR.by_duration[0].n_utterances}" in " ".join(texts["duration"])


def test_the_same_report_gives_the_same_pictures(pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte, whatever style the user has set."""
    import matplotlib

    monkeypatch.setitem(matplotlib.rcParams, "font.size", 31)
    monkeypatch.setitem(matplotlib.rcParams, "lines.linewidth", 9)
    assert draw(PAIR) == pictures


def test_names_are_shown_as_they_are() -> None:
    """No formulas, no hidden legends, no marks; long ones lose their middle; eight classes have panels of their own."""
    drawn = draw(report_of(HOSTILE, 160))
    labels = [text for one in drawn.values() for text in re.findall(r"<t(?:ext|span)[^>]*>([^<]*)", one.inline)]
    everything = " | ".join(labels)
    assert "&lt;script&gt;" in everything
    assert "$x^2$ \\{$$" in everything
    assert re.search(r"EER [\d.]+ _hidden", everything)
    assert "tr\ufffd\ufffd" in everything
    assert "aaaaaaaa…aaaaaaaa" in everything
    assert "a" * 9 not in everything
    assert "أنثى" in everything
    assert set(drawn) == set(SHOWN)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_utterances_are_no_obstacle(n: int) -> None:
    """One, two or three: what cannot be drawn is not there."""
    drawn = draw(report_of(("female", "male"), n))
    assert {"confusion", "scores", "reliability", "duration", "snr"} <= set(drawn)
    assert ("det" in drawn) == (n > 1)


def test_nothing_decided_leaves_what_can_be_counted() -> None:
    """Without scores there are no curves, and without estimates no noise."""
    nothing = Decision(label="unknown", speech_s=0.0, reason="no speech")
    outcomes = [Outcome(path=name, truth=name, speaker=None, duration_s=1.0, decision=nothing) for name in "ab"]
    drawn = draw(evaluate(outcomes, classes=("a", "b"), n_resamples=5))
    assert set(drawn) == {"confusion", "duration"}


def test_a_perfect_classifier_can_be_drawn() -> None:
    """No errors: both curves run along the axes."""
    perfect = replace(
        PAIR,
        curves=tuple(
            replace(one, det=replace(one.det, miss=(0.0, 0.0, 1.0), false_alarm=(1.0, 0.0, 0.0))) for one in PAIR.curves
        ),
    )
    assert "NaN" not in draw(perfect)["det"].inline.replace("nan", "NaN")


def test_intervals_never_point_the_wrong_way() -> None:
    """Rounding may put an end a hair beyond its value."""
    arms = figures._arms([1.0, 0.5], [(0.4, 1.0 - 1e-16), (0.5 + 1e-17, math.nextafter(0.5, 1))])
    assert (arms >= 0).all()


def test_what_a_page_has_no_use_for_is_left_out() -> None:
    """Metadata, a style sheet of its own, fonts, and sizes; older ways to write fonts as well."""
    drawing = (
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 120 60">'
        b"<metadata>m</metadata><defs><style>*{x: y}</style></defs>"
        b'<g id="g"><path id="p" d="M 0 0" style="fill: #ffffff; stroke: #123456"/><use xlink:href="#p" x="1"/>'
        b"<text style=\"font: 10px 'Some Font', serif; text-anchor: middle\">a&lt;b</text></g></svg>"
    )
    assert inline_svg(drawing, name="n", told="t", colours={"#ffffff": "--ground"}) == (
        '<svg viewBox="0 0 120 60" style="max-width: 13.0rem" role="img" aria-label="t"><defs></defs>'
        '<g><path d="M 0 0" id="n-p" style="fill: var(--ground); stroke: #123456"></path><use x="1" href="#n-p"></use>'
        '<text style="font-size: 10px; text-anchor: middle">a&lt;b</text></g></svg>'
    )

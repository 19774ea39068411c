"""The page of ``speechgmm explain``: its data, and in a browser at two widths and in both colour schemes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechgmm.explanation.chapters import CHAPTERS
from speechgmm.explanation.material import old_faithful
from speechgmm.explanation.page import explain_page, formula, paragraphs
from speechgmm.explanation.scene import Chapter
from speechgmm.explanation.scene_data import png
from tests.browser import SCHEMES, WIDTHS, chromium, opened
from tests.builders import RunCommand

LARGEST_PAGE = 6_000_000


@pytest.fixture(scope="module")
def chapters() -> list[tuple[int, Chapter]]:
    """Chapters whose figures together have every kind of mark and of control."""
    material = old_faithful()
    return [(number, CHAPTERS[name](material)) for number, name in enumerate(("mixture", "kmeans", "bound"), start=1)]


@pytest.fixture(scope="module")
def page_file(chapters: list[tuple[int, Chapter]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "em.html"
    file.write_text(explain_page(chapters, lead="Lead.", footer="Footer."), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def test_images_are_png() -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 4), dtype=np.uint8)
    assert np.array_equal(np.asarray(image.open(io.BytesIO(png(pixels)))), pixels)


def test_formulas_have_indices_and_powers() -> None:
    assert formula("sum_k p_kd^x_d <= 1") == "Σ<sub>k</sub> p<sub>kd</sub><sup>x<sub>d</sub></sup> ≤ 1"
    assert formula("<b>") == "&lt;b&gt;"
    assert paragraphs("a\n  b\n\n c ") == ["a b", "c"]


def test_the_data_of_the_page_are_the_numbers_of_the_steps(
    page_file: Path, chapters: list[tuple[int, Chapter]]
) -> None:
    """Unrounded, in the order of the figures."""
    text = page_file.read_text(encoding="utf-8")
    found = [json.loads(each) for each in re.findall(r'<script type="application/json">(.*?)</script>', text)]
    figures = [figure for _, chapter in chapters for figure in chapter.figures]
    for data, figure in zip(found, figures, strict=True):
        for shown, variant in zip(data["variants"], figure.variants, strict=True):
            assert [step["numbers"] for step in shown["steps"]] == [dict(step.numbers) for step in variant.steps]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_and_draws(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    """No message on the console, no overflow, marks in every panel, and the colours of the scheme."""
    with opened(browser, page_file, width=width, scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        drawings = page.locator(".panel svg")
        assert drawings.count() == page.locator(".panel").count() >= 10
        for index in range(drawings.count()):
            assert drawings.nth(index).locator("circle, path, rect, image").count() > 2
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (colour == "rgb(255, 255, 255)") == (scheme == "light")


def test_every_control_moves_what_it_says(browser: Any, page_file: Path, chapters: list[tuple[int, Chapter]]) -> None:
    """Buttons, slider, choice of the start and keys show the step, its numbers and its marks."""
    from playwright.sync_api import expect

    (figure,) = [each for _, chapter in chapters for each in chapter.figures if each.name == "bound-bars"]
    with opened(browser, page_file) as page:
        box = page.locator("#bound-bars")

        def shown(variant: int, position: int) -> bool:
            step = figure.variants[variant].steps[position]
            expected = f"{step.label} ({position + 1} of {len(figure.variants[variant].steps)})"
            numbers = [float(text.replace("−", "-")) for text in box.locator(".numbers dd").all_inner_texts()]
            bars = box.locator("rect").count() - box.locator("clipPath rect").count()
            return (
                box.locator(".step").inner_text() == expected
                and numbers == pytest.approx(list(step.numbers.values()), rel=1e-5, abs=1e-11)
                and bars == 2 * (position + 1)
                and box.locator(".scrub").input_value() == str(position)
            )

        assert shown(0, figure.start)
        box.locator(".on").click()
        assert shown(0, figure.start + 1)
        box.locator(".back").click()
        assert shown(0, figure.start)
        box.locator(".scrub").fill("5")
        assert shown(0, 5)
        box.locator(".variant").select_option("1")
        assert shown(1, 0)
        box.focus()
        for key, position in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("Home", 0)):
            page.keyboard.press(key)
            assert shown(1, position)
        page.keyboard.press("End")
        assert shown(1, len(figure.variants[1].steps) - 1)
        page.keyboard.press("Space")  # plays from the beginning
        assert box.locator(".play").get_attribute("aria-label") == "Pause"
        expect(box.locator(".scrub")).to_have_value("2")
        page.keyboard.press("Space")
        assert box.locator(".play").get_attribute("aria-label") == "Play"


def test_colours_follow_the_scheme_and_print_keeps_the_figures(browser: Any, page_file: Path) -> None:
    from playwright.sync_api import expect

    with opened(browser, page_file) as page:
        dot = page.locator("#sampling circle").first
        light = dot.get_attribute("fill")
        page.emulate_media(color_scheme="dark")
        expect(dot).not_to_have_attribute("fill", light)
        page.emulate_media(media="print", color_scheme="light")
        assert not page.locator("#sampling .controls").is_visible()
        assert page.locator("#sampling svg").first.is_visible()


@pytest.mark.slow
def test_the_command_writes_all_chapters(tmp_path: Path, run: RunCommand, browser: Any) -> None:
    """One file of less than 6 MB, without a fault in the browser."""
    pytest.importorskip("PIL")
    file = tmp_path / "em.html"
    done = run("explain", "-o", file)
    assert done.returncode == 0
    text = file.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST_PAGE
    assert re.findall(r'<h2 id="(\w+)">', text) == list(CHAPTERS)
    for width in WIDTHS:
        with opened(browser, file, width=width) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator("figure.live").count() == page.locator(".step").count()


def test_pictures_of_every_step_are_written(tmp_path: Path, run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    chapter = CHAPTERS["kmeans"](old_faithful())
    monkeypatch.setitem(CHAPTERS, "kmeans", lambda _: replace(chapter, figures=chapter.figures[1:2]))
    data = tmp_path / "data.csv"
    data.write_text("x,y\n" + "".join(f"{n % 7},{n % 5}\n" for n in range(20)), encoding="utf-8")
    folder, gif = tmp_path / "frames", tmp_path / "em.gif"
    done = run("explain", data, "--only", "kmeans", "-o", tmp_path / "em.html", "--frames", folder, "--gif", gif)
    assert done.returncode == 0
    names = sorted(file.name for file in folder.iterdir())
    assert names == [f"seeds-{number:03}.png" for number in range(5)]
    image = pytest.importorskip("PIL.Image")
    with image.open(gif) as moving:
        assert moving.n_frames == len(names)
    for file in (tmp_path / "em.html", gif):
        file.unlink()
    done = run("explain", data, "--only", "kmeans", "-o", tmp_path / "em.html", "--frames", folder, "--gif", gif)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{folder / names[0]}: it exists already" in done.stderr
    assert sorted(tmp_path.iterdir()) == [data, folder]  # nothing was written before the error


def test_a_folder_of_pictures_that_cannot_be_made_is_named_at_once(tmp_path: Path, run: RunCommand) -> None:
    """Before the page is computed."""
    pytest.importorskip("matplotlib")
    (tmp_path / "file").touch()
    done = run("explain", "--only", "kmeans", "-o", tmp_path / "em.html", "--frames", tmp_path / "file")
    assert done.returncode == 1
    assert "the folder cannot be made" in done.stderr
    assert not (tmp_path / "em.html").exists()

"""Pages in Chromium: the zoom of a timeline, and tables on a phone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from speechgmm.reporting.embedded_sound import Sound
from speechgmm.reporting.html_elements import Html, page, section, table
from speechgmm.reporting.report_page import Origin
from speechgmm.reporting.timeline import timeline_page
from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.speaking_time import Tally

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DURATION_S = 7200.0

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def phone(browser: Browser, tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    """Opens a page on a phone; at the end there must be no message on its console."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, is_mobile=True, has_touch=True)
    messages: list[str] = []

    def opened(content: str) -> Page:
        file = tmp_path / "page.html"
        file.write_text(content, encoding="utf-8")
        shown = context.new_page()
        shown.on("console", lambda message: messages.append(message.text))
        shown.goto(file.as_uri())
        return shown

    yield opened
    context.close()
    assert messages == []


def timeline() -> str:
    """The page of two hours with turns of ten seconds, without sound."""
    labels = ("female", "male")
    segments = [
        Segment(start=start, end=start + 10.0, label=labels[number % 2], probability=0.9)
        for number, start in enumerate(np.arange(0.0, DURATION_S, 10.0).tolist())
    ]
    tally = Tally(labels)
    for segment in segments:
        tally.add(segment)
    sound = Sound(
        duration_s=DURATION_S,
        extremes=np.zeros((2, 2), np.float32),
        bin_s=DURATION_S / 2,
        address="data:,",
        embedded=True,
    )
    origin = Origin(command="speechgmm segment a.wav", made="2026-01-02T03:04:05+00:00", versions={})
    return timeline_page(segments, summary=tally.summary("a.wav"), sound=sound, origin=origin)


def zoom_of(shown: Page) -> float:
    return float(shown.evaluate("lanes.clientWidth / frame.clientWidth"))


def time_at(shown: Page, x: float) -> float:
    """The second at x pixels from the left edge of the frame."""
    return DURATION_S * float(shown.evaluate("(x) => (frame.scrollLeft + x) / lanes.clientWidth", x))


def test_buttons_and_keys_zoom(phone: Callable[[str], Page]) -> None:
    """In steps of two, down to the whole recording; a key with a modifier is the browser's."""
    shown = phone(timeline())
    assert zoom_of(shown) == pytest.approx(1)
    shown.click("#zoom_in")
    shown.click("#zoom_in")
    assert zoom_of(shown) == pytest.approx(4, rel=0.01)
    shown.click("#zoom_out")
    assert zoom_of(shown) == pytest.approx(2, rel=0.01)
    shown.focus("#frame")
    for key, zoom in (("+", 4), ("+", 8), ("-", 4), ("Alt++", 4), ("0", 1), ("-", 1)):
        shown.keyboard.press(key)
        assert zoom_of(shown) == pytest.approx(zoom, rel=0.01)
    assert shown.is_disabled("#zoom_out")
    assert shown.is_disabled("#zoom_all")


def test_the_wheel_zooms_with_the_control_key(phone: Callable[[str], Page]) -> None:
    """What is below the pointer stays there; without the key the zoom does not change."""
    shown = phone(timeline())
    shown.locator("#frame").scroll_into_view_if_needed()
    wheel = """([delta, control]) => frame.dispatchEvent(new WheelEvent("wheel", {
        deltaY: delta, ctrlKey: control, clientX: frame.getBoundingClientRect().left + 100, cancelable: true }))"""
    before = time_at(shown, 100)

    assert shown.evaluate(wheel, [-100, False])  # not prevented: the page scrolls
    assert zoom_of(shown) == pytest.approx(1)
    for _ in range(3):
        assert not shown.evaluate(wheel, [-100, True])
    assert zoom_of(shown) == pytest.approx(8, rel=0.01)
    assert time_at(shown, 100) == pytest.approx(before, abs=5)
    for _ in range(5):
        shown.evaluate(wheel, [100, True])
    assert zoom_of(shown) == pytest.approx(1)


def test_two_fingers_zoom(phone: Callable[[str], Page]) -> None:
    """Three times the distance is three times the zoom, and the page itself stays as it is."""
    shown = phone(timeline())
    shown.locator("#frame").scroll_into_view_if_needed()
    box = shown.locator("#frame").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    before = time_at(shown, box["width"] / 2)
    touch = shown.context.new_cdp_session(shown)

    def send(kind: str, *distances: float) -> None:
        points = [{"x": middle + x, "y": box["y"] + 40, "id": number} for number, x in enumerate(distances)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", -40, 40)
    for apart in (60, 90, 120):
        send("touchMove", -apart, apart)
    send("touchEnd")

    assert zoom_of(shown) == pytest.approx(3, rel=0.05)
    assert time_at(shown, box["width"] / 2) == pytest.approx(before, abs=40)
    assert shown.evaluate("visualViewport.scale") == 1


def test_a_wide_table_scrolls_visibly(phone: Callable[[str], Page]) -> None:
    """The page is as wide as the phone. A shade shows that there is more, and the first column stays in view."""
    header = ["recording", *(f"column {number}" for number in range(12))]
    wide = table("Numbers", header, [[f"recording {row}.wav", *["12345"] * 12] for row in range(3)])
    content = page("Wide", Html(""), [section("wide", "Wide", wide)], footer=Html(""))
    shown = phone(content)

    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    assert shown.evaluate("document.querySelector('.scroll').scrollWidth") > 600
    attachments = shown.evaluate("getComputedStyle(document.querySelector('.scroll')).backgroundAttachment")
    assert attachments == "local, local, scroll, scroll"
    shown.evaluate("document.querySelector('.scroll').scrollLeft = 300")
    first = shown.locator("tbody th").first.bounding_box()
    assert first is not None
    assert 0 <= first["x"] < 30


def test_the_segments_fit_on_a_phone(phone: Callable[[str], Page]) -> None:
    """The table of the segments needs no scrolling."""
    shown = phone(timeline())

    widths = shown.evaluate(
        "(() => { const box = document.querySelector('#segments + .scroll'); "
        "return [box.scrollWidth, box.clientWidth]; })()"
    )
    assert widths[0] <= widths[1]

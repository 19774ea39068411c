"""The page in headless Chromium, with a microphone that hears a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

from speechgmm.classifier.model import Model
from tests.browser import SCHEMES, WIDTHS, chromium
from tests.builders import spoken
from tests.web.serving import served

RATE = 16_000
ENDS_S = 3.5  # of the spoken sentence

RECORD = """
window.received = [];
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...options) {
    super(...options);
    this.addEventListener("message", ({ data }) => window.received.push(JSON.parse(data)));
  }
};
"""
"""Keeps the events that come to the page."""


@pytest.fixture(scope="module")
def sentence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of silence, a sentence, and silence."""
    file = tmp_path_factory.mktemp("microphone") / "sentence.wav"
    voice = spoken("female", ENDS_S - 1.0, np.random.default_rng(3))
    soundfile.write(file, np.concatenate([np.zeros(RATE), voice, np.zeros(20 * RATE)]), RATE, subtype="PCM_16")
    return file


@pytest.fixture(scope="module")
def browser(sentence: Path) -> Iterator[Any]:
    """A browser that gives the microphone without a question."""
    with chromium(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={sentence}%noloop",
    ) as browser:
        yield browser


@pytest.fixture
def address(tiny_model: Model) -> Iterator[str]:
    with served(tiny_model) as address:
        yield f"http://{address}/"


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page; there must be no message on its console and no request to another server."""
    page, messages = browser.new_page(), []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(address) else messages.append(request.url))
    page.add_init_script(RECORD)
    page.goto(address)
    yield page
    page.close()
    own = ("blob:", "data:", "Failed to load resource")  # the last is a problem that the page shows
    assert [text for text in messages if not text.startswith(own)] == []


def until(page: Any, condition: str) -> None:
    """Wait for a condition; `wait_for_function` of the browser would need a weaker Content-Security-Policy."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never: {condition}; status: {page.inner_text('#status')} {page.inner_text('#problem')}")


@pytest.mark.slow
def test_a_spoken_sentence_is_answered_within_a_second(page: Any) -> None:
    """A second of sound after its end, the page has its label and probability, before its segment is final."""
    page.click("#microphone")
    until(page, f"received.some(({{ type, end }}) => type === 'current' && end >= {ENDS_S})")
    events = page.evaluate("received")
    until(page, "document.querySelector('#segments').textContent.includes('female')")
    page.click("#stop")
    until(page, "document.querySelector('#status').textContent === 'Done.'")

    answer = next(event for event in events if event["type"] == "current" and event["end"] >= ENDS_S)
    assert answer["end"] <= ENDS_S + 1.0
    assert answer["label"] == "female"
    assert not any(event["type"] == "segment" and event["label"] == "female" for event in events)
    assert page.inner_text("#label") == "female"
    assert page.inner_text("#probability").startswith("probability 0.") or "1.000" in page.inner_text("#probability")
    assert page.is_hidden("#problem")


def test_a_file_by_keyboard(page: Any, address: str, voices: Path) -> None:
    """The page lists its segments, and its downloads are the answers of the API."""
    voice = voices / "female" / "synthetic-f03" / "01.wav"
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "file":
            break
    assert page.evaluate("document.activeElement.id") == "file"
    page.set_input_files("#file", voice)
    until(page, "document.querySelector('#status').textContent.endsWith('done.')")

    assert "female" in page.inner_text("#segments")
    times = page.inner_text("#times")
    assert "100.0 %" in times
    for format_ in ("csv", "json", "textgrid"):
        with page.expect_download() as download:
            page.click(f"button[value={format_}]")
        saved = Path(download.value.path()).read_text(encoding="utf-8")
        request = Request(f"{address}segment?format={format_}", voice.read_bytes(), method="POST")
        with urlopen(request) as response:
            expected = response.read().decode().replace("recording", voice.name)
        if format_ == "json":
            assert json.loads(saved) == json.loads(expected)
        else:
            assert saved == expected
        assert download.value.suggested_filename == "01." + {"textgrid": "TextGrid"}.get(format_, format_)


def test_a_file_that_is_no_recording(page: Any, tmp_path: Path) -> None:
    """The page says what the server says, and takes the next file."""
    file = tmp_path / "notes.txt"
    file.write_text("no sound", encoding="utf-8")
    page.set_input_files("#file", file)
    page.wait_for_selector("#problem:not([hidden])")

    assert page.inner_text("#problem") == "notes.txt: it is not audio that can be read (its format is not recognised)"
    assert page.is_enabled("#microphone")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_fits(browser: Any, address: str, sentence: Path, width: int, scheme: str) -> None:
    """No part of the page is wider than a phone; the text of the label has a contrast of 3 or more."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(address)
    page.set_input_files("#file", sentence)
    until(page, "document.querySelector('#status').textContent.endsWith('done.')")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    colours = page.evaluate(
        "[getComputedStyle(document.querySelector('#label')).color, getComputedStyle(document.body).backgroundColor]"
    )
    bright, dark = sorted((luminance(colour) for colour in colours), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 3
    page.close()


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2) of a colour such as rgb(1, 2, 3)."""
    values = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_token(browser: Any, tiny_model: Model) -> None:
    """The page takes it from its address, and says so where it is missing."""
    with served(tiny_model, token="secret") as address:
        page = browser.new_page()
        page.goto(f"http://{address}/")
        page.wait_for_selector("#problem:not([hidden])")
        assert "this server needs its token" in page.inner_text("#problem")
        page.close()
        page = browser.new_page()
        page.goto(f"http://{address}/#token=secret")
        until(page, "document.querySelector('#model').textContent.includes('female')")
        page.click("#microphone")
        until(page, "document.querySelector('#status').textContent === 'Listening.'")
        page.close()

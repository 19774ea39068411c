"""The check of a built documentation site."""

from __future__ import annotations

from pathlib import Path

import pytest

from check_site import faults

pytestmark = pytest.mark.checkout

GOOD = {
    "index.html": '<link href="style.css" rel="stylesheet"><a href="guides/one.html#begin">1</a> <a href="https://a.org">a</a>',
    "guides/one.html": '<h1 id="begin">1</h1><a href="../index.html">home</a><a href="#begin">up</a>'
    '<img src="data:image/png;base64,AAAA">',
    "style.css": "body { background: url(data:image/png;base64,AAAA) }",
}


def found(folder: Path, **changes: str) -> list[str]:
    """The faults of a good site with changes to files, named with ``_`` for a point."""
    changed = {name.replace("_", "."): text for name, text in changes.items()}
    for name, text in {**GOOD, **changed}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return list(faults(folder))


def test_a_good_site_has_no_faults(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"index_html": GOOD["index.html"] + '<a href="two.html">'}, "index.html: two.html: there is no such file"),
        (
            {"index_html": GOOD["index.html"] + '<a href="guides/one.html#end">'},
            "index.html: guides/one.html#end: there is no such heading",
        ),
        ({"other_html": ""}, "other.html: no page links to it"),
        (
            {"index_html": GOOD["index.html"] + '<script src="https://cdn.org/x.js"></script>'},
            "index.html: loads https://cdn.org/x.js from another host",
        ),
        (
            {"style_css": "@import 'https://fonts.org/a.css';"},
            "style.css: loads https://fonts.org/a.css from another host",
        ),
    ],
)
def test_faults_are_found(changes: dict[str, str], fault: str, tmp_path: Path) -> None:
    assert found(tmp_path, **changes) == [fault]

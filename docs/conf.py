"""Configuration of the documentation site. Build it with scripts/docs."""

from importlib import metadata

from sphinx.application import Sphinx

project = "speechgmm"
author = copyright = "the authors of speechgmm"  # noqa: A001 (a name of Sphinx)
release = metadata.version("speechgmm").partition("+")[0]
version = release

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_argparse_cli",
    "sphinx_copybutton",
]
myst_heading_anchors = 4  # links like recipes.md#keys, as repository views resolve them
default_role = "code"  # docstrings have `name` in single backquotes
nitpicky = False

# Docstrings: one page, types as they are written.
autodoc_typehints = "none"
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False

html_theme = "furo"  # no fonts, scripts or pictures from other hosts
html_title = f"speechgmm {release}"
html_copy_source = False
html_show_sphinx = False

# Pages of the repository outside docs/, as pages link to them, and the pages of the site that include them.
OUTSIDE = {
    "../CHANGELOG.md": "changelog.md",
    "../CONTRIBUTING.md": "contributing.md",
    "../README.md": "index.md",
    "../SECURITY.md": "security.md",
    "../models/README.md": "model-card.md",
    "CONTRIBUTING.md": "contributing.md",
    "models/README.md": "model-card.md",
}


def link_inside(text: list[str]) -> None:
    """Let links to pages of the repository lead to those that include them. The list has one text."""
    for outside, inside in OUTSIDE.items():
        text[0] = text[0].replace(f"]({outside}", f"]({inside}")
        text[0] = text[0].replace(f"](../{outside}", f"](../{inside}")  # from a folder of docs/


def setup(app: Sphinx) -> None:
    """Change the links of pages, and of those that they include."""
    app.connect("source-read", lambda _app, _page, text: link_inside(text))
    app.connect("include-read", lambda _app, _path, _page, text: link_inside(text))

"""The tutorial in docs/ is that of the chapters, and all of its code runs."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pytest

import make_tutorial
from speechgmm.explanation.chapters import CHAPTERS
from speechgmm.explanation.material import old_faithful

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

TUTORIAL = make_tutorial.DOCS / "tutorial"


@pytest.mark.parametrize(("number", "name"), list(enumerate(CHAPTERS, start=1)))
def test_a_page_is_that_of_its_chapter(number: int, name: str) -> None:
    """Text, formulas, code and links are those that `scripts/make_tutorial.py` writes, and each picture is there."""
    page = (TUTORIAL / make_tutorial.page_name(number, name)).read_text(encoding="utf-8")
    assert page == make_tutorial.page(number, CHAPTERS[name](old_faithful())), "run scripts/make_tutorial.py"
    for link in re.findall(r"\]\((.*?)\)", page):
        assert (TUTORIAL / link).is_file()


def test_the_notebook_has_the_code_of_the_pages_and_runs(tmp_path: Path) -> None:
    """Each cell runs and shows something."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    text = (make_tutorial.DOCS / "tutorial.ipynb").read_text(encoding="utf-8")
    code = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    pages = "".join(file.read_text(encoding="utf-8") for file in sorted(TUTORIAL.glob("*.md")))
    assert [f"{block}\n" for block in code] == re.findall(
        r"^```python\n(.*?)^```", pages, flags=re.MULTILINE | re.DOTALL
    )
    document = nbformat.reads(text, as_version=4)
    nbformat.validate(document)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries of Jupyter
        nbclient.NotebookClient(document, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell.outputs for cell in document.cells if cell.cell_type == "code")

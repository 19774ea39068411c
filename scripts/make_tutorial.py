"""Make the tutorial: a page for each chapter of `speechgmm explain`, its pictures, and a notebook.

    python scripts/make_tutorial.py [FOLDER]

FOLDER (default: docs/) gets tutorial/*.md, tutorial/images/*.png and tutorial.ipynb. Text, formulas and code are those
of the chapters in `speechgmm/explanation/`, and a test compares them.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path

from speechgmm.explanation.chapters import CHAPTERS
from speechgmm.explanation.material import old_faithful
from speechgmm.explanation.page import paragraphs
from speechgmm.explanation.scene import Chapter, Figure, Step
from speechgmm.explanation.stills import still

DOCS = Path(__file__).resolve().parent.parent / "docs"
COLOURS = 64  # of a picture, to keep it small
FEW_STEPS = 4  # a figure of no more steps shows the start, or the first two


def main() -> int:
    """Compute all chapters and write the tutorial."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=DOCS, metavar="FOLDER")
    folder = parser.parse_args().folder
    (folder / "tutorial" / "images").mkdir(parents=True, exist_ok=True)
    chapters = [chapter(old_faithful()) for chapter in CHAPTERS.values()]
    for number, chapter in enumerate(chapters, start=1):
        (folder / "tutorial" / page_name(number, chapter.name)).write_text(page(number, chapter), encoding="utf-8")
        for figure in chapter.figures:
            for name, step in shown_steps(figure):
                (folder / "tutorial" / "images" / name).write_bytes(small(still(figure, step)))
        print(f"{number}. {chapter.title}")
    (folder / "tutorial.ipynb").write_text(notebook(chapters), encoding="utf-8")
    return 0


def page_name(number: int, name: str) -> str:
    """The file of a chapter."""
    return f"{number:02}-{name}.md"


def shown_steps(figure: Figure) -> list[tuple[str, Step]]:
    """The steps of the first variant that have a picture, by its file name."""
    steps = figure.variants[0].steps
    last = len(steps) - 1
    if len(steps) <= FEW_STEPS:
        places = [figure.start] if figure.start else [0, min(1, last)]
    else:
        places = [len(steps) // 4, last]
    return [(f"{figure.name}-{place}.png", steps[place]) for place in places]


def small(picture: bytes) -> bytes:
    """A PNG picture with few colours."""
    from PIL import Image

    stream = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.convert("RGB").quantize(COLOURS).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def page(number: int, chapter: Chapter) -> str:
    """A chapter as Markdown."""
    return (
        "\n\n".join(
            [
                f"# {number}. {chapter.title}",
                *paragraphs(chapter.text),
                f"To see it move: `speechgmm explain --only {chapter.name}`.",
                *(part for figure in chapter.figures for part in figure_parts(figure)),
                _ways(number),
            ]
        )
        + "\n"
    )


def figure_parts(figure: Figure) -> list[str]:
    """Heading, pictures, caption, formula, names and code of a figure."""
    pictures = [f"![{figure.title}: {step.label}](images/{name})" for name, step in shown_steps(figure)]
    source = [f"Data: {' '.join(figure.source.split())}"] if figure.source else []
    names = [f"| `{symbol.replace('|', '/')}` | `{name}` |" for symbol, name in figure.symbols.items()]
    return [
        f"## {figure.title}",
        *pictures,
        *paragraphs(figure.caption),
        *source,
        "\n".join(f"    {part.strip()}" for part in figure.formula.replace(";   ", ",   ").split(",   ")),
        "\n".join(["| symbol | in the code |", "| :-- | :-- |", *names]),
        f"```python\n{figure.code.strip()}\n```",
    ]


def _ways(number: int) -> str:
    """Links to the chapters before and after."""
    names = list(CHAPTERS)
    ways = [
        f"[{title}]({page_name(other, names[other - 1])})"
        for title, other in (("Previous chapter", number - 1), ("Next chapter", number + 1))
        if 1 <= other <= len(names)
    ]
    return " · ".join(ways)


def notebook(chapters: list[Chapter]) -> str:
    """All chapters as a Jupyter notebook without outputs."""
    cells = [
        _cell(
            "# Mixtures and EM\n\nThe code of each figure of `speechgmm explain`. The pictures are in "
            "[the tutorial](tutorial/01-mixture.md)."
        )
    ]
    for number, chapter in enumerate(chapters, start=1):
        cells.append(_cell("\n\n".join([f"## {number}. {chapter.title}", *paragraphs(chapter.text)])))
        for figure in chapter.figures:
            name, step = shown_steps(figure)[-1]
            picture = f"![{figure.title}: {step.label}](tutorial/images/{name})"
            cells.append(_cell("\n\n".join([f"### {figure.title}", picture, *paragraphs(figure.caption)])))
            cells.append(_cell(figure.code.strip(), code=True))
    document = {
        "cells": [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cell(text: str, *, code: bool = False) -> dict[str, object]:
    cell: dict[str, object] = {"metadata": {}, "source": text.splitlines(keepends=True)}
    return (
        {"cell_type": "code", "execution_count": None, "outputs": [], **cell}
        if code
        else {"cell_type": "markdown", **cell}
    )


if __name__ == "__main__":
    sys.exit(main())

"""Text files: manifests, references, scores and recipes.

Mutated text may say anything, so mostly only tracebacks, hangs and the like count. But the same table in another
spelling must be the same; what was read from a manifest must be read again after it was written; and a recipe must
survive being written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from fuzzing.material import voices
from fuzzing.text_mutations import encoded, mutated_text, respelled
from fuzzing.trials import Case, Target
from speechgmm import Recipe
from speechgmm.corpus import read_corpus, write_manifest
from speechgmm.corpus.recording import Corpus
from speechgmm.evaluation.read_scores import ScoreTable, read_scores
from speechgmm.segmentation.references import Reference, read_references
from speechgmm.training.recipe_document import parse

RESPELLED_SHARE = 0.3
CLASSES = ("female", "male")


class Manifests(Target):
    """Manifests of recordings that exist."""

    def __init__(self, folder: Path) -> None:
        self._root = voices(folder)
        self._rows = _manifest_rows(self._root)
        file = folder / "whole.csv"
        file.write_bytes(_csv(self._rows))
        self._whole = _contents(read_corpus(file, root=self._root))
        self._again = folder / "again.csv"

    def case(self, rng: np.random.Generator) -> Case:
        """A mutated table, or the same in another spelling."""
        return _table_case("manifest.csv", self._rows, rng)

    def run(self, file: Path, case: Case) -> str:
        """Read it, write what was read, and read that."""
        corpus = read_corpus(file, root=self._root)
        if case.same and _contents(corpus) != self._whole:
            return "other recordings than in the usual spelling"
        write_manifest(corpus, self._again)
        if _contents(read_corpus(self._again)) != _contents(corpus):
            return "written and read again, the recordings are others"
        return ""


class References(Target):
    """References of segments: RTTM, TextGrid and tables."""

    def __init__(self, folder: Path) -> None:
        self._files = {"a.rttm": _RTTM.encode(), "a.TextGrid": _TEXTGRID.encode(), "a.csv": _csv(_SEGMENT_ROWS)}
        self._whole: dict[str, dict[str, Reference]] = {}
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
            self._whole[name] = _without_places(read_references(folder / name, classes=CLASSES))

    def case(self, rng: np.random.Generator) -> Case:
        """A mutated file, or the same in another spelling."""
        name = list(self._files)[int(rng.integers(len(self._files)))]
        if rng.random() < RESPELLED_SHARE:
            if name == "a.csv":
                content, what = respelled(_SEGMENT_ROWS, rng)
            else:
                end = str(rng.choice(["\n", "\r\n"]))
                content, encoding = encoded(self._files[name].decode().replace("\n", end), rng)
                what = f"ends {end!r}, {encoding}"
            return Case(name=name, content=content, mutation=f"{name}: {what}", same=True)
        content, what = mutated_text(self._files[name], rng)
        return Case(name=name, content=content, mutation=f"{name}: {what}")

    def run(self, file: Path, case: Case) -> str:
        """Read it."""
        found = _without_places(read_references(file, classes=CLASSES))
        if case.same and found != self._whole[case.name]:
            return "other segments than in the usual spelling"
        faulty = [
            segment
            for reference in found.values()
            for segment in reference.segments
            if not 0 <= segment.start < segment.end < float("inf") or segment.label not in CLASSES
        ]
        return f"a segment that cannot be: {faulty[0]}" if faulty else ""


class ScoreTables(Target):
    """scores.csv, as `evaluate` writes it."""

    def __init__(self, folder: Path) -> None:
        self._rows = _SCORE_ROWS
        file = folder / "whole.csv"
        file.write_bytes(_csv(self._rows))
        self._whole = _scores(read_scores(file))

    def case(self, rng: np.random.Generator) -> Case:
        """A mutated table, or the same in another spelling."""
        return _table_case("scores.csv", self._rows, rng)

    def run(self, file: Path, case: Case) -> str:
        """Read it."""
        found = _scores(read_scores(file))
        return "other scores than in the usual spelling" if case.same and found != self._whole else ""


class Recipes(Target):
    """Recipes, as TOML files."""

    def __init__(self, folder: Path) -> None:
        del folder
        self._contents = [Recipe.load(name).to_toml().encode() for name in ("plain", "robust")]

    def case(self, rng: np.random.Generator) -> Case:
        """A mutated recipe."""
        content, what = mutated_text(self._contents[int(rng.integers(len(self._contents)))], rng)
        return Case(name="recipe.toml", content=content, mutation=what)

    def run(self, file: Path, case: Case) -> str:
        """Read it, write what was read, and read that."""
        recipe = Recipe.load(file)
        again = Recipe.of_document(parse(recipe.to_toml().encode(), "again"), "again")
        return "" if again == recipe else "written and read again, the recipe is another"


def _csv(rows: list[list[str]]) -> bytes:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode()


def _manifest_rows(root: Path) -> list[list[str]]:
    rows = [["path", "label", "speaker", "split", "start", "end", "room"]]
    for number, file in enumerate(sorted(root.rglob("*.wav"))):
        label, speaker, _ = file.relative_to(root).parts
        split = ("train", "dev", "test")[number % 3]
        rows.append([file.relative_to(root).as_posix(), label, speaker, split, "0.25", "1.5", f"room {number}, größer"])
    return rows


def _contents(corpus: Corpus) -> list[object]:
    return [
        (each.file.resolve(), each.label, each.speaker, each.split, each.start, each.end, _lower(each.columns))
        for each in corpus.recordings
    ]


def _lower(columns: Mapping[str, str]) -> list[tuple[str, str]]:
    """Columns with their names in lower case: another spelling has them in upper case."""
    return sorted((name.lower(), cell) for name, cell in columns.items())


def _scores(table: ScoreTable) -> list[str]:
    return [
        repr((each.path, each.truth, each.speaker, each.duration_s, each.decision, sorted(each.columns.items())))
        for each in table.outcomes.values()
    ]


def _without_places(references: dict[str, Reference]) -> dict[str, Reference]:
    return {name: replace(reference, place="") for name, reference in references.items()}


_TURNS = (("0.0", "1.25", "female"), ("1.5", "2.75", "male"), ("2.5", "4.0", "female"))

_SEGMENT_ROWS = [["start", "end", "label", "path"], *([*turn, "a.wav"] for turn in _TURNS)]

_RTTM = "".join(
    f"SPEAKER a 1 {start} {float(end) - float(start)} <NA> <NA> {label} <NA> <NA>\n" for start, end, label in _TURNS
)

_TEXTGRID = """\
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "label"
        xmin = 0
        xmax = 4
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 1.25
            text = "female"
        intervals [2]:
            xmin = 1.25
            xmax = 1.5
            text = ""
        intervals [3]:
            xmin = 1.5
            xmax = 4
            text = "male"
"""

_SCORE_ROWS = [
    ["path", "truth", "speaker", "label", "probability", "llr_female", "llr_male", "speech_s", "duration_s"],
    ["a.wav", "female", "s1", "female", "0.9", "2.2", "-2.2", "1.5", "3.0"],
    ["b, c.wav", "male", "s2", "male", "0.8", "-1.4", "1.4", "2.5", "3.0"],
    ["=d.wav", "male", "s3", "unknown", "", "", "", "0.0", "3.0"],
]


def _table_case(name: str, rows: list[list[str]], rng: np.random.Generator) -> Case:
    """A mutated table, or the same in another spelling."""
    if rng.random() < RESPELLED_SHARE:
        content, what = respelled(rows, rng)
        return Case(name=name, content=content, mutation=what, same=True)
    content, what = mutated_text(_csv(rows), rng)
    return Case(name=name, content=content, mutation=what)

"""Cross-validate a model of three classes, female, male and child, on one corpus.

    python scripts/experiments/measure_children.py CORPORA_ROOT [--components 32] [--jobs all]

The adults of speechocean762 keep their labels; its children get the label `child`. The folds are speaker-disjoint. All
recordings have the same channel, so the figures are an upper bound for other recordings. The front ends are those of
the shipped model. Prints the report of `speechgmm crossvalidate`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from speechgmm import Recipe, load, read_corpus
from speechgmm.cli.arguments import job_count
from speechgmm.crossvalidation.crossvalidate import crossvalidate, report_on_folds
from speechgmm.evaluation.report_text import to_text
from speechgmm.training.run_context import Run
from speechgmm.workers.local import LocalExecutor

MANIFEST = Path(__file__).resolve().parents[2] / "corpus_manifest.csv"
ADULTS, CHILDREN = "speechocean762-adult", "speechocean762-child"


def main() -> None:
    """Relabel, cross-validate, print."""
    parser = argparse.ArgumentParser(description="Cross-validate a model of three classes: female, male, child.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--components", type=int, default=32)
    parser.add_argument("--jobs", type=job_count, default=-1)
    arguments = parser.parse_args()
    corpus = read_corpus(MANIFEST, root=arguments.root).select(
        lambda recording: recording.columns["corpus"] in (ADULTS, CHILDREN)
    )
    recordings = tuple(
        replace(item, label="child" if item.columns["corpus"] == CHILDREN else item.label, split=None)
        for item in corpus.recordings
    )
    front_end, *further = load().front_ends
    options = Recipe(
        n_components=arguments.components, front_end=front_end, further_front_ends=tuple(further), calibration_folds=3
    )
    results = crossvalidate(
        replace(corpus, recordings=recordings), Run(recipe=options, executor=LocalExecutor(arguments.jobs))
    )
    print(to_text(report_on_folds(results).report), end="")


if __name__ == "__main__":
    main()

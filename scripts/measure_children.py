"""Measure a model of three classes, female, male and child, by cross-validation on one corpus.

    python scripts/measure_children.py CORPORA_ROOT [--components 32] [--jobs all]

The adults of speechocean762 keep their labels, its children become a class of their own. No speaker is in two folds.
The channel is the same for all of them, so that the figures are an upper bound for other recordings. Printed is the
report of `speechgmm crossvalidate`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from recipes import LONG, SHORT

from speechgmm import TrainingOptions, read_corpus
from speechgmm.cli.arguments import job_count
from speechgmm.crossvalidation.crossvalidate import crossvalidate, report_on_folds
from speechgmm.evaluation.text import to_text
from speechgmm.workers.local import LocalExecutor

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"
ADULTS, CHILDREN = "speechocean762-adult", "speechocean762-child"


def main() -> None:
    """Relabel, cross-validate, print."""
    parser = argparse.ArgumentParser(description="Measure a model of three classes: female, male, child.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--components", type=int, default=32)
    parser.add_argument("--jobs", type=job_count, default=-1)
    arguments = parser.parse_args()
    corpus = read_corpus(MANIFEST, root=arguments.root).select(
        lambda each: each.columns["corpus"] in (ADULTS, CHILDREN)
    )
    recordings = tuple(
        replace(each, label="child", split=None) if each.columns["corpus"] == CHILDREN else replace(each, split=None)
        for each in corpus.recordings
    )
    options = TrainingOptions(n_components=arguments.components, front_end=SHORT, further_front_ends=(LONG,), folds=3)
    found = crossvalidate(
        replace(corpus, recordings=recordings), options=options, workers=LocalExecutor(arguments.jobs)
    )
    print(to_text(report_on_folds(found).report), end="")


if __name__ == "__main__":
    main()

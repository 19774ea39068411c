"""Measure the label audit: flip the labels of a few speakers of a corpus and count how many the audit lists.

    python scripts/benchmark_audit.py CORPORA_ROOT [--corpus NAME] [--wrong 7] [--seeds 5]

Each seed flips the labels of all recordings of other speakers. For several thresholds on the odds, the table shows how
many flipped speakers and how many others are listed; the last columns are the rank of the last flipped speaker in the
list and the wall-clock seconds.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechgmm import read_corpus
from speechgmm.corpus.recording import Corpus
from speechgmm.crossvalidation.audit import Contradiction, audit
from speechgmm.crossvalidation.crossvalidate import crossvalidate
from speechgmm.training.recipe import DEFAULT, Recipe
from speechgmm.training.run_context import Run
from speechgmm.workers.local import LocalExecutor

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"
CORPUS = "speechocean762-adult"
MIN_ODDS = (2.0, 3.0, 5.0, 10.0, 20.0)


def flipped(corpus: Corpus, n_speakers: int, seed: int) -> tuple[Corpus, frozenset[str]]:
    """The corpus with the labels of `n_speakers` random speakers swapped, and the names of these speakers."""
    first, second = corpus.labels
    other = {first: second, second: first}
    names = sorted({item.speaker for item in corpus.recordings if item.speaker is not None})
    chosen = frozenset(np.random.default_rng(seed).choice(names, size=n_speakers, replace=False).tolist())
    recordings = [
        replace(item, label=other[item.label]) if item.speaker in chosen else item for item in corpus.recordings
    ]
    return replace(corpus, recordings=tuple(recordings)), chosen


def contradictions(corpus: Corpus, seed: int, jobs: int) -> tuple[Contradiction, ...]:
    """All speakers with odds of at least 1 against their label, with the defaults of `speechgmm audit`."""
    options = replace(Recipe.load(DEFAULT), seed=seed)
    return audit(crossvalidate(corpus, Run(recipe=options, executor=LocalExecutor(jobs))), min_odds=1.0).speakers


def main() -> None:
    """Run all seeds and print the table."""
    parser = argparse.ArgumentParser(description="Measure how well the label audit finds flipped labels.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument(
        "--corpus", default=CORPUS, help=f"a corpus of two classes in corpus_manifest.csv (default: {CORPUS})"
    )
    parser.add_argument("--wrong", type=int, default=7, metavar="N", help="speakers to flip (default: 7)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    everything = read_corpus(MANIFEST, root=arguments.root)
    corpus = everything.select(lambda item: item.columns["corpus"] == arguments.corpus)
    n_speakers = len({item.speaker for item in corpus.recordings})
    print(f"{arguments.corpus}: {arguments.wrong} of {n_speakers} speakers wrong, {len(corpus.recordings)} recordings")
    print("seed  " + "  ".join(f"odds {odds:4g}" for odds in MIN_ODDS) + "  last rank  seconds")
    for seed in range(arguments.seeds):
        begin = time.perf_counter()
        wrong, chosen = flipped(corpus, arguments.wrong, seed)
        listed = contradictions(wrong, seed, arguments.jobs)
        cells = []
        for odds in MIN_ODDS:
            above = [item for item in listed if item.odds >= odds]
            n_found = sum(item.speaker in chosen for item in above)
            cells.append(f"{n_found:3} and {len(above) - n_found}")
        ranks = [rank for rank, item in enumerate(listed, start=1) if item.speaker in chosen]
        n_missing = arguments.wrong - len(ranks)
        last = f"{n_missing} missing" if n_missing else str(max(ranks, default="-"))
        print(f"{seed:4}  {'  '.join(cells)}  {last:>9}  {time.perf_counter() - begin:7.0f}", flush=True)


if __name__ == "__main__":
    main()

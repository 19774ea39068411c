"""Measure the audit of labels: flip those of a few speakers of a corpus, and see whether it finds them.

Each seed flips other speakers, all their recordings. The table tells for several least odds how many of them are listed
and how many others, and at which place of the list, from the top, the last of them stands.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from speechgmm import TrainingOptions, read_corpus
from speechgmm.cli.audit import CALIBRATION_FOLDS, COMPONENTS, ITERATIONS
from speechgmm.corpus.recording import Corpus
from speechgmm.crossvalidation.audit import Contradiction, audit
from speechgmm.crossvalidation.crossvalidate import crossvalidate
from speechgmm.mixture.options import EMOptions
from speechgmm.workers.local import LocalExecutor

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"
CORPUS = "speechocean762-adult"
LEAST_ODDS = (2.0, 3.0, 5.0, 10.0, 20.0)


def flipped(corpus: Corpus, n_speakers: int, seed: int) -> tuple[Corpus, frozenset[str]]:
    """The corpus with the labels of some speakers exchanged, and who they are."""
    one, two = corpus.labels
    other = {one: two, two: one}
    names = sorted({each.speaker for each in corpus.recordings if each.speaker is not None})
    chosen = frozenset(np.random.default_rng(seed).choice(names, size=n_speakers, replace=False).tolist())
    recordings = [
        replace(each, label=other[each.label]) if each.speaker in chosen else each for each in corpus.recordings
    ]
    return replace(corpus, recordings=tuple(recordings)), chosen


def contradictions(corpus: Corpus, seed: int, jobs: int) -> tuple[Contradiction, ...]:
    """All speakers against whose label the odds are 1 or more, as the command finds them without options."""
    options = TrainingOptions(
        n_components=COMPONENTS, folds=CALIBRATION_FOLDS, seed=seed, em=EMOptions(max_iterations=ITERATIONS)
    )
    return audit(crossvalidate(corpus, options=options, workers=LocalExecutor(jobs)), min_odds=1.0).speakers


def main() -> None:
    """Run the seeds and print a table."""
    parser = argparse.ArgumentParser(description="Measure how the audit finds wrong labels.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--corpus", default=CORPUS, help=f"of the manifest, with two classes (default: {CORPUS})")
    parser.add_argument("--wrong", type=int, default=7, metavar="N", help="speakers to flip (default: 7)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    everything = read_corpus(MANIFEST, root=arguments.root)
    corpus = everything.select(lambda each: each.columns["corpus"] == arguments.corpus)
    n_speakers = len({each.speaker for each in corpus.recordings})
    print(f"{arguments.corpus}: {arguments.wrong} of {n_speakers} speakers wrong, {len(corpus.recordings)} recordings")
    print("seed  " + "  ".join(f"odds {odds:4g}" for odds in LEAST_ODDS) + "  last at  seconds")
    for seed in range(arguments.seeds):
        begin = time.perf_counter()
        wrong, chosen = flipped(corpus, arguments.wrong, seed)
        listed = contradictions(wrong, seed, arguments.jobs)
        cells = []
        for odds in LEAST_ODDS:
            high = [one for one in listed if one.odds >= odds]
            n_found = sum(one.speaker in chosen for one in high)
            cells.append(f"{n_found:3} and {len(high) - n_found}")
        places = [place for place, one in enumerate(listed, start=1) if one.speaker in chosen]
        last = (
            f"{arguments.wrong - len(places)} not" if len(places) < arguments.wrong else str(max(places, default="-"))
        )
        print(f"{seed:4}  {'  '.join(cells)}  {last:>7}  {time.perf_counter() - begin:7.0f}", flush=True)


if __name__ == "__main__":
    main()

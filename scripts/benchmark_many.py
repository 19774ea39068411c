"""Measure time and memory against the number of files, without any audio: nothing may grow faster than the files.

    python scripts/benchmark_many.py [--files 1000 10000 100000]

Simulates corpora of the given sizes, ten recordings a speaker, and takes each step that handles all files of a corpus
at once: reading a manifest, choosing the folds, balancing the utterances of a training whose features are on disk, and
the report of an evaluation with its JSON and its table of scores. Prints the CPU time for each file in microseconds,
and the kilobytes for each file that the step allocates at most (tracemalloc, in a run of its own).
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from speechgmm import read_corpus
from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.corpus.speakers import speaker_folds
from speechgmm.evaluation.report import evaluate
from speechgmm.evaluation.report_files import score_rows, to_json
from speechgmm.features.extraction import StretchSummary, Utterance
from speechgmm.features.options import FrontEndOptions
from speechgmm.training.feature_store import FeatureStore, StoredFeatures
from speechgmm.training.pooling import balance
from speechgmm.training.recipe import Recipe

LABELS, PER_SPEAKER, N_FOLDS = ("female", "male"), 10, 5
Step = Callable[[], object]


def write_manifest(file: Path, n_files: int) -> None:
    """A manifest of one audio file, named again and again."""
    (file.parent / "one.wav").write_bytes(b"")
    with file.open("w", encoding="utf-8", newline="") as rows:
        writer = csv.writer(rows)
        writer.writerow(["path", "label", "speaker", "start", "end"])
        for number in range(n_files):
            speaker = number // PER_SPEAKER
            writer.writerow(["one.wav", LABELS[speaker % 2], f"s{speaker}", number, number + 1])


def utterances_of(corpus: Corpus, store: FeatureStore) -> list[Utterance]:
    """The utterances of a training with features on disk, as it keeps them in memory."""

    def utterance(recording: Recording) -> Utterance:
        sha256 = f"{hash(recording.start) & 0xFFFFFFFF:064x}"
        summary = StretchSummary(300, 200, np.zeros(store.front_end.n_dimensions))
        stored = StoredFeatures(store, recording, sha256)
        return Utterance(recording=recording, summaries=(summary,), storage=stored, digest=sha256)

    return [utterance(recording) for recording in corpus.recordings]


def outcomes_of(corpus: Corpus) -> list[Outcome]:
    """Decisions, one of ten wrong."""
    rng = np.random.default_rng(0)
    return [
        _outcome(recording, float(score))
        for recording, score in zip(corpus.recordings, rng.normal(2.6, 2.0, len(corpus.recordings)), strict=True)
    ]


def _outcome(recording: Recording, score: float) -> Outcome:
    right, wrong = sorted(LABELS, key=lambda label: label != recording.label)
    probability = float(1.0 / (1.0 + np.exp(-abs(score))))
    best, other = (right, wrong) if score > 0 else (wrong, right)
    decision = Decision(
        label=best,
        speech_s=2.0,
        probability=probability,
        score=abs(score),
        probabilities={best: probability, other: 1.0 - probability},
        log_likelihood_ratios={best: abs(score), other: -abs(score)},
    )
    return Outcome(
        path=recording.name,
        truth=recording.label,
        speaker=recording.speaker,
        duration_s=3.0,
        decision=decision,
        start=recording.start,
    )


def steps(folder: Path, n_files: int) -> Iterator[tuple[str, Step]]:
    """The steps by name; the material of each is made before."""
    manifest = folder / f"{n_files}.csv"
    write_manifest(manifest, n_files)
    yield "read a manifest", lambda: read_corpus(manifest)
    corpus = read_corpus(manifest)
    yield "choose folds", lambda: speaker_folds(corpus.recordings, N_FOLDS, seed=0)
    store, recipe = FeatureStore(folder=folder, front_end=FrontEndOptions()), Recipe()
    yield "describe utterances, balance", lambda: balance("female", utterances_of(corpus, store), recipe)
    outcomes = outcomes_of(corpus)
    yield "report", lambda: evaluate(outcomes, classes=LABELS)
    report = evaluate(outcomes, classes=LABELS)
    yield "report as JSON", lambda: json.dumps(to_json(report))
    yield "table of scores", lambda: sum(len(row) for row in score_rows(outcomes, classes=LABELS))


def cpu_s(step: Step) -> float:
    """CPU seconds of a step."""
    begin = time.process_time()
    step()
    return time.process_time() - begin


def peak_kilobytes(step: Step) -> float:
    """What a step allocates at most."""
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure time and memory against the number of files.")
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 10_000, 100_000])
    arguments = parser.parse_args()
    print(f"{'step':32}{'files':>9}{'us a file':>12}{'kB a file':>12}")
    with tempfile.TemporaryDirectory() as temporary:
        for n_files in arguments.files:
            for name, step in steps(Path(temporary), n_files):
                micro_s, kilobytes = 1e6 * cpu_s(step) / n_files, peak_kilobytes(step) / n_files
                print(f"{name:32}{n_files:9}{micro_s:12.1f}{kilobytes:12.2f}", flush=True)


if __name__ == "__main__":
    main()

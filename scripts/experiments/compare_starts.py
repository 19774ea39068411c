"""Compare the initialisation methods of EM on recorded speech: CPU time, and likelihood on training and new speakers.

    python scripts/experiments/compare_starts.py CORPORA_ROOT [--speakers 200] [--components 64] [--seeds 3]

Trains on the first recording of each of N speakers of the train split of corpus_manifest.csv and scores the first
recording of each of N/2 speakers of the test split, with the default front end. EM runs to convergence from each start.
Prints a Markdown table: CPU seconds of the initialisation, number of EM iterations, log-likelihood per frame before and
after EM on the training frames, and after EM on the test frames; each as the mean over the seeds and the range.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from speechgmm import FrontEndOptions, read_corpus
from speechgmm.corpus.recording import Corpus
from speechgmm.corpus.speakers import speaker_of
from speechgmm.features.extraction import Failure
from speechgmm.features.front_end import Features, normalise_mean
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import fit
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.initialisation import START_METHODS, start
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import shards_of
from speechgmm.training.heard_recordings import extract

MANIFEST = Path(__file__).resolve().parents[2] / "corpus_manifest.csv"
FRONT_END = FrontEndOptions()
OPTIONS = EMOptions(max_iterations=200)


@dataclass(frozen=True)
class Run:
    """Results from one start: CPU seconds of the start and per EM iteration, iterations, nats per frame."""

    cpu_s: float
    iteration_s: float
    iterations: int
    initial: float
    trained: float
    unseen: float


def speech_of(corpus: Corpus, split: str, n_speakers: int) -> Features:
    """Speech frames (T, D) of one recording per speaker; speakers are evenly spaced in the sorted list of a split."""
    first = {speaker_of(item): item for item in reversed(corpus.recordings) if item.split == split}
    speakers = sorted(first)
    chosen = [speakers[i] for i in np.linspace(0, len(speakers) - 1, min(n_speakers, len(speakers))).astype(int)]
    frames: list[Features] = []
    for speaker in tqdm(chosen, desc=f"reading {split}", disable=None):
        result = extract(first[speaker], front_ends=[FRONT_END])
        if isinstance(result, Failure):
            raise SystemExit(result.reason)
        frames += [stretch.frames for stretch in result.utterances[0].stretches()]
    mean = np.concatenate(frames).mean(axis=0, dtype=np.float64)
    return np.concatenate([normalise_mean(part, mean, FRONT_END) for part in frames])


def measure(method: str, seed: int, n_components: int, trained: Features, unseen: Features) -> Run:
    """Initialise, run EM to convergence, and score."""
    begin = time.process_time()
    shards = shards_of(trained)
    family: Family[DiagonalMixture] = family_for("gaussian", shards, n_components, options=OPTIONS)
    beginning = start(shards, n_components, family, np.random.default_rng(seed), method=method, options=OPTIONS)
    cpu_s = time.process_time() - begin
    fitted = fit(shards, beginning, family=family, options=OPTIONS)
    iteration_s = (time.process_time() - begin - cpu_s) / len(fitted.log_likelihoods)
    likelihoods = fitted.log_likelihoods
    score = float(fitted.mixture.log_likelihoods(unseen).mean())
    return Run(cpu_s, iteration_s, fitted.n_iterations, likelihoods[0], likelihoods[-1], score)


def row(method: str, runs: list[Run]) -> str:
    """A row of the table: means, and the range in parentheses."""
    cells = [method, f"{np.mean([run.cpu_s for run in runs]):.2f}", f"{np.mean([run.iterations for run in runs]):.0f}"]
    columns = ([getattr(run, name) for run in runs] for name in ("initial", "trained", "unseen"))
    cells += [f"{np.mean(values):.3f} ({max(values) - min(values):.3f})" for values in columns]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Read the frames once, then measure each method with each seed."""
    parser = argparse.ArgumentParser(description="Compare the initialisation methods of EM on recorded speech.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--speakers", type=int, default=200)
    parser.add_argument("--components", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    corpus = read_corpus(MANIFEST, root=arguments.root)
    trained = speech_of(corpus, "train", arguments.speakers)
    unseen = speech_of(corpus, "test", arguments.speakers // 2)
    runs: dict[str, list[Run]] = {method: [] for method in START_METHODS}
    for seed in tqdm(range(arguments.seeds), desc="seeds", disable=None):
        for method in START_METHODS:
            runs[method].append(measure(method, seed, arguments.components, trained, unseen))
    iteration_s = np.mean([run.iteration_s for of_method in runs.values() for run in of_method])
    print(
        f"{len(trained)} training and {len(unseen)} unseen frames, {trained.shape[1]} features, "
        f"{arguments.components} components, {arguments.seeds} seeds; "
        f"an iteration of EM takes {iteration_s:.3f} s of CPU time\n"
    )
    print("| start | CPU s | EM iterations | before EM | after EM | unseen speakers |\n|---|---|---|---|---|---|")
    for method in START_METHODS:
        print(row(method, runs[method]))


if __name__ == "__main__":
    main()

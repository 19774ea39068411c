"""Measure training recipes by leave-one-corpus-out evaluation.

    python scripts/ablate.py CORPORA_ROOT [RECIPE ...] --features FOLDER [--conditions whole "1 s"] [--seeds 1]

Each recipe is trained without one group of the training corpora, calibrated on the dev speakers of the other groups,
and tested on all speakers of the left-out group. It is also trained on all training corpora and tested on the corpora
that never train and, as one corpus, on the test speakers of the training corpora. The conditions are the whole
utterance, a few shorter lengths, and degraded channels. The tables give the UAR as the mean over corpora, with
``unknown`` counted as an error, and a 95 % interval from resampling corpora, then speakers.
"""

from __future__ import annotations

import argparse
import functools
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from conditions import RATE, Background, conditions
from recipes import RECIPES
from speechgmm import Model, Recipe, read_corpus
from speechgmm.audio.samples import to_mono_at_rate
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.evaluation.detection import cllr, min_cllr
from speechgmm.features.front_end import stream_stretches
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from speechgmm.workers.local import LocalExecutor, ordered_map

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"

# Corpora of the same source or kind are left out together.
GROUPS = (
    ("common-voice",),
    ("librispeech", "librispeech-mp3", "vctk"),
    ("speechocean762-adult",),
    ("wuw-telephone",),
    ("coswara", "spanish-digits"),
    ("emodb", "sdap-acted"),
)
NEVER_TRAINED = ("ami", "asterisk-prompts", "ravdess")
RESAMPLES = 500


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Decisions on left-out corpora, on corpora that never train, and on test speakers of the training corpora."""

    left_out: list[Decision]
    never: list[Decision]
    test: list[Decision]

    def __add__(self, other: Decisions) -> Decisions:
        return Decisions(
            left_out=self.left_out + other.left_out, never=self.never + other.never, test=self.test + other.test
        )


@dataclass(frozen=True)
class Decision:
    """The decision of a model on one utterance under one condition."""

    corpus: str
    speaker: str
    truth: str
    condition: str
    label: str
    ratio: float  # log-likelihood ratio of female to male; NaN if the model abstains


def decisions_on(
    recording: Recording, *, model: Model, background: Background, wanted: frozenset[str]
) -> list[Decision]:
    """Decisions on a recording under the conditions in `wanted`, or under all if `wanted` is empty."""
    decisions = []
    for condition, samples in conditions(recording, background, wanted):
        resampled = to_mono_at_rate(samples, RATE, model.front_end.sampling_rate)
        result = model.decide(model.score_all(stream_stretches([resampled], model.front_ends)))
        truth = (recording.columns["corpus"], recording.speaker or recording.name, recording.label)
        ratio = result.log_likelihood_ratios.get("female", math.nan)
        decisions.append(Decision(*truth, condition, result.label, ratio))
    return decisions


def tested(model: Model, corpus: Corpus, background: Background, wanted: frozenset[str], jobs: int) -> list[Decision]:
    """Decisions on all recordings of a corpus."""
    work = functools.partial(decisions_on, model=model, background=background, wanted=wanted)
    return [decision for decisions in ordered_map(work, corpus.recordings, jobs=jobs) for decision in decisions]


def trained_without(group: tuple[str, ...], corpus: Corpus, options: Recipe, cache: Path, jobs: int) -> Model:
    """Train a model without the corpora of a group."""
    kept = corpus.select(lambda item: item.columns["corpus"] not in group and item.split in ("train", "dev"))
    return train(kept, Run(recipe=options, feature_folder=cache, executor=LocalExecutor(jobs))).model


def run(corpus: Corpus, options: Recipe, wanted: frozenset[str], cache: Path, jobs: int) -> Decisions:
    """Train and test all models of a recipe."""
    background = Background.of(corpus)
    voices = corpus.select(lambda item: item.label != "none")
    test = functools.partial(tested, background=background, wanted=wanted, jobs=jobs)
    left_out: list[Decision] = []
    for group in tqdm(GROUPS, desc="groups", disable=None):
        model = trained_without(group, corpus, options, cache, jobs)
        left_out += test(model, voices.select(functools.partial(_is_of, group)))
    model = trained_without((), corpus, options, cache, jobs)
    on_test = test(model, voices.select(lambda item: item.split == "test"))
    return Decisions(
        left_out=left_out,
        never=test(model, voices.select(functools.partial(_is_of, NEVER_TRAINED))),
        test=[replace(decision, corpus="all") for decision in on_test],
    )


def _is_of(group: tuple[str, ...], recording: Recording) -> bool:
    return recording.columns["corpus"] in group


def mean_uar(decisions: list[Decision]) -> tuple[float, float, float]:
    """UAR as the mean over corpora, with a 95 % interval from resampling corpora, then the speakers of each class."""
    correct: dict[str, dict[str, dict[str, list[bool]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for item in decisions:
        correct[item.corpus][item.truth][item.speaker].append(item.label == item.truth)
    tables = [
        [[(sum(hits), len(hits)) for hits in speakers.values()] for speakers in classes.values()]
        for classes in correct.values()
    ]
    rng = np.random.default_rng(0)

    def uar_of(
        table: list[list[tuple[int, int]]], pick: Callable[[int], np.ndarray[tuple[int], np.dtype[np.intp]]]
    ) -> float:
        recalls = []
        for speakers in table:
            counts = np.array(speakers)[pick(len(speakers))].sum(axis=0)
            recalls.append(counts[0] / counts[1])
        return float(np.mean(recalls))

    def drawn(n: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        return rng.integers(n, size=n)

    resampled = [
        float(np.mean([uar_of(tables[index], drawn) for index in drawn(len(tables))])) for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(np.mean([uar_of(table, np.arange) for table in tables])), float(low), float(high)


def costs(decisions: list[Decision]) -> tuple[float, float]:
    """Cllr and min Cllr in bits, as means over the corpora of both classes, without abstentions."""
    pairs = []
    for corpus in {item.corpus for item in decisions}:
        ratios = [
            np.array([item.ratio for item in decisions if (item.corpus, item.truth) == (corpus, label)])
            for label in ("female", "male")
        ]
        finite = [values[np.isfinite(values)] for values in ratios]
        if all(len(values) for values in finite):
            pairs.append((cllr(*finite), min_cllr(*finite)))
    mean = np.mean(pairs, axis=0)
    return float(mean[0]), float(mean[1])


def table(name: str, decisions: list[Decision]) -> list[str]:
    """The lines of the report on one set of decisions."""
    order = list(dict.fromkeys(item.condition for item in decisions))
    lines = [f"**{name}**", "", "| condition | mean UAR | 95 % | unknown | Cllr | min Cllr |"]
    lines.append("| :-- | --: | --: | --: | --: | --: |")
    for condition in order:
        selected = [item for item in decisions if item.condition == condition]
        value, low, high = mean_uar(selected)
        cost, minimum = costs(selected)
        unknown = float(np.mean([item.label == "unknown" for item in selected]))
        figures = f"{value:.3f} | {low:.3f} to {high:.3f} | {100 * unknown:.1f} % | {cost:.3f} | {minimum:.3f}"
        lines.append(f"| {condition} | {figures} |")
    lines += ["", "| corpus | UAR whole | unknown |", "| :-- | --: | --: |"]
    whole = [item for item in decisions if item.condition == "whole"]
    for corpus in sorted({item.corpus for item in whole}):
        selected = [item for item in whole if item.corpus == corpus]
        n_unknown = sum(item.label == "unknown" for item in selected)
        lines.append(f"| {corpus} | {mean_uar(selected)[0]:.3f} | {n_unknown} of {len(selected)} |")
    return [*lines, ""]


def main() -> None:
    """Run the recipes and print their tables."""
    parser = argparse.ArgumentParser(description="Measure training recipes by leave-one-corpus-out evaluation.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument(
        "recipes",
        nargs="*",
        default=["shipped"],
        metavar="RECIPE",
        help=f"one of {', '.join(RECIPES)} (default: shipped)",
    )
    parser.add_argument("--features", type=Path, required=True, metavar="FOLDER", help="feature store")
    parser.add_argument("--conditions", nargs="*", default=[], metavar="CONDITION", help="only these: whole, '1 s' ...")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=-1)
    arguments = parser.parse_args()
    corpus = read_corpus(MANIFEST, root=arguments.root)
    for name in arguments.recipes:
        decisions = Decisions(left_out=[], never=[], test=[])
        for seed in range(arguments.seeds):
            options = replace(RECIPES[name], seed=seed)
            decisions += run(corpus, options, frozenset(arguments.conditions), arguments.features, arguments.jobs)
        print(f"## {name}\n")
        print("\n".join(table("left-out corpora", decisions.left_out)))
        print("\n".join(table("corpora that never train", decisions.never)))
        print("\n".join(table("test speakers of the training corpora", decisions.test)), flush=True)


if __name__ == "__main__":
    main()

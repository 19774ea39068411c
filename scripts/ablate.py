"""Measure recipes on voices and channels they have not heard: whole corpora are left out of training in turn.

Each recipe is trained without one group of the training corpora, calibrated on the dev speakers of the others, and
tested on all speakers of that group; and trained on all of them and tested on the corpora that train nothing, and on
the test speakers of those that do, taken as one corpus. Every utterance is heard whole, cut to a few lengths, and
through degraded channels. The tables give the mean over corpora of the UAR, ``unknown`` counting as wrong, with a 95 %
interval from resampling corpora, then speakers.
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
from conditions import RATE, Background, conditions
from recipes import RECIPES
from tqdm import tqdm

from speechgmm import Model, TrainingOptions, read_corpus
from speechgmm.audio.samples import to_mono_at_rate
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.evaluation.detection import cllr, min_cllr
from speechgmm.features.front_end import stream_stretches
from speechgmm.training.train import train
from speechgmm.workers.local import LocalExecutor, ordered_map

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"

# Corpora of one source or one kind are left out together.
GROUPS = (
    ("common-voice",),
    ("librispeech", "librispeech-mp3", "vctk"),
    ("speechocean762-adult",),
    ("wuw-telephone",),
    ("coswara", "spanish-digits"),
    ("emodb", "sdap-acted"),
)
NEVER_HEARD = ("ami", "asterisk-prompts", "ravdess")
RESAMPLES = 500


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the models of a recipe said of corpora left out, of those that never train, and of test speakers."""

    turns: list[Answer]
    never: list[Answer]
    known: list[Answer]

    def __add__(self, other: Answers) -> Answers:
        return Answers(turns=self.turns + other.turns, never=self.never + other.never, known=self.known + other.known)


@dataclass(frozen=True)
class Answer:
    """What a model said of one utterance under one condition."""

    corpus: str
    speaker: str
    truth: str
    condition: str
    label: str
    ratio: float  # of female to male, NaN where nothing was answered


def answers_of(recording: Recording, *, model: Model, background: Background, wanted: frozenset[str]) -> list[Answer]:
    """What a model says of a recording under the conditions wanted, all if there are none."""
    said = []
    for condition, heard in conditions(recording, background, wanted):
        conformed = to_mono_at_rate(heard, RATE, model.front_end.sampling_rate)
        decision = model.decide(model.score_all(stream_stretches([conformed], model.front_ends)))
        who = (recording.columns["corpus"], recording.speaker or recording.name, recording.label)
        ratio = decision.log_likelihood_ratios.get("female", math.nan)
        said.append(Answer(*who, condition, decision.label, ratio))
    return said


def tested(model: Model, corpus: Corpus, background: Background, wanted: frozenset[str], jobs: int) -> list[Answer]:
    """What a model says of all recordings of a corpus."""
    work = functools.partial(answers_of, model=model, background=background, wanted=wanted)
    return [answer for found in ordered_map(work, corpus.recordings, jobs=jobs) for answer in found]


def left_out(corpus: Corpus, options: TrainingOptions, group: tuple[str, ...], cache: Path, jobs: int) -> Model:
    """A model of a recipe that has heard nothing of some corpora."""
    kept = corpus.select(lambda each: each.columns["corpus"] not in group and each.split in ("train", "dev"))
    return train(kept, options=options, features=cache, workers=LocalExecutor(jobs)).model


def run(corpus: Corpus, options: TrainingOptions, wanted: frozenset[str], cache: Path, jobs: int) -> Answers:
    """The answers of a recipe's models."""
    background = Background.of(corpus)
    voices = corpus.select(lambda each: each.label != "none")
    test = functools.partial(tested, background=background, wanted=wanted, jobs=jobs)
    turns: list[Answer] = []
    for group in tqdm(GROUPS, desc="groups", disable=None):
        turns += test(left_out(corpus, options, group, cache, jobs), voices.select(functools.partial(_is_of, group)))
    model = left_out(corpus, options, (), cache, jobs)
    known = test(model, voices.select(lambda each: each.split == "test"))
    return Answers(
        turns=turns,
        never=test(model, voices.select(functools.partial(_is_of, NEVER_HEARD))),
        known=[replace(answer, corpus="all") for answer in known],
    )


def _is_of(group: tuple[str, ...], recording: Recording) -> bool:
    return recording.columns["corpus"] in group


def mean_uar(answers: list[Answer]) -> tuple[float, float, float]:
    """Mean over corpora of the UAR, and its interval from resampling corpora, then the speakers of each class."""
    right: dict[str, dict[str, dict[str, list[bool]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for each in answers:
        right[each.corpus][each.truth][each.speaker].append(each.label == each.truth)
    tables = [
        [[(sum(said), len(said)) for said in speakers.values()] for speakers in classes.values()]
        for classes in right.values()
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


def costs(answers: list[Answer]) -> tuple[float, float]:
    """Mean over corpora with both classes of Cllr and of its minimum, in bits, where something was answered."""
    pairs = []
    for corpus in {each.corpus for each in answers}:
        ratios = [
            np.array([each.ratio for each in answers if (each.corpus, each.truth) == (corpus, label)])
            for label in ("female", "male")
        ]
        answered = [found[np.isfinite(found)] for found in ratios]
        if all(len(found) for found in answered):
            pairs.append((cllr(*answered), min_cllr(*answered)))
    mean = np.mean(pairs, axis=0)
    return float(mean[0]), float(mean[1])


def table(name: str, answers: list[Answer]) -> list[str]:
    """Lines of the report on one set of answers."""
    order = list(dict.fromkeys(each.condition for each in answers))
    lines = [f"**{name}**", "", "| condition | mean UAR | 95 % | unknown | Cllr | least Cllr |"]
    lines.append("| :-- | --: | --: | --: | --: | --: |")
    for condition in order:
        mine = [each for each in answers if each.condition == condition]
        value, low, high = mean_uar(mine)
        cost, least = costs(mine)
        unknown = float(np.mean([each.label == "unknown" for each in mine]))
        figures = f"{value:.3f} | {low:.3f} to {high:.3f} | {100 * unknown:.1f} % | {cost:.3f} | {least:.3f}"
        lines.append(f"| {condition} | {figures} |")
    lines += ["", "| corpus | UAR whole | unknown |", "| :-- | --: | --: |"]
    whole = [each for each in answers if each.condition == "whole"]
    for corpus in sorted({each.corpus for each in whole}):
        mine = [each for each in whole if each.corpus == corpus]
        n_unknown = sum(each.label == "unknown" for each in mine)
        lines.append(f"| {corpus} | {mean_uar(mine)[0]:.3f} | {n_unknown} of {len(mine)} |")
    return [*lines, ""]


def main() -> None:
    """Run the recipes that are asked for, and print their tables."""
    parser = argparse.ArgumentParser(description="Measure recipes on corpora they have not heard.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("recipes", nargs="*", default=["shipped"], metavar="RECIPE", help=f"of {', '.join(RECIPES)}")
    parser.add_argument("--features", type=Path, required=True, metavar="FOLDER", help="where features are kept")
    parser.add_argument(
        "--conditions", nargs="*", default=[], metavar="CONDITION", help="some of them: whole, '1 s' ..."
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=-1)
    arguments = parser.parse_args()
    corpus = read_corpus(MANIFEST, root=arguments.root)
    for name in arguments.recipes:
        said = Answers(turns=[], never=[], known=[])
        for seed in range(arguments.seeds):
            options = replace(RECIPES[name], seed=seed)
            said += run(corpus, options, frozenset(arguments.conditions), arguments.features, arguments.jobs)
        print(f"## {name}\n")
        print("\n".join(table("corpora left out in turn", said.turns)))
        print("\n".join(table("corpora that never train", said.never)))
        print("\n".join(table("test speakers of the training corpora", said.known)), flush=True)


if __name__ == "__main__":
    main()

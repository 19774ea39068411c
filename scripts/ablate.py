"""Measure training recipes by leaving out collections of corpora, in minutes.

    python scripts/ablate.py CORPORA_ROOT [RECIPE ...] --features FOLDER [--set SETTING ...] [--seeds 3]

The training recordings are read, augmented and reduced to statistics once. Then each recipe is fitted without each
collection of corpora (the column group of corpus_manifest.csv) in turn, which takes seconds, calibrated on the scores
of the other collections by the fits that left them out, and tested on all speakers of the collection. With every
collection, a part of the sources of sounds is left out too, and tested. It is also fitted on everything and tested on
the corpora that never train, on the test speakers of the training corpora and on sounds of other sources.

The background mixture hears all training recordings, without their labels. The conditions are the whole utterance,
short cuts, and degraded channels (`conditions.py`). All conditions but the whole are tested on at most 40 speakers of a
class and corpus. The tables give the UAR as the mean over corpora, with ``unknown`` counted as wrong, and with several
seeds as mean and spread.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from conditions import Background
from decisions import Decision, decisions_on, report
from recipes import RECIPES
from speechgmm import Model, Recipe, read_corpus
from speechgmm.augmentation.augment import CHANNEL
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.corpus.speakers import speaker_of
from speechgmm.training.calibrate import HeldOutScores, calibrate, score_utterances
from speechgmm.training.fitting import fitter
from speechgmm.training.material import Material, read_material, selected
from speechgmm.training.recordings import training_recordings
from speechgmm.training.run_context import Run
from speechgmm.workers.local import LocalExecutor, ordered_map

T = TypeVar("T")

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"

ACTED = ("emodb", "sdap-acted", "banglaser", "zero-ad")
NEUTRAL = (
    *("common-voice", "librispeech", "librispeech-mp3", "speechocean762-adult", "wuw-telephone", "coswara"),
    *("spanish-digits", "vctk", "common-voice-more", "common-voice-mx", "duke-alphanumeric", "msc-malayalam"),
)
NEVER_TRAINED = ("ami", "asterisk-prompts", "ravdess")
CONDITIONS = ("whole", "1 s", "8 kHz", "noise 10 dB", "noise 0 dB", "music 10 dB")
SPEAKERS, ACTED_UTTERANCES = 40, 4  # of a class and corpus, and of an acted speaker


@dataclass(frozen=True, kw_only=True)
class Laboratory:
    """What is measured on, and how.

    Attributes
    ----------
    corpus : Corpus
        All of the manifest.
    wanted : frozenset of str
        The conditions.
    features : Path
        Folder of the feature store.
    jobs : int
    """

    corpus: Corpus
    wanted: frozenset[str]
    features: Path
    jobs: int

    @functools.cached_property
    def background(self) -> Background:
        """Sounds and voices for the conditions."""
        return Background.of(self.corpus)

    def of(self, *corpora: str) -> list[Recording]:
        """The recordings of some corpora."""
        return [item for item in self.corpus.recordings if item.columns["corpus"] in corpora]

    def tested(self, model: Model, recordings: Sequence[Recording]) -> list[Decision]:
        """Decisions on recordings: whole, and a part of them under the other conditions."""
        few = thinned(recordings)
        whole = self.wanted & {"whole"}
        works = [(recording, self.wanted if recording.name in few else whole) for recording in recordings]
        work = functools.partial(decisions_on, model=model, background=self.background)
        return [each for decisions in ordered_map(work, works, jobs=self.jobs) for each in decisions]


def thinned(recordings: Iterable[Recording]) -> set[str]:
    """Names of one recording of at most `SPEAKERS` speakers of each class and corpus; a few of each acted speaker."""
    ordered = sorted(recordings, key=lambda item: hashlib.sha256(item.name.encode()).hexdigest())
    speakers: dict[tuple[str, str], Counter[str]] = {}
    kept = set()
    for item in ordered:
        seen = speakers.setdefault((item.columns["corpus"], item.label), Counter())
        limit = ACTED_UTTERANCES if item.columns["acted"] else 1
        if seen[speaker_of(item)] < limit and (speaker_of(item) in seen or len(seen) < SPEAKERS):
            seen[speaker_of(item)] += 1
            kept.add(item.name)
    return kept


def part_of(source: str, n_parts: int) -> int:
    """The part of the sources of sounds that a source is in."""
    return int(hashlib.sha256(source.encode()).hexdigest()[8:16], 16) % n_parts


def source_of(recording: Recording) -> str:
    """The source of a sound: for ESC-10, the fold with which its name begins."""
    name, columns = Path(recording.name).name, recording.columns
    return f"esc10 {name[0]}" if columns["corpus"] == "esc10" else columns["source"]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Decisions on left-out corpora, on those that never train, on test speakers, and on sounds."""

    left_out: list[Decision]
    never: list[Decision]
    test: list[Decision]
    sounds: list[Decision]


def measure(laboratory: Laboratory, recipe: Recipe) -> Measured:
    """Fit, calibrate and test all models of a recipe."""
    run = Run(recipe=recipe, executor=LocalExecutor(laboratory.jobs), feature_folder=laboratory.features)
    trained = laboratory.corpus.select(lambda item: item.split in ("train", "dev"))
    trained = replace(trained, recordings=tuple(replace(item, split="train") for item in trained.recordings))
    material = read_material(training_recordings(trained, recipe.nonspeech), replace(run, progress=_bar))
    fit = fitter(material, run)
    groups = sorted({item.columns["group"] for item in material.corpus.recordings})
    scorers, held_out = {}, {}
    for number, group in enumerate(tqdm(groups, desc="fitting", disable=None)):
        scorers[group] = fit(without(material, group, number, len(groups)), run).scorer
        own = selected(material.streams, functools.partial(_calibrates, group))
        held_out[group] = score_utterances(scorers[group], own, recipe.balance_by)
    left_out, sounds = [], []
    for number, group in enumerate(tqdm(groups, desc="testing", disable=None)):
        model = calibrate(scorers[group], _all_but(held_out, group), recipe)
        voices = [item for item in laboratory.of(*ACTED, *NEUTRAL) if item.columns["group"] == group]
        left_out += laboratory.tested(model, voices)
        own_sounds = [
            item
            for item in laboratory.corpus.recordings
            if item.label == "none" and item.split == "train" and part_of(source_of(item), len(groups)) == number
        ]
        sounds += laboratory.tested(model, own_sounds)
    model = calibrate(fit(material, run).scorer, _all_but(held_out, None), recipe)
    voices = [item for item in laboratory.corpus.recordings if item.label != "none"]
    on_test = laboratory.tested(model, [item for item in voices if item.split == "test"])
    return Measured(
        left_out=left_out,
        never=laboratory.tested(model, laboratory.of(*NEVER_TRAINED)),
        test=[replace(decision, corpus="all") for decision in on_test],
        sounds=sounds,
    )


def without(material: Material, group: str, number: int, n_groups: int) -> Material:
    """The material without a collection of corpora and a part of the sources of sounds."""
    part = material.of(material.corpus, lambda item: item.columns["group"] != group)
    heard = selected(material.nonspeech, lambda item: part_of(source_of(item), n_groups) != number)
    return replace(part, nonspeech=heard)


def _calibrates(group: str, recording: Recording) -> bool:
    return recording.columns["group"] == group and recording.augmentation in ("", CHANNEL)


def _all_but(scores: dict[str, list[HeldOutScores]], group: str | None) -> list[HeldOutScores]:
    return [each for name, own in scores.items() if name != group for each in own]


def _bar(items: Iterable[T], *, total: int | None, what: str) -> Iterable[T]:
    return tqdm(items, total=total, desc=what, disable=None)


def main() -> None:
    """Run the recipes and print their tables."""
    parser = argparse.ArgumentParser(description="Measure training recipes by leaving out collections of corpora.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument(
        "recipes",
        nargs="*",
        default=["shipped"],
        metavar="RECIPE",
        help=f"one of {', '.join(RECIPES)} (default: shipped)",
    )
    parser.add_argument("--features", type=Path, required=True, metavar="FOLDER", help="feature store")
    parser.add_argument("--set", action="append", default=[], metavar="SETTING", help="as of speechgmm train")
    parser.add_argument("--conditions", nargs="*", default=CONDITIONS, metavar="CONDITION", help="only these")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=-1)
    arguments = parser.parse_args()
    laboratory = Laboratory(
        corpus=read_corpus(MANIFEST, root=arguments.root),
        wanted=frozenset(arguments.conditions),
        features=arguments.features,
        jobs=arguments.jobs,
    )
    for name in arguments.recipes:
        recipe = RECIPES[name].with_settings(*arguments.set)
        runs = [measure(laboratory, replace(recipe, seed=seed)) for seed in range(arguments.seeds)]
        print(f"## {' '.join([name, *arguments.set])}, {arguments.seeds} seeds\n")
        print("\n".join(report([each.left_out for each in runs], "left-out corpora", acted=ACTED)))
        print("\n".join(report([each.never for each in runs], "corpora that never train")))
        print("\n".join(report([each.test for each in runs], "test speakers of the training corpora")))
        print("\n".join(rejected([decision for each in runs for decision in each.sounds])), flush=True)


def rejected(decisions: Sequence[Decision]) -> list[str]:
    """The lines of the report on sounds of sources that were left out."""
    counts, labelled = Counter[str](), Counter[str]()
    for item in decisions:
        for kind in (item.kind, "all") if item.condition == "whole" else ():
            counts[kind] += 1
            labelled[kind] += item.label != "unknown"
    lines = ["**sounds of left-out sources**", "", "| sound | clips | given a label |", "| :-- | --: | --: |"]
    return [*lines, *(f"| {kind} | {n} | {100 * labelled[kind] / n:.1f} % |" for kind, n in sorted(counts.items())), ""]


if __name__ == "__main__":
    main()

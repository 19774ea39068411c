"""Measure recipes on corpora of a few speakers: accuracy on corpora never heard, rejection of sounds, and CPU time.

    python scripts/measure_recipes.py CORPORA_ROOT --features FOLDER [RECIPE[,SETTING...] ...] [--speakers 5 20 0]

For each number of speakers a class and each draw, speakers are drawn from the train split of corpus_manifest.csv, and
each recipe is trained on all their recordings, without a dev split. With 0 speakers, the train and dev splits train.
The models are tested on corpora that they have not heard (at most `UTTERANCES` recordings of a speaker), on the test
speakers of the training corpora, and on sounds of sources that the shipped model has not heard. Unknown counts as an
error. The table gives means over the draws. The background mixtures of the shipped model, which `robust` takes, have
heard some of these corpora without their labels, but none of `NEVER_TRAINED`, whose mean has a column of its own.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
from tqdm import tqdm

from speechgmm import Model, Recipe, read_corpus
from speechgmm.classifier.decision import UNKNOWN
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.features.extraction import Failure
from speechgmm.features.front_end import aligned
from speechgmm.training.feature_store import FeatureStore, fetch
from speechgmm.training.material import read_material
from speechgmm.training.recordings import training_recordings
from speechgmm.training.run_context import Run
from speechgmm.training.train import train_on
from speechgmm.workers.local import ordered_map

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"

UNHEARD = (
    "ami",
    "asterisk-prompts",
    "banglaser",
    "common-voice-mx",
    "duke-alphanumeric",
    "msc-malayalam",
    "ravdess",
    "zero-ad",
)
"""Corpora that no model of this script is trained on."""

ACTED = ("banglaser", "ravdess", "zero-ad")
NEVER_TRAINED = ("ami", "asterisk-prompts", "ravdess")
UTTERANCES = 8


@dataclass(frozen=True)
class Task:
    """A training: recipe, speakers a class (0 for all), and number of the draw."""

    recipe: str
    n_speakers: int
    draw: int
    root: Path
    features: Path


@dataclass(frozen=True)
class Result:
    """What a model of a task reached."""

    unheard: dict[str, float]
    test: float
    unknown: float
    sounds: float
    esc10: float
    cpu_s: float


def result_of(task: Task) -> Result:
    """Train and test the model of a task."""
    corpus = read_corpus(MANIFEST, root=task.root)
    name, *settings = task.recipe.split(",")
    run = Run(recipe=Recipe.load(name).with_settings(*settings), feature_folder=task.features)
    recordings = training_recordings(drawn(corpus, task), run.recipe.nonspeech)
    run = run.scaled_to(recordings.voices.recordings)
    material = read_material(recordings, run)
    begin = time.process_time()
    model = train_on(material, run).model
    cpu_s = time.process_time() - begin
    unheard = answers(model, thinned(of_corpora(task.root, UNHEARD)), task.features)
    sounds, esc10 = (
        [item for item in corpus.recordings if item.columns["corpus"] == name and item.split == "other"]
        for name in ("sounds", "esc10")
    )
    return Result(
        unheard={name: uar([pair for pair in unheard if pair[0].columns["corpus"] == name]) for name in UNHEARD},
        test=uar(answers(model, [item for item in corpus.recordings if item.split == "test"], task.features)),
        unknown=fmean(answer == UNKNOWN for _, answer in unheard),
        sounds=fmean(answer == UNKNOWN for _, answer in answers(model, sounds, task.features)),
        esc10=fmean(answer == UNKNOWN for _, answer in answers(model, esc10, task.features)),
        cpu_s=cpu_s,
    )


def drawn(corpus: Corpus, task: Task) -> Corpus:
    """The recordings of the drawn speakers, without splits."""
    voices = corpus.select(lambda item: item.label != "none" and item.columns["corpus"] not in UNHEARD)
    if not task.n_speakers:
        return voices.select(lambda item: item.split in ("train", "dev"))
    rng = np.random.default_rng([task.n_speakers, task.draw])
    chosen = set()
    for label in voices.labels:
        may_train = [item for item in voices.recordings if (item.label, item.split) == (label, "train")]
        speakers = sorted({item.speaker or "" for item in may_train})
        chosen |= {(label, speakers[index]) for index in rng.permutation(len(speakers))[: task.n_speakers]}
    kept = voices.select(lambda item: item.split == "train" and (item.label, item.speaker) in chosen)
    return replace(kept, recordings=tuple(replace(item, split=None) for item in kept.recordings))


def of_corpora(root: Path, names: Sequence[str]) -> list[Recording]:
    """The recordings of some corpora, from the list of all of them."""
    with (root / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [
            Recording(
                file=root / row["path"],
                name=row["path"],
                label=row["label"],
                speaker=row["speaker"],
                columns={"corpus": row["corpus"]},
            )
            for row in csv.DictReader(file)
            if row["corpus"] in names
        ]


def thinned(recordings: Iterable[Recording]) -> list[Recording]:
    """The first recordings of each speaker."""
    kept, n_of = [], Counter[str]()
    for item in recordings:
        n_of[item.speaker or ""] += 1
        if n_of[item.speaker or ""] <= UTTERANCES:
            kept.append(item)
    return kept


def answers(model: Model, recordings: Iterable[Recording], features: Path) -> list[tuple[Recording, str]]:
    """Each recording and the label that the model gives it."""
    stores = [FeatureStore(folder=features, front_end=front_end) for front_end in model.front_ends]
    pairs = []
    for item in recordings:
        result = fetch(stores, item)
        if isinstance(result, Failure):
            raise SystemExit(result.reason)
        scores = model.score_all(aligned((each.stretches() for each in result.utterances), model.front_ends))
        pairs.append((item, model.decide(scores).label))
    return pairs


def uar(pairs: Iterable[tuple[Recording, str]]) -> float:
    """Unweighted average recall of the classes that occur."""
    right: dict[str, list[bool]] = defaultdict(list)
    for item, answer in pairs:
        right[item.label].append(answer == item.label)
    return fmean(map(fmean, right.values()))


def row(recipe: str, n_speakers: int, results: Sequence[Result]) -> str:
    """A row of the table: means over the draws, and the range of the first figure."""
    means = [fmean(each.unheard.values()) for each in results]
    neutral = fmean(each.unheard[name] for each in results for name in UNHEARD if name not in ACTED)
    acted = fmean(each.unheard[name] for each in results for name in ACTED)
    never = fmean(each.unheard[name] for each in results for name in NEVER_TRAINED)
    figures = [
        f"{fmean(means):.3f} ({min(means):.3f} to {max(means):.3f})",
        f"{neutral:.3f}",
        f"{acted:.3f}",
        f"{never:.3f}",
        f"{fmean(each.test for each in results):.3f}",
        f"{100 * fmean(each.unknown for each in results):.1f} %",
        f"{100 * fmean(each.esc10 for each in results):.0f} %",
        f"{100 * fmean(each.sounds for each in results):.0f} %",
        f"{fmean(each.cpu_s for each in results):.0f}",
    ]
    return " | ".join([f"| {n_speakers or 'all'}", recipe, *figures]) + " |"


def main() -> None:
    """Run all trainings and print the table."""
    parser = argparse.ArgumentParser(description="Measure recipes on corpora of a few speakers.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("recipes", nargs="*", default=["plain", "robust"], metavar="RECIPE[,SETTING...]")
    parser.add_argument("--speakers", type=int, nargs="+", default=[5, 10, 20, 50, 200, 0], metavar="N")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--features", type=Path, required=True, metavar="FOLDER", help="feature store")
    parser.add_argument("--jobs", type=int, default=-1)
    arguments = parser.parse_intermixed_args()
    tasks = [
        Task(recipe, n_speakers, draw, arguments.root, arguments.features)
        for n_speakers in arguments.speakers
        for recipe in arguments.recipes
        for draw in range(arguments.draws if n_speakers else 1)
    ]
    header = ("speakers", "recipe", "unheard corpora", "neutral", "acted", "never trained", "test speakers")
    print(f"| {' | '.join(header)} | unknown | ESC-10 rejected | sounds rejected | CPU s |")
    print("| --: | :-- |" + " --: |" * 9)
    done: dict[tuple[str, int], list[Result]] = defaultdict(list)
    results = ordered_map(result_of, tasks, jobs=arguments.jobs)
    for task, result in tqdm(zip(tasks, results, strict=True), total=len(tasks), disable=None):
        group = done[task.recipe, task.n_speakers]
        group.append(result)
        if len(group) == (arguments.draws if task.n_speakers else 1):
            print(row(task.recipe, task.n_speakers, group), flush=True)


if __name__ == "__main__":
    main()

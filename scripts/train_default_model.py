"""Train the shipped model, evaluate it, and write its model card.

    python scripts/train_default_model.py CORPORA_ROOT [--jobs all]

The model is trained on the splits train and dev of corpus_manifest.csv with the recipe `SHIPPED` of `recipes.py`,
calibrated on the scores of each collection of corpora by a fit on the others, and evaluated on the test split and on
the corpora of split "other", which share no speaker with the training data. A second run on the same machine with the
same packages gives the same models/default.npz byte for byte.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model_card import card_text
from recipes import SHIPPED
from speechgmm import Model, Report, read_corpus, save
from speechgmm.classifier.classify import classify_all
from speechgmm.classifier.outcome import Outcome
from speechgmm.cli.arguments import job_count
from speechgmm.corpus.recording import Corpus
from speechgmm.evaluation.evaluate_model import assess
from speechgmm.output.files import write_atomically
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from speechgmm.workers.local import LocalExecutor

PROJECT = Path(__file__).resolve().parent.parent
MANIFEST = PROJECT / "corpus_manifest.csv"
MODEL, CARD = PROJECT / "models" / "default.npz", PROJECT / "models" / "README.md"

ABOUT = {
    "name": "speechgmm default",
    "labels_mean": "the voice gender label the corpora carry: declared by the speaker, or given by the collectors; "
    "no statement about anyone's sex or identity",
    "intended_use": [
        "speaking-time statistics over many voices",
        "balancing and auditing speech corpora",
        "feedback a person chose for their own voice",
    ],
    "not_for": [
        "decisions about a single person: identity, access, price, hiring, policing",
        "addressing a named person without asking",
    ],
    "limits": [
        "loud, angry and acted men are still labelled female more often than others (see ravdess, and emodb)",
        "children: boys are labelled female; below about 12 years no label means anything",
        "music and sounds of kinds it was not trained on may get a label (see the last table for those it was)",
        "one voice an utterance: where several speak, the answer is one for all",
        "whisper, singing and sustained single vowels are outside what it was trained on",
    ],
}


def verify(corpus: Corpus) -> None:
    """Stop if a recording differs from the file in the manifest."""
    for recording in tqdm(corpus.recordings, desc="checking sha256", disable=None):
        if hashlib.sha256(recording.file.read_bytes()).hexdigest() != recording.columns["sha256"]:
            raise SystemExit(
                f"{recording.file}: the sha256 differs from the one in {MANIFEST.name}; "
                "restore the file, or run make_corpus_manifest.py"
            )


def corpora_of(corpus: Corpus) -> list[dict[str, Any]]:
    """The training corpora for the card: name, licence and number of speakers per class."""
    groups: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for recording in corpus.recordings:
        key = recording.columns["corpus"], recording.columns["licence"]
        groups[key][recording.label].add(recording.speaker or "")
    return [
        {
            "corpus": name,
            "licence": licence,
            "speakers": {label: len(names) for label, names in sorted(by_label.items())},
        }
        for (name, licence), by_label in sorted(groups.items())
    ]


def sounds_of(corpus: Corpus) -> list[dict[str, Any]]:
    """The training sounds for the card: source, licence and number of clips."""
    clips = Counter(
        (recording.columns["source"], recording.columns["licence"])
        for recording in corpus.recordings
        if recording.label == SHIPPED.nonspeech
    )
    return [{"source": source, "licence": licence, "clips": n} for (source, licence), n in sorted(clips.items())]


def training_part(everything: Corpus) -> Corpus:
    """The splits train and dev, all of which train."""
    part = everything.select(lambda recording: recording.split in ("train", "dev"))
    return replace(part, recordings=tuple(replace(recording, split="train") for recording in part.recordings))


def figures(report: Report) -> dict[str, Any]:
    """The figures of a report that go into the card."""
    return {
        "utterances": report.n_utterances,
        "speakers": report.n_speakers,
        "uar": round(report.uar, 4),
        "uar_95": [round(report.uar_bootstrap.low, 4), round(report.uar_bootstrap.high, 4)],
        "recall": {row.name: round(row.recall, 4) for row in report.per_class if row.n_utterances},
        "unknown": report.n_unknown,
        "cllr": None if math.isnan(report.cllr) else round(report.cllr, 4),
        "min_cllr": None if math.isnan(report.min_cllr) else round(report.min_cllr, 4),
    }


def rejected(model: Model, corpus: Corpus, jobs: int) -> dict[str, dict[str, int]]:
    """Number of non-speech clips and of those the model rejects, by kind of sound."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: {"clips": 0, "refused": 0})
    for result in classify_all(model, corpus.recordings, jobs=jobs):
        if isinstance(result, Outcome):
            kind = counts[result.columns["sound_class"]]
            kind["clips"] += 1
            kind["refused"] += not result.decision.decided
    return dict(sorted(counts.items()))


def part_of(corpus: Corpus, name: str) -> Corpus:
    """The recordings of the corpus `name`."""
    return corpus.select(lambda recording: recording.columns["corpus"] == name)


def measure(model: Model, everything: Corpus, jobs: int) -> dict[str, Any]:
    """Evaluate the model on all speakers that are not in the training data."""
    test = assess(model, everything.select(lambda recording: recording.split == "test"), by=["corpus"], jobs=jobs)
    results: dict[str, Any] = {"test": figures(test.report), "test_by_corpus": {}, "unheard_corpora": {}}
    for group in test.report.by_column["corpus"]:
        results["test_by_corpus"][group.name] = {"utterances": group.n_utterances, "uar": round(group.uar, 4)}
    others = everything.select(lambda recording: recording.split == "other")
    voices = others.select(lambda recording: recording.label in model.labels)
    for name in sorted({recording.columns["corpus"] for recording in voices.recordings}):
        results["unheard_corpora"][name] = figures(assess(model, part_of(voices, name), jobs=jobs).report)
    results["non_speech"] = rejected(model, others.select(lambda recording: recording.label not in model.labels), jobs)
    return results


def main() -> None:
    """Train, evaluate, write the model and its card."""
    parser = argparse.ArgumentParser(description="Train the shipped model, evaluate it, and write its model card.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--jobs", type=job_count, default=-1)
    parser.add_argument("--features", type=Path, metavar="FOLDER", help="keep features in this folder for the next run")
    arguments = parser.parse_args()
    everything = read_corpus(MANIFEST, root=arguments.root)
    verify(everything)
    trainable = training_part(everything)
    voices = trainable.select(lambda recording: recording.label != SHIPPED.nonspeech)
    about = {**ABOUT, "corpora": corpora_of(voices), "sounds": sounds_of(trainable)}
    workers = LocalExecutor(arguments.jobs)
    training = train(trainable, Run(recipe=SHIPPED, executor=workers, feature_folder=arguments.features), about=about)
    if training.failures:
        raise SystemExit("\n".join(failure.reason for failure in training.failures))
    results = measure(training.model, everything, arguments.jobs)
    model = replace(training.model, card={**training.model.card, "results": results})
    save(model, MODEL)
    write_atomically(CARD, card_text(model).encode())
    print(f"{MODEL}\n{CARD}\nUAR {results['test']['uar']} on test speakers")


if __name__ == "__main__":
    main()

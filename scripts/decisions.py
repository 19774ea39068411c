"""Decisions of models on recordings under test conditions, and tables of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from conditions import RATE, Background, conditions
from speechgmm import Model
from speechgmm.audio.samples import to_mono_at_rate
from speechgmm.corpus.recording import Recording
from speechgmm.evaluation.detection import cllr, min_cllr
from speechgmm.features.front_end import stream_stretches

CONFIDENT = math.log(0.95 / 0.05)  # log-likelihood ratio of a probability of 0.95


@dataclass(frozen=True)
class Decision:
    """The decision of a model on one utterance under one condition."""

    corpus: str
    kind: str
    truth: str
    condition: str
    label: str
    ratio: float  # log-likelihood ratio of female to male; NaN if the model abstains

    @property
    def right(self) -> bool:
        """Whether the label is the truth."""
        return self.label == self.truth

    @property
    def confidently_wrong(self) -> bool:
        """Whether a wrong label has a probability above 0.95."""
        return not self.right and abs(self.ratio) > CONFIDENT


def decisions_on(work: tuple[Recording, frozenset[str]], *, model: Model, background: Background) -> list[Decision]:
    """Decisions on a recording under some conditions."""
    recording, wanted = work
    decisions = []
    for condition, samples in conditions(recording, background, wanted) if wanted else []:
        resampled = to_mono_at_rate(samples, RATE, model.front_end.sampling_rate)
        result = model.decide(model.score_all(stream_stretches([resampled], model.front_ends, model.filters)))
        kind = recording.columns["sound_class"]
        ratio = result.log_likelihood_ratios.get("female", math.nan)
        decisions.append(Decision(recording.columns["corpus"], kind, recording.label, condition, result.label, ratio))
    return decisions


def uar_by_corpus(decisions: Sequence[Decision]) -> dict[str, float]:
    """UAR of each corpus, over the classes it has."""
    right: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for item in decisions:
        right[item.corpus][item.truth].append(item.right)
    return {corpus: float(np.mean([np.mean(hits) for hits in classes.values()])) for corpus, classes in right.items()}


def costs(decisions: Sequence[Decision]) -> tuple[float, float]:
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


def report(runs: Sequence[Sequence[Decision]], name: str, *, acted: Sequence[str] = ()) -> list[str]:
    """The lines of the report on decisions of several runs with different seeds.

    Parameters
    ----------
    runs : sequence of sequence of Decision
    name : str
        Of the set of corpora.
    acted : sequence of str
        Corpora whose mean is also given separately from that of the others.

    Returns
    -------
    list of str
        Tables in Markdown: by condition, and by corpus of the whole utterances.
    """
    corpora = {item.corpus for run in runs for item in run}
    parts = {"all": corpora}
    if acted:
        parts |= {"neutral": corpora - {*acted}, "acted": corpora & {*acted}}
    order = list(dict.fromkeys(item.condition for run in runs for item in run))
    head = " | ".join([*(f"UAR {part}" for part in parts), "unknown", "confident and wrong", "Cllr", "min Cllr"])
    lines = [f"**{name}**", "", f"| condition | {head} |", "| :-- |" + " --: |" * (len(parts) + 4)]
    for condition in order:
        selected = [[item for item in run if item.condition == condition] for run in runs]
        tables = [uar_by_corpus(own) for own in selected]
        cells = [
            spread([float(np.mean([value for corpus, value in table.items() if corpus in part])) for table in tables])
            for part in parts.values()
        ]
        together = [item for own in selected for item in own]
        cells += [
            f"{100 * np.mean([item.label == 'unknown' for item in together]):.1f} %",
            f"{100 * np.mean([item.confidently_wrong for item in together]):.1f} %",
            *(f"{np.mean(values):.3f}" for values in zip(*map(costs, selected), strict=True)),
        ]
        lines.append(f"| {condition} | " + " | ".join(cells) + " |")
    lines += ["", "| corpus | UAR whole | unknown | confident and wrong |", "| :-- | --: | --: | --: |"]
    whole = [[item for item in run if item.condition == "whole"] for run in runs]
    for corpus in sorted({item.corpus for run in whole for item in run}):
        own = [item for run in whole for item in run if item.corpus == corpus]
        uar = spread([uar_by_corpus(run)[corpus] for run in whole])
        unknown, wrong = ([item.label == "unknown" for item in own], [item.confidently_wrong for item in own])
        lines.append(f"| {corpus} | {uar} | {100 * np.mean(unknown):.1f} % | {100 * np.mean(wrong):.1f} % |")
    return [*lines, ""]


def spread(values: Sequence[float]) -> str:
    """The mean, and with several values their range."""
    mean = f"{np.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f} to {max(values):.3f})"

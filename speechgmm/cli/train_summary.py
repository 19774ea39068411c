"""The summary of a training for a person: its data, its accuracy on held-out speakers, and where the model is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgmm.text.terminal import escaped

if TYPE_CHECKING:
    from speechgmm.training.calibrate import HeldOutAnswer
    from speechgmm.training.train import Training

LEVEL = 0.95


def to_text(training: Training, file: Path) -> str:
    """Summarise a training.

    Parameters
    ----------
    training : Training
    file : Path
        Where the model was written.

    Returns
    -------
    str
        A few lines, without a newline at the end.
    """
    card = training.model.card
    scaled = card.get("scaled", [])
    lines = [
        *_amounts(card["data"]),
        "",
        _accuracy(training.model.labels, training.held_out),
        f"recordings that could not be used: {len(training.failures)} of {training.n_recordings}",
        *(["scaled down to the amount of data:"] if scaled else []),
        *(f"  - {escaped(text)}" for text in scaled),
        f"the model is {escaped(str(file))}; to look at it: speechgmm describe {escaped(shlex.quote(str(file)))}",
    ]
    return "\n".join(lines)


def _amounts(data: dict[str, Any]) -> list[str]:
    """The table of the classes, each with its speakers, recordings and speech."""
    from speechgmm.evaluation.report_text import table

    rows = [
        [escaped(label), part, amount["speakers"], amount["recordings"], _duration(amount["speech_s"])]
        for part, classes in data.items()
        for label, amount in classes.items()
    ]
    return table(["class", "split", "speakers", "recordings", "speech"], rows)


def _accuracy(labels: Sequence[str], answers: Sequence[HeldOutAnswer]) -> str:
    """UAR of the answers to held-out speakers, with an interval by speakers."""
    import numpy as np

    from speechgmm.classifier.decision import UNKNOWN
    from speechgmm.evaluation.intervals import Resampling, percentile_interval, speaker_counts
    from speechgmm.evaluation.metrics import unweighted_average_recall

    index = {name: number for number, name in enumerate([*labels, UNKNOWN])}
    speakers = {name: number for number, name in enumerate(sorted({each.speaker for each in answers}))}
    counts = speaker_counts(
        np.array([index[each.label] for each in answers], dtype=np.intp),
        np.array([index[each.answer] for each in answers], dtype=np.intp),
        np.array([speakers[each.speaker] for each in answers], dtype=np.intp),
        n_classes=len(labels),
    )
    interval = percentile_interval(unweighted_average_recall(Resampling().counts(counts)), level=LEVEL)
    return (
        f"UAR on {len(speakers)} held-out speakers: {float(unweighted_average_recall(counts.sum(axis=0))):.3f}, "
        f"{100 * LEVEL:g} % interval {interval.low:.3f} to {interval.high:.3f}\n"
        f"  ({len(answers)} utterances, which also calibrated the model; unknown counts as wrong)"
    )


def _duration(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"

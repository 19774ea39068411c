"""The card of the shipped model as a page: models/README.md, written from what the model itself carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from speechgmm import Model
from speechgmm.classifier.model import Stream

INTRODUCTION = """\
# The shipped model: `default.npz`

This page is written by `scripts/train_default_model.py` from what the model file carries (`speechgmm describe`).

Gaussian mixtures for each of {labels}, over one or more views of the same speech, an utterance's cepstral mean moved
toward the training mean; their scores joined in one calibrated likelihood ratio.

{streams}

The labels mean {labels_mean}.
"""

RESULTS = """\
Every figure is on speakers the model has not heard. UAR is the mean of both classes' recalls; `unknown` counts as
wrong. The interval is of 95 %, by resampling speakers, then their utterances. Cllr is in bits: 0 is perfect, 1 says
nothing; the least Cllr is what ideal calibration would reach.

The test speakers come from the corpora of training, so they are recorded like the training speakers, and the known
wrong labels were taken out of those corpora: that makes them easier than life. The corpora in the lines below had no
part in training.
"""


def card_text(model: Model) -> str:
    """The card of a model as Markdown.

    Parameters
    ----------
    model : Model
        With the card that `train_default_model.py` gives it.

    Returns
    -------
    str
    """
    card = model.card
    sections = [
        INTRODUCTION.format(
            labels=" and ".join(f"`{label}`" for label in model.labels),
            streams=bullets(map(stream_text, model.streams)),
            labels_mean=card["labels_mean"],
        ),
        "## What it is for\n\n" + bullets(card["intended_use"]),
        "## What it is not for\n\n" + bullets(card["not_for"]),
        "## What it cannot do\n\n" + bullets(card["limits"]),
        "## Results\n\n" + RESULTS + "\n" + results_table(model.labels, card["results"]),
        "The test speakers by corpus:\n\n" + corpus_table(card["results"]["test_by_corpus"]),
        "Sounds that are no speech (ESC-10), and how many of them were refused a label:\n\n"
        + refusal_table(card["results"]["non_speech"]),
        "## Data\n\n" + data_text(model),
    ]
    return "\n\n".join(section.rstrip("\n") for section in sections) + "\n"


def stream_text(stream: Stream) -> str:
    """What a stream hears, in a line."""
    made = stream.front_end
    return (
        f"{stream.mixtures[0].n_components} components a class on {made.n_dimensions} features: {made.features}, "
        f"{1000 * made.window_s:g} ms window, {made.n_mels} mel bands from {made.fmin_hz:g} to {made.fmax_hz:g} Hz, "
        f"frames within {made.speech_range_db:g} dB of the loud ones"
    )


def bullets(items: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {item}" for item in items)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, its first column to the left and the others to the right."""
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def results_table(labels: Sequence[str], results: Mapping[str, Any]) -> str:
    """The main results, one line a test set."""
    rows = []
    for name, figures in {"**test speakers**": results["test"], **results["unheard_corpora"]}.items():
        recalls = [format(figures["recall"][label], ".3f") if label in figures["recall"] else "" for label in labels]
        low, high = figures["uar_95"]
        rows.append(
            [
                name,
                figures["utterances"],
                figures["speakers"],
                f"{figures['uar']:.3f}",
                f"{low:.3f} to {high:.3f}",
                *recalls,
                figures["unknown"],
                *("" if figures[cost] is None else f"{figures[cost]:.3f}" for cost in ("cllr", "min_cllr")),
            ]
        )
    recall_names = [f"recall {label}" for label in labels]
    return table(
        ["tested on", "utterances", "speakers", "UAR", "95 %", *recall_names, "unknown", "Cllr", "least Cllr"], rows
    )


def corpus_table(groups: Mapping[str, Any]) -> str:
    """UAR of the test speakers by corpus."""
    return table(
        ["corpus", "utterances", "UAR"],
        ([name, group["utterances"], f"{group['uar']:.3f}"] for name, group in groups.items()),
    )


def refusal_table(kinds: Mapping[str, Any]) -> str:
    """How many clips of each kind of sound were refused."""
    return table(
        ["sound", "clips", "refused"], ([name, kind["clips"], kind["refused"]] for name, kind in kinds.items())
    )


def data_text(model: Model) -> str:
    """What trained and calibrated the model, with licences."""
    data = model.card["data"]
    amounts = table(
        ["part", "class", "speakers", "recordings", "minutes of speech"],
        (
            [part, label, amount["speakers"], amount["recordings"], f"{amount['speech_s'] / 60:.0f}"]
            for part, classes in data.items()
            for label, amount in classes.items()
        ),
    )
    corpora = table(
        ["corpus", "licence", *(f"speakers {label}" for label in model.labels)],
        (
            [each["corpus"], each["licence"], *(each["speakers"].get(label, 0) for label in model.labels)]
            for each in model.card["corpora"]
        ),
    )
    return (
        f"`train` trained the mixtures, `dev` the calibration.\n\n{amounts}\n\n{corpora}\n\n"
        "`corpus_manifest.csv` lists every file with its source, licence and sha256. The recordings are not part of "
        "this project. The telephone corpus (wuw-telephone) is under a share-alike licence."
    )

"""The model card as Markdown, models/README.md, from the data in the model file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from speechgmm import Model
from speechgmm.classifier.scorer import Stream

INTRODUCTION = """\
# The shipped model: `default.npz`

`scripts/train_default_model.py` writes this page from the data in the model file (`speechgmm describe`).

Each stream has a background mixture of diagonal Gaussians of all voices, and tied to it sub-models of usual and of
raised voices for each of {labels}. The cepstral mean of an utterance is shifted toward the training mean. The scores of
the streams are fused into one calibrated likelihood ratio. The streams:

{streams}

The labels mean {labels_mean}.
"""

RESULTS = """\
All test speakers are disjoint from the training speakers. UAR is the mean of the recalls of both classes; `unknown`
counts as an error. The 95 % interval is from bootstrap resampling of speakers, then of their utterances. Cllr is in
bits: 0 is perfect, 1 carries no information; min Cllr is the value after ideal calibration.

The test speakers are from the training corpora: they have the recording conditions of the training speakers, and known
wrong labels were removed from these corpora. Results on other data are usually worse. The corpora in the rows below the
first are not in the training data.
"""


def card_text(model: Model) -> str:
    """The model card as Markdown.

    Parameters
    ----------
    model : Model
        With a card written by `train_default_model.py`.

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
        "Sounds of sources that did not train, and how many of them were rejected:\n\n"
        + rejection_table(card["results"]["non_speech"]),
        "## Data\n\n" + data_text(model),
    ]
    return "\n\n".join(section.rstrip("\n") for section in sections) + "\n"


def stream_text(stream: Stream) -> str:
    """The front end and the size of a stream, in one line."""
    front_end = stream.front_end
    return (
        f"{stream.all_mixtures[0].n_components} components on {front_end.n_dimensions} features: "
        f"{front_end.features}, {1000 * front_end.window_s:g} ms window, {front_end.n_mels} mel bands from "
        f"{front_end.fmin_hz:g} to {front_end.fmax_hz:g} Hz, frames within {front_end.speech_range_db:g} dB of the "
        "loudest"
    )


def bullets(items: Iterable[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {item}" for item in items)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; the first column is aligned left, the others right."""
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def results_table(labels: Sequence[str], results: Mapping[str, Any]) -> str:
    """The main results, one row per test set."""
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
        ["tested on", "utterances", "speakers", "UAR", "95 %", *recall_names, "unknown", "Cllr", "min Cllr"], rows
    )


def corpus_table(groups: Mapping[str, Any]) -> str:
    """UAR of the test speakers by corpus."""
    return table(
        ["corpus", "utterances", "UAR"],
        ([name, group["utterances"], f"{group['uar']:.3f}"] for name, group in groups.items()),
    )


def rejection_table(kinds: Mapping[str, Any]) -> str:
    """Number of clips and of rejected clips per kind of sound."""
    return table(
        ["sound", "clips", "rejected"], ([name, kind["clips"], kind["refused"]] for name, kind in kinds.items())
    )


def data_text(model: Model) -> str:
    """The training and calibration data, with licences."""
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
            [corpus["corpus"], corpus["licence"], *(corpus["speakers"].get(label, 0) for label in model.labels)]
            for corpus in model.card["corpora"]
        ),
    )
    share_alike = sorted({corpus["corpus"] for corpus in model.card["corpora"] if "-SA-" in corpus["licence"]})
    sounds = table(
        ["source of sounds", "licence", "clips"],
        ([each["source"], each["licence"], each["clips"]] for each in model.card["sounds"]),
    )
    return (
        "All of them train the sub-models. The calibration is fitted to the scores of each collection of corpora by a "
        f"model trained on the others.\n\n{amounts}\n\n{corpora}\n\nThe sounds of the rejection:\n\n{sounds}\n\n"
        "`corpus_manifest.csv` lists every file with source, licence and sha256. The recordings are not part of this "
        f"project. These corpora have a share-alike licence: {', '.join(share_alike)}. So have some of the sounds."
    )

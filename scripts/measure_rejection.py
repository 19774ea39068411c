"""Measure the rejection of sounds from sources not in training, with and without augmentation of the training sounds.

    python scripts/measure_rejection.py CORPORA_ROOT [--augmented 0 3] [--model MODEL]

The training sounds are in folds of different sources (the first digit of the file name). Each fold in turn is left out
of the non-speech mixture, and the number of its clips that get a label is counted. Then the non-speech mixture is
fitted to all folds, and the rejected speech is counted: of dev and test speakers, and of the corpora that never train,
clean and with sounds of the other split in the background at 10 dB. The mixtures of the classes are not changed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import speechgmm
from ablate import MANIFEST, NEVER_TRAINED
from conditions import RATE, Background, conditions
from recipes import SHIPPED
from speechgmm import Model, read_corpus
from speechgmm.audio.reading import read
from speechgmm.augmentation.augment import NONSPEECH_KINDS
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.corpus.recording import Recording, augmented_versions
from speechgmm.features.extraction import Utterance, extract
from speechgmm.features.front_end import Samples, Stretch, stream_stretches
from speechgmm.training.fitting import fit_nonspeech
from speechgmm.training.run_context import Run
from speechgmm.workers.local import single_thread

FOLDS = "123"
IN_NOISE = "noise 10 dB"


@dataclass(frozen=True, eq=False)
class Clip:
    """A recording with its features in every stream of the model."""

    recording: Recording
    stretches: tuple[tuple[Stretch, ...], ...]


def clip_of(model: Model, recording: Recording, samples: Samples) -> Clip:
    """The features of a recording from its samples, which may be degraded."""
    return Clip(recording, tuple(stream_stretches([samples], model.front_ends)))


def rejecting(model: Model, sounds: Sequence[Recording], n_augmented: int) -> Model:
    """The model with a non-speech mixture of these sounds and `n_augmented` versions of each, and the threshold 0."""
    stream = model.streams[SHIPPED.rejecting_stream]
    wanted = [*sounds, *augmented_versions(sounds, NONSPEECH_KINDS[:n_augmented])]
    results = [extract(item, front_end=stream.front_end) for item in wanted]
    utterances = [result for result in results if isinstance(result, Utterance)]
    mixture = fit_nonspeech(utterances, stream, Run(recipe=SHIPPED))
    if mixture is None or len(utterances) < len(wanted):
        raise SystemExit(
            f"{len(wanted) - len(utterances)} of {len(wanted)} sounds cannot be read, or all are too short"
        )
    nonspeech = NonSpeechModel(stream=SHIPPED.rejecting_stream, mixture=mixture)
    return replace(model, nonspeech=nonspeech, min_speech_ratio=0.0)


def n_rejected(model: Model, clips: Sequence[Clip]) -> int:
    """Number of clips without a label."""
    return sum(not model.decide(model.score_all(clip.stretches)).decided for clip in clips)


@single_thread
def main() -> None:
    """Fit without each fold and with all, count, print."""
    parser = argparse.ArgumentParser(description="Measure the rejection of sounds from new sources.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument(
        "--augmented",
        type=int,
        nargs="+",
        default=[0, len(NONSPEECH_KINDS)],
        choices=range(len(NONSPEECH_KINDS) + 1),
        help="number of augmented versions of each training sound",
    )
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    model = speechgmm.load(arguments.model)
    corpus = read_corpus(MANIFEST, root=arguments.root)
    sounds = [item for item in corpus.recordings if item.label == "none" and item.split == "train"]
    background = Background.of(corpus)
    clips = [clip_of(model, item, read(item.file, sampling_rate=RATE)) for item in sounds]
    speech: dict[str, list[Clip]] = {}
    for item in corpus.recordings:
        never = item.columns["corpus"] in NEVER_TRAINED
        if not (never or item.split in ("dev", "test")):
            continue
        part = item.columns["corpus"] if never else "dev and test speakers"
        for condition, samples in conditions(item, background, frozenset({"whole", IN_NOISE} if never else {"whole"})):
            name = part if condition == "whole" else f"{', '.join(NEVER_TRAINED)} in {IN_NOISE}"
            speech.setdefault(name, []).append(clip_of(model, item, samples))
    for n_augmented in arguments.augmented:
        labelled = 0
        for fold in FOLDS:
            without = [item for item in sounds if Path(item.name).name[0] != fold]
            of_fold = [clip for clip in clips if Path(clip.recording.name).name[0] == fold]
            labelled += len(of_fold) - n_rejected(rejecting(model, without, n_augmented), of_fold)
        print(f"{n_augmented} augmented versions of each sound: {labelled} of {len(clips)} left-out clips get a label")
        refitted = rejecting(model, sounds, n_augmented)
        for part, utterances in sorted(speech.items()):
            print(f"  {part}: {n_rejected(refitted, utterances)} of {len(utterances)} rejected")


if __name__ == "__main__":
    main()

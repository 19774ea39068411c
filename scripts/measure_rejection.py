"""Measure how well the rejection knows sounds it has not heard, with and without copies of those it has.

    python scripts/measure_rejection.py CORPORA_ROOT [--copies 0 3] [--model MODEL]

The sounds that train come in folds of other sources (the first digit of their names). In turn one fold is left out of
the mixture of other sounds, and how many of its clips would get a label is counted. Then that mixture is fitted to all
of them, and how much speech it refuses is counted: of speakers who calibrate or test, and of the corpora that never
train, as they are and with sounds that train nothing behind them at 10 dB. The classes' mixtures stay as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ablate import MANIFEST, NEVER_HEARD
from conditions import RATE, Background, conditions
from recipes import SHIPPED

import speechgmm
from speechgmm import Model, read_corpus
from speechgmm.audio.reading import read
from speechgmm.augmentation.augment import NONSPEECH_KINDS
from speechgmm.corpus.recording import Recording, augmented_versions
from speechgmm.features.extraction import Utterance, extract
from speechgmm.features.front_end import Samples, Stretch, stream_stretches
from speechgmm.training.fitting import fit_rejection
from speechgmm.workers.local import single_thread

FOLDS = "123"
IN_NOISE = "noise 10 dB"


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording as every stream of the model hears it."""

    recording: Recording
    stretches: tuple[tuple[Stretch, ...], ...]


def heard(model: Model, recording: Recording, samples: Samples) -> Heard:
    """Samples that stand for a recording."""
    return Heard(recording, tuple(stream_stretches([samples], model.front_ends)))


def rejecting(model: Model, sounds: Sequence[Recording], n_copies: int) -> Model:
    """The model with a rejection that has learnt these sounds, and so many copies of each; its bound is 0."""
    stream = model.streams[SHIPPED.rejecting_stream]
    wanted = [*sounds, *augmented_versions(sounds, NONSPEECH_KINDS[:n_copies])]
    found = [extract(each, front_end=stream.front_end) for each in wanted]
    learnt = [each for each in found if isinstance(each, Utterance)]
    rejection = fit_rejection(learnt, stream, SHIPPED)
    if rejection is None or len(learnt) < len(wanted):
        raise SystemExit("the sounds cannot be read, or hold too little")
    return replace(model, rejection=replace(rejection, min_ratio=0.0))


def refused(model: Model, several: Sequence[Heard]) -> int:
    """How many get no label."""
    return sum(not model.decide(model.score_all(each.stretches)).decided for each in several)


@single_thread
def main() -> None:
    """Leave out, fit, count, print."""
    parser = argparse.ArgumentParser(description="Measure the rejection of unheard sounds.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument(
        "--copies", type=int, nargs="+", default=[0, len(NONSPEECH_KINDS)], choices=range(len(NONSPEECH_KINDS) + 1)
    )
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    model = speechgmm.load(arguments.model)
    corpus = read_corpus(MANIFEST, root=arguments.root)
    sounds = [each for each in corpus.recordings if each.label == "none" and each.split == "train"]
    background = Background.of(corpus)
    clips = [heard(model, each, read(each.file, sampling_rate=RATE)) for each in sounds]
    speech: dict[str, list[Heard]] = {}
    for each in corpus.recordings:
        never = each.columns["corpus"] in NEVER_HEARD
        if not (never or each.split in ("dev", "test")):
            continue
        part = each.columns["corpus"] if never else "dev and test speakers"
        for condition, samples in conditions(each, background, frozenset({"whole", IN_NOISE} if never else {"whole"})):
            name = part if condition == "whole" else f"these in {IN_NOISE}"
            speech.setdefault(name, []).append(heard(model, each, samples))
    for n_copies in arguments.copies:
        labelled = 0
        for fold in FOLDS:
            without = [each for each in sounds if Path(each.name).name[0] != fold]
            of_fold = [clip for clip in clips if Path(clip.recording.name).name[0] == fold]
            labelled += len(of_fold) - refused(rejecting(model, without, n_copies), of_fold)
        print(f"{n_copies} copies of each sound: {labelled} of {len(clips)} left-out clips get a label")
        judge = rejecting(model, sounds, n_copies)
        for part, several in sorted(speech.items()):
            print(f"  {part}: {refused(judge, several)} of {len(several)} refused")


if __name__ == "__main__":
    main()

"""Compose long programmes of many voices from short recordings, with a reference of who speaks when.

    python scripts/compose_programmes.py CORPORA_ROOT -o FOLDER [--split dev] [--minutes 5] [--snr clean 20 10 0]

The speakers of one split of corpus_manifest.csv take turns: dev speakers for tuning, test and other for measuring.
Between turns are pauses, and now and then a break or a sound of ESC-10. With a signal-to-noise ratio there is noise
behind everything: rain, sea, a helicopter or a chainsaw, so far below the average speaker. Sounds and noises are those
that train for the splits train and dev, and otherwise those of split other. Speakers differ in level, and with
--overlap some begin before the last has ended.

FOLDER gets programme00_clean.wav and so on (16 kHz, 16 bit), reference.rttm and reference.csv (path, start, end, label,
speaker). The reference comes from each recording alone, before anything is added: it is speech from the first to the
last frame that the energy gate of the default front end lets pass, without pauses of 0.5 s and more. What recordings
hold of silence before and after that is cut off but for 0.1 s. Overlapping voices are both in the reference.

The same seed gives the same files, and the same speech at every noise level. Memory does not grow with the length.
"""

from __future__ import annotations

import argparse
import csv
import functools
import io
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import programmes
import soundfile
from programmes import RATE, Placed, Utterance, Voice

from speechgmm import read_corpus
from speechgmm.audio.reading import read
from speechgmm.audio.samples import Samples
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.files import make_folder, write_atomically
from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.writers import rttm

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"
STEADY = ("rain", "sea_waves", "helicopter", "chainsaw")
LEFT_OUT = ("speechocean762-child",)  # nobody tells the voices of children apart


def read_utterance(recording: Recording) -> Utterance | None:
    """A recording's speech; None without any."""
    samples = read(recording.file, sampling_rate=RATE, start=recording.start, end=recording.end)
    return programmes.prepared(samples)


def draw_utterance(recordings: Sequence[Recording], rng: np.random.Generator) -> Utterance:
    """One of a speaker's utterances."""
    for index in rng.permutation(len(recordings)):
        if utterance := read_utterance(recordings[index]):
            return utterance
    raise SystemExit(f"{recordings[0].name}: no recording of this speaker holds speech")


def voices_of(corpus: Corpus, split: str, corpora: Sequence[str]) -> list[Voice]:
    """The speakers of a split, in some corpora or in all."""
    by_speaker: dict[tuple[str, str], list[Recording]] = defaultdict(list)
    for each in corpus.recordings:
        wanted = each.columns["corpus"] in corpora if corpora else each.columns["corpus"] not in LEFT_OUT
        if each.split == split and each.label != "none" and wanted:
            by_speaker[each.label, str(each.speaker)].append(each)
    return [
        Voice(name=speaker, label=label, draw=functools.partial(draw_utterance, recordings))
        for (label, speaker), recordings in sorted(by_speaker.items())
    ]


def sounds_of(corpus: Corpus, split: str, *, steady: bool) -> list[Samples]:
    """Sounds that are no speech: those for behind the voices, or those for between them."""
    side = "train" if split in ("train", "dev") else "other"
    recordings = [
        each
        for each in corpus.recordings
        if each.label == "none" and each.split == side and (each.columns["sound_class"] in STEADY) == steady
    ]
    sounds = (programmes.unit_power(read(each.file, sampling_rate=RATE)) for each in recordings)
    return [sound for sound in sounds if sound is not None]


def noting(placed: Iterator[Placed], spans: list[tuple[Segment, str]]) -> Iterator[Placed]:
    """The same, its speech added to the reference on the way."""
    for one in placed:
        if one.voice is not None:
            at = one.start / RATE
            spans += [(Segment(start=at + a, end=at + b, label=one.voice.label), one.voice.name) for a, b in one.runs]
        yield one


def compose(
    file: Path, voices: Sequence[Voice], corpus: Corpus, arguments: argparse.Namespace, snr: str, seed: Sequence[int]
) -> list[tuple[Segment, str]]:
    """Write one programme; its reference, in order of time, each segment with its speaker."""
    rng, noise_rng = np.random.default_rng(seed), np.random.default_rng([*seed, 1])
    n_samples = round(arguments.minutes * 60 * RATE)
    spans: list[tuple[Segment, str]] = []
    placed = programmes.programme(
        programmes.cast(voices, arguments.voices, rng),
        sounds_of(corpus, arguments.split, steady=False),
        n_samples=n_samples,
        overlap=arguments.overlap,
        rng=rng,
        pace=programmes.PACES[arguments.pace],
    )
    noise = None if snr == "clean" else programmes.backdrop(sounds_of(corpus, arguments.split, steady=True), noise_rng)
    pieces = programmes.mixed(noting(placed, spans), n_samples=n_samples)
    unfinished = file.with_suffix(".part.wav")
    with soundfile.SoundFile(unfinished, "w", RATE, 1, "PCM_16") as sound:
        for piece in programmes.with_backdrop(pieces, noise, 0.0 if snr == "clean" else float(snr), noise_rng):
            sound.write(piece)
    unfinished.replace(file)
    return sorted(spans, key=lambda span: (span[0].start, span[0].end))


def write_reference(folder: Path, spans: dict[str, list[tuple[Segment, str]]]) -> None:
    """Write the reference of all programmes, by their file names, twice."""
    lines = [line for name, found in spans.items() for line in rttm((one for one, _ in found), name=name)]
    write_atomically(folder / "reference.rttm", "".join(lines).encode())
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["path", "start", "end", "label", "speaker"])
    for name, found in spans.items():
        table.writerows([name, f"{one.start:.4f}", f"{one.end:.4f}", one.label, speaker] for one, speaker in found)
    write_atomically(folder / "reference.csv", text.getvalue().encode())


def main() -> None:
    """Compose the programmes the user asks for."""
    parser = argparse.ArgumentParser(description="Compose long programmes of many voices from short recordings.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--split", choices=["train", "dev", "test", "other"], default="dev")
    parser.add_argument("--corpus", action="append", default=[], metavar="NAME", help="only its speakers; repeatable")
    parser.add_argument("--programmes", type=int, default=1, metavar="N", help="of each noise level (default: 1)")
    parser.add_argument("--minutes", type=float, default=5.0, metavar="M", help="length of each (default: 5)")
    parser.add_argument("--voices", type=int, default=8, metavar="N", help="speakers in each (default: 8)")
    parser.add_argument("--snr", nargs="+", default=["clean"], metavar="DB", help="noise levels: clean, 20, 10, 0 ...")
    parser.add_argument("--overlap", type=float, default=0.0, metavar="SHARE", help="of turns (default: 0)")
    parser.add_argument(
        "--pace", choices=list(programmes.PACES), default="talk", help="sparse: short turns, long breaks, more sounds"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    corpus = read_corpus(MANIFEST, root=arguments.root)
    voices = voices_of(corpus, arguments.split, arguments.corpus)
    make_folder(arguments.output)
    spans = {}
    for number in range(arguments.programmes):
        for snr in arguments.snr:
            level = snr if snr == "clean" else f"{snr}dB"
            name = f"programme{number:02}_{level}{'_overlap' if arguments.overlap else ''}.wav"
            spans[name] = compose(
                arguments.output / name, voices, corpus, arguments, snr, [arguments.seed, number, len(voices)]
            )
            print(f"{arguments.output / name}: {len(spans[name])} segments", file=sys.stderr)
    write_reference(arguments.output, spans)


if __name__ == "__main__":
    main()

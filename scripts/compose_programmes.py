"""Compose long programmes of many speakers from short recordings, with a reference segmentation.

    python scripts/compose_programmes.py CORPORA_ROOT -o FOLDER [--split dev] [--minutes 5] [--snr clean 20 10 0]

The speakers of one split of corpus_manifest.csv take turns: use dev for tuning, test and other for evaluation. (The
shipped model is trained on the speakers of train and dev.) Between turns are pauses, and sometimes a longer break or an
ESC-10 sound. --snr adds background noise (rain, sea, helicopter or chainsaw) at the given ratio to the average speaker.
The splits train and dev use the sounds of split train, the other splits those of split other. Speakers differ in level.
With --overlap some turns begin before the last one has ended.

FOLDER gets programme00_clean.wav and so on (16 kHz, 16 bit), reference.rttm and reference.csv (path, start, end, label,
speaker). The reference is made from each recording before mixing: speech lasts from the first to the last speech frame
by the energy VAD of the default front end, without pauses of 0.5 s and more. Silence before and after is trimmed to
0.1 s. Where voices overlap, the reference has both.

The same seed gives the same files, and the same speech at every noise level. Memory use is independent of the length.
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
import soundfile

import programmes
from programmes import RATE, Placed, Utterance, Voice
from speechgmm import read_corpus
from speechgmm.audio.reading import read
from speechgmm.audio.samples import Samples
from speechgmm.corpus.recording import Corpus, Recording
from speechgmm.output.files import make_folder, write_atomically
from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.writers import SegmentedRecording, rttm

MANIFEST = Path(__file__).resolve().parent.parent / "corpus_manifest.csv"
STEADY = ("rain", "sea_waves", "helicopter", "chainsaw")
EXCLUDED = ("speechocean762-child",)  # girls and boys cannot be told apart by voice


def read_utterance(recording: Recording) -> Utterance | None:
    """The speech of a recording; None if it has none."""
    samples = read(recording.file, sampling_rate=RATE, start=recording.start, end=recording.end)
    return programmes.prepared(samples)


def draw_utterance(recordings: Sequence[Recording], rng: np.random.Generator) -> Utterance:
    """A random utterance of a speaker."""
    for index in rng.permutation(len(recordings)):
        if utterance := read_utterance(recordings[index]):
            return utterance
    raise SystemExit(
        f"{recordings[0].name}: no recording of this speaker has speech; remove the speaker from the corpus"
    )


def voices_of(corpus: Corpus, split: str, corpora: Sequence[str]) -> list[Voice]:
    """The speakers of a split, from the given corpora or from all."""
    by_speaker: dict[tuple[str, str], list[Recording]] = defaultdict(list)
    for item in corpus.recordings:
        wanted = item.columns["corpus"] in corpora if corpora else item.columns["corpus"] not in EXCLUDED
        if item.split == split and item.label != "none" and wanted:
            by_speaker[item.label, str(item.speaker)].append(item)
    return [
        Voice(name=speaker, label=label, draw=functools.partial(draw_utterance, recordings))
        for (label, speaker), recordings in sorted(by_speaker.items())
    ]


def sounds_of(corpus: Corpus, split: str, *, steady: bool) -> list[Samples]:
    """Non-speech sounds: steady ones for the background, the others for the breaks between turns."""
    side = "train" if split in ("train", "dev") else "other"
    recordings = [
        item
        for item in corpus.recordings
        if item.label == "none" and item.split == side and (item.columns["sound_class"] in STEADY) == steady
    ]
    sounds = (programmes.unit_power(read(item.file, sampling_rate=RATE)) for item in recordings)
    return [sound for sound in sounds if sound is not None]


def recorded(placed: Iterator[Placed], spans: list[tuple[Segment, str]]) -> Iterator[Placed]:
    """Pass the items through and append their speech to the reference `spans`."""
    for item in placed:
        if item.voice is not None:
            at, voice = item.start / RATE, item.voice
            spans += [(Segment(start=at + a, end=at + b, label=voice.label), voice.name) for a, b in item.runs]
        yield item


def compose(
    file: Path, voices: Sequence[Voice], corpus: Corpus, arguments: argparse.Namespace, snr: str, seed: Sequence[int]
) -> list[tuple[Segment, str]]:
    """Write one programme and return its reference: segments in order of time, each with its speaker."""
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
    pieces = programmes.mixed(recorded(placed, spans), n_samples=n_samples)
    unfinished = file.with_suffix(".part.wav")
    with soundfile.SoundFile(unfinished, "w", RATE, 1, "PCM_16") as sound:
        for piece in programmes.with_backdrop(pieces, noise, 0.0 if snr == "clean" else float(snr), noise_rng):
            sound.write(piece)
    unfinished.replace(file)
    return sorted(spans, key=lambda span: (span[0].start, span[0].end))


def write_reference(folder: Path, spans: dict[str, list[tuple[Segment, str]]]) -> None:
    """Write the reference of all programmes as RTTM and as CSV."""
    lines = [
        line
        for name, pairs in spans.items()
        for line in rttm((segment for segment, _ in pairs), SegmentedRecording(name=name))
    ]
    write_atomically(folder / "reference.rttm", "".join(lines).encode())
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["path", "start", "end", "label", "speaker"])
    for name, pairs in spans.items():
        table.writerows([name, f"{s.start:.4f}", f"{s.end:.4f}", s.label, speaker] for s, speaker in pairs)
    write_atomically(folder / "reference.csv", text.getvalue().encode())


def main() -> None:
    """Compose the programmes."""
    parser = argparse.ArgumentParser(description="Compose long programmes of many speakers from short recordings.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--split", choices=["train", "dev", "test", "other"], default="dev")
    parser.add_argument(
        "--corpus", action="append", default=[], metavar="NAME", help="only speakers of this corpus; repeatable"
    )
    parser.add_argument(
        "--programmes", type=int, default=1, metavar="N", help="programmes per noise level (default: 1)"
    )
    parser.add_argument("--minutes", type=float, default=5.0, metavar="M", help="length of a programme (default: 5)")
    parser.add_argument("--voices", type=int, default=8, metavar="N", help="speakers per programme (default: 8)")
    parser.add_argument("--snr", nargs="+", default=["clean"], metavar="DB", help="noise levels: clean, 20, 10, 0 ...")
    parser.add_argument(
        "--overlap", type=float, default=0.0, metavar="SHARE", help="share of overlapping turns (default: 0)"
    )
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

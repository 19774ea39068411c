"""Write corpus_manifest.csv: the recordings that train and test the shipped model, split by speaker.

    python scripts/make_corpus_manifest.py CORPORA_ROOT [-o corpus_manifest.csv]

CORPORA_ROOT/manifest.csv lists every file with label, speaker, corpus, language, use, duration, licence, source and
sha256. Files of use "train" are split 70 : 15 : 15 into train, dev and test: speaker-disjoint, within each corpus and
label, in the order of the SHA-256 of the speakers' names, so that the split of a speaker does not depend on the order
of the rows. Non-speech sounds are split by their source into train and other. All other files get the split "other" and
do not train the shipped model.

The column group has one value for corpora of one collection, which are held out together. The column acted has "yes"
where voices are acted, and may be raised.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from speechgmm.output.files import write_atomically

HELD_OUT_SHARE = 0.15
COLUMNS = (
    *("path", "label", "speaker", "corpus", "language", "split", "duration_s", "sound_class"),
    *("licence", "source", "sha256", "group", "acted"),
)

COLLECTIONS = {
    "common-voice-more": "common-voice",
    "common-voice-mx": "common-voice",
    "librispeech-mp3": "librispeech",
    "vctk-vocoded": "vctk",
    "cmu-arctic": "vctk",
    "sdap-acted": "games",
    "zero-ad": "games",
    "flare-rpg": "games",
    **dict.fromkeys(("dendi", "slr79-kannada", "msc-malayalam", "pao", "kerstin"), "small"),
}
"""Collections of several corpora; any other corpus is one by itself."""

ACTED = ("emodb", "sdap-acted", "banglaser", "zero-ad", "flare-rpg", "ravdess")

NONSPEECH_FOLDS = "123"  # of ESC-10: these train
NONSPEECH_FIFTHS = 4  # of five parts of the other sources: these train


def split_speakers(rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Assign a split to each speaker of use "train"."""
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row["use"] == "train":
            groups[row["corpus"], row["label"]].add(row["speaker"])
    split = {}
    for speakers in groups.values():
        ordered = sorted(speakers, key=lambda speaker: hashlib.sha256(speaker.encode()).hexdigest())
        n_held_out = round(HELD_OUT_SHARE * len(ordered))
        for index, speaker in enumerate(ordered):
            split[speaker] = "test" if index < n_held_out else "dev" if index < 2 * n_held_out else "train"
    return split


def split_of(row: Mapping[str, str], split: Mapping[str, str]) -> str:
    """The split of a recording: that of its speaker; for non-speech sounds, that of their source."""
    if row["use"] == "train":
        return split[row["speaker"]]
    if row["use"] == "nonspeech":
        return "train" if _nonspeech_trains(row) else "other"
    return "other"


def _nonspeech_trains(row: Mapping[str, str]) -> bool:
    """Whether the source of a sound trains.

    The names of ESC-10 clips begin with the number of their fold, 1 to 5; clips of one source are in one fold. Other
    sounds name their source, of which several clips come; the SHA-256 of its name decides.
    """
    if row["corpus"] == "esc10":
        return Path(row["path"]).name[0] in NONSPEECH_FOLDS
    return int(hashlib.sha256(row["source"].encode()).hexdigest()[:8], 16) % 5 < NONSPEECH_FIFTHS


def main() -> None:
    """Read CORPORA_ROOT/manifest.csv and write corpus_manifest.csv."""
    parser = argparse.ArgumentParser(description="Write corpus_manifest.csv, split by speaker.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("-o", "--output", type=Path, default=Path("corpus_manifest.csv"))
    arguments = parser.parse_args()
    with (arguments.root / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    split = split_speakers(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        corpus = row["corpus"]
        group, acted = COLLECTIONS.get(corpus, corpus), "yes" if corpus in ACTED else ""
        writer.writerow({**row, "split": split_of(row, split), "group": group, "acted": acted})
    write_atomically(arguments.output, text.getvalue().encode())
    print(f"{arguments.output}: {len(rows)} recordings, {len(split)} speakers of use train")


if __name__ == "__main__":
    main()

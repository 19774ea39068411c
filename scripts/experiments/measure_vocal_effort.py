"""Measure how the spectrum of a voice changes when the speaker raises it.

    python scripts/experiments/measure_vocal_effort.py CORPORA_ROOT [--corpora emodb sdap-acted banglaser]

For every speaker of corpora with acted emotions, the level of each band in the voiced speech of a recording, relative
to its whole level, is regressed on the logarithm of the recording's median pitch. The slope is in decibels per octave
of pitch. The table gives the mean over the speakers of each class and corpus, and over the corpora without each of
them in turn, which shows how far one corpus determines the curve.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from speechgmm.audio.reading import read
from speechgmm.augmentation.vocal_effort import voiced_pitches

RATE = 16_000
WINDOW = 1024
KNOTS_HZ = (150, 212, 300, 415, 533, 700, 1000, 1400, 2000, 3000, 4000, 5000)
"""Centres of the bands, which reach to the middle (geometric mean) between two centres."""

LEAST_RECORDINGS = 6
LEAST_SPREAD = 0.1  # octaves: standard deviation of a speaker's pitch

Floats = npt.NDArray[np.float64]


def band_levels(samples: npt.NDArray[np.float32]) -> Floats:
    """Level of each band in dB relative to all bands, in the louder half of the windows."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[:: WINDOW // 2]
    power = np.abs(np.fft.rfft(windows * np.hanning(WINDOW))) ** 2
    total = power.sum(axis=1)
    spectrum = power[total >= np.median(total)].mean(axis=0)
    centres = np.array(KNOTS_HZ, dtype=float)
    inner = np.sqrt(centres[1:] * centres[:-1])
    edges = np.concatenate([[centres[0] ** 2 / inner[0]], inner, [centres[-1] ** 2 / inner[-1]]])
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    bands = np.array([spectrum[(hertz >= low) & (hertz < high)].sum() for low, high in itertools.pairwise(edges)])
    levels: Floats = 10 * np.log10(bands / bands.sum() + 1e-9)
    return levels


def slopes_of(files: Sequence[Path]) -> Floats | None:
    """Slope of each band in dB per octave of pitch; None if the recordings or their pitches are too few."""
    octaves, levels = [], []
    for file in files:
        samples = read(file, sampling_rate=RATE)
        pitches = voiced_pitches(samples, RATE)
        if len(pitches) >= 10:
            octaves.append(float(np.log2(np.median(pitches))))
            levels.append(band_levels(samples))
    if len(octaves) < LEAST_RECORDINGS or np.std(octaves) < LEAST_SPREAD:
        return None
    centred = np.array(octaves) - np.mean(octaves)
    slopes: Floats = centred @ (np.array(levels) - np.mean(levels, axis=0)) / (centred @ centred)
    return slopes


def main() -> None:
    """Measure all speakers and print the table."""
    parser = argparse.ArgumentParser(description="Measure the change of the spectrum with the pitch of raised voices.")
    parser.add_argument("root", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("--corpora", nargs="+", default=["emodb", "sdap-acted", "banglaser"], metavar="NAME")
    arguments = parser.parse_args()
    files: dict[tuple[str, str, str], list[Path]] = defaultdict(list)
    with (arguments.root / "manifest.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            if row["corpus"] in arguments.corpora:
                files[row["corpus"], row["label"], row["speaker"]].append(arguments.root / row["path"])
    found: dict[tuple[str, str], list[Floats]] = defaultdict(list)
    for (corpus, label, _), own in tqdm(sorted(files.items()), disable=None):
        slopes = slopes_of(own)
        if slopes is not None:
            found[corpus, label].append(slopes)
    print("| corpus | label | speakers | " + " | ".join(f"{hertz} Hz" for hertz in KNOTS_HZ) + " |")
    print("| :-- | :-- | --: |" + " --: |" * len(KNOTS_HZ))
    for (corpus, label), of_speakers in sorted(found.items()):
        print(row_of(corpus, label, of_speakers))
    for label in sorted({label for _, label in found}):
        for left_out in ("", *arguments.corpora):
            kept = [own for (corpus, name), own in found.items() if name == label and corpus != left_out]
            if kept:
                means = [np.mean(own, axis=0) for own in kept]
                print(row_of(f"all but {left_out}" if left_out else "all", label, means))


def row_of(corpus: str, label: str, slopes: Sequence[Floats]) -> str:
    """A row of the table: the mean slopes."""
    return (
        f"| {corpus} | {label} | {len(slopes)} | "
        + " | ".join(f"{each:+.1f}" for each in np.mean(slopes, axis=0))
        + " |"
    )


if __name__ == "__main__":
    main()

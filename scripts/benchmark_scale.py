"""Measure time and memory of training against the size of the corpus, beyond the size of the memory.

The corpus is simulated. ``prepare`` extracts the speech frames of real recordings and writes features of the given size
into a feature store: random stretches of one minute, each with a random shift and scale to imitate other channels and
voices. They stand for recordings of nearly two hours each; the audio files are 0.1 s of noise, so that each recording
has a name and a digest. ``train`` trains on the features, or on a part of them, like ``speechgmm train --features``.
Limit its memory from outside, for example with

    systemd-run --scope -p MemoryMax=1G -p MemorySwapMax=0 python scripts/benchmark_scale.py train FOLDER
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from speechgmm import FrontEndOptions, Recipe, read_corpus
from speechgmm.audio.reading import digest
from speechgmm.corpus.recording import Recording
from speechgmm.features.extraction import Failure
from speechgmm.features.front_end import Features, Stretch
from speechgmm.mixture.options import EMOptions
from speechgmm.training.feature_store import FeatureStore, StoredFeatures
from speechgmm.training.heard_recordings import extract
from speechgmm.training.run_context import Run
from speechgmm.training.train import train

FRONT_END = FrontEndOptions()
OPTIONS = Recipe(
    n_components=16, background_iterations=2, front_end=FRONT_END, em=EMOptions(max_iterations=2, tolerance=0.0)
)
STRETCH_FRAMES, STRETCHES = 6000, 110  # per recording: 53 MB
DEV_SPEAKERS = 2  # per class, for calibration
GIGABYTE = 10**9


def real_frames(manifest: Path, label: str, n_recordings: int) -> Features:
    """The speech frames of some recordings of a class."""
    corpus = read_corpus(manifest).select(lambda item: item.label == label and item.columns.get("use") == "train")
    chosen = np.linspace(0, len(corpus.recordings) - 1, n_recordings).astype(int)
    frames: list[Features] = []
    for index in tqdm(chosen, desc=f"reading {label}", disable=None):
        result = extract(corpus.recordings[index], front_ends=[FRONT_END])
        if isinstance(result, Failure):
            raise SystemExit(result.reason)
        frames += [stretch.frames for stretch in result.utterances[0].stretches()]
    return np.concatenate(frames)


def varied(frames: Features, rng: np.random.Generator) -> Features:
    """One minute of the frames from a random position, randomly shifted and scaled."""
    begin = int(rng.integers(len(frames) - STRETCH_FRAMES))
    minute = frames[begin : begin + STRETCH_FRAMES]
    scale = 1.0 + 0.1 * rng.normal(size=frames.shape[1])
    shift = 0.3 * minute.std(axis=0) * rng.normal(size=frames.shape[1])
    result: Features = (minute * scale + shift).astype(np.float32)
    return result


def prepare(manifest: Path, folder: Path, gigabytes: float) -> None:
    """Write the corpus and its features."""
    rng = np.random.default_rng(0)
    pools = {label: real_frames(manifest, label, 300) for label in ("female", "male")}
    size = STRETCHES * STRETCH_FRAMES * FRONT_END.n_dimensions * 4
    n_recordings = round(gigabytes * GIGABYTE / size)
    store = FeatureStore(folder=folder / "features", front_end=FRONT_END)
    rows = []
    for number in tqdm(range(n_recordings + 2 * DEV_SPEAKERS), desc="writing", disable=None):
        label = ("female", "male")[number % 2]
        file = folder / label / f"{number:05}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, 0.1 * rng.normal(size=1600), 16000)
        stored = StoredFeatures(store, Recording(file=file, name=file.name, label=label), digest(file))
        stored.write([Stretch(varied(pools[label], rng), STRETCH_FRAMES) for _ in range(STRETCHES)])
        split = "dev" if number < 2 * DEV_SPEAKERS else "train"
        rows.append((f"{label}/{file.name}", label, f"speaker {number}", split))
    with (folder / "corpus.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "label", "speaker", "split"), *rows])


def train_part(folder: Path, gigabytes: float) -> dict[str, float]:
    """Train on the first gigabytes of the corpus; return size, time and memory."""
    size = STRETCHES * STRETCH_FRAMES * FRONT_END.n_dimensions * 4
    n_recordings = round(gigabytes * GIGABYTE / size) + 2 * DEV_SPEAKERS
    corpus = read_corpus(folder / "corpus.csv").select(lambda item: int(item.name[-9:-4]) < n_recordings)
    if len(corpus.recordings) < n_recordings:
        raise SystemExit(f"{folder}: less than {gigabytes:g} GB of features; run prepare with a larger --gigabytes")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin, cpu = time.perf_counter(), time.process_time()
    trained = train(corpus, Run(recipe=OPTIONS, feature_folder=folder / "features"))
    if trained.failures:
        raise SystemExit(trained.failures[0].reason)
    return {
        "gigabytes": gigabytes,
        "recordings": n_recordings,
        "hours": sum(amount["speech_s"] for amount in trained.model.card["data"]["train"].values()) / 3600,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - begin,
        "before_mb": before / 1000,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def main() -> None:
    """Prepare a corpus, or train on parts of it, each in a new process."""
    parser = argparse.ArgumentParser(description="Measure time and memory of training on a large corpus.")
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("manifest", type=Path)
    preparing.add_argument("folder", type=Path)
    preparing.add_argument("--gigabytes", type=float, default=30.0)
    training = commands.add_parser("train")
    training.add_argument("folder", type=Path)
    training.add_argument("--gigabytes", type=float, nargs="+", default=[1.0, 3.0, 10.0, 30.0])
    arguments = parser.parse_args()
    if arguments.command == "prepare":
        prepare(arguments.manifest, arguments.folder, arguments.gigabytes)
        return
    if len(arguments.gigabytes) == 1:
        print(json.dumps(train_part(arguments.folder, arguments.gigabytes[0])))
        return
    print("| GB of features | recordings | hours of speech | CPU s | wall s | MB before | peak MB |")
    print("| --: " * 7 + "|")
    for gigabytes in arguments.gigabytes:
        command = [sys.executable, __file__, "train", str(arguments.folder), "--gigabytes", str(gigabytes)]
        result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print("| " + " | ".join(f"{value:.0f}" for value in result.values()) + " |", flush=True)


if __name__ == "__main__":
    main()

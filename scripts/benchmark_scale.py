"""Train on more features than memory holds: time and memory against the size of the corpus.

The corpus is simulated. ``prepare`` takes the speech frames of real recordings and writes features of as many gigabytes
as are asked for into a features folder: stretches of a minute from random places of the real ones, each with a shift
and a scale of its own, as other channels and voices would have. They stand for recordings of nearly two hours each,
whose audio is a tenth of a second of noise, made to have a name and a digest. ``train`` then trains on them, or on a
part, as ``speechgmm train --features`` does; give it its memory limit from outside, such as

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

from speechgmm import FrontEndOptions, TrainingOptions, read_corpus
from speechgmm.audio.reading import digest
from speechgmm.corpus.recording import Recording
from speechgmm.features.extraction import Failure, extract
from speechgmm.features.front_end import Features, Stretch
from speechgmm.mixture.options import EMOptions
from speechgmm.training.feature_store import FeatureStore, Place
from speechgmm.training.train import train

FRONT_END = FrontEndOptions()
OPTIONS = TrainingOptions(
    n_components=16, background_iterations=2, front_end=FRONT_END, em=EMOptions(max_iterations=2, tolerance=0.0)
)
STRETCH_FRAMES, STRETCHES = 6000, 110  # of a recording: 53 MB
SPEAKERS_LEFT = 2  # of each class, for calibration
GIGABYTE = 10**9


def real_frames(manifest: Path, label: str, n_recordings: int) -> Features:
    """The speech frames of some recordings of a class."""
    corpus = read_corpus(manifest).select(lambda each: each.label == label and each.columns.get("use") == "train")
    chosen = np.linspace(0, len(corpus.recordings) - 1, n_recordings).astype(int)
    frames: list[Features] = []
    for index in tqdm(chosen, desc=f"reading {label}", disable=None):
        utterance = extract(corpus.recordings[index], front_end=FRONT_END)
        if isinstance(utterance, Failure):
            raise SystemExit(utterance.reason)
        frames += [stretch.frames for stretch in utterance.stretches()]
    return np.concatenate(frames)


def disguised(frames: Features, rng: np.random.Generator) -> Features:
    """A minute of the frames from a random place, shifted and scaled as another voice on another channel."""
    begin = int(rng.integers(len(frames) - STRETCH_FRAMES))
    minute = frames[begin : begin + STRETCH_FRAMES]
    scale = 1.0 + 0.1 * rng.normal(size=frames.shape[1])
    shift = 0.3 * minute.std(axis=0) * rng.normal(size=frames.shape[1])
    made: Features = (minute * scale + shift).astype(np.float32)
    return made


def prepare(manifest: Path, folder: Path, gigabytes: float) -> None:
    """Write the corpus and its features."""
    rng = np.random.default_rng(0)
    pools = {label: real_frames(manifest, label, 300) for label in ("female", "male")}
    size = STRETCHES * STRETCH_FRAMES * FRONT_END.n_dimensions * 4
    n_recordings = round(gigabytes * GIGABYTE / size)
    store = FeatureStore(folder=folder / "features", front_end=FRONT_END)
    rows = []
    for number in tqdm(range(n_recordings + 2 * SPEAKERS_LEFT), desc="writing", disable=None):
        label = ("female", "male")[number % 2]
        file = folder / label / f"{number:05}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, 0.1 * rng.normal(size=1600), 16000)
        place = Place(store, Recording(file=file, name=file.name, label=label), digest(file))
        place.write([Stretch(disguised(pools[label], rng), STRETCH_FRAMES) for _ in range(STRETCHES)])
        split = "dev" if number < 2 * SPEAKERS_LEFT else "train"
        rows.append((f"{label}/{file.name}", label, f"speaker {number}", split))
    with (folder / "corpus.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "label", "speaker", "split"), *rows])


def train_part(folder: Path, gigabytes: float) -> dict[str, float]:
    """Train on the first gigabytes of the corpus, and tell what it cost."""
    size = STRETCHES * STRETCH_FRAMES * FRONT_END.n_dimensions * 4
    n_recordings = round(gigabytes * GIGABYTE / size) + 2 * SPEAKERS_LEFT
    corpus = read_corpus(folder / "corpus.csv").select(lambda each: int(each.name[-9:-4]) < n_recordings)
    if len(corpus.recordings) < n_recordings:
        raise SystemExit(f"{folder} holds less than {gigabytes:g} GB: prepare more")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin, cpu = time.perf_counter(), time.process_time()
    trained = train(corpus, options=OPTIONS, features=folder / "features")
    if trained.failures:
        raise SystemExit(trained.failures[0].reason)
    return {
        "gigabytes": gigabytes,
        "recordings": n_recordings,
        "hours": sum(each["speech_s"] for each in trained.model.card["data"]["train"].values()) / 3600,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - begin,
        "before_mb": before / 1000,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def main() -> None:
    """Prepare a corpus, or train on parts of it, each in a process of its own."""
    parser = argparse.ArgumentParser(description="Train on more features than memory holds.")
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
    print("| GB of features | recordings | hours of speech | CPU s | wall s | MB before | MB at most |")
    print("| --: " * 7 + "|")
    for gigabytes in arguments.gigabytes:
        command = [sys.executable, __file__, "train", str(arguments.folder), "--gigabytes", str(gigabytes)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        print("| " + " | ".join(f"{value:.0f}" for value in found.values()) + " |", flush=True)


if __name__ == "__main__":
    main()

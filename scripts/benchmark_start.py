"""Measure what a command costs before it answers, and what an answer costs: CPU time and memory (docs/speed.md).

    python scripts/benchmark_start.py [MODEL] [--runs 9] [--files 1000] [--long-hours 1]

Each command runs in a new process, in turn with all others, so that what else happens on the machine meets all of them
alike. Prints the median of the CPU seconds (user and system, with those of worker processes), their ratio to an import
of numpy and scipy.fft in the same round, and the largest resident memory. The recordings are synthetic: files of three
seconds, and with --long-hours one long one.

The second table is of one process: milliseconds of CPU time a file of three seconds, once all is imported, beside a
bare loop that reads the file and computes two power spectra and their mel bands with soundfile and scipy.fft, which
any classifier of this kind must do. Both take turns, 100 files at a time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile

from speechgmm.classifier import model_file
from speechgmm.classifier.classify import classify_recording
from speechgmm.classifier.model import Model
from speechgmm.classifier.shipped_model import shipped_model_file
from speechgmm.corpus.recording import Recording
from speechgmm.demo.synthesis import draw_voice, speak
from speechgmm.features.log_mel import hann_window
from speechgmm.features.options import FrontEndOptions
from speechgmm.workers.local import single_thread

RATE, LENGTH_S, PASS = 16000, 3.0, 100
SPEECHGMM = (sys.executable, "-m", "speechgmm")
REFERENCE, WRONG = "import numpy, scipy.fft", "a wrong option"
STARTER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, done.returncode)
"""


def run(command: Sequence[str], *, status: int = 0) -> tuple[float, float]:
    """CPU seconds of a command and of its worker processes, and the resident megabytes of the largest of them.

    A process of its own starts it: the memory of a new process counts from that of the one that started it. Another
    exit code than `status` ends this script.
    """
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", STARTER, *command], stdout=subprocess.PIPE, env=environment, check=True
    )
    cpu_s, megabytes, code = map(float, done.stdout.split())
    if code != status:
        raise SystemExit(f"{' '.join(command)}: exit code {code:.0f}, but {status} was expected")
    return cpu_s, megabytes


def commands(model: Path, folder: Path, long_file: Path | None) -> dict[str, tuple[str, ...]]:
    """The commands by what they show."""
    one, given = str(folder / "00000.wav"), ("--model", str(model))
    many = (*SPEECHGMM, "classify", str(folder), *given, "--format", "csv", "--quiet")
    listed: dict[str, tuple[str, ...]] = {
        REFERENCE: (sys.executable, "-c", REFERENCE),
        "--help": (*SPEECHGMM, "--help"),
        WRONG: (*SPEECHGMM, "classify", "--wrong"),
        "describe": (*SPEECHGMM, "describe", str(model)),
        "classify one file": (*SPEECHGMM, "classify", one, *given),
        "classify all files": many,
        "classify all files, --jobs 2": (*many, "--jobs", "2"),
    }
    if long_file is not None:
        listed["classify the long file"] = (*SPEECHGMM, "classify", str(long_file), *given)
    return listed


def bare(file: Path, front_ends: Sequence[FrontEndOptions], banks: Sequence[np.ndarray]) -> None:
    """Read a file and compute power spectra and log mel bands, in blocks, with nothing around it."""
    samples, _ = soundfile.read(file, dtype="float32")
    for options, bank in zip(front_ends, banks, strict=True):
        frames = np.lib.stride_tricks.sliding_window_view(samples, options.window)[:: options.hop]
        bands = np.empty((len(frames), bank.shape[1]), dtype=np.float32)
        padded = np.zeros((64, options.n_fft), dtype=np.float32)
        for begin in range(0, len(frames), 64):
            block = frames[begin : begin + 64]
            np.multiply(block, hann_window(options.window), out=padded[: len(block), : options.window])
            parts = scipy.fft.rfft(padded[: len(block)], axis=1).view(np.float32)[:, : 2 * len(bank)]
            np.square(parts, out=parts)
            np.matmul(parts[:, ::2] + parts[:, 1::2], bank, out=bands[begin : begin + 64])
        np.log(np.maximum(bands, 1e-12, out=bands), out=bands)


def bare_loop(model: Model) -> Callable[[Sequence[Path]], None]:
    """`bare` with the front ends of a model, as a function of files."""
    by_window = {stream.front_end.window: stream for stream in model.streams}  # streams of one window share a spectrum
    banks = [np.zeros((stream.filters.n_bins, stream.filters.n_mels), np.float32) for stream in by_window.values()]
    front_ends = [stream.front_end for stream in by_window.values()]

    def run_all(files: Sequence[Path]) -> None:
        for file in files:
            bare(file, front_ends, banks)

    return run_all


def warm(model: Model, files: Sequence[Path], runs: int) -> dict[str, float]:
    """Milliseconds of CPU time a file, of `classify_recording` and of `bare`."""
    bare_all = bare_loop(model)
    recordings = [Recording(file=file, name=str(file), label="") for file in files]

    def classify_all() -> None:
        for recording in recordings:
            classify_recording(recording, model=model)

    loops: dict[str, Callable[[], None]] = {
        "classify": classify_all,
        "bare reading and transforms": lambda: bare_all(files),
    }
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(1 + runs):
        for name, loop in loops.items():
            begin = time.process_time()
            with single_thread:
                loop()
            times[name].append((time.process_time() - begin) / len(files) * 1000.0)
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def write_recordings(folder: Path, n_files: int, long_hours: float) -> Path | None:
    """Files of three seconds in a folder, and a long one beside it."""
    folder.mkdir()
    voices = []
    for number in range(min(n_files, 50)):
        rng = np.random.default_rng(number)
        voices.append(speak(draw_voice("female" if number % 2 else "male", rng), duration_s=LENGTH_S, rng=rng))
    for number in range(n_files):
        soundfile.write(folder / f"{number:05}.wav", voices[number % len(voices)], RATE, subtype="PCM_16")
    if not long_hours:
        return None
    file, samples = folder.parent / "long.wav", np.concatenate(voices)
    with soundfile.SoundFile(file, "w", RATE, 1, subtype="PCM_16") as sound:
        for _ in range(round(long_hours * 3600 * RATE / len(samples))):
            sound.write(samples)
    return file


def main() -> None:
    """Make the recordings, run everything, print the tables."""
    parser = argparse.ArgumentParser(description="Measure start and speed of speechgmm classify.")
    parser.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="default: the shipped model")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--long-hours", type=float, default=0.0)
    arguments = parser.parse_args()
    model = arguments.model or shipped_model_file()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "files")
        listed = commands(model, folder, write_recordings(folder, arguments.files, arguments.long_hours))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in listed}
        for _ in range(arguments.runs):
            for name, command in listed.items():
                found[name].append(run(command, status=2 if name == WRONG else 0))
        print(f"{'command':32}{'CPU s':>8}{'ratio':>8}{'MiB':>6}")
        for name, runs in found.items():
            ratio = statistics.median(own / other for (own, _), (other, _) in zip(runs, found[REFERENCE], strict=True))
            seconds = statistics.median(cpu for cpu, _ in runs)
            print(f"{name:32}{seconds:8.3f}{ratio:8.2f}{max(memory for _, memory in runs):6.0f}")
        times = warm(model_file.load(model), sorted(folder.iterdir())[:PASS], arguments.runs)
    print("\nin one process, ms of CPU time a file:")
    for name, milliseconds in times.items():
        print(f"{name:32}{milliseconds:8.3f}")


if __name__ == "__main__":
    main()

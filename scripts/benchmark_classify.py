"""Measure the speed and memory of `speechgmm classify` on 1,000 recordings of three seconds.

    python scripts/benchmark_classify.py [RECORDINGS] [--files 1000] [--runs 3]

Three-second WAV files (16 kHz, 16 bit) are cut from the recordings in RECORDINGS, or made by the built-in synthesiser.
The command runs in a new process with one job, on 10 % of the files and on all files in turn. Prints medians over the
runs: CPU seconds (user and system), peak resident memory, and audio seconds per CPU second, of the whole process with
start-up and of the other 90 % of the files alone.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from speechgmm.audio.reading import read
from speechgmm.audio.samples import Samples
from speechgmm.corpus import find_audio
from speechgmm.demo.synthesis import draw_voice, speak
from speechgmm.errors import AudioError

RATE, LENGTH_S = 16000, 3.0
LENGTH = round(RATE * LENGTH_S)


def pieces(source: Path | None) -> Iterator[Samples]:
    """An endless iterator of three-second pieces of recorded speech or of synthetic voices."""
    if source is None:
        for seed in itertools.count():
            rng = np.random.default_rng(seed)
            yield speak(draw_voice("female" if seed % 2 else "male", rng), duration_s=LENGTH_S, rng=rng)
    files = list(find_audio(source)) if source else []
    for file in itertools.cycle(files):
        try:
            samples = read(file, sampling_rate=RATE)
        except AudioError:
            continue
        yield from (samples[at : at + LENGTH] for at in range(0, len(samples) - LENGTH + 1, LENGTH))


def measure(folder: Path) -> tuple[float, float]:
    """CPU seconds and peak resident megabytes of one run of the command on a folder."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "speechgmm", "classify", str(folder), "--format", "csv", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{folder}: speechgmm classify ended with status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Make the files, run the command, print the medians."""
    parser = argparse.ArgumentParser(description="Measure the speed and memory of speechgmm classify.")
    parser.add_argument("recordings", type=Path, nargs="?", metavar="RECORDINGS")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    n_few = arguments.files // 10
    with tempfile.TemporaryDirectory() as temporary:
        few, many = Path(temporary, "few"), Path(temporary, "many")
        for folder, count in ((few, n_few), (many, arguments.files)):
            folder.mkdir()
            for number, samples in enumerate(itertools.islice(pieces(arguments.recordings), count)):
                soundfile.write(folder / f"{number:05}.wav", samples, RATE, subtype="PCM_16")
        measure(few)  # warm up the file cache and the compiled modules; not counted
        runs = [(measure(few), measure(many)) for _ in range(arguments.runs)]
    few_cpu, few_mb, many_cpu, many_mb = (
        statistics.median(run[which][figure] for run in runs) for which in (0, 1) for figure in (0, 1)
    )
    audio, more = arguments.files * LENGTH_S, (arguments.files - n_few) * LENGTH_S
    print(f"{'files':>8}{'CPU s':>9}{'peak MB':>10}")
    print(f"{n_few:8}{few_cpu:9.2f}{few_mb:10.0f}")
    print(f"{arguments.files:8}{many_cpu:9.2f}{many_mb:10.0f}")
    print(
        f"audio seconds per CPU second: {audio / many_cpu:.0f} with start-up, {more / (many_cpu - few_cpu):.0f} without"
    )


if __name__ == "__main__":
    main()

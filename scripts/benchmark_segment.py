"""Measure `speechgmm segment`: speed, memory against length, and the latency of live segments.

    python scripts/benchmark_segment.py [RECORDING] [--minutes 1 10 60 600]

RECORDING, or five minutes of synthetic voices, is repeated to the given lengths (WAV, 16 kHz, 16 bit). The command runs
on each in a new process with one thread. Prints CPU seconds (user and system, with start-up), wall-clock seconds, audio
seconds per CPU second (relative to the shortest file, so without start-up) and peak resident memory. Then 30 s of audio
are sent through a pipe in real time, and the delay from the end of each segment to its output line is measured.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

from benchmark_start import run
from speechgmm.audio.reading import read
from speechgmm.audio.samples import Samples
from speechgmm.demo.synthesis import draw_voice, speak

RATE = 16000
LIVE_S = 30
COMMAND = [sys.executable, "-m", "speechgmm", "segment", "--format", "csv", "--quiet"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def voices() -> Samples:
    """Five minutes of synthetic voices, with a pause of 1 s after each 4 to 9 s."""
    parts: list[Samples] = []
    for seed in itertools.count():
        rng = np.random.default_rng(seed)
        voice = draw_voice("female" if seed % 2 else "male", rng)
        parts += [
            speak(voice, duration_s=float(rng.uniform(4, 9)), sampling_rate=RATE, rng=rng).astype(np.float32),
            np.zeros(RATE, dtype=np.float32),
        ]
        if sum(map(len, parts)) >= 300 * RATE:
            break
    return np.concatenate(parts)


def write_repeated(file: Path, samples: Samples, n_samples: int) -> None:
    """Write the samples repeatedly to a file, up to `n_samples`, in constant memory."""
    with soundfile.SoundFile(file, "w", RATE, 1, "PCM_16") as sound:
        while (left := n_samples - sound.tell()) > 0:
            sound.write(samples[:left])


def measure(file: Path) -> tuple[float, float, float]:
    """CPU seconds, wall-clock seconds and peak resident MiB of one run."""
    begin = time.monotonic()
    cpu_s, mebibytes = run([*COMMAND, str(file)])
    return cpu_s, time.monotonic() - begin, mebibytes


def delays(samples: Samples) -> list[float]:
    """Delay in seconds from the end of each segment to its output line, for audio piped in real time."""
    command = [*COMMAND, "-", "--raw", "s16le", "--rate", str(RATE)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stdin is not None
    assert process.stdout is not None
    sound, output = process.stdin, process.stdout
    content = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    output.readline()  # the header is written before any audio is read; start-up does not count
    begin = time.monotonic()
    seconds: list[float] = []

    def take_times() -> None:
        seconds.extend(time.monotonic() - begin - float(line.split(b",")[2]) for line in output)

    reader = threading.Thread(target=take_times)
    reader.start()
    tenth = 2 * RATE // 10
    for number, at in enumerate(range(0, len(content), tenth), start=1):
        sound.write(content[at : at + tenth])
        sound.flush()
        time.sleep(max(begin + number / 10 - time.monotonic(), 0.0))
    sound.close()
    reader.join()
    process.wait()
    return seconds


def main() -> None:
    """Make the files, run the command, print time and memory."""
    parser = argparse.ArgumentParser(description="Measure the speed and memory of speechgmm segment.")
    parser.add_argument("recording", type=Path, nargs="?", metavar="RECORDING")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 10, 60, 600])
    arguments = parser.parse_args()
    samples = voices() if arguments.recording is None else read(arguments.recording, sampling_rate=RATE)
    print(f"{'minutes':>8}{'CPU s':>9}{'wall s':>9}{'x real time':>13}{'peak MiB':>10}")
    first: tuple[float, float] | None = None
    with tempfile.TemporaryDirectory() as temporary:
        for minutes in arguments.minutes:
            file = Path(temporary, "long.wav")
            write_repeated(file, samples, round(60 * minutes * RATE))
            cpu_s, wall_s, peak_mib = measure(file)
            speed = f"{60 * (minutes - first[0]) / (cpu_s - first[1]):.0f}" if first else ""
            first = first or (minutes, cpu_s)
            print(f"{minutes:8g}{cpu_s:9.2f}{wall_s:9.2f}{speed:>13}{peak_mib:10.0f}", flush=True)
    latency = delays(samples[: LIVE_S * RATE])
    print(f"live: {len(latency)} segments, latency {np.median(latency):.1f} s (median), {max(latency):.1f} s (maximum)")


if __name__ == "__main__":
    main()

"""Measure what docs/speed.md tells of, as ratios in one run, and compare them with those of the last release.

    python scripts/benchmark.py [RECORDINGS] [--rounds 5] [--peer "COMMAND"] [--keep]

Takes about ten minutes. In each round every measurement and what it is compared with run once, one after the other, so
that what else happens on the machine meets both. A ratio is the median over the rounds, of CPU time (user and system,
with that of worker processes, one BLAS thread). Its floor or peer is in the table:

- the import of numpy and scipy.fft, without which nothing starts;
- a bare loop that reads the files and computes two power spectra and their mel bands;
- EM as it is usually written in NumPy in float32, scikit-learn, and the matrix products and exponentials alone;
- COMMAND, another classifier that gets the folder of the files as its last argument. Without it none is raced.

The files are synthetic voices of three seconds. The frames of EM are those of the recordings in the folder RECORDINGS,
or of the same voices. `--keep` writes the ratios to docs/benchmark.csv. Without it they are compared with that table:
a difference of less than a tenth is noise on a machine with other work.
"""

from __future__ import annotations

import argparse
import csv
import platform
import shlex
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmark_em import beginning_of, our_iteration, products_and_exponentials, real_frames, without_kernel_settings
from benchmark_em_peers import plain_numpy, scikit_learn
from benchmark_start import REFERENCE, SPEECHGMM, bare_loop, run, write_recordings
from speechgmm.classifier import model_file
from speechgmm.classifier.classify import classify_recording
from speechgmm.classifier.model import Model
from speechgmm.classifier.shipped_model import shipped_model_file
from speechgmm.corpus.recording import Recording
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.em import fit
from speechgmm.mixture.options import EMOptions
from speechgmm.provenance import software_versions
from speechgmm.segmentation.segment_recordings import segment_file
from speechgmm.workers.local import single_thread

KEPT = Path(__file__).resolve().parent.parent / "docs" / "benchmark.csv"
COLUMNS = ("measure", "compared_with", "ratio", "ms", "mib", "version", "date", "machine")
N_FILES, LONG_HOURS = 200, 1 / 6
EM_SIZES = ((0, 64), (0, 256), (1, 256))  # order of the deltas, components
EM_FRAMES = 20000

Work = Callable[[], tuple[float, float]]
"""Runs something; gives its CPU seconds, and the resident MiB of its process or NaN."""


@dataclass(frozen=True)
class Measure:
    """What is measured, by the name of its work, and the name of what it is compared with."""

    work: str
    compared_with: str


def command(*arguments: str) -> Work:
    """A command in a new process."""
    return lambda: run(arguments)


def here(work: Callable[[], object]) -> Work:
    """A call in this process, with one thread."""

    def timed() -> tuple[float, float]:
        with single_thread:
            begin = time.process_time()
            work()
            return time.process_time() - begin, float("nan")

    return timed


def works_on_files(folder: Path, long_file: Path, model: Model) -> dict[str, Work]:
    """The commands, and what they do in this process once all is imported."""
    files = sorted(folder.rglob("*.wav"))
    recordings = [Recording(file=file, name=str(file), label="") for file in files]
    bare_all = bare_loop(model)
    out, one = folder.parent, str(files[0])
    many = (*SPEECHGMM, "classify", str(folder), "--quiet", "--format", "csv")
    return {
        "import numpy, scipy.fft": command(sys.executable, "-c", REFERENCE),
        "--help": command(*SPEECHGMM, "--help"),
        "describe": command(*SPEECHGMM, "describe"),
        "classify one file": command(*SPEECHGMM, "classify", one),
        "classify all files": command(*many),
        "classify all files --jobs 2": command(*many, "--jobs", "2"),
        "classify ten minutes": command(*SPEECHGMM, "classify", str(long_file)),
        "segment ten minutes": command(*SPEECHGMM, "segment", str(long_file), "--quiet"),
        "train plain": command(
            *SPEECHGMM, "train", str(folder), "--recipe", "plain", "-o", str(out / "model.npz"), "--quiet", "--force"
        ),
        "evaluate -o": command(*SPEECHGMM, "evaluate", str(folder), "-o", str(out / "report"), "--quiet", "--force"),
        "classify, warm": here(lambda: [classify_recording(each, model=model) for each in recordings]),
        "segment, warm": here(lambda: list(segment_file(model, long_file))),
        "bare loop, files": here(lambda: bare_all(files)),
        "bare loop, ten minutes": here(lambda: bare_all([long_file])),
    }


MEASURES = [
    Measure("--help", "import numpy, scipy.fft"),
    Measure("describe", "import numpy, scipy.fft"),
    Measure("classify one file", "import numpy, scipy.fft"),
    Measure("classify, warm", "bare loop, files"),
    Measure("classify all files", "bare loop, files"),
    Measure("classify all files --jobs 2", "classify all files"),
    Measure("classify ten minutes", "bare loop, ten minutes"),
    Measure("segment, warm", "bare loop, ten minutes"),
    Measure("segment ten minutes", "bare loop, ten minutes"),
    Measure("train plain", "bare loop, files"),
    Measure("evaluate -o", "classify all files"),
]


def em_works(recordings: Path, n_frames: int) -> tuple[dict[str, Work], list[Measure]]:
    """One iteration of EM from a fitted mixture, of speechgmm and of others, and what is compared."""
    works: dict[str, Work] = {}
    measures = []
    for delta_order, n_components in EM_SIZES:
        frames = real_frames(recordings, n_frames, FrontEndOptions(delta_order=delta_order))
        eight = EMOptions(max_iterations=8, tolerance=0.0)
        mixture = fit(frames, beginning_of(frames, n_components), options=eight).mixture
        size = f"EM, {frames.shape[1]} dimensions, {n_components} components"
        works[size] = here(our_iteration(mixture, frames))
        others = {
            "NumPy": plain_numpy(mixture, frames),
            "scikit-learn": scikit_learn(mixture, frames),
            "products and exponentials": products_and_exponentials(mixture, frames),
        }
        for name, other in others.items():
            works[f"{size}: {name}"] = here(other)
            measures.append(Measure(size, f"{size}: {name}"))
    return works, measures


def measured(works: Mapping[str, Work], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """CPU seconds and MiB of each work in each round; a round before these is not counted."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in tqdm(range(1 + rounds), desc="rounds", disable=None):
        for name, work in works.items():
            found[name].append(work())
    return {name: runs[1:] for name, runs in found.items()}


def row(measure: Measure, found: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, str]:
    """A row of the table."""
    own, other = found[measure.work], found[measure.compared_with]
    ratio = statistics.median(mine / theirs for (mine, _), (theirs, _) in zip(own, other, strict=True))
    mib = max(memory for _, memory in own)
    return {
        "measure": measure.work,
        "compared_with": measure.compared_with.removeprefix(f"{measure.work}: "),
        "ratio": f"{ratio:.3g}",
        "ms": f"{1e3 * statistics.median(seconds for seconds, _ in own):.1f}",
        "mib": "" if np.isnan(mib) else f"{mib:.0f}",
        "version": software_versions()["speechgmm"],
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine(),
    }


def machine() -> str:
    """The name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor() or platform.machine()


def kept_rows() -> list[dict[str, str]]:
    """The table of the last release; empty if there is none."""
    if not KEPT.exists():
        return []
    with KEPT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def keep(rows: Sequence[dict[str, str]]) -> None:
    """Write the table."""
    with KEPT.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def report(rows: Sequence[dict[str, str]], kept: Sequence[dict[str, str]]) -> str:
    """The table as text, with the ratio that was kept for each row and the change in percent."""
    before = {(each["measure"], each["compared_with"]): float(each["ratio"]) for each in kept}
    lines = [f"{'measure':46}{'compared with':28}{'ratio':>8}{'kept':>8}{'change':>8}{'ms':>10}{'MiB':>6}"]
    for each in rows:
        ratio, old = float(each["ratio"]), before.get((each["measure"], each["compared_with"]))
        change = f"{old:8.3g}{100 * (ratio / old - 1):+7.0f}%" if old else f"{'':16}"
        lines.append(
            f"{each['measure']:46}{each['compared_with']:28}{ratio:8.3g}{change}{each['ms']:>10}{each['mib']:>6}"
        )
    if kept:
        lines.append(f"kept: version {kept[0]['version']}, {kept[0]['date']}, {kept[0]['machine']}")
    return "\n".join(lines)


def main() -> None:
    """Make the files, run the rounds, print the table."""
    parser = argparse.ArgumentParser(description="Measure speechgmm and compare with the last release.")
    parser.add_argument("recordings", type=Path, nargs="?", metavar="RECORDINGS", help="for EM; default: synthetic")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=N_FILES, help=f"default: {N_FILES}")
    parser.add_argument("--frames", type=int, default=EM_FRAMES, help=f"of EM; default: {EM_FRAMES}")
    parser.add_argument("--peer", metavar="COMMAND", help="another classifier; gets the folder of the files")
    parser.add_argument("--keep", action="store_true", help=f"write the ratios to {KEPT.name}")
    arguments = parser.parse_args()
    without_kernel_settings()
    warnings.simplefilter("ignore")  # scikit-learn warns that one iteration does not converge
    with tempfile.TemporaryDirectory() as temporary, threadpool_limits(1):
        folder = Path(temporary, "files")
        long_file = write_recordings(folder, arguments.files, LONG_HOURS)
        assert long_file is not None
        by_class(folder)
        works = works_on_files(folder, long_file, model_file.load(shipped_model_file()))
        em, measures = em_works(arguments.recordings or folder, arguments.frames)
        measures = [*MEASURES, *measures]
        if arguments.peer:
            works["peer"] = command(*shlex.split(arguments.peer), str(folder))
            measures.append(Measure("classify all files", "peer"))
        found = measured(works | em, arguments.rounds)
    rows = [row(measure, found) for measure in measures]
    print(f"{machine()}, Python {platform.python_version()}, NumPy {np.__version__}; {arguments.files} files of 3 s")
    print(report(rows, [] if arguments.keep else kept_rows()))
    if not arguments.peer:
        print("no other classifier was raced: --peer COMMAND")
    if arguments.keep:
        keep(rows)
        print(KEPT)


def by_class(folder: Path) -> None:
    """Move the files to CLASS/SPEAKER: the voices are of two classes in turn, and there are fifty."""
    for file in sorted(folder.glob("*.wav")):
        number = int(file.stem)
        place = folder / ("female" if number % 2 else "male") / f"speaker{number % 50:02}"
        place.mkdir(parents=True, exist_ok=True)
        file.rename(place / file.name)


if __name__ == "__main__":
    main()

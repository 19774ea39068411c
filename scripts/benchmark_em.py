"""Benchmark EM on MFCCs of real speech against other implementations, in CPU time on one thread each.

    python scripts/benchmark_em.py RECORDINGS [--components 64 256 512 1024] [--delta-order 1] [--runs 7]

The frames come from the recordings in the folder RECORDINGS, with the default front end. For each number of components
a mixture is fitted for eight iterations. From it, one EM iteration (E-step and M-step) is timed: speechgmm on float32
frames, scikit-learn on float64 frames, EM as it is usually written in NumPy (float32), and PyTorch and JAX where they
are installed (`benchmark_em_peers`), alternately in this process. All figures are medians.

- iteration: milliseconds of speechgmm; the ratio of each other implementation to it; the ratio of it to the matrix
  products and exponentials alone; megabytes allocated beyond the frames; the time of the initialisation in iterations;
  the largest difference of the parameters to those of scikit-learn.
- toy: 200 to 20,000 frames of 2 dimensions, 3 components, against scikit-learn: one iteration, and a fit of ten.
- precision: relative difference of the log-likelihood after 50 iterations in single and in double precision.
- threads: wall time of an E-step with one thread divided by that with two (needs two idle cores), and whether the sums
  are the same to the last bit.

Settings of OpenBLAS that choose its kernel (`KERNEL_SETTINGS`) are named and removed: they are for other libraries and
slow this one down.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from benchmark_em_peers import BLOCK, Parameters, Singles, peers, scikit_learn, started
from speechgmm.corpus import find_audio
from speechgmm.corpus.recording import Recording
from speechgmm.features.extraction import recording_stretches
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import fit, update
from speechgmm.mixture.estep import EXPONENTIAL, Floats, score_blocks
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.initialisation import start
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import SHARD_FRAMES, shards_of
from speechgmm.mixture.statistics import accumulate, accumulate_shards
from speechgmm.workers.local import ordered_map

KERNEL_SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
UNFLOORED = EMOptions(variance_floor=0.0, min_occupancy=1e-9)
TOY_ITERATIONS = 10


def real_frames(folder: Path, n_frames: int, front_end: FrontEndOptions) -> Singles:
    """Speech frames of the recordings in a folder, (n_frames, D), in whole blocks."""
    found = (
        stretch.frames
        for file in find_audio(folder)
        for (stretch,) in recording_stretches(Recording(file=file, name=str(file), label=""), [front_end])
    )
    parts, n_found = [], 0
    for frames in found:
        parts.append(frames)
        n_found += len(frames)
        if n_found >= n_frames:
            break
    return np.concatenate(parts)[: min(n_found, n_frames) // BLOCK * BLOCK]


def toy_frames(n_frames: int) -> Singles:
    """Frames of three overlapping clusters in two dimensions."""
    rng = np.random.default_rng(0)
    centers = np.array([[-2.0, 0.0], [0.0, 1.5], [2.0, -1.0]])
    return (centers[rng.integers(3, size=n_frames)] + 1.2 * rng.normal(size=(n_frames, 2))).astype(np.float32)


def beginning_of(frames: Singles, n_components: int) -> DiagonalMixture:
    """The initial mixture of EM."""
    shards = shards_of(frames)
    family: Family[DiagonalMixture] = family_for("gaussian", shards, n_components)
    return start(shards, n_components, family, np.random.default_rng(0))


def our_iteration(mixture: DiagonalMixture, frames: Singles) -> Callable[[], Parameters]:
    """One E-step and M-step of speechgmm, as the peers."""
    family: Family[DiagonalMixture] = family_for("gaussian", shards_of(frames), mixture.n_components, options=UNFLOORED)

    def iteration() -> Parameters:
        gathered = accumulate(mixture, frames, axes=family.axes)
        after = update(gathered, family, min_occupancy=UNFLOORED.min_occupancy, may_reseed=0).mixture
        return after.weights, after.means, after.variances

    return iteration


def products_and_exponentials(mixture: DiagonalMixture, frames: Singles) -> Callable[[], None]:
    """Both matrix products and the exponentials of an E-step alone, in blocks of the same size, of the same frames.

    The coefficients are scaled so that no exponential is out of range.
    """
    _, block = next(score_blocks(frames, mixture.axes, mixture.coefficients))
    weights = mixture.coefficients * (50.0 / np.abs(block.z.T @ mixture.coefficients).max())
    weights, joint = weights.astype(np.float32), np.empty_like(block.likelihoods)
    sums = np.empty_like(weights)

    def run() -> None:
        for begin in range(0, len(frames), len(joint)):
            n = min(len(joint), len(frames) - begin)
            likelihoods = np.matmul(block.z[:, :n].T, weights, out=joint[:n])
            EXPONENTIAL(likelihoods, out=likelihoods)
            np.matmul(block.z[:, :n], likelihoods, out=sums)

    return run


def interleaved(works: Mapping[str, Callable[[], object]], runs: int, repeats: int = 1) -> dict[str, float]:
    """Median CPU time of each call in milliseconds. The calls take turns; the first of each turn is not timed."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            work()
            begin = time.process_time()
            for _ in range(repeats):
                work()
            times[name].append(1e3 * (time.process_time() - begin) / repeats)
    return {name: statistics.median(column) for name, column in times.items()}


def peak_megabytes(work: Callable[[], object]) -> float:
    """Peak memory that a call allocates, by tracemalloc (NumPy reports its arrays to it)."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def largest_error(parameters: Parameters, reference: Parameters) -> float:
    """Largest difference of a mean (in standard deviations), or relative difference of a variance or weight."""
    weights, means, variances = reference
    return float(
        max(
            np.abs((parameters[1] - means) / np.sqrt(variances)).max(),
            np.abs(parameters[2] / variances - 1.0).max(),
            np.abs(parameters[0] / weights - 1.0).max(),
        )
    )


def iteration_table(frames: Singles, sizes: list[int], runs: int) -> None:
    """One EM iteration."""
    print(f"{len(frames)} frames of {frames.shape[1]} dimensions, median of {runs} runs, CPU time\n")
    others = peers()
    columns = ["components", "speechgmm, ms", *(f"{name} / ours" for name in others), "ours / products, exponentials"]
    columns += ["speechgmm, MB", "scikit-learn, MB", "start, iterations", "error"]
    print(f"| {' | '.join(columns)} |\n|{' --: |' * len(columns)}")
    for n_components in sizes:
        eight = EMOptions(max_iterations=8, tolerance=0.0)
        mixture = fit(frames, beginning_of(frames, n_components), options=eight).mixture
        works: dict[str, Callable[[], object]] = {name: peer(mixture, frames) for name, peer in others.items()}
        ours, theirs = our_iteration(mixture, frames), scikit_learn(mixture, frames)
        works |= {"ours": ours, "bare": products_and_exponentials(mixture, frames)}
        works["start"] = functools.partial(beginning_of, frames, n_components)
        times = interleaved(works, runs)
        our_time = times["ours"]
        cells = [f"{n_components}", f"{our_time:.1f}", *(f"{times[name] / our_time:.2f}" for name in others)]
        cells += [f"{our_time / times['bare']:.2f}", f"{peak_megabytes(ours):.1f}", f"{peak_megabytes(theirs):.0f}"]
        cells += [f"{times['start'] / our_time:.1f}", f"{largest_error(ours(), theirs()):.0e}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def their_fit(beginning: DiagonalMixture, frames: Floats) -> object:
    """A fit of scikit-learn from this mixture."""
    return started(beginning, TOY_ITERATIONS).fit(frames)


def toy_table(runs: int) -> None:
    """Few frames of two dimensions: the time of a call counts, not that of the arithmetic."""
    print("\n| toy frames | iteration, us | scikit-learn / ours | fit, us | scikit-learn / ours |\n|" + " --: |" * 5)
    options = EMOptions(max_iterations=TOY_ITERATIONS, tolerance=0.0, variance_floor=0.0)
    for n_frames in (200, 2000, 20000):
        frames = toy_frames(n_frames)
        beginning, doubles = beginning_of(frames, 3), frames.astype(np.float64)
        assert fit(frames, beginning, options=options).n_iterations == TOY_ITERATIONS
        works: dict[str, Callable[[], object]] = {
            "ours": our_iteration(beginning, frames),
            "theirs": scikit_learn(beginning, frames),
            "our fit": functools.partial(fit, frames, beginning, options=options),
            "their fit": functools.partial(their_fit, beginning, doubles),
        }
        times = interleaved(works, runs, repeats=4000 // n_frames + 1)
        cells = [f"{n_frames}"]
        for ours, theirs in (("ours", "theirs"), ("our fit", "their fit")):
            cells += [f"{1e3 * times[ours]:.0f}", f"{times[theirs] / times[ours]:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def print_precision(frames: Singles, sizes: list[int]) -> None:
    """Relative difference of the final log-likelihoods of 50 iterations on float32 and on float64 frames."""
    options = EMOptions(max_iterations=50, tolerance=0.0)
    print()
    for n_components in sizes:
        beginning = beginning_of(frames, n_components)
        single, double = (fit(x, beginning, options=options).mixture for x in (frames, frames.astype(np.float64)))
        ours, reference = (mixture.log_likelihoods(frames.astype(np.float64)).mean() for mixture in (single, double))
        difference = abs(float(ours / reference) - 1.0)
        print(f"{n_components} components: float32 against float64 after 50 iterations {difference:.0e}", flush=True)


def print_speed_up(frames: Singles, sizes: list[int], runs: int) -> None:
    """Wall time of an E-step on eight shards with one thread divided by that with two; medians of interleaved runs."""
    many = shards_of(np.resize(frames, (8 * SHARD_FRAMES, frames.shape[1])).astype(np.float32))
    print()
    for n_components in sizes:
        mixture = beginning_of(frames, n_components)
        walls: dict[int, list[float]] = {1: [], 2: []}
        cpus: dict[int, list[float]] = {1: [], 2: []}
        sums = {}
        for _ in range(runs):
            for jobs in (1, 2):
                data = replace(many, execute=functools.partial(ordered_map, jobs=jobs, threads=True))
                wall, cpu = time.perf_counter(), time.process_time()
                sums[jobs] = accumulate_shards(mixture, data, axes=mixture.axes).sums
                walls[jobs].append(time.perf_counter() - wall)
                cpus[jobs].append(time.process_time() - cpu)
        gain, more = (statistics.median(times[1]) / statistics.median(times[2]) for times in (walls, cpus))
        same = "the same sums" if np.array_equal(sums[1], sums[2]) else "OTHER SUMS"
        print(f"{n_components} components: two threads {gain:.2f} times one, {1 / more:.2f} of the CPU time, {same}")


def without_kernel_settings() -> None:
    """Run this script again without the settings that choose a kernel, and with one thread, if that is not so."""
    environment = {name: value for name, value in os.environ.items() if name not in KERNEL_SETTINGS} | ONE_THREAD
    if environment != dict(os.environ):
        for name in KERNEL_SETTINGS:
            if name in os.environ:
                print(f"{name}={os.environ[name]} is set here, and removed", flush=True)
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606


def main() -> None:
    """Print the tables."""
    parts = ("iteration", "toy", "precision", "threads")
    parser = argparse.ArgumentParser(description="Benchmark EM against other implementations.")
    parser.add_argument("recordings", type=Path, metavar="RECORDINGS")
    parser.add_argument("--frames", type=int, default=20000)
    parser.add_argument("--components", type=int, nargs="+", default=[64, 256, 512, 1024])
    parser.add_argument("--delta-order", type=int, default=0, choices=[0, 1, 2])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts)
    arguments = parser.parse_args()
    without_kernel_settings()
    warnings.simplefilter("ignore")  # scikit-learn warns that one iteration does not converge
    kernels = {pool["architecture"] for pool in threadpool_info() if pool["internal_api"] == "openblas"}
    print(f"NumPy {np.__version__}, OpenBLAS kernel {', '.join(sorted(kernels))}, {EXPONENTIAL.__name__}")
    frames = real_frames(arguments.recordings, arguments.frames, FrontEndOptions(delta_order=arguments.delta_order))
    with threadpool_limits(1):
        if "iteration" in arguments.parts:
            iteration_table(frames, arguments.components, arguments.runs)
        if "toy" in arguments.parts:
            toy_table(arguments.runs)
        if "precision" in arguments.parts:
            print_precision(frames, arguments.components)
        if "threads" in arguments.parts:
            print_speed_up(frames, arguments.components, arguments.runs)


if __name__ == "__main__":
    main()

"""Benchmark one EM iteration against scikit-learn's GaussianMixture on MFCCs of real speech, one thread each.

    python scripts/benchmark_em.py RECORDINGS [--frames 40000] [--components 64 256 512] [--runs 5]

The frames come from the recordings in the folder RECORDINGS, with the default front end. For each number of components
a mixture is fitted for eight iterations. From it, one EM iteration (E-step and M-step) is timed as CPU time: speechgmm
on float32 frames and scikit-learn on float64 frames, alternately in this process. Prints the medians, their ratio, the
memory allocated beyond the frames, the time of the initialisation in iterations, and the largest difference of the
parameters. Then prints the relative difference of the log-likelihood after 50 iterations in single and in double
precision, and the wall time of an E-step with one thread divided by that with two (needs two idle cores).
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from speechgmm.corpus import find_audio
from speechgmm.corpus.recording import Recording
from speechgmm.features.extraction import recording_stretches
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import fit, update
from speechgmm.mixture.estep import Frames
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.initialisation import start
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import SHARD_FRAMES, shards_of
from speechgmm.mixture.statistics import accumulate, accumulate_shards
from speechgmm.workers.local import ordered_map

UNFLOORED = EMOptions(variance_floor=0.0, min_occupancy=1e-9)


def real_frames(folder: Path, n_frames: int, front_end: FrontEndOptions) -> Frames:
    """Speech frames of the recordings in a folder, (n_frames, D) in float32."""
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
    return np.concatenate(parts)[:n_frames]


def one_iteration(mixture: DiagonalMixture, frames: Frames, family: Family[DiagonalMixture]) -> DiagonalMixture:
    """One E-step and M-step of speechgmm."""
    gathered = accumulate(mixture, frames, axes=family.axes)
    return update(gathered, family, min_occupancy=UNFLOORED.min_occupancy, may_reseed=0).mixture


def beginning_of(frames: Frames, n_components: int) -> DiagonalMixture:
    """The initial mixture of EM."""
    shards = shards_of(frames)
    family: Family[DiagonalMixture] = family_for("gaussian", shards, n_components)
    return start(shards, n_components, family, np.random.default_rng(0))


def their_iteration(mixture: DiagonalMixture, frames: Frames) -> GaussianMixture:
    """One iteration of scikit-learn from the same mixture."""
    theirs = GaussianMixture(
        mixture.n_components,
        covariance_type="diag",
        reg_covar=0.0,
        tol=0.0,
        max_iter=1,
        weights_init=mixture.weights,
        means_init=mixture.means,
        precisions_init=1.0 / mixture.variances,
    )
    # `fit` also computes initial responsibilities that it does not use; these three calls are the iteration alone.
    theirs._initialize(frames, np.zeros((len(frames), mixture.n_components)))
    _, responsibilities = theirs._e_step(frames)
    theirs._m_step(frames, responsibilities)
    return theirs


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of a call."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def peak_megabytes(work: Callable[[], object]) -> float:
    """Peak memory that a call allocates, by tracemalloc (NumPy reports its arrays to it)."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def compare(frames: Frames, n_components: int, runs: int) -> str:
    """One row of the table."""
    starting = cpu_seconds(lambda: beginning_of(frames, n_components))
    options = EMOptions(max_iterations=8, tolerance=0.0)
    mixture = fit(frames, beginning_of(frames, n_components), options=options).mixture
    family: Family[DiagonalMixture] = family_for("gaussian", shards_of(frames), n_components, options=UNFLOORED)
    doubles = frames.astype(np.float64)

    def ours() -> DiagonalMixture:
        return one_iteration(mixture, frames, family)

    def theirs() -> GaussianMixture:
        return their_iteration(mixture, doubles)

    ours(), theirs()  # warm up
    times = [(cpu_seconds(ours), cpu_seconds(theirs)) for _ in range(runs)]
    our_time, their_time = (statistics.median(column) for column in zip(*times, strict=True))
    mixture_after, reference = ours(), theirs()
    error = max(
        np.abs((mixture_after.means - reference.means_) / np.sqrt(reference.covariances_)).max(),
        np.abs(mixture_after.variances / reference.covariances_ - 1.0).max(),
        np.abs(mixture_after.weights / reference.weights_ - 1.0).max(),
    )
    return (
        f"| {n_components} | {1e3 * our_time:.0f} | {1e3 * their_time:.0f} | {their_time / our_time:.1f} "
        f"| {peak_megabytes(ours):.1f} | {peak_megabytes(theirs):.0f} | {starting / our_time:.1f} | {error:.1e} |"
    )


def precision(frames: Frames, n_components: int) -> float:
    """Relative difference of the final log-likelihoods of 50 iterations on float32 and on float64 frames."""
    options = EMOptions(max_iterations=50, tolerance=0.0)
    beginning = beginning_of(frames, n_components)
    single, double = (fit(x, beginning, options=options).mixture for x in (frames, frames.astype(np.float64)))
    ours, reference = (mixture.log_likelihoods(frames.astype(np.float64)).mean() for mixture in (single, double))
    return abs(float(ours / reference) - 1.0)


def speed_up(frames: Frames, n_components: int, runs: int) -> float:
    """Wall time of an E-step on eight shards with one thread divided by that with two; medians of interleaved runs."""
    many = shards_of(np.resize(frames, (8 * SHARD_FRAMES, frames.shape[1])).astype(np.float32))
    mixture = beginning_of(frames, n_components)
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(runs):
        for jobs, walls in times.items():
            begin = time.perf_counter()
            execute = functools.partial(ordered_map, jobs=jobs, threads=True)
            accumulate_shards(mixture, replace(many, execute=execute), axes=mixture.axes)
            walls.append(time.perf_counter() - begin)
    return statistics.median(times[1]) / statistics.median(times[2])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Benchmark one EM iteration against scikit-learn.")
    parser.add_argument("recordings", type=Path, metavar="RECORDINGS")
    parser.add_argument("--frames", type=int, default=40000)
    parser.add_argument("--components", type=int, nargs="+", default=[64, 256, 512])
    parser.add_argument("--delta-order", type=int, default=0, choices=[0, 1])
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn warns that one iteration does not converge
    front_end = FrontEndOptions(delta_order=arguments.delta_order)
    frames = real_frames(arguments.recordings, arguments.frames, front_end)
    print(f"{len(frames)} frames of {frames.shape[1]} dimensions, median of {arguments.runs} runs, CPU time\n")
    print(
        "| components | speechgmm, ms | scikit-learn, ms | ratio "
        "| speechgmm, MB | scikit-learn, MB | start, iterations | error |"
    )
    print("| --: " * 8 + "|")
    with threadpool_limits(1):
        for n_components in arguments.components:
            print(compare(frames, n_components, arguments.runs), flush=True)
        print()
        for n_components in arguments.components:
            print(f"{n_components} components: float32 against float64 after 50 iterations, relative difference of the")
            print(f"  log-likelihood {precision(frames, n_components):.1e}; ", end="", flush=True)
            print(f"two threads {speed_up(frames, n_components, arguments.runs):.2f} times one", flush=True)


if __name__ == "__main__":
    main()

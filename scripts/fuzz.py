"""Fuzz everything that the package reads: mutated inputs must end in an answer that holds, or in an error.

    python scripts/fuzz.py --minutes 10 --seed 1 --keep findings/

Each target makes valid inputs, mutates them and reads them with an entry point of the package, in a process of its own
with limits on time and memory. The same seed gives the same cases, except for serial numbers that encoders draw. With
``--kills``, commands are killed while they work instead; see `fuzzing.kills`. Exit code 1 if anything was found.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from fuzzing.campaign import Counts, Plan, run, table
from fuzzing.trials import Limits
from fuzzing.worker import Factory


def factories() -> dict[str, Factory]:
    """All targets, by name; those of media files only where the extra is installed."""
    from fuzzing.kept_files import Checkpoints, KeptFeatures, Models
    from fuzzing.live_sound import LiveSound
    from fuzzing.sound_files import SOUND_TARGETS
    from fuzzing.text_files import Manifests, Recipes, References, ScoreTables

    media: dict[str, Factory] = {}
    if importlib.util.find_spec("av") is not None:
        from fuzzing.media_files import MEDIA_TARGETS

        media = dict(MEDIA_TARGETS)
    return {
        **SOUND_TARGETS,
        **media,
        "live sound": LiveSound,
        "manifest": Manifests,
        "reference": References,
        "scores": ScoreTables,
        "recipe": Recipes,
        "model": Models,
        "checkpoint": Checkpoints,
        "features": KeptFeatures,
    }


def main() -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser(description="Fuzz everything that the package reads.")
    parser.add_argument("--minutes", type=float, default=1.0, help="duration (default: 1)")
    parser.add_argument("--cases", type=int, metavar="N", help="cases of each target, instead of a duration")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first case (default: 0)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="+", metavar="TARGET", help="names in the table (default: all)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the inputs that were found")
    parser.add_argument("--kills", type=int, metavar="N", help="kill each command N times, instead of fuzzing")
    parser.add_argument("--patience", type=float, default=60.0, metavar="S", help="seconds of a case (default: 60)")
    arguments = parser.parse_args()
    if arguments.kills:
        return _kill(arguments.kills, arguments.seed)
    chosen = factories()
    if arguments.targets:
        if unknown := set(arguments.targets) - set(chosen):
            parser.error(f"there is no target {unknown.pop()!r}, expected some of {', '.join(chosen)}")
        chosen = {name: chosen[name] for name in arguments.targets}
    plan = Plan(
        seed=arguments.seed,
        seconds=float("inf") if arguments.cases else 60 * arguments.minutes,
        first=arguments.first,
        n_cases=arguments.cases,
        keep=arguments.keep,
        limits=Limits(seconds=arguments.patience),
    )
    counts: Counts = {}
    n_found, begin = 0, time.monotonic()
    with suppress(KeyboardInterrupt):
        for finding in run(chosen, plan, counts):
            n_found += 1
            print(
                f"{finding.target}, case {finding.number}: {finding.mutation[:200]}\n{finding.verdict.kind}", flush=True
            )
            print(finding.verdict.detail, file=sys.stderr, flush=True)
    print(f"\nseed {plan.seed}, {(time.monotonic() - begin) / 60:.1f} minutes, {n_found} findings\n\n{table(counts)}")
    return 1 if n_found else 0


def _kill(n_kills: int, seed: int) -> int:
    from fuzzing.kills import HEADER, kill_all, row

    n_found, begin = 0, time.monotonic()
    print(HEADER)
    with tempfile.TemporaryDirectory(prefix="speechgmm-kills-") as folder:
        for name, counts, faults in kill_all(n_kills, seed, Path(folder)):
            print(row(name, counts, faults), flush=True)
            print("".join(f"{name}, {fault}\n" for fault in faults), end="", file=sys.stderr, flush=True)
            n_found += len(faults)
    print(f"\nseed {seed}, {(time.monotonic() - begin) / 60:.1f} minutes, {n_found} findings")
    return 1 if n_found else 0


if __name__ == "__main__":
    sys.exit(main())

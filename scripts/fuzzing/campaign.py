"""A campaign: cases of all targets in turn, until the time is over or each has had its number."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from fuzzing.trials import FAULTS, KINDS, Limits, Verdict
from fuzzing.worker import Factory, Worker


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A case that ended in a fault."""

    target: str
    number: int
    mutation: str
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run.

    Attributes
    ----------
    seed : int
    seconds : float
        After which no further case is begun.
    first : int
        Number of the first case of each target.
    n_cases : int or None
        Cases of each target; None for as many as there is time for.
    keep : Path, optional
        Folder for the inputs of findings.
    limits : Limits
    """

    seed: int = 0
    seconds: float = float("inf")
    first: int = 0
    n_cases: int | None = None
    keep: Path | None = None
    limits: Limits = field(default_factory=Limits)


Counts = dict[str, Counter[str]]
"""Number of cases by target and kind."""


def run(factories: Mapping[str, Factory], plan: Plan, counts: Counts) -> Iterator[Finding]:
    """Run a campaign.

    Parameters
    ----------
    factories : mapping of str to callable
        By the name of the target.
    plan : Plan
    counts : dict
        Is filled in.

    Yields
    ------
    Finding
        As it is found.
    """
    end = time.monotonic() + plan.seconds
    counts.update({name: Counter() for name in factories})
    numbers = itertools.count(plan.first) if plan.n_cases is None else range(plan.first, plan.first + plan.n_cases)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="speechgmm-fuzz-")))
        worker = Worker(factories, plan.seed, folder, plan.limits)
        stack.callback(worker.stop)
        for number, name in ((number, name) for number in numbers for name in factories):
            if time.monotonic() > end:
                return
            mutation, verdict = worker.run(name, number)
            counts[name][verdict.kind] += 1
            if verdict.kind in FAULTS:
                finding = Finding(target=name, number=number, mutation=mutation, verdict=verdict)
                _keep(plan.keep, finding, worker.input)
                yield finding


def table(counts: Counts) -> str:
    """The counts as a table in Markdown."""
    total = sum(counts.values(), Counter())
    rows = [f"| target | cases | {' | '.join(KINDS)} |", f"| :-- | --: |{' --: |' * len(KINDS)}"]
    for name, found in (*counts.items(), ("all", total)):
        rows.append(f"| {name} | {found.total():,} | {' | '.join(f'{found[kind]:,}' for kind in KINDS)} |")
    return "\n".join(rows)


def _keep(folder: Path | None, finding: Finding, file: Path) -> None:
    """Keep the input of a finding, and what is known of it beside it."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{finding.target}-{finding.number}-{finding.verdict.kind.replace(' ', '-')}"
    shutil.copy(file, folder / f"{stem}-{file.name}")
    (folder / f"{stem}.txt").write_text(f"{finding.mutation}\n\n{finding.verdict.detail}\n", encoding="utf-8")

"""Work spread over processes or threads, with results in the order of the work and independent of how it was spread."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import joblib
from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")


class Workers(Protocol):
    """Who does the work of a training; each method applies a function to items and gives the results in their order."""

    def read(self, function: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
        """For many small items, such as recordings to read."""

    def compute(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """For long numeric work."""


@dataclass(frozen=True)
class LocalWorkers:
    """Workers on this machine: processes to read, threads to compute.

    Attributes
    ----------
    jobs : int
        How many; negative counts down from the number of cores as joblib does.
    """

    jobs: int = 1

    def read(self, function: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
        """Apply the function in processes."""
        return ordered_map(function, items, jobs=self.jobs)

    def compute(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """Apply the function in threads."""
        return ordered_map(function, items, jobs=self.jobs, threads=True)


def ordered_map(function: Callable[[T], R], items: Iterable[T], *, jobs: int, threads: bool = False) -> Iterator[R]:
    """Apply a function to items, lazily and in order.

    The numeric libraries get one thread each, whatever `jobs` is: with more, the last digits of their sums, and so a
    model's bytes, would depend on the machine's cores.

    Parameters
    ----------
    function : callable
        Without side effects; for processes it must be picklable.
    items : iterable
        Consumed one by one with one job, as workers become free with more.
    jobs : int
        How many workers; 1 works in this process, negative counts down from the number of cores as joblib does.
    threads : bool
        Threads instead of processes, for long numeric work on large arrays.

    Yields
    ------
    The result for each item, in order.
    """
    backend = "threading" if threads else "loky"
    with threadpool_limits(1), joblib.parallel_config(backend, inner_max_num_threads=None if threads else 1):
        tasks = (joblib.delayed(function)(item) for item in items)
        results = joblib.Parallel(n_jobs=jobs, return_as="generator")(tasks)
        try:
            yield from itertools.chain(results)  # itself it would be closed before the warning is silenced
        finally:
            # Who stops early, by Ctrl-C or a closed pipe, need not hear that work in hand was dropped.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                results.close()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let the numeric libraries work with one thread, for the same reason as `ordered_map` does; a decorator too."""
    with threadpool_limits(1):
        yield

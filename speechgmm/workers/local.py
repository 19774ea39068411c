"""Work spread over processes or threads, with results in the order of the work and independent of how it was spread."""

from __future__ import annotations

import functools
import itertools
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ContextDecorator, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

import joblib
from threadpoolctl import OpenBLASController, ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Who does the work of a training; each method applies a function to items and gives the results in their order."""

    def read(self, function: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
        """For many small items, such as recordings to read."""

    def compute(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """For long numeric work."""


@dataclass(frozen=True)
class LocalExecutor:
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
    """Apply a function to items, lazily and in order; each item is worked on by a single thread (`single_thread`).

    Parameters
    ----------
    function : callable
        Without side effects; for processes it must be picklable.
    items : iterable
        Consumed one by one with one job, as workers become free with more.
    jobs : int
        Number of workers; 1 works in this process, negative counts down from the number of cores as joblib does.
    threads : bool
        Threads instead of processes, for long numeric work on large arrays.

    Yields
    ------
    The result for each item, in order.
    """
    # The configuration is left again at once: what runs between two results is the caller's.
    with joblib.parallel_config("threading" if threads else "loky", inner_max_num_threads=None if threads else 1):
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator")
    work = functools.partial(_work_on, function)
    results = parallel(joblib.delayed(work)(item) for item in items)
    try:
        yield from itertools.chain(results)  # `results` itself would be closed before the warning is silenced
    finally:
        # After Ctrl-C or a closed pipe, unfinished work is dropped: joblib's warning tells the user nothing.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()


def _work_on(function: Callable[[T], R], item: T) -> R:
    with single_thread:
        return function(item)


class SingleThread(ContextDecorator):
    """Limits the numeric libraries of this process to one thread; a context manager and a decorator.

    With more threads a matrix product is cut differently on each machine, and the last digits of its sums, and so a
    model's bytes, would depend on the number of cores. The limit is the process's: the first thread that enters sets
    it, the last that leaves restores what was there before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._n_modules = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                if self._n_modules != len(sys.modules):  # finding the libraries takes milliseconds
                    self._n_modules, self._libraries = len(sys.modules), ThreadpoolController()
                with _control_of_threads():
                    self._limits = self._libraries.limit(limits=1)
            self._n_inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                with _control_of_threads():
                    self._limits.restore_original_limits()


@contextmanager
def _control_of_threads() -> Iterator[None]:
    """Let this thread set the limit: threadpoolctl obeys only the thread that set one before, until it gives way."""
    OpenBLASController.clear_controlling_thread(force=True)
    yield
    OpenBLASController.clear_controlling_thread(force=True)


single_thread = SingleThread()


def single_threaded(items: Iterable[T]) -> Iterator[T]:
    """The items of a lazy iterable; the work for each is done by a single thread, what the caller does is not."""
    iterator = iter(items)
    with suppress(StopIteration):
        while True:
            with single_thread:
                item = next(iterator)
            yield item

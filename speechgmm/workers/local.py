"""Executors on this machine: processes and threads. Results keep the order of the items and do not depend on `jobs`."""

from __future__ import annotations

import functools
import itertools
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ContextDecorator, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import joblib
from threadpoolctl import OpenBLASController, ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")


class Executor(Protocol):
    """Runs the work of a training. Each method applies a function to items and yields the results in order."""

    def read(self, function: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
        """For many short tasks, such as reading recordings."""

    def compute(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """For long numeric work."""


@dataclass(frozen=True)
class LocalExecutor:
    """Workers on this machine: processes for `read`, threads for `compute`.

    Attributes
    ----------
    jobs : int
        Number of workers; negative counts down from the number of cores as in joblib.
    """

    jobs: int = 1

    def read(self, function: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
        """Apply the function in processes."""
        return ordered_map(function, items, jobs=self.jobs)

    def compute(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterable[R]:
        """Apply the function in threads."""
        return ordered_map(function, items, jobs=self.jobs, threads=True)


def ordered_map(function: Callable[[T], R], items: Iterable[T], *, jobs: int, threads: bool = False) -> Iterator[R]:
    """Apply a function to items, lazily and in order, each item with a single thread (`single_thread`).

    Parameters
    ----------
    function : callable
        Without side effects; for processes it must be picklable.
    items : iterable
        With one job, consumed one by one; with more, as workers become free.
    jobs : int
        Number of workers; 1 works in this process, negative counts down from the number of cores as in joblib.
    threads : bool
        Threads instead of processes, for long numeric work on large arrays.

    Yields
    ------
    The result for each item, in order.
    """
    # The configuration must end here: the caller's code runs between two results.
    with joblib.parallel_config("threading" if threads else "loky", inner_max_num_threads=None if threads else 1):
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator")
    work = functools.partial(_apply, function)
    if not threads and joblib.effective_n_jobs(jobs) > 1:
        work = functools.partial(_apply_in_folder, _current_folder(), function)
    results = parallel(joblib.delayed(work)(item) for item in items)
    try:
        yield from itertools.chain(results)  # without `chain`, `results` would be closed before `finally`
    finally:
        # Unfinished work is dropped, for example after Ctrl-C or a closed pipe. joblib's warning of it is no help.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            results.close()


def _apply(function: Callable[[T], R], item: T) -> R:
    with single_thread:
        return function(item)


def _apply_in_folder(folder: Path | None, function: Callable[[T], R], item: T) -> R:
    """Apply the function in a worker process, which joblib may have started when the caller was in another folder."""
    if folder is not None and folder != _current_folder():
        os.chdir(folder)
    return _apply(function, item)


def _current_folder() -> Path | None:
    """The current folder; None if it was deleted."""
    with suppress(FileNotFoundError):
        return Path.cwd()
    return None


class SingleThread(ContextDecorator):
    """Context manager and decorator that limits the numeric libraries of this process to one thread.

    With several threads, the order of summation in a matrix product depends on the number of cores. The last digits of
    the sums, and so the bytes of a model, would differ between machines. The limit is valid for the whole process: the
    first thread that enters sets it, and the last thread that leaves restores the previous limits.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0  # threads
        self._n_modules = 0  # when the libraries were listed

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                if self._n_modules != len(sys.modules):  # listing the libraries takes milliseconds
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
    """Let this thread change the limit. threadpoolctl accepts changes only from the thread that set the last limit."""
    OpenBLASController.clear_controlling_thread(force=True)
    yield
    OpenBLASController.clear_controlling_thread(force=True)


single_thread = SingleThread()


def single_threaded(items: Iterable[T]) -> Iterator[T]:
    """Yield the items of a lazy iterable. Each item is computed with a single thread; the caller is not limited."""
    iterator = iter(items)
    with suppress(StopIteration):
        while True:
            with single_thread:
                item = next(iterator)
            yield item

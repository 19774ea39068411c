"""Executors on this machine: processes and threads. Results keep the order of the items and do not depend on `jobs`.

joblib and multiprocessing are imported where workers are started: most commands need none.
"""

from __future__ import annotations

import functools
import itertools
import os
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ContextDecorator, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from threadpoolctl import OpenBLASController, ThreadpoolController

from speechgmm.errors import WorkerError

T = TypeVar("T")
R = TypeVar("R")

WATCH_S = 0.5  # between two looks of a worker at its parent

TERMINAL_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name))
"""Signals that a terminal sends to all processes of a command."""

_PROCESS = os.getpid()  # a forked process has another number, and must not use the workers of this one


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
        Number of workers; 1 works in this process, negative counts down from the number of cores as in joblib. Where
        processes cannot work together (`process_count`), this process does all of the work.
    threads : bool
        Threads instead of processes, for long numeric work on large arrays.

    Yields
    ------
    The result for each item, in order.

    Raises
    ------
    WorkerError
        If a worker process was killed.
    """
    n_workers = thread_count(jobs) if threads else process_count(jobs)
    if n_workers == 1:
        yield from (_apply(function, item) for item in items)
        return
    if threads:
        yield from _map_in_threads(functools.partial(_apply, function), items, n_workers)
        return
    import joblib

    # The configuration must end here: the caller's code runs between two results.
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        at_start = {"initializer": _end_with_parent, "initargs": (os.getpid(),)}
        parallel = joblib.Parallel(n_jobs=n_workers, return_as="generator", **at_start)
    work = _in_folder(function)
    with _killed_workers_named():
        with _out_of_reach():
            results = parallel(joblib.delayed(work)(item) for item in items)
        try:
            yield from itertools.chain(results)  # without `chain`, `results` would be closed before `finally`
        finally:
            # Unfinished work is dropped, for example after Ctrl-C or a closed pipe. joblib's warning of it is no help.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                results.close()


def _map_in_threads(function: Callable[[T], R], items: Iterable[T], n_threads: int) -> Iterator[R]:
    """Apply a function in threads. They start in a fraction of a millisecond; those of joblib take 30 ms for each call.

    At most twice as many items as threads wait or are worked on. Unfinished work is dropped, see `while_wanted`.
    """
    pending: deque[Future[R]] = deque()
    dropped = threading.Event()
    with ThreadPoolExecutor(n_threads, initializer=_work_until, initargs=(dropped,)) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) == 2 * n_threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            dropped.set()
            for future in pending:
                future.cancel()


_of_thread = threading.local()


def _work_until(dropped: threading.Event) -> None:
    _of_thread.dropped = dropped


class _DroppedError(Exception):
    """The work of this thread is no longer wanted. Nothing waits for its result."""


def while_wanted(items: Iterable[T]) -> Iterator[T]:
    """Yield the parts of a long task; raise an error in a thread of `ordered_map` whose work was dropped.

    A process can be ended, a thread cannot: it has to look whether its work is still wanted.
    """
    dropped: threading.Event | None = getattr(_of_thread, "dropped", None)
    for item in items:
        if dropped is not None and dropped.is_set():
            raise _DroppedError
        yield item


@contextmanager
def _killed_workers_named() -> Iterator[None]:
    from concurrent.futures.process import BrokenProcessPool

    try:
        yield
    except BrokenProcessPool as error:
        raise WorkerError(
            "a worker process was killed, as happens where memory is short: use fewer jobs, or one"
        ) from error


def thread_count(jobs: int) -> int:
    """Number of worker threads for a number of jobs; negative counts down from the number of cores as in joblib."""
    if jobs > 0:
        return jobs
    import joblib

    with joblib.parallel_config("threading"):
        return int(joblib.effective_n_jobs(jobs))


def process_count(jobs: int) -> int:
    """Number of worker processes for a number of jobs.

    Parameters
    ----------
    jobs : int
        Negative counts down from the number of cores as in joblib.

    Returns
    -------
    int
        1 where processes cannot work together: on a system without semaphores, as without ``/dev/shm``, and in a
        process that was itself forked or is a daemon.
    """
    if jobs == 1 or os.getpid() != _PROCESS:
        return 1
    import joblib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it is 1
        with joblib.parallel_config("loky"):
            return int(joblib.effective_n_jobs(jobs))


@contextmanager
def _out_of_reach() -> Iterator[None]:
    """Start worker processes that Ctrl-C and a closed terminal do not reach: this process ends them in order."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        # The workers inherit the mask. They start the tracker first, which unblocks signals where it is started.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent(parent: int) -> None:
    """In a worker process: end soon after the parent, also when that is killed. On Windows this has no effect."""
    for number in TERMINAL_SIGNALS:
        signal.signal(number, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _apply(function: Callable[[T], R], item: T) -> R:
    with single_thread:
        return function(item)


def _in_folder(function: Callable[[T], R]) -> Callable[[T], R]:
    return functools.partial(_apply_in_folder, _current_folder(), function)


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

    def unlock(self) -> None:
        """Free the lock in a process that was just forked: the thread that held it is not in this process."""
        self._lock = threading.Lock()

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
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=single_thread.unlock)


def single_threaded(items: Iterable[T]) -> Iterator[T]:
    """Yield the items of a lazy iterable. Each item is computed with a single thread; the caller is not limited."""
    iterator = iter(items)
    with suppress(StopIteration):
        while True:
            with single_thread:
                item = next(iterator)
            yield item

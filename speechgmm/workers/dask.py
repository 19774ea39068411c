"""Executor on other machines, by Dask. Work and order are those of the local executor, and so is the model.

Items are sent in few large tasks. A worker keeps the features that it extracts in its own folder, and later work on
them is sent to the same worker. If it dies, another worker extracts the missing features again from the audio.
"""

from __future__ import annotations

import gc
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Any, Protocol, TypeVar, runtime_checkable

from speechgmm.errors import ClusterError, OptionError
from speechgmm.workers.local import single_thread

T = TypeVar("T")
R = TypeVar("R")

TASKS_PER_THREAD = 4  # per map: few tasks, but a slow one delays the others little
CONNECT_S = 10
SAME_VERSION = ("speechgmm", "numpy", "librosa")  # with other versions the last digits may differ


@runtime_checkable
class Attributed(Protocol):
    """A result of which the worker that made it keeps a part, with the address of this worker."""

    def at(self, worker: str) -> Any:
        """The same result with the address of its worker."""


class DaskExecutor:
    """Workers of a Dask cluster, as an `Executor`.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, function: Callable[[T], R], items: Sequence[T], /) -> Iterator[R]:
        """Apply the function on the workers."""
        return self.compute(function, items)

    def compute(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """Apply the function on the workers; an item goes to the worker that made it, if that worker is alive."""
        from distributed import KilledWorker

        items = list(items)
        n_threads = sum(self._client.nthreads().values()) or 1
        size = math.ceil(len(items) / (TASKS_PER_THREAD * n_threads)) or 1
        parts = [items[begin : begin + size] for begin in range(0, len(items), size)]
        futures = [self._submit(function, part) for part in parts]
        try:
            while futures:
                yield from futures[0].result()
                del futures[0]  # so that the cluster frees its result
        except KilledWorker as error:
            raise ClusterError(f"a task failed because every worker that tried it died: {error}") from error

    def _submit(self, function: Callable[[T], R], part: list[T]) -> Any:
        worker = getattr(part[0], "worker", "")
        placement = {"workers": [worker], "allow_other_workers": True} if worker else {}
        return self._client.submit(_work, function, part, pure=False, **placement)


def _work(function: Callable[[T], R], part: list[T]) -> list[R]:
    from distributed import get_worker

    address = get_worker().address
    with single_thread:
        results = [function(item) for item in part]
    return [result.at(address) if isinstance(result, Attributed) else result for result in results]


@contextmanager
def connected(address: str) -> Iterator[DaskExecutor]:
    """Connect to a cluster and check that it can do the work.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://host:8786``.

    Yields
    ------
    DaskExecutor

    Raises
    ------
    OptionError
        If Dask is not installed.
    ClusterError
        If the cluster cannot be reached, has no workers, or a part of it has other versions or not this package.
    """
    client = _client(address)
    if client is None:
        # Garbage collection closes the failed client. It must not do so while another client starts: both take the
        # same lock.
        gc.collect()
        raise ClusterError(
            f"{address}: no Dask scheduler answers within {CONNECT_S} s: start one with 'dask scheduler', or correct "
            "the address"
        )
    with client:
        _check_workers(address, client)
        yield DaskExecutor(client)


def _client(address: str) -> Any:
    """A client of the scheduler at this address; None if no scheduler answers."""
    try:
        from distributed import Client
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise OptionError("work on a cluster needs Dask: pip install 'speechgmm[dask]'") from error

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # `_check_workers` raises an error instead
            return Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]  # not annotated
    except (OSError, ValueError):
        return None


def _check_workers(address: str, client: Any) -> None:
    if not client.nthreads():
        raise ClusterError(f"{address}: the scheduler has no workers: start some with 'dask worker {address}'")
    # The scheduler also deserialises tasks.
    for place, run in (("the scheduler", client.run_on_scheduler), ("a worker", client.run)):
        for package in SAME_VERSION:
            expected = metadata.version(package)
            try:
                reply = run(metadata.version, package)
            except metadata.PackageNotFoundError as error:
                raise ClusterError(
                    f"{address}: {place} has no {package}: install speechgmm {metadata.version('speechgmm')} on every "
                    "machine of the cluster"
                ) from error
            versions = set(reply.values()) if isinstance(reply, dict) else {reply}
            if versions != {expected}:
                raise ClusterError(
                    f"{address}: {place} has {package} {', '.join(sorted(versions - {expected}))}, but this machine "
                    f"has {expected}: install the same version"
                )

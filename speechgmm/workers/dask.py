"""Workers on other machines, by Dask: the same work in the same order, so the same model.

Results are asked for in few large tasks. What a worker extracts it keeps in its own features folder, and work on it
goes to that worker again while it lives; another one that has to step in makes what it lacks from the audio.
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

TASKS_PER_THREAD = 4  # each thread of a worker gets so many tasks a map: few, but one that is slow holds up little
CONNECT_S = 10
SAME = ("speechgmm", "numpy", "librosa")  # with other versions the last digits may differ


@runtime_checkable
class Homed(Protocol):
    """Something a worker made and keeps part of."""

    def at(self, home: str) -> Any:
        """The same, with the address of that worker."""


class DaskExecutor:
    """Workers of a Dask cluster: see `parallel.Executor`.

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
        """Apply the function on the workers; an item that has a home is preferably worked on there."""
        from distributed import KilledWorker

        items = list(items)
        n_threads = sum(self._client.nthreads().values()) or 1
        size = math.ceil(len(items) / (TASKS_PER_THREAD * n_threads)) or 1
        parts = [items[begin : begin + size] for begin in range(0, len(items), size)]
        futures = [self._submit(function, part) for part in parts]
        try:
            while futures:
                yield from futures[0].result()
                del futures[0]  # or the cluster would keep its result
        except KilledWorker as error:
            raise ClusterError(f"the cluster lost every worker that tried a piece of the work: {error}") from error

    def _submit(self, function: Callable[[T], R], part: list[T]) -> Any:
        home = getattr(part[0], "home", "")
        where = {"workers": [home], "allow_other_workers": True} if home else {}
        return self._client.submit(_work, function, part, pure=False, **where)


def _work(function: Callable[[T], R], part: list[T]) -> list[R]:
    from distributed import get_worker

    address = get_worker().address
    with single_thread:
        results = [function(item) for item in part]
    return [result.at(address) if isinstance(result, Homed) else result for result in results]


@contextmanager
def connected(address: str) -> Iterator[DaskExecutor]:
    """The workers of a cluster, once it is clear that they can do the work.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://host:8786``.

    Raises
    ------
    OptionError
        If Dask is not installed.
    ClusterError
        If the cluster cannot be reached, has no workers, or one of them lacks this package or has other versions.
    """
    client = _client(address)
    if client is None:
        # The client that came to nothing closes itself when it is collected. That must not happen while another one is
        # being started: both take the same lock.
        gc.collect()
        raise ClusterError(
            f"{address}: no Dask scheduler answers within {CONNECT_S} s: start one with 'dask scheduler', or mend the "
            "address"
        )
    with client:
        _check_workers(address, client)
        yield DaskExecutor(client)


def _client(address: str) -> Any:
    """A client of the scheduler there; None where none answers."""
    try:
        from distributed import Client
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise OptionError("work on a cluster needs Dask: pip install 'speechgmm[dask]'") from error

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # it is an error of `_check_workers`
            return Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]  # it is untyped
    except (OSError, ValueError):
        return None


def _check_workers(address: str, client: Any) -> None:
    if not client.nthreads():
        raise ClusterError(f"{address}: the scheduler has no workers: start some with 'dask worker {address}'")
    # The scheduler, too, unpacks what it hands on.
    for place, run in (("the scheduler", client.run_on_scheduler), ("a worker", client.run)):
        for package in SAME:
            mine = metadata.version(package)
            try:
                found = run(metadata.version, package)
            except metadata.PackageNotFoundError as error:
                raise ClusterError(
                    f"{address}: {place} has no {package}: install speechgmm {metadata.version('speechgmm')} wherever "
                    "the cluster runs"
                ) from error
            theirs = set(found.values()) if isinstance(found, dict) else {found}
            if theirs != {mine}:
                raise ClusterError(
                    f"{address}: {place} has {package} {', '.join(sorted(theirs - {mine}))}, but {mine} is expected, "
                    "as here"
                )

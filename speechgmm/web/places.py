"""Bounds on what the server does at the same time: requests, bytes in memory, work; and work that is dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TypeVar

import anyio
import anyio.to_thread

from speechgmm.web.limits import Limits
from speechgmm.web.problems import ProblemError

T = TypeVar("T")

RETRY = {"Retry-After": "2"}


class DroppedError(Exception):
    """The work is no longer wanted: its client left. Nothing waits for its result."""


class Wanted:
    """Whether work is still wanted. A thread cannot be ended: it has to look.

    Parameters
    ----------
    limit_s : float
        Seconds for the work, from its begin.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._dropped = threading.Event()

    def drop(self) -> None:
        """Tell that the work is not wanted."""
        self._dropped.set()

    def passing(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the parts of the work.

        Raises
        ------
        DroppedError
            If the work was dropped.
        ProblemError
            If it takes too long.
        """
        end = time.monotonic() + self._limit_s
        for item in items:
            if self._dropped.is_set():
                raise DroppedError
            if time.monotonic() > end:
                raise ProblemError(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    f"the work on this recording took longer than {self._limit_s:g} s, the limit of this server: send "
                    "parts of it",
                )
            yield item


class Places:
    """Counts the requests and live streams, and the bytes that they hold. All methods run in the event loop.

    Parameters
    ----------
    limits : Limits

    Attributes
    ----------
    limits : Limits
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._n_requests = self._n_live = self._n_bytes = 0
        self._workers: anyio.CapacityLimiter | None = None
        self._listeners: anyio.CapacityLimiter | None = None
        self._at_work: set[Wanted] = set()

    @contextmanager
    def request(self) -> Iterator[None]:
        """A place for a request; refused with 429 if there is none."""
        if self._n_requests >= self.limits.requests:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self._n_requests} requests are being answered, the limit of this server: try again",
                RETRY,
            )
        self._n_requests += 1
        try:
            yield
        finally:
            self._n_requests -= 1

    @contextmanager
    def live(self) -> Iterator[None]:
        """A place for a live stream; refused with 503 if there is none."""
        if self._n_live >= self.limits.live:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._n_live} live streams are open, the limit of this server: try again later",
                RETRY,
            )
        self._n_live += 1
        try:
            yield
        finally:
            self._n_live -= 1

    @contextmanager
    def memory(self) -> Iterator[Callable[[int], None]]:
        """Memory for a body: a function that takes so many more bytes, or refuses with 503. All are given back."""
        taken = 0

        def take(n_bytes: int) -> None:
            nonlocal taken
            if self._n_bytes + n_bytes > self.limits.memory_bytes:
                raise ProblemError(
                    HTTPStatus.SERVICE_UNAVAILABLE, "the memory of this server for uploads is full: try again", RETRY
                )
            taken += n_bytes
            self._n_bytes += n_bytes

        try:
            yield take
        finally:
            self._n_bytes -= taken

    @contextmanager
    def wanted(self, limit_s: float) -> Iterator[Wanted]:
        """Work that is wanted until this context ends."""
        wanted = Wanted(limit_s)
        self._at_work.add(wanted)
        try:
            yield wanted
        finally:
            wanted.drop()
            self._at_work.discard(wanted)

    def drop_all(self) -> None:
        """Drop all work: the server ends."""
        for wanted in self._at_work:
            wanted.drop()

    async def work(self, function: Callable[[], T]) -> T:
        """Run a function in one of the worker threads, when one is free."""
        if self._workers is None:
            self._workers = anyio.CapacityLimiter(self.limits.workers)
        return await anyio.to_thread.run_sync(function, limiter=self._workers)

    async def listen(self, function: Callable[[], T]) -> T:
        """Run a function in the thread of a live stream, which mostly waits for sound."""
        if self._listeners is None:
            self._listeners = anyio.CapacityLimiter(self.limits.live)
        return await anyio.to_thread.run_sync(function, limiter=self._listeners)

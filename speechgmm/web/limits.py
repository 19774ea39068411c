"""Limits of the server: what one request may take, and all of them together."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from speechgmm.argument_checks import number, wrong

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of the server; all are positive.

    Attributes
    ----------
    upload_bytes : int
        Of the body of a request.
    memory_bytes : int
        Of all bodies that are in memory.
    requests : int
        Requests that are read, wait or are worked on at the same time. Further ones are refused with 429.
    workers : int
        Requests that are worked on at the same time; the others wait.
    live : int
        Live streams at the same time.
    request_s : float
        Seconds for reading a body, and again for the work on it.
    stall_s : float
        Seconds that a client may be silent while it sends a body or live sound, or take nothing of its answer.
    live_s : float
        Seconds of sound in a live stream.
    """

    upload_bytes: int = 200 * MEGABYTE
    memory_bytes: int = 800 * MEGABYTE
    requests: int = 256
    workers: int = 2
    live: int = 8
    request_s: float = 900.0
    stall_s: float = 30.0
    live_s: float = 4 * 3600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, expected = getattr(self, field.name), "a positive number"
            if not 0 < number(field.name, value, expected) < math.inf:
                raise wrong(field.name, value, expected)

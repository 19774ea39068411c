"""The bounds on requests, memory and work."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")

from speechgmm.errors import OptionError
from speechgmm.web.limits import Limits
from speechgmm.web.places import DroppedError, Places, Wanted
from speechgmm.web.problems import ProblemError


def test_memory_is_given_back() -> None:
    """Bytes count until their request ends, also if it was refused."""
    places = Places(Limits(memory_bytes=100))
    with places.memory() as take:
        take(60)
        with places.memory() as more:
            more(30)
            with pytest.raises(ProblemError, match="the memory of this server for uploads is full"):
                more(20)
        with places.memory() as others:
            others(40)
    with places.memory() as take:
        take(100)


def test_requests_and_live_streams_are_counted() -> None:
    """The one too many is refused, with the time after which to try again; a place that is left is free."""
    places = Places(Limits(requests=1, live=1))
    for place, status in ((places.request, 429), (places.live, 503)):
        with place(), pytest.raises(ProblemError) as caught, place():
            pass
        assert (caught.value.status, caught.value.headers) == (status, {"Retry-After": "2"})
        with place():
            pass


def test_work_that_is_not_wanted_ends() -> None:
    """When its request has ended, when the server ends, and when it takes too long."""
    places = Places(Limits())
    with places.wanted(60.0) as wanted:
        parts = wanted.passing(range(3))
        assert next(parts) == 0
    with pytest.raises(DroppedError):
        next(parts)
    with places.wanted(60.0) as wanted:
        places.drop_all()
        with pytest.raises(DroppedError):
            list(wanted.passing(range(3)))
    with pytest.raises(ProblemError, match="took longer than 1e-09 s"):
        list(Wanted(1e-9).passing(range(3)))


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_limits_are_positive(value: float) -> None:
    """Anything else is an error that names the limit."""
    with pytest.raises(OptionError, match="request_s"):
        Limits(request_s=value)

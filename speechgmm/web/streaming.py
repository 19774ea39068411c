"""Work on a recording while its client is connected: for one answer, or for events that are sent while it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Protocol

import anyio
import anyio.from_thread
from anyio.streams.memory import MemoryObjectReceiveStream
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from speechgmm.audio.hearing import Heard
from speechgmm.audio.memory_file import MemoryFile
from speechgmm.classifier.model import Model
from speechgmm.errors import SpeechGmmError
from speechgmm.web.answers import chosen_model, samples_to_segment
from speechgmm.web.events import Event, Tell, Teller
from speechgmm.web.places import DroppedError, Places, Wanted
from speechgmm.web.problems import MEDIA_TYPE, ProblemError, problem_of
from speechgmm.web.queries import SegmentQuery
from speechgmm.web.uploads import received

LINES = "application/x-ndjson"

_WAITING = 16  # events that wait for the client


class Work(Protocol):
    """A function that makes an answer while it is wanted."""

    def __call__(self, *, wanted: Wanted) -> str:
        """Make the answer."""


async def while_connected(request: Request, places: Places, work: Work) -> str:
    """Do work in a worker thread; drop it if the client leaves.

    Parameters
    ----------
    request : Request
        Its body was received.
    places : Places
    work : function

    Returns
    -------
    str
        The answer.

    Raises
    ------
    DroppedError
        If the client left, or the server ends.
    SpeechGmmError, ProblemError
        Of the work.
    """
    answer, error = "", None
    with places.wanted(places.limits.request_s) as wanted:
        async with anyio.create_task_group() as group:
            group.start_soon(_drop_at_disconnect, request.receive, wanted)
            try:
                answer = await places.work(lambda: work(wanted=wanted))
            except (SpeechGmmError, ProblemError, DroppedError) as caught:  # the group would wrap it
                error = caught
            group.cancel_scope.cancel()
    if error is not None:
        raise error
    return answer


async def _drop_at_disconnect(receive: Receive, wanted: Wanted) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    wanted.drop()


class EventLines(Response):
    """The events of a segmentation as lines of JSON. A problem before the first event is the response itself.

    Parameters
    ----------
    request : Request
        With the recording in its body.
    places : Places
    model : Model
    query : SegmentQuery
    """

    def __init__(self, request: Request, places: Places, *, model: Model, query: SegmentQuery) -> None:
        super().__init__()
        self._request, self._places, self._model, self._query = request, places, model, query

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive the recording, and send the events."""
        with self._places.request():
            async with received(self._request, self._places) as file:
                await self._answer(file, send)

    async def _answer(self, file: MemoryFile, send: Send) -> None:
        put, get = anyio.create_memory_object_stream[Event](_WAITING)
        limits = self._places.limits
        with self._places.wanted(limits.request_s) as wanted:
            async with anyio.create_task_group() as group:
                group.start_soon(_drop_at_disconnect, self._request.receive, wanted)
                group.start_soon(_deliver, get, send, group.cancel_scope, limits.stall_s)
                with put:
                    await self._places.work(lambda: _tell_all(file, self._model, self._query, sender(put.send), wanted))


def sender(send: Callable[[Event], Any]) -> Tell:
    """A function for a thread that passes an event to the event loop; a `DroppedError` where nobody takes it."""

    def tell(event: Event) -> None:
        try:
            anyio.from_thread.run(send, event)
        except anyio.BrokenResourceError as error:
            raise DroppedError from error

    return tell


def telling_problems(tell: Tell, work: Callable[[], None]) -> None:
    """Run work that tells events; an error that ends it is the last event."""
    with suppress(DroppedError):
        try:
            work()
        except ProblemError as problem:
            tell({**problem.values(), "type": "problem"})
        except SpeechGmmError as error:
            tell({**problem_of(error).values(), "type": "problem"})


def _tell_all(file: MemoryFile, model: Model, query: SegmentQuery, tell: Tell, wanted: Wanted) -> None:
    def work() -> None:
        chosen, heard = chosen_model(model, query), Heard()
        samples = samples_to_segment(file, chosen, query, heard)
        Teller(chosen, tell, offset_s=query.start).segment(wanted.passing(samples), heard)

    telling_problems(tell, work)


async def _deliver(
    events: MemoryObjectReceiveStream[Event], send: Send, scope: anyio.CancelScope, stall_s: float
) -> None:
    """Send the events as they come. A client that takes none for too long, or left, gets no more."""
    started = False
    with events, suppress(TimeoutError, OSError):
        async for event in events:
            if not started:
                await send(_head(event))
                started = True
            line = json.dumps(event, allow_nan=False)
            with anyio.fail_after(stall_s):
                await send({"type": "http.response.body", "body": line.encode() + b"\n", "more_body": True})
        if started:
            await send({"type": "http.response.body"})
    scope.cancel()


def _head(event: Event) -> dict[str, Any]:
    is_problem = event["type"] == "problem"
    status = event["status"] if is_problem else HTTPStatus.OK.value
    media_type = MEDIA_TYPE if is_problem else LINES
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", media_type.encode())]}

"""Live sound: samples that arrive by a WebSocket, and the events of their segmentation.

A client sends the samples as binary messages of any length, and the text ``end`` after the last one. The server sends
the events of `events` as texts of JSON.

A segment is final about two seconds after its end. Until then `current` tells twice a second what the decision would be
for the sound since the last segment.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import BinaryIO, cast

import anyio
import anyio.from_thread
import numpy as np
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.websockets import WebSocket, WebSocketDisconnect

from speechgmm.audio.hearing import Heard
from speechgmm.audio.live_input import RawForm, blocks
from speechgmm.audio.samples import Samples
from speechgmm.classifier.model import Model
from speechgmm.features.front_end import stream_stretches
from speechgmm.web.events import Event, Tell, Teller
from speechgmm.web.limits import Limits
from speechgmm.web.places import Places, Wanted
from speechgmm.web.problems import ProblemError
from speechgmm.web.streaming import sender, telling_problems
from speechgmm.workers.local import single_thread

NAME = "live sound"
PROTOCOL = "speechgmm"
"""WebSocket subprotocol, which a client may name or not."""

CURRENT_S, CURRENT_SPAN_S = 0.5, 5.0
"""Seconds of sound from one `current` to the next, and that it covers at most."""

END = "end"
"""Text that ends the sound."""

Sound = bytes | ProblemError
"""A message: samples, or why no more come."""

_MESSAGES = 8  # that wait for the decoder, or for the client


class Stream:
    """The bytes of the messages, as a file that a thread reads."""

    def __init__(self, messages: MemoryObjectReceiveStream[Sound]) -> None:
        self._messages = messages
        self._rest = b""
        self._problem: ProblemError | None = None  # that came after the last bytes

    def read1(self, limit: int) -> bytes:
        """Wait for bytes, at most `limit`; empty at the end. A problem among the messages is raised."""
        if not self._rest:
            self._rest = anyio.from_thread.run(self._arrived)
        given, self._rest = self._rest[:limit], self._rest[limit:]
        return given

    read = read1

    async def _arrived(self) -> bytes:
        """All bytes that have arrived: a thread that is behind takes them at once."""
        pieces: list[bytes] = []
        try:
            pieces.append(self._passed(self._problem or await self._messages.receive()))
            while True:
                pieces.append(self._passed(self._messages.receive_nowait()))
        except (anyio.WouldBlock, anyio.EndOfStream):
            pass
        except ProblemError as problem:
            if not pieces:
                raise
            self._problem = problem
        return b"".join(pieces)

    @staticmethod
    def _passed(message: Sound) -> bytes:
        if isinstance(message, ProblemError):
            raise message
        return message


class Current:
    """Decides on the sound that is in no segment yet.

    Parameters
    ----------
    model : Model
    teller : Teller
        Knows how far the segments reach.
    tell : callable
        Takes each event.
    """

    def __init__(self, model: Model, teller: Teller, tell: Tell) -> None:
        self._model, self._teller, self._tell = model, teller, tell
        self._rate = model.front_end.sampling_rate
        self._recent: deque[Samples] = deque()
        self._n_recent = self._n_told = self._n_heard = 0

    def following(self, samples: Iterable[Samples]) -> Iterator[Samples]:
        """Pass blocks through; tell after the decoder has taken one."""
        for block in samples:
            yield block
            self._add(block)
            if self._n_heard - self._n_told >= CURRENT_S * self._rate:
                self._n_told = self._n_heard
                self._decide()

    def _add(self, block: Samples) -> None:
        self._recent.append(block)
        self._n_recent += len(block)
        self._n_heard += len(block)
        while self._n_recent - len(self._recent[0]) >= CURRENT_SPAN_S * self._rate:
            self._n_recent -= len(self._recent.popleft())

    def _decide(self) -> None:
        end_s = self._n_heard / self._rate
        span_s = min(end_s - self._teller.reached_s, CURRENT_SPAN_S)
        sound = np.concatenate(self._recent)[-max(round(span_s * self._rate), 1) :]
        if len(sound) < self._longest_window():
            return
        with single_thread:
            scores = self._model.score_all(stream_stretches([sound], self._model.front_ends, self._model.filters))
        decision = self._model.decide(scores)
        self._teller.begin()
        self._tell(
            {
                "type": "current",
                "start": round(end_s - len(sound) / self._rate, 3),
                "end": round(end_s, 3),
                "label": decision.label,
                "probability": None if math.isnan(decision.probability) else decision.probability,
                "probabilities": dict(decision.probabilities),
                "reason": decision.reason,
            }
        )

    def _longest_window(self) -> int:
        return max(front_end.window for front_end in self._model.front_ends)


async def converse(websocket: WebSocket, form: RawForm, *, model: Model, places: Places) -> None:
    """Answer the sound of an accepted WebSocket until its end, a limit, or an error; then close it.

    Parameters
    ----------
    websocket : WebSocket
    form : RawForm
        Of the samples.
    model : Model
    places : Places
    """
    put_sound, get_sound = anyio.create_memory_object_stream[Sound](_MESSAGES)
    put_event, get_event = anyio.create_memory_object_stream[Event](_MESSAGES)
    with places.wanted(places.limits.live_s + places.limits.request_s) as wanted:
        async with anyio.create_task_group() as group:
            group.start_soon(_receive, websocket, put_sound, get_event, form, places.limits)
            group.start_soon(_deliver, websocket, get_event, group.cancel_scope, places.limits.stall_s)
            with put_event, get_sound:
                await places.listen(lambda: _answer(model, form, Stream(get_sound), sender(put_event.send), wanted))


def _answer(model: Model, form: RawForm, stream: Stream, tell: Tell, wanted: Wanted) -> None:
    """In the thread of a stream: segment its sound, and tell the error that ends it."""
    heard, teller = Heard(), Teller(model, tell)
    current = Current(model, teller, tell)
    rate = model.front_end.sampling_rate
    samples = blocks(cast(BinaryIO, stream), sampling_rate=rate, raw=form, name=NAME, heard=heard)
    sound = current.following(wanted.passing(samples))
    telling_problems(tell, lambda: teller.segment(sound, heard, progress=False))


async def _receive(
    websocket: WebSocket,
    sound: MemoryObjectSendStream[Sound],
    events: MemoryObjectReceiveStream[Event],
    form: RawForm,
    limits: Limits,
) -> None:
    """Pass the messages on, up to the end. A client that left takes no more events."""
    left = round(limits.live_s * form.rate) * form.frame_size
    with sound, suppress(anyio.BrokenResourceError):
        while True:
            try:
                with anyio.fail_after(limits.stall_s):
                    message = await websocket.receive()
            except TimeoutError:
                await sound.send(_problem(f"no sound came for {limits.stall_s:g} s"))
                return
            if message["type"] == "websocket.disconnect":
                events.close()
                return
            piece = message.get("bytes")
            if piece is None:
                if message.get("text") != END:
                    await sound.send(_problem(f"a text came that is not '{END}': expected samples as binary messages"))
                return
            left -= len(piece)
            if left < 0:
                await sound.send(_problem(f"the stream is longer than {limits.live_s:g} s: start another one"))
                return
            if piece:
                await sound.send(piece)


def _problem(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, f"{NAME}: {detail}")


async def _deliver(
    websocket: WebSocket, events: MemoryObjectReceiveStream[Event], scope: anyio.CancelScope, stall_s: float
) -> None:
    """Send the events as they come; at their end, end the stream."""
    with events, suppress(anyio.ClosedResourceError, WebSocketDisconnect, TimeoutError, RuntimeError):
        async for event in events:
            with anyio.fail_after(stall_s):
                await websocket.send_text(json.dumps(event, allow_nan=False))
        await websocket.close()
    scope.cancel()

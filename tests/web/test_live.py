"""Live sound by a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
pytest.importorskip("websockets", reason="the extra 'web' is not installed")

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from speechgmm.audio.samples import Samples
from speechgmm.classifier.model import Model
from speechgmm.segmentation.segment_recordings import segment_blocks
from speechgmm.segmentation.writers import segment_values
from speechgmm.web.limits import Limits
from tests.builders import spoken
from tests.web.serving import served

RATE = 16_000


@pytest.fixture(scope="module")
def address(tiny_model: Model) -> Iterator[str]:
    """A server of two live streams that is impatient."""
    with served(tiny_model, limits=Limits(live=2, stall_s=2.0, live_s=20.0)) as address:
        yield f"ws://{address}/live"


@pytest.fixture(scope="module")
def sound() -> Samples:
    """A pause, a sentence of 2.5 s, and a pause."""
    rng = np.random.default_rng(3)
    pause = np.zeros(RATE, np.float32)
    return np.concatenate([pause, spoken("female", 2.5, rng), pause, pause, pause]).astype(np.float32)


def events_of(websocket: ClientConnection) -> list[dict[str, Any]]:
    """All events up to the end of the stream."""
    return [json.loads(message) for message in websocket]


def test_as_the_command(address: str, sound: Samples, tiny_model: Model) -> None:
    """The segments are those of the samples, whatever the encoding and the messages; each step has its evidence."""
    integers = np.round(sound * 32767).astype("<i2")
    expected = [segment_values(each) for each in segment_blocks(tiny_model, [(integers / 32768).astype(np.float32)])]
    content = integers.tobytes()

    with connect(f"{address}?encoding=s16le&rate={RATE}") as websocket:
        for begin in range(0, len(content), 9999):
            websocket.send(content[begin : begin + 9999])
        websocket.send("end")
        events = events_of(websocket)

    segments = [{key: value for key, value in each.items() if key != "type"} for each in events if "reason" in each]
    assert [each for each in segments if each in expected] == expected
    assert (events[0]["type"], events[-1]["type"], events[-1]["duration_s"]) == ("start", "end", len(sound) / RATE)
    n_steps = sum(len(event["speech"]) for event in events if event["type"] == "evidence")
    assert n_steps * events[0]["step_s"] == pytest.approx(len(sound) / RATE, abs=0.1)


def test_the_answer_does_not_wait_for_the_segment(address: str, sound: Samples) -> None:
    """Within a second of sound after the end of the sentence, `current` has its label; no segment of it is final."""
    first = sound[: round(4.25 * RATE)]  # the sentence ends at 3.5 s
    with connect(f"{address}?rate={RATE}") as websocket:
        for piece in np.split(first, 17):
            websocket.send(piece.tobytes())
        seen: list[dict[str, Any]] = []
        while not (seen and seen[-1]["type"] == "current" and seen[-1]["end"] >= 3.5):
            seen.append(json.loads(websocket.recv(timeout=60)))
        websocket.send("end")

    assert seen[-1]["end"] <= 4.5
    assert seen[-1]["label"] == "female"
    assert seen[-1]["probability"] > 0.5
    assert not any(event["type"] == "segment" and event["label"] == "female" for event in seen)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("encoding=mp3", "encoding: 'mp3' is not possible: expected one of u8, s8"),
        ("rate=4000", "rate: '4000' is not possible: Input should be greater than or equal to 8000"),
        ("speed=2", "speed: there is no such option"),
        ("priors=a=1", "the priors are for a, expected one for each of female, male"),
    ],
)
def test_faulty_options(address: str, query: str, text: str) -> None:
    """They are refused before the stream begins, as problem JSON."""
    with pytest.raises(InvalidStatus) as caught:
        connect(f"{address}?{query}")

    assert caught.value.response.status_code == 400
    assert text in (caught.value.response.body or b"").decode()


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (["end"], "live sound: it is empty (0 bytes)"),
        ([b"123", "end"], "live sound: it ends in the middle of a frame, after 3 bytes of f32le"),
        ([np.full(RATE, np.nan, np.float32).tobytes(), "end"], "live sound: the sample at 0.000 s is nan"),
        (["begin"], "live sound: a text came that is not 'end'"),
        ([bytes(400_000)] * 5, "live sound: the stream is longer than 20 s"),
        ([bytes(4000)], "live sound: no sound came for 2 s"),
    ],
    ids=["nothing", "half", "nan", "text", "long", "stalled"],
)
def test_garbage(address: str, messages: list[str | bytes], text: str) -> None:
    """The last event says what is wrong; the server closes the connection."""
    with connect(address) as websocket:
        for message in messages:
            websocket.send(message)
        events = events_of(websocket)

    assert events[-1]["type"] == "problem"
    assert events[-1]["detail"].startswith(text)


def test_message_that_is_too_large(address: str) -> None:
    """The connection is closed."""
    with connect(address) as websocket:
        websocket.send(bytes(2_000_000))
        with pytest.raises(ConnectionClosed):
            websocket.recv(timeout=60)


def streamed(address: str, sound: Samples) -> list[dict[str, Any]] | None:
    """The events of a stream; None if it is refused."""
    try:
        with connect(f"{address}?encoding=f32le") as websocket:
            for piece in np.array_split(sound, 4):
                websocket.send(piece.tobytes())
            websocket.send("end")
            return events_of(websocket)
    except InvalidStatus:
        return None


def test_places(address: str, sound: Samples) -> None:
    """A third stream is refused. One whose client has left, in the middle or without a word, makes place."""
    with connect(address) as first, connect(address) as second:
        with pytest.raises(InvalidStatus) as caught:
            connect(address)
        first.send(sound.tobytes()[:400_000])
        first.socket.close()  # without the closing handshake
        while (events := streamed(address, sound)) is None:
            pass
        assert events[-1]["type"] == "end"
        second.close()

    assert caught.value.response.status_code == 503
    assert "2 live streams are open" in (caught.value.response.body or b"").decode()

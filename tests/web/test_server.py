"""A real server and clients that do not behave: they come all at once, stall, send garbage, or leave."""

from __future__ import annotations

import json
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="the extra 'web' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'web' is not installed")

from speechgmm.classifier.model import Model
from speechgmm.web.limits import Limits
from tests.builders import spoken
from tests.web.serving import served


@pytest.fixture(scope="module")
def address(tiny_model: Model) -> Iterator[str]:
    """A server that is impatient."""
    with served(tiny_model, limits=Limits(requests=2, stall_s=1.0)) as address:
        yield address


@pytest.fixture
def voice(voices: Path) -> bytes:
    return (voices / "female" / "synthetic-f03" / "01.wav").read_bytes()


def post(address: str, content: bytes, path: str = "/classify") -> tuple[int, bytes]:
    """Status and body of the answer."""
    connection = HTTPConnection(address, timeout=120)
    connection.request("POST", path, content)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body


def sent(address: str, text: bytes) -> socket.socket:
    """A connection on which this was sent."""
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=120)
    connection.sendall(text)
    return connection


def head(n_bytes: int, path: str = "/classify") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {n_bytes}\r\n\r\n".encode()


def test_a_client_that_stalls(address: str, voice: bytes) -> None:
    """It is told so, and its place is free again."""
    for _ in range(3):
        with sent(address, head(len(voice)) + voice[:100]) as connection:
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"the recording did not arrive: nothing came for 1 s" in answer
    assert post(address, voice)[0] == 200


@pytest.mark.parametrize("path", ["/classify", "/segment", "/segment?format=events"])
def test_clients_that_leave(address: str, voice: bytes, path: str) -> None:
    """In the middle of the body, and before the answer: the places are free again."""
    for text in (head(len(voice), path) + voice[:1000], head(len(voice), path) + voice) * 3:
        sent(address, text).close()
    status = 429
    while status == 429:
        status = post(address, voice, path)[0]
    assert status == 200


def test_too_many_requests(address: str, voice: bytes) -> None:
    """Those that find no place are told to come again; the others are answered."""
    waiting = [sent(address, head(len(voice)) + voice[:1000]) for _ in range(2)]
    status = 200
    while status == 200:  # until both were read
        status, body = post(address, voice)
    for connection in waiting:
        connection.sendall(voice[1000:])
    answers = [connection.recv(12) for connection in waiting]
    for connection in waiting:
        connection.close()

    assert status == 429
    assert json.loads(body)["detail"].startswith("2 requests are being answered")
    assert answers == [b"HTTP/1.1 200"] * 2


def test_garbage(address: str, voice: bytes) -> None:
    """What is no HTTP is refused, and the server goes on."""
    with sent(address, b"\x16\x03\x01 garbage\r\n\r\n") as connection:
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 400 ")
    assert post(address, voice)[0] == 200


@pytest.mark.slow
def test_two_hundred_at_once(tiny_model: Model) -> None:
    """Each gets its own answer, and the memory that they take is a small part of what they send."""
    rng = np.random.default_rng(5)
    contents, n_bytes = [], 0
    for number in range(200):
        samples = np.concatenate([spoken("female", 0.5, rng), np.zeros(100 * number, np.float32)])
        contents.append(_wav(samples))
        n_bytes += len(contents[-1])
    barrier = threading.Barrier(200)

    def ask(address: str, content: bytes) -> tuple[int, float]:
        barrier.wait()
        status, body = post(address, content)
        return status, json.loads(body)["answers"][0]["duration_s"] if status == 200 else 0.0

    limits = Limits(memory_bytes=2 * n_bytes)
    with served(tiny_model, limits=limits) as own, ThreadPoolExecutor(200) as pool:
        post(own, contents[0])
        tracemalloc.start()
        answers = list(pool.map(ask, [own] * 200, contents))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert [status for status, _ in answers] == [200] * 200
    seconds = [duration for _, duration in answers]
    assert seconds == pytest.approx([0.5 + number / 160 for number in range(200)], abs=0.05)
    assert peak < 4 * n_bytes + 20_000_000


def _wav(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    from io import BytesIO

    file = BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV")
    return file.getvalue()

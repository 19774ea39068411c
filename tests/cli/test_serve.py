"""``speechgmm serve``: its options, its end, and what it says."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from speechgmm.cli import serve
from tests.builders import RunCommand

needs_server = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("fastapi", "uvicorn", "websockets")),
    reason="the extra 'web' is not installed",
)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, run: RunCommand) -> None:
    """The error names what is missing, and how to install it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    done = run("serve")

    assert (done.returncode, done.stderr) == (
        2,
        "speechgmm: error: serve needs fastapi: pip install 'speechgmm[web]'\n",
    )


@needs_server
@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--port", "70000"], "'70000' is no port, expected 0 to 65,535"),
        (["--token", "a b"], "the token may have letters, digits and -._~ only"),
        (["--token", ""], "the token may have letters, digits and -._~ only"),
        (["--host", "no.such.host.invalid"], "--host no.such.host.invalid --port 8765: it cannot listen there"),
        (["--max-time", "0"], "request_s is 0.0, but it must be a positive number"),
        (["--model", "none.npz"], "none.npz"),
    ],
)
def test_faulty_options(run: RunCommand, tiny_model_file: Path, options: list[str], text: str) -> None:
    """Nothing starts."""
    model = [] if "--model" in options else ["--model", tiny_model_file]

    done = run("serve", *model, *options)

    assert done.returncode in (1, 2)
    assert text in done.stderr


@needs_server
def test_port_in_use(run: RunCommand, tiny_model_file: Path) -> None:
    """The error names the port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("serve", "--model", tiny_model_file, "--port", port)

    assert done.returncode == 2
    assert f"--host 127.0.0.1 --port {port}: it cannot listen there (" in done.stderr


@needs_server
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_until_interrupted(tiny_model_file: Path) -> None:
    """It prints its address, answers there only, and ends on Ctrl-C with code 130."""
    command = [sys.executable, "-m", "speechgmm", "serve", "--model", str(tiny_model_file), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, serve.TOKEN: "t0ken"}
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        with urlopen(address) as page:
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        _, notes = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "a token is needed: add #token=TOKEN to the address" in notes
    assert "Traceback" not in notes
    assert "t0ken" not in notes

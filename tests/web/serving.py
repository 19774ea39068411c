"""Servers for the tests: in this process for `TestClient`, and a real one in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from speechgmm.classifier.model import Model
from speechgmm.cli.serve import listening, server_config
from speechgmm.web.app import make_app

DESCRIPTION = {"schema": "speechgmm-model-description", "schema_version": 1, "labels": ["female", "male"], "card": {}}


@contextmanager
def served(model: Model, **options: Any) -> Iterator[str]:
    """A server in a thread; its address, such as 127.0.0.1:40123."""
    description = {**DESCRIPTION, "file": {"name": "tiny.npz", "bytes": 1}}
    with listening("127.0.0.1", 0) as listener:
        server = uvicorn.Server(server_config(make_app(model, description, **options)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)

"""``speechgmm serve``: a page for the microphone and for files, and the same as an HTTP API."""

from __future__ import annotations

import argparse
import importlib.util
import ipaddress
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

from speechgmm.cli.arguments import (
    Subparsers,
    add_min_probability_argument,
    add_model_argument,
    add_priors_argument,
    at_least,
    job_count,
    model_file,
    new_command,
    open_model,
    seconds,
)
from speechgmm.cli.console import note

if TYPE_CHECKING:
    import uvicorn

    from speechgmm.web.limits import Limits

EXAMPLE = """\
  speechgmm serve
  speechgmm serve --port 8000 --max-upload 50
  SPEECHGMM_TOKEN=... speechgmm serve --allow-host voices.example.org"""

LOCAL = "127.0.0.1"
PORT = 8765
MOST_PORTS = 65535
TOKEN = "SPEECHGMM_TOKEN"  # noqa: S105  # a name


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    summary = "serve a page and an HTTP API that label the microphone and recordings"
    parser = new_command(subparsers, "serve", summary, EXAMPLE)
    add_model_argument(parser)
    add_priors_argument(parser)
    add_min_probability_argument(parser)
    parser.add_argument(
        "--host",
        default=LOCAL,
        metavar="ADDRESS",
        help=f"address to listen at; others than {LOCAL} are reached by other machines (default: {LOCAL})",
    )
    parser.add_argument(
        "--port", type=_port, default=PORT, metavar="N", help=f"port to listen at; 0: a free one (default: {PORT})"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a host name that requests may have, such as that of a proxy; can be repeated (default: only localhost "
        "and IP addresses)",
    )
    parser.add_argument(
        "--token",
        metavar="TEXT",
        help=f"answer only requests with this token (default: the value of {TOKEN}, or none)",
    )
    parser.add_argument(
        "--jobs", type=job_count, default=2, metavar="N", help="recordings worked on at the same time (default: 2)"
    )
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--max-upload", type=at_least(1), metavar="MB", help="size of a recording (default: 200)", default=200
    )
    limits.add_argument(
        "--max-time", type=seconds, metavar="S", help="seconds of work on a recording (default: 900)", default=900.0
    )
    limits.add_argument(
        "--max-live", type=at_least(1), metavar="N", help="live streams at the same time (default: 8)", default=8
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    _check_installed()
    import uvicorn

    from speechgmm.cli.describe import to_json
    from speechgmm.web.app import make_app

    token = _token(options)
    model = open_model(options)
    app = make_app(
        model,
        to_json(model, model_file(options)),
        limits=_limits(options),
        hosts=[*options.allow_host, options.host],
        token=token,
    )
    with listening(options.host, options.port) as listener:
        _say_address(options, listener, token)
        uvicorn.Server(server_config(app)).run(sockets=[listener])
    return 0


def _check_installed() -> None:
    from speechgmm.errors import OptionError

    for name in ("fastapi", "python_multipart", "uvicorn", "websockets"):
        if importlib.util.find_spec(name) is None:
            raise OptionError(f"serve needs {name}: pip install 'speechgmm[web]'")


def server_config(app: Any) -> uvicorn.Config:
    """Settings of the server of an ASGI application: no log of requests, and bounds on what it holds."""
    import uvicorn

    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # no address of a client is used
        ws="websockets-sansio",
        ws_max_size=1 << 20,
        timeout_graceful_shutdown=3,
        limit_concurrency=1024,
    )


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether a message of uvicorn is one: it also reports each WebSocket that was refused, and answers nobody took."""
    return not record.getMessage().startswith("ASGI callable returned without completing")


def _limits(options: argparse.Namespace) -> Limits:
    from speechgmm.web.limits import MEGABYTE, Limits
    from speechgmm.workers.local import thread_count

    upload = options.max_upload * MEGABYTE
    return Limits(
        upload_bytes=upload,
        memory_bytes=max(4 * upload, Limits.memory_bytes),
        workers=thread_count(options.jobs),
        request_s=options.max_time,
        live=options.max_live,
    )


def _token(options: argparse.Namespace) -> str | None:
    """The token, from the option or the environment. It is part of a header and of an address."""
    from speechgmm.errors import OptionError

    token: str | None = options.token if options.token is not None else os.environ.get(TOKEN)
    if token is not None and not (token and all(_is_plain(character) for character in token)):
        raise OptionError(f"the token may have letters, digits and -._~ only, and at least one: set --token or {TOKEN}")
    return token


def _is_plain(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in "-._~")


def _port(text: str) -> int:
    value = at_least(0)(text)
    if value > MOST_PORTS:
        raise argparse.ArgumentTypeError(f"{text!r} is no port, expected 0 to {MOST_PORTS:,}")
    return value


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address."""
    from speechgmm.errors import OptionError

    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return socket.create_server(found[0][4][:2], family=found[0][0])
    except OSError as error:
        raise OptionError(
            f"--host {host} --port {port}: it cannot listen there ({error.strerror or error}); choose others"
        ) from error


def _say_address(options: argparse.Namespace, listener: socket.socket, token: str | None) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{port}/", flush=True)
    note(options, "the page is at this address; Ctrl-C ends the server")
    if token is not None:
        note(options, "a token is needed: add #token=TOKEN to the address")
    elif not ipaddress.ip_address(host).is_loopback:
        note(options, "other machines can use this server: consider --token, and a proxy with https for microphones")

"""Who may ask: a page of this server, or a program; with a token, only those that have it.

A page of another site can let a browser send requests to this server. It is refused by its `Origin`, or, if it had its
own name point to this server (DNS rebinding), by the `Host` that it names.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speechgmm.web.problems import ProblemError

TOKEN_PROTOCOL = "bearer."  # noqa: S105  # begin of a name, not a password
"""Begin of the WebSocket subprotocol that carries the token: scripts in a page cannot set a header."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response."""


class Guard:
    """Refuses requests that are not allowed, and adds `HEADERS` to each response.

    Parameters
    ----------
    app : ASGI application
    hosts : collection of str
        Names that the server has, in lower case. It may also be called by an IP address, which no other site can own,
        and as localhost.
    token : str, optional
        What a request must show, except for the files of the page.
    free : collection of str
        Paths that need no token.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str], token: str | None, free: Collection[str]) -> None:
        self._app, self._hosts, self._token, self._free = app, frozenset(hosts), token, frozenset(free)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            self._check(scope)
        except ProblemError as problem:
            await problem.response()(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own(host):
            raise ProblemError(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"the request is for the host '{host}', which is not a name of this server: give it with --allow-host",
            )
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if changes and origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise ProblemError(
                HTTPStatus.FORBIDDEN, f"the request is from a page of {origin}, expected a page of this server, {host}"
            )
        if self._token is not None and scope["path"] not in self._free:
            self._check_token(headers)

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name == "localhost" or name in self._hosts or _is_address(name)

    def _check_token(self, headers: Headers) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        protocols = [text.strip() for text in headers.get("sec-websocket-protocol", "").split(",")]
        tokens = [text.removeprefix(TOKEN_PROTOCOL) for text in protocols if text.startswith(TOKEN_PROTOCOL)]
        if scheme.lower() == "bearer":
            tokens.append(given.strip())
        expected = (self._token or "").encode()
        # The time of each comparison does not depend on where the texts differ.
        if not any([hmac.compare_digest(token.encode(), expected) for token in tokens]):  # noqa: C419  # all of them
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "this server needs its token: send the header 'Authorization: Bearer TOKEN', or open the page with "
                "#token=TOKEN at the end of its address",
                {"WWW-Authenticate": "Bearer"},
            )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

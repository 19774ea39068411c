"""The body of a request, a recording, is read into memory. Nothing of it is written to disk, and no name in it is used.

A body is the recording itself, or a form (multipart/form-data, RFC 7578) with the recording in one of its fields.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from io import BytesIO
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Protocol

import anyio
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from speechgmm.audio.memory_file import MemoryFile
from speechgmm.web.limits import MEGABYTE, Limits
from speechgmm.web.places import Places
from speechgmm.web.problems import ProblemError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

NAME = "recording"
"""Name of a recording that has none."""

_LONGEST_NAME = 200
_FORM = "multipart/form-data"


@asynccontextmanager
async def received(request: Request, places: Places) -> AsyncIterator[MemoryFile]:
    """Receive the recording in a request. It counts as memory that is taken until the context ends.

    Parameters
    ----------
    request : Request
    places : Places

    Yields
    ------
    MemoryFile

    Raises
    ------
    ProblemError
        If the body is too large or too slow, the memory is full, or a form is faulty or has not exactly one recording.
    """
    limits = places.limits
    body = _body_of(request)
    _check_size(int(request.headers.get("content-length", 0)), limits)
    with places.memory() as take:
        size = 0
        async for piece in _pieces(request, limits):
            size += len(piece)
            _check_size(size, limits)
            take(len(piece))
            body.write(piece)
        yield body.file()


async def _pieces(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """The body as it arrives, within the limits of time."""
    end = anyio.current_time() + limits.request_s
    more = True
    while more:
        left = min(limits.stall_s, end - anyio.current_time())
        try:
            with anyio.fail_after(max(left, 0.0)):
                message = await request.receive()
        except TimeoutError as error:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the recording did not arrive: nothing came for {limits.stall_s:g} s, or it took longer than "
                f"{limits.request_s:g} s",
                {"Connection": "close"},
            ) from error
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        yield message.get("body", b"")


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.upload_bytes:
        raise ProblemError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the recording has more than {limits.upload_bytes / MEGABYTE:g} MB, the limit of this server: send a "
            "compressed one, or parts of it",
        )


class _Body(Protocol):
    """What a body is written to."""

    def write(self, piece: bytes) -> object:
        """Take the next bytes."""

    def file(self) -> MemoryFile:
        """The recording, when all was written."""


def _body_of(request: Request) -> _Body:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind.decode("latin-1").lower() != _FORM:
        return _Raw()
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise _faulty("its Content-Type has no boundary")
    return _Form(boundary)


class _Raw:
    """A body that is the recording itself."""

    def __init__(self) -> None:
        self._content = BytesIO()

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._content.write(piece)

    def file(self) -> MemoryFile:
        """The recording."""
        return MemoryFile(NAME, self._content.getvalue())


class _Form:
    """A form with one field that is a file; it may have no other."""

    def __init__(self, boundary: bytes) -> None:
        self._headers: dict[str, str] = {}
        self._header = [b"", b""]  # name and value of the one that is being read
        self._names: list[str] = []
        self._content = BytesIO()
        self._is_whole = False
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._headers.clear,
            "on_header_field": lambda data, start, end: self._add(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._add_content,
            "on_end": self._end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except MultipartParseError as error:
            raise _faulty(str(error)) from error

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        try:
            self._parser.write(piece)
        except MultipartParseError as error:
            raise _faulty(str(error)) from error

    def file(self) -> MemoryFile:
        """The recording."""
        if not self._is_whole:
            raise _faulty("it has no end")
        if not self._names:
            raise _faulty("it has no fields")
        return MemoryFile(self._names[0], self._content.getvalue())

    def _add(self, part: int, content: bytes) -> None:
        self._header[part] += content

    def _add_content(self, data: bytes, start: int, end: int) -> None:
        self._content.write(memoryview(data)[start:end])

    def _end_header(self) -> None:
        name, value = (part.decode("latin-1") for part in self._header)
        self._headers[name.lower()] = value
        self._header = [b"", b""]

    def _begin_content(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", ""))
        if b"filename" not in options:
            raise _faulty("a field is no file; options are given in the query of the address")
        if self._names:
            raise _faulty("it has several files, expected one")
        self._names.append(_plain_name(options[b"filename"].decode("utf-8", "replace")))

    def _end(self) -> None:
        self._is_whole = True


def _plain_name(name: str) -> str:
    """The last part of a name, without control characters."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    return "".join(character for character in last if character.isprintable())[-_LONGEST_NAME:] or NAME


def _faulty(reason: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.BAD_REQUEST, f"the form cannot be read: {reason}; expected one field with a file, or only the file"
    )

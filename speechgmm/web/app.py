"""The routes of the server. FastAPI makes their OpenAPI description from the types of their options and answers.

The documentation pages of FastAPI are off: they load scripts from elsewhere.
"""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib import metadata, resources
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, WebSocket
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp

from speechgmm.audio.live_input import RawForm
from speechgmm.classifier.model import Model
from speechgmm.errors import SpeechGmmError
from speechgmm.web import descriptions
from speechgmm.web.answers import chosen_model, classified, segmented
from speechgmm.web.guard import Guard
from speechgmm.web.limits import Limits
from speechgmm.web.live import PROTOCOL, converse
from speechgmm.web.places import DroppedError, Places
from speechgmm.web.problems import MEDIA_TYPE, ProblemError, problem_of
from speechgmm.web.queries import EVENTS, ClassifyQuery, LiveQuery, SegmentQuery
from speechgmm.web.streaming import LINES, EventLines, while_connected
from speechgmm.web.uploads import received

PAGE = {
    "/": ("index.html", "text/html"),
    "/app.css": ("app.css", "text/css"),
    "/app.js": ("app.js", "text/javascript"),
    "/timeline.js": ("timeline.js", "text/javascript"),
    "/drawing.js": ("drawing.js", "text/javascript"),
    "/downloads.js": ("downloads.js", "text/javascript"),
    "/microphone.js": ("microphone.js", "text/javascript"),
}
"""Files of the page, with their media types, by path."""

MEDIA_TYPES = {
    "json": "application/json",
    "jsonl": LINES,
    EVENTS: LINES,
    "csv": "text/csv",
}
"""Of the formats of answers; the others are plain text."""

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "An option or a form is faulty.",
    HTTPStatus.UNAUTHORIZED: "The token is missing or wrong.",
    HTTPStatus.FORBIDDEN: "The request is from a page of another site.",
    HTTPStatus.REQUEST_TIMEOUT: "The recording did not arrive in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The recording is too large.",
    HTTPStatus.MISDIRECTED_REQUEST: "The Host is no name of this server.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The recording cannot be read.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests are being answered.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The memory for uploads is full, or the work takes too long.",
}
_RECORDING = {
    "requestBody": {
        "required": True,
        "description": "A recording in any format that the command reads: as the body, or as the only file of a form.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    }
}


def make_app(
    model: Model,
    description: Mapping[str, Any],
    *,
    limits: Limits = Limits(),
    hosts: Collection[str] = (),
    token: str | None = None,
) -> ASGIApp:
    """Make the server as an ASGI application.

    Parameters
    ----------
    model : Model
    description : mapping
        Of the model, for ``/model``.
    limits : Limits
    hosts : collection of str
        Further names of the server: see `Guard`.
    token : str, optional
        See `Guard`.

    Returns
    -------
    ASGI application
    """
    places = Places(limits)
    app = FastAPI(
        title="speechgmm",
        description="Voice gender labels for speech recordings. A label describes how a voice sounds to the model; it "
        "makes no statement about the person.",
        version=metadata.version("speechgmm"),
        docs_url=None,
        redoc_url=None,
        lifespan=functools.partial(_lifespan, places),
    )
    _add_page(app)
    _add_api(app, model, json.dumps(description), places)
    _add_problems(app)
    return Guard(app, hosts=[host.lower() for host in hosts], token=token, free=PAGE)


@asynccontextmanager
async def _lifespan(places: Places, _: FastAPI) -> AsyncIterator[None]:
    yield
    places.drop_all()


def _add_page(app: FastAPI) -> None:
    folder = resources.files("speechgmm.web").joinpath("page")
    for path, (name, media_type) in PAGE.items():
        content = folder.joinpath(name).read_bytes()
        app.add_api_route(
            path,
            functools.partial(_file, content=content, media_type=f"{media_type}; charset=utf-8"),
            include_in_schema=False,
        )


async def _file(_: Request, *, content: bytes, media_type: str) -> Response:
    return Response(content, media_type=media_type)


def _add_api(app: FastAPI, model: Model, description: str, places: Places) -> None:
    @app.get("/model", responses=_answers(descriptions.ModelDescription), summary="The model and its card")
    async def model_() -> Response:
        return Response(description, media_type="application/json")

    @app.post(
        "/classify",
        responses=_answers(descriptions.Answers, "csv", "jsonl", "table"),
        openapi_extra=_RECORDING,
        summary="The voice gender label of a recording",
    )
    async def classify(request: Request, query: Annotated[ClassifyQuery, Query()]) -> Response:
        with places.request():
            async with received(request, places) as file:
                work = functools.partial(classified, file, model=model, query=query)
                return _answer(await while_connected(request, places, work), query.format)

    @app.post(
        "/segment",
        responses=_answers(descriptions.Segments, "csv", EVENTS, "table"),
        openapi_extra=_RECORDING,
        summary="Segments of a recording with their voice gender labels",
    )
    async def segment(request: Request, query: Annotated[SegmentQuery, Query()]) -> Response:
        if query.format == EVENTS:
            return EventLines(request, places, model=model, query=query)
        with places.request():
            async with received(request, places) as file:
                work = functools.partial(segmented, file, model=model, query=query)
                return _answer(await while_connected(request, places, work), query.format)

    @app.websocket("/live")
    async def live(websocket: WebSocket, query: Annotated[LiveQuery, Query()]) -> None:
        try:
            form = RawForm(encoding=query.encoding, rate=query.rate, channels=query.channels)
            chosen = chosen_model(model, query)
            with places.live():
                named = PROTOCOL in websocket.scope.get("subprotocols", [])
                await websocket.accept(PROTOCOL if named else None)
                await converse(websocket, form, model=chosen, places=places)
        except ProblemError as problem:
            await websocket.send_denial_response(problem.response())
        except SpeechGmmError as error:
            await websocket.send_denial_response(problem_of(error).response())


def _answer(text: str, format_: str) -> Response:
    media_type = MEDIA_TYPES.get(format_, "text/plain")
    return Response(text, media_type=media_type if media_type.endswith("json") else f"{media_type}; charset=utf-8")


def _answers(model: type[BaseModel], *formats: str) -> dict[int | str, dict[str, Any]]:
    """Descriptions of the responses of a route: its JSON answer, other formats, and problems."""
    text = {"schema": {"type": "string"}}
    problem = {"schema": descriptions.Problem.model_json_schema()}
    others = {MEDIA_TYPES.get(name, "text/plain"): text for name in formats}
    return {
        HTTPStatus.OK.value: {"model": model, "content": others},
        **{
            status.value: {"description": meaning, "content": {MEDIA_TYPE: problem}}
            for status, meaning in _PROBLEMS.items()
        },
    }


def _add_problems(app: FastAPI) -> None:
    """Answer every error with problem JSON."""

    async def answer(_: Request, error: Exception) -> Response:
        return _problem_behind(error).response()

    async def refuse(websocket: WebSocket, error: Exception) -> None:
        await websocket.send_denial_response(_problem_behind(error).response())

    kinds = (ProblemError, SpeechGmmError, RequestValidationError, HTTPException, DroppedError, ClientDisconnect)
    for kind in (*kinds, Exception):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(WebSocketRequestValidationError, refuse)


def _problem_behind(error: Exception) -> ProblemError:
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, SpeechGmmError):
        return problem_of(error)
    if isinstance(error, (RequestValidationError, WebSocketRequestValidationError)):
        faults = "; ".join(f"{_option(fault)}: {_told(fault)}" for fault in error.errors())
        return ProblemError(HTTPStatus.BAD_REQUEST, faults)
    if isinstance(error, HTTPException):
        return ProblemError(HTTPStatus(error.status_code), _of_http(error), error.headers)
    if isinstance(error, (DroppedError, ClientDisconnect)):
        return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "the work was dropped: the client left, or the server ends")
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "the server has an error, which it printed where it runs")


def _option(fault: Mapping[str, Any]) -> str:
    return str(fault["loc"][-1])


def _told(fault: Mapping[str, Any]) -> str:
    """What is wrong with an option, and its value."""
    if fault["type"] == "extra_forbidden":
        return "there is no such option"
    return f"{fault['input']!r} is not possible: {fault['msg'].removeprefix('Value error, ')}"


def _of_http(error: HTTPException) -> str:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return "there is nothing at this address; the API is described at /openapi.json"
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"this address does not take this method, expected {allowed}"
    return str(error.detail)

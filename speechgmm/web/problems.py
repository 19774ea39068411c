"""Errors of the server as problem details (RFC 9457): JSON with the text that the command would print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from speechgmm.errors import AudioError, OptionError, SpeechGmmError, shortened

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A request that is refused, or cannot be answered.

    Parameters
    ----------
    status : HTTPStatus
    detail : str
        One sentence for the user.
    headers : mapping of str to str
        Further headers of the response.
    """

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, shortened(detail), headers

    def values(self) -> dict[str, Any]:
        """The problem as plain JSON values."""
        return {"type": "about:blank", "title": self.status.phrase, "status": self.status.value, "detail": self.detail}

    def response(self) -> Response:
        """The problem as a response."""
        return Response(json.dumps(self.values()), self.status.value, self.headers, MEDIA_TYPE)


def problem_of(error: SpeechGmmError) -> ProblemError:
    """An error of the package as a problem: of the options, of the recording, or of the server."""
    if isinstance(error, OptionError):
        return ProblemError(HTTPStatus.BAD_REQUEST, str(error))
    if isinstance(error, AudioError):
        return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

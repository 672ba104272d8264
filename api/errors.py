"""One table from errors to answers: exit codes for the command line, statuses for HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gis.errors import (
    CheckError,
    ConflictError,
    InputError,
    LianpianError,
    ProjectError,
    UnknownNameError,
)

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

EXIT_INPUT: Final = 2
EXIT_FAULT: Final = 1
EXIT_STOPPED: Final = 130
LONGEST_LINE: Final = 1000

_FOLDERS: Final = re.compile(r"'(?:[A-Za-z]:)?[/\\\\](?:[^'/\\\\]*[/\\\\])*(?=[^'/\\\\]+')")
"""Folders of a quoted path: where things lie on the server is nobody's business over HTTP."""

STATUS: Final[tuple[tuple[type[LianpianError], int], ...]] = (
    (UnknownNameError, 404),
    (InputError, 422),
    (ConflictError, 409),
    (ProjectError, 409),
    (CheckError, 500),
    (LianpianError, 500),
)
"""First match wins, so the narrower class stands above the wider."""


def exit_code(error: LianpianError) -> int:
    """Return 2 for input that cannot be used and 1 for a fault of ours."""
    usable = isinstance(error, InputError | ProjectError | ConflictError)
    return EXIT_INPUT if usable else EXIT_FAULT


def one_line(error: BaseException) -> str:
    """Return the message of an error as one line that cannot steer a terminal."""
    shown = "".join(letter if letter.isprintable() else " " for letter in str(error))
    return " ".join(shown.split())[:LONGEST_LINE] or type(error).__name__


def add_error_handlers(app: FastAPI) -> None:
    """Make every error answer as ``{"error": class, "message": text}``.

    A conflict adds ``conflict``: ``yours`` and ``theirs``. A change that said with If-Match which
    version it changes gets 412, as HTTP wants it, one that said so in its body 409.
    """
    # The command line reads its exit codes here and must not wait for a web server to load.
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    from api.answers import JsonAnswer
    from api.plain import in_json

    async def answer(request: Request, error: Exception) -> JsonAnswer:
        status = next(code for kind, code in STATUS if isinstance(error, kind))
        message = in_json(_FOLDERS.sub("'", one_line(error)))
        body: dict[str, Any] = {"error": type(error).__name__, "message": message}
        if isinstance(error, ConflictError):
            body["conflict"] = {"yours": error.yours, "theirs": error.theirs}
            status = 412 if "if-match" in request.headers else status
        return JsonAnswer(body, status)

    async def refuse(_: Request, error: Exception) -> JsonAnswer:
        if isinstance(error, HTTPException):
            body = {"error": type(error).__name__, "message": str(error.detail)}
            return JsonAnswer(body, error.status_code, error.headers)
        body = {"error": type(error).__name__, "message": _first_fault(error)}
        return JsonAnswer(body, 422)

    app.add_exception_handler(LianpianError, answer)
    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(RequestValidationError, refuse)


def _first_fault(error: Exception) -> str:
    """Name the first parameter that does not do, and why."""
    from fastapi.exceptions import RequestValidationError

    fault = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    return f"{'.'.join(str(part) for part in fault.get('loc', ()))}: {fault.get('msg', 'invalid')}"

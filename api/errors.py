"""One table from errors to answers: exit codes for the command line, statuses for HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gis.errors import CheckError, InputError, LianpianError, ProjectError, UnknownNameError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse

EXIT_INPUT: Final = 2
EXIT_FAULT: Final = 1
EXIT_STOPPED: Final = 130
LONGEST_LINE: Final = 1000

STATUS: Final[tuple[tuple[type[LianpianError], int], ...]] = (
    (UnknownNameError, 404),
    (InputError, 422),
    (ProjectError, 409),
    (CheckError, 500),
    (LianpianError, 500),
)
"""First match wins, so the narrower class stands above the wider."""


def exit_code(error: LianpianError) -> int:
    """Return 2 for input that cannot be used and 1 for a fault of ours."""
    return EXIT_INPUT if isinstance(error, InputError | ProjectError) else EXIT_FAULT


def one_line(error: BaseException) -> str:
    """Return the message of an error as one line that cannot steer a terminal."""
    shown = "".join(letter if letter.isprintable() else " " for letter in str(error))
    return " ".join(shown.split())[:LONGEST_LINE] or type(error).__name__


def add_error_handlers(app: FastAPI) -> None:
    """Make every error raised on purpose answer as ``{"error": class, "message": text}``."""
    # The command line reads its exit codes here and must not wait for a web server to load.
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    async def answer(_: Request, error: Exception) -> JSONResponse:
        status = next(code for kind, code in STATUS if isinstance(error, kind))
        body = {"error": type(error).__name__, "message": one_line(error)}
        return JSONResponse(body, status_code=status)

    async def refuse(_: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 422
        told = error.detail if isinstance(error, HTTPException) else _first_fault(error)
        return JSONResponse({"error": type(error).__name__, "message": told}, status_code=status)

    app.add_exception_handler(LianpianError, answer)
    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(RequestValidationError, refuse)


def _first_fault(error: Exception) -> str:
    """Name the first parameter that does not do, and why."""
    from fastapi.exceptions import RequestValidationError

    fault = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    return f"{'.'.join(str(part) for part in fault.get('loc', ()))}: {fault.get('msg', 'invalid')}"

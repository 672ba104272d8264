"""The one shape in which everything that goes wrong is answered."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue


class Conflict(BaseModel):
    """Both versions of what two people changed at once."""

    yours: dict[str, JsonValue]
    theirs: dict[str, JsonValue]


class Fault(BaseModel):
    """What went wrong, in one line: what, and what to do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": "UnknownNameError",
                    "message": "The project has no layer 'trees'; there are: streets, estates",
                }
            ]
        }
    )

    error: str
    message: str
    conflict: Conflict | None = None


_WORDS: Final = {
    400: "The body cannot be read",
    401: "Nobody has signed in",
    403: "This may not be done by who asks",
    404: "There is no such thing, or not for who asks",
    408: "The sender fell silent",
    409: "Somebody else has changed it, or it is in use",
    412: "It is no longer as If-Match says; both versions are told",
    413: "Too large",
    415: "Not in this form",
    422: "It cannot be used; nothing was changed",
    428: "If-Match is missing",
    429: "Too many at once",
    503: "Not now; try later",
}


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route may answer besides what it is asked for, to be put on its router."""
    return {status: {"model": Fault, "description": _WORDS[status]} for status in statuses}

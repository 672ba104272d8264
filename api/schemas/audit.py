"""The audit of a project: who changed what, when, from where."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.config import JsonDict

_LINE: JsonDict = {
    "id": 42,
    "at": "2026-11-21T08:00:00.000Z",
    "who": "wang",
    "where": "10.0.0.7",
    "what": "edited",
    "subject": "estates",
    "detail": {"rows": 1},
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


class AuditLineOut(BaseModel):
    """One line; it seals the one before by its hash."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINE]})

    id: int
    at: str
    who: str
    where: str
    what: str
    subject: str
    detail: dict[str, JsonValue]
    hash: str


class AuditOut(BaseModel):
    """Lines, the newest first."""

    lines: list[AuditLineOut]


class AuditCheckOut(BaseModel):
    """Whether every line is as it was written, and none is missing."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ok": True, "rows": 42, "first_bad": None, "why": ""}]}
    )

    ok: bool
    rows: int
    first_bad: int | None
    why: str

"""Shares, as they are asked for and told of; a link's token is told once, when it is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_EXAMPLE: JsonDict = {
    "id": 3,
    "title": "二〇二六年片区方案（送审）",
    "kind": "dashboard",
    "created": "2026-11-21T08:00:00.000000Z",
    "created_by": "wang",
    "expires": "2026-12-31T16:00:00.000000Z",
    "revoked": None,
    "has_password": True,
    "opened": 12,
    "last_opened": "2026-11-22T01:30:00.000000Z",
}


class ShareIn(BaseModel):
    """What to freeze, and who may open it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"title": "二〇二六年片区方案（送审）", "kind": "dashboard", "days": 30}]
        },
    )

    title: Annotated[str, Field(min_length=1, max_length=100)]
    kind: Literal["map", "dashboard"] = "map"
    plan: Annotated[str | None, Field(max_length=100)] = None
    rules: Annotated[str | None, Field(max_length=100)] = None
    lang: Literal["zh", "en"] = "zh"
    days: Annotated[float | None, Field(gt=0, le=3650)] = None
    password: Annotated[str | None, Field(min_length=6, max_length=200)] = None


class ShareOut(BaseModel):
    """A share, without its link."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    title: str
    kind: Literal["map", "dashboard"]
    created: datetime
    created_by: str
    expires: datetime | None
    revoked: datetime | None
    has_password: bool
    opened: int
    last_opened: datetime | None


class ShareMade(ShareOut):
    """A share that was just made, with its link: it is told only now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_EXAMPLE, "url": "https://plan.example.cn/s/Jw3…"}]}
    )

    url: str


class SharesOut(BaseModel):
    """The shares of a project, the newest first."""

    shares: list[ShareOut]

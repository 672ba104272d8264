"""Runs: answers that were kept, with what they rest on."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.analyses.work.options import Word


class RunsQuery(BaseModel):
    """Which runs, the newest first."""

    model_config = ConfigDict(extra="forbid")

    work: Word | None = Field(None, description="only those of this work")
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class RunOut(BaseModel):
    """One run, without its result."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run": 7,
                    "work": "coverage",
                    "created": "2026-11-21T08:00:00.000Z",
                    "who": "wang",
                    "job": "b1946ac9",
                    "options": {"at": "10:00", "origin": "gate"},
                    "stamp": {"estates": 12, "streets": 3},
                    "stale": ["estates"],
                }
            ]
        }
    )

    run: int
    work: str
    created: str
    who: str | None
    job: str | None
    options: dict[str, JsonValue]
    stamp: dict[str, int]
    stale: list[str]


class RunsOut(BaseModel):
    """A page of runs."""

    runs: list[RunOut]


class RunWhole(RunOut):
    """One run with its result and its assumptions."""

    assumptions: dict[str, Any]
    result: dict[str, Any]

"""What the application says of itself."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class HealthOut(BaseModel):
    """That the application runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok", "version": "0.6"}]})

    status: Literal["ok"]
    version: str


class ReadyOut(BaseModel):
    """That the application can serve, and how many projects."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ready", "projects": 1}]})

    status: Literal["ready"]
    projects: int

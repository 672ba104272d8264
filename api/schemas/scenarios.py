"""Scenarios: edits tried on top of the base, and what they would change."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.analyses.work.options import Edit, Options, PlanName, RuledWalks


class WhatIfIn(RuledWalks):
    """Edits to try, and how it is walked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "edits": [
                        {"edit": "OpenWall", "uid": "W17"},
                        {"edit": "AddFacility", "category": "nursery", "xy": [107.39, 29.31]},
                    ],
                    "at": "10:00",
                }
            ]
        }
    )

    edits: Annotated[list[Edit], Field(min_length=1, max_length=200)]
    exact: bool = Field(
        True,
        description="false: at once, without rules for which several facilities or a way back "
        "decide; the findings name them",
    )


class ScenarioIn(WhatIfIn):
    """Edits to keep under a name, with what they change today."""

    name: PlanName


class ReplayIn(Options):
    """How else it is walked than when the scenario was kept; only what is given differs."""

    walker: str | None = Field(None, max_length=200)
    at: str | None = Field(None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")


class DifferenceOut(BaseModel):
    """Before and after, rule by rule; more keys are those of ``lianpian whatif --json``."""

    model_config = ConfigDict(extra="allow")

    date: str
    edits: list[dict[str, Any]]
    before: list[dict[str, Any]]
    after: list[dict[str, Any]]
    people_gained: int = Field(description="people times services newly in reach, less those lost")
    estates: list[dict[str, Any]] = Field(description="which estates change, and how")
    findings: list[dict[str, Any]]


class ScenarioOut(BaseModel):
    """A kept scenario: its edits, and what they gained on the day it was kept."""

    name: str
    version: int
    created: str
    edits: list[dict[str, Any]]
    people_gained: float | None
    how: dict[str, Any] | None


class ScenarioWhole(ScenarioOut):
    """The same with all that was answered on that day."""

    answer: dict[str, Any]


class ScenariosOut(BaseModel):
    """The scenarios of a project."""

    scenarios: list[ScenarioOut]


class KeptOut(DifferenceOut):
    """What the edits change, and where they were kept."""

    saved: str
    version: int


class ReplayOut(DifferenceOut):
    """What the edits of a kept scenario change today."""

    replayed: ScenarioOut

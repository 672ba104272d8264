"""Sites: where to put what is missing."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.analyses.work.options import Options, PlanName
from api.schemas.coverage import RunMark


class SitesOut(RunMark):
    """A choice of sites; more keys are those of ``lianpian sites --json``."""

    model_config = ConfigDict(extra="allow")

    status: str = Field(description="optimal, feasible, infeasible or unknown")
    objective: float | None
    bound: float | None
    chosen: list[dict[str, Any]]
    services: list[dict[str, Any]]


class SiteScenarioIn(Options):
    """Which choice to keep as a scenario, and how to call it."""

    run: Annotated[int, Field(ge=1, le=2**53)]
    name: PlanName


class SiteScenarioOut(BaseModel):
    """Where the choice was kept."""

    saved: str
    version: int

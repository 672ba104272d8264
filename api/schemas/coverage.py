"""Who walks to what: the answers of a run of coverage, and why an estate does not reach a thing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.analyses.work.options import Coverage, RuledWalks, Word

Status = Literal["covered", "gap", "unlinked", "no-data"]
Sort = Literal["missing", "people", "metres", "seconds", "name", "estate"]


class CoverageQuery(Coverage):
    """Which run is asked for: the newest one with just these options."""

    model_config = ConfigDict(strict=False)


class EstatesQuery(CoverageQuery):
    """Which estates of the run, in what order."""

    categories: Annotated[list[Word], Field(max_length=100)] = Field(
        [], description="only these columns; all unless given"
    )
    status: Annotated[list[Status], Field(max_length=4)] = Field(
        [], description="only estates of which a column says so"
    )
    sort: Sort = "missing"
    descending: bool = True
    limit: Annotated[int, Field(ge=1, le=5_000)] = 100
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0


class EstateQuery(CoverageQuery):
    """Which columns of an estate."""

    categories: Annotated[list[Word], Field(max_length=100)] = Field([])


class ExplainQuery(RuledWalks):
    """Whose walk to what."""

    model_config = ConfigDict(strict=False)

    estate: Word = Field(description="uid, or a name that only one estate has")
    category: Word | None = Field(None, description="code of what is walked to, or its name")
    building: Word | None = Field(None, description="with origin building: where to start")


class RunMark(BaseModel):
    """Which run an answer comes from, and what has changed since."""

    run: int
    created: str
    stale: list[str] = Field(
        description="what the run rests on and is not so any more: layers, statements, profile"
    )


class CoverageOut(RunMark):
    """Who walks to what, by category; more keys are those of ``lianpian coverage --json``."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "run": 7,
                    "created": "2026-11-21T08:00:00.000Z",
                    "stale": ["estates"],
                    "date": "2026-11-21",
                    "items": [{"category": "nursery", "covered": 31, "gap": 9, "people_gap": 8100}],
                    "missing": [{"estate": "E0042", "name": "向阳小区", "missing": 3}],
                    "assumptions": {"at": "10:00", "origin": "gate"},
                    "findings": [],
                }
            ]
        },
    )

    date: str
    items: list[dict[str, Any]]
    missing: list[dict[str, JsonValue]]
    assumptions: dict[str, Any]
    findings: list[dict[str, Any]]


class ReachOut(BaseModel):
    """What one rule says of one estate."""

    rule: str
    category: str
    status: Status
    metres: float | None = Field(
        description="walked to the nearest one; null beyond what is searched"
    )
    seconds: float | None
    facility: str | None
    facility_name: str | None


class EstateReachOut(BaseModel):
    """One estate with what each rule says of it."""

    estate: str
    name: str | None
    people: float | None
    people_estimated: bool
    access: str
    missing: int = Field(description="how many required services are a gap")
    reaches: list[ReachOut]


class EstateRunOut(EstateReachOut, RunMark):
    """The same with the run that says so."""


class EstatesOut(RunMark):
    """A page of the estates of a run."""

    matched: int
    returned: int
    estates: list[EstateReachOut]


class ExplanationOut(BaseModel):
    """The walk of one estate to one service: how long, what makes it so, what would mend it.

    More keys are those of ``lianpian explain --json``.
    """

    model_config = ConfigDict(extra="allow")

    estate: str
    category: str
    status: Status
    metres: float | None
    seconds: float | None
    limit_m: float
    route: dict[str, Any] | None = Field(
        description="``geometry`` is a GeoJSON LineString in longitude and latitude"
    )
    causes: list[dict[str, Any]]
    remedies: list[dict[str, Any]]
    zh: str
    en: str

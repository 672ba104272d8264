"""Projects as they are told and made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ProjectBrief(BaseModel):
    """One of the projects that the visitor may see."""

    project: str = Field(description="as it stands in addresses")
    role: Literal["viewer", "reviewer", "planner", "owner"]


class ProjectsOut(BaseModel):
    """The projects that the visitor may see."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"projects": [{"project": "north", "role": "planner"}]}]}
    )

    projects: list[ProjectBrief]
    may_create: bool


class ProjectIn(BaseModel):
    """A new project."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "北城区", "crs": "EPSG:4547"}]},
    )

    name: Name
    profile: str | None = Field(None, max_length=100, description="policy profile")
    crs: str | None = Field(
        None, max_length=4000, description="metric CRS; the first import settles it unless given"
    )


class ProjectChange(BaseModel):
    """What is to be changed of a project; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "北城区"}]})

    name: Name | None = None
    profile: str | None = Field(None, max_length=100)


class ColumnOut(BaseModel):
    """A column of a layer."""

    name: str
    type: Literal["text", "integer", "number", "boolean", "date"]
    zh: str
    en: str
    unit: str
    meaning: str
    required: bool
    low: float | None
    high: float | None
    words: list[str] = Field(description="the only words that it may hold; empty: any")


class LayerOut(BaseModel):
    """A layer of the project."""

    layer: str
    zh: str
    en: str
    rows: int
    geometry: str = Field(description="what it is drawn with, as 'point, polygon'")
    version: int = Field(description="counts up with every change")
    imported_at: str | None
    sources: list[str] = Field(description="the files that its rows come from")
    columns: list[ColumnOut]


class ProjectOut(BaseModel):
    """A project and what is in it."""

    project: str
    name: str
    crs: str | None
    profile: str
    role: Literal["viewer", "reviewer", "planner", "owner"]
    layers: list[LayerOut]
    plans: list[str]
    scenarios: list[str]
    none_of: list[str] = Field(description="categories of which there is stated to be none")


class Stated(BaseModel):
    """The categories of which someone stated that there is no facility."""

    none_of: list[str]


class FindingOut(BaseModel):
    """Something a person should know about the data."""

    code: str
    severity: Literal["info", "warning", "error"]
    message: str
    row: int | None


class FindingsOut(BaseModel):
    """What was found in the data of a project, and how many rows were refused on import."""

    findings: list[FindingOut]
    refused: int

"""What each work can be asked with: strict, bounded, with the defaults of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from api.analyses.how import Terrain, Walking
from api.analyses.work.refusing import fault_told
from gis.errors import OptionError

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
PlanName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Clock = Annotated[
    str,
    StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$"),
    Field(description="the hour, HH:MM"),
]
Origin = Literal["gate", "building"]
Language = Literal["zh", "en"]
Metres = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Minutes = Annotated[float, Field(gt=0, le=1_440, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=3_600, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Place = Annotated[
    list[Annotated[float, Field(allow_inf_nan=False)]],
    Field(
        min_length=2,
        max_length=2,
        description="longitude, latitude; or x, y in metres of the project's CRS",
    ),
]
MOST_NAMES: Final = 10_000


class Options(BaseModel):
    """Options of a work; a key that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> Self:
        """Return the options of a person; those that begin with "_" are the server's.

        Raises
        ------
        OptionError
            One is unknown, of another type or out of range.
        """
        own = {key: value for key, value in options.items() if not key.startswith("_")}
        try:
            return cls.model_validate(own)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
            raise OptionError(fault_told(fault, cls.model_json_schema())) from None


class Findings(Options):
    """What is doubtful in the layers; it is asked without options."""


class HowWalked(Options):
    """How it is walked."""

    walker: Word | None = Field(None, description="who walks, instead of whom the rules name")
    at: Clock = Walking.at
    terrain: Terrain = Field("auto", description="slopes in minutes: auto where heights are known")
    link: Literal["counted", "free"] = Field(
        "counted", description="whether the leg between gate and street counts"
    )
    longest_link_m: Metres = Field(300.0, description="metres from a gate to its street")


class Walks(HowWalked):
    """How it is walked, and where people start."""

    origin: Origin = Field("gate", description="where people start")


class RuledWalks(Walks):
    """How it is walked, and by which rules."""

    rules: Word | None = Field(None, description="rule pack; the profile's unless given")
    category: Word | None = Field(None, description="only this category, a code or its name")
    metres: Metres | None = Field(None, description="own limit for the category, walked metres")
    minutes: Minutes | None = Field(None, description="own limit for the category, in minutes")


class Coverage(RuledWalks):
    """Who walks to what."""

    claim: Minutes | None = Field(None, description="check the claim of a circle of minutes")
    capacity: bool = Field(False, description="add places and floor area")


class GapList(Coverage):
    """The gap list as a workbook."""

    plan: PlanName | None = Field(None, description="add the gaps by the districts of this plan")
    lang: Language = "zh"


class Edit(Options):
    """One small change; which other keys it has is said by ``edit``."""

    edit: Literal[
        "OpenWall", "AddGate", "OpenGate", "CloseGate", "SetHours", "AddPath", "AddFacility",
        "MoveFacility", "EnlargeFacility", "Remove",
    ]  # fmt: skip
    uid: Word | None = Field(None, description="of the wall, gate or facility")
    at: Place | None = Field(None, description="where a wall is opened; where best unless given")
    xy: Place | None = Field(None, description="of a new gate or facility")
    line: Annotated[list[Place], Field(min_length=2, max_length=1_000)] | None = None
    category: Word | None = None
    hours: Annotated[str, StringConstraints(max_length=200)] | None = None
    floor_area_m2: Annotated[float, Field(gt=0, le=1e8, allow_inf_nan=False)] | None = None
    land_area_m2: Annotated[float, Field(gt=0, le=1e8, allow_inf_nan=False)] | None = None


class WhatIf(RuledWalks):
    """What edits would change."""

    edits: Annotated[list[Edit], Field(min_length=1, max_length=200)]
    save: PlanName | None = Field(None, description="keep the edits and the answer by this name")


class Openings(RuledWalks):
    """Where a wall could be opened, ranked by the people who gain."""

    top: Annotated[int, Field(ge=1, le=10_000)] = 20
    together: Annotated[int, Field(ge=0, le=20)] = Field(0, description="this many best together")


class Districts(Options):
    """Estates grouped into districts within bounds."""

    plan: PlanName = "plan"
    where: Annotated[str, StringConstraints(max_length=1_000)] | None = Field(
        None, description='condition on columns of the estates, such as "built_year <= 2000"'
    )
    sizes: dict[Word, Annotated[list[float | None], Field(min_length=2, max_length=2)]] | None = (
        Field(
            None,
            description="bounds per district by column, null for none; people 5000 to 12000",
            max_length=20,
        )
    )
    count: Annotated[int, Field(ge=1, le=100_000)] | None = None
    adjacency: Literal["walk", "touch"] = "walk"
    max_link_metres: Metres | None = None
    near_metres: Metres | None = None
    walls: bool = True
    not_across: Annotated[
        list[Literal["arterials", "communities", "subdistricts"]], Field(max_length=3)
    ] = []
    max_walk_minutes: Minutes | None = None
    within: Annotated[list[Word], Field(max_length=10)] = []
    objectives: dict[Word, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = Field(
        None, max_length=20, description="weights by name"
    )
    rules: Word | None = None
    year: Annotated[int, Field(ge=1900, le=2200)] | None = None
    locks: dict[Word, PlanName] = Field({}, description="district by estate", max_length=MOST_NAMES)
    closed: Annotated[list[PlanName], Field(max_length=MOST_NAMES)] = Field(
        [], description="districts of the locks that nothing joins"
    )
    join: Annotated[list[list[Word]], Field(max_length=1_000)] = []
    apart: Annotated[list[list[Word]], Field(max_length=1_000)] = []
    time_limit: Seconds = 10.0
    seed: Seed = 0


class Alternatives(Options):
    """Several really different plans that are asked the same as a kept one."""

    plan: PlanName
    count: Annotated[int, Field(ge=1, le=20)] = 3
    worse: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1
    unlike: Annotated[float, Field(ge=0, le=1)] = 0.15
    seed: Seed = 0
    time_limit: Seconds = 20.0


class Repair(Options):
    """A plan mended with the fewest estates moved."""

    plan: PlanName
    version: Annotated[int, Field(ge=1)] | None = None
    save: PlanName | None = Field(None, description="keep the mended plan by this name")
    time_limit: Seconds = 20.0


class Compare(Options):
    """What differs between two plans, or two versions of one."""

    plan: PlanName
    other: PlanName | None = None
    version: Annotated[int, Field(ge=1)] | None = None
    other_version: Annotated[int, Field(ge=1)] | None = None
    metrics: Annotated[list[Word], Field(max_length=100)] = []


class Sites(HowWalked):
    """Where to put what is missing."""

    categories: Annotated[list[Word], Field(min_length=1, max_length=20)]
    rules: Word | None = None
    metres: Metres | None = None
    minutes: Minutes | None = None
    origin: Literal["auto", "gate", "building"] = "auto"
    model: Literal["mclp", "lscp", "p-median", "p-center"] | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] | None = None
    budget: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    cheapest: bool = False
    rounds: Annotated[list[Annotated[int, Field(ge=1)]], Field(max_length=12)] = []
    worst_first: bool = False
    capacity: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["rule"] | None = None
    required: Annotated[list[Word], Field(max_length=MOST_NAMES)] = []
    closed: Annotated[list[Word], Field(max_length=MOST_NAMES)] = []
    by_year: Annotated[int, Field(ge=1900, le=2200)] | None = None
    means: Annotated[list[Word], Field(max_length=20)] = []
    offer_unknown: bool = False
    upgrades: bool = True
    rent_years: Annotated[float, Field(ge=0, le=100)] = 10.0
    anywhere_metres: Annotated[float, Field(ge=1, le=100_000)] | None = None
    curve: bool = False
    save: PlanName | None = Field(None, description="keep the choice as a scenario of this name")
    time_limit: Seconds = 60.0
    seed: Seed = 0


class Isochrones(HowWalked):
    """What facilities reach, in bands."""

    facilities: Annotated[list[Word], Field(max_length=1_000)] = []
    category: Word | None = None
    metres: Annotated[list[Metres], Field(max_length=20)] | None = None
    minutes: Annotated[list[Minutes], Field(max_length=20)] | None = None
    file: bool = Field(False, description="write streets, homes and polygons to a .gpkg")


class StepFree(HowWalked):
    """Homes without a step-free way, and the ramps that bring most people."""

    categories: Annotated[list[Word], Field(max_length=50)] = []
    metres: Metres | None = None
    minutes: Minutes | None = None
    ramps: Annotated[int, Field(ge=0, le=1_000)] = 10


class Map(Options):
    """The single-file map."""

    plan: PlanName | None = None
    rules: Word | None = None
    lang: Language = "zh"


class Export(Options):
    """Layers as files; several files come as one .zip."""

    format: Literal["xlsx", "gpkg", "geojson", "csv", "shp"] = "gpkg"
    layers: Annotated[list[Word], Field(max_length=50)] = []


class PlanExport(Options):
    """A plan as a file."""

    plan: PlanName
    version: Annotated[int, Field(ge=1)] | None = None
    format: Literal["xlsx", "csv", "geojson", "gpkg"] = "xlsx"
    lang: Language = "zh"

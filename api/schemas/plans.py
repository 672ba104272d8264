"""Plans: how they stand, what is changed by hand, their versions and packages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.analyses.work.options import Options, PlanName, Seconds, Word

Uid = Annotated[str, Field(min_length=1, max_length=200)]
Uids = Annotated[list[Uid], Field(max_length=200_000)]
District = Annotated[str, Field(min_length=1, max_length=100)]
Ring = Annotated[list[list[float]], Field(max_length=100_000)]


class Polygon(Options):
    """A GeoJSON polygon in longitude and latitude."""

    type: Literal["Polygon"]
    coordinates: Annotated[list[Ring], Field(max_length=1_000)]


class MultiPolygon(Options):
    """GeoJSON polygons in longitude and latitude."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[
        list[Annotated[list[Ring], Field(max_length=1_000)]], Field(max_length=1_000)
    ]


class Move(Options):
    """Put estates into a district; null: take them out of theirs."""

    op: Literal["move"]
    estates: Annotated[Uids, Field(min_length=1)]
    to: District | None


class Assign(Options):
    """Put each estate into its own district; so a proposed repair is accepted."""

    op: Literal["assign"]
    districts: Annotated[dict[Uid, District | None], Field(min_length=1, max_length=200_000)]


class Lasso(Options):
    """Put all estates in a polygon into a district; locked ones stay unless told otherwise."""

    op: Literal["lasso"]
    polygon: Annotated[Polygon | MultiPolygon, Field(discriminator="type")]
    to: District | None
    rule: Literal["centre", "touches", "within"] = "centre"
    skip_locked: bool = True


class New(Options):
    """Make a district of estates, or an empty one; named D1, D2, ... unless given."""

    op: Literal["new"]
    estates: Uids = Field([])
    name: District | None = None


class Merge(Options):
    """Join districts into one of them, the first unless said."""

    op: Literal["merge"]
    districts: Annotated[list[District], Field(min_length=1, max_length=10_000)]
    into: District | None = None


class Split(Options):
    """Take estates out of a district as a new one; null: all but its largest piece."""

    op: Literal["split"]
    district: District
    estates: Uids | None = None
    name: District | None = None


class Rename(Options):
    """Give a district another name."""

    op: Literal["rename"]
    district: District
    name: District


class Lock(Options):
    """Lock estates to their district, or districts to exactly their estates; or let them go."""

    op: Literal["lock", "unlock"]
    estates: Uids = Field([])
    districts: Annotated[list[District], Field(max_length=10_000)] = Field([])


class Link(Options):
    """Make two estates neighbours by hand, or no neighbours."""

    op: Literal["link", "unlink"]
    a: Uid
    b: Uid


class Turn(Options):
    """Take the last change back, or do again what was undone last."""

    op: Literal["undo", "redo"]
    others: bool = Field(False, description="also where somebody else made it")


ChangeIn = Annotated[
    Move | Assign | Lasso | New | Merge | Split | Rename | Lock | Link | Turn,
    Field(discriminator="op"),
]


class VerdictOut(BaseModel):
    """How a district stands: sums against bounds, and whether it hangs together."""

    district: str
    estates: int
    ok: bool
    totals: dict[str, float]
    unknown: dict[str, int] = Field(description="of how many estates the column is not known")
    bounds: dict[str, Literal["kept", "too small", "too large", "unknown"]]
    pieces: list[int] = Field(description="estates of each piece, the largest first")
    apart: list[str] = Field(description="up to 200 estates that hang apart from the largest piece")


class StateOut(BaseModel):
    """Where a plan stands; ``etag`` is what If-Match takes."""

    plan: str
    version: int
    seq: int
    etag: str


class EditOut(StateOut):
    """What a change has done, and how the districts stand that it touched."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "plan": "示例方案",
                    "version": 2,
                    "seq": 5,
                    "etag": '"2.5.0a1b2c3d4e5f"',
                    "words": "E0042 to D3",
                    "estates": ["E0042"],
                    "districts": {"E0042": "D3"},
                    "verdicts": [],
                    "gone": [],
                    "can_undo": True,
                    "can_redo": False,
                }
            ]
        }
    )

    words: str
    estates: list[str]
    districts: dict[str, str | None] = Field(description="where these estates are now")
    verdicts: list[VerdictOut]
    gone: list[str] = Field(description="districts that lost their last estate")
    can_undo: bool
    can_redo: bool


class PlanLine(BaseModel):
    """The newest version of a plan, without its estates."""

    plan: str
    version: int
    seq: int
    created: str
    status: str
    what: str
    who: str | None
    note: str
    districts: int
    estates: int
    left_out: int
    packages: int
    objective: float | None
    gap: float | None
    stale: list[str]


class PlansOut(BaseModel):
    """The plans of a project."""

    plans: list[PlanLine]


class ViewOut(StateOut):
    """What was said of a plan, and at which versions of the layers."""

    layers: dict[str, int] = Field(
        description="versions that were read; newer ones that change nothing of the answer count "
        "as the same"
    )


class PlanOut(ViewOut):
    """A plan as it is now, or one of its versions as it was kept."""

    created: str | None
    changes: int = Field(description="changes by hand that stand since the version")
    members: dict[str, str | None] = Field(description="the district of each estate")
    districts: list[str]
    verdicts: list[VerdictOut]
    left_out: list[dict[str, JsonValue]]
    locks: dict[str, Any]
    sizes: dict[str, list[float | None]] = Field(description="bounds by column; null: none")
    status: str
    reason: str
    objective: float | None
    bound: float | None
    gap: float | None
    stale: list[str] = Field(description="layers that changed since the version was made")
    can_undo: bool
    can_redo: bool
    settings: dict[str, Any]


class MetricsOut(ViewOut):
    """The metrics of each district and of all; null is unknown, never nought."""

    model_config = ConfigDict(extra="allow")

    districts: list[dict[str, Any]]
    totals: dict[str, float | None]
    units: dict[str, str]
    centre_rule: str


class CheckOut(ViewOut):
    """All that the plan breaks, by the independent checker."""

    violations: list[dict[str, Any]]
    stale: list[str]


class ChangeOut(BaseModel):
    """One change by hand."""

    seq: int
    what: str
    who: str | None
    at: str


class ChangesOut(StateOut):
    """What was changed since, and where the estates concerned are now.

    ``reload``: the version asked for is no longer the newest; the plan has to be read anew.
    """

    reload: bool
    changes: list[ChangeOut]
    members: dict[str, str | None]
    verdicts: list[VerdictOut]
    districts: list[str]


class VersionIn(Options):
    """Keep the plan as it is now as its next version."""

    note: str = Field("", max_length=1_000)


class VersionOut(StateOut):
    """The version that was made."""

    lost: list[str] = Field(description="parts of packages that are no more")


class VersionLine(BaseModel):
    """One version of a plan."""

    version: int
    created: str
    status: str
    what: str
    who: str | None
    note: str
    districts: int
    estates: int
    left_out: int
    packages: int
    stale: list[str]


class VersionsOut(BaseModel):
    """All versions of a plan, the oldest first."""

    plan: str
    versions: list[VersionLine]


class RestoreIn(Options):
    """Make an older version the newest again."""

    version: int = Field(ge=1)
    discard: bool = Field(False, description="although changes by hand are not kept yet")


class RenameIn(Options):
    """Give the plan another name."""

    name: PlanName


class RepairIn(Options):
    """How long to search for the fewest moves."""

    time_limit: Annotated[Seconds, Field(le=30)] = 5.0


class RepairOut(StateOut):
    """A proposal: nothing is changed. POST ``change`` to the plan's changes to accept it."""

    model_config = ConfigDict(extra="allow")

    status: str
    reason: str
    moved: list[dict[str, Any]]
    change: dict[str, Any] | None


class CompareOut(BaseModel):
    """What differs; keys are those of ``lianpian plan compare --json``."""

    model_config = ConfigDict(extra="allow")

    first: str
    second: str
    differences: list[dict[str, Any]]
    pairs: list[dict[str, Any]]


class PackageIn(Options):
    """A work package: whole districts, single estates, and who builds it."""

    package: PlanName
    districts: Annotated[list[District], Field(max_length=10_000)] = Field([])
    estates: Uids = Field([])
    builder: Annotated[str, Field(max_length=100)] | None = None


class PackagesIn(Options):
    """All work packages of a plan."""

    packages: Annotated[list[PackageIn], Field(max_length=10_000)]
    note: str = Field("", max_length=1_000)


class PackagesOut(StateOut):
    """Work packages with their sums; ``in_none`` is what is in none of them."""

    packages: list[dict[str, Any]]
    in_none: dict[str, Any]


class RemovedOut(BaseModel):
    """How many versions went."""

    removed: str
    versions: int


class MetricsQuery(BaseModel):
    """Which metrics, of which version."""

    model_config = ConfigDict(extra="forbid")

    metric: Annotated[list[Word], Field(max_length=100)] = Field(
        [], description="only these; all unless given"
    )
    version: int | None = Field(None, ge=1, description="as kept; as it is now unless given")

"""Changes of rows, as people send them and as they are told afterwards."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MOST_CHANGES: Final = 10_000
_LARGEST: Final = 1e15

Text = Annotated[str, StringConstraints(max_length=10_000)]
Cell = (
    bool
    | Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
    | Annotated[float, Field(allow_inf_nan=False, ge=-_LARGEST, le=_LARGEST)]
    | Text
    | None
)
Cells = Annotated[
    dict[Annotated[str, StringConstraints(max_length=200)], Cell], Field(max_length=200)
]
Uid = Annotated[str, StringConstraints(min_length=1, max_length=200)]
GeoJson = dict[str, Any]
Crs = Annotated[str, StringConstraints(max_length=100)]

_CRS_WORDS: Final = "of the geometry, as EPSG:n; longitude and latitude (WGS 84) unless given"


class RowIn(BaseModel):
    """A row that is new, or what is to be changed of one that is there.

    Of a row that is there, what is left out stays; null makes a value unknown, and a ``geometry``
    of null takes the geometry away.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "properties": {"name": "向阳小区", "people": 830},
                    "geometry": {"type": "Point", "coordinates": [107.3977, 29.3098]},
                }
            ]
        },
    )

    properties: Cells = {}
    geometry: GeoJson | None = None
    crs: Crs | None = Field(None, description=_CRS_WORDS)


class ChangeIn(BaseModel):
    """One change of several. ``rev`` is that of the row as it was read; new rows have none."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["insert", "update", "delete"]
    uid: Uid | None = None
    rev: int | None = Field(default=None, ge=0, le=2**62)
    properties: Cells = {}
    geometry: GeoJson | None = None


class ChangesIn(BaseModel):
    """Changes that are made together: all of them, or none."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "changes": [
                        {"op": "update", "uid": "E0042", "rev": 3, "properties": {"people": 830}},
                        {"op": "delete", "uid": "E0043", "rev": 1},
                    ]
                }
            ]
        },
    )

    changes: list[ChangeIn] = Field(min_length=1, max_length=MOST_CHANGES)
    crs: Crs | None = Field(None, description=_CRS_WORDS)
    what: str = Field("edited", min_length=1, max_length=200, description="shown in the history")


class EditedRow(BaseModel):
    """A row after an edit; ``rev`` is null where it was deleted."""

    uid: str
    rev: int | None


class EditOut(BaseModel):
    """What an edit has done: its number (to undo it), and the layer's version since."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "edit": 17,
                    "layer": "estates",
                    "version": 9,
                    "rows": [{"uid": "E0042", "rev": 4}],
                }
            ]
        }
    )

    edit: int
    layer: str
    version: int
    rows: list[EditedRow]


class PastRow(BaseModel):
    """What an edit changed of a row: each column as it was and as it became."""

    uid: str
    op: Literal["insert", "update", "delete"]
    columns: dict[str, tuple[Any, Any]]
    moved: bool = Field(description="whether its geometry changed")


class PastEdit(BaseModel):
    """An edit that was made."""

    edit: int
    layer: str
    at: str
    who: str | None
    what: str
    undoes: int | None
    undone_by: int | None
    rows: list[PastRow]
    rows_in_all: int


class EditsOut(BaseModel):
    """The edits of a project, the newest at the front."""

    edits: list[PastEdit]

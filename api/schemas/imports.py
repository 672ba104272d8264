"""Files that are sent and imported, and what became of their rows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.schemas.projects import FindingOut

_Short = Annotated[str, StringConstraints(max_length=200)]
_Pairs = Annotated[dict[_Short, _Short], Field(max_length=100)]


class UploadOut(BaseModel):
    """A file that was sent: its number to import it by. It is kept for an hour."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"upload": "Zp3…", "name": "estates.xlsx", "bytes": 48213}]}
    )

    upload: str
    name: str
    bytes: int


class GuessOut(BaseModel):
    """A kind that a layer of a file may be: which heading would be read as which column."""

    kind: str
    columns: dict[str, str] = Field(description="our column -> the heading in the file")


class ContentOut(BaseModel):
    """A layer or sheet of a file."""

    layer: str | None = Field(description="to be named on import where a file has several")
    rows: int | None
    geometry: str | None
    crs: str | None
    headings: list[str]
    guesses: list[GuessOut] = Field(description="the best at the front")


class UploadContent(UploadOut):
    """A file that was sent, and what is in it."""

    contents: list[ContentOut]


class ImportIn(BaseModel):
    """What to import of a file that was sent, and how."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "upload": "Zp3…",
                    "kind": "facilities",
                    "values": {"category": "primary_school"},
                    "dry_run": True,
                }
            ]
        },
    )

    upload: _Short
    kind: _Short = Field(description="a kind of layer, 'plan', or 'osm' for an OpenStreetMap file")
    layer: _Short | None = Field(None, description="layer or sheet, where the file has several")
    crs: _Short | None = Field(None, description="CRS of the file, over what it says itself")
    coords: Literal["auto", "wgs84", "gcj02", "bd09", "cgcs2000"] = "auto"
    encoding: Annotated[str, StringConstraints(max_length=40)] = "auto"
    columns: _Pairs = Field(default={}, description="our column -> heading in the file")
    values: _Pairs = Field(default={}, description="our column -> value for all rows")
    replace: bool = Field(False, description="replace the layer instead of adding to it")
    dry_run: bool = Field(False, description="say what would happen; write nothing")


class RowNoteOut(BaseModel):
    """A row of the file and what happened to it."""

    row: int
    reason: str


class ReportOut(BaseModel):
    """What was read into one layer."""

    kind: str
    file: str
    read: int
    accepted: int
    repaired: list[RowNoteOut]
    repaired_in_all: int
    refused: list[RowNoteOut]
    refused_in_all: int
    crs: str
    coords: str
    encoding: str | None
    findings: list[FindingOut]
    filled: list[str] = Field(description="our columns that hold something now")
    preview: list[dict[str, JsonValue]] = Field(description="the first rows as they would be")
    bounds: list[float] | None = Field(description="west, south, east, north in degrees")


class ImportOut(BaseModel):
    """What an import did, or would do."""

    dry_run: bool
    reports: list[ReportOut]


class ImportBegun(BaseModel):
    """An import that goes on as a job; its result is what the import would have answered."""

    job: str


class PastImport(BaseModel):
    """An import that was made; ``current`` is false once its rows were replaced."""

    id: int
    kind: str
    file: str
    at: str
    current: bool
    report: dict[str, Any]


class ImportsOut(BaseModel):
    """The imports of a project, oldest first."""

    imports: list[PastImport]


class RefusedRow(BaseModel):
    """A row that an import did not take, and why."""

    import_id: int
    kind: str
    file: str
    row: int
    reason: str


class RefusedOut(BaseModel):
    """Rows that imports did not take."""

    refused: list[RefusedRow]
    in_all: int

"""Layers and their rows, as GeoJSON in longitude and latitude."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.schemas.projects import LayerOut


class LayersOut(BaseModel):
    """The layers of a project."""

    layers: list[LayerOut]


class RowOut(BaseModel):
    """One row: a GeoJSON feature with its ``rev``, which an edit has to know."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "Feature",
                    "id": "E0042",
                    "rev": 3,
                    "geometry": {"type": "Point", "coordinates": [107.3977, 29.3098]},
                    "properties": {"uid": "E0042", "name": "向阳小区", "people": 830},
                }
            ]
        }
    )

    type: Literal["Feature"]
    id: str
    rev: int
    geometry: dict[str, Any] | None
    properties: dict[str, JsonValue]


class LayerGeoJson(BaseModel):
    """A GeoJSON feature collection: what of a layer was asked for."""

    type: Literal["FeatureCollection"]
    features: list[dict[str, Any]] = Field(
        description="each with its id and its rev, which an edit has to know"
    )
    numberMatched: int = Field(description="rows that fit what was asked")  # noqa: N815
    numberReturned: int = Field(description="rows that are here")  # noqa: N815

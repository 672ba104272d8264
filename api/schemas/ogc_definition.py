"""The definition of the OGC routes as OpenAPI 3.0: GDAL reads in it what it may filter by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from api.schemas.ogc import (
    CRS84,
    GEOJSON,
    JSON,
    MATRIX,
    MVT,
    SCHEMA_JSON,
    Json,
    Site,
    column_schema,
    title_of,
)
from api.schemas.ogc_asked import MOST_LIMIT, USUAL_LIMIT
from gis import __version__
from gis.model import Kind

_TEXT: Final = {"type": "string"}
_ERROR: Final = {"$ref": "#/components/responses/error"}


def definition(site: Site, kinds: Sequence[Kind]) -> Json:
    """Return the definition of what there is below a landing page."""
    paths: Json = {
        "/": _read("landing", "Where everything is", JSON),
        "/conformance": _read("conformance", "Standards that are kept to", JSON),
        "/api": _read("api", "This definition", JSON),
        "/collections": _read("collections", "The layers", JSON),
        "/tileMatrixSets": _read("tileMatrixSets", "How tiles are cut", JSON),
        f"/tileMatrixSets/{MATRIX}": _read("tileMatrixSet", "How tiles are cut", JSON),
    }
    paths |= _tiles("", "dataset")
    for kind in kinds:
        paths |= _layer(kind)
    return {
        "openapi": "3.0.3",
        "info": {"title": site.title, "version": __version__},
        "servers": [{"url": site.root}],
        "paths": paths,
        "components": {"parameters": _PARAMETERS, "responses": _RESPONSES},
    }


def _layer(kind: Kind) -> Json:
    at, title = f"/collections/{kind.name}", title_of(kind)
    by_column = [
        {
            "name": column.name,
            "in": "query",
            "description": "only rows that have exactly this",
            "schema": {
                key: value for key, value in column_schema(column).items() if key != "title"
            },
            "style": "form",
            "explode": False,
        }
        for column in kind.columns
    ]
    shared = [{"$ref": f"#/components/parameters/{name}"} for name in _OF_ITEMS]
    one = [{"$ref": f"#/components/parameters/{name}"} for name in ("uid", "crs")]
    return {
        at: _read(f"{kind.name}.about", title, JSON),
        f"{at}/schema": _read(f"{kind.name}.schema", f"Columns: {title}", SCHEMA_JSON),
        f"{at}/items": _read(
            f"{kind.name}.items", f"Rows: {title}", GEOJSON, [*shared, *by_column]
        ),
        f"{at}/items/{{uid}}": _read(f"{kind.name}.item", f"One row: {title}", GEOJSON, one),
        **_tiles(at, kind.name),
    }


def _tiles(at: str, name: str) -> Json:
    where = [
        {"$ref": f"#/components/parameters/{part}"} for part in ("tileMatrix", "tileRow", "tileCol")
    ]
    tile = _read(f"{name}.tile", "A vector tile", MVT, where)
    tile["get"]["responses"]["204"] = {"description": "Nothing is here"}
    return {
        f"{at}/tiles": _read(f"{name}.tilesets", "Sets of vector tiles", JSON),
        f"{at}/tiles/{MATRIX}": _read(f"{name}.tileset", "A set of vector tiles", JSON),
        f"{at}/tiles/{MATRIX}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}": tile,
    }


def _read(name: str, summary: str, type_: str, parameters: Sequence[Json] = ()) -> Json:
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "parameters": [*parameters, {"$ref": "#/components/parameters/f"}],
            "responses": {
                "200": {"description": summary, "content": {type_: {"schema": {}}}},
                "304": {"description": "Not changed since If-None-Match"},
                "400": _ERROR,
                "404": _ERROR,
                "default": _ERROR,
            },
        }
    }


def _asked(name: str, description: str, schema: Json, **more: object) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
        "style": "form",
        "explode": False,
        **more,
    }


def _in_path(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": schema}


_OF_ITEMS: Final = ("bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "after")
_NUMBERS: Final = {
    "type": "array",
    "items": {"type": "number"},
    "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
}
_SYSTEM: Final = {"type": "string", "format": "uri", "default": CRS84}
_PLACE: Final = {"type": "integer", "minimum": 0}
_PARAMETERS: Final[Json] = {
    "bbox": _asked("bbox", "only rows that meet this rectangle, or have no place", _NUMBERS),
    "bbox-crs": _asked("bbox-crs", "what bbox is in", _SYSTEM),
    "crs": _asked("crs", "what the coordinates are to be in", _SYSTEM),
    "datetime": _asked("datetime", "only rows of this time, or without a date", _TEXT),
    "limit": _asked(
        "limit",
        "how many rows at most",
        {"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "default": USUAL_LIMIT},
    ),
    "offset": _asked("offset", "how many rows to pass over", {**_PLACE, "default": 0}),
    "after": _asked(
        "after", "where the page before ended; next links have it", {"type": "integer"}
    ),
    "f": _asked("f", "form of the answer", {"type": "string", "enum": ["json", "geojson"]}),
    "uid": _in_path("uid", _TEXT),
    "tileMatrix": _in_path("tileMatrix", {"type": "integer", "minimum": 0, "maximum": 24}),
    "tileRow": _in_path("tileRow", _PLACE),
    "tileCol": _in_path("tileCol", _PLACE),
}
_RESPONSES: Final[Json] = {
    "error": {
        "description": "What is wrong",
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["error", "message"],
                    "properties": {"error": _TEXT, "message": _TEXT},
                }
            }
        },
    }
}

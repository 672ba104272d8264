"""The documents of OGC API - Tiles: sets of tiles, and how they are cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from api.live import LiveLayer
from api.schemas.ogc import (
    CRS84,
    EPSG,
    JSON,
    MATRIX,
    MVT,
    REL,
    Json,
    Site,
    box_of,
    column_schema,
    link,
    title_of,
)
from gis.tiles import MOST_ZOOM, tiles_over

WORLD_M: Final = 20037508.342789244
MATRIX_URI: Final = f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{MATRIX}"

_TILE_PIXELS: Final = 256
_PIXEL_M: Final = 0.00028
"""Of a screen, as the standard takes it for its scales."""
_DIMENSIONS: Final = {"point": 0, "line": 1, "polygon": 2}


def matrix_sets(site: Site) -> Json:
    """List the ways in which tiles are cut."""
    return {
        "tileMatrixSets": [
            {
                "id": MATRIX,
                "title": "Google Maps Compatible for the World",
                "uri": MATRIX_URI,
                "crs": f"{EPSG}3857",
                "links": [link(site.url("tileMatrixSets", MATRIX), "self", JSON, "How it is cut")],
            }
        ]
    }


def matrix_set() -> Json:
    """Tell how tiles are cut: the world in EPSG:3857, at each zoom in twice as many columns."""
    return {
        "id": MATRIX,
        "title": "Google Maps Compatible for the World",
        "uri": MATRIX_URI,
        "crs": f"{EPSG}3857",
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [_matrix(zoom) for zoom in range(MOST_ZOOM + 1)],
    }


def _matrix(zoom: int) -> Json:
    cell = 2 * WORLD_M / _TILE_PIXELS / 2**zoom
    return {
        "id": str(zoom),
        "scaleDenominator": cell / _PIXEL_M,
        "cellSize": cell,
        "cornerOfOrigin": "topLeft",
        "pointOfOrigin": [-WORLD_M, WORLD_M],
        "tileWidth": _TILE_PIXELS,
        "tileHeight": _TILE_PIXELS,
        "matrixWidth": 2**zoom,
        "matrixHeight": 2**zoom,
    }


def _at(layer: LiveLayer | None) -> tuple[str, ...]:
    return ("tiles",) if layer is None else ("collections", layer.kind.name, "tiles")


def _title(site: Site, layer: LiveLayer | None) -> str:
    return site.title if layer is None else title_of(layer.kind)


def tilesets(site: Site, layer: LiveLayer | None) -> Json:
    """List the sets of tiles of a layer, or of all."""
    at = _at(layer)
    return {
        "links": [link(site.url(*at), "self", JSON, "This document")],
        "tilesets": [
            {
                "title": _title(site, layer),
                "dataType": "vector",
                "crs": f"{EPSG}3857",
                "tileMatrixSetURI": MATRIX_URI,
                "links": [
                    link(site.url(*at, MATRIX), "self", JSON, "The set of tiles"),
                    _scheme(site),
                ],
            }
        ],
    }


def tileset(site: Site, layers: Sequence[LiveLayer], layer: LiveLayer | None) -> Json:
    """Tell of a set of tiles: what is in it, and where the tiles are."""
    at = site.url(*_at(layer), MATRIX)
    tile = link(f"{at}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}", "item", MVT, "The tiles")
    body: Json = {
        "title": _title(site, layer),
        "dataType": "vector",
        "crs": f"{EPSG}3857",
        "tileMatrixSetURI": MATRIX_URI,
        "layers": [_layer(one) for one in layers],
        "links": [
            link(at, "self", JSON, "This document"),
            _scheme(site),
            {**tile, "templated": True},
        ],
    }
    boxes = [box for one in layers if (box := box_of(one))]
    if boxes:
        west, south, east, north = (
            min(box[0] for box in boxes),
            min(box[1] for box in boxes),
            max(box[2] for box in boxes),
            max(box[3] for box in boxes),
        )
        body["boundingBox"] = {
            "lowerLeft": [west, south],
            "upperRight": [east, north],
            "crs": CRS84,
        }
        body["tileMatrixSetLimits"] = _limits(layers)
    return body


def _scheme(site: Site) -> Json:
    href = site.url("tileMatrixSets", MATRIX)
    return link(href, f"{REL}tiling-scheme", JSON, "How tiles are cut")


def _layer(layer: LiveLayer) -> Json:
    kind = layer.kind
    body: Json = {
        "id": kind.name,
        "title": title_of(kind),
        "dataType": "vector",
        "propertiesSchema": {
            "type": "object",
            "properties": {column.name: column_schema(column) for column in kind.columns},
        },
    }
    dimensions = {_DIMENSIONS[word] for word in kind.geometry}
    return body | ({"geometryDimension": dimensions.pop()} if len(dimensions) == 1 else {})


def _limits(layers: Sequence[LiveLayer]) -> list[Json]:
    boxes = [bounds for layer in layers if (bounds := layer.tiles.bounds) is not None]
    low = [min(box[side] for box in boxes) for side in (0, 1)]
    high = [max(box[side] for box in boxes) for side in (2, 3)]
    found = []
    for zoom in range(MOST_ZOOM + 1):
        columns, rows = tiles_over((*low, *high), zoom)
        found.append(
            {
                "tileMatrix": str(zoom),
                "minTileRow": rows[0],
                "maxTileRow": rows[-1],
                "minTileCol": columns[0],
                "maxTileCol": columns[-1],
            }
        )
    return found

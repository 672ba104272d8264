"""OGC API - Tiles: the layers as vector tiles. In addresses the row stands before the column."""

from __future__ import annotations

import gzip
from hashlib import blake2b
from typing import Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from api.auth import Visit, require
from api.live import LiveLayer, PackedTile, accepts_gzip, etag_matches
from api.routes.ogc import READ, ROOT, OgcRoute, Reader, document, layers_of, query_of, site_of
from api.schemas import ogc_tiles
from api.schemas.ogc import MATRIX, MVT
from gis.tiles import MOST_ZOOM

router = APIRouter(tags=["tiles"], route_class=OgcRoute, include_in_schema=False)

_PACKING: Final = 4
_AT: Final = ROOT + "/{project}"
_OF_ONE: Final = _AT + "/collections/{kind}/tiles"
_TILE: Final = "/" + MATRIX + "/{tile_matrix}/{tile_row}/{tile_col}"


@router.api_route(_AT + "/tileMatrixSets", methods=READ)
def matrix_sets(request: Request, visit: Reader) -> Response:
    """List the ways in which tiles are cut: one."""
    query_of(request, "f")
    return document(request, ogc_tiles.matrix_sets(site_of(request, visit)))


@router.api_route(
    _AT + "/tileMatrixSets/" + MATRIX, methods=READ, dependencies=[Depends(require("viewer"))]
)
def matrix_set(request: Request) -> Response:
    """Tell how tiles are cut."""
    query_of(request, "f")
    return document(request, ogc_tiles.matrix_set())


@router.api_route(_AT + "/tiles", methods=READ)
def all_tilesets(request: Request, visit: Reader) -> Response:
    """List the sets of tiles with all layers: one."""
    query_of(request, "f")
    return document(request, ogc_tiles.tilesets(site_of(request, visit), None))


@router.api_route(_AT + "/tiles/" + MATRIX, methods=READ)
def all_tileset(request: Request, visit: Reader) -> Response:
    """Tell of the tiles with all layers."""
    query_of(request, "f")
    return document(request, ogc_tiles.tileset(site_of(request, visit), layers_of(visit), None))


@router.api_route(_AT + "/tiles" + _TILE, methods=READ)
def all_tile(
    request: Request, visit: Reader, tile_matrix: str, tile_row: str, tile_col: str
) -> Response:
    """Return a tile with all layers."""
    query_of(request, "f")
    return _answer(request, _joined(visit, *_place(tile_matrix, tile_row, tile_col)))


@router.api_route(_OF_ONE, methods=READ)
def tilesets(request: Request, visit: Reader, kind: str) -> Response:
    """List the sets of tiles of a layer: one."""
    query_of(request, "f")
    return document(request, ogc_tiles.tilesets(site_of(request, visit), visit.live.layer(kind)))


@router.api_route(_OF_ONE + "/" + MATRIX, methods=READ)
def tileset(request: Request, visit: Reader, kind: str) -> Response:
    """Tell of the tiles of a layer."""
    query_of(request, "f")
    layer: LiveLayer = visit.live.layer(kind)
    return document(request, ogc_tiles.tileset(site_of(request, visit), [layer], layer))


@router.api_route(_OF_ONE + _TILE, methods=READ)
def tile(
    request: Request, visit: Reader, kind: str, tile_matrix: str, tile_row: str, tile_col: str
) -> Response:
    """Return a tile of a layer."""
    query_of(request, "f")
    z, x, y = _place(tile_matrix, tile_row, tile_col)
    return _answer(request, visit.live.tile(kind, z, x, y))


def _place(matrix: str, row: str, column: str) -> tuple[int, int, int]:
    """Read the address of a tile as zoom, x, y."""
    parts = (matrix, column, row)
    # At most ten digits: the last row of the last zoom has eight.
    if all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts):
        z, x, y = map(int, parts)
        if z <= MOST_ZOOM and x < 2**z and y < 2**z:
            return z, x, y
    raise HTTPException(
        404, f"There is no tile {matrix:.20}/{row:.20}/{column:.20}; zooms go from 0 to {MOST_ZOOM}"
    )


def _joined(visit: Visit, z: int, x: int, y: int) -> PackedTile:
    """Put the tiles of all layers into one; a tile is a list of layers, so they can be chained."""
    parts = [visit.live.tile(kind, z, x, y) for kind in visit.live.versions()]
    raw = b"".join(gzip.decompress(part.packed) for part in parts if part.packed)
    etag = blake2b("".join(part.etag for part in parts).encode(), digest_size=12).hexdigest()
    return PackedTile(gzip.compress(raw, _PACKING, mtime=0) if raw else b"", f'"{etag}"')


def _answer(request: Request, found: PackedTile) -> Response:
    headers = {
        "ETag": found.etag,
        "Vary": "Accept-Encoding",
        "Cache-Control": "private, no-cache",
    }
    if etag_matches(request.headers.get("if-none-match"), found.etag):
        return Response(status_code=304, headers=headers)
    if not found.packed:
        return Response(status_code=204, headers=headers)
    if not accepts_gzip(request.headers.get("accept-encoding")):
        return Response(gzip.decompress(found.packed), media_type=MVT, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(found.packed, media_type=MVT, headers=headers)

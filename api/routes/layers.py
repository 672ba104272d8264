"""Layers as GeoJSON, and their rows one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from numpy.typing import NDArray

from api.answers import JsonAnswer
from api.auth import Visit, require
from api.live import Live, LiveLayer, accepts_gzip, etag_matches
from api.live.features import collection, features, with_revs
from api.routes.preconditions import MatchNumber
from api.schemas.faults import faults
from api.schemas.layers import LayerGeoJson, LayersOut, RowOut
from api.schemas.projects import ColumnOut, LayerOut
from gis.errors import ColumnError, OptionError
from gis.model import KINDS, Column, Kind

router = APIRouter(
    prefix="/api/projects/{project}", tags=["layers"], responses=faults(401, 403, 404)
)
GEOJSON: Final = "application/geo+json"
LONGEST_BBOX: Final = 200

Viewer = Annotated[Visit, Depends(require("viewer"))]
Planner = Annotated[Visit, Depends(require("planner"))]
KindName = Annotated[str, Path(max_length=40, examples=["estates"])]
Uid = Annotated[str, Path(min_length=1, max_length=200, examples=["E0042"])]


def layers_in(live: Live) -> list[LayerOut]:
    """Return what is to be told of each layer of a project."""
    versions = live.versions()
    return [
        LayerOut(
            layer=info.kind,
            zh=KINDS[info.kind].zh,
            en=KINDS[info.kind].en,
            rows=info.rows,
            geometry=info.geometry,
            version=versions.get(info.kind, 0),
            imported_at=info.imported_at,
            sources=list(info.sources),
            columns=[_column(column) for column in KINDS[info.kind].columns],
        )
        for info in live.project.layers()
    ]


def row_of(layer: LiveLayer, uid: str) -> dict[str, Any]:
    """Return one row as a GeoJSON feature with its ``rev``."""
    place = layer.position(uid)
    feature: dict[str, Any] = json.loads(layer.feature(place))
    return feature | {"rev": int(layer.revs[place])}


def row_answer(layer: LiveLayer, uid: str, *, status: int = 200) -> JsonAnswer:
    """Answer with one row; its ETag is its ``rev`` and the mark of the project."""
    row = row_of(layer, uid)
    headers = {"etag": layer.row_etag(layer.position(uid)), "cache-control": "no-cache"}
    return JsonAnswer(row, status, headers)


@router.get("/layers")
def list_layers(visit: Viewer) -> LayersOut:
    """List the layers, with their columns."""
    return LayersOut(layers=layers_in(visit.live))


@router.get(
    "/layers/{kind}",
    response_class=Response,
    responses={
        200: {"model": LayerGeoJson, "content": {GEOJSON: {}}},
        304: {"description": "It is as the ETag in If-None-Match says"},
        **faults(422),
    },
)
def read_layer(
    visit: Viewer,
    request: Request,
    kind: KindName,
    bbox: Annotated[
        str | None,
        Query(max_length=LONGEST_BBOX, description="west,south,east,north in degrees"),
    ] = None,
    limit: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
    columns: Annotated[
        str | None, Query(max_length=2000, description="only these, by comma; '' for none")
    ] = None,
) -> Response:
    """Return a layer as GeoJSON (longitude, latitude), without the user's extra columns."""
    layer = visit.live.layer(kind)
    headers = {"etag": layer.etag, "cache-control": "no-cache", "vary": "Accept-Encoding"}
    wanted = None if columns is None else _named(layer.kind, columns)
    window = None if bbox is None else _window(bbox)
    if etag_matches(request.headers.get("if-none-match"), layer.etag):
        return Response(status_code=304, headers=headers)
    most = min(limit or 2**31, request.app.state.settings.max_features)
    whole = window is None and wanted is None and offset == 0 and len(layer) <= most
    if whole and accepts_gzip(request.headers.get("accept-encoding")):
        headers["content-encoding"] = "gzip"
        return Response(layer.gzipped(), headers=headers, media_type=GEOJSON)
    found = np.arange(len(layer)) if window is None else layer.window(window)
    page = found[offset : offset + most]
    if wanted is None:
        body = layer.geojson(page, matched=len(found))
    else:
        body = _narrow(layer, page, wanted, matched=len(found))
    return Response(body, headers=headers, media_type=GEOJSON)


@router.delete("/layers/{kind}", status_code=204, responses=faults(412, 422, 428))
def remove_layer(visit: Planner, kind: KindName, tag: MatchNumber) -> None:
    """Take a layer out, with its imports and refused rows. If-Match: the layer's version."""
    visit.live.project.remove_layer(kind, expected=tag.of(visit.live.project))


@router.get(
    "/layers/{kind}/rows/{uid:path}",
    response_model=RowOut,
    responses={304: {"description": "It is as the ETag in If-None-Match says"}},
)
def read_row(visit: Viewer, request: Request, kind: KindName, uid: Uid) -> Response:
    """Return one row. Its ETag, of its rev, is to be sent as If-Match when it is changed."""
    answer = row_answer(visit.live.layer(kind), uid)
    if etag_matches(request.headers.get("if-none-match"), answer.headers["etag"]):
        return Response(status_code=304, headers={"etag": answer.headers["etag"]})
    return answer


def _column(column: Column) -> ColumnOut:
    return ColumnOut(
        name=column.name,
        type=column.type,
        zh=column.zh,
        en=column.en,
        unit=column.unit,
        meaning=column.meaning,
        required=column.required,
        low=column.low,
        high=column.high,
        words=[word for word, _ in column.words],
    )


def _window(bbox: str) -> tuple[float, ...]:
    try:
        corners = tuple(float(part) for part in bbox.split(","))
    except ValueError:
        corners = ()
    if len(corners) != 4:
        raise OptionError("bbox: give four numbers in degrees: west,south,east,north")
    return corners


def _named(kind: Kind, columns: str) -> Kind:
    """Return the kind as if it had some of its columns only."""
    names = [name.strip() for name in columns.split(",") if name.strip()]
    for name in names:
        if name not in kind.column_names:
            raise ColumnError(
                f"The layer '{kind.name}' has no column '{name[:60]}' to show; it has: "
                f"{', '.join(kind.column_names)}"
            )
    chosen = tuple(column for column in kind.columns if column.name in names)
    return replace(kind, columns=chosen)


def _narrow(layer: LiveLayer, positions: NDArray[np.intp], kind: Kind, *, matched: int) -> bytes:
    """Write rows with the columns that ``kind`` still has."""
    values = {name: layer.values(name)[positions] for name in kind.column_names}
    made = features(kind, layer.uids[positions], layer.lonlat[positions], values)
    made = with_revs(made, layer.revs[positions])
    counts = {"numberMatched": matched, "numberReturned": len(positions)}
    return collection([b",".join(made)], counts)

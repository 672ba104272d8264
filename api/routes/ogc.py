"""OGC API - Features: every layer of a project for QGIS, GDAL and other programs, to read.

Of a single project the landing page is ``/ogc``, of each project of a folder ``/ogc/{project}``;
``/ogc`` then lists them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from api.auth import Person, Visit, require, role_in, visitor
from api.live import LiveLayer, accepts_gzip, etag_matches
from api.live.titles import title_of
from api.schemas import ogc, ogc_asked
from api.schemas.ogc import GEOJSON, JSON, OPENAPI, SCHEMA_JSON, Site
from api.schemas.ogc_definition import definition
from gis.errors import OptionError
from gis.model import KINDS

READ: Final = ["GET", "HEAD"]
LONGEST_QUERY: Final = 16_384
ROOT: Final = "/ogc"

_DOCUMENTS: Final = ("api", "conformance", "collections", "tiles", "tileMatrixSets")
_PACKED_FROM: Final = 1_000
_PACKING: Final = 1


class OgcRoute(APIRoute):
    """A route below ``/ogc/{project}`` that takes ``/ogc`` for a single project as well."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for this route."""
        path: str = scope["path"]
        if scope["type"] == "http" and (path == ROOT or path.startswith(f"{ROOT}/")):
            single = scope["app"].state.projects.single
            rest = path[len(ROOT) :]
            # A project may be called as one of the documents.
            if single is not None and (single in _DOCUMENTS or rest.split("/")[1:2] != [single]):
                scope = {**scope, "path": f"{ROOT}/{single}{rest}"}
        return super().matches(scope)


router = APIRouter(tags=["ogc"], route_class=OgcRoute, include_in_schema=False)
Reader = Annotated[Visit, Depends(require("viewer"))]


def base_of(request: Request) -> str:
    """Return the address of the server, as the one who asks reaches it."""
    public: str | None = request.app.state.settings.public_url
    return (public or str(request.base_url)).rstrip("/")


def site_of(request: Request, visit: Visit) -> Site:
    """Return where the documents of a project are, as the one who asks reaches them."""
    state = request.app.state
    below = "" if state.projects.single is not None else f"/{quote(visit.live.name, safe='')}"
    return Site(f"{base_of(request)}{ROOT}{below}", visit.live.project.name)


@contextmanager
def asked_well() -> Iterator[None]:
    """Answer what was asked wrongly with 400, as the standards want it."""
    try:
        yield
    except OptionError as error:
        raise HTTPException(400, str(error)) from None


def query_of(request: Request, *known: str) -> dict[str, str]:
    """Return the parameters of a request, each at most once; with ``known`` no others.

    Raises
    ------
    HTTPException
        One is unknown or given twice (400), or they are too long (414).
    """
    if len(request.scope["query_string"]) > LONGEST_QUERY:
        raise HTTPException(414, f"The query is longer than {LONGEST_QUERY} characters")
    pairs = request.query_params.multi_items()
    query = dict(pairs)
    if len(query) < len(pairs):
        raise HTTPException(400, "A parameter is given twice")
    for name in query:
        if known and name not in known:
            raise HTTPException(
                400, f"There is no parameter {name!r:.40} here; there is: {', '.join(known)}"
            )
    if query.get("f", "json") not in ("json", "geojson"):
        raise HTTPException(400, "f: answers come as json only")
    return query


def answer(
    request: Request,
    body: bytes,
    type_: str,
    *,
    etag: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an answer, packed where the client can unpack it, or that it has it already."""
    sent = {"Vary": "Accept-Encoding", "Cache-Control": "private, no-cache", **(headers or {})}
    if etag is not None:
        sent["ETag"] = etag
        if etag_matches(request.headers.get("if-none-match"), etag):
            return Response(status_code=304, headers=sent)
    if len(body) >= _PACKED_FROM and accepts_gzip(request.headers.get("accept-encoding")):
        # Here, in the thread of this request; the middleware would hold up all others meanwhile.
        body = gzip.compress(body, _PACKING, mtime=0)
        sent["Content-Encoding"] = "gzip"
    return Response(body, media_type=type_, headers=sent)


def document(request: Request, body: Mapping[str, Any], type_: str = JSON) -> Response:
    """Return a document as JSON."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    return answer(request, text.encode("utf-8", "replace"), type_)


def layers_of(visit: Visit) -> list[LiveLayer]:
    """Return all layers as they are now."""
    return [visit.live.layer(kind) for kind in visit.live.versions()]


@router.api_route(ROOT, methods=READ)
def listing(request: Request, _: Annotated[Person, Depends(visitor)]) -> Response:
    """List the projects of a folder that the visitor may see; each has a landing page."""
    query_of(request, "f")
    state = request.app.state
    root = f"{base_of(request)}{ROOT}"
    seen = [name for name in state.projects.names() if role_in(request, name) is not None]
    projects = [
        ogc.link(f"{root}/{quote(name, safe='')}", "item", JSON, title_of(state.projects, name))
        for name in seen
    ]
    return document(request, ogc.listing(root, projects))


@router.api_route(ROOT + "/{project}", methods=READ)
def landing(request: Request, visit: Reader) -> Response:
    """Say where everything is."""
    query_of(request, "f")
    return document(request, ogc.landing(site_of(request, visit)))


@router.api_route(
    ROOT + "/{project}/conformance", methods=READ, dependencies=[Depends(require("viewer"))]
)
def conformance(request: Request) -> Response:
    """Say which standards are kept to."""
    query_of(request, "f")
    return document(request, ogc.conformance())


@router.api_route(ROOT + "/{project}/api", methods=READ)
def openapi(request: Request, visit: Reader) -> Response:
    """Define these routes as OpenAPI 3.0."""
    query_of(request, "f")
    kinds = [KINDS[kind] for kind in visit.live.versions()]
    return document(request, definition(site_of(request, visit), kinds), OPENAPI)


@router.api_route(ROOT + "/{project}/collections", methods=READ)
def collections(request: Request, visit: Reader) -> Response:
    """List the layers."""
    query_of(request, "f")
    return document(request, ogc.collections(site_of(request, visit), layers_of(visit)))


@router.api_route(ROOT + "/{project}/collections/{kind}", methods=READ)
def collection(request: Request, visit: Reader, kind: str) -> Response:
    """Tell of one layer."""
    query_of(request, "f")
    return document(request, ogc.collection(site_of(request, visit), visit.live.layer(kind)))


@router.api_route(ROOT + "/{project}/collections/{kind}/schema", methods=READ)
def schema(request: Request, visit: Reader, kind: str) -> Response:
    """Tell of the columns of a layer."""
    query_of(request, "f")
    body = ogc.schema(site_of(request, visit), visit.live.layer(kind))
    return document(request, body, SCHEMA_JSON)


@router.api_route(ROOT + "/{project}/collections/{kind}/items", methods=READ)
def items(request: Request, visit: Reader, kind: str) -> Response:
    """Return a page of rows.

    The next page begins after the last row of this one, by a number that stays with a row: rows
    that others remove or insert meanwhile make nobody miss another or read it twice.
    """
    query = query_of(request)
    layer = visit.live.layer(kind)
    with asked_well():
        asked = ogc_asked.read(layer, query)
    left = asked.chosen
    if asked.after is not None:
        left = left[layer.fids[left] > asked.after]
    page = left[asked.offset : asked.offset + asked.limit]
    following = None
    if asked.offset + len(page) < len(left) and len(page):
        following = {name: text for name, text in query.items() if name != "offset"}
        following["after"] = str(layer.fids[page[-1]])
    links = ogc.page_links(site_of(request, visit), kind, query, following)
    body = layer.geojson(
        page,
        matched=len(asked.chosen),
        extra={"links": links},
        crs=asked.system,
        swap=asked.swap,
        revs=False,
    )
    headers = {"Content-Crs": f"<{asked.crs}>", "Link": ogc.link_header(links)}
    return answer(request, body, GEOJSON, etag=layer.etag, headers=headers)


@router.api_route(ROOT + "/{project}/collections/{kind}/items/{uid:path}", methods=READ)
def item(request: Request, visit: Reader, kind: str, uid: str) -> Response:
    """Return one row."""
    query = query_of(request, "f", "crs")
    layer = visit.live.layer(kind)
    place = layer.position(uid)
    uri = query.get("crs", ogc.CRS84)
    with asked_well():
        system, swap = ogc_asked.system_of(layer, uri, "crs")
    site = site_of(request, visit)
    at = ("collections", kind)
    links = [
        ogc.link(site.url(*at, "items", uid), "self", GEOJSON, "This row"),
        ogc.link(site.url(*at), "collection", JSON, "The layer"),
    ]
    told = json.dumps(links, ensure_ascii=False).encode()
    feature = layer.feature(place, crs=None if uri == ogc.CRS84 else system, swap=swap)
    headers = {"Content-Crs": f"<{uri}>", "Link": ogc.link_header(links)}
    body = feature[:-1] + b',"links":' + told + b"}"
    return answer(request, body, GEOJSON, etag=layer.row_etag(place), headers=headers)

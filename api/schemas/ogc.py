"""The documents of OGC API - Features and Tiles: what is here, where, in which systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import numpy as np
from pyproj import CRS

from api.live import LiveLayer
from gis.model import Column, Kind

Json = dict[str, Any]

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"
SCHEMA_JSON: Final = "application/schema+json"
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
MVT: Final = "application/vnd.mapbox-vector-tile"

CRS84: Final = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GREGORIAN: Final = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
EPSG: Final = "http://www.opengis.net/def/crs/EPSG/0/"
REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/"
MATRIX: Final = "WebMercatorQuad"

CONFORMS_TO: Final = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/dataset-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
)

_JSON_TYPES: Final = {
    "text": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "string",
}


@dataclass(frozen=True)
class Site:
    """Where the documents are: the address of the landing page, and what the project is called."""

    root: str
    title: str

    def url(self, *parts: str, **query: str | int) -> str:
        """Return the address of a document below the landing page."""
        path = "/".join([self.root, *(quote(part, safe="") for part in parts)])
        return f"{path}?{urlencode(query)}" if query else path


def link(href: str, rel: str, type_: str, title: str) -> Json:
    """Return a link."""
    return {"href": href, "rel": rel, "type": type_, "title": title}


def landing(site: Site) -> Json:
    """Return the landing page."""
    return {
        "title": site.title,
        "description": "连片 Lianpian: layers of one project / 一个项目的图层",
        "links": [
            link(site.root, "self", JSON, "This document"),
            link(site.url("api"), "service-desc", OPENAPI, "The definition of this API"),
            link(site.url("conformance"), "conformance", JSON, "Standards that are kept to"),
            link(site.url("collections"), "data", JSON, "The layers"),
            link(site.url("tiles"), f"{REL}tilesets-vector", JSON, "Vector tiles of all layers"),
            link(site.url("tileMatrixSets"), f"{REL}tiling-schemes", JSON, "How tiles are cut"),
        ],
    }


def listing(root: str, projects: Sequence[Json]) -> Json:
    """Return the page that lists projects, given the links to their landing pages."""
    return {
        "title": "连片 Lianpian",
        "description": "The projects that you may see / 可查看的项目",
        "links": [link(root, "self", JSON, "This document"), *projects],
    }


def conformance() -> Json:
    """Return which parts of the standards are kept to."""
    return {"conformsTo": list(CONFORMS_TO)}


def systems(layer: LiveLayer) -> dict[str, CRS]:
    """Return the coordinate systems that a layer can be asked for in, by their addresses.

    The first is that of GeoJSON, with the longitude before the latitude; those of EPSG have their
    coordinates in the order that EPSG says.
    """
    found = {CRS84: CRS.from_epsg(4326)}
    code = layer.crs.to_epsg()
    for epsg in (4326, 4490, 3857, *([] if code is None else [code])):
        found[f"{EPSG}{epsg}"] = layer.crs if epsg == code else CRS.from_epsg(epsg)
    return found


def storage_system(layer: LiveLayer) -> str | None:
    """Return the address of the system that the project works in; None where EPSG has none."""
    code = layer.crs.to_epsg()
    return None if code is None else f"{EPSG}{code}"


def collections(site: Site, layers: Sequence[LiveLayer]) -> Json:
    """Return all layers."""
    uris = dict.fromkeys(uri for layer in layers for uri in systems(layer))
    return {
        "links": [link(site.url("collections"), "self", JSON, "This document")],
        "crs": list(uris) or [CRS84],
        "collections": [collection(site, layer) for layer in layers],
    }


def collection(site: Site, layer: LiveLayer) -> Json:
    """Return one layer: what it is called, where it lies, in which systems it can be asked for."""
    kind, at = layer.kind, ("collections", layer.kind.name)
    body: Json = {
        "id": kind.name,
        "title": title_of(kind),
        "description": f"{kind.zh} / {kind.meaning or kind.en}",
        "itemType": "feature",
        "extent": extent(layer),
        "crs": list(systems(layer)),
        "links": [
            link(site.url(*at), "self", JSON, "This document"),
            link(site.url(*at, "items"), "items", GEOJSON, f"The rows: {title_of(kind)}"),
            link(site.url(*at, "schema"), "describedby", SCHEMA_JSON, "The columns"),
            link(site.url(*at, "tiles"), f"{REL}tilesets-vector", JSON, "Vector tiles"),
        ],
    }
    storage = storage_system(layer)
    return body if storage is None else body | {"storageCrs": storage}


def title_of(kind: Kind) -> str:
    """Return what a layer is called in both languages."""
    return f"{kind.zh} {kind.en}"


def extent(layer: LiveLayer) -> Json:
    """Return where the rows lie; empty where nothing is drawn."""
    sides = box_of(layer)
    return {} if sides is None else {"spatial": {"bbox": [sides], "crs": CRS84}}


def box_of(layer: LiveLayer) -> list[float] | None:
    """Return west, south, east, north of all rows in degrees; None where nothing is drawn."""
    bounds = layer.lonlat_bounds
    bounds = bounds[~np.isnan(bounds).any(axis=1)]
    if not len(bounds):
        return None
    return [*bounds[:, :2].min(axis=0).tolist(), *bounds[:, 2:].max(axis=0).tolist()]


def schema(site: Site, layer: LiveLayer) -> Json:
    """Return the JSON schema of one row, with the columns' headings in both languages."""
    kind = layer.kind
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": site.url("collections", kind.name, "schema"),
        "title": title_of(kind),
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": "Feature"},
            "id": {"type": "string"},
            "geometry": {"title": "位置 Geometry", "description": " or ".join(kind.geometry)},
            "properties": {
                "type": "object",
                "properties": {column.name: column_schema(column) for column in kind.columns},
            },
        },
    }


def column_schema(column: Column) -> Json:
    """Return what a column holds. An unknown value is null, in every column but uid."""
    body: Json = {"title": f"{column.zh} {column.en}", "type": _JSON_TYPES[column.type]}
    if column.meaning:
        body["description"] = column.meaning
    if column.unit:
        body["x-ogc-unit"] = column.unit
    body |= {} if column.low is None else {"minimum": column.low}
    return body | ({} if column.high is None else {"maximum": column.high})


def page_links(
    site: Site, kind: str, query: Mapping[str, str], following: Mapping[str, str] | None
) -> list[Json]:
    """Return the links of a page of rows: to itself, to the layer, to the next page."""
    at = ("collections", kind)
    links = [
        link(site.url(*at, "items", **query), "self", GEOJSON, "This page"),
        link(site.url(*at), "collection", JSON, "The layer"),
    ]
    if following is not None:
        links.append(link(site.url(*at, "items", **following), "next", GEOJSON, "The next page"))
    return links


def link_header(links: Sequence[Mapping[str, Any]]) -> str:
    """Return links as a header."""
    return ", ".join(
        f'<{item["href"]}>; rel="{item["rel"]}"; type="{item["type"]}"' for item in links
    )

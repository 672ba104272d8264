"""Endings of the names of files, by the reader that takes them."""

from __future__ import annotations

from typing import Final

VECTOR: Final = (".gpkg", ".geojson", ".json", ".fgb")
PARQUET: Final = (".parquet", ".geoparquet")
TEXT_TABLES: Final = (".csv", ".tsv", ".txt")
SHEETS: Final = (".xlsx", ".xlsm", ".xls")
RASTERS: Final = (".tif", ".tiff")
OSM: Final = (".osm", ".pbf")

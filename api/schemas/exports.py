"""Exports: the formats that layers can be taken away in."""

from __future__ import annotations

from typing import Literal

Format = Literal["gpkg", "geojson", "csv", "shp", "xlsx"]

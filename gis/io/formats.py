"""Which format a file has, by its ending: the one door through which all files come in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gis.errors import FileError
from gis.io.endings import OSM, PARQUET, RASTERS, SHEETS, TEXT_TABLES, VECTOR
from gis.io.raster import read_heights
from gis.io.shapefile import read_shapefile, read_zipped
from gis.io.sheets import read_sheet
from gis.io.source import Source, Wish, check_file
from gis.io.tables import read_csv
from gis.io.trust import require_what_it_says
from gis.io.vector import read_parquet, read_vector

READABLE: Final = "shp, zip (with a shapefile), gpkg, geojson, fgb, parquet, csv, xlsx"


def open_source(path: Path, wish: Wish) -> Source:
    """Read a file of any known format.

    Raises
    ------
    FileError
        It is missing, a folder, empty, cut, too large, or of no known format.
    UnknownNameError
        It has no layer of the name given.
    """
    check_file(path)
    require_what_it_says(path)
    suffix = path.suffix.casefold()
    if suffix in VECTOR:
        return read_vector(path, wish)
    if suffix in (".shp", ".zip"):
        return read_shapefile(path, wish) if suffix == ".shp" else read_zipped(path, wish)
    if suffix in PARQUET:
        return read_parquet(path)
    if suffix in TEXT_TABLES:
        return read_csv(path, wish)
    if suffix in SHEETS:
        return read_sheet(path, wish)
    if suffix in RASTERS and wish.kind == "heights":
        return read_heights(path)
    raise FileError(_no_format(path, suffix))


def _no_format(path: Path, suffix: str) -> str:
    if suffix in OSM:
        return f"{path.name} is OpenStreetMap data; import it with the kind 'osm'"
    if suffix in (".dbf", ".shx", ".prj", ".cpg"):
        return f"{path.name} is a part of a shapefile; give the .shp beside it"
    if suffix in (".dwg", ".dxf"):
        return f"{path.name} is a drawing; export the layer as shp, gpkg or geojson first"
    if suffix in RASTERS:
        return f"{path.name} is a grid; only heights are read from one: import it with that kind"
    what = f"'{suffix}' is" if suffix else "no ending in its name is"
    return f"{path.name}: {what} no format that can be read; give one of {READABLE}"

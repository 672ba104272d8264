"""Files to layers and back: every repair and every refused row is listed, no guess is silent.

`read_layer` opens shp, zipped shp, gpkg, geojson, fgb, parquet, csv and xlsx; OpenStreetMap files
are read by `gis.osm`, small tables of words by `read_table`.
`write_layer` writes gpkg, geojson, csv, shp and xlsx.
"""

from gis.io.layer import read_layer
from gis.io.report import ImportReport, RowNote
from gis.io.text_table import read_table
from gis.io.write import FORMATS, write_layer, write_layers

__all__ = [
    "FORMATS",
    "ImportReport",
    "RowNote",
    "read_layer",
    "read_table",
    "write_layer",
    "write_layers",
]

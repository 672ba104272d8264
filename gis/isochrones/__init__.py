"""Who is within reach of a facility: the streets and buildings, and a polygon only as a picture.

`reached_streets` and `reached_buildings` are the isochrone. `band_polygons` draws the ground along
the reached streets for maps; it never covers a river or a closed estate (`Blockers`).
"""

from gis.isochrones.blockers import CELL_M, Blockers
from gis.isochrones.polygons import WIDTH_M, BandPolygons, band_polygons, polygons_frame
from gis.isochrones.streets import (
    ReachedBuildings,
    ReachedStreets,
    reached_buildings,
    reached_streets,
    streets_frame,
)
from gis.isochrones.study import Isochrones, facility_isochrones

__all__ = [
    "CELL_M",
    "WIDTH_M",
    "BandPolygons",
    "Blockers",
    "Isochrones",
    "ReachedBuildings",
    "ReachedStreets",
    "band_polygons",
    "facility_isochrones",
    "polygons_frame",
    "reached_buildings",
    "reached_streets",
    "streets_frame",
]

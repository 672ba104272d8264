"""Buildings as the places where people start, and which estates keep them behind walls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Finding, Layer, Study, people_of
from gis.network.gates import (
    GATE_M,
    EstateGates,
    named_estates,
    outlines_of,
    told_uids,
    unknown_estates,
)


@dataclass(frozen=True, eq=False)
class Homes:
    """h buildings in which people live, sorted by estate and then by building.

    ``xy`` (h, 2) m; ``building`` and ``estate`` (h,) int64 rows of their layers.
    """

    xy: NDArray[np.float64]
    building: NDArray[np.int64]
    estate: NDArray[np.int64]

    @classmethod
    def none(cls) -> Homes:
        """No building is asked for."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(np.empty((0, 2)), nothing, nothing.copy())

    def __len__(self) -> int:
        return len(self.building)


def estates_of_buildings(buildings: Layer, estates: Layer) -> NDArray[np.int64]:
    """Return (b,) the row of each building's estate, -1 for none.

    The column ``estate`` decides where it holds the uid of an estate, or a name (of several of one
    name the nearest); else the estate in which the building lies, and the smallest of several: an
    estate drawn within another one is a part with a name of its own.
    """
    points = _insides(buildings.frame)
    found = np.full(len(points), -1, dtype=np.int64)
    building, estate = named_estates(buildings.frame["estate"], points, estates)
    found[building] = estate
    rest = np.flatnonzero(found < 0)
    shapes = estates.geometries
    k, near = shapely.STRtree(shapes).query(points[rest], predicate="intersects")
    order = np.lexsort((near, shapely.area(shapes[near]), k))
    k, first = np.unique(k[order], return_index=True)
    found[rest[k]] = near[order[first]]
    return found


def building_findings(study: Study) -> Iterator[Finding]:
    """Tell of buildings that name no estate there is, lie outside theirs, or in none."""
    if "buildings" not in study or "estates" not in study:
        return
    buildings, estates = study.layer("buildings"), study.layer("estates")
    estate = estates_of_buildings(buildings, estates)
    instead = "belong to the one in which they lie, if any"
    yield from unknown_estates(buildings, estates, instead)
    shapes, points = estates.geometries, _insides(buildings.frame)
    rows = np.flatnonzero(estate >= 0)
    rows = rows[shapely.get_dimensions(shapes[estate[rows]]) == 2]
    away_m = shapely.distance(shapes[estate[rows]], points[rows])
    off = rows[away_m > GATE_M]
    if len(off):
        yield Finding(
            "building-off-estate",
            f"{len(off)} buildings lie up to {away_m.max():,.0f} m outside the estate that they "
            f"name ({told_uids(buildings, off)}); their people are counted there: check their "
            "position and their column estate",
            row=int(off[0]),
        )
    people, _ = people_of(buildings)
    lost = np.flatnonzero((estate < 0) & (people > 0))
    if len(lost):
        yield Finding(
            "building-nowhere",
            f"{len(lost)} buildings with {people[lost].sum():,.0f} people lie in no estate and "
            f"count nowhere ({told_uids(buildings, lost)}); fill in their column estate, or draw "
            "the estate",
            row=int(lost[0]),
        )


def find_homes(study: Study) -> tuple[Homes, tuple[Finding, ...]]:
    """Find the buildings of the estates, see `estates_of_buildings`.

    One without people, or without households, is no home. People start at a place inside the
    building: entrances are not known.

    Returns
    -------
    homes
        Buildings of no estate are left out.
    findings
        What `building_findings` tells, and how many estates have no building and start at their
        gates.

    Raises
    ------
    MissingLayerError
        The study has no estates.
    """
    estates = study.layer("estates")
    if "buildings" not in study:
        return Homes.none(), tuple(_without_buildings(estates, np.empty(0, dtype=np.int64)))
    frame = study.frame("buildings")
    found = estates_of_buildings(study.layer("buildings"), estates)
    empty = (frame["people"] == 0) | (frame["people"].isna() & (frame["households"] == 0))
    building = np.flatnonzero((found >= 0) & ~empty.to_numpy(dtype=bool))
    building = building[np.argsort(found[building], kind="stable")]
    estate = found[building]
    homes = Homes(shapely.get_coordinates(_insides(frame)[building]), building, estate)
    return homes, (*building_findings(study), *_without_buildings(estates, estate))


def _insides(frame: gpd.GeoDataFrame) -> NDArray[np.object_]:
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    return np.asarray(shapely.point_on_surface(shapes), dtype=object)


def _without_buildings(estates: Layer, estate: NDArray[np.int64]) -> Iterator[Finding]:
    without = np.setdiff1d(np.arange(len(estates)), estate)
    if len(without):
        text = (
            f"{len(without)} of {len(estates)} estates have no building where people live, first "
            f"{estates.uids[without[0]]}; their people start at their gates"
        )
        yield Finding("estates-without-buildings", text, row=int(without[0]))


def walled_estates(study: Study, gates: EstateGates) -> NDArray[np.bool_]:
    """Say which estates (n,) are walled: areas with a mapped gate or a wall of their own.

    A wall is an estate's own if its column names the estate, else if its middle is within 5 m of
    the outline.
    """
    estates = study.layer("estates")
    shapes = estates.geometries
    walled = np.isin(np.arange(len(shapes)), gates.estate)
    frame = study.frame("walls")
    lines = np.asarray(frame.geometry.to_numpy(), dtype=object)
    if len(lines):
        middle = shapely.line_interpolate_point(
            shapely.get_geometry(lines, 0), 0.5, normalized=True
        )
        middle = np.asarray(middle, dtype=object)
        wall, estate = named_estates(frame["estate"], middle, estates)
        walled[estate] = True
        rest = np.setdiff1d(np.arange(len(lines)), wall)
        _, near = shapely.STRtree(outlines_of(shapes)).query(middle[rest], "dwithin", GATE_M)
        walled[near] = True
    walled &= shapely.get_dimensions(shapes) == 2
    return walled

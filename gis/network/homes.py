"""Buildings as the places where people start, and which estates keep them behind walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Finding, Study
from gis.network.gates import GATE_M, EstateGates, named_estates, outlines_of


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


def find_homes(study: Study) -> tuple[Homes, tuple[Finding, ...]]:
    """Find the buildings of the estates.

    A building belongs to the estate that its column ``estate`` names by uid or name, else to the
    one that contains it. One without people, or without households, is no home. People start at a
    place inside the building: entrances are not known.

    Returns
    -------
    homes
        Buildings of no estate are left out.
    findings
        How many estates have no building and start at their gates.

    Raises
    ------
    MissingLayerError
        The study has no estates.
    """
    estates = study.layer("estates")
    frame = study.frame("buildings")
    points = shapely.point_on_surface(np.asarray(frame.geometry.to_numpy(), dtype=object))
    points = np.asarray(points, dtype=object)
    building, estate = named_estates(frame["estate"], points, estates)
    rest = np.setdiff1d(np.arange(len(points)), building)
    found, near = shapely.STRtree(estates.geometries).query(points[rest], predicate="within")
    inside, first = np.unique(found, return_index=True)
    building = np.concatenate([building, rest[inside]])
    estate = np.concatenate([estate, near[first]])
    empty = (frame["people"] == 0) | (frame["people"].isna() & (frame["households"] == 0))
    lived_in = ~empty.to_numpy(dtype=bool)[building]
    building, estate = building[lived_in], estate[lived_in]
    order = np.lexsort((building, estate))
    homes = Homes(shapely.get_coordinates(points)[building[order]], building[order], estate[order])
    without = np.setdiff1d(np.arange(len(estates)), estate)
    if len(without) == 0:
        return homes, ()
    text = (
        f"{len(without)} of {len(estates)} estates have no building where people live, first "
        f"{estates.uids[without[0]]}; their people start at their gates"
    )
    return homes, (Finding("estates-without-buildings", text, row=int(without[0])),)


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

"""Where estates and facilities touch the walk: gates, else where their outline meets a street."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Study
from gis.network.attach import LONGEST_LINK_M, blockers_of, nearest_free
from gis.network.gates import AT, EstateGates, estate_gates, outlines_of
from gis.network.streets import walkable_lines
from gis.network.walkable import WalkableTable


@dataclass(frozen=True, eq=False)
class AccessPoints:
    """p places where estates touch the walk, sorted by estate; an estate may have several.

    ``xy`` (p, 2) m; ``estate`` (p,) int64 row of the estates layer; ``gate`` (p,) int64 row of the
    gates layer, -1 where there is none; ``source`` (p,) "gate", "assumed" (no gate is known: where
    the outline meets a street), "boundary" (where the outline comes nearest to a street, since it
    meets none) or "point" (the estate was given as a point). The walk of an estate is the shortest
    of its places'.
    """

    xy: NDArray[np.float64]
    estate: NDArray[np.int64]
    gate: NDArray[np.int64]
    source: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.estate)


@dataclass(frozen=True, eq=False)
class DoorPlaces:
    """d places where facilities are entered, sorted by facility; each facility has at least one.

    ``xy`` (d, 2) m; ``facility`` (d,) int64 row of the facilities layer.
    """

    xy: NDArray[np.float64]
    facility: NDArray[np.int64]

    @classmethod
    def none(cls) -> DoorPlaces:
        """There are no facilities."""
        return cls(np.empty((0, 2)), np.empty(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.facility)


@dataclass(frozen=True, eq=False)
class _Places:
    """Places (p, 2), the row (p,) each belongs to, and which of them ``meet`` a street."""

    xy: NDArray[np.float64]
    row: NDArray[np.int64]
    meets: NDArray[np.bool_]


def estate_access(
    study: Study,
    *,
    at: str = AT,
    longest_link_m: float = LONGEST_LINK_M,
    walkable: WalkableTable | None = None,
    gates: EstateGates | None = None,
) -> AccessPoints:
    """Find where each estate touches the walk.

    An estate whose gates are all shut, closed or for cars only has no place: it is walled, and its
    outline does not stand in for a gate that is known to be none.

    1. Its gates that walkers may use at that hour, see `gis.network.gates.estate_gates`.
    2. Without any gate, all places where its outline meets a walkable street; where a street
       runs along the outline, the middle of that stretch.
    3. Where none does, the place of its outline from which the nearest street is reached without
       crossing a barrier or wall. If there is none within the longest link, the place nearest to
       any street stands for it, and `attach` will leave it unlinked.
    4. An estate given as points: those points.

    Parameters
    ----------
    study
        Needs estates and streets.
    at
        The hour, "HH:MM".
    longest_link_m
        How far a street may be.
    walkable
        What can be walked; the table that comes with Lianpian unless given.
    gates
        The gates of ``study`` at that hour, where they are known already.

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets.
    OptionError
        ``at`` is no time of day.
    """
    shapes = study.layer("estates").geometries
    gates = estate_gates(study, at=at)[0] if gates is None else gates
    gated = np.isin(np.arange(len(shapes)), gates.estate)
    is_area = shapely.get_dimensions(shapes) == 2
    usable = gates.only(gates.open & (gates.estate >= 0))
    outline = np.flatnonzero(~gated & is_area)
    met = _on_outline(study, shapes[outline], longest_link_m, walkable)
    point = np.flatnonzero(~gated & ~is_area)
    xy, index = shapely.get_coordinates(shapes[point], return_index=True)
    row = np.concatenate([usable.estate, outline[met.row], point[index]])
    order = np.argsort(row, kind="stable")
    source = np.concatenate(
        [
            np.full(len(usable), "gate", dtype=object),
            np.where(met.meets, "assumed", "boundary").astype(object),
            np.full(len(index), "point", dtype=object),
        ]
    )
    none = np.full(len(row) - len(usable), -1, dtype=np.int64)
    return AccessPoints(
        xy=np.concatenate([usable.xy, met.xy, xy])[order],
        estate=row[order],
        gate=np.concatenate([usable.gate, none])[order],
        source=source[order],
    )


def facility_access(
    study: Study,
    *,
    longest_link_m: float = LONGEST_LINK_M,
    walkable: WalkableTable | None = None,
) -> DoorPlaces:
    """Find where one gets into each facility.

    A point stands for itself. An area, say a park, is entered wherever its outline meets a
    walkable street, else where it comes nearest to one.

    Raises
    ------
    MissingLayerError
        The study has no facilities or no streets.
    """
    shapes = study.layer("facilities").geometries
    areas = shapely.get_dimensions(shapes) == 2
    rows, points = np.flatnonzero(areas), np.flatnonzero(~areas)
    places = _on_outline(study, shapes[rows], longest_link_m, walkable)
    facility = np.concatenate([rows[places.row], points])
    xy = shapely.get_coordinates(shapely.point_on_surface(shapes[points]))
    order = np.argsort(facility, kind="stable")
    return DoorPlaces(np.concatenate([places.xy, xy])[order], facility[order])


def _on_outline(
    study: Study,
    areas: NDArray[np.object_],
    longest_link_m: float,
    walkable: WalkableTable | None,
) -> _Places:
    """Find where the outlines of areas (n,) meet streets, else come nearest to one."""
    streets = study.layer("streets")
    if len(areas) == 0:
        nothing = np.empty(0, dtype=np.int64)
        return _Places(np.empty((0, 2)), nothing, nothing.astype(bool))
    lines = walkable_lines(streets, walkable=walkable)
    outlines = outlines_of(areas)
    met = _meetings(outlines, lines)
    rest = np.setdiff1d(np.arange(len(areas)), met.row)
    links = nearest_free(
        outlines[rest], lines, longest_link_m=longest_link_m, blockers=blockers_of(study)
    )
    xy = links.start
    far = links.line < 0
    xy[far] = _nearest_at_all(outlines[rest[far]], lines)
    return _Places(
        np.concatenate([met.xy, xy]),
        np.concatenate([met.row, rest]),
        np.arange(len(met.row) + len(rest)) < len(met.row),
    )


def _meetings(outlines: NDArray[np.object_], lines: NDArray[np.object_]) -> _Places:
    row, line = shapely.STRtree(lines).query(outlines, predicate="intersects")
    common, pair = shapely.get_parts(
        shapely.intersection(outlines[row], lines[line]), return_index=True
    )
    middle = shapely.get_dimensions(common) == 1
    common[middle] = shapely.line_interpolate_point(common[middle], 0.5, normalized=True)
    table = np.column_stack([row[pair], shapely.get_coordinates(common).reshape(-1, 2)])
    table = np.unique(table, axis=0)
    return _Places(table[:, 1:], table[:, 0].astype(np.int64), np.ones(len(table), dtype=bool))


def _nearest_at_all(
    outlines: NDArray[np.object_], lines: NDArray[np.object_]
) -> NDArray[np.float64]:
    if len(outlines) == 0 or len(lines) == 0:
        return shapely.get_coordinates(shapely.get_point(shapely.get_geometry(outlines, 0), 0))
    nearest = lines[shapely.STRtree(lines).nearest(outlines)]
    ways = shapely.get_coordinates(shapely.shortest_line(outlines, nearest))
    starts: NDArray[np.float64] = ways.reshape(-1, 2, 2)[:, 0]
    return starts

"""What a person should know about gates, doors and links before believing a walk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gis.model import Finding, Layer, Study
from gis.network.access import DoorPlaces
from gis.network.attach import blockers_of, nearest_free
from gis.network.gates import EstateGates
from gis.network.graph import WalkNetwork

ISLAND_SHARE: Final = 0.01
"""A part of the streets with less of their length is an island: more often a fault than a place."""

ALONG_M: Final = 1.0
"""A wall that shares more than this with a street was drawn on top of it."""

_NAMED: Final = 3

Told = tuple[str, NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]
"""A kind, and places of it: where (n, 2), their node (n,) and their row (n,) of the layer."""


def shut_findings(study: Study, gates: EstateGates, at: str) -> Iterator[Finding]:
    """Tell of estates whose gates are all shut to walkers at that hour."""
    estates = study.layer("estates")
    shut = np.setdiff1d(gates.estate, gates.estate[gates.open])
    if len(shut):
        yield Finding(
            "gates-shut",
            f"{len(shut)} estates have no gate open to walkers at {at} and are unlinked "
            f"({_uids(estates, shut)}); check the columns access and hours of their gates",
        )


def door_findings(study: Study, doors: DoorPlaces) -> Iterator[Finding]:
    """Tell of facilities that can only be entered from within a river, railway or other barrier."""
    if len(doors) == 0 or "barriers" not in study:
        return
    barriers = study.layer("barriers").geometries
    areas = barriers[shapely.get_dimensions(barriers) == 2]
    points = np.asarray(shapely.points(doors.xy), dtype=object)
    inside, _ = shapely.STRtree(areas).query(points, predicate="within")
    dry = np.ones(len(doors), dtype=bool)
    dry[inside] = False
    rows = np.setdiff1d(doors.facility, doors.facility[dry])
    if len(rows):
        yield Finding(
            "facility-in-barrier",
            f"{len(rows)} facilities lie in a river or another barrier and count for nobody but "
            f"where a street passes them ({_named(study.layer('facilities'), rows)}); check their "
            "coordinates",
            row=int(rows[0]),
        )


def wall_findings(study: Study, network: WalkNetwork) -> Iterator[Finding]:
    """Tell of walls drawn on top of streets: nobody knows on which side of them they stand."""
    if "walls" not in study:
        return
    walls = study.layer("walls")
    rows = np.flatnonzero(network.street >= 0)
    lines = network.lines.take(rows).shapes
    wall, k = shapely.STRtree(lines).query(walls.geometries, predicate="intersects")
    metres = shapely.length(shapely.intersection(walls.geometries[wall], lines[k]))
    along = metres > ALONG_M
    if along.any():
        on = np.unique(wall[along])
        streets = np.unique(network.street[rows[k[along]]])
        yield Finding(
            "wall-along-street",
            f"{len(on)} walls are drawn along {len(streets)} streets for "
            f"{metres[along].sum():,.0f} m ({_named(walls, on)}); there they stop nobody, since "
            "nobody knows on which side they stand: move them to their side of the street",
            row=int(on[0]),
        )


def island_findings(
    study: Study,
    network: WalkNetwork,
    closed: NDArray[np.bool_],
    told: Sequence[Told],
    longest_link_m: float,
) -> Iterator[Finding]:
    """Tell of places linked to a small piece of the streets although a large one is in reach.

    The nearest street is right, but if that street leads nowhere, a link of streets is missing.
    Rows with another place on a large piece are not meant.
    """
    small = _on_islands(network, closed)
    if not small.any():
        return
    large = np.flatnonzero((network.street >= 0) & ~small[network.links[:, 0]])
    lines = network.lines.take(large).shapes
    for kind, xy, node, row in told:
        lost = (node >= 0) & np.append(small, False)[node]
        lost &= ~np.isin(row, row[(node >= 0) & ~lost])
        places = np.flatnonzero(lost)
        links = nearest_free(
            np.asarray(shapely.points(xy[places]), dtype=object),
            lines,
            longest_link_m=longest_link_m,
            blockers=blockers_of(study),
        )
        rows = np.unique(row[places[links.line >= 0]])
        if len(rows):
            yield Finding(
                f"{kind}-on-islands",
                f"{len(rows)} {kind} are linked to pieces of the streets that lead nowhere, though "
                f"a connected street is within {longest_link_m:g} m "
                f"({_named(study.layer(kind), rows)}); join these pieces to the streets",
                row=int(rows[0]),
            )


def _on_islands(network: WalkNetwork, closed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(v,) whether a node is in a part with less than 1 % of the length of all streets."""
    links = network.links[~closed]
    ones = np.ones(len(links), dtype=np.int8)
    size = len(network.xy)
    graph = coo_array((ones, (links[:, 0], links[:, 1])), shape=(size, size))
    count, part = connected_components(graph, directed=False)
    streets = network.street >= 0
    length = np.bincount(
        part[network.links[streets, 0]], weights=network.length_cm[streets], minlength=count
    )
    small: NDArray[np.bool_] = (length < ISLAND_SHARE * length.sum())[part]
    return small


def _uids(layer: Layer, rows: NDArray[np.int64]) -> str:
    more = len(rows) - _NAMED
    return ", ".join(map(str, layer.uids[rows[:_NAMED]])) + (
        f" and {more} more" if more > 0 else ""
    )


def _named(layer: Layer, rows: NDArray[np.int64]) -> str:
    names, uids = layer.frame["name"], layer.uids
    shown = [str(uids[i]) if pd.isna(names.iloc[i]) else str(names.iloc[i]) for i in rows[:_NAMED]]
    more = len(rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")

"""Where streets go through walls: at gates, where a gate is assumed, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.model import Finding, Study
from gis.network.gates import (
    GATE_M,
    EstateGates,
    named_estates,
    outlines_of,
    unknown_estates,
)
from gis.network.graph import WalkNetwork
from gis.network.walls import Cut, cut_streets


@dataclass(frozen=True, eq=False)
class Crossings:
    """m places where a street goes through a wall.

    ``pairs`` (m, 2) int64 the nodes on both sides, joined by a link of 0 cm; ``gate``, ``wall`` and
    ``estate`` (m,) int64 rows of their layers, -1 where there is none; ``open`` (m,) whether one
    can walk through; ``width_m`` (m,) of the gate, NaN where unknown.
    """

    pairs: NDArray[np.int64]
    gate: NDArray[np.int64]
    wall: NDArray[np.int64]
    estate: NDArray[np.int64]
    open: NDArray[np.bool_]
    width_m: NDArray[np.float64]


def cross_walls(
    study: Study, network: WalkNetwork, gates: EstateGates
) -> tuple[WalkNetwork, Crossings, tuple[Finding, ...]]:
    """Cut the streets of a study at its walls and gates.

    Walls cut every street that crosses them. The outline of an estate cuts only within 5 m of a
    mapped gate of that estate: outlines are drawn too roughly to close public streets, but a shut
    gate shuts the lane that it stands on. A cut passes if the nearest gate within 5 m lets
    walkers through. Without such a gate a wall is closed, unless it is the wall of an estate of
    which no gate is known at all: there one is assumed.

    Parameters
    ----------
    study
        Its walls, estates and gates are used.
    network
        Streets, without anything linked to them.
    gates
        All gates of the study, see `gis.network.gates.estate_gates`.
    """
    walls = study.frame("walls").geometry.to_numpy()
    lines, wall = shapely.get_parts(np.asarray(walls, dtype=object), return_index=True)
    outlines, estate, near = _gated_outlines(study, gates)
    cut = cut_streets(
        network,
        np.concatenate([lines, outlines]),
        near=np.concatenate([np.full(len(lines), None, dtype=object), near]),
        near_m=GATE_M,
        above=_above(study),
    )
    of_wall = np.concatenate([wall, np.full(len(outlines), -1, dtype=np.int64)])[cut.line]
    of_estate = np.concatenate([np.full(len(lines), -1, dtype=np.int64), estate])[cut.line]
    row = _nearest_gate(cut, gates)
    has = row >= 0
    open_ = np.zeros(len(row), dtype=bool)
    open_[has] = gates.open[row[has]]
    width_m = np.full(len(row), np.nan)
    width_m[has] = gates.width_m[row[has]]
    of_gate = np.full(len(row), -1, dtype=np.int64)
    of_gate[has] = gates.gate[row[has]]
    unnamed = has & (of_estate < 0)
    of_estate[unnamed] = gates.estate[row[unnamed]]
    assumed = _assumed(study, cut, of_wall, np.flatnonzero(~has), gates)
    of_estate = np.where(assumed >= 0, assumed, of_estate)
    open_ |= assumed >= 0
    crossings = Crossings(cut.pairs, of_gate, of_wall, of_estate, open_, width_m)
    return cut.network, crossings, (*_names(study), *_findings(study, cut, ~has & ~open_))


def _above(study: Study) -> NDArray[np.bool_]:
    frame = study.frame("streets")
    above = np.zeros(len(frame), dtype=bool)
    for name in ("bridge", "tunnel"):
        above |= frame[name].fillna(False).to_numpy(dtype=bool)
    return above


def _gated_outlines(
    study: Study, gates: EstateGates
) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.object_]]:
    """Outlines of areas with gates as lines (n,), the estate (n,) and the gates (n,) of each."""
    nothing = np.empty(0, dtype=object)
    if "estates" not in study or not (gates.estate >= 0).any():
        return nothing, np.empty(0, dtype=np.int64), nothing.copy()
    shapes = study.layer("estates").geometries
    named = gates.only(gates.estate >= 0)
    rows, index = np.unique(named.estate, return_inverse=True)
    points = np.asarray(shapely.points(named.xy), dtype=object)
    spots = np.asarray(shapely.multipoints(points, indices=index), dtype=object)
    area = shapely.get_dimensions(shapes[rows]) == 2
    rows, spots = rows[area], spots[area]
    lines, part = shapely.get_parts(outlines_of(shapes[rows]), return_index=True)
    return lines, rows[part], spots[part]


def _nearest_gate(cut: Cut, gates: EstateGates) -> NDArray[np.int64]:
    """(m,) row in ``gates`` of the nearest gate within 5 m of each cut; -1 without."""
    row = np.full(len(cut.pairs), -1, dtype=np.int64)
    points = np.asarray(shapely.points(cut.xy), dtype=object)
    tree = shapely.STRtree(np.asarray(shapely.points(gates.xy), dtype=object))
    (found, near), metres = tree.query_nearest(
        points, max_distance=GATE_M + 1.0, return_distance=True
    )
    found, near = found[metres <= GATE_M], near[metres <= GATE_M]
    order = np.lexsort((near, found))
    place, first = np.unique(found[order], return_index=True)
    row[place] = near[order[first]]
    return row


def _assumed(
    study: Study,
    cut: Cut,
    wall: NDArray[np.int64],
    rows: NDArray[np.int64],
    gates: EstateGates,
) -> NDArray[np.int64]:
    """(m,) the estate without known gates in whose wall a cut (one of ``rows``) lies, else -1.

    The estate of a wall is the one that its column names, else those whose outline is within 5 m;
    none of them may have a gate.
    """
    assumed = np.full(len(cut.pairs), -1, dtype=np.int64)
    if "estates" not in study or len(rows) == 0:
        return assumed
    estates = study.layer("estates")
    walls = study.layer("walls")
    row, named = named_estates(walls.frame["estate"], walls.geometries, estates)
    names = np.full(len(walls), -1, dtype=np.int64)
    names[row] = named
    points = np.asarray(shapely.points(cut.xy[rows]), dtype=object)
    tree = shapely.STRtree(outlines_of(estates.geometries))
    k, estate = tree.query(points, "dwithin", GATE_M)
    given = names[wall[rows[k]]]
    kept = (given < 0) | (given == estate)
    k, estate = k[kept], estate[kept]
    shut = np.isin(np.arange(len(rows)), k[np.isin(estate, gates.estate)])
    order = np.lexsort((estate, k))
    place, first = np.unique(k[order], return_index=True)
    free = ~shut[place]
    assumed[rows[place[free]]] = estate[order[first[free]]]
    return assumed


def _names(study: Study) -> Iterator[Finding]:
    if "walls" in study and "estates" in study:
        instead = "count as those of the estate on whose outline they lie, if any"
        yield from unknown_estates(study.layer("walls"), study.layer("estates"), instead)


def _findings(study: Study, cut: Cut, closed: NDArray[np.bool_]) -> tuple[Finding, ...]:
    if not closed.any():
        return ()
    network = cut.network
    ends = np.isin(network.links, cut.pairs[closed]).any(axis=1) & (network.street >= 0)
    rows = np.unique(network.street[ends])
    streets = study.layer("streets")
    first = int(rows[0])
    name = streets.frame["name"].iloc[first]
    uid = streets.uids[first]
    word = str(uid) if pd.isna(name) else f"{name} ({uid})"
    places = int(np.unique(np.round(cut.xy[closed], 2), axis=0).shape[0])
    text = (
        f"Walls cross {len(rows)} streets in {places} places without a gate, first {word}; nobody "
        "walks through there: draw a gate within 5 m, or mend the wall"
    )
    return (Finding("wall-crosses-street", text, row=first),)

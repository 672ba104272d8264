"""Gates, doors and homes joined to the streets, each in the way its estate allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Study
from gis.network.access import AccessPoints, DoorPlaces
from gis.network.attach import (
    ON_BLOCKER_M,
    Links,
    Refused,
    add_nodes,
    attach,
    blockers_of,
    join,
    nearest_of,
    split_at,
)
from gis.network.gates import GATE_M, EstateGates
from gis.network.graph import WalkNetwork
from gis.network.homes import Homes, walled_estates
from gis.network.inner import InnerWays, clearance_m, inner_ways
from gis.network.memory import give_back
from gis.network.passages import Crossings
from gis.network.polylines import Polylines
from gis.network.yards import INNER_LINK_M, Yards

_SHORT_OF_WALL_M = 0.02
"""Streets that end on both sides of a closed wall share a place, but not a way."""


@dataclass(frozen=True, eq=False)
class Places:
    """What is linked: all mapped gates with an estate, other places of estates, doors, homes."""

    gates: EstateGates
    access: AccessPoints
    doors: DoorPlaces
    homes: Homes


@dataclass(frozen=True, eq=False)
class Linked:
    """The network with everything linked: nodes (n,) int64, -1 unlinked; legs (n,) m, else NaN.

    ``inside`` (g,) the node within the wall of each gate, joined to the gate's node by the link
    of 0 cm between ``inside`` and ``gate``; -1 where the estate is no area or the gate unlinked.
    """

    network: WalkNetwork
    gate: NDArray[np.int64]
    gate_leg_m: NDArray[np.float64]
    inside: NDArray[np.int64]
    access: NDArray[np.int64]
    access_leg_m: NDArray[np.float64]
    door: NDArray[np.int64]
    door_leg_m: NDArray[np.float64]
    home: NDArray[np.int64]
    home_leg_m: NDArray[np.float64]


def link_places(
    study: Study,
    network: WalkNetwork,
    crossings: Crossings,
    places: Places,
    *,
    longest_link_m: float,
    counted: bool,
) -> Linked:
    """Link gates, doors and homes of a study to its streets.

    1. A gate links to the nearest street outside its estate; where no street outside is within
       the longest link, to the nearest one at all, but from deep inside another gated estate to
       the gates of that one. It also joins the street inside that ends within 15 m.
    2. Doors and the places of estates without gates link to the nearest street that is reached
       without crossing a barrier, a wall or an estate with gates, see `Yards.entered`. What is
       deep inside such an estate (or in a hole of it) and finds no street there leads to its gates.
    3. A home of a walled estate leads to the gates of its estate (`inner_ways`) and to the street
       inside that is nearest; any other home links as a point.

    Parameters
    ----------
    study, network, crossings
        The study, its streets cut at walls, and where.
    places
        What is linked.
    longest_link_m
        Beyond this a place is unlinked.
    counted
        Whether legs between a place and its street are walked. Inner ways always are.
    """
    estates = study.layer("estates").geometries
    blockers = blockers_of(study)
    walls = shapely.get_parts(blockers)
    yards = Yards.of(estates, places.gates.estate)
    clear_m = clearance_m(places.gates.xy, walls)
    walled = np.zeros(len(places.homes), dtype=bool)
    if len(places.homes):
        walled = walled_estates(study, places.gates)[places.homes.estate]
    own = yards.rows_of(places.gates.estate)
    deep = yards.whole.within_other(places.gates.xy, own)
    linked = _link_points(
        network, places, yards.whole, walled, deep, blockers, clear_m,
        longest_link_m=longest_link_m, counted=counted,
    )  # fmt: skip
    linked = _link_insides(linked, places.gates, yards.whole, blockers, clear_m, counted=counted)
    lost = [
        linked.gate[deep],
        linked.door,
        linked.access[places.access.gate < 0],
        linked.home[~walled],
    ]
    if not walled.any() and not (np.concatenate(lost) < 0).any():
        return linked

    @cache
    def lanes() -> NDArray[np.object_]:
        return _inner_streets(study, network, crossings)

    if (linked.inside >= 0).any():
        linked = _link_deep(linked, places, yards, walled, deep, lanes, walls)
        linked = _link_insides(
            linked, places.gates, yards.whole, blockers, clear_m, counted=counted
        )
    if not walled.any():
        return linked
    return _link_walled_homes(
        linked, places, np.flatnonzero(walled), estates, lanes(), walls, longest_link_m
    )


def _link_points(
    network: WalkNetwork,
    places: Places,
    yards: Yards,
    walled: NDArray[np.bool_],
    deep: NDArray[np.bool_],
    blockers: NDArray[np.object_],
    gates_clear_m: NDArray[np.float64],
    *,
    longest_link_m: float,
    counted: bool,
) -> Linked:
    """Link everything that is reached straight from the street."""
    gates, homes = places.gates, places.homes
    groups = [gates.xy, places.access.xy, places.doors.xy, homes.xy]
    xy = np.concatenate(groups)
    ends = np.cumsum([len(group) for group in groups])
    # Open gates are there already; homes behind walls are linked through their gates, later.
    xy[ends[0] : ends[1]][places.access.gate >= 0] = np.nan
    xy[ends[2] :][walled] = np.nan
    own = np.full(len(xy), -1, dtype=np.int64)
    own[: len(gates)] = yards.rows_of(gates.estate)
    clear_m = np.full(len(xy), ON_BLOCKER_M)
    clear_m[: len(gates)] = gates_clear_m
    node = np.full(len(xy), -1, dtype=np.int64)
    leg_m = np.full(len(xy), np.nan)

    def outward(p: NDArray[np.int64], _: object, way: NDArray[np.float64]) -> NDArray[np.bool_]:
        return yards.entered(way, own[p]) | yards.inward(way, own[p])

    def any_outward(p: NDArray[np.int64], _: object, way: NDArray[np.float64]) -> NDArray[np.bool_]:
        return yards.inward(way, own[p])

    # A gate into a neighbour's yard leads there, and one without a street outside leads inside.
    rounds: tuple[Refused | None, ...] = (outward, any_outward, None)
    for turn, refused in enumerate(rounds if len(gates) else rounds[:1]):
        rows = np.flatnonzero(node < 0 if turn == 0 else (node[: len(gates)] < 0) & ~deep)
        if len(rows) == 0:
            continue

        def of_rows(
            p: NDArray[np.int64],
            line: NDArray[np.int64],
            way: NDArray[np.float64],
            rows: NDArray[np.int64] = rows,
            refused: Refused | None = refused,
        ) -> NDArray[np.bool_]:
            return np.zeros(len(p), dtype=bool) if refused is None else refused(rows[p], line, way)

        found = attach(
            network, xy[rows], longest_link_m=longest_link_m, counted=counted,
            blockers=blockers, refused=of_rows, clear_m=clear_m[rows],
        )  # fmt: skip
        network, node[rows], leg_m[rows] = found.network, found.node, found.leg_m
        give_back(len(network))
    nodes, legs = np.split(node, ends[:-1]), np.split(leg_m, ends[:-1])
    return Linked(
        network, nodes[0], legs[0], np.full(len(gates), -1, dtype=np.int64),
        nodes[1], legs[1], nodes[2], legs[2], nodes[3], legs[3],
    )  # fmt: skip


def _link_insides(
    linked: Linked,
    gates: EstateGates,
    yards: Yards,
    blockers: NDArray[np.object_],
    clear_m: NDArray[np.float64],
    *,
    counted: bool,
) -> Linked:
    """Give each gate of an area a node within the wall, and join it to the street there."""
    own = yards.rows_of(gates.estate)
    rows = np.flatnonzero((own >= 0) & (linked.gate >= 0) & (linked.inside < 0))
    if len(rows) == 0:
        return linked
    own, xy = own[rows], gates.xy[rows]
    network, node = add_nodes(linked.network, xy)
    pairs = np.stack([node, linked.gate[rows]], axis=1)
    outside = network.xy[linked.gate[rows]]
    no_length = np.zeros(len(rows), dtype=np.int64)
    network = join(network, pairs, no_length, Polylines.straight(xy, outside))
    links = nearest_of(
        np.asarray(shapely.points(xy), dtype=object),
        network.lines,
        np.flatnonzero(network.street >= 0),
        longest_link_m=INNER_LINK_M,
        blockers=blockers,
        refused=lambda p, _, way: yards.outside(way, own[p]) | yards.entered(way, own[p]),
        clear_m=clear_m[rows],
    )
    network, _ = _with_legs(network, links, node, counted=counted)
    inside = linked.inside.copy()
    inside[rows] = node
    return replace(linked, network=network, inside=inside)


def _with_legs(
    network: WalkNetwork,
    links: Links,
    node: NDArray[np.int64],
    *,
    counted: bool,
) -> tuple[WalkNetwork, NDArray[np.int64]]:
    """Join nodes (n,) to the feet of their links; return the rows that have one."""
    rows = np.flatnonzero(links.line >= 0)
    give_back(len(network))
    network, foot = split_at(network, links.line[rows], links.foot[rows])
    give_back(len(network))
    legs = Polylines.straight(links.start[rows], links.foot[rows])
    cm = links.leg_cm[rows] if counted else np.zeros(len(rows), dtype=np.int64)
    return join(network, np.stack([node[rows], foot], axis=1), cm, legs), rows


def _link_deep(
    linked: Linked,
    places: Places,
    yards: Yards,
    walled: NDArray[np.bool_],
    deep: NDArray[np.bool_],
    lanes: Callable[[], NDArray[np.object_]],
    walls: NDArray[np.object_],
) -> Linked:
    """Lead what is inside a gated estate and found no street to its gates.

    These are doors, and gates, places and homes of estates that are drawn within another one.
    """
    at = {"gate": linked.gate, "access": linked.access, "door": linked.door, "home": linked.home}
    may = (deep, places.access.gate < 0, np.ones(len(linked.door), dtype=bool), ~walled)
    rows = [np.flatnonzero((n < 0) & m) for n, m in zip(at.values(), may, strict=True)]
    of = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
    row = np.concatenate(rows)
    every = (places.gates.xy, places.access.xy, places.doors.xy, places.homes.xy)
    xy = np.concatenate([group[each] for group, each in zip(every, rows, strict=True)])
    own = np.full(len(xy), -1, dtype=np.int64)
    own[: len(rows[0])] = yards.rows_of(places.gates.estate[rows[0]])
    ways, used = _ways_out(linked, places.gates, yards, xy, own, lanes, walls)
    network, node = add_nodes(linked.network, xy[used])
    pairs = np.stack([node[np.searchsorted(used, ways.start)], linked.inside[ways.goal]], axis=1)
    fields: dict[str, Any] = {"network": join(network, pairs, _cm(ways.metres), ways.lines)}
    for group, (name, old) in enumerate(at.items()):
        mine = of[used] == group
        new, leg_m = old.copy(), getattr(linked, f"{name}_leg_m").copy()
        new[row[used[mine]]], leg_m[row[used[mine]]] = node[mine], 0.0
        fields |= {name: new, f"{name}_leg_m": leg_m}
    return replace(linked, **fields)


def _ways_out(
    linked: Linked,
    gates: EstateGates,
    yards: Yards,
    xy: NDArray[np.float64],
    own: NDArray[np.int64],
    lanes: Callable[[], NDArray[np.object_]],
    walls: NDArray[np.object_],
) -> tuple[InnerWays, NDArray[np.int64]]:
    """Ways from places (n, 2) to the gates of the smallest estate around them but their ``own``.

    ``start`` of the ways are rows of ``xy``, ``goal`` rows of the gates; also the rows of ``xy``
    that have any.
    """
    goals = np.flatnonzero(linked.inside >= 0)
    points = np.asarray(shapely.points(xy), dtype=object)
    whole = yards.whole.shapes
    k, yard = shapely.STRtree(whole).query(points, predicate="intersects")
    k, yard = k[yard != own[k]], yard[yard != own[k]]
    order = np.lexsort((yard, shapely.area(whole[yard]), k))
    k, first = np.unique(k[order], return_index=True)
    yard = yard[order[first]]
    # Only who is in a hole walks across it.
    in_hole = ~shapely.intersects(yards.shapes[yard], points[k])
    goals_yard = yards.rows_of(gates.estate[goals])
    ways = inner_ways(
        np.concatenate([yards.shapes, whole]),
        xy[k],
        np.where(in_hole, yard + len(whole), yard),
        np.tile(gates.xy[goals], (2, 1)),
        np.concatenate([goals_yard, goals_yard + len(whole)]),
        streets=lanes() if len(k) else np.empty(0, dtype=object),
        blockers=walls,
    )
    ways = replace(ways, start=k[ways.start], goal=np.tile(goals, 2)[ways.goal])
    return ways, np.unique(ways.start)


def _link_walled_homes(
    linked: Linked,
    places: Places,
    rows: NDArray[np.int64],
    estates: NDArray[np.object_],
    lanes: NDArray[np.object_],
    walls: NDArray[np.object_],
    longest_link_m: float,
) -> Linked:
    """Lead homes ``rows`` to the gates of their estates and to the streets inside."""
    xy, estate = places.homes.xy[rows], places.homes.estate[rows]
    yards = Yards.of(estates, estate)
    own = yards.rows_of(estate)
    network, node = add_nodes(linked.network, xy)
    mapped = np.flatnonzero(linked.inside >= 0)
    others = np.flatnonzero((linked.access >= 0) & (places.access.gate < 0))
    goal = np.concatenate([linked.inside[mapped], linked.access[others]])
    goals_xy = np.concatenate([places.gates.xy[mapped], places.access.xy[others]])
    of = yards.rows_of(np.concatenate([places.gates.estate[mapped], places.access.estate[others]]))
    kept = of >= 0
    ways = inner_ways(
        yards.shapes, xy, own, goals_xy[kept], of[kept], streets=lanes, blockers=walls
    )
    pairs = np.stack([node[ways.start], goal[kept][ways.goal]], axis=1)
    network = join(network, pairs, _cm(ways.metres), ways.lines)
    wide = shapely.buffer(yards.shapes, 0.5)

    def not_inner(
        p: NDArray[np.int64], line: NDArray[np.int64], way: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        refused = yards.outside(way, own[p])
        # A public street that a rough outline covers at its edge is no inner street.
        edge = np.flatnonzero(~refused & (yards.depth_m(way[:, 1], own[p]) <= GATE_M))
        shapes = network.lines.take(line[edge]).shapes
        refused[edge] = ~shapely.covered_by(shapes, wide[own[p[edge]]])
        return refused

    links = nearest_of(
        np.asarray(shapely.points(xy), dtype=object),
        network.lines, np.flatnonzero(network.street >= 0),
        longest_link_m=longest_link_m, blockers=walls, refused=not_inner,
    )  # fmt: skip
    network, on_street = _with_legs(network, links, node, counted=True)
    leads = np.zeros(len(rows), dtype=bool)
    leads[on_street] = leads[ways.start] = True
    home, leg_m = linked.home.copy(), linked.home_leg_m.copy()
    home[rows[leads]] = node[leads]
    leg_m[rows[leads]] = 0.0
    leg_m[rows[on_street]] = links.leg_cm[on_street] / 100.0
    return replace(linked, network=network, home=home, home_leg_m=leg_m)


def _cm(metres: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(metres * 100).astype(np.int64)


def _inner_streets(study: Study, network: WalkNetwork, crossings: Crossings) -> NDArray[np.object_]:
    """Streets as lines for ways inside estates: apart where a wall without a gate parts them."""
    frame = study.frame("streets")
    level = frame["tunnel"].fillna(False).to_numpy(dtype=bool)
    rows = np.flatnonzero((network.street >= 0) & ~np.append(level, True)[network.street])
    lines = network.lines.take(rows)
    xy = lines.xy.copy()
    shut = crossings.pairs[(crossings.gate < 0) & ~crossings.open]
    for side, at, step in ((0, lines.start[:-1], 1), (1, lines.start[1:] - 1, -1)):
        end = at[np.isin(network.links[rows, side], shut)]
        ahead = lines.xy[end + step] - lines.xy[end]
        far = np.hypot(*ahead.T)
        share = np.minimum(_SHORT_OF_WALL_M / np.maximum(far, _SHORT_OF_WALL_M), 0.5)
        xy[end] = lines.xy[end] + ahead * share[:, None]
    return Polylines(xy, lines.start).shapes

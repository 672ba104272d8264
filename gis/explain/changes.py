"""Single changes to a case, each with the walk of a search that has the change in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gis.explain.case import BEYOND_CM, Case, Feet, Walk

OUTLINE_STEP_M: Final = 10.0
"""Openings are tried this far apart along walls and outlines."""

OWN_WALL_M: Final = 5.0
"""A wall this close to the outline of an estate is its own."""

LONGEST_PATH_M: Final = 300.0
"""A missing path longer than this is a street, and another kind of plan."""

STREET_STEP_M: Final = 20.0
"""Paths may begin at these steps along streets, besides their junctions."""

MOST_SITES: Final = 3
MOST_PASSAGES: Final = 3
_PAIRS_AT_ONCE: Final = 250
_MOST_PAIRS_AT_ONCE: Final = 8000


@dataclass(frozen=True, eq=False)
class Change:
    """One change and the walk with it (None: still no way).

    ``kind`` is that of a remedy, or "stairs", "slope", "waiting", "closed-to-walker"; ``layer`` and
    ``row`` what is changed, None and -1 where it is nothing that has a row; ``place`` and ``end``
    (x, y); ``crossed`` rows of the barriers that a path crosses.
    """

    kind: str
    walk: Walk | None
    layer: str | None = None
    row: int = -1
    place: tuple[float, float] | None = None
    end: tuple[float, float] | None = None
    crossed: tuple[int, ...] = ()
    cost_yuan: float | None = None


def open_own_gates(case: Case) -> Iterator[Change]:
    """Open each gate of the estate that is shut at that hour."""
    gates, passages = case.ground.gates, case.ground.passages
    for i in np.flatnonzero((gates.estate == case.estate) & ~gates.open):
        links = passages.link[passages.gate == gates.gate[i]]
        outside = gates.node[i : i + 1]
        home = np.concatenate([case.home, outside[outside >= 0]]).astype(np.int64)
        if (case.building >= 0).any():
            home = case.home  # people start at their building, and the gate is on their way
        walk = case.search(case.opened(links), case.time_cm, home=home)
        yield Change("open-gate", walk, "gates", int(gates.gate[i]), _xy(gates.xy[i]))


def open_passages(case: Case) -> list[Change]:
    """Open what is shut elsewhere: gates of other estates, walls across streets.

    Whether opening one link helps is read off the distances from home and to the doors; only the
    best few are searched.
    """
    ground = case.ground
    passages = ground.passages
    own = np.isin(passages.gate, ground.gates.gate[ground.gates.estate == case.estate])
    rows = np.flatnonzero(ground.closed[passages.link] & ~(own & (passages.gate >= 0)))
    if len(rows) == 0:
        return []
    link = passages.link[rows]
    a, b = case.network.links[link].T
    through = np.minimum(case.here[a] + case.there[b], case.here[b] + case.there[a])
    through = through + case.network.length_cm[link]
    now = case.walk.cost_cm if case.walk is not None else BEYOND_CM
    changes: dict[tuple[str, int], Change] = {}
    for i in np.argsort(through, kind="stable"):
        if through[i] >= now or len(changes) >= MOST_PASSAGES:
            break
        gate, wall = int(passages.gate[rows[i]]), int(passages.wall[rows[i]])
        key = ("gates", gate) if gate >= 0 else ("walls", wall)
        if key in changes:
            continue
        links = passages.link[passages.gate == gate] if gate >= 0 else link[i : i + 1]
        walk = case.search(case.opened(links), case.time_cm)
        cost = _number(case, "walls", wall, "cost_yuan") if gate < 0 else None
        where = _xy(passages.xy[rows[i]])
        changes[key] = Change("open-passage", walk, *key, where, cost_yuan=cost)
    return list(changes.values())


def open_wall(case: Case) -> Change | None:
    """Make a new gate in the wall (else the outline) of the estate, where it shortens most."""
    shape = case.study.layer("estates").geometries[case.estate]
    if shapely.get_dimensions(shape) != 2:
        return None
    places, wall = _openings(case, shape)
    if len(places) == 0:
        return None
    feet = _outward(case.feet_of(places), shape)
    cm = case.from_feet(feet) + _inner_cm(case, feet.xy)
    cm[feet.link < 0] = BEYOND_CM
    best = int(cm.argmin())
    if cm[best] >= BEYOND_CM:
        return None
    one = feet.take(np.array([best]))
    from_inside = bool((case.building >= 0).any())
    network, time_cm = case.added(one, inside=from_inside)
    # From a building one walks to the opening; else the opening is where one starts.
    home = case.home if from_inside else np.array([len(case.network)])
    walk = case.search(network, time_cm, home=home)
    row = int(wall[best])
    cost = _number(case, "walls", row, "cost_yuan")
    layer = "walls" if row >= 0 else None
    return Change("open-wall", walk, layer, row, _xy(one.xy[0]), cost_yuan=cost)


def missing_path(case: Case, *, limit_cm: int, barrier: int | None = None) -> Change | None:
    """Find a straight path between two streets, walked as if it were flat.

    Parameters
    ----------
    limit_cm
        The shortest path is wanted with which the walk costs at most this.
    barrier
        Only paths over this row of the barriers, and then the one with the shortest walk.
    """
    spots = _spots(case, limit_cm, barrier)
    here, there = case.to_feet(spots), case.from_feet(spots)
    near_home, near_door = np.flatnonzero(here <= limit_cm), np.flatnonzero(there <= limit_cm)
    if len(near_home) == 0 or len(near_door) == 0:
        return None
    found = cKDTree(spots.xy[near_home]).sparse_distance_matrix(
        cKDTree(spots.xy[near_door]), LONGEST_PATH_M, output_type="ndarray"
    )
    u, v, metres = near_home[found["i"]], near_door[found["j"]], found["v"]
    total = here[u] + np.rint(metres * 100).astype(np.int64) + there[v]
    good = np.flatnonzero(total <= limit_cm)
    keys = (total, np.rint(metres * 100)) if barrier is None else (metres, total)
    order = good[np.lexsort((keys[0][good], keys[1][good]))]
    obstacles = _Obstacles.of(case, barrier)
    start, some = 0, _PAIRS_AT_ONCE
    while start < len(order):
        pairs = order[start : start + some]
        start, some = start + some, min(2 * some, _MOST_PAIRS_AT_ONCE)
        chosen, crossed = obstacles.first_buildable(spots.xy[u[pairs]], spots.xy[v[pairs]])
        if chosen < 0:
            continue
        two = spots.take(np.array([u[pairs[chosen]], v[pairs[chosen]]]))
        network, time_cm = case.added(two, path=True)
        walk = case.search(network, time_cm)
        kind = "crossing" if crossed else "path"
        layer, row = ("barriers", crossed[0]) if crossed else (None, -1)
        return Change(kind, walk, layer, row, _xy(two.xy[0]), _xy(two.xy[1]), crossed)
    return None


def without(case: Case, kind: str) -> Change:
    """Walk as if there were no stairs, no slopes, no waiting, or no limits of the walker."""
    network, walker, terrain = case.network, case.walker, case.terrain
    traits = network.traits
    if kind == "slope":
        terrain = False
    elif kind == "closed-to-walker":
        walker = replace(walker, steepest=None, min_width_m=None)
    elif traits is not None and kind == "stairs":
        network = replace(network, traits=replace(traits, stairs=np.zeros_like(traits.stairs)))
    elif traits is not None and kind == "waiting":
        traits = replace(traits, delay_s=np.zeros_like(traits.delay_s))
        network = replace(network, traits=traits)
    return Change(kind, case.search(*case.with_costs_of(walker, network, terrain=terrain)))


def use_sites(case: Case) -> list[Change]:
    """Put the facility on a site: those within the limit, cheapest first, then nearest."""
    if "sites" not in case.study:
        return []
    layer = case.study.layer("sites")
    places = np.asarray(shapely.point_on_surface(layer.geometries), dtype=object)
    feet = case.feet_of(places)
    cm = case.to_feet(feet)
    cost = layer.numbers("cost_yuan")
    rows = np.flatnonzero(cm <= case.limit_cm)
    rows = rows[np.lexsort((cm[rows], np.nan_to_num(cost[rows], nan=np.inf)))][:MOST_SITES]
    changes = []
    for row in rows.tolist():
        network, time_cm = case.added(feet.take(np.array([row])))
        door = np.array([len(case.network)])
        walk = case.search(network, time_cm, door=door, facility=np.array([-1]))
        yuan = None if np.isnan(cost[row]) else float(cost[row])
        changes.append(Change("site", walk, "sites", row, _xy(feet.xy[row]), cost_yuan=yuan))
    return changes


# -- Openings


def _openings(case: Case, shape: shapely.Geometry) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Places (n,) on walls of the estate that may go, else on its outline, and the wall's row."""
    walls = shapes_of(case, "walls")
    outline = shapely.boundary(shape)
    lines, rows = [outline], [-1]
    near = np.flatnonzero(shapely.dwithin(walls, outline, OWN_WALL_M))
    if len(near):
        kept = case.study.frame("walls")["removable"].to_numpy(dtype=object, na_value=None)
        rows = [int(row) for row in near if kept[row] is not False]
        beside = shapely.buffer(outline, OWN_WALL_M)
        lines = [shapely.intersection(walls[row], beside) for row in rows]
    points, wall = [], []
    for line, row in zip(lines, rows, strict=True):
        for part in shapely.get_parts(line):
            if shapely.get_dimensions(part) != 1:
                continue
            steps = np.arange(0.0, part.length + OUTLINE_STEP_M / 2, OUTLINE_STEP_M)
            points.extend(shapely.line_interpolate_point(part, np.minimum(steps, part.length)))
            wall.extend([row] * len(steps))
    return np.array(points, dtype=object), np.array(wall, dtype=np.int64)


def _outward(feet: Feet, shape: shapely.Geometry) -> Feet:
    """Drop ways that lead through the estate: an opening leads out of it."""
    rows = np.flatnonzero(feet.link >= 0)
    legs = shapely.linestrings(np.stack([feet.xy[rows], feet.foot[rows]], axis=1))
    inside = shapely.length(shapely.intersection(legs, shapely.buffer(shape, -0.5))) > 1.0
    link = feet.link.copy()
    link[rows[inside]] = -1
    return replace(feet, link=link)


def _inner_cm(case: Case, xy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Centimetres from a building straight to places (n, 2); none where people start at gates."""
    if not (case.building >= 0).any():
        return np.zeros(len(xy), dtype=np.int64)
    start = case.network.xy[case.home[0]]
    metres: NDArray[np.float64] = np.hypot(*(xy - start).T)
    # A place that no street is near has no coordinates, and is as far as anything.
    cm: NDArray[np.int64] = np.rint(np.nan_to_num(100 * metres, nan=BEYOND_CM)).astype(np.int64)
    return cm


# -- Paths


def _spots(case: Case, limit_cm: int, barrier: int | None) -> Feet:
    """Places along streets within the limit of home, or of a door: where a path may begin."""
    network = case.network
    near = np.minimum(case.here, case.there)[network.links].min(axis=1) <= limit_cm
    near &= (case.cost < BEYOND_CM).any(axis=1) & (network.street >= 0)
    links = np.flatnonzero(near)
    lines = network.lines.take(links).shapes
    if barrier is not None:
        shape = case.study.layer("barriers").geometries[barrier]
        shapely.prepare(shape)
        beside = shapely.dwithin(shape, lines, LONGEST_PATH_M)
        links, lines = links[beside], lines[beside]
    steps = np.maximum(1, np.ceil(network.length_cm[links] / 100 / STREET_STEP_M)).astype(np.int64)
    which = np.repeat(np.arange(len(links)), steps + 1)
    first = np.cumsum(steps + 1) - (steps + 1)
    share = (np.arange(len(which)) - first[which]) / steps[which]
    at = shapely.line_interpolate_point(lines[which], share, normalized=True)
    xy = shapely.get_coordinates(at).reshape(-1, 2)
    return Feet(xy, links[which], share, xy, np.zeros(len(which), dtype=np.int64))


@dataclass(frozen=True, eq=False)
class _Obstacles:
    """What a path may not lead through, and the barriers that it may cross.

    Of a hundred thousand ways most fail. They are held against the cheapest question first, and
    each only while nothing forbids it: asking all of them everything took seconds.
    """

    over: shapely.Geometry | None
    walls: shapely.STRtree
    areas: tuple[tuple[NDArray[np.object_], shapely.STRtree], ...]
    barriers: shapely.STRtree

    @classmethod
    def of(cls, case: Case, barrier: int | None) -> _Obstacles:
        """Gather them; only ways over ``barrier`` count where there is one."""
        barriers = shapes_of(case, "barriers")
        over = None if barrier is None else barriers[barrier]
        if over is not None:
            shapely.prepare(over)
        areas = []
        for kind in ("estates", "buildings"):
            shapes = shapes_of(case, kind)
            shapes = shapes[shapely.get_dimensions(shapes) == 2]
            areas.append((shapes, shapely.STRtree(shapes)))
        walls = shapely.STRtree(shapes_of(case, "walls"))
        return cls(over, walls, tuple(areas), shapely.STRtree(barriers))

    def first_buildable(
        self, begin: NDArray[np.float64], end: NDArray[np.float64]
    ) -> tuple[int, tuple[int, ...]]:
        """Return the first of the straight ways (n, 2) that may be built, and what it crosses.

        -1 and nothing where none may.
        """
        ways = np.asarray(shapely.linestrings(np.stack([begin, end], axis=1)), dtype=object)
        left = np.arange(len(ways))
        if self.over is not None:
            left = left[shapely.intersects(self.over, ways)]
        left = np.setdiff1d(left, left[self.walls.query(ways[left], predicate="intersects")[0]])
        for shapes, tree in self.areas:
            way, shape = tree.query(ways[left], predicate="intersects")
            through = shapely.length(shapely.intersection(ways[left[way]], shapes[shape])) > 0.5
            left = np.setdiff1d(left, left[way[through]])
        if len(left) == 0:
            return -1, ()
        crossed = self.barriers.query(ways[left[0]], predicate="intersects")
        return int(left[0]), tuple(sorted(crossed.tolist()))


def straight_barriers(case: Case, ends: NDArray[np.float64]) -> list[int]:
    """Rows of the barriers between home and places (n, 2), as the crow flies."""
    barriers = shapes_of(case, "barriers")
    if len(barriers) == 0 or len(case.home) == 0:
        return []
    start = np.repeat(case.network.xy[case.home[:1]], len(ends), axis=0)
    ways = np.asarray(shapely.linestrings(np.stack([start, ends], axis=1)), dtype=object)
    return sorted(set(shapely.STRtree(barriers).query(ways, predicate="intersects")[1].tolist()))


def shapes_of(case: Case, kind: str) -> NDArray[np.object_]:
    """Return (n,) the geometries of a kind, none where the study has none."""
    if kind not in case.study:
        return np.empty(0, dtype=object)
    return case.study.layer(kind).geometries


def _number(case: Case, kind: str, row: int, column: str) -> float | None:
    if row < 0:
        return None
    value = case.study.frame(kind)[column].iloc[row]
    return None if pd.isna(value) else float(value)


def _xy(point: NDArray[np.float64]) -> tuple[float, float]:
    return float(point[0]), float(point[1])

"""Ways inside an estate: along its inner streets, else straight, else around its corners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from gis.network.attach import ON_BLOCKER_M, Links, crosses, nearest_free
from gis.network.gates import GATE_M
from gis.network.polylines import Polylines

LONGEST_INNER_LEG_M: Final = 300.0
_GRID_M: Final = 0.001
_EDGE_M: Final = 0.01
"""A way along the very outline is inside."""
_ROUND_M: Final = 0.7
"""How far from the end of a wall one walks round it; more than `ON_BLOCKER_M`."""


@dataclass(frozen=True, eq=False)
class InnerWays:
    """m ways from a start to a goal of the same area.

    ``start`` and ``goal`` (m,) int64 rows of what was asked for, sorted by start and then goal;
    ``metres`` (m,) float64; ``lines`` the m courses, from start to goal.
    """

    start: NDArray[np.int64]
    goal: NDArray[np.int64]
    metres: NDArray[np.float64]
    lines: Polylines


def inner_ways(
    areas: NDArray[np.object_],
    starts_xy: NDArray[np.float64],
    starts_area: NDArray[np.int64],
    goals_xy: NDArray[np.float64],
    goals_area: NDArray[np.int64],
    *,
    streets: NDArray[np.object_],
    blockers: NDArray[np.object_] | tuple[()] = (),
) -> InnerWays:
    """Find the way from each start to each goal (a gate) of its area.

    Where the area has streets inside, one walks straight to the nearest one, along the streets,
    and straight from the street nearest to the goal. Where it has none, where they do not lead
    there, or where the goal is no farther than the nearest street, one walks the shortest way
    inside the area: straight, or around its corners and the ends of walls in it.

    A way that a blocker stops is no way; around a goal that stands within 5 m of a blocker (a gate
    in its wall) that blocker is open. Pairs without a way are left out.

    Parameters
    ----------
    areas
        (n,) polygons.
    starts_xy, starts_area
        (a, 2) m and (a,) rows of ``areas``.
    goals_xy, goals_area
        (b, 2) m and (b,) rows of ``areas``.
    streets
        (s,) lines that can be walked; what is outside the areas is not used. Lines are joined
        where they share a vertex to the millimetre.
    blockers
        (w,) geometries, see `gis.network.attach.blockers_of`.
    """
    starts_area = np.asarray(starts_area, dtype=np.int64)
    goals_area = np.asarray(goals_area, dtype=np.int64)
    start, goal = _pairs(starts_area, goals_area)
    walls = shapely.get_parts(np.asarray(blockers, dtype=object))
    clear_m = clearance_m(goals_xy, walls)
    shapely.prepare(areas)
    lanes = _Lanes.inside(areas, streets)
    from_street = lanes.legs(starts_xy, starts_area, walls, None)
    to_street = lanes.legs(goals_xy, goals_area, walls, clear_m)
    along = _Along.walk(lanes, from_street, to_street, goals_area, start, goal)
    straight_m = np.hypot(*(goals_xy[goal] - starts_xy[start]).T)
    leg_m = np.where(from_street.line >= 0, from_street.leg_cm / 100.0, np.inf)
    across = np.flatnonzero(~np.isfinite(along.metres) | (straight_m <= leg_m[start]))
    through = _across(
        areas, starts_area[start[across]], starts_xy[start[across]], goals_xy[goal[across]],
        walls, clear_m[goal[across]],
    )  # fmt: skip
    metres = along.metres.copy()
    shorter = through.metres < metres[across]
    metres[across[shorter]] = through.metres[shorter]
    crossed = np.full(len(start), -1, dtype=np.int64)
    crossed[across[shorter]] = np.flatnonzero(shorter)
    found = np.isfinite(metres)
    lines = _merged(
        along.courses(start, goal, starts_xy, goals_xy, found & (crossed < 0)),
        [through.courses[k] for k in crossed[crossed >= 0]],
        crossed[found] >= 0,
    )
    return InnerWays(start[found], goal[found], metres[found], lines)


def clearance_m(xy: NDArray[np.float64], walls: NDArray[np.object_]) -> NDArray[np.float64]:
    """(n,) how far around gates (n, 2) walls are open.

    A gate stands in its wall, and may be drawn up to 5 m beside it.
    """
    clear = np.full(len(xy), ON_BLOCKER_M)
    if len(walls) == 0 or len(xy) == 0:
        return clear
    (k, _), metres = shapely.STRtree(walls).query_nearest(
        np.asarray(shapely.points(xy), dtype=object),
        max_distance=GATE_M,
        return_distance=True,
        all_matches=False,
    )
    clear[k] += metres
    return clear


def _pairs(
    starts_area: NDArray[np.int64], goals_area: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All starts and goals of the same area, sorted by start and then goal."""
    order = np.argsort(goals_area, kind="stable")
    ordered = goals_area[order]
    first = np.searchsorted(ordered, starts_area, "left")
    count = np.searchsorted(ordered, starts_area, "right") - first
    start = np.repeat(np.arange(len(starts_area)), count)
    step = np.arange(len(start)) - np.repeat(np.cumsum(count) - count, count)
    return start, order[first[start] + step]


@dataclass(frozen=True, eq=False)
class _Lanes:
    """Street segments inside areas: ``ends`` (s, 2) nodes, apart for each area; ``xy`` of nodes."""

    xy: NDArray[np.float64]
    ends: NDArray[np.int64]
    area: NDArray[np.int64]

    @classmethod
    def inside(cls, areas: NDArray[np.object_], streets: NDArray[np.object_]) -> _Lanes:
        """Cut streets into segments and keep those whose middle is in an area."""
        street, area = shapely.STRtree(areas).query(streets, predicate="intersects")
        order = np.argsort(area, kind="stable")
        lines, area = Polylines.from_lines(streets[street[order]]), area[order]
        head = np.ones(len(lines.xy), dtype=bool)
        head[lines.start[1:] - 1] = False
        heads = np.flatnonzero(head)
        middle = shapely.points((lines.xy[heads] + lines.xy[heads + 1]) / 2)
        of = area[lines.line[heads]]
        within = shapely.intersects(areas[of], middle)
        heads, of = heads[within], of[within]
        vertex = np.stack([heads, heads + 1], axis=1).reshape(-1)
        steps = np.round(lines.xy[vertex] / _GRID_M).astype(np.int64)
        table = np.column_stack([np.repeat(of, 2), steps])
        node = pd.DataFrame(table).groupby([0, 1, 2], sort=False).ngroup().to_numpy()
        _, first = np.unique(node, return_index=True)
        return cls(lines.xy[vertex[first]], node.reshape(-1, 2).astype(np.int64), of)

    def legs(
        self,
        xy: NDArray[np.float64],
        area: NDArray[np.int64],
        walls: NDArray[np.object_],
        clear_m: NDArray[np.float64] | None,
    ) -> Links:
        """Straight ways from places (n, 2) to the nearest segment of their own area (n,)."""
        if len(self.ends) == 0 or len(xy) == 0:
            return Links.none(len(xy))
        return nearest_free(
            np.asarray(shapely.points(xy), dtype=object),
            np.asarray(shapely.linestrings(self.xy[self.ends]), dtype=object),
            longest_link_m=LONGEST_INNER_LEG_M,
            blockers=walls,
            refused=lambda place, line, way: self.area[line] != area[place],  # noqa: ARG005
            clear_m=clear_m,
        )


@dataclass(frozen=True, eq=False)
class _Along:
    """Walks along lanes: ``metres`` (m,) of pairs, inf without; trees to trace the courses."""

    metres: NDArray[np.float64]
    xy: NDArray[np.float64]
    node: NDArray[np.int64]
    """(a,) node of the foot of each start, -1 without."""
    rank: NDArray[np.int64]
    """(b,) which round a goal was walked from."""
    before: list[NDArray[np.int32]]

    @classmethod
    def walk(
        cls,
        lanes: _Lanes,
        from_street: Links,
        to_street: Links,
        goals_area: NDArray[np.int64],
        start: NDArray[np.int64],
        goal: NDArray[np.int64],
    ) -> _Along:
        """One search per round, from one goal of every area at once: areas share no lanes."""
        xy, graph, feet = _with_feet(lanes, from_street, to_street)
        begin, end = feet[: len(from_street.line)], feet[len(from_street.line) :]
        linked = np.flatnonzero(end >= 0)
        order = linked[np.argsort(goals_area[linked], kind="stable")]
        rank = np.full(len(end), -1, dtype=np.int64)
        rank[order] = np.arange(len(order)) - np.searchsorted(goals_area[order], goals_area[order])
        metres = np.full(len(start), np.inf)
        trees = []
        for turn in range(int(rank.max(initial=-1)) + 1):
            far, before, _ = dijkstra(
                graph,
                directed=False,
                indices=end[rank == turn],
                return_predecessors=True,
                min_only=True,
            )
            trees.append(before)
            rows = np.flatnonzero((rank[goal] == turn) & (begin[start] >= 0))
            legs_cm = from_street.leg_cm[start[rows]] + to_street.leg_cm[goal[rows]]
            metres[rows] = far[begin[start[rows]]] + legs_cm / 100.0
        return cls(metres, xy, begin, rank, trees)

    def courses(
        self,
        start: NDArray[np.int64],
        goal: NDArray[np.int64],
        starts_xy: NDArray[np.float64],
        goals_xy: NDArray[np.float64],
        chosen: NDArray[np.bool_],
    ) -> Polylines:
        """Trace the courses of the ``chosen`` pairs, all in step."""
        rows = np.flatnonzero(chosen)
        which, points = [rows], [starts_xy[start[rows]]]
        for turn, before in enumerate(self.before):
            pair = rows[self.rank[goal[rows]] == turn]
            node = self.node[start[pair]]
            while len(pair):
                which.append(pair)
                points.append(self.xy[node])
                node = before[node].astype(np.int64)
                pair, node = pair[node >= 0], node[node >= 0]
        which.append(rows)
        points.append(goals_xy[goal[rows]])
        pair = np.concatenate(which)
        order = np.argsort(pair, kind="stable")
        return _without_repeats(pair[order], np.concatenate(points)[order])


def _without_repeats(pair: NDArray[np.int64], xy: NDArray[np.float64]) -> Polylines:
    """Lines of the vertices (p, 2) of each pair, without the legs of places on their street."""
    first = np.append(True, pair[1:] != pair[:-1])[: len(pair)]
    last = np.append(pair[1:] != pair[:-1], True)[: len(pair)]
    same = (xy[1:] == xy[:-1]).all(axis=1)
    as_before = np.append(False, same)[: len(pair)] & ~first
    as_after = np.append(same, False)[: len(pair)] & ~last
    before_last = np.append(last[1:], False)[: len(pair)]
    drop = (as_before & ~last) | (as_after & before_last & ~first)
    pair, xy = pair[~drop], xy[~drop]
    begins = np.flatnonzero(np.append(True, pair[1:] != pair[:-1])[: len(pair)])
    return Polylines(xy, np.append(begins, len(pair)).astype(np.int64))


def _with_feet(
    lanes: _Lanes, from_street: Links, to_street: Links
) -> tuple[NDArray[np.float64], csr_array, NDArray[np.int64]]:
    """Lanes as a graph with the feet of both kinds of legs on them; -1 where there is no foot."""
    segment = np.concatenate([from_street.line, to_street.line])
    foot = np.concatenate([from_street.foot, to_street.foot])
    rows = np.flatnonzero(segment >= 0)
    node = np.full(len(segment), -1, dtype=np.int64)
    node[rows] = len(lanes.xy) + np.arange(len(rows))
    xy = np.concatenate([lanes.xy, foot[rows]])
    ends = lanes.ends[segment[rows]]
    along = np.hypot(*(foot[rows] - lanes.xy[ends[:, 0]]).T)
    order = np.lexsort((along, segment[rows]))
    ordered, own = segment[rows][order], node[rows][order]
    same = ordered[1:] == ordered[:-1]
    edges = np.concatenate(
        [
            lanes.ends,
            np.stack([node[rows], ends[:, 0]], axis=1),
            np.stack([node[rows], ends[:, 1]], axis=1),
            np.stack([own[:-1][same], own[1:][same]], axis=1),
        ]
    )
    # Two segments may join the same nodes; a sparse table would add them up.
    low, high = edges.min(axis=1), edges.max(axis=1)
    _, first = np.unique(low * len(xy) + high, return_index=True)
    low, high = low[first], high[first]
    # Links of no length are links too: a stored 0 is none to the search.
    metres = np.maximum(np.hypot(*(xy[high] - xy[low]).T), 1e-9)
    return xy, coo_array((metres, (low, high)), shape=(len(xy), len(xy))).tocsr(), node


@dataclass(frozen=True, eq=False)
class _Across:
    """Ways across areas: ``metres`` (m,), inf without a way; the courses (k, 2) of each."""

    metres: NDArray[np.float64]
    courses: list[NDArray[np.float64]]


def _across(
    areas: NDArray[np.object_],
    area: NDArray[np.int64],
    start_xy: NDArray[np.float64],
    goal_xy: NDArray[np.float64],
    walls: NDArray[np.object_],
    clear_m: NDArray[np.float64],
) -> _Across:
    """Walk straight where that stays inside and meets no wall, else around corners."""
    # From the goal to the start: around a gate its wall is open.
    ways = np.stack([goal_xy, start_xy], axis=1)
    entry = _moved_in(areas[area], goal_xy)
    inside = _covered(areas[area], np.stack([entry, start_xy], axis=1))
    free = inside & ~crosses(ways, walls, clear_m)
    straight_m = np.hypot(*(start_xy - goal_xy).T)
    metres = np.where(free, straight_m, np.inf)
    courses = [np.stack(pair) for pair in zip(start_xy, goal_xy, strict=True)]
    rest = np.flatnonzero(~free)
    for row in np.unique(area[rest]):
        some = rest[area[rest] == row]
        corners = _Corners.of(areas[row], walls)
        for k in some:
            metres[k], courses[k] = corners.way(start_xy[k], goal_xy[k], clear_m[k])
    return _Across(metres, courses)


def _moved_in(shapes: NDArray[np.object_], xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest place (m, 2) inside: gates are drawn beside the outline too."""
    ways = shapely.get_coordinates(shapely.shortest_line(shapes, shapely.points(xy)))
    inside: NDArray[np.float64] = ways.reshape(-1, 2, 2)[:, 0]
    return inside


def _covered(shapes: NDArray[np.object_], ways: NDArray[np.float64]) -> NDArray[np.bool_]:
    lines = shapely.linestrings(ways)
    length = np.hypot(*(ways[:, 1] - ways[:, 0]).T)
    out_m = length - shapely.length(shapely.intersection(shapes, lines))
    covered: NDArray[np.bool_] = out_m <= _EDGE_M
    return covered


@dataclass(frozen=True, eq=False)
class _Corners:
    """The places of one area (n, 2) around which shortest ways bend, and who sees whom."""

    shape: shapely.Geometry
    walls: NDArray[np.object_]
    xy: NDArray[np.float64]
    metres: NDArray[np.float64]
    """(n, n) straight between corners, inf where they do not see each other."""

    @classmethod
    def of(cls, shape: shapely.Geometry, walls: NDArray[np.object_]) -> _Corners:
        near = walls[shapely.STRtree(walls).query(shape, predicate="intersects")]
        around = shapely.get_coordinates(near)[:, None, :] + _ROUND_M * np.array(
            [[1, 1], [1, -1], [-1, 1], [-1, -1]]
        )
        around = around.reshape(-1, 2)
        around = around[shapely.intersects_xy(shape, around[:, 0], around[:, 1])]
        xy = np.unique(np.concatenate([_reflex(shape), around]), axis=0)
        one, other = np.triu_indices(len(xy), 1)
        empty = cls(shape, near, xy, np.full((len(xy), len(xy)), np.inf))
        sees = empty._sees(xy[one], xy[other], 0.0)
        metres = empty.metres
        far = np.hypot(*(xy[one] - xy[other]).T)
        metres[one[sees], other[sees]] = metres[other[sees], one[sees]] = far[sees]
        return empty

    def _sees(
        self, a: NDArray[np.float64], b: NDArray[np.float64], clear_m: float
    ) -> NDArray[np.bool_]:
        ways = np.stack(np.broadcast_arrays(a, b), axis=1)
        entry = ways.copy()
        entry[:, 0] = _moved_in(np.full(len(ways), self.shape), ways[:, 0])
        inside = _covered(np.full(len(ways), self.shape), entry)
        return inside & ~crosses(ways, self.walls, clear_m)

    def way(
        self,
        start: NDArray[np.float64],
        goal: NDArray[np.float64],
        clear_m: float,
    ) -> tuple[float, NDArray[np.float64]]:
        """Return the metres of the shortest way around corners, inf without one, and its course."""
        n = len(self.xy)
        graph = np.full((n + 2, n + 2), np.inf)
        graph[:n, :n] = self.metres
        for node, place, clear in ((n, start, ON_BLOCKER_M), (n + 1, goal, clear_m)):
            sees = self._sees(place, self.xy, clear)
            far = np.hypot(*(self.xy - place).T)
            graph[:n, node] = graph[node, :n] = np.where(sees, far, np.inf)
        far, before = dijkstra(
            csr_array(np.where(np.isfinite(graph), np.maximum(graph, 1e-9), 0.0)),
            directed=False,
            indices=np.array([n + 1]),
            return_predecessors=True,
        )
        if not np.isfinite(far[0, n]):
            return np.inf, np.stack([start, goal])
        places = np.concatenate([self.xy, [start, goal]])
        path = [n]
        while path[-1] != n + 1:
            path.append(int(before[0, path[-1]]))
        return float(far[0, n]), places[path]


def _reflex(shape: shapely.Geometry) -> NDArray[np.float64]:
    """Corners (n, 2) of an area that point inward: only there a shortest way bends."""
    found = [np.empty((0, 2))]
    for part in shapely.get_parts(shapely.orient_polygons(shape)):
        for ring in shapely.get_rings(part):
            xy = shapely.get_coordinates(ring)[:-1]
            into, out = xy - np.roll(xy, 1, axis=0), np.roll(xy, -1, axis=0) - xy
            turn = into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0]
            found.append(xy[turn < 0])
    return np.concatenate(found)


def _merged(
    along: Polylines, across: list[NDArray[np.float64]], is_across: NDArray[np.bool_]
) -> Polylines:
    """Both kinds of courses in the order of the pairs."""
    counts = [len(course) for course in across]
    starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
    straight = Polylines(np.concatenate([np.empty((0, 2)), *across]), starts)
    place = np.empty(len(is_across), dtype=np.int64)
    place[~is_across] = np.arange(len(along))
    place[is_across] = len(along) + np.arange(len(straight))
    return along.joined(straight).take(place)

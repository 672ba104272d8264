"""Points -> street: the nearest street edge that can be reached without crossing a barrier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError
from gis.model import Study
from gis.network.graph import WalkNetwork
from gis.network.polylines import Polylines

LONGEST_LINK_M: Final = 300.0
ON_BLOCKER_M: Final = 0.501
"""A point within 0.5 m of a wall (and the millimetre of a rounded file) stands in it, as a gate
does, and may leave to either side."""

ON_STREET_M: Final = 0.01
"""A street may run on the very line of a barrier; reaching it is not yet crossing it."""

_FIRST_TRIES: Final = 4
_RINGS_M: Final = (25.0, 75.0, 150.0)
"""Where the nearest street is refused, the next one is looked for near by first: most are found
there, and far circles hold hundreds of streets."""
_POINTS_AT_ONCE: Final = 2000
_LINES_AT_ONCE: Final = 30_000
"""As LineStrings in a tree streets take ten times the memory of their coordinates."""

Refused = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]], NDArray[np.bool_]]
"""Says of ways (m, 2, 2) from places (m,) to lines (m,) which ones must not be taken."""


@dataclass(frozen=True, eq=False)
class Links:
    """Straight ways from n places to lines: ``line`` (n,) -1 where there is none.

    ``start`` and ``foot`` are (n, 2), ``leg_cm`` (n,) whole cm; NaN and -1 where there is none.
    """

    line: NDArray[np.int64]
    start: NDArray[np.float64]
    foot: NDArray[np.float64]
    leg_cm: NDArray[np.int64]

    @classmethod
    def none(cls, count: int) -> Links:
        """No place is linked yet."""
        nowhere = np.full((count, 2), np.nan)
        nothing = np.full(count, -1, dtype=np.int64)
        return cls(nothing, nowhere, nowhere.copy(), nothing.copy())


@dataclass(frozen=True, eq=False)
class Attachment:
    """n points on the network.

    ``network`` has the streets cut where points meet them; ``node`` (n,) int64 is the node of each
    point, -1 where unlinked; ``leg_m`` (n,) and ``foot_xy`` (n, 2) the straight way to the street,
    NaN where unlinked; ``component`` (n,) the part of the network, -1 where unlinked.
    """

    network: WalkNetwork
    node: NDArray[np.int64]
    leg_m: NDArray[np.float64]
    foot_xy: NDArray[np.float64]
    component: NDArray[np.int64]


def blockers_of(study: Study) -> NDArray[np.object_]:
    """Return what a link may not cross: the barriers and walls of a study."""
    shapes = [
        np.asarray(study.frame(kind).geometry.to_numpy(), dtype=object)
        for kind in ("barriers", "walls")
    ]
    return np.concatenate(shapes)


def attach(
    network: WalkNetwork,
    points_xy: ArrayLike,
    *,
    longest_link_m: float = LONGEST_LINK_M,
    counted: bool = True,
    blockers: NDArray[np.object_] | tuple[()] = (),
    refused: Refused | None = None,
    clear_m: NDArray[np.float64] | None = None,
) -> Attachment:
    """Link points straight to the nearest street edge, and cut the street there.

    A way that crosses a blocker is not taken: the next nearest street is tried, by the distance
    of its nearest point, up to the longest link. A blocker within 0.5 m of the point (a gate
    stands in its wall) or on the very line of the street does not stop it. Equal distances go to
    the street that comes first. Ways of earlier attachments are no streets and are not linked to.

    Parameters
    ----------
    network
        The streets.
    points_xy
        (n, 2) m; a point with NaN stays unlinked.
    longest_link_m
        Inclusive, to the whole centimetre.
    counted
        True: the way to the street is walked, as a link of its own. False: it costs nothing.
    blockers
        (b,) geometries, see `blockers_of`.
    refused
        Says of ways (m, 2, 2) from points (m,) to links (m,) which ones must not be taken.
    clear_m
        (n,) how far from each point a blocker does not stop its way; 0.5 m unless given.

    Raises
    ------
    OptionError
        The points are no (n, 2) coordinates, or the longest link is no distance.
    """
    points = np.asarray(points_xy, dtype=np.float64)
    points = points.reshape(-1, 2) if points.size == 0 else points
    if points.ndim != 2 or points.shape[1] != 2:
        raise OptionError(f"points_xy has shape {points.shape}; give (n, 2) coordinates")
    links = nearest_of(
        np.asarray(shapely.points(points), dtype=object),
        network.lines,
        np.flatnonzero(network.street >= 0),
        longest_link_m=longest_link_m,
        blockers=blockers,
        refused=refused,
        clear_m=clear_m,
    )
    linked = links.line >= 0
    link = links.line
    split, node = split_at(network, link[linked], links.foot[linked])
    all_nodes = np.full(len(points), -1, dtype=np.int64)
    all_nodes[linked] = node
    if counted:
        split, all_nodes = _with_legs(split, all_nodes, points, links)
    part = np.append(split.components(), -1)
    return Attachment(
        network=split,
        node=all_nodes,
        leg_m=np.where(linked, links.leg_cm / 100.0, np.nan),
        foot_xy=links.foot,
        component=part[all_nodes],
    )


def nearest_of(
    places: NDArray[np.object_],
    lines: Polylines,
    rows: NDArray[np.int64],
    *,
    longest_link_m: float,
    blockers: NDArray[np.object_] | tuple[()] = (),
    refused: Refused | None = None,
    clear_m: NDArray[np.float64] | None = None,
) -> Links:
    """Find the same as `nearest_free` among the lines ``rows`` (r,), ascending.

    Many lines are looked at strip by strip of the plan: what is near a place decides, and
    LineStrings of all would take much memory. ``line`` of the links are rows of ``lines``.
    """
    links = Links.none(len(places))
    low, high = lines.bounds
    low, high = low[rows], high[rows]
    walls = np.asarray(blockers, dtype=object)
    bounds, of_walls = shapely.bounds(places), shapely.bounds(walls)
    order = np.argsort(bounds[:, 0], kind="stable")
    order = order[np.isfinite(bounds[order]).all(axis=1)]
    farthest_m = longest_link_m + 2.0
    for some in np.array_split(order, max(1, len(rows) // _LINES_AT_ONCE)):
        some = np.sort(some)
        west_south = bounds[some, :2].min(axis=0, initial=np.inf) - farthest_m
        east_north = bounds[some, 2:].max(axis=0, initial=-np.inf) + farthest_m
        near = rows[((high >= west_south) & (low <= east_north)).all(axis=1)]
        beside = (of_walls[:, 2:] >= west_south) & (of_walls[:, :2] <= east_north)
        found = nearest_free(
            places[some],
            lines.take(near).shapes,
            longest_link_m=longest_link_m,
            blockers=walls[beside.all(axis=1)],
            refused=None if refused is None else _of_strip(refused, some, near),
            clear_m=None if clear_m is None else clear_m[some],
        )
        linked = found.line >= 0
        at = some[linked]
        links.line[at] = near[found.line[linked]]
        links.start[at], links.foot[at] = found.start[linked], found.foot[linked]
        links.leg_cm[at] = found.leg_cm[linked]
    return links


def _of_strip(refused: Refused, some: NDArray[np.int64], near: NDArray[np.int64]) -> Refused:
    return lambda place, line, way: refused(some[place], near[line], way)


def nearest_free(
    places: NDArray[np.object_],
    lines: NDArray[np.object_],
    *,
    longest_link_m: float,
    blockers: NDArray[np.object_] | tuple[()] = (),
    refused: Refused | None = None,
    clear_m: NDArray[np.float64] | None = None,
) -> Links:
    """Find for each place (n,) the nearest line that a straight way reaches past all blockers.

    Places may be points or, for the boundary of an estate, lines: the way starts where it is
    shortest. Empty and missing places have none. ``refused`` and ``clear_m`` as in `attach`.

    Raises
    ------
    OptionError
        The longest link is no distance.
    """
    if not 0 <= longest_link_m < np.inf:
        raise OptionError(f"longest_link_m is {longest_link_m}; give metres, 0 or more")
    links = Links.none(len(places))
    usable = ~(shapely.is_missing(places) | shapely.is_empty(places))
    usable &= np.isfinite(shapely.bounds(places)).all(axis=1)
    rows = np.flatnonzero(usable)
    if len(rows) == 0 or len(lines) == 0:
        return links
    walls = shapely.get_parts(np.asarray(blockers, dtype=object))
    clear_m = np.full(len(places), ON_BLOCKER_M) if clear_m is None else clear_m
    stops = _Stops(walls[~shapely.is_empty(walls)], refused, clear_m)
    tree = shapely.STRtree(lines)
    # A little farther than allowed; what is too far in whole centimetres is dropped below.
    found, line = tree.query_nearest(places[rows], max_distance=longest_link_m + 1.0)
    pairs = _Pairs.of(rows[found], line, places, lines, longest_link_m)
    blocked = _fill(links, pairs.rank_below(1), stops)
    for radius in [*(ring for ring in _RINGS_M if ring < longest_link_m), longest_link_m]:
        for start in range(0, len(blocked), _POINTS_AT_ONCE):
            some = blocked[start : start + _POINTS_AT_ONCE]
            found, line = tree.query(places[some], "dwithin", radius + 1.0)
            pairs = _Pairs.of(some[found], line, places, lines, radius)
            for tries in pairs.rounds():
                _fill(links, tries.of_unlinked(links), stops)
        blocked = blocked[links.line[blocked] < 0]
    return links


@dataclass(frozen=True, eq=False)
class _Stops:
    """What a way must not cross, and what else refuses it."""

    walls: NDArray[np.object_]
    refused: Refused | None
    clear_m: NDArray[np.float64]

    def let(self, pairs: _Pairs) -> _Pairs:
        """Return the pairs whose way is free."""
        free = pairs.only(~crosses(pairs.way, self.walls, self.clear_m[pairs.place]))
        if self.refused is None or len(free.place) == 0:
            return free
        return free.only(~self.refused(free.place, free.line, free.way))


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Places and lines that may be linked, sorted by place, then distance, then line."""

    place: NDArray[np.int64]
    line: NDArray[np.int64]
    rank: NDArray[np.int64]
    way: NDArray[np.float64]
    leg_cm: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        place: NDArray[np.int64],
        line: NDArray[np.int64],
        places: NDArray[np.object_],
        lines: NDArray[np.object_],
        longest_link_m: float,
    ) -> _Pairs:
        way = shapely.get_coordinates(shapely.shortest_line(places[place], lines[line]))
        way = way.reshape(-1, 2, 2)
        metres = np.hypot(*(way[:, 1] - way[:, 0]).T)
        leg_cm = np.rint(metres * 100).astype(np.int64)
        order = np.lexsort((line, metres, place))
        order = order[leg_cm[order] <= round(longest_link_m * 100)]
        place = place[order]
        rank = np.arange(len(place)) - np.searchsorted(place, place)
        return cls(place, line[order], rank, way[order], leg_cm[order])

    def only(self, kept: NDArray[np.bool_]) -> _Pairs:
        return _Pairs(
            self.place[kept], self.line[kept], self.rank[kept], self.way[kept], self.leg_cm[kept]
        )

    def rank_below(self, rank: int) -> _Pairs:
        return self.only(self.rank < rank)

    def rounds(self) -> Iterator[_Pairs]:
        """Few near lines first, then ever more: most places are linked in the first round."""
        low, high = 0, _FIRST_TRIES
        most = int(self.rank.max(initial=-1))
        while low <= most:
            yield self.only((self.rank >= low) & (self.rank < high))
            low, high = high, 2 * high

    def of_unlinked(self, links: Links) -> _Pairs:
        return self.only(links.line[self.place] < 0)


def _fill(links: Links, pairs: _Pairs, stops: _Stops) -> NDArray[np.int64]:
    """Take the first free way of each place into ``links``; return the places that have none."""
    free = stops.let(pairs)
    place, first = np.unique(free.place, return_index=True)
    links.line[place] = free.line[first]
    links.start[place] = free.way[first, 0]
    links.foot[place] = free.way[first, 1]
    links.leg_cm[place] = free.leg_cm[first]
    return np.setdiff1d(pairs.place, place)


def crosses(
    way: NDArray[np.float64],
    walls: NDArray[np.object_],
    clear_m: NDArray[np.float64] | float = ON_BLOCKER_M,
) -> NDArray[np.bool_]:
    """Say which ways (m, 2, 2) meet a wall (b,), leaving out ``clear_m`` (m,) at their start."""
    stopped = np.zeros(len(way), dtype=bool)
    length = np.hypot(*(way[:, 1] - way[:, 0]).T)
    clear = np.broadcast_to(np.asarray(clear_m, dtype=float), length.shape)
    rows = np.flatnonzero(length > clear + ON_STREET_M)
    if len(rows) == 0 or len(walls) == 0:
        return stopped
    unit = (way[rows, 1] - way[rows, 0]) / length[rows, None]
    inner = np.stack(
        [way[rows, 0] + clear[rows, None] * unit, way[rows, 1] - ON_STREET_M * unit], axis=1
    )
    # The walls ask the ways: shapely prepares what asks, and a river has many vertices.
    tree = shapely.STRtree(np.asarray(shapely.linestrings(inner), dtype=object))
    hit = tree.query(walls, predicate="intersects")[1]
    stopped[rows[hit]] = True
    return stopped


def split_at(
    network: WalkNetwork, link: NDArray[np.int64], foot: NDArray[np.float64]
) -> tuple[WalkNetwork, NDArray[np.int64]]:
    """Cut links (m,) at feet (m, 2) on them; return the network and the node (m,) of each foot.

    The pieces add up to the centimetres of their link; a foot within half a centimetre of an end
    is that end. Links that are not cut keep their order and come first.
    """
    if len(link) == 0:
        return network, np.empty(0, dtype=np.int64)
    touched, place = np.unique(link, return_inverse=True)
    lines = network.lines.take(touched)
    along = shapely.line_locate_point(lines.shapes[place], shapely.points(foot))
    course_m = lines.length_m[place]
    total_cm = network.length_cm[link].astype(np.int64)
    share = np.divide(along, course_m, out=np.zeros_like(along), where=course_m > 0)
    offset_cm = np.clip(np.rint(share * total_cm), 0, total_cm).astype(np.int64)
    node = np.where(offset_cm == 0, network.links[link, 0], network.links[link, 1]).astype(np.int64)
    inside = np.flatnonzero((offset_cm > 0) & (offset_cm < total_cm))
    cuts, first, which = np.unique(
        np.stack([place[inside], offset_cm[inside]], axis=1),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    node[inside] = len(network.xy) + which.reshape(-1)
    first = inside[first]
    # Sums along a course differ in the last digit; a cut must stay before the end of its line.
    before_end = np.minimum(along[first], np.nextafter(course_m[first], 0.0))
    cut = _Cuts(touched, cuts[:, 0], cuts[:, 1], before_end, foot[first])
    return cut.apply(network, lines), node


@dataclass(frozen=True, eq=False)
class _Cuts:
    """New nodes (c,) on links, sorted by link and then by offset: the c-th gets the next number."""

    touched: NDArray[np.int64]
    place: NDArray[np.int64]
    offset_cm: NDArray[np.int64]
    along_m: NDArray[np.float64]
    xy: NDArray[np.float64]

    def apply(self, network: WalkNetwork, lines: Polylines) -> WalkNetwork:
        """Replace the touched links by their pieces, which add up to the same centimetres."""
        with_cuts, at = lines.insert(self.place, self.along_m, self.xy)
        marked = np.zeros(len(with_cuts.xy), dtype=bool)
        marked[at] = True
        pieces, parent = with_cuts.cut(marked)
        old = self.touched[parent]
        last = np.append(parent[1:] != parent[:-1], True)
        begins = np.append(True, parent[1:] != parent[:-1])
        new = len(network.xy) + np.arange(len(self.place))
        links = network.links[old].copy()
        links[~begins, 0] = new
        links[~last, 1] = new
        low = np.zeros(len(old), dtype=np.int64)
        high = network.length_cm[old].astype(np.int64)
        low[~begins] = self.offset_cm
        high[~last] = self.offset_cm
        kept = np.delete(np.arange(len(network.links)), self.touched)
        return replace(
            network,
            xy=np.concatenate([network.xy, self.xy]),
            links=np.concatenate([network.links[kept], links]),
            length_cm=np.concatenate([network.length_cm[kept], (high - low).astype(np.int32)]),
            lines=network.lines.take_joined(kept, pieces),
            street=np.concatenate([network.street[kept], network.street[old]]),
        )


def _with_legs(
    network: WalkNetwork, node: NDArray[np.int64], points: NDArray[np.float64], links: Links
) -> tuple[WalkNetwork, NDArray[np.int64]]:
    """Give each point that is not on its street a node and a link of its own."""
    off = np.flatnonzero((node >= 0) & (links.leg_cm > 0))
    if len(off) == 0:
        return network, node
    network, new = add_nodes(network, points[off])
    own = node.copy()
    own[off] = new
    legs = Polylines.straight(points[off], links.foot[off])
    return join(network, np.stack([new, node[off]], axis=1), links.leg_cm[off], legs), own


def add_nodes(
    network: WalkNetwork, xy: NDArray[np.float64]
) -> tuple[WalkNetwork, NDArray[np.int64]]:
    """Return the network with nodes at ``xy`` (m, 2) that nothing leads to, and their numbers."""
    return (
        replace(network, xy=np.concatenate([network.xy, xy])),
        len(network.xy) + np.arange(len(xy), dtype=np.int64),
    )


def join(
    network: WalkNetwork,
    pairs: NDArray[np.int64],
    length_cm: NDArray[np.int64],
    lines: Polylines,
) -> WalkNetwork:
    """Join nodes ``pairs`` (m, 2) by links of no street that run as ``lines`` (m,) do."""
    if len(pairs) == 0:
        return network
    return replace(
        network,
        links=np.concatenate([network.links, pairs.astype(np.int32)]),
        length_cm=np.concatenate([network.length_cm, length_cm.astype(np.int32)]),
        lines=network.lines.joined(lines),
        street=np.concatenate([network.street, np.full(len(pairs), -1, dtype=np.int32)]),
    )

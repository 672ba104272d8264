"""Streets and walls: a street that crosses a wall is cut there, and passes only where a gate is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.network.attach import join, split_at
from gis.network.graph import WalkNetwork
from gis.network.polylines import Polylines

TOUCH_M: Final = 0.01
"""What is this close to a wall stands on it: files round to the centimetre and below."""
_LOOK_M: Final = 0.5
"""How far along a street and a wall their directions are taken where they meet."""


@dataclass(frozen=True, eq=False)
class Cut:
    """Streets cut by lines in m places.

    ``pairs`` (m, 2) int64 are the nodes on both sides, joined by a link of 0 cm and no street;
    ``line`` (m,) the row of the line that cuts. At a corner of walls where more than two sides
    meet there is more than one pair.
    """

    network: WalkNetwork
    pairs: NDArray[np.int64]
    line: NDArray[np.int64]

    @property
    def xy(self) -> NDArray[np.float64]:
        """(m, 2) where the streets are cut."""
        return self.network.xy[self.pairs[:, 0]]


def cut_streets(
    network: WalkNetwork,
    lines: NDArray[np.object_],
    *,
    near: NDArray[np.object_],
    near_m: float,
    above: NDArray[np.bool_],
) -> Cut:
    """Cut streets where they cross lines from one side to the other.

    A street that ends at a line, comes back on the same side or runs along it is not cut, and no
    street is cut at the end of a line: there one walks round it. A junction on a line is cut
    between its sides, but not where one of its streets runs along the line. Bridges and tunnels
    pass.

    Parameters
    ----------
    network
        Streets without anything linked to them.
    lines
        (n,) LineStrings: walls, or outlines that stand for walls.
    near
        (n,) a line with a geometry here cuts only within ``near_m`` of it; None: everywhere.
    above
        (streets,) bool, the rows of the streets layer that are bridge or tunnel.
    """
    if len(lines) == 0:
        return _uncut(network)
    network = _with_nodes(network, lines, near, near_m, above)
    node, line = _meetings(network, lines, near, near_m, above)
    if len(node) == 0:
        return _uncut(network)
    ends = _Ends.at(network, np.unique(node), above)
    ends = ends.beside(node, line, lines, network)
    rays = _Rays.at(network, node, line, lines)
    parted, pairs = _parted(network, ends, rays.sector_of(ends))
    # Pairs begin at the node that was there, or at one made for the same place.
    place = network.xy[node]
    tree = shapely.STRtree(np.asarray(shapely.points(place), dtype=object))
    at = tree.nearest(np.asarray(shapely.points(parted.xy[pairs[:, 0]]), dtype=object))
    return Cut(parted, pairs, line[np.searchsorted(node, node[at])])


def _uncut(network: WalkNetwork) -> Cut:
    return Cut(network, np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.int64))


def _on_ground(network: WalkNetwork, above: NDArray[np.bool_]) -> NDArray[np.bool_]:
    on_ground: NDArray[np.bool_] = ~np.append(above, True)[network.street]
    return on_ground


def _cuts_here(
    points: NDArray[np.object_],
    line: NDArray[np.int64],
    near: NDArray[np.object_],
    near_m: float,
) -> NDArray[np.bool_]:
    here = np.isin(line, np.flatnonzero(shapely.is_missing(near)))
    rest = np.flatnonzero(~here)
    here[rest] = shapely.dwithin(points[rest], near[line[rest]], near_m)
    return here


def _with_nodes(
    network: WalkNetwork,
    lines: NDArray[np.object_],
    near: NDArray[np.object_],
    near_m: float,
    above: NDArray[np.bool_],
) -> WalkNetwork:
    """Give streets a node wherever they meet a line between their ends."""
    links = np.flatnonzero(_on_ground(network, above))
    shapes = network.lines.take(links).shapes
    line, k = shapely.STRtree(shapes).query(lines, predicate="intersects")
    common, pair = shapely.get_parts(
        shapely.intersection(lines[line], shapes[k]), return_index=True
    )
    common, nested = shapely.get_parts(common, return_index=True)
    pair = pair[nested]
    is_point = shapely.get_type_id(common) == shapely.GeometryType.POINT
    common, pair = common[is_point], pair[is_point]
    line, k = line[pair], k[pair]
    along = shapely.line_locate_point(shapes[k], common)
    inside = (along > TOUCH_M) & (along < shapely.length(shapes[k]) - TOUCH_M)
    inside &= _cuts_here(common, line, near, near_m)
    foot = shapely.get_coordinates(common[inside])
    network, _ = split_at(network, links[k[inside]], foot)
    return network


def _meetings(
    network: WalkNetwork,
    lines: NDArray[np.object_],
    near: NDArray[np.object_],
    near_m: float,
    above: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of a node and a line that it lies on, sorted by node and then by line."""
    nodes = np.unique(network.links[_on_ground(network, above)])
    points = np.asarray(shapely.points(network.xy[nodes]), dtype=object)
    line, k = shapely.STRtree(points).query(lines, "dwithin", TOUCH_M)
    here = _cuts_here(points[k], line, near, near_m)
    line, node = line[here], nodes[k[here]].astype(np.int64)
    order = np.lexsort((line, node))
    return node[order], line[order]


def _points_along(shapes: NDArray[np.object_], metres: NDArray[np.float64]) -> NDArray[np.float64]:
    xy: NDArray[np.float64] = shapely.get_coordinates(
        shapely.line_interpolate_point(shapes, metres)
    )
    return xy


def _angle(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    turn: NDArray[np.float64] = np.arctan2(*(b - a)[:, ::-1].T) % (2 * np.pi)
    return turn


@dataclass(frozen=True, eq=False)
class _Ends:
    """Ends of links at nodes that lie on lines: the k-th is column ``side`` of link ``link``."""

    node: NDArray[np.int64]
    link: NDArray[np.int64]
    side: NDArray[np.int64]
    ground: NDArray[np.bool_]
    ahead: NDArray[np.float64]
    """(k, 2) the place a little along the link."""
    angle: NDArray[np.float64]

    @classmethod
    def at(cls, network: WalkNetwork, nodes: NDArray[np.int64], above: NDArray[np.bool_]) -> _Ends:
        link, side = np.nonzero(np.isin(network.links, nodes))
        shapes = network.lines.take(link).shapes
        look = np.minimum(_LOOK_M, shapely.length(shapes) / 2)
        # Negative distances are measured from the end.
        ahead = _points_along(shapes, np.where(side == 0, look, -look))
        node = network.links[link, side].astype(np.int64)
        ground = _on_ground(network, above)[link]
        return cls(node, link, side, ground, ahead, _angle(network.xy[node], ahead))

    def only(self, kept: NDArray[np.bool_]) -> _Ends:
        return _Ends(
            self.node[kept], self.link[kept], self.side[kept], self.ground[kept],
            self.ahead[kept], self.angle[kept],
        )  # fmt: skip

    def beside(
        self,
        node: NDArray[np.int64],
        line: NDArray[np.int64],
        lines: NDArray[np.object_],
        network: WalkNetwork,
    ) -> _Ends:
        """Leave out the nodes where a street runs along a line: nobody knows on which side."""
        first, last = (np.searchsorted(node, self.node, side) for side in ("left", "right"))
        count = last - first
        end = np.repeat(np.arange(len(self.node)), count)
        pair = np.arange(len(end)) - np.repeat(np.cumsum(count) - count, count) + first[end]
        ahead = shapely.points(self.ahead[end])
        along = self.ground[end] & shapely.dwithin(ahead, lines[line[pair]], TOUCH_M)
        # What is shorter than the tolerance only seems to run along.
        away = np.hypot(*(self.ahead[end] - network.xy[self.node[end]]).T)
        along &= away > TOUCH_M
        return self.only(~np.isin(self.node, self.node[end[along]]))


@dataclass(frozen=True, eq=False)
class _Rays:
    """Directions in which lines leave nodes, sorted by node and angle.

    A direction that is there twice only makes a sector into which no street leaves.
    """

    node: NDArray[np.int64]
    angle: NDArray[np.float64]

    @classmethod
    def at(
        cls,
        network: WalkNetwork,
        node: NDArray[np.int64],
        line: NDArray[np.int64],
        lines: NDArray[np.object_],
    ) -> _Rays:
        shapes = lines[line]
        length = shapely.length(shapes)
        at = shapely.line_locate_point(shapes, shapely.points(network.xy[node]))
        origin = _points_along(shapes, at)
        look = np.minimum(_LOOK_M, length / 4)
        closed = shapely.is_closed(shapes)
        parts = []
        for step in (look, -look):
            goal = np.where(closed, (at + step) % length, np.clip(at + step, 0.0, length))
            leaves = closed | (np.abs(goal - at) > TOUCH_M)
            goal = _points_along(shapes, goal)
            parts.append((node[leaves], _angle(origin, goal)[leaves]))
        nodes, angles = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((angles, nodes))
        return cls(nodes[order], angles[order])

    def sector_of(self, ends: _Ends) -> NDArray[np.int64]:
        """(k,) between which two lines around its node each link leaves, from 0."""
        key = self.node * 8.0 + self.angle
        first = np.searchsorted(self.node, ends.node)
        count = np.searchsorted(self.node, ends.node, "right") - first
        after = np.searchsorted(key, ends.node * 8.0 + ends.angle, "right") - first
        # Before the first ray is the same sector as behind the last one.
        return np.asarray(after % np.maximum(count, 1), dtype=np.int64)


def _parted(
    network: WalkNetwork, ends: _Ends, sector: NDArray[np.int64]
) -> tuple[WalkNetwork, NDArray[np.int64]]:
    """Give each side of a node on a line its own node; return the pairs joined by 0 cm."""
    sides = np.unique(np.stack([ends.node, sector], axis=1)[ends.ground], axis=0)
    cut, first, count = np.unique(sides[:, 0], return_index=True, return_counts=True)
    cut, first, count = (column[count > 1] for column in (cut, first, count))
    if len(cut) == 0:
        return network, np.empty((0, 2), dtype=np.int64)
    table = sides[np.isin(sides[:, 0], cut)]
    opens = np.append(True, table[1:, 0] != table[:-1, 0])
    own = table[:, 0].copy()
    new = len(network.xy) + np.arange(int((~opens).sum()))
    own[~opens] = new
    ends_cut = ends.only(np.isin(ends.node, cut))
    key = table[:, 0] * 64 + table[:, 1]
    wanted = ends_cut.node * 64 + sector[np.isin(ends.node, cut)]
    # A bridge that alone leaves into a sector stays with the node as it was.
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    known = key[place] == wanted
    links = network.links.copy()
    links[ends_cut.link[known], ends_cut.side[known]] = own[place[known]]
    parted = replace(
        network, xy=np.concatenate([network.xy, network.xy[table[~opens, 0]]]), links=links
    )
    pairs = np.stack([own[:-1][~opens[1:]], own[1:][~opens[1:]]], axis=1)
    at = parted.xy[pairs[:, 0]]
    no_length = np.zeros(len(pairs), dtype=np.int64)
    return join(parted, pairs, no_length, Polylines.straight(at, at)), pairs

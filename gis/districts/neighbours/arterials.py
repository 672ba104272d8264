"""Arterial roads as barriers: walked along on either side, crossed only at crossings for walkers.

A street is one line. So that it can part its two sides, each arterial becomes two lines here, one
per side, and whatever leads into it leads into the side from which it comes. The sides meet at the
ends of the arterial and at crossings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.model import Layer
from gis.network import WalkNetwork
from gis.network.polylines import Polylines

ARTERIALS: Final = frozenset({"motorway", "trunk", "primary", "secondary"})
"""Urban expressways, main and secondary main roads (快速路、主干路、次干路, GB/T 51328-2018)."""
EXPRESSWAYS: Final = frozenset({"motorway", "motorway_link", "trunk", "trunk_link"})
"""Classes of streets that are expressways wherever they run between two estates."""
FOR_WALKERS: Final = frozenset(
    {"footway", "pedestrian", "path", "steps", "crossing", "elevator", "corridor"}
)
"""Ways made for walkers: where one goes across an arterial, there is a crossing."""


@dataclass(frozen=True, eq=False)
class Roads:
    """Streets (s,) by what they are to someone who wants to get across.

    ``arterial``: not crossed but at crossings. ``expressway``: those of them that are.
    ``crossing``: a way for walkers, a bridge, a tunnel, or a street with lights.
    """

    arterial: NDArray[np.bool_]
    expressway: NDArray[np.bool_]
    crossing: NDArray[np.bool_]

    @classmethod
    def of(cls, streets: Layer) -> Roads:
        """Read the classes of a streets layer."""
        frame = streets.frame
        words = frame["highway"].astype("str").str.strip().str.lower()
        arterial = words.isin(ARTERIALS).to_numpy(dtype=bool)
        crossing = words.isin(FOR_WALKERS).to_numpy(dtype=bool)
        for name in ("bridge", "tunnel", "signal"):
            crossing = crossing | frame[name].fillna(False).to_numpy(dtype=bool)
        expressway = words.isin(EXPRESSWAYS).to_numpy(dtype=bool)
        return cls(arterial, expressway, crossing & ~arterial & ~expressway)


@dataclass(frozen=True, eq=False)
class Sides:
    """A network in which arterials have two sides.

    ``node`` and ``sector`` (k,) are the nodes on arterials and the angle between two of them that
    stands for each of their sides; ``first`` (k,) the node of the new network. Sorted by node.
    """

    network: WalkNetwork
    ray_node: NDArray[np.int64]
    ray_angle: NDArray[np.float64]
    first: NDArray[np.int64]

    def places(self, node: NDArray[np.int64], toward: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the nodes (p,) of places that stood at ``node`` (p,): on the side of ``toward``.

        ``toward`` (p, 2) is a point of what the place belongs to.
        """
        angle = _angles(self.network.xy[node], toward)
        return _copies(node, _sectors(self, node, angle), self.first)


def with_sides(network: WalkNetwork, roads: Roads) -> Sides:
    """Give each arterial two sides, which meet only at crossings and at its ends.

    Parameters
    ----------
    network
        The streets with all that is linked to them.
    roads
        What the streets are, by the rows of their layer.
    """
    # Ways of no street have the number -1 and get what is appended.
    arterial = np.append(roads.arterial, False)[network.street]
    crossing = np.append(roads.crossing, False)[network.street]
    ends = _Ends.of(network)
    ray = arterial[ends.link]
    order = np.lexsort((ends.angle[ray], ends.node[ray]))
    sides = Sides(network, ends.node[ray][order], ends.angle[ray][order], np.empty(0, np.int64))
    count = np.bincount(sides.ray_node, minlength=len(network.xy))
    # The first side keeps the node, the others get new ones.
    extra = np.maximum(count - 1, 0)
    first = len(network.xy) + np.cumsum(extra) - extra
    sides = replace(sides, first=first)
    xy = np.concatenate([network.xy, np.repeat(network.xy, extra, axis=0)])
    plain = ~ray
    copy = np.empty(len(ends.node), dtype=np.int64)
    sector = _sectors(sides, ends.node, ends.angle)
    copy[plain] = _copies(ends.node[plain], sector[plain], first)
    links = copy.reshape(-1, 2)
    left, right = _both_sides(ends, ray, sector, count, first)
    rows = np.flatnonzero(arterial)
    links[rows] = left
    joined = _crossings(ends, plain & crossing[ends.link], sector, first, count)
    at = xy[joined[:, 0]]
    kept = np.concatenate([np.arange(len(network.links)), rows])
    zeros = np.zeros(len(joined), dtype=np.int32)
    cost = network.cost_cm
    if cost is not None:
        cost = np.concatenate([cost[kept], np.zeros((len(joined), 2), dtype=np.int32)])
    made = replace(
        network,
        xy=xy,
        links=np.concatenate([links, right, joined]).astype(np.int32),
        length_cm=np.concatenate([network.length_cm[kept], zeros]),
        lines=network.lines.take(kept).joined(Polylines.straight(at, at)),
        street=np.concatenate([network.street[kept], np.full(len(joined), -1, dtype=np.int32)]),
        cost_cm=cost,
    )
    return replace(sides, network=made)


@dataclass(frozen=True, eq=False)
class _Ends:
    """Both ends of each link: the k-th is column k % 2 of link k // 2."""

    node: NDArray[np.int64]
    link: NDArray[np.int64]
    angle: NDArray[np.float64]

    @classmethod
    def of(cls, network: WalkNetwork) -> _Ends:
        lines = network.lines
        start, stop = lines.start[:-1], lines.start[1:] - 1
        at = np.column_stack([lines.xy[start], lines.xy[stop]]).reshape(-1, 2)
        ahead = np.column_stack([lines.xy[start + 1], lines.xy[stop - 1]]).reshape(-1, 2)
        link = np.repeat(np.arange(len(network.links)), 2)
        return cls(network.links.reshape(-1).astype(np.int64), link, _angles(at, ahead))


def _angles(at: NDArray[np.float64], ahead: NDArray[np.float64]) -> NDArray[np.float64]:
    turn: NDArray[np.float64] = np.arctan2(*(ahead - at)[:, ::-1].T) % (2 * np.pi)
    return turn


def _sectors(
    sides: Sides, node: NDArray[np.int64], angle: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Between which two arterials around its node each angle lies, from 0; of a ray, before it."""
    key = sides.ray_node * 8.0 + sides.ray_angle
    low = np.searchsorted(sides.ray_node, node)
    count = np.searchsorted(sides.ray_node, node, "right") - low
    # What goes before the first ray lies in the same sector as what goes behind the last.
    below = np.searchsorted(key, node * 8.0 + angle, "left") - low
    return np.asarray(below % np.maximum(count, 1), dtype=np.int64)


def _copies(
    node: NDArray[np.int64], sector: NDArray[np.int64], first: NDArray[np.int64]
) -> NDArray[np.int64]:
    return np.where(sector == 0, node, first[node] + sector - 1)


def _both_sides(
    ends: _Ends,
    ray: NDArray[np.bool_],
    sector: NDArray[np.int64],
    count: NDArray[np.int64],
    first: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(a, 2) nodes of the left and of the right side of each arterial link, along its course."""
    node = ends.node[ray]
    # Seen from its node, a ray has the sector before it on its right and the next one on its left.
    right = sector[ray]
    left = (right + 1) % np.maximum(count[node], 1)
    on_right, on_left = _copies(node, right, first), _copies(node, left, first)
    pair_left = np.column_stack([on_left[0::2], on_right[1::2]])
    pair_right = np.column_stack([on_right[0::2], on_left[1::2]])
    return pair_left.reshape(-1, 2), pair_right.reshape(-1, 2)


def _crossings(
    ends: _Ends,
    crosses: NDArray[np.bool_],
    sector: NDArray[np.int64],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
) -> NDArray[np.int64]:
    """(c, 2) nodes of sides that ways for walkers join: they leave a node to both of them."""
    own = np.flatnonzero(crosses & (count[ends.node] > 1))
    table = np.unique(np.column_stack([ends.node[own], sector[own]]).reshape(-1, 2), axis=0)
    copy = _copies(table[:, 0], table[:, 1], first)
    same = np.flatnonzero(table[1:, 0] == table[:-1, 0])
    return np.column_stack([copy[same], copy[same + 1]]).reshape(-1, 2)

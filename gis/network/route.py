"""One walk as a line: which links a search went along, in walking order, and what each costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.network.graph import Arcs, Reach, WalkNetwork

SEGMENTS: Final = ("leg", "inner", "passage", "street", "stairs", "lift")


@dataclass(frozen=True, eq=False)
class Route:
    """A walk over m links in walking order.

    ``nodes`` (m + 1,) and ``links`` (m,) int64; ``along`` (m,) bool whether a link is walked along
    its course; ``length_cm`` and ``cost_cm`` (m,) int64 what each is long and costs. A walk from a
    place to itself has one node and no link.
    """

    network: WalkNetwork
    nodes: NDArray[np.int64]
    links: NDArray[np.int64]
    along: NDArray[np.bool_]
    length_cm: NDArray[np.int64]
    cost_cm: NDArray[np.int64]

    @property
    def metres(self) -> float:
        """Metres walked along the courses of the links."""
        return int(self.length_cm.sum()) / 100

    @property
    def flat_cm(self) -> int:
        """The cost of the walk: centimetres of flat walking, the number that `Reach.cm` holds."""
        return int(self.cost_cm.sum())

    @property
    def xy(self) -> NDArray[np.float64]:
        """(p, 2) vertices from the first node to the last, none twice in a row; at least two."""
        parts = [self.network.xy[self.nodes[:1]]]
        start = self.network.lines.start
        for link, along in zip(self.links.tolist(), self.along.tolist(), strict=True):
            course = self.network.lines.xy[start[link] : start[link + 1]]
            parts.append(course if along else course[::-1])
        xy = np.concatenate(parts)
        moved = np.append(True, (np.diff(xy, axis=0) != 0).any(axis=1))
        return xy[moved] if moved.sum() > 1 else np.repeat(xy[:1], 2, axis=0)

    @property
    def line(self) -> shapely.LineString:
        """The walk as one line in walking order."""
        return shapely.LineString(self.xy)

    def part(self, low: int, high: int) -> Route:
        """Return the walk over the links from ``low`` up to ``high``."""
        return Route(
            self.network,
            self.nodes[low : high + 1],
            self.links[low:high],
            self.along[low:high],
            self.length_cm[low:high],
            self.cost_cm[low:high],
        )


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive links of a walk that are one thing to a person.

    ``kind`` is one of `SEGMENTS`; ``name`` that of the street, None where it has none; ``streets``
    the rows of the streets layer.
    """

    kind: str
    name: str | None
    streets: tuple[int, ...]
    route: Route


def walked_route(
    network: WalkNetwork,
    reach: Reach,
    sources: ArrayLike,
    node: int,
    *,
    k: int = 0,
    toward: bool = True,
) -> Route | None:
    """Return the walk between a node and the nearest source of category ``k``.

    It ends at the source that ``reach.nearest`` names. Of several walks that cost the same it is
    always the same one, and no node comes twice, also where links cost nothing.

    Parameters
    ----------
    network, reach
        The network, and what its `WalkNetwork.reach` returned.
    sources
        Those of category ``k``, as they were given.
    toward
        As `WalkNetwork.reach` was asked. The walk is in walking order: to the source, or from it.

    Returns
    -------
    route
        None where the node was not reached.
    """
    cm, owner = reach.cm[k], reach.nearest[k]
    if cm[node] < 0:
        return None
    goal = int(np.asarray(sources)[owner[node]])
    way = _tight_way(network.arcs(toward=not toward), cm, owner, node, goal)
    nodes, links = np.array(way[0], dtype=np.int64), np.array(way[1], dtype=np.int64)
    cost = -np.diff(cm[nodes].astype(np.int64))
    if not toward:
        nodes, links, cost = nodes[::-1], links[::-1], cost[::-1]
    return _route(network, nodes, links, cost)


def _tight_way(
    back: Arcs, cm: NDArray[np.int32], owner: NDArray[np.int32], node: int, goal: int
) -> tuple[list[int], list[int]]:
    """Follow arcs that lie on cheapest ways to the source, within what it owns.

    A search in depth that never comes back to a node: arcs of no cost may lead around in a circle,
    and only there does it ever have to turn back.
    """
    first, arcs, link = back.first, back.arcs, back.link
    nodes, links = [node], [-1]
    seen = {node}
    turns = [_tight_arcs(first, arcs, cm, owner, node)]
    while nodes[-1] != goal:
        for arc in turns[-1]:
            t = int(arcs[arc, 0])
            if t not in seen:
                seen.add(t)
                nodes.append(t)
                links.append(int(link[arc]))
                turns.append(_tight_arcs(first, arcs, cm, owner, t))
                break
        else:
            nodes.pop()
            links.pop()
            turns.pop()
    return nodes, links[1:]


def _tight_arcs(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    cm: NDArray[np.int32],
    owner: NDArray[np.int32],
    v: int,
) -> Iterator[int]:
    """Arcs of a node that cheapest ways follow; those that come nearer first, then in order."""
    low, high = int(first[v]), int(first[v + 1])
    to, cost = arcs[low:high, 0], arcs[low:high, 1]
    tight = np.flatnonzero((cm[to] >= 0) & (cm[to] + cost == cm[v]) & (owner[to] == owner[v]))
    order = np.argsort(cm[to[tight]] == cm[v], kind="stable")
    chosen: list[int] = (low + tight[order]).tolist()
    return iter(chosen)


def _route(
    network: WalkNetwork,
    nodes: NDArray[np.int64],
    links: NDArray[np.int64],
    cost_cm: NDArray[np.int64],
) -> Route:
    return Route(
        network=network,
        nodes=nodes,
        links=links,
        along=network.links[links, 0] == nodes[:-1],
        length_cm=network.length_cm[links].astype(np.int64),
        cost_cm=cost_cm,
    )


def segments_of(
    route: Route,
    *,
    names: Sequence[str | None] | NDArray[np.object_] = (),
    passages: NDArray[np.int64] | tuple[()] = (),
    legs: NDArray[np.int64] | tuple[()] = (),
) -> tuple[Segment, ...]:
    """Cut a walk where the street, its name or what kind of way it is changes.

    Neighbouring streets of one name are one segment, and so are neighbouring ones without a name.

    Parameters
    ----------
    names
        (n,) of the streets, None where unknown; nothing: none is known.
    passages
        Links of the network that lead through a gate or wall.
    legs
        Nodes that are places linked to the streets, not streets: a link without a street that
        touches one is a leg, others are inner ways of an estate.
    """
    network = route.network
    through = set(np.asarray(passages, dtype=np.int64).tolist())
    places = set(np.asarray(legs, dtype=np.int64).tolist())
    keys = []
    for i, link in enumerate(route.links.tolist()):
        street = int(network.street[link])
        is_leg = bool(places & {int(route.nodes[i]), int(route.nodes[i + 1])})
        kind = _kind(network, street, link in through, is_leg)
        name = names[street] if street >= 0 and len(names) else None
        keys.append((kind, name))
    segments = []
    low = 0
    for (kind, name), links in groupby(keys):
        high = low + len(list(links))
        rows = network.street[route.links[low:high]]
        streets = tuple(dict.fromkeys(int(row) for row in rows if row >= 0))
        segments.append(Segment(kind, name, streets, route.part(low, high)))
        low = high
    return tuple(segments)


def _kind(network: WalkNetwork, street: int, through: bool, leg: bool) -> str:
    if through:
        return "passage"
    if street < 0:
        return "leg" if leg else "inner"
    if network.traits is not None:
        if network.traits.lift[street]:
            return "lift"
        if network.traits.stairs[street]:
            return "stairs"
    return "street"

"""Neighbours on foot: estates whose nearest-estate areas of the street network meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from gis.districts.neighbours.pairs import place_in, shortest_pairs
from gis.model import Study
from gis.network import LONGEST_LINK_M, Ground, WalkNetwork, lay_ground
from gis.network.around import pairs_within
from gis.network.search import MAX_CM

LOOKED_FOR_M: Final = 5000.0
"""How far the nearest other estate is looked for, to say how far it is."""
_ESTATES_AT_ONCE: Final = 64
_FAR_M: Final = 2500.0
"""Beyond this a search of the whole, contracted network is quicker than one around each place."""


@dataclass(frozen=True, eq=False)
class EstateWalk:
    """Estates on the walking network.

    ``ground`` is the study laid out for walking; ``node`` and ``estate`` (p,) int64 are the nodes
    where estates touch the walk and the rows of these estates; ``estates`` is how many rows the
    layer has.
    """

    ground: Ground
    node: NDArray[np.int64]
    estate: NDArray[np.int64]
    estates: int

    @property
    def network(self) -> WalkNetwork:
        """The streets with all that is linked to them, shut gates closed."""
        return self.ground.network

    def joined(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return (m,) whether any open way leads from one estate of each pair to the other."""
        network = self.network
        cost = network.length_cm if network.cost_cm is None else network.cost_cm.min(axis=1)
        a, b = network.links[cost >= 0].T
        size = len(network.xy)
        graph = sp.coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(size, size))
        label = connected_components(graph, directed=False)[1]
        held = np.unique(np.column_stack([self.estate, label[self.node]]), axis=0)
        own = sp.csr_array(
            (np.ones(len(held)), (held[:, 0], held[:, 1])), shape=(self.estates, size)
        )
        both: Any = own[pairs[:, 0]].multiply(own[pairs[:, 1]])
        return np.asarray(both.sum(axis=1)).reshape(-1) > 0

    @property
    def unlinked(self) -> NDArray[np.bool_]:
        """(estates,) True for those of which no place is linked, or that do not take part."""
        return ~np.isin(np.arange(self.estates), self.estate)


def estate_walk(
    study: Study,
    rows: NDArray[np.int64],
    *,
    longest_link_m: float = LONGEST_LINK_M,
    at: str = "10:00",
    ground: Ground | None = None,
) -> EstateWalk:
    """Link the gates of the estates in ``rows`` to the streets, with walls and hours.

    Parameters
    ----------
    longest_link_m
        Beyond this way from a gate to its street a place is unlinked.
    at
        The hour, "HH:MM": gates that are shut then are not walked through.
    ground
        The study laid out for walking from gates with these options, where that was done already.

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets.
    """
    if ground is None:
        # Nobody walks to facilities here, and linking them takes a quarter of the time.
        kept = {kind: layer for kind, layer in study.layers.items() if kind != "facilities"}
        ground = lay_ground(replace(study, layers=kept), at=at, longest_link_m=longest_link_m)
    origins = ground.origins
    kept_places = np.flatnonzero((origins.node >= 0) & np.isin(origins.estate, rows))
    return EstateWalk(
        ground=ground,
        node=origins.node[kept_places],
        estate=origins.estate[kept_places],
        estates=ground.estates,
    )


def walk_pairs(
    network: WalkNetwork, node: NDArray[np.int64], estate: NDArray[np.int64], *, limit_m: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the pairs of estates that no third one parts on foot, and how far they walk.

    Every place of the network belongs to the estate from which it is nearest on foot (a Voronoi
    diagram on the network). Where two such areas meet in a street, the two estates are
    neighbours, and no third estate is nearer to that way than they are. The walk is the shortest
    way through such a meeting. Barriers are crossed only where a street crosses them.

    Parameters
    ----------
    network
        The streets; closed links are not walked.
    node, estate
        (p,) the nodes of the places, and the estate of each.
    limit_m
        How far from an estate its area may reach.

    Returns
    -------
    pairs, metres
        (m, 2) estates, the smaller first, sorted, each pair once; (m,) to the centimetre.
    """
    # Places with the same coordinates are one; equals are settled by where they are, and not by
    # the order of the rows.
    _, first, rank = np.unique(
        np.round(network.xy[node], 2), axis=0, return_index=True, return_inverse=True
    )
    reach = network.reach([node[first]], limit_m=limit_m)
    cm, owner = reach.cm[0].astype(np.int64), np.asarray(reach.nearest[0], dtype=np.int64)
    a, b = network.links[:, 0].astype(np.int64), network.links[:, 1].astype(np.int64)
    cost = network.length_cm.astype(np.int64)
    if network.cost_cm is not None:
        cost = network.cost_cm.max(axis=1).astype(np.int64)
    meets = (owner[a] >= 0) & (owner[b] >= 0) & (cost >= 0)
    a, b, cost = a[meets], b[meets], cost[meets]
    shape = (len(first), int(estate.max(initial=0)) + 1)
    places = sp.csr_array((np.ones(len(node)), (rank.reshape(-1), estate)), shape=shape)
    places.sum_duplicates()
    return _of_estates(places, owner[a], owner[b], (cm[a] + cost + cm[b]) / 100.0)


def _of_estates(
    places: Any, owner_a: NDArray[np.int64], owner_b: NDArray[np.int64], metres: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """From meeting places to estates: all estates that share a place meet what it meets."""
    met, walked = shortest_pairs(owner_a, owner_b, metres)
    here, there, far = [met[:, 0]], [met[:, 1]], [walked]
    shared = np.flatnonzero(np.diff(places.indptr) > 1)
    here.append(shared)
    there.append(shared)
    far.append(np.zeros(len(shared)))
    first, other = np.concatenate(here), np.concatenate(there)
    count_a, count_b = (np.diff(places.indptr)[end] for end in (first, other))
    count = count_a * count_b
    pair = np.repeat(np.arange(len(first)), count)
    nth = np.arange(len(pair)) - np.repeat(np.cumsum(count) - count, count)
    one = places.indices[places.indptr[first[pair]] + nth // count_b[pair]]
    two = places.indices[places.indptr[other[pair]] + nth % count_b[pair]]
    return shortest_pairs(one.astype(np.int64), two.astype(np.int64), np.concatenate(far)[pair])


def walk_costs(walk: EstateWalk, *, limit_m: float) -> Any:
    """Return (estates, estates) scipy CSR array of walked metres, as far as the limit.

    From the nearest gate of one to the nearest gate of the other; the diagonal is 0 and stored,
    pairs beyond the limit and estates without a place are not.
    """
    order = np.argsort(walk.estate, kind="stable")
    node, estate = walk.node[order], walk.estate[order]
    estates, first = np.unique(estate, return_index=True)
    places = np.split(node, first[1:]) if len(estates) else []
    look = _look_far if limit_m > _FAR_M else _look_near
    rows, columns, values = [], [], []
    for start in range(0, len(estates), _ESTATES_AT_ONCE):
        cm = look(walk.network, places[start : start + _ESTATES_AT_ONCE], node, limit_m)
        least = np.minimum.reduceat(np.where(cm < 0, MAX_CM, cm), first, axis=1)
        row, column = np.nonzero(least < MAX_CM)
        rows.append(estates[start + row])
        columns.append(estates[column])
        values.append(least[row, column] / 100.0)
    shape = (walk.estates, walk.estates)
    if not rows:
        return sp.csr_array(shape)
    at = (np.concatenate(rows), np.concatenate(columns))
    return sp.csr_array((np.concatenate(values), at), shape=shape)


def walk_between(
    network: WalkNetwork,
    node: NDArray[np.int64],
    estate: NDArray[np.int64],
    pairs: NDArray[np.int64],
    *,
    limit_m: float,
) -> NDArray[np.float64]:
    """Return (m,) metres on foot between the estates of ``pairs`` (m, 2); NaN beyond the limit.

    ``node`` and ``estate`` (p,) are where the estates touch the network. Whose gates the walk
    passes does not matter here.
    """
    out = np.full(len(pairs), np.nan)
    if len(pairs) == 0:
        return out
    own = np.isin(estate, pairs)
    node, estate = node[own], estate[own]
    found = pairs_within(network, node, node, limit_m=limit_m)
    walked, metres = shortest_pairs(estate[found.source], estate[found.target], found.cm / 100.0)
    row = place_in(pairs, walked)
    out[row >= 0] = metres[row[row >= 0]]
    return out


def _look_far(
    network: WalkNetwork, places: list[NDArray[np.int64]], node: NDArray[np.int64], limit_m: float
) -> NDArray[np.int32]:
    """(k, p) centimetres from the nearest of each of k groups of places to p nodes, -1 beyond."""
    return network.reach(places, limit_m=limit_m).cm[:, node]


def _look_near(
    network: WalkNetwork, places: list[NDArray[np.int64]], node: NDArray[np.int64], limit_m: float
) -> NDArray[np.int32]:
    """Do the same where only a small part of the network is within the limit."""
    found = pairs_within(network, np.concatenate(places), node, limit_m=limit_m)
    group = np.repeat(np.arange(len(places)), [len(p) for p in places])
    cm = np.full((len(places), len(node)), MAX_CM, dtype=np.int32)
    np.minimum.at(cm, (group[found.source], found.target), found.cm)
    return cm

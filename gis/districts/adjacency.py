"""Which estates lie beside each other: over walkable links, or by touching outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
import shapely
from numpy.typing import NDArray

from gis.errors import OptionError
from gis.model import Study
from gis.network import Attachment, attach, blockers_of, build_network, estate_access

LONGEST_WALK_M: Final = 800.0
"""Longest walk between neighbouring estates, about 13 minutes; see `walk_adjacency`."""
LONGEST_GAP_M: Final = 30.0
"""Widest gap between touching estates: a residential street with its pavements."""
LOOKED_FOR_M: Final = 5000.0
LOOKED_FOR_GAP_M: Final = 300.0
"""How far the nearest other estate is looked for, to say how far it is."""

_BARRIER_HALF_M: Final = 0.05
_CONTACT_M: Final = 1.0
_ROWS_AT_ONCE: Final = 64


@dataclass(frozen=True, eq=False)
class Adjacency:
    """e links between estates.

    ``links`` (e, 2) rows of the estates layer, the smaller first, sorted; ``metres`` (e,) on foot
    or between outlines; ``reason`` (e,) why they count as neighbours, in words. ``beyond`` (b, 2)
    and ``beyond_m`` (b,): pairs next to each other that are no neighbours, being too far or
    parted by a barrier.
    """

    kind: str
    links: NDArray[np.int64]
    metres: NDArray[np.float64]
    reason: NDArray[np.object_]
    beyond: NDArray[np.int64]
    beyond_m: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EstateWalk:
    """Estates on the walking network: ``estate`` (p,) row of the estate of each linked place."""

    attachment: Attachment
    node: NDArray[np.int64]
    estate: NDArray[np.int64]
    estates: int

    @property
    def unlinked(self) -> NDArray[np.bool_]:
        """(n,) estates of which no place is linked."""
        return ~np.isin(np.arange(self.estates), self.estate)


def estate_walk(study: Study, rows: NDArray[np.int64], *, longest_link_m: float) -> EstateWalk:
    """Link the places where the estates in ``rows`` touch the walk to the streets.

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets.
    """
    network, _ = build_network(study.layer("streets"))
    access = estate_access(study)
    kept = np.isin(access.estate, rows)
    attachment = attach(
        network, access.xy[kept], longest_link_m=longest_link_m, blockers=blockers_of(study)
    )
    linked = attachment.node >= 0
    estate = np.asarray(access.estate[kept], dtype=np.int64)
    return EstateWalk(
        attachment, attachment.node[linked], estate[linked], len(study.layer("estates"))
    )


def walk_adjacency(walk: EstateWalk, *, max_link_m: float = LONGEST_WALK_M) -> Adjacency:
    """Neighbours on foot: estates whose nearest-estate areas of the street network meet.

    Every place of the network belongs to the estate from which it is nearest on foot (a Voronoi
    diagram on the network). Where two such areas meet in a street, the two estates are
    neighbours, and no third estate is nearer to that way than they are. The walk is the shortest
    way through such a meeting. Barriers are crossed only where a street crosses them.

    Parameters
    ----------
    max_link_m
        Longest walk that still counts, inclusive.
    """
    network = walk.attachment.network
    reach = network.reach([walk.node], limit_m=max(LOOKED_FOR_M, max_link_m))
    node_m, owner = reach.metres[0].astype(float), np.asarray(reach.nearest[0], dtype=np.int64)
    a, b = network.links[:, 0], network.links[:, 1]
    meets = (owner[a] >= 0) & (owner[b] >= 0)
    a, b = a[meets], b[meets]
    metres = node_m[a] + network.length_cm[meets] / 100.0 + node_m[b]
    here, there, far = _each_estate(walk, owner[a], owner[b], metres)
    pairs, shortest = _shortest(here, there, np.round(far, 2))
    kept = shortest <= max_link_m
    reason = [f"{m:,.0f} m on foot along streets" for m in shortest[kept]]
    return Adjacency(
        "walk", pairs[kept], shortest[kept], np.array(reason, dtype=object),
        pairs[~kept], shortest[~kept],
    )  # fmt: skip


def _each_estate(
    walk: EstateWalk,
    owner_a: NDArray[np.int64],
    owner_b: NDArray[np.int64],
    metres: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """From meeting places to estates: all estates that share a place meet what it meets."""
    node, index = np.unique(walk.node, return_inverse=True)
    at = sp.csr_array((np.ones(len(index)), (index, walk.estate)), shape=(len(node), walk.estates))
    at.sum_duplicates()
    here: list[Any] = [np.empty(0, np.int64)]
    there: list[Any] = [np.empty(0, np.int64)]
    far: list[Any] = [np.empty(0)]
    pairs, shortest = _shortest(index[owner_a], index[owner_b], metres)
    for (i, j), m in zip(pairs, shortest, strict=True):
        of_i = at.indices[at.indptr[i] : at.indptr[i + 1]]
        of_j = at.indices[at.indptr[j] : at.indptr[j + 1]]
        here.append(np.repeat(of_i, len(of_j)))
        there.append(np.tile(of_j, len(of_i)))
        far.append(np.full(len(of_i) * len(of_j), m))
    for i in np.flatnonzero(np.diff(at.indptr) > 1):
        together = at.indices[at.indptr[i] : at.indptr[i + 1]]
        x, y = np.triu_indices(len(together), 1)
        here.append(together[x])
        there.append(together[y])
        far.append(np.zeros(len(x)))
    return (
        np.concatenate(here).astype(np.int64),
        np.concatenate(there).astype(np.int64),
        np.concatenate(far),
    )


def _shortest(
    a: NDArray[np.int64], b: NDArray[np.int64], metres: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each pair once, the smaller first, with the least metres; none with itself."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    order = np.lexsort((metres, high, low))
    order = order[low[order] != high[order]]
    pairs = np.column_stack([low[order], high[order]]).astype(np.int64).reshape(-1, 2)
    unique, first = np.unique(pairs, axis=0, return_index=True)
    return unique.reshape(-1, 2), np.asarray(metres[order][first], dtype=float)


def walk_costs(walk: EstateWalk, *, limit_m: float) -> Any:
    """(n, n) scipy sparse walked metres between estates, as far as the limit."""
    network = walk.attachment.network
    rows, columns, values = [], [], []
    places = [walk.node[walk.estate == i] for i in range(walk.estates)]
    for start in range(0, walk.estates, _ROWS_AT_ONCE):
        reach = network.reach(places[start : start + _ROWS_AT_ONCE], limit_m=limit_m)
        at = reach.metres[:, walk.node]
        row, place = np.nonzero(~np.isnan(at))
        rows.append(row + start)
        columns.append(walk.estate[place])
        values.append(at[row, place].astype(float))
    row, column = np.concatenate(rows), np.concatenate(columns)
    value = np.concatenate(values)
    order = np.lexsort((value, column, row))
    key = row[order] * walk.estates + column[order]
    first = order[np.unique(key, return_index=True)[1]]
    shape = (walk.estates, walk.estates)
    return sp.csr_array((value[first], (row[first], column[first])), shape=shape)


def touch_adjacency(
    study: Study, rows: NDArray[np.int64], *, max_link_m: float = LONGEST_GAP_M
) -> Adjacency:
    """Neighbours by outline: polygons with no wider gap, and no barrier all along it.

    Rivers, railways and expressways part estates; walls do not: estates planned together may
    open them.

    Raises
    ------
    OptionError
        Some of the estates are points.
    """
    shapes = study.layer("estates").geometries
    points = shapely.get_dimensions(shapes[rows]) < 2
    if points.any():
        raise OptionError(
            f"{int(points.sum())} of {len(rows)} estates are points, which cannot touch; "
            "use adjacency walk"
        )
    tree = shapely.STRtree(shapes[rows])
    i, j = tree.query(shapes[rows], predicate="dwithin", distance=max(max_link_m, LOOKED_FOR_GAP_M))
    i, j = rows[i[i < j]], rows[j[i < j]]
    gap = np.round(shapely.distance(shapes[i], shapes[j]), 2)
    pairs, gap = _shortest(i.astype(np.int64), j.astype(np.int64), gap)
    near = gap <= max_link_m
    near[near] = ~_parted(shapes, pairs[near], gap[near], _barriers(study))
    reason = ["outlines touch" if m == 0 else f"outlines {m:,.1f} m apart" for m in gap[near]]
    return Adjacency(
        "touch", pairs[near], gap[near], np.array(reason, dtype=object), pairs[~near], gap[~near]
    )


def _barriers(study: Study) -> NDArray[np.object_]:
    frame = study.frame("barriers")
    frame = frame[frame["barrier"] != "wall"]
    return shapely.get_parts(np.asarray(frame.geometry.to_numpy(), dtype=object))


def _parted(
    shapes: NDArray[np.object_],
    pairs: NDArray[np.int64],
    gap: NDArray[np.float64],
    barriers: NDArray[np.object_],
) -> NDArray[np.bool_]:
    """Pairs between which a barrier runs all along the place where they are near.

    That place is what lies near both; a barrier parts them when no piece of the place without
    the barrier comes to both.
    """
    out = np.zeros(len(pairs), bool)
    if len(pairs) == 0 or len(barriers) == 0:
        return out
    wide = gap / 2 + _CONTACT_M
    one, other = shapes[pairs[:, 0]], shapes[pairs[:, 1]]
    place = shapely.intersection(shapely.buffer(one, wide), shapely.buffer(other, wide))
    found, barrier = shapely.STRtree(barriers).query(place, predicate="intersects")
    for p in np.unique(found):
        stop = shapely.union_all(shapely.buffer(barriers[barrier[found == p]], _BARRIER_HALF_M))
        pieces = shapely.get_parts(shapely.difference(place[p], stop))
        comes = shapely.intersects(pieces, one[p]) & shapely.intersects(pieces, other[p])
        out[p] = not comes.any()
    return out

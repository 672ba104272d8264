"""What parts estates on the plan: rivers, railways, expressways, arterials, walls that stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.districts.neighbours.arterials import Roads
from gis.model import Study
from gis.network.streets import walkable_lines

BESIDE_M: Final = 1.0
"""What is drawn this close to an outline may run on it: surveys and drawings differ by that."""
CROSSING_M: Final = 2.0
"""Half the width over which a street that crosses a barrier opens it."""
_HALF_M: Final = 0.05
_FEW: Final = 50
_TILE_M: Final = 300.0
"""Barriers of more vertices than a few are cut into tiles of this size."""


@dataclass(frozen=True, eq=False)
class Stops:
    """k pieces of what parts estates: ``shapes`` (k,), ``kind`` and ``name`` (k,) words.

    ``kind`` is "river", "railway", "expressway", "other", "arterial" or "wall".
    """

    shapes: NDArray[np.object_]
    kind: NDArray[np.object_]
    name: NDArray[np.object_]

    @classmethod
    def of(cls, study: Study, *, arterials: bool, walls: bool) -> Stops:
        """Collect them: all barriers but walls, and the expressways among the streets.

        Parameters
        ----------
        arterials
            Whether arterial roads part estates too.
        walls
            Whether walls do of which it is stated that they are not to be opened.
        """
        frame = study.frame("barriers")
        frame = frame[frame["barrier"] != "wall"]
        shapes = [np.asarray(frame.geometry.to_numpy(), dtype=object)]
        kinds = [frame["barrier"].to_numpy(dtype=object)]
        names = [_names(frame["name"])]
        if "streets" in study:
            streets = study.layer("streets")
            roads = Roads.of(streets)
            for flags, kind in ((roads.expressway, "expressway"), (roads.arterial, "arterial")):
                chosen = flags if kind == "expressway" else flags & ~roads.expressway
                rows = np.flatnonzero(chosen & (arterials or kind == "expressway"))
                shapes.append(streets.geometries[rows])
                kinds.append(np.full(len(rows), kind, dtype=object))
                names.append(_names(streets.frame["name"].iloc[rows]))
        if walls:
            frame = study.frame("walls")
            frame = frame[(frame["removable"] == False).fillna(False).to_numpy(dtype=bool)]  # noqa: E712
            shapes.append(np.asarray(frame.geometry.to_numpy(), dtype=object))
            kinds.append(np.full(len(frame), "wall", dtype=object))
            names.append(_names(frame["uid"]))
        parts, row = _small(np.concatenate(shapes))
        return cls(parts, np.concatenate(kinds)[row], np.concatenate(names)[row])

    def __len__(self) -> int:
        return len(self.shapes)

    def touched(
        self, ways: NDArray[np.object_], *, within_m: float = BESIDE_M
    ) -> NDArray[np.int64]:
        """Return (m,) the piece that each way (m,) comes near, the first in the list; -1: none.

        A river comes before a road: pieces are asked in their order.
        """
        out = np.full(len(ways), -1, dtype=np.int64)
        if len(self) == 0 or len(ways) == 0:
            return out
        # A way of no length is a place, and no line that a tree could be asked with.
        at_once = shapely.length(ways) == 0
        ways = np.where(at_once, shapely.get_point(ways, 0), ways)
        way, piece = shapely.STRtree(self.shapes).query(ways, "dwithin", within_m)
        order = np.lexsort((piece, way))
        way, first = np.unique(way[order], return_index=True)
        out[way] = piece[order][first]
        return out

    def word(self, piece: int) -> str:
        """Return kind and name of a piece as `why_words` reads them."""
        return f"{self.kind[piece]}|{self.name[piece]}"


def _small(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Return simple parts of few vertices, and the row that each is of.

    A river of a thousand vertices would be looked at as a whole for every estate beside it.
    """
    parts, row = shapely.get_parts(shapes, return_index=True)
    row = np.asarray(row, dtype=np.int64)
    large = shapely.get_num_coordinates(parts) > _FEW
    if not large.any():
        return parts, row
    low_x, low_y, high_x, high_y = shapely.total_bounds(parts[large])
    x, y = np.meshgrid(np.arange(low_x, high_x, _TILE_M), np.arange(low_y, high_y, _TILE_M))
    tiles = shapely.box(x, y, x + _TILE_M, y + _TILE_M).reshape(-1)
    rows = np.flatnonzero(large)
    one, tile = shapely.STRtree(tiles).query(parts[rows], predicate="intersects")
    cut, of = shapely.get_parts(
        shapely.intersection(parts[rows[one]], tiles[tile]), return_index=True
    )
    pieces = np.concatenate([parts[~large], cut])
    of_row = np.concatenate([row[~large], row[rows[one[of]]]])
    order = np.argsort(of_row, kind="stable")
    return pieces[order], of_row[order]


def _names(column: object) -> NDArray[np.object_]:
    words = np.asarray(column, dtype=object)
    return np.array(
        ["" if w is None or w != w else str(w).strip().replace("|", "/") for w in words],
        dtype=object,
    )  # fmt: skip


def parted(
    shapes: NDArray[np.object_],
    pairs: NDArray[np.int64],
    gap_m: NDArray[np.float64],
    stops: Stops,
    crossings: NDArray[np.object_],
) -> NDArray[np.int64]:
    """Say which pairs a barrier parts all along the place where they are near.

    That place is what lies near both; a barrier parts them when no piece of the place without the
    barrier comes to both. A street that crosses the barrier there opens it.

    Parameters
    ----------
    shapes
        (n,) outlines of the estates.
    pairs, gap_m
        (m, 2) and (m,) pairs of them and how far they are apart.
    stops
        What parts them.
    crossings
        (c,) the streets that may cross.

    Returns
    -------
    piece
        (m,) a piece of ``stops`` that parts the pair, -1 where none does.
    """
    out = np.full(len(pairs), -1, dtype=np.int64)
    if len(pairs) == 0 or len(stops) == 0:
        return out
    wide = gap_m + BESIDE_M
    one, other = shapes[pairs[:, 0]], shapes[pairs[:, 1]]
    # Only pairs with a piece near both can be parted: the rest needs no geometry made.
    tree = shapely.STRtree(stops.shapes)
    near = [tree.query(end, "dwithin", wide) for end in (one, other)]
    keys = [n[0].astype(np.int64) * len(stops) + n[1] for n in near]
    both = np.intersect1d(*keys)
    pair, piece = np.divmod(both, len(stops))
    streets = shapely.STRtree(crossings)
    for p in np.unique(pair):
        own = piece[pair == p]
        place = shapely.intersection(
            shapely.buffer(one[p], wide[p]), shapely.buffer(other[p], wide[p])
        )
        stop = shapely.union_all(shapely.buffer(stops.shapes[own], _HALF_M))
        across = crossings[streets.query(shapely.intersection(place, stop), "intersects")]
        if len(across):
            stop = shapely.difference(stop, shapely.union_all(shapely.buffer(across, CROSSING_M)))
        pieces = shapely.get_parts(shapely.difference(place, stop))
        comes = shapely.intersects(pieces, one[p]) & shapely.intersects(pieces, other[p])
        if not comes.any():
            out[p] = own[0]
    return out


def crossing_lines(study: Study, *, arterials: bool) -> NDArray[np.object_]:
    """Return the streets that may cross a barrier: what is walked, and is no barrier itself.

    Across arterials (where they part estates) only what is a crossing does.
    """
    if "streets" not in study:
        return np.empty(0, dtype=object)
    if not arterials:
        return walkable_lines(study.layer("streets"))
    streets = study.layer("streets")
    roads = Roads.of(streets)
    return np.asarray(streets.geometries[roads.crossing], dtype=object)

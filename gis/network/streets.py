"""Streets -> walking network: choose what is walked, join it, cut it at its junctions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.errors import LayerError
from gis.model import Finding, Layer
from gis.network.graph import WalkNetwork
from gis.network.heights import smoothed
from gis.network.polylines import Polylines
from gis.network.traits import EffortTable, traits_of
from gis.network.walkable import WalkableTable

GRID_M: Final = 0.001
"""Vertices closer than this are the same place: files round to it, or carry noise below it."""

JOIN_M: Final = 0.5
"""A street that ends this close to another one, inclusive, meets it."""

_PIECES_AT_ONCE: Final = 50_000
"""As LineStrings in a tree streets take ten times the memory of their coordinates."""


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Lines cut at junctions: their rows in the layer and whether they are bridge or tunnel."""

    lines: Polylines
    street: NDArray[np.int64]
    level: NDArray[np.bool_]

    def cut(self) -> _Pieces:
        vertex = _vertices(self.lines.xy)
        ends = np.zeros(len(self.lines.xy), dtype=bool)
        ends[vertex[self.lines.is_end]] = True
        junction = ends | (np.bincount(vertex, minlength=len(ends)) > 1)
        lines, parent = self.lines.cut(junction[vertex])
        return _Pieces(lines, self.street[parent], self.level[parent])


@dataclass(frozen=True, eq=False)
class _Joints:
    """Vertices (m, 2) to put into lines (m,) at metres along them (m,)."""

    line: NDArray[np.int64]
    along_m: NDArray[np.float64]
    xy: NDArray[np.float64]


def build_network(
    streets: Layer, *, walkable: WalkableTable | None = None
) -> tuple[WalkNetwork, tuple[Finding, ...]]:
    """Make the walking network of a streets layer.

    Streets are joined where they share a vertex (to the millimetre) and where one ends within
    0.5 m of another. Streets that only cross on the plan are left apart, as a bridge and what is
    below it; but a file in which such crossings outnumber the junctions (vertices where three or
    more streets or pieces of them meet) was drawn without dividing the streets, and its crossings
    are junctions, save those of a street that is marked as bridge or tunnel. Crossings of a
    street with itself are no junctions.

    Parameters
    ----------
    streets
        n lines, with heights (z) where they have any; the columns ``walkable``, ``highway``,
        ``bridge`` and ``tunnel`` are used, ``foot`` and ``access`` where the file had them, and
        for the traits ``risers``, ``delay_s``, ``signal`` and ``width_m``.
    walkable
        What can be walked; the table that comes with Lianpian unless given.

    Returns
    -------
    network
        Links keep the course and the heights of their street, smoothed as `smoothed` says;
        lengths are those of the course on the plan, in whole cm.
    findings
        What was left out, joined or doubtful, and into how many parts the network falls.

    Raises
    ------
    LayerError
        No street can be walked.
    """
    open_, findings = judge_streets(streets, walkable or WalkableTable.load())
    pieces, more = _pieces(streets, open_)
    findings += more
    pieces, more = _join(pieces.cut())
    findings += more
    network = replace(_network(pieces), traits=traits_of(streets, EffortTable.load()))
    return network, (*findings, _parts(network))


def walkable_lines(streets: Layer, *, walkable: WalkableTable | None = None) -> NDArray[np.object_]:
    """Return the geometries (m,) of the streets that can be walked."""
    open_, _ = judge_streets(streets, walkable or WalkableTable.load())
    return streets.geometries[open_]


def judge_streets(
    streets: Layer, table: WalkableTable
) -> tuple[NDArray[np.bool_], tuple[Finding, ...]]:
    """Say for each street (n,) whether it can be walked, with findings on those that cannot.

    The column ``walkable`` decides where it says something, else the table does.
    """
    frame = streets.frame
    tags = [_words(frame, name) for name in ("highway", "foot", "access")]
    stated = frame["walkable"].to_numpy(dtype=object, na_value=None)
    open_ = np.ones(len(frame), dtype=bool)
    closed: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for row, (said, highway, foot, access) in enumerate(zip(stated, *tags, strict=True)):
        if said is None:
            verdict = table.judge(highway, foot=foot, access=access).walkable
            unknown[highway] += verdict is None
            said = verdict is not False
        open_[row] = said
        if not said:
            closed[highway or "no class"] += 1
    return open_, (*_closed_finding(closed, len(frame)), *_unknown_finding(unknown))


def _words(frame: pd.DataFrame, name: str) -> list[str]:
    if name not in frame:
        return [""] * len(frame)
    return ["" if pd.isna(word) else str(word).strip().lower() for word in frame[name]]


def _listed(counts: Counter[str]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{word} {count}" for word, count in ordered if count)


def _closed_finding(closed: Counter[str], total: int) -> tuple[Finding, ...]:
    count = sum(closed.values())
    if not count:
        return ()
    text = f"{count} of {total} streets are not walked: {_listed(closed)}"
    return (Finding("streets-not-walkable", text, "info"),)


def _unknown_finding(unknown: Counter[str]) -> tuple[Finding, ...]:
    count = sum(unknown.values())
    if not count:
        return ()
    text = (
        f"{count} streets have a class that is not in the table of walkable ways and are walked: "
        f"{_listed(unknown)}; give them a column 'walkable' where that is wrong"
    )
    return (Finding("streets-class-unknown", text),)


def _pieces(streets: Layer, open_: NDArray[np.bool_]) -> tuple[_Pieces, tuple[Finding, ...]]:
    rows = np.flatnonzero(open_)
    lines, index = _parts_of(streets.geometries[rows])
    lines = Polylines(np.round(lines.xy / GRID_M) * GRID_M, lines.start, lines.z)
    long_enough = lines.length_m > 0
    findings: tuple[Finding, ...] = ()
    if not long_enough.all():
        count = int((~long_enough).sum())
        text = f"{count} streets have no length and are left out"
        findings = (Finding("streets-no-length", text, row=int(rows[index[~long_enough][0]])),)
    if not long_enough.any():
        raise LayerError(
            f"None of the {len(streets)} streets can be walked; "
            "import streets of other classes or give them a column 'walkable'"
        )
    kept = np.flatnonzero(long_enough)
    street = rows[index[kept]]
    level = np.zeros(len(streets), dtype=bool)
    for name in ("bridge", "tunnel"):
        level |= streets.frame[name].fillna(False).to_numpy(dtype=bool)
    return _Pieces(lines.take(kept), street, level[street]), findings


def _parts_of(shapes: NDArray[np.object_]) -> tuple[Polylines, NDArray[np.int64]]:
    """Return the lines that shapes (n,) consist of, and the shape (m,) of each."""
    if (shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING).all():
        return Polylines.from_lines(shapes), np.arange(len(shapes))  # the parts would be copies
    parts, index = shapely.get_parts(shapes, return_index=True)
    return Polylines.from_lines(parts), index


def _join(pieces: _Pieces) -> tuple[_Pieces, tuple[Finding, ...]]:
    """Join street ends to what they nearly touch, and the crossings of an undivided file."""
    ends, crossings = _meetings(pieces)
    vertex = _vertices(pieces.lines.xy[pieces.lines.is_end])
    shared = int((np.bincount(vertex) > 2).sum())
    findings = []
    if len(ends.line):
        text = f"{len(ends.line)} street ends within {JOIN_M} m of another street were joined to it"
        findings.append(Finding("streets-ends-joined", text, "info"))
    count = len(crossings.line) // 2
    joints = [ends]
    if count > shared:
        joints.append(crossings)
        text = (
            f"The streets are drawn undivided ({count} crossings without a common vertex, {shared} "
            "junctions with one): the crossings were made junctions, save those of streets marked "
            "as bridge or tunnel"
        )
        findings.append(Finding("streets-crossings-joined", text))
    elif count:
        text = (
            f"At {count} places streets cross without a common vertex and without a mark as bridge "
            f"or tunnel; they were not joined, since {shared} junctions have a common vertex"
        )
        findings.append(Finding("streets-crossings-apart", text))
    return _with_joints(pieces, joints), tuple(findings)


def _with_joints(pieces: _Pieces, joints: list[_Joints]) -> _Pieces:
    line = np.concatenate([j.line for j in joints])
    if len(line) == 0:
        return pieces
    along_m = np.concatenate([j.along_m for j in joints])
    xy = np.concatenate([j.xy for j in joints])
    # A joint is a vertex of two lines, so that the next cut finds it.
    lines, _ = pieces.lines.insert(line, along_m, xy)
    return _Pieces(lines, pieces.street, pieces.level).cut()


def _meetings(pieces: _Pieces) -> tuple[_Joints, _Joints]:
    """Find loose ends and crossings, strip by strip of the plan."""
    lines = pieces.lines
    vertex = _vertices(lines.xy)
    places = np.flatnonzero(lines.is_end)
    low, high = lines.bounds
    order = np.argsort(low[:, 0], kind="stable")
    near: list[NDArray[np.int64]] = []
    crossings: list[_Crossings] = []
    for first in range(0, len(lines), _PIECES_AT_ONCE):
        rows = np.sort(order[first : first + _PIECES_AT_ONCE])
        box = low[rows].min(axis=0), high[rows].max(axis=0)
        ends = lines.xy[places]
        here = ((ends >= box[0] - JOIN_M) & (ends <= box[1] + JOIN_M)).all(axis=1)
        shapes = lines.take(rows).shapes
        tree = shapely.STRtree(shapes)
        near.append(_loose_ends(pieces, vertex, places[here], rows, tree))
        others = np.flatnonzero(((high >= box[0]) & (low <= box[1])).all(axis=1))
        crossings.append(_crossings(pieces, others, rows, tree))
    return _joints_of_ends(pieces, vertex, np.concatenate(near)), _Crossings.joints(crossings)


def _loose_ends(
    pieces: _Pieces,
    vertex: NDArray[np.int64],
    places: NDArray[np.int64],
    rows: NDArray[np.int64],
    tree: shapely.STRtree,
) -> NDArray[np.int64]:
    """Find ends that lie within `JOIN_M` of a piece that does not have them as a vertex.

    A bridge or tunnel passes by what only seems near: between it and other streets nothing is
    joined but where they share a vertex. Returns pairs (m, 2) of one of the ``rows`` in the tree
    and one of the ``places`` among the vertices.
    """
    lines = pieces.lines
    found, k = tree.query(shapely.points(lines.xy[places]), "dwithin", JOIN_M)
    piece, place = rows[k], places[found]
    own = np.searchsorted(lines.start, place, side="right") - 1
    here = np.zeros(len(lines), dtype=bool)
    here[rows] = True
    line = lines.line
    corner = np.flatnonzero(here[line])
    count = len(vertex)
    has = np.isin(piece * count + vertex[place], line[corner] * count + vertex[corner])
    apart = ~has & (pieces.level[own] == pieces.level[piece])
    return np.stack([piece[apart], place[apart]], axis=1)


def _joints_of_ends(pieces: _Pieces, vertex: NDArray[np.int64], near: NDArray[np.int64]) -> _Joints:
    """Make joints of pairs (m, 2) of a piece and the place of a vertex near it."""
    lines = pieces.lines
    near = near[np.lexsort((near[:, 1], vertex[near[:, 1]], near[:, 0]))]
    # One joint per vertex and piece, also where several streets end in that vertex.
    keys = np.stack([near[:, 0], vertex[near[:, 1]]], axis=1)
    other = np.ones(len(near), dtype=bool)
    other[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    piece, place = near[other].T
    xy = lines.xy[place]
    met_lines = lines.take(piece)
    along = shapely.line_locate_point(met_lines.shapes, shapely.points(xy))
    length = met_lines.length_m
    start, end = along <= 0, along >= length
    beyond = np.where(start, -1.0, np.where(end, length + 1.0, along))
    met = np.where(start, lines.start[piece], lines.start[piece + 1] - 1)
    once = ~(start | end) | _first_of_pair(vertex[place], vertex[met])
    return _Joints(piece[once], beyond[once], xy[once])


def _first_of_pair(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the first of equal pairs, whichever way round: two near ends need one joint."""
    pairs = pd.DataFrame({"low": np.minimum(a, b), "high": np.maximum(a, b)})
    return ~pairs.duplicated().to_numpy()


@dataclass(frozen=True, eq=False)
class _Crossings:
    """Points ``xy`` (m, 2) where pieces ``a`` and ``b`` (m,) cross, at metres along them (m,)."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    a_along_m: NDArray[np.float64]
    b_along_m: NDArray[np.float64]
    xy: NDArray[np.float64]

    @staticmethod
    def joints(found: list[_Crossings]) -> _Joints:
        """Put several together: each crossing is a joint of both pieces."""
        a, b, a_along, b_along, xy = (
            np.concatenate([getattr(each, name) for each in found])
            for name in ("a", "b", "a_along_m", "b_along_m", "xy")
        )
        order = np.lexsort((b, a))
        return _Joints(
            np.concatenate([a[order], b[order]]),
            np.concatenate([a_along[order], b_along[order]]),
            np.concatenate([xy[order], xy[order]]),
        )


def _crossings(
    pieces: _Pieces, others: NDArray[np.int64], rows: NDArray[np.int64], tree: shapely.STRtree
) -> _Crossings:
    """Find where pieces ``others`` cross later ones, ``rows`` in the tree, on the plan."""
    shapes = pieces.lines.take(others).shapes
    k, found = tree.query(shapes, predicate="crosses")
    a, b = others[k], rows[found]
    once = (a < b) & ~pieces.level[a] & ~pieces.level[b]
    a, b = a[once], b[once]
    one, two = shapes[k[once]], tree.geometries[found[once]]
    points, pair = shapely.get_parts(shapely.intersection(one, two), return_index=True)
    is_point = shapely.get_type_id(points) == shapely.GeometryType.POINT
    points, pair = points[is_point], pair[is_point]
    xy = np.round(shapely.get_coordinates(points).reshape(-1, 2) / GRID_M) * GRID_M
    along_a = shapely.line_locate_point(one[pair], points)
    along_b = shapely.line_locate_point(two[pair], points)
    return _Crossings(a[pair], b[pair], along_a, along_b, xy)


def _network(pieces: _Pieces) -> WalkNetwork:
    lines = pieces.lines
    node = _vertices(lines.xy[lines.is_end])
    places = np.flatnonzero(lines.is_end)
    _, first = np.unique(node, return_index=True)
    return WalkNetwork(
        xy=lines.xy[places[first]],
        links=node.reshape(-1, 2).astype(np.int32),
        length_cm=np.rint(lines.length_m * 100).astype(np.int32),
        lines=smoothed(lines),
        street=pieces.street.astype(np.int32),
    )


def _vertices(xy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number the places (p,) of rounded vertices in the order in which they are first met."""
    steps = np.round(xy / GRID_M).astype(np.int64)
    x, _ = pd.factorize(steps[:, 0])
    y, values = pd.factorize(steps[:, 1])
    key, _ = pd.factorize(x.astype(np.int64) * len(values) + y)
    return np.asarray(key, dtype=np.int64)


def _parts(network: WalkNetwork) -> Finding:
    part = network.components()[network.links[:, 0]]
    length = np.bincount(part, weights=network.length_cm)
    share = 100 * length[0] / length.sum() if length.sum() else 100.0
    count = len(length)
    if count == 1:
        return Finding("streets-parts", "The streets form one connected network", "info")
    text = (
        f"The streets fall into {count} parts that are not connected; the largest has "
        f"{share:.1f} % of their length. Points linked to another part reach only what is in it"
    )
    return Finding("streets-parts", text)

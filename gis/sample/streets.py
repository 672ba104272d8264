"""Streets and blocks: the bands of the city, cut again and again into smaller quarters.

Every cut is a street; early cuts are wide arterials, late ones are lanes. A cut that would end
close to a junction ends in it. Each block is bounded by four curves, so that lots can be laid out
in it by two fractions (u, v) (a Coons patch), whatever its shape.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from gis.sample.terrain import Floats, Ints, Layout, Terrain

Point = tuple[float, float]
Side = tuple[int, float, float]

HALF_WIDTH_M: Final[dict[str, float]] = {
    "primary": 15.0,
    "secondary": 11.0,
    "tertiary": 8.5,
    "residential": 6.0,
    "living_street": 4.0,
    "unclassified": 4.5,
}
VERGE_M: Final = 5.0
"""Pavement and planting between the carriageway and the walls."""
SNAP_M: Final = 32.0
KEEP_OFF_M: Final = 42.0
"""No junction nearer than this to the corner of a quarter."""
CROSSING_EVERY_M: Final = 820.0
VERTEX_EVERY_M: Final = 20.0
RIVER, RAIL, EXPRESSWAY = 1, 2, 3


@dataclass
class _Line:
    start: Point
    end: Point
    bend_m: float
    cls: str
    marks: list[tuple[float, int]] = field(default_factory=list)

    @property
    def length_m(self) -> float:
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))

    def at(self, pos: float) -> Point:
        dx, dy = self.end[0] - self.start[0], self.end[1] - self.start[1]
        off = self.bend_m * 4 * pos * (1 - pos) / max(self.length_m, 1e-9)
        return self.start[0] + dx * pos - dy * off, self.start[1] + dy * pos + dx * off


@dataclass(frozen=True)
class _Quad:
    """Four sides in turn, each a stretch of a line; ``tree`` is its place among all quarters."""

    sides: tuple[Side, Side, Side, Side]
    tree: int


@dataclass(frozen=True, eq=False)
class Mesh:
    """Streets and blocks in the plan.

    ``edge_*`` (e,): stretches between junctions; ``crossing`` 0, or RIVER, RAIL, EXPRESSWAY where
    the stretch crosses one. ``side_*`` (b, 4): the four sides of each block; ``edge_blocks``
    (e, 2): blocks left and right, -1 none; ``parent`` (q,) and ``leaf`` (b,): the tree of cuts.
    """

    line_start: Floats
    line_end: Floats
    line_bend_m: Floats
    line_cls: tuple[str, ...]
    edge_line: Ints
    edge_from: Floats
    edge_to: Floats
    edge_nodes: Ints
    edge_blocks: Ints
    crossing: Ints
    node_st: Floats
    side_line: Ints
    side_from: Floats
    side_to: Floats
    block_edges: tuple[tuple[tuple[int, bool], ...], ...]
    parent: Ints
    leaf: Ints

    def on_line(self, line: Ints, pos: Floats) -> Floats:
        """Return (n, 2) plan positions at fractions ``pos`` (n,) of lines ``line`` (n,)."""
        step = self.line_end[line] - self.line_start[line]
        length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
        off = self.line_bend_m[line] * 4 * pos * (1 - pos) / length
        across = np.stack([-step[:, 1], step[:, 0]], axis=1)
        return np.asarray(self.line_start[line] + step * pos[:, None] + across * off[:, None])

    def _on_side(self, block: Ints, side: int, share: Floats) -> Floats:
        start, end = self.side_from[block, side], self.side_to[block, side]
        return self.on_line(self.side_line[block, side], start + (end - start) * share)

    def in_block(self, block: Ints, u: Floats, v: Floats) -> Floats:
        """Return (n, 2) plan positions at fractions u (corner 0 to 1) and v (corner 0 to 3)."""
        low, high = self._on_side(block, 0, u), self._on_side(block, 2, 1 - u)
        right, left = self._on_side(block, 1, v), self._on_side(block, 3, 1 - v)
        zero, one = np.zeros(len(u)), np.ones(len(u))
        c0, c1 = self._on_side(block, 0, zero), self._on_side(block, 0, one)
        c3, c2 = self._on_side(block, 2, one), self._on_side(block, 2, zero)
        u, v = u[:, None], v[:, None]
        flat = (1 - u) * (1 - v) * c0 + u * (1 - v) * c1 + u * v * c2 + (1 - u) * v * c3
        return np.asarray((1 - v) * low + v * high + (1 - u) * left + u * right - flat)

    def side_lengths_m(self) -> Floats:
        """(b, 4) lengths of the sides, as the crow flies."""
        block = np.arange(len(self.side_line))
        zero, one = np.zeros(len(block)), np.ones(len(block))
        ends = [
            self._on_side(block, side, one) - self._on_side(block, side, zero) for side in range(4)
        ]
        return np.stack([np.hypot(step[:, 0], step[:, 1]) for step in ends], axis=1)


class _Builder:
    def __init__(self, terrain: Terrain, rng: np.random.Generator) -> None:
        self.terrain = terrain
        self.rng = rng
        self.lines: list[_Line] = []
        self.nodes: list[Point] = []
        self.parent: list[int] = []
        self.leaves: list[_Quad] = []
        self.links: list[tuple[int, int, str, int]] = []

    def node(self, point: Point) -> int:
        self.nodes.append(point)
        return len(self.nodes) - 1

    def line(self, ends: tuple[int, int], cls: str, *, bend: float) -> int:
        start, end = self.nodes[ends[0]], self.nodes[ends[1]]
        new = _Line(start, end, 0.0, cls, [(0.0, ends[0]), (1.0, ends[1])])
        new.bend_m = bend * new.length_m
        self.lines.append(new)
        return len(self.lines) - 1

    def mark(self, line: int, pos: float) -> int:
        """Return the junction at ``pos`` of a line, made when there is none yet."""
        for place, node in self.lines[line].marks:
            if abs(place - pos) < 1e-9:
                return node
        node = self.node(self.lines[line].at(pos))
        insort(self.lines[line].marks, (pos, node))
        return node

    def snap(self, side: Side, pos: float) -> float:
        """Return ``pos``, kept off the corners, or that of a junction close by."""
        line, a, b = side
        length = self.lines[line].length_m
        low, high = min(a, b) + KEEP_OFF_M / length, max(a, b) - KEEP_OFF_M / length
        pos = min(max(pos, low), high) if low < high else (a + b) / 2
        near = [
            (abs(place - pos), place)
            for place, _ in self.lines[line].marks
            if low <= place <= high and abs(place - pos) * length < SNAP_M
        ]
        return min(near)[1] if near else pos

    def corners(self, quad: _Quad) -> Floats:
        return np.array([self.lines[line].at(a) for line, a, _ in quad.sides])

    def cut(
        self, quad: _Quad, first: int, at: tuple[float, float], cls: str
    ) -> tuple[_Quad, _Quad]:
        """Cut from side ``first`` to the side facing it, at a position on the line of each."""
        sides = quad.sides
        near, right, far, left = (sides[(first + k) % 4] for k in range(4))
        ends = (self.mark(near[0], at[0]), self.mark(far[0], at[1]))
        new = self.line(ends, cls, bend=float(np.clip(self.rng.normal(0, 0.022), -0.05, 0.05)))
        trees = []
        for _ in range(2):
            self.parent.append(quad.tree)
            trees.append(len(self.parent) - 1)
        one = _Quad(
            ((near[0], near[1], at[0]), (new, 0.0, 1.0), (far[0], at[1], far[2]), left), trees[0]
        )
        two = _Quad(
            ((new, 1.0, 0.0), (near[0], at[0], near[2]), right, (far[0], far[1], at[1])), trees[1]
        )
        return one, two


def _area_m2(corners: Floats) -> float:
    x, y = corners[:, 0], corners[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def _class_of(area_m2: float) -> str:
    for limit_ha, cls in (
        (70, "primary"),
        (24, "secondary"),
        (11, "tertiary"),
        (4.6, "residential"),
    ):
        if area_m2 > limit_ha * 1e4:
            return cls
    return "living_street"


def _subdivide(builder: _Builder, quads: list[_Quad]) -> None:
    rng = builder.rng
    stack = list(reversed(quads))
    while stack:
        quad = stack.pop()
        corners = builder.corners(quad)
        area = _area_m2(corners)
        middle = corners.mean(axis=0)[None, :]
        old = float(builder.terrain.oldness(middle)[0])
        wild = float(builder.terrain.wildness(middle)[0])
        wanted = (3.2 - 1.9 * old + 2.0 * max(0.0, wild - 0.4)) * 1e4
        lengths = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
        first = 0 if lengths[0] + lengths[2] > lengths[1] + lengths[3] else 1
        tight = min(lengths[first], lengths[(first + 2) % 4]) < 3.2 * KEEP_OFF_M
        if area < wanted * rng.uniform(0.75, 1.9) or tight:
            builder.leaves.append(quad)
            continue
        share = float(np.clip(rng.normal(0.5, 0.09), 0.3, 0.7))
        skew = float(np.clip(rng.normal(0.0, 0.055), -0.13, 0.13))
        near, far = quad.sides[first], quad.sides[(first + 2) % 4]
        at = (
            builder.snap(near, near[1] + (near[2] - near[1]) * share),
            builder.snap(far, far[1] + (far[2] - far[1]) * (1 - share + skew)),
        )
        stack.extend(builder.cut(quad, first, at, _class_of(area)))


def _frame(builder: _Builder, layout: Layout) -> list[_Quad]:
    """Make the four bands with their border streets; cut them at the crossings."""
    rng = builder.rng
    length = layout.length_m
    classes = ("unclassified", "residential", "residential", "secondary",
               "primary", "tertiary", "tertiary", "unclassified")  # fmt: skip
    ends = [(builder.node((0.0, t)), builder.node((length, t))) for t in layout.borders]
    borders = [builder.line(e, cls, bend=0.0) for e, cls in zip(ends, classes, strict=True)]
    count = max(3, round(length / CROSSING_EVERY_M) + 1)
    regular = np.arange(1, count) / count
    # One place per corridor and crossing, so that both banks meet the same bridge.
    places = [regular + rng.uniform(-0.16, 0.16, count - 1) / count for _ in range(5)]
    quads = []
    for band in range(4):
        low, high = 2 * band, 2 * band + 1
        east = builder.line((ends[low][1], ends[high][1]), "secondary", bend=0.03)
        west = builder.line((ends[high][0], ends[low][0]), "secondary", bend=0.03)
        builder.parent.append(-1)
        quad = _Quad(
            ((borders[low], 0.0, 1.0), (east, 0.0, 1.0), (borders[high], 1.0, 0.0),
             (west, 0.0, 1.0)), len(builder.parent) - 1,
        )  # fmt: skip
        for k in range(count - 1):
            at = (float(places[band][k]), float(places[band + 1][k]))
            cls = "primary" if band in (1, 2) else "secondary"
            one, quad = builder.cut(quad, 0 if k == 0 else 1, at, cls)
            quads.append(one)
        quads.append(quad)
    _cross(builder, borders, places)
    return quads


def _cross(builder: _Builder, borders: Sequence[int], places: Sequence[Floats]) -> None:
    """Link both sides of each corridor at the arterials; the railway lets fewer through."""
    for south, kind in ((3, RIVER), (1, RAIL), (5, EXPRESSWAY)):
        corridor = {RAIL: 1, RIVER: 2, EXPRESSWAY: 3}[kind]
        for k, pos in enumerate(places[corridor]):
            if kind == RAIL and k % 3 == 1 and len(places[corridor]) > 2:
                continue
            ends = [builder.mark(borders[south + d], float(pos)) for d in (0, 1)]
            cls = "primary" if kind == RIVER else "secondary"
            builder.links.append((ends[0], ends[1], cls, kind))


def _foot_crossings(builder: _Builder, rng: np.random.Generator) -> None:
    """Add a few footbridges and underpasses where junctions face each other."""
    taken = {node for link in builder.links for node in link[:2]}
    for south, kind, every in ((3, RIVER, 4), (1, RAIL, 4), (5, EXPRESSWAY, 3)):
        low, high = builder.lines[south].marks, builder.lines[south + 1].marks
        length = builder.lines[south].length_m
        places = np.array([place for place, _ in high])
        found = []
        for place, node in low:
            other = int(np.argmin(np.abs(places - place)))
            if abs(places[other] - place) * length < 30 and not {node, high[other][1]} & taken:
                found.append((node, high[other][1]))
        for i in rng.permutation(len(found))[: -(-len(found) // every)]:
            builder.links.append((*found[i], "footway", kind))


def build_mesh(layout: Layout, terrain: Terrain, rng: np.random.Generator) -> Mesh:
    """Cut the city into blocks; the cuts are its streets."""
    builder = _Builder(terrain, rng)
    _subdivide(builder, _frame(builder, layout))
    _foot_crossings(builder, rng)
    return _to_mesh(builder)


def _to_mesh(builder: _Builder) -> Mesh:
    rows: list[tuple[int, float, float, int, int, int]] = []
    first: list[int] = []
    for number, line in enumerate(builder.lines):
        first.append(len(rows))
        for (a, m), (b, n) in zip(line.marks, line.marks[1:], strict=False):
            rows.append((number, a, b, m, n, 0))
    for m, n, cls, kind in builder.links:
        number = builder.line((m, n), cls, bend=0.0)
        rows.append((number, 0.0, 1.0, m, n, kind))
    of, start, end, heads, tails, kinds = (np.array(column) for column in zip(*rows, strict=True))
    blocks = np.full((len(rows), 2), -1)
    rings = tuple(_ring(builder, quad, first) for quad in builder.leaves)
    for block, ring in enumerate(rings):
        for edge, forward in ring:
            blocks[edge, 0 if forward else 1] = block
    return Mesh(
        line_start=np.array([one.start for one in builder.lines]),
        line_end=np.array([one.end for one in builder.lines]),
        line_bend_m=np.array([one.bend_m for one in builder.lines]),
        line_cls=tuple(one.cls for one in builder.lines),
        edge_line=of,
        edge_from=start,
        edge_to=end,
        edge_nodes=np.stack([heads, tails], axis=1),
        edge_blocks=blocks,
        crossing=kinds,
        node_st=np.array(builder.nodes),
        side_line=np.array([[side[0] for side in quad.sides] for quad in builder.leaves]),
        side_from=np.array([[side[1] for side in quad.sides] for quad in builder.leaves]),
        side_to=np.array([[side[2] for side in quad.sides] for quad in builder.leaves]),
        block_edges=rings,
        parent=np.array(builder.parent),
        leaf=np.array([quad.tree for quad in builder.leaves]),
    )


def _ring(builder: _Builder, quad: _Quad, first: Sequence[int]) -> tuple[tuple[int, bool], ...]:
    """Return the street stretches around a block, each with whether it is walked forward."""
    ring: list[tuple[int, bool]] = []
    for line, a, b in quad.sides:
        places = [place for place, _ in builder.lines[line].marks]
        low, high = min(a, b), max(a, b)
        inside = [
            first[line] + k
            for k in range(len(places) - 1)
            if places[k] >= low - 1e-9 and places[k + 1] <= high + 1e-9
        ]
        forward = a < b
        ring.extend((edge, forward) for edge in (inside if forward else inside[::-1]))
    return tuple(ring)

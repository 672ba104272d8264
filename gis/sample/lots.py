"""Lots: each built block laid out in one to four plots that share walls inside the block.

A plot's ring runs along a grid of eighths of its block's (u, v), computed once, so that two plots
that share a side share its vertices to the last bit and never overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

from gis.sample.fabric import Fabric, Flags, Shapes
from gis.sample.streets import HALF_WIDTH_M, VERGE_M
from gis.sample.terrain import Floats, Ints

STEPS: Final = 8
NOTCH: Final = 2
"""Eighths of a side that a corner shop takes from a plot."""
NOTCH_SIDE: Final = 4


@dataclass(frozen=True, eq=False)
class Lots:
    """Plots of land.

    ``block`` (n,); ``shape`` (n,) polygons; ``ring`` n arrays (r, 2) of map coordinates, closed;
    ``ring_side`` n arrays (r - 1,) the side 0..3 of each stretch, or 4 for a cut corner;
    ``street`` (n, 4) which sides face a street that exists; ``neighbour`` (n, 4) the plot beyond
    a shared side, or -1; ``notch`` (n,) middle of the cut-off corner, or None;
    ``area_m2``, ``old``, ``height_m`` (n,).
    """

    block: Ints
    shape: Shapes
    ring: tuple[Floats, ...]
    ring_side: tuple[Ints, ...]
    street: Flags
    neighbour: Ints
    notch: Shapes
    area_m2: Floats
    old: Floats

    def __len__(self) -> int:
        return len(self.block)


@dataclass(frozen=True, eq=False)
class _Cells:
    block: Ints
    box: Floats
    """(n, 4): u0, v0, u1, v1."""
    cell: Ints
    """(n, 4): place in the block's grid (i, j) and the size of the grid (ni, nj)."""


def lay_out(fabric: Fabric, rng: np.random.Generator) -> Lots:
    """Divide all built blocks into plots."""
    cells = _cells(fabric, rng)
    street = _street_sides(fabric, cells)
    neighbour = _neighbours(cells)
    corner = _corners(street, fabric.old[cells.block], rng)
    rings, sides, notches = _rings(fabric, cells, corner)
    shapes = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
    return Lots(
        cells.block, shapes, rings, sides, street, neighbour, notches,
        np.asarray(shapely.area(shapes)), fabric.old[cells.block],
    )  # fmt: skip


def _setback_m(fabric: Fabric) -> Floats:
    """(b, 4) metres from the middle of each street to the walls."""
    width = np.array([HALF_WIDTH_M.get(cls, 3.0) for cls in fabric.mesh.line_cls])
    setback = width[fabric.mesh.side_line] + VERGE_M
    return np.asarray(setback)


def _cells(fabric: Fabric, rng: np.random.Generator) -> _Cells:
    length = fabric.mesh.side_lengths_m()
    setback = _setback_m(fabric)
    across = np.stack([length[:, 0] + length[:, 2], length[:, 1] + length[:, 3]], axis=1) / 2
    low = np.stack([setback[:, 3] / across[:, 0], setback[:, 0] / across[:, 1]], axis=1)
    high = 1 - np.stack([setback[:, 1] / across[:, 0], setback[:, 2] / across[:, 1]], axis=1)
    room = (high - low) * across
    blocks, boxes, cells = [], [], []
    for block in np.flatnonzero(~fabric.wild & (room.min(axis=1) > 40)):
        size = room[block]
        wanted = float(rng.lognormal(np.log(17_500 - 4_500 * fabric.old[block]), 0.40))
        count = int(np.clip(round(size[0] * size[1] / wanted), 1, 6))
        grid = _grid(size, count)
        cuts = [_cuts(low[block, k], high[block, k], grid[k], rng) for k in (0, 1)]
        for i in range(grid[0]):
            for j in range(grid[1]):
                blocks.append(block)
                boxes.append((cuts[0][i], cuts[1][j], cuts[0][i + 1], cuts[1][j + 1]))
                cells.append((i, j, *grid))
    return _Cells(np.array(blocks), np.array(boxes), np.array(cells))


def _grid(size: Floats, count: int) -> tuple[int, int]:
    """Return how many plots lie side by side each way; none is narrower than 45 m."""
    shape = (1, 1)
    for grid in ((1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (2, 2), (3, 2), (2, 3)):
        parts = size / np.array(grid)
        fits = min(parts) >= 45 and max(parts) / min(parts) < 2.6
        if grid[0] * grid[1] <= count and fits:
            better = grid[0] * grid[1] > shape[0] * shape[1]
            same = grid[0] * grid[1] == shape[0] * shape[1]
            squarer = max(parts) / min(parts) < max(size / shape) / min(size / shape)
            if better or (same and squarer):
                shape = grid
    return shape


def _cuts(low: float, high: float, count: int, rng: np.random.Generator) -> Floats:
    cuts = np.linspace(low, high, count + 1)
    cuts[1:-1] += rng.uniform(-0.12, 0.12, count - 1) * (high - low) / count
    return cuts


def _street_sides(fabric: Fabric, cells: _Cells) -> Flags:
    """(n, 4) whether a side lies on the block's rim where at least one street is kept."""
    alive = np.zeros((len(fabric.wild), 4), dtype=bool)
    line_of = fabric.mesh.edge_line
    for block in np.unique(cells.block):
        lines = {int(line_of[e]) for e, _ in fabric.mesh.block_edges[block] if fabric.kept[e]}
        alive[block] = [int(line) in lines for line in fabric.mesh.side_line[block]]
    i, j, ni, nj = cells.cell.T
    rim = np.stack([j == 0, i == ni - 1, j == nj - 1, i == 0], axis=1)
    return np.asarray(rim & alive[cells.block])


def _neighbours(cells: _Cells) -> Ints:
    place = {
        (int(block), int(i), int(j)): n
        for n, (block, (i, j, _, _)) in enumerate(zip(cells.block, cells.cell, strict=True))
    }
    steps = ((0, -1), (1, 0), (0, 1), (-1, 0))
    return np.array(
        [
            [place.get((int(block), int(i) + di, int(j) + dj), -1) for di, dj in steps]
            for block, (i, j, _, _) in zip(cells.block, cells.cell, strict=True)
        ]
    )


def _corners(street: Flags, old: Floats, rng: np.random.Generator) -> Ints:
    """(n,) the corner 0..3 that is cut off for shops, or -1; only between two streets."""
    between = street & np.roll(street, 1, axis=1)
    chance = rng.random(street.shape) * between
    return np.where((chance.max(axis=1) > 0.84 - 0.10 * old), chance.argmax(axis=1), -1)


def _template(corner: int) -> tuple[Ints, Ints]:
    """Return the grid places (r, 2) of a ring, open, and the side of the stretch after each."""
    rims = [
        [(k, 0) for k in range(STEPS)],
        [(STEPS, k) for k in range(STEPS)],
        [(STEPS - k, STEPS) for k in range(STEPS)],
        [(0, STEPS - k) for k in range(STEPS)],
    ]
    places: list[tuple[int, int]] = []
    sides: list[int] = []
    for side, rim in enumerate(rims):
        cut_first = side == corner
        cut_last = (side + 1) % 4 == corner
        for k, place in enumerate(rim):
            if cut_first and k < NOTCH:
                continue
            if cut_last and k > STEPS - NOTCH:
                continue
            places.append(place)
            sides.append(NOTCH_SIDE if cut_last and k == STEPS - NOTCH else side)
        if cut_last:
            before, after = rim[STEPS - NOTCH], rims[corner][NOTCH]
            inner = {0: (after[0], before[1]), 1: (before[0], after[1]),
                     2: (after[0], before[1]), 3: (before[0], after[1])}[corner]  # fmt: skip
            places.append(inner)
            sides.append(NOTCH_SIDE)
    return np.array(places), np.array(sides)


def _rings(
    fabric: Fabric, cells: _Cells, corner: Ints
) -> tuple[tuple[Floats, ...], tuple[Ints, ...], Shapes]:
    rings: list[Any] = [None] * len(corner)
    sides: list[Any] = [None] * len(corner)
    notches = np.full(len(corner), None, dtype=object)
    for which in range(-1, 4):
        rows = np.flatnonzero(corner == which)
        if len(rows) == 0:
            continue
        places, side = _template(which)
        xy = _grid_points(fabric, cells, rows, places)
        for n, row in enumerate(rows):
            rings[row] = np.concatenate([xy[n], xy[n, :1]])
            sides[row] = side
        if which >= 0:
            at = np.array([((0, 0), (STEPS, 0), (STEPS, STEPS), (0, STEPS))[which]])
            inside = np.where(at == 0, NOTCH * 0.45, STEPS - NOTCH * 0.45)
            notches[rows] = shapely.points(_grid_points(fabric, cells, rows, inside)[:, 0])
    return tuple(rings), tuple(sides), notches


def _grid_points(fabric: Fabric, cells: _Cells, rows: Ints, places: Any) -> Floats:
    """(n, r, 2) map coordinates of grid places (r, 2) in eighths of each cell ``rows`` (n,)."""
    u0, v0, u1, v1 = (column[:, None] for column in cells.box[rows].T)
    u = np.where(places[:, 0] == STEPS, u1, u0 + (u1 - u0) * (places[:, 0] / STEPS))
    v = np.where(places[:, 1] == STEPS, v1, v0 + (v1 - v0) * (places[:, 1] / STEPS))
    block = np.repeat(cells.block[rows], len(places))
    st = fabric.mesh.in_block(block, u.ravel(), v.ravel())
    return np.asarray(fabric.terrain.to_map(st).reshape(len(rows), len(places), 2))

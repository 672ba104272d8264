"""Inside the plots: rows of slab houses, lanes between them, gates where lanes meet the street.

Houses stand in rows along the axis of the plot that is nearer to east-west, as slabs face south.
One spine lane crosses the rows, one path runs along each row. Everything here is computed for
all plots at once, in each plot's own turned coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from gis.sample.fabric import Fabric, Flags, Shapes
from gis.sample.lots import Lots
from gis.sample.terrain import Floats, Ints

INSET_M: Final = 3.5
HOUSE_DEPTH_M: Final = 11.5
SPINE_GAP_M: Final = 4.0
FRONT_M: Final = 7.0
BESIDE_M: Final = 7.0
SHORTEST_HOUSE_M: Final = 15.0
OFF_CORNER_M: Final = 4.0
"""Half the widest gate and a pillar: an opening never reaches round a corner."""
LONGEST_REACH_M: Final = 45.0
"""A gate farther than this from a street is no gate."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Each plot's own axes: ``angle`` (n,) of the rows, ``origin`` (n, 2) its middle."""

    angle: Floats
    origin: Floats
    shape: Shapes
    inset: Shapes

    def to_map(self, lot: Ints, xy: Floats) -> Floats:
        """Return map coordinates (m, 2), to the millimetre, of own coordinates of ``lot`` (m,)."""
        cos, sin = np.cos(self.angle[lot]), np.sin(self.angle[lot])
        x, y = xy.T
        turned = np.stack([x * cos - y * sin, x * sin + y * cos], axis=1)
        return np.asarray(np.round(turned + self.origin[lot], 3))


@dataclass(frozen=True, eq=False)
class Compounds:
    """What stands in the plots, in map coordinates.

    Houses: ``house_lot``, ``house`` polygons, ``house_length_m``, ``house_row``. Lanes of each
    plot in its own coordinates: ``lane_lot``, ``lane_y``, ``lane_left``, ``lane_right``;
    ``spine_x`` (n,). Possible gates: ``spot_lot``, ``spot`` (own coordinates (g, 2)), ``spot_xy``
    on the boundary, ``foot_xy`` on the street ``foot_edge`` at ``foot_m`` along it, ``spot_lane``
    the lane it ends (-1: the spine).
    """

    frames: Frames
    spine_x: Floats
    house_lot: Ints
    house: Shapes
    house_length_m: Floats
    house_row: Ints
    lane_lot: Ints
    lane_y: Floats
    lane_left: Floats
    lane_right: Floats
    spot_lot: Ints
    spot: Floats
    spot_xy: Floats
    spot_lane: Ints
    foot_xy: Floats
    foot_edge: Ints
    foot_m: Floats


def furnish(fabric: Fabric, lots: Lots, spacing_m: Floats, rng: np.random.Generator) -> Compounds:
    """Lay out houses, lanes and possible gates in all plots.

    ``spacing_m`` (n,) is the clear distance between the rows of each plot.
    """
    frames = _frames(lots)
    low, high, spine = _spines(frames, rng)
    row_lot, row_y = _rows(low, high, spacing_m)
    houses = _houses(frames, row_lot, row_y, spine, rng)
    lanes = _lanes(frames, row_lot, row_y, spine, low)
    spots = _spots(frames, lots, lanes, spine)
    feet = _feet(fabric, spots[2], spots[4])
    ok = feet[3] & _free_way(lots, spots[2], feet[0])
    return Compounds(
        frames, spine, *houses, *lanes,
        spots[0][ok], spots[1][ok], spots[2][ok], spots[3][ok],
        feet[0][ok], feet[1][ok], feet[2][ok],
    )  # fmt: skip


def _frames(lots: Lots) -> Frames:
    origin = shapely.get_coordinates(shapely.centroid(lots.shape))
    box = shapely.get_coordinates(shapely.minimum_rotated_rectangle(lots.shape)).reshape(-1, 5, 2)
    step = box[:, 1] - box[:, 0]
    angle = np.arctan2(step[:, 1], step[:, 0])
    # Of the two axes take the one nearer to east-west: into -45..45 degrees.
    angle = (angle + np.pi / 4) % (np.pi / 2) - np.pi / 4
    rings = []
    for ring, middle, turn in zip(lots.ring, origin, angle, strict=True):
        cos, sin = np.cos(turn), np.sin(turn)
        rings.append((ring - middle) @ np.array([[cos, -sin], [sin, cos]]))
    counts = [len(ring) for ring in rings]
    shape = shapely.polygons(
        shapely.linearrings(np.concatenate(rings), indices=np.repeat(np.arange(len(rings)), counts))
    )
    inset = shapely.buffer(shape, -INSET_M, join_style="mitre")
    return Frames(angle, origin, np.asarray(shape), np.asarray(inset))


def _line(x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> Shapes:
    coords = np.stack([np.stack([x0, y0], axis=1), np.stack([x1, y1], axis=1)], axis=1)
    return np.asarray(shapely.linestrings(coords))


def _piece_at(shape: Shapes, y: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Return from where to where a horizontal line at ``y`` runs inside ``shape`` around ``x``."""
    far = np.full(len(y), 900.0)
    cut = shapely.intersection(_line(-far, y, far, y), shape)
    parts, row = shapely.get_parts(cut, return_index=True)
    left, _, right, _ = shapely.bounds(parts).T
    holds = (left <= x[row]) & (x[row] <= right)
    low, high = np.full(len(y), np.nan), np.full(len(y), np.nan)
    low[row[holds]], high[row[holds]] = left[holds], right[holds]
    return low, high


def _spines(frames: Frames, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    west, _, east, _ = shapely.bounds(frames.inset).T
    spine = np.nan_to_num((west + east) / 2 + (east - west) * rng.uniform(-0.1, 0.1, len(west)))
    far = np.full(len(spine), 900.0)
    cut = shapely.intersection(_line(spine, -far, spine, far), frames.inset)
    _, low, _, high = shapely.bounds(cut).T
    return low, high, spine


def _rows(low: Floats, high: Floats, spacing_m: Floats) -> tuple[Ints, Floats]:
    pitch = HOUSE_DEPTH_M + spacing_m
    room = np.nan_to_num(high - low) - FRONT_M - HOUSE_DEPTH_M
    count = np.where(room >= 0, np.floor(room / pitch) + 1, 0).astype(np.int64)
    lot = np.repeat(np.arange(len(low)), count)
    place = np.arange(len(lot)) - np.repeat(np.cumsum(count) - count, count)
    # The rows fill the plot evenly from front to back.
    even = np.where(count > 1, room / np.maximum(count - 1, 1), 0.0)
    step = np.minimum(even, pitch * 1.25)
    return lot, low[lot] + FRONT_M + place * step[lot]


def _houses(
    frames: Frames, lot: Ints, y: Floats, spine: Floats, rng: np.random.Generator
) -> tuple[Ints, Shapes, Floats, Ints]:
    bottom = _piece_at(frames.inset[lot], y, spine[lot])
    top = _piece_at(frames.inset[lot], y + HOUSE_DEPTH_M, spine[lot])
    # A hair inside, or the rounding of a corner would throw the house out.
    left = np.maximum(bottom[0], top[0]) + 0.05
    right = np.minimum(bottom[1], top[1]) - 0.05
    x0 = np.concatenate([left, spine[lot] + SPINE_GAP_M])
    x1 = np.concatenate([spine[lot] - SPINE_GAP_M, right])
    lot, y, row = np.tile(lot, 2), np.tile(y, 2), np.tile(np.arange(len(y)), 2)
    room = np.nan_to_num(x1 - x0)
    wanted = rng.uniform(34, 62, len(room))
    count = np.maximum(1, np.round((room + BESIDE_M) / (wanted + BESIDE_M))).astype(np.int64)
    count = np.where(room >= SHORTEST_HOUSE_M, count, 0)
    length = (room - (count - 1) * BESIDE_M) / np.maximum(count, 1)
    half = np.repeat(np.arange(len(room)), count)
    place = np.arange(len(half)) - np.repeat(np.cumsum(count) - count, count)
    start = x0[half] + place * (length + BESIDE_M)[half]
    end, base, depth = start + length[half], y[half], HOUSE_DEPTH_M
    own = shapely.box(start, base, end, base + depth)
    good = shapely.covers(frames.inset[lot[half]], own) & (rng.random(len(half)) > 0.04)
    corners = np.stack(
        [np.stack([start, base], 1), np.stack([end, base], 1),
         np.stack([end, base + depth], 1), np.stack([start, base + depth], 1)], axis=1,
    )[good]  # fmt: skip
    owner = lot[half][good]
    xy = frames.to_map(np.repeat(owner, 4), corners.reshape(-1, 2)).reshape(-1, 4, 2)
    return owner, np.asarray(shapely.polygons(xy)), length[half][good], row[half][good]


def _lanes(
    frames: Frames, lot: Ints, y: Floats, spine: Floats, low: Floats
) -> tuple[Ints, Floats, Floats, Floats]:
    lane_y = np.maximum(y - 4.5, low[lot] + 1.0)
    left, right = _piece_at(frames.inset[lot], lane_y, spine[lot])
    good = (spine[lot] - left > 2) & (right - spine[lot] > 2)
    return lot[good], lane_y[good], left[good], right[good]


def _spots(
    frames: Frames, lots: Lots, lanes: tuple[Ints, Floats, Floats, Floats], spine: Floats
) -> tuple[Ints, Floats, Floats, Ints, Floats]:
    """Find where spine and lanes, drawn on, leave the plot by a side that faces a street."""
    lane_lot, lane_y, lane_left, lane_right = lanes
    lane = np.arange(len(lane_lot))
    lot = np.unique(lane_lot)
    bottom = np.full(len(spine), np.inf)
    top = np.full(len(spine), -np.inf)
    np.minimum.at(bottom, lane_lot, lane_y)
    np.maximum.at(top, lane_lot, lane_y)
    owner = np.concatenate([lot, lot, lane_lot, lane_lot])
    which = np.concatenate([np.full(2 * len(lot), -1), lane, lane])
    x = np.concatenate([spine[lot], spine[lot], lane_left, lane_right])
    y = np.concatenate([bottom[lot], top[lot], lane_y, lane_y])
    dx = np.repeat([0.0, 0.0, -1.0, 1.0], [len(lot), len(lot), len(lane), len(lane)])
    dy = np.repeat([-1.0, 1.0, 0.0, 0.0], [len(lot), len(lot), len(lane), len(lane)])
    cut = shapely.intersection(_line(x, y, x + 400 * dx, y + 400 * dy), frames.shape[owner])
    part, row = shapely.get_parts(cut, return_index=True)
    # The first stretch starts at the lane's end; a later one lies beyond a cut corner.
    first = np.asarray(shapely.distance(part, shapely.points(x[row], y[row])) < 1e-6)
    part, row = (
        part[first & (shapely.get_type_id(part) == 1)],
        row[first & (shapely.get_type_id(part) == 1)],
    )
    end = shapely.get_coordinates(part).reshape(-1, 2, 2)
    far = np.hypot(end[:, :, 0] - x[row, None], end[:, :, 1] - y[row, None]).argmax(axis=1)
    spot = end[np.arange(len(end)), far]
    owner, which = owner[row], which[row]
    out = np.stack([dx[row], dy[row]], axis=1)
    xy = frames.to_map(owner, spot)
    ok = _faces_street(lots, owner, xy)
    ahead = frames.to_map(owner, spot + out * 6.0)
    return owner[ok], spot[ok], xy[ok], which[ok], ahead[ok]


def _faces_street(lots: Lots, lot: Ints, xy: Floats) -> Flags:
    """(n,) whether a point on the boundary of a plot faces a street and is clear of corners."""
    ok = np.zeros(len(lot), dtype=bool)
    order = np.argsort(lot, kind="stable")
    own, first = np.unique(lot[order], return_index=True)
    for number, rows in zip(own, np.split(order, first[1:]), strict=True):
        ring, sides = lots.ring[number], lots.ring_side[number]
        start, step = ring[:-1], ring[1:] - ring[:-1]
        off = xy[rows][:, None, :] - start
        along = (off * step).sum(axis=2) / (step**2).sum(axis=1)
        away = off - step * np.clip(along, 0, 1)[:, :, None]
        side = sides[(away**2).sum(axis=2).argmin(axis=1)]
        corner = off[:, np.diff(sides, prepend=sides[-1]) != 0]
        clear = np.sqrt((corner**2).sum(axis=2).min(axis=1)) > OFF_CORNER_M
        faces = np.append(lots.street[number], False)[side]
        ok[rows] = clear & faces
    return ok


def _free_way(lots: Lots, xy: Floats, foot: Floats) -> Flags:
    """(n,) whether the way from gate to street runs through no plot."""
    tree = shapely.STRtree(lots.shape)
    start = xy + (foot - xy) * 0.05
    way = shapely.linestrings(np.stack([start, foot], axis=1))
    free = np.ones(len(xy), dtype=bool)
    free[tree.query(way, predicate="intersects")[0]] = False
    return free


def _feet(fabric: Fabric, xy: Floats, ahead: Floats) -> tuple[Floats, Ints, Floats, Flags]:
    """Find the street in front of each gate, and where on it the lane arrives."""
    usable = np.flatnonzero(fabric.kept & (fabric.mesh.crossing == 0))
    tree = shapely.STRtree(fabric.edge_line[usable])
    edge = usable[tree.nearest(shapely.points(ahead))]
    line = fabric.edge_line[edge]
    along = np.asarray(shapely.line_locate_point(line, shapely.points(ahead)))
    length = np.asarray(shapely.length(line))
    along = np.where(along < 4.0, 0.0, np.where(along > length - 4.0, length, along))
    foot = np.round(shapely.get_coordinates(shapely.line_interpolate_point(line, along)), 3)
    reach = np.hypot(*(foot - xy).T)
    return foot, edge, along, np.asarray(reach < LONGEST_REACH_M)

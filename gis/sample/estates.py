"""Which plots are estates, their gates, their walls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from gis.sample.compounds import Compounds
from gis.sample.fabric import Shapes
from gis.sample.lots import Lots
from gis.sample.terrain import Floats, Ints

GATE_WIDTHS_M: Final = (2.0, 3.0, 4.0, 5.0, 6.0)
APART_M: Final = 28.0
UNMAPPED_SHARE: Final = 0.07
"""Estates whose gates and walls nobody has surveyed yet."""
OPENING_YUAN: Final = (18_000, 85_000)


@dataclass(frozen=True, eq=False)
class Gates:
    """Gates of the estates: ``estate`` (g,) row of the estate, ``spot`` (g,) row of the spot."""

    estate: Ints
    spot: Ints
    access: tuple[str, ...]
    width_m: Floats
    mapped: Ints
    """(n,) 1 where the gates and walls of an estate are in the data."""


def choose_estates(
    lots: Lots, plan: Compounds, count: int, rng: np.random.Generator
) -> Ints | None:
    """Return the plots (count,) that are estates, in order, or None when there are too few."""
    houses = np.bincount(plan.house_lot, minlength=len(lots))
    spots = np.bincount(plan.spot_lot, minlength=len(lots))
    room = np.flatnonzero((houses >= 2) & (spots >= 1) & (lots.area_m2 > 4000))
    if len(room) < count:
        return None
    # Homes are what an old quarter is made of; the widest plots are works and depots.
    fit = rng.random(len(room)) + 0.3 * lots.old[room] - 0.5 * (lots.area_m2[room] > 42_000)
    return np.sort(room[np.argsort(-fit, kind="stable")[:count]])


def open_gates(estate_lot: Ints, plan: Compounds, rng: np.random.Generator) -> Gates:
    """Give each estate one to four gates on the street; a few are closed or for cars only."""
    order = np.argsort(plan.spot_lot, kind="stable")
    first = np.searchsorted(plan.spot_lot[order], estate_lot)
    last = np.searchsorted(plan.spot_lot[order], estate_lot, side="right")
    wanted = rng.choice([1, 2, 3, 4], len(estate_lot), p=[0.44, 0.34, 0.16, 0.06])
    estates: list[int] = []
    spots: list[int] = []
    access: list[str] = []
    for row, (low, high) in enumerate(zip(first, last, strict=True)):
        own = order[low:high]
        # Where the spine ends is the natural place of a gate; lanes open less often.
        fit = rng.random(len(own)) + 0.45 * (plan.spot_lane[own] < 0)
        chosen: list[int] = []
        for spot in own[np.argsort(-fit, kind="stable")]:
            steps = plan.spot_xy[chosen] - plan.spot_xy[spot]
            if len(chosen) < wanted[row] and (np.hypot(*steps.T) > APART_M).all():
                chosen.append(int(spot))
        chance = rng.random(len(chosen))
        for k, spot in enumerate(chosen):
            estates.append(row)
            spots.append(spot)
            if k == 0:
                access.append("both" if chance[k] < 0.8 else "walkers")
            else:
                words = ("both", "walkers", "cars", "closed")
                access.append(words[int(np.searchsorted([0.38, 0.78, 0.87], chance[k]))])
    mapped = np.ones(len(estate_lot), dtype=np.int64)
    mapped[rng.permutation(len(estate_lot))[: round(UNMAPPED_SHARE * len(estate_lot))]] = 0
    width = np.array(GATE_WIDTHS_M)[rng.integers(0, len(GATE_WIDTHS_M), len(spots))]
    width = np.where(np.array(access) == "walkers", np.minimum(width, 3.0), width)
    return Gates(np.array(estates), np.array(spots), tuple(access), width, mapped)


@dataclass(frozen=True, eq=False)
class Walls:
    """Pieces of wall: ``estate`` (w,), ``beyond`` (w,) the estate on the other side or -1."""

    estate: Ints
    beyond: Ints
    shape: Shapes
    height_m: Floats
    removable: tuple[bool, ...]
    cost_yuan: Floats


def build_walls(
    lots: Lots, estate_lot: Ints, gates: Gates, plan: Compounds, rng: np.random.Generator
) -> Walls:
    """Wall in every surveyed estate; a wall between two estates is one piece and may be opened."""
    row_of = np.full(len(lots), -1)
    row_of[estate_lot] = np.arange(len(estate_lot))
    estate: list[int] = []
    beyond: list[int] = []
    sides = []
    for row, lot in enumerate(estate_lot):
        if not gates.mapped[row]:
            continue
        for side in range(5):
            other = int(lots.neighbour[lot, side]) if side < 4 else -1
            other = int(row_of[other]) if other >= 0 else -1
            if other >= 0 and gates.mapped[other] and other < row:
                continue  # the other one has built it
            stretch = np.flatnonzero(lots.ring_side[lot] == side)
            if len(stretch) == 0:
                continue
            sides.append(shapely.LineString(lots.ring[lot][stretch[0] : stretch[-1] + 2]))
            estate.append(row)
            beyond.append(other)
    rows = np.array(estate)
    cut = _cut_openings(np.array(sides, dtype=object), rows, gates, plan)
    parts, source = shapely.get_parts(cut, return_index=True)
    other_row = np.array(beyond)[source]
    shared = other_row >= 0
    removable = (shared & (rng.random(len(parts)) < 0.6)) | (rng.random(len(parts)) < 0.06)
    cost = np.round(rng.uniform(*OPENING_YUAN, len(parts)), -3)
    height = np.round(rng.uniform(1.8, 3.0, len(parts)), 1)
    return Walls(
        rows[source], other_row, np.asarray(parts, dtype=object), height,
        tuple(bool(x) for x in removable), np.where(removable, cost, np.nan),
    )  # fmt: skip


def _cut_openings(sides: Shapes, rows: Ints, gates: Gates, plan: Compounds) -> Shapes:
    """Take the openings of gates (not of closed ones) out of the walls."""
    is_open = np.array([word != "closed" for word in gates.access])
    discs = np.full(int(rows.max()) + 1 if len(rows) else 0, None, dtype=object)
    at = shapely.points(plan.spot_xy[gates.spot])
    disc = shapely.buffer(at, gates.width_m / 2)
    some = np.flatnonzero(is_open & (gates.estate < len(discs)))
    own, first = np.unique(gates.estate[some], return_index=True)
    for estate, part in zip(own, np.split(some, first[1:]), strict=True):
        discs[estate] = shapely.union_all(disc[part])
    hole = discs[rows]
    has = ~shapely.is_missing(hole)
    cut = sides.copy()
    cut[has] = shapely.difference(sides[has], hole[has])
    return cut

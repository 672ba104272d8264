"""Which rows lie near a tile: rows in groups of neighbours, groups by their bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled

_GROUP: Final = 32
"""Rows of a group."""


@dataclass(frozen=True)
class Nearby:
    """``order`` are rows, `_GROUP` to a group (-1: none); ``around`` (g, 4) bounds of groups.

    ``slot`` (n,) is where a row stands in ``order``, -1 for rows without a place; ``strays`` tells
    how many rows do not stand among their neighbours.
    """

    order: NDArray[np.int64]
    slot: NDArray[np.int64]
    around: NDArray[np.float64]
    strays: int

    @classmethod
    def of(cls, bounds: NDArray[np.float64]) -> Nearby:
        """Group rows by where they lie."""
        placed = np.flatnonzero(~np.isnan(bounds[:, 0]))
        middle = (bounds[placed, :2] + bounds[placed, 2:]) / 2
        low = middle.min(axis=0, initial=np.inf)
        side = max(float((middle.max(axis=0, initial=-np.inf) - low).max(initial=0.0)), 1e-9)
        step = ((middle - low) / side * 65535).astype(np.uint64)
        line = _spaced(step[:, 0]) | _spaced(step[:, 1]) << np.uint64(1)
        order = _in_groups(placed[np.argsort(line, kind="stable")])
        slot = np.full(len(bounds), -1, np.int64)
        slot[order[order >= 0]] = np.flatnonzero(order >= 0)
        return cls(order, slot, _around(order, bounds), 0)

    def changed(
        self,
        positions: NDArray[np.intp],
        kept: NDArray[np.bool_],
        bounds: NDArray[np.float64],
        *,
        shapes_changed: bool,
    ) -> Nearby:
        """Return that of the rows with ``bounds``: some replaced or added, only some ``kept``."""
        strays = self.strays + len(positions) * shapes_changed + int((~kept).sum())
        if strays > len(bounds) // 8 + 256:
            return Nearby.of(bounds)
        number = np.cumsum(kept) - 1  # what a row is called now
        number[~kept] = -1
        before = len(self.slot)
        order, slot, around = self.order, self.slot, self.around
        if not kept.all():
            order = np.where(order >= 0, number[order], -1)
            slot = slot[kept[:before]]
        now = number[positions]
        now = now[now >= 0]
        moved = now[now < len(slot)]
        at = slot[moved]
        homeless = np.concatenate([moved[at < 0], now[now >= len(slot)]])
        homeless = homeless[~np.isnan(bounds[homeless, 0])]
        moved, at = moved[at >= 0], at[at >= 0]
        slot = np.concatenate([slot, np.full(len(bounds) - len(slot), -1)])
        if shapes_changed:
            around = around.copy()
            np.fmin.at(around[:, :2], at // _GROUP, bounds[moved, :2])
            np.fmax.at(around[:, 2:], at // _GROUP, bounds[moved, 2:])
        if len(homeless):
            more = _in_groups(homeless)
            slot[homeless] = len(order) + np.arange(len(homeless))
            around = np.concatenate([around, _around(more, bounds)])
            order = np.concatenate([order, more])
        return Nearby(order, slot, around, strays)

    def rows(
        self, bounds: NDArray[np.float64], box: tuple[float, float, float, float]
    ) -> NDArray[np.int64]:
        """Return the rows whose bounds touch a box, in their order."""
        return _touching(self.order, self.around, bounds, *box)


def _in_groups(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    order = np.full(-(-len(rows) // _GROUP) * _GROUP, -1, np.int64)
    order[: len(rows)] = rows
    return order


def _around(order: NDArray[np.int64], bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    each = bounds[order].reshape(-1, _GROUP, 4)
    gap = (order < 0).reshape(-1, _GROUP, 1)
    low = np.where(gap, np.inf, each[..., :2]).min(axis=1)
    high = np.where(gap, -np.inf, each[..., 2:]).max(axis=1)
    return np.hstack([low, high])


def _spaced(steps: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Put a zero between all bits: of two numbers so spaced one makes a line through the plane."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        steps = (steps | steps << np.uint64(shift)) & np.uint64(mask)
    return steps


@compiled
def _touching(
    order: NDArray[np.int64],
    around: NDArray[np.float64],
    bounds: NDArray[np.float64],
    west: float,
    south: float,
    east: float,
    north: float,
) -> NDArray[np.int64]:
    found = np.empty(256, np.int64)
    count = 0
    for group in range(len(around)):
        if (
            around[group, 0] > east
            or around[group, 2] < west
            or around[group, 1] > north
            or around[group, 3] < south
        ):
            continue
        for at in range(group * _GROUP, group * _GROUP + _GROUP):
            row = order[at]
            if (
                row >= 0
                and bounds[row, 0] <= east
                and bounds[row, 2] >= west
                and bounds[row, 1] <= north
                and bounds[row, 3] >= south
            ):
                if count == len(found):
                    more = np.empty(2 * count, np.int64)
                    more[:count] = found
                    found = more
                found[count] = row
                count += 1
    return np.sort(found[:count])

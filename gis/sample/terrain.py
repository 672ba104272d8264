"""The ground of the made-up city: a bent plane, a river in its middle, hills on both sides.

Everything is laid out in straight "plan" coordinates (s along the river, t across it) and then
bent into map coordinates by one smooth field, so that streets, walls and the river bend together
and nothing that is apart in the plan can overlap on the map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ORIGIN_M: Final = (441_600.0, 3_243_000.0)
"""Map position of the middle of the river, in EPSG:4545: about 107.4 E, 29.3 N."""
TURN_RAD: Final = -0.42
"""The river runs to the south-east, so that nothing stands square on the map grid."""
RIVER_CORRIDOR_M: Final = 196.0
RAIL_CORRIDOR_M: Final = 56.0
EXPRESSWAY_CORRIDOR_M: Final = 72.0
LAND_PER_ESTATE_M2: Final = 45_000.0
"""Built land, streets and other uses included, per estate."""
SMALLEST_CITY: Final = 24
"""A city of fewer estates still gets the land of this many, or no street would fit."""
VALLEY_M: Final = 228.0


@dataclass(frozen=True)
class Layout:
    """Where the bands of the city lie in the plan.

    ``borders`` are eight values of t from south to north: outer edge, railway south and north,
    river south and north, expressway south and north, outer edge.
    """

    length_m: float
    borders: tuple[float, ...]

    @classmethod
    def for_estates(cls, estates: int, *, room: float = 1.0) -> Layout:
        """Return the layout of a city for ``estates`` estates; ``room`` times the usual land."""
        area_m2 = max(estates, SMALLEST_CITY) * LAND_PER_ESTATE_M2 * room
        length_m = float(np.sqrt(area_m2 * 1.5))
        depth_m = area_m2 / length_m
        river = RIVER_CORRIDOR_M / 2
        rail = -river - 0.23 * depth_m
        road = river + 0.31 * depth_m
        return cls(
            length_m,
            (
                rail - RAIL_CORRIDOR_M - 0.20 * depth_m,
                rail - RAIL_CORRIDOR_M,
                rail,
                -river,
                river,
                road,
                road + EXPRESSWAY_CORRIDOR_M,
                road + EXPRESSWAY_CORRIDOR_M + 0.26 * depth_m,
            ),
        )

    @property
    def core(self) -> tuple[float, float, float]:
        """Plan position of the old quarter's middle, and its radius, m."""
        depth_m = self.borders[5] - self.borders[4]
        return 0.44 * self.length_m, self.borders[4] + 0.45 * depth_m, 0.75 * depth_m


@dataclass(frozen=True, eq=False)
class _Waves:
    """A smooth random field: a sum of plane waves."""

    wave: Floats
    phase: Floats
    size: Floats

    @classmethod
    def draw(
        cls, rng: np.random.Generator, *, count: int, low_m: float, high_m: float, size: float
    ) -> _Waves:
        angle = rng.uniform(0, 2 * np.pi, count)
        number = 2 * np.pi / rng.uniform(low_m, high_m, count)
        wave = np.stack([np.cos(angle) * number, np.sin(angle) * number])
        sizes = size * rng.uniform(0.6, 1.4, count) / np.sqrt(count)
        return cls(wave, rng.uniform(0, 2 * np.pi, count), sizes)

    def at(self, st: Floats) -> Floats:
        """(n,) values at plan positions ``st`` (n, 2)."""
        value = np.zeros(len(st))
        for kx, ky, phase, size in zip(*self.wave, self.phase, self.size, strict=True):
            value += size * np.sin(st[:, 0] * kx + st[:, 1] * ky + phase)
        return value


class Terrain:
    """The field that bends the plan into the map, the river and the heights."""

    def __init__(self, layout: Layout, rng: np.random.Generator) -> None:
        self.layout = layout
        self._meander = (
            np.array([3100.0, 1750.0, 5200.0]) * rng.uniform(0.85, 1.15, 3),
            rng.uniform(0, 2 * np.pi, 3),
            np.array([150.0, 55.0, 120.0]) * rng.uniform(0.8, 1.15, 3),
        )
        self._east = _Waves.draw(rng, count=7, low_m=600, high_m=1500, size=42)
        self._north = _Waves.draw(rng, count=7, low_m=560, high_m=1500, size=42)
        self._bank = _Waves.draw(rng, count=4, low_m=350, high_m=1100, size=13)
        self._lumps = _Waves.draw(rng, count=8, low_m=330, high_m=1300, size=1.0)
        self._edge = _Waves.draw(rng, count=6, low_m=350, high_m=1200, size=1.0)

    def _shift(self, st: Floats) -> Floats:
        lengths, phases, sizes = self._meander
        bend = np.zeros(len(st))
        for length, phase, size in zip(lengths, phases, sizes, strict=True):
            bend += size * np.sin(2 * np.pi * st[:, 0] / length + phase)
        bend *= 0.35 + 0.65 * np.exp(-((st[:, 1] / 900.0) ** 2))
        # Streets wind more on the slopes than on the flat by the river.
        wild = 0.8 + 0.5 * np.minimum(self.hillness(st), 1.0)
        return np.stack([self._east.at(st) * wild, bend + self._north.at(st) * wild], axis=1)

    def to_map(self, st: Floats) -> Floats:
        """Return (n, 2) map coordinates, m, to the millimetre, of plan positions (n, 2)."""
        flat = st + self._shift(st) - np.array([self.layout.length_m / 2, 0.0])
        cos, sin = np.cos(TURN_RAD), np.sin(TURN_RAD)
        turned = flat @ np.array([[cos, sin], [-sin, cos]])
        return np.asarray(np.round(turned + np.array(ORIGIN_M), 3))

    def to_plan(self, xy: Floats) -> Floats:
        """Return (n, 2) plan positions of map coordinates (n, 2), to within a metre."""
        cos, sin = np.cos(TURN_RAD), np.sin(TURN_RAD)
        flat = (xy - np.array(ORIGIN_M)) @ np.array([[cos, -sin], [sin, cos]])
        flat = flat + np.array([self.layout.length_m / 2, 0.0])
        st = flat.copy()
        for _ in range(25):
            st = 0.3 * st + 0.7 * (flat - self._shift(st))
        return np.asarray(st)

    def hillness(self, st: Floats) -> Floats:
        """(n,) 0 on the valley floor, rising to 1 at the outer edge of the city and above."""
        south, north = self.layout.borders[0], self.layout.borders[-1]
        share = np.where(st[:, 1] > 0, st[:, 1] / north, st[:, 1] / south)
        return np.asarray(np.clip((share - 0.6) / 0.4, 0.0, 1.6))

    def elevation_m(self, st: Floats) -> Floats:
        """(n,) heights above the sea, m."""
        away = np.abs(st[:, 1])
        hill = self.hillness(st)
        slope = np.where(st[:, 1] > 0, 0.20, 0.16)
        edge = np.where(st[:, 1] > 0, self.layout.borders[-1], -self.layout.borders[0])
        rise = np.maximum(0.0, away - 0.62 * edge) * slope
        lumps = self._lumps.at(st)
        river = 7.0 * np.exp(-((away / 75.0) ** 2))
        height = VALLEY_M + 0.010 * away + rise + lumps * (3.0 + 32.0 * hill) - river
        return np.asarray(np.round(height, 2))

    def wildness(self, st: Floats) -> Floats:
        """(n,) above 1 where nobody builds: steep ground, and ragged ends of the city."""
        ends = np.minimum(st[:, 0], self.layout.length_m - st[:, 0]) / 480.0
        outside = np.clip(1.0 - ends, 0.0, 1.0)
        return np.asarray(1.0 * self.hillness(st) + 0.8 * outside + 0.42 * self._edge.at(st))

    def oldness(self, st: Floats) -> Floats:
        """(n,) 1 in the middle of the old quarter, falling to 0 away from it."""
        s, t, radius = self.layout.core
        square = ((st[:, 0] - s) / (1.5 * radius)) ** 2 + ((st[:, 1] - t) / radius) ** 2
        return np.asarray(np.exp(-square))

    def bank_t(self, s: Floats, *, side: int) -> Floats:
        """(n,) t of the water's edge at ``s``; ``side`` 1 north, -1 south."""
        st = np.stack([s, np.full(len(s), 300.0 * side)], axis=1)
        return np.asarray(side * np.clip(52.0 + 1.6 * self._bank.at(st), 38.0, 74.0))

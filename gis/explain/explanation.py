"""What an explanation holds: the walk, what makes it long, what would mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from gis.model import Finding
from gis.network.route import Route

CAUSES: Final = (
    "gate-closed", "passage-closed", "no-gate", "stairs", "slope", "waiting", "closed-to-walker",
    "river", "railway", "expressway", "wall", "barrier", "detour", "far", "none", "too-small",
    "way-back", "facility-unlinked", "gates-shut", "no-street", "apart", "no-data",
)  # fmt: skip
REMEDIES: Final = (
    "open-gate", "open-passage", "open-wall", "path", "crossing", "ramp", "site", "facility",
    "data",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A stretch of the walk that is one thing to a person; ``kind`` as in `gis.network.route`."""

    kind: str
    name: str | None
    streets: tuple[str, ...]
    metres: float
    seconds: float
    zh: str
    en: str


@dataclass(frozen=True)
class Cause:
    """One thing that makes the walk long; ``kind`` is one of `CAUSES`.

    ``adds_m`` and ``adds_s`` are what it adds to the walk: the walk as it is, less the walk of a
    search without this one thing ("detour": less the straight line). None where there is no walk
    to compare.
    """

    kind: str
    zh: str
    en: str
    uid: str | None = None
    name: str | None = None
    adds_m: float | None = None
    adds_s: float | None = None


@dataclass(frozen=True)
class Remedy:
    """One single change; ``kind`` is one of `REMEDIES`.

    ``metres`` and ``seconds`` are the walk of a search with the change made, None where the change
    is to the data; ``closes`` whether that is within the limit; ``place`` (x, y) m where the change
    is made, ``end`` (x, y) where a path ends.
    """

    kind: str
    zh: str
    en: str
    closes: bool
    uid: str | None = None
    name: str | None = None
    metres: float | None = None
    seconds: float | None = None
    cost_yuan: float | None = None
    place: tuple[float, float] | None = None
    end: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Explanation:
    """One estate and one rule: the nearest facility, the walk, its causes and remedies.

    ``status`` is that of coverage. ``metres`` are walked and ``seconds`` are those of the walker,
    with stairs and waiting, and with slopes where ``slopes`` says so; ``flat_s`` the seconds of so
    many metres on the flat, which coverage tells where the limit is in metres. None where there is
    no walk. ``counted_m`` is what is held against ``limit_m`` (flat metres in time mode).
    ``straight_m`` is as the crow flies, ``detour`` metres over it. ``causes`` are sorted by what
    they add,
    ``remedies`` have first those that close the gap, then the cheapest where costs are known, then
    the shortest walk. Both are empty when covered.
    """

    estate: str
    estate_name: str | None
    building: str | None
    rule: str
    category: str
    category_zh: str
    category_en: str
    walker: str
    at: str
    status: str
    limit_m: float
    limit_s: float | None
    metres: float | None
    seconds: float | None
    slopes: bool
    flat_s: float | None
    counted_m: float | None
    gate: str | None
    facility: str | None
    facility_name: str | None
    straight_m: float | None
    detour: float | None
    route: Route | None
    parts: tuple[Part, ...]
    causes: tuple[Cause, ...]
    remedies: tuple[Remedy, ...]
    crs: CRS
    findings: tuple[Finding, ...]
    zh: str
    en: str

    @property
    def line(self) -> shapely.LineString | None:
        """The walk in the coordinates of the study."""
        return None if self.route is None else self.route.line

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the route and all places also as WGS 84 longitude, latitude."""
        to_wgs84 = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)
        plain = (
            "estate", "estate_name", "building", "rule", "category", "category_zh", "category_en",
            "walker", "at", "status", "limit_m", "limit_s", "metres", "seconds", "slopes",
            "flat_s", "counted_m", "gate", "facility", "facility_name", "straight_m", "detour",
            "zh", "en",
        )  # fmt: skip
        return {key: getattr(self, key) for key in plain} | {
            "route": self._route_json(to_wgs84),
            "causes": [dict(vars(cause)) for cause in self.causes],
            "remedies": [_remedy_json(remedy, to_wgs84) for remedy in self.remedies],
            "findings": [finding.to_json() for finding in self.findings],
        }

    def _route_json(self, to_wgs84: Transformer) -> dict[str, Any] | None:
        if self.route is None:
            return None
        xy = self.route.xy
        return {
            "crs": self.crs.to_string(),
            "coordinates": np.round(xy, 3).tolist(),
            "geometry": {"type": "LineString", "coordinates": _lonlat(xy, to_wgs84)},
            "parts": [vars(part) | {"streets": list(part.streets)} for part in self.parts],
        }


def _lonlat(xy: NDArray[np.float64], to_wgs84: Transformer) -> list[list[float]]:
    lon, lat = to_wgs84.transform(xy[:, 0], xy[:, 1])
    pairs: list[list[float]] = np.round(np.stack([lon, lat], axis=1), 8).tolist()
    return pairs


def _remedy_json(remedy: Remedy, to_wgs84: Transformer) -> Mapping[str, Any]:
    row = dict(vars(remedy))
    for key in ("place", "end"):
        where = row[key]
        row[key] = None if where is None else [round(c, 3) for c in where]
        row[f"{key}_lonlat"] = None if where is None else _lonlat(np.array([where]), to_wgs84)[0]
    return row

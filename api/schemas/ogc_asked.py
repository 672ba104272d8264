"""What a request for the rows of a layer asks: read from its query, and looked up."""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from api.live import LiveLayer
from api.schemas.ogc import CRS84, systems
from gis.errors import OptionError
from gis.model import Column

USUAL_LIMIT: Final = 1_000
MOST_LIMIT: Final = 10_000
FIXED: Final = ("bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "after", "f")
"""Parameters that every layer takes; the others are its columns."""

_LARGEST: Final = 2**53
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)([Tt ].*)?)?)?")
_TIME: Final = re.compile(r"[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?")
_FIRST: Final = "0000-00-00"
_LAST: Final = "9999-99-99"
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Asked:
    """A page of rows as it was asked for, and how its coordinates are to be written."""

    limit: int
    offset: int
    after: int | None
    crs: str
    system: CRS | None
    swap: bool
    chosen: NDArray[np.intp]


def read(layer: LiveLayer, query: Mapping[str, str]) -> Asked:
    """Read a query, and find the rows that it is about.

    Raises
    ------
    OptionError
        A parameter is unknown or does not do.
    """
    kind = layer.kind
    for name in query:
        if name not in FIXED and name not in kind.column_names:
            raise OptionError(
                f"There is no parameter {name!r:.40} here; there are: "
                f"{', '.join([*FIXED, *kind.column_names])}"
            )
    if query.get("f", "json") not in ("json", "geojson"):
        raise OptionError("f: rows come as json (GeoJSON) only")
    crs = query.get("crs", CRS84)
    system, swap = system_of(layer, crs, "crs")
    found = np.ones(len(layer), dtype=bool)
    if "bbox" in query:
        found &= _in_box(layer, query["bbox"], query.get("bbox-crs", CRS84))
    elif "bbox-crs" in query:
        system_of(layer, query["bbox-crs"], "bbox-crs")
    if "datetime" in query:
        found &= _in_time(layer, query["datetime"])
    for column in kind.columns:
        if column.name in query:
            found &= _equal(column, layer.values(column.name), query[column.name])
    limit = whole("limit", query.get("limit", str(USUAL_LIMIT)), least=1)
    after = query.get("after")
    return Asked(
        min(limit, MOST_LIMIT),
        whole("offset", query.get("offset", "0")),
        None if after is None else whole("after", after, least=-_LARGEST),
        crs,
        None if crs == CRS84 else system,
        swap,
        np.flatnonzero(found),
    )


def whole(name: str, text: str, *, least: int = 0) -> int:
    """Read a whole number.

    Raises
    ------
    OptionError
        It is none, or out of range.
    """
    if not re.fullmatch(r"[+-]?[0-9]{1,16}", text) or not least <= int(text) <= _LARGEST:
        raise OptionError(f"{name}: {text!r:.40} is no whole number from {least} on")
    return int(text)


def system_of(layer: LiveLayer, uri: str, name: str) -> tuple[CRS, bool]:
    """Return a coordinate system by its address, and whether its y comes before its x.

    Raises
    ------
    OptionError
        The layer is not given in it.
    """
    known = systems(layer)
    if uri not in known:
        raise OptionError(f"{name}: {uri!r:.80} is not on offer; there are: {', '.join(known)}")
    crs = known[uri]
    return crs, uri != CRS84 and crs.axis_info[0].direction == "north"


def _in_box(layer: LiveLayer, text: str, uri: str) -> Mask:
    """Tell which rows meet a rectangle; those without a place always do, as the standard has it."""
    crs, swap = system_of(layer, uri, "bbox-crs")
    try:
        sides = [float(part) for part in text.split(",", 6)]
    except ValueError:
        raise OptionError(f"bbox: {text!r:.60} is no list of numbers") from None
    if len(sides) == 6:
        # With heights, which nobody looks for: west, south, lowest, east, north, highest.
        sides = [*sides[:2], *sides[3:5]]
    if len(sides) != 4 or not all(map(math.isfinite, sides)):
        raise OptionError("bbox: give four numbers (west,south,east,north), or six with heights")
    if swap:
        sides = [sides[1], sides[0], sides[3], sides[2]]
    found = np.asarray(shapely.is_missing(layer.geometries) | shapely.is_empty(layer.geometries))
    found[layer.window(sides, crs=None if crs.is_geographic else crs)] = True
    return found


def _in_time(layer: LiveLayer, text: str) -> Mask:
    """Tell which rows were under way; those without a date always are, as the standard has it."""
    low, high = interval(text)
    names = [column.name for column in layer.kind.columns if column.type == "date"]
    found = np.ones(len(layer), dtype=bool)
    if not names:
        return found
    starts, ends = layer.values(names[0]), layer.values(names[-1])
    for place, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        begun, over = _day(start or "", last=False), _day(end or "", last=True)
        if begun or over:
            found[place] = (begun or _FIRST) <= high and (over or _LAST) >= low
    return found


def interval(text: str) -> tuple[str, str]:
    """Read the parameter ``datetime`` as the first and the last day.

    Raises
    ------
    OptionError
        It is neither a date nor an interval of dates.
    """
    parts = text.split("/")
    first, last = parts[0], parts[-1]
    open_ = ("", "..")
    low = _FIRST if first in open_ and len(parts) == 2 else _day(first, last=False)
    high = _LAST if last in open_ and len(parts) == 2 else _day(last, last=True)
    if len(parts) > 2 or low is None or high is None or low > high:
        raise OptionError(
            f"datetime: {text!r:.60} is no date; give 2026-05-01T00:00:00Z, or two with / between, "
            "of which one may be .."
        )
    return low, high


def _day(text: str, *, last: bool) -> str | None:
    """Return the first or last day of what a date says: of 2026-02 the 1st or the 28th."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, rest = match.groups()
    months = int(month) if month else (12 if last else 1)
    if not 1 <= months <= 12 or int(year) == 0:
        return None
    longest = monthrange(int(year), months)[1]
    days = int(day) if day else (longest if last else 1)
    if not 1 <= days <= longest or (rest and not _TIME.fullmatch(rest)):
        return None
    return f"{year}-{months:02d}-{days:02d}"


def _equal(column: Column, values: NDArray[Any], text: str) -> Mask:
    if column.type in ("integer", "number"):
        try:
            return np.asarray(values == float(text))
        except ValueError:
            raise OptionError(f"{column.name}: {text!r:.40} is no number") from None
    if column.type == "boolean":
        if text not in ("true", "false"):
            raise OptionError(f"{column.name}: give true or false")
        return np.array([v is not None and bool(v) == (text == "true") for v in values], dtype=bool)
    return np.asarray(values == text, dtype=bool)

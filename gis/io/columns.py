"""Which heading of a file is which column of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gis.errors import ColumnError
from gis.io.words import ALL_UNITS, UNITS, bracketed, plain
from gis.model import Column, Finding, Kind

PLACES: Final[dict[str, tuple[str, ...]]] = {
    "lon": ("lon", "lng", "long", "longitude", "经度", "东经", "point_lng", "point_lon"),
    "lat": ("lat", "latitude", "纬度", "北纬", "point_lat"),
    "x": ("x", "x坐标", "坐标x", "coord_x", "point_x", "xcoord", "easting", "东坐标"),
    "y": ("y", "y坐标", "坐标y", "coord_y", "point_y", "ycoord", "northing", "北坐标"),
    "wkt": ("wkt", "geometry", "geom", "the_geom", "shape", "几何", "wkt_geom"),
}
"""Headings of coordinates in tables, by what they are."""

WEAK_KEYS: Final = frozenset(["代码", "编码", "code", "osmid"])
"""Headings that may hold a key but as often hold the code of a class."""

_CUT_BYTES: Final = 9
"""A heading of at least this many bytes may be the beginning of a longer one, in a shapefile."""


@dataclass(frozen=True)
class Match:
    """A column of ours and the heading it is read from."""

    heading: str
    factor: float = 1.0
    weak: bool = False
    said: bool = False
    """The user named it with --column."""
    unit: str = ""
    """The unit of ours that the heading names, as it is written there."""


@dataclass(frozen=True, eq=False)
class Recognised:
    """What the headings of a file mean."""

    columns: dict[str, Match]
    places: dict[str, str]
    """lon, lat, x, y or wkt -> heading."""
    constants: dict[str, str]
    extra: tuple[str, ...]
    """Headings that mean nothing to us."""
    findings: tuple[Finding, ...] = field(default_factory=tuple)


def recognise(
    kind: Kind,
    headings: Iterable[str],
    *,
    mapping: Mapping[str, str],
    constants: Mapping[str, str],
    file: str,
    table: bool = False,
    cut_names: bool = False,
) -> Recognised:
    """Find out which heading is which column.

    Parameters
    ----------
    kind
        The kind that is wanted.
    headings
        Those of the file.
    mapping
        Column of ours (or lon, lat, x, y, wkt) -> heading in the file.
    constants
        Column of ours -> value for all rows.
    file
        Name for messages.
    table
        The file has no geometries of its own: look for coordinates too.
    cut_names
        Headings may be cut at 10 bytes.

    Raises
    ------
    ColumnError
        A mapping names what is not there, or a required column is missing.
    """
    headings = list(headings)
    _check_names(kind, mapping, constants, table)
    taken = {ours: _find_said(ours, theirs, headings, file) for ours, theirs in mapping.items()}
    used = {match.heading for match in taken.values()}
    findings: list[Finding] = []
    free = [c for c in kind.columns if c.name not in taken and c.name not in constants]
    candidates = {c.name: _names(c) for c in free}
    if table:
        candidates |= {p: names for p, names in PLACES.items() if p not in taken}
    for ours, heading in _assign(candidates, [h for h in headings if h not in used]).items():
        weak = ours == "uid" and plain(heading) in WEAK_KEYS
        taken[ours] = Match(heading, weak=weak)
    if cut_names:
        rest = [h for h in headings if h not in {m.heading for m in taken.values()}]
        taken |= _cut(free, taken, rest, findings)
    places = {ours: taken.pop(ours).heading for ours in list(taken) if ours in PLACES}
    for name, match in taken.items():
        column, shown = kind.column(name), mapping.get(name, match.heading)
        factor = _factor(column, match, shown, findings)
        inside = bracketed(shown) or bracketed(match.heading)
        unit = inside if inside in UNITS.get(column.unit, {}) else ""
        taken[name] = replace(match, factor=factor, unit=unit)
    _require(kind, taken, constants, headings, file)
    used = {match.heading for match in taken.values()} | set(places.values())
    extra = tuple(heading for heading in headings if heading not in used)
    return Recognised(taken, places, dict(constants), extra, tuple(findings))


def knows(kind: Kind, mapping: Mapping[str, str]) -> frozenset[str]:
    """Return all headings (as `plain` makes them) that mean something for a kind."""
    names = {plain(n) for c in kind.columns for n in _names(c)}
    names |= {plain(n) for group in PLACES.values() for n in group}
    return frozenset(names | {plain(theirs) for theirs in mapping.values()})


def _names(column: Column) -> tuple[str, ...]:
    names = (column.name, column.zh, column.en, *column.headings)
    if column.name != "uid":
        return names
    return tuple(sorted(names, key=lambda name: plain(name) in WEAK_KEYS))


def _check_names(
    kind: Kind, mapping: Mapping[str, str], constants: Mapping[str, str], table: bool
) -> None:
    ours = set(kind.column_names)
    for name in mapping:
        if name not in ours and not (table and name in PLACES):
            more = [*kind.column_names, *(PLACES if table else ())]
            raise ColumnError(
                f"--column {name}=...: {kind.name} have no column '{name}'; "
                f"give one of: {', '.join(more)}"
            )
    for name in constants:
        if name not in ours:
            raise ColumnError(
                f"--set {name}=...: {kind.name} have no column '{name}'; "
                f"give one of: {', '.join(kind.column_names)}"
            )
        if name == "uid":
            raise ColumnError("--set uid=...: a uid differs from row to row; leave it out")
        if name in mapping:
            raise ColumnError(f"--column and --set both name '{name}'; give one of them")


def _find_said(ours: str, theirs: str, headings: list[str], file: str) -> Match:
    if theirs in headings:
        return Match(theirs, said=True)
    # "people=人口(万人)" names the unit of a heading that does not.
    alike = [h for h in headings if plain(h) == plain(theirs)]
    if not alike:
        raise ColumnError(
            f"{file} has no column '{theirs}' (--column {ours}={theirs}); "
            f"it has: {', '.join(map(str, headings)) or 'none'}"
        )
    return Match(alike[0], said=True)


def _assign(candidates: dict[str, tuple[str, ...]], headings: list[str]) -> dict[str, str]:
    """Give each column its heading: earlier names of a column count more, over all columns."""
    by_plain: dict[str, str] = {}
    for heading in headings:
        by_plain.setdefault(plain(heading), heading)
    ranked = sorted(
        (rank, place, ours, plain(name))
        for place, (ours, names) in enumerate(candidates.items())
        for rank, name in enumerate(names)
    )
    found: dict[str, str] = {}
    for _, _, ours, name in ranked:
        heading = by_plain.get(name, "")
        if heading and ours not in found and heading not in found.values():
            found[ours] = heading
    return found


def _cut(
    columns: list[Column], taken: Mapping[str, Match], headings: list[str], findings: list[Finding]
) -> dict[str, Match]:
    """Recognise headings that a shapefile cut short, where only one column can be meant."""
    found: dict[str, Match] = {}
    for heading in headings:
        short = heading.casefold()
        if max(len(short.encode()), len(short.encode("gb18030"))) < _CUT_BYTES:
            continue
        meant = {
            c.name
            for c in columns
            if c.name not in taken and any(n.casefold().startswith(short) for n in _names(c))
        }
        if len(meant) == 1 and not meant & found.keys():
            ours = meant.pop()
            found[ours] = Match(heading)
            findings.append(
                Finding("heading-cut", f"'{heading}' is cut short; read as {ours}", "info")
            )
    return found


def _factor(column: Column, match: Match, shown: str, findings: list[Finding]) -> float:
    """Return what to multiply with, from the unit in the heading (or in the --column option)."""
    if column.type not in ("number", "integer"):
        return 1.0
    inside = bracketed(shown) or bracketed(match.heading)
    if not inside:
        return 1.0
    factor = UNITS.get(column.unit, {}).get(inside)
    if factor is None:
        if inside in ALL_UNITS or column.unit in ("m2", "yuan", "m", "mm"):
            findings.append(
                Finding(
                    "unit-unknown",
                    f"'{match.heading}' is in '{inside}', which is no unit of {column.name}; the "
                    f"numbers were read as {column.unit or 'they are'}",
                )
            )
        return 1.0
    if factor != 1.0:
        findings.append(
            Finding(
                "unit-converted",
                f"'{match.heading}' is in {inside}; multiplied by {factor:g} to get "
                f"{column.name} in {column.unit}",
                "info",
            )
        )
    return factor


def _require(
    kind: Kind,
    taken: Mapping[str, Match],
    constants: Mapping[str, str],
    headings: list[str],
    file: str,
) -> None:
    for column in kind.columns:
        if column.required and column.name not in taken and column.name not in constants:
            if kind.name == "heights" and column.name == "elevation_m":
                continue  # the z of the points may stand in; asked for again after reading them
            raise ColumnError(
                f"{file} has no {column.name} ({column.zh}), which {kind.name} need; name its "
                f"column with --column {column.name}=THEIRS or give all rows one with --set "
                f"{column.name}=VALUE; the file has: {', '.join(headings) or 'no columns'}"
            )

"""Communities, subdistricts and districts: which estates and facilities are in which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.coverage.item import STATUSES, texts
from gis.coverage.measured import Measured, known_sum, sum_of
from gis.errors import OptionError, UnknownNameError
from gis.model import Finding, Study
from gis.units import measure_units

AREAS: Final = ("community", "subdistrict")
BY: Final = ("estate", *AREAS, "district")
BAND: Final = (5_000, 12_000)
"""People of a community as a measuring unit, where no rule pack says otherwise."""

_FAR_M: Final = 3_000.0


class Plan(Protocol):
    """What is needed of a districting plan: a district, or None, for the uid of each estate."""

    @property
    def estates(self) -> NDArray[np.object_]:
        """(n,) uids."""

    @property
    def district(self) -> NDArray[np.object_]:
        """(n,) names of districts, None where an estate is in none."""


@dataclass(frozen=True, eq=False)
class AreaGroups:
    """``keys`` names a group's columns; group i has the names ``names[i]`` and estates ``rows[i]``.

    Sorted by name; the estates without one last.
    """

    keys: tuple[str, ...]
    names: tuple[tuple[str | None, ...], ...]
    rows: tuple[NDArray[np.int64], ...]


def areas_of(study: Study) -> tuple[dict[str, NDArray[np.object_]], tuple[Finding, ...]]:
    """Community and subdistrict of each estate: its own words, else the polygon it lies in.

    An estate lies where a point inside its outline lies (the point itself where it is one).
    """
    estates = study.layer("estates")
    areas = {column: texts(estates, column) for column in AREAS}
    if "communities" not in study:
        return areas, ()
    names = _polygon_names(study)
    rows, polygon = _inside(study, estates.geometries)
    filled = {}
    for column in AREAS:
        empty = areas[column][rows] == None  # noqa: E711 - element by element
        empty &= names[column][polygon] != None  # noqa: E711
        areas[column][rows[empty]] = names[column][polygon[empty]]
        filled[column] = int(empty.sum())
    if not any(filled.values()):
        return areas, ()
    message = (
        f"{filled['community']} estates got their community and {filled['subdistrict']} their "
        "subdistrict from the community polygon they lie in"
    )
    return areas, (Finding("area-from-polygon", message, "info"),)


def area_groups(measured: Measured, by: str, plan: Plan | None = None) -> AreaGroups:
    """Group the estates by "estate", "community", "subdistrict" or "district" (of ``plan``).

    Two communities of one name in two subdistricts are two groups.

    Raises
    ------
    UnknownNameError
        There is no such area.
    OptionError
        Districts are asked for without a plan.
    """
    if by not in BY:
        raise UnknownNameError(f"There is no area '{by}'; give one of: {', '.join(BY)}")
    if by == "district":
        keys: tuple[str, ...] = ("district",)
        columns = [districts_of(measured, plan)]
    elif by == "estate":
        keys, columns = ("estate",), [measured.estates.uids]
    else:
        keys = AREAS[::-1] if by == "community" else (by,)
        columns = [measured.areas[key] for key in keys]
    groups: dict[tuple[str | None, ...], list[int]] = {}
    for i, names in enumerate(zip(*columns, strict=True)):
        groups.setdefault(names, []).append(i)
    ordered = sorted(groups, key=_by_name) if by != "estate" else list(groups)
    return AreaGroups(keys, tuple(ordered), tuple(np.array(groups[names]) for names in ordered))


def districts_of(measured: Measured, plan: Plan | None) -> NDArray[np.object_]:
    """Return (n,) the district of each estate, None for those that are in none.

    Raises
    ------
    OptionError
        There is no plan.
    """
    if plan is None:
        raise OptionError("Districts come from a plan; make one first: lianpian districts PROJECT")
    member = dict(zip(plan.estates, plan.district, strict=True))
    return np.array([member.get(uid) for uid in measured.estates.uids], dtype=object)


def _by_name(names: tuple[str | None, ...]) -> list[tuple[bool, int, str]]:
    # D10 comes after D9: districts have numbers.
    return [(n is None, len(n or "") if (n or "")[1:].isdigit() else 0, n or "") for n in names]


def estate_of_facilities(measured: Measured) -> NDArray[np.int64]:
    """Return (f,) the row of the estate that each facility belongs to, -1 where it is far from all.

    It is the estate that it lies in, else the one with the shortest walk to it, up to 3 km.
    """
    study = measured.study
    if "facilities" not in study:
        return np.empty(0, dtype=np.int64)
    shapes = study.layer("facilities").geometries
    owner = np.full(len(shapes), -1, dtype=np.int64)
    doors, homes = measured.ground.doors, measured.homes
    reach = measured.ground.network.reach([homes.node], limit_m=_FAR_M, toward=False)
    linked = np.flatnonzero(doors.node >= 0)
    cm, place = reach.cm[0, doors.node[linked]], reach.nearest[0, doors.node[linked]]
    order = np.lexsort((cm, doors.facility[linked]))
    order = order[cm[order] >= 0]
    row, first = np.unique(doors.facility[linked][order], return_index=True)
    owner[row] = homes.estate[homes.home[place[order][first]]]
    inside, estate = shapely.STRtree(measured.estates.geometries).query(
        shapely.point_on_surface(shapes), predicate="intersects"
    )
    row, first = np.unique(inside, return_index=True)
    owner[row] = estate[first]
    return owner


def area_of_facilities(measured: Measured, groups: AreaGroups) -> NDArray[np.int64]:
    """Return (f,) the group that each facility stands in, -1 for none.

    A community is the polygon it lies in where there is one of that name; any other area holds what
    belongs to its estates, see `estate_of_facilities`. A single estate holds only what lies inside.
    """
    study = measured.study
    if "facilities" not in study:
        return np.empty(0, dtype=np.int64)
    shapes = study.layer("facilities").geometries
    if groups.keys == ("estate",):
        group = np.full(len(shapes), -1, dtype=np.int64)
        inside, estate = shapely.STRtree(measured.estates.geometries).query(
            shapely.point_on_surface(shapes), predicate="intersects"
        )
        group[inside] = estate
        return group
    group_of_estate = np.full(len(measured.estates) + 1, -1, dtype=np.int64)
    for g, rows in enumerate(groups.rows):
        group_of_estate[rows] = g
    group = group_of_estate[estate_of_facilities(measured)]
    if "communities" in study and groups.keys[-1] in AREAS:
        words = _polygon_names(study)
        rows, polygon = _inside(study, shapes)
        place = {names: g for g, names in enumerate(groups.names)}
        for row, p in zip(rows, polygon, strict=True):
            told = tuple(words[key][p] for key in groups.keys)
            group[row] = place.get(told, group[row])
    return group


def by_area(measured: Measured, column: str) -> pd.DataFrame:
    """Return one row per community or subdistrict; see `Coverage.by_area`."""
    if column not in AREAS:
        raise UnknownNameError(f"There is no area '{column}'; give one of: {', '.join(AREAS)}")
    groups = area_groups(measured, column)
    bands = bands_of(measured, groups) if column == "community" else None
    table = []
    for g, (names, rows) in enumerate(zip(groups.names, groups.rows, strict=True)):
        row = dict(zip(groups.keys, names, strict=True)) | _area_row(measured, rows)
        if bands is not None:
            row |= {key: values[g] for key, values in bands.items()}
        table.append(row)
    return with_none(pd.DataFrame(table))


def bands_of(measured: Measured, groups: AreaGroups) -> dict[str, list[Any]]:
    """Say of each area whether it is a measuring unit: 5,000-12,000 people unless the pack differs.

    ``unit_people`` come from the community itself where its layer counts them, else they are the
    sum of its estates; ``band`` is "in-band", "too-small", "too-large" or "unknown".
    """
    unit = np.full(len(measured.estates), -1, dtype=np.int64)
    for g, rows in enumerate(groups.rows):
        if groups.names[g][-1] is not None:
            unit[rows] = g
    low, high = measured.pack.unit.people if measured.pack and measured.pack.unit else BAND
    own = _own_people(measured.study, groups)
    units = measure_units(
        measured.people, unit, own=own, count=len(groups.names), low=low, high=high
    )
    named = [names[-1] is not None for names in groups.names]
    return {
        "unit_people": np.where(named, units.people, np.nan).tolist(),
        "unit_source": [w if ok else None for w, ok in zip(units.source, named, strict=True)],
        "band": [w if ok else None for w, ok in zip(units.status, named, strict=True)],
    }  # fmt: skip


def _own_people(study: Study, groups: AreaGroups) -> NDArray[np.float64]:
    """Return (g,) the people whom the communities layer itself counts, NaN where it does not."""
    own = np.full(len(groups.names), np.nan)
    if "communities" in study and groups.keys[-1] == "community":
        words, counted = _polygon_names(study), study.layer("communities").numbers("people")
        place = {names: g for g, names in enumerate(groups.names)}
        for p, people in enumerate(counted):
            g = place.get(tuple(words[key][p] for key in groups.keys), -1)
            if g >= 0 and not np.isnan(people):
                own[g] = people + np.nan_to_num(own[g])
    return own


def _area_row(measured: Measured, rows: NDArray[np.int64]) -> dict[str, Any]:
    every = np.ones(len(rows), dtype=bool)
    inside = np.isin(measured.homes.estate, rows)
    by_home = measured.crowds.of["all"].homes
    care = measured.care_gap()[rows]
    row: dict[str, Any] = {
        "estates": len(rows),
        "people": known_sum(measured.people[rows], every),
        "people_unknown": int(np.isnan(measured.people[rows]).sum()),
        "people_unlinked": known_sum(by_home[inside], ~measured.homes.linked[inside]),
        "households": known_sum(measured.households[rows], every),
        "gaps": int(measured.missing_count()[rows].sum()),
        "care_gap_estates": int(care.sum()),
        "care_gap_people": known_sum(by_home[inside], measured.care_gap_homes()[inside]),
    }
    for key, item in zip(measured.item_keys(), measured.items, strict=True):
        status = item.status[rows]
        for word in STATUSES:
            row[f"{key}_{word.replace('-', '_')}"] = int(np.sum(status == word))
        for word in ("gap", "covered", "unlinked"):
            row[f"{key}_{word}_people"] = sum_of(item, by_home, word, inside)
        no_data = inside & (item.home_status == "no-data")
        row[f"{key}_no_data_people"] = known_sum(by_home, no_data)
    return row


def with_none(table: pd.DataFrame) -> pd.DataFrame:
    """Make all that are no numbers objects with None, which pandas would turn into NaN."""
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            values = table[column].astype(object)
            table[column] = pd.Series(
                [None if v is None or v != v else v for v in values], dtype=object
            )
    return table


def _polygon_names(study: Study) -> Mapping[str, NDArray[np.object_]]:
    communities = study.layer("communities")
    return {
        "community": texts(communities, "name"),
        "subdistrict": texts(communities, "subdistrict"),
    }


def _inside(
    study: Study, shapes: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of shapes and the community polygon that each lies in, the first of several."""
    points = shapely.point_on_surface(shapes)
    tree = shapely.STRtree(study.layer("communities").geometries)
    shape, polygon = tree.query(points, predicate="intersects")
    rows, first = np.unique(shape, return_index=True)
    return rows, polygon[first]

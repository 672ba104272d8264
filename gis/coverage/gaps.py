"""The gap list: what is missing where, how badly, for how many people, by which clause."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.coverage.areas import (
    Plan,
    area_groups,
    area_of_facilities,
    bands_of,
    districts_of,
    with_none,
)
from gis.coverage.item import CoverageItem, texts
from gis.coverage.measured import Measured, known_sum
from gis.coverage.walks import pairs_of
from gis.model import Categories

RULE_COLUMNS: Final = (
    "category", "zh", "en", "level", "must", "limit_m", "limit_s", "clause", "verified",
)  # fmt: skip
GAP_COLUMNS: Final = (
    "estate", "name", "community", "subdistrict", "district", "rule", "category", "group", "zh",
    "en", "level", "must", "limit_m", "limit_s", "walk_m", "over_m", "walk_s", "over_s", "facility",
    "facility_name", "required", "present", "in_reach", "missing", "people", "people_estimated",
    "households", "homes", "homes_gap", "people_gap", "households_gap", "share_gap",
    "counted_group", "group_people", "group_gap", "group_estimated", "access", "walker", "clause",
    "verified", "grade",
)  # fmt: skip
AREA_COLUMNS: Final = (
    "subdistrict", "community", "district", "rule", "category", "group", "zh", "en", "level",
    "must", "limit_m", "limit_s", "required", "present", "in_reach", "missing", "estates",
    "estates_gap", "homes", "homes_gap", "farthest_m", "over_m", "beyond", "people", "people_gap",
    "people_unknown", "share_gap", "households_gap", "counted_group", "group_people", "group_gap",
    "group_estimated", "unit_people", "band", "walker", "clause", "verified", "grade",
)  # fmt: skip


def estate_gaps(measured: Measured, plan: Plan | None = None) -> pd.DataFrame:
    """Return one row per estate and missing item; see `Coverage.gap_list`."""
    categories = Categories.load()
    rank = {code: i for i, code in enumerate(categories)}
    district = districts_of(measured, plan) if plan is not None else None
    rows = [
        {**row, "_rank": rank[row["category"]]}
        for row in _estate_rows(measured, categories, district)
    ]
    table = with_none(pd.DataFrame(rows, columns=[*GAP_COLUMNS, "_rank"]))
    far = table["walk_m"].astype(float).fillna(np.inf).to_numpy()
    people = table["people"].astype(float).fillna(-1.0).to_numpy()
    order = np.lexsort((-far, -people, table["_rank"].to_numpy(dtype=int)))
    return table.iloc[order].drop(columns="_rank").reset_index(drop=True)


def area_gaps(measured: Measured, by: str, plan: Plan | None = None) -> pd.DataFrame:
    """Return one row per area and item that some of its homes lack; see `Coverage.gap_list`."""
    groups = area_groups(measured, by, plan)
    categories = Categories.load()
    rank = {code: i for i, code in enumerate(categories)}
    stands_in = area_of_facilities(measured, groups)
    bands = bands_of(measured, groups) if by == "community" else None
    rows = []
    for i, item in enumerate(measured.items):
        if not (item.status == "gap").any():
            continue
        home, facility = reached(measured, i)
        for g, estates in enumerate(groups.rows):
            if not (item.status[estates] == "gap").any():
                continue
            row = _area_gap(measured, i, estates, home, facility)
            row |= dict(zip(groups.keys, groups.names[g], strict=True))
            row["present"] = int(np.sum(stands_in[counting(measured, i)] == g))
            row |= {key: bands[key][g] for key in ("unit_people", "band")} if bands else {}
            rows.append(row | _rule_words(item, categories) | {"_rank": rank[item.rule.category]})
    table = with_none(pd.DataFrame(rows, columns=[*AREA_COLUMNS, "_rank"]))
    people = table["people_gap"].astype(float).fillna(-1.0).to_numpy()
    estates_gap = table["estates_gap"].to_numpy(dtype=float)
    order = np.lexsort((-estates_gap, -people, table["_rank"].to_numpy(dtype=int)))
    kept = [c for c in table if c != "_rank" and not (c in _PLACES and c not in groups.keys)]
    return table.iloc[order][kept].reset_index(drop=True)


_PLACES: Final = ("subdistrict", "community", "district")


def counting(measured: Measured, i: int) -> NDArray[np.int64]:
    """Return (m,) the rows of the facilities that count for item i and are linked, each once."""
    group, row = measured.walks.of_rule(i)
    return np.unique(group.sought[row].facility)


def reached(measured: Measured, i: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (p,) pairs of home and facility row of item i that are within its limit."""
    group, row = measured.walks.of_rule(i)
    item = measured.items[i]
    pairs = pairs_of(group, group.sought[row], item.limit_cm, round_trip=item.rule.round_trip)
    return pairs.home, pairs.facility


def _rule_words(item: CoverageItem, categories: Categories) -> dict[str, Any]:
    rule = item.rule
    return {key: getattr(rule, key) for key in RULE_COLUMNS} | {
        "rule": rule.id,
        "group": categories[rule.category].group,
        "counted_group": rule.group,
        "walker": item.walker.name,
        "grade": item.grade.letter,
        "required": 1,
    }


def _estate_rows(
    measured: Measured, categories: Categories, district: NDArray[np.object_] | None
) -> Iterator[dict[str, Any]]:
    uids, names = measured.estates.uids, texts(measured.estates, "name")
    groups = area_groups(measured, "estate")
    stands_in = area_of_facilities(measured, groups)
    homes = np.bincount(measured.homes.estate, minlength=len(uids))
    for i, item in enumerate(measured.items):
        gaps = np.flatnonzero(item.status == "gap")
        if not len(gaps):
            continue
        shared = _rule_words(item, categories)
        limit_s = item.limit_cm / 100 / item.walker.speed_m_s
        over_m = item.over_m
        present = np.bincount(stands_in[counting(measured, i)] + 1, minlength=len(uids) + 1)[1:]
        lacking = item.home_status == "gap"
        of_all = _lacking(measured, measured.crowds.of["all"].homes, lacking)
        of_group = _lacking(measured, item.group.homes, lacking)
        households = _lacking(measured, measured.crowds.households, lacking)
        homes_gap = np.bincount(measured.homes.estate[lacking], minlength=len(uids))
        for e in gaps:
            yield shared | {
                "estate": uids[e],
                "name": names[e],
                "community": measured.areas["community"][e],
                "subdistrict": measured.areas["subdistrict"][e],
                "district": None if district is None else district[e],
                "walk_m": item.walk_m[e],
                "over_m": over_m[e],
                "walk_s": item.walk_s[e],
                "over_s": item.walk_s[e] - limit_s,
                "facility": item.facility[e],
                "facility_name": item.facility_name[e],
                "present": int(present[e]),
                "in_reach": 0,
                "missing": 1,
                "people": measured.people[e],
                "people_estimated": bool(measured.people_estimated[e]),
                "households": measured.households[e],
                "homes": int(homes[e]),
                "homes_gap": int(homes_gap[e]),
                "people_gap": of_all[e],
                "households_gap": households[e],
                "share_gap": homes_gap[e] / homes[e],
                "group_people": item.group.estates[e],
                "group_gap": of_group[e],
                "group_estimated": bool(item.group.estimated[e]),
                "access": measured.access[e],
            }


def _lacking(
    measured: Measured, by_home: NDArray[np.float64], lacking: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return (n,) known people of the lacking homes of each estate, NaN where none is known.

    These add up to what the summary and the areas say.
    """
    known = lacking & ~np.isnan(by_home)
    estates = len(measured.estates)
    people = np.bincount(measured.homes.estate[known], by_home[known], minlength=estates)
    told = np.bincount(measured.homes.estate[known], minlength=estates)
    return np.where(told > 0, people, np.nan)


def _area_gap(
    measured: Measured,
    i: int,
    estates: NDArray[np.int64],
    home: NDArray[np.int64],
    facility: NDArray[np.int64],
) -> dict[str, Any]:
    item = measured.items[i]
    inside = np.isin(measured.homes.estate, estates)
    lacking = inside & (item.home_status == "gap")
    in_reach = len(np.unique(facility[inside[home]]))
    walks = item.walk_m[estates][item.status[estates] == "gap"]
    over = item.over_m[estates][item.status[estates] == "gap"]
    known = ~np.isnan(walks)
    everybody = measured.crowds.of["all"].homes
    judged = inside & np.isin(item.home_status, ("covered", "gap"))
    people, people_gap = known_sum(everybody, judged), known_sum(everybody, lacking)
    return {
        "in_reach": in_reach,
        "missing": int(in_reach == 0),
        "estates": len(estates),
        "estates_gap": int(np.sum(item.status[estates] == "gap")),
        "homes": int(inside.sum()),
        "homes_gap": int(lacking.sum()),
        "farthest_m": float(walks[known].max()) if known.any() else np.nan,
        "over_m": float(over[known].max()) if known.any() else np.nan,
        "beyond": int(np.sum(~known)),
        "people": people,
        "people_gap": people_gap,
        "people_unknown": int(np.isnan(measured.people[estates]).sum()),
        "share_gap": people_gap / people if people and people_gap is not None else np.nan,
        "households_gap": known_sum(measured.crowds.households, lacking),
        "group_people": known_sum(item.group.homes, judged),
        "group_gap": known_sum(item.group.homes, lacking),
        "group_estimated": bool(item.group.estimated[estates].any()),
    }

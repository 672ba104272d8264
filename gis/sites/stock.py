"""The stock of rooms and plots row by row: what a site is, what it costs, why it cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.model import Layer, Study
from gis.rules import Rule
from gis.sites.means import load_means, means_of, yuan_per_m2
from gis.sites.rooms import Condition, conditions_of, load_rooms, says

UNKNOWN: Final = float("nan")

Note = tuple[str, str]
"""The same words in Chinese and English."""


@dataclass(frozen=True)
class LeftOut:
    """A site that is no candidate, with the reason in Chinese and English."""

    kind: str
    row: int
    uid: str
    name: str | None
    zh: str
    en: str


@dataclass(frozen=True)
class Row:
    """One candidate; the fields are those of `gis.sites.Candidates`."""

    kind: str
    row: int
    uid: str
    name: str | None
    xy: tuple[float, float]
    ground: str
    floor_m2: float
    land_m2: float
    storey: float
    lift: bool | None
    cost_yuan: float
    available_year: float
    notes: tuple[Note, ...] = ()
    means: str | None = None
    category: str | None = None
    facility: int = -1
    now_m2: float = UNKNOWN
    cost_estimated: bool = False
    by_service: bool = False


@dataclass(frozen=True)
class Asked:
    """What is wanted of the sites, as in `gis.sites.candidates_of`."""

    by_year: float | None
    means: frozenset[str] | None
    rent_years: float


def site_rows(
    study: Study, asked: Asked, rows: NDArray[np.int64]
) -> Iterator[tuple[Row, ...] | LeftOut]:
    """Yield, for each of some rows of the sites, its candidates, or why it is none."""
    layer = study.layer("sites")
    use, condition, tenure, means = (
        _texts(layer, c) for c in ("use", "condition", "tenure", "means")
    )
    lifts, shapes, wanted = _lifts(study, layer), layer.geometries, set(rows.tolist())
    for i, site in enumerate(_plain_rows(layer)):
        if i not in wanted:
            continue
        site = _recognised(site, use[i] or site.name or "", shapes[i])
        yield _ways(replace(site, lift=lifts[i]), means[i], (condition[i], tenure[i]), asked)


def upgrade_rows(study: Study, rules: Sequence[Rule]) -> Iterator[Row]:
    """Yield the facilities that are known to be too small for one of the rules, floor by floor."""
    targets: dict[str, float] = {}
    for rule in rules:
        if rule.min_floor_m2 is not None:
            targets[rule.category] = max(rule.min_floor_m2, targets.get(rule.category, 0.0))
    if not targets or "facilities" not in study:
        return
    layer = study.layer("facilities")
    categories = _texts(layer, "category")
    names, uids, xy = _texts(layer, "name"), layer.uids, _places(layer)
    floor, land = layer.numbers("floor_area_m2"), layer.numbers("land_area_m2")
    yuan = yuan_per_m2("extend", rent_years=0.0)
    for i, category in enumerate(categories):
        target = targets.get(category)
        if target is None or not floor[i] < target:
            continue
        yield Row(
            "upgrade", i, str(uids[i]), names[i] or None, xy[i], "building",
            target, float(land[i]), UNKNOWN, None, (target - float(floor[i])) * yuan, UNKNOWN,
            notes=(_upgrade_note(float(floor[i]), target, yuan),), means="extend",
            category=category, facility=i, now_m2=float(floor[i]), cost_estimated=True,
        )  # fmt: skip


def _upgrade_note(now: float, target: float, yuan: float) -> Note:
    return (
        f"由 {m2(now)} 扩建到 {m2(target)}，按新增面积每平方米 {yuan:,.0f} 元估算",
        f"extended from {m2(now)} to {m2(target)}, at {yuan:,.0f} yuan per m² added (estimate)",
    )


def m2(value: float) -> str:
    """Write square metres, with the decimals that there are."""
    return f"{value:,.2f}".rstrip("0").rstrip(".") + " m²"


def _plain_rows(layer: Layer) -> Iterator[Row]:
    """Yield the rows as the layer has them, without recognising anything."""
    names, uids, xy = _texts(layer, "name"), layer.uids, _places(layer)
    storey, cost, year = (layer.numbers(c) for c in ("storey", "cost_yuan", "available_year"))
    # Tables say 0 m2 of floor of a plot, and of land of a room: there is none.
    floor, land = (layer.numbers(c) for c in ("floor_area_m2", "land_area_m2"))
    floor, land = (np.where(size > 0, size, np.nan) for size in (floor, land))
    for i in range(len(layer)):
        yield Row(
            "site", i, str(uids[i]), names[i] or None, xy[i], "room", float(floor[i]),
            float(land[i]), float(storey[i]), None, float(cost[i]), float(year[i]),
        )  # fmt: skip


def _recognised(site: Row, word: str, shape: shapely.Geometry) -> Row:
    """Tell rooms, buildings and plots apart; take storey and size from words and outline."""
    rooms, notes = load_rooms(), []
    below, on_ground = says(word, rooms.below_ground), says(word, rooms.on_ground)
    floor, land, storey = site.floor_m2, site.land_m2, site.storey
    drawn = float(shapely.area(shape))
    built = not np.isnan(floor) or not np.isnan(storey) or below or on_ground
    if not built and (not np.isnan(land) or says(word, rooms.vacant)):
        if np.isnan(land) and drawn > 0:
            land = drawn
            notes.append(("用地面积取图形面积", "land as it is drawn"))
        return replace(site, ground="plot", land_m2=land, notes=tuple(notes))
    if np.isnan(storey) and (below or on_ground):
        storey = -1.0 if below else 1.0
        notes.append((f"按“{word}”视为{_storey(storey)}", f"taken to be on storey {storey:g}"))
        if np.isnan(floor) and drawn > 0:
            floor = drawn
            notes.append(("建筑面积取图形面积", "floor as its outline is drawn"))
    ground = "room" if np.isnan(land) else "building"
    return replace(site, ground=ground, floor_m2=floor, storey=storey, notes=tuple(notes))


def _storey(storey: float) -> str:
    return f"地下{-storey:g}层" if storey < 0 else f"{max(storey, 1):g}层"


def _ways(
    site: Row, means_text: str, condition_texts: tuple[str, ...], asked: Asked
) -> tuple[Row, ...] | LeftOut:
    """Return a site once for each means, or why none of them will do."""
    if asked.by_year is not None and site.available_year > asked.by_year:
        year = site.available_year
        return _left(site, f"{year:g} 年才可用", f"not available before {year:g}")
    codes, unknown = means_of(means_text)
    ways: tuple[str | None, ...] = codes or (None,)
    notes = site.notes
    if unknown:
        words = "、".join(unknown)
        notes += ((f"取得方式“{words}”不认识", f"the means '{words}' are not known"),)
    if asked.means is not None:
        ways = tuple(code for code in ways if code in asked.means)
        if not ways:
            named = "、".join(load_means()[c].zh for c in codes) or "未填"
            en = ", ".join(codes) or "not stated"
            return _left(
                site, f"取得方式为{named}，不在所选之内", f"its means ({en}) are not asked"
            )
    met = list(dict.fromkeys(c for text in condition_texts for c in conditions_of(text)))
    forbids = [c for c in met if c.effect == "forbid"]
    usable = [code for code in ways if not any(_holds(c, code, site) for c in forbids)]
    if not usable:
        zh = "；".join(f"{c.zh}（{c.clause}）" for c in forbids)
        return _left(site, zh, "; ".join(f"{c.en} ({c.clause})" for c in forbids))
    rows = []
    for code in usable:
        first = tuple((c.zh, c.en) for c in met if c.effect == "first" and _holds(c, code, site))
        cleared = (("须先拆除原有危旧房屋", "the old building has to be cleared first"),)
        more = first + (cleared if forbids else ())
        rows.append(_priced(replace(site, means=code, notes=notes + more), asked.rent_years))
    return tuple(rows)


def _holds(condition: Condition, code: str | None, site: Row) -> bool:
    rebuilt = code == "build" or (site.ground == "plot" and code is None)
    return not (condition.unless_rebuilt and rebuilt)


def _priced(site: Row, rent_years: float) -> Row:
    """Estimate the cost of the whole place where none is stated."""
    if not np.isnan(site.cost_yuan):
        return site
    anew = site.ground == "plot" or site.means == "build"
    code = "build" if anew else site.means or "convert"
    yuan = yuan_per_m2(code, rent_years=rent_years)
    usual = load_rooms().usual_ratio
    if anew:
        built = site.land_m2 * usual if not np.isnan(site.land_m2) else site.floor_m2
        cost = built * yuan
    elif code == "extend":
        added = max(site.land_m2 * usual - site.floor_m2, 0.0)
        cost = site.floor_m2 * yuan_per_m2("convert", rent_years=rent_years) + added * yuan
    else:
        cost = site.floor_m2 * yuan
    if np.isnan(cost):
        return site
    return replace(
        site,
        cost_yuan=cost,
        cost_estimated=True,
        by_service=anew or code == "extend",
        notes=(*site.notes, _price_note(code, yuan, rent_years, stated=site.means is not None)),
    )


def _price_note(code: str, yuan: float, rent_years: float, *, stated: bool) -> Note:
    means = load_means()[code]
    years = (f"（租 {rent_years:g} 年）", f" ({rent_years:g} years of rent)")
    zh, en = years if means.price.per_year else ("", "")
    how = ("", "") if stated else ("取得方式未填，", "its means are not stated; ")
    return (
        f"{how[0]}造价按{means.zh}每平方米 {yuan:,.0f} 元{zh}估算",
        f"{how[1]}cost estimated at {yuan:,.0f} yuan per m² for '{code}'{en}",
    )


def _left(site: Row, zh: str, en: str) -> LeftOut:
    return LeftOut(site.kind, site.row, site.uid, site.name, zh, en)


def _texts(layer: Layer, column: str) -> list[str]:
    """Return the words of a column, "" where there are none."""
    return [word.strip() if isinstance(word, str) else "" for word in layer.frame[column]]


def _places(layer: Layer) -> list[tuple[float, float]]:
    at = np.asarray(shapely.point_on_surface(layer.geometries), dtype=object)
    return [(x, y) for x, y in zip(shapely.get_x(at), shapely.get_y(at), strict=True)]


def _lifts(study: Study, sites: Layer) -> list[bool | None]:
    """Say whether there is a lift: as the site says, else as the building says that it lies in."""
    stated = sites.frame["lift"].to_numpy(dtype=object, na_value=None)
    lifts = [None if lift is None else bool(lift) for lift in stated]
    if "buildings" not in study:
        return lifts
    buildings = study.layer("buildings")
    known = buildings.frame["lift"].to_numpy(dtype=object, na_value=None)
    at = np.asarray(shapely.point_on_surface(sites.geometries), dtype=object)
    for i, b in shapely.STRtree(buildings.geometries).query(at, predicate="intersects").T:
        if lifts[i] is None and known[b] is not None:
            lifts[i] = bool(known[b])
    return lifts

"""Chosen sites on the map: what goes where, whom it serves, and coverage before and after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gis.coverage import Coverage, CoverageItem
from gis.maps import styles
from gis.maps.shapes import ShapeWriter
from gis.model import Categories
from gis.sites import SitedService, SitePlan, load_means

_RADIUS: Final = 9.0
_AFTER: Final = ("（选址后）", " (then)")
_BEFORE: Final = ("（现状）", " (today)")
_UNITS: Final = {
    "people": ("人", "people"),
    "people_60plus": ("60岁及以上", "people of 60+"),
    "children_0_2": ("0–2岁", "children of 0-2"),
    "children_3_5": ("3–5岁", "children of 3-5"),
    "estates": ("个小区", "estates"),
    "buildings": ("栋楼", "buildings"),
}
_STATUS: Final = {
    "optimal": ("已证明最优", "proved best"),
    "feasible": ("可行，未证明最优", "not proved to be best"),
    "infeasible": ("无法全部满足", "cannot be met"),
    "unknown": ("限时内未得出结果", "no answer within the time"),
}
_COLUMNS: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("used", "words", "用途", "For", ""),
    ("means", "words", "取得方式", "Means", ""),
    ("floor", "count", "建筑面积", "Floor", "m²"),
    ("cost", "words", "费用", "Cost", ""),
    ("serves", "words", "服务", "Serves", ""),
    ("new", "words", "新增覆盖", "Newly served", ""),
    ("lost", "words", "取消后失去服务", "Lose it without", ""),
)
_NEAREST: Final = ("serves", "words", "就近", "Nearest to", "")
"""Where walks are added up, people go to the nearest site, however far it is."""
_OF_OTHERS: Final = ("used", "means", "floor")


def before_and_after(plan: SitePlan) -> Coverage:
    """Return a coverage that holds each service twice: as it would be, and as it is today.

    What is missing today is marked as advised only, so that sums of what is missing are those then.
    """
    after = plan.after or plan.before
    items: list[CoverageItem] = []
    for then, today in zip(after.items, plan.before.items, strict=True):
        items += [_called(then, _AFTER, must=True), _called(today, _BEFORE, must=False)]
    return replace(after, items=tuple(items))


def _called(item: CoverageItem, words: tuple[str, str], *, must: bool) -> CoverageItem:
    rule = item.rule
    named = replace(rule, zh=rule.zh + words[0], en=rule.en + words[1], must=must)
    return replace(item, rule=named)


def sites_meta(plan: SitePlan) -> dict[str, Any]:
    """Return what the panel says of the choice: each service before and after, and the proof.

    The services are in the order of the items of `before_and_after`, once these are sorted by
    category.
    """
    zh, en = _STATUS[plan.status]
    if plan.status == "infeasible" and len(plan.choice.rows):
        rest = _STATUS[plan.rest_status]
        zh, en = f"{zh}；其余小区{rest[0]}", f"{en}; for all others {rest[1]}"
    order = {code: place for place, code in enumerate(Categories.load())}
    return {
        "status": {"zh": zh, "en": en},
        "cost": _cost(plan),
        "services": [
            {
                "zh": service.need.rule.zh,
                "en": service.need.rule.en,
                "count": len(service.rows),
                "before": round(service.need.people_before),
                "after": round(service.people_after),
                "in_all": round(service.need.people_in_all),
                "unit": dict(zip(("zh", "en"), _UNITS[service.need.unit], strict=True)),
                "estimated": _estimated(service),
                "limit_m": service.need.rule.limit_m,
                "limit_s": service.need.rule.limit_s,
                "unreachable": _estates_of(plan, service, service.beyond),
            }
            for service in sorted(plan.services, key=lambda s: order[s.need.rule.category])
        ],
    }


def _estimated(service: SitedService) -> int:
    """Return of how many estates the people are an estimate."""
    return int(service.need.item.group.estimated.sum()) if service.need.estimated else 0


def _estates_of(plan: SitePlan, service: SitedService, places: NDArray[np.int64]) -> int:
    """Count the estates of some of the homes of a service."""
    return len(np.unique(plan.before.homes.estate[service.need.home[places]]))


def _cost(plan: SitePlan) -> dict[str, str] | None:
    """Say what all sites cost together; None where nothing is chosen or no cost is known."""
    chosen, unknown = len(plan.choice.rows), plan.cost_unknown
    if chosen == unknown:
        return None
    guessed = bool(plan.candidates.cost_estimated[plan.choice.rows].any())
    told = _yuan(plan.cost_yuan, guessed=guessed) or {}
    zh, en = f"费用合计 {told['zh']}", f"{told['en']} in all"
    if unknown:
        zh, en = f"{zh}，另有 {unknown} 处费用未知", f"{en}, {unknown} of unknown cost not in it"
    return {"zh": zh, "en": en}


def site_overlays(plan: SitePlan, writer: ShapeWriter) -> list[dict[str, Any]]:
    """Return the layers of the choice: whom each site serves, other candidates, the sites."""
    layers = [_ways(plan, writer), _others(plan, writer), _chosen(plan, writer)]
    return [layer for layer in layers if layer is not None]


def _points(plan: SitePlan, xy: NDArray[np.float64]) -> gpd.GeoSeries:
    return gpd.GeoSeries(
        np.atleast_1d(np.asarray(shapely.points(xy), dtype=object)), crs=plan.before.estates.crs
    )


def _ways(plan: SitePlan, writer: ShapeWriter) -> dict[str, Any] | None:
    """Draw a straight line from each newly served estate to its site: who goes where, not how."""
    frame = plan.before.estates.frame
    middles = shapely.get_coordinates(shapely.point_on_surface(frame.geometry.to_numpy()))
    lines = []
    for service in plan.services:
        need = service.need
        newly = np.flatnonzero((service.serves >= 0) & service.after & ~need.covered)
        estate = plan.before.homes.estate[need.home[newly]]
        pairs = np.unique(np.column_stack([estate, service.serves[newly]]), axis=0)
        for home, site in pairs.tolist():
            lines.append(shapely.LineString([middles[home], plan.candidates.xy[site]]))
    if not lines:
        return None
    series = gpd.GeoSeries([shapely.MultiLineString(lines)], crs=plan.before.estates.crs)
    style = {"color": "#7c2d12", "weight": 1.3, "opacity": 0.75, "dashArray": "2 4"}
    zh, en = "新增服务（示意）", "Newly served"
    return {
        "key": "site-ways", "zh": zh, "en": en, "geometry": "line", "n": len(lines), "shown": True,
        "legend": True, "shapes": writer.write(series),
        "classes": [{"zh": zh, "en": en, "n": len(lines), "style": style}],
    }  # fmt: skip


def _others(plan: SitePlan, writer: ShapeWriter) -> dict[str, Any] | None:
    """Draw the candidates that fit and were not chosen."""
    candidates = plan.candidates
    fits = np.any([service.need.offered for service in plan.services], axis=0)
    taken = np.isin(candidates.place, candidates.place[plan.choice.rows])
    _, first = np.unique(candidates.place, return_index=True)
    rows = first[fits[first] & ~taken[first]]
    if not len(rows):
        return None
    zh, en = "符合条件未选", "Fit, not chosen"
    style = {"color": "#475569", "weight": 1.6, "fillColor": "#fff", "fillOpacity": 1, "radius": 4}
    return {
        "key": "site-others", "zh": zh, "en": en, "geometry": "point", "n": len(rows),
        "shown": len(rows) <= 500, "legend": True, "search": True,
        "shapes": writer.write(_points(plan, candidates.xy[rows])),
        "classes": [{"zh": zh, "en": en, "n": len(rows), "style": style}],
        "of": [0] * len(rows),
        "columns": [_heading(column) for column in _COLUMNS if column[0] in _OF_OTHERS],
        "rows": {
            "uid": [str(u) for u in candidates.uid[rows]],
            "name": _names(plan, rows),
            "used": [
                _both("、", ", ", _names_of([s for s in plan.services if s.need.offered[row]]))
                for row in rows.tolist()
            ],
            "means": [_means(candidates.means[row]) for row in rows.tolist()],
            "floor": [_known(value) for value in candidates.floor_m2[rows].tolist()],
        },
    }  # fmt: skip


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _heading(column: tuple[str, str, str, str, str]) -> dict[str, str]:
    return dict(zip(("name", "type", "zh", "en", "unit"), column, strict=True))


def _yuan(yuan: float | None, *, guessed: bool) -> dict[str, str] | None:
    """Say money, marked where it is reckoned by prices; None where it is not known."""
    if yuan is None:
        return None
    zh, en = f"{yuan / 1e4:,.1f} 万元", f"{yuan:,.0f} yuan"
    return {"zh": zh + "（估）" * guessed, "en": en + " (est.)" * guessed}


def _names(plan: SitePlan, rows: NDArray[np.int64]) -> list[str | None]:
    return [None if name is None else str(name) for name in plan.candidates.name[rows]]


def _chosen(plan: SitePlan, writer: ShapeWriter) -> dict[str, Any] | None:
    rows = plan.choice.rows
    if not len(rows):
        return None
    told = {site["uid"]: site for site in plan.to_json()["chosen"]}
    sites = [told[str(uid)] for uid in plan.candidates.uid[rows]]
    uses = [[s for s in plan.services if row in s.rows] for row in rows.tolist()]
    classes, of = _classes(uses)
    return {
        "key": "chosen-sites", "zh": "选址结果", "en": "Sites chosen", "geometry": "point",
        "n": len(rows), "shown": True, "legend": True, "search": True,
        "shapes": writer.write(_points(plan, plan.candidates.xy[rows])),
        "classes": classes, "of": of,
        "columns": [
            _heading(_NEAREST if plan.ask.distances and column[0] == "serves" else column)
            for column in _COLUMNS
        ],
        "rows": {
            "uid": [site["uid"] for site in sites],
            "name": _names(plan, rows),
            "used": [_both("、", ", ", _names_of(services)) for services in uses],
            "means": [_means(site["means"]) for site in sites],
            "floor": [site["floor_m2"] for site in sites],
            "cost": [_yuan(site["cost_yuan"], guessed=site["cost_estimated"]) for site in sites],
            **{
                key: [_each(site, of, key) for site, of in zip(sites, uses, strict=True)]
                for key in ("serves", "new", "lost")
            },
        },
    }  # fmt: skip


def _classes(uses: list[list[SitedService]]) -> tuple[list[dict[str, Any]], list[int]]:
    """One class for each set of services that some site holds, each of its own colour."""
    keys = [tuple(service.need.rule.category for service in services) for services in uses]
    kinds = list(dict.fromkeys(keys))
    classes = []
    for place, kind in enumerate(kinds):
        colour = styles.SITE_COLOURS[place % len(styles.SITE_COLOURS)]
        words = _both("＋", " + ", _names_of(uses[keys.index(kind)]))
        style = {
            "color": "#fff", "weight": 2.5, "fillColor": colour, "fillOpacity": 1,
            "radius": _RADIUS,
        }  # fmt: skip
        classes.append({**words, "n": keys.count(kind), "style": style})
    return classes, [kinds.index(key) for key in keys]


def _names_of(services: list[SitedService]) -> list[tuple[str, str]]:
    return [(service.need.rule.zh, service.need.rule.en) for service in services]


def _both(zh: str, en: str, words: list[tuple[str, str]]) -> dict[str, str]:
    return {"zh": zh.join(word for word, _ in words), "en": en.join(word for _, word in words)}


def _means(code: str | None) -> dict[str, str] | None:
    means = load_means().get(code or "")
    return None if means is None else {"zh": means.zh, "en": means.en}


def _each(site: dict[str, Any], services: list[SitedService], key: str) -> dict[str, str]:
    """Say a number of each service of a site, with its unit."""
    parts = []
    for use, service in zip(site["services"], services, strict=True):
        number = {
            "serves": use["people"],
            "new": use["newly_covered"],
            "lost": use.get("without", {}).get("people_lost"),
        }[key]
        zh, en = _UNITS[service.need.unit]
        said = "?" if number is None else f"{number:,.0f}"
        name = (f"{service.need.rule.zh} ", f"{service.need.rule.en} ") * (len(services) > 1)
        before = name if name else ("", "")
        parts.append((f"{before[0]}{said} {zh}", f"{before[1]}{said} {en}"))
    return _both("；", "; ", parts)

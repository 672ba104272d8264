"""What the page shows, as plain JSON values: geometry once, everything else as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.coverage import Coverage
from gis.districts import DistrictPlan, LeftOut, Violation
from gis.districts.left_words import left_words, size_unit, size_words
from gis.errors import MissingLayerError
from gis.maps import styles
from gis.maps.columns import heading, values
from gis.maps.districts import district_grounds, links_overlay
from gis.maps.overlays import base_layers, overlay_layers
from gis.maps.shapes import ShapeWriter
from gis.maps.sites import before_and_after, site_overlays, sites_meta
from gis.model import KINDS, Categories, Layer, Study, people_of
from gis.rules import RulePack
from gis.sites import SitePlan

ESTATE_COLUMNS: Final = ("community", "subdistrict", "built_year", "households", "people",
                         "people_60plus", "children_0_2", "children_3_5", "manager")  # fmt: skip
HEADLINE_GROUPS: Final = ("elderly", "childcare")
ESTATE_SIMPLIFY_M: Final = 0.4
FAULTS_TOLD: Final = 5
"""Broken constraints of the plan that are told in words; all are counted."""


def build_payload(
    study: Study,
    *,
    coverage: Coverage | None,
    plan: DistrictPlan | None,
    violations: Sequence[Violation] = (),
    sites: SitePlan | None = None,
    title: str,
    date: str,
    rules: RulePack | None,
    sources: Mapping[str, Sequence[str]],
    lang: str,
) -> dict[str, Any]:
    """Return everything that the scripts of ``web/map`` draw; see `render_map` for the arguments.

    Raises
    ------
    MissingLayerError
        There is nothing to draw.
    """
    if sites is not None:
        coverage = before_and_after(sites)
    coverage = None if coverage is None else _care_first(coverage)
    bounds = _bounds(study)
    writer = ShapeWriter(bounds)
    estates = study.layers.get("estates")
    districts = _districts(plan, study, writer) if plan is not None and estates else []
    overlays = overlay_layers(study, writer)
    if plan is not None and estates is not None:
        beside = links_overlay(plan, estates, writer)
        overlays += [beside] if beside else []
    if sites is not None:
        overlays = site_overlays(sites, writer)[::-1] + overlays
    return {
        "origin": writer.origin.tolist(),
        "bounds": [round(float(value), 6) for value in bounds],
        "meta": {
            "title": title,
            "date": date,
            "lang": lang,
            "rules": _pack(rules),
            "plan": _plan(plan, violations),
            "totals": _totals(estates, coverage),
            "headline": _headline(coverage) if sites is None else [],
            "sites": None if sites is None else sites_meta(sites),
            "basis": _basis(study, coverage, sources),
            "notes": _notes(rules, plan, coverage),
        },
        "styles": _styles(coverage),
        "columns": [heading(KINDS["estates"].column(name)) for name in ESTATE_COLUMNS],
        "districts": districts,
        "items": _items(coverage),
        "estates": _estates(estates, coverage, plan, writer),
        "base": base_layers(study, writer),
        "overlays": overlays,
    }


def _care_first(coverage: Coverage) -> Coverage:
    """Return the coverage with its items in the order of gap lists: elderly and childcare first."""
    order = {code: place for place, code in enumerate(Categories.load())}
    items = sorted(coverage.items, key=lambda item: order[item.rule.category])
    return replace(coverage, items=tuple(items))


def _bounds(study: Study) -> NDArray[np.float64]:
    """Lon and lat of the corners: of the estates where there are any, else of everything."""
    kinds = ["estates"] if "estates" in study else list(study.layers)
    series = [study.frame(kind).geometry.dropna() for kind in kinds]
    shapes = [one for one in series if len(one) and not one.is_empty.all()]
    if not shapes:
        raise MissingLayerError(
            "The project has nothing to draw; import a layer first: lianpian import PROJECT "
            "estates FILE"
        )
    corners = np.array([one.to_crs("EPSG:4326").total_bounds for one in shapes])
    return np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)])


def _estates(
    estates: Layer | None,
    coverage: Coverage | None,
    plan: DistrictPlan | None,
    writer: ShapeWriter,
) -> dict[str, Any]:
    frame = estates.frame if estates is not None else gpd.GeoDataFrame({"uid": [], "name": []})
    n = len(frame)
    rows: dict[str, Any] = {"uid": values(frame["uid"]), "name": values(frame["name"])}
    if estates is None:
        keys = ("shapes", "district", "reason", "missing", "status", "walk")
        return rows | {key: [] for key in keys}
    for name in ESTATE_COLUMNS:
        rows[name] = values(frame[name])
    people, estimated = people_of(estates) if coverage is None else _people(coverage)
    rows["people"] = values(pd.Series(np.round(people)))
    rows["estimated"] = [int(flag) for flag in estimated]
    rows["shapes"] = writer.write(frame.geometry, simplify_m=ESTATE_SIMPLIFY_M)
    rows["district"], rows["reason"] = _membership(estates, plan)
    rows["missing"] = _missing(coverage, n).tolist()
    codes = {word: code for code, (word, _) in enumerate(styles.STATUS)}
    items = coverage.items if coverage is not None else ()
    rows["status"] = [[codes[str(word)] for word in item.status] for item in items]
    rows["walk"] = [
        [None if np.isnan(metres) else round(metres) for metres in item.walk_m.tolist()]
        for item in items
    ]
    return rows


def _missing(coverage: Coverage | None, n: int) -> NDArray[np.int64]:
    """Return (n,) services that must be in reach and are not; -1 where nothing is known of any."""
    if coverage is None:
        return np.full(n, -1)
    told = [np.isin(item.status, ("covered", "gap")) for item in coverage.items if item.rule.must]
    known = np.any(told, axis=0) if told else np.zeros(n, dtype=bool)
    return np.where(known, coverage.missing_count(), -1)


def _people(coverage: Coverage) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return coverage.people, coverage.people_estimated


def _membership(
    estates: Layer, plan: DistrictPlan | None
) -> tuple[list[int], list[dict[str, str] | None]]:
    """Place of each estate's district in the plan's list (-1: none), and why it was left out.

    Who is left out has a reason, by language; who takes no part has none.
    """
    if plan is None:
        return [-1] * len(estates), [None] * len(estates)
    order = {name: i for i, name in enumerate(plan.districts)}
    member = dict(zip(plan.estates, plan.district, strict=True))
    reasons = {
        left.estate: {lang: _left_out(left, lang) for lang in ("zh", "en")}
        for left in plan.left_out
    }
    district = [order.get(member.get(uid) or "", -1) for uid in estates.uids]
    return district, [reasons.get(uid) for uid in estates.uids]


def _left_out(left: LeftOut, lang: str) -> str:
    """Why an estate is in no district, and what would place it."""
    reason = left_words(left.reason, lang)
    if not left.remedy:
        return reason
    remedy = left_words(left.remedy, lang)
    return f"{reason}。可行的调整：{remedy}" if lang == "zh" else f"{reason}. Way out: {remedy}"


def _districts(plan: DistrictPlan, study: Study, writer: ShapeWriter) -> list[dict[str, Any]]:
    estates, names = study.layer("estates"), plan.districts
    grounds = writer.write(district_grounds(plan, study))
    member, _ = _membership(estates, plan)
    colour = _colours(len(names), member, plan, estates)
    people, _ = people_of(estates)
    centres = estates.frame.geometry.centroid
    result = []
    for i, name in enumerate(names):
        inside = np.array(member) == i
        middle = centres[inside].to_crs("EPSG:4326")
        at = writer.point(float(middle.x.median()), float(middle.y.median()))
        known = people[inside][~np.isnan(people[inside])]
        result.append(
            {
                "name": name,
                "colour": styles.DISTRICT_COLOURS[colour[i] % len(styles.DISTRICT_COLOURS)],
                "estates": int(inside.sum()),
                "people": round(float(known.sum())) if len(known) else None,
                "at": at,
                "ground": grounds[i],
            }
        )
    return result


def _colours(n: int, member: list[int], plan: DistrictPlan, estates: Layer) -> list[int]:
    """Greedy colouring: a district takes the least used colour that no neighbour has."""
    row = {uid: i for i, uid in enumerate(estates.uids)}
    place = np.array([member[row[uid]] if uid in row else -1 for uid in plan.estates])
    links = np.asarray(plan.adjacency.links).reshape(-1, 2)
    pairs = place[links] if len(place) else np.empty((0, 2), dtype=int)
    neighbours: list[set[int]] = [set() for _ in range(n)]
    for a, b in pairs[(pairs[:, 0] != pairs[:, 1]) & (pairs >= 0).all(axis=1)].tolist():
        neighbours[a].add(b)
        neighbours[b].add(a)
    colour = [-1] * n
    used = [0] * len(styles.DISTRICT_COLOURS)
    for i in range(n):
        taken = {colour[j] for j in neighbours[i]}
        free = [c for c in range(len(used)) if c not in taken] or list(range(len(used)))
        colour[i] = min(free, key=lambda c: (used[c], c))
        used[colour[i]] += 1
    return colour


def _items(coverage: Coverage | None) -> list[dict[str, Any]]:
    if coverage is None:
        return []
    known = Categories.load()
    return [
        {
            "categories": list(item.rule.categories),
            "zh": item.rule.zh,
            "en": item.rule.en,
            "group": known[item.rule.category].group,
            "must": item.rule.must,
            "limit_m": item.rule.limit_m,
            "limit_s": item.rule.limit_s,
            "clause": item.rule.clause,
            "verified": item.rule.verified,
            "known": item.has_data,
        }
        for item in coverage.items
    ]


def _headline(coverage: Coverage | None) -> list[dict[str, Any]]:
    """Estates and people with a gap in what must be there: for old people, for small children."""
    if coverage is None:
        return []
    known = Categories.load()
    lines = []
    for group in HEADLINE_GROUPS:
        items = [i for i in coverage.items if i.rule.must and known[i.rule.category].group == group]
        if not items:
            continue
        told = [item for item in items if item.has_data]
        gap = np.any([item.status == "gap" for item in items], axis=0)
        zh, en = styles.GROUP_WORDS[group]
        lines.append(
            {
                "zh": f"{zh}（{'、'.join(item.rule.zh for item in told or items)}）",
                "en": f"{en} ({', '.join(item.rule.en for item in told or items)})",
                # Of what was never imported nothing is known: no number, least of all a 0.
                "estates": int(gap.sum()) if told else None,
                "people": _total(coverage.people[gap]) if told and gap.any() else None,
            }
        )
    return lines


def _totals(estates: Layer | None, coverage: Coverage | None) -> dict[str, Any]:
    if estates is None:
        return {"estates": 0, "households": None, "people": None, "people_unknown": 0}
    people = _people(coverage)[0] if coverage is not None else people_of(estates)[0]
    households = estates.numbers("households")
    unknown = np.isnan(people)
    return {
        "estates": len(estates),
        "households": _total(households),
        "people": _total(people),
        "people_unknown": int(unknown.sum()),
    }


def _total(numbers: NDArray[np.float64]) -> int | None:
    """Sum of what is known; None where nothing is."""
    return None if np.isnan(numbers).all() else round(float(np.nansum(numbers)))


def _pack(rules: RulePack | None) -> dict[str, Any] | None:
    if rules is None:
        return None
    return {"name": rules.name, "zh": rules.zh, "en": rules.en, "source": rules.source}


def _plan(plan: DistrictPlan | None, violations: Sequence[Violation]) -> dict[str, Any] | None:
    if plan is None:
        return None
    return {
        "name": plan.name,
        "broken": len(violations),
        "faults": [{"zh": one.words_zh, "en": one.words} for one in violations[:FAULTS_TOLD]],
        "status": plan.status,
        "left_out": len(plan.left_out),
        "sizes": [
            {
                "column": {lang: size_words(column, lang) for lang in ("zh", "en")},
                "unit": {lang: size_unit(column, lang) for lang in ("zh", "en")},
                "low": low,
                "high": high if np.isfinite(high) else None,
            }
            for column, (low, high) in plan.settings.get("sizes", {}).items()
        ],
        "objective": plan.objective if np.isfinite(plan.objective) else None,
        # Nothing is below 0: such a bound says nothing.
        "bound": plan.bound if np.isfinite(plan.bound) and plan.bound > 0 else None,
    }


_BASIS_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "link": ("到路段的连接", "Leg to the street"),
    "longest_link_m": ("最长连接（米）", "Longest leg (m)"),
    "persons_per_household": ("户均人口（人）", "Persons per household"),
    "network_stamp": ("路网指纹", "Network stamp"),
}


_LINK_WORDS: Final = {
    "counted": {"zh": "计入步行距离", "en": "counted"},
    "free": {"zh": "不计入步行距离", "en": "not counted"},
}


def _basis(
    study: Study, coverage: Coverage | None, sources: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """What the figures rest on; a value is text, or one text for each language."""
    crs = study.crs
    code = crs.to_epsg() if crs is not None else None
    lines: list[dict[str, Any]] = [
        {"zh": "坐标系", "en": "CRS", "value": f"EPSG:{code}" if code else str(crs)}
    ]
    if coverage is not None:
        for key, (zh, en) in _BASIS_WORDS.items():
            if key in coverage.assumptions:
                value = coverage.assumptions[key]
                shown = f"{value:g}" if isinstance(value, float) else str(value)
                lines.append({"zh": zh, "en": en, "value": _LINK_WORDS.get(shown, shown)})
    for kind, files in sources.items():
        if files:
            zh, en = f"数据：{KINDS[kind].zh}", f"Data: {KINDS[kind].en}"
            lines.append({"zh": zh, "en": en, "value": ", ".join(files)})
    return lines


_STARTS: Final[Mapping[str, tuple[str, str]]] = {
    "gate": ("小区出入口", "the estate's gate"),
    "building": ("楼栋（无楼栋的小区从出入口）", "the building (the gate where none is known)"),
}


def _notes(
    rules: RulePack | None, plan: DistrictPlan | None, coverage: Coverage | None
) -> list[dict[str, str]]:
    origin = "gate" if coverage is None else str(coverage.assumptions.get("origin", "gate"))
    zh, en = _STARTS[origin]
    notes = [
        {
            "zh": f"距离沿道路步行计算，从{zh}起，到设施止；直线缓冲区不作依据。",
            "en": f"Distances are walked along the streets from {en}, never by air.",
        }
    ]
    if rules is not None and not all(rule.verified for rule in rules.rules):
        notes.append(
            {
                "zh": "部分条文数值尚未与标准原文核对，仅供参考。",
                "en": "Some figures of the rule pack are not yet checked against the printed text.",
            }
        )
    if plan is not None and plan.left_out:
        notes.append(
            {
                "zh": f"{len(plan.left_out)} 个小区未编入片区，点击小区可见原因。",
                "en": f"{len(plan.left_out)} estates are left out; click one to see why.",
            }
        )
    return notes


def _styles(coverage: Coverage | None) -> dict[str, Any]:
    n = 0 if coverage is None else len(coverage.estates)
    steps = styles.missing_steps(_missing(coverage, n))
    return {
        "plain": styles.PLAIN,
        "none": styles.NO_DISTRICT,
        "missing": [{"from": a, "to": b, "colour": colour} for a, b, colour in steps],
        "status": [{"word": word, "colour": colour} for word, colour in styles.STATUS],
    }

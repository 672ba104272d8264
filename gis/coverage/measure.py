"""Measure who walks to what: one network, one linking of all points, one search."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.coverage.result import AREAS, Coverage, CoverageItem, texts
from gis.coverage.walks import Walks, category_codes, walk_all
from gis.errors import OptionError
from gis.model import (
    PERSONS_PER_HOUSEHOLD,
    Finding,
    Layer,
    Progress,
    Study,
    people_of,
    silent,
)
from gis.network import Ground, Origins, WalkNetwork, lay_ground
from gis.rules import Rule, RulePack, Walker, load_walker

NAMES_SHOWN: Final = 3


def measure_coverage(
    study: Study,
    rules: Sequence[Rule],
    *,
    link: str = "counted",
    longest_link_m: float = 300.0,
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
    pack: RulePack | None = None,
    progress: Progress | None = None,
) -> Coverage:
    """Walk from every estate to the nearest facility of each rule, along the streets.

    Parameters
    ----------
    study
        Needs estates and streets; gates, walls, barriers and communities are used where there are.
    rules
        The lines of a rule pack, or own ones.
    link
        "counted": the leg between a gate (or a facility) and its street is walked; "free": it is
        left out, as many reference results do.
    longest_link_m
        Beyond this leg a point is unlinked.
    persons_per_household
        Estimates people where only households are known.
    pack
        The pack that the rules come from; its name and date travel with the result.

    Returns
    -------
    coverage
        Items in the order of ``rules``. Categories of which nothing was imported, and those whose
        facilities all lie too far from any street (a fault in the data), are "no-data".

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets.
    OptionError
        No rules, or an option out of range.
    """
    _require_options(rules, persons_per_household)
    say = progress or silent
    estates = study.layer("estates")
    walkers = {rule.walker: load_walker(rule.walker) for rule in rules}
    say(0.0, "streets")
    ground = lay_ground(study, link=link, longest_link_m=longest_link_m)
    say(0.7, "walks")
    codes = category_codes(study)
    walks = walk_all(ground, codes, rules, walkers)
    linked = ground.linked()
    items = tuple(_item(study, rule, walkers[rule.walker], codes, ground, walks) for rule in rules)
    people, estimated = people_of(estates, persons_per_household=persons_per_household)
    areas, filled = _areas(study)
    words = _access_words(ground.origins, linked)
    say(1.0, "done")
    return Coverage(
        estates=estates,
        items=items,
        people=people,
        people_estimated=estimated,
        households=estates.numbers("households"),
        access=words,
        areas=areas,
        assumptions=_assumptions(rules, pack, walkers, ground.network, words)
        | {
            "link": link,
            "longest_link_m": longest_link_m,
            "persons_per_household": persons_per_household,
        },
        findings=(
            *ground.findings,
            *_shut(ground.origins, estates),
            *_link_findings(study, linked, ground, codes, rules, longest_link_m),
            *_part_findings(estates, ground, codes, rules),
            *_data_findings(study, codes, rules, people, estimated),
            *filled,
        ),
    )


def _require_options(rules: Sequence[Rule], persons_per_household: float) -> None:
    if not rules:
        raise OptionError("There is no rule to measure; give a rule pack or an own limit")
    if not 0 < persons_per_household < np.inf:
        raise OptionError(f"persons_per_household is {persons_per_household}; give it above 0")


def _item(
    study: Study,
    rule: Rule,
    walker: Walker,
    codes: NDArray[np.object_],
    ground: Ground,
    walks: Walks,
) -> CoverageItem:
    cm, row = walks.cm[rule.categories], walks.facility[rule.categories]
    walk_m = np.where(cm >= 0, cm / 100.0, np.nan)
    limit_cm = rule.limit_cm(walker)
    status = np.where((cm >= 0) & (cm <= limit_cm), "covered", "gap").astype(object)
    status[~ground.linked()] = "unlinked"
    if not _has_data(study, rule, codes, ground):
        status[:] = "no-data"
    return CoverageItem(
        rule=rule,
        status=status,
        walk_m=walk_m,
        facility=_of_nearest(study, "uid", row),
        facility_name=_of_nearest(study, "name", row),
        walk_s=walk_m / walker.speed_m_s,
        limit_cm=limit_cm,
    )


def _of_nearest(study: Study, column: str, row: NDArray[np.int64]) -> NDArray[np.object_]:
    words = np.full(len(row), None, dtype=object)
    if "facilities" in study:
        found = row >= 0
        words[found] = texts(study.layer("facilities"), column)[row[found]]
    return words


def _has_data(study: Study, rule: Rule, codes: NDArray[np.object_], ground: Ground) -> bool:
    here = np.isin(codes, rule.categories)
    if here.any():
        # All too far from any street: the file or its coordinates are wrong, not the city.
        return bool((ground.doors.node[here] >= 0).any())
    return rule.category in study.none_of


def _shut(access: Origins, estates: Layer) -> Iterator[Finding]:
    """Tell of estates that have gates, but none that walkers may use."""
    shut = np.setdiff1d(np.arange(len(estates)), access.estate)
    if len(shut):
        yield Finding(
            "gates-shut",
            f"{len(shut)} estates have no gate open to walkers and are unlinked: "
            f"{', '.join(str(uid) for uid in estates.uids[shut[:5]])}; check the column access of "
            "their gates",
        )


def _access_words(access: Origins, linked: NDArray[np.bool_]) -> NDArray[np.object_]:
    words = np.full(len(linked), "unlinked", dtype=object)
    words[access.estate] = access.source
    words[~linked] = "unlinked"
    return words


def _areas(study: Study) -> tuple[dict[str, NDArray[np.object_]], tuple[Finding, ...]]:
    """Community and subdistrict of each estate: its own words, else the polygon it lies in.

    An estate lies where a point inside its outline lies (the point itself where it is one).
    """
    estates = study.layer("estates")
    areas = {column: texts(estates, column) for column in AREAS}
    if "communities" not in study:
        return areas, ()
    communities = study.layer("communities")
    names = {
        "community": texts(communities, "name"),
        "subdistrict": texts(communities, "subdistrict"),
    }
    inside = shapely.point_on_surface(estates.geometries)
    estate, polygon = shapely.STRtree(communities.geometries).query(inside, predicate="intersects")
    rows, first = np.unique(estate, return_index=True)
    polygon = polygon[first]
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


def _assumptions(
    rules: Sequence[Rule],
    pack: RulePack | None,
    walkers: Mapping[str, Walker],
    network: WalkNetwork,
    access: NDArray[np.object_],
) -> dict[str, Any]:
    counts = Counter(access.tolist())
    return _pack_words(pack) | {
        "sources": list(dict.fromkeys(rule.source for rule in rules)),
        "unverified_rules": sum(not rule.verified for rule in rules),
        "walkers": {
            name: {"zh": w.zh, "en": w.en, "speed_m_s": w.speed_m_s, "source": w.source}
            for name, w in walkers.items()
        },
        "network_stamp": _stamp(network),
        "access": {word: counts[word] for word in ("gate", "boundary", "point", "unlinked")},
    }


def _pack_words(pack: RulePack | None) -> dict[str, Any]:
    if pack is None:
        return {"rule_pack": None}
    return {
        "rule_pack": pack.name,
        "rule_pack_zh": pack.zh,
        "rule_pack_en": pack.en,
        "rule_pack_date": pack.date,
        "rule_pack_source": pack.source,
        "rule_pack_note": pack.note,
        "rule_pack_note_en": pack.note_en,
        "not_tested": [asdict(line) for line in pack.not_tested],
    }


def _stamp(network: WalkNetwork) -> str:
    """Short hash of the streets as walked: equal stamps mean equal distances."""
    digest = hashlib.sha256()
    for array in (np.rint(network.xy * 1000).astype("<i8"), network.links, network.length_cm):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def _link_findings(
    study: Study,
    linked: NDArray[np.bool_],
    ground: Ground,
    codes: NDArray[np.object_],
    rules: Sequence[Rule],
    longest_link_m: float,
) -> Iterator[Finding]:
    estates = study.layer("estates")
    if not linked.all():
        yield Finding(
            "estates-unlinked",
            f"{int((~linked).sum())} of {len(linked)} estates have no street within "
            f"{longest_link_m:g} m on their side of walls and barriers "
            f"({_named(estates, np.flatnonzero(~linked))}); complete the streets or the gates",
        )
    used = sorted({code for rule in rules for code in rule.categories})
    lost = np.isin(codes, used) & (ground.doors.node < 0)
    if lost.any():
        rows = np.flatnonzero(lost)
        yield Finding(
            "facilities-unlinked",
            f"{len(rows)} facilities have no street within {longest_link_m:g} m and count for "
            f"nobody ({_named(study.layer('facilities'), rows)}); check their positions",
        )
    for code in used:
        of_code = codes == code
        if of_code.any() and not (ground.doors.node[of_code] >= 0).any():
            yield Finding(
                "category-all-unlinked",
                f"All {int(of_code.sum())} facilities of '{code}' lie more than "
                f"{longest_link_m:g} m from any street, so the category counts as no data; "
                "check the coordinates of their file",
                "error",
            )


def _part_findings(
    estates: Layer, ground: Ground, codes: NDArray[np.object_], rules: Sequence[Rule]
) -> Iterator[Finding]:
    """Estates whose streets lead to no facility at all: a gap, but perhaps one of the streets."""
    apart = np.zeros(len(estates), dtype=bool)
    part = np.append(ground.network.components(), -1)
    gate_part, door_part = part[ground.origins.node], part[ground.doors.node]
    gates = ground.origins.node >= 0
    for group in dict.fromkeys(rule.categories for rule in rules):
        doors = np.isin(codes, group) & (ground.doors.node >= 0)
        if not doors.any():
            continue
        leads = gates & np.isin(gate_part, door_part[doors])
        without = ground.linked()
        without[ground.origins.estate[leads]] = False
        apart |= without
    if apart.any():
        parts = np.unique(gate_part[gates & apart[ground.origins.estate]])
        yield Finding(
            "estates-apart",
            f"{int(apart.sum())} estates stand on {len(parts)} parts of the streets that do not "
            f"lead to every category ({_named(estates, np.flatnonzero(apart))}); they count as "
            "gaps: check whether a street or bridge is missing in the streets",
        )


def _data_findings(
    study: Study,
    codes: NDArray[np.object_],
    rules: Sequence[Rule],
    people: NDArray[np.float64],
    estimated: NDArray[np.bool_],
) -> Iterator[Finding]:
    wanted = {code for rule in rules for code in rule.categories}
    both = sorted(study.none_of & wanted & {code for code in codes if code})
    if both:
        yield Finding(
            "none-contradicted",
            f"It was stated that there is no {', '.join(both)}, but there are some among the "
            "facilities; they are used",
        )
    unknown = int(np.isnan(people).sum())
    if unknown:
        yield Finding(
            "people-unknown",
            f"{unknown} of {len(people)} estates have neither people nor households; sums of "
            "people leave them out",
        )
    if estimated.any():
        yield Finding(
            "people-estimated",
            f"The people of {int(estimated.sum())} estates are households times persons per "
            "household",
            "info",
        )


def _named(layer: Layer, rows: NDArray[np.int64]) -> str:
    names, uids = texts(layer, "name"), layer.uids
    shown = ", ".join(str(names[i] or uids[i]) for i in rows[:NAMES_SHOWN])
    more = len(rows) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown

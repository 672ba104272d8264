"""Measure who walks to what: one network, one linking of all points, one search."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.coverage.result import AREAS, Coverage, CoverageItem, texts
from gis.errors import OptionError
from gis.model import (
    PERSONS_PER_HOUSEHOLD,
    Categories,
    Finding,
    Layer,
    Progress,
    Study,
    people_of,
    silent,
)
from gis.network import (
    AccessPoints,
    WalkNetwork,
    attach,
    blockers_of,
    build_network,
    estate_access,
    facility_access,
)
from gis.rules import Rule, RulePack, Walker, load_walker

SEARCH_TIMES_LIMIT: Final = 3
SEARCH_AT_LEAST_M: Final = 3000.0
"""How far beyond the limit is searched, so that a gap says how far the nearest facility is."""

LINKS: Final = ("counted", "free")
NAMES_SHOWN: Final = 3
_BEYOND_CM: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class _Places:
    """Gates and facilities on the network; -1 where unlinked.

    ``gate`` (p,) and ``facility`` (f,) are nodes, ``gate_part`` and ``facility_part`` the part of
    the network they lie in, ``estate`` (p,) the estate of each gate.
    """

    network: WalkNetwork
    gate: NDArray[np.int64]
    gate_part: NDArray[np.int64]
    estate: NDArray[np.int64]
    facility: NDArray[np.int64]
    facility_part: NDArray[np.int64]

    def rows_linked(self, count: int) -> NDArray[np.bool_]:
        """Return (count,) which estates have a gate that is linked."""
        linked = np.zeros(count, dtype=bool)
        linked[self.estate[self.gate >= 0]] = True
        return linked


@dataclass(frozen=True, eq=False)
class _Walks:
    """For each group of categories, the walk of each estate (n,) in cm and its facility's row."""

    cm: Mapping[tuple[str, ...], NDArray[np.int64]]
    facility: Mapping[tuple[str, ...], NDArray[np.int64]]


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
    _require_options(rules, link, persons_per_household)
    say = progress or silent
    estates, streets = study.layer("estates"), study.layer("streets")
    walkers = {rule.walker: load_walker(rule.walker) for rule in rules}
    say(0.0, "streets")
    network, findings = build_network(streets)
    say(0.4, "links")
    access = estate_access(study, longest_link_m=longest_link_m)
    doors = np.empty((0, 2))
    if "facilities" in study:
        doors = facility_access(study, longest_link_m=longest_link_m)
    places = _link(study, network, access, doors, link=link, longest_link_m=longest_link_m)
    say(0.7, "walks")
    codes = _category_codes(study)
    walks = _walk(places, codes, rules, walkers, estates=len(estates))
    linked = places.rows_linked(len(estates))
    items = tuple(_item(study, rule, walkers[rule.walker], codes, places, walks) for rule in rules)
    people, estimated = people_of(estates, persons_per_household=persons_per_household)
    areas, filled = _areas(study)
    words = _access_words(access, linked)
    say(1.0, "done")
    return Coverage(
        estates=estates,
        items=items,
        people=people,
        people_estimated=estimated,
        households=estates.numbers("households"),
        access=words,
        areas=areas,
        assumptions=_assumptions(rules, pack, walkers, network, words)
        | {
            "link": link,
            "longest_link_m": longest_link_m,
            "persons_per_household": persons_per_household,
        },
        findings=(
            *findings,
            *_shut(access, estates),
            *_link_findings(study, linked, places, codes, rules, longest_link_m),
            *_part_findings(estates, places, codes, rules),
            *_data_findings(study, codes, rules, people, estimated),
            *filled,
        ),
    )


def _require_options(rules: Sequence[Rule], link: str, persons_per_household: float) -> None:
    if not rules:
        raise OptionError("There is no rule to measure; give a rule pack or an own limit")
    if link not in LINKS:
        raise OptionError(f"link is '{link}'; give one of: {', '.join(LINKS)}")
    if not 0 < persons_per_household < np.inf:
        raise OptionError(f"persons_per_household is {persons_per_household}; give it above 0")


def _link(
    study: Study,
    network: WalkNetwork,
    access: AccessPoints,
    doors: NDArray[np.float64],
    *,
    link: str,
    longest_link_m: float,
) -> _Places:
    linked = attach(
        network,
        np.concatenate([access.xy, doors]),
        longest_link_m=longest_link_m,
        counted=link == "counted",
        blockers=blockers_of(study),
    )
    gates = len(access.xy)
    return _Places(
        network=linked.network,
        gate=linked.node[:gates],
        gate_part=linked.component[:gates],
        estate=access.estate,
        facility=linked.node[gates:],
        facility_part=linked.component[gates:],
    )


def _category_codes(study: Study) -> NDArray[np.object_]:
    """Return (f,) the category of each facility, None where its word stands for none."""
    if "facilities" not in study:
        return np.empty(0, dtype=object)
    words = study.layer("facilities").frame["category"]
    categories = Categories.load()
    codes = {word: categories.recognise(word) for word in words.unique()}
    return np.array([codes[word] for word in words], dtype=object)


def _walk(
    places: _Places,
    codes: NDArray[np.object_],
    rules: Sequence[Rule],
    walkers: Mapping[str, Walker],
    *,
    estates: int,
) -> _Walks:
    groups = list(dict.fromkeys(rule.categories for rule in rules))
    usable = [
        np.flatnonzero(np.isin(codes, group) & (places.facility >= 0)) for group in groups
    ]  # fmt: skip
    farthest_cm = max(rule.limit_cm(walkers[rule.walker]) for rule in rules)
    limit_m = max(SEARCH_TIMES_LIMIT * farthest_cm / 100, SEARCH_AT_LEAST_M)
    reach = places.network.reach([places.facility[doors] for doors in usable], limit_m=limit_m)
    linked = np.flatnonzero(places.gate >= 0)
    nodes = places.gate[linked]
    cm, facility = {}, {}
    for k, group in enumerate(groups):
        far = reach.cm[k, nodes].astype(np.int64)
        far[far < 0] = _BEYOND_CM
        # The nearest gate of each estate; of equals the one that comes first.
        order = np.lexsort((far, places.estate[linked]))
        row, first = np.unique(places.estate[linked][order], return_index=True)
        best = order[first]
        best, row = best[far[best] < _BEYOND_CM], row[far[best] < _BEYOND_CM]
        cm[group] = np.full(estates, -1, dtype=np.int64)
        cm[group][row] = far[best]
        facility[group] = np.full(estates, -1, dtype=np.int64)
        if len(row):
            facility[group][row] = usable[k][reach.nearest[k, nodes[best]]]
    return _Walks(cm, facility)


def _item(
    study: Study,
    rule: Rule,
    walker: Walker,
    codes: NDArray[np.object_],
    places: _Places,
    walks: _Walks,
) -> CoverageItem:
    cm, row = walks.cm[rule.categories], walks.facility[rule.categories]
    walk_m = np.where(cm >= 0, cm / 100.0, np.nan)
    limit_cm = rule.limit_cm(walker)
    status = np.where((cm >= 0) & (cm <= limit_cm), "covered", "gap").astype(object)
    status[~places.rows_linked(len(cm))] = "unlinked"
    if not _has_data(study, rule, codes, places):
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


def _has_data(study: Study, rule: Rule, codes: NDArray[np.object_], places: _Places) -> bool:
    here = np.isin(codes, rule.categories)
    if here.any():
        # All too far from any street: the file or its coordinates are wrong, not the city.
        return bool((places.facility[here] >= 0).any())
    return rule.category in study.none_of


def _shut(access: AccessPoints, estates: Layer) -> Iterator[Finding]:
    """Tell of estates that have gates, but none that walkers may use."""
    shut = np.setdiff1d(np.arange(len(estates)), access.estate)
    if len(shut):
        yield Finding(
            "gates-shut",
            f"{len(shut)} estates have no gate open to walkers and are unlinked: "
            f"{', '.join(str(uid) for uid in estates.uids[shut[:5]])}; check the column access of "
            "their gates",
        )


def _access_words(access: AccessPoints, linked: NDArray[np.bool_]) -> NDArray[np.object_]:
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
    places: _Places,
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
    lost = np.isin(codes, used) & (places.facility < 0)
    if lost.any():
        rows = np.flatnonzero(lost)
        yield Finding(
            "facilities-unlinked",
            f"{len(rows)} facilities have no street within {longest_link_m:g} m and count for "
            f"nobody ({_named(study.layer('facilities'), rows)}); check their positions",
        )
    for code in used:
        of_code = codes == code
        if of_code.any() and not (places.facility[of_code] >= 0).any():
            yield Finding(
                "category-all-unlinked",
                f"All {int(of_code.sum())} facilities of '{code}' lie more than "
                f"{longest_link_m:g} m from any street, so the category counts as no data; "
                "check the coordinates of their file",
                "error",
            )


def _part_findings(
    estates: Layer, places: _Places, codes: NDArray[np.object_], rules: Sequence[Rule]
) -> Iterator[Finding]:
    """Estates whose streets lead to no facility at all: a gap, but perhaps one of the streets."""
    apart = np.zeros(len(estates), dtype=bool)
    gates = places.gate >= 0
    for group in dict.fromkeys(rule.categories for rule in rules):
        doors = np.isin(codes, group) & (places.facility >= 0)
        if not doors.any():
            continue
        leads = gates & np.isin(places.gate_part, places.facility_part[doors])
        without = places.rows_linked(len(estates))
        without[places.estate[leads]] = False
        apart |= without
    if apart.any():
        parts = np.unique(places.gate_part[gates & apart[places.estate]])
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

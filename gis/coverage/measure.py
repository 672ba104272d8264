"""Measure who walks to what: one ground, one search per walker, one verdict per rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from gis.coverage.areas import areas_of
from gis.coverage.assumptions import assumptions_of
from gis.coverage.facilities import (
    Sought,
    Wanted,
    category_codes,
    sought_of,
    wanted_by,
)
from gis.coverage.findings import (
    data_findings,
    group_findings,
    link_findings,
    part_findings,
    size_findings,
)
from gis.coverage.grades import Basis, basis_of, item_grade, whole_grade
from gis.coverage.homes import Homes, homes_of
from gis.coverage.item import CoverageItem, item_of
from gis.coverage.judge import judge
from gis.coverage.people import Crowd, Crowds, crowds_of
from gis.coverage.result import Coverage
from gis.coverage.walks import Walks, minds_heights, mode_of, walk_all
from gis.demand import NATIONAL
from gis.errors import MissingLayerError, OptionError
from gis.grade import Grade
from gis.model import PERSONS_PER_HOUSEHOLD, Finding, Layer, Progress, Study, silent
from gis.network import Ground, lay_ground, with_heights
from gis.network.heights import unknown_share
from gis.rules import Instead, Rule, RulePack
from gis.walkers import Walker, load_walker

TERRAINS: Final = ("auto", "on", "off")
AT: Final = "10:00"


def measure_coverage(
    study: Study,
    rules: Sequence[Rule],
    *,
    pack: RulePack | None = None,
    link: str = "counted",
    longest_link_m: float = 300.0,
    at: str = AT,
    origin: Literal["gate", "building"] = "gate",
    walker: str | None = None,
    terrain: str = "auto",
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
    place: str = NATIONAL,
    progress: Progress | None = None,
) -> Coverage:
    """Walk from every estate to the nearest facility of each rule, along the streets.

    Limits in metres are walked on all streets that are open to the rule's walker; limits in minutes
    in his time, with stairs, waiting and, where heights are known, slopes. A rule of a round trip
    holds where the way to one facility and the way back from it both keep the limit.

    Parameters
    ----------
    study
        Needs estates and streets; gates, walls, barriers, buildings, heights and communities are
        used where there are.
    rules
        The lines of a rule pack, or own ones.
    pack
        The pack that the rules come from; its name and date travel with the result.
    link
        "counted": the leg between a gate (or a facility) and its street is walked; "free": it is
        left out, as many reference results do.
    longest_link_m
        Beyond this leg a point is unlinked.
    at
        The hour, "HH:MM": gates that are shut then are not walked through.
    origin
        "gate": people start at the gates of their estate. "building": at their building; an estate
        is covered when all its linked buildings are, and people are counted by building.
    walker
        Name of one who walks all rules, in place of those that the rules name; minutes are then
        his.
    terrain
        "auto": slopes count where heights are known; "on": they have to be known; "off": all is
        flat. Assumptions say what was done.
    persons_per_household
        Estimates people where only households are known.
    place
        Name of the policy profile whose shares estimate old people and children.

    Returns
    -------
    coverage
        Items in the order of ``rules``. Categories of which nothing was imported, and those whose
        facilities all lie too far from any street (a fault in the data), are "no-data".

    Raises
    ------
    MissingLayerError
        The study has no estates or no streets; no buildings for ``origin="building"``; no heights
        for ``terrain="on"``.
    OptionError
        No rules, or an option out of range.
    UnknownNameError
        There is no such walker.
    """
    _require_options(rules, persons_per_household, terrain)
    study.layer("estates")
    if origin == "building":
        study.layer("buildings")
    say = progress or silent
    say(0.0, "streets")
    ground = lay_ground(study, at=at, origin=origin, link=link, longest_link_m=longest_link_m)
    say(0.6, "walks")
    coverage = measure_on(
        ground,
        study,
        rules,
        pack=pack,
        link=link,
        longest_link_m=longest_link_m,
        walker=walker,
        terrain=terrain,
        persons_per_household=persons_per_household,
        place=place,
    )
    say(1.0, "done")
    return coverage


def measure_on(
    ground: Ground,
    study: Study,
    rules: Sequence[Rule],
    *,
    pack: RulePack | None = None,
    link: str = "counted",
    longest_link_m: float = 300.0,
    walker: str | None = None,
    terrain: str = "auto",
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
    place: str = NATIONAL,
) -> Coverage:
    """Measure on a ground that is laid already; see `measure_coverage`.

    ``link`` and ``longest_link_m`` are those that it was laid with; they are only told.

    Raises
    ------
    MissingLayerError, OptionError, UnknownNameError
        As there.
    """
    _require_options(rules, persons_per_household, terrain)
    walkers = _walkers(rules, walker)
    ground, up_and_down, of_heights = _with_terrain(ground, study, terrain, _minds(rules, walkers))
    homes = homes_of(ground)
    groups = {rule.group for rule in rules} | {s.of for r in rules for s in r.demand_sizes}
    crowds = crowds_of(
        study, homes, groups, place=place, persons_per_household=persons_per_household
    )
    facts = _facts(study, ground, rules)
    walks = walk_all(ground, homes, rules, walkers, facts.sought, terrain=up_and_down)
    basis = basis_of(ground, 1.0 - unknown_share(ground.network))
    items = tuple(
        _item(i, rule, walkers[i], facts, homes, walks, crowds, basis)
        for i, rule in enumerate(rules)
    )
    areas, filled = areas_of(study)
    access = _access_words(ground)
    everybody, slopes = crowds.of["all"], any(walks.terrain)
    told = (*ground.findings, *of_heights, *walks.findings)
    told += _findings(study, ground, facts, rules, items, crowds, longest_link_m)
    options = {
        "link": link,
        "longest_link_m": longest_link_m,
        "persons_per_household": persons_per_household,
        "place": place,
        "walker": walker,
        **_terrain_words(terrain, basis, slopes=slopes),
    }
    return Coverage(
        estates=study.layer("estates"),
        items=items,
        people=everybody.estates,
        people_estimated=everybody.estimated,
        households=study.layer("estates").numbers("households"),
        access=access,
        areas=areas,
        assumptions=assumptions_of(rules, walkers, pack, ground, access) | options,
        findings=tuple(dict.fromkeys((*told, *filled))),
        study=study,
        ground=ground,
        homes=homes,
        crowds=crowds,
        walks=walks,
        pack=pack,
        place=place,
        grade=_whole_grade(basis, rules, facts, everybody, slopes=slopes),
    )


def _require_options(rules: Sequence[Rule], persons_per_household: float, terrain: str) -> None:
    if not rules:
        raise OptionError("There is no rule to measure; give a rule pack or an own limit")
    if not 0 < persons_per_household < np.inf:
        raise OptionError(f"persons_per_household is {persons_per_household}; give it above 0")
    if terrain not in TERRAINS:
        raise OptionError(f"terrain is '{terrain}'; give one of: {', '.join(TERRAINS)}")


def _walkers(rules: Sequence[Rule], walker: str | None) -> list[Walker]:
    known = {name: load_walker(name) for name in {walker or rule.walker for rule in rules}}
    return [known[walker or rule.walker] for rule in rules]


def _terrain_words(terrain: str, basis: Basis, *, slopes: bool) -> dict[str, Any]:
    """Say what was asked for, what was done, and of what share of the streets heights are known."""
    return {
        "terrain_option": terrain,
        "terrain": "heights" if slopes else "flat",
        "heights_known": round(basis.heights, 4) if slopes else None,
    }


def _minds(rules: Sequence[Rule], walkers: Sequence[Walker]) -> bool:
    pairs = zip(rules, walkers, strict=True)
    return any(minds_heights(mode_of(rule), walker) for rule, walker in pairs)


def _with_terrain(
    ground: Ground, study: Study, terrain: str, minds: bool
) -> tuple[Ground, bool, tuple[Finding, ...]]:
    """Give the streets their heights; say whether slopes count, and what is not known of them."""
    if terrain == "off" or (terrain == "auto" and not minds):
        return ground, False, ()
    network, findings = with_heights(ground.network, study)
    if unknown_share(network) < 1.0:
        return replace(ground, network=network), True, findings
    if terrain == "on":
        why = "".join(f" ({each.message})" for each in findings if each.code == "heights-too-few")
        raise MissingLayerError(
            f"Slopes are asked for and no street has heights{why}; import them first: "
            "lianpian import PROJECT heights FILE, or measure without terrain"
        )
    flat = "Nothing is known of heights: minutes are walked as if all streets were flat"
    useless = tuple(each for each in findings if each.code == "heights-too-few")
    return ground, False, (*useless, Finding("heights-none", flat, "info"))


@dataclass(frozen=True, eq=False)
class _Facts:
    """What is known of the facilities, and which of them each rule accepts."""

    layer: Layer | None
    codes: NDArray[np.object_]
    linked: NDArray[np.bool_]
    none_of: frozenset[str]
    wanted: tuple[Wanted, ...]
    sought: tuple[Sought, ...]
    stand_ins: tuple[tuple[tuple[Instead, Sought], ...], ...]


def _facts(study: Study, ground: Ground, rules: Sequence[Rule]) -> _Facts:
    layer = study.layer("facilities") if "facilities" in study else None
    codes = category_codes(study)
    wanted = tuple(wanted_by(rule, codes, layer) for rule in rules)
    return _Facts(
        layer=layer,
        codes=codes,
        linked=ground.doors.linked(len(codes)),
        none_of=study.none_of,
        wanted=wanted,
        sought=tuple(sought_of(each, ground) for each in wanted),
        stand_ins=tuple(
            tuple(
                (instead, sought_of(wanted_by(instead, codes, layer), ground))
                for instead in rule.instead
            )
            for rule in rules
        ),
    )


def _has_data(rule: Rule, facts: _Facts) -> bool:
    here = np.isin(facts.codes, rule.categories)
    if here.any():
        # All too far from any street: the file or its coordinates are wrong, not the city.
        return bool(facts.linked[here].any())
    return rule.category in facts.none_of


def _item(
    i: int,
    rule: Rule,
    walker: Walker,
    facts: _Facts,
    homes: Homes,
    walks: Walks,
    crowds: Crowds,
    basis: Basis,
) -> CoverageItem:
    group, row = walks.of_rule(i)
    verdict = judge(rule, rule.limit_cm(walker), homes, group, row, facts.stand_ins[i])
    crowd = crowds.of[rule.group]
    return item_of(
        rule,
        walker,
        verdict,
        homes,
        len(crowd.estates),
        has_data=_has_data(rule, facts),
        codes=facts.codes,
        facilities=facts.layer,
        wanted=facts.wanted[i],
        group=crowd,
        grade=item_grade(basis, rule, crowd, facts.wanted[i], terrain=walks.terrain[i]),
    )


def _whole_grade(
    basis: Basis, rules: Sequence[Rule], facts: _Facts, everybody: Crowd, *, slopes: bool
) -> Grade:
    """Grade the whole by the facilities of all rules that ask for a size."""
    asked = [
        each.size_known[each.rows]
        for rule, each in zip(rules, facts.wanted, strict=True)
        if rule.min_floor_m2 is not None or rule.min_land_m2 is not None
    ]
    known = np.concatenate(asked) if asked else np.empty(0)
    share = float(np.mean(known)) if len(known) else None
    return whole_grade(basis, rules, everybody, share, terrain=slopes)


def _access_words(ground: Ground) -> NDArray[np.object_]:
    linked = ground.linked()
    words = np.full(len(linked), "unlinked", dtype=object)
    words[ground.origins.estate] = ground.origins.source
    words[~linked] = "unlinked"
    return words


def _findings(
    study: Study,
    ground: Ground,
    facts: _Facts,
    rules: Sequence[Rule],
    items: Sequence[CoverageItem],
    crowds: Crowds,
    longest_link_m: float,
) -> tuple[Finding, ...]:
    """Return what is to be told of the study."""
    linked = ground.linked()
    found: dict[str, Any] = {"codes": facts.codes, "rules": rules}
    return (
        *link_findings(
            study, linked, ground.shut(), facts.linked, longest_link_m=longest_link_m, **found
        ),
        *part_findings(study.layer("estates"), ground, **found),
        *size_findings(facts.layer, rules, facts.wanted),
        *data_findings(study, everybody=crowds.of["all"], **found),
        *group_findings(items),
        *crowds.findings,
    )

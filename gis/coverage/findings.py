"""What a person should know about the data that a measurement used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.coverage.facilities import Wanted
from gis.coverage.item import CoverageItem, texts
from gis.coverage.people import Crowd
from gis.model import Finding, Layer, Study
from gis.network import Ground
from gis.rules import Rule

NAMES_SHOWN: Final = 3


def link_findings(
    study: Study,
    linked: NDArray[np.bool_],
    shut: NDArray[np.bool_],
    doors: NDArray[np.bool_],
    codes: NDArray[np.object_],
    rules: Sequence[Rule],
    longest_link_m: float,
) -> Iterator[Finding]:
    """Tell of estates (n,) and facilities (f,) that are not linked.

    Estates all of whose gates are ``shut`` (n,) at that hour are told by the ground.
    """
    estates = study.layer("estates")
    apart = ~linked & ~shut
    if apart.any():
        yield Finding(
            "estates-unlinked",
            f"{int(apart.sum())} of {len(linked)} estates have no street within "
            f"{longest_link_m:g} m on their side of walls and barriers "
            f"({_named(estates, np.flatnonzero(apart))}); complete the streets or the gates",
        )
    used = sorted({code for rule in rules for code in rule.categories})
    lost = np.isin(codes, used) & ~doors
    if lost.any():
        rows = np.flatnonzero(lost)
        yield Finding(
            "facilities-unlinked",
            f"{len(rows)} facilities have no street within {longest_link_m:g} m and count for "
            f"nobody ({_named(study.layer('facilities'), rows)}); check their positions",
        )
    for code in used:
        of_code = codes == code
        if of_code.any() and not doors[of_code].any():
            yield Finding(
                "category-all-unlinked",
                f"All {int(of_code.sum())} facilities of '{code}' lie more than "
                f"{longest_link_m:g} m from any street, so the category counts as no data; "
                "check the coordinates of their file",
                "error",
            )


def part_findings(
    estates: Layer, ground: Ground, codes: NDArray[np.object_], rules: Sequence[Rule]
) -> Iterator[Finding]:
    """Estates whose streets lead to no facility at all: a gap, but perhaps one of the streets."""
    apart = np.zeros(len(estates), dtype=bool)
    part = np.append(ground.network.components(), -1)
    gate_part, door_part = part[ground.origins.node], part[ground.doors.node]
    gates = ground.origins.node >= 0
    of_door = codes[ground.doors.facility]
    for group in dict.fromkeys(rule.categories for rule in rules):
        doors = np.isin(of_door, group) & (ground.doors.node >= 0)
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


def data_findings(
    study: Study, codes: NDArray[np.object_], rules: Sequence[Rule], everybody: Crowd
) -> Iterator[Finding]:
    """Tell of statements against the data, and of people whom nobody counted."""
    wanted = {code for rule in rules for code in rule.categories}
    both = sorted(study.none_of & wanted & {code for code in codes if code})
    if both:
        yield Finding(
            "none-contradicted",
            f"It was stated that there is no {', '.join(both)}, but there are some among the "
            "facilities; they are used",
        )
    unknown = int(np.isnan(everybody.estates).sum())
    if unknown:
        yield Finding(
            "people-unknown",
            f"{unknown} of {len(everybody.estates)} estates have neither people nor households; "
            "sums of people leave them out",
        )
    if everybody.estimated.any():
        yield Finding(
            "people-estimated",
            f"The people of {int(everybody.estimated.sum())} estates are households times persons "
            "per household",
            "info",
        )


def group_findings(items: Sequence[CoverageItem]) -> Iterator[Finding]:
    """Tell which groups of people are estimates, and what these rest on."""
    told = {item.rule.group: item.group for item in items if item.rule.group != "all"}
    for group, crowd in told.items():
        if crowd.estimated.any():
            yield Finding(
                "group-estimated",
                f"{group} of {int(crowd.estimated.sum())} estates is an estimate: {crowd.source}",
                "info",
            )


def size_findings(
    facilities: Layer | None, rules: Sequence[Rule], wanted: Sequence[Wanted]
) -> Iterator[Finding]:
    """Tell which facilities do not count for their size, and which count although nobody knows."""
    if facilities is None:
        return
    for rule, each in zip(rules, wanted, strict=True):
        if len(each.too_small):
            yield Finding(
                "facilities-too-small",
                f"{rule.id}: {len(each.too_small)} facilities of '{rule.category}' are smaller "
                f"than {_least(rule)} and do not count ({_named(facilities, each.too_small)})",
            )
        unknown = int(np.sum(~each.size_known[each.rows]))
        if unknown:
            yield Finding(
                "facilities-size-unknown",
                f"{rule.id}: {unknown} facilities of '{rule.category}' count although nobody knows "
                f"whether they have {_least(rule)}; fill in their areas",
            )


def _least(rule: Rule) -> str:
    parts = ((rule.min_floor_m2, "floor"), (rule.min_land_m2, "land"))
    return " and ".join(f"{value:g} m2 of {word}" for value, word in parts if value is not None)


def _named(layer: Layer, rows: NDArray[np.int64]) -> str:
    names, uids = texts(layer, "name"), layer.uids
    shown = ", ".join(str(names[i] or uids[i]) for i in rows[:NAMES_SHOWN])
    more = len(rows) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown

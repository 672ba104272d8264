"""Faults in the data of a whole study: what a planner should mend before believing a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import pandas as pd
import shapely

from gis.crs import diagnose
from gis.model import Categories, Finding, Layer, Progress, Study, people_of
from gis.network import build_network, building_findings, lay_ground
from gis.network.notes import wall_findings

LONGEST_LINK_M: Final = 300.0
OVERLAP_SHARE: Final = 0.05
LIKELY_PER_HOUSEHOLD: Final = (1.0, 6.0)
NAMES_SHOWN: Final = 3
CHECKED_AGAINST_STREETS: Final = ("estates", "facilities", "buildings")


def check_study(study: Study, *, progress: Progress | None = None) -> tuple[Finding, ...]:
    """Look through all layers for what no single import can see.

    Returns
    -------
    findings
        Coordinates that do not fit the streets; gates on no boundary, hours that cannot be read,
        walls across and along streets, pieces of streets that lead nowhere; estates that cannot be
        reached or that overlap; buildings of unknown estates, outside theirs or in none; people
        unknown or implausible, names used twice, unknown categories; facilities in water or in a
        barrier.
    """
    steps: tuple[tuple[str, Callable[[Study], Iterator[Finding]]], ...] = (
        ("coordinates", _coordinates),
        ("streets", _streets),
        ("estates", _estates),
        ("buildings", building_findings),
        ("people", _people),
        ("facilities", _facilities),
    )
    found: list[Finding] = []
    for i, (doing, step) in enumerate(steps):
        if progress is not None:
            progress(i / len(steps), doing)
        found.extend(step(study))
    return tuple(found)


def _coordinates(study: Study) -> Iterator[Finding]:
    if "streets" not in study:
        return
    streets = study.layer("streets").frame.geometry.to_crs("EPSG:4326")
    for kind in CHECKED_AGAINST_STREETS:
        if kind not in study:
            continue
        layer = study.layer(kind).frame.geometry.to_crs("EPSG:4326")
        diagnosis = diagnose(layer, streets, declared="wgs84")
        told = "; ".join(diagnosis.findings)
        if diagnosis.coords != diagnosis.declared:
            remedy = f"import them again with --coords {diagnosis.coords} --replace"
            yield Finding(
                "coords-shifted", f"{kind} do not fit the streets ({told}); {remedy}", "error"
            )
        elif diagnosis.doubtful:
            yield Finding("coords-doubtful", f"{kind} may not fit the streets ({told})")


def _streets(study: Study) -> Iterator[Finding]:
    if "streets" not in study:
        if "estates" in study:
            yield Finding(
                "no-streets", "There are no streets: nothing can be walked; import streets", "error"
            )
        return
    if "estates" not in study:
        yield from build_network(study.layer("streets"))[1]
        return
    ground = lay_ground(study, longest_link_m=LONGEST_LINK_M)
    yield from ground.findings
    yield from wall_findings(study, ground.network)
    unlinked = ~ground.linked()
    # Who is shut in has been told with the gates.
    unlinked[np.setdiff1d(ground.gates.estate, ground.gates.estate[ground.gates.open])] = False
    if unlinked.any():
        yield Finding(
            "unlinked",
            f"{_count(unlinked, 'estates')} have no street within {LONGEST_LINK_M:g} m on their "
            f"side of the barriers: {_names(study.layer('estates'), unlinked)}; "
            "add the missing streets or gates",
        )


def _estates(study: Study) -> Iterator[Finding]:
    if "estates" not in study:
        return
    estates = study.layer("estates")
    shapes = estates.geometries
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = one < other
    one, other = one[pairs], other[pairs]
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other]))
    smaller = np.minimum(shapely.area(shapes[one]), shapely.area(shapes[other]))
    overlap = np.zeros(len(estates), dtype=bool)
    overlap[one[shared > OVERLAP_SHARE * smaller]] = True
    if overlap.any():
        yield Finding(
            "estates-overlap",
            f"{_count(overlap, 'estates')} overlap another by more than {OVERLAP_SHARE:.0%}: "
            f"{_names(estates, overlap)}; their people may be counted twice",
        )
    names = estates.frame["name"]
    twice = (names.notna() & names.duplicated(keep=False)).to_numpy()
    if twice.any():
        yield Finding(
            "names-twice",
            f"{_count(twice, 'estates')} share a name with another: {_names(estates, twice)}; "
            "tables name them by uid",
            "info",
        )


def _people(study: Study) -> Iterator[Finding]:
    if "estates" not in study:
        return
    estates = study.layer("estates")
    people, estimated = people_of(estates)
    unknown = np.isnan(people)
    if unknown.any():
        yield Finding(
            "people-unknown",
            f"{_count(unknown, 'estates')} have neither people nor households; sums leave them "
            "out and say so",
        )
    if estimated.any():
        yield Finding(
            "people-estimated",
            f"{_count(estimated, 'estates')} have people estimated from households",
            "info",
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = estates.numbers("people") / estates.numbers("households")
    low, high = LIKELY_PER_HOUSEHOLD
    odd = (mean < low) | (mean > high)
    if odd.any():
        yield Finding(
            "people-odd",
            f"{_count(odd, 'estates')} have fewer than {low:g} or more than {high:g} people per "
            f"household: {_names(estates, odd)}; check the two columns",
        )
    groups = [estates.numbers(c) for c in ("people_60plus", "children_0_2", "children_3_5")]
    more = np.nansum(groups, axis=0) > estates.numbers("people")
    if more.any():
        yield Finding(
            "groups-exceed-people",
            f"{_count(more, 'estates')} have more old people and children than people: "
            f"{_names(estates, more)}",
        )


def _facilities(study: Study) -> Iterator[Finding]:
    if "facilities" not in study:
        return
    facilities = study.layer("facilities")
    known = Categories.load()
    category = facilities.frame["category"]
    strange = category[~category.isin(list(known))]
    if len(strange):
        words = ", ".join(f"{word} ({n})" for word, n in strange.value_counts().head(5).items())
        yield Finding(
            "category-unknown",
            f"{len(strange)} facilities have a category no rule knows: {words}; import them again "
            "with --set category=CODE",
        )
    if "water" in study:
        points = shapely.centroid(facilities.geometries)
        wet = np.zeros(len(facilities), dtype=bool)
        found, _ = shapely.STRtree(study.layer("water").geometries).query(
            points, predicate="within"
        )
        wet[found] = True
        if wet.any():
            yield Finding(
                "facility-in-water",
                f"{_count(wet, 'facilities')} lie in water: {_names(facilities, wet)}; "
                "check their coordinates",
            )


def _count(which: np.ndarray, noun: str) -> str:
    n = int(which.sum())
    return f"{n} of {len(which)} {noun}"


def _names(layer: Layer, which: np.ndarray) -> str:
    rows = layer.frame.loc[which, ["name", "uid"]].head(NAMES_SHOWN)
    shown = [str(uid) if pd.isna(name) else f"{name} ({uid})" for name, uid in rows.to_numpy()]
    more = int(which.sum()) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")

"""Faults in the data of a whole study: what a planner should mend before believing a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.crs import diagnose
from gis.model import Categories, Finding, Layer, Progress, Study, people_of
from gis.network import build_network, building_findings, lay_ground
from gis.network.notes import wall_findings

LONGEST_LINK_M: Final = 300.0
OVERLAP_SHARE: Final = 0.05
LIKELY_PER_HOUSEHOLD: Final = (1.0, 6.0)
LIKELY_GROUP_SHARE: Final = 0.6
"""Estates where more of the people are of one age group than this are rather a slip of a column."""
GROUPS: Final = ("people_60plus", "children_0_2", "children_3_5")
LEAST_YUAN_PER_M2: Final = 1.0
SMALLEST_M2: Final = 100.0
"""Taken for the size of a place that has none, to tell sums in 万元 from sums in yuan."""
NAMES_SHOWN: Final = 3
CHECKED_AGAINST_STREETS: Final = ("estates", "facilities", "buildings")


def check_study(study: Study, *, progress: Progress | None = None) -> tuple[Finding, ...]:
    """Look through all layers for what no single import can see.

    Returns
    -------
    findings
        Coordinates that do not fit the streets; gates on no boundary, hours that cannot be read,
        walls across and along streets, pieces of streets that lead nowhere; estates without gates,
        that cannot be reached or that overlap; buildings of unknown estates, outside theirs or in
        none; people and age groups unknown or implausible, names used twice, unknown categories;
        facilities in water or in a barrier; rooms of unknown size, costs of next to nothing.
    """
    steps: tuple[tuple[str, Callable[[Study], Iterator[Finding]]], ...] = (
        ("coordinates", _coordinates),
        ("streets", _streets),
        ("estates", _estates),
        ("buildings", building_findings),
        ("people", _people),
        ("facilities", _facilities),
        ("sites", _sites),
        ("costs", _costs),
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
    yield from _gateless(study.layer("estates"), ground.gates.estate)
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


def _gateless(estates: Layer, gated: NDArray[np.int64]) -> Iterator[Finding]:
    """Tell which walled estates are entered wherever their outline meets a street."""
    areas = shapely.get_dimensions(estates.geometries) == 2
    without = areas & ~np.isin(np.arange(len(estates)), gated)
    if without.any():
        which = f": {_names(estates, without)}" if without.sum() < areas.sum() else ""
        yield Finding(
            "gates-assumed",
            f"{_count(without, 'estates')} have no mapped gate{which}; they are entered wherever "
            "their outline meets a street, which makes walks too short where there are walls; "
            "import their gates",
            "info" if which else "warning",
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
    yield from _groups(estates, people)
    groups = [estates.numbers(column) for column in GROUPS]
    more = np.nansum(groups, axis=0) > estates.numbers("people")
    if more.any():
        yield Finding(
            "groups-exceed-people",
            f"{_count(more, 'estates')} have more old people and children than people: "
            f"{_names(estates, more)}",
        )


def _groups(estates: Layer, people: NDArray[np.float64]) -> Iterator[Finding]:
    """Look at each age group: left out of some rows, or too large a share to be believed."""
    for column in GROUPS:
        of_age = estates.numbers(column)
        without = np.isnan(of_age) & (people > 0)
        if without.any() and not np.isnan(of_age).all():
            yield Finding(
                "group-unknown",
                f"{_count(without, 'estates')} have no {column} though others do: "
                f"{_names(estates, without)}; they are estimated from all people; fill them in",
            )
        large = of_age > LIKELY_GROUP_SHARE * people
        if large.any():
            first = int(np.flatnonzero(large)[0])
            yield Finding(
                "group-large",
                f"{_count(large, 'estates')} have more than {LIKELY_GROUP_SHARE:.0%} of their "
                f"people in {column}: {_names(estates, large)}, such as {of_age[first]:,.0f} of "
                f"{people[first]:,.0f}; check the columns",
            )


def _sites(study: Study) -> Iterator[Finding]:
    if "sites" not in study:
        return
    sites = study.layer("sites")
    sizes = [sites.numbers("floor_area_m2"), sites.numbers("land_area_m2")]
    known = np.any([size > 0 for size in sizes], axis=0) | (shapely.area(sites.geometries) > 0)
    if not known.all():
        yield Finding(
            "site-size-unknown",
            f"{_count(~known, 'sites')} have neither floor nor land area: {_names(sites, ~known)}; "
            "nothing that needs a size is put there unless `sites` is told --offer-unknown; fill "
            "in floor_area_m2 (建筑面积)",
        )


def _costs(study: Study) -> Iterator[Finding]:
    """Look for sums that are no sums of yuan: 0, or so little that they are rather in 万元."""
    for kind in ("estates", "sites"):
        if kind not in study:
            continue
        layer = study.layer(kind)
        cost, floor = layer.numbers("cost_yuan"), layer.numbers("floor_area_m2")
        land = layer.numbers("land_area_m2")
        size = np.where(floor > 0, floor, np.where(land > 0, land, SMALLEST_M2))
        little = cost < LEAST_YUAN_PER_M2 * size
        remedy = "if the sums are in 万元, import again with --column 'cost_yuan=HEADING(万元)'"
        for which, code, what in (
            (cost == 0, "cost-zero", "cost 0 yuan; leave the cell empty where it is unknown"),
            (
                little & (cost > 0),
                "cost-small",
                f"cost less than {LEAST_YUAN_PER_M2:g} yuan per m2; {remedy} --replace",
            ),
        ):
            if which.any():
                yield Finding(code, f"{_count(which, kind)} {what}: {_names(layer, which)}")


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

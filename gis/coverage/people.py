"""How many people of which group live in which home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.coverage.homes import Homes
from gis.demand import (
    apportion,
    groups_of,
    households_of,
    people_of_buildings,
    with_counts_of_buildings,
)
from gis.model import Finding, Study
from gis.network import estates_of_buildings
from gis.rules import Size


@dataclass(frozen=True, eq=False)
class Crowd:
    """The people of one group, or the households.

    ``estates`` (n,) number in each estate, NaN unknown; ``estimated`` (n,) which of them are
    estimates; ``homes`` (u,) number in each home; ``source`` says what estimates rest on.
    """

    estates: NDArray[np.float64]
    estimated: NDArray[np.bool_]
    homes: NDArray[np.float64]
    source: str


@dataclass(frozen=True, eq=False)
class Crowds:
    """All groups that are asked for, "all" among them.

    ``households`` (u,) are those that the estates themselves count; ``all_households`` are
    estimated from people where they do not, for figures per 100 households only.
    """

    of: Mapping[str, Crowd]
    households: NDArray[np.float64]
    all_households: Crowd
    findings: tuple[Finding, ...]

    def base_of(self, size: Size) -> Crowd:
        """Return whom a required size grows with."""
        return self.all_households if size.base == "households" else self.of[size.of]


def crowds_of(
    study: Study, homes: Homes, groups: set[str], *, place: str, persons_per_household: float
) -> Crowds:
    """Count the people of each group, by estate and by home.

    Buildings share the people of their estate; see `gis.demand.people_of_buildings`.
    """
    estates = study.layer("estates")
    of_building = None
    if "buildings" in study:
        of_building = estates_of_buildings(study.layer("buildings"), estates)
    crowds: dict[str, Crowd] = {}
    findings: list[Finding] = []
    for group in sorted({"all", *groups}):
        people = groups_of(estates, group, place=place, persons_per_household=persons_per_household)
        if of_building is not None:
            people = with_counts_of_buildings(people, study.layer("buildings"), group, of_building)
        by_home = people.people
        if of_building is not None and homes.kind == "building":
            shared = people_of_buildings(
                study.layer("buildings"),
                estates,
                group,
                estate=of_building,
                place=place,
                persons_per_household=persons_per_household,
            )
            findings += shared.findings
            by_home = _to_homes(homes, people.people, shared.people)
        crowds[group] = Crowd(people.people, people.estimated, by_home, people.source)
    weight = np.nan_to_num(crowds["all"].homes)
    every = households_of(estates, persons_per_household=persons_per_household)
    return Crowds(
        of=crowds,
        households=_by_home(homes, estates.numbers("households"), weight),
        all_households=Crowd(
            every.people, every.estimated, _by_home(homes, every.people, weight), every.source
        ),
        findings=tuple(dict.fromkeys(findings)),
    )


def _by_home(
    homes: Homes, total: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    return apportion(np.rint(total), homes.estate, weight) if homes.kind == "building" else total


def _to_homes(
    homes: Homes, people: NDArray[np.float64], by_building: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give each home its people, so that the homes of an estate add up to the estate.

    Buildings from which nobody starts (sheds, schools) may have got a share; it goes to the others.
    Where nobody knows the people of the estate, those of its buildings stand.
    """
    own = np.where(homes.building >= 0, by_building[homes.building], np.nan)
    shared = apportion(np.rint(people), homes.estate, np.nan_to_num(own))
    return np.where(np.isnan(shared), own, shared)

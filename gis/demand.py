"""How many people of which group live where: counted, estimated, or unknown.

What a layer says itself comes first; else people times the share of the group
(``data/demand.toml``), people being households times persons where only those are known. Estimates
are whole and marked; what nobody knows stays NaN.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.errors import LayerError, RuleError, UnknownNameError
from gis.model import PERSONS_PER_HOUSEHOLD, Finding, Layer, people_of
from gis.resources import data_dir

DEMAND_FILE: Final = "demand.toml"
NATIONAL: Final = "national"
GROUPS: Final = ("all", "people_60plus", "children_0_2", "children_3_5")
"""Everybody, then the columns of `gis.model.KINDS` that count a part of them."""

NAMES_SHOWN: Final = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """The share of a group in the people of a place, with its proof; see ``data/README.md``."""

    group: str
    place: str
    share: float
    date: str
    source: str
    verified: bool
    confidence: float | None = None

    def __post_init__(self) -> None:
        if self.group not in GROUPS[1:] or not 0 < self.share < 1 or not self.source.strip():
            raise RuleError(
                f"{DEMAND_FILE}: the share of '{self.group}' in '{self.place}' is {self.share}; "
                f"give a share between 0 and 1 of {', '.join(GROUPS[1:])}, with its source"
            )


class People(NamedTuple):
    """``people`` (n,) NaN unknown; ``estimated`` (n,) not counted; ``source`` of the estimates."""

    people: Floats
    estimated: NDArray[np.bool_]
    source: str


@dataclass(frozen=True, eq=False)
class BuildingPeople:
    """People of b buildings: ``people`` NaN unknown, ``estimated``, ``estate`` row or -1, all (b,).

    ``source`` says what the estimates rest on.
    """

    people: Floats
    estimated: NDArray[np.bool_]
    estate: NDArray[np.int64]
    source: str
    findings: tuple[Finding, ...]


def share_of(group: str, place: str = NATIONAL) -> Share:
    """Return the share of a group in the people of a place, else in those of the nation.

    Raises
    ------
    UnknownNameError
        There is no such group.
    RuleError
        The file of shares is at fault.
    """
    if group not in GROUPS[1:]:
        raise UnknownNameError(f"There is no group '{group}'; give one of: {', '.join(GROUPS[1:])}")
    shares = {(s.group, s.place): s for s in _shares()}
    return shares.get((group, place)) or shares[group, NATIONAL]


def groups_of(
    layer: Layer,
    group: str,
    *,
    place: str = NATIONAL,
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
) -> People:
    """Return the people of a group in each row.

    Parameters
    ----------
    layer
        n rows of a kind with ``people``, ``households`` and the groups as columns.
    group
        "all", "people_60plus", "children_0_2" or "children_3_5".
    place
        Name of the policy profile whose shares are taken.
    persons_per_household
        Persons, > 0, where only households are known.

    Raises
    ------
    UnknownNameError
        There is no such group.
    """
    people, guessed = people_of(layer, persons_per_household=persons_per_household)
    words = [f"households x {persons_per_household:g}"] if guessed.any() else []
    if group == "all":
        return People(people, guessed, "; ".join(words))
    share = share_of(group, place)
    counted = layer.numbers(group)
    guess = np.rint(people * share.share)
    estimated = np.isnan(counted) & ~np.isnan(guess)
    if not (guessed & estimated).any():
        words = []
    if estimated.any():
        words.append(
            f"people x {share.share * 100:g} % ({share.place}, {share.date}: {share.source})"
        )
    return People(np.where(estimated, guess, counted), estimated, "; ".join(words))


def households_of(layer: Layer, *, persons_per_household: float = PERSONS_PER_HOUSEHOLD) -> People:
    """Return the households of each row, as `People`: the column, else people over persons.

    For figures per 100 households only: people are never estimated from these again.
    """
    counted = layer.numbers("households")
    guess = np.rint(layer.numbers("people") / persons_per_household)
    estimated = np.isnan(counted) & ~np.isnan(guess)
    source = f"people / {persons_per_household:g}" if estimated.any() else ""
    return People(np.where(estimated, guess, counted), estimated, source)


def apportion(total: ArrayLike, owner: ArrayLike, weight: ArrayLike) -> Floats:
    """Spread whole totals over their parts by weight, so that the parts add up to them.

    Parameters
    ----------
    total
        (n,) whole numbers, 0 or more; NaN: unknown.
    owner
        (b,) row of ``total`` that each part belongs to; -1: none.
    weight
        (b,) 0 or more. Where all weights of an owner are 0, its parts are equal.

    Returns
    -------
    parts
        (b,) whole numbers; NaN where the total is unknown or there is no owner. What is left after
        rounding down goes to the largest remainders, of equals to the first.

    Raises
    ------
    LayerError
        A weight is negative or unknown.
    """
    totals, rows = np.asarray(total, dtype=float), np.asarray(owner, dtype=np.int64)
    weights = np.asarray(weight, dtype=float)
    if not (weights >= 0).all():
        bad = int((~(weights >= 0)).argmax())
        raise LayerError(f"The weight of row {bad} is {weights[bad]:g}; give 0 or more")
    parts = np.full(len(rows), np.nan)
    mine = np.flatnonzero(rows >= 0)
    mine = mine[~np.isnan(totals[rows[mine]])]
    if not len(mine):
        return parts
    own = rows[mine]
    heavy = np.bincount(own, weights[mine], minlength=len(totals))
    share = np.where(heavy[own] > 0, weights[mine], 1.0)
    quota = totals[own] * share / np.bincount(own, share, minlength=len(totals))[own]
    # A hair below, so that a quota that rounding lifted to the next whole does not count as one.
    whole = np.maximum(np.floor(quota - 1e-9), 0.0)
    left = totals - np.bincount(own, whole, minlength=len(totals))
    order = np.lexsort((mine, -(quota - whole), own))
    first = np.searchsorted(own[order], own[order])
    rank = np.empty(len(mine), dtype=np.int64)
    rank[order] = np.arange(len(mine)) - first
    parts[mine] = whole + (rank < np.rint(left[own]))
    return parts


def with_counts_of_buildings(
    total: People, buildings: Layer, group: str, rows: NDArray[np.int64]
) -> People:
    """Take the sum of an estate's buildings where all its dwellings are counted and it is not.

    A count comes before any estimate. All people are left as they are: every part of the tool
    takes those from the estate alone.

    Parameters
    ----------
    total
        People of the group in each of n estates, as `groups_of` says.
    buildings
        b buildings; ``rows`` (b,) are their estates, -1 for none.
    """
    n = len(total.people)
    if group == "all" or not len(buildings):
        return total
    counted = buildings.numbers(group)
    known = ~np.isnan(counted) & (rows >= 0)
    lacking = ~known & (rows >= 0) & _is_dwelling(buildings.frame["use"])
    whole = (np.bincount(rows[known], minlength=n) > 0) & (
        np.bincount(rows[lacking], minlength=n) == 0
    )
    take = whole & (total.estimated | np.isnan(total.people))
    summed = np.bincount(rows[known], counted[known], minlength=n)
    return People(np.where(take, summed, total.people), total.estimated & ~take, total.source)


def people_of_buildings(
    buildings: Layer,
    estates: Layer,
    group: str = "all",
    *,
    estate: ArrayLike,
    place: str = NATIONAL,
    persons_per_household: float = PERSONS_PER_HOUSEHOLD,
) -> BuildingPeople:
    """Return the people of a group in each building.

    A building's own column comes first. What then is left of its estate's people is spread over
    its other dwellings by households where all of them have those, else by floor area where all
    have it, else by ground area times storeys; a group is spread by all people. The parts add up
    to the estate. Without an estate that knows its people a building's own households count.

    Parameters
    ----------
    buildings, estates
        b buildings and their estates, in one CRS.
    group
        As in `groups_of`.
    estate
        (b,) row of each building's estate, -1 for none; `gis.network.estates_of_buildings` says.
    place, persons_per_household
        As in `groups_of`.

    Raises
    ------
    UnknownNameError
        There is no such group.
    """
    options: dict[str, Any] = {"place": place, "persons_per_household": persons_per_household}
    rows = np.asarray(estate, dtype=np.int64)
    total = groups_of(estates, group, **options)
    total = with_counts_of_buildings(total, buildings, group, rows)
    counted = buildings.numbers("people" if group == "all" else group)
    known = ~np.isnan(counted) & (rows >= 0)
    rest = total.people - np.bincount(rows[known], counted[known], minlength=len(estates))
    open_ = np.isnan(counted) & (rows >= 0)
    if group == "all":
        weight = _dwelling_weights(buildings, rows, open_, len(estates))
    else:
        everybody = people_of_buildings(buildings, estates, estate=rows, **options)
        weight = np.nan_to_num(everybody.people)
    people = counted.copy()
    people[open_] = apportion(np.maximum(rest, 0.0), rows[open_], weight[open_])
    alone = groups_of(buildings, group, **options)
    unknown = np.isnan(people)
    people[unknown] = alone.people[unknown]
    used = (unknown & ~np.isnan(people)).any()
    shared = f"{group} of the estate, spread over its buildings" if open_.any() else ""
    sources = (shared, total.source if open_.any() else "", alone.source if used else "")
    return BuildingPeople(
        people=people,
        estimated=np.isnan(counted) & ~np.isnan(people),
        estate=rows,
        source="; ".join(dict.fromkeys(word for word in sources if word)),
        findings=tuple(_building_findings(estates, rows, rows[open_], total.people, rest)),
    )


def _shares() -> tuple[Share, ...]:
    try:
        return tuple(Share(**row) for row in _file()["shares"])
    except (KeyError, TypeError) as error:
        raise RuleError(f"{DEMAND_FILE}: {error}; see data/README.md") from error


def _file() -> dict[str, Any]:
    try:
        return tomllib.loads((data_dir() / DEMAND_FILE).read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{DEMAND_FILE} is no TOML in UTF-8 ({error}); mend that line") from error


def _dwelling_weights(
    buildings: Layer, rows: NDArray[np.int64], open_: NDArray[np.bool_], estates: int
) -> Floats:
    """Return (b,) weights, of one kind within an estate; 0 for what is no dwelling."""
    ground = shapely.area(buildings.geometries)
    storeys = buildings.numbers("storeys")
    typical = pd.Series(storeys).groupby(rows).transform("median").fillna(1.0).to_numpy()
    storeys = np.where(np.isnan(storeys), typical, storeys)
    house = _is_dwelling(buildings.frame["use"])
    weight = np.where(_all_have(ground > 0, rows, open_ & house, estates), ground, 1.0) * storeys
    for column in ("floor_area_m2", "households"):
        sizes = buildings.numbers(column)
        better = _all_have(~np.isnan(sizes), rows, open_ & house, estates)
        weight = np.where(better, sizes, weight)
    return np.where(house, np.nan_to_num(weight), 0.0)


def _all_have(
    has: NDArray[np.bool_], rows: NDArray[np.int64], among: NDArray[np.bool_], estates: int
) -> NDArray[np.bool_]:
    """Return (b,) whether all buildings ``among`` those of the same estate have something."""
    # One entry more than there are estates: -1 reads that one.
    lacking = np.bincount(rows[among & ~has], minlength=estates + 1)
    return np.asarray(lacking[rows] == 0)


def _is_dwelling(use: pd.Series[Any]) -> NDArray[np.bool_]:
    words = _file()
    text = use.fillna("").str.casefold()
    return ~_has_word(text, words["not_dwelling"]) | _has_word(text, words["dwelling"])


def _has_word(text: pd.Series[Any], words: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([any(word in t for word in words) for t in text], dtype=bool)


def _building_findings(
    estates: Layer,
    rows: NDArray[np.int64],
    open_rows: NDArray[np.int64],
    total: Floats,
    rest: Floats,
) -> Iterator[Finding]:
    every = np.arange(len(estates))
    housed, taking = np.isin(every, rows), np.isin(every, open_rows)
    for code, bad, words in (
        (
            "people-without-building",
            (total > 0) & ~housed,
            "have people but no building, so that their people are in none",
        ),
        (
            "buildings-exceed-estate",
            rest < 0,
            "have fewer people than their buildings together; the buildings are taken as they are",
        ),
        (
            "buildings-below-estate",
            (rest > 0) & housed & ~taking,
            "have more people than their buildings together; the buildings are taken as they are",
        ),
    ):
        if bad.any():
            named = ", ".join(str(uid) for uid in estates.uids[bad][:NAMES_SHOWN])
            yield Finding(code, f"{int(bad.sum())} estates {words}: {named}")

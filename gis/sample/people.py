"""Households and people of houses, in believable shares; estates are the sums of their houses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gis.model import PERSONS_PER_HOUSEHOLD
from gis.sample.terrain import Floats, Ints

ENTRANCE_M: Final = 11.5
"""Length of a slab that one entrance serves, two homes on each storey."""
OCCUPIED: Final = 0.94
SHARE_0_2: Final = 0.019
"""Children of 0 to 2, end of 2025 (births of 2023-2025 over population)."""
SHARE_3_5: Final = 0.023
"""Children of 3 to 5, end of 2025."""


@dataclass(frozen=True, eq=False)
class Homes:
    """What the houses (h,) hold; every array has one number per house."""

    storeys: Floats
    units: Floats
    households: Floats
    people: Floats
    people_60plus: Floats
    children_0_2: Floats
    children_3_5: Floats


def settle(lot: Ints, length_m: Floats, built_year: Floats, rng: np.random.Generator) -> Homes:
    """Let people move in: ``lot`` (h,) of each house, ``built_year`` (n,) of each plot."""
    count = len(built_year)
    storeys = _storeys(built_year, rng)[lot] + rng.choice([-1, 0, 0, 0, 0], len(lot))
    units = np.maximum(1, np.round(length_m / ENTRANCE_M)).astype(np.int64)
    households = np.maximum(2, rng.binomial(units * 2 * storeys, OCCUPIED))
    size = PERSONS_PER_HOUSEHOLD * np.clip(rng.normal(1.0, 0.05, count), 0.85, 1.15)
    people = np.round(households * size[lot] * np.clip(rng.normal(1, 0.05, len(lot)), 0.8, 1.2))
    people = people.astype(np.int64)
    # Old estates are older than the nation's 23.0 %; newer ones hold more young families.
    old = np.where(
        built_year > 2000, rng.uniform(0.15, 0.23, count), rng.uniform(0.22, 0.32, count)
    )
    young = rng.lognormal(0.0, 0.18, count) * np.where(built_year > 2000, 1.4, 1.0)
    return Homes(
        storeys.astype(float),
        units.astype(float),
        households.astype(float),
        people.astype(float),
        rng.binomial(people, old[lot]).astype(float),
        rng.binomial(people, np.clip(SHARE_0_2 * young, 0, 0.06)[lot]).astype(float),
        rng.binomial(people, np.clip(SHARE_3_5 * young, 0, 0.07)[lot]).astype(float),
    )


def _storeys(built_year: Floats, rng: np.random.Generator) -> Ints:
    early = rng.choice([4, 5, 5, 6], len(built_year))
    middle = rng.choice([6, 6, 6, 7, 7], len(built_year))
    late = rng.choice([6, 7, 7, 9, 11], len(built_year))
    return np.where(built_year < 1984, early, np.where(built_year <= 2000, middle, late))


def years(old: Floats, rng: np.random.Generator) -> Floats:
    """Return when the plots (n,) were built: the old quarter first, some newer ones outside."""
    count = len(old)
    before = np.clip(np.round(rng.normal(1990 - 6 * old, 5.5)), 1975, 2000)
    after = rng.integers(2001, 2016, count)
    return np.where(rng.random(count) < 0.30 - 0.26 * old, after, before).astype(float)

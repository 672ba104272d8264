"""How large, and what stands in: the figures of a rule beside its limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import RuleError

GROUPS: Final = ("all", "people_60plus", "children_0_2", "children_3_5")
"""Whose walk a rule is about: everybody, people of 60 and more, children of 0-2 and of 3-5."""
STRENGTHS: Final = ("must", "new", "advised")
"""must: held against what is there; new: asked of new facilities only; advised: only told."""


@dataclass(frozen=True)
class Measure:
    """What a size measures: a column of the facilities, and per how many of whom, if any.

    ``base`` is "people", "households" or None, where the figure is a minimum of each facility.
    """

    column: str
    base: str | None
    per: int


MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "min_floor_m2": Measure("floor_area_m2", None, 1),
        "min_land_m2": Measure("land_area_m2", None, 1),
        "places_per_1000": Measure("places", "people", 1000),
        "floor_m2_per_1000": Measure("floor_area_m2", "people", 1000),
        "land_m2_per_1000": Measure("land_area_m2", "people", 1000),
        "floor_m2_per_100_households": Measure("floor_area_m2", "households", 100),
    }
)


@dataclass(frozen=True)
class Size:
    """One required size, with its own proof.

    ``measure`` is one of `MEASURES`, ``strength`` one of `STRENGTHS`; ``of`` says whose thousand
    is meant (one of `GROUPS`); sizes of facilities of the ``counts`` categories add up, those of
    the rule's own where there are none. ``verified`` and ``confidence`` are those of `Rule`.

    Raises
    ------
    RuleError
        An unknown measure, strength or group, or a value that is not positive.
    """

    measure: str
    value: float
    clause: str
    source: str
    verified: bool
    confidence: float | None = None
    strength: str = "must"
    of: str = "all"
    counts: tuple[str, ...] = ()
    note: str = ""
    note_en: str = ""

    def __post_init__(self) -> None:
        faults = list(size_faults(self.measure, self.value, self.strength, self.of))
        if faults:
            raise RuleError(f"The size '{self.measure}' cannot be used: {'; '.join(faults)}")

    @property
    def column(self) -> str:
        """The column of the facilities that it is held against."""
        return MEASURES[self.measure].column

    @property
    def base(self) -> str | None:
        """Whom it grows with: "people", "households", or None for a minimum of each facility."""
        return MEASURES[self.measure].base

    def required(self, base: ArrayLike) -> NDArray[np.float64]:
        """Return how much is needed.

        Parameters
        ----------
        base
            (n,) people of the group ``of``, or households; NaN: unknown.

        Returns
        -------
        required
            (n,) places or square metres; NaN where the base is unknown.

        Raises
        ------
        RuleError
            It is a minimum of each facility and grows with nobody.
        """
        measure = MEASURES[self.measure]
        if measure.base is None:
            raise RuleError(
                f"'{self.measure}' holds for each facility; it does not grow with people"
            )
        return np.asarray(base, dtype=float) * self.value / measure.per


MOST_INSTEAD: Final = 1000
"""No standard lets more facilities than these stand in for one."""


@dataclass(frozen=True)
class Instead:
    """So many facilities of another category within the limit stand in for one of the rule's.

    Raises
    ------
    RuleError
        A count below 1, or a minimum that is not positive.
    """

    category: str
    count: int
    clause: str
    source: str
    verified: bool
    confidence: float | None = None
    min_floor_m2: float | None = None
    min_land_m2: float | None = None
    note: str = ""
    note_en: str = ""

    def __post_init__(self) -> None:
        faults = list(instead_faults(self.count, self.min_floor_m2, self.min_land_m2))
        if faults:
            raise RuleError(f"'{self.category}' cannot stand in: {'; '.join(faults)}")

    def large_enough(
        self, floor_m2: ArrayLike, land_m2: ArrayLike
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which facilities count; as `Rule.large_enough`."""
        return large_enough(floor_m2, land_m2, self.min_floor_m2, self.min_land_m2)


def large_enough(
    floor_m2: ArrayLike, land_m2: ArrayLike, min_floor_m2: float | None, min_land_m2: float | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Hold the floor and the land (f,) of facilities against two minima, None: no minimum.

    Returns
    -------
    counts
        (f,) False where a known size is below its minimum; the minimum itself counts.
    known
        (f,) False where a size that is asked for is unknown, so that the facility counts on trust.
    """
    floor, land = np.asarray(floor_m2, dtype=float), np.asarray(land_m2, dtype=float)
    counts, known = np.ones(len(floor), dtype=bool), np.ones(len(floor), dtype=bool)
    for size, least in ((floor, min_floor_m2), (land, min_land_m2)):
        if least is not None:
            counts &= ~(size < least)
            known &= ~np.isnan(size)
    return counts, known


def size_faults(measure: str, value: float, strength: str, of: str) -> Iterator[str]:
    """Tell what is wrong with a size, in words."""
    if measure not in MEASURES:
        yield f"there is no measure '{measure}'; use one of {', '.join(MEASURES)}"
    elif of != "all" and MEASURES[measure].base != "people":
        yield f"'of' is '{of}', but {measure} does not grow with people; take it out"
    if not 0 < value < float("inf"):
        yield f"'value' is {value}; give a number above 0"
    if strength not in STRENGTHS:
        yield f"'strength' is '{strength}'; use one of {', '.join(STRENGTHS)}"
    if of not in GROUPS:
        yield f"'of' is '{of}'; use one of {', '.join(GROUPS)}"


def instead_faults(
    count: float, min_floor_m2: float | None, min_land_m2: float | None
) -> Iterator[str]:
    """Tell what is wrong with a substitution, in words."""
    if not 1 <= count <= MOST_INSTEAD or count % 1 != 0:
        yield f"'count' is {count}; give a whole number from 1 to {MOST_INSTEAD}"
    for key, least in (("min_floor_m2", min_floor_m2), ("min_land_m2", min_land_m2)):
        if least is not None and not 0 < least < float("inf"):
            yield f"'{key}' is {least}; give a number above 0"

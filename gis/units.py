"""The measuring unit: communities, their people, and whether they keep the band of the standard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import LayerError, OptionError
from gis.model import Finding

LOW: Final = 5_000
HIGH: Final = 12_000
"""People of a unit, both in the band (GB 50180-2018, 5-minute circle; Liaoning guide)."""
STATUSES: Final = ("in-band", "too-small", "too-large", "unknown")


@dataclass(frozen=True, eq=False)
class Units:
    """Measuring units (u,).

    ``people`` are NaN where unknown; ``source`` is "own" (the unit's own figure), "estates" (the
    sum of its estates) or "unknown"; ``estates`` counts the estates of each unit and
    ``estates_unknown`` those of them whose people nobody knows; ``status`` is one of `STATUSES`.
    """

    people: NDArray[np.float64]
    source: NDArray[np.object_]
    estates: NDArray[np.int64]
    estates_unknown: NDArray[np.int64]
    status: NDArray[np.object_]
    low: int
    high: int
    findings: tuple[Finding, ...]


def measure_units(
    people: ArrayLike,
    unit: ArrayLike,
    *,
    own: ArrayLike | None = None,
    count: int | None = None,
    low: int = LOW,
    high: int = HIGH,
) -> Units:
    """Count the people of communities and hold them against the band.

    A community's own figure counts everybody who lives there, and comes before the sum of its
    estates, which may be only some of them. A sum that lacks the people of some estates is a lower
    bound: it can show that a unit is too large, and nothing else.

    Parameters
    ----------
    people
        (n,) people of the estates; NaN: unknown.
    unit
        (n,) row of each estate's community, -1 for none.
    own
        (u,) people of the communities' own column; NaN: unknown. None: there is none.
    count
        Number of units, where ``own`` does not say it.
    low, high
        The band in people, both in it.

    Raises
    ------
    LayerError
        Negative people.
    OptionError
        Arrays or a band that do not fit.
    """
    persons, rows = np.asarray(people, dtype=float), np.asarray(unit, dtype=np.int64)
    if not 0 < low < high:
        raise OptionError(f"The band is {low} to {high} people; give two numbers, the lower first")
    if len(persons) != len(rows):
        raise OptionError(f"There are {len(persons)} estates and {len(rows)} units of estates")
    total = len(np.asarray(own)) if own is not None else count
    size = int(rows.max(initial=-1)) + 1 if total is None else total
    if len(rows) and not (rows.min() >= -1 and rows.max() < size):
        raise OptionError(f"An estate has the unit {rows.max()}; there are {size}")
    told = np.full(size, np.nan) if own is None else np.asarray(own, dtype=float)
    for values, word in ((persons, "estate"), (told, "unit")):
        if (values < 0).any():
            row = int((values < 0).argmax())
            raise LayerError(f"The {word} in row {row} has {values[row]:g} people; give 0 or more")
    mine = rows >= 0
    estates = np.bincount(rows[mine], minlength=size)
    lacking = np.bincount(rows[mine & np.isnan(persons)], minlength=size)
    summed = np.bincount(rows[mine], np.nan_to_num(persons[mine]), minlength=size)
    by_own = ~np.isnan(told)
    by_sum = ~by_own & (estates > 0) & ((lacking == 0) | (summed > high))
    counted = np.where(by_own, told, np.where(by_sum, summed, np.nan))
    status = np.full(size, "unknown", dtype=object)
    status[counted < low] = "too-small"
    status[(counted >= low) & (counted <= high)] = "in-band"
    status[counted > high] = "too-large"
    source = np.full(size, "unknown", dtype=object)
    source[by_own], source[by_sum] = "own", "estates"
    return Units(
        people=counted,
        source=source,
        estates=estates,
        estates_unknown=lacking,
        status=status,
        low=low,
        high=high,
        findings=_findings(status, low, high),
    )


def _findings(status: NDArray[np.object_], low: int, high: int) -> tuple[Finding, ...]:
    out = []
    for code, words in (
        ("too-small", f"have fewer than {low:,} people"),
        ("too-large", f"have more than {high:,} people"),
        ("unknown", "have an unknown number of people"),
    ):
        number = int((status == code).sum())
        if number:
            out.append(
                Finding(
                    f"unit-{code}",
                    f"{number} of {len(status)} measuring units {words}; figures per unit of "
                    f"{low:,}-{high:,} people do not fit them",
                )
            )
    return tuple(out)

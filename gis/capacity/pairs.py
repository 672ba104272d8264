"""People, places and the walks between them, checked once."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import LayerError, OptionError
from gis.model import Finding

ROWS_NAMED: Final = 5
MOST_IN_ALL: Final = np.iinfo(np.int32).max
"""People or places of all rows together."""


class Pairs(NamedTuple):
    """What can be used of the input.

    ``demand`` (n,) people, 0 where unknown; ``supply`` (m,) places, 0 where unknown; ``origin``,
    ``target`` and ``cm`` (p,) as given; ``unknown`` (m,) facilities of unknown capacity.
    """

    demand: NDArray[np.float64]
    supply: NDArray[np.float64]
    origin: NDArray[np.int64]
    target: NDArray[np.int64]
    cm: NDArray[np.int64]
    unknown: NDArray[np.bool_]
    findings: tuple[Finding, ...]


def read_pairs(
    demand: ArrayLike,
    supply: ArrayLike,
    origin: ArrayLike,
    target: ArrayLike,
    cm: ArrayLike,
    *,
    whole: bool = False,
) -> Pairs:
    """Check the input of this package.

    Parameters
    ----------
    demand
        (n,) people; NaN: unknown.
    supply
        (m,) places; NaN: unknown.
    origin, target, cm
        (p,) rows of ``demand``, rows of ``supply``, walks in centimetres; below 0: beyond reach.
    whole
        People and places must be whole.

    Raises
    ------
    LayerError
        People or places are negative, infinite, too many, or not whole; the rows are named.
    OptionError
        The arrays do not fit each other, or a pair is given twice.
    """
    people = _amounts(demand, "people", "unit", whole=whole)
    places = _amounts(supply, "capacity", "facility", whole=whole)
    units, doors, walks = (np.asarray(a).reshape(-1) for a in (origin, target, cm))
    if not len(units) == len(doors) == len(walks):
        raise OptionError(
            f"The pairs have {len(units)} origins, {len(doors)} targets and {len(walks)} walks; "
            "give one of each per pair"
        )
    for values, word in ((units, "origins"), (doors, "targets"), (walks, "walks")):
        if len(values) and not np.issubdtype(values.dtype, np.integer):
            raise OptionError(f"The {word} are {values.dtype}; give whole numbers")
    for rows, count, word in ((units, len(people), "origin"), (doors, len(places), "target")):
        if len(rows) and (rows.min() < 0 or rows.max() >= count):
            raise OptionError(
                f"A pair has the {word} {rows.min() if rows.min() < 0 else rows.max()}; "
                f"give rows from 0 to {count - 1}"
            )
    units, doors = units.astype(np.int64), doors.astype(np.int64)
    key, times = np.unique(units * max(len(places), 1) + doors, return_counts=True)
    if (times > 1).any():
        unit, door = divmod(int(key[times.argmax()]), len(places))
        raise OptionError(f"The pair of unit {unit} and facility {door} is given twice; give one")
    return Pairs(
        demand=np.nan_to_num(people),
        supply=np.nan_to_num(places),
        origin=units,
        target=doors,
        cm=walks.astype(np.int64),
        unknown=np.isnan(places),
        findings=(
            *_unknown(np.isnan(people), "people-unknown", "units have no known people"),
            *_unknown(np.isnan(places), "capacity-unknown", "facilities have no known capacity"),
        ),
    )


def _amounts(values: ArrayLike, word: str, row: str, *, whole: bool) -> NDArray[np.float64]:
    amounts = np.asarray(values, dtype=float).reshape(-1)
    for bad, fault in (
        (amounts < 0, "negative; give 0 or more, or nothing where it is unknown"),
        (np.isinf(amounts), "infinite; give a number"),
        (whole & (np.nan_to_num(amounts) % 1 > 0), "not whole; round it first"),
    ):
        if bad.any():
            first = int(bad.argmax())
            raise LayerError(
                f"The {word} of {int(bad.sum())} rows is {fault}: {row} {first} has "
                f"{amounts[first]:g}"
            )
    if np.nansum(amounts) > MOST_IN_ALL:
        raise LayerError(
            f"The {word} of all rows add up to {np.nansum(amounts):.4g}, more than "
            f"{MOST_IN_ALL:,}; check the unit of the column"
        )
    return amounts


def _unknown(rows: NDArray[np.bool_], code: str, words: str) -> tuple[Finding, ...]:
    if not rows.any():
        return ()
    first = np.flatnonzero(rows)
    more = len(first) - ROWS_NAMED
    named = ", ".join(str(i) for i in first[:ROWS_NAMED]) + (
        f" and {more} more" if more > 0 else ""
    )
    return (
        Finding(code, f"{len(first)} of {len(rows)} {words} and are left out: rows {named}"),
    )  # fmt: skip

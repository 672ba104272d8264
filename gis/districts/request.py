"""What is asked of a plan: which estates take part, and with which sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.districts.district_plan import LeftOut
from gis.districts.where import select
from gis.errors import OptionError
from gis.model import Layer, Study, people_of

_WHO: Final = ("people", "households")


@dataclass(frozen=True, eq=False)
class Request:
    """What was asked for, with the estates that take part.

    ``rows`` (u,) of the estates layer, ``values`` (u, m) their sizes, ``left`` the estates that
    were to take part and cannot, by row.
    """

    study: Study
    sizes: Mapping[str, tuple[float, float]]
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    left: Mapping[int, LeftOut]

    @property
    def estates(self) -> Layer:
        """The layer that ``rows`` are of."""
        return self.study.layer("estates")

    @property
    def uids(self) -> list[str]:
        """Uid of each unit."""
        return [str(uid) for uid in self.estates.uids[self.rows]]

    @property
    def bounds(self) -> NDArray[np.float64]:
        """(m, 2) least and most of each size."""
        return np.array(list(self.sizes.values()), dtype=float).reshape(-1, 2)

    def without(self, lost: NDArray[np.bool_], reason: str) -> Request:
        """Leave out the units (u,) that are ``lost``: for a fact of the data, so it is proved."""
        uids = self.estates.uids
        gone = {int(r): LeftOut(str(uids[r]), reason, True) for r in self.rows[lost]}
        return replace(
            self, rows=self.rows[~lost], values=self.values[~lost], left={**self.left, **gone}
        )


def read_request(
    study: Study,
    sizes: Mapping[str, tuple[float, float]],
    *,
    where: str | None,
    persons_per_household: float,
) -> tuple[Request, dict[str, Any]]:
    """Return who takes part, and the settings that say so.

    Raises
    ------
    MissingLayerError
        There are no estates.
    OptionError
        No size is given, or no estate takes part with known sizes.
    UnknownNameError
        A size is no number of the estates.
    """
    estates = study.layer("estates")
    if not sizes:
        raise OptionError("No size is given; give one such as people:5000:12000")
    people, estimated = people_of(estates, persons_per_household=persons_per_household)
    columns = [people if c == "people" else estates.numbers(c) for c in sizes]
    values = np.column_stack(columns)
    part, unsure = np.ones(len(estates), bool), 0
    if where is not None:
        part, unsure = select(estates, where)
    if not part.any():
        raise OptionError(f"No estate fulfils where '{where}'; loosen it")
    unknown = np.isnan(values)
    left = {}
    for row in np.flatnonzero(part & unknown.any(axis=1)):
        words = _unknown_words([c for c, miss in zip(sizes, unknown[row], strict=True) if miss])
        left[int(row)] = LeftOut(str(estates.uids[row]), words, True)
    rows = np.flatnonzero(part & ~unknown.any(axis=1))
    settings: dict[str, Any] = {
        "sizes": {c: (float(low), float(high)) for c, (low, high) in sizes.items()},
        "where": where, "taking_part": int(part.sum()), "all_take_part": where is None,
        "where_unknown": unsure, "persons_per_household": persons_per_household,
        "people_estimated": int((estimated & part).sum()) if "people" in sizes else 0,
    }  # fmt: skip
    if len(rows) == 0:
        raise OptionError(
            f"No estate that takes part has a known {' and '.join(sizes)}; fill the columns in, "
            "or use another size, such as --size count:5:15"
        )
    return Request(study, sizes, rows, values[rows], left), settings


def _unknown_words(columns: list[str]) -> str:
    if "people" in columns:
        columns = ["people", "households", *(c for c in columns if c not in _WHO)]
    return " and ".join(columns) + (" are unknown" if len(columns) > 1 else " is unknown")

"""A districting plan: which estate is in which district, and all that it rests on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.districts.adjacency import Adjacency
from gis.errors import OptionError
from gis.model import Layer, people_of

LONGEST_NAME: Final = 100
NO_DISTRICT: Final = frozenset(["-", "--", "—", "——", "/", "无", "none", "null", "n/a", "nan"])
"""What people write where an estate is in no district."""
_SUMMED: Final = ("households", "people", "area_m2", "buildings", "floor_area_m2", "cost_yuan")


@dataclass(frozen=True)
class LeftOut:
    """An estate without a district, and why.

    ``proved``: no plan with these settings holds it, or none that leaves out less; the reason says
    which. ``remedy`` is the smallest change that would place it, empty where none is known.
    """

    estate: str
    reason: str
    proved: bool
    remedy: str = ""


@dataclass(frozen=True, eq=False)
class DistrictPlan:
    """One way of cutting the city into districts.

    ``estates`` (n,) uid of every estate of the layer; ``district`` (n,) "D1", "D2", ... from
    north-west to south-east (free words in a plan that a person drew), or None; ``left_out``:
    those that took part and have none. ``settings`` hold every assumption. ``objective``,
    ``bound``, ``gap``, ``status`` and ``reason`` are those of `Partition`.
    """

    name: str
    estates: NDArray[np.object_]
    district: NDArray[np.object_]
    left_out: tuple[LeftOut, ...]
    settings: Mapping[str, Any]
    objective: float
    bound: float
    gap: float
    status: str
    adjacency: Adjacency
    reason: str = ""

    @property
    def districts(self) -> tuple[str, ...]:
        """Names of the districts in their natural order: D2 comes before D10."""
        return tuple(sorted({str(d) for d in self.district if d is not None}, key=_natural))

    def table(self, estates: Layer) -> pd.DataFrame:
        """Sum up each district: one row each, in their order.

        Sums are of what is known and NaN where nothing is; ``<column>_unknown`` is the number of
        estates of which it is not known, ``people_estimated`` of those whose people come from
        the households.

        Raises
        ------
        OptionError
            The layer does not hold the estates of the plan.
        """
        if list(estates.uids) != list(self.estates):
            raise OptionError("These are not the estates of the plan; give those it was made of")
        people, estimated = people_of(
            estates, persons_per_household=self.settings["persons_per_household"]
        )
        columns = {c: estates.numbers(c) for c in _SUMMED if c != "people"} | {"people": people}
        rows = []
        for name in self.districts:
            own = self.district == name
            row: dict[str, Any] = {"district": name, "estates": int(own.sum())}
            for column in _SUMMED:
                values = columns[column][own]
                known = values[~np.isnan(values)]
                row[column] = float(known.sum()) if len(known) else np.nan
                row[f"{column}_unknown"] = int(len(values) - len(known))
            row["people_estimated"] = int(estimated[own].sum())
            rows.append(row)
        names = [n for c in _SUMMED for n in (c, f"{c}_unknown")]
        table = pd.DataFrame(rows, columns=["district", "estates", *names, "people_estimated"])
        whole = [c for c in table if c not in ("district", *_SUMMED)]
        return table.astype(dict.fromkeys(_SUMMED, float) | dict.fromkeys(whole, "int64"))


def district_name(word: str) -> str | None:
    """Return the name that a person gave a district, as it is kept: what cannot be seen goes.

    None where the words say that there is none (`NO_DISTRICT`).

    Raises
    ------
    OptionError
        Nothing is left to be seen, or it is too long.
    """
    plain = unicodedata.normalize("NFC", word)
    seen = "".join(
        c if c.isprintable() else "" if unicodedata.category(c) == "Cf" else " " for c in plain
    )
    name = " ".join(seen.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise OptionError(
            f"A district is called '{name[:20]}…' ({len(name)} characters); give names of 1 to "
            f"{LONGEST_NAME}"
        )
    return None if name.casefold() in NO_DISTRICT else name


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Key that sorts the numbers in a name by value."""
    parts = re.split(r"(\d+)", name)
    return tuple((1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts)

"""Cells that cannot be read: what was in them, what to write instead, and units left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.io import words
from gis.model import Column, Finding

KEPT_WHEN_ODD: Final = frozenset(["year", "share", "storeys"])
"""Units of optional columns where a number out of bounds is a slip that costs the cell, not the
row; an amount below 0 says that the row itself is at fault."""

_SHOWN: Final = 5
_ROWS_SHOWN: Final = 10
_CELL: Final = 40
_WRITE: Final = {
    "year": "write a year such as 2028",
    "yuan": "write one sum, such as 450000 or 45万",
    "m2": "write one number of square metres, such as 450",
    "storeys": "write one storey, such as 2",
}
_NOTHING_READ: Final = "; is it the right heading? Name another with --column {name}=THEIRS"


@dataclass(frozen=True)
class Unread:
    """A cell whose value is unknown now: what is wrong with it, and what to write."""

    cell: str
    told: str
    remedy: str

    @property
    def note(self) -> str:
        """One line for the list of repaired rows."""
        return f"{self.told}; taken as unknown; {self.remedy}"


def unread(column: Column, cell: str) -> Unread:
    """Return what to say of a cell that is no number or year."""
    named = f"{column.name} is '{cell[:_CELL]}'"
    remedy = _to_write(column, "write one number")
    if column.unit == "year":
        # A place of which no year is known is offered in every year.
        so = ", so it counts as there from now on" if column.name == "available_year" else ""
        several = words.is_range(cell) or words.vague_year(cell)
        what = "which names no single year" if several else "which is no year"
        return Unread(cell, f"{named}, {what}{so}", remedy)
    if words.is_range(cell):
        return Unread(cell, f"{named}, a range and no single number", remedy)
    return Unread(cell, f"{named}, which is no number", remedy)


def odd(column: Column, told: str, value: float) -> Unread:
    """Return what to say of a number that is out of its bounds, from why and perhaps a remedy."""
    told, _, remedy = told.partition("; ")
    return Unread(f"{value:.10g}", told, remedy or _to_write(column, "mend the cell"))


def _to_write(column: Column, otherwise: str) -> str:
    if column.name == "built_year":
        return "write a year such as 1986"
    return _WRITE.get(column.unit, otherwise)


def taken_as_unknown(column: Column, cells: Mapping[int, Unread], rows: int) -> list[Finding]:
    """Say once for a column how many cells were not read; the rows themselves are listed apart."""
    if not cells:
        return []
    counts = Counter(each.cell for each in cells.values()).most_common()
    shown = ", ".join(f"'{cell[:_CELL]}' ({count})" for cell, count in counts[:_SHOWN])
    more = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    remedy = next(iter(cells.values())).remedy
    if len(cells) == rows > 1:
        remedy += _NOTHING_READ.format(name=column.name)
    told = f"{len(cells)} of {rows} values of {column.name} cannot be read and are unknown now"
    return [Finding("cells-unread", f"{told}; their rows were kept: {shown}{more}; {remedy}")]


def mixed_units(
    column: Column, bare: Sequence[int], units: Sequence[str], rows: NDArray[np.int64]
) -> list[Finding]:
    """Doubt cells without a unit where others of the column name one that is not ours.

    Parameters
    ----------
    column
        One whose heading names no unit.
    bare
        Places of the rows without a unit.
    units
        Units that cells name, one each.
    rows
        (n,) number of each row.
    """
    factors = words.UNITS.get(column.unit, {})
    larger = Counter(unit for unit in units if factors.get(unit, 1.0) != 1.0)
    if not bare or not larger:
        return []
    unit = larger.most_common(1)[0][0]
    row, name, read = ("Row", "names", "is") if len(bare) == 1 else ("Rows", "name", "are")
    others = f"{larger.total()} others say" if larger.total() > 1 else "another says"
    heading = f"{unit}元" if column.unit == "yuan" and not unit.endswith("元") else unit
    told = (
        f"{row} {_listed(rows[list(bare)])} {name} no unit of {column.name} and {read} read as "
        f"{column.unit}, while {others} {'/'.join(larger)}; write the unit into each cell, or for "
        f"the whole column into its heading, such as {column.zh}({heading})"
    )
    return [Finding("unit-mixed", told, row=int(rows[bare[0]]))]


def _listed(numbers: NDArray[np.int64]) -> str:
    """Write numbers of rows: 4; 4 and 9; 4, 9, 12 and 30 more."""
    shown = [str(int(number)) for number in numbers[:_ROWS_SHOWN]]
    rest = len(numbers) - len(shown)
    last = [f"{rest} more"] if rest else shown[-1:]
    before = shown if rest else shown[:-1]
    return " and ".join(filter(None, [", ".join(before), *last]))


def out_of_bounds(column: Column) -> bool:
    """Return whether a number out of bounds costs an optional cell only, not the row."""
    return not column.required and column.unit in KEPT_WHEN_ODD

"""A small table of words beside the layers, with the place of each row in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TextTable:
    """n rows of text of one file.

    ``columns``: name -> (n,) texts, None where the cell is blank; a column that the file does not
    have is not there. ``rows`` (n,) are the numbers of the rows as a person sees them.
    """

    file: str
    columns: Mapping[str, NDArray[np.object_]]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> NDArray[np.object_]:
        """Texts of a column; all None where the file does not have it."""
        return self.columns.get(name, np.full(len(self), None, dtype=object))

    def place(self, row: int) -> str:
        """Name a row (from 0) as messages do: file and number."""
        return f"{self.file} row {int(self.rows[row])}"

"""What differs between the two databases; everything else is the same SQLAlchemy for both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.schema import CreateColumn

from api.store.schema import LAYERS
from gis.model import Kind

Tick = Callable[[int], None]
"""Is told how many more rows have been written."""

Box = tuple[float, float, float, float]
"""West, south, east, north."""


@dataclass(frozen=True, eq=False)
class Backend(ABC):
    """A database as seen from inside a transaction."""

    connection: Connection

    @abstractmethod
    def has_table(self, name: str) -> bool:
        """Tell whether there is a table of that name in this very project."""

    @abstractmethod
    def columns_in(self, name: str) -> set[str]:
        """Return the names of the columns that a table really has."""

    @abstractmethod
    def kinds(self) -> set[str]:
        """Return the names of the layers that there are."""

    @abstractmethod
    def create_core(self, *, now: str) -> None:
        """Make what the project needs before any of its tables."""

    @abstractmethod
    def create_table(self, table: Table, *, now: str) -> None:
        """Create one of the tables without geometry, with all that belongs to it."""

    @abstractmethod
    def ensure_srs(self, crs: CRS) -> int:
        """Return the number of a CRS in this database; register it if it is new."""

    @abstractmethod
    def srs_of(self, kind: str) -> int:
        """Return the number of the CRS that a layer is in."""

    @abstractmethod
    def create_layer(self, kind: Kind, *, srs_id: int, now: str) -> None:
        """Create the empty layer of a kind, with its index and its triggers."""

    @abstractmethod
    def drop_layer(self, kind: str) -> None:
        """Take a layer out with all that belongs to it."""

    @abstractmethod
    def empty_layer(self, kind: str) -> None:
        """Delete the rows of a layer."""

    @abstractmethod
    def make_room(self, kind: str, shapes: NDArray[np.object_]) -> None:
        """Let a layer take geometries of other types than it has, and heights."""

    @abstractmethod
    def load(
        self, kind: str, rows: Iterable[Sequence[Any]], shapes: NDArray[np.object_], *,
        fids: Sequence[int], tick: Tick,
    ) -> None:  # fmt: skip
        """Write many rows at once: all columns of the table in their order, geometries encoded."""

    @abstractmethod
    def load_table(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows of a table without geometry, all columns in their order, keys too."""

    @abstractmethod
    def note_change(self, kind: str, *, now: str, bounds: NDArray[np.float64] | None) -> None:
        """Bring time and extent of a layer up to date where the database keeps them.

        ``bounds`` are (n, 4) of rows that were added; None when rows were changed.
        """

    @abstractmethod
    def geometry_types(self, kind: str) -> set[str]:
        """Return the types of the geometries that are not empty, as POINT, MULTIPOLYGON."""

    @abstractmethod
    def encode(
        self, shapes: NDArray[np.object_], *, srs_id: int, heights: bool = False
    ) -> list[bytes | None]:
        """Turn geometries into what the database keeps; ``heights``: with those that have some."""

    @abstractmethod
    def decode(
        self, values: Sequence[Any], *, table: str, fids: Sequence[int], heights: bool = False
    ) -> NDArray[np.object_]:
        """Turn what the database keeps into geometries.

        Raises
        ------
        LayerError
            One cannot be read; its table and fid are named.
        """

    @abstractmethod
    def touching(self, kind: str, bbox: Box) -> ColumnElement[bool]:
        """Return the condition that the box of a geometry touches a box; an index answers it."""

    @abstractmethod
    def settle(self, *, now: str) -> None:
        """Make anew what a change of tables may have taken away: registers, indexes, triggers."""

    def add_columns(self, kind: str) -> None:
        """Add what a newer Lianpian has in a kind, or what somebody took away in QGIS."""
        there = self.columns_in(kind)
        for column in LAYERS[kind].columns:
            if column.name not in there and column.nullable:
                spelled = CreateColumn(column).compile(dialect=self.connection.dialect)
                self.connection.exec_driver_sql(f'ALTER TABLE "{kind}" ADD COLUMN {spelled}')


def types_of(shapes: NDArray[np.object_]) -> set[str]:
    """Return the types of geometries, as POINT, MULTIPOLYGON."""
    some = shapes[~shapely.is_missing(shapes)]
    _, first = np.unique(shapely.get_type_id(some), return_index=True)
    return {some[place].geom_type.upper() for place in first.tolist()}

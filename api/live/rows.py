"""Rows of a layer by columns, and what an edit makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from api.store import Row

Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Rows:
    """n rows, in the order of their fids.

    ``columns`` has the values of all columns, the user's own too (numbers with NaN, else objects
    with None); ``types`` their types in a frame.
    """

    fids: NDArray[np.int64]
    uids: NDArray[np.object_]
    revs: NDArray[np.int64]
    shapes: NDArray[np.object_]
    columns: Mapping[str, NDArray[Any]]
    types: Mapping[str, str]

    @classmethod
    def of(cls, fids: ArrayLike, revs: ArrayLike, frame: gpd.GeoDataFrame) -> Self:
        """Take the rows out of a frame, as the store reads it."""
        names = [str(name) for name in frame if name != frame.geometry.name]
        columns = {name: _array(frame[name]) for name in names}
        return cls(
            np.asarray(fids, dtype=np.int64),
            columns["uid"],
            np.asarray(revs, dtype=np.int64),
            np.asarray(frame.geometry.to_numpy(), dtype=object),
            columns,
            {name: str(frame[name].dtype) for name in names},
        )

    def __len__(self) -> int:
        return len(self.fids)

    def like(self, stored: Sequence[Row]) -> Self | None:
        """Return rows of the store in the columns of these; None where they have another column."""
        if any(name not in self.columns for row in stored for name in row.extra):
            return None
        columns = {
            name: _cells([{**row.extra, **row.values}.get(name) for row in stored], type_)
            for name, type_ in self.types.items()
        }
        shapes: NDArray[np.object_] = np.empty(len(stored), dtype=object)
        shapes[:] = [row.geometry for row in stored]
        return type(self)(
            np.array([row.fid for row in stored], dtype=np.int64),
            columns["uid"],
            np.array([row.rev for row in stored], dtype=np.int64),
            shapes,
            columns,
            self.types,
        )

    def frame(self, crs: Any) -> gpd.GeoDataFrame:
        """Return the rows as the frame that they were taken from."""
        columns = {
            name: pd.Series(values, dtype=self.types[name]) for name, values in self.columns.items()
        }
        return gpd.GeoDataFrame(columns, geometry=self.shapes, crs=crs)


def _array(values: pd.Series[Any]) -> NDArray[Any]:
    if values.dtype == np.float64:
        return np.asarray(values.to_numpy())
    return np.asarray(values.astype(object).where(values.notna(), None).to_numpy(), dtype=object)


def _cells(values: list[Any], type_: str) -> NDArray[Any]:
    if type_ == "float64":
        return np.array([math.nan if v is None else v for v in values], dtype=float)
    array: NDArray[np.object_] = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@dataclass(frozen=True, eq=False)
class Change:
    """What becomes of n rows by an edit.

    ``changed`` and ``removed`` are row numbers before the edit. ``rows`` has the changed rows, in
    the order of ``changed``, and then the new ones.
    """

    before: NDArray[np.int64]
    changed: Places
    removed: Places
    rows: Rows

    @classmethod
    def between(cls, before: Rows, rows: Rows, removed: Sequence[int]) -> Self:
        """Tell which of ``rows`` are new, and where the others stood, and those ``removed``."""
        place = np.searchsorted(before.fids, rows.fids)
        known = place < len(before)
        known[known] = before.fids[place[known]] == rows.fids[known]
        order = np.argsort(~known, kind="stable")
        gone = np.flatnonzero(np.isin(before.fids, np.asarray(removed, dtype=np.int64)))
        return cls(before.fids, place[known], gone, taken(rows, order))

    @cached_property
    def at(self) -> Places:
        """Where the new rows go, among those that are left."""
        left = np.delete(self.before, self.removed)
        return np.searchsorted(left, self.rows.fids[len(self.changed) :])

    @property
    def in_place(self) -> bool:
        """Whether no row is new, and none is gone."""
        return len(self.rows) == len(self.changed) and not len(self.removed)

    @property
    def at_the_end(self) -> bool:
        """Whether all new rows come after all that were there."""
        return bool((self.at == len(self.before) - len(self.removed)).all())

    def keeps(self, old: NDArray[Any], new: NDArray[Any]) -> bool:
        """Tell whether an array of the n rows is after the edit what it was before."""
        pairs = zip(old[self.changed].tolist(), new.tolist(), strict=False)
        return self.in_place and all(a == b or (a != a and b != b) for a, b in pairs)

    def of(self, old: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        """Return one array of the n rows as it is after the edit; ``new`` is of `rows`."""
        if new.ndim == 1 and self.keeps(old, new):
            return old
        after = old.copy()
        count = len(self.changed)
        after[self.changed] = new[:count]
        if len(self.removed):
            after = np.delete(after, self.removed, axis=0)
        if len(new) > count:
            after = np.insert(after, self.at, new[count:], axis=0)
        return after

    def apply(self, old: Rows) -> Rows:
        """Return the rows after the edit."""
        columns = {
            name: self.of(values, self.rows.columns[name]) for name, values in old.columns.items()
        }
        return Rows(
            self.of(old.fids, self.rows.fids),
            columns["uid"],
            self.of(old.revs, self.rows.revs),
            self.of(old.shapes, self.rows.shapes),
            columns,
            old.types,
        )


def taken(rows: Rows, order: Places) -> Rows:
    """Return some rows, in the order asked for."""
    arrays = {
        field.name: getattr(rows, field.name)[order]
        for field in fields(rows)
        if field.name not in ("columns", "types")
    }
    columns = {name: values[order] for name, values in rows.columns.items()}
    return replace(rows, **arrays, columns=columns)

"""Layers and studies: data that has been checked once, when it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis.crs import require_same_crs
from gis.errors import LayerError, MissingLayerError, UnknownNameError
from gis.model.kinds import KINDS, Column, Kind

Severity = Literal["info", "warning", "error"]

TYPE_IDS: Final[dict[str, tuple[int, ...]]] = {
    "point": (0, 4),
    "line": (1, 5),
    "polygon": (3, 6),
}
PANDAS_TYPES: Final[dict[str, str]] = {
    "text": "str",
    "integer": "float64",
    "number": "float64",
    "boolean": "boolean",
    "date": "str",
}
MAX_FAULTS_TOLD: Final = 5
_UIDS_TOLD: Final = 10

PERSONS_PER_HOUSEHOLD: Final = 2.62
"""Persons per family household, census of 2020-11-01 (national mean)."""


@dataclass(frozen=True)
class Finding:
    """Something a person should know about the data; the data was used as said in ``message``."""

    code: str
    message: str
    severity: Severity = "warning"
    row: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON values."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "row": self.row,
        }


@dataclass(frozen=True, eq=False)
class Layer:
    """The rows of one kind, in one metric CRS.

    ``frame`` has the columns of the kind (all of them, in their order), then extra columns of the
    user's own, then ``geometry``; its index is 0..n-1 and ``uid`` is unique and never missing.

    Raises
    ------
    LayerError
        Rows break what the kind promises; the first faults are named, and how many there are.
    """

    kind: Kind
    frame: gpd.GeoDataFrame

    def __post_init__(self) -> None:
        faults = list(_faults(self.kind, self.frame))
        if faults:
            more = len(faults) - MAX_FAULTS_TOLD
            told = "; ".join(faults[:MAX_FAULTS_TOLD]) + (f"; and {more} more" if more > 0 else "")
            raise LayerError(f"The layer '{self.kind.name}' cannot be used: {told}")

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def crs(self) -> CRS:
        """The CRS of the geometries, in metres."""
        return CRS(self.frame.crs)

    @property
    def geometries(self) -> NDArray[np.object_]:
        """(n,) shapely geometries, in the order of the rows."""
        return np.asarray(self.frame.geometry.to_numpy(), dtype=object)

    @property
    def uids(self) -> NDArray[np.object_]:
        """(n,) keys of the rows."""
        return np.asarray(self.frame["uid"], dtype=object)

    def numbers(self, column: str) -> NDArray[np.float64]:
        """(n,) values of a numeric column (NaN: unknown); ``area_m2`` and ``count`` are derived.

        Raises
        ------
        UnknownNameError
            There is no such column, or it holds no numbers.
        """
        if column == "count":
            return np.ones(len(self.frame))
        if column == "area_m2" and column not in self.frame:
            area = shapely.area(self.geometries)
            return np.where(area > 0, area, np.nan)
        if column not in self.frame or not pd.api.types.is_numeric_dtype(self.frame[column]):
            known = [c for c in self.frame if pd.api.types.is_numeric_dtype(self.frame[c])]
            raise UnknownNameError(
                f"The layer '{self.kind.name}' has no numeric column '{column}'; "
                f"give one of: {', '.join([*known, 'area_m2', 'count'])}"
            )
        return np.asarray(self.frame[column].to_numpy(dtype=float, na_value=np.nan))

    def find(self, word: str) -> int:
        """Return the row whose uid, else whose name, is ``word``.

        Raises
        ------
        UnknownNameError
            There is none, or the name is that of several; their uids are told.
        """
        asked = word.strip()
        rows = np.flatnonzero(self.uids == asked)
        if len(rows) == 0 and "name" in self.frame:
            names = self.frame["name"].astype("str").str.strip()
            rows = np.flatnonzero((names == asked).to_numpy(dtype=bool, na_value=False))
        if len(rows) == 1:
            return int(rows[0])
        what = self.kind.en.lower().removesuffix("s")
        if len(rows) == 0:
            raise UnknownNameError(f"There is no {what} '{asked}'; give the uid or the name of one")
        uids = self.uids[rows]
        more = f" and {len(uids) - _UIDS_TOLD} more" if len(uids) > _UIDS_TOLD else ""
        raise UnknownNameError(
            f"The name '{asked}' is that of {len(uids)} {self.kind.en.lower()}; give one of the "
            f"uids: {', '.join(str(uid) for uid in uids[:_UIDS_TOLD])}{more}"
        )


@dataclass(frozen=True, eq=False)
class Study:
    """The layers of one project, all in one CRS.

    ``none_of`` holds the categories of which someone stated that there is no facility, so that
    their absence is a gap and not missing data.

    Raises
    ------
    CrsError
        The layers are not in one CRS.
    """

    layers: Mapping[str, Layer]
    name: str = ""
    none_of: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        require_same_crs(*(layer.crs for layer in self.layers.values()))

    @property
    def crs(self) -> CRS | None:
        """The one CRS of the layers; None while there are none."""
        for layer in self.layers.values():
            return layer.crs
        return None

    def __contains__(self, kind: object) -> bool:
        return kind in self.layers and len(self.layers[str(kind)]) > 0

    def layer(self, kind: str) -> Layer:
        """Return the layer of a kind that the analysis cannot do without.

        Raises
        ------
        MissingLayerError
            The project has none, or it is empty.
        """
        if kind not in self:
            raise MissingLayerError(
                f"The project has no {kind}; import them first: lianpian import PROJECT {kind} FILE"
            )
        return self.layers[kind]

    def frame(self, kind: str) -> gpd.GeoDataFrame:
        """Return the rows of a kind; an empty frame with its columns when there are none."""
        if kind in self.layers:
            return self.layers[kind].frame
        if kind not in self._empty:
            self._empty[kind] = empty_frame(KINDS[kind], crs=self.crs)
        return self._empty[kind]

    @cached_property
    def _empty(self) -> dict[str, gpd.GeoDataFrame]:
        """Empty frames that were asked for: to make one takes some 30 ms."""
        return {}


def empty_frame(kind: Kind, *, crs: CRS | None = None) -> gpd.GeoDataFrame:
    """Return a frame of ``kind`` without rows, with its columns and their types."""
    columns = {c.name: pd.Series(dtype=PANDAS_TYPES[c.type]) for c in kind.columns}
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs=crs), crs=crs)


def append_rows(frame: gpd.GeoDataFrame, rows: Sequence[Mapping[str, Any]]) -> gpd.GeoDataFrame:
    """Return a frame with more rows; columns that they do not name are empty."""
    columns = {}
    for name in frame.columns:
        if name == "geometry":
            continue
        values = [row.get(name) for row in rows]
        tail = pd.Series(values, dtype=object)
        columns[name] = pd.concat([frame[name], tail.astype(frame[name].dtype)], ignore_index=True)
    shapes: NDArray[np.object_] = np.empty(len(rows), dtype=object)
    shapes[:] = [row["geometry"] for row in rows]
    geometry = np.concatenate([np.asarray(frame.geometry.to_numpy(), dtype=object), shapes])
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=frame.crs)


def people_of(
    layer: Layer, *, persons_per_household: float = PERSONS_PER_HOUSEHOLD
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """People of each row: counted where the column says so, else households times a coefficient.

    Parameters
    ----------
    layer
        n rows of a kind with ``people`` and ``households``.
    persons_per_household
        Persons, > 0; the census of 2020 says 2.62.

    Returns
    -------
    people
        (n,) people; NaN where neither column says anything; estimates are whole.
    estimated
        (n,) True where the number comes from the households.
    """
    counted = layer.numbers("people")
    # Whole people, so that every sum of them adds up to every other.
    guess = np.rint(layer.numbers("households") * persons_per_household)
    estimated = np.isnan(counted) & ~np.isnan(guess)
    return np.where(estimated, guess, counted), estimated


def _faults(kind: Kind, frame: gpd.GeoDataFrame) -> Iterable[str]:
    if frame.crs is None or not CRS(frame.crs).is_projected:
        yield "its coordinates are not in a metric CRS"
    if not frame.index.equals(pd.RangeIndex(len(frame))):
        yield "its rows are not numbered 0..n-1"
    missing = [name for name in kind.column_names if name not in frame]
    if missing:
        yield f"it lacks {', '.join(missing)}"
        return
    uid = frame["uid"]
    if uid.isna().any():
        yield f"row {int(uid.isna().argmax())} has no uid"
    if uid.duplicated().any():
        yield f"the uid '{uid[uid.duplicated()].iloc[0]}' occurs twice"
    yield from _geometry_faults(kind, frame)
    for column in kind.columns:
        yield from _column_faults(column, frame[column.name])


def _geometry_faults(kind: Kind, frame: gpd.GeoDataFrame) -> Iterable[str]:
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    none = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if kind.geometry_required and none.any():
        yield f"row {int(none.argmax())} has no geometry"
    allowed = [i for name in kind.geometry for i in TYPE_IDS[name]]
    wrong = ~none & ~np.isin(shapely.get_type_id(shapes), allowed)
    if wrong.any():
        row = int(wrong.argmax())
        yield f"row {row} is a {shapes[row].geom_type}, not a {' or '.join(kind.geometry)}"
    invalid = ~none & ~shapely.is_valid(shapes)
    if invalid.any():
        row = int(invalid.argmax())
        yield f"row {row} has an invalid geometry: {shapely.is_valid_reason(shapes[row])}"


def _column_faults(column: Column, values: pd.Series[Any]) -> Iterable[str]:
    wanted = PANDAS_TYPES[column.type]
    if str(values.dtype) != wanted:
        yield f"{column.name} is {values.dtype}, not {wanted}"
        return
    if column.required and values.isna().any():
        yield f"row {int(values.isna().to_numpy().argmax())} has no {column.name}"
    if wanted != "float64":
        return
    numbers = values.to_numpy()
    for broken, word, bound in (
        (numbers < column.low if column.low is not None else None, "below", column.low),
        (numbers > column.high if column.high is not None else None, "above", column.high),
        (np.isinf(numbers), "infinite:", column.name),
    ):
        if broken is not None and broken.any():
            row = int(broken.argmax())
            yield f"row {row}: {column.name} {numbers[row]:g} is {word} {bound}"

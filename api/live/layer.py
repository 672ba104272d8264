"""A layer as it was at one version, ready to be answered with."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from api.live.features import (
    BETWEEN,
    CLOSING,
    DEGREE_DECIMALS,
    LONLAT,
    METRE_DECIMALS,
    collection,
    features,
    in_degrees,
    moved,
    opening,
    turning,
    with_revs,
)
from api.live.packing import PACKING, Pieces, pack, without
from api.live.rows import Change, Places, Rows
from gis.errors import OptionError, UnknownNameError
from gis.model import Kind, Layer
from gis.tiles import TileLayer

if TYPE_CHECKING:
    from api.store import Row

MERCATOR: Final = CRS.from_epsg(3857)
WORLD_M: Final = 20037508.342789244
"""Half the width of EPSG:3857."""

_AT_ONCE: Final = 5_000
_FEW: Final = 4
_ROW_BYTES: Final = 700
_VERTEX_BYTES: Final = 26
_NUMBERS: Final = itertools.count(1)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Line:
    """The versions of a layer that followed from one another by edits; tiles are kept by it.

    ``mark`` is that of the project: another one may have the same versions.
    """

    number: int
    mark: str = ""

    @classmethod
    def new(cls, mark: str = "") -> Line:
        """Begin a line, as when a layer was read from the store."""
        return cls(next(_NUMBERS), mark)


class LiveLayer:
    """A layer at one version; it never changes, so it can be held while others edit.

    What is derived from the rows is made when it is first asked for, by one thread; `followed`
    hands it on to the next version as far as it still holds.
    """

    def __init__(
        self, kind: Kind, version: int, crs: CRS, rows: Rows, *, keep_bytes: int, line: Line
    ) -> None:
        self.kind = kind
        self.version = version
        self.crs = crs
        self.line = line
        self.fids = rows.fids
        self.uids = rows.uids
        self.revs = rows.revs
        self.geometries = rows.shapes
        self._rows = rows
        self._keep_bytes = keep_bytes
        self._lock = threading.RLock()
        self._packing = threading.Lock()  # so that tiles and edits do not wait for it
        self._bounds: Floats | None = None
        self._lonlat: NDArray[np.object_] | None = None
        self._lonlat_bounds: Floats | None = None
        self._places: dict[str, int] | None = None
        self._layer: Layer | None = None
        self._fragments: NDArray[np.object_] | None = None
        self._fragment_bytes = 0
        self._gzipped: bytes | None = None
        self._pieces: Pieces = ()
        self._digests: dict[str, bytes] = {}
        self._tiles: TileLayer | None = None

    def __len__(self) -> int:
        return len(self.fids)

    @property
    def etag(self) -> str:
        """The version as HTTP compares it."""
        return f'"{self.version}.{self.line.mark}"'

    def row_etag(self, position: int) -> str:
        """Return the rev of a row as HTTP compares it."""
        return f'"{int(self.revs[position])}.{self.line.mark}"'

    @property
    def layer(self) -> Layer:
        """The rows as analyses want them, with the user's own columns; it must not leave.

        Raises
        ------
        LayerError
            It was edited in another program so that it breaks what its kind promises.
        """
        with self._lock:
            if self._layer is None:
                self._layer = Layer(self.kind, self._rows.frame(self.crs))
            return self._layer

    @property
    def bounds(self) -> Floats:
        """(n, 4) west, south, east, north of each row in metres; NaN where nothing is drawn."""
        with self._lock:
            if self._bounds is None:
                self._bounds = shapely.bounds(self.geometries)
            return self._bounds

    @property
    def lonlat(self) -> NDArray[np.object_]:
        """(n,) geometries in longitude and latitude, to seven decimals (about a centimetre)."""
        with self._lock:
            if self._lonlat is None:
                self._lonlat = in_degrees(self.geometries, self.crs)
            return self._lonlat

    @property
    def lonlat_bounds(self) -> Floats:
        """(n, 4) west, south, east, north of each row; NaN where nothing is drawn."""
        with self._lock:
            if self._lonlat_bounds is None:
                self._lonlat_bounds = shapely.bounds(self.lonlat)
            return self._lonlat_bounds

    def values(self, column: str) -> NDArray[Any]:
        """(n,) values of a column of the kind: numbers with NaN, else objects with None.

        Raises
        ------
        UnknownNameError
            The kind has no such column; the user's own are not told of.
        """
        if column not in self.kind.column_names:
            raise UnknownNameError(
                f"The layer '{self.kind.name}' has no column '{column}'; it has: "
                f"{', '.join(self.kind.column_names)}"
            )
        return self._rows.columns[column]

    def digest(self, columns: Collection[str]) -> str:
        """Return a hash of columns of the kind: equal where they hold the same, row by row.

        Raises
        ------
        UnknownNameError
            The kind has no such column.
        """
        made = hashlib.sha256()
        for name in columns:
            values = self.values(name)
            with self._lock:
                if name not in self._digests:
                    self._digests[name] = _digest(values)
                made.update(self._digests[name])
        return made.hexdigest()[:16]

    def position(self, uid: str) -> int:
        """Return the number of the row with a uid.

        Raises
        ------
        UnknownNameError
            There is none.
        """
        try:
            return self._by_uid()[uid]
        except KeyError:
            raise UnknownNameError(
                f"The layer '{self.kind.name}' has no row '{uid:.80}'; it may have been removed"
            ) from None

    def _by_uid(self) -> dict[str, int]:
        with self._lock:
            if self._places is None:
                self._places = {uid: place for place, uid in enumerate(self.uids.tolist())}
            return self._places

    def window(self, bbox: Sequence[float], *, crs: CRS | None = None) -> Places:
        """Return which rows meet a rectangle, in their order.

        Parameters
        ----------
        bbox
            West, south, east, north. In degrees west may be greater than east: over the
            antimeridian.
        crs
            What the four numbers are in, always as (x, y): the system of the project, one of
            degrees, or EPSG:3857. None: longitude and latitude.

        Raises
        ------
        OptionError
            They are not four finite numbers in their order, or the system is another one.
        """
        west, south, east, north = _rectangle(bbox)
        if crs is not None and crs == self.crs:
            _require_order(west, east)
            return _meeting(self.geometries, self.bounds, (west, south, east, north))
        if crs is not None and crs == MERCATOR:
            _require_order(west, east)
            west, south, east, north = _unfold(west, south, east, north)
        elif crs is not None and not crs.is_geographic:
            raise OptionError(f"A rectangle in {crs.name} cannot be looked up in this layer")
        if west <= east:
            return _meeting(self.lonlat, self.lonlat_bounds, (west, south, east, north))
        halves = ((west, south, 180.0, north), (-180.0, south, east, north))
        found = [_meeting(self.lonlat, self.lonlat_bounds, half) for half in halves]
        return np.unique(np.concatenate(found))

    def feature(self, position: int, *, crs: CRS | None = None, swap: bool = False) -> bytes:
        """Return one row as a GeoJSON feature; see `geojson`."""
        return self._parts(np.array([position]), crs, swap)[0]

    def geojson(
        self,
        positions: Places | None = None,
        *,
        matched: int | None = None,
        extra: Mapping[str, Any] | None = None,
        crs: CRS | None = None,
        swap: bool = False,
        revs: bool = True,
    ) -> bytes:
        """Return rows as a GeoJSON feature collection, with the columns of the kind and no other.

        Parameters
        ----------
        positions
            Which rows, in which order; None: all.
        matched
            What ``numberMatched`` says; else the number of rows.
        extra
            Further members of the collection.
        crs
            What the coordinates are to be in; None: longitude and latitude.
        swap
            Write the second coordinate before the first, as some systems have it.
        revs
            Give each feature its ``rev``, beside its id.
        """
        chosen = np.arange(len(self)) if positions is None else positions
        parts = [
            b",".join(self._collected(chosen[start : start + _AT_ONCE], crs, swap, revs))
            for start in range(0, len(chosen), _AT_ONCE)
        ]
        count = len(chosen)
        members = {"numberMatched": count if matched is None else matched, "numberReturned": count}
        return collection(parts, members | dict(extra or {}))

    def gzipped(self) -> bytes:
        """Return the whole layer's `geojson`, packed with gzip."""
        with self._packing:
            if self._gzipped is not None:
                return self._gzipped
            if not self.worth_keeping:
                return gzip.compress(self.geojson(), PACKING, mtime=0)
            count = len(self)
            rows = self._collected(np.arange(count), None, swap=False, revs=True)
            self._gzipped, self._pieces = pack(
                opening({"numberMatched": count, "numberReturned": count}), rows, CLOSING,
                between=BETWEEN, pieces=self._pieces,
            )  # fmt: skip
            return self._gzipped

    @property
    def tiles(self) -> TileLayer:
        """The layer for vector tiles, with the columns of the kind."""
        with self._lock:
            if self._tiles is None:
                self._tiles = TileLayer.from_shapes(
                    self.kind.name,
                    _mercator(self.lonlat),
                    self._public(self._rows.columns),
                    self.fids,
                )
            return self._tiles

    @property
    def worth_keeping(self) -> bool:
        """Whether its GeoJSON is small enough to be kept in memory."""
        vertices = int(shapely.get_num_coordinates(self.geometries).sum())
        return len(self) * _ROW_BYTES + vertices * _VERTEX_BYTES <= self._keep_bytes

    @property
    def kept_bytes(self) -> int:
        """How much memory its GeoJSON takes at present."""
        packed = len(self._gzipped or b"") + sum(len(piece or b"") for piece in self._pieces)
        return self._fragment_bytes + packed

    def forget(self) -> None:
        """Let go of the GeoJSON that is kept; it is made again when asked for."""
        with self._lock:
            self._fragments, self._fragment_bytes = None, 0
            self._gzipped, self._pieces = None, ()

    def _collected(self, positions: Places, crs: CRS | None, swap: bool, revs: bool) -> list[bytes]:
        parts = self._parts(positions, crs, swap)
        return with_revs(parts, self.revs[positions]) if revs else parts

    def _parts(self, positions: Places, crs: CRS | None, swap: bool) -> list[bytes]:
        if swap or not (crs is None or crs.is_geographic):
            return self._made(positions, self._moved(positions, crs, swap))
        with self._lock:
            # A page of a few rows is no reason to write them all.
            few = len(positions) * _FEW < len(self)
            if self._fragments is None and not few and self.worth_keeping:
                made = self._made(np.arange(len(self)), self.lonlat)
                self._fragments = _objects(made)
                self._fragment_bytes = sum(map(len, made))
            fragments = self._fragments
        if fragments is None:
            return self._made(positions, self.lonlat[positions])
        found: list[bytes] = fragments[positions].tolist()
        return found

    def _made(self, positions: Places, shapes: NDArray[np.object_]) -> list[bytes]:
        columns = {name: self._rows.columns[name][positions] for name in self.kind.column_names}
        return features(self.kind, self.uids[positions], shapes, columns)

    def _moved(self, positions: Places, crs: CRS | None, swap: bool) -> NDArray[np.object_]:
        if crs is None or crs.is_geographic:
            return moved(self.lonlat[positions], _as_is(swap), DEGREE_DECIMALS)
        if crs == self.crs:
            return moved(self.geometries[positions], _as_is(swap), METRE_DECIMALS)
        turn = turning(self.crs, crs)
        return moved(
            self.geometries[positions],
            lambda x, y: _as_is(swap)(*turn.transform(x, y)),
            METRE_DECIMALS,
        )

    def where(self, fids: Sequence[int]) -> Floats:
        """(k, 4) bounds in EPSG:3857 of the rows with some fids, of those that are drawn."""
        there = np.isin(self.fids, np.asarray(fids, dtype=np.int64))
        bounds: Floats = shapely.bounds(_mercator(self.lonlat[there]))
        return bounds[~np.isnan(bounds).any(axis=1)]

    def followed(self, version: int, stored: Sequence[Row], removed: Sequence[int]) -> Self | None:
        """Return the layer after an edit, for which only the rows of the edit are worked on.

        Parameters
        ----------
        version
            The version that the edit made.
        stored
            The rows that it changed or made, in the order of their fids.
        removed
            The fids that it took out.

        Returns
        -------
        LiveLayer
            None where they have other columns than before, and all have to be read again.
        """
        rows = self._rows.like(stored)
        if rows is None:
            return None
        change = Change.between(self._rows, rows, removed)
        after = type(self)(
            self.kind,
            version,
            self.crs,
            change.apply(self._rows),
            keep_bytes=self._keep_bytes,
            line=self.line,
        )
        with self._lock:
            self._hand_on(change, after)
        return after

    def _hand_on(self, change: Change, after: Self) -> None:
        """Give what was derived from the rows before an edit to the layer after it."""
        if after.uids is self.uids:
            after._places = self._places
        kept = {
            name for name, old in self._rows.columns.items() if after._rows.columns[name] is old
        }
        after._digests = {name: made for name, made in self._digests.items() if name in kept}
        unmoved = after.geometries is self.geometries
        if unmoved:
            after._bounds = self._bounds
        elif self._bounds is not None:
            after._bounds = change.of(self._bounds, shapely.bounds(change.rows.shapes))
        if change.in_place:
            after._pieces = without(self._pieces, change.changed.tolist())
        if self._lonlat is None:
            return
        lonlat = in_degrees(change.rows.shapes, self.crs)
        if unmoved:
            after._lonlat, after._lonlat_bounds = self._lonlat, self._lonlat_bounds
        else:
            after._lonlat = change.of(self._lonlat, lonlat)
            if self._lonlat_bounds is not None:
                after._lonlat_bounds = change.of(self._lonlat_bounds, shapely.bounds(lonlat))
        if self._fragments is not None:
            gone = self._fragments[[*change.changed, *change.removed]].tolist()
            made = features(self.kind, change.rows.uids, lonlat, change.rows.columns)
            after._fragments = change.of(self._fragments, _objects(made))
            more = sum(map(len, made)) - sum(map(len, gone))
            after._fragment_bytes = self._fragment_bytes + more
        if self._tiles is not None and change.at_the_end:
            count = len(self) + len(change.rows) - len(change.changed)
            after._tiles = self._tiles.changed(
                np.concatenate([change.changed, np.arange(len(self), count)]),
                None if unmoved else _mercator(lonlat),
                self._public(change.rows.columns),
                ids=change.rows.fids,
                removed=change.removed,
            )

    def _public(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {name: columns[name] for name in self.kind.column_names}


def _digest(values: NDArray[Any]) -> bytes:
    if values.dtype == object:
        texts = ("" if value is None else f"{type(value).__name__} {value}" for value in values)
        return hashlib.sha256(json.dumps(list(texts)).encode()).digest()
    return hashlib.sha256(np.where(np.isnan(values), np.nan, values).tobytes()).digest()


def _as_is(swap: bool) -> Callable[[Floats, Floats], tuple[Floats, Floats]]:
    return (lambda x, y: (y, x)) if swap else (lambda x, y: (x, y))


def _objects(items: Sequence[Any]) -> NDArray[np.object_]:
    array: NDArray[np.object_] = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _mercator(lonlat: NDArray[np.object_]) -> NDArray[np.object_]:
    return moved(lonlat, turning(LONLAT, MERCATOR).transform, METRE_DECIMALS)


def _rectangle(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(side) for side in bbox)
    except (TypeError, ValueError):
        raise OptionError("A rectangle is four numbers: west, south, east, north") from None
    if not np.isfinite([west, south, east, north]).all():
        raise OptionError("A rectangle is four finite numbers: west, south, east, north")
    if south > north:
        raise OptionError(f"The rectangle's south {south:g} is north of its north {north:g}")
    return west, south, east, north


def _require_order(west: float, east: float) -> None:
    if west > east:
        raise OptionError(f"The rectangle's west {west:g} is east of its east {east:g}")


def _unfold(west: float, south: float, east: float, north: float) -> tuple[float, ...]:
    sides = np.clip([west, south, east, north], -WORLD_M, WORLD_M)
    lon, lat = turning(MERCATOR, LONLAT).transform(sides[[0, 2]], sides[[1, 3]])
    return float(lon[0]), float(lat[0]), float(lon[1]), float(lat[1])


def _meeting(
    shapes: NDArray[np.object_], bounds: Floats, bbox: tuple[float, float, float, float]
) -> Places:
    """Look at bounds first: in 20,000 rows that takes a tenth of what an index would save."""
    west, south, east, north = bbox
    near = (bounds[:, 0] <= east) & (bounds[:, 2] >= west)
    near &= (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
    places = np.flatnonzero(near)
    sides = bounds[places]
    within = (sides[:, 0] >= west) & (sides[:, 2] <= east)
    within &= (sides[:, 1] >= south) & (sides[:, 3] <= north)
    open_ = np.flatnonzero(~within)
    box = shapely.box(west, south, east, north)
    shapely.prepare(box)
    within[open_] = shapely.intersects(box, shapes[places[open_]])
    result: Places = places[within]
    return result

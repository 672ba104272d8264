"""A layer kept for tiles, and its tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError
from gis.tiles.features import write_features
from gis.tiles.nearby import Nearby
from gis.tiles.places import WORLD_M, check_tile
from gis.tiles.shapes import NOTHING, Shapes, flatten
from gis.tiles.values import ABSENT, Values, layer_frame, packed_keys

MOST_FEATURES: Final = 20_000
"""A tile shows no more unless asked to; the smallest are left out."""

_MOST_EXTENT: Final = 1 << 16


class Tile(bytes):
    """One layer of one tile: a message of the Mapbox Vector Tile format, not compressed.

    Layers of one tile are simply put one after another. Nothing to show is no byte.

    Attributes
    ----------
    features
        How many are drawn.
    left_out
        How many more there are, all smaller than those that are drawn.
    merged
        How many polygons are smaller than a cell of the grid that shows another one already.
    """

    features: int
    left_out: int
    merged: int

    @classmethod
    def of(cls, content: bytes, features: int, left_out: int, merged: int) -> Tile:
        """Tell of some bytes what they show."""
        tile = cls(content)
        tile.features, tile.left_out, tile.merged = features, left_out, merged
        return tile


@dataclass(frozen=True, eq=False)
class TileLayer:
    """The shapes and properties of a layer, laid out so that tiles are made quickly.

    Made by `from_shapes`; never changed in place, so any number of threads may ask for tiles.

    Attributes
    ----------
    name
        What the layer is called in its tiles.
    names
        What its properties are called.
    """

    name: str
    names: tuple[str, ...]
    _shapes: Shapes
    _nearby: Nearby
    _values: Values
    _numbers: NDArray[np.int32]
    _ids: NDArray[np.uint64] | None

    @classmethod
    def from_shapes(
        cls,
        name: str,
        shapes: Sequence[Any] | NDArray[Any],
        properties: Mapping[str, ArrayLike] | None = None,
        ids: ArrayLike | None = None,
    ) -> TileLayer:
        """Lay out shapes.

        Parameters
        ----------
        name
            What the layer is called in its tiles.
        shapes
            (n,) points, lines and polygons of shapely, single or several, in metres of EPSG:3857;
            None and empty ones are never shown. Nothing wraps round the antimeridian.
        properties
            Arrays (n,) of text, numbers or true and false; None and NaN are left out.
        ids
            (n,) whole numbers of zero or more.

        Raises
        ------
        OptionError
            The lengths differ, or a shape, value or id cannot be in a tile.
        """
        flat = flatten(shapes)
        count = len(flat.kind)
        values = Values()
        given = dict(properties or {})
        numbers = _numbers(values, given, count)
        own = None if ids is None else _checked_ids(ids, count)
        return cls(
            name, tuple(given), Shapes.of(flat), Nearby.of(flat.bounds), values, numbers, own
        )

    def __len__(self) -> int:
        return len(self._shapes.kind)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """West, south, east and north of all shapes; None without any."""
        bounds = self._shapes.bounds[self._shapes.kind != NOTHING]
        if not len(bounds):
            return None
        west, south = bounds[:, :2].min(axis=0).tolist()
        east, north = bounds[:, 2:].max(axis=0).tolist()
        return west, south, east, north

    def tile(
        self,
        z: int,
        x: int,
        y: int,
        *,
        extent: int = 4096,
        buffer: int = 64,
        most: int = MOST_FEATURES,
    ) -> Tile:
        """Return what one tile shows of the layer.

        Corners are snapped to a grid of one step of the tile, from zoom 11 down of two and from
        zoom 9 down of four; what then shows nothing is left out. Of a polygon smaller than a cell
        of that grid the cell is shown, once for all such polygons; smaller parts and holes of
        others are left out. The order of features is that of the layer.

        Parameters
        ----------
        z, x, y
            Zoom, column and row.
        extent
            Steps from edge to edge of the tile.
        buffer
            Steps beyond each edge that are shown too, so that outlines do not end there.
        most
            Features of the tile at most. The longer sides of their bounds decide who is in, then
            the order of the layer; the others are counted in the answer.

        Raises
        ------
        OptionError
            There is no such tile, or a number is out of range.
        """
        check_tile(z, x, y)
        _check_range("extent", extent, 64, _MOST_EXTENT)
        _check_range("buffer", buffer, 0, extent)
        _check_range("most", most, 1, 1 << 31)
        cell = 1 if z >= 12 else 2 if z >= 10 else 4
        step_m = 2 * WORLD_M / (extent << z)
        margin = (buffer + cell) * step_m
        west, north = x * extent * step_m - WORLD_M, WORLD_M - y * extent * step_m
        size = extent * step_m
        box = (west - margin, north - size - margin, west + size + margin, north + margin)
        shapes = self._shapes
        rows = self._nearby.rows(shapes.bounds, box)
        left_out = len(rows) - most
        if left_out > 0:
            bounds = shapes.bounds[rows]
            sides = (bounds[:, 2:] - bounds[:, :2]).max(axis=1)
            rows = np.sort(rows[np.argsort(-sides, kind="stable")[:most]])
        if not len(rows):
            return Tile.of(b"", 0, 0, 0)
        keys, key_ends = packed_keys(self.names)
        body, features, merged = write_features(
            rows,
            (shapes.kind, shapes.first, shapes.count, shapes.bounds),
            (shapes.rings.rows, shapes.xy.rows),
            self._numbers,
            (keys, key_ends, self._values.packed.rows, self._values.ends.rows),
            self._ids if self._ids is not None else np.empty(0, np.uint64),
            1.0 / (step_m * cell),
            (cell, x * extent, y * extent, -buffer, extent + buffer),
        )
        content = layer_frame(self.name, body.tobytes(), extent) if features else b""
        return Tile.of(content, features, max(left_out, 0), merged)

    def changed(
        self,
        positions: ArrayLike = (),
        shapes: Sequence[Any] | NDArray[Any] | None = None,
        properties: Mapping[str, ArrayLike] | None = None,
        *,
        ids: ArrayLike | None = None,
        removed: ArrayLike = (),
    ) -> TileLayer:
        """Return a copy with some rows changed; its tiles are those of a layer made anew.

        Parameters
        ----------
        positions
            Numbers of the rows that change; those from ``len(layer)`` on, without a gap, are added.
        shapes, properties, ids
            What these rows are now. None leaves it as it is, and of added rows empty; added rows
            of a layer with ids need theirs. Properties are given all or not at all.
        removed
            Numbers of rows that are taken out. Those after them move up.

        Raises
        ------
        OptionError
            A number is out of range or twice, lengths differ, or a shape, value or id cannot be
            in a tile.
        """
        rows, gone, added = self._positions(positions, removed)
        kept = np.ones(len(self) + added, np.bool_)
        kept[gone] = False
        flat = None if shapes is None else flatten(shapes)
        if flat is not None and len(flat.kind) != len(rows):
            raise OptionError(f"{len(flat.kind)} shapes for {len(rows)} positions: give one each")
        numbers = self._numbers
        if added:
            blank = np.full((added, len(self.names)), ABSENT, np.int32)
            numbers = np.concatenate([numbers, blank])
        if properties is not None:
            if set(properties) != set(self.names):
                raise OptionError(f"give the properties {', '.join(self.names) or 'of none'}")
            given = {name: properties[name] for name in self.names}
            new = _numbers(self._values, given, len(rows))
            if (numbers[rows] != new).any():  # often only the shape has changed
                numbers = numbers if added else numbers.copy()
                numbers[rows] = new
        own = self._ids
        if own is not None:
            if ids is not None:
                own = np.concatenate([own, np.zeros(added, np.uint64)])
                own[rows] = _checked_ids(ids, len(rows))
            elif added:
                raise OptionError("the layer has ids: give those of the added rows")
        elif ids is not None:
            raise OptionError("the layer has no ids: leave them out")
        if not kept.all():
            numbers = numbers[kept]
            own = None if own is None else own[kept]
        placed = self._shapes.changed(rows, flat, kept, added)
        nearby = self._nearby.changed(rows, kept, placed.bounds, shapes_changed=flat is not None)
        return replace(self, _shapes=placed, _nearby=nearby, _numbers=numbers, _ids=own)

    def _positions(
        self, positions: ArrayLike, removed: ArrayLike
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
        rows, gone = (
            np.asarray(given, dtype=np.intp).reshape(-1) for given in (positions, removed)
        )
        added = int((rows >= len(self)).sum())
        for given, end in ((rows, len(self) + added), (gone, len(self))):
            if len(given) and (given.min() < 0 or given.max() >= end):
                raise OptionError(f"row numbers run from 0 to {end - 1}; new ones follow the last")
            if len(np.unique(given)) != len(given):
                raise OptionError("a row number is given twice: give each once")
        if np.isin(gone, rows).any():
            raise OptionError("a row is both changed and removed: choose one")
        return rows, gone, added


def _numbers(values: Values, given: Mapping[str, ArrayLike], count: int) -> NDArray[np.int32]:
    numbers = np.full((count, len(given)), ABSENT, np.int32)
    for column, (name, array) in enumerate(given.items()):
        each = values.numbers(name, array)
        if len(each) != count:
            raise OptionError(f"property {name!r} has {len(each)} values for {count} shapes")
        numbers[:, column] = each
    return numbers


def _checked_ids(ids: ArrayLike, count: int) -> NDArray[np.uint64]:
    array = np.asarray(ids)
    if array.shape != (count,):
        raise OptionError(f"ids have shape {array.shape} for {count} shapes: give one each")
    if array.dtype.kind == "O" and all(isinstance(own, int | np.integer) for own in array):
        array = np.array([min(max(int(own), -1), 2**64) for own in array], dtype=object)
    elif array.dtype.kind not in "iu" and count:
        raise OptionError("ids are not whole numbers")
    if any(array < 0) or any(array >= 2**64):
        raise OptionError("ids are out of range: give 0 to 2^64 - 1")
    return array.astype(np.uint64)


def _check_range(name: str, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise OptionError(f"{name} {number} is out of range: give {low} to {high}")

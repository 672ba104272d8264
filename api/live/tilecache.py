"""Vector tiles that were asked for, packed, within a bound of memory."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from api.live.layer import WORLD_M, Floats, Line, LiveLayer
from gis.tiles import tiles_over

PACKING: Final = 4
_ENTRY_BYTES: Final = 400
_WIDER: Final = 1 / 32
"""A tile shows what lies up to 64 of 4096 units beyond its edge; this is twice that."""

_MANY: Final = 200
"""An edit of more rows drops all tiles of the layer."""

Key = tuple[int, int, int, int]


@dataclass(frozen=True)
class PackedTile:
    """A tile as it is sent: packed with gzip, empty where there is nothing, and its ETag."""

    packed: bytes
    etag: str


class TileCache:
    """Keeps tiles while their line of versions goes on; the longest unused go first.

    An edit drops those that it touches, at every zoom; all others stay good. A tile's ETag comes
    from what is in it, so a browser need not fetch again what an edit elsewhere left as it was.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._tiles: OrderedDict[Key, PackedTile] = OrderedDict()
        self._spots: dict[tuple[int, int], set[tuple[int, int]]] = {}
        self._newest: dict[int, int] = {}
        self._bytes = 0

    @property
    def kept_bytes(self) -> int:
        """How much memory the tiles take."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._tiles)

    def tile(self, layer: LiveLayer, z: int, x: int, y: int) -> PackedTile:
        """Return a tile of a layer.

        Raises
        ------
        OptionError
            There is no such tile.
        """
        key = (layer.line.number, z, x, y)
        with self._lock:
            kept = self._tiles.get(key)
            if kept is not None:
                self._tiles.move_to_end(key)
                return kept
        raw = bytes(layer.tiles.tile(z, x, y))
        digest = blake2b(raw, digest_size=12).hexdigest()
        made = PackedTile(gzip.compress(raw, PACKING, mtime=0) if raw else b"", f'"{digest}"')
        with self._lock:
            # Made from a version that an edit has left behind meanwhile, it must not stay.
            if self._newest.get(layer.line.number, layer.version) == layer.version:
                self._keep(key, made)
        return made

    def _keep(self, key: Key, tile: PackedTile) -> None:
        if key in self._tiles:
            return
        line, z, x, y = key
        self._tiles[key] = tile
        self._spots.setdefault((line, z), set()).add((x, y))
        self._bytes += len(tile.packed) + _ENTRY_BYTES
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._tiles)))

    def _drop(self, key: Key) -> None:
        line, z, x, y = key
        self._bytes -= len(self._tiles.pop(key).packed) + _ENTRY_BYTES
        spots = self._spots[line, z]
        spots.discard((x, y))
        if not spots:
            del self._spots[line, z]

    def edited(self, after: LiveLayer, bounds: Floats) -> None:
        """Drop the tiles of a line that an edit touched.

        Parameters
        ----------
        after
            The layer after the edit.
        bounds
            (k, 4) in EPSG:3857: where its rows were before, and where they are.
        """
        line = after.line.number
        with self._lock:
            self._newest[line] = after.version
            for _, z in [key for key in self._spots if key[0] == line]:
                for x, y in self._touched(line, z, bounds):
                    self._drop((line, z, x, y))

    def _touched(self, line: int, z: int, bounds: Floats) -> set[tuple[int, int]]:
        there = self._spots[line, z]
        if len(bounds) > _MANY:
            return set(there)
        found: set[tuple[int, int]] = set()
        wider = _WIDER * 2 * WORLD_M / 2**z
        for west, south, east, north in bounds.tolist():
            sides = (west - wider, south - wider, east + wider, north + wider)
            columns, rows = tiles_over(sides, z)
            if len(columns) * len(rows) <= len(there):
                found |= there & {(x, y) for x in columns for y in rows}
            else:
                found |= {(x, y) for x, y in there if x in columns and y in rows}
        return found

    def ended(self, line: Line) -> None:
        """Drop all tiles of a line: the layer was read anew, or its project closed."""
        with self._lock:
            self._newest.pop(line.number, None)
            for _, z in [key for key in self._spots if key[0] == line.number]:
                for x, y in list(self._spots[line.number, z]):
                    self._drop((line.number, z, x, y))

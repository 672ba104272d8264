"""The properties of features: each distinct value is packed once and known by a number."""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError
from gis.tiles.piles import Pile

ABSENT: Final = -1
"""The number of a value that is not there: unknown is left out, never shown as zero."""

_LEAST, _MOST = -(2**63), 2**64 - 1


class Values:
    """Distinct values, packed as they stand in a tile: ``packed`` bytes, cut at ``ends``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[tuple[type, Any], int] = {}
        self.packed = Pile(np.empty(0, np.uint8))
        self.ends = Pile(np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self._numbers)

    def numbers(self, name: str, values: ArrayLike) -> NDArray[np.int32]:
        """Return the number of each value of a property, packing those that are new.

        Raises
        ------
        OptionError
            A value is neither text, nor a number, nor true or false.
        """
        array = np.asarray(values if hasattr(values, "dtype") else np.array(values, dtype=object))
        if array.ndim != 1:
            raise OptionError(f"property {name!r} is no plain list of values")
        if array.dtype.kind in "iufb":
            distinct, place = np.unique(array, return_inverse=True)
            known = self._numbers_of(name, distinct.astype(object))
            return known[place] if len(place) else np.empty(0, np.int32)
        if array.dtype.kind in "USO":
            return self._numbers_of(name, array.astype(object))
        raise OptionError(_no_value(name, array.dtype))

    def _numbers_of(self, name: str, values: NDArray[Any]) -> NDArray[np.int32]:
        numbers = np.full(len(values), ABSENT, np.int32)
        with self._lock:
            pieces: list[bytes] = []
            for row, (value, nothing) in enumerate(zip(values, pd.isna(values), strict=True)):
                if nothing:
                    continue
                plain = _plain(name, value)
                key = (type(plain), plain)
                number = self._numbers.get(key)
                if number is None:
                    pieces.append(_field(4, _packed(name, plain)))
                    number = self._numbers[key] = len(self._numbers)
                numbers[row] = number
            if pieces:
                start = self.packed.add(np.frombuffer(b"".join(pieces), np.uint8))
                self.ends.add(start + np.cumsum([len(piece) for piece in pieces]))
        return numbers


def packed_keys(names: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pack the names of properties as they stand in a tile: bytes, and where each begins."""
    pieces = [_field(3, _text(name)) for name in names]
    ends = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    return np.frombuffer(b"".join(pieces), np.uint8), ends


def layer_frame(name: str, body: bytes, extent: int) -> bytes:
    """Return the whole message of a layer around its features, keys and values."""
    inside = b"".join([b"\x78\x02", _field(1, _text(name)), body, b"\x28", varint(extent)])
    return _field(3, inside)


def varint(number: int) -> bytes:
    """Pack a number of zero or more, seven bits to a byte, the lowest first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def _text(value: str) -> bytes:
    return value.encode("utf-8", errors="replace")


def _plain(name: str, value: Any) -> str | bool | int | float:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) + 0.0  # so that -0.0 is 0.0
    raise OptionError(_no_value(name, type(value).__name__))


def _no_value(name: str, kind: object) -> str:
    return f"property {name!r} has a value of type {kind}: give text, numbers or true and false"


def _packed(name: str, value: str | bool | int | float) -> bytes:
    if isinstance(value, str):
        return _field(1, _text(value))
    if isinstance(value, bool):
        return bytes([0x38, value])
    if isinstance(value, float):
        short = np.float32(value) if abs(value) < 3.4e38 else None
        if short is not None and float(short) == value:
            return b"\x15" + struct.pack("<f", value)
        return b"\x19" + struct.pack("<d", value)
    if not _LEAST <= value <= _MOST:
        raise OptionError(f"property {name!r} has {value}, which needs more than 64 bits")
    if value < 0:
        return b"\x30" + varint(-2 * value - 1)
    return b"\x28" + varint(value)

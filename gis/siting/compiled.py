"""How loops of `gis.siting` are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile on first call and keep the result on disk where some folder can be written."""
    build = cast("Any", numba.njit)
    try:
        return cast("_Function", build(cache=True, nogil=True)(function))
    except RuntimeError:  # a service account without any writable folder
        return cast("_Function", build(nogil=True)(function))


@compiled
def draw(random: Any) -> int:
    """Return the next random number, 0 to 2 ** 63 - 1 (Marsaglia 2003, xorshift)."""
    x = random[0]
    x ^= x << 13
    x ^= (x >> 7) & 0x01FFFFFFFFFFFFFF
    x ^= x << 17
    random[0] = x
    return int(x & 0x7FFFFFFFFFFFFFFF)


@compiled
def seeded(seed: int) -> Any:
    """Return the state of random numbers that begin with a seed."""
    random = np.full(1, seed * 2685821657736338717 + 88172645463325252, np.int64)
    if random[0] == 0:
        random[0] = 1
    for _ in range(8):
        draw(random)
    return random

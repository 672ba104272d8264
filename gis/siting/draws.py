"""Random numbers for the compiled searches of `gis.siting`: the same on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np

from gis.compiling import compiled


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

"""What makes a street slower to walk, or closed to some: stairs, lifts, waiting, narrow places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class StreetTraits:
    """Traits of n streets, by the rows of the streets layer.

    ``stairs`` and ``lift`` (n,) bool; ``risers`` (n,) steps of a stair and ``width_m`` (n,), NaN
    where unknown; ``delay_s`` (n,) seconds waited on the whole street (signal, lift), 0 where none.
    """

    stairs: NDArray[np.bool_]
    lift: NDArray[np.bool_]
    risers: NDArray[np.float64]
    delay_s: NDArray[np.float64]
    width_m: NDArray[np.float64]

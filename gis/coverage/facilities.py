"""Which facilities count for a rule, and where they are entered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gis.model import Categories, Layer, Study
from gis.network import Ground
from gis.rules import Instead, Rule


@dataclass(frozen=True, eq=False)
class Wanted:
    """The facilities that a rule, or what may stand in for it, accepts.

    ``rows`` (m,) int64 rows of the layer that count; ``too_small`` (k,) those of the category that
    are known to be smaller than the rule asks, and do not; ``size_known`` (f,) False where the rule
    asks for a size that nobody knows: such a facility counts, and the answer is marked.
    """

    rows: NDArray[np.int64]
    too_small: NDArray[np.int64]
    size_known: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sought:
    """One set of facilities as a search sees it.

    ``facility`` (d,) int64 rows of the layer and ``node`` (d,) int64 of the network: its doors. A
    facility with several doors comes several times, one that is not linked not at all.
    """

    facility: NDArray[np.int64]
    node: NDArray[np.int64]


def category_codes(study: Study) -> NDArray[np.object_]:
    """Return (f,) the category of each facility, None where its word stands for none."""
    if "facilities" not in study:
        return np.empty(0, dtype=object)
    words = study.layer("facilities").frame["category"]
    categories = Categories.load()
    codes = {word: categories.recognise(word) for word in words.unique()}
    return np.array([codes[word] for word in words], dtype=object)


def wanted_by(rule: Rule | Instead, codes: NDArray[np.object_], facilities: Layer | None) -> Wanted:
    """Return the facilities that count for ``rule``: right category, not known to be too small.

    The sizes are asked of the rule's own category; those that may stand in for it are taken as they
    are.
    """
    own = codes == rule.category
    if facilities is None or not own.any():
        large, known = np.ones(len(codes), dtype=bool), np.ones(len(codes), dtype=bool)
    else:
        large, known = rule.large_enough(
            facilities.numbers("floor_area_m2"), facilities.numbers("land_area_m2")
        )
    counts = own & large
    if isinstance(rule, Rule):
        counts |= np.isin(codes, rule.satisfied_by)
    return Wanted(np.flatnonzero(counts), np.flatnonzero(own & ~large), known | ~own)


def sought_of(wanted: Wanted, ground: Ground) -> Sought:
    """Return the linked doors of the facilities that count."""
    doors = ground.doors
    chosen = np.flatnonzero((doors.node >= 0) & np.isin(doors.facility, wanted.rows))
    return Sought(doors.facility[chosen], doors.node[chosen])

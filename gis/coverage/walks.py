"""From the ground and the rules to centimetres: how far each origin is from what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.model import Categories, Study
from gis.network import Ground, Reach
from gis.rules import Rule, Walker

SEARCH_TIMES_LIMIT: Final = 3
SEARCH_AT_LEAST_M: Final = 3000.0
"""How far beyond the limit is searched, so that a gap says how far the nearest facility is."""

BEYOND_CM: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Walks:
    """For each group of categories, the walk of each estate (n,) in cm and its facility's row.

    Both are -1 where nothing is reached within what was searched.
    """

    cm: Mapping[tuple[str, ...], NDArray[np.int64]]
    facility: Mapping[tuple[str, ...], NDArray[np.int64]]
    reach: Reach


def category_codes(study: Study) -> NDArray[np.object_]:
    """Return (f,) the category of each facility, None where its word stands for none."""
    if "facilities" not in study:
        return np.empty(0, dtype=object)
    words = study.layer("facilities").frame["category"]
    categories = Categories.load()
    codes = {word: categories.recognise(word) for word in words.unique()}
    return np.array([codes[word] for word in words], dtype=object)


def walk_all(
    ground: Ground,
    codes: NDArray[np.object_],
    rules: Sequence[Rule],
    walkers: Mapping[str, Walker],
) -> Walks:
    """Walk from every estate to the nearest facility of each group of categories."""
    groups = list(dict.fromkeys(rule.categories for rule in rules))
    doors = ground.doors.node
    usable = [np.flatnonzero(np.isin(codes, group) & (doors >= 0)) for group in groups]
    farthest_cm = max(rule.limit_cm(walkers[rule.walker]) for rule in rules)
    limit_m = max(SEARCH_TIMES_LIMIT * farthest_cm / 100, SEARCH_AT_LEAST_M)
    reach = ground.network.reach([doors[rows] for rows in usable], limit_m=limit_m)
    linked = np.flatnonzero(ground.origins.node >= 0)
    nodes, estate = ground.origins.node[linked], ground.origins.estate[linked]
    cm, facility = {}, {}
    for k, group in enumerate(groups):
        far = reach.cm[k, nodes].astype(np.int64)
        far[far < 0] = BEYOND_CM
        # The nearest gate of each estate; of equals the one that comes first.
        order = np.lexsort((far, estate))
        row, first = np.unique(estate[order], return_index=True)
        best = order[first]
        best, row = best[far[best] < BEYOND_CM], row[far[best] < BEYOND_CM]
        cm[group] = np.full(ground.estates, -1, dtype=np.int64)
        cm[group][row] = far[best]
        facility[group] = np.full(ground.estates, -1, dtype=np.int64)
        if len(row):
            facility[group][row] = usable[k][reach.nearest[k, nodes[best]]]
    return Walks(cm, facility, reach)

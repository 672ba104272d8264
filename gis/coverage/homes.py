"""Homes: the places of which one asks whether people who live there can walk to something."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.network import Ground

BEYOND_CM: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Homes:
    """u homes: the estates themselves, or their buildings.

    ``kind`` "estate" or "building" (an estate without buildings is then one home); ``estate`` (u,)
    int64 rows; ``building`` (u,) int64 rows, -1 for a whole estate. The linked starts of home i are
    ``node[first[i]:first[i + 1]]``, int64 nodes of the network: its gates, or its door; ``origin``
    (q,) int64 are their rows of the ground's origins.
    """

    kind: str
    estate: NDArray[np.int64]
    building: NDArray[np.int64]
    first: NDArray[np.int64]
    node: NDArray[np.int64]
    origin: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.estate)

    @cached_property
    def linked(self) -> NDArray[np.bool_]:
        """(u,) which homes have a start that is linked."""
        return np.diff(self.first) > 0

    @cached_property
    def home(self) -> NDArray[np.int64]:
        """(q,) the home of each start."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.first))

    def without(self, origins: NDArray[np.bool_]) -> Homes:
        """Return the same homes without some starts: ``origins`` (p,) is True for those."""
        kept = ~origins[self.origin]
        first = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.home[kept], minlength=len(self)), out=first[1:])
        return replace(self, first=first, node=self.node[kept], origin=self.origin[kept])

    def least(self, cm: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (u,) the least of ``cm`` (v,) over the starts of each home, and that start's node.

        -1 and -1 where no start of it is reached; of equal starts the first counts.
        """
        far = cm[self.node].astype(np.int64)
        far[far < 0] = BEYOND_CM
        order = np.lexsort((far, self.home))
        row, first = np.unique(self.home[order], return_index=True)
        best = order[first]
        reached = far[best] < BEYOND_CM
        best, row = best[reached], row[reached]
        cost = np.full(len(self), -1, dtype=np.int64)
        node = np.full(len(self), -1, dtype=np.int64)
        cost[row], node[row] = far[best], self.node[best]
        return cost, node


def homes_of(ground: Ground) -> Homes:
    """Return the homes of a ground: its estates, or its buildings where walks start there.

    With buildings, an estate of which no building is known is one home, and starts where the ground
    lets it start: nobody is left out.
    """
    starts = ground.origins
    estates = np.arange(ground.estates, dtype=np.int64)
    if not (starts.building >= 0).any():
        return _homes("estate", estates, np.full(len(estates), -1), starts.estate, starts.node)
    building, first = np.unique(starts.building[starts.building >= 0], return_index=True)
    owner = starts.estate[starts.building >= 0][first]
    whole = np.setdiff1d(estates, owner)
    estate = np.concatenate([owner, whole])
    order = np.argsort(estate, kind="stable")
    building = np.concatenate([building, np.full(len(whole), -1)])[order]
    home_of_building = np.full(int(building.max(initial=-1)) + 1, -1, dtype=np.int64)
    home_of_estate = np.full(ground.estates, -1, dtype=np.int64)
    is_building = building >= 0
    home_of_building[building[is_building]] = np.flatnonzero(is_building)
    home_of_estate[estate[order][~is_building]] = np.flatnonzero(~is_building)
    home = home_of_estate[starts.estate]
    inside = starts.building >= 0
    home[inside] = home_of_building[starts.building[inside]]
    return _homes("building", estate[order], building, home, starts.node)


def _homes(
    kind: str,
    estate: NDArray[np.int64],
    building: NDArray[np.int64],
    home: NDArray[np.int64],
    node: NDArray[np.int64],
) -> Homes:
    """Sort the linked starts (p,) by their home; a start of no home (-1) is left out."""
    used = np.flatnonzero((node >= 0) & (home >= 0))
    order = used[np.argsort(home[used], kind="stable")]
    first = np.zeros(len(estate) + 1, dtype=np.int64)
    np.cumsum(np.bincount(home[order], minlength=len(estate)), out=first[1:])
    return Homes(
        kind=kind,
        estate=estate.astype(np.int64),
        building=building.astype(np.int64),
        first=first,
        node=node[order].astype(np.int64),
        origin=order,
    )

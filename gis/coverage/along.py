"""Compiled: the metres really walked along the ways that a search found cheapest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled


@compiled
def walked(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    link: NDArray[np.int32],
    length_cm: NDArray[np.int32],
    sources: NDArray[np.int64],
    cost: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return (v,) the place in ``sources`` that a node belongs to and its metres to it, in cm.

    ``cost`` (v,) is what a search from the sources along these arcs found, -1 beyond. From each
    source in turn the arcs on cheapest ways are followed, so the earliest source wins a tie, as in
    ``gis.network.search.claim``. Of equally cheap ways one is measured. -1 beyond.
    """
    owner = np.full(len(cost), -1, np.int32)
    length = np.full(len(cost), -1, np.int64)
    stack = np.empty(len(cost), np.int32)
    for place in range(len(sources)):
        s = sources[place]
        if owner[s] >= 0:
            continue
        owner[s] = place
        length[s] = 0
        stack[0] = s
        height = 1
        while height > 0:
            height -= 1
            v = stack[height]
            for arc in range(first[v], first[v + 1]):
                t = arcs[arc, 0]
                if owner[t] < 0 and cost[v] + arcs[arc, 1] == cost[t]:
                    owner[t] = place
                    length[t] = length[v] + length_cm[link[arc]]
                    stack[height] = t
                    height += 1
    return owner, length

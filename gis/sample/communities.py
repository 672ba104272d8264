"""Communities and subdistricts: neighbouring blocks joined along the tree of cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from gis.sample.fabric import Fabric, Shapes
from gis.sample.terrain import Floats, Ints

MOST_ESTATES: Final = 13
MOST_PEOPLE: Final = 11_000
"""The measuring unit is a community of 5,000 to 12,000 people."""
FEWEST_ESTATES: Final = 6
PER_SUBDISTRICT: Final = 3.0


@dataclass(frozen=True, eq=False)
class Communities:
    """Areas: ``of_block`` (b,) is -1 on wild land; ``shape`` and ``subdistrict`` (c,)."""

    of_block: Ints
    shape: Shapes
    subdistrict: Ints


def found(fabric: Fabric, estate_block: Ints, people: Floats) -> Communities:
    """Join built blocks to communities of about 6 to 15 estates.

    ``estate_block`` (n,) and ``people`` (n,) are the block and the people of each estate.
    """
    mesh = fabric.mesh
    estates = np.bincount(estate_block, minlength=len(mesh.leaf))
    count = _up_the_tree(fabric, estates.astype(float))
    crowd = _up_the_tree(
        fabric, np.bincount(estate_block, weights=people, minlength=len(mesh.leaf)).astype(float)
    )
    head = np.full(len(count), -1)
    leaf = np.zeros(len(count), dtype=bool)
    leaf[mesh.leaf] = True
    for node, parent in enumerate(mesh.parent):
        if parent >= 0 and head[parent] >= 0:
            head[node] = head[parent]
        elif leaf[node] or (count[node] <= MOST_ESTATES and crowd[node] <= MOST_PEOPLE):
            head[node] = node
    group = np.where(fabric.wild, -1, head[mesh.leaf])
    group = _merge_small(fabric, group, estates)
    names, of_block = np.unique(group, return_inverse=True)
    of_block = of_block - (1 if names[0] == -1 else 0)
    total = int(of_block.max()) + 1
    shapes = np.empty(total, dtype=object)
    middle = np.empty((total, 2))
    order = np.argsort(of_block, kind="stable")
    starts = np.searchsorted(of_block[order], np.arange(total))
    for number, blocks in enumerate(np.split(order, starts)[1:]):
        shapes[number] = shapely.union_all(fabric.face[blocks])
        middle[number] = fabric.middle_st[blocks].mean(axis=0)
    return Communities(of_block, shapes, _subdistricts(middle))


def _up_the_tree(fabric: Fabric, of_block: Floats) -> Floats:
    """Return the sums (q,) of a number of each block over all quarters it lies in."""
    mesh = fabric.mesh
    total = np.zeros(len(mesh.parent))
    total[mesh.leaf] = of_block
    for node in range(len(total) - 1, -1, -1):
        if mesh.parent[node] >= 0:
            total[mesh.parent[node]] += total[node]
    return total


def _merge_small(fabric: Fabric, group: Ints, estates: Ints) -> Ints:
    """Join communities of few estates to their smallest neighbour on their side of a corridor."""
    pairs = fabric.mesh.edge_blocks[(fabric.mesh.edge_blocks >= 0).all(axis=1)]
    a, b = group[pairs[:, 0]], group[pairs[:, 1]]
    near: dict[int, set[int]] = {int(g): set() for g in np.unique(group) if g >= 0}
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        if x != y and x >= 0 and y >= 0:
            near[x].add(y)
            near[y].add(x)
    size = dict.fromkeys(near, 0)
    for g, count in zip(group.tolist(), estates.tolist(), strict=True):
        if g >= 0:
            size[g] += count
    into: dict[int, int] = {}
    while True:
        small = [g for g in near if size[g] < FEWEST_ESTATES and near[g]]
        if not small:
            break
        lone = min(small, key=lambda g: (size[g], g))
        host = min(near[lone], key=lambda g: (size[g], g))
        size[host] += size.pop(lone)
        for other in near.pop(lone):
            near[other].discard(lone)
            if other != host:
                near[other].add(host)
                near[host].add(other)
        into[lone] = host
    moved = group.copy()
    for row, g in enumerate(group.tolist()):
        while g in into:
            g = into[g]
        moved[row] = g
    return moved


def _subdistricts(middle: Floats) -> Ints:
    """(c,) number of the subdistrict: each bank in stretches along the river."""
    number = np.zeros(len(middle), dtype=np.int64)
    told = 0
    for bank in (middle[:, 1] > 0, middle[:, 1] <= 0):
        rows = np.flatnonzero(bank)
        if len(rows) == 0:
            continue
        parts = max(1, round(len(rows) / PER_SUBDISTRICT))
        order = rows[np.argsort(middle[rows, 0], kind="stable")]
        number[order] = told + np.arange(len(rows)) * parts // len(rows)
        told += parts
    return number

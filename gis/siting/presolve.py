"""Make covering problems smaller without losing an optimum: equal rows, rows and columns implied.

Toregas, ReVelle 1972 (rows and columns that others dominate). Rows are demands, columns sites.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from gis.compiling import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Small = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cover:
    """Who covers what: (r, c) ones, by rows and by columns.

    Columns of row i: ``col[row_at[i]:row_at[i + 1]]``, ascending; rows of column j:
    ``row[col_at[j]:col_at[j + 1]]``. ``weight`` (r,) people of each row.
    """

    row_at: Ints
    col: Small
    col_at: Ints
    row: Small
    weight: Floats

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_at) - 1

    @property
    def cols(self) -> int:
        """Number of columns."""
        return len(self.col_at) - 1

    @property
    def row_of(self) -> Ints:
        """The row of each entry of ``col``."""
        return np.repeat(np.arange(self.rows), np.diff(self.row_at))

    def matrix(self) -> Any:
        """(r, c) csr_array of ones."""
        return sp.csr_array(
            (np.ones(len(self.col)), self.col, self.row_at), shape=(self.rows, self.cols)
        )

    def part(self, rows: Bools, cols: Bools) -> Cover:
        """Return the cover of some rows by some columns, numbered anew."""
        kept = np.repeat(rows, np.diff(self.row_at)) & cols[self.col]
        place = np.cumsum(cols, dtype=np.int64) - 1
        upto = np.r_[0, np.cumsum(kept)]
        lengths = np.diff(upto[self.row_at])[rows]
        row_at = np.r_[0, np.cumsum(lengths)].astype(np.int64)
        return cover_of(row_at, place[self.col[kept]], int(cols.sum()), self.weight[rows])


def cover_of(row_at: Ints, col: Any, cols: int, weight: Floats) -> Cover:
    """Return a cover from its rows."""
    small = col.astype(np.int32)
    col_at, row = _turn(row_at, small, cols)
    return Cover(row_at, small, col_at, row, weight)


def group(cover: Cover) -> tuple[Cover, Ints]:
    """Merge rows with the same columns, adding up their weights; returns the place of each row."""
    if cover.rows == 0:
        return cover, np.zeros(0, np.int64)
    random = np.random.default_rng(1).integers(1, 2**63 - 1, cover.cols, dtype=np.int64)
    place, first = _equal_rows(cover.row_at, cover.col, random)
    if len(first) == cover.rows:
        return cover, place
    kept = np.zeros(cover.rows, bool)
    kept[first] = True
    merged = cover.part(kept, np.ones(cover.cols, bool))
    weight: Floats = np.bincount(place, cover.weight, minlength=len(first)).astype(float)
    return Cover(merged.row_at, merged.col, merged.col_at, merged.row, weight), place


def implied_rows(cover: Cover) -> Bools:
    """(r,) rows that are covered whenever some other row is."""
    mask = _masks(cover.row_at, cover.col)
    order = np.argsort(np.diff(cover.row_at), kind="stable")
    out: Bools = _supersets(cover.row_at, cover.col, cover.col_at, cover.row, mask, order)
    return out


def useless_cols(cover: Cover, price: Floats, club: Ints) -> Bools:
    """(c,) columns in whose place another one covers as much for no more.

    ``club`` (c,): of columns with an equal number from 0 only one may be taken; a column stands in
    for another only if it is free of that or in the same club.
    """
    mask = _masks(cover.col_at, cover.row)
    size = np.diff(cover.col_at)
    order = np.lexsort((np.arange(len(size)), price, -size))
    rank = np.empty(len(size), np.int64)
    rank[order] = np.arange(len(size))
    out: Bools = _dominated(
        cover.row_at, cover.col, cover.col_at, cover.row, mask, price, club, rank
    )
    return out


@compiled
def _turn(row_at: Any, col: Any, cols: int) -> Any:
    """From rows to columns."""
    col_at = np.zeros(cols + 1, np.int64)
    for t in range(len(col)):
        col_at[col[t] + 1] += 1
    for j in range(cols):
        col_at[j + 1] += col_at[j]
    at = col_at[:-1].copy()
    row = np.empty(len(col), np.int32)
    for i in range(len(row_at) - 1):
        for t in range(row_at[i], row_at[i + 1]):
            j = col[t]
            row[at[j]] = i
            at[j] += 1
    return col_at, row


@compiled
def _equal_rows(row_at: Any, col: Any, random: Any) -> Any:
    """Place of each row among the different ones, and the first row of each; exact."""
    n = len(row_at) - 1
    sums = np.zeros(n, np.int64)
    for i in range(n):
        total = np.int64(0)
        for t in range(row_at[i], row_at[i + 1]):
            total += random[col[t]]
        sums[i] = total
    bits = np.int64(1)
    while bits < 2 * n:
        bits *= 2
    table = np.full(bits, -1, np.int64)
    place = np.empty(n, np.int64)
    first = np.empty(n, np.int64)
    found = 0
    for i in range(n):
        h = sums[i]
        slot = ((h ^ (h >> 29)) * 0x9E3779B1) & (bits - 1)
        size = row_at[i + 1] - row_at[i]
        while True:
            k = table[slot]
            if k < 0:
                table[slot] = found
                first[found] = i
                place[i] = found
                found += 1
                break
            other = first[k]
            same = sums[other] == h and row_at[other + 1] - row_at[other] == size
            if same:
                for t in range(size):
                    if col[row_at[other] + t] != col[row_at[i] + t]:
                        same = False
                        break
            if same:
                place[i] = k
                break
            slot = (slot + 1) & (bits - 1)
    return place, first[:found].copy()


@compiled
def _masks(at: Any, item: Any) -> Any:
    """Four words for each set, with a bit for each remainder of its members by 256."""
    mask = np.zeros((len(at) - 1, 4), np.int64)
    for i in range(len(at) - 1):
        for t in range(at[i], at[i + 1]):
            b = (np.int64(item[t]) * 40503) & 255
            mask[i, b >> 6] |= np.int64(1) << (b & 63)
    return mask


@compiled
def _inside(at: Any, item: Any, mask: Any, a: int, b: int) -> bool:
    """Whether set a is part of set b; members ascend."""
    for w in range(4):
        if mask[a, w] & ~mask[b, w]:
            return False
    t, end = at[b], at[b + 1]
    for s in range(at[a], at[a + 1]):
        v = item[s]
        while t < end and item[t] < v:
            t += 1
        if t == end or item[t] != v:
            return False
        t += 1
    return True


@compiled
def _supersets(row_at: Any, col: Any, col_at: Any, row: Any, mask: Any, order: Any) -> Any:
    n = len(row_at) - 1
    out = np.zeros(n, np.bool_)
    for k in order:
        if out[k] or row_at[k] == row_at[k + 1]:
            continue
        rare = col[row_at[k]]
        for t in range(row_at[k], row_at[k + 1]):
            j = col[t]
            if col_at[j + 1] - col_at[j] < col_at[rare + 1] - col_at[rare]:
                rare = j
        size = row_at[k + 1] - row_at[k]
        for t in range(col_at[rare], col_at[rare + 1]):
            i = row[t]
            if i != k and not out[i] and row_at[i + 1] - row_at[i] >= size:
                out[i] = _inside(row_at, col, mask, k, i)
    return out


@compiled
def _dominated(
    row_at: Any, col: Any, col_at: Any, row: Any, mask: Any, price: Any, club: Any, rank: Any
) -> Any:
    m = len(col_at) - 1
    out = np.zeros(m, np.bool_)
    for j in range(m):
        size = col_at[j + 1] - col_at[j]
        if size == 0:
            out[j] = True
            continue
        rare = row[col_at[j]]
        for t in range(col_at[j], col_at[j + 1]):
            i = row[t]
            if row_at[i + 1] - row_at[i] < row_at[rare + 1] - row_at[rare]:
                rare = i
        for t in range(row_at[rare], row_at[rare + 1]):
            k = col[t]
            if k == j or out[k] or price[k] > price[j]:
                continue
            if club[k] >= 0 and club[k] != club[j]:
                continue
            other = col_at[k + 1] - col_at[k]
            # Of two that are the same in all respects the one of the lower rank stays.
            if other < size or (
                other == size
                and price[k] == price[j]
                and rank[k] > rank[j]
                and (club[k] >= 0) == (club[j] >= 0)
            ):
                continue
            if _inside(col_at, row, mask, j, k):
                out[j] = True
                break
    return out

"""Compiled loops that cut off fractional answers of covering problems, window by window.

A window is some rows with the columns that a fractional answer opens a little of in them. What all
whole covers of it have in common, and the fractional answer does not, is an inequality that all
answers keep (local cuts: Applegate, Bixby, Chvatal, Cook 2003; for covering: Avella, Boccia,
Vasilyev 2009). Covers are masks of at most 62 columns.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gis.compiling import compiled

MOST: Final = 62
"""Columns that fit into a mask."""


@compiled
def least_cover(at: Any, item: Any, price: Any, below: float, nodes: int) -> Any:
    """Return price and mask of the cheapest cover for less than ``below``, and nodes tried.

    A price of -1: that took more than ``nodes``. Rows are ``item[at[i]:at[i + 1]]``, the columns in
    them. The price is ``below`` if no cover is cheaper.
    """
    n, m = len(at) - 1, len(price)
    one = np.int64(1)
    mask = np.zeros(n, np.int64)
    for i in range(n):
        for t in range(at[i], at[i + 1]):
            mask[i] |= one << item[t]
    size = (m + 2) * (m + 2)
    taken, barred = np.zeros(size, np.int64), np.zeros(size, np.int64)
    paid = np.zeros(size)
    rest, order = np.empty(m), np.empty(m, np.int64)
    best, top, count = np.int64(0), 1, 0
    while top > 0:
        top -= 1
        have, out, spent = taken[top], barred[top], paid[top]
        if spent >= below:
            continue
        count += 1
        if count > nodes:
            return -1.0, best, count
        rest[:] = price
        bound, branch = _bound(at, item, mask, have, out, spent, below, rest)
        if bound >= below:
            continue
        if branch < 0:
            below, best = spent, have
            continue
        for j in range(m):
            if not (have >> j) & 1 and bound + rest[j] >= below:
                out |= one << j
        some = _cheapest_first(at, item, price, branch, out, order)
        for s in range(some):
            # The cheapest comes on top; those tried before are barred in the next.
            place = top + some - 1 - s
            taken[place] = have | (one << order[s])
            barred[place] = out
            paid[place] = spent + price[order[s]]
            out |= one << order[s]
        top += some
    return below, best, count


@compiled
def _bound(
    at: Any, item: Any, mask: Any, have: int, out: int, spent: float, below: float, rest: Any
) -> Any:
    """Let rows pay what their cheapest column has left; returns that bound and the scarcest row.

    ``rest`` is then left of the prices. No row: all are covered.
    """
    bound, least, branch = spent, 1000, -1
    for i in range(len(at) - 1):
        if mask[i] & have:
            continue
        some, value = 0, np.inf
        for t in range(at[i], at[i + 1]):
            if not (out >> item[t]) & 1:
                some += 1
                value = min(value, rest[item[t]])
        if some == 0:
            return np.inf, i
        if some < least:
            least, branch = some, i
        if value > 0:
            bound += value
            if bound >= below:
                return bound, branch
            for t in range(at[i], at[i + 1]):
                rest[item[t]] -= value
    return bound, branch


@compiled
def _cheapest_first(at: Any, item: Any, price: Any, i: int, out: int, order: Any) -> int:
    """Sort the columns of a row that are not barred into ``order``; returns how many they are."""
    some = 0
    for t in range(at[i], at[i + 1]):
        j = item[t]
        if not (out >> j) & 1:
            s = some
            while s > 0 and price[order[s - 1]] > price[j]:
                order[s] = order[s - 1]
                s -= 1
            order[s] = j
            some += 1
    return some


@compiled
def hull(at: Any, item: Any, share: Any, pivots: int, nodes: int) -> Any:
    """Return (found, (d,) worth): prices at which every cover costs 1 or more, ``share`` less.

    Packs covers into ``share`` (d,) by the simplex method; not found: they fill a whole one.
    """
    d = len(share)
    inverse = np.eye(d)
    amount = share.copy()
    real = np.zeros(d, np.bool_)
    worth = np.zeros(d)
    step = np.zeros(d)
    for _ in range(pivots):
        total = 0.0
        worth[:] = 0.0
        for k in range(d):
            if real[k]:
                total += amount[k]
                for j in range(d):
                    worth[j] += inverse[k, j]
        if total >= 1 - 1e-4:
            return False, worth
        enter = int(np.argmin(worth))
        cover = np.int64(1) << enter
        slack = worth[enter] < -1e-9
        if not slack:
            value, cover, tried = least_cover(at, item, np.maximum(worth, 0.0), 1 - 1e-6, nodes)
            nodes -= tried
            if value < 0:
                return False, worth
            if value >= 1 - 1e-6:
                return True, worth
        for k in range(d):
            s = 0.0
            for j in range(d):
                if (cover >> j) & 1:
                    s += inverse[k, j]
            step[k] = s
        leave = _pivot(inverse, amount, step)
        if leave < 0:
            return False, worth
        real[leave] = not slack
    return False, worth


@compiled
def _pivot(inverse: Any, amount: Any, step: Any) -> int:
    """Exchange what enters by ``step`` (d,) for what is used up first; returns its row, -1: none.

    Of equals, the one that changes most.
    """
    d = len(step)
    leave, ratio = -1, np.inf
    for k in range(d):
        if step[k] > 1e-9:
            r = amount[k] / step[k]
            if r < ratio - 1e-12 or (r < ratio + 1e-12 and step[k] > step[leave]):
                leave, ratio = k, r
    if leave < 0:
        return -1
    for j in range(d):
        inverse[leave, j] /= step[leave]
    amount[leave] = ratio
    for k in range(d):
        if k != leave and step[k] != 0.0:
            for j in range(d):
                inverse[k, j] -= step[k] * inverse[leave, j]
            amount[k] = max(amount[k] - step[k] * ratio, 0.0)
    return leave


@compiled
def _whole(worth: Any, most: int) -> Any:
    """Return whole numbers in nearly the same proportions, the smallest that do."""
    out = np.zeros(len(worth))
    for q in range(1, most + 1):
        off = 0.0
        for j in range(len(worth)):
            out[j] = np.rint(worth[j] * q)
            off = max(off, abs(worth[j] * q - out[j]))
        if off < 1e-5 * q:
            return out
    for j in range(len(worth)):
        out[j] = np.rint(worth[j] * 840)
    return out


@compiled
def _rows_of(
    row_at: Any, col: Any, col_at: Any, row: Any, x: Any, open_: Any, columns: Any, place: Any
) -> Any:
    """Rows whose partly open columns are all in a window, none of them implied by another."""
    n = len(row_at) - 1
    one = np.int64(1)
    seen = np.zeros(n, np.bool_)
    rows, masks = np.empty(n, np.int64), np.empty(n, np.int64)
    count = 0
    for j in columns:
        for s in range(col_at[j], col_at[j + 1]):
            i = row[s]
            if seen[i] or open_[i]:
                continue
            seen[i] = True
            mask, whole = np.int64(0), True
            for t in range(row_at[i], row_at[i + 1]):
                k = col[t]
                if x[k] > 0:
                    if place[k] < 0:
                        whole = False
                        break
                    mask |= one << place[k]
            if whole:
                rows[count], masks[count] = i, mask
                count += 1
    kept = np.zeros(count, np.bool_)
    for a in range(count):
        kept[a] = True
        for b in range(count):
            inside = masks[b] & ~masks[a] == 0
            if a != b and inside and (masks[a] != masks[b] or b < a):
                kept[a] = False
                break
    return rows[:count], masks[:count], kept


@compiled
def _lists(masks: Any, kept: Any) -> Any:
    """Rows with few columns first, as lists."""
    count = 0
    sizes = np.zeros(len(masks), np.int64)
    for i in range(len(masks)):
        for j in range(MOST):
            if kept[i] and (masks[i] >> j) & 1:
                sizes[i] += 1
                count += 1
    order = np.argsort(sizes, kind="mergesort")
    at, item = np.zeros(int(kept.sum()) + 1, np.int64), np.empty(count, np.int64)
    k, t = 0, 0
    for i in order:
        if kept[i]:
            for j in range(MOST):
                if (masks[i] >> j) & 1:
                    item[t] = j
                    t += 1
            k += 1
            at[k] = t
    return at, item


@compiled
def cut_of(
    row_at: Any, col: Any, col_at: Any, row: Any, x: Any, rest: Any, part: Any, open_: Any,
    seed: int, most: int, nodes: int,
) -> Any:  # fmt: skip
    """Return the window around a column and columns, whole coefficients and least of a cut.

    ``x`` (c,) the fractional answer; ``rest`` (c,) reduced prices, ``part`` (r,) columns partly
    open in each row that no wholly open column covers, ``open_`` (r,) rows with such a column. The
    least is 0 without a cut.
    """
    m = len(col_at) - 1
    columns = _grow_partly(row_at, col, col_at, row, x, part, seed, most)
    d = len(columns)
    place = np.full(m, -1, np.int64)
    for k in range(d):
        place[columns[k]] = k
    rows, masks, kept = _rows_of(row_at, col, col_at, row, x, open_, columns, place)
    at, item = _lists(masks, kept)
    nothing = np.zeros(0, np.int64), np.zeros(0)
    if len(at) < 3:
        return columns, nothing[0], nothing[1], 0.0
    found, worth = hull(at, item, x[columns], 20000, nodes)
    if not found:
        return columns, nothing[0], nothing[1], 0.0
    price = _whole(worth, 60)
    least = least_cover(at, item, price, np.inf, nodes)[0]
    got = 0.0
    for k in range(d):
        got += price[k] * x[columns[k]]
    if least <= 0 or got > least * (1 - 1e-3):
        return columns, nothing[0], nothing[1], 0.0
    all_columns, value = _lift(
        row_at, col, col_at, row, rest, columns, place, rows, masks, price, least, nodes
    )
    return columns, all_columns, value, least


@compiled
def _grow_partly(
    row_at: Any, col: Any, col_at: Any, row: Any, x: Any, part: Any, seed: int, most: int
) -> Any:
    """Grow a window in columns that are open at least partly."""
    m, n = len(col_at) - 1, len(row_at) - 1
    score = np.zeros(m)
    inside, listed = np.zeros(m, np.bool_), np.zeros(m, np.bool_)
    seen = np.zeros(n, np.int64)
    out, near = np.empty(most, np.int64), np.empty(m, np.int64)
    count, some, j = 0, 0, seed
    while True:
        inside[j] = True
        out[count] = j
        count += 1
        if count == most:
            return out[:count]
        for s in range(col_at[j], col_at[j + 1]):
            i = row[s]
            if part[i] == 0:
                continue
            seen[i] += 1
            for t in range(row_at[i], row_at[i + 1]):
                k = col[t]
                if x[k] <= 0:
                    continue
                # A row counts more the fewer of its columns are still outside.
                score[k] += 1.0 / (part[i] * max(1, part[i] - seen[i]))
                if not listed[k] and not inside[k]:
                    listed[k] = True
                    near[some] = k
                    some += 1
        best, value = -1, 0.0
        for s in range(some):
            k = near[s]
            if not inside[k] and score[k] > value:
                best, value = k, score[k]
        if best < 0:
            return out[:count]
        j = best


@compiled
def _lift(
    row_at: Any, col: Any, col_at: Any, row: Any, rest: Any, columns: Any, place: Any, rows: Any,
    masks: Any, price: Any, least: float, nodes: int,
) -> Any:  # fmt: skip
    """Give the columns outside, closed in the fractional answer, as little as stays valid.

    While there is room in the masks: what is lacking of the least with the column open, one after
    the other. Then: the price of what covers as much.
    """
    one = np.int64(1)
    m, d = len(col_at) - 1, len(columns)
    index = np.full(len(row_at) - 1, -1, np.int64)
    for k in range(len(rows)):
        index[rows[k]] = k
    extra, seen = np.empty(m, np.int64), np.zeros(m, np.bool_)
    count = 0
    for i in rows:
        for t in range(row_at[i], row_at[i + 1]):
            j = col[t]
            if place[j] < 0 and not seen[j]:
                seen[j] = True
                extra[count] = j
                count += 1
    order = extra[:count][np.argsort(rest[extra[:count]], kind="mergesort")]
    full = masks.copy()
    out, value = np.empty(d + count, np.int64), np.zeros(d + count)
    out[:d], value[:d] = columns, price
    known = np.zeros(MOST)
    known[:d] = price
    room = d
    for k in range(count):
        j = order[k]
        mine, other = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
        other[:] = True
        for s in range(col_at[j], col_at[j + 1]):
            i = index[row[s]]
            if i >= 0:
                mine[i], other[i] = True, False
        best = -1.0
        if room < MOST:
            at, item = _lists(full, other)
            best = least_cover(at, item, known[:room], least, nodes)[0]
            got = least - best
        if best < 0:
            at, item = _lists(full, mine)
            got = least_cover(at, item, known[:room], least, nodes)[0]
            if got < 0:
                got = least
        out[d + k], value[d + k] = j, got
        if room < MOST:
            for i in range(len(rows)):
                if mine[i]:
                    full[i] |= one << room
            known[room] = got
            room += 1
    return out, value

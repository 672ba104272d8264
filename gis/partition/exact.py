"""Small problems: try every way, with cuts, so that the answer is proved.

Sets of units are bits of one 64-bit word. A district is grown around the first free unit, each
neighbour taken in or shut out, so that every connected set is met exactly once.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled, inner
from gis.partition.state import BALANCE, COMPACT, CUT, ONE, ZERO

MOST_UNITS: Final = 62
_EPS: Final = 1e-9
_SAME_WORTH: Final = 1e-6

Words = NDArray[np.uint64]

# Columns of Small.sets.
_NEAR, _APART, _GROUP, _OWNER, _REACH, _WAY = np.arange(6)
# Rows of Small.bound.
_LOW, _HIGH = np.arange(2)
# Columns of the stack of partial plans, where those of the districts begin, and of its figures.
_DISTRICT, _SHUT, _USED, _LEFT, _PLAN = np.arange(5)
_MISSED, _VALUE, _MADE = np.arange(3)
_EMPTY: Final = np.uint64(0)
_BIT: Final = np.uint64(1)


class Small(NamedTuple):
    """A problem of u <= 62 units in words of bits.

    ``worth`` (u,) is what leaving a unit out loses (`gis.partition.contract.block_worth`); all of
    it must be kept when ``wanted``.
    """

    sets: Words  # (r, 6) neighbours, units to be apart from, groups that stay together, and of
    # each candidate for the centre: its unit, units within the limit, units with a way; 0: no more
    pay: NDArray[np.float64]  # (u, u + c) links to each unit, cost to each candidate
    size: NDArray[np.float64]  # (u, m)
    bound: NDArray[np.float64]  # (2, m) low, high
    worth: NDArray[np.float64]
    candidates: int
    objective: int
    wanted: int  # -1: free
    mean: float


def pack_small(
    *,
    near: Words,
    apart: Words,
    together: Words,
    owner: NDArray[np.int64],
    reach: Words,
    way: Words,
    links: NDArray[np.float64],
    cost: NDArray[np.float64],
    size: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    worth: NDArray[np.float64],
    objective: int,
    wanted: int,
    mean: float,
) -> Small:
    """Return the problem in few arrays, which numba compiles faster.

    near, apart (u,), together (g,), reach, way (c,) are words; owner (c,) the unit of each
    candidate, links (u, u), cost (u, c), size (u, m), low and high (m,), worth (u,).
    """
    columns = (near, apart, together, np.uint64(1) << owner.astype(np.uint64), reach, way)
    sets = np.zeros((max(len(c) for c in columns), len(columns)), np.uint64)
    for i, column in enumerate(columns):
        sets[: len(column), i] = column
    return Small(
        sets, np.ascontiguousarray(np.hstack([links, cost])), np.ascontiguousarray(size),
        np.vstack([low, high]), worth, len(owner), int(objective), int(wanted), float(mean),
    )  # fmt: skip


@inner
def _has(word: Any, i: Any) -> Any:
    return (word >> np.uint64(i)) & _BIT != _EMPTY


@inner
def _lowest(word: Any) -> Any:
    """Return the word of the lowest unit in ``word``."""
    return word & (~word + _BIT)


@inner
def _around(small: Any, word: Any) -> Any:
    out = _EMPTY
    for i in range(small.worth.size):
        if _has(word, i):
            out |= small.sets[i, _NEAR]
    return out


@inner
def _total(size: Any, word: Any, j: Any) -> Any:
    out = 0.0
    for i in range(size.shape[0]):
        if _has(word, i):
            out += size[i, j]
    return out


@inner
def _within(small: Any, word: Any, row: Any, parts: Any, slack: Any) -> Any:
    """Whether the sizes of ``word`` keep one bound of so many districts."""
    for j in range(small.bound.shape[1]):
        total, bound = _total(small.size, word, j), parts * small.bound[row, j]
        if row == _LOW and total < bound - slack:
            return False
        if row == _HIGH and total > bound * (1.0 + slack):
            return False
    return True


@inner
def _centre(small: Any, district: Any) -> Any:
    """Least cost to a centre within the limit, inf when there is none; 0 without costs."""
    if small.candidates == 0:
        return 0.0
    u = small.worth.size
    reached, best = False, np.inf
    for c in range(small.candidates):
        if district & small.sets[c, _OWNER] == _EMPTY:
            continue
        if district & ~small.sets[c, _REACH] == _EMPTY:
            reached = True
        if small.objective == COMPACT and district & ~small.sets[c, _WAY] == _EMPTY:
            value = 0.0
            for i in range(u):
                if _has(district, i):
                    value += small.pay[i, u + c]
            if value < best:
                best = value
    if not reached:
        return np.inf
    return best if small.objective == COMPACT else 0.0


@inner
def _links_between(small: Any, one: Any, other: Any) -> Any:
    out = 0.0
    for i in range(small.worth.size):
        if _has(one, i) and small.sets[i, _NEAR] & other != _EMPTY:
            for k in range(small.worth.size):
                if _has(other, k):
                    out += small.pay[i, k]
    return out


@inner
def _grown(small: Any, seed: Any, allowed: Any) -> Any:
    """Return what hangs together with ``seed`` through ``allowed``."""
    out = seed
    while True:
        more = out | (_around(small, out) & allowed)
        if more == out:
            return out
        out = more


@inner
def _torn(small: Any, word: Any) -> Any:
    """Whether some units that must stay together are in part in ``word``."""
    for g in range(small.sets.shape[0]):
        group = small.sets[g, _GROUP]
        if word & group != _EMPTY and word & group != group:
            return True
    return False


@inner
def _close(small: Any, district: Any, used: Any, free: Any, value: Any) -> Any:
    """Value with one more district; inf where it breaks a constraint.

    Where nothing may be left out, links to what is still free are cut for certain and counted
    now; else those to the districts before.
    """
    if not _within(small, district, _LOW, ONE, 0.0) or _torn(small, district):
        return np.inf
    for i in range(small.worth.size):
        if _has(district, i) and district & small.sets[i, _APART] != _EMPTY:
            return np.inf
    cost = _centre(small, district)
    if small.objective == COMPACT or cost == np.inf:
        return value + cost
    if small.objective == BALANCE:
        if small.wanted < 0:
            return value
        off = abs(_total(small.size, district, ZERO) / small.mean - 1.0)
        return off if off > value else value
    return value + _links_between(small, district, free if small.wanted >= 0 else used)


@inner
def _rest_fits(small: Any, rest: Any, to_make: Any) -> Any:
    """Whether ``to_make`` districts can hold the units still free, by their sums."""
    if small.wanted < 0:
        return True
    if to_make < 0 or (to_make == 0) != (rest == _EMPTY):
        return False
    if not _within(small, rest, _LOW, to_make, _EPS):
        return False
    if not _within(small, rest, _HIGH, to_make, _EPS):
        return False
    while rest != _EMPTY:
        part = _grown(small, _lowest(rest), rest)
        if not _within(small, part, _LOW, ONE, 0.0):
            return False
        rest &= ~part
    return True


@inner
def _finish(small: Any, best: Any, found: Any, words: Any, figures: Any, top: Any) -> None:
    """Take a plan in which every unit is decided, if it is allowed and better."""
    made = int(figures[top, _MADE])
    if (small.wanted >= 0 and made != small.wanted) or _torn(small, words[top, _LEFT]):
        return
    missed, value = figures[top, _MISSED], figures[top, _VALUE]
    if small.objective == BALANCE and small.wanted < 0:
        # The balance of a whole plan, which is known only now that the number of districts is.
        total = 0.0
        for d in range(made):
            total += _total(small.size, words[top, _PLAN + d], ZERO)
        for d in range(made if total > 0 else 0):
            off = abs(_total(small.size, words[top, _PLAN + d], ZERO) * made / total - 1.0)
            if off > value:
                value = off
    if _better(best, missed, value):
        best[0], best[1] = missed, value
        for d in range(found.size):
            found[d] = words[top, _PLAN + d] if d < made else _EMPTY


@inner
def _better(best: Any, missed: Any, value: Any) -> Any:
    if missed < best[0] - _SAME_WORTH:
        return True
    return missed <= best[0] + _SAME_WORTH and value < best[1] - _EPS


@inner
def _cannot_win(small: Any, best: Any, words: Any, figures: Any, top: Any, free: Any) -> Any:
    """Whether the district being grown can reach its lower bounds no more, or cuts too much."""
    district, shut = words[top, _DISTRICT], words[top, _SHUT]
    if not _within(small, district, _LOW, ONE, 0.0):
        whole = _grown(small, district, free & ~shut)
        if not _within(small, whole, _LOW, ONE, 0.0):
            return True
    if small.objective == CUT and small.wanted >= 0:
        certain = figures[top, _VALUE] + _links_between(small, district, shut)
        return not _better(best, figures[top, _MISSED], certain)
    return False


@inner
def _copy(words: Any, figures: Any, top: Any) -> None:
    """Put the plan on top of the stack there once more."""
    for i in range(words.shape[1]):
        words[top + 1, i] = words[top, i]
    for i in range(figures.shape[1]):
        figures[top + 1, i] = figures[top, i]


@inner
def _visit(small: Any, words: Any, figures: Any, top: Any, best: Any, found: Any) -> Any:
    """Decide one unit of the plan on top of the stack; returns the new top."""
    row = words[top]
    district, shut, used = row[_DISTRICT], row[_SHUT], row[_USED]
    if not _better(best, figures[top, _MISSED], figures[top, _VALUE]):
        return top - 1
    free = ((_BIT << np.uint64(small.worth.size)) - _BIT) & ~used & ~row[_LEFT] & ~district
    if district == _EMPTY and free == _EMPTY:
        _finish(small, best, found, words, figures, top)
        return top - 1
    if district == _EMPTY:
        bit = _lowest(free)
        fits = _within(small, bit, _HIGH, ONE, 0.0)
        if small.wanted < 0:
            _copy(words, figures, top)
            row[_LEFT] |= bit
            figures[top, _MISSED] += _total_worth(small.worth, bit)
            top += 1
        if not fits:
            return top - 1
        words[top, _DISTRICT], words[top, _SHUT] = bit, _EMPTY
        return top
    if _cannot_win(small, best, words, figures, top, free):
        return top - 1
    edge = _around(small, district) & free & ~shut
    if edge != _EMPTY:
        bit = _lowest(edge)
        fits = _within(small, district | bit, _HIGH, ONE, 0.0)
        if fits:
            _copy(words, figures, top)
            words[top + 1, _DISTRICT] = district | bit
        row[_SHUT] |= bit
        return top + 1 if fits else top
    value = _close(small, district, used, free, figures[top, _VALUE])
    made = int(figures[top, _MADE])
    if value == np.inf or not _rest_fits(small, free, small.wanted - made - 1):
        return top - 1
    row[_PLAN + made] = district
    row[_DISTRICT], row[_SHUT], row[_USED] = _EMPTY, _EMPTY, used | district
    figures[top, _VALUE], figures[top, _MADE] = value, made + 1
    return top


@inner
def _total_worth(worth: Any, word: Any) -> Any:
    out = 0.0
    for i in range(worth.size):
        if _has(word, i):
            out += worth[i]
    return out


@compiled
def _work(small: Any, words: Any, figures: Any, best: Any, found: Any, budget: Any) -> Any:
    top = ZERO
    for _ in range(budget):
        if top < 0:
            return True
        top = _visit(small, words, figures, top, best, found)
    return top < 0


def enumerate_all(small: Small, best: NDArray[np.float64], sets: Words, *, budget: int) -> bool:
    """Search all plans; True when it finished within ``budget`` partial plans.

    best (2,): worth left out and value of the best plan so far (inf, inf: none), lowered in place
    together with ``sets`` (u,), the districts of that plan (0: no more).
    """
    n = len(small.worth)
    depth = 3 * n + 8
    words = np.zeros((depth, int(_PLAN) + n), np.uint64)
    return bool(_work(small, words, np.zeros((depth, 3)), best, sets, budget))

"""Interchange with all gains kept up to date, shaken again and again: p-median of many demands.

What each swap would change is one sum of what the site to come gains, the site to go loses, and
what both together save (Resende, Werneck 2007, "A fast swap-based local search procedure for
location problems"); a swap touches only demands near it. Shakes are local and undone when they
lead to nothing better (variable neighbourhood search: Hansen, Mladenovic 1997).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.siting.median.swap import Rows, Sides, two_nearest

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_CELLS: Final = 50_000_000
"""Sites x sites to be open, beyond which a board takes too much memory."""
_LEAST_GAIN: Final = 1e-11
_TRIES: Final = 20


class Board(NamedTuple):
    """A choice and what each swap would change."""

    opened: Bools  # (k,)
    near: Ints  # (n, 2) the two nearest open sites
    paid: Floats  # (n, 2) their worth
    loss: Floats  # (k,) more paid without an open site
    gain: Floats  # (k,) less paid with one more
    both: Floats  # (k, p) of the loss of the open site in a slot, what one more site saves
    slot: Ints  # (k,) of the open sites, -1
    holder: Ints  # (p,) the site in each slot, -1
    of_group: Ints  # (groups + 1,) the open site of each group, -1


def new_board(rows: Rows, sides: Sides, opened: Bools) -> Board:
    """Return the board of a choice."""
    n, k, p = len(rows.none), len(opened), sides.left
    board = Board(
        np.zeros(k, bool), np.full((n, 2), -1, np.int64), np.zeros((n, 2)), np.zeros(k),
        np.zeros(k), np.zeros((k, p)), np.full(k, -1, np.int64), np.full(p, -1, np.int64),
        np.full(sides.groups + 1, -1, np.int64),
    )  # fmt: skip
    set_board(rows, sides, board, opened)
    return board


@compiled
def set_board(rows: Rows, sides: Sides, board: Board, opened: Bools) -> None:
    """Put a choice on the board."""
    board.loss[:] = 0.0
    board.gain[:] = 0.0
    board.both[:] = 0.0
    board.slot[:] = -1
    board.holder[:] = -1
    board.of_group[:] = -1
    slots = 0
    for j in range(len(opened)):
        board.opened[j] = opened[j]
        if opened[j]:
            board.slot[j] = slots
            board.holder[slots] = j
            slots += 1
            if sides.group[j] >= 0:
                board.of_group[sides.group[j]] = j
    for i in range(len(rows.none)):
        two_nearest(rows, board.opened, board.near, board.paid, i)
        _count(rows, board, i, 1.0)


@compiled
def _count(rows: Rows, board: Board, i: int, sign: float) -> None:
    """Add, or take off, what demand i means for the swaps."""
    first, second, r = board.paid[i, 0], board.paid[i, 1], board.near[i, 0]
    slot = -1
    if r >= 0:
        board.loss[r] += sign * (second - first)
        slot = board.slot[r]
    for e in range(rows.first[i], rows.first[i + 1]):
        v = rows.worth[e]
        if v >= second:
            break
        j = rows.site[e]
        if v < first:
            board.gain[j] += sign * (first - v)
        if slot >= 0:
            board.both[j, slot] += sign * (second - max(v, first))


@compiled
def move(rows: Rows, sides: Sides, board: Board, j: int, r: int) -> None:
    """Open site j and close site r; -1: none."""
    touched = np.empty(
        (rows.begin[j + 1] - rows.begin[j] if j >= 0 else 0)
        + (rows.begin[r + 1] - rows.begin[r] if r >= 0 else 0),
        np.int64,
    )
    many = 0
    if j >= 0:
        for e in range(rows.begin[j], rows.begin[j + 1]):
            i = rows.demand[e]
            if rows.value[e] < board.paid[i, 1]:
                _count(rows, board, i, -1.0)
                board.paid[i, 1] = -1.0  # counted off
                touched[many] = i
                many += 1
    if r >= 0:
        for e in range(rows.begin[r], rows.begin[r + 1]):
            i = rows.demand[e]
            near = board.near[i, 0] == r or board.near[i, 1] == r
            if near and board.paid[i, 1] >= 0.0:
                _count(rows, board, i, -1.0)
                board.paid[i, 1] = -1.0
                touched[many] = i
                many += 1
    slot = -1
    if r >= 0:
        slot = board.slot[r]
        board.slot[r] = -1
        board.holder[slot] = -1
        board.opened[r] = False
        board.both[:, slot] = 0.0
        board.loss[r] = 0.0
        if sides.group[r] >= 0:
            board.of_group[sides.group[r]] = -1
    if j >= 0:
        if slot < 0:
            slot = np.flatnonzero(board.holder < 0)[0]
        board.slot[j] = slot
        board.holder[slot] = j
        board.opened[j] = True
        board.loss[j] = 0.0
        if sides.group[j] >= 0:
            board.of_group[sides.group[j]] = j
    for place in range(many):
        i = touched[place]
        two_nearest(rows, board.opened, board.near, board.paid, i)
        _count(rows, board, i, 1.0)


@compiled
def _best_move(sides: Sides, board: Board) -> tuple[float, int, int]:
    """Return the change, the site to open and that to close (-1: none) of the best move."""
    best, come, go = 0.0, -1, -1
    spent, number = 0.0, 0
    for r in board.holder:
        if r >= 0:
            spent += sides.pay[r]
            number += 1
    for j in range(len(board.opened)):
        if board.opened[j] or board.gain[j] <= 0.0:
            continue
        g = sides.group[j]
        must_go = board.of_group[g] if g >= 0 else -1
        after = spent + sides.pay[j]
        if must_go < 0 and number < sides.left and after <= sides.money and -board.gain[j] < best:
            best, come, go = -board.gain[j], j, -1
        for slot in range(len(board.holder)):
            r = board.holder[slot]
            if r < 0 or (must_go >= 0 and r != must_go):
                continue
            change = board.loss[r] - board.gain[j] - board.both[j, slot]
            if change < best and after - sides.pay[r] <= sides.money:
                best, come, go = change, j, r
    return best, come, go


@compiled
def descend(rows: Rows, sides: Sides, board: Board, most: int) -> int:
    """Make the best move while it gains, at most so many times; return how many were made."""
    least = -_LEAST_GAIN * board.paid[:, 0].sum()
    for moves in range(most):
        change, j, r = _best_move(sides, board)
        if change >= least or j < 0:
            return moves
        move(rows, sides, board, j, r)
    return most


@compiled
def draw(chance: Ints, below: int) -> int:
    """Return a whole number from 0, below another, and move the chance on (linear congruence)."""
    chance[0] = (chance[0] * 1103515245 + 12345) & 0x7FFFFFFF
    return int((chance[0] >> 8) % below)


@compiled
def shake(rows: Rows, sides: Sides, board: Board, rounds: int, most: int, seed: int) -> float:
    """Swap some sites of one place at random, descend, keep what is better; return the sum.

    At most ``most`` sites are swapped in one shake; the board holds the best choice in the end.
    """
    chance = np.full(1, seed, np.int64)
    draw(chance, 2)
    best = float(board.paid[:, 0].sum())
    kept = board.opened.copy()
    for _ in range(rounds):
        for _ in range(1 + draw(chance, most)):
            _random_swap(rows, sides, board, chance)
        descend(rows, sides, board, 1000)
        total = float(board.paid[:, 0].sum())
        if total < best * (1.0 - _LEAST_GAIN):
            best = total
            kept[:] = board.opened
            continue
        come = np.flatnonzero(kept & ~board.opened)
        go = np.flatnonzero(board.opened & ~kept)
        for place in range(max(len(come), len(go))):
            move(
                rows, sides, board,
                come[place] if place < len(come) else -1, go[place] if place < len(go) else -1,
            )  # fmt: skip
    return best


@compiled
def _random_swap(rows: Rows, sides: Sides, board: Board, chance: Ints) -> None:
    """Swap the nearest site of some demand for another one in its reach, where that is allowed."""
    spent = 0.0
    for r in board.holder:
        if r >= 0:
            spent += sides.pay[r]
    for _ in range(_TRIES):
        i = draw(chance, len(rows.none))
        many = rows.first[i + 1] - rows.first[i]
        r = board.near[i, 0]
        if many < 2 or r < 0:
            continue
        # As a rule among the nearest: as many as lie within twice as many as up to its second.
        span = 0
        while span < many and rows.worth[rows.first[i] + span] < board.paid[i, 1]:
            span += 1
        j = rows.site[rows.first[i] + draw(chance, min(many, 2 * span + 2))]
        g = sides.group[j]
        holder = board.of_group[g] if g >= 0 else -1
        fits = spent + sides.pay[j] - sides.pay[r] <= sides.money
        if not board.opened[j] and fits and (holder < 0 or holder == r):
            move(rows, sides, board, j, r)
            return

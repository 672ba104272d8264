"""One source at a time, within a limit: which points are around it, which stretches of street.

`WalkNetwork.reach` asks how far everything is from the nearest of many. Here each source is asked
for itself, and only what lies within the limit is ever touched, so that thousands of facilities can
be asked on the network of a city: the memory of a search is wiped node by node, never as a whole.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.compiling import compiled
from gis.errors import OptionError
from gis.network.graph import WalkNetwork
from gis.network.search import BUCKET_BITS, MAX_CM, slots_for

_FAR: Final = np.int32(2**31 - 1)
_WORTH_A_THREAD: Final = 32
"""Sources per thread below which starting one costs more than it saves."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Which targets are within the limit of which source, sorted by source, then target.

    The pairs of source s are those from ``first[s]`` up to ``first[s + 1]``, (k + 1,) int64.
    ``target`` (m,) int32 is the place in the targets; ``cm`` (m,) int32 the walk.
    """

    first: NDArray[np.int64]
    target: NDArray[np.int32]
    cm: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.target)

    @cached_property
    def source(self) -> NDArray[np.int32]:
        """(m,) the place in the sources, made when asked for."""
        return np.repeat(np.arange(len(self.first) - 1, dtype=np.int32), np.diff(self.first))


@dataclass(frozen=True, eq=False)
class Stretches:
    """Stretches of links, sorted by source, then band.

    Those of source s and band b are ``first[s * bands + b]`` up to the next one, (k * bands + 1,)
    int64; ``link`` (m,) int32; ``from_cm`` and ``to_cm`` (m,) int32 along the link's own course.
    """

    first: NDArray[np.int64]
    link: NDArray[np.int32]
    from_cm: NDArray[np.int32]
    to_cm: NDArray[np.int32]


def pairs_within(
    network: WalkNetwork,
    sources: ArrayLike,
    targets: ArrayLike,
    *,
    limit_m: float,
    toward: bool = True,
) -> Pairs:
    """Find all pairs of source and target that are at most ``limit_m`` apart.

    The search starts from the sources or from the targets, whichever are fewer; the answer is the
    same. It needs 16 bytes per pair while it works and 8 afterwards.

    Parameters
    ----------
    network
        The streets.
    sources
        (k,) node numbers; -1 for one that is not linked, which has no pairs.
    targets
        (n,) node numbers, -1 likewise; several may stand on one node.
    limit_m
        Inclusive and rounded to whole cm. Of a network with costs it is the flat metres that they
        amount to.
    toward
        True: the walk is from the target to the source. False: from the source to the target.

    Raises
    ------
    OptionError
        A number is no node of the network, or the limit is no distance.
    """
    limit_cm = limits_in_cm([limit_m], name="limit_m")[0]
    starts = node_numbers(sources, len(network), name="sources")
    goals = node_numbers(targets, len(network), name="targets")
    from_goals = len(goals) < len(starts)
    if from_goals:
        starts, goals, toward = goals, starts, not toward
    arcs = network.arcs(toward=toward)
    slots = slots_for(arcs.longest_cm, int(limit_cm))
    goal_first, goal_row = _rows_of_nodes(goals, len(network))

    def find(low: int, high: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        return _pairs(
            arcs.first, arcs.arcs, starts[low:high], int(limit_cm), slots, goal_first, goal_row
        )

    first, table = _gathered(find, len(starts), per_source=1)
    turned = _transposed(first, table, len(goals))
    if not from_goals:
        turned = _transposed(*turned, len(starts))
    first, table = turned
    return Pairs(first, np.ascontiguousarray(table[:, 0]), np.ascontiguousarray(table[:, 1]))


def stretches_within(
    network: WalkNetwork, sources: ArrayLike, bands_m: Sequence[float], *, toward: bool = True
) -> Stretches:
    """Find the stretches of links that each source reaches, band by band.

    A band holds what is within its limit and beyond that of the band before. A link that a limit
    falls on is cut there, to the whole centimetre of its course (rounded towards the reached end
    where costs are not lengths); what is reached from both ends may leave a piece in the middle.
    Links of no length have no stretches.

    Parameters
    ----------
    network, toward
        As in `pairs_within`; the points of the streets are the targets.
    sources
        (k,) node numbers, -1 for one that is not linked.
    bands_m
        Limits, rising, each inclusive.

    Raises
    ------
    OptionError
        A source is no node of the network, or the bands do not rise.
    """
    limits = limits_in_cm(bands_m, name="bands_m")
    starts = node_numbers(sources, len(network), name="sources")
    arcs = network.arcs(toward=toward)
    slots = slots_for(arcs.longest_cm, int(limits[-1]))
    a_cm = b_cm = network.length_cm
    if network.cost_cm is not None:
        # Seen from the first node of a link, what is walked towards it goes against the course.
        a_cm = np.ascontiguousarray(network.cost_cm[:, 1 if toward else 0])
        b_cm = np.ascontiguousarray(network.cost_cm[:, 0 if toward else 1])
    loops = np.flatnonzero(network.links[:, 0] == network.links[:, 1])

    def find(low: int, high: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        return _stretches(
            arcs.first,
            arcs.arcs,
            arcs.link,
            starts[low:high],
            limits,
            slots,
            network.links,
            network.length_cm,
            a_cm,
            b_cm,
            loops,
        )

    first, table = _gathered(find, len(starts), per_source=len(limits))
    link, from_cm, to_cm = (np.ascontiguousarray(table[:, column]) for column in range(3))
    return Stretches(first, link, from_cm, to_cm)


def limits_in_cm(limits_m: Sequence[float], *, name: str) -> NDArray[np.int64]:
    """Return rising limits (b,) in whole centimetres, at most `MAX_CM`.

    Raises
    ------
    OptionError
        There is none, one is no distance, or one is not above the one before.
    """
    if len(limits_m) == 0:
        raise OptionError(f"{name} is empty; give metres, such as 300, 600, 900")
    for limit in limits_m:
        if math.isnan(limit) or limit < 0:
            raise OptionError(f"{name} has {limit}; give metres, 0 or more")
    limits = [MAX_CM if limit * 100 >= MAX_CM else round(limit * 100) for limit in limits_m]
    for low, high in itertools.pairwise(limits):
        if high <= low:
            raise OptionError(f"{name} has {high / 100:g} after {low / 100:g}; give rising metres")
    return np.array(limits, dtype=np.int64)


def node_numbers(given: ArrayLike, nodes: int, *, name: str) -> NDArray[np.int32]:
    """Return node numbers (k,) as they are searched; -1 stays.

    Raises
    ------
    OptionError
        They are no row of whole numbers, or one is no node.
    """
    numbers = np.asarray(given)
    if numbers.size == 0:
        return np.empty(0, dtype=np.int32)
    if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer):
        raise OptionError(
            f"{name} is {numbers.dtype} of shape {numbers.shape}; give a row of node numbers"
        )
    wrong = (numbers < -1) | (numbers >= nodes)
    if wrong.any():
        place = int(wrong.argmax())
        raise OptionError(
            f"{name}[{place}] is node {numbers[place]}; the network has the nodes 0 to {nodes - 1} "
            f"({int(wrong.sum())} such {name}); -1 means not linked"
        )
    return np.ascontiguousarray(numbers, dtype=np.int32)


def in_parts(work: Callable[[int, int], Any], count: int) -> list[Any]:
    """Call ``work(low, high)`` for parts of 0..count, in threads where that pays.

    Threads of Python rather than of numba: several requests may search at the same time, which
    numba's own pool forbids.
    """
    threads = min(os.cpu_count() or 1, count // _WORTH_A_THREAD)
    if threads < 2:
        return [work(0, count)]
    cuts = np.linspace(0, count, min(4 * threads, count) + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, cuts[:-1], cuts[1:]))


def _gathered(
    find: Callable[[int, int], tuple[NDArray[np.int64], NDArray[np.int32]]],
    count: int,
    *,
    per_source: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    parts = in_parts(find, count)
    first = np.zeros(count * per_source + 1, dtype=np.int64)
    np.cumsum(np.concatenate([counts for counts, _ in parts]), out=first[1:])
    if len(parts) == 1:
        return first, parts[0][1]
    return first, np.concatenate([table for _, table in parts])


def _rows_of_nodes(
    nodes: NDArray[np.int32], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List the places in ``nodes`` (n,) that stand on each node, rising."""
    order = np.argsort(nodes, kind="stable").astype(np.int32)
    order = order[np.searchsorted(nodes[order], 0) :]
    first = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(nodes[order], minlength=count), out=first[1:])
    return first, order


@compiled
def _more(table: NDArray[np.int32], used: int) -> NDArray[np.int32]:
    """Return the table with room for twice as many rows."""
    larger = np.empty((2 * len(table), table.shape[1]), np.int32)
    larger[:used] = table[:used]
    return larger


@compiled
def _append(
    entries: NDArray[np.int32], ends: NDArray[np.int32], entry: int, node: int, cm: int
) -> None:
    """Let a node wait as the last of the bucket of its distance."""
    bucket = (cm >> BUCKET_BITS) & (len(ends) - 1)
    entries[entry, 0] = -1
    entries[entry, 1] = node
    entries[entry, 2] = cm
    if ends[bucket, 1] >= 0:
        entries[ends[bucket, 1], 0] = entry
    else:
        ends[bucket, 0] = entry
    ends[bucket, 1] = entry


@compiled
def _search(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    source: int,
    limit: int,
    reached: NDArray[np.int32],
    touched: NDArray[np.int32],
    ends: NDArray[np.int32],
    entries: NDArray[np.int32],
) -> tuple[int, NDArray[np.int32]]:
    """Write the centimetres from one source to ``reached`` (v,), which is all `_FAR` before.

    The nodes reached are listed in ``touched``; returns how many, and the entries, which may have
    grown. Buckets as in ``search.spread``; ``ends`` (slots, 2) is all -1 before and after.
    """
    mask = len(ends) - 1
    reached[source] = 0
    touched[0] = source
    count = 1
    _append(entries, ends, 0, source, 0)
    used = 1
    free = -1
    waiting = 1
    turn = 0
    while waiting > 0:
        slot = turn & mask
        while ends[slot, 0] >= 0:
            entry = ends[slot, 0]
            v = entries[entry, 1]
            here = entries[entry, 2]
            ends[slot, 0] = entries[entry, 0]
            if entries[entry, 0] < 0:
                ends[slot, 1] = -1
            entries[entry, 0] = free
            free = entry
            waiting -= 1
            if here > reached[v]:
                continue
            for arc in range(first[v], first[v + 1]):
                t = arcs[arc, 0]
                there = here + arcs[arc, 1]
                if there > limit or there >= reached[t]:
                    continue
                if reached[t] == _FAR:
                    touched[count] = t
                    count += 1
                reached[t] = there
                if free >= 0:
                    new = free
                    free = entries[new, 0]
                else:
                    if used == len(entries):
                        entries = _more(entries, used)
                    new = used
                    used += 1
                _append(entries, ends, new, t, there)
                waiting += 1
        turn += 1
    return count, entries


@compiled
def _pairs(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    sources: NDArray[np.int32],
    limit: int,
    slots: int,
    goal_first: NDArray[np.int64],
    goal_row: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return how many goals each source reaches, and rows of goal and cm."""
    nodes = len(first) - 1
    reached = np.full(nodes, _FAR, np.int32)
    touched = np.empty(nodes, np.int32)
    ends = np.full((slots, 2), -1, np.int32)
    entries = np.empty((1024, 3), np.int32)
    counts = np.zeros(len(sources), np.int64)
    found = np.empty((1024, 2), np.int32)
    used = 0
    for s in range(len(sources)):
        if sources[s] < 0:
            continue
        before = used
        count, entries = _search(first, arcs, sources[s], limit, reached, touched, ends, entries)
        for i in range(count):
            t = touched[i]
            for place in range(goal_first[t], goal_first[t + 1]):
                if used == len(found):
                    found = _more(found, used)
                found[used, 0] = goal_row[place]
                found[used, 1] = reached[t]
                used += 1
            reached[t] = _FAR
        counts[s] = used - before
    return counts, found[:used].copy()


@compiled
def _transposed(
    first: NDArray[np.int64], table: NDArray[np.int32], columns: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Turn lists of (column, value) by row into lists of (row, value) by column, rows rising."""
    turned_first = np.zeros(columns + 1, np.int64)
    for i in range(len(table)):
        turned_first[table[i, 0] + 1] += 1
    for c in range(columns):
        turned_first[c + 1] += turned_first[c]
    place = turned_first.copy()
    turned = np.empty(table.shape, np.int32)
    for row in range(len(first) - 1):
        for i in range(first[row], first[row + 1]):
            c = table[i, 0]
            turned[place[c], 0] = row
            turned[place[c], 1] = table[i, 1]
            place[c] += 1
    return turned_first, turned


@compiled
def _got_cm(limit: int, here: int, cost: int, length: int) -> int:
    """Return how far into a link one gets from an end that is ``here`` away; 0 if not at all."""
    if cost < 0 or here > limit:
        return 0
    if limit - here >= cost:
        return length
    return (limit - here) * length // cost


@compiled
def _cut(
    link: int,
    here_a: int,
    here_b: int,
    cost_a: int,
    cost_b: int,
    length: int,
    limits: NDArray[np.int64],
    pieces: NDArray[np.int32],
    used: int,
) -> tuple[int, NDArray[np.int32]]:
    """Add rows of band, link, from and to for one link reached from end a, end b or both."""
    done_a = 0
    done_b = 0
    if used + 2 * len(limits) > len(pieces):
        pieces = _more(pieces, used)
    for band in range(len(limits)):
        if done_a + done_b >= length:
            break
        a = _got_cm(limits[band], here_a, cost_a, length)
        b = _got_cm(limits[band], here_b, cost_b, length)
        if a + b >= length:
            a = length - done_b
            b = done_b
        if a > done_a:
            pieces[used, 0] = band
            pieces[used, 1] = link
            pieces[used, 2] = done_a
            pieces[used, 3] = a
            used += 1
        if b > done_b:
            pieces[used, 0] = band
            pieces[used, 1] = link
            pieces[used, 2] = length - b
            pieces[used, 3] = length - done_b
            used += 1
        done_a = a
        done_b = b
    return used, pieces


@compiled
def _by_band(
    pieces: NDArray[np.int32],
    some: int,
    counts: NDArray[np.int64],
    table: NDArray[np.int32],
    used: int,
) -> tuple[int, NDArray[np.int32]]:
    """Add the pieces of one source to the table, the nearest band first, and count them."""
    while used + some > len(table):
        table = _more(table, used)
    for band in range(len(counts)):
        before = used
        for i in range(some):
            if pieces[i, 0] == band:
                table[used, 0] = pieces[i, 1]
                table[used, 1] = pieces[i, 2]
                table[used, 2] = pieces[i, 3]
                used += 1
        counts[band] = used - before
    return used, table


@compiled
def _stretches(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    arc_link: NDArray[np.int32],
    sources: NDArray[np.int32],
    limits: NDArray[np.int64],
    slots: int,
    links: NDArray[np.int32],
    length: NDArray[np.int32],
    a_cm: NDArray[np.int32],
    b_cm: NDArray[np.int32],
    loops: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return how many stretches each source has in each band, and rows of link, from and to."""
    nodes = len(first) - 1
    bands = len(limits)
    reached = np.full(nodes, _FAR, np.int32)
    touched = np.empty(nodes, np.int32)
    ends = np.full((slots, 2), -1, np.int32)
    entries = np.empty((1024, 3), np.int32)
    pieces = np.empty((max(1024, 4 * bands), 4), np.int32)
    counts = np.zeros(len(sources) * bands, np.int64)
    table = np.empty((4096, 3), np.int32)
    used = 0
    far = limits[bands - 1]
    for s in range(len(sources)):
        if sources[s] < 0:
            continue
        count, entries = _search(first, arcs, sources[s], far, reached, touched, ends, entries)
        some = 0
        for i in range(count):
            t = touched[i]
            for arc in range(first[t], first[t + 1]):
                n = arc_link[arc]
                a = links[n, 0]
                # A link is cut once: from its first end wherever that leads into it.
                if t != a and reached[a] != _FAR and a_cm[n] >= 0:
                    continue
                some, pieces = _cut(
                    n, reached[a], reached[links[n, 1]], a_cm[n], b_cm[n], length[n], limits,
                    pieces, some,
                )  # fmt: skip
        for n in loops:
            here = reached[links[n, 0]]
            if here != _FAR:
                some, pieces = _cut(
                    n, here, here, a_cm[n], b_cm[n], length[n], limits, pieces, some
                )
        for i in range(count):
            reached[touched[i]] = _FAR
        used, table = _by_band(pieces, some, counts[s * bands : (s + 1) * bands], table, used)
    return counts, table[:used].copy()

"""The search on a contracted network: one sweep up, the core, one sweep down, eight at a time.

What is searched are keys: centimetres above, the place of the source below. The least key is the
shortest way and among equals the first source, so the nearest source costs nothing extra. Keys
have 32 bits where limit and places fit, else 64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from gis.compiling import compiled
from gis.network.contraction import Contraction
from gis.network.search import BUCKET_BITS, for_each

LANES: Final = 8
"""Categories swept together: one wide register of 32-bit keys."""

_FEWEST_PLACE_BITS: Final = 6
"""So 32-bit keys have less than 2^24 cm, which a float32 holds exactly."""

_BLOCK: Final = 64
"""Nodes turned at a time from rows of lanes to rows of nodes; both fit the nearest cache."""


def _row_of(builder: Any, keys: Any, lanes: Any, number: Any) -> Any:
    """Point to row ``number`` of the array ``keys``, as one wide value."""
    wide = ir.IntType(64)
    number = number if number.type == wide else builder.sext(number, wide)
    start = builder.gep(keys.data, [builder.mul(number, wide(LANES))])
    return builder.bitcast(start, lanes.as_pointer())


def _lower_row(_context: Any, keys: Any, to: Any, via: Any, cost: Any) -> Any:
    """Lower row ``to`` of ``keys`` (n, LANES) to row ``via`` plus ``cost``, lane by lane.

    Written as instructions because the compiler makes single steps of so short a loop.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        lane = ir.IntType(signature.args[0].dtype.bitwidth)
        lanes = ir.VectorType(lane, LANES)
        undefined = ir.Constant(lanes, ir.Undefined)
        single = builder.insert_element(undefined, args[3], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        costs = builder.shuffle_vector(single, undefined, zeros)
        align = lane.width // 8
        target = _row_of(builder, array, lanes, args[1])
        source = _row_of(builder, array, lanes, args[2])
        old = builder.load(target, align=align)
        new = builder.add(builder.load(source, align=align), costs)
        least = builder.select(builder.icmp_signed("<", new, old), new, old)
        builder.store(least, target, align=align)
        return context.get_dummy_value()

    return types.void(keys, to, via, cost), generate


def _turn_rows(_context: Any, keys: Any, row: Any, start: Any, block: Any, column: Any) -> Any:
    """Turn the keys of the LANES nodes from ``start`` into columns of ``block`` from ``column``.

    A square of values is turned by swapping its quarters, their quarters and so on.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, number, target = (
            context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 1, 3)
        )
        lane = ir.IntType(signature.args[0].dtype.bitwidth)
        lanes = ir.VectorType(lane, LANES)
        wide = ir.IntType(64)
        align = lane.width // 8
        square = []
        for i in range(LANES):
            at = builder.gep(number.data, [builder.add(args[2], wide(i))])
            square.append(
                builder.load(_row_of(builder, source, lanes, builder.load(at)), align=align)
            )
        half = LANES // 2
        while half:
            for i in range(LANES):
                if i & half:
                    continue
                upper, lower = square[i], square[i + half]
                for n, take in (
                    (i, [j if not j & half else LANES + j - half for j in range(LANES)]),
                    (i + half, [j + half if not j & half else LANES + j for j in range(LANES)]),
                ):
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), take)
                    square[n] = builder.shuffle_vector(upper, lower, mask)
            half //= 2
        for i, values in enumerate(square):
            at = builder.gep(target.data, [builder.add(args[4], wide(i * _BLOCK))])
            builder.store(values, builder.bitcast(at, lanes.as_pointer()), align=align)
        return context.get_dummy_value()

    return types.void(keys, row, start, block, column), generate


_improve = cast("Callable[..., None]", intrinsic(_lower_row))
_turn_square = cast("Callable[..., None]", intrinsic(_turn_rows))


@compiled
def _sweep_up(
    first: NDArray[np.int32], arcs: NDArray[np.int32], keys: NDArray[Any], beyond: int, shift: int
) -> None:
    for row in range(len(first) - 1):
        for arc in range(first[row], first[row + 1]):
            cost = keys.dtype.type(np.int64(min(arcs[arc, 1], beyond)) << shift)
            _improve(keys, np.int64(arcs[arc, 0]), row, cost)


@compiled
def _sweep_down(
    first: NDArray[np.int32], arcs: NDArray[np.int32], keys: NDArray[Any], beyond: int, shift: int
) -> None:
    for row in range(len(first) - 2, -1, -1):
        for arc in range(first[row], first[row + 1]):
            cost = keys.dtype.type(np.int64(min(arcs[arc, 1], beyond)) << shift)
            _improve(keys, row, np.int64(arcs[arc, 0]), cost)


@compiled
def _append(v: int, slot: int, line: NDArray[np.int32], ends: NDArray[np.int32]) -> None:
    """Let node ``v`` wait as the last of a bucket; ``line`` (n, 3) is before, next, bucket."""
    last = ends[slot, 1]
    line[v, 0] = last
    line[v, 1] = -1
    line[v, 2] = slot
    if last >= 0:
        line[last, 1] = v
    else:
        ends[slot, 0] = v
    ends[slot, 1] = v


@compiled
def _leave(v: int, line: NDArray[np.int32], ends: NDArray[np.int32]) -> None:
    before = line[v, 0]
    after = line[v, 1]
    slot = line[v, 2]
    if before >= 0:
        line[before, 1] = after
    else:
        ends[slot, 0] = after
    if after >= 0:
        line[after, 0] = before
    else:
        ends[slot, 1] = before
    line[v, 2] = -1


@compiled
def _settle(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    longest: int,
    limit: int,
    shift: int,
    best: NDArray[Any],
) -> None:
    """Lower keys ``best`` (n,) until no arc makes one lower; see `search` for the buckets."""
    highest: Any = np.int64(0)
    lowest: Any = np.int64(limit)
    for v in range(len(best)):
        if best[v] <= limit:
            highest = max(highest, np.int64(best[v]))
            lowest = min(lowest, np.int64(best[v]))
    width = shift + BUCKET_BITS
    slots = 1
    while slots < (max(highest, min(np.int64(longest) << shift, limit)) >> width) + 3:
        slots *= 2
    mask = slots - 1
    ends = np.full((slots, 2), -1, np.int32)
    line = np.full((len(best), 3), -1, np.int32)
    waiting = 0
    for v in range(len(best)):
        if best[v] <= limit:
            _append(v, (best[v] >> width) & mask, line, ends)
            waiting += 1
    turn = lowest >> width
    while waiting > 0:
        slot = turn & mask
        while ends[slot, 0] >= 0:
            v = ends[slot, 0]
            _leave(v, line, ends)
            waiting -= 1
            for arc in range(first[v], first[v + 1]):
                t = arcs[arc, 0]
                there = best[v] + (np.int64(arcs[arc, 1]) << shift)
                if there > limit or there >= best[t]:
                    continue
                best[t] = there
                new = (there >> width) & mask
                if line[t, 2] == new:
                    continue
                if line[t, 2] >= 0:
                    _leave(t, line, ends)
                    waiting -= 1
                _append(t, new, line, ends)
                waiting += 1
        turn += 1


@compiled
def _search_core(
    first: NDArray[np.int32],
    arcs: NDArray[np.int32],
    longest: int,
    limit: int,
    shift: int,
    keys: NDArray[Any],
    lanes: int,
) -> None:
    best = np.empty(len(keys), keys.dtype)
    for lane in range(lanes):
        for v in range(len(best)):  # in a loop: copying slices takes seconds to compile
            best[v] = keys[v, lane]
        _settle(first, arcs, longest, limit, shift, best)
        for v in range(len(best)):
            keys[v, lane] = best[v]


@compiled
def _turn(keys: NDArray[Any], row: NDArray[np.int32], start: int, block: NDArray[Any]) -> int:
    """Copy the keys of the nodes from ``start`` into ``block`` (LANES, _BLOCK); return how many."""
    size = min(_BLOCK, len(row) - start)
    whole = size - size % LANES
    for i in range(0, whole, LANES):
        _turn_square(keys, row, np.int64(start + i), block, np.int64(i))
    for i in range(whole, size):
        for lane in range(LANES):
            block[lane, i] = keys[row[start + i], lane]
    return size


@compiled
def _write_metres(
    keys: NDArray[Any],
    row: NDArray[np.int32],
    limit: int,
    places: int,
    hundred: NDArray[Any],
    metres: NDArray[np.float32],
) -> None:
    """Write metres (lanes, v), NaN beyond; ``hundred`` (1,) is 100 in keys, as what to divide."""
    unknown = np.float32(np.nan)
    block = np.empty((LANES, _BLOCK), keys.dtype)
    beyond = keys.dtype.type(limit)
    above = keys.dtype.type(~places)
    for start in range(0, len(row), _BLOCK):
        size = _turn(keys, row, start, block)
        for lane in range(len(metres)):
            own = block[lane]
            there = metres[lane, start : start + size]
            for i in range(len(there)):
                there[i] = hundred.dtype.type(keys.dtype.type(own[i] & above)) / hundred[0]
            for i in range(len(there)):
                if own[i] > beyond:
                    there[i] = unknown


@compiled
def _write_whole(
    keys: NDArray[Any],
    row: NDArray[np.int32],
    limit: int,
    shift: int,
    mask: int,
    whole: NDArray[np.int32],
) -> None:
    """Write the part of the keys above ``shift`` and within ``mask``, -1 beyond the limit."""
    block = np.empty((LANES, _BLOCK), keys.dtype)
    beyond = keys.dtype.type(limit)
    for start in range(0, len(row), _BLOCK):
        size = _turn(keys, row, start, block)
        for lane in range(len(whole)):
            own = block[lane]
            there = whole[lane, start : start + size]
            for i in range(len(there)):
                there[i] = (own[i] >> shift) & mask
            for i in range(len(there)):
                if own[i] > beyond:
                    there[i] = -1


@dataclass(frozen=True, eq=False)
class Swept:
    """The keys of all rows, eight categories to an array; see `sweep`.

    A key is centimetres times 2^``shift`` plus the place of the source, and beyond the limit
    where it is more than ``limit``.
    """

    contraction: Contraction
    keys: tuple[NDArray[Any], ...]
    count: int
    shift: int
    limit: int

    def metres(self) -> NDArray[np.float32]:
        """(k, v) m, NaN beyond the limit."""
        metres = np.empty((self.count, len(self.contraction.row)), dtype=np.float32)
        exact = np.float32 if self.keys and self.keys[0].dtype == np.int32 else np.float64
        hundred = np.array([100 << self.shift], dtype=exact)
        places = (1 << self.shift) - 1

        def fill(g: int) -> None:
            own = metres[slice(*_group(g, self.count))]
            _write_metres(self.keys[g], self.contraction.row, self.limit, places, hundred, own)

        for_each(fill, len(self.keys), worth=True)
        return metres

    @cached_property
    def cm(self) -> NDArray[np.int32]:
        """(k, v) cm, -1 beyond the limit."""
        return self._whole(self.shift, 2**31 - 1)

    @cached_property
    def nearest(self) -> NDArray[np.int32]:
        """(k, v) place of the nearest source, the first of equals, -1 beyond the limit."""
        return self._whole(0, (1 << self.shift) - 1)

    def _whole(self, shift: int, mask: int) -> NDArray[np.int32]:
        whole = np.empty((self.count, len(self.contraction.row)), dtype=np.int32)

        def fill(g: int) -> None:
            own = whole[slice(*_group(g, self.count))]
            _write_whole(self.keys[g], self.contraction.row, self.limit, shift, mask, own)

        for_each(fill, len(self.keys), worth=True)
        return whole


def _group(g: int, count: int) -> tuple[int, int]:
    """From which category to which group ``g`` goes; groups are as equal as can be."""
    groups = -(-count // LANES)
    return g * count // groups, (g + 1) * count // groups


def sweep(contraction: Contraction, sources: Sequence[NDArray[np.int32]], limit_cm: int) -> Swept:
    """Search from the sources of each category.

    Parameters
    ----------
    contraction
        The network.
    sources
        k arrays of nodes.
    limit_cm
        How far, inclusive; at most `gis.network.search.MAX_CM`.
    """
    most = max((len(s) for s in sources), default=0)
    shift = max(_FEWEST_PLACE_BITS, most.bit_length())
    # A key beyond the limit plus one link more must not overflow.
    narrow = (limit_cm + 2) << shift <= 2**30
    dtype: type[np.signedinteger[Any]] = np.int32 if narrow else np.int64
    far = dtype(2**30 - 1 if narrow else 2**62 - 1)
    limit = ((limit_cm + 1) << shift) - 1
    count = -(-len(sources) // LANES)
    groups = [sources[slice(*_group(g, len(sources)))] for g in range(count)]
    keys: list[NDArray[Any]] = [np.empty(0)] * len(groups)
    went = contraction

    def fill(g: int) -> None:
        own = np.full((len(went.row), LANES), far, dtype=dtype)
        for lane, starts in enumerate(groups[g]):
            # Written from the last place to the first, so the first of equals stays.
            own[went.row[starts[::-1]], lane] = np.arange(len(starts) - 1, -1, -1, dtype=dtype)
        _sweep_up(went.first, went.arcs, own, limit_cm + 1, shift)
        core = own[went.core :]
        _search_core(
            went.core_first, went.core_arcs, went.core_longest, limit, shift, core, len(groups[g])
        )
        _sweep_down(went.first, went.arcs, own, limit_cm + 1, shift)
        keys[g] = own

    for_each(fill, len(groups), worth=True)
    return Swept(contraction, tuple(keys), len(sources), shift, limit)

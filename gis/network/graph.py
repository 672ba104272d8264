"""The walking network and the search on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gis.errors import LayerError, OptionError
from gis.network.contraction import Contraction, contract
from gis.network.polylines import Polylines
from gis.network.search import MAX_CM, arcs_of, claim, for_each, slots_for, spread, to_metres
from gis.network.sweep import Swept, sweep
from gis.network.traits import StreetTraits

MAX_FAULTS_TOLD: Final = 5
_WORTH_A_THREAD: Final = 50_000
"""Nodes times sources below which starting a thread costs more than it saves."""

_WORTH_CONTRACTING: Final = 10_000
"""Nodes below which a plain search is quick enough."""


@dataclass(frozen=True, eq=False)
class Arcs:
    """The links as a search follows them: the arcs of node v are ``first[v]`` to ``first[v + 1]``.

    ``first`` (v + 1,); ``arcs`` (a, 2) of node and cm; ``link`` (a,) the link of each;
    ``longest_cm`` the cost of the dearest. Closed links have none.
    """

    first: NDArray[np.int32]
    arcs: NDArray[np.int32]
    link: NDArray[np.int32]
    longest_cm: int


@dataclass(frozen=True, eq=False)
class _Spread:
    """What a plain search found: ``cm`` (k, v) from ``sources`` along ``arcs``."""

    cm: NDArray[np.int32]
    arcs: Arcs
    sources: tuple[NDArray[np.int32], ...]

    @cached_property
    def nearest(self) -> NDArray[np.int32]:
        owner = np.empty(self.cm.shape, dtype=np.int32)

        def fill(k: int) -> None:
            claim(self.arcs.first, self.arcs.arcs, self.sources[k], self.cm[k], owner[k])

        for_each(fill, len(self.sources), worth=self.cm.size > _WORTH_A_THREAD)
        return owner


@dataclass(frozen=True, eq=False)
class Reach:
    """How far each node is from the nearest source of each category.

    ``metres`` (k, v) float32, NaN beyond the limit; ``cm`` (k, v) int32 the same in whole
    centimetres, -1 beyond. Compare with limits in ``cm`` where a sum is compared. ``cm`` and
    ``nearest`` are written down when first asked for.
    """

    metres: NDArray[np.float32]
    _found: _Spread | Swept

    @property
    def cm(self) -> NDArray[np.int32]:
        """(k, v) whole centimetres, -1 beyond."""
        return self._found.cm

    @property
    def nearest(self) -> NDArray[np.int32]:
        """(k, v) place in ``sources[k]`` of the nearest one, the first of equals; -1 beyond."""
        return self._found.nearest


@dataclass(frozen=True, eq=False)
class WalkNetwork:
    """Nodes and the links between them.

    ``xy`` (v, 2) m; ``links`` (e, 2) int32 nodes; ``length_cm`` (e,) int32 what a link costs;
    ``lines`` the n-th is the n-th link as it runs from ``links[n, 0]`` to ``links[n, 1]``;
    ``street`` (e,) int32 the row of the streets layer it comes from, -1 for the way from a point
    to its street. Several links between two nodes, links of 0 cm and links from a node to itself
    are allowed. Build one with `from_arrays`, `build_network` or `attach`.

    ``cost_cm`` (e, 2) int32 is what a link costs walked along and against its course, in whole
    centimetres of flat walking; -1 where that way is closed. None: its length both ways. One unit
    serves metres and minutes alike: seconds are the cost divided by the walker's flat speed.

    ``traits`` says of the streets what makes walking them slower or impossible, None where nothing
    is known.

    Raises
    ------
    LayerError
        The arrays do not fit together; the first faults are named, and how many there are.
    """

    xy: NDArray[np.float64]
    links: NDArray[np.int32]
    length_cm: NDArray[np.int32]
    lines: Polylines
    street: NDArray[np.int32]
    cost_cm: NDArray[np.int32] | None = None
    traits: StreetTraits | None = None

    def __post_init__(self) -> None:
        _refuse(list(_faults(self.xy, self.links, self.length_cm / 100.0)))
        if not len(self.links) == len(self.lines) == len(self.street):
            raise LayerError(
                f"The network has {len(self.links)} links, {len(self.lines)} lines and "
                f"{len(self.street)} streets of links; give one of each per link"
            )
        if self.cost_cm is not None:
            _refuse(list(_cost_faults(self.cost_cm, len(self.links))))

    @classmethod
    def from_arrays(cls, xy: ArrayLike, links: ArrayLike, length_m: ArrayLike) -> WalkNetwork:
        """Make a network of straight links.

        Parameters
        ----------
        xy
            (v, 2) coordinates, m.
        links
            (e, 2) node pairs, walked both ways.
        length_m
            (e,) m, >= 0 and below 10,737 km; rounded to whole centimetres (half to even).

        Raises
        ------
        LayerError
            Shapes do not fit, a node does not exist, a length or coordinate is no usable number.
        """
        points = np.array(xy, dtype=np.float64).reshape(-1, 2) if np.size(xy) == 0 else np.array(xy)
        pairs = np.array(links).reshape(-1, 2) if np.size(links) == 0 else np.array(links)
        metres = np.array(length_m, dtype=np.float64)
        if np.size(links) == 0:
            pairs = pairs.astype(np.int32)
        _refuse(list(_faults(points, pairs, metres)))
        # Copies already: neither is what the caller gave.
        points = points.astype(np.float64, copy=False)
        pairs = pairs.astype(np.int32, copy=False)
        ends = np.take(points, pairs.reshape(-1), axis=0)
        return cls(
            xy=points,
            links=pairs,
            length_cm=np.rint(metres * 100).astype(np.int32),
            lines=Polylines(ends, np.arange(0, len(ends) + 1, 2, dtype=np.int64)),
            street=np.arange(len(pairs), dtype=np.int32),
        )

    def __len__(self) -> int:
        return len(self.xy)

    def forget(self) -> None:
        """Give back the memory of what is worked out when asked for and is not needed for long.

        `reach` is as slow again the next time as the first; arcs and parts stay.
        """
        vars(self).pop("_contraction", None)
        vars(self.lines).pop("along_m", None)

    def with_costs(self, cost_cm: NDArray[np.int32]) -> WalkNetwork:
        """Return the same streets with other costs (e, 2), see the class.

        Raises
        ------
        LayerError
            There is not one pair of costs per link, or one is out of range.
        """
        return replace(self, cost_cm=cost_cm)

    def arcs(self, *, toward: bool = True) -> Arcs:
        """Return the links as a search from facilities follows them.

        Parameters
        ----------
        toward
            True: an arc from t to v costs what walking from v to t costs, so that a search from
            facilities tells the walk to them. False: the walk from them, the way back.
        """
        if self.cost_cm is None or not toward:
            return self._arcs_from
        return self._arcs_toward

    @cached_property
    def _arcs_from(self) -> Arcs:
        if self.cost_cm is None:
            return self._arcs_of(self.length_cm, self.length_cm)
        return self._arcs_of(self.cost_cm[:, 0], self.cost_cm[:, 1])

    @cached_property
    def _arcs_toward(self) -> Arcs:
        cost = self.cost_cm
        if cost is None or np.array_equal(cost[:, 0], cost[:, 1]):
            return self._arcs_from
        return self._arcs_of(cost[:, 1], cost[:, 0])

    def _arcs_of(self, along_cm: NDArray[np.int32], against_cm: NDArray[np.int32]) -> Arcs:
        along_cm = np.ascontiguousarray(along_cm)
        against_cm = np.ascontiguousarray(against_cm)
        first, arcs, link = arcs_of(len(self.xy), self.links, along_cm, against_cm)
        return Arcs(first, arcs, link, int(arcs[:, 1].max(initial=0)))

    @cached_property
    def _labels(self) -> NDArray[np.int64]:
        size = len(self.xy)
        ones = np.ones(len(self.links), dtype=np.int8)
        graph = coo_array((ones, (self.links[:, 0], self.links[:, 1])), shape=(size, size))
        count, label = connected_components(graph, directed=False)
        # Numbered as met from node 0 on, so a stable sort by size settles equals.
        order = np.argsort(-np.bincount(label, minlength=count), kind="stable")
        rank = np.empty(count, dtype=np.int64)
        rank[order] = np.arange(count)
        labels: NDArray[np.int64] = rank[label]
        labels.flags.writeable = False
        return labels

    def components(self) -> NDArray[np.int64]:
        """(v,) which part of the network each node is in; 0 is the part with the most nodes."""
        return self._labels

    def reach(self, sources: Sequence[ArrayLike], *, limit_m: float, toward: bool = True) -> Reach:
        """Walk between every node and the nearest source of each category.

        The first call on a large network that costs the same both ways contracts it (see
        `gis.network.contraction`), so that every later call, with any sources and any limit, is
        several times faster. Other networks are searched arc by arc.

        Parameters
        ----------
        sources
            k arrays of node numbers, one per category; an empty one reaches nothing.
        limit_m
            How far, inclusive and rounded to whole cm; ``math.inf`` means 10,737 km, the farthest
            that is searched. Of a network with costs it is the flat metres that they amount to.
        toward
            Whether nodes walk to the sources or, the way back, from them; see `arcs`.

        Raises
        ------
        OptionError
            A source is no node of the network, or the limit is no distance.
        """
        if math.isnan(limit_m) or limit_m < 0:
            raise OptionError(f"limit_m is {limit_m}; give metres, 0 or more")
        limit_cm = MAX_CM if limit_m * 100 >= MAX_CM else round(limit_m * 100)
        starts = tuple(_node_numbers(k, s, len(self.xy)) for k, s in enumerate(sources))
        if self._contraction is not None:
            swept = sweep(self._contraction, starts, limit_cm)
            return Reach(swept.metres(), swept)
        arcs = self.arcs(toward=toward)
        slots = slots_for(arcs.longest_cm, limit_cm)
        cm = np.empty((len(starts), len(self.xy)), dtype=np.int32)
        metres = np.empty(cm.shape, dtype=np.float32)

        def fill(k: int) -> None:
            spread(arcs.first, arcs.arcs, starts[k], limit_cm, slots, cm[k])
            to_metres(cm[k], metres[k])

        for_each(fill, len(starts), worth=cm.size > _WORTH_A_THREAD)
        return Reach(metres, _Spread(cm, arcs, starts))

    @cached_property
    def _contraction(self) -> Contraction | None:
        """What a search runs over instead: of large networks that cost the same both ways."""
        if len(self.xy) < _WORTH_CONTRACTING:
            return None
        if self.cost_cm is None:
            return contract(self.xy, self.links, self.length_cm)
        if np.array_equal(self.cost_cm[:, 0], self.cost_cm[:, 1]):
            return contract(self.xy, self.links, np.ascontiguousarray(self.cost_cm[:, 0]))
        return None


def _node_numbers(k: int, sources: ArrayLike, nodes: int) -> NDArray[np.int32]:
    given = np.asarray(sources)
    if given.size == 0:
        return np.empty(0, dtype=np.int32)
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer):
        raise OptionError(
            f"sources[{k}] is {given.dtype} of shape {given.shape}; give a row of node numbers"
        )
    wrong = (given < 0) | (given >= nodes)
    if wrong.any():
        place = int(wrong.argmax())
        raise OptionError(
            f"sources[{k}][{place}] is node {given[place]}; the network has the nodes "
            f"0 to {nodes - 1} ({int(wrong.sum())} such sources)"
        )
    return np.ascontiguousarray(given, dtype=np.int32)


def _refuse(faults: list[str]) -> None:
    if faults:
        more = len(faults) - MAX_FAULTS_TOLD
        told = "; ".join(faults[:MAX_FAULTS_TOLD]) + (f"; and {more} more" if more > 0 else "")
        raise LayerError(f"The network cannot be used: {told}")


def _faults(xy: NDArray[Any], links: NDArray[Any], length_m: NDArray[Any]) -> Iterable[str]:
    if xy.ndim != 2 or xy.shape[1] != 2 or not np.issubdtype(xy.dtype, np.number):
        yield f"xy is {xy.dtype} of shape {xy.shape}, not (v, 2) numbers"
        return
    if links.ndim != 2 or links.shape[1] != 2 or not np.issubdtype(links.dtype, np.integer):
        yield f"links is {links.dtype} of shape {links.shape}, not (e, 2) whole numbers"
        return
    if length_m.shape != (len(links),):
        yield f"length_m has shape {length_m.shape}, not one length for each of {len(links)} links"
        return
    # Column by column: numpy takes ten times as long over pairs.
    for row in np.flatnonzero(~(np.isfinite(xy[:, 0]) & np.isfinite(xy[:, 1]))):
        yield f"node {row} has the coordinates {xy[row, 0]}, {xy[row, 1]}"
    a, b = links.T
    for row in np.flatnonzero((a < 0) | (b < 0) | (a >= len(xy)) | (b >= len(xy))):
        yield f"link {row} joins {links[row, 0]} and {links[row, 1]}, but there are {len(xy)} nodes"
    # Written so that NaN counts as wrong.
    for row in np.flatnonzero(~((length_m >= 0) & (length_m <= MAX_CM / 100))):
        yield f"link {row} is {length_m[row]} m long"


def _cost_faults(cost_cm: NDArray[Any], links: int) -> Iterable[str]:
    if cost_cm.shape != (links, 2) or not np.issubdtype(cost_cm.dtype, np.integer):
        yield f"cost_cm is {cost_cm.dtype} of shape {cost_cm.shape}, not ({links}, 2) whole numbers"
        return
    for row in np.flatnonzero(((cost_cm < -1) | (cost_cm > MAX_CM)).any(axis=1)):
        yield f"link {row} costs {cost_cm[row, 0]} and {cost_cm[row, 1]} cm"

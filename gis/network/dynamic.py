"""A reach that is repaired instead of searched again when something on the ground changes.

After one edit only few nodes have another walk, and none beyond the limit. A new link or facility
makes walks shorter: the shorter ones spread from it until nothing improves. A closed link or a
facility that goes makes walks longer: first those nodes are found that have lost every shortest
way, then they are reached again from around them (Ramalingam and Reps 1996, "An incremental
algorithm for a generalization of the shortest-path problem"). Nothing here looks at all nodes.

Links of 0 cm could make two nodes vouch for each other after their way is gone; so only a node
that is strictly nearer counts as a voucher. That takes in a few nodes too many, never one too few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError
from gis.network.graph import Arcs, WalkNetwork
from gis.network.repair import FAR, improve, restore, take, worsen
from gis.network.search import MAX_CM

SPARE_NODES: Final = 4096
SPARE_LINKS: Final = 8192
"""Room for edits that is there from the start; when it is used up, the arrays are copied once."""


@dataclass(frozen=True, eq=False)
class Changed:
    """c places whose walk is another one: ``row``, ``node``, ``before_cm``, ``after_cm`` (c,).

    -1 is beyond the limit. Sorted by row and node, each pair once.
    """

    row: NDArray[np.int64]
    node: NDArray[np.int64]
    before_cm: NDArray[np.int64]
    after_cm: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)


_Ints = NDArray[np.int32]
_SideArrays = tuple[_Ints, _Ints, _Ints, _Ints, _Ints]


class _Side:
    """The arcs of one direction, with lists of further ones: rows of next, node, cm, link."""

    def __init__(self, arcs: Arcs, nodes: int, links: int) -> None:
        self.arcs = arcs
        self.head = np.full(nodes, -1, dtype=np.int32)
        self.extra = np.empty((links, 4), dtype=np.int32)
        self.used = 0

    def all(self) -> _SideArrays:
        return self.arcs.first, self.arcs.arcs, self.arcs.link, self.head, self.extra

    def add(self, start: int, end: int, cm: int, link: int) -> None:
        self.extra[self.used] = (self.head[start], end, cm, link)
        self.head[start] = self.used
        self.used += 1

    def take_back(self, start: int) -> None:
        self.used -= 1
        self.head[start] = self.extra[self.used, 0]


class LiveReach:
    """How far every node is from the nearest source of each row, kept right through edits.

    The network and the reach given are never changed: the edits live in arrays of its own. Nodes
    and links that are added get the next numbers. Every change can be taken back, bit for bit.

    Parameters
    ----------
    network
        v nodes, e links, with the costs that were searched.
    cm
        (k, v) int32, `Reach.cm` of these sources; -1 beyond.
    sources
        k arrays of nodes; a node may come several times and then stays until all are removed.
    limits_cm
        (k,) how far each row matters, at most as far as ``cm`` was searched: what lies beyond is
        beyond for good, and so bounds the region that an edit can change.
    toward
        As the reach was searched, see `WalkNetwork.arcs`.

    Raises
    ------
    OptionError
        The arrays do not fit the network.
    """

    def __init__(
        self,
        network: WalkNetwork,
        cm: NDArray[np.int32],
        sources: Sequence[ArrayLike],
        limits_cm: ArrayLike,
        *,
        toward: bool = True,
    ) -> None:
        limits = np.asarray(limits_cm, dtype=np.int64)
        if cm.shape != (len(sources), len(network)) or limits.shape != (len(sources),):
            raise OptionError(
                f"cm has the shape {cm.shape} and limits_cm {limits.shape}; give "
                f"({len(sources)}, {len(network)}) and ({len(sources)},)"
            )
        self._network = network
        self._limits = np.minimum(limits, MAX_CM)
        self._nodes = len(network)
        self._links = len(network.links)
        nodes, links = self._nodes + SPARE_NODES, self._links + SPARE_LINKS
        self._cm = np.empty((len(sources), nodes), dtype=np.int32)
        for row in range(len(sources)):
            take(cm[row], int(self._limits[row]), self._cm[row])
        self._held = np.zeros(self._cm.shape, dtype=bool)
        self._count: Counter[tuple[int, int]] = Counter()
        for row, given in enumerate(sources):
            for node in np.asarray(given, dtype=np.int64).tolist():
                self._count[row, node] += 1
                self._held[row, node] = True
        self._out = _Side(network.arcs(toward=toward), nodes, 2 * SPARE_LINKS)
        self._back = _Side(network.arcs(toward=not toward), nodes, 2 * SPARE_LINKS)
        self._shut = np.zeros(links, dtype=bool)
        self._lost = np.zeros(nodes, dtype=bool)
        self._own = np.empty((0, 4), dtype=np.int64)
        self._toward = toward
        self._done: list[tuple[str, Any]] = []

    @property
    def nodes(self) -> int:
        """How many nodes there are, those added included."""
        return self._nodes

    def cm(self, row: int, nodes: ArrayLike) -> NDArray[np.int64]:
        """Return the cm (n,) from ``nodes`` (n,) to the nearest source of a row; -1 beyond."""
        far = self._cm[row, np.asarray(nodes, dtype=np.int64)].astype(np.int64)
        return np.where(far == FAR, -1, far)

    def row_cm(self, row: int) -> NDArray[np.int32]:
        """Return a row (nodes,) as `Reach.cm` has it; looks at every node."""
        far = self._cm[row, : self._nodes]
        return np.where(far == FAR, np.int32(-1), far)

    def checkpoint(self) -> int:
        """Return a mark to which `undo` and `changed` can refer."""
        return len(self._done)

    def add_nodes(self, count: int) -> NDArray[np.int64]:
        """Add nodes (count,) that no link leads to yet; return their numbers."""
        first = self._nodes
        if first + count > self._cm.shape[1]:
            self._make_room(nodes=first + count)
        self._nodes += count
        self._done.append(("nodes", count))
        return np.arange(first, first + count)

    def add_links(self, links: ArrayLike, cost_cm: ArrayLike) -> NDArray[np.int64]:
        """Add links and repair.

        Parameters
        ----------
        links
            (m, 2) nodes.
        cost_cm
            (m, 2) what walking along and against them costs; -1 where that way is closed.

        Returns
        -------
        link
            (m,) their numbers.
        """
        pairs = np.asarray(links, dtype=np.int64).reshape(-1, 2)
        costs = np.asarray(cost_cm, dtype=np.int64).reshape(-1, 2)
        if pairs.shape != costs.shape or (costs > MAX_CM).any() or (costs < -1).any():
            raise OptionError("cost_cm does not give one pair of costs per link, -1 or more")
        if len(pairs) and (pairs.min() < 0 or pairs.max() >= self._nodes):
            raise OptionError(f"a link leads to a node beyond the {self._nodes} that there are")
        first = self._links
        if first + len(pairs) > len(self._shut):
            self._make_room(links=first + len(pairs))
        numbers = np.arange(first, first + len(pairs))
        own = np.column_stack([pairs, costs])
        new = self._arcs_of(own)
        for start, end, cm, place in new.tolist():
            self._out.add(start, end, cm, first + place)
            self._back.add(end, start, cm, first + place)
        self._own = np.concatenate([self._own, own])
        self._links += len(pairs)
        self._done.append(("links", (len(pairs), new)))
        self._log(self._improved(new[:, :3].astype(np.int32), np.empty((0, 2), dtype=np.int32)))
        return numbers

    def close_links(self, links: ArrayLike) -> None:
        """Shut links (m,) both ways and repair; those already shut stay so."""
        numbers = np.unique(np.asarray(links, dtype=np.int64))
        numbers = numbers[~self._shut[numbers]]
        if len(numbers) == 0:
            return
        self._shut[numbers] = True
        self._done.append(("shut", numbers))
        gone = self._arcs_of(self._pairs_and_costs(numbers))[:, :3].astype(np.int32)
        self._log(self._worsened(gone, np.empty((0, 2), dtype=np.int32)))

    def add_sources(self, row: int, nodes: ArrayLike) -> None:
        """Let nodes (m,) be sources of a row, and repair."""
        fresh = []
        given = np.asarray(nodes, dtype=np.int64).tolist()
        for node in given:
            self._count[row, node] += 1
            if not self._held[row, node]:
                self._held[row, node] = True
                fresh.append((row, node))
        self._done.append(("sources", (row, given, 1)))
        if fresh:
            table = np.array(fresh, dtype=np.int32).reshape(-1, 2)
            self._log(self._improved(np.empty((0, 3), dtype=np.int32), table))

    def remove_sources(self, row: int, nodes: ArrayLike) -> None:
        """Take sources (m,) away from a row, one for each time a node is named, and repair.

        Raises
        ------
        OptionError
            A node is no source of that row; nothing is changed then.
        """
        given = np.asarray(nodes, dtype=np.int64).tolist()
        for node, times in Counter(given).items():
            if self._count[row, node] < times:
                raise OptionError(f"node {node} is no source of row {row}")
        gone = []
        for node in given:
            self._count[row, node] -= 1
            if self._count[row, node] == 0:
                self._held[row, node] = False
                gone.append((row, node))
        self._done.append(("sources", (row, given, -1)))
        if gone:
            table = np.array(gone, dtype=np.int32).reshape(-1, 2)
            self._log(self._worsened(np.empty((0, 3), dtype=np.int32), table))

    def changed(self, since: int = 0) -> Changed:
        """Return where the walk is another one than at a checkpoint."""
        logs = [what for word, what in self._done[since:] if word == "cm"]
        log = np.concatenate(logs) if logs else np.empty((0, 3), dtype=np.int32)
        key = log[:, 0].astype(np.int64) * self._cm.shape[1] + log[:, 1]
        key, first = np.unique(key, return_index=True)
        row, node = np.divmod(key, self._cm.shape[1])
        before = log[first, 2]
        after = self._cm[row, node]
        other = before != after
        before, after = before[other].astype(np.int64), after[other].astype(np.int64)
        return Changed(
            row[other],
            node[other],
            np.where(before == FAR, -1, before),
            np.where(after == FAR, -1, after),
        )

    def undo(self, checkpoint: int = 0) -> None:
        """Take back all that was done since a checkpoint; without one, everything."""
        while len(self._done) > checkpoint:
            word, what = self._done.pop()
            if word == "cm":
                restore(self._cm, what)
            elif word == "nodes":
                self._nodes -= what
            elif word == "links":
                self._take_links_back(*what)
            elif word == "shut":
                self._shut[what] = False
            else:
                self._count_back(*what)

    def _take_links_back(self, count: int, new: NDArray[np.int64]) -> None:
        for start, end, _, _ in new[::-1].tolist():
            self._out.take_back(start)
            self._back.take_back(end)
        self._links -= count
        self._own = self._own[: len(self._own) - count]

    def _count_back(self, row: int, nodes: list[int], step: int) -> None:
        for node in nodes:
            self._count[row, node] -= step
            self._held[row, node] = self._count[row, node] > 0

    def _log(self, log: NDArray[np.int32]) -> None:
        if len(log):
            self._done.append(("cm", log))

    def _improved(self, new: NDArray[np.int32], sources: NDArray[np.int32]) -> NDArray[np.int32]:
        return improve(*self._out.all(), self._shut, self._cm, self._limits, new, sources)

    def _worsened(self, gone: NDArray[np.int32], sources: NDArray[np.int32]) -> NDArray[np.int32]:
        return worsen(
            *self._out.all(), *self._back.all(), self._shut,
            self._cm, self._held, self._limits, self._lost, gone, sources,
        )  # fmt: skip

    def _pairs_and_costs(self, links: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (m, 4) of both nodes and both costs."""
        network, given = self._network, len(self._network.links)
        table = np.empty((len(links), 4), dtype=np.int64)
        old = links < given
        rows = links[old]
        table[old, :2] = network.links[rows]
        if network.cost_cm is None:
            table[old, 2:] = network.length_cm[rows, None]
        else:
            table[old, 2:] = network.cost_cm[rows]
        table[~old] = self._own[links[~old] - given]
        return table

    def _arcs_of(self, table: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the arcs (a, 4: from, to, cm, row of the table) that a search of sources follows.

        A search toward the sources leaves a link's end for its start at the cost of walking along
        it; links from a node to itself and closed ways have no arc.
        """
        place = np.arange(len(table))
        a, b, along, against = table.T
        leaves_a, leaves_b = (against, along) if self._toward else (along, against)
        arcs = np.concatenate(
            [np.column_stack([a, b, leaves_a, place]), np.column_stack([b, a, leaves_b, place])]
        )
        used: NDArray[np.int64] = arcs[(arcs[:, 2] >= 0) & (arcs[:, 0] != arcs[:, 1])]
        return used

    def _make_room(self, nodes: int = 0, links: int = 0) -> None:
        """Copy into larger arrays: nodes and links are numbers needed."""
        more = max(0, nodes + SPARE_NODES - self._cm.shape[1]) if nodes else 0
        if more:
            self._cm = np.pad(self._cm, ((0, 0), (0, more)), constant_values=FAR)
            self._held = np.pad(self._held, ((0, 0), (0, more)))
            self._lost = np.pad(self._lost, (0, more))
            for side in (self._out, self._back):
                side.head = np.pad(side.head, (0, more), constant_values=-1)
        more = max(0, links + SPARE_LINKS - len(self._shut)) if links else 0
        if more:
            self._shut = np.pad(self._shut, (0, more))
            for side in (self._out, self._back):
                side.extra = np.pad(side.extra, ((0, 2 * more), (0, 0)))

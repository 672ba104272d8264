"""What was found about each pair of estates, and the adjacency that comes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.districts.adjacency import Adjacency
from gis.districts.link_words import link_words, why_words
from gis.districts.neighbours.edits import LinkEdits
from gis.districts.neighbours.pairs import place_in

_STRAIGHT = ("gap", "barrier", "arterial", "wall", "around", "island")
"""Why-words that speak of the way between outlines and not of a walk."""


@dataclass(eq=False)
class Found:
    """m pairs of estates (m, 2), sorted: numbers, and how they are linked or why not.

    ``how`` (m,) is "" where they are not linked, ``why`` (m,) "" where they are.
    """

    pairs: NDArray[np.int64]
    walk_m: NDArray[np.float64]
    gap_m: NDArray[np.float64]
    shared_m: NDArray[np.float64]
    how: NDArray[np.object_]
    why: NDArray[np.object_]
    what: NDArray[np.object_]
    note: NDArray[np.object_]

    @classmethod
    def of(cls, pairs: NDArray[np.int64], gap_m: NDArray[np.float64]) -> Found:
        """Nothing is known yet but how far the outlines are apart."""
        count = len(pairs)
        words = [np.full(count, "", dtype=object) for _ in range(4)]
        return cls(pairs, np.full(count, np.nan), gap_m, np.full(count, np.nan), *words)

    def refuse(self, rows: ArrayLike, why: str, what: list[str]) -> None:
        """Say of pairs that they are not linked, and why."""
        at = np.atleast_1d(np.asarray(rows, dtype=np.int64))
        self.how[at] = ""
        self.why[at] = why
        self.what[at] = np.array(what, dtype=object)

    def edit(self, edits: LinkEdits) -> None:
        """Switch links off and on by hand; all pairs of the edits are there."""
        rows = place_in(edits.pairs, self.pairs)
        here = rows >= 0
        rows, on, note = rows[here], edits.on[here], edits.note[here]
        off = rows[~on]
        self.refuse(off, "off", [str(n).replace("|", "/") for n in note[~on]])
        added = rows[on]
        self.note[added] = note[on]
        new = added[self.how[added] == ""]
        self.how[new] = "added"
        self.why[new] = ""
        self.what[new] = ""

    def adjacency(self, kind: str) -> Adjacency:
        """Put what was found into words, and part the links from the rest."""
        linked = self.how != ""
        rows, rest = np.flatnonzero(linked), np.flatnonzero(~linked & (self.why != ""))
        on_foot = ~np.isnan(self.walk_m)
        metres = np.where(np.isin(self.how, ("walk", "street")), self.walk_m, self.gap_m)
        far = np.where(on_foot & ~np.isin(self.why, _STRAIGHT), self.walk_m, self.gap_m)
        reason = [
            link_words(*one)
            for one in zip(
                self.how[rows], self.walk_m[rows], self.gap_m[rows], self.shared_m[rows],
                self.note[rows], strict=True,
            )
        ]  # fmt: skip
        told = zip(self.why[rest], far[rest], self.what[rest], strict=True)
        return Adjacency(
            kind=kind,
            links=self.pairs[rows],
            metres=metres[rows],
            reason=np.array(reason, dtype=object),
            beyond=self.pairs[rest],
            beyond_m=far[rest],
            how=self.how[rows],
            walk_m=self.walk_m[rows],
            gap_m=self.gap_m[rows],
            shared_m=self.shared_m[rows],
            beyond_reason=np.array([why_words(*one) for one in told], dtype=object),
            beyond_why=self.why[rest],
            beyond_what=self.what[rest],
            note=self.note[rows],
        )

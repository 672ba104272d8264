"""Which estates lie beside each other: what was found, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.districts.link_words import link_words, why_words
from gis.model import Layer

HOW: Final = ("walk", "wall", "street", "touch", "added")
"""Ways in which two estates may be linked, see `gis.districts.neighbours`."""


def _none() -> NDArray[np.float64]:
    return np.empty(0)


def _no_words() -> NDArray[np.object_]:
    return np.empty(0, dtype=object)


@dataclass(frozen=True, eq=False)
class Adjacency:
    """e links between estates, and b pairs that lie near each other and are not linked.

    ``links`` (e, 2) rows of the estates layer, the smaller first, sorted. ``how`` (e,) is one of
    `HOW`; ``metres`` (e,) are on foot for "walk" and "street", else between the outlines;
    ``walk_m``, ``gap_m`` and ``shared_m`` (e,) say how far it is from gate to gate, how far the
    outlines are apart and how many metres of outline face each other; NaN where that was not
    asked. ``reason`` (e,) says it in words, ``note`` (e,) what a person wrote beside a link made
    by hand.

    ``beyond`` (b, 2) are pairs next to each other that are not linked, ``beyond_m`` (b,) the
    metres on foot where they are known, else between the outlines; ``beyond_why`` (b,) is a word
    of `gis.districts.link_words.WHY`, ``beyond_what`` (b,) the name of what parts them
    with its figures (see `why_words`), and ``beyond_reason`` (b,) says it all in words.

    What is not given is ``kind`` for ``how``, NaN for numbers and "" for words.
    """

    kind: str
    links: NDArray[np.int64]
    metres: NDArray[np.float64]
    reason: NDArray[np.object_]
    beyond: NDArray[np.int64]
    beyond_m: NDArray[np.float64]
    how: NDArray[np.object_] = field(default_factory=_no_words)
    walk_m: NDArray[np.float64] = field(default_factory=_none)
    gap_m: NDArray[np.float64] = field(default_factory=_none)
    shared_m: NDArray[np.float64] = field(default_factory=_none)
    beyond_reason: NDArray[np.object_] = field(default_factory=_no_words)
    beyond_why: NDArray[np.object_] = field(default_factory=_no_words)
    beyond_what: NDArray[np.object_] = field(default_factory=_no_words)
    note: NDArray[np.object_] = field(default_factory=_no_words)

    def __post_init__(self) -> None:
        filled = {
            "how": self.kind,
            "walk_m": np.nan,
            "gap_m": np.nan,
            "shared_m": np.nan,
            "note": "",
        }
        told = {"beyond_reason": "", "beyond_why": "", "beyond_what": ""}
        for names, rows in ((filled, len(self.links)), (told, len(self.beyond))):
            for name, value in names.items():
                if len(getattr(self, name)) != rows:
                    kind = object if isinstance(value, str) else float
                    object.__setattr__(self, name, np.full(rows, value, dtype=kind))

    def __len__(self) -> int:
        return len(self.links)

    def degree(self, estates: int) -> NDArray[np.int64]:
        """Return (estates,) how many links each estate has."""
        return np.bincount(self.links.reshape(-1), minlength=estates).astype(np.int64)

    def table(self, estates: Layer, *, language: str = "en") -> pd.DataFrame:
        """Return one row per pair: the links, then the near pairs that are not linked.

        Parameters
        ----------
        estates
            The layer that the rows stand for.
        language
            Of the words in ``reason``: "en" as they were made, or "zh".

        Returns
        -------
        table
            ``estate_a``, ``name_a``, ``estate_b``, ``name_b`` (uid and name, None without one),
            ``linked``, ``how`` (None where not linked), ``metres``, ``walk_m``, ``gap_m``,
            ``shared_m`` (NaN where unknown) and ``reason``.
        """
        pairs = np.concatenate([self.links, self.beyond]).reshape(-1, 2)
        names = estates.frame["name"].astype(object).to_numpy(dtype=object, na_value=None)
        nothing = np.full(len(self.beyond), np.nan)
        columns: dict[str, Any] = {}
        for end, letter in enumerate("ab"):
            columns[f"estate_{letter}"] = estates.uids[pairs[:, end]]
            columns[f"name_{letter}"] = pd.Series(names[pairs[:, end]], dtype=object)
        columns["linked"] = np.arange(len(pairs)) < len(self.links)
        how = [*self.how.tolist(), *[None] * len(self.beyond)]
        columns["how"] = pd.Series(how, dtype=object)
        columns["metres"] = np.append(self.metres, self.beyond_m)
        for name in ("walk_m", "gap_m", "shared_m"):
            columns[name] = np.append(getattr(self, name), nothing)
        columns["reason"] = np.array(
            self._words_zh()
            if language == "zh"
            else [*self.reason.tolist(), *self.beyond_reason.tolist()],
            dtype=object,
        )
        return pd.DataFrame(columns)

    def lines(self, estates: Layer) -> NDArray[np.object_]:
        """Return (e,) straight lines between a point on each estate and one on the other."""
        points = shapely.get_coordinates(shapely.point_on_surface(estates.geometries))
        ends = points[self.links.reshape(-1)].reshape(-1, 2, 2)
        return np.asarray(shapely.linestrings(ends), dtype=object).reshape(-1)

    def nearest_beyond(self, part: NDArray[np.int64]) -> dict[int, tuple[float, str]]:
        """Find for each part of the estates the nearest estate outside it that is not linked.

        Parameters
        ----------
        part
            (n,) number of the part of each estate, -1 for those in none.

        Returns
        -------
        nearest
            Part -> metres and the words why it is not linked; parts without one are not there.
        """
        out: dict[int, tuple[float, str]] = {}
        # With others in between, these are nearer on foot: such a pair explains nothing.
        last = self.beyond_why == "around"
        order = np.lexsort((self.beyond[:, 1], self.beyond[:, 0], self.beyond_m, last))
        for row in order:
            here, there = (int(p) for p in part[self.beyond[row]])
            told = (float(self.beyond_m[row]), str(self.beyond_reason[row]))
            for own, other in ((here, there), (there, here)):
                if own >= 0 and own != other:
                    out.setdefault(own, told)
        return out

    def _words_zh(self) -> list[str]:
        columns = (self.how, self.walk_m, self.gap_m, self.shared_m, self.note)
        beyond = (self.beyond_why, self.beyond_m, self.beyond_what)
        return [
            *(link_words(*one, "zh") for one in zip(*columns, strict=True)),
            *(why_words(*one, "zh") for one in zip(*beyond, strict=True)),
        ]

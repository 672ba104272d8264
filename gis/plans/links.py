"""Neighbours carried over to other rows of estates, with links made or taken away by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gis.districts import Adjacency

_BY_HAND: Final = {"reason": "linked by hand", "how": "added"}
_OFF: Final = {"beyond_reason": "switched off by hand", "beyond_why": "off"}


def carried_over(
    base: Adjacency,
    place: NDArray[np.int64],
    *,
    links: NDArray[np.int64] | None = None,
    gap_m: Callable[[int, int], float] | None = None,
) -> Adjacency:
    """Return the neighbours of estates that stand in other rows, with all that is known of them.

    Parameters
    ----------
    base
        Neighbours of the estates in their old rows.
    place
        (n,) new row of each old one, -1: the estate is no more. Each new row once.
    links
        (e, 2) links in new rows, as a person left them; None: those of ``base``. What ``base``
        has not is linked by hand; what it has and this has not was switched off by hand.
    gap_m
        Metres between two new rows, for links made by hand; NaN unless given.
    """
    old = np.sort(place[base.links.reshape(-1, 2)], axis=1)
    there = {(a, b): i for i, (a, b) in enumerate(old.tolist()) if a >= 0}
    wanted = sorted(there) if links is None else sorted(map(tuple, np.sort(links, axis=1).tolist()))
    asked = set(wanted)
    at = np.array([there.get((a, b), -1) for a, b in wanted], dtype=np.int64)
    off = [i for pair, i in there.items() if pair not in asked]
    far = np.sort(place[base.beyond.reshape(-1, 2)], axis=1)
    apart = np.array([a >= 0 and (a, b) not in asked for a, b in far.tolist()], dtype=bool)
    changed: dict[str, Any] = {
        "links": np.array(wanted, dtype=np.int64).reshape(-1, 2),
        "beyond": np.concatenate([far[apart], old[off]]).astype(np.int64).reshape(-1, 2),
    }
    for item in fields(base):
        values = getattr(base, item.name)
        if item.name in changed or not isinstance(values, np.ndarray):
            continue
        if not item.name.startswith("beyond"):
            changed[item.name] = _taken(values, at, _BY_HAND.get(item.name, ""))
            continue
        more = np.full(len(off), _OFF.get(item.name, ""), dtype=object)
        more = base.metres[off] if item.name == "beyond_m" else more
        changed[item.name] = np.concatenate([values[apart], more])
    if gap_m is not None:
        for i in np.flatnonzero(at < 0):
            changed["metres"][i] = gap_m(*wanted[i])
    return replace(base, **changed)


def _taken(values: NDArray[Any], at: NDArray[np.int64], blank: str) -> NDArray[Any]:
    out = np.full(len(at), blank if values.dtype == object else np.nan, dtype=values.dtype)
    out[at >= 0] = values[at[at >= 0]]
    return out

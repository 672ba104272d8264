"""Whether some allowed sites serve everybody within a radius."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gis.siting.median.case import Case
from gis.siting.median.mip import serve_all
from gis.siting.median.root import Search
from gis.siting.median.swap import total_of, within
from gis.siting.presolve import cover_of, group, implied_rows, useless_cols

Bools = NDArray[np.bool_]

_NOBODY: Final = 1e-6
_SHAKES: Final = 500


@dataclass
class Serving(Search):
    """The search for the fewest demands that are not served, ended once that is 0 or more than 0.

    All costs are 0, and 1 is paid for who is not served.
    """

    @property
    def cutoff(self) -> float:
        """What is no longer nobody."""
        return _NOBODY

    @property
    def proved(self) -> bool:
        """Whether it is settled if everybody can be served."""
        return self.value < _NOBODY or self.bound >= _NOBODY

    def take(self, opened: Bools) -> bool:
        """Keep a choice that leaves out fewer."""
        value = float(total_of(self.full, opened))
        if value < self.value and within(self.all_sides, opened):
            self.opened, self.value = opened.copy(), value
            return True
        return False


def serve_within(
    case: Case, radius: float, deadline: float, seed: int, *, thorough: bool
) -> tuple[Bools | None, bool]:
    """Seek sites that serve everybody within a radius; return (k,) them, and whether that is sure.

    None and sure: there are none. ``thorough``: search until that is sure or the deadline.
    """
    small = _small(case, radius)
    if small is None:
        return None, True
    if small.demands == 0:
        return np.zeros(len(case.sites), bool), True
    search = Serving(small, deadline, seed)
    if thorough:
        found, sure = serve_all(small, small.reach(0.0), deadline, seed)
        if found is None:
            return None, sure
        search.opened = found
    else:
        search.begin()
        search.converge()
        search.polish(_SHAKES)
        if search.value >= _NOBODY:
            return None, search.bound >= _NOBODY
    opened = np.zeros(len(case.sites), bool)
    opened[small.sites[search.opened]] = True
    return opened, True


def _small(case: Case, radius: float) -> Case | None:
    """Return the case of one radius without what is implied, its sites as places in ``case``.

    None: somebody is out of reach.
    """
    reach = case.reach(radius)
    if (np.diff(reach.indptr) == 0).any():
        return None
    k = len(case.sites)
    reach.sort_indices()
    cover, _ = group(
        cover_of(reach.indptr.astype(np.int64), reach.indices, k, np.ones(reach.shape[0]))
    )
    cover = cover.part(~implied_rows(cover), np.ones(k, bool))
    price = case.pay if np.isfinite(case.money) else np.zeros(k)
    kept = ~useless_cols(cover, price, case.group)
    cover = cover.part(np.ones(cover.rows, bool), kept)
    return replace(
        case,
        sites=np.flatnonzero(kept),
        first=cover.row_at,
        site=cover.col.astype(np.int64),
        cost=np.zeros(len(cover.col)),
        weight=np.ones(cover.rows),
        none=np.ones(cover.rows),
        pay=case.pay[kept],
        group=case.group[kept],
    )

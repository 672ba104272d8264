"""Places along the streets: where a service would serve best if a room could be found there."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.errors import OptionError
from gis.model import Study
from gis.network.streets import walkable_lines
from gis.rules import Rule
from gis.sites.candidates import Candidates, gather
from gis.sites.fitting import Fit
from gis.sites.stock import Row

MOST: Final = 20_000
"""More places than this are not sought among: a wider spacing says as much."""
_LEAST_M: Final = 10.0


def along_streets(study: Study, spacing_m: float) -> Candidates:
    """Return places along the streets that can be walked, about one every ``spacing_m`` metres.

    Of several in one square of that size the one nearest its middle is kept, so that two lanes of a
    street are no two places. Nothing is known of them but where they are.

    Raises
    ------
    MissingLayerError
        The study has no streets.
    OptionError
        The spacing is below 10 m, or there would be more than 20,000 places.
    """
    if not spacing_m >= _LEAST_M:
        raise OptionError(f"--anywhere is {spacing_m:g}; give {_LEAST_M:g} metres or more")
    lines = shapely.get_parts(walkable_lines(study.layer("streets")))
    densest = shapely.segmentize(lines, spacing_m)
    xy = np.unique(np.round(shapely.get_coordinates(densest), 2), axis=0)
    xy = xy[_one_of_each_square(xy, spacing_m)]
    if len(xy) > MOST:
        raise OptionError(
            f"--anywhere {spacing_m:g} gives {len(xy):,} places; give more metres, for {MOST:,} "
            "places at most"
        )
    unknown = float("nan")
    rows = [
        Row(
            kind="street", row=i, uid=f"@{i}", name=None, xy=(x, y), ground="any", floor_m2=unknown,
            land_m2=unknown, storey=unknown, lift=None, cost_yuan=unknown, available_year=unknown,
        )
        for i, (x, y) in enumerate(xy.tolist())
    ]  # fmt: skip
    return replace(gather(rows), assumptions={"along_streets_m": spacing_m})


def _one_of_each_square(xy: NDArray[np.float64], spacing_m: float) -> NDArray[np.int64]:
    square = np.floor(xy / spacing_m).astype(np.int64)
    off_m = np.hypot(*(xy - (square + 0.5) * spacing_m).T)
    order = np.lexsort((off_m, square[:, 1], square[:, 0]))
    first = np.ones(len(order), bool)
    first[1:] = (square[order][1:] != square[order][:-1]).any(axis=1)
    return np.sort(order[first])


def fits_anywhere(candidates: Candidates, rule: Rule) -> Fit:
    """Say that a service fits everywhere, which is what is asked, and that nothing is known."""
    k = len(candidates)
    unknown, words = np.full(k, np.nan), np.full(k, "", dtype=object)
    return Fit(
        fits=np.ones(k, bool),
        known=np.zeros(k, bool),
        why_zh=words,
        why_en=words,
        need_m2=np.full(k, np.nan if rule.min_floor_m2 is None else rule.min_floor_m2),
        need_land_m2=np.full(k, np.nan if rule.min_land_m2 is None else rule.min_land_m2),
        takes=np.full(k, 1e-6),
        cost_yuan=unknown,
        cost_estimated=np.zeros(k, bool),
        shares=True,
    )

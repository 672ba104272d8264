"""Candidates: every room and plot of the sites, and facilities that could be made large enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gis.errors import OptionError
from gis.model import Study
from gis.rules import Rule
from gis.sites.means import CODES, load_means, require_means
from gis.sites.rooms import load_rooms
from gis.sites.stock import Asked, LeftOut, Row, site_rows, upgrade_rows

RENT_YEARS: Final = 10.0
"""Years for which rent is counted beside what is paid once: an assumption, told with the result."""
LONGEST_RENT_YEARS: Final = 50.0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Objects = NDArray[np.object_]
Bools = NDArray[np.bool_]

_WORDS: Final = ("kind", "uid", "name", "category", "ground", "means", "lift")
_NUMBERS: Final = (
    ("row", np.int64), ("facility", np.int64), ("floor_m2", float), ("now_m2", float),
    ("land_m2", float), ("storey", float), ("cost_yuan", float), ("cost_estimated", bool),
    ("by_service", bool), ("available_year", float),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Candidates:
    """k candidates; numbers that nobody knows are NaN, words None.

    ``kind`` "site" or "upgrade"; ``row`` in the layer of sites or of facilities; ``facility`` the
    row of the facility to be extended, -1 for sites; ``category`` its category. ``xy`` (k, 2).
    ``place``: candidates with the same number are ways of getting the same room and exclude each
    other. ``ground``: "room", "building" (a room with land of its own) or "plot". ``means``: one of
    `gis.sites.CODES`. ``floor_m2`` is there now, for upgrades after extending, ``now_m2`` then what
    is there. ``lift`` True, False or None. ``cost_yuan`` of the whole place; ``cost_estimated``:
    reckoned by the prices of ``data/means.toml``; ``by_service``: an estimate that depends on what
    is built there, so that `gis.sites.Fit` has the better one. ``note_zh``, ``note_en``: what was
    assumed of it, or is to be done first. ``left_out`` are the sites that are none, and
    ``assumptions`` what the estimates rest on.
    """

    kind: Objects
    row: Ints
    facility: Ints
    uid: Objects
    name: Objects
    category: Objects
    xy: Floats
    place: Ints
    ground: Objects
    means: Objects
    floor_m2: Floats
    now_m2: Floats
    land_m2: Floats
    storey: Floats
    lift: Objects
    cost_yuan: Floats
    cost_estimated: Bools
    by_service: Bools
    available_year: Floats
    note_zh: Objects
    note_en: Objects
    rent_years: float = RENT_YEARS
    left_out: tuple[LeftOut, ...] = ()
    assumptions: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: ArrayLike) -> Candidates:
        """Return some of them, by rows or by a mask; ``place`` keeps its numbers."""
        chosen = np.asarray(rows)
        if not chosen.size:
            chosen = chosen.astype(np.int64)
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        cut = {name: a[chosen] for name, a in arrays.items() if isinstance(a, np.ndarray)}
        return replace(self, **cut)


def candidates_of(
    study: Study,
    *,
    rules: Sequence[Rule] = (),
    by_year: float | None = None,
    means: Sequence[str] | None = None,
    where: ArrayLike | None = None,
    upgrades: bool = True,
    rent_years: float = RENT_YEARS,
) -> Candidates:
    """Return what could hold a service: the sites, and facilities that are too small.

    Parameters
    ----------
    study
        With sites; its facilities are looked through for upgrades, its buildings for lifts.
    rules
        The rules that are asked: facilities of their categories that are known to be smaller than
        the rules demand become upgrades. Without rules there are none.
    by_year
        Sites available later are left out; those of which no year is known stay.
    means
        Only these means, by code or in Chinese; upgrades are "extend". A site of which no means is
        known is left out then.
    where
        (s,) bool, which rows of the sites are asked about.
    upgrades
        Whether facilities are looked through.
    rent_years
        Years of rent that an estimate counts, above 0 to 50.

    Returns
    -------
    candidates
        The sites in their order, one candidate for each means that a site names, then upgrades.

    Raises
    ------
    MissingLayerError
        There are neither sites nor facilities to extend.
    OptionError
        An unknown means, years out of range, or ``where`` of another length than the sites.

    Notes
    -----
    The six means: Liaoning's "1358" guide, part four, items 4 to 7.
    """
    if not 0 < rent_years <= LONGEST_RENT_YEARS:
        raise OptionError(
            f"rent_years is {rent_years:g}; give above 0 and up to {LONGEST_RENT_YEARS:g}"
        )
    wanted = None if means is None else frozenset(c for text in means for c in require_means(text))
    extended: list[Row] = []
    if upgrades and (wanted is None or "extend" in wanted):
        extended = list(upgrade_rows(study, rules))
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    if "sites" in study or not extended:
        chosen = np.flatnonzero(_mask(where, len(study.layer("sites"))))
        for found in site_rows(study, Asked(by_year, wanted, rent_years), chosen):
            if isinstance(found, LeftOut):
                left_out.append(found)
            else:
                rows.extend(found)
    return gather(rows + extended, rent_years=rent_years, left_out=tuple(left_out))


def _mask(where: ArrayLike | None, sites: int) -> Bools:
    if where is None:
        return np.ones(sites, dtype=bool)
    mask = np.asarray(where)
    if mask.shape != (sites,) or mask.dtype != bool:
        raise OptionError(
            f"'where' has the shape {mask.shape}; give true or false for {sites} sites"
        )
    return mask


def gather(
    rows: Sequence[Row], *, rent_years: float = RENT_YEARS, left_out: tuple[LeftOut, ...] = ()
) -> Candidates:
    """Put rows together; ways of getting the same room have the same ``place``."""
    places: dict[tuple[str, int], int] = {}
    columns: dict[str, Any] = {name: _objects(getattr(r, name) for r in rows) for name in _WORDS}
    for name, type_ in _NUMBERS:
        columns[name] = np.array([getattr(r, name) for r in rows], dtype=type_)
    for r in rows:
        places.setdefault((r.kind, r.row), len(places))
    return Candidates(
        place=np.array([places[r.kind, r.row] for r in rows], dtype=np.int64),
        xy=np.array([r.xy for r in rows], dtype=float).reshape(-1, 2),
        note_zh=_objects("；".join(zh for zh, _ in r.notes) for r in rows),
        note_en=_objects("; ".join(en for _, en in r.notes) for r in rows),
        rent_years=rent_years,
        left_out=left_out,
        assumptions=_assumptions(rows, rent_years),
        **columns,
    )


def _objects(values: Iterable[Any]) -> Objects:
    filled = list(values)
    array = np.empty(len(filled), dtype=object)
    array[:] = filled
    return array


def _assumptions(rows: Sequence[Row], rent_years: float) -> dict[str, Any]:
    """Tell what the estimates rest on: the prices that were used, with their proof."""
    estimated = [r for r in rows if r.cost_estimated]
    used = {"build" if r.ground == "plot" else r.means or "convert" for r in estimated}
    used |= {"convert"} if used & {"buy", "swap", "rent", "extend"} else set()
    means = [load_means()[code] for code in CODES if code in used]
    prices = [
        {
            "means": each.code,
            "of": of,
            "yuan_per_m2": price.value,
            "per_year": price.per_year,
            "source": price.source,
            "verified": price.verified,
            "confidence": price.confidence,
        }
        for each in means
        for of, price in (("floor", each.price), ("open ground", each.open_price))
        if price is not None
    ]
    return {
        "rent_years": rent_years,
        "plot_ratio": load_rooms().usual_ratio,
        "estimated": len(estimated),
        "prices": prices,
    }

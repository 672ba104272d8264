"""What makes two linked estates worth planning together: weights of links, and classes of estates.

A wish gives each link a weight of 0 or more, which a plan loses when it cuts the link; classes say
which estates belong to one community, subdistrict, manager or builder. Each says in words what it
rests on, and of how much nothing is known: unknown is not 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
import scipy.sparse as sp
import shapely
from numpy.typing import ArrayLike, NDArray

from gis.coverage import Coverage
from gis.coverage.areas import areas_of
from gis.coverage.walks import pairs_of
from gis.errors import OptionError, UnknownNameError
from gis.model import KINDS, Layer, Study, empty_frame
from gis.network import lay_ground
from gis.network.around import pairs_within

BESIDE_PIPE_M: Final = 20.0
"""How far beside an estate a pipe is looked for: the far side of a street between two of them."""

DUE_AGE: Final[Mapping[str, int]] = MappingProxyType(
    {"gas": 20, "heat": 20, "water": 30, "sewer": 50, "storm": 50, "combined": 50}
)
"""Years in service from which pipes are looked at for renewal, by what they carry (plan for the
renewal of aged gas and other pipes 2022-2025, General Office of the State Council 2022 No. 22)."""
DUE_MATERIAL: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "gas": ("灰口铸铁", "灰铸铁"),
        "water": ("灰口铸铁", "灰铸铁", "水泥", "石棉"),
        **dict.fromkeys(("sewer", "storm", "combined"), ("平口混凝土", "素混凝土", "无筋混凝土")),
    }
)
"""Materials that are renewed at any age, by what the pipe carries (the same plan)."""


@dataclass(frozen=True, eq=False)
class Wish:
    """What is lost where a link is cut.

    ``weight`` (e,) float, 0 or more, in ``unit``; ``words`` (e,) what it is made of, "" for
    nothing; ``basis`` what it rests on; ``unknown_share`` 0 to 1, how much of it is not known (and
    not counted).
    """

    name: str
    weight: NDArray[np.float64]
    unit: str
    words: NDArray[np.object_]
    basis: str
    unknown_share: float


@dataclass(frozen=True, eq=False)
class Needs:
    """Which estates miss which services.

    ``misses`` and ``known`` (n, c) bool; what is not known is not missed. ``names`` (c,) are the
    names of the services, ``keys`` (c,) their short keys.
    """

    misses: NDArray[np.bool_]
    known: NDArray[np.bool_]
    keys: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Reached:
    """Which estates walk to which facilities within the limit of a service.

    ``reach`` (n, f) scipy CSR bool, a facility once for each service that it counts for;
    ``service`` (f,) int64 the place in ``names``; ``known`` (n, c) whether anything is known.
    """

    reach: Any
    service: NDArray[np.int64]
    known: NDArray[np.bool_]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Classes:
    """Which class each of n estates is in.

    ``number`` (n,) int64, place in ``names``, -1 where it is not known; ``by_location`` (n,) True
    where it was not written with the estate but found by where it lies.
    """

    name: str
    number: NDArray[np.int64]
    names: tuple[str, ...]
    by_location: NDArray[np.bool_]

    @property
    def basis(self) -> str:
        """What the classes rest on, in words."""
        unknown, placed = int((self.number < 0).sum()), int(self.by_location.sum())
        total = len(self.number)
        return (
            f"{self.name}: {len(self.names)} different ones; of {total} estates {placed} by where "
            f"they lie, {unknown} unknown"
        )


def misses_of(
    coverage: Coverage, *, must: bool | None = True, language: Literal["en", "zh"] = "en"
) -> Needs:
    """Read off a measurement which estates miss which services.

    An estate that is unlinked, and a service of which there is no data, are not known.

    Parameters
    ----------
    must
        True: only what the standard requires; False: only what it advises; None: all.
    language
        Of the names.
    """
    chosen = [i for i, item in enumerate(coverage.items) if must in (None, item.rule.must)]
    status = np.array([coverage.items[i].status for i in chosen], dtype=object)
    status = status.reshape(len(chosen), len(coverage.estates)).T
    keys = coverage.item_keys()
    return Needs(
        misses=np.asarray(status == "gap", dtype=bool),
        known=np.isin(status, ("gap", "covered")),
        keys=tuple(keys[i] for i in chosen),
        names=tuple(str(getattr(coverage.items[i].rule, language)) for i in chosen),
    )


def common_needs(links: ArrayLike, needs: Needs) -> Wish:
    """Weigh each link by the number of services that both estates miss.

    Estates that lack the same can be given it together.

    Parameters
    ----------
    links
        (e, 2) rows of the estates of ``needs``.
    """
    a, b = _ends(links)
    both = needs.misses[a] & needs.misses[b]
    known = needs.known[a] & needs.known[b]
    weight = both.sum(axis=1).astype(float)
    words = [_listed("both miss", row, needs.names) for row in both]
    share = _share_unknown(known)
    basis = (
        f"number of services, of {len(needs.names)}, that both estates miss; "
        f"{share:.0%} of these comparisons are not known and not counted"
    )
    return Wish("common-needs", weight, "services", _texts(words), basis, share)


def reach_of(
    coverage: Coverage, *, must: bool | None = True, language: Literal["en", "zh"] = "en"
) -> Reached:
    """Walk from each estate to all facilities within the limit of each rule.

    An estate reaches a facility when all of its homes do.

    Parameters
    ----------
    must
        True: only services that the standard requires; False: only those it advises; None: all.
    language
        Of the names.
    """
    estates = len(coverage.estates)
    homes = coverage.homes
    lived_in = np.bincount(homes.estate[homes.linked], minlength=estates)
    needs = misses_of(coverage, must=must, language=language)
    chosen = [i for i, item in enumerate(coverage.items) if must in (None, item.rule.must)]
    blocks: list[Any] = []
    service: list[NDArray[np.int64]] = []
    for place, i in enumerate(chosen):
        group, row = coverage.walks.of_rule(i)
        item = coverage.items[i]
        found = pairs_of(group, group.sought[row], item.limit_cm, round_trip=item.rule.round_trip)
        facility, place_of = np.unique(found.facility, return_inverse=True)
        estate = homes.estate[found.home]
        shape = (estates, len(facility))
        count = sp.coo_array((np.ones(len(place_of)), (estate, place_of)), shape=shape)
        count.sum_duplicates()
        at, column = count.coords
        whole = count.data >= lived_in[at]
        blocks.append(
            sp.csr_array((np.ones(int(whole.sum()), bool), (at[whole], column[whole])), shape=shape)
        )
        service.append(np.full(len(facility), place, dtype=np.int64))
    none = sp.csr_array((estates, 0), dtype=bool)
    return Reached(
        reach=sp.csr_array(sp.hstack([none, *blocks], format="csr", dtype=bool)),
        service=np.concatenate([np.empty(0, np.int64), *service]),
        known=needs.known,
        names=needs.names,
    )


def sites_within(study: Study, *, limit_m: float, at: str = "10:00") -> Reached:
    """Walk from each estate to the sites within a limit: where a service for both could go.

    Parameters
    ----------
    study
        Needs estates, streets and sites.
    limit_m
        Metres on foot from the nearest gate, inclusive; that of the rule of a missing service.
    at
        The hour, "HH:MM", at which gates must be open.

    Raises
    ------
    MissingLayerError
        The study has no estates, streets or sites.
    """
    sites = study.layer("sites")
    kind = KINDS["facilities"]
    # Sites are entered as facilities are; their own columns do not matter here.
    frame = empty_frame(kind, crs=study.crs).reindex(range(len(sites)))
    frame["uid"], frame["category"] = sites.frame["uid"], "site"
    doors = Layer(kind, frame.set_geometry(sites.frame.geometry))
    ground = lay_ground(Study({**study.layers, "facilities": doors}), at=at)
    origins = ground.origins
    found = pairs_within(ground.network, ground.doors.node, origins.node, limit_m=limit_m)
    pair = np.unique(
        np.column_stack([origins.estate[found.target], ground.doors.facility[found.source]]), axis=0
    )
    shape = (ground.estates, len(sites))
    reach = sp.csr_array((np.ones(len(pair), dtype=bool), (pair[:, 0], pair[:, 1])), shape=shape)
    service = np.zeros(len(sites), dtype=np.int64)
    return Reached(reach, service, ground.linked().reshape(-1, 1), ("sites",))


def shared_facilities(
    links: ArrayLike, reached: Reached, *, count: Literal["services", "facilities"] = "services"
) -> Wish:
    """Weigh each link by what both estates can use together, within the limit of its rule.

    Parameters
    ----------
    links
        (e, 2) rows of the estates.
    count
        "services": the number of services of which both reach one and the same facility.
        "facilities": the number of these facilities.

    Raises
    ------
    OptionError
        ``count`` is neither.
    """
    if count not in ("services", "facilities"):
        raise OptionError(f"count is '{count}'; give services or facilities")
    a, b = _ends(links)
    common = reached.reach[a].astype(np.int32).multiply(reached.reach[b].astype(np.int32)).tocsr()
    size = (len(reached.service), len(reached.names))
    of_service = sp.csr_array(
        (np.ones(size[0], dtype=np.int32), (np.arange(size[0]), reached.service)), shape=size
    )
    number = np.asarray((common @ of_service).todense()).reshape(len(a), size[1])
    weight = number.sum(axis=1) if count == "facilities" else (number > 0).sum(axis=1)
    words = [_listed("both reach the same", row > 0, reached.names) for row in number]
    share = _share_unknown(reached.known[a] & reached.known[b])
    what = "facilities" if count == "facilities" else f"services, of {size[1]}, with a facility"
    basis = (
        f"number of {what} that both estates reach within the limit of its rule; "
        f"{share:.0%} of these comparisons are not known and not counted"
    )
    return Wish("shared-facilities", weight.astype(float), count, _texts(words), basis, share)


def pipelines_together(
    study: Study,
    links: ArrayLike,
    *,
    year: int,
    years: int = 5,
    within_m: float = BESIDE_PIPE_M,
    pipes: tuple[str, ...] | None = None,
) -> Wish:
    """Weigh each link by the metres of pipe to be renewed that lie beside both estates.

    A metre lies beside an estate when it is in it or at most ``within_m`` from it; each metre of
    each pipe counts once for a link. A pipe is to be renewed when its works are planned for one of
    the ``years`` from ``year`` on; else when its material or its age by then says so (`DUE_AGE`,
    `DUE_MATERIAL`). Where nothing is known of these, it is not known.

    Parameters
    ----------
    study
        Needs estates; without pipelines nothing is known.
    links
        (e, 2) rows of the estates layer.
    year, years
        The first year that is looked at, and how many.
    within_m
        Inclusive.
    pipes
        Only these ("gas", "water", ...); all unless given.

    Raises
    ------
    OptionError
        The distance or the years are out of range.
    """
    if not 0 <= within_m < np.inf or years < 1:
        raise OptionError(f"within_m is {within_m}, years {years}; give metres and a year or more")
    a, b = _ends(links)
    due, unknown, kind, lines = _due_pipes(study, year, years, pipes)
    shapes = study.layer("estates").geometries
    used, index = np.unique(np.concatenate([a, b]), return_inverse=True)
    wide = shapely.buffer(shapes[used], within_m)
    zone = shapely.intersection(wide[index[: len(a)]], wide[index[len(a) :]])
    link, pipe = shapely.STRtree(lines).query(zone, predicate="intersects")
    metres = shapely.length(shapely.intersection(zone[link], lines[pipe]))
    weight = np.bincount(link, weights=metres * due[pipe], minlength=len(a))
    unsure = float((metres * unknown[pipe]).sum())
    total = float(metres.sum())
    share = unsure / total if total > 0 else (0.0 if len(lines) else 1.0)
    order = np.lexsort((kind[pipe].astype(str), link))
    told: list[dict[str, float]] = [{} for _ in a]
    for k in order[due[pipe[order]]]:
        own = told[int(link[k])]
        own[str(kind[pipe[k]])] = own.get(str(kind[pipe[k]]), 0.0) + float(metres[k])
    words = [", ".join(f"{m:,.0f} m of {pipe}" for pipe, m in each.items()) for each in told]
    basis = (
        f"metres of pipe to be renewed {year}-{year + years - 1} within {within_m:g} m of both "
        f"estates; of {share:.0%} of the metres there it is not known whether they are"
        if len(lines)
        else "no pipelines were imported: nothing is known"
    )
    return Wish("pipelines", np.round(weight, 2), "m", _texts(words), basis, share)


def _due_pipes(
    study: Study, year: int, years: int, pipes: tuple[str, ...] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.object_], NDArray[np.object_]]:
    """(p,) which pipes are to be renewed, of which it is unknown, what they carry, their lines."""
    frame = study.frame("pipelines")
    if pipes is not None:
        frame = frame[frame["pipe"].isin(pipes).to_numpy(dtype=bool)]
    kind = frame["pipe"].to_numpy(dtype=object)
    last = year + years - 1
    planned = frame["planned_year"].to_numpy(dtype=float)
    built = frame["built_year"].to_numpy(dtype=float)
    material = frame["material"].to_numpy(dtype=object, na_value=None)
    old = last - built >= np.array([DUE_AGE.get(k, np.inf) for k in kind])
    worn = np.array(
        [
            m is not None and any(word in str(m) for word in DUE_MATERIAL.get(k, ()))
            for k, m in zip(kind, material, strict=True)
        ],
        dtype=bool,
    )
    soon = (planned >= year) & (planned <= last)
    later = planned > last
    ages = np.array([k in DUE_AGE for k in kind], dtype=bool)
    unknown = np.isnan(planned) & ~worn & (np.isnan(built) | ~ages)
    lines = np.asarray(frame.geometry.to_numpy(), dtype=object)
    return soon | (~later & (old | worn)), unknown, kind, lines


def areas_of_estates(study: Study, which: Literal["community", "subdistrict"]) -> Classes:
    """Say in which community or subdistrict each estate is: by its column, else by its place.

    Two communities of one name in two subdistricts are two.

    Raises
    ------
    MissingLayerError
        There are no estates.
    UnknownNameError
        There is no such area.
    """
    if which not in ("community", "subdistrict"):
        raise UnknownNameError(f"There is no area '{which}'; give community or subdistrict")
    estates = study.layer("estates")
    areas, _ = areas_of(study)
    own = _column_words(estates, which)
    found = [str(w).strip() if w is not None else None for w in areas[which]]
    above = areas["subdistrict"] if which == "community" else [None] * len(found)
    keys = [None if w is None else (str(up or ""), w) for up, w in zip(above, found, strict=True)]
    number, order = _numbered(keys)
    told = [name for _, name in order]
    names = tuple(f"{up} {name}" if up and told.count(name) > 1 else name for up, name in order)
    located = np.array([w is None and f is not None for w, f in zip(own, found, strict=True)], bool)
    return Classes(which, number, names, located)


def classes_of(estates: Layer, column: str) -> Classes:
    """Make classes of the words (or whole numbers) in a column: managers, builders.

    Raises
    ------
    UnknownNameError
        There is no such column.
    """
    if column not in estates.frame or column == "geometry":
        known = ", ".join(str(c) for c in estates.frame.columns if c != "geometry")
        raise UnknownNameError(f"The estates have no column '{column}'; give one of: {known}")
    number, names = _numbered(_column_words(estates, column))
    return Classes(column, number, tuple(names), np.zeros(len(estates), dtype=bool))


def _column_words(layer: Layer, column: str) -> list[str | None]:
    values = layer.frame[column].to_numpy(dtype=object, na_value=None)
    words = []
    for value in values:
        whole = isinstance(value, float) and value.is_integer()
        text = "" if value is None else str(int(value) if whole else value).strip()
        words.append(text or None)
    return words


def _numbered(keys: list[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Number the different keys in their order; -1 for None."""
    order = sorted({key for key in keys if key is not None})
    place = {key: i for i, key in enumerate(order)}
    return np.array([place.get(key, -1) for key in keys], dtype=np.int64), order


def _ends(links: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    pairs = np.asarray(links, dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _share_unknown(known: NDArray[np.bool_]) -> float:
    return float(1.0 - known.mean()) if known.size else 1.0


def _listed(what: str, flags: NDArray[np.bool_], names: tuple[str, ...]) -> str:
    told = ", ".join(name for flag, name in zip(flags, names, strict=True) if flag)
    return f"{what} {told}" if told else ""


def _texts(words: list[str]) -> NDArray[np.object_]:
    out = np.empty(len(words), dtype=object)
    out[:] = words
    return out

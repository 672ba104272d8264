"""A plan as `repair_plan` works on it: brought to the rows of its layer, and as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from gis.districts import DistrictPlan, LeftOut
from gis.districts.where import select
from gis.model import PERSONS_PER_HOUSEHOLD, Layer, people_of
from gis.plans.links import carried_over
from gis.plans.repair_model import FREE, NONE, Board

_WALK_M_PER_MINUTE: Final = 60.0
_AREAS: Final = {"communities": "community", "subdistricts": "subdistrict"}


def word_of(name: Any) -> str | None:
    """Name of a district, None where there is none."""
    return None if pd.isna(name) or str(name) == "" else str(name)


def persons_of(plan: DistrictPlan) -> float:
    """Persons per household that the plan counts with."""
    return float(plan.settings.get("persons_per_household") or PERSONS_PER_HOUSEHOLD)


def tidy_plan(plan: DistrictPlan, estates: Layer) -> DistrictPlan:
    """Bring the plan to the estates of the layer, in their order."""
    district: dict[str, str | None] = {}
    for uid, name in zip(plan.estates, plan.district, strict=True):
        district.setdefault(str(uid), word_of(name))
    adjacency = plan.adjacency
    if [str(u) for u in plan.estates] != [str(u) for u in estates.uids]:
        row = {str(uid): i for i, uid in enumerate(estates.uids)}
        uids = list(map(str, plan.estates))
        first = {uid: i for i, uid in reversed(list(enumerate(uids)))}
        place = [row.get(uid, -1) if first[uid] == i else -1 for i, uid in enumerate(uids)]
        adjacency = carried_over(adjacency, np.array(place, dtype=np.int64))
    moved = replace(plan, estates=estates.uids, adjacency=adjacency)
    return with_districts(moved, estates, [district.get(str(uid)) for uid in estates.uids])


def with_districts(plan: DistrictPlan, estates: Layer, names: Sequence[str | None]) -> DistrictPlan:
    """Give the plan other districts, and tell of every estate that takes part."""
    told = {str(item.estate): item for item in plan.left_out if item.reason}
    settings = dict(plan.settings)
    part = np.ones(len(estates), bool)
    if settings.get("where"):
        part = select(estates, str(settings["where"]))[0]
    left = []
    for uid, name, takes in zip(map(str, estates.uids), names, part, strict=True):
        if name is None and (uid in told or ("taking_part" in settings and takes)):
            left.append(told.get(uid, LeftOut(uid, "no district of the plan holds it", False)))
    if "taking_part" in settings:
        settings["taking_part"] = sum(name is not None for name in names) + len(left)
    district = np.full(len(names), None, dtype=object)
    district[:] = names
    return replace(
        plan, district=district, left_out=tuple(left), settings=MappingProxyType(settings),
        objective=np.nan, bound=np.nan, gap=np.nan, status="drawn", reason="",
    )  # fmt: skip


def locks_on_nothing(plan: DistrictPlan) -> str:
    """Say which locked estates there are not; "" when all are there."""
    known = set(map(str, plan.estates))
    fixed = dict((plan.settings.get("locks") or {}).get("fixed") or {})
    lost = [str(uid) for uid in fixed if str(uid) not in known]
    return f"the locks name {', '.join(lost[:5])}, which the estates do not have" if lost else ""


def make_board(
    plan: DistrictPlan, estates: Layer, classes: Mapping[str, ArrayLike], cost: Any
) -> tuple[list[str], Board]:
    """Return the names of the districts and the plan as numbers; locks may add districts."""
    settings = plan.settings
    locks = settings.get("locks") or {}
    fixed_names = {str(u): str(d) for u, d in dict(locks.get("fixed") or {}).items()}
    there = [word_of(name) for name in plan.district]
    names = list(dict.fromkeys([*(n for n in there if n is not None), *fixed_names.values()]))
    number = {name: d for d, name in enumerate(names)}
    row = {str(uid): i for i, uid in enumerate(estates.uids)}
    sizes = settings.get("sizes") or {}
    people = people_of(estates, persons_per_household=persons_of(plan))[0]
    columns = [people if c == "people" else estates.numbers(c) for c in sizes]
    size = np.column_stack(columns) if columns else np.zeros((len(estates), 0))
    fixed = np.full(len(estates), FREE, np.int64)
    fixed[np.isnan(size).any(axis=1)] = NONE
    for uid, name in fixed_names.items():
        fixed[row[uid]] = number[name]
    bounds = np.array(list(sizes.values()), dtype=float).reshape(-1, 2)
    groups = {
        key: tuple(
            tuple(row[str(u)] for u in dict.fromkeys(map(str, group)) if str(u) in row)
            for group in settings.get(key) or ()
        )
        for key in ("join", "apart")
    }
    near: list[list[int]] = [[] for _ in range(len(estates))]
    for a, b in plan.adjacency.links.tolist():
        near[a].append(b)
        near[b].append(a)
    return names, Board(
        near=near, label=np.array([number[n] if n is not None else NONE for n in there], np.int64),
        districts=len(names), size=np.nan_to_num(size), low=bounds[:, 0], high=bounds[:, 1],
        fixed=fixed, closed=frozenset(number[str(d)] for d in locks.get("closed") or ()
                                      if str(d) in number),
        classes=_classes(settings.get("within"), estates, classes), join=groups["join"],
        apart=groups["apart"], people=np.nan_to_num(people),
        has_centre=_centre(settings.get("max_walk_minutes"), cost),
    )  # fmt: skip


def _classes(
    within: Any, estates: Layer, classes: Mapping[str, ArrayLike]
) -> tuple[NDArray[np.int64], ...]:
    out = []
    for word in (within,) if isinstance(within, str) else tuple(within or ()):
        column = _AREAS.get(word, word)
        values = classes.get(word, classes.get(column))
        if values is None:
            values = estates.frame[column]
        of = pd.Series(np.asarray(values, dtype=object)).replace({"": None})
        if pd.api.types.is_numeric_dtype(of.infer_objects()):
            of = of.where(of >= 0)
        out.append(pd.factorize(of)[0].astype(np.int64))
    return tuple(out)


def _centre(minutes: Any, cost: Any) -> Callable[[Sequence[int]], bool] | None:
    if minutes is None or cost is None:
        return None
    limit = float(minutes) * _WALK_M_PER_MINUTE * (1 + 1e-12)
    if sp.issparse(cost):
        sparse: Any = sp.coo_array  # scipy's stubs do not know that it takes any sparse array
        coo = sparse(cost)
        reach = {(int(a), int(b)) for a, b, m in zip(coo.row, coo.col, coo.data, strict=True)
                 if m <= limit}  # fmt: skip
    else:
        reach = {(int(a), int(b)) for a, b in np.argwhere(np.asarray(cost, dtype=float) <= limit)}

    def has_centre(units: Sequence[int]) -> bool:
        return any(all(v == c or (v, c) in reach for v in units) for c in units)

    return has_centre

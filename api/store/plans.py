"""Districting plans in the database. A plan saved again under its name becomes its next version."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping, func, insert, select

from api.store.schema import PLAN_MEMBERS, PLANS
from gis.errors import UnknownNameError

if TYPE_CHECKING:
    from gis.districts import Adjacency, DistrictPlan


def save(connection: Connection, plan: DistrictPlan, *, now: str) -> int:
    """Store a plan; return its version, counted from 1 for each name."""
    columns = PLANS.c
    last = connection.execute(
        select(func.max(columns.version)).where(columns.name == plan.name)
    ).scalar()
    version = int(last or 0) + 1
    estates = [str(uid) for uid in plan.estates]
    row = {
        "name": plan.name,
        "version": version,
        "created": now,
        "status": plan.status,
        "objective": _known(plan.objective),
        "bound": _known(plan.bound),
        "gap": _known(plan.gap),
        "reason": plan.reason,
        "settings": to_json(plan.settings),
        "left_out": to_json([_left_out(item) for item in plan.left_out]),
        "adjacency": to_json(_adjacency(plan.adjacency, estates)),
    }
    plan_id = connection.execute(insert(PLANS).values(row).returning(columns.id)).scalar_one()
    members = [
        {"plan_id": plan_id, "place": place, "estate": uid, "district": district}
        for place, (uid, district) in enumerate(zip(estates, plan.district.tolist(), strict=True))
    ]
    if members:
        connection.execute(insert(PLAN_MEMBERS), members)
    return version


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _left_out(item: Any) -> dict[str, Any]:
    return {"estate": item.estate, "reason": item.reason, "proved": bool(item.proved)}


def _adjacency(adjacency: Adjacency, estates: list[str]) -> dict[str, Any]:
    """Name the ends of the links by uid: rows of the layer may be others when it is read."""
    links = zip(adjacency.links.tolist(), adjacency.metres, adjacency.reason, strict=True)
    beyond = zip(adjacency.beyond.tolist(), adjacency.beyond_m, strict=True)
    return {
        "kind": adjacency.kind,
        "links": [[estates[a], estates[b], metres, str(why)] for (a, b), metres, why in links],
        "beyond": [[estates[a], estates[b], metres] for (a, b), metres in beyond],
    }


def names(connection: Connection) -> tuple[str, ...]:
    """Return the names of the plans, the one saved first at the front."""
    columns = PLANS.c
    rows = connection.execute(
        select(columns.name).group_by(columns.name).order_by(func.min(columns.id))
    )
    return tuple(rows.scalars())


def read(connection: Connection, name: str, *, version: int | None = None) -> DistrictPlan:
    """Restore a plan: its newest version, or the one asked for.

    Raises
    ------
    UnknownNameError
        There is no such plan, or no such version of it.
    """
    columns = PLANS.c
    query = select(PLANS).where(columns.name == name).order_by(columns.version.desc())
    if version is not None:
        query = query.where(columns.version == version)
    row = connection.execute(query.limit(1)).one_or_none()
    if row is None:
        raise _unknown(connection, name, version)
    members = PLAN_MEMBERS.c
    listed = connection.execute(
        select(members.estate, members.district)
        .where(members.plan_id == row.id)
        .order_by(members.place)
    ).all()
    return _plan_of(row._mapping, [(uid, district) for uid, district in listed])


def _unknown(connection: Connection, name: str, version: int | None) -> UnknownNameError:
    there = names(connection)
    if name in there:
        return UnknownNameError(
            f"The plan '{name}' has no version {version}; give a lower one, or none for the newest"
        )
    listed = f"there are: {', '.join(there)}" if there else "make one with: lianpian districts"
    return UnknownNameError(f"There is no plan '{name}'; {listed}")


def _plan_of(row: RowMapping, members: list[tuple[str, str | None]]) -> DistrictPlan:
    from gis.districts import DistrictPlan, LeftOut

    place = {uid: number for number, (uid, _) in enumerate(members)}
    return DistrictPlan(
        name=row["name"],
        estates=np.array([uid for uid, _ in members], dtype=object),
        district=np.array([district for _, district in members], dtype=object),
        left_out=tuple(LeftOut(**item) for item in json.loads(row["left_out"])),
        settings=_restored(json.loads(row["settings"])),
        objective=_or_nan(row["objective"]),
        bound=_or_nan(row["bound"]),
        gap=_or_nan(row["gap"]),
        reason=row["reason"],
        status=row["status"],
        adjacency=_adjacency_of(json.loads(row["adjacency"]), place),
    )


def _adjacency_of(kept: Mapping[str, Any], place: Mapping[str, int]) -> Adjacency:
    from gis.districts import Adjacency

    links, beyond = kept["links"], kept["beyond"]
    return Adjacency(
        kind=kept["kind"],
        links=_pairs(links, place),
        metres=_numbers(links),
        reason=np.array([link[3] for link in links], dtype=object),
        beyond=_pairs(beyond, place),
        beyond_m=_numbers(beyond),
    )


def _pairs(rows: list[list[Any]], place: Mapping[str, int]) -> NDArray[np.int64]:
    ends = [(place[row[0]], place[row[1]]) for row in rows]
    return np.array(ends, dtype=np.int64).reshape(-1, 2)


def _numbers(rows: list[list[Any]]) -> NDArray[np.float64]:
    return np.array([_or_nan(row[2]) for row in rows], dtype=np.float64)


def _restored(value: Any) -> Any:
    """Give back the infinite bounds of settings, which JSON keeps as words."""
    if isinstance(value, dict):
        return {key: _restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item) for item in value]
    return float(value) if value in ("inf", "-inf") else value


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def to_json(value: Any) -> str:
    """Write values as JSON that any program reads: NaN becomes null, the infinite "inf"."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value

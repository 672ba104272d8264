"""Districting plans in the database. A plan saved again under its name becomes its next version.

Every version says who made it of what, when (``history`` of its settings, the newest last), and
keeps its own work packages; going back to an older one makes a newer one that is the same.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, update

from api.store import plan_changes
from api.store.audit import KeepsAudit
from api.store.json_text import to_json
from api.store.moments import stamp
from api.store.plan_changes import PlanState
from api.store.schema import PLAN_MEMBERS, PLAN_PACKAGES, PLANS
from gis.errors import OptionError, UnknownNameError

if TYPE_CHECKING:
    from gis.districts import Adjacency, DistrictPlan
    from gis.plans import Package

LONGEST_NAME: Final = 100


@dataclass(frozen=True)
class PlanInfo:
    """One version of a plan, without its estates.

    ``what`` happened ("made", "imported", "repaired", "edited", "packages", "restored", "renamed"),
    with ``who`` and ``note``; ``districts`` and ``estates`` are how many it has (placed ones),
    ``left_out`` how many are in none; ``settings`` are all that it was made with.
    """

    name: str
    version: int
    created: str
    status: str
    what: str
    who: str | None
    note: str
    districts: int
    estates: int
    left_out: int
    packages: int
    objective: float
    gap: float
    settings: Mapping[str, Any]


class KeepsPlans(KeepsAudit):
    """The part of a project that keeps plans.

    Where a method takes ``expected``, nothing is done if the plan stands elsewhere by then: a
    `ConflictError` tells the changes since.
    """

    def save_plan(
        self,
        plan: DistrictPlan,
        *,
        what: str = "made",
        who: str | None = None,
        note: str = "",
        packages: Sequence[Package] = (),
        expected: PlanState | None = None,
    ) -> int:
        """Save a districting plan; return its version.

        A plan of the same name stays, as the version before; a draft on top of that is closed.
        ``what`` was done by ``who`` becomes the last line of its history.

        Raises
        ------
        OptionError
            The name is no name.
        UnknownNameError
            There is no plan of that name, and one was expected.
        ConflictError
            The plan is not at ``expected`` any more.
        """
        with self._database.write() as connection:
            require_state(connection, plan.name, expected, yours={"what": what})
            return self._save(connection, plan, what=what, who=who, note=note, packages=packages)

    def save_plans(
        self,
        plans: Sequence[DistrictPlan],
        *,
        what: str = "made",
        who: str | None = None,
        note: str = "",
    ) -> list[int]:
        """Save several plans, all of them or none; return their versions."""
        with self._database.write() as connection:
            return [self._save(connection, plan, what=what, who=who, note=note) for plan in plans]

    def read_plan(self, name: str, *, version: int | None = None) -> DistrictPlan:
        """Read a districting plan: the newest of its name, or the version asked for.

        Raises
        ------
        UnknownNameError
            There is none.
        """
        with self._database.read() as connection:
            return read(connection, name, version=version)

    def read_packages(self, name: str, *, version: int | None = None) -> tuple[Package, ...]:
        """Read the work packages of a plan, those of its newest version unless one is named.

        Raises
        ------
        UnknownNameError
            There is no such plan.
        """
        with self._database.read() as connection:
            return packages_of(connection, name, version=version)

    def change_packages(
        self,
        name: str,
        change: Callable[[DistrictPlan, tuple[Package, ...]], tuple[Package, ...]],
        *,
        who: str | None = None,
        note: str = "",
        expected: PlanState | None = None,
    ) -> int:
        """Work packages of a plan out anew and keep them as its next version; return that.

        All in one transaction: nobody else can change the plan in between.
        """
        with self._database.write() as connection:
            require_state(connection, name, expected, yours={"what": "packages"})
            plan = read(connection, name)
            made = change(plan, packages_of(connection, name))
            return self._save(connection, plan, what="packages", who=who, note=note, packages=made)

    def version_mark(self, name: str, version: int) -> str:
        """Return what tells a version of a plan from all others that there ever were.

        Raises
        ------
        UnknownNameError
            There is no such plan, or no such version of it.
        """
        with self._database.read() as connection:
            return _mark(_row(connection, name, version, select(PLANS.c.id, PLANS.c.created)))

    def plan_names(self) -> tuple[str, ...]:
        """Return the names of the plans, the oldest at the front."""
        with self._database.read() as connection:
            return names(connection)

    def plan_infos(self, name: str | None = None) -> tuple[PlanInfo, ...]:
        """Tell of the newest version of each plan; with a name, of each version of that plan.

        Raises
        ------
        UnknownNameError
            There is no such plan.
        """
        with self._database.read() as connection:
            return infos(connection, name)

    def remove_plan(self, name: str, *, expected: PlanState | None = None) -> int:
        """Take a plan out with all its versions, packages and drafts; return how many versions.

        Raises
        ------
        UnknownNameError
            There is no such plan.
        """
        with self._database.write() as connection:
            require_state(connection, name, expected, yours={"what": "removed"})
            gone = int(connection.execute(delete(PLANS).where(PLANS.c.name == name)).rowcount)
            if not gone:
                raise _unknown(connection, name, None)
            plan_changes.forget(connection, name)
            self._note(connection, "plan removed", name, versions=gone)
            return gone

    def rename_plan(self, name: str, new: str, *, expected: PlanState | None = None) -> None:
        """Call a plan, in all its versions, by another name.

        Raises
        ------
        UnknownNameError
            There is no such plan.
        OptionError
            There is a plan of the new name, or it is no name.
        """
        with self._database.write() as connection:
            require_state(connection, name, expected, yours={"what": "renamed", "name": new})
            rename(connection, name, require_name(new))
            plan_changes.rename(connection, name, new)
            self._note(connection, "plan renamed", name, to=new)

    def restore_plan(
        self,
        name: str,
        version: int,
        *,
        who: str | None = None,
        expected: PlanState | None = None,
    ) -> int:
        """Make an older version, with its packages, the newest one; return the new version.

        Raises
        ------
        UnknownNameError
            There is no such plan or version.
        """
        with self._database.write() as connection:
            require_state(connection, name, expected, yours={"what": "restored"})
            plan = read(connection, name, version=version)
            kept = packages_of(connection, name, version=version)
            return self._save(
                connection, plan, what="restored", who=who, note=f"version {version}",
                packages=kept,
            )  # fmt: skip

    def _save(self, connection: Connection, plan: DistrictPlan, *, what: str, **more: Any) -> int:
        now = stamp(self._clock)
        version = save(connection, plan, now=now, what=what, **more)
        self._note(connection, "plan", plan.name, now=now, version=version, did=what)
        return version


def newest_version(connection: Connection, name: str) -> int:
    """Return the newest version of a plan.

    Raises
    ------
    UnknownNameError
        There is no such plan.
    """
    columns = PLANS.c
    version = connection.execute(select(func.max(columns.version)).where(columns.name == name))
    found = version.scalar()
    if found is None:
        raise _unknown(connection, name, None)
    return int(found)


def state_of(connection: Connection, name: str) -> PlanState:
    """Return where a plan stands.

    Raises
    ------
    UnknownNameError
        There is no such plan.
    """
    columns = PLANS.c
    row = _row(connection, name, None, select(columns.id, columns.created, columns.version))
    return plan_changes.state(connection, name, int(row["version"]), _mark(row))


def _mark(row: RowMapping) -> str:
    """Tell a saved version from all others: the number of one that went is given once more."""
    return hashlib.sha256(f"{row['id']} {row['created']}".encode()).hexdigest()[:12]


def require_state(
    connection: Connection, name: str, expected: PlanState | None, *, yours: Mapping[str, Any]
) -> PlanState | None:
    """Make sure that a plan still stands where somebody read it; None: wherever it does.

    Returns
    -------
    PlanState
        Where it stands, with its mark; None where nothing was expected.

    Raises
    ------
    UnknownNameError
        There is no such plan.
    ConflictError
        It stands elsewhere; the changes since are told.
    """
    if expected is None:
        return None
    now = state_of(connection, name)
    plan_changes.require(connection, name, now, expected, yours=yours)
    return now


def require_name(name: str) -> str:
    """Return a name that does for a plan.

    Raises
    ------
    OptionError
        It is empty or too long, or has letters that cannot be printed or spaces around it.
    """
    if not (name and name == name.strip() and name.isprintable() and len(name) <= LONGEST_NAME):
        raise OptionError(
            f"A plan cannot be called '{name[:LONGEST_NAME]}'; give 1 to {LONGEST_NAME} printable "
            "characters without spaces around them"
        )
    return name


def save(
    connection: Connection,
    plan: DistrictPlan,
    *,
    now: str,
    what: str = "made",
    who: str | None = None,
    note: str = "",
    packages: Sequence[Package] = (),
) -> int:
    """Store a plan; return its version, counted from 1 for each name."""
    columns = PLANS.c
    last = connection.execute(
        select(func.max(columns.version)).where(columns.name == require_name(plan.name))
    ).scalar()
    version = int(last or 0) + 1
    estates = [str(uid) for uid in plan.estates]
    entry = {"what": what, "when": now, "who": who, "note": note, "plan": plan.name}
    row = {
        "name": plan.name,
        "version": version,
        "created": now,
        "status": plan.status,
        "objective": _known(plan.objective),
        "bound": _known(plan.bound),
        "gap": _known(plan.gap),
        "reason": plan.reason,
        "settings": to_json({**plan.settings, "history": _history(plan, entry, version)}),
        "left_out": to_json([asdict(item) for item in plan.left_out]),
        "adjacency": to_json(_adjacency(plan.adjacency, estates)),
    }
    plan_id = connection.execute(insert(PLANS).values(row).returning(columns.id)).scalar_one()
    members = [
        {"plan_id": plan_id, "place": place, "estate": uid, "district": district}
        for place, (uid, district) in enumerate(zip(estates, plan.district.tolist(), strict=True))
    ]
    if members:
        connection.execute(insert(PLAN_MEMBERS), members)
    _save_packages(connection, plan_id, packages)
    return version


def _history(plan: DistrictPlan, entry: dict[str, Any], version: int) -> list[dict[str, Any]]:
    """Add a line; one that whoever changed the plan has begun (without a version) is completed."""
    told = [dict(line) for line in plan.settings.get("history", ())]
    if told and told[-1].get("version") is None:
        entry = entry | {key: value for key, value in told.pop().items() if value is not None}
    return [*told, entry | {"version": version}]


def _save_packages(connection: Connection, plan_id: int, packages: Sequence[Package]) -> None:
    rows = [
        {
            "plan_id": plan_id, "place": place, "package": package.name,
            "builder": package.builder, "district": district, "estate": estate,
        }
        for place, package in enumerate(packages)
        for district, estate in (
            *((name, None) for name in package.districts),
            *((None, uid) for uid in package.estates),
        )
    ]  # fmt: skip
    if rows:
        connection.execute(insert(PLAN_PACKAGES), rows)


def packages_of(
    connection: Connection, name: str, *, version: int | None = None
) -> tuple[Package, ...]:
    """Restore the packages of a plan, in their order."""
    from gis.plans import Package

    plan = _row(connection, name, version, select(PLANS.c.id))
    columns = PLAN_PACKAGES.c
    query = select(PLAN_PACKAGES).where(columns.plan_id == plan["id"]).order_by(columns.id)
    found: dict[str, dict[str, Any]] = {}
    for row in connection.execute(query).mappings():
        made = found.setdefault(row["package"], {"builder": row["builder"], "d": [], "e": []})
        if row["district"] is not None:
            made["d"].append(row["district"])
        if row["estate"] is not None:
            made["e"].append(row["estate"])
    return tuple(
        Package(key, tuple(made["d"]), tuple(made["e"]), made["builder"])
        for key, made in found.items()
    )


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _adjacency(adjacency: Adjacency, estates: list[str]) -> dict[str, Any]:
    """Name the ends of the links by uid: rows of the layer may be others when it is read."""

    def named(pairs: NDArray[np.int64], *columns: NDArray[Any]) -> list[list[Any]]:
        ends = ([estates[a], estates[b]] for a, b in pairs.tolist())
        values = zip(*(column.tolist() for column in columns), strict=True)
        return [[*end, *own] for end, own in zip(ends, values, strict=True)]

    return {
        "kind": adjacency.kind,
        "links": named(adjacency.links, *(getattr(adjacency, name) for name in _OF_LINKS)),
        "beyond": named(adjacency.beyond, *(getattr(adjacency, name) for name in _OF_BEYOND)),
    }


_OF_LINKS: Final = ("metres", "reason", "how", "walk_m", "gap_m", "shared_m", "note")
_OF_BEYOND: Final = ("beyond_m", "beyond_reason", "beyond_why", "beyond_what")
"""What is kept of links and of pairs that are none, after their two ends, in this order. Plans
that were kept before links had more to say have fewer: what is not there is left to its default."""


def names(connection: Connection) -> tuple[str, ...]:
    """Return the names of the plans, the one saved first at the front."""
    columns = PLANS.c
    rows = connection.execute(
        select(columns.name).group_by(columns.name).order_by(func.min(columns.id))
    )
    return tuple(rows.scalars())


def infos(connection: Connection, name: str | None = None) -> tuple[PlanInfo, ...]:
    """Tell of the newest version of each plan, or of all versions of one, the oldest first."""
    columns, members = PLANS.c, PLAN_MEMBERS.c
    query = select(*(c for c in columns if c.name != "adjacency")).order_by(columns.id)
    if name is not None:
        query = query.where(columns.name == name)
    else:
        newest = select(columns.name, func.max(columns.version).label("version"))
        last = newest.group_by(columns.name).subquery()
        query = query.join(
            last, (columns.name == last.c.name) & (columns.version == last.c.version)
        )
    rows = connection.execute(query).mappings().all()
    if name is not None and not rows:
        raise _unknown(connection, name, None)
    counted = select(
        members.plan_id, func.count(func.distinct(members.district)), func.count(members.district)
    ).group_by(members.plan_id)
    sizes = {plan: (districts, estates) for plan, districts, estates in connection.execute(counted)}
    held = PLAN_PACKAGES.c
    asked = select(held.plan_id, func.count(func.distinct(held.package)))
    bundles = {row[0]: row[1] for row in connection.execute(asked.group_by(held.plan_id))}
    order = {key: place for place, key in enumerate(names(connection))}
    rows = sorted(rows, key=lambda row: (order[row["name"]], row["version"]))
    return tuple(
        _info(row, sizes.get(row["id"], (0, 0)), bundles.get(row["id"], 0)) for row in rows
    )


def _info(row: RowMapping, size: tuple[int, int], packages: int) -> PlanInfo:
    settings = _restored(json.loads(row["settings"]))
    told = settings.get("history") or [{}]
    return PlanInfo(
        name=row["name"],
        version=row["version"],
        created=row["created"],
        status=row["status"],
        what=told[-1].get("what", "made"),
        who=told[-1].get("who"),
        note=told[-1].get("note") or "",
        districts=size[0],
        estates=size[1],
        left_out=len(json.loads(row["left_out"])),
        packages=packages,
        objective=_or_nan(row["objective"]),
        gap=_or_nan(row["gap"]),
        settings=settings,
    )


def rename(connection: Connection, name: str, new: str) -> None:
    """Call all versions of a plan by another name."""
    there = names(connection)
    if name not in there:
        raise _unknown(connection, name, None)
    if new in there:
        raise OptionError(f"There is a plan '{new}' already; give another name, or remove it first")
    connection.execute(update(PLANS).where(PLANS.c.name == name).values(name=new))


def read(connection: Connection, name: str, *, version: int | None = None) -> DistrictPlan:
    """Restore a plan: its newest version, or the one asked for.

    Raises
    ------
    UnknownNameError
        There is no such plan, or no such version of it.
    """
    row = _row(connection, name, version, select(PLANS))
    members = PLAN_MEMBERS.c
    listed = connection.execute(
        select(members.estate, members.district)
        .where(members.plan_id == row["id"])
        .order_by(members.place)
    ).all()
    return _plan_of(row, [(uid, district) for uid, district in listed])


def _row(connection: Connection, name: str, version: int | None, query: Select[Any]) -> RowMapping:
    columns = PLANS.c
    query = query.where(columns.name == name).order_by(columns.version.desc())
    if version is not None:
        query = query.where(columns.version == version)
    row = connection.execute(query.limit(1)).mappings().one_or_none()
    if row is None:
        raise _unknown(connection, name, version)
    return row


def _unknown(connection: Connection, name: str, version: int | None) -> UnknownNameError:
    there = names(connection)
    if name in there:
        query = select(PLANS.c.version).where(PLANS.c.name == name).order_by(PLANS.c.version)
        known = ", ".join(map(str, connection.execute(query).scalars()))
        return UnknownNameError(f"The plan '{name}' has no version {version}; there are: {known}")
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
        beyond=_pairs(beyond, place),
        **_columns(links, _OF_LINKS, least=2),
        **_columns(beyond, _OF_BEYOND, least=1),
    )


def _columns(rows: list[list[Any]], names: Sequence[str], *, least: int) -> dict[str, NDArray[Any]]:
    """Columns after the two ends: ``least`` of them always, the others where there are any."""
    there = len(rows[0]) - 2 if rows else least
    found: dict[str, NDArray[Any]] = {}
    for at, name in enumerate(names[:there], start=2):
        values = [row[at] for row in rows]
        if name == "metres" or name.endswith("_m"):
            found[name] = np.array([_or_nan(value) for value in values], dtype=np.float64)
        else:
            found[name] = np.array([*values, None], dtype=object)[:-1]
    return found


def _pairs(rows: list[list[Any]], place: Mapping[str, int]) -> NDArray[np.int64]:
    ends = [(place[row[0]], place[row[1]]) for row in rows]
    return np.array(ends, dtype=np.int64).reshape(-1, 2)


def _restored(value: Any) -> Any:
    """Give back the infinite bounds of settings, which JSON keeps as words."""
    if isinstance(value, dict):
        return {key: _restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item) for item in value]
    return float(value) if value in ("inf", "-inf") else value


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value

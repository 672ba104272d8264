"""Work packages: what one builder gets, made of whole districts or of single estates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from gis.districts import DistrictPlan
from gis.errors import OptionError, UnknownNameError
from gis.model import Layer, people_of

LONGEST_NAME: Final = 100
SUMMED: Final = ("households", "people", "area_m2", "buildings", "floor_area_m2", "cost_yuan")
_TOLD: Final = 5


@dataclass(frozen=True)
class Package:
    """A work package: whole ``districts`` of a plan, single ``estates``, and who builds it.

    Raises
    ------
    OptionError
        The name or the builder does not do.
    """

    name: str
    districts: tuple[str, ...] = ()
    estates: tuple[str, ...] = ()
    builder: str | None = None

    def __post_init__(self) -> None:
        for what, text in (("package", self.name), ("builder", self.builder)):
            if text is None:
                continue
            if not (
                text.strip() == text != "" and text.isprintable() and len(text) <= LONGEST_NAME
            ):
                raise OptionError(
                    f"The {what} '{text[:LONGEST_NAME]}' needs a name of 1 to {LONGEST_NAME} "
                    "printable characters without spaces around it"
                )

    def to_json(self) -> dict[str, Any]:
        """Return the package as plain values."""
        return {
            "package": self.name,
            "builder": self.builder,
            "districts": list(self.districts),
            "estates": list(self.estates),
        }


def check_packages(plan: DistrictPlan, packages: Sequence[Package]) -> None:
    """Refuse packages that do not fit a plan.

    Raises
    ------
    OptionError
        Two packages have one name or hold the same estate, or one is empty.
    UnknownNameError
        One names a district or an estate that the plan does not have.
    """
    names = Counter(package.name for package in packages)
    for name, times in names.items():
        if times > 1:
            raise OptionError(f"There are {times} packages called '{name}'; give each its own name")
    owner: dict[str, str] = {}
    district = _district_of(plan)
    for package in packages:
        if not package.districts and not package.estates:
            raise OptionError(f"The package '{package.name}' is empty; name districts or estates")
        for name in package.districts:
            if name not in plan.districts:
                raise _unknown(plan, name)
        for uid in package.estates:
            if uid not in district:
                raise _unknown(plan, uid)
        for uid in estates_of(plan, package, repeated=True):
            if uid in owner:
                other = owner[uid]
                where = f"estate {uid} of {district[uid]}" if district[uid] else f"estate {uid}"
                raise OptionError(
                    f"'{package.name}' and '{other}' both hold {where}; every district and estate "
                    "is in at most one package"
                    if other != package.name
                    else f"'{package.name}' holds {where} twice; name it once"
                )
            owner[uid] = package.name


def _district_of(plan: DistrictPlan) -> dict[str, str | None]:
    return {str(u): d for u, d in zip(plan.estates, plan.district, strict=True)}


def _unknown(plan: DistrictPlan, name: str) -> UnknownNameError:
    some = ", ".join(plan.districts[:_TOLD])
    more = f" and {len(plan.districts) - _TOLD} more" if len(plan.districts) > _TOLD else ""
    return UnknownNameError(
        f"The plan '{plan.name}' has no district and no estate '{name}'; districts are: "
        f"{some}{more}"
    )


def estates_of(plan: DistrictPlan, package: Package, *, repeated: bool = False) -> tuple[str, ...]:
    """Return the uids of all estates of a package; with ``repeated`` as often as it names them."""
    uids = [
        str(uid)
        for name in package.districts
        for uid in plan.estates[plan.district == name].tolist()
    ]
    uids += package.estates
    return tuple(uids if repeated else dict.fromkeys(uids))


def bundle(
    plan: DistrictPlan,
    packages: Sequence[Package],
    name: str,
    parts: Iterable[str],
    *,
    builder: str | None = None,
) -> tuple[Package, ...]:
    """Add a package of districts and estates (by uid; a district goes first).

    Raises
    ------
    OptionError, UnknownNameError
        See `check_packages`.
    """
    parts = tuple(parts)
    districts = tuple(part for part in parts if part in plan.districts)
    estates = tuple(part for part in parts if part not in plan.districts)
    made = (*packages, Package(name, districts, estates, builder))
    check_packages(plan, made)
    return made


def split(plan: DistrictPlan, packages: Sequence[Package], name: str) -> tuple[Package, ...]:
    """Take a package apart: each of its districts becomes one, its single estates another.

    They are called by the old name with -1, -2, ... and keep the builder.

    Raises
    ------
    UnknownNameError
        There is no such package.
    OptionError
        It has only one part.
    """
    whole = find(packages, name)
    parts: list[tuple[tuple[str, ...], tuple[str, ...]]] = [((d,), ()) for d in whole.districts]
    # Estates are one part together, unless they are all there is.
    if whole.estates:
        single = [((), (uid,)) for uid in whole.estates]
        parts += [((), whole.estates)] if whole.districts else single
    if len(parts) < 2:
        raise OptionError(f"The package '{name}' has only one part; it cannot be split")
    made = [
        Package(f"{name}-{i}", districts, estates, whole.builder)
        for i, (districts, estates) in enumerate(parts, start=1)
    ]
    at = list(packages).index(whole)
    result = (*packages[:at], *made, *packages[at + 1 :])
    check_packages(plan, result)
    return result


def merge(
    plan: DistrictPlan,
    packages: Sequence[Package],
    names: Sequence[str],
    into: str,
    *,
    builder: str | None = None,
) -> tuple[Package, ...]:
    """Make one package of several.

    Raises
    ------
    UnknownNameError
        There is no such package.
    OptionError
        Fewer than two are named, or their builders differ and none is given: a package has one.
    """
    chosen = [find(packages, name) for name in dict.fromkeys(names)]
    if len(chosen) < 2:
        raise OptionError("Name at least two packages to merge")
    builders = {package.builder for package in chosen if package.builder is not None}
    if builder is None and len(builders) > 1:
        raise OptionError(
            f"{' and '.join(package.name for package in chosen)} have different builders "
            f"({', '.join(sorted(builders))}); say who builds the merged package with --builder"
        )
    whole = Package(
        into,
        tuple(d for package in chosen for d in package.districts),
        tuple(u for package in chosen for u in package.estates),
        builder or next(iter(builders), None),
    )
    at = min(list(packages).index(package) for package in chosen)
    rest = [package for package in packages if package not in chosen]
    result = (*rest[:at], whole, *rest[at:])
    check_packages(plan, result)
    return result


def remove(packages: Sequence[Package], name: str) -> tuple[Package, ...]:
    """Take a package away; its districts are free again.

    Raises
    ------
    UnknownNameError
        There is no such package.
    """
    gone = find(packages, name)
    return tuple(package for package in packages if package is not gone)


def assign(packages: Sequence[Package], name: str, builder: str | None) -> tuple[Package, ...]:
    """Say who builds a package.

    Raises
    ------
    UnknownNameError
        There is no such package.
    """
    chosen = find(packages, name)
    given = replace(chosen, builder=builder)
    return tuple(given if package is chosen else package for package in packages)


def find(packages: Sequence[Package], name: str) -> Package:
    """Return the package of that name.

    Raises
    ------
    UnknownNameError
        There is none.
    """
    for package in packages:
        if package.name == name:
            return package
    there = ", ".join(package.name for package in packages[:_TOLD])
    remedy = f"there are: {there}" if there else "make one with --bundle NAME=D1,D2"
    raise UnknownNameError(f"There is no package '{name}'; {remedy}")


def carried_over(
    plan: DistrictPlan, packages: Sequence[Package]
) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """Return what is left of packages in another version of a plan, and what is not, in words."""
    district = _district_of(plan)
    kept: list[Package] = []
    lost: list[str] = []
    taken: set[str] = set()
    for package in packages:
        districts = tuple(name for name in package.districts if name in plan.districts)
        inside = {uid for uid, name in district.items() if name is not None and name in districts}
        estates = tuple(u for u in package.estates if u in district and u not in inside | taken)
        gone = [
            p for p in (*package.districts, *package.estates) if p not in (*districts, *estates)
        ]
        if gone:
            lost.append(f"{package.name}: {', '.join(gone[:_TOLD])}")
        if districts or estates:
            kept.append(replace(package, districts=districts, estates=estates))
            taken |= {*estates, *inside}
    return tuple(kept), tuple(lost)


def package_sums(plan: DistrictPlan, packages: Sequence[Package], estates: Layer) -> pd.DataFrame:
    """Sum up each package, and what is in none (``package`` None) in the last row.

    Sums are of what is known and NaN where nothing is; ``<column>_unknown`` is the number of
    estates of which it is not known. ``managers`` are the different managers.
    """
    persons = plan.settings.get("persons_per_household")
    people, _ = people_of(
        estates, **({} if persons is None else {"persons_per_household": persons})
    )
    columns = {c: people if c == "people" else estates.numbers(c) for c in SUMMED}
    place = {str(uid): row for row, uid in enumerate(estates.uids)}
    managers = estates.frame["manager"].to_numpy(dtype=object, na_value=None)
    members = [estates_of(plan, package) for package in packages]
    inside = {uid for uids in members for uid in uids}
    rest = tuple(str(u) for u in plan.estates if str(u) not in inside)
    rows = []
    for package, uids in zip((*packages, None), (*members, rest), strict=True):
        own = np.array([place[uid] for uid in uids if uid in place], dtype=np.int64)
        known_managers = [m for m in managers[own] if m is not None]
        row: dict[str, Any] = {
            "package": package.name if package else None,
            "builder": package.builder if package else None,
            "districts": len(package.districts) if package else 0,
            "estates": len(uids),
            "managers": len(set(known_managers)) if known_managers or not uids else np.nan,
            "managers_unknown": len(uids) - len(known_managers),
        }
        for column, values in columns.items():
            known = values[own][~np.isnan(values[own])]
            row[column] = float(known.sum()) if len(known) else np.nan
            row[f"{column}_unknown"] = len(uids) - len(known)
        rows.append(row)
    table = pd.DataFrame(rows)
    for column in ("package", "builder"):
        # pandas would make NaN of None.
        table[column] = pd.Series([row[column] for row in rows], dtype=object)
    return table

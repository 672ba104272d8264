"""A plan that was drawn elsewhere: rows of a file, or district polygons, to a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.coverage.item import texts
from gis.districts import Adjacency, DistrictPlan, LeftOut
from gis.districts.district_plan import district_name
from gis.errors import LayerError, OptionError
from gis.model import Finding, Layer, people_of

BY_PLACE: Final = "*"
"""Stands in the column ``estate`` of every row of a file without estates: see `plan_of_rows`."""
_TOLD: Final = 5
_MOST_OUTSIDE: Final = 0.1


def plan_of_rows(
    rows: Layer,
    estates: Layer,
    *,
    name: str,
    file: str,
    adjacency: Adjacency,
    sizes: Mapping[str, tuple[float, float]],
    persons_per_household: float,
    settings: Mapping[str, Any],
) -> tuple[DistrictPlan, tuple[Finding, ...]]:
    """Make a plan of rows that say which estate is in which district.

    A row names its estate by uid, else by name; where the file has no column of estates, its own
    key may be the estate's; else its polygons are districts, and an estate is in the district in
    which it (a point inside its outline) lies. Estates that are in no row are left out, and told.

    Parameters
    ----------
    rows
        Rows of the kind ``plan``; ``estate`` is `BY_PLACE` throughout where the file has none.
    estates
        n estates of the project, in the same CRS.
    name, file
        What to call the plan; what the file is called in messages.
    adjacency
        Which estates are neighbours: what the checker holds the plan against.
    sizes
        Least and most per district, as the checker will hold them against the plan.
    settings
        Further settings that the plan bears.

    Returns
    -------
    plan
        Of status "drawn"; it may break every bound.
    findings
        What was understood, and which estates the file does not name.

    Raises
    ------
    LayerError
        The file names estates that are not there, one estate twice, or no estate at all; an estate
        lies in two districts, or a district has a name that is too long.
    """
    district = _district_names(rows, file)
    words = texts(rows, "estate")
    findings: list[Finding] = []
    if all(word == BY_PLACE for word in words):
        keys = [str(uid) for uid in rows.uids]
        if set(keys) & {str(uid) for uid in estates.uids}:
            of = _by_word(keys, district, estates, file)
        else:
            of, findings = _by_place(rows, district, estates, file)
    else:
        of = _by_word([str(word) for word in words], district, estates, file)
    if not any(of):
        raise LayerError(f"{file}: no estate lies in any of its districts; check the file")
    left = [str(uid) for uid, own in zip(estates.uids, of, strict=True) if own is None]
    if left:
        findings.append(Finding("estates-left-out", _left_words(left, len(estates), file)))
    _, estimated = people_of(estates, persons_per_household=persons_per_household)
    return DistrictPlan(
        name=name,
        estates=estates.uids,
        district=np.array([*of, None], dtype=object)[:-1],
        left_out=tuple(LeftOut(uid, f"in no district of {file}", False) for uid in left),
        settings={
            "sizes": {c: (float(low), float(high)) for c, (low, high) in sizes.items()},
            "where": None, "taking_part": len(estates), "all_take_part": True, "where_unknown": 0,
            "persons_per_household": persons_per_household,
            "people_estimated": int(estimated.sum()) if "people" in sizes else 0,
            "count": None, "objective": None, "max_walk_minutes": None, "seed": None,
            "time_limit_s": None, "file": file, **settings,
        },
        objective=float("nan"), bound=float("nan"), gap=float("nan"), status="drawn",
        adjacency=adjacency,
    ), tuple(findings)  # fmt: skip


def _left_words(left: list[str], total: int, file: str) -> str:
    more = f" and {len(left) - _TOLD} more" if len(left) > _TOLD else ""
    return (
        f"{len(left)} of {total} estates are in no district of {file}: "
        f"{', '.join(left[:_TOLD])}{more}"
    )


def _district_names(rows: Layer, file: str) -> list[str | None]:
    """Return the name of each row's district, without what cannot be seen; None for none."""
    names: list[str | None] = []
    for word in texts(rows, "district"):
        try:
            names.append(district_name(str(word)))
        except OptionError as error:
            raise LayerError(f"{file}: {error}") from error
    return names


def _by_word(
    words: list[str], district: list[str | None], estates: Layer, file: str
) -> list[str | None]:
    """Find the estates by uid, else by name; name all that cannot be used at once."""
    uids = {str(uid): row for row, uid in enumerate(estates.uids)}
    names: dict[str, list[int]] = {}
    for row, name in enumerate(texts(estates, "name")):
        if name is not None:
            names.setdefault(name, []).append(row)
    unknown: list[str] = []
    unclear: list[str] = []
    found: list[int] = []
    for word in words:
        at = [uids[word]] if word in uids else names.get(word, [])
        if len(at) == 1:
            found.append(at[0])
            continue
        found.append(-1)
        (unclear if at else unknown).append(word)
    times = Counter(row for row in found if row >= 0)
    doubled = [f"{estates.uids[row]} ({n} rows)" for row, n in times.items() if n > 1]
    faults = [
        ("names estates that the project does not have", unknown, "correct them"),
        ("names estates by a name that several have", unclear, "give their uids"),
        ("names estates twice", doubled, "keep one row for each"),
    ]
    told = [f"{what}: {_some(these)}; {remedy}" for what, these, remedy in faults if these]
    if told:
        raise LayerError(f"{file} {', and '.join(told)}")
    of: list[str | None] = [None] * len(estates)
    for row, own in zip(found, district, strict=True):
        of[row] = own
    return of


def _some(words: Iterable[str]) -> str:
    different = list(dict.fromkeys(words))
    more = f" and {len(different) - _TOLD} more" if len(different) > _TOLD else ""
    return f"{', '.join(different[:_TOLD])}{more}"


def _by_place(
    rows: Layer, district: list[str | None], estates: Layer, file: str
) -> tuple[list[str | None], list[Finding]]:
    """Find the district polygon in which a point inside each estate lies."""
    areas = rows.geometries
    flat = shapely.get_dimensions(areas)
    if not (flat == 2).all():
        raise LayerError(
            f"{file} has neither a column of estates nor a polygon for each district; name the "
            "column with --column estate=THEIRS"
        )
    inside = np.asarray(shapely.point_on_surface(estates.geometries), dtype=object)
    row, area = shapely.STRtree(areas).query(inside, predicate="intersects")
    held: dict[int, set[str]] = {}
    for estate, k in zip(row.tolist(), area.tolist(), strict=True):
        name = district[k]
        if name is not None:
            held.setdefault(estate, set()).add(name)
    twice = [
        f"{estates.uids[e]} ({' and '.join(sorted(d))})" for e, d in held.items() if len(d) > 1
    ]
    if twice:
        raise LayerError(
            f"{file} has estates in two districts: {_some(twice)}; draw districts that do not "
            "overlap"
        )
    of = [next(iter(held[e])) if e in held else None for e in range(len(estates))]
    return of, _cut(estates, areas, district, of)


def _cut(
    estates: Layer, areas: NDArray[np.object_], district: list[str | None], of: list[str | None]
) -> list[Finding]:
    """Tell of estates of which a good part lies outside their district."""
    whole = {
        name: shapely.union_all(areas[[k for k, d in enumerate(district) if d == name]])
        for name in dict.fromkeys(district)
    }
    cut = []
    for uid, shape, name in zip(estates.uids, estates.geometries, of, strict=True):
        size = shapely.area(shape)
        if name is None or size == 0:
            continue
        if shapely.area(shapely.difference(shape, whole[name])) > _MOST_OUTSIDE * size:
            cut.append(str(uid))
    if not cut:
        return []
    message = (
        f"{len(cut)} estates cross the edge of their district and count where their middle lies: "
        f"{_some(cut)}"
    )
    return [Finding("estates-cut", message)]

"""What metrics are read from: estates, walks, services and pipes, each worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.coverage import Coverage
from gis.coverage.areas import estate_of_facilities
from gis.coverage.gaps import reached
from gis.coverage.item import texts
from gis.districts import DistrictPlan
from gis.districts.plan import WALK_M_PER_MINUTE
from gis.errors import InputError
from gis.model import PERSONS_PER_HOUSEHOLD, Layer, Study, people_of
from gis.network import Ground, lay_ground

OLD_PIPE_YEAR: Final = 2000
"""Pipes laid by the end of 2000 are old, as the estates of 国办发〔2020〕23号 are."""
PIPE_NEAR_M: Final = 30.0
"""Pipes within this distance of an estate are its pipes: those of the street along it."""
POINT_NEAR_M: Final = 100.0
"""The same for an estate that is only a point."""
FARTHEST_M: Final = 5000.0
_LEAST_SEARCH_M: Final = 1500.0
_TIMES_WIDE: Final = 4.0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure of d districts and of all together; ``unknown``: of how many it is not known."""

    values: Floats
    unknown: Ints
    total: float
    total_unknown: int


@dataclass(frozen=True, eq=False)
class Facts:
    """A plan held against its study.

    ``names`` of d districts; ``rows`` per district the rows (in the layer) of its estates;
    ``lost`` (d,) how many estates of the plan the layer no longer has.
    """

    plan: DistrictPlan
    study: Study
    coverage: Coverage | None
    names: tuple[str, ...]
    rows: tuple[Ints, ...]
    lost: Ints
    people: Floats
    estimated: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        plan: DistrictPlan,
        study: Study,
        *,
        coverage: Coverage | None,
        persons_per_household: float | None,
    ) -> Facts:
        """Find the plan's estates in the study by uid."""
        layer = study.layer("estates")
        persons = persons_per_household
        if persons is None:
            persons = float(plan.settings.get("persons_per_household", PERSONS_PER_HOUSEHOLD))
        people, estimated = people_of(layer, persons_per_household=persons)
        place = {str(uid): row for row, uid in enumerate(layer.uids)}
        found = np.array([place.get(str(uid), -1) for uid in plan.estates], dtype=np.int64)
        names = plan.districts
        own = [found[plan.district == name] for name in names]
        return cls(
            plan, study, coverage, names,
            tuple(rows[rows >= 0] for rows in own),
            np.array([int((rows < 0).sum()) for rows in own], dtype=np.int64),
            people, estimated,
        )  # fmt: skip

    @property
    def layer(self) -> Layer:
        """The estates."""
        return self.study.layer("estates")

    @cached_property
    def walks(self) -> Walks:
        """The walks inside each district."""
        return walks_of(self)

    @cached_property
    def services(self) -> Services:
        """Facilities and what is missing."""
        return services_of(self)

    @cached_property
    def pipes(self) -> Pipes:
        """Pipelines in and along the districts."""
        return pipes_of(self)

    def estates(self) -> Figure:
        """Number of estates."""
        count = (np.array([len(rows) for rows in self.rows]) + self.lost).astype(float)
        return Figure(count, np.zeros(len(count), np.int64), float(count.sum()), 0)

    def people_estimated(self) -> Ints:
        """(d,) estates whose people come from households."""
        return np.array([int(self.estimated[rows].sum()) for rows in self.rows], dtype=np.int64)

    def column(self, name: str) -> Floats:
        """(n,) a number of each estate; people counted or from households."""
        return self.people if name == "people" else self.layer.numbers(name)

    def summed(self, column: str) -> Figure:
        """Sum a column over each district, as far as it is known."""
        values = self.column(column)
        sums = [known_sum(values[rows]) for rows in self.rows]
        unknown = [int(np.isnan(values[rows]).sum()) for rows in self.rows]
        every = np.concatenate([*self.rows, np.empty(0, np.int64)])
        missing = np.array(unknown, dtype=np.int64) + self.lost
        return Figure(np.array(sums, float), missing, known_sum(values[every]), int(missing.sum()))

    def different(self, column: str) -> Figure:
        """Count the different words of a text column."""
        words = texts(self.layer, column)
        sets = [{w for w in words[rows] if w is not None} for rows in self.rows]
        unknown = np.array(
            [sum(w is None for w in words[rows]) for rows in self.rows], dtype=np.int64
        )
        count = np.array([len(s) or np.nan for s in sets], dtype=float)
        every = set().union(*sets) if sets else set()
        missing = unknown + self.lost
        return Figure(count, missing, float(len(every) or np.nan), int(missing.sum()))

    def spread(self) -> Figure:
        """Mean straight distance of people from the mean place of their district, in metres."""
        middle = shapely.get_coordinates(shapely.centroid(self.layer.geometries)).reshape(-1, 2)
        values, weights = [], []
        for rows in self.rows:
            weight = weights_of(self.people[rows])
            if weight.sum() <= 0:
                values.append(np.nan)
                weights.append(0.0)
                continue
            at = np.average(middle[rows], axis=0, weights=weight)
            away = np.hypot(*(middle[rows] - at).T)
            values.append(float(np.average(away, weights=weight)))
            weights.append(float(weight.sum()))
        return Figure(np.array(values, float), self.lost, weighted(values, weights), 0)

    def left_out(self) -> dict[str, float]:
        """Estates without a district, and their people."""
        inside = {str(u) for u, d in zip(self.plan.estates, self.plan.district, strict=True) if d}
        rows = [row for row, uid in enumerate(self.layer.uids) if str(uid) not in inside]
        people = self.people[rows]
        return {
            "estates": len(rows),
            "people": known_sum(people) if rows else 0.0,
            "people_unknown": int(np.isnan(people).sum()),
        }


@dataclass(frozen=True, eq=False)
class Walks:
    """Walks of d districts: of people to the centre, between estates, the longest to the centre."""

    people: Figure
    mean: Figure
    longest: Figure
    centre: Mapping[str, str | None]


@dataclass(frozen=True, eq=False)
class Services:
    """Facilities of d districts, and per district the required services that people lack."""

    inside: Figure
    shared: Figure
    missing: Figure
    people: Figure
    told: Mapping[str, tuple[Mapping[str, Any], ...]]


@dataclass(frozen=True, eq=False)
class Pipes:
    """Metres of pipe by kind, of "all" and of "old" ones."""

    figures: Mapping[str, Figure]
    nothing: Figure

    def of(self, kind: str) -> Figure:
        """Return the figure of a kind; unknown where the layer has no pipe of that kind."""
        return self.figures.get(kind, self.nothing)


def known_sum(values: Floats) -> float:
    """Sum what is known; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.sum()) if len(known) else float("nan")


def weights_of(people: Floats) -> Floats:
    """Weigh by people; by estates where nobody's people are known, or nobody lives there."""
    known = np.nan_to_num(people)
    return known if known.sum() > 0 else np.ones(len(people))


def weighted(values: list[float], weights: list[float]) -> float:
    """Return the mean of what is known, by weight."""
    pairs = [(v, w) for v, w in zip(values, weights, strict=True) if not np.isnan(v) and w > 0]
    if not pairs:
        return float("nan")
    return float(np.average([v for v, _ in pairs], weights=[w for _, w in pairs]))


def unknown_figure(unknown: Ints) -> Figure:
    """Return a figure of which nothing is known."""
    nothing = np.full(len(unknown), np.nan)
    return Figure(nothing, unknown.astype(np.int64), float("nan"), int(unknown.sum()))


def _all_estates(facts: Facts) -> Ints:
    return np.array([len(rows) for rows in facts.rows], dtype=np.int64) + facts.lost


def walks_of(facts: Facts) -> Walks:
    """Walk between the estates of each district, along streets, from gate to gate.

    A walk beyond `FARTHEST_M`, or of an estate that is not linked, is unknown.
    """
    if "streets" not in facts.study:
        nothing = unknown_figure(_all_estates(facts))
        return Walks(nothing, nothing, nothing, dict.fromkeys(facts.names))
    try:
        ground = facts.coverage.ground if facts.coverage is not None else lay_ground(facts.study)
    except InputError:
        # Streets that cannot be walked leave the walk unknown; other figures stand.
        nothing = unknown_figure(_all_estates(facts))
        return Walks(nothing, nothing, nothing, dict.fromkeys(facts.names))
    values: dict[str, list[float]] = {"people": [], "mean": [], "longest": []}
    unknown, weights, pairs = [], [], []
    centre: dict[str, str | None] = {}
    limit = centre_limit_m(facts.plan)
    for name, rows in zip(facts.names, facts.rows, strict=True):
        metres = walks_between(ground, rows, _search_m(facts.layer, rows))
        weight = weights_of(facts.people[rows])
        at = centre_of(metres, weight, limit_m=limit)
        centre[name] = None if at is None else str(facts.layer.uids[rows[at]])
        to_it = np.full(len(rows), np.nan) if at is None else metres[:, at]
        there = ~np.isnan(to_it)
        weights.append(float(weight[there].sum()))
        values["people"].append(weighted(to_it.tolist(), weight.tolist()))
        values["longest"].append(float(to_it[there].max()) if there.any() else np.nan)
        across = metres[~np.eye(len(rows), dtype=bool)]
        across = across[~np.isnan(across)]
        values["mean"].append(float(across.mean()) if len(across) else np.nan)
        pairs.append(float(len(across)))
        unknown.append(int((~there).sum()))
    missing = np.array(unknown, dtype=np.int64) + facts.lost
    longest = np.array(values["longest"], float)
    known = longest[~np.isnan(longest)]
    totals = {
        "people": weighted(values["people"], weights),
        "mean": weighted(values["mean"], pairs),
        "longest": float(known.max()) if len(known) else float("nan"),
    }
    figures = {
        key: Figure(np.array(values[key], float), missing, total, int(missing.sum()))
        for key, total in totals.items()
    }
    return Walks(figures["people"], figures["mean"], figures["longest"], centre)


def _search_m(layer: Layer, rows: Ints) -> float:
    """Return how far to search: several times as far as the district is wide."""
    if len(rows) == 0:
        return 0.0
    x0, y0, x1, y1 = shapely.total_bounds(layer.geometries[rows])
    wide = float(np.hypot(x1 - x0, y1 - y0))
    return min(FARTHEST_M, max(_LEAST_SEARCH_M, _TIMES_WIDE * wide))


def walks_between(ground: Ground, rows: Ints, limit_m: float) -> Floats:
    """(k, k) metres walked from each estate of ``rows`` to each other; NaN beyond the limit."""
    starts = ground.origins
    nodes = [starts.node[(starts.estate == row) & (starts.node >= 0)] for row in rows]
    out = np.full((len(rows), len(rows)), np.nan)
    if len(rows) == 0:
        return out
    # Of category j, the way from every node to the nearest place of estate j.
    metres = ground.network.reach(nodes, limit_m=limit_m).metres
    for i, own in enumerate(nodes):
        if len(own):
            far = metres[:, own]
            reached_at = ~np.isnan(far).all(axis=1)
            out[i, reached_at] = np.nanmin(far[reached_at], axis=1)
            out[i, i] = 0.0
    return out


def centre_limit_m(plan: DistrictPlan) -> float | None:
    """Return how far all estates of a district may be from its centre; None: as far as they are."""
    minutes = plan.settings.get("max_walk_minutes")
    return None if minutes is None else float(minutes) * WALK_M_PER_MINUTE


def centre_of(metres: Floats, weight: Floats, *, limit_m: float | None = None) -> int | None:
    """Return the member to which fewest have no way, then with the shortest walk of people.

    Where the walk to the centre is limited, only a member that all reach within the limit is one,
    as for the checker of plans; where there is none such, as if there were no limit.
    """
    linked = ~np.isnan(np.diagonal(metres))
    if not linked.any():
        return None
    without = np.isnan(metres[linked]).sum(axis=0).astype(float)
    walked = np.nansum(metres[linked] * weight[linked, None], axis=0)
    without[~linked] = np.inf
    if limit_m is not None:
        farthest = np.where(np.isnan(metres), np.inf, metres).max(axis=0)
        fits = farthest <= limit_m * (1 + 1e-12)
        without[~fits] = np.inf if fits.any() else without[~fits]
    return int(np.lexsort((walked, without))[0])


def services_of(facts: Facts) -> Services:
    """Count facilities and required services that people lack, from a coverage measurement."""
    coverage = facts.coverage
    if coverage is None:
        nothing = unknown_figure(_all_estates(facts))
        return Services(nothing, nothing, nothing, nothing, dict.fromkeys(facts.names, ()))
    # The coverage was measured on the same study, so that its rows are those of the layer.
    inside, shared = _facilities(facts, coverage)
    missing, people, told = _lacking(facts, coverage)
    return Services(inside, shared, missing, people, told)


def _facilities(facts: Facts, coverage: Coverage) -> tuple[Figure, Figure]:
    if "facilities" not in facts.study:
        nothing = unknown_figure(_all_estates(facts))
        return nothing, nothing
    owner = estate_of_facilities(coverage)
    reach: set[tuple[int, int]] = set()
    for i in range(len(coverage.items)):
        home, facility = reached(coverage, i)
        reach |= set(zip(coverage.homes.estate[home].tolist(), facility.tolist(), strict=True))
    by_estate: dict[int, set[int]] = {}
    for estate, facility_row in reach:
        by_estate.setdefault(estate, set()).add(facility_row)
    linked = coverage.access != "unlinked"
    inside, shared, unknown, all_shared = [], [], [], set()
    for rows in facts.rows:
        inside.append(float(np.isin(owner, rows).sum()))
        asked = [int(row) for row in rows if linked[row]]
        common = set.intersection(*(by_estate.get(r, set()) for r in asked)) if asked else set()
        shared.append(float(len(common)) if asked else np.nan)
        all_shared |= common
        unknown.append(len(rows) - len(asked))
    lost = np.array(unknown, dtype=np.int64) + facts.lost
    none = np.zeros(len(facts.names), np.int64)
    return (
        Figure(np.array(inside, float), none, float(sum(inside)), 0),
        Figure(np.array(shared, float), lost, float(len(all_shared)), int(lost.sum())),
    )


def _lacking(
    facts: Facts, coverage: Coverage
) -> tuple[Figure, Figure, dict[str, tuple[Mapping[str, Any], ...]]]:
    """Required services that some of a district's homes lack, and how many people lack any."""
    must = [item for item in coverage.items if item.rule.must]
    people = coverage.crowds.of["all"].homes
    no_data = sum(not item.has_data for item in must)
    told: dict[str, tuple[Mapping[str, Any], ...]] = {}
    count, lacking, unknown = [], [], []
    everywhere: set[str] = set()
    for name, rows in zip(facts.names, facts.rows, strict=True):
        inside = np.isin(coverage.homes.estate, rows)
        lines, anybody = [], np.zeros(len(inside), dtype=bool)
        for item in must:
            gap = inside & (item.home_status == "gap") & item.has_data
            if not gap.any():
                continue
            anybody |= gap
            everywhere.add(item.rule.id)
            known = people[gap][~np.isnan(people[gap])]
            lines.append({
                "category": item.rule.category,
                "zh": item.rule.zh,
                "en": item.rule.en,
                "rule": item.rule.id,
                "estates": len(np.unique(coverage.homes.estate[gap])),
                "people": float(known.sum()) if len(known) else None,
                "people_unknown": int(np.isnan(people[gap]).sum()),
            })  # fmt: skip
        told[name] = tuple(lines)
        count.append(float(len(lines)) if no_data < len(must) else np.nan)
        lacking.append(known_sum(people[anybody]) if anybody.any() else count[-1] * 0.0)
        unknown.append(int(np.isnan(people[anybody]).sum()))
    services = np.full(len(count), no_data, dtype=np.int64)
    total = float(len(everywhere)) if no_data < len(must) else float("nan")
    missing = np.array(unknown, dtype=np.int64)
    return (
        Figure(np.array(count, float), services, total, no_data),
        Figure(np.array(lacking, float), missing, known_sum(np.array(lacking, float)),
               int(missing.sum())),
        told,
    )  # fmt: skip


def pipes_of(facts: Facts) -> Pipes:
    """Measure the pipes in the estates of each district and within `PIPE_NEAR_M` of them.

    A pipe between two districts is near both and counts in each; in the total it counts once.
    "old" are those laid by `OLD_PIPE_YEAR`; of how many pipes the year is not known is told.
    """
    nothing = unknown_figure(_all_estates(facts))
    if "pipelines" not in facts.study:
        return Pipes({}, nothing)
    layer = facts.study.layer("pipelines")
    lines, kinds = layer.geometries, texts(layer, "pipe")
    built = layer.numbers("built_year")
    tree = shapely.STRtree(lines)
    shapes = facts.layer.geometries
    near = np.where(shapely.get_dimensions(shapes) == 0, POINT_NEAR_M, PIPE_NEAR_M)
    zones = [
        shapely.union_all(shapely.buffer(shapes[rows], near[rows], quad_segs=4))
        for rows in facts.rows
    ]
    parts = [_inside(tree, lines, zone) for zone in zones]
    parts.append(_together(parts, lines, zones))
    figures = {}
    for kind in ("all", "old", *dict.fromkeys(kinds)):
        chosen = np.ones(len(lines), bool) if kind in ("all", "old") else kinds == kind
        asked = np.isnan(built) if kind == "old" else np.zeros(len(lines), bool)
        if kind == "old":
            chosen = built <= OLD_PIPE_YEAR
        sums = [float(metres[chosen[row]].sum()) for row, metres in parts]
        unknown = [int(asked[row].sum()) for row, _ in parts]
        if kind == "old":
            # Where every pipe near a district is of unknown age, so are the old metres.
            ages = [bool((~np.isnan(built[row])).any()) or not len(row) for row, _ in parts]
            sums = [s if a else np.nan for s, a in zip(sums, ages, strict=True)]
        figures[kind] = Figure(
            np.array(sums[:-1], float), np.array(unknown[:-1], np.int64), sums[-1], unknown[-1]
        )
    return Pipes(figures, nothing)


def _inside(tree: Any, lines: NDArray[np.object_], zone: Any) -> tuple[Ints, Floats]:
    """(r,) rows of the lines that a zone touches and (r,) the metres of each within it."""
    rows = np.sort(tree.query(zone, predicate="intersects")).astype(np.int64)
    metres = shapely.length(lines[rows])
    # Cutting is slow; most lines lie wholly within the zone.
    edge = ~np.isin(rows, tree.query(zone, predicate="contains"))
    metres[edge] = shapely.length(shapely.intersection(lines[rows[edge]], zone))
    return rows, metres


def _together(
    parts: list[tuple[Ints, Floats]], lines: NDArray[np.object_], zones: list[Any]
) -> tuple[Ints, Floats]:
    """Rows and metres within any of the zones; what lies in several counts once.

    The union of all zones would be far too large to cut with: each line is held against the union
    of those that it touches.
    """
    metres = np.zeros(len(lines))
    touched: dict[int, list[int]] = {}
    for zone, (rows, within) in enumerate(parts):
        metres[rows] += within
        for row in rows.tolist():
            touched.setdefault(row, []).append(zone)
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, several in touched.items():
        if len(several) > 1:
            groups.setdefault(tuple(several), []).append(row)
    for key, own in groups.items():
        whole = shapely.union_all([zones[zone] for zone in key])
        metres[own] = shapely.length(shapely.intersection(lines[own], whole))
    found = np.array(sorted(touched), dtype=np.int64)
    return found, metres[found]

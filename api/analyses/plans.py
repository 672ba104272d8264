"""What the plans of a project can be asked: checked, repaired, compared, measured, bundled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from api.analyses.how import profile_of
from api.analyses.walking import coverage_of
from api.store import Project
from api.store.plans import require_name
from gis.coverage import Coverage
from gis.districts import (
    Adjacency,
    DistrictPlan,
    LinkOptions,
    Violation,
    check_plan,
    neighbours,
)
from gis.districts.aims import AREAS
from gis.districts.neighbours import LONGEST_WALK_M, estate_walk, walk_costs
from gis.districts.plan import WALK_M_PER_MINUTE
from gis.districts.wishes import areas_of_estates
from gis.model import Layer, Progress, Study, people_of, silent
from gis.plans import (
    Package,
    PlanDifference,
    PlanMetrics,
    changed_inputs,
    compare_plans,
    input_stamp,
    measure_plan,
)
from gis.plans.packages import carried_over, estates_of
from gis.plans.repair import Repair, repair_plan

_OF_COVERAGE: Final = (
    "facilities_inside", "facilities_shared", "services_missing", "people_lacking",
)  # fmt: skip

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "estates": (),
    "households": ("households",),
    "people": (),
    "buildings": ("buildings",),
    "floor_area_m2": ("floor_area_m2",),
    "cost_yuan": ("cost_yuan",),
    "communities": ("community",),
    "managers": ("manager",),
}
"""Metrics that read columns of the estates and nothing else, beside those that each one reads."""
_OF_ALL: Final = ("uid", "people", "households")


def columns_read(metrics: Collection[str] | None) -> tuple[str, ...] | None:
    """Return the columns of the estates that metrics read; None: shapes or other layers too."""
    if metrics is None or not set(metrics) <= _COLUMNS.keys():
        return None
    read = [*_OF_ALL, *(column for name in metrics for column in _COLUMNS[name])]
    return tuple(dict.fromkeys(read))


def stamped(plan: DistrictPlan, study: Study) -> DistrictPlan:
    """Return the plan with the stamp of the layers that it was made of."""
    settings = {**plan.settings, "input_stamp": input_stamp(study)}
    return replace(plan, settings=MappingProxyType(settings))


def neighbours_of(study: Study) -> tuple[Adjacency, Mapping[str, Any]]:
    """Find the neighbours among all estates as a plan does that nothing else is said of.

    Returns
    -------
    adjacency
        On foot or over a wall where there are streets, else by outline.
    settings
        What a plan says of it.
    """
    how = LinkOptions() if "streets" in study else LinkOptions(kind="touch", near_m=LONGEST_WALK_M)
    rows = np.arange(len(study.layer("estates")), dtype=np.int64)
    return neighbours(study, rows, options=how), how.to_settings()


def check_of(
    plan: DistrictPlan, study: Study, *, adjacency: Adjacency | None = None
) -> tuple[Violation, ...]:
    """Hold a plan against its constraints: every violation.

    Neighbours are those of the plan, unless others are given.
    """
    classes, cost = constraints_of(plan, study)
    estates = study.layer("estates")
    return check_plan(plan, estates, adjacency=adjacency, classes=classes, cost=cost)


def constraints_of(plan: DistrictPlan, study: Study) -> tuple[dict[str, NDArray[np.object_]], Any]:
    """Return what the checker cannot read off the estates: areas of estates, and walks.

    Returns
    -------
    classes
        (n,) name of the area of each estate, for each area that districts keep within.
    cost
        (n, n) walked metres where the walk to the centre is limited, else None.
    """
    within = plan.settings.get("within") or ()
    words = [within] if isinstance(within, str) else list(within)
    classes = {word: _areas(study, word) for word in words if word in AREAS}
    minutes = plan.settings.get("max_walk_minutes")
    if minutes is None or "streets" not in study:
        return classes, None
    walk = estate_walk(
        study,
        np.arange(len(study.layer("estates")), dtype=np.int64),
        longest_link_m=plan.settings.get("longest_street_link_m", LinkOptions.longest_link_m),
        at=plan.settings.get("links_at", LinkOptions.at),
    )
    return classes, walk_costs(walk, limit_m=float(minutes) * WALK_M_PER_MINUTE)


def _areas(study: Study, word: str) -> NDArray[np.object_]:
    areas = areas_of_estates(study, AREAS[word])
    return np.asarray(np.array([*areas.names, None], dtype=object)[areas.number], dtype=object)


@dataclass(frozen=True, eq=False)
class Measured:
    """A version of a plan with all that is said of it.

    ``people`` and ``estimated`` (n,) are of the estates layer; ``stale`` the layers that changed
    since the plan was made.
    """

    plan: DistrictPlan
    version: int
    estates: Layer
    people: NDArray[np.float64]
    estimated: NDArray[np.bool_]
    metrics: PlanMetrics
    packages: tuple[Package, ...]
    violations: tuple[Violation, ...]
    stale: tuple[str, ...]

    def package_of(self) -> dict[str, Package]:
        """Return the package of each estate that is in one, by uid."""
        return {uid: p for p in self.packages for uid in estates_of(self.plan, p)}


def measured_plan(
    project: Project,
    name: str,
    *,
    version: int | None = None,
    metrics: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Measure a plan of a project: all metrics, or those named.

    Raises
    ------
    UnknownNameError
        There is no such plan, version or metric.
    """
    tell = progress or silent
    plan = project.read_plan(name, version=version)
    number = version or version_in(plan) or version_of(project, name)
    packages = project.read_packages(name, version=number)
    study = project.read_study()
    tell(0.1, "services")
    coverage = coverage_if_needed(project, study, metrics)
    tell(0.6, "districts")
    persons = persons_of(plan, project)
    people, estimated = people_of(study.layer("estates"), persons_per_household=persons)
    figures = measure_plan(
        plan, study, coverage=coverage, persons_per_household=persons, names=metrics
    )
    return Measured(
        plan=plan,
        version=number,
        estates=study.layer("estates"),
        people=people,
        estimated=estimated,
        metrics=figures,
        packages=packages,
        violations=check_of(plan, study),
        stale=changed_inputs(plan, study),
    )


def metrics_of(
    project: Project,
    plan: DistrictPlan,
    metrics: Collection[str] | None,
    *,
    coverage: Callable[[], Coverage],
) -> PlanMetrics:
    """Measure a plan that is in memory; ``coverage`` is only asked for where a metric needs it.

    Raises
    ------
    UnknownNameError
        There is no such metric.
    """
    study = project.read_study()
    asked = metrics is None or any(name in _OF_COVERAGE for name in metrics)
    return measure_plan(
        plan,
        study,
        coverage=coverage() if asked and "streets" in study else None,
        persons_per_household=persons_of(plan, project),
        names=metrics,
    )


def version_in(plan: DistrictPlan) -> int | None:
    """Return the version that a kept plan says it is: somebody may have kept a newer one since."""
    history = plan.settings.get("history") or [{}]
    version = history[-1].get("version")
    return None if version is None else int(version)


def version_of(project: Project, name: str) -> int:
    """Return the newest version of a plan."""
    return project.plan_infos(name)[-1].version


def persons_of(plan: DistrictPlan, project: Project) -> float:
    """Return the persons per household that a plan counts with."""
    kept = plan.settings.get("persons_per_household")
    return profile_of(project).persons_per_household if kept is None else float(kept)


def coverage_if_needed(
    project: Project, study: Study, metrics: Collection[str] | None
) -> Coverage | None:
    """Measure who walks to what, where that is asked for and there are streets."""
    asked = metrics is None or any(name in _OF_COVERAGE for name in metrics)
    if not asked or "streets" not in study:
        return None
    return coverage_of(project)


def compared_plans(
    project: Project,
    first: tuple[str, int | None],
    second: tuple[str, int | None],
    *,
    metrics: Collection[str] | None = None,
) -> PlanDifference:
    """Compare two plans, or two versions of one, with all metrics side by side.

    Raises
    ------
    UnknownNameError
        There is no such plan.
    """
    one, two = (project.read_plan(name, version=version) for name, version in (first, second))
    return compared(project, one, two, metrics=metrics)


def compared(
    project: Project,
    one: DistrictPlan,
    two: DistrictPlan,
    *,
    metrics: Collection[str] | None = None,
) -> PlanDifference:
    """Compare two plans of a project as they are in memory."""
    study = project.read_study()
    coverage = coverage_if_needed(project, study, metrics)
    measured = [
        measure_plan(
            plan, study, coverage=coverage, persons_per_household=persons_of(plan, project),
            names=metrics,
        )
        for plan in (one, two)
    ]  # fmt: skip
    people, _ = people_of(study.layer("estates"), persons_per_household=persons_of(two, project))
    estates = study.layer("estates")
    known = {str(u): float(p) for u, p in zip(estates.uids, people, strict=True)}
    return compare_plans(
        one, two, known, names=names_of(estates), metrics=(measured[0], measured[1])
    )


def repaired_plan(
    project: Project,
    name: str,
    *,
    version: int | None = None,
    save: str | None = None,
    time_limit_s: float = 20.0,
) -> tuple[Repair, int | None]:
    """Mend a plan with the fewest moves; keep it under the name ``save``, where one is given.

    Packages of the plan go with it as far as their districts are still there.

    Returns
    -------
    repair
        What was moved, and the plan, or why there is none.
    version
        That of what was kept; None where nothing was.
    """
    if save is not None:
        require_name(save)
    plan = project.read_plan(name, version=version)
    study = project.read_study()
    classes, cost = constraints_of(plan, study)
    found = repair_plan(
        plan, study.layer("estates"), classes=classes, cost=cost, time_limit_s=time_limit_s
    )
    if save is None or found.plan is None:
        return found, None
    number = version or version_in(plan) or version_of(project, name)
    kept, lost = carried_over(found.plan, project.read_packages(name, version=number))
    note = f"{name}, version {number}"
    if lost:
        note += f"; packages lost {'; '.join(lost)}"
    mended = replace(found.plan, name=save)
    what = "repaired" if found.violations else "copied"
    return found, project.save_plan(
        mended, what=what, who=project.author.name, note=note, packages=kept
    )


def names_of(estates: Layer) -> dict[str, str | None]:
    """Return the name of each estate by its uid, None where it has none."""
    names = estates.frame["name"].to_numpy(dtype=object, na_value=None)
    return {str(uid): name for uid, name in zip(estates.uids, names, strict=True)}


def link_table(plan: DistrictPlan, estates: Layer) -> pd.DataFrame:
    """Return a row per link of a plan, and per pair that is none, with the reason and the numbers.

    The columns of `Adjacency.table`, and ``district_a``, ``district_b``, ``cut``: a link whose
    ends are in two districts. Estates are those of the plan; the layer, which may have others by
    now, gives their names.
    """
    called = names_of(estates)
    beside = plan.adjacency
    count, others = len(beside.links), len(beside.beyond)
    ends = np.concatenate([beside.links.reshape(-1, 2), beside.beyond.reshape(-1, 2)])
    linked = np.arange(count + others) < count
    table: dict[str, Any] = {}
    for letter, side in zip("ab", ends.T, strict=True):
        uids = [str(uid) for uid in plan.estates[side]]
        table[f"estate_{letter}"] = uids
        table[f"name_{letter}"] = [called.get(uid) for uid in uids]
        table[f"district_{letter}"] = plan.district[side]
    table["linked"] = linked
    table["cut"] = [
        bool(k and x is not None and y is not None and x != y)
        for k, x, y in zip(linked, table["district_a"], table["district_b"], strict=True)
    ]
    table["how"] = [*beside.how, *[None] * others]
    table["metres"] = np.concatenate([beside.metres, beside.beyond_m])
    for name in ("walk_m", "gap_m", "shared_m"):
        table[name] = np.concatenate([getattr(beside, name), np.full(others, np.nan)])
    table["reason"] = [*map(str, beside.reason), *map(str, beside.beyond_reason)]
    return pd.DataFrame(table)

"""Districts and the map of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from api.analyses.how import Walking, profile_of, today
from api.analyses.plans import check_of, stamped
from api.analyses.walking import coverage_of, rules_of
from api.store import Project
from gis.districts import (
    COMMUNITY_PEOPLE,
    DistrictPlan,
    LinkEdits,
    LinkOptions,
    Live,
    Locks,
    Prepared,
    groups_of,
    prepare_districts,
    read_link_edits,
    read_locks,
)
from gis.errors import OptionError
from gis.maps import render_map
from gis.model import Layer, Progress, Study, silent

NOT_ACROSS: Final = ("arterials", "communities", "subdistricts")
_BORDERS: Final[Mapping[str, Literal["community", "subdistrict"]]] = {
    "communities": "community",
    "subdistricts": "subdistrict",
}
_REST_ON_COVERAGE: Final = frozenset({"needs", "facilities"})


@dataclass(frozen=True)
class Districting:
    """What districts can be asked with; see `gis.districts.plan_districts`.

    ``lock_file`` and ``link_file`` are tables of locks, and of links switched on or off by hand;
    ``join`` and ``apart`` groups of estates by uid or name; ``not_across`` some of `NOT_ACROSS`;
    ``pack`` the rules of the coverage that some objectives rest on, ``year`` the first one of the
    works, this year unless given. ``locks`` and ``edits`` stand
    where there is no file, as in what is made again from an earlier plan.
    """

    sizes: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {"people": COMMUNITY_PEOPLE}
    )
    where: str | None = None
    count: int | None = None
    adjacency: Literal["walk", "touch"] = "walk"
    max_link_m: float | None = None
    near_m: float | None = None
    walls: bool = True
    not_across: tuple[str, ...] = ()
    max_walk_minutes: float | None = None
    within: tuple[str, ...] = ()
    objective: Mapping[str, float] | None = None
    lock_file: Path | None = None
    link_file: Path | None = None
    join: tuple[tuple[str, ...], ...] = ()
    apart: tuple[tuple[str, ...], ...] = ()
    pack: str | None = None
    year: int | None = None
    locks: Locks | None = None
    edits: LinkEdits | None = None

    def link_options(self, estates: Layer) -> LinkOptions:
        """What makes two estates neighbours.

        Raises
        ------
        InputError
            The file of links cannot be used, or a border is not known.
        """
        unknown = sorted(set(self.not_across) - set(NOT_ACROSS))
        if unknown:
            raise OptionError(f"There is no '{unknown[0]}'; give one of: {', '.join(NOT_ACROSS)}")
        borders = [_BORDERS[word] for word in self.not_across if word in _BORDERS]
        edits = self.edits or LinkEdits.none()
        if self.link_file is not None:
            edits = read_link_edits(self.link_file, estates)
        limits: dict[str, Any] = {}
        if self.max_link_m is not None:
            limits["max_walk_m" if self.adjacency == "walk" else "max_gap_m"] = self.max_link_m
        return LinkOptions(
            kind=self.adjacency,
            walls=self.walls,
            arterials="arterials" in self.not_across,
            # A border of communities is the closer one: it holds that of subdistricts.
            border="community" if "community" in borders else next(iter(borders), None),
            near_m=self.near_m,
            edits=edits,
            **limits,
        )

    def all_locks(self, estates: Layer) -> Locks:
        """What is settled: the file of locks, and the groups.

        Raises
        ------
        InputError
            The file cannot be used, or there is no such estate.
        """
        base = self.locks or Locks()
        if self.lock_file is not None:
            base = read_locks(self.lock_file, estates)
        return Locks(
            fixed=base.fixed,
            closed=base.closed,
            join=(*base.join, *groups_of(self.join, estates)),
            apart=(*base.apart, *groups_of(self.apart, estates)),
        )


def districting_of(settings: Mapping[str, Any], estates: Layer) -> Districting:
    """Return what a plan that is kept was asked, so that it can be asked again.

    A plan that was drawn by hand says less; what it does not say is as usual.
    """
    borders = {one: many for many, one in _BORDERS.items()}
    across = ["arterials"] if settings.get("arterials") else []
    across += [borders[settings["border"]]] if settings.get("border") else []
    locks = settings.get("locks") or {}
    row = {str(uid): i for i, uid in enumerate(estates.uids)}
    edits = [edit for edit in settings.get("link_edits") or () if {edit[0], edit[1]} <= row.keys()]
    usual = Districting()
    return Districting(
        sizes={column: (low, high) for column, (low, high) in settings["sizes"].items()},
        where=settings.get("where"),
        count=settings.get("count"),
        adjacency=settings.get("adjacency", usual.adjacency),
        max_link_m=settings.get("max_link_m"),
        near_m=settings.get("near_m"),
        walls=settings.get("walls", usual.walls),
        not_across=tuple(across),
        max_walk_minutes=settings.get("max_walk_minutes"),
        within=tuple(settings.get("within") or ()),
        objective=settings.get("objective") or None,
        pack=settings.get("rules"),
        year=settings.get("year"),
        locks=Locks(
            fixed=locks.get("fixed") or {},
            closed=frozenset(locks.get("closed") or ()),
            join=tuple(map(tuple, settings.get("join") or ())),
            apart=tuple(map(tuple, settings.get("apart") or ())),
        ),
        edits=LinkEdits(
            np.array([[row[a], row[b]] for a, b, _, _ in edits], np.int64).reshape(-1, 2),
            np.array([on for _, _, on, _ in edits], bool),
            np.array([note for _, _, _, note in edits], object),
        ),
    )


def prepare_plan(
    project: Project, study: Study, how: Districting, *, progress: Progress | None = None
) -> Prepared:
    """Work out all that a plan rests on, with the coefficients of the project's profile."""
    estates = study.layer("estates")
    links, locks = how.link_options(estates), how.all_locks(estates)
    coverage = None
    if _REST_ON_COVERAGE & set(how.objective or ()):
        coverage = coverage_of(project, Walking(pack=how.pack), progress=progress)
    return prepare_districts(
        study,
        sizes=how.sizes,
        where=how.where,
        count=how.count,
        links=links,
        max_walk_minutes=how.max_walk_minutes,
        within=how.within,
        locks=locks,
        objective=how.objective,
        coverage=coverage,
        year=how.year or int(today()[:4]),
        persons_per_household=profile_of(project).persons_per_household,
        progress=progress,
    )


def districts_of(
    project: Project,
    how: Districting | None = None,
    *,
    name: str = "plan",
    seed: int = 0,
    time_limit_s: float = 10.0,
    live: Live | None = None,
    progress: Progress | None = None,
) -> DistrictPlan:
    """Group the estates into districts and keep the plan under its name.

    An answer without districts (infeasible, or nothing found in time) is no plan: it is returned,
    and what is kept under the name stays.
    """
    tell = progress if progress is not None else silent
    study = project.read_study()
    prepared = prepare_plan(project, study, how or Districting(), progress=progress)
    tell(0.4, "districts")
    plan = stamped(
        prepared.solve(name=name, seed=seed, time_limit_s=time_limit_s, live=live), study
    )
    if plan.districts:
        project.save_plan(plan, what="made", who=project.author.name)
    tell(1.0, "districts")
    return plan


def map_of(
    project: Project,
    *,
    date: str,
    plan: str | None = None,
    pack: str | None = None,
    lang: str = "zh",
    progress: Progress | None = None,
) -> str:
    """Return the single-file map: the newest plan unless one is named, gaps by the rule pack."""
    names = project.plan_names()
    name = plan or (names[-1] if names else None)
    study = project.read_study()
    how = Walking(pack=pack)
    chosen, _ = rules_of(project, how)
    coverage = None
    if "estates" in study and "streets" in study:
        coverage = coverage_of(project, how, progress=progress)
    chosen_plan = project.read_plan(name) if name else None
    return render_map(
        study,
        coverage=coverage,
        plan=chosen_plan,
        violations=check_of(chosen_plan, study) if chosen_plan and "estates" in study else (),
        rules=chosen,
        sources={info.kind: info.sources for info in project.layers()},
        title=project.name,
        date=date,
        lang=lang,
    )

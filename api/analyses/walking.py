"""Who walks to what: the questions about walking that a project can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from api.analyses.how import Walking, profile_of
from api.store import Project
from gis.coverage import Coverage, measure_coverage
from gis.coverage.facilities import category_codes
from gis.errors import OptionError
from gis.explain import Explanation, explain, find_rule
from gis.isochrones import Isochrones, facility_isochrones
from gis.model import Categories, Progress
from gis.network import Ground, lay_ground
from gis.rules import Rule, RulePack, load_pack, own_rule
from gis.stepfree import StepFree, step_free

__all__ = [
    "Walking",
    "coverage_of",
    "explain_of",
    "ground_of",
    "isochrones_of",
    "profile_of",
    "rules_of",
    "step_free_of",
]


def rules_of(project: Project, how: Walking) -> tuple[RulePack | None, tuple[Rule, ...]]:
    """Return the rules asked for: a pack, one category of it, or a rule of the user's own.

    A rule of the user's own is about the group of people whom the usual pack names for it.

    Raises
    ------
    OptionError
        Metres and minutes together, or one of them without a category.
    """
    code = Categories.load().require(how.category).code if how.category else None
    if how.metres is not None or how.minutes is not None:
        if code is None:
            raise OptionError("--metres and --minutes need --category; name what is walked to")
        if how.pack is not None:
            raise OptionError("--rules and an own limit exclude each other; leave one out")
        walker = how.walker or "standard"
        own = own_rule(code, metres=how.metres, minutes=how.minutes, walker=walker)
        return None, (replace(own, group=_group_of(project, code)),)
    chosen = load_pack(how.pack or profile_of(project).rules)
    rules = tuple(rule for rule in chosen.rules if code in (None, rule.category))
    if not rules:
        raise OptionError(
            f"The rule pack '{chosen.name}' says nothing of {code}; "
            "add --metres or --minutes, or name another pack with --rules"
        )
    return chosen, rules


def _group_of(project: Project, code: str) -> str:
    """Return whom a service is for: another limit does not make it one for everybody."""
    usual = load_pack(profile_of(project).rules)
    return next((rule.group for rule in usual.rules if rule.category == code), "all")


def coverage_of(
    project: Project, how: Walking | None = None, *, progress: Progress | None = None
) -> Coverage:
    """Measure who walks to what, with the coefficients of the project's profile."""
    how = how or Walking()
    pack, rules = rules_of(project, how)
    profile = profile_of(project)
    return measure_coverage(
        project.read_study(),
        rules,
        pack=pack,
        link=how.link,
        longest_link_m=how.longest_link_m,
        persons_per_household=profile.persons_per_household,
        at=how.at,
        origin=how.origin,
        walker=how.walker,
        terrain=how.terrain,
        place=profile.name,
        progress=progress,
    )


def explain_of(
    project: Project,
    estate: str,
    how: Walking,
    *,
    building: str | None = None,
    ground: Ground | None = None,
) -> Explanation:
    """Explain why an estate has no facility of ``how.category`` in reach, or has.

    ``ground`` is that of `ground_of`, where it is at hand.

    Raises
    ------
    OptionError
        No category was named.
    """
    if how.category is None:
        raise OptionError("Name what is walked to with --category")
    _, rules = rules_of(project, how)
    return explain(
        project.read_study(),
        estate,
        find_rule(rules, rules[0].category),
        at=how.at,
        origin=how.origin,
        building=building,
        walker=how.walker,
        terrain=how.terrain,
        link=how.link,
        longest_link_m=how.longest_link_m,
        ground=ground,
    )


def ground_of(project: Project, how: Walking) -> Ground:
    """Lay the streets, gates and homes of a project out; it takes most of the time to explain."""
    return lay_ground(
        project.read_study(),
        at=how.at,
        origin=how.origin,
        link=how.link,
        longest_link_m=how.longest_link_m,
    )


def isochrones_of(
    project: Project,
    how: Walking,
    *,
    facilities: Sequence[str] = (),
    metres: Sequence[float] | None = None,
    minutes: Sequence[float] | None = None,
) -> Isochrones:
    """Find what facilities reach: those named, else all of ``how.category``.

    Raises
    ------
    OptionError
        Neither facilities nor a category, or both.
    """
    if bool(facilities) == (how.category is not None):
        raise OptionError("Name the facilities with --facility, or all of one --category")
    study = project.read_study()
    chosen = list(facilities)
    if how.category is not None:
        code = Categories.load().require(how.category).code
        codes = category_codes(study)
        chosen = [str(uid) for uid in study.layer("facilities").uids[codes == code]]
        if not chosen:
            raise OptionError(f"The project has no facility of {code}; import some first")
    return facility_isochrones(
        study,
        chosen,
        metres=metres,
        minutes=minutes,
        walker=how.walker or "standard",
        at=how.at,
        terrain=how.terrain,
        link=how.link,
        longest_link_m=how.longest_link_m,
    )


def step_free_of(
    project: Project, how: Walking, *, categories: Sequence[str] = (), ramps: int = 10
) -> StepFree:
    """Say which homes have no step-free way to a service, and which ramps bring most people."""
    profile = profile_of(project)
    return step_free(
        project.read_study(),
        categories or None,
        metres=how.metres,
        minutes=how.minutes,
        most_ramps=ramps,
        walker=how.walker or "wheelchair",
        at=how.at,
        terrain=how.terrain,
        link=how.link,
        longest_link_m=how.longest_link_m,
        persons_per_household=profile.persons_per_household,
        place=profile.name,
    )

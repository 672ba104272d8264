"""Who walks to what: the questions about walking that a project can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from api.store import Project
from gis.coverage import Coverage, measure_coverage
from gis.errors import OptionError
from gis.model import Categories, Progress
from gis.network.ground import AT, Origin
from gis.renewal import DEFAULT_PROFILE, Profile, load_profile
from gis.rules import Rule, RulePack, load_pack, own_rule

Terrain = Literal["auto", "on", "off"]


@dataclass(frozen=True)
class Walking:
    """How it is walked: what every question about walking can be asked with.

    ``pack``, ``category``, ``metres``, ``minutes`` choose the rules (see `rules_of`); ``walker``
    walks instead of those of the rules; ``at`` the hour "HH:MM"; ``origin`` "gate" or "building";
    ``terrain`` "auto", "on" or "off"; ``link`` "counted" or "free".
    """

    pack: str | None = None
    category: str | None = None
    metres: float | None = None
    minutes: float | None = None
    walker: str | None = None
    at: str = AT
    origin: Origin = "gate"
    terrain: Terrain = "auto"
    link: str = "counted"
    longest_link_m: float = 300.0


def profile_of(project: Project) -> Profile:
    """Return the policy profile that the project was made with, or the national one."""
    return load_profile(project.profile or DEFAULT_PROFILE)


def rules_of(project: Project, how: Walking) -> tuple[RulePack | None, tuple[Rule, ...]]:
    """Return the rules asked for: a pack, one category of it, or a rule of the user's own.

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
        return None, (own_rule(code, metres=how.metres, minutes=how.minutes, walker=walker),)
    chosen = load_pack(how.pack or profile_of(project).rules)
    rules = tuple(rule for rule in chosen.rules if code in (None, rule.category))
    if not rules:
        raise OptionError(
            f"The rule pack '{chosen.name}' says nothing of {code}; "
            "add --metres or --minutes, or name another pack with --rules"
        )
    return chosen, rules


def coverage_of(
    project: Project, how: Walking | None = None, *, progress: Progress | None = None
) -> Coverage:
    """Measure who walks to what, with the coefficients of the project's profile."""
    how = how or Walking()
    pack, rules = rules_of(project, how)
    return measure_coverage(
        project.read_study(),
        rules,
        pack=pack,
        link=how.link,
        longest_link_m=how.longest_link_m,
        persons_per_household=profile_of(project).persons_per_household,
        progress=progress,
    )

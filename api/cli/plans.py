"""The command that groups estates into districts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from api.analyses import Districting, districts_of
from api.analyses.answers import districts_json
from api.analyses.planning import NOT_ACROSS
from api.cli.options import PATH, PROJECT, json_option
from api.cli.output import answer, number, progress_bar, table_lines
from api.cli.plan_lines import estate_words
from api.store import Project
from api.store.address import shown
from gis.districts import OBJECTIVES, DistrictPlan
from gis.errors import OptionError

LEFT_OUT_SHOWN: Final = 40
_NAMES_SHOWN: Final = 10


def read_size(text: str) -> tuple[str, tuple[float, float]]:
    """Read ``COLUMN:MIN:MAX``; an empty bound is none.

    Raises
    ------
    OptionError
        It has another form, a bound is no number, or MIN > MAX.
    """
    column, *bounds = (part.strip() for part in text.split(":"))
    try:
        written = [float(bound) for bound in bounds if bound]
        low, high = (float(b) if b else no for b, no in zip(bounds, (0.0, math.inf), strict=True))
        fits = bool(column) and 0 <= low <= high and all(map(math.isfinite, written))
    except ValueError:
        fits = False
    if not fits:
        raise OptionError(
            f"--size '{text}' is not COLUMN:MIN:MAX with 0 <= MIN <= MAX; "
            "write for example --size people:5000:12000, or --size cost_yuan::50000000"
        )
    return column, (low, high)


def read_objectives(texts: tuple[str, ...]) -> dict[str, float]:
    """Read ``NAME`` or ``NAME=WEIGHT``, several.

    Raises
    ------
    OptionError
        A weight is no number, or a name comes twice.
    """
    weights: dict[str, float] = {}
    for text in texts:
        name, _, weight = text.partition("=")
        try:
            value = float(weight) if "=" in text else 1.0
        except ValueError:
            raise OptionError(f"--objective '{text}' is not NAME or NAME=WEIGHT") from None
        if name in weights:
            raise OptionError(f"--objective names '{name}' twice; give it one weight")
        weights[name] = value
    return weights


def _groups(texts: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(word.strip() for word in text.replace("，", ",").split(",") if word.strip())
        for text in texts
    )


@click.command()
@click.argument("project", type=PROJECT)
@click.option(
    "--where",
    help='Condition on columns of the estates, e.g. "built_year <= 2000"; all unless given.',
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    metavar="COLUMN:MIN:MAX",
    help="Bounds per district of people, households, area_m2, cost_yuan, count (of estates) or "
    "any column of numbers; people:5000:12000 unless given. A bound may be left empty.",
)
@click.option("--count", type=int, help="Exactly this many districts.")
@click.option(
    "--adjacency",
    type=click.Choice(["walk", "touch"]),
    default="walk",
    show_default=True,
    help="Neighbours: within a walk or over a wall, or outlines close to each other.",
)
@click.option(
    "--max-link-metres", "max_link_m", type=float, help="Longest walk (or gap) between neighbours."
)
@click.option(
    "--near-metres",
    "near_m",
    type=float,
    help="With --adjacency touch: how near estates must be that are only points.",
)
@click.option(
    "--walls/--no-walls",
    default=True,
    show_default=True,
    help="Whether estates that share a wall which could be opened are neighbours.",
)
@click.option(
    "--not-across",
    multiple=True,
    type=click.Choice(NOT_ACROSS),
    help="What else no neighbours lie across, beside rivers, railways and expressways.",
)
@click.option(
    "--links",
    "link_file",
    type=PATH,
    help="Table of neighbours made or undone by hand: estate_a, estate_b, action (on or off), "
    "note; in Chinese 小区甲, 小区乙, 操作, 备注.",
)
@click.option(
    "--max-walk-minutes",
    type=float,
    help="Every estate walks to the central estate of its district in this time, at 1.00 m/s.",
)
@click.option(
    "--within",
    multiple=True,
    metavar="COLUMN",
    help="Districts stay within one of: communities, subdistricts, or a column of text such as "
    "manager. An estate of which it is unknown mixes with none.",
)
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    metavar="NAME[=WEIGHT]",
    help=f"What the plan is to be good at: {', '.join(OBJECTIVES)}; short walks (compact) and few "
    "cut-links unless given.",
)
@click.option("--rules", "pack", help="Rule pack of the objectives needs and facilities.")
@click.option(
    "--year", type=int, help="First year of the works, for the objective pipelines; this year."
)
@click.option(
    "--lock",
    "lock_file",
    type=PATH,
    help="Table of what is settled: estate, district, closed (yes: nothing joins that district); "
    "in Chinese 小区, 片区, 整片锁定.",
)
@click.option("--join", multiple=True, metavar="A,B", help="Estates that share a district.")
@click.option("--apart", multiple=True, metavar="A,B", help="Estates that do not.")
@click.option(
    "--time-limit",
    "time_limit_s",
    type=float,
    default=10.0,
    show_default=True,
    help="Seconds to search.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="The same seed gives the same plan.",
)
@click.option(
    "--plan", "name", default="plan", show_default=True, help="Name under which the plan is kept."
)
@json_option
def districts(
    project: str | Path,
    sizes: tuple[str, ...],
    objectives: tuple[str, ...],
    join: tuple[str, ...],
    apart: tuple[str, ...],
    name: str,
    seed: int,
    time_limit_s: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Group estates into contiguous districts within bounds; what cannot be placed says why."""
    read = [read_size(text) for text in sizes]
    if len({column for column, _ in read}) < len(read):
        raise OptionError("--size names a column twice; give each one pair of bounds")
    if read:
        options["sizes"] = dict(read)
    if objectives:
        options["objective"] = read_objectives(objectives)
    how = Districting(join=_groups(join), apart=_groups(apart), **options)
    with Project.open(project) as opened, progress_bar("districts") as progress:
        plan = districts_of(
            opened, how, name=name, seed=seed, time_limit_s=time_limit_s, progress=progress
        )
        estates = opened.read_layer("estates")
    result = {
        "project": shown(project),
        **districts_json(plan, estates),
    }
    names = estates.frame["name"].to_numpy(dtype=object, na_value=None)
    called = dict(zip(map(str, estates.uids), names, strict=True))
    answer(result, _plan_lines(plan, result, called), as_json=as_json)


def _plan_lines(
    plan: DistrictPlan, result: dict[str, Any], called: Mapping[str, str | None]
) -> Iterator[str]:
    found: list[dict[str, Any]] = result["districts"]
    if found:
        yield f"Plan '{plan.name}': {len(found)} districts, status {plan.status}, 0 violations"
    else:
        yield f"No districts, status {plan.status}: nothing is kept under '{plan.name}'"
    if plan.reason:
        yield f"  {plan.reason}"
    if found:
        # A column of which nothing is known, or nothing unknown, says nothing.
        told = [key for key in found[0] if any(row[key] == row[key] and row[key] for row in found)]
        told = [key for key in told if key.removesuffix("_unknown") in told]
        rows = [[key.replace("_", " ") for key in told]] + [
            [row[key] if isinstance(row[key], str) else number(row[key]) for key in told]
            for row in found
        ]
        yield from table_lines(rows)
        yield from _quality_lines(plan)
    else:
        yield f"  Loosen {_what_bounds(plan.settings)}, and try again"
    if plan.left_out:
        yield f"Left out: {len(plan.left_out)} estates"
        yield from _left_out_lines(plan, result["project"], called)


def _what_bounds(settings: Mapping[str, Any]) -> str:
    """Name the options that bound the districts, the likeliest first."""
    asked = {
        "--size": True,
        "--count": settings["count"] is not None,
        "--max-link-metres": True,
        "--max-walk-minutes": settings["max_walk_minutes"] is not None,
        "--within": bool(settings["within"]),
        "--lock": bool(settings["locks"]["fixed"]),
        "--join": bool(settings["join"]),
        "--apart": bool(settings["apart"]),
    }
    return " or ".join(option for option, is_so in asked.items() if is_so)


def _left_out_lines(
    plan: DistrictPlan, project: str, called: Mapping[str, str | None]
) -> Iterator[str]:
    """Say of each estate why it is left out; what is true of several is said once."""
    same: dict[str, list[str]] = {}
    for left in plan.left_out:
        proof = "" if left.proved else " (not proven)"
        remedy = f"; {left.remedy}" if left.remedy else ""
        # What the whole plan fails by stands above already.
        why = f"as above{proof}" if left.reason == plan.reason else f"{left.reason}{proof}{remedy}"
        same.setdefault(why, []).append(estate_words(left.estate, called.get(left.estate)))
    for why, estates in list(same.items())[:LEFT_OUT_SHOWN]:
        more = len(estates) - _NAMES_SHOWN
        rest = f" and {more} more" if more > 0 else ""
        yield f"  {', '.join(estates[:_NAMES_SHOWN])}{rest}: {why}"
    hidden = sum(map(len, list(same.values())[LEFT_OUT_SHOWN:]))
    if hidden:
        where = "--json lists all"
        if plan.districts:
            where = f"'lianpian plan export {shown(project)} {plan.name} --out FILE.xlsx' lists all"
        yield f"  and {hidden} estates more; {where}"


def figure(value: float) -> str:
    """Return a number as is fit to compare: three digits of what is small."""
    if value is None or not math.isfinite(value) or abs(value) >= 1000:
        return number(value)
    return f"{value:.3g}"


def _quality_lines(plan: DistrictPlan) -> Iterator[str]:
    """What the plan comes to in each objective, and below what no plan can come."""
    for name, term in plan.settings["terms"].items():
        weight = f", weight {term['weight']:g}" if len(plan.settings["terms"]) > 1 else ""
        yield f"{name}: {figure(term['value'])} {term['unit']}{weight}"
    if plan.status != "optimal":
        told = f"no plan is below {figure(plan.bound)}" if plan.bound > 0 else "no bound known"
        yield f"objective {figure(plan.objective)}; {told}"

"""Commands about walking: who walks to what, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from api.analyses import (
    Walking,
    coverage_of,
    explain_of,
    isochrones_of,
    step_free_of,
    today,
    write_gap_list,
    write_tables,
)
from api.analyses.answers import coverage_json, isochrones_json
from api.cli.options import PATH, PROJECT, json_option, walking_options
from api.cli.output import answer, finding_lines, number, progress_bar, table_lines
from api.store import Project
from api.store.address import shown
from gis.coverage import Coverage, circle_claim
from gis.errors import OptionError
from gis.explain import Explanation
from gis.stepfree import StepFree

COUNT_COLUMNS = ("covered", "gap", "unlinked", "no_data")


@click.command()
@click.argument("project", type=PROJECT)
@walking_options()
@click.option(
    "--claim",
    "claim_minutes",
    type=float,
    metavar="MINUTES",
    help="Check a circle claim: the share of households with every service in so many minutes.",
)
@click.option(
    "--capacity", is_flag=True, help="Add places and floor area: required, present, served."
)
@click.option("--plan", help="Add the gaps by the districts of this plan to the .xlsx.")
@click.option("--out", type=PATH, help="Write the gap list to this .xlsx.")
@click.option(
    "--lang", type=click.Choice(["zh", "en"]), default="zh", help="Language of the .xlsx."
)
@json_option
def coverage(
    project: str | Path,
    how: Walking,
    claim_minutes: float | None,
    capacity: bool,
    plan: str | None,
    out: Path | None,
    lang: str,
    as_json: bool,
) -> None:
    """Who cannot walk to what: estates, households and people by category, along the streets."""
    with Project.open(project) as opened, progress_bar("coverage") as progress:
        districts = opened.read_plan(plan) if plan else None
        measured = coverage_of(opened, how, progress=progress)
        claim = None
        if claim_minutes is not None:
            claim = circle_claim(measured, minutes=claim_minutes, walker=how.walker)
        if out is not None:
            write_gap_list(
                measured, out, project=opened.name, lang=lang, plan=districts, claim=claim
            )
    result = {
        "project": shown(project),
        **coverage_json(measured, claim=claim, capacity=capacity),
        "file": str(out) if out else None,
    }
    answer(result, _coverage_lines(measured, result), as_json=as_json)


def _coverage_lines(measured: Coverage, result: dict[str, Any]) -> Iterator[str]:
    rows = [
        [
            "category",
            "",
            "limit",
            *COUNT_COLUMNS,
            "people covered",
            "people gap",
            "people unlinked",
            "clause",
        ]
    ]
    for item in result["items"]:
        limit = f"{item['limit_m']:g} m" if item.get("limit_m") else f"{item['limit_s'] / 60:g} min"
        rows.append(
            [
                item["category"],
                item["zh"],
                limit,
                *(number(item[key]) for key in COUNT_COLUMNS),
                number(item["people_covered"]),
                number(item["people_gap"]),
                number(item["people_unlinked"]),
                item["clause"] if item["verified"] else f"{item['clause']} (unverified)",
            ]
        )
    how = measured.assumptions
    yield (
        f"{len(measured.estates)} estates, walked along the streets from the {how['origin']}, "
        f"at {how['at']}, {how['terrain']}; data grade {measured.grade.letter}"
    )
    yield from table_lines(rows)
    if how["origin"] == "building":
        yield (
            "Estates are covered when all their buildings are; people are counted by building, "
            "so people covered live in estates with a gap too"
        )
    yield from _level_lines(result["levels"])
    if result["claim"]:
        yield from _claim_lines(result["claim"])
    if result["capacity"]:
        yield from _capacity_lines(result["capacity"])
    yield from finding_lines(measured.findings)
    if result["file"]:
        yield f"Gap list: {result['file']}"


def _level_lines(levels: list[dict[str, Any]]) -> Iterator[str]:
    if any(level["zh"] is not None for level in levels):
        yield "Circles, each with all that the smaller ones need (estates):"
        rows = [["circle", "complete", "lacking", "people lacking", "missing most"]]
        for level in levels:
            counts = (level["complete"], level["lacking"], level["people_lacking"])
            rows.append(
                [
                    str(level["zh"] or level["level"]),
                    *map(number, counts),
                    _most_missing(level),
                ]
            )
        yield from table_lines(rows)


def _most_missing(level: dict[str, Any]) -> str:
    """Name what most people lack; say so where that rests on estates, or on no data at all."""
    known = number(level["people_lacking"]) != number(None)
    if level["most_missing"]:
        return str(level["most_missing"]) + ("" if known else " (by estates; people unknown)")
    if level["rules_no_data"]:
        return "no data" if known else "no data, people unknown"
    if not level["rules"]:
        return "nothing required"
    return "nothing" if level["complete"] else "unknown"


def _claim_lines(claim: dict[str, Any]) -> Iterator[str]:
    verdict = {True: "holds", False: "does not hold", None: "cannot be told"}[claim["holds"]]
    whose = f"the walker '{claim['walker']}'" if claim["walker"] else "each rule's walker"
    yield (
        f"The claim of a {claim['minutes']:g}-minute circle {verdict} "
        f"(minutes of {whose}, {claim['terrain']}):"
    )
    rows = [["function", "", "households covered", "share"]]
    for row in claim["functions"]:
        share = row["share_households"]
        told = "–" if share is None or share != share else f"{share:.1%}"
        rows.append([row["function"], row["zh"], number(row["households_covered"]), told])
    yield from table_lines(rows)


def _capacity_lines(items: list[dict[str, Any]]) -> Iterator[str]:
    yield "Sizes, required and present:"
    heads = ("required", "present", "missing in reach", "not given out", "without", "of", "counted")
    rows = [["category", "measure", *heads]]
    keys = ("required", "present", "missing", "unserved", "base_unserved", "base")
    for item in items:
        numbers = (number(item[key]) for key in keys)
        rows.append([item["category"], item["measure"], *numbers, item["base_unit"]])
    yield from table_lines(rows)


@click.command()
@click.argument("project", type=PROJECT)
@click.option("--estate", required=True, help="The estate: its uid, or a name only it has.")
@click.option("--building", help="With --from building: uid of the building to start at.")
@walking_options()
@json_option
def explain(
    project: str | Path, estate: str, building: str | None, how: Walking, as_json: bool
) -> None:
    """Why an estate has no service in reach: the walked route, what makes it long, what mends it.

    Name the service with --category.
    """
    with Project.open(project) as opened:
        found = explain_of(opened, estate, how, building=building)
    result = {"project": shown(project), "date": today(), **found.to_json()}
    answer(result, _explain_lines(found), as_json=as_json)


def _explain_lines(found: Explanation) -> Iterator[str]:
    yield found.en
    if found.parts:
        yield "The walk, part by part:"
        rows = [["", "street", "m", "s"]]
        for part in found.parts:
            name = part.name or part.en
            rows.append([part.kind, name, number(part.metres), number(part.seconds)])
        yield from table_lines(rows)
    for title, items in (
        ("What makes it long:", found.causes),
        ("What would close the gap:", found.remedies),
    ):
        if items:
            yield title
            for item in items:
                yield f"  - {item.en}"
    yield from finding_lines(found.findings)


def _limits(text: str | None, option: str) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise OptionError(
            f"{option} '{text}' is no list of numbers; write {option} 5,10,15"
        ) from None


@click.command()
@click.argument("project", type=PROJECT)
@click.option(
    "--facility",
    "facilities",
    multiple=True,
    metavar="ID",
    help="A facility; several by repeating.",
)
@click.option("--category", help="All facilities of this category instead.")
@click.option(
    "--minutes", metavar="A,B,..", help="Bands in minutes of the walker; 5,10,15 unless given."
)
@click.option("--metres", metavar="A,B,..", help="Bands in walked metres instead.")
@click.option("--out", type=PATH, help="Write streets, homes and polygons to this .gpkg.")
@walking_options(rules=False, home=False)
@json_option
def isochrones(
    project: str | Path,
    facilities: tuple[str, ...],
    category: str | None,
    minutes: str | None,
    metres: str | None,
    out: Path | None,
    how: Walking,
    as_json: bool,
) -> None:
    """What facilities reach in bands: the streets and homes, and a polygon derived from them."""
    in_metres = _limits(metres, "--metres")
    in_minutes = _limits(minutes, "--minutes")
    if in_metres is None and in_minutes is None:
        in_minutes = [5.0, 10.0, 15.0]
    with Project.open(project) as opened:
        found = isochrones_of(
            opened,
            replace(how, category=category),
            facilities=facilities,
            metres=in_metres,
            minutes=in_minutes,
        )
        if out is not None:
            tables = {"streets": found.streets, "homes": found.homes, "polygons": found.polygons}
            write_tables(tables, out)
    result = {
        "project": shown(project),
        **isochrones_json(found),
        "file": str(out) if out else None,
    }
    answer(result, _isochrone_lines(result), as_json=as_json)


def _isochrone_lines(result: dict[str, Any]) -> Iterator[str]:
    rows = [["facility", "minutes", "flat metres", "streets of the band, m", "homes up to it"]]
    for row in result["facilities"]:
        numbers = (row["minutes"], row["within_m"], row["streets_m"], row["homes"])
        rows.append([row["facility"], *(number(value) for value in numbers)])
    yield from table_lines(rows)
    if result["unlinked"]:
        yield f"Without a street in reach: {', '.join(result['unlinked'])}"
    if result["file"]:
        yield f"Streets, homes and polygons: {result['file']}"


@click.command("step-free")
@click.argument("project", type=PROJECT)
@click.option(
    "--category", "categories", multiple=True, help="A service; all elderly services unless given."
)
@click.option("--metres", type=float, help="How far the way may be; any way counts unless given.")
@click.option("--minutes", type=float, help="The same in minutes of the walker.")
@click.option("--ramps", default=10, show_default=True, help="How many ramps to choose together.")
@walking_options(rules=False, home=False)
@json_option
def step_free(
    project: str | Path,
    categories: tuple[str, ...],
    metres: float | None,
    minutes: float | None,
    ramps: int,
    how: Walking,
    as_json: bool,
) -> None:
    """Which homes have no step-free way to an elderly service; which ramps bring most people."""
    with Project.open(project) as opened:
        how = replace(how, metres=metres, minutes=minutes)
        found = step_free_of(opened, how, categories=categories, ramps=ramps)
    result = {"project": shown(project), "date": today(), **found.to_json()}
    answer(result, _step_free_lines(found), as_json=as_json)


def _step_free_lines(found: StepFree) -> Iterator[str]:
    rows = [
        ["service", "step-free", "only with stairs", "none", "unlinked", "people only with stairs"]
    ]
    for row in found.summary():
        counts = [row[f"homes_{word}"] for word in ("step_free", "stairs_only", "none", "unlinked")]
        rows.append([row["category"], *map(number, counts), number(row["people_stairs_only"])])
    yield "Homes by service:"
    yield from table_lines(rows)
    if found.ramps:
        yield "Ramps, each alone:"
        rows = [["street", "now", "m", "ramp m", "people gained", "homes"]]
        rows += [
            [
                ramp.name or ";".join(ramp.streets),
                ramp.kind,
                number(ramp.length_m),
                number(ramp.ramp_m),
                number(ramp.people),
                number(ramp.homes),
            ]
            for ramp in found.ramps[:20]
            if ramp.people
        ]
        yield from table_lines(rows)
    if found.chosen:
        last = found.chosen[-1]
        count = sum(len(step.ramps) for step in found.chosen)
        yield (
            f"Chosen one after the other, {count} ramps gain {number(last.gains_so_far)} people "
            f"times services; all ramps at once {number(found.gains_bound)}"
        )
    yield from finding_lines(found.findings)

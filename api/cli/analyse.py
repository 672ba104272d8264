"""Commands that compute: coverage and districts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from api.analyses import Walking, coverage_of, districts_of, today, write_gap_list
from api.cli.output import answer, finding_lines, number, progress_bar, table_lines
from api.cli.project import PATH, json_option
from api.store import Project
from gis.coverage import Coverage
from gis.districts import DistrictPlan
from gis.errors import OptionError

COUNT_COLUMNS = ("covered", "gap", "unlinked", "no_data")


@click.command()
@click.argument("project", type=PATH)
@click.option("--rules", "pack", help="Rule pack of data/rules; the profile's unless given.")
@click.option("--category", help="Only this category (a code or its Chinese name).")
@click.option("--metres", type=float, help="Own limit for --category, walked metres.")
@click.option("--minutes", type=float, help="Own limit for --category, minutes of the walker.")
@click.option("--walker", help="Who walks, for --minutes; standard unless given.")
@click.option(
    "--link",
    type=click.Choice(["counted", "free"]),
    default="counted",
    show_default=True,
    help="Whether the leg between gate and street counts.",
)
@click.option(
    "--longest-link",
    "longest_link_m",
    type=float,
    default=300.0,
    show_default=True,
    help="Metres from a gate to its street beyond which an estate is unlinked.",
)
@click.option("--out", type=PATH, help="Write the gap list to this .xlsx.")
@click.option(
    "--lang", type=click.Choice(["zh", "en"]), default="zh", help="Language of the .xlsx."
)
@json_option
def coverage(
    project: Path,
    pack: str | None,
    category: str | None,
    metres: float | None,
    minutes: float | None,
    walker: str | None,
    link: str,
    longest_link_m: float,
    out: Path | None,
    lang: str,
    as_json: bool,
) -> None:
    """Who cannot walk to what: estates, households and people by category, along the streets."""
    with Project.open(project) as opened, progress_bar("coverage") as progress:
        how = Walking(
            pack, category, metres, minutes, walker, link=link, longest_link_m=longest_link_m
        )
        measured = coverage_of(opened, how, progress=progress)
        if out is not None:
            write_gap_list(measured, out, project=opened.name, lang=lang)
    result = {
        "project": str(project),
        "date": today(),
        "items": measured.summary(),
        "missing": _missing(measured),
        "assumptions": dict(measured.assumptions),
        "findings": [finding.to_json() for finding in measured.findings],
        "file": str(out) if out else None,
    }
    answer(result, _coverage_lines(measured, out), as_json=as_json)


def _missing(measured: Coverage) -> list[dict[str, Any]]:
    """Estates with at least one gap, the worst first."""
    counts = measured.missing_count()
    order = sorted(range(len(counts)), key=lambda i: (-counts[i], i))
    frame = measured.estates.frame
    return [
        {"estate": frame["uid"][i], "name": _known(frame["name"][i]), "missing": int(counts[i])}
        for i in order
        if counts[i]
    ]


def _known(value: Any) -> Any:
    return None if value != value else value


def _coverage_lines(measured: Coverage, out: Path | None) -> Iterator[str]:
    rows = [["category", "", "limit", *COUNT_COLUMNS, "people covered", "people gap", "clause"]]
    for item in measured.summary():
        limit = f"{item['limit_m']:g} m" if item.get("limit_m") else f"{item['limit_s'] / 60:g} min"
        rows.append(
            [
                item["category"],
                item["zh"],
                limit,
                *(number(item[key]) for key in COUNT_COLUMNS),
                number(item["people_covered"]),
                number(item["people_gap"]),
                item["clause"] if item["verified"] else f"{item['clause']} (unverified)",
            ]
        )
    yield f"{len(measured.estates)} estates, walked along the streets"
    yield from table_lines(rows)
    yield from finding_lines(measured.findings)
    if out is not None:
        yield f"Gap list: {out}"


def read_size(text: str) -> tuple[str, tuple[float, float]]:
    """Read ``COLUMN:MIN:MAX``.

    Raises
    ------
    OptionError
        It has another form, a bound is no number, or MIN > MAX.
    """
    parts = text.split(":")
    try:
        column, low, high = parts[0], float(parts[1]), float(parts[2])
    except (IndexError, ValueError):
        column, low, high = "", 0.0, 0.0
    if len(parts) != 3 or not column or not 0 <= low <= high < float("inf"):
        raise OptionError(
            f"--size '{text}' is not COLUMN:MIN:MAX with 0 <= MIN <= MAX; "
            "write for example --size people:5000:12000"
        )
    return column, (low, high)


@click.command()
@click.argument("project", type=PATH)
@click.option(
    "--where",
    help='Condition on columns of the estates, e.g. "built_year <= 2000"; all unless given.',
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    metavar="COLUMN:MIN:MAX",
    help="Bounds per district of people, households, area_m2, count (of estates) or any column "
    "of numbers; people:5000:12000 unless given.",
)
@click.option("--count", type=int, help="Exactly this many districts.")
@click.option(
    "--adjacency",
    type=click.Choice(["walk", "touch"]),
    default="walk",
    show_default=True,
    help="Neighbours: within a walk, or outlines close to each other.",
)
@click.option(
    "--max-link-metres", "max_link_m", type=float, help="Longest walk (or gap) between neighbours."
)
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
    project: Path,
    where: str | None,
    sizes: tuple[str, ...],
    count: int | None,
    adjacency: str,
    max_link_m: float | None,
    time_limit_s: float,
    seed: int,
    name: str,
    as_json: bool,
) -> None:
    """Group estates into contiguous districts within bounds; what cannot be placed says why."""
    read = [read_size(text) for text in sizes]
    if len({column for column, _ in read}) < len(read):
        raise OptionError("--size names a column twice; give each one pair of bounds")
    with Project.open(project) as opened, progress_bar("districts") as progress:
        plan = districts_of(
            opened,
            where=where,
            count=count,
            adjacency=adjacency,
            max_link_m=max_link_m,
            time_limit_s=time_limit_s,
            seed=seed,
            name=name,
            progress=progress,
            **({"sizes": dict(read)} if read else {}),
        )
        table = plan.table(opened.read_layer("estates"))
    result = {
        "project": str(project),
        "plan": plan.name,
        "date": today(),
        "districts": table.to_dict("records"),
        "left_out": [
            {"estate": left.estate, "reason": left.reason, "proved": left.proved}
            for left in plan.left_out
        ],
        "violations": 0,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "status": plan.status,
        "reason": plan.reason,
        "settings": dict(plan.settings),
    }
    answer(result, _plan_lines(plan, result), as_json=as_json)


def _plan_lines(plan: DistrictPlan, result: dict[str, Any]) -> Iterator[str]:
    found: list[dict[str, Any]] = result["districts"]
    yield f"Plan '{plan.name}': {len(found)} districts, status {plan.status}, 0 violations"
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
    if plan.left_out:
        yield f"Left out: {len(plan.left_out)} estates"
        for left in plan.left_out:
            yield f"  {left.estate}: {left.reason}" + ("" if left.proved else " (not proven)")

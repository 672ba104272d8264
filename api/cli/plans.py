"""Commands about districts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from api.analyses import districts_of, today
from api.cli.options import PATH, json_option
from api.cli.output import answer, number, progress_bar, table_lines
from api.store import Project
from gis.districts import DistrictPlan
from gis.errors import OptionError


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

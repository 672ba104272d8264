"""What the commands ``plan ...`` say to a person, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from api.cli.output import number, table_lines
from gis.districts import DistrictPlan
from gis.plans import Package, PlanDifference
from gis.plans.repair import Repair

LINES_SHOWN = 20


def repair_lines(found: Repair, name: str, save: str | None, saved: int | None) -> Iterator[str]:
    """Say what was moved to mend a plan."""
    if not found.violations:
        yield f"'{name}' has no violation; nothing to mend"
    elif found.plan is None:
        yield f"'{name}' cannot be mended ({found.status}): {found.reason}"
    else:
        least = (
            "the fewest there can be" if found.status == "optimal" else f"at least {found.bound}"
        )
        yield (
            f"{len(found.violations)} violations are mended by moving {len(found.moved)} estates "
            f"({least}), {number(found.people_moved)} people"
        )
    for move in found.moved:
        yield f"  {move.estate}: {move.before or 'no district'} -> {move.after or 'no district'}"
    if saved is not None:
        yield f"Kept as plan '{save}', version {saved}"


def compare_lines(found: PlanDifference) -> Iterator[str]:
    """Say what differs between two plans."""
    some = f" (people of {found.people_unknown} unknown)" if found.people_unknown else ""
    yield (
        f"{len(found.changes)} estates differ, {len(found.moved)} of them moved; "
        f"{number(found.people_affected)} people affected{some}"
    )
    twins = [
        f"{pair.first} is {pair.second} now"
        for pair in found.pairs
        if pair.first and pair.second and pair.first != pair.second
    ]
    if twins:
        yield f"  matched by people: {', '.join(twins)}"
    for change in found.changes[:LINES_SHOWN]:
        before, after = change.before or "–", change.after or "–"
        yield f"  {change.estate}: {before} -> {after} ({change.what})"
    if len(found.changes) > LINES_SHOWN:
        yield f"  and {len(found.changes) - LINES_SHOWN} more; --json lists all"
    for part in found.splits:
        yield f"  {part.district} was split into {', '.join(part.parts)}"
    for part in found.merges:
        yield f"  {part.district} was merged of {', '.join(part.parts)}"
    totals = [row for row in found.side_by_side() if row["whole_plan"]]
    told = [row for row in totals if row["before"] == row["before"] or row["after"] == row["after"]]
    rows = [["metric", "unit", "before", "after", "difference"]] + [
        [
            row["metric"], row["unit"], number(row["before"]), number(row["after"]),
            number(row["difference"]),
        ]
        for row in told
    ]  # fmt: skip
    yield from table_lines(rows)


def package_lines(found: Sequence[Package], sums: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    """Return the packages and their sums as a table."""
    if not found:
        yield "No package yet; make one with --bundle P1=D1,D2"
        return
    rows = [["package", "builder", "holds", "estates", "people", "households", "cost yuan"]]
    for package, row in zip((*found, None), sums, strict=True):
        if package is None and not row["estates"]:
            continue
        held = "in none" if package is None else ", ".join((*package.districts, *package.estates))
        rows.append([
            package.name if package else "–", (package.builder if package else None) or "–", held,
            *(number(row[key]) for key in ("estates", "people", "households", "cost_yuan")),
        ])  # fmt: skip
    yield from table_lines(rows)


def left_lines(kept: DistrictPlan) -> Iterator[str]:
    """Say which estates are left out, and why."""
    if kept.left_out:
        yield f"Left out: {len(kept.left_out)} estates"
    for item in kept.left_out[:LINES_SHOWN]:
        yield f"  {item.estate}: {item.reason}" + ("" if item.proved else " (not proven)")
    if len(kept.left_out) > LINES_SHOWN:
        yield f"  and {len(kept.left_out) - LINES_SHOWN} more; --json lists all"


def metric_lines(rows: Sequence[Mapping[Any, Any]], names: Sequence[str]) -> Iterator[str]:
    """Districts as rows, metrics of which something is known as columns; + marks a part unknown."""
    told = [name for name in names if any(row[name] == row[name] for row in rows)]
    table = [["district", *(name.replace("_", " ") for name in told)]]
    for row in rows:
        cells = [
            number(row[name])
            + ("+" if row.get(f"{name}_unknown") and row[name] == row[name] else "")
            for name in told
        ]
        table.append([str(row["district"]), *cells])
    yield from table_lines(table)
    if any("+" in cell for line in table[1:] for cell in line[1:]):
        yield "  + of what is known; more is unknown"


def stale_words(stale: Sequence[str], before: str = "") -> str:
    """Say which layers changed since a plan was made; nothing where none did."""
    return f"{before}stale: {', '.join(stale)} changed since" if stale else ""

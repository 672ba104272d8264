"""What the commands ``plan ...`` say to a person, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from api.cli.output import number, table_lines

if TYPE_CHECKING:
    from gis.districts import DistrictPlan
    from gis.plans import Package, PlanDifference
    from gis.plans.compare import Change
    from gis.plans.repair import Repair

LINES_SHOWN = 20
_CALLED: Final = {
    "centre_walk_m": "mean walk of people to the centre m",
    "mean_walk_m": "mean walk between estates m",
    "longest_walk_m": "longest walk to the centre m",
}
"""Metrics whose own name does not say what is walked."""
_PART_WORDS: Final = "  + of what is known; more is unknown"
_NOTHING: Final[Mapping[str, str | None]] = MappingProxyType({})


def metric_words(name: str) -> str:
    """Return what a column of a metric is called."""
    return _CALLED.get(name, name.replace("_", " "))


def estate_words(uid: str, called: str | None) -> str:
    """Return an estate by its uid, with its name where it has one."""
    return f"{uid} {called}" if called else uid


def part_words(row: Mapping[Any, Any], key: str) -> str:
    """Return a figure; + marks one of which a part is unknown."""
    value = row[key]
    return number(value) + ("+" if row.get(f"{key}_unknown") and value == value else "")


def repair_lines(
    found: Repair,
    name: str,
    save: str | None,
    saved: int | None,
    called: Mapping[str, str | None] = _NOTHING,
) -> Iterator[str]:
    """Say what was moved to mend a plan."""
    count = len(found.violations)
    mended = "1 violation is mended" if count == 1 else f"{count} violations are mended"
    if not found.violations:
        yield f"'{name}' has no violation; nothing to mend"
    elif found.plan is None:
        yield f"'{name}' cannot be mended ({found.status}): {found.reason}"
    elif not found.moved:
        yield (
            f"{mended} without moving any estate: the plan "
            "is brought to the estates that there are now, and lists anew those in no district"
        )
        for fault in found.violations:
            yield f"  mended: {fault}"
    else:
        least = (
            "the fewest there can be" if found.status == "optimal" else f"at least {found.bound}"
        )
        yield (
            f"{mended} by moving {len(found.moved)} estates "
            f"({least}), {number(found.people_moved)} people"
        )
    for move in found.moved:
        estate = estate_words(move.estate, called.get(move.estate))
        yield f"  {estate}: {move.before or 'no district'} -> {move.after or 'no district'}"
    if saved is not None:
        yield f"Kept as plan '{save}', version {saved}"


def compare_lines(found: PlanDifference) -> Iterator[str]:
    """Say what differs between two plans."""
    one, two = plan_labels(found)
    some = f" (people of {found.people_unknown} unknown)" if found.people_unknown else ""
    yield (
        f"{number(len(found.changes))} estates differ, {number(len(found.moved))} of them moved; "
        f"{number(found.people_affected)} people affected{some}"
    )
    twins = [
        f"{one} {pair.first} = {two} {pair.second}"
        for pair in found.pairs
        if pair.first and pair.second and pair.first != pair.second
    ]
    if twins:
        more = len(twins) - LINES_SHOWN
        rest = f" and {number(more)} more" if more > 0 else ""
        yield f"  matched by people: {', '.join(twins[:LINES_SHOWN])}{rest}"
    for change in found.changes[:LINES_SHOWN]:
        before = f"{one} {change.before}" if change.before else "no district"
        after = f"{two} {change.after}" if change.after else "no district"
        estate = estate_words(change.estate, change.name)
        yield f"  {estate}: {before} -> {after} ({change.what}{_twin(change, one, two)})"
    if len(found.changes) > LINES_SHOWN:
        yield f"  and {len(found.changes) - LINES_SHOWN} more; --json lists all"
    regrouped = [
        f"  {one} {part.district} was split into {two} {', '.join(part.parts)}"
        for part in found.splits
    ]
    regrouped += [
        f"  {two} {part.district} was merged of {one} {', '.join(part.parts)}"
        for part in found.merges
    ]
    yield from regrouped[:LINES_SHOWN]
    if len(regrouped) > LINES_SHOWN:
        yield (
            f"  and {number(len(regrouped) - LINES_SHOWN)} splits and merges more; --json lists all"
        )
    yield from total_lines([row for row in found.side_by_side() if row["whole_plan"]])


def plan_labels(found: PlanDifference) -> tuple[str, str]:
    """Return how districts of either plan are told apart: two versions have one name."""
    one, two = found.first.name, found.second.name
    return (one, two) if one != two else ("before", "after")


def _twin(change: Change, one: str, two: str) -> str:
    """Say where the others of the district went that an estate has left."""
    if change.what != "moved":
        return ""
    if change.counterpart is None:
        return f"; {one} {change.before} has no counterpart"
    return f"; {one} {change.before} = {two} {change.counterpart}"


def total_lines(totals: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Metrics of the whole plans side by side, with of how much they are unknown."""
    # Listing plans uses this module too, and must not wait for what measures them.
    from gis.plans.compare import shown_difference
    from gis.plans.metrics import METRICS

    digits = {metric.name: metric.digits for metric in METRICS}
    told = [row for row in totals if row["before"] == row["before"] or row["after"] == row["after"]]
    rows = [["metric", "unit", "before", "after", "difference", "unknown before", "after"]]
    for row in told:
        lacking = [row["before_unknown"], row["after_unknown"]]
        apart = shown_difference(row, digits[row["metric"]])
        rows.append([
            metric_words(row["metric"]).removesuffix(f" {row['unit']}"), row["unit"],
            part_words(row, "before"), part_words(row, "after"),
            number(apart) + ("+" if any(lacking) and apart == apart else ""),
            *(number(count) if any(lacking) else "" for count in lacking),
        ])  # fmt: skip
    yield from table_lines(rows)
    if any(row["before_unknown"] or row["after_unknown"] for row in told):
        yield f"{_PART_WORDS}; no difference is told where the plans lack unequally many"


def package_lines(found: Sequence[Package], sums: Sequence[Mapping[Any, Any]]) -> Iterator[str]:
    """Return the packages and their sums as a table."""
    if not found:
        yield "No package yet; make one with --bundle P1=D1,D2"
        return
    names = ("estates", "managers", "people", "households", "cost_yuan")
    rows = [["package", "builder", "holds", *(name.replace("_", " ") for name in names)]]
    for package, row in zip((*found, None), sums, strict=True):
        if package is None and not row["estates"]:
            continue
        held = "in none" if package is None else ", ".join((*package.districts, *package.estates))
        rows.append([
            package.name if package else "–", (package.builder if package else None) or "–", held,
            *(part_words(row, name) for name in names),
        ])  # fmt: skip
    yield from table_lines(rows)
    if any("+" in cell for line in rows[1:] for cell in line[-len(names) :]):
        yield _PART_WORDS


def left_lines(kept: DistrictPlan, called: Mapping[str, str | None] = _NOTHING) -> Iterator[str]:
    """Say which estates are left out, and why."""
    if kept.left_out:
        yield f"Left out: {len(kept.left_out)} estates"
    for item in kept.left_out[:LINES_SHOWN]:
        estate = estate_words(item.estate, called.get(item.estate))
        yield f"  {estate}: {item.reason}" + ("" if item.proved else " (not proven)")
    if len(kept.left_out) > LINES_SHOWN:
        yield f"  and {len(kept.left_out) - LINES_SHOWN} more; --json lists all"


def metric_lines(rows: Sequence[Mapping[Any, Any]], names: Sequence[str]) -> Iterator[str]:
    """Districts as rows, metrics of which something is known as columns; + marks a part unknown."""
    told = [name for name in names if any(row[name] == row[name] for row in rows)]
    table = [["district", *(metric_words(name) for name in told)]]
    for row in rows:
        cells = [part_words(row, name) for name in told]
        table.append([str(row["district"]), *cells])
    yield from table_lines(table)
    if any("+" in cell for line in table[1:] for cell in line[1:]):
        yield _PART_WORDS


def stale_words(stale: Sequence[str], before: str = "") -> str:
    """Say which layers changed since a plan was made; nothing where none did."""
    return f"{before}stale: {', '.join(stale)} changed since" if stale else ""

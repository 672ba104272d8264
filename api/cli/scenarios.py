"""The command ``whatif``: edits tried on top of the base, which stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from api.analyses import Walking, openings_of, place_in, replay_of, today, what_if_of
from api.analyses.answers import scenario_json
from api.analyses.scenarios import with_far, with_reason
from api.cli.options import PROJECT, json_option, pairs, walking_options
from api.cli.output import answer, finding_lines, number, progress_bar, table_lines
from api.store import Project
from api.store.address import shown
from api.store.scenarios import SavedScenario
from gis.errors import OptionError
from gis.scenario import (
    AddFacility,
    AddGate,
    AddPath,
    CloseGate,
    Difference,
    Edit,
    MoveFacility,
    OpenGate,
    OpenWall,
    Ranking,
    Remove,
    SetHours,
)

Place = tuple[float, float]
MOST_TOGETHER = 20
PLACE_HELP = "X,Y in metres of the project's CRS, or longitude,latitude in degrees."


@click.command()
@click.argument("project", type=PROJECT)
@click.option("--open-wall", multiple=True, metavar="ID[@X,Y]", help="Make an opening in a wall.")
@click.option("--open-gate", multiple=True, metavar="ID", help="Open a gate that is shut.")
@click.option("--close-gate", multiple=True, metavar="ID", help="Shut a gate for good.")
@click.option("--hours", multiple=True, metavar="ID=HH:MM-HH:MM", help="Opening hours of a gate.")
@click.option("--add-gate", multiple=True, metavar="X,Y", help=f"A new gate; {PLACE_HELP}")
@click.option("--add-path", multiple=True, metavar="X,Y;X,Y[;...]", help="A new path for walkers.")
@click.option(
    "--add-facility", multiple=True, metavar="C,X,Y", help="A new facility of a category."
)
@click.option("--move-facility", multiple=True, metavar="ID,X,Y", help="Move a facility.")
@click.option("--remove", multiple=True, metavar="ID", help="Take away a gate, wall or facility.")
@click.option("--rank-openings", is_flag=True, help="Rank all places where a wall could be opened.")
@click.option(
    "--top", default=20, show_default=True, help="With --rank-openings: how many to tell."
)
@click.option("--set", "set_size", default=0, help="With --rank-openings: this many best together.")
@click.option(
    "--save", "name", help="Keep the edits and the answer in the project under this name."
)
@click.option("--list", "listing", is_flag=True, help="Tell the scenarios that were kept.")
@click.option(
    "--replay", metavar="NAME", help="Try the edits of a kept scenario on the layers of today."
)
@walking_options()
@json_option
@click.pass_context
def whatif(
    ctx: click.Context,
    project: str | Path,
    open_wall: tuple[str, ...],
    open_gate: tuple[str, ...],
    close_gate: tuple[str, ...],
    hours: tuple[str, ...],
    add_gate: tuple[str, ...],
    add_path: tuple[str, ...],
    add_facility: tuple[str, ...],
    move_facility: tuple[str, ...],
    remove: tuple[str, ...],
    rank_openings: bool,
    top: int,
    set_size: int,
    name: str | None,
    listing: bool,
    replay: str | None,
    how: Walking,
    as_json: bool,
) -> None:
    """What would change if a wall were opened, a gate added, a facility moved.

    Before and after in estates and people per category, all people and those whom the rule is
    about; the layers of the project stay as they are. Options for edits may be given several times
    and together. A replayed scenario is walked as when it was kept, but for the options given.
    """
    with Project.open(project) as opened, progress_bar("whatif") as progress:
        place = place_reader(opened)
        edits: list[Edit] = [
            *(_wall(text, place) for text in open_wall),
            *map(OpenGate, open_gate),
            *map(CloseGate, close_gate),
            *(SetHours(uid, text) for uid, text in pairs(hours, "--hours").items()),
            *(AddGate(place(text, "--add-gate")) for text in add_gate),
            *(AddPath(_line(text, place)) for text in add_path),
            *(AddFacility(*_named(text, "--add-facility", place)) for text in add_facility),
            *(MoveFacility(*_named(text, "--move-facility", place)) for text in move_facility),
            *map(Remove, remove),
        ]
        _require_one(bool(edits), rank_openings, listing, replay is not None)
        if not edits and name is not None:
            raise OptionError("--save keeps edits; give some, such as --open-wall")
        if rank_openings and (not 0 <= set_size <= MOST_TOGETHER or top < 1):
            raise OptionError(f"Give --top 1 or more and --set 0 to {MOST_TOGETHER}")
        result: dict[str, Any] = {"project": shown(project), "date": today()}
        if listing:
            scenarios = [opened.read_scenario(word) for word in opened.scenario_names()]
            result["scenarios"] = list(map(scenario_json, scenarios))
            lines = list(_scenario_lines(result["scenarios"]))
        elif replay is not None:
            given = {key: getattr(how, key) for key in vars(how) if _is_given(ctx, key)}
            scenario, difference = replay_of(opened, replay, given, progress=progress)
            result |= difference.to_json() | {"replayed": scenario_json(scenario)}
            lines = [*_difference_lines(difference), _then(scenario)]
        elif rank_openings:
            ranking = openings_of(opened, how, count=top, set_size=set_size, progress=progress)
            result |= (ranking := with_reason(opened, ranking)).to_json()
            lines = list(_ranking_lines(ranking))
        else:
            difference = what_if_of(opened, edits, how, save=name, progress=progress)
            difference = with_far(opened, difference)
            result |= difference.to_json() | {"saved": name}
            lines = list(_difference_lines(difference))
            lines += [f"Kept as scenario '{name}'"] * (name is not None)
    answer(result, lines, as_json=as_json)


def _require_one(*asked: bool) -> None:
    if sum(asked) != 1:
        raise OptionError(
            "Say what to try: edits such as --open-wall, or --rank-openings, or --list, or "
            "--replay; not several of them"
        )


def _is_given(ctx: click.Context, option: str) -> bool:
    return ctx.get_parameter_source(option) is not ParameterSource.DEFAULT


def _scenario_lines(scenarios: list[dict[str, Any]]) -> Iterator[str]:
    if not scenarios:
        yield "No scenario is kept yet; add --save NAME to edits"
        return
    rows = [["scenario", "version", "kept", "edits", "people gained then"]]
    for one in scenarios:
        edits = ", ".join(str(edit["edit"]) for edit in one["edits"])
        gained = number(one["people_gained"])
        rows.append([one["name"], str(one["version"]), one["created"][:10], edits, gained])
    yield from table_lines(rows)


def _then(scenario: SavedScenario) -> str:
    gained = number(scenario.answer.get("people_gained"))
    return (
        f"Scenario '{scenario.name}', version {scenario.version} of {scenario.created[:10]}, when "
        f"people gained were {gained}"
    )


def place_reader(project: Project) -> Callable[[str, str], Place]:
    """Give a function that reads ``X,Y`` of an option into the coordinates of the project."""

    def read(text: str, option: str) -> Place:
        try:
            x, y = (float(part) for part in text.split(","))
        except ValueError:
            raise OptionError(f"{option} '{text}' is no place; write {PLACE_HELP}") from None
        return place_in(project, (x, y))

    return read


def _wall(text: str, place: Callable[[str, str], Place]) -> OpenWall:
    uid, sign, where = text.partition("@")
    return OpenWall(uid, place(where, "--open-wall") if sign else None)


def _line(text: str, place: Callable[[str, str], Place]) -> tuple[Place, ...]:
    return tuple(place(part, "--add-path") for part in text.split(";"))


def _named(text: str, option: str, place: Callable[[str, str], Place]) -> tuple[str, Place]:
    word, _, where = text.partition(",")
    return word.strip(), place(where, option)


def _difference_lines(difference: Difference) -> Iterator[str]:
    rows = [["category", "covered", "", "gap", "", "people gained", "of them the rule's", ""]]
    for before, after, gain, of_group in zip(
        difference.before,
        difference.after,
        difference.people_gained,
        difference.group_gained,
        strict=True,
    ):
        if before != after:
            rows.append(
                [
                    before.category,
                    number(before.covered),
                    f"-> {number(after.covered)}",
                    number(before.gap),
                    f"-> {number(after.gap)}",
                    number(gain),
                    number(of_group),
                    f"{after.group}, {after.group_known}",
                ]
            )
    if len(rows) == 1:
        yield "No estate changes: every category is reached, or missed, as before"
    else:
        yield "Categories that change (estates):"
        yield from table_lines(rows)
    word = "longer" if difference.saved_m < 0 else "shorter"
    yield f"Walks {word} by {number(abs(difference.saved_m))} m in sum, up to the limits"
    for edit in difference.edits:
        if isinstance(edit, OpenWall) and edit.at is not None:
            yield f"  {edit.uid} opened at {edit.at[0]:.1f},{edit.at[1]:.1f}"
    for change in difference.estates[:20]:
        yield f"  {change.estate}: {change.rule} {change.before} -> {change.after}"
    if len(difference.estates) > 20:
        yield f"  and {len(difference.estates) - 20} more"
    yield from finding_lines(difference.findings)


def _ranking_lines(ranking: Ranking) -> Iterator[str]:
    yield f"{ranking.tried} places tried, each alone; people count once per service they gain"
    rows = [["", "place", "estates", "people gained", "m saved", "yuan", "people per 10,000 yuan"]]
    for opening in ranking.openings:
        rate = opening.people_per_yuan
        rows.append(
            [
                opening.wall or opening.gate or opening.kind,
                f"{opening.xy[0]:.1f},{opening.xy[1]:.1f}",
                ";".join(opening.estates),
                number(opening.gained),
                number(opening.saved_m),
                number(opening.cost_yuan),
                number(None if rate is None else rate * 10_000, 1),
            ]
        )
    if len(rows) > 1:
        yield from table_lines(rows)
    best = ranking.best_set
    if best is not None:
        yield (
            f"Best together, chosen one after the other: {len(best.openings)} openings gain "
            f"{number(best.gained)}; all candidates at once gain {number(best.bound)}, so no set "
            f"gains more"
        )
    yield from finding_lines(ranking.findings)

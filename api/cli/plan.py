"""The commands ``plan ...``: which plans a project has; what is done with one is loaded when asked.

Listing plans must not wait for the libraries that make them.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from api.analyses.plan_list import stale_plans
from api.cli.options import PROJECT, json_option
from api.cli.output import answer, number, table_lines
from api.cli.plan_lines import stale_words
from api.store import Project
from api.store.address import shown
from api.store.plans import PlanInfo

WORK: Final = {
    "alternatives": "Find several good and really different plans that are asked the same as NAME.",
    "check": "Hold a plan against its constraints, without knowing how it was made.",
    "compare": (
        "Say what differs between two plans, or two versions of one: NAME is before, OTHER after."
    ),
    "export": "Write a plan to a file: a workbook to read, or a row per estate for other programs.",
    "links": "List which estates are linked, which are not, and why, with the numbers.",
    "packages": "Bundle districts (or estates) into work packages, and sum them up.",
    "repair": (
        "Mend a plan with the fewest estates moved; nothing is kept unless --save says where."
    ),
    "show": "Show a plan with the metrics of each district; a dash is unknown, never nought.",
}
"""The commands of `api.cli.plan_work`, and what they say of themselves."""


class _Lazy(click.Group):
    """Loads what works on plans when it is asked for: that takes seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *WORK])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in WORK:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module("api.cli.plan_work"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        words = WORK | {
            name: " ".join((command.help or "").split("\n\n")[0].split())
            for name, command in self.commands.items()
        }
        with formatter.section("Commands"):
            formatter.write_dl([(name, words[name]) for name in self.list_commands(ctx)])


@click.group(cls=_Lazy)
def plan() -> None:
    """Look at plans, check, mend, compare, bundle and export them.

    A plan saved again under its name becomes its next version; the older ones stay.
    """


@plan.command("list")
@click.argument("project", type=PROJECT)
@json_option
def list_(project: str | Path, as_json: bool) -> None:
    """List the plans of the project, and whether the layers they rest on have changed since."""
    with Project.open(project) as opened:
        infos = opened.plan_infos()
        stale = stale_plans(opened, infos)
    plans = [_info_json(info, stale[info.name, info.version]) for info in infos]
    rows = [["plan", "version", "made", "status", "districts", "estates", "left out", ""]] + [
        [
            info.name, str(info.version), _day(info.created), info.status, number(info.districts),
            number(info.estates), number(info.left_out), stale_words(line["stale"]),
        ]
        for info, line in zip(infos, plans, strict=True)
    ]  # fmt: skip
    lines = list(table_lines(rows)) if infos else ["No plan yet; make one with: lianpian districts"]
    answer({"project": shown(project), "plans": plans}, lines, as_json=as_json)


@plan.command("remove")
@click.argument("project", type=PROJECT)
@click.argument("name")
@json_option
def remove_(project: str | Path, name: str, as_json: bool) -> None:
    """Take a plan out, with all its versions and packages."""
    with Project.open(project) as opened:
        versions = opened.remove_plan(name)
    result = {"project": shown(project), "removed": name, "versions": versions}
    answer(result, [f"Removed the plan '{name}' ({versions} versions)"], as_json=as_json)


@plan.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@click.argument("new")
@json_option
def rename(project: str | Path, name: str, new: str, as_json: bool) -> None:
    """Give a plan, in all its versions, another name."""
    with Project.open(project) as opened:
        opened.rename_plan(name, new)
    result = {"project": shown(project), "plan": new, "was": name}
    answer(result, [f"'{name}' is now called '{new}'"], as_json=as_json)


@plan.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@json_option
def history(project: str | Path, name: str, as_json: bool) -> None:
    """Tell what was done to a plan, when and by whom, version by version."""
    with Project.open(project) as opened:
        infos = opened.plan_infos(name)
        stale = stale_plans(opened, infos)
    versions = [_info_json(info, stale[info.name, info.version]) for info in infos]
    rows = [["version", "when", "what", "who", "", "districts", "estates"]] + [
        [
            str(info.version), info.created[:16].replace("T", " "), info.what, info.who or "–",
            info.note, number(info.districts), number(info.estates),
        ]
        for info in infos
    ]  # fmt: skip
    before = infos[-1].settings.get("history", [])
    result = {"project": shown(project), "plan": name, "versions": versions, "history": before}
    answer(result, table_lines(rows), as_json=as_json)


@plan.command()
@click.argument("project", type=PROJECT)
@click.argument("name")
@click.option("--version", type=click.IntRange(1), required=True, help="Go back to this version.")
@json_option
def restore(project: str | Path, name: str, version: int, as_json: bool) -> None:
    """Make an older version the newest again, with its packages; nothing is lost."""
    with Project.open(project) as opened:
        made = opened.restore_plan(name, version, who=opened.author.name)
    result = {"project": shown(project), "plan": name, "restored": version, "version": made}
    answer(result, [f"Version {version} of '{name}' is now version {made}"], as_json=as_json)


def _info_json(info: PlanInfo, stale: Sequence[str]) -> dict[str, Any]:
    told = {key: value for key, value in vars(info).items() if key not in ("name", "settings")}
    return {"plan": info.name, **told, "stale": list(stale)}


def _day(moment: str) -> str:
    return moment[:10]

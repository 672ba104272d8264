"""Commands that copy a whole project: backup and move."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from api.cli.options import PATH, PROJECT, json_option
from api.cli.output import answer, number, progress_bar
from api.store import Project
from api.store.address import is_server, name_of, parse_address, shown
from api.store.copying import Copied, back_up
from api.store.copying import move as move_project
from api.store.office.address import office_address


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("file", type=PATH)
@json_option
def backup(project: str | Path, file: Path, as_json: bool) -> None:
    """Write a copy of the whole project to FILE, also while others work on it.

    FILE is a .gpkg that is not there yet. It holds all that the project holds, personal data too.
    """
    with progress_bar("backup") as progress:
        made = back_up(project, file, progress=progress)
    _note(project, "backed up", made)
    result = {"project": shown(project), "file": made.target, **_facts(made)}
    answer(result, _lines("Backed up", made), as_json=as_json)


@click.command()
@click.argument("project", type=PROJECT)
@click.argument("url", type=PROJECT)
@json_option
def move(project: str | Path, url: str | Path, as_json: bool) -> None:
    """Copy the whole project to a postgresql:// address, or from there to a .gpkg file.

    URL is postgresql://USER@HOST:PORT/DATABASE, with ?schema=NAME for one of several, or a file
    that is not there yet. A place that holds a project already is refused. PROJECT stays as it is;
    remove it yourself when everybody works with the new one. People, roles and shares are in the
    office, which is not moved: LIANPIAN_OFFICE lets the new place keep it. Keep a password out of
    the command: PGPASSWORD or ~/.pgpass.
    """
    with progress_bar("move") as progress:
        made = move_project(project, url, progress=progress)
    _note(project, "copied", made)
    office = _office_left(project, url)
    result = {"project": shown(project), "url": made.target, **_facts(made), "office": office}
    lines = [*_lines("Copied", made), *_office_lines(office, project, url)]
    answer(result, lines, as_json=as_json)


def _office_left(project: str | Path, url: str | Path) -> str | None:
    """Return where the office is that does not come along; None where it stays the same."""
    if os.environ.get("LIANPIAN_OFFICE"):
        return None
    left, new = (_shown_office(address) for address in (project, url))
    is_missing = not is_server(left) and not Path(left).is_file()
    return None if left == new or is_missing else left


def _shown_office(address: str | Path) -> str:
    parsed = parse_address(office_address(str(address)))
    return str(parsed.resolve()) if isinstance(parsed, Path) else parsed.shown


def _office_lines(office: str | None, project: str | Path, url: str | Path) -> Iterator[str]:
    if office is None:
        return
    old, new = name_of(project), name_of(url)
    if old != new:
        yield f"  ! roles and shares are kept by name: those of '{old}' do not count for '{new}'"
    yield (
        f"  ! people, roles and shares stay in the office {office}; to keep them, set "
        f"LIANPIAN_OFFICE={office} where {shown(url)} is served"
    )


def _note(project: str | Path, what: str, made: Copied) -> None:
    with Project.open(project) as opened:
        opened.note(what, made.target, rows=sum(made.rows.values()))


def _facts(made: Copied) -> dict[str, object]:
    return {"rows": made.rows, "ok": True, "left_out": list(made.left_out)}


def _lines(verb: str, made: Copied) -> Iterator[str]:
    rows = number(sum(made.rows.values()))
    yield f"{verb} to {made.target}: {rows} rows of {len(made.rows)} tables, each compared"
    for name in made.left_out:
        yield f"  ! left out, as another program added it: {name}"

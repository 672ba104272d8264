"""The commands ``users ...``: who may sign in to what is served, and do what in which project.

They work on the office of PROJECT, also while it is being served; what they change counts there
within seconds. The first person is made here: nobody can make themselves one over the network.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click

from api.auth.passwords import Passwords
from api.cli.options import json_option
from api.cli.output import answer, table_lines
from api.live import Projects
from api.settings import Settings
from api.store import Project
from api.store.address import shown
from api.store.audit import Author
from api.store.moments import stamp
from api.store.office import Office
from api.store.office.address import office_address
from api.store.office.people import Account
from api.store.office.schema import ROLES
from gis.errors import OptionError, UnknownNameError

LONGEST_LINE: Final = 4096
NO_ROLE: Final = "none"

_project = click.argument("project")
_name = click.argument("name")
_within = click.option(
    "--in", "within", metavar="NAME", help="Which project of the folder the role is in."
)


@click.group()
def users() -> None:
    """Who may sign in to what is served, and do what in which project.

    PROJECT is what is served: a project, a folder of them, or a postgresql:// address. Passwords
    are asked for on the terminal, or read as one line from standard input; never an option.
    """


@users.command("list")
@_project
@json_option
def list_(project: str, as_json: bool) -> None:
    """List the people with their roles by project."""
    with _office(project) as office:
        people = [_told(account, office.roles_of(account.id)) for account in office.people()]
    rows = [["name", "shown as", "may", "signs in with"]]
    rows += [[one["name"], one["shown_as"], _rights(one), _way(one)] for one in people]
    lines = list(table_lines(rows)) if people else ["Nobody can sign in yet"]
    answer({"people": people}, lines, as_json=as_json)


@users.command("add")
@_project
@_name
@click.option("--shown-as", default="", help="What others see; NAME unless given.")
@click.option("--admin", is_flag=True, help="May administer people, and do all in every project.")
@click.option("--role", type=click.Choice(ROLES), help="What they may do in the project.")
@_within
@json_option
def add_(
    project: str,
    name: str,
    shown_as: str,
    admin: bool,
    role: str | None,
    within: str | None,
    as_json: bool,
) -> None:
    """Add a person who signs in as NAME; the password is asked for."""
    where = _project_named(project, within) if role else None
    with _office(project) as office:
        kept = _new_password(name)
        account = office.add_person(
            name, shown_as=shown_as, password_hash=kept, admin=admin, by=Author.here()
        )
        if role and where:
            office.set_role(where, account.id, role, by=Author.here())
        person = _told(account, office.roles_of(account.id))
    answer({"person": person}, [f"Added {person['name']}: {_rights(person)}"], as_json=as_json)


@users.command("password")
@_project
@_name
@json_option
def password_(project: str, name: str, as_json: bool) -> None:
    """Give NAME a new password; all their sessions and tokens end."""
    with _office(project) as office:
        account = office.person_named(name)
        office.set_password(account.id, _new_password(account.name), by=Author.here())
        person = _told(office.person(account.id), office.roles_of(account.id))
    lines = [f"{person['name']} has a new password, and is signed out everywhere"]
    answer({"person": person}, lines, as_json=as_json)


@users.command("token")
@_project
@_name
@click.option("--label", default="command line", show_default=True, help="What it is for.")
@click.option(
    "--days", type=click.IntRange(1, 366), default=90, show_default=True, help="How long it lasts."
)
@json_option
def token_(project: str, name: str, label: str, days: int, as_json: bool) -> None:
    """Make a token for a program, which may then do what NAME may; it is shown this once."""
    with _office(project) as office:
        account = office.person_named(name)
        if not account.active:
            raise OptionError(f"{account.name} is inactive and may not sign in; no token is made")
        expires = datetime.now(UTC) + timedelta(days=days)
        token = office.add_session(
            account.id, kind="token", label=label, hours=days * 24, by=Author.here(),
            how=f"command line, for {account.name}",
        )  # fmt: skip
    # Alone on standard output, so that a script can keep it.
    result = {"name": account.name, "label": label, "expires": stamp(lambda: expires)}
    answer({"token": token} | result, [token], as_json=as_json)
    if not as_json:
        click.echo(
            f"Shown this once; it acts as {account.name} until {expires:%Y-%m-%d}. Send it as "
            "'Authorization: Bearer TOKEN', or as the password of HTTP Basic",
            err=True,
        )


@users.command("role")
@_project
@_name
@click.argument("role", type=click.Choice([*ROLES, NO_ROLE]))
@_within
@json_option
def role_(project: str, name: str, role: str, within: str | None, as_json: bool) -> None:
    """Say what NAME may do in a project; none takes them out of it."""
    where = _project_named(project, within)
    with _office(project) as office:
        account = office.person_named(name)
        if role == NO_ROLE:
            office.remove_role(where, account.id, by=Author.here())
        else:
            office.set_role(where, account.id, role, by=Author.here())
        person = _told(account, office.roles_of(account.id))
    answer({"person": person}, [f"{person['name']}: {_rights(person)}"], as_json=as_json)


@users.command("remove")
@_project
@_name
@json_option
def remove_(project: str, name: str, as_json: bool) -> None:
    """Take NAME out, with all their roles, sessions and tokens; what they did stays noted."""
    with _office(project) as office:
        account = office.remove_person(office.person_named(name).id, by=Author.here())
    answer({"removed": account.name}, [f"Removed {account.name}"], as_json=as_json)


@contextmanager
def _office(project: str) -> Iterator[Office]:
    """Open the office of what is served; a mistyped name must not make an office somewhere."""
    if not Path(project).is_dir():
        with Project.open(project):
            pass
    office = Office.open(office_address(project, _settings(project).office))
    try:
        yield office
    finally:
        office.close()


def _settings(project: str) -> Settings:
    given: dict[str, Any] = {"project": project}
    return Settings(**given)


def _project_named(project: str, within: str | None) -> str:
    """Return the name of the project that a role is in."""
    projects = Projects(_settings(project))
    try:
        name = within or projects.single
        if name is None:
            raise OptionError(
                f"'{shown(project)}' is a folder; say with --in which of its projects: "
                f"{', '.join(projects.names()) or 'it has none yet'}"
            )
        try:
            projects.address(name)
        except UnknownNameError:
            there = ", ".join(projects.names()) or "none yet"
            raise UnknownNameError(f"There is no project '{name:.80}'; there is: {there}") from None
        return name
    finally:
        projects.close()


def _new_password(name: str) -> str:
    """Ask for a new password; return what is kept of it."""
    if sys.stdin.isatty():
        given = click.prompt(
            f"Password of {name}", hide_input=True, confirmation_prompt="Once more", err=True
        )
    else:
        line = sys.stdin.buffer.readline(LONGEST_LINE)
        try:
            given = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise OptionError("The password on standard input is no UTF-8 text") from None
        if not given:
            raise OptionError("There is no password on standard input; give it as its first line")
    passwords = Passwords()
    passwords.check_new(given, name)
    return passwords.hash(given)


def _told(account: Account, roles: dict[str, str]) -> dict[str, Any]:
    told = {key: value for key, value in vars(account).items() if key != "subject"}
    return told | {"from_provider": account.subject is not None, "roles": roles}


def _rights(person: dict[str, Any]) -> str:
    if not person["active"]:
        return "nothing: inactive"
    if person["admin"]:
        return "everything"
    roles = [f"{role} of {project}" for project, role in sorted(person["roles"].items())]
    return ", ".join(roles) or "nothing yet"


def _way(person: dict[str, Any]) -> str:
    ways = {"has_password": "a password", "from_provider": "the identity provider"}
    return " or ".join(words for key, words in ways.items() if person[key]) or "nothing yet"

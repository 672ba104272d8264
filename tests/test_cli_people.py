"""The commands ``users ...``: the first administrator, passwords from standard input, roles."""

from __future__ import annotations

import io
import json
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pwdlib import PasswordHash

from api.cli import main
from api.store import Project
from api.store.office import Office
from tests.people import BY, GOOD, OTHER, quick


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    fast = quick()._hasher
    monkeypatch.setattr(PasswordHash, "recommended", lambda: fast)
    monkeypatch.setenv("LIANPIAN_USER", "operator")

    def run_it(*args: str, typed: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
        with pytest.raises(SystemExit) as ended:
            main(["users", *args])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run_it


@pytest.fixture
def town(tmp_path: Path) -> str:
    path = tmp_path / "town.gpkg"
    Project.create(path, name="Town").close()
    return str(path)


def line(password: str) -> bytes:
    return f"{password}\n".encode()


def test_the_first_administrator_is_made_here(run: Any, town: str, tmp_path: Path) -> None:
    assert run("list", town)[:2] == (0, "Nobody can sign in yet\n")

    code, out, err = run("add", town, "Wang", "--admin", "--json", typed=line(GOOD))

    assert (code, err) == (0, "")
    person = json.loads(out)["person"]
    assert (person["name"], person["shown_as"], person["admin"]) == ("wang", "Wang", True)
    assert "password" not in out.replace("has_password", "")
    with closing(Office.open(tmp_path / ".lianpian-office.db")) as office:
        found = office.credentials("wang")
        assert found is not None
        assert quick().verify(GOOD, found[1])[0]
        (noted,) = office.audit_lines()
        assert (noted.what, noted.who, noted.where) == ("person added", "operator", "command line")


def test_a_person_gets_a_role_another_one_and_none(run: Any, town: str) -> None:
    run("add", town, "wang", "--role", "owner", typed=line(GOOD))
    run("add", town, "li", "--shown-as", "李工", typed=line(GOOD))

    given = run("role", town, "li", "planner", "--json")
    assert json.loads(given[1])["person"]["roles"] == {"town": "planner"}
    assert run("list", town)[1].split("\n")[1:3] == [
        "  wang  wang      owner of town    a password",
        "  li    李工      planner of town  a password",
    ]
    assert run("role", town, "li", "none")[:2] == (0, "li: nothing yet\n")
    code, _, err = run("role", town, "wang", "none")
    assert code == 2
    assert "last owner of 'town'" in err


def test_in_a_folder_the_project_is_named(run: Any, town: str, tmp_path: Path) -> None:
    folder = str(tmp_path)
    run("add", folder, "wang", typed=line(GOOD))

    code, _, err = run("role", folder, "wang", "viewer")
    assert code == 2
    assert "--in" in err
    assert "town" in err
    assert run("role", folder, "wang", "viewer", "--in", "nowhere")[0] == 2
    told = run("role", folder, "wang", "viewer", "--in", "town", "--json")
    assert json.loads(told[1])["person"]["roles"] == {"town": "viewer"}


def test_a_new_password_signs_out_and_a_person_is_removed(
    run: Any, town: str, tmp_path: Path
) -> None:
    run("add", town, "wang", typed=line(GOOD))
    with closing(Office.open(tmp_path / ".lianpian-office.db")) as office:
        token = office.add_session(1, kind="token", label="t", hours=1, by=BY)

        code, out, _ = run("password", town, "wang", typed=line(OTHER))

        assert code == 0
        assert OTHER not in out
        assert office.known_by(token, "token") is None
        found = office.credentials("wang")
        assert found is not None
        assert quick().verify(OTHER, found[1])[0]
        assert json.loads(run("remove", town, "wang", "--json")[1]) == {"removed": "wang"}
        assert office.people() == []


@pytest.mark.parametrize(
    ("args", "typed", "word"),
    [
        (("add", "TOWN", "wang"), b"", "no password on standard input"),
        (("add", "TOWN", "wang"), b"short\n", "shorter than 10"),
        (("add", "TOWN", "wang"), b"password2026\n", "guessed"),
        (("add", "TOWN", "wang"), b"\xff\xfe\xfa\xfb\xfc\xfd\xfe\xff1234\n", "UTF-8"),
        (("add", "TOWN", "wang"), b"x" * 9000 + b"\n", "1024 bytes"),
        (("add", "TOWN", "two words"), line(GOOD), "cannot hold"),
        (("add", "TOWN", "wang", "--role", "god"), line(GOOD), "--role"),
        (("add", "NOWHERE", "wang"), line(GOOD), "no project"),
        (("list", "NOWHERE"), b"", "no project"),
        (("list", "mysql://u:secret@host/db"), b"", "mysql://"),
        (("role", "TOWN", "nobody", "viewer"), b"", "no person 'nobody'"),
        (("remove", "TOWN", "nobody"), b"", "no person 'nobody'"),
        (("password", "TOWN", "nobody"), line(GOOD), "no person 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Any, town: str, tmp_path: Path, args: tuple[str, ...], typed: bytes, word: str
) -> None:
    places = {"TOWN": town, "NOWHERE": str(tmp_path / "nowhere.gpkg")}

    code, out, err = run(*(places.get(arg, arg) for arg in args), typed=typed)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert word in err
    assert "secret" not in err
    assert not (tmp_path / "nowhere.gpkg").exists()


def test_the_help_says_that_a_password_is_no_option(run: Any) -> None:
    assert "never an option" in run("--help")[1]
    assert "--password" not in run("add", "--help")[1]


def test_a_token_is_shown_once_and_acts_as_its_person(run: Any, town: str, tmp_path: Path) -> None:
    run("add", town, "wang", "--role", "viewer", typed=line(GOOD))

    code, out, err = run("token", town, "wang", "--label", "QGIS", "--days", "1")

    assert code == 0
    token = out.strip()
    assert "\n" not in token
    assert "wang" in err
    assert token not in err
    with closing(Office.open(tmp_path / ".lianpian-office.db")) as office:
        known = office.known_by(token, "token")
        assert known is not None
        assert (known.account.name, known.roles) == ("wang", {"town": "viewer"})
        (session,) = office.sessions_of(known.account.id)
        assert (session.kind, session.label) == ("token", "QGIS")
        noted = office.audit_lines()[0]
        assert (noted.what, noted.who) == ("token made", "operator")
        assert noted.detail["how"] == "command line, for wang"
        office.add_person("chief", admin=True, by=BY)
        office.change_person(known.account.id, active=False, by=BY)
    told = run("token", town, "wang")
    assert (told[0], told[1]) == (2, "")
    assert "inactive" in told[2]


@pytest.mark.parametrize("days", ["0", "-1", "367", "nan"])
def test_a_token_lasts_a_year_at_most(run: Any, town: str, days: str) -> None:
    run("add", town, "wang", typed=line(GOOD))

    code, out, err = run("token", town, "wang", "--days", days)

    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_an_unknown_project_names_those_there_are(run: Any, town: str, tmp_path: Path) -> None:
    code, _, err = run(
        "add", str(tmp_path), "wang", "--role", "viewer", "--in", "xicheng", typed=line(GOOD)
    )

    assert code == 2
    assert "no project 'xicheng'; there is: town" in err

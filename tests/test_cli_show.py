"""What ``lianpian serve`` says first: who must be made, what is missing, what is dangerous."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from api.cli import main
from api.store import Project
from api.store.office import Office
from api.store.office.address import office_address
from tests.people import BY

Served = Callable[..., tuple[str, str]]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Served:
    """Begin to serve, and return what was said on standard output and on standard error."""
    monkeypatch.setattr("api.serving.server.run_server", lambda *_, **__: None)
    monkeypatch.setenv("LIANPIAN_LOG", "off")

    def begin(*args: object, login: str = "auto") -> tuple[str, str]:
        monkeypatch.setenv("LIANPIAN_LOGIN", login)
        with pytest.raises(SystemExit) as ended:
            main(["serve", *map(str, args), "--port", "0"])
        told = capsys.readouterr()
        assert ended.value.code == 0, told.err
        return told.out, told.err

    return begin


def test_the_first_person_is_asked_for_until_there_is_one(served: Served, tmp_path: Path) -> None:
    town = tmp_path / "town.gpkg"
    Project.create(town, name="Town").close()

    assert f"lianpian users add {town} NAME --admin" in served(town, login="on")[0]
    with closing(Office.open(office_address(str(town)))) as office:
        office.add_person("wang", by=BY)
    out, err = served(town, login="on")
    assert "People sign in\n" in out
    assert "users add" not in out
    assert err == ""
    assert "sign in" not in served(town)[0]


def test_an_empty_folder_says_how_a_project_is_made(served: Served, tmp_path: Path) -> None:
    assert f"lianpian init {tmp_path}/my.gpkg" in served(tmp_path)[0]
    Project.create(tmp_path / "town.gpkg", name="Town").close()
    assert "init" not in served(tmp_path)[0]


def test_a_server_for_others_without_signing_in_warns(served: Served, tmp_path: Path) -> None:
    Project.create(tmp_path / "town.gpkg", name="Town").close()

    out, err = served(tmp_path, "--host", "0.0.0.0", "--json", login="off")

    assert err.startswith("WARNING: nobody signs in")
    assert "0.0.0.0" in err
    assert "WARNING" not in out
    assert served(tmp_path, login="off")[1] == ""

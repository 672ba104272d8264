"""A backup and a move hold all that a project holds, or are not there."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import shapely
from click.testing import CliRunner
from pyproj import CRS
from sqlalchemy import insert, select

from api.cli import cli
from api.store import Project
from api.store.address import shown
from api.store.copying import back_up, move
from api.store.database import open_database
from api.store.office import Office
from api.store.postgis import Postgis
from api.store.schema import ATTRIBUTES, AUDIT, LAYERS, PRIVATE_PERSONS
from gis.errors import FileError, LayerError, ProjectError
from tests.layers import layer

LOCAL = CRS.from_proj4("+proj=tmerc +lon_0=108.95 +x_0=40000 +ellps=GRS80 +units=m")
STREET = shapely.LineString([(0, 0, 410.5), (30, 0, 412.25)])
FLAT = shapely.LineString([(0, 5), (30, 5)])


def fill(address: str | Path, crs: CRS | None = None) -> None:
    """A little of everything that a copy could lose."""
    boxes = [shapely.box(x, 0, x + 8, 8) for x in range(0, 50, 10)]
    estates = layer(
        "estates", boxes,
        name=["甲", "", None, "a'b\"c;--", "\u200b😀"],
        people=[12.5, 0, None, 2e6 + 0.125, 7], has_elevator=[True, False, None, True, None],
        自有=[1.5, None, float("inf"), 3.0, 4.0], note=["", None, "x", "NaN", "null"],
    )  # fmt: skip
    streets = layer("streets", [STREET, FLAT])
    facilities = layer("facilities", [shapely.Point(1, 2)] * 2, category=["nursery"] * 2)
    layers = [estates, streets, facilities]
    if crs is not None:
        layers = [
            type(one)(one.kind, one.frame.set_crs(crs, allow_override=True)) for one in layers
        ]
    with Project.create(address, name="云溪市", profile="liaoning") as project:
        project.write_layers([(one, None) for one in layers])
        project.state_none("canteen", none=True)
        project.save_scenario("一", [{"edit": "open"}], {"gain": None})
        with project._database.write() as connection:
            row = {"estate": "estates-0", "name": "王", "phone": "", "note": None}
            row["at"] = "2026-05-01T12:00:00.000Z"
            connection.execute(insert(PRIVATE_PERSONS).values(row))
            # A hole in the numbers, and rows that were changed.
            connection.execute(LAYERS["estates"].delete().where(LAYERS["estates"].c.fid == 2))
            changed = LAYERS["estates"].update().where(LAYERS["estates"].c.fid == 3)
            connection.execute(changed.values(name="乙"))


def contents(address: str | Path) -> dict[str, Any]:
    """All that people can ask of a project."""
    with Project.open(address) as project:
        study = project.read_study()
        return {
            "name": (project.name, project.profile, project.crs),
            "layers": {
                kind: (
                    one.frame.drop(columns="geometry").astype(object).fillna("?").values.tolist(),
                    list(one.frame.columns),
                    shapely.to_wkb(one.geometries).tolist(),
                )
                for kind, one in study.layers.items()
            },
            "infos": project.layers(),
            "versions": project.layer_versions(),
            "none_of": project.none_of,
            "audit": project.verify_audit().ok,
            "revs": rows_of(address, LAYERS["estates"].c.fid, LAYERS["estates"].c.rev),
            "persons": rows_of(address, PRIVATE_PERSONS),
        }


def rows_of(address: str | Path, *what: Any) -> list[tuple[Any, ...]]:
    with closing(open_database(address)) as database, database.read() as connection:
        return sorted(tuple(row) for row in connection.execute(select(*what)))


@pytest.mark.parametrize("crs", [None, LOCAL], ids=["epsg", "own crs"])
def test_a_project_goes_to_the_server_and_back_without_loss(
    tmp_path: Path, postgis: str, crs: CRS | None
) -> None:
    here, back = tmp_path / "a.gpkg", tmp_path / "b.gpkg"
    fill(here, crs)
    before = contents(here)
    there = move(here, postgis)
    assert there.rows["estates"] == 4
    assert there.rows["private_persons"] == 1
    assert {table.name for table in ATTRIBUTES} < there.rows.keys()
    assert contents(postgis) == before
    # Of lines in the audit there is one more: that it was copied.
    assert move(postgis, back).rows == there.rows | {"audit": there.rows["audit"] + 1}
    assert contents(back) == before == contents(here)
    with Project.open(postgis) as project:
        # New rows are numbered on, as they would have been at home.
        project.write_layers([(layer("gates", [shapely.Point(1, 2)]), None)] if crs is None else [])
        project.save_scenario("一", [], {})
        assert project.scenario_names() == ("一",)


def test_what_holds_a_project_is_refused_and_stays(tmp_path: Path, postgis: str) -> None:
    here = tmp_path / "a.gpkg"
    fill(here)
    Project.create(postgis, name="mine").close()
    with pytest.raises(ProjectError, match="There is a project at 'postgresql://"):
        move(here, postgis)
    with pytest.raises(ProjectError, match="exists already"):
        move(postgis, here)
    with pytest.raises(ProjectError, match="exists already"):
        back_up(here, here)
    with Project.open(postgis) as project:
        assert (project.name, project.layers()) == ("mine", [])


def test_a_backup_is_whole_also_of_a_file_in_use(tmp_path: Path, store: str) -> None:
    fill(store)
    backup = tmp_path / "backup.gpkg"
    with Project.open(store) as project:
        project.state_none("nursery", none=True)  # in the WAL of a file only
        made = back_up(store, backup)
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup.gpkg"]
    assert contents(backup) == contents(store)
    assert made.rows["statements"] == 2
    with pytest.raises(FileError, match="there is no folder"):
        back_up(store, tmp_path / "none" / "b.gpkg")


@pytest.mark.parametrize("copy", [move, back_up])
def test_the_audit_of_a_copy_goes_on_with_where_it_comes_from(
    tmp_path: Path, store: str, copy: Any
) -> None:
    fill(store)
    with Project.open(store) as project:
        last = project.audit_lines(1)[0]
    folder = tmp_path / "secret folder"
    folder.mkdir()
    copy(store, folder / "b.gpkg")
    with Project.open(folder / "b.gpkg") as copied:
        line, before = copied.audit_lines(2)
        assert before == last
        assert (line.what, line.detail) == ("copied from", {"last": last.hash})
        assert line.subject == (shown(store) if "://" in store else Path(store).name)
        assert copied.verify_audit(last.hash).ok
    with Project.open(store) as project:
        assert project.audit_lines(1)[0] == last
        assert project.verify_audit().ok


def test_a_copy_that_is_not_the_same_is_none(
    tmp_path: Path, postgis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "a.gpkg"
    fill(here)
    encode = Postgis.encode

    def slightly_off(self: Postgis, shapes: Any, **how: Any) -> list[bytes | None]:
        return encode(self, shapely.transform(shapes, lambda xy: xy + 1e-9), **how)

    monkeypatch.setattr(Postgis, "encode", slightly_off)
    with pytest.raises(ProjectError, match="not the same in row 1 of 'estates'"):
        move(here, postgis)
    with pytest.raises(ProjectError, match="There is no project at"):
        Project.open(postgis)


def test_text_that_a_server_cannot_keep_is_told_and_nothing_is_left(
    tmp_path: Path, postgis: str
) -> None:
    here = tmp_path / "a.gpkg"
    with Project.create(here, name="x") as project:
        project.write_layers([(layer("estates", [shapely.box(0, 0, 1, 1)], name=["a\0b"]), None)])
    with pytest.raises(LayerError, match="NUL"):
        move(here, postgis)
    with pytest.raises(ProjectError, match="There is no project at"):
        Project.open(postgis)


def test_columns_and_tables_of_others_are_named(tmp_path: Path) -> None:
    here = tmp_path / "a.gpkg"
    fill(here)
    with sqlite3.connect(here) as connection:
        connection.execute("ALTER TABLE estates ADD COLUMN 备注 TEXT")
        connection.execute("CREATE TABLE layer_styles (id INTEGER PRIMARY KEY)")
    connection.close()
    assert move(here, tmp_path / "b.gpkg").left_out == ("estates.备注", "layer_styles")
    # A backup has everything.
    back_up(here, tmp_path / "c.gpkg")
    with closing(sqlite3.connect(tmp_path / "c.gpkg")) as copy:
        assert copy.execute("SELECT 备注 FROM estates").fetchall() == [(None,)] * 4


def test_the_commands_say_what_they_did_without_a_password(tmp_path: Path, postgis: str) -> None:
    here = tmp_path / "a.gpkg"
    fill(here)
    secret = postgis.replace("gis@", "gis:s3cret@")
    run = CliRunner()
    moved = run.invoke(cli, ["move", str(here), secret, "--json"], catch_exceptions=False)
    told = json.loads(moved.stdout)
    assert told["ok"] is True
    assert told["url"] == postgis
    assert told["rows"]["estates"] == 4
    saved = run.invoke(
        cli, ["backup", secret, str(tmp_path / "b.gpkg"), "--json"], catch_exceptions=False
    )
    assert json.loads(saved.stdout)["file"] == str(tmp_path / "b.gpkg")
    listed = run.invoke(cli, ["layers", secret, "--json"], catch_exceptions=False)
    assert "s3cret" not in moved.output + saved.output + listed.output
    assert rows_of(here, AUDIT.c.id, AUDIT.c.what)[-1][1] == "copied"


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_move_says_that_people_stay_behind_and_how_to_keep_them(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LIANPIAN_OFFICE", raising=False)
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    Project.create(here / "a.gpkg", name="x").close()

    def run(target: Path, *more: str) -> str:
        asked = ["move", str(here / "a.gpkg"), str(target), *more]
        done = CliRunner().invoke(cli, asked, catch_exceptions=False)
        target.unlink()
        return done.stdout

    target = there / f"{name}.gpkg"
    # Nobody ever signed in: there is nothing to keep.
    assert "LIANPIAN_OFFICE" not in run(target)
    office = here / ".lianpian-office.db"
    Office.open(office).close()
    told = run(target)
    assert told.splitlines()[-1] == (
        f"  ! people, roles and shares stay in the office {office}; to keep them, set "
        f"LIANPIAN_OFFICE={office} where {target} is served"
    )
    assert ("those of 'a' do not count for 'b'" in told) == (name == "b")
    assert json.loads(run(target, "--json"))["office"] == str(office)
    # In the same folder, and where a setting names the office, it stays the same one.
    assert json.loads(run(here / "c.gpkg", "--json"))["office"] is None
    monkeypatch.setenv("LIANPIAN_OFFICE", str(office))
    assert "LIANPIAN_OFFICE" not in run(target)


def test_the_office_of_a_server_is_told_without_a_password(tmp_path: Path, postgis: str) -> None:
    Project.create(postgis, name="x").close()
    secret = postgis.replace("gis@", "gis:s3cret@")
    asked = ["move", secret, str(tmp_path / "a.gpkg")]
    told = CliRunner().invoke(cli, asked, catch_exceptions=False).stdout
    database = postgis.partition("?")[0]
    assert f"LIANPIAN_OFFICE={database}?schema=lianpian_office where " in told
    assert "s3cret" not in told


# --- what goes wrong in the middle ----------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from api.store import copying
compare = copying.compare
def stop(*args, **kwargs):
    print("now", flush=True)
    sys.stdin.readline()
    return compare(*args, **kwargs)
copying.compare = stop
source, target = sys.argv[2:]
if sys.argv[1] == "move":
    copying.move(source, target)
else:
    copying.back_up(source, Path(target))
"""


@pytest.mark.parametrize("what", ["move", "backup", "to the server"])
def test_a_kill_in_the_middle_leaves_nothing_under_the_name(
    tmp_path: Path, request: pytest.FixtureRequest, what: str
) -> None:
    here, folder = tmp_path / "a.gpkg", tmp_path / "out"
    folder.mkdir()
    fill(here)
    before = contents(here)
    target = str(folder / "b.gpkg")
    if what == "to the server":
        target = request.getfixturevalue("postgis")
    verb = "backup" if what == "backup" else "move"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, verb, str(here), target],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"now\n"
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)
    assert not (folder / "b.gpkg").exists()
    with pytest.raises(ProjectError, match="There is no project"):
        Project.open(target)
    assert contents(here) == before
    move(here, target)
    assert contents(target) == before


FULL = """
import resource, sys
from pathlib import Path
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from api.store import copying
from gis.errors import LianpianError
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    if sys.argv[2] == "import":
        from api.store import Project
        from tests.layers import layer
        import shapely
        with Project.open(sys.argv[1]) as project:
            gates = layer("gates", [shapely.Point(x, 0) for x in range(5000)])
            project.write_layers([(gates, None)])
    else:
        copying.back_up(sys.argv[1], Path(sys.argv[2]))
except LianpianError as error:
    print(error)
"""


def test_a_disk_without_room_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    here, folder = tmp_path / "a.gpkg", tmp_path / "out"
    folder.mkdir()
    fill(here)
    before = contents(here)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(here), str(folder / "b.gpkg")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "b.gpkg': the disk" in done.stdout
    assert list(folder.iterdir()) == []
    assert contents(here) == before


def test_an_import_onto_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    here = tmp_path / "a.gpkg"
    fill(here)
    before = contents(here)
    limited = FULL.replace("60_000", str(here.stat().st_size + 60_000))
    done = subprocess.run(
        [sys.executable, "-c", limited, str(here), "import"],
        capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert "a.gpkg': the disk" in done.stdout
    assert contents(here) == before

"""Projects of every age open and are brought up to date, all of the way or not at all."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from sqlalchemy import Connection

from api.store import Project
from api.store.backend import backend_of
from api.store.codec import register_functions
from api.store.database import open_database
from api.store.migrations import scripts
from api.store.office import Office
from api.store.office.database import OFFICES
from api.store.office.schema import OFFICE_METADATA
from api.store.revisions import PROJECTS, REVISION
from api.store.schema import ATTRIBUTES, FORMAT_VERSION, LAYERS, METADATA
from api.store.transactions import Database
from gis.errors import ProjectError
from gis.model import KINDS
from tests.layers import layer

OLD = Path(__file__).parent / "old_projects" / "format_1.sql"
BOXES = [shapely.box(x, 0, x + 8, 8) for x in (0, 10, 20)]


@pytest.fixture(scope="module")
def _old_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old") / "old.gpkg"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        register_functions(connection)
        connection.executescript(OLD.read_text("utf-8"))
    return path


@pytest.fixture
def old(_old_file: Path, tmp_path: Path) -> Path:
    """A project as it was written before tables had revisions."""
    return Path(shutil.copy(_old_file, tmp_path / "old.gpkg"))


def sql(path: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    register_functions(connection)
    try:
        with connection:
            return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def test_a_project_of_before_opens_with_all_its_data(old: Path) -> None:
    with Project.open(old) as project:
        study = project.read_study()
        assert (study.name, project.profile, study.none_of) == ("旧城", "liaoning", {"canteen"})
        estates, streets = study.layers["estates"], study.layers["streets"]
        assert estates.frame["name"].fillna("?").tolist() == ["甲", "", "?"]
        assert estates.frame["people"].fillna(-1).tolist() == [12.5, 0, -1]
        assert estates.frame["自有"].fillna("?").tolist() == ["a", "?", "b"]
        assert shapely.get_coordinates(streets.geometries[:1], include_z=True)[:, 2].tolist() == [
            410.5, 412.25
        ]  # fmt: skip
        assert project.plan_names() == ("方案一",)
        assert project.read_scenario("一").answer == {"gain": 1}
        assert project.imports()[0]["file"] == "一.shp"
        assert project.refused()[0]["reason"] == "no geometry"
        assert project.layer_versions() == {"estates": 1, "streets": 1}
    assert sql(old, "SELECT format_version FROM project") == [(FORMAT_VERSION,)]
    assert sql(old, "SELECT version_num FROM alembic_version") == [(PROJECTS.head,)]


def test_what_was_migrated_has_registers_indexes_and_triggers(old: Path) -> None:
    Project.open(old).close()
    listed = {row[0] for row in sql(old, "SELECT table_name FROM gpkg_contents")}
    assert {table.name for table in ATTRIBUTES} <= listed
    assert sql(old, "SELECT rtreecheck('rtree_estates_geom')") == [("ok",)]
    assert sql(old, "PRAGMA integrity_check") == [("ok",)]
    made_today = old.with_name("new.gpkg")
    with Project.create(made_today, name="x") as project:
        project.write_layers([(layer("estates", BOXES), None), (layer("streets", []), None)])
    triggers = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    assert sql(old, triggers) == sql(made_today, triggers)
    # An edit by another program counts.
    sql(old, "UPDATE estates SET name = 'x' WHERE fid = 1")
    assert sql(old, "SELECT rev FROM estates ORDER BY fid") == [(2,), (1,), (1,)]
    with Project.open(old) as project:
        assert project.layer_versions()["estates"] == 2
        project.write_layers([(layer("estates", BOXES, first=50), None)])
    _, _, found, _ = pyogrio.raw.read(
        old, layer="estates", bbox=(500009.0, 3200000, 500011, 3200001)
    )
    assert len(found) == 2


def test_what_others_change_after_a_migration_is_noticed_and_nothing_before(old: Path) -> None:
    with Project.open(old) as project:
        project.note_outside_changes()
        assert project.audit_lines() == ()
        sql(old, "UPDATE estates SET name = 'x' WHERE fid = 1")
        project.note_outside_changes()
        (line,) = project.audit_lines()
        assert (line.what, line.subject) == ("changed outside Lianpian", "estates")
        assert line.detail["versions"] == 1


def test_very_old_projects_lack_tables(old: Path) -> None:
    for table in ("scenarios", "plan_packages"):
        sql(old, f"DROP TABLE {table}")
        sql(old, "DELETE FROM gpkg_contents WHERE table_name = ?", table)
    with Project.open(old) as project:
        assert project.scenario_names() == ()
        assert project.save_scenario("二", [], {}) == 1
        assert project.read_packages("方案一") == ()


def test_a_migration_that_fails_leaves_the_project_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sql(old, "SELECT type, name, sql FROM sqlite_master ORDER BY name")

    def broken(*_: object, **__: object) -> None:
        raise ProjectError("in the middle")

    monkeypatch.setattr("api.store.geopackage.GeoPackage.settle", broken)
    with pytest.raises(ProjectError, match="in the middle"):
        Project.open(old)
    assert sql(old, "SELECT type, name, sql FROM sqlite_master ORDER BY name") == before
    monkeypatch.undo()
    Project.open(old).close()


def test_a_revision_of_tomorrow_is_refused(store: str) -> None:
    Project.create(store, name="x").close()
    with closing(open_database(store)) as database, database.write() as connection:
        connection.execute(REVISION.update().values(version_num="project_99"))
    with pytest.raises(ProjectError, match=r"newer Lianpian \(revision project_99"):
        Project.open(store)


def test_alembic_is_loaded_only_to_migrate(tmp_path: Path, old: Path) -> None:
    Project.create(tmp_path / "new.gpkg", name="x").close()
    code = (
        "import sys; from api.store import Project; Project.open(sys.argv[1]).close();"
        "print('alembic' in sys.modules)"
    )
    for path, loaded in ((tmp_path / "new.gpkg", "False"), (old, "True")):
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == loaded


def test_the_scripts_end_where_the_code_is() -> None:
    assert scripts("project").get_heads() == [PROJECTS.head]
    assert scripts("office").get_heads() == [OFFICES.head]


# --- the tables are those of the metadata ---------------------------------------------------------


def differences(connection: Connection, metadata: Any) -> list[Any]:
    """What Alembic would change, but for what is no table of ours."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    there = backend_of(connection)
    layers = there.kinds() if metadata is METADATA else set()

    def ours(thing: Any, name: str, kind: str, reflected: bool, _: Any) -> bool:
        if kind == "table" and reflected:
            return name in metadata.tables
        if kind == "table":
            return name in layers or name not in KINDS
        return not (kind == "index" and reflected and name.startswith("idx_"))

    options = {"include_object": ours, "compare_type": False}
    context = MigrationContext.configure(connection, opts=options)
    return [one for one in compare_metadata(context, metadata) if "comment" not in one[0]]


def whole(address: str | Path) -> Database:
    """A project that has a layer of every kind."""
    with Project.open(address) as project:
        there = {info.kind for info in project.layers()}
        project.write_layers([(layer(kind, []), None) for kind in KINDS if kind not in there])
    return open_database(address)


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_the_tables_of_a_new_project_are_those_of_the_metadata(store: str) -> None:
    Project.create(store, name="x").close()
    with closing(whole(store)) as database, database.read() as connection:
        assert differences(connection, METADATA) == []
        assert set(LAYERS) == backend_of(connection).kinds()


def test_the_tables_of_an_old_project_are_those_of_the_metadata(old: Path) -> None:
    with closing(whole(old)) as database, database.read() as connection:
        assert differences(connection, METADATA) == []


def test_the_tables_of_an_office_are_those_of_the_metadata(store: str) -> None:
    address = store if "://" in store else store.replace(".gpkg", ".db")
    with closing(Office.open(address)) as office, office.read() as connection:
        assert differences(connection, OFFICE_METADATA) == []
    if "://" not in address:
        assert np.bitwise_and(Path(address).stat().st_mode, 0o777) == 0o600

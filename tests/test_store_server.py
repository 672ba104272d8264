"""A project on a server: what only a server can get wrong is told, and never with a password."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import shapely
from pyproj import CRS
from sqlalchemy import insert, select, text

from api.store import Project
from api.store.address import name_of, parse_address, shown
from api.store.backend import backend_of
from api.store.database import open_database
from api.store.schema import AUDIT, LAYERS, STATEMENTS
from gis.errors import LayerError, ProjectError
from tests.layers import layer
from tests.postgres import Server

BOX = shapely.box(0, 0, 8, 8)
SECRET = "s3cr3t"


@pytest.fixture
def project(postgis: str) -> Iterator[Project]:
    with Project.create(postgis, name="云溪市") as made:
        made.write_layers([(layer("estates", [BOX] * 3), None)])
        yield made


@pytest.mark.parametrize(
    ("address", "seen", "name"),
    [
        ("postgresql://u:p%40ss@h:5433/d", "postgresql://u@h:5433/d", "d"),
        (
            "postgres://u@h/d?schema=a&sslmode=require&password=x",
            "postgresql://u@h/d?schema=a",
            "a",
        ),
        ("my/城.gpkg", "my/城.gpkg", "城"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, seen: str, name: str) -> None:
    assert (shown(address), name_of(address)) == (seen, name)
    assert SECRET not in repr(parse_address(f"postgresql://u:{SECRET}@h/d"))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://u@h/d", "mysql:// address is not possible"),
        (f"postgresql://u:{SECRET}@h:port/d", "cannot be read"),
        ("postgresql://u@h/d?schema=a%22%3BDROP", "is no name"),
    ],
)
def test_what_is_no_address_is_refused(address: str, words: str) -> None:
    with pytest.raises(ProjectError, match=words) as told:
        Project.open(address)
    assert SECRET not in str(told.value)


def test_a_server_that_is_away_is_told(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(ProjectError, match="cannot be reached") as told:
            Project.open(f"postgresql://gis:{SECRET}@127.0.0.1:{port}/d")
    assert f"postgresql://gis@127.0.0.1:{port}/d" in str(told.value)
    assert SECRET not in str(told.value)


def test_where_there_is_no_project_the_schemas_that_hold_one_are_told(postgres: Server) -> None:
    database = postgres.database()
    address = postgres.address(database)
    try:
        with pytest.raises(ProjectError, match=rf"at '{address}'; make one with: lianpian init"):
            Project.open(address)
        # A table of that name alone makes no project.
        postgres.run("CREATE TABLE public.project (id integer)", database=database)
        for name in ("heping", "demo"):
            Project.create(f"{address}?schema={name}", name=name).close()
        told = rf"{database}.*; of this database these schemas hold one: demo, heping "
        for wrong in (address, f"{address}?schema=none"):
            with pytest.raises(ProjectError, match=rf"{told}\(\?schema=demo\); make one with"):
                Project.open(wrong)
        for number in range(10):
            Project.create(f"{address}?schema=x{number}", name="x").close()
        with pytest.raises(ProjectError, match=r"x7 and 2 more \("):
            Project.open(address)
    finally:
        postgres.drop(database)


def test_what_the_server_refuses_is_told_by_its_cause(postgres: Server) -> None:
    with pytest.raises(ProjectError, match="no such database"):
        Project.open(postgres.address("nowhere"))
    with pytest.raises(ProjectError, match="lets this user not in"):
        Project.open(postgres.address("postgres", user="nobody", password=SECRET))
    with pytest.raises(ProjectError, match="no PostGIS; let its superuser run"):
        Project.create(postgres.address("postgres"), name="x")
    with pytest.raises(
        ProjectError, match=r"There is no project at '.*schema=none'; make one with"
    ):
        Project.open(postgres.address("with_postgis") + "?schema=none")


def test_a_user_without_rights_is_told_and_keeps_his_own_crs(postgres: Server) -> None:
    name = postgres.database()
    postgres.run(f"DROP ROLE IF EXISTS planner; CREATE ROLE planner LOGIN PASSWORD '{SECRET}'")
    try:
        there = postgres.address(name, user="planner", password=SECRET)
        with pytest.raises(ProjectError, match="has no right") as told:
            Project.create(there, name="x")
        assert SECRET not in str(told.value)
        postgres.run("CREATE SCHEMA plans AUTHORIZATION planner", database=name)
        local = CRS.from_proj4("+proj=tmerc +lon_0=108.95 +x_0=40000 +ellps=GRS80 +units=m")
        one = layer("estates", [BOX])
        one = type(one)(one.kind, one.frame.set_crs(local, allow_override=True))
        with Project.create(there + "?schema=plans", name="x") as project:
            # He may not add to the list of PostGIS: the project itself knows its CRS.
            project.write_layers([(one, None)])
            assert project.read_layer("estates").crs == local
            assert project.path is None or "?" not in str(project.path)
    finally:
        postgres.drop(name)
        postgres.run("DROP ROLE planner")


def test_the_driver_is_named_when_it_is_missing() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from api.store import Project\n"
        "from gis.errors import ProjectError\n"
        f"try: Project.open('postgresql://u:{SECRET}@h/d')\n"
        "except ProjectError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'lianpian[postgis]'" in done.stdout
    assert SECRET not in done.stdout


def test_two_projects_in_one_database_never_see_each_other(postgres: Server) -> None:
    name = postgres.database()
    try:
        address = postgres.address(name)
        with Project.create(address, name="public") as project:
            project.write_layers([(layer("estates", [BOX]), None)])
        with Project.create(f"{address}?schema=other", name="other") as project:
            assert project.layers() == []
            project.write_layers([(layer("gates", [shapely.Point(1, 2)]), None)])
        with Project.open(address) as project:
            assert [info.kind for info in project.layers()] == ["estates"]
            project.remove_layer("estates")
        with Project.open(f"{address}?schema=other") as project:
            assert [info.kind for info in project.layers()] == ["gates"]
    finally:
        postgres.drop(name)


def test_writers_take_turns_and_a_reader_keeps_its_state(postgis: str, project: Project) -> None:
    names = LAYERS["estates"].c.name
    with closing(open_database(postgis, busy_timeout_s=0.2)) as other:
        with project._database.write() as connection:
            connection.execute(LAYERS["estates"].update().values(name="a"))
            with other.read() as reader:  # does not wait
                assert reader.execute(select(names).distinct()).all() == [(None,)]
            with pytest.raises(ProjectError, match="in use by another program"), other.write():
                pass
        with other.read() as reader:
            assert reader.execute(select(names).distinct()).all() == [("a",)]
            with project._database.write() as connection:
                connection.execute(LAYERS["estates"].update().values(name="b"))
            assert reader.execute(select(names).distinct()).all() == [("a",)]
        with pytest.raises(ProjectError, match="takes no changes"), other.read() as reader:
            reader.execute(LAYERS["estates"].delete())


def test_who_waited_sees_what_was_committed_meanwhile(postgis: str, project: Project) -> None:
    versions: list[int] = []

    def save() -> None:
        with Project.open(postgis) as mine:
            versions.extend(mine.save_scenario("一", [], {}) for _ in range(5))

    threads = [threading.Thread(target=save) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(versions) == list(range(1, 16))


def test_the_mark_moves_with_every_commit_of_anybody(store: str) -> None:
    Project.create(store, name="x").close()
    with closing(open_database(store)) as one, closing(open_database(store)) as other:
        marks = [one.mark(), one.mark()]
        assert marks[0] == marks[1]
        for database in (other, one, other):
            with database.write() as connection:
                row = {"none_of": f"c{len(marks)}", "at": "2026-05-01T12:00:00.000Z"}
                connection.execute(insert(STATEMENTS), row)
            marks.append(one.mark())
        assert len(set(marks[1:])) == 4


def test_edits_by_sql_count_up_rows_and_layers_on_both(store: str) -> None:
    with Project.create(store, name="x") as project:
        project.write_layers([(layer("estates", [BOX] * 3), None)])
        table, was = LAYERS["estates"], project.layer_versions()["estates"]
        revs = select(table.c.rev).order_by(table.c.fid)
        with project._database.write() as connection:
            start = connection.execute(revs).scalars().all()
            connection.execute(table.update().where(table.c.fid == 1).values(name="a"))
            # As a program does that writes the whole row back.
            connection.execute(
                table.update().where(table.c.fid == 2).values(name="b", rev=start[1])
            )
            connection.execute(table.update().where(table.c.fid == 3).values(rev=99))
            after = connection.execute(revs).scalars().all()
            connection.execute(table.delete().where(table.c.fid == 1))
            connection.execute(table.insert().values(uid="new", rev=1))
            new = connection.execute(select(table.c.rev).where(table.c.uid == "new")).scalar_one()
        assert after == [start[0] + 1, start[1] + 1, 99]
        assert project.layer_versions()["estates"] >= was + 5
        assert was < new <= project.layer_versions()["estates"]


def test_a_layer_replaced_or_made_again_never_has_an_old_rev(store: str) -> None:
    one = layer("estates", [BOX])
    seen: list[tuple[int, int]] = []
    with Project.create(store, name="x") as project:
        for step in range(3):
            project.write_layers([(one, None)], replace=step == 1)
            with project._database.read() as connection:
                rev = connection.execute(select(LAYERS["estates"].c.rev)).scalar_one()
            seen.append((rev, project.layer_versions()["estates"]))
            if step == 1:
                project.remove_layer("estates")
    revs, versions = zip(*seen, strict=True)
    assert sorted(set(revs)) == list(revs)
    assert sorted(set(versions)) == list(versions)


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'x'", "DELETE FROM audit"])
def test_the_audit_can_only_be_added_to(store: str, statement: str) -> None:
    from sqlalchemy.exc import DBAPIError

    with Project.create(store, name="x") as project:
        project.state_none("nursery", none=True)
        with project._database.read() as connection:
            before = connection.execute(select(AUDIT)).all()
        with pytest.raises((DBAPIError, ProjectError)), project._database.write() as connection:
            connection.execute(text(statement))
        with project._database.read() as connection:
            assert connection.execute(select(AUDIT)).all() == before != []


def test_text_that_cannot_be_kept_is_told(project: Project) -> None:
    gates = layer("gates", [shapely.Point(1, 2)], name=["a\0b"])
    with pytest.raises(LayerError, match="NUL"):
        project.write_layers([(gates, None)])
    assert [info.kind for info in project.layers()] == ["estates"]


def test_qgis_finds_srid_heights_and_index(
    postgres: Server, postgis: str, project: Project
) -> None:
    high = shapely.LineString([(0, 0, 410.5), (30, 0, 412.25)])
    project.write_layers([(layer("streets", [high, shapely.LineString([(0, 5), (9, 5)])]), None)])
    schema = postgis.rpartition("=")[2]
    database = Path(postgis.partition("?")[0]).name
    listed = postgres.run(
        "SELECT f_table_name, srid FROM geometry_columns "
        f"WHERE f_table_schema = '{schema}' ORDER BY 1",
        database=database,
    )
    assert listed == [("estates", 4547), ("streets", 4547)]
    indexes = f"SELECT indexname FROM pg_indexes WHERE schemaname = '{schema}' ORDER BY 1"
    names = {row[0] for row in postgres.run(indexes, database=database)}
    assert {"idx_estates_geom", "idx_streets_geom"} <= names
    with project._database.read() as connection:
        found = backend_of(connection).touching(
            "streets", (500005.0, 3200004.0, 500006.0, 3200006.0)
        )
        assert connection.execute(select(LAYERS["streets"].c.fid).where(found)).all() == [(2,)]


def test_a_connection_that_broke_is_told_and_the_next_one_works(
    postgres: Server, postgis: str, project: Project
) -> None:
    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lianpian'"
    )
    with pytest.raises(ProjectError, match="try again"):  # noqa: PT012, SIM117
        with project._database.read() as connection:
            postgres.run(end)
            connection.execute(select(LAYERS["estates"].c.fid))
    assert project.layers()[0].rows == 3

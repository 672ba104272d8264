"""A real PostgreSQL with PostGIS for tests: one server per test process, a database per test.

The server listens on a free port of this machine only and keeps its files in a temporary folder; it
is stopped and forgotten at the end. As root it runs as the user ``postgres``, since it refuses to
run as root. Where Debian's packages are missing the tests are skipped with a word.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

LIBRARY = Path("/usr/lib/postgresql")
USER = "gis"
TEMPLATE = "with_postgis"


@dataclass(frozen=True)
class Server:
    """A running server; its superuser is `USER`, who needs no password."""

    port: int
    folder: Path

    def address(self, database: str, *, user: str = USER, password: str | None = None) -> str:
        who = user if password is None else f"{user}:{password}"
        return f"postgresql://{who}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """Do what its superuser would do."""
        import psycopg

        with psycopg.connect(self.address(database), autocommit=True) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def database(self) -> str:
        """Make a database that has PostGIS; return its name."""
        name = f"test_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return name

    def schema(self, database: str) -> str:
        """Make an empty schema; return the address of a project in it."""
        name = f"test_{secrets.token_hex(6)}"
        self.run(f"CREATE SCHEMA {name}", database=database)
        return f"{self.address(database)}?schema={name}"

    def drop(self, name: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _programs() -> Path | None:
    """The folder of the newest server that has PostGIS."""
    for folder in sorted(LIBRARY.glob("*"), key=lambda path: -int(path.name)):
        there = list(folder.glob("lib/postgis-3.so"))
        if there and (folder / "bin" / "pg_ctl").exists():
            return folder / "bin"
    return None


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _run(programs: Path, name: str, *arguments: str) -> None:
    command = [str(programs / name), *arguments]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(
        command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stdout.decode(errors="replace")[-2000:])


def _start(programs: Path, folder: Path) -> Server:
    data = str(folder / "data")
    _run(programs, "initdb", "-D", data, "-U", USER, "--auth=trust", "-E", "UTF8",
         "--locale=C.UTF-8", "--no-sync")  # fmt: skip
    for attempt in range(5):
        port = _free_port()
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        options += " -c full_page_writes=off -c synchronous_commit=off -c shared_buffers=64MB"
        try:
            _run(programs, "pg_ctl", "-D", data, "-w", "-t", "60", "-l", str(folder / "log"),
                 "-o", options, "start")  # fmt: skip
        except RuntimeError:
            # Somebody else may have taken the port in between.
            if attempt == 4:
                raise
            continue
        break
    return Server(port, folder)


@pytest.fixture(scope="session")
def postgres(need: Callable[[object, str], None]) -> Iterator[Server]:
    """A server with a template that has PostGIS."""
    programs = _programs()
    need(programs, "no PostgreSQL with PostGIS (make setup-test installs it as root)")
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="lianpian-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        server = _start(programs, folder)
        try:
            server.run(f"CREATE DATABASE {TEMPLATE}")
            server.run("CREATE EXTENSION postgis", database=TEMPLATE)
            yield server
        finally:
            _run(programs, "pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _shared_database(postgres: Server) -> str:
    return postgres.database()


@pytest.fixture
def postgis(postgres: Server, _shared_database: str) -> Iterator[str]:
    """The address of a new, empty schema; a database of its own would take ten times as long."""
    address = postgres.schema(_shared_database)
    yield address
    name = address.rpartition("=")[2]
    postgres.run(f"DROP SCHEMA IF EXISTS {name} CASCADE", database=_shared_database)


@pytest.fixture(params=["geopackage", "postgis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a project that is not there yet: a file, then a database."""
    if request.param == "geopackage":
        return str(tmp_path / "云溪.gpkg")
    address: str = request.getfixturevalue("postgis")
    return address

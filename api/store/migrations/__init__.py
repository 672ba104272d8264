"""The changes that the tables have gone through, as scripts of Alembic: one set for both databases.

``project`` holds those of projects, ``office`` those of offices. A script is never changed once it
was released, and names its tables itself: those of `api.store.schema` are of today.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from api.store.backend import backend_of

HERE: Final = Path(__file__).resolve().parent


def scripts(branch: str) -> ScriptDirectory:
    """Return the scripts of a branch."""
    return ScriptDirectory(str(HERE), version_locations=[str(HERE / branch)])


def upgrade(connection: Connection, branch: str, found: str | None, head: str) -> bool:
    """Run what leads from one revision to another, in the transaction of the caller.

    Returns
    -------
    bool
        False, with nothing done, where the revision that was found is not known here.
    """
    directory = scripts(branch)
    if found is not None and not _knows(directory, found):
        return False
    if not backend_of(connection).has_table("alembic_version"):
        # Made by ourselves: the type that Alembic gives its column is none of GeoPackage.
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY)")

    def steps(revision: Any, _: MigrationContext) -> Any:
        return directory._upgrade_revs(head, revision)

    context = MigrationContext.configure(connection, opts={"fn": steps, "transactional_ddl": True})
    with Operations.context(context):
        context.run_migrations()
    return True


def _knows(directory: ScriptDirectory, revision: str) -> bool:
    try:
        return directory.get_revision(revision) is not None
    except CommandError:
        return False

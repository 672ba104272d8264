"""Triggers of our own, on both databases: they hold also for whoever edits in QGIS or by SQL.

- A row of a layer that is changed counts up its ``rev``, unless the change does so itself; one that
  is added begins with the version of the layer, so that no ``rev`` of a row ever comes again.
- Every change of a layer's rows counts up the version of the layer.
- A line of the audit can be added, never changed or deleted.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

_VERSION: Final = "UPDATE layer_versions SET version = version + 1, changed = {now} WHERE kind = "
_SQLITE_NOW: Final = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
_SERVER_NOW: Final = (
    "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
)
_ONLY_ADDED: Final = "the audit can only be added to"
NEW_ROW: Final = "lianpian_new"
"""The trigger on a server that many rows at once are spared."""


def layer_triggers(table: str) -> dict[str, str]:
    """Return the triggers of a layer in SQLite, by name."""
    version = f"(SELECT version FROM layer_versions WHERE kind = '{table}')"
    count = _VERSION.format(now=_SQLITE_NOW) + f"'{table}';"
    # Other programs write a whole row back, with the rev that it had when they read it.
    bump = f'UPDATE "{table}" SET rev = OLD.rev + 1 WHERE fid = NEW.fid;'
    begin = f'UPDATE "{table}" SET rev = {version} WHERE fid = NEW.fid AND rev < {version};'
    bodies = {
        "insert": f'AFTER INSERT ON "{table}" BEGIN {count} {begin} END',
        "rev": f'AFTER UPDATE ON "{table}" WHEN NEW.rev <= OLD.rev BEGIN {bump} END',
        # Of a change that does not count up rev it is the one that the trigger above adds.
        "update": f'AFTER UPDATE ON "{table}" WHEN NEW.rev > OLD.rev BEGIN {count} END',
        "delete": f'AFTER DELETE ON "{table}" BEGIN {count} END',
    }
    return {f"lianpian_{table}_{name}": body for name, body in bodies.items()}


def _audit_triggers(table: str) -> dict[str, str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_ONLY_ADDED}'); END"
    # INSERT OR REPLACE takes a line away without any DELETE.
    again = f'EXISTS (SELECT 1 FROM "{table}" WHERE id = NEW.id OR hash = NEW.hash)'
    bodies = {
        "insert": f'BEFORE INSERT ON "{table}" WHEN {again} {refuse}',
        "update": f'BEFORE UPDATE ON "{table}" {refuse}',
        "delete": f'BEFORE DELETE ON "{table}" {refuse}',
    }
    return {f"lianpian_{table}_{name}": body for name, body in bodies.items()}


def create_in_file(connection: Connection, triggers: dict[str, str]) -> None:
    """Create triggers in SQLite."""
    for name, body in triggers.items():
        connection.exec_driver_sql(f'CREATE TRIGGER "{name}" {body}')


def drop_in_file(connection: Connection, triggers: dict[str, str]) -> None:
    """Take triggers in SQLite away, those that are there."""
    for name in triggers:
        connection.exec_driver_sql(f'DROP TRIGGER IF EXISTS "{name}"')


def create_on_server(connection: Connection, table: str) -> None:
    """Create the triggers of a layer on a server, anew where they are there."""
    _create_functions(connection)
    for name, when, each, function in (
        (NEW_ROW, "BEFORE INSERT", "ROW", "lianpian_new"),
        ("lianpian_rev", "BEFORE UPDATE", "ROW", "lianpian_rev"),
        (
            "lianpian_version",
            "AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE",
            "STATEMENT",
            "lianpian_version",
        ),
    ):
        connection.exec_driver_sql(
            f'CREATE OR REPLACE TRIGGER {name} {when} ON "{table}" '
            f"FOR EACH {each} EXECUTE FUNCTION {function}()"
        )


def seal_audit(connection: Connection, table: str) -> None:
    """Create the triggers of an audit, anew where they are there: it can only be added to."""
    if connection.dialect.name == "sqlite":
        drop_in_file(connection, _audit_triggers(table))
        create_in_file(connection, _audit_triggers(table))
        return
    _create_functions(connection)
    connection.exec_driver_sql(
        "CREATE OR REPLACE TRIGGER lianpian_audit BEFORE UPDATE OR DELETE OR TRUNCATE "
        f'ON "{table}" FOR EACH STATEMENT EXECUTE FUNCTION lianpian_audit()'
    )


def _create_functions(connection: Connection) -> None:
    # Whoever edits has another search path; the functions look where they were made.
    count = _VERSION.format(now=_SERVER_NOW)
    version = "(SELECT version + 1 FROM layer_versions WHERE kind = TG_TABLE_NAME)"
    bodies = {
        "new": f"NEW.rev := greatest(NEW.rev, {version}); RETURN NEW;",
        "rev": "NEW.rev := greatest(NEW.rev, OLD.rev + 1); RETURN NEW;",
        "version": f"{count} TG_TABLE_NAME; RETURN NULL;",
        "audit": f"RAISE EXCEPTION '{_ONLY_ADDED}';",
    }
    for name, body in bodies.items():
        connection.exec_driver_sql(
            f"CREATE OR REPLACE FUNCTION lianpian_{name}() RETURNS trigger LANGUAGE plpgsql "
            f"SET search_path FROM CURRENT AS $$ BEGIN {body} END $$"
        )

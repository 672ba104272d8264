"""A project: a GeoPackage file or a schema of a database, read and written in whole transactions.

A command that is killed at any moment leaves the project as it was before or as it is after. One
open project may be used by any number of threads at once: each call is one transaction on a
connection of its own, given back at its end. No more than the pool holds work at the same moment;
the others wait, at most as long as for another writer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pyproj import CRS
from sqlalchemy import Connection, insert, select, update

from api.store import audit, layers, outside, scenarios
from api.store.audit import Author
from api.store.backend import backend_of
from api.store.database import (
    BUSY_TIMEOUT_S,
    Database,
    create_database,
    open_database,
    project_row,
)
from api.store.drafts import KeepsPlanChanges
from api.store.edits import KeepsEdits
from api.store.facts import (
    crs_in,
    crs_text,
    known_kind,
    require_layer,
    require_metric,
    settle_crs,
    settled_crs,
)
from api.store.json_text import to_json
from api.store.moments import Clock, stamp, utc_now
from api.store.private import KeepsPrivate
from api.store.rows import STATED
from api.store.runs import KeepsRuns
from api.store.schema import FORMAT_VERSION, IMPORTS, PROJECT, REFUSED_ROWS, STATEMENTS
from gis.errors import ConflictError
from gis.model import KINDS, Categories, Layer, Progress, Study

if TYPE_CHECKING:
    from gis.io import ImportReport


@dataclass(frozen=True)
class LayerInfo:
    """What is in a layer.

    ``geometry`` says what it is drawn with ("polygon", "point, polygon"; "" for nothing),
    ``imported_at`` when the last of its rows were imported (ISO 8601, UTC; without an import: when
    it was last written to), ``sources`` the names of the files that they come from.
    """

    kind: str
    rows: int
    geometry: str
    imported_at: str | None
    sources: tuple[str, ...]


@dataclass
class _Described:
    """What a project is called; all that act for others in it share this one."""

    name: str
    profile: str | None


class Project(KeepsEdits, KeepsPlanChanges, KeepsRuns, KeepsPrivate):
    """An open project; a context manager, closed at the end of the block.

    Made by `create` and `open`. Several may have the same one open, also in other processes:
    readers see whole states, writers take turns. It may be used from many threads at once.
    """

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        profile: str | None,
        clock: Clock,
        author: Author | None = None,
        mark: str = "0" * 8,
    ) -> None:
        self._database = database
        self._mark = mark
        self._clock = clock
        self._author = author or Author.here()
        self._is_twin = False
        self._described = _Described(name, profile)

    @property
    def name(self) -> str:
        """What it is called."""
        return self._described.name

    @property
    def profile(self) -> str | None:
        """The policy profile; None: the usual one."""
        return self._described.profile

    @property
    def mark(self) -> str:
        """Eight hex digits that tell it from all others; a copy of it has its own."""
        return self._mark

    @classmethod
    def create(
        cls,
        address: str | Path,
        *,
        name: str,
        profile: str | None = None,
        crs: CRS | None = None,
        clock: Clock = utc_now,
        author: Author | None = None,
    ) -> Self:
        """Make a new project and open it.

        Parameters
        ----------
        address
            A .gpkg file that is not there yet, in a folder that is; or a ``postgresql://`` address,
            with ``?schema=NAME`` for one of several projects in a database.
        name, profile
            What to call it; the policy profile.
        crs
            The metric CRS to work in; None leaves it to the first layer.
        clock
            Gives the time, with its zone.
        author
            Who makes it; whoever works at this machine unless given.

        Raises
        ------
        ProjectError
            There is something of that name already.
        FileError
            The name or the folder does not do.
        CrsError
            The CRS is not metric.
        """
        if crs is not None:
            require_metric(crs)
        now = stamp(clock)
        row = {"id": 1, "name": name, "profile": profile, "created": now}
        row |= {"format_version": FORMAT_VERSION, "crs": None if crs is None else crs_text(crs)}

        author = author or Author.here()

        def fill(connection: Connection) -> None:
            connection.execute(insert(PROJECT).values(row))
            audit.note(connection, author, now=now, what="project made", subject=name)
            if crs is not None:
                backend_of(connection).ensure_srs(crs)

        create_database(address, fill, now=now)
        return cls.open(address, clock=clock, author=author)

    @classmethod
    def open(
        cls,
        address: str | Path,
        *,
        clock: Clock = utc_now,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        author: Author | None = None,
    ) -> Self:
        """Open a project that exists; wait at most ``busy_timeout_s`` for others to finish writing.

        Raises
        ------
        ProjectError
            It is not there, is no project, was made by a newer Lianpian, or cannot be written.
        """
        database = open_database(address, busy_timeout_s=busy_timeout_s)
        try:
            with database.read() as connection:
                row, mark = project_row(connection), audit.mark_of(connection)
        except BaseException:
            database.close()
            raise
        return cls(
            database, name=row.name, profile=row.profile, clock=clock, author=author, mark=mark
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the database go; the last one who does so leaves a .gpkg alone and whole.

        A twin of `acting_as` shares the database of another, who closes it.
        """
        if not self._is_twin:
            self._database.close()

    def settle(self) -> None:
        """Let a file hold all that was written, and none of it lie beside it; nobody waits for it.

        Whoever has it open at this moment may keep some of it beside the file: then try again.
        """
        self._database.settle()

    @property
    def path(self) -> Path | None:
        """The file of the project; None where it is on a server."""
        return self._database.path

    @property
    def shown(self) -> str:
        """Where the project is, as people may see it: without a password."""
        return self._database.shown

    @property
    def crs(self) -> CRS | None:
        """The metric CRS that all layers are in; None until the first import settles it."""
        with self._database.read() as connection:
            return crs_in(connection)

    def layers(self) -> list[LayerInfo]:
        """Tell what layers there are, in the order of the kinds."""
        with self._database.read() as connection:
            return [_info(connection, kind) for kind in layers.kinds_in(connection)]

    def read_layer(self, kind: str) -> Layer:
        """Read one layer.

        Raises
        ------
        UnknownNameError
            There is no layer of that kind.
        LayerError
            It was edited in another program so that it breaks what its kind promises.
        """
        with self._database.read() as connection:
            require_layer(connection, kind)
            return layers.read(connection, kind, crs=settled_crs(connection))

    def read_study(self) -> Study:
        """Read all layers and statements, as they were at one moment.

        Raises
        ------
        LayerError
            A layer was edited in another program so that it breaks what its kind promises.
        """
        with self._database.read() as connection:
            kinds = layers.kinds_in(connection)
            found = {
                kind: layers.read(connection, kind, crs=settled_crs(connection)) for kind in kinds
            }
            return Study(found, name=self.name, none_of=_none_of(connection))

    def uids(self, kind: str) -> set[str]:
        """Return the keys that a layer uses; empty where there is no such layer yet.

        Raises
        ------
        UnknownNameError
            There is no such kind of layer.
        """
        with self._database.read() as connection:
            if known_kind(kind) not in layers.kinds_in(connection):
                return set()
            return layers.uids(connection, kind)

    def write_layers(
        self,
        items: Sequence[tuple[Layer, ImportReport | None]],
        *,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> None:
        """Write layers and what was said of their import, all of them or none.

        Parameters
        ----------
        items
            Layers, each with the report of its import (None: not imported from a file).
        replace
            Put each in the place of what the project has of its kind, instead of adding to it.
        progress
            Is told the share of the rows that are written, and the kind.

        Raises
        ------
        LayerError
            A uid is in the project already.
        CrsError
            A layer is not in the CRS of the project.
        ProjectError
            Others kept the project busy for too long.
        """
        now = stamp(self._clock)
        tick = _Tick(sum(len(layer) for layer, _ in items), progress)
        replaced: set[str] = set()
        with self._database.write() as connection:
            for layer, report in items:
                kind = known_kind(layer.kind.name)
                tick.word = kind
                outside.note_before_change(connection, kind, now=now)
                srs_id = settle_crs(connection, layer.crs)
                if kind not in layers.kinds_in(connection):
                    layers.create(connection, KINDS[kind], srs_id=srs_id, now=now)
                elif replace and kind not in replaced:
                    layers.empty(connection, kind)
                if replace and kind not in replaced:
                    _retire_imports(connection, kind)
                    replaced.add(kind)
                layers.append(connection, layer, srs_id=srs_id, now=now, tick=tick)
                refused = _record_import(connection, kind, report, now=now)
                file = None if report is None else PurePath(report.file).name
                self._note(
                    connection, "import", kind, now=now, rows=len(layer), refused=refused,
                    file=file, replaced=replace,
                )  # fmt: skip

    def remove_layer(self, kind: str, *, expected: int | None = None) -> None:
        """Take a layer out, with its imports and refused rows.

        Parameters
        ----------
        expected
            The version of the layer that this is meant for; None: whichever it is.

        Raises
        ------
        UnknownNameError
            There is no layer of that kind.
        ConflictError
            The layer has another version by now.
        """
        with self._database.write() as connection:
            require_layer(connection, kind)
            now = stamp(self._clock)
            version = outside.note_before_change(connection, kind, now=now)
            if expected not in (None, version):
                raise ConflictError(
                    f"The layer '{kind}' was changed since you looked; look again, then remove it",
                    yours={"kind": kind, "version": expected},
                    theirs={"kind": kind, "version": version},
                )
            rows = layers.count(connection, kind)
            layers.remove(connection, kind, now=now)
            connection.execute(REFUSED_ROWS.delete().where(REFUSED_ROWS.c.kind == kind))
            connection.execute(IMPORTS.delete().where(IMPORTS.c.kind == kind))
            self._note(connection, "layer removed", kind, now=now, rows=rows)

    def change_description(
        self, *, name: str, profile: str | None, expected: tuple[str, str | None] | None = None
    ) -> None:
        """Give the project another name or policy profile.

        Parameters
        ----------
        expected
            The name and the profile as they were read; None: whatever they are.

        Raises
        ------
        ConflictError
            Somebody else has changed them since.
        """
        with self._database.write() as connection:
            row = project_row(connection)
            if expected not in (None, (row.name, row.profile)):
                raise ConflictError(
                    "Name or profile of the project were changed since you looked; look again",
                    yours={"name": name, "profile": profile},
                    theirs={"name": row.name, "profile": row.profile},
                )
            connection.execute(update(PROJECT).values(name=name, profile=profile))
            self._note(connection, "project described", name, profile=profile)
        self._described.name, self._described.profile = name, profile

    def imports(self) -> list[dict[str, Any]]:
        """List the imports, oldest first: id, kind, file, at, current, report.

        ``current`` is False once the rows of that import were replaced.
        """
        with self._database.read() as connection:
            rows = connection.execute(select(IMPORTS).order_by(IMPORTS.c.id)).mappings()
            return [{**row, "report": json.loads(row["report"])} for row in rows]

    def refused(self) -> list[dict[str, Any]]:
        """List the rows that imports did not take: import_id, kind, file, row, reason."""
        columns = REFUSED_ROWS.c
        query = select(
            columns.import_id, columns.kind, columns.file, columns.row, columns.reason
        ).order_by(columns.id)
        with self._database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def save_scenario(
        self, name: str, edits: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]
    ) -> int:
        """Save edits and what they change; return the version. The base stays as it is."""
        with self._database.write() as connection:
            now = stamp(self._clock)
            version = scenarios.save(connection, name, edits, answer, now=now)
            self._note(connection, "scenario", name, now=now, version=version, edits=len(edits))
            return version

    def read_scenario(self, name: str) -> scenarios.SavedScenario:
        """Read the newest version of a scenario.

        Raises
        ------
        UnknownNameError
            There is none.
        """
        with self._database.read() as connection:
            return scenarios.read(connection, name)

    def scenario_names(self) -> tuple[str, ...]:
        """Return the names of the scenarios, the oldest at the front."""
        with self._database.read() as connection:
            return scenarios.names(connection)

    def state_none(self, category: str, *, none: bool) -> None:
        """State that the city has no facility of a category, or take that back.

        Raises
        ------
        UnknownNameError
            There is no such category.
        """
        code = Categories.load().require(category).code
        with self._database.write() as connection:
            now = stamp(self._clock)
            connection.execute(STATEMENTS.delete().where(STATEMENTS.c.none_of == code))
            if none:
                connection.execute(insert(STATEMENTS).values(none_of=code, at=now))
            layers.count_up(connection, STATED, now=now)
            self._note(connection, "statement", code, now=now, none=none)

    @property
    def none_of(self) -> frozenset[str]:
        """The categories of which someone stated that there is no facility."""
        with self._database.read() as connection:
            return _none_of(connection)


@dataclass
class _Tick:
    """Counts rows, and tells which share of all they are."""

    total: int
    progress: Progress | None
    word: str = ""
    done: int = 0

    def __call__(self, rows: int) -> None:
        self.done += rows
        if self.progress is not None:
            self.progress(self.done / self.total, self.word)


def _retire_imports(connection: Connection, kind: str) -> None:
    connection.execute(REFUSED_ROWS.delete().where(REFUSED_ROWS.c.kind == kind))
    connection.execute(IMPORTS.update().where(IMPORTS.c.kind == kind).values(current=False))


def _record_import(
    connection: Connection, kind: str, report: ImportReport | None, *, now: str
) -> int:
    """Keep what was said of an import; return how many rows it refused."""
    if report is None:
        return 0
    row = {"kind": kind, "file": report.file, "at": now, "current": True}
    row["report"] = to_json(report.to_json())
    import_id = connection.execute(insert(IMPORTS).values(row).returning(IMPORTS.c.id)).scalar_one()
    refused = [
        {
            "import_id": import_id,
            "kind": kind,
            "file": report.file,
            "row": r.row,
            "reason": r.reason,
        }
        for r in report.refused
    ]
    if refused:
        connection.execute(insert(REFUSED_ROWS), refused)
    return len(refused)


def _info(connection: Connection, kind: str) -> LayerInfo:
    columns = IMPORTS.c
    imports = connection.execute(
        select(columns.at, columns.file)
        .where(columns.kind == kind, columns.current)
        .order_by(columns.id)
    ).all()
    return LayerInfo(
        kind=kind,
        rows=layers.count(connection, kind),
        geometry=layers.geometry_words(connection, kind),
        imported_at=imports[-1].at if imports else layers.last_change(connection, kind),
        sources=tuple(dict.fromkeys(row.file for row in imports)),
    )


def _none_of(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(select(STATEMENTS.c.none_of)).scalars())

"""A project: one GeoPackage, read and written in whole transactions.

A command that is killed at any moment leaves the project as it was before or as it is after.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from pyproj import CRS
from sqlalchemy import Connection, Row, insert, select

from api.store import layers, plans, scenarios
from api.store.database import BUSY_TIMEOUT_S, Database, create_file, open_database, use_wal
from api.store.geopackage import create_core, ensure_srs, epsg_of
from api.store.plans import KeepsPlans
from api.store.schema import FORMAT_VERSION, IMPORTS, PROJECT, REFUSED_ROWS, STATEMENTS
from gis.errors import CrsError, ProjectError, UnknownNameError
from gis.model import KINDS, Categories, Layer, Progress, Study

if TYPE_CHECKING:
    from gis.io import ImportReport

Clock = Callable[[], datetime]
_URL_MARK: Final = "://"


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


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Project(KeepsPlans):
    """An open project; a context manager, closed at the end of the block.

    Made by `create` and `open`. Several may have the same file open, also in other processes:
    readers see whole states, writers take turns.
    """

    def __init__(self, database: Database, *, name: str, profile: str | None, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.name = name
        self.profile = profile

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        name: str,
        profile: str | None = None,
        crs: CRS | None = None,
        clock: Clock = utc_now,
    ) -> Self:
        """Make a new project and open it.

        Parameters
        ----------
        path
            A .gpkg file that is not there yet, in a folder that is.
        name, profile
            What to call it; the policy profile.
        crs
            The metric CRS to work in; None leaves it to the first layer.
        clock
            Gives the time, with its zone.

        Raises
        ------
        ProjectError
            There is something of that name already.
        FileError
            The name or the folder does not do.
        CrsError
            The CRS is not metric.
        """
        path = _local(path)
        if crs is not None:
            _require_metric(crs)
        now = _stamp(clock)
        row = {"id": 1, "name": name, "profile": profile, "created": now}
        row |= {"format_version": FORMAT_VERSION, "crs": None if crs is None else _crs_text(crs)}

        def fill(connection: Connection) -> None:
            create_core(connection, now=now)
            connection.execute(insert(PROJECT).values(row))
            if crs is not None:
                ensure_srs(connection, crs)

        create_file(path, fill)
        return cls.open(path, clock=clock)

    @classmethod
    def open(
        cls, path: str | Path, *, clock: Clock = utc_now, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> Self:
        """Open a project that exists; wait at most ``busy_timeout_s`` for others to finish writing.

        Raises
        ------
        ProjectError
            It is not there, is no project, was made by a newer Lianpian, or cannot be written.
        """
        path = _local(path)
        database = open_database(path, busy_timeout_s=busy_timeout_s)
        try:
            row = _project_row(database)
            use_wal(database)
        except BaseException:
            database.engine.dispose()
            raise
        return cls(database, name=row.name, profile=row.profile, clock=clock)

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
        """Let the file go; the last one who does so leaves the .gpkg alone and whole."""
        self._database.close()

    @property
    def path(self) -> Path:
        """The file of the project."""
        return self._database.path

    @property
    def crs(self) -> CRS | None:
        """The metric CRS that all layers are in; None until the first import settles it."""
        with self._database.read() as connection:
            return _crs_in(connection)

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
            _require_layer(connection, kind)
            return layers.read(connection, kind, crs=_settled_crs(connection))

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
                kind: layers.read(connection, kind, crs=_settled_crs(connection)) for kind in kinds
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
            if _known_kind(kind) not in layers.kinds_in(connection):
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
        now = _stamp(self._clock)
        tick = _Tick(sum(len(layer) for layer, _ in items), progress)
        replaced: set[str] = set()
        with self._database.write() as connection:
            for layer, report in items:
                kind = _known_kind(layer.kind.name)
                tick.word = kind
                srs_id = _settle_crs(connection, layer.crs)
                if kind not in layers.kinds_in(connection):
                    layers.create(connection, KINDS[kind], srs_id=srs_id, now=now)
                elif replace and kind not in replaced:
                    layers.empty(connection, kind)
                if replace and kind not in replaced:
                    _retire_imports(connection, kind)
                    replaced.add(kind)
                layers.append(connection, layer, srs_id=srs_id, now=now, tick=tick)
                _record_import(connection, kind, report, now=now)

    def remove_layer(self, kind: str) -> None:
        """Take a layer out, with its imports and refused rows.

        Raises
        ------
        UnknownNameError
            There is no layer of that kind.
        """
        with self._database.write() as connection:
            _require_layer(connection, kind)
            layers.remove(connection, kind)
            connection.execute(REFUSED_ROWS.delete().where(REFUSED_ROWS.c.kind == kind))
            connection.execute(IMPORTS.delete().where(IMPORTS.c.kind == kind))

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
            return scenarios.save(connection, name, edits, answer, now=_stamp(self._clock))

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
            connection.execute(STATEMENTS.delete().where(STATEMENTS.c.none_of == code))
            if none:
                row = {"none_of": code, "at": _stamp(self._clock)}
                connection.execute(insert(STATEMENTS).values(row))

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


def _known_kind(kind: str) -> str:
    if kind not in KINDS:
        raise UnknownNameError(f"There is no kind '{kind}'; give one of: {', '.join(KINDS)}")
    return kind


def _local(path: str | Path) -> Path:
    if _URL_MARK in str(path):
        scheme = str(path).partition(_URL_MARK)[0]
        raise ProjectError(f"A project at a {scheme}:// address is not possible; give a .gpkg file")
    return Path(path)


def _stamp(clock: Clock) -> str:
    moment = clock().astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _project_row(database: Database) -> Row[Any]:
    path = database.path
    with database.read() as connection:
        if not connection.dialect.has_table(connection, PROJECT.name):
            raise _no_project(path)
        there = layers.columns_in(connection, PROJECT.name)
        if not {"format_version", "name", "profile", "crs"} <= there:
            raise _no_project(path)
        row = connection.execute(select(PROJECT)).one_or_none()
        if row is None:
            raise _no_project(path)
        if row.format_version > FORMAT_VERSION:
            raise ProjectError(
                f"'{path}' was made by a newer Lianpian (format {row.format_version}, this one "
                f"knows {FORMAT_VERSION}); install the newer one"
            )
        return row


def _no_project(path: Path) -> ProjectError:
    return ProjectError(
        f"'{path}' is a GeoPackage but no project; make one with lianpian init PROJECT, then "
        f"lianpian import PROJECT KIND {path.name}"
    )


def _require_layer(connection: Connection, kind: str) -> None:
    there = layers.kinds_in(connection)
    if kind not in there:
        listed = f"there are: {', '.join(there)}" if there else "it has none yet"
        raise UnknownNameError(f"The project has no layer '{kind}'; {listed}")


def _require_metric(crs: CRS) -> None:
    if not crs.is_projected:
        raise CrsError(f"'{crs.name}' does not measure in metres; give a projected CRS")


def _crs_text(crs: CRS) -> str:
    code = epsg_of(crs)
    return crs.to_wkt() if code is None else f"EPSG:{code}"


def _crs_in(connection: Connection) -> CRS | None:
    text = connection.execute(select(PROJECT.c.crs)).scalar()
    return None if text is None else CRS.from_user_input(text)


def _settled_crs(connection: Connection) -> CRS:
    crs = _crs_in(connection)
    if crs is None:
        raise ProjectError("The project has layers but no CRS; go back to a backup")
    return crs


def _settle_crs(connection: Connection, crs: CRS) -> int:
    """Make the first layer's CRS that of the project; refuse any other. Return its srs_id."""
    settled = _crs_in(connection)
    if settled is None:
        connection.execute(PROJECT.update().values(crs=_crs_text(crs)))
    elif settled != crs:
        raise CrsError(
            f"The layer is in {crs.name}, the project in {settled.name}; bring it into the CRS of "
            "the project"
        )
    return ensure_srs(connection, crs)


def _retire_imports(connection: Connection, kind: str) -> None:
    connection.execute(REFUSED_ROWS.delete().where(REFUSED_ROWS.c.kind == kind))
    connection.execute(IMPORTS.update().where(IMPORTS.c.kind == kind).values(current=False))


def _record_import(
    connection: Connection, kind: str, report: ImportReport | None, *, now: str
) -> None:
    if report is None:
        return
    row = {"kind": kind, "file": report.file, "at": now, "current": True}
    row["report"] = plans.to_json(report.to_json())
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


def _info(connection: Connection, kind: str) -> LayerInfo:
    columns = IMPORTS.c
    imports = connection.execute(
        select(columns.at, columns.file)
        .where(columns.kind == kind, columns.current)
        .order_by(columns.id)
    ).all()
    changed = connection.exec_driver_sql(
        "SELECT last_change FROM gpkg_contents WHERE table_name = ?", (kind,)
    ).scalar()
    return LayerInfo(
        kind=kind,
        rows=layers.count(connection, kind),
        geometry=layers.geometry_words(connection, kind),
        imported_at=imports[-1].at if imports else changed,
        sources=tuple(dict.fromkeys(row.file for row in imports)),
    )


def _none_of(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(select(STATEMENTS.c.none_of)).scalars())

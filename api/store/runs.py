"""Results of long work, with what they rest on, so that nobody has to compute them twice.

A run keeps its options, the versions of the layers that it read, the figures that it took for
granted, and its answer. A large answer is compressed. Of each work with the same options the newest
five are kept, of each work the newest two hundred; older ones make room in silence.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, delete, insert, select

from api.store.audit import KeepsAudit
from api.store.json_text import to_json
from api.store.moments import stamp as moment
from api.store.schema import RUNS
from gis.errors import OptionError, UnknownNameError

KEPT_OF_OPTIONS: Final = 5
KEPT_OF_WORK: Final = 200
LARGEST_RESULT: Final = 256 * 1024 * 1024
"""Bytes of JSON."""

_COMPRESSED_FROM: Final = 4096
_COMPRESSED: Final = "zlib:"


@dataclass(frozen=True)
class Run:
    """A result and what it rests on.

    ``stamp`` tells the version of each layer that was asked for, 0 where there was none. ``result``
    is None in a list of runs.
    """

    id: int
    work: str
    created: str
    who: str | None
    options: Mapping[str, Any]
    stamp: Mapping[str, int]
    assumptions: Mapping[str, Any]
    result: Any
    job: str | None

    def stale_layers(self, versions_now: Mapping[str, int]) -> tuple[str, ...]:
        """Return the layers that have changed since, came to be or went; empty: it still holds."""
        return tuple(kind for kind, then in self.stamp.items() if versions_now.get(kind, 0) != then)

    @property
    def assumptions_hash(self) -> str:
        """A hash of the assumptions, to see at a glance whether two runs share them."""
        return hashlib.sha256(_sorted(self.assumptions).encode()).hexdigest()


class KeepsRuns(KeepsAudit):
    """The part of a project that keeps results."""

    def save_run(
        self,
        work: str,
        *,
        options: Mapping[str, Any],
        stamp: Mapping[str, int],
        assumptions: Mapping[str, Any],
        result: Any,
        job: str | None = None,
    ) -> int:
        """Keep a result; return its id.

        Parameters
        ----------
        work, options
            What was computed, and how.
        stamp
            Kind -> version of the layer that was read; 0 for a kind that was asked for in vain.
        assumptions
            Figures that were taken for granted.
        result
            JSON values; NaN is kept as null.
        job
            The job that made it.

        Raises
        ------
        OptionError
            The result is too large.
        """
        text = to_json(result)
        if len(text) > LARGEST_RESULT:
            raise OptionError(
                f"The result of {work} has {len(text)} bytes; ask for less at once (at most "
                f"{LARGEST_RESULT})"
            )
        row = {
            "work": work,
            "created": moment(self._clock),
            "who": self._author.name,
            "options": _sorted(options),
            "stamp": _sorted(stamp),
            "assumptions": to_json(assumptions),
            "result": _packed(text),
            "job": job,
        }
        with self._database.write() as connection:
            made = insert(RUNS).values(row).returning(RUNS.c.id)
            run_id = int(connection.execute(made).scalar_one())
            _forget(connection, (RUNS.c.work == work) & (RUNS.c.options == row["options"]),
                    keep=KEPT_OF_OPTIONS)  # fmt: skip
            _forget(connection, RUNS.c.work == work, keep=KEPT_OF_WORK)
            self._note(connection, "run", work, now=row["created"], run=run_id, job=job)
            return run_id

    def runs(self, work: str | None = None, limit: int = 100) -> tuple[Run, ...]:
        """Return the newest runs, the newest first, without their results."""
        columns = [column for column in RUNS.c if column.name != "result"]
        query = select(*columns).order_by(RUNS.c.id.desc()).limit(max(0, limit))
        if work is not None:
            query = query.where(RUNS.c.work == work)
        with self._database.read() as connection:
            found = connection.execute(query).mappings().all()
        return tuple(_run(row, result=None) for row in found)

    def read_run(self, run_id: int) -> Run:
        """Return a run with its result.

        Raises
        ------
        UnknownNameError
            There is none, or it made room for newer ones.
        """
        query = select(RUNS).where(RUNS.c.id == run_id)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise UnknownNameError(
                f"There is no result {run_id}; only the newest {KEPT_OF_OPTIONS} of the same "
                "options are kept"
            )
        return _run(row, result=json.loads(_unpacked(row["result"])))

    def latest_run(self, work: str, options: Mapping[str, Any]) -> Run | None:
        """Return the newest run of some work with exactly these options, None if there is none."""
        query = select(RUNS).where(RUNS.c.work == work, RUNS.c.options == _sorted(options))
        with self._database.read() as connection:
            found = connection.execute(query.order_by(RUNS.c.id.desc()).limit(1))
            row = found.mappings().one_or_none()
        return None if row is None else _run(row, result=json.loads(_unpacked(row["result"])))


def _forget(connection: Connection, of: Any, *, keep: int) -> None:
    ids = connection.execute(
        select(RUNS.c.id).where(of).order_by(RUNS.c.id.desc()).offset(keep)
    ).scalars()
    old = list(ids)
    if old:
        connection.execute(delete(RUNS).where(RUNS.c.id.in_(old)))


def _run(row: RowMapping, *, result: Any) -> Run:
    return Run(
        id=row["id"],
        work=row["work"],
        created=row["created"],
        who=row["who"],
        options=json.loads(row["options"]),
        stamp=json.loads(row["stamp"]),
        assumptions=json.loads(row["assumptions"]),
        result=result,
        job=row["job"],
    )


def _sorted(value: Any) -> str:
    """Write equal values alike, whatever the order in which they were given."""
    plain = json.loads(to_json(value))
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _packed(text: str) -> str:
    if len(text) < _COMPRESSED_FROM:
        return text
    return _COMPRESSED + base64.b64encode(zlib.compress(text.encode())).decode("ascii")


def _unpacked(text: str) -> str:
    if not text.startswith(_COMPRESSED):
        return text
    opened = zlib.decompressobj()
    # A file from elsewhere must not blow up in memory; 4 bytes a letter at most.
    packed = base64.b64decode(text.removeprefix(_COMPRESSED))
    found = opened.decompress(packed, 4 * LARGEST_RESULT)
    if not opened.eof:
        raise OptionError("A result in the project is damaged; compute it again")
    return found.decode()

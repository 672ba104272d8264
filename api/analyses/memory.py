"""What a server keeps in memory to answer at once, and how much of it.

A process with one base and one ground of 5,000 estates takes 0.8 GB; there are at most `MOST_BASES`
of each in one server, for all projects together. Whoever asks about a third waits until it is laid
out, and the one that was asked about longest ago goes.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Hashable, Mapping
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from api.analyses.drafts import Desk
from api.analyses.how import Walking
from api.analyses.kept import Answers, Kept
from api.analyses.reach import Reach
from api.analyses.scenarios import base_of
from api.analyses.still import Still
from api.analyses.walking import coverage_of, ground_of
from api.store import Project
from gis.coverage import Coverage
from gis.errors import ProjectError
from gis.model import Layer, Study
from gis.network import Ground
from gis.plans.stamp import layer_stamp
from gis.scenario import Base

WALKED: Final = (
    "estates", "buildings", "gates", "walls", "facilities", "streets", "barriers", "communities",
    "heights",
)  # fmt: skip
"""Layers that questions about walking read."""
MOST_BASES: Final = 2
MOST_RUNS: Final = 4
MOST_ANSWERS: Final = 64
_TRIES: Final = 10


class HasColumns(Protocol):
    """A layer at one version."""

    @property
    def version(self) -> int:
        """Its version."""
        ...

    @property
    def layer(self) -> Layer:
        """Its rows."""
        ...

    def digest(self, columns: Collection[str]) -> str:
        """Return a hash of columns of its kind."""
        ...


class HasLayers(Protocol):
    """An open project with its layers in memory."""

    @property
    def name(self) -> str:
        """How the server calls it."""
        ...

    @property
    def project(self) -> Project:
        """The project, in the name of whoever asks."""
        ...

    def study(self) -> Study:
        """Return the layers as they are at one moment."""
        ...

    def layer(self, kind: str) -> HasColumns:
        """Return one layer as it is now."""
        ...


def still_of(live: HasLayers) -> Still:
    """Return the project with its layers as they are at this moment.

    Raises
    ------
    ProjectError
        Somebody changes them all the time.
    """
    for _ in range(_TRIES):
        versions = live.project.versions()
        study = live.study()
        if live.project.versions() == versions:
            return Still.with_layers(live.project, study, versions)
    raise ProjectError("The layers are being changed all the time; try again later")


class Memory:
    """What one server keeps."""

    def __init__(self) -> None:
        self.desk = Desk()
        self._bases: Kept[Base] = Kept(MOST_BASES)
        self._grounds: Kept[Ground] = Kept(MOST_BASES)
        self._coverages: Kept[Coverage] = Kept(1)
        self._runs: Kept[tuple[dict[str, Any], Reach]] = Kept(MOST_RUNS)
        self._stamps: Kept[str] = Kept(MOST_ANSWERS)
        self.answers = Answers(MOST_ANSWERS)

    def base(self, name: str, still: Still, how: Walking) -> Base:
        """Return a project measured so that edits can be tried on it."""
        key = (name, how)
        return self._bases.get(key, _mark(still), lambda: base_of(still, how))

    def ground(self, name: str, still: Still, how: Walking) -> Ground:
        """Return the streets, gates and homes of a project laid out."""
        key = (name, how.at, how.origin, how.link, how.longest_link_m)
        return self._grounds.get(key, _mark(still), lambda: ground_of(still, how))

    def coverage(self, name: str, still: Still) -> Coverage:
        """Return who walks to what by the usual rules."""
        return self._coverages.get(name, _mark(still), lambda: coverage_of(still))

    def coverage_run(
        self, name: str, project: Project, number: int
    ) -> tuple[dict[str, Any], Reach]:
        """Return the answer of a run of coverage, and its table of estates."""

        def read() -> tuple[dict[str, Any], Reach]:
            result = dict(project.read_run(number).result or {})
            return result, Reach.of(result.pop("reach"))

        return self._runs.get((name, number), project.mark, read)

    def layer_stamps(self, name: str, still: Still, kinds: tuple[str, ...]) -> dict[str, str]:
        """Return the hash of each of some layers; those that are not there are left out."""
        study = still.read_study()
        return {
            kind: self._stamps.get(
                (name, kind),
                (still.mark, still.read_at.get(kind, 0)),
                lambda kind=kind: layer_stamp(study.layer(kind)),  # type: ignore[misc]
            )
            for kind in kinds
            if kind in study
        }


def _mark(still: Still) -> Hashable:
    return (still.mark, *sorted(still.stamp(WALKED).items()))


def changed_since(stamp: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """Return what an answer with that stamp rests on and that is not so any more."""
    return [kind for kind, version in stamp.items() if now.get(kind, 0) != version]


_MEMORIES: WeakKeyDictionary[Any, Memory] = WeakKeyDictionary()
_LOCK = threading.Lock()


def memory_of(projects: object) -> Memory:
    """Return the memory that goes with the projects of a server; it goes when they go."""
    with _LOCK:
        return _MEMORIES.setdefault(projects, Memory())

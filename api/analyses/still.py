"""A project whose layers stand still, so that all parts of an answer rest on one state of them."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from typing import Final, Self

from api.store import Project
from gis.errors import ProjectError, UnknownNameError
from gis.model import Layer, Study

STATEMENTS: Final = "statements"
PROFILE: Final = "profile"
_TRIES: Final = 10


class Still(Project):
    """A project of which the layers were read once; everything else is asked of the store.

    ``read_at`` are the versions of the layers that were read; made by `of` and `with_layers`.
    """

    read_at: Mapping[str, int]
    _study: Study

    @classmethod
    def of(cls, project: Project) -> Self:
        """Read the layers of a project and their versions, as they are at one moment.

        Raises
        ------
        ProjectError
            Somebody changes them all the time.
        """
        for _ in range(_TRIES):
            versions = project.versions()
            study = project.read_study()
            # A version never comes back: where it stands, so did the layer.
            if project.versions() == versions:
                return cls.with_layers(project, study, versions)
        raise ProjectError("The layers are being changed all the time; try again later")

    @classmethod
    def with_layers(cls, project: Project, study: Study, versions: Mapping[str, int]) -> Self:
        """Return the same for layers that are in memory."""
        still = cls.__new__(cls)
        vars(still).update(vars(project))
        still.read_at, still._study = dict(versions), study
        return still

    def read_study(self) -> Study:
        """Return the layers."""
        return self._study

    def read_layer(self, kind: str) -> Layer:
        """Return one layer.

        Raises
        ------
        UnknownNameError
            There is no layer of that kind.
        """
        if kind not in self._study:
            raise UnknownNameError(f"The project has no layer '{kind}'; import it first")
        return self._study.layer(kind)

    def stamp(self, kinds: Collection[str]) -> dict[str, int]:
        """Return what an answer rests on: versions of layers, of statements, and the profile."""
        return stamp_of(self.read_at, self.profile, kinds)


def stamp_of(
    versions: Mapping[str, int], profile: str | None, kinds: Collection[str]
) -> dict[str, int]:
    """Return versions of layers (0: there is none) and statements, and a number for the profile."""
    told = {kind: versions.get(kind, 0) for kind in (*kinds, STATEMENTS)}
    return told | {PROFILE: zlib.crc32((profile or "").encode())}

"""One open project, as someone works in it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from api.live.layer import LiveLayer
from api.live.memory import Memory
from api.live.tilecache import PackedTile
from api.store import Project
from gis.model import Study

if TYPE_CHECKING:
    from api.store import Author, RowsEdited


class Live:
    """An open project with its layers in memory; see `Memory` for how they are kept in step.

    ``name`` is what the project is called in addresses. ``project`` writes in the name of whoever
    `acting_as` said.
    """

    def __init__(self, name: str, project: Project, memory: Memory) -> None:
        self.name = name
        self.project = project
        self._memory = memory

    def acting_as(self, author: Author) -> Live:
        """Return the same project, in which what is written bears this author's name."""
        return Live(self.name, self.project.acting_as(author), self._memory)

    def versions(self) -> dict[str, int]:
        """Return the version of each layer that is there now, in the order of the kinds."""
        return self._memory.versions()

    def layer(self, kind: str) -> LiveLayer:
        """Return a layer as it is now.

        Raises
        ------
        UnknownNameError
            The project has no such layer.
        LayerError
            It was edited in another program so that it cannot be read.
        """
        return self._memory.layer(kind)

    def study(self) -> Study:
        """Return all layers as they were at one moment; the same object while nothing changes.

        Raises
        ------
        LayerError
            A layer was edited in another program so that it breaks what its kind promises.
        """
        return self._memory.study()

    def editing(self) -> AbstractContextManager[object]:
        """Hold while an edit is written and `applied`: nobody reads all rows in between."""
        return self._memory.editing()

    def applied(self, kind: str, edited: RowsEdited) -> None:
        """Follow an edit just written by `project`, without reading the layer again.

        To leave it out is never wrong, only slow: the next `layer` then reads all rows.
        """
        self._memory.applied(kind, edited)

    def tile(self, kind: str, z: int, x: int, y: int) -> PackedTile:
        """Return a vector tile of a layer as it is now.

        Raises
        ------
        UnknownNameError
            The project has no such layer.
        OptionError
            There is no such tile.
        """
        return self._memory.tiles.tile(self.layer(kind), z, x, y)

    def close(self) -> None:
        """Let the project go; whoever still works in it opens it anew by what they do."""
        self._memory.close()
        self.project.close()

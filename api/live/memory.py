"""What a server remembers of one project: layers in step with the store, within a bound."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np
from pyproj import CRS

from api.live.layer import Line, LiveLayer
from api.live.rows import Rows
from api.live.tilecache import TileCache
from api.store import Project
from gis.errors import UnknownNameError
from gis.model import KINDS, Study

if TYPE_CHECKING:
    from api.store import RowsEdited

KEPT_BYTES: Final = 96 * 2**20
"""GeoJSON of all layers of one project that is kept written; more is made when it is asked for."""

_TRIES: Final = 4
_MOST_WAITING: Final = 64


class Memory:
    """Layers of a project, each read when it is first asked for and whenever it was changed.

    The store is asked for its mark at each request, which costs microseconds; so what QGIS, the
    command line or another server changes is seen at the next one. Readers of a layer keep what
    they hold, whatever is changed meanwhile.
    """

    def __init__(self, project: Project, tiles: TileCache, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._project = project
        self.tiles = tiles
        self._kept_bytes = kept_bytes
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._looks_begun = self._looks_done = 0
        self._editing = threading.RLock()
        self._loading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._layers: OrderedDict[str, LiveLayer] = OrderedDict()
        self._waiting: defaultdict[str, dict[int, RowsEdited]] = defaultdict(dict)
        self._mark: int | None = None
        self._versions: dict[str, int] = {}
        self._none_of: frozenset[str] = frozenset()
        self._study: tuple[dict[str, int], frozenset[str], Study] | None = None

    def versions(self) -> dict[str, int]:
        """Return the version of each layer that is there now, in the order of the kinds."""
        self._look()
        with self._lock:
            return dict(self._versions)

    def _look(self) -> None:
        """Ask the store what has changed; of those who come at once, one asks for all."""
        begun = self._looks_begun
        with self._looking:
            if self._looks_done > begun:
                return  # that look began after this call, and saw all that was written before it
            self._looks_begun += 1
            looks = self._looks_begun
            # The mark before the versions: what is committed in between is seen at the next look.
            mark = self._project.data_mark()
            if mark != self._mark:
                versions, none_of = self._project.layer_versions(), self._project.none_of
                with self._lock:
                    self._versions, self._none_of, self._mark = versions, none_of, mark
            self._looks_done = looks

    def layer(self, kind: str) -> LiveLayer:
        """Return a layer as it is now.

        Raises
        ------
        UnknownNameError
            The project has no such layer.
        """
        kept = self._kept(kind)
        if kept is not None:
            return kept
        with self._editing:  # whoever edits here brings the layer in step in a moment
            kept = self._kept(kind)
        if kept is not None:
            return kept
        with self._loader(kind):
            kept = self._kept(kind)
            if kept is None:
                kept = self._read(kind)
                self._keep(kept)
            return kept

    def _loader(self, kind: str) -> threading.Lock:
        with self._lock:
            return self._loading[kind]

    def _kept(self, kind: str) -> LiveLayer | None:
        self._look()
        with self._lock:
            if kind not in self._versions:
                listed = ", ".join(self._versions) or "none yet"
                raise UnknownNameError(f"The project has no layer '{kind:.80}'; it has: {listed}")
            kept = self._layers.get(kind)
            if kept is None or kept.version != self._versions[kind]:
                return None
            self._layers.move_to_end(kind)
            forgotten = self._too_much()
        for layer in forgotten:
            layer.forget()
        return kept

    def _too_much(self) -> list[LiveLayer]:
        """Return the layers whose GeoJSON has to go, those longest unused at the front."""
        total = sum(layer.kept_bytes for layer in self._layers.values())
        found = []
        for layer in self._layers.values():
            if total <= self._kept_bytes:
                break
            if layer.kept_bytes:
                found.append(layer)
                total -= layer.kept_bytes
        return found

    def _read(self, kind: str) -> LiveLayer:
        with self._lock:
            version = self._versions[kind]
        # What is written between these two lines is in the rows under the version before it: it is
        # read once more at the next look, and never taken for newer than it is.
        read = self._project.read_rows(kind)
        return LiveLayer(
            KINDS[kind],
            version,
            CRS(read.frame.crs),
            Rows.of(read.fids, read.revs, read.frame),
            keep_bytes=self._kept_bytes,
            line=Line.new(self._project.mark),
        )

    def _keep(self, layer: LiveLayer) -> None:
        with self._lock:
            old = self._layers.pop(layer.kind.name, None)
            self._layers[layer.kind.name] = layer
        if old is not None and old.line is not layer.line:
            self.tiles.ended(old.line)

    def study(self) -> Study:
        """Return all layers as they were at one moment; the same object while nothing changes."""
        for _ in range(_TRIES):
            versions = self.versions()
            with self._lock:
                none_of, last = self._none_of, self._study
            if last is not None and last[:2] == (versions, none_of):
                return last[2]
            layers = {kind: self.layer(kind) for kind in versions}
            if self.versions() == versions == {k: v.version for k, v in layers.items()}:
                found = {kind: live.layer for kind, live in layers.items()}
                study = Study(found, name=self._project.name, none_of=none_of)
                with self._lock:
                    self._study = (versions, none_of, study)
                return study
        # Somebody writes without a pause: one transaction sees one moment.
        return self._project.read_study()

    def editing(self) -> threading.RLock:
        """Hold while an edit is written and `applied`: nobody reads all rows in between."""
        return self._editing

    def applied(self, kind: str, edited: RowsEdited) -> None:
        """Follow an edit that was written, without reading the layer again."""
        with self._loader(kind):
            kept = self._layers.get(kind)
            # Two threads may come here in the other order than they wrote.
            waiting = self._waiting[kind]
            waiting[edited.since] = edited
            while kept is not None and (following := waiting.pop(kept.version, None)) is not None:
                kept = self._follow(kept, following)
            for since in list(waiting):
                # Read from the store meanwhile, or too far ahead for one still to come before it.
                if kept is None or since < kept.version or len(waiting) > _MOST_WAITING:
                    del waiting[since]

    def _follow(self, kept: LiveLayer, edited: RowsEdited) -> LiveLayer | None:
        pairs = list(zip(edited.before, edited.after, strict=True))
        removed = [before.fid for before, after in pairs if before and not after]
        now = sorted((row for row in edited.after if row is not None), key=lambda row: row.fid)
        after = kept.followed(edited.version, now, removed)
        if after is None:
            return None
        fids = [row.fid for row in now] + removed
        self.tiles.edited(after, np.vstack([kept.where(fids), after.where(fids)]))
        self._keep(after)
        return after

    def close(self) -> None:
        """Let all go."""
        with self._lock:
            layers = list(self._layers.values())
            self._layers.clear()
            self._mark, self._study = None, None
        for layer in layers:
            self.tiles.ended(layer.line)

"""The projects that a server serves: one, or all of a folder."""

from __future__ import annotations

import logging
import threading
import unicodedata
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyproj import CRS

from api.live.live import Live
from api.live.memory import Memory
from api.live.names import SUFFIX, file_stem, project_in, projects_in
from api.live.tilecache import TileCache
from api.settings import Settings
from api.store import Project
from api.store.address import is_server, name_of
from gis.errors import LianpianError, OptionError, UnknownNameError

MOST_OPEN: Final = 16
"""Projects of a folder that are open at once; the one longest unused is let go first."""
SETTLE_S: Final = 2.0
LOG: Final = logging.getLogger("lianpian.live")


@dataclass(frozen=True, eq=False)
class _Open:
    live: Live
    file: tuple[int, int] | None


class Projects:
    """Opens each project when it is first asked for, and closes all at the end.

    A file that was taken away or put in the place of another is noticed at the next request.
    """

    def __init__(self, settings: Settings) -> None:
        self._address = settings.project
        self._folder = None if is_server(self._address) else _folder(Path(self._address))
        self._tiles = TileCache(int(settings.tile_cache_mb * 2**20))
        self._lock = threading.Lock()
        self._creating = threading.Lock()
        self._closing = threading.Lock()
        self._stopped = threading.Event()
        self._settler: threading.Thread | None = None
        self._beside: dict[str, tuple[int, int]] = {}
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._open: OrderedDict[str, _Open] = OrderedDict()

    @property
    def single(self) -> str | None:
        """The name of the only project; None where a folder is served."""
        if self._folder is not None:
            return None
        return unicodedata.normalize("NFC", name_of(self._address))

    def names(self) -> list[str]:
        """Return the names of the projects: of their files, without the ending.

        The files are not opened; one that is no project after all is told of by `live`.
        """
        if self._folder is None:
            return [str(self.single)]
        return list(projects_in(self._folder))

    def address(self, name: str) -> str:
        """Return what opens a project; it may hold a password.

        Raises
        ------
        UnknownNameError
            There is no project of that name.
        """
        wanted = unicodedata.normalize("NFC", name)
        if self._folder is None:
            if wanted != self.single:
                raise _unknown(name)
            return self._address
        path = project_in(self._folder, wanted)
        if path is None:
            raise _unknown(name)
        return str(path)

    def live(self, name: str) -> Live:
        """Return an open project.

        Raises
        ------
        UnknownNameError
            There is no project of that name.
        ProjectError
            The file is no project, or cannot be used.
        """
        address, name = self.address(name), unicodedata.normalize("NFC", name)
        file = _file_of(address)
        found = self._found(name, file)
        if found is not None:
            return found
        with self._lock:
            opening = self._opening[name]
        with opening:
            found = self._found(name, file)
            if found is not None:
                return found
            project = Project.open(address)
            live = Live(name, project, Memory(project, self._tiles))
            for old in self._put(name, _Open(live, file)):
                self._let_go(old)
            return live

    def _found(self, name: str, file: tuple[int, int] | None) -> Live | None:
        with self._lock:
            known = self._open.get(name)
            if known is None:
                return None
            if known.file == file:
                self._open.move_to_end(name)
                return known.live
            del self._open[name]
        self._let_go(known.live)
        return None

    def _let_go(self, live: Live) -> None:
        with self._closing:
            live.close()

    def settle(self) -> None:
        """Let the files of open projects hold what was written, where nobody writes any more.

        What lies beside a file that is open would be played into another one that is put in its
        place. It is moved once it was the same at two calls of this, one after the other; a thread
        does so every `SETTLE_S` seconds.
        """
        with self._lock:
            known = dict(self._open)
        beside = {name: found for name, one in known.items() if (found := _beside(one.live))}
        for name, found in beside.items():
            with self._closing:
                live, path = known[name].live, known[name].live.project.path
                with self._lock:
                    same = self._open.get(name) is known[name]
                unmoved = path is not None and _file_of(str(path)) == known[name].file
                if same and unmoved and self._beside.get(name) == found:
                    live.project.settle()
        self._beside = beside

    def _keep_settled(self) -> None:
        while not self._stopped.wait(SETTLE_S):
            try:
                self.settle()
            except (LianpianError, OSError) as error:
                LOG.warning("a project is not settled yet: %s", error)

    def _put(self, name: str, opened: _Open) -> list[Live]:
        with self._lock:
            if self._settler is None and opened.file is not None and not self._stopped.is_set():
                self._settler = threading.Thread(
                    target=self._keep_settled, name="settle", daemon=True
                )
                self._settler.start()
            self._open[name] = opened
            beyond = max(0, len(self._open) - MOST_OPEN)
            return [self._open.popitem(last=False)[1].live for _ in range(beyond)]

    def create(
        self,
        name: str,
        *,
        title: str | None = None,
        profile: str | None = None,
        crs: CRS | None = None,
        clear: Callable[[str], object] | None = None,
    ) -> Live:
        """Make a new project in the folder and open it.

        Parameters
        ----------
        name
            What to call it; `Live.name` is what became of it as the name of a file.
        title
            What its pages show; else ``name``.
        profile, crs
            As for `Project.create`.
        clear
            Is told the name just before it is given, while nobody else can be given it: to end what
            is left of a project that was called so.

        Raises
        ------
        OptionError
            A single project is served, or nothing of the name can be that of a file.
        ProjectError
            There is one already.
        CrsError
            The CRS is not metric.
        """
        if self._folder is None:
            raise OptionError("Only one project is served here; serve a folder to make more")
        stem = file_stem(name)
        path = self._folder / f"{stem}{SUFFIX}"
        with self._creating:
            if clear is not None and project_in(self._folder, stem) is None:
                clear(stem)
            Project.create(path, name=(title or name).strip(), profile=profile, crs=crs).close()
        return self.live(stem)

    def load_ahead(self) -> None:
        """Read the estates of the only project, so that who asks first need not wait for that.

        Raises
        ------
        LianpianError
            The project cannot be read.
        """
        if self.single is not None:
            live = self.live(self.single)
            if "estates" in live.versions():
                estates = live.layer("estates")
                estates.gzipped()
                _ = estates.tiles

    def close(self) -> None:
        """Close what is open."""
        self._stopped.set()
        if self._settler is not None:
            self._settler.join()
        with self._lock:
            known = [opened.live for opened in self._open.values()]
            self._open.clear()
        for live in known:
            live.close()


def _folder(path: Path) -> Path | None:
    return path if path.is_dir() else None


def _file_of(address: str) -> tuple[int, int] | None:
    if is_server(address):
        return None
    try:
        found = Path(address).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _beside(live: Live) -> tuple[int, int] | None:
    """Return size and time of what lies beside the file of a project; None where nothing does."""
    path = live.project.path
    if path is None:
        return None
    try:
        found = path.with_name(path.name + "-wal").stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if found.st_size else None


def _unknown(name: str) -> UnknownNameError:
    return UnknownNameError(f"There is no project '{name:.80}'")

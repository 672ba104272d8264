"""Files that people send, kept in a private folder until they are imported, for an hour at most.

Nothing that is sent is trusted: neither its name, nor its length, nor that it is what its name
says. Readers of geodata go by content: a ``.geojson`` may be a list of other files of this machine,
and a small workbook may claim seventeen thousand million cells.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
import stat
import tempfile
import threading
import time
import unicodedata
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.settings import Settings
from gis.errors import FileError, UnknownNameError
from gis.io.endings import OSM, PARQUET, RASTERS, SHEETS, TEXT_TABLES, VECTOR
from gis.io.trust import require_what_it_says

KEPT_S: Final = 3600.0
KEPT_FOR_A_JOB_S: Final = 24 * 3600.0
SILENCE_S: Final = 30.0
"""How long a sender may say nothing."""
MOST_OF_ONE: Final = 10
"""Files that one person may have lying here; the oldest makes room for the next."""
FOLD: Final = 4
"""All files together may be as large as this many of the largest."""
LONGEST_NAME: Final = 100
MB: Final = 1_000_000

READABLE: Final = (*VECTOR, *PARQUET, *TEXT_TABLES, *SHEETS, *RASTERS, *OSM, ".zip")
_CHUNK: Final = 1 << 20
_ALONE: Final = (".shp", ".dbf", ".shx", ".prj", ".cpg")
_DEVICES: Final = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$")


@dataclass(eq=False)
class Upload:
    """A file that was sent; ``until`` is the second (of the clock of `Uploads`) it is kept to."""

    id: str
    name: str
    path: Path
    project: str
    person: int | None
    until: float
    size: int = 0
    whole: bool = False
    held: int = 0
    alone: bool = False


class Uploads:
    """The files that were sent and are not imported yet.

    Each lies in a folder of its own under a name that cannot be guessed, and only who sent it, in
    the project it was sent to, finds it again.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = int(settings.max_upload_mb * MB)
        self._ratio = settings.max_zip_ratio
        self._clock = clock
        self._lock = threading.Lock()
        self._all: dict[str, Upload] = {}
        self._root: Path | None = None

    async def receive(
        self,
        chunks: AsyncIterable[bytes],
        *,
        name: str,
        project: str,
        person: int | None,
        length: int | None = None,
    ) -> Upload:
        """Keep what is sent, as it comes.

        Parameters
        ----------
        chunks
            The bytes.
        name
            What the sender calls it; made safe.
        project, person
            Where and by whom it is sent.
        length
            How long the sender says it is; None where nothing was said.

        Raises
        ------
        FileError
            It is of no format that can be read, is not what its name says, or a bomb.
        HTTPException
            413: it is too large; 408: the sender fell silent; 503: there is no room now.
        """
        name = safe_name(name)
        if length is not None and length > self._most:
            raise self._too_large()
        upload = self._make_room(name, project, person)
        asyncio.get_running_loop().call_later(KEPT_S + 1.0, self.sweep)
        try:
            await self._fill(upload, chunks)
            await run_in_threadpool(require_what_it_says, upload.path, ratio=self._ratio)
        except BaseException:
            self._drop(upload)
            raise
        upload.whole = True
        return upload

    def find(self, upload: str, *, project: str, person: int | None) -> Upload:
        """Return a file that this person sent to this project.

        Raises
        ------
        UnknownNameError
            There is none of that name: it may have been removed after an hour.
        """
        self.sweep()
        with self._lock:
            found = self._all.get(upload)
        if found is None or not found.whole or (found.project, found.person) != (project, person):
            raise UnknownNameError(
                "There is no such upload (each is kept for an hour); send the file once more"
            )
        return found

    @contextmanager
    def hold(self, upload: Upload, *, alone: bool = False) -> Iterator[Path]:
        """Keep a file from being removed while it is read; ``alone`` lets only one at a time.

        Raises
        ------
        HTTPException
            409: another holds it alone.
        """
        with self._lock:
            if alone and upload.alone:
                raise HTTPException(409, f"{upload.name} is being imported already")
            upload.held += 1
            upload.alone |= alone
        try:
            yield upload.path
        finally:
            with self._lock:
                upload.held -= 1
                upload.alone &= not alone

    def keep_for_a_job(self, upload: Upload) -> None:
        """Keep a file for a day: a job that waits for its turn will read it, and remove it."""
        with self._lock:
            upload.until = self._clock() + KEPT_FOR_A_JOB_S

    def remove(self, upload: Upload) -> None:
        """Remove a file, unless it is being read: then it goes with its hour."""
        with self._lock:
            if upload.held:
                upload.until = self._clock()
                return
        self._drop(upload)

    def sweep(self) -> None:
        """Remove what has been here for too long."""
        now = self._clock()
        with self._lock:
            old = [u for u in self._all.values() if u.until <= now and not u.held]
        for upload in old:
            self._drop(upload)

    def close(self) -> None:
        """Remove everything."""
        with self._lock:
            self._all.clear()
            root, self._root = self._root, None
        if root is not None:
            shutil.rmtree(root, ignore_errors=True)

    def _make_room(self, name: str, project: str, person: int | None) -> Upload:
        self.sweep()
        with self._lock:
            mine = [u for u in self._all.values() if u.person == person and not u.held]
            spare = mine[0] if len(mine) >= MOST_OF_ONE else None
        if spare is not None:
            self._drop(spare)
        with self._lock:
            if self._root is None:
                self._root = Path(tempfile.mkdtemp(prefix="lianpian-uploads-"))
            id_ = secrets.token_urlsafe(24)
            folder = self._root / id_
            folder.mkdir(mode=0o700)
            upload = Upload(id_, name, folder / name, project, person, until=self._clock() + KEPT_S)
            self._all[id_] = upload
        return upload

    async def _fill(self, upload: Upload, chunks: AsyncIterable[bytes]) -> None:
        waiting = aiter(chunks)
        with upload.path.open("xb") as file:
            upload.path.chmod(stat.S_IRUSR | stat.S_IWUSR)
            kept = bytearray()
            while True:
                try:
                    chunk = await asyncio.wait_for(anext(waiting), SILENCE_S)
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    raise HTTPException(408, "The file stopped coming; send it again") from None
                kept += chunk
                upload.size += len(chunk)
                self._require_room(upload)
                if len(kept) >= _CHUNK:
                    await run_in_threadpool(file.write, bytes(kept))
                    kept.clear()
            file.write(kept)

    def _require_room(self, upload: Upload) -> None:
        if upload.size > self._most:
            raise self._too_large()
        with self._lock:
            gone = upload.id not in self._all
            full = sum(u.size for u in self._all.values()) > FOLD * self._most
        if full or gone:
            raise HTTPException(
                503, "There is no room for more files now; try later", {"Retry-After": "600"}
            )

    def _too_large(self) -> HTTPException:
        most = self._most / MB
        return HTTPException(
            413, f"The file is larger than the {most:g} MB allowed; send it in parts, or zipped"
        )

    def _drop(self, upload: Upload) -> None:
        with self._lock:
            self._all.pop(upload.id, None)
        shutil.rmtree(upload.path.parent, ignore_errors=True)


def safe_name(name: str) -> str:
    """Return a file's name without what could make it a path, a device, or look like another.

    Raises
    ------
    FileError
        Nothing is left of it, or its ending says no format that can be read.
    """
    text = re.split(r"[/\\]", name.encode("utf-8", "replace").decode())[-1]
    # Letters that cannot be seen turn names around ("gpj.exe") or make two that look the same.
    text = "".join(" " if c.isspace() else c for c in text if c.isprintable() or c.isspace())
    text = unicodedata.normalize("NFC", re.sub(r'[<>:"|?*]', "_", text))
    text = " ".join(text.split()).strip(" .")
    path = PurePosixPath(text)
    stem, suffix = path.stem.strip(" ."), path.suffix.lower()
    if suffix in _ALONE:
        raise FileError(f"'{text[:60]}' is one part of a shapefile; send all its parts in one .zip")
    if suffix not in READABLE:
        raise FileError(
            f"'{text[:60]}' is of no format that can be read; send one of: {', '.join(READABLE)}"
        )
    stem = f"_{stem}" if _DEVICES.match(stem) else stem
    while len(f"{stem}{suffix}".encode()) > 2 * LONGEST_NAME or len(stem) > LONGEST_NAME:
        stem = stem[:-1].rstrip(" .")
    return f"{stem or 'file'}{suffix}"

"""The files that jobs make: a folder for each job, private, and gone after a day."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from api.store.office.jobs import Job
from gis.errors import FileError, UnknownNameError

KEPT_S: Final = 24 * 3600.0


class JobFolders:
    """The folders of the jobs, in one that only the owner of the server may read."""

    def __init__(self, base: Path) -> None:
        self._base = base

    def make(self, job_id: str) -> Path:
        """Make the folder of a job.

        Raises
        ------
        FileError
            It cannot be made, or belongs to somebody else.
        """
        try:
            self._base.mkdir(mode=0o700, parents=True, exist_ok=True)
            if hasattr(os, "getuid") and self._base.lstat().st_uid != os.getuid():
                raise FileError(f"'{self._base}' is somebody else's; set LIANPIAN_JOBS_FOLDER")
            folder = self._base / job_id
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise FileError(
                f"'{self._base}' cannot be written ({error.strerror}); make room there, or set "
                "LIANPIAN_JOBS_FOLDER"
            ) from error
        return folder

    def file(self, job: Job, name: str) -> Path:
        """Return a file that a job has answered with; no other can be had.

        Raises
        ------
        UnknownNameError
            The job made no file of that name, or it is gone.
        """
        if name not in files_of(job.result):
            raise UnknownNameError(f"The job has no file '{name}'")
        path = self._base / job.id / name
        if not self.holds(job.id, name):
            raise UnknownNameError(
                f"The file '{name}' is gone: it is kept for a day, on the server that made it; "
                "ask for it again"
            )
        return path

    def holds(self, job_id: str, name: str) -> bool:
        """Whether a plain file of that name lies in the folder of a job."""
        path = self._base / job_id / name
        plain = name == path.name and not name.startswith(".")
        return plain and path.is_file() and not path.is_symlink()

    def drop_if_empty(self, job_id: str) -> None:
        """Remove the folder of a job that has left no file."""
        folder = self._base / job_id
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def drop(self, job_id: str) -> None:
        """Remove the folder of a job with all that is in it."""
        folder = self._base / job_id
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)

    def clear(self, may_go: Callable[[str], bool]) -> int:
        """Remove folders that are older than a day, of jobs that may go; return how many."""
        removed = 0
        for folder in self._base.glob("*") if self._base.is_dir() else ():
            old = time.time() - folder.lstat().st_mtime > KEPT_S
            if old and folder.is_dir() and not folder.is_symlink() and may_go(folder.name):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed


def files_of(result: Any) -> tuple[str, ...]:
    """Return the names of the files that a work has answered with."""
    if not isinstance(result, dict):
        return ()
    several = result.get("files")
    names = [result.get("file"), *(several if isinstance(several, list) else ())]
    return tuple(name for name in names if isinstance(name, str))


def folder_beside(office: Path | None) -> Path:
    """Return where the folders of jobs go unless somebody says: beside the file of the office."""
    if office is not None:
        return office.parent / ".lianpian-jobs"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"lianpian-jobs-{user}"

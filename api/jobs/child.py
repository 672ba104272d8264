"""What runs in the child process of a job, and on nothing but what stands in its orders.

Orders come as lines of JSON on the standard input: what to load beforehand, the job itself, that it
is cancelled. Answers go back as lines of JSON on what was the standard output. Whatever else the
work prints goes to the standard error, from where the server takes it into its log.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

from api.errors import one_line
from api.plain import json_text
from gis.errors import LianpianError

PROGRESS_S: Final = 0.2
"""Progress is told at most this often."""
LONGEST_WORD: Final = 200
LARGEST_RESULT: Final = 8_000_000
TEMPORARY: Final = ".temporary"
"""Folder, in that of the job, for what the libraries put down on their way."""
OUT_OF_MEMORY: Final = "OutOfMemory"
FAULT: Final = "Fault"
_NICENESS: Final = 5
_FIRST_TO_GO: Final = "500"
_ALONE: Final = 3


class Cancelled(BaseException):  # not an Exception: a work that catches those must not go on
    """The job was cancelled; whatever it was about to write is not written."""


def main(alive: int | None) -> NoReturn:
    """Work off the orders on the standard input: at most one job, then the process ends.

    Parameters
    ----------
    alive
        The reading end of a pipe on which nothing is ever sent: it ends when the server does.
    """
    orders, answers = _take_channels()
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    cancelled = threading.Event()
    threading.Thread(target=_listen, args=(orders, inbox, cancelled), daemon=True).start()
    if alive is not None:
        _die_with_server(alive)
    _step_back()
    while "job" not in (order := inbox.get()):
        for name in order["load"]:
            import_module(name)
    progress = Teller(answers, cancelled)
    end = perform(order, progress)
    progress.say(end)
    # Without the interpreter's own end, which waits for threads that a library may have left.
    os._exit(0)


def perform(order: Mapping[str, Any], progress: Callable[[float, str], None]) -> dict[str, Any]:
    """Do what is ordered, and tell how it ended: ``end``, and ``result`` or ``error``."""
    try:
        return {"end": "done", "result": _call(order, progress)}
    except Cancelled:
        return {"end": "cancelled"}
    except LianpianError as error:
        return failed(type(error).__name__, one_line(error))
    except MemoryError:
        return failed(OUT_OF_MEMORY, "Memory ran out; ask for less at once")
    except BaseException:  # noqa: BLE001 - also SystemExit: the job has an end in any case
        told = failed(FAULT, f"A fault of ours; whoever runs the server finds it as {order['job']}")
        return told | {"trace": traceback.format_exc()}


def failed(error: str, message: str) -> dict[str, Any]:
    """Return the end of a job that failed, as a child tells it."""
    return {"end": "failed", "error": {"error": error, "message": message}}


def clean(text: str) -> str:
    """Return a text as one line that cannot steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _call(order: Mapping[str, Any], progress: Callable[[float, str], None]) -> str:
    from api.store import Author, Project

    module, _, name = order["function"].partition(":")
    work = getattr(import_module(module), name)
    options = {**order["options"], "_folder": order["folder"], "_job": order["job"]}
    with _temporary_in(Path(order["folder"])), Project.open(order["address"]) as project:
        result = json_text(work(project.acting_as(Author(**order["author"])), options, progress))
    if len(result) > LARGEST_RESULT:
        raise LianpianError(
            f"The answer has {len(result):,} characters, more than the {LARGEST_RESULT:,} that are "
            "kept; ask for a file, or for less"
        )
    return result


class Teller:
    """The progress of a work: told to the server now and then, and where the work is cancelled."""

    def __init__(self, answers: int, cancelled: threading.Event) -> None:
        self._answers = answers
        self._cancelled = cancelled
        self._writing = threading.Lock()
        self._changing = threading.Lock()
        self._latest: tuple[float, str] | None = None
        self._told = -math.inf
        self._left = threading.Event()
        threading.Thread(target=self._tell_what_is_left, daemon=True).start()

    def __call__(self, share: float, word: str) -> None:
        """Say how far the work is.

        Raises
        ------
        Cancelled
            The job shall end.
        """
        if self._cancelled.is_set():
            raise Cancelled
        share = min(max(float(share), 0.0), 1.0) if math.isfinite(share) else 0.0
        latest = (share, clean(word)[:LONGEST_WORD])
        with self._changing:
            self._latest = latest
        if self._wait() <= 0:
            self._tell()
        else:
            self._left.set()

    def say(self, answer: Mapping[str, Any]) -> None:
        """Send one line to the server."""
        line = memoryview(json.dumps(answer).encode() + b"\n")
        with self._writing:
            while line:
                line = line[os.write(self._answers, line) :]

    def _wait(self) -> float:
        return self._told + PROGRESS_S - time.monotonic()

    def _tell(self) -> None:
        with self._changing:
            latest, self._latest = self._latest, None
            self._told = time.monotonic() if latest is not None else self._told
        if latest is not None:
            self.say({"tell": latest})

    def _tell_what_is_left(self) -> None:
        """Tell the last word of a quick series, on which long silence may follow."""
        while self._left.wait():
            while (wait := self._wait()) > 0:
                time.sleep(wait)
            self._left.clear()
            self._tell()


def _take_channels() -> tuple[int, int]:
    """Keep the channels to the server for ourselves; whatever prints does so into the log."""
    orders, answers = os.dup(0), os.dup(1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return orders, answers


def _listen(
    orders: int, inbox: queue.SimpleQueue[dict[str, Any]], cancelled: threading.Event
) -> None:
    """Take orders until the server is gone, and go as well then."""
    with os.fdopen(orders, "rb") as lines:
        for line in lines:
            order = json.loads(line)
            if "cancel" in order:
                cancelled.set()
            else:
                inbox.put(order)
    os._exit(_ALONE)


def _die_with_server(alive: int) -> None:
    """Have the kernel end this process when the server ends.

    The thread that listens does so as well, but it cannot while compiled code holds the
    interpreter, which may take minutes.
    """
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(alive, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(alive, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(alive, fcntl.F_SETFL, fcntl.fcntl(alive, fcntl.F_GETFL) | os.O_ASYNC)


def _step_back() -> None:
    """Let the server answer first, and live on where memory runs out."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, "ascii")


@contextlib.contextmanager
def _temporary_in(folder: Path) -> Iterator[None]:
    """Put down temporary files where the server clears them away, also after a kill."""
    own = folder / TEMPORARY
    own.mkdir(parents=True, exist_ok=True)
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = str(own)
    try:
        yield
    finally:
        os.environ.pop("TMPDIR")
        if before[0] is not None:
            os.environ["TMPDIR"] = before[0]
        tempfile.tempdir = before[1]

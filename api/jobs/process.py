"""Child processes as the server sees them: started, told, listened to, and never left behind."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from api.jobs.child import FAULT, LARGEST_RESULT, OUT_OF_MEMORY, TEMPORARY, clean

LOG: Final = logging.getLogger("lianpian.jobs")
GRACE_S: Final = 3.0
"""How long a child may take to end after it was asked to, or after its answer."""
MOST_LINES: Final = 200
"""Lines that one child may print into the log."""
_LONGEST_LINE: Final = 500
_TICK_S: Final = 0.1
_REST_S: Final = 30.0
_BOOT: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from api.jobs.child import main; "
    "main(int(sys.argv[2]) if sys.argv[2:] else None)"
)
# A group of its own: Ctrl-C in a terminal reaches the server only, which then ends its children.
_APART: Final[dict[str, Any]] = (
    {"process_group": 0} if os.name == "posix" else {"creationflags": 0x00000200}
)

Tell = Callable[[float, str], None]


class Flag(Protocol):
    """Something that says whether the job shall end, as `threading.Event` does."""

    def is_set(self) -> bool:
        """Whether it shall."""


@dataclass(frozen=True)
class End:
    """How a job ended: ``done``, ``failed``, or ``stopped`` where it was asked to end and did."""

    how: str
    result: str | None = None
    error: Mapping[str, str] | None = None
    trace: str | None = field(default=None, repr=False)

    @classmethod
    def failed(cls, error: str, message: str) -> End:
        """Return the end of a job that failed."""
        return cls("failed", error={"error": error, "message": message})


class Child:
    """One child process, for one job; it lives no longer than this process does."""

    def __init__(self, load: Sequence[str] = ()) -> None:
        self._alive: int | None
        reading, self._alive = os.pipe() if os.name == "posix" else (None, None)
        passed = [] if reading is None else [reading]
        command = [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), *map(str, passed)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=passed,
                **_APART,
            )
        finally:
            if reading is not None:
                os.close(reading)
        self._job = "none yet"
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=read, daemon=True)
            for read in (self._read_answers, self._read_prints)
        ]
        for reader in self._readers:
            reader.start()
        if load:
            self._send({"load": list(load)})

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def run(self, order: Mapping[str, Any], *, tell: Tell, stop: Flag) -> End:
        """Have the job done, and wait for its end; the process is gone afterwards.

        Parameters
        ----------
        order
            The job, as `api.jobs.child` takes it.
        tell
            Is called with the progress.
        stop
            When set, the job is asked to end, and is killed if it does not within `GRACE_S`.
        """
        self._job = order["job"]
        try:
            self._send(order)
            end = self._wait_for_end(tell, stop)
        finally:
            self.end()
            with contextlib.suppress(OSError):
                shutil.rmtree(Path(order["folder"]) / TEMPORARY)
        if end is not None:
            return end
        return End("stopped") if stop.is_set() else self._died()

    def end(self) -> None:
        """End the process, whatever it does, and let go of all that belonged to it."""
        self._kill()
        self._process.wait()
        pipes = (self._process.stdout, self._process.stderr)
        for reader, pipe in zip(self._readers, pipes, strict=True):
            reader.join(GRACE_S)
            # A process that the work had started may hold it open; then its reader waits on.
            if pipe is not None and not reader.is_alive():
                pipe.close()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._alive is not None:
            os.close(self._alive)
            self._alive = None

    def _wait_for_end(self, tell: Tell, stop: Flag) -> End | None:
        """Pass on the progress until the job ends; None where the process ended without a word."""
        deadline = None
        while True:
            if deadline is None and stop.is_set():
                deadline = time.monotonic() + GRACE_S
                self._send({"cancel": True})
            if deadline is not None and time.monotonic() > deadline:
                self._kill()
            try:
                answer = self._answers.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            if answer is None:
                return None
            if "tell" in answer:
                tell(*answer["tell"])
            else:
                self._let_end()
                return _end_of(answer)

    def _let_end(self) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)

    def _died(self) -> End:
        code = self._process.returncode
        if code == -getattr(signal, "SIGKILL", 9):
            return End.failed(
                OUT_OF_MEMORY,
                "The system killed the job, most likely because memory ran out; ask for less at "
                "once, or run fewer jobs side by side",
            )
        name = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return End.failed(
            FAULT, f"The job's process broke off ({name}); the log has it as {self._job}"
        )

    def _send(self, order: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has gone: its end is seen by who reads the answers
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            if os.name == "posix" and self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def _read_answers(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            # JSON in JSON, every character of it escaped, and some words around it.
            while line := self._process.stdout.readline(13 * LARGEST_RESULT):
                self._answers.put(json.loads(line))
        self._answers.put(None)

    def _read_prints(self) -> None:
        assert self._process.stderr is not None
        lines = 0
        with contextlib.suppress(OSError, ValueError):
            while line := self._process.stderr.readline(_LONGEST_LINE):
                lines += 1
                if lines <= MOST_LINES:
                    LOG.info("job %s printed: %s", self._job, clean(line.decode(errors="replace")))
        if lines > MOST_LINES:
            LOG.info("job %s printed %d more lines", self._job, lines - MOST_LINES)


def _end_of(answer: Mapping[str, Any]) -> End:
    how = "stopped" if answer["end"] == "cancelled" else answer["end"]
    return End(how, answer.get("result"), answer.get("error"), answer.get("trace"))


class Children:
    """Runs jobs in child processes; one more may wait, with all that a work needs loaded already.

    Loading takes seconds, which nobody then waits for. The one that waits holds memory but no
    processor; it is one at most, and none where no further job may run.
    """

    def __init__(self, load: Sequence[str] = ()) -> None:
        self._load = tuple(load)
        self._spare: Child | None = None
        self._changing = threading.Lock()
        self._rest_until = 0.0
        self._closed = False

    def run(self, order: Mapping[str, Any], *, tell: Tell, stop: Flag) -> End:
        """Have a job done in a process of its own, and wait for its end; see `Child.run`."""
        with self._changing:
            child, self._spare = self._spare, None
        if child is not None and not child.is_alive():
            child.end()
            child = None
        return (child or Child()).run(order, tell=tell, stop=stop)

    def keep_warm(self) -> None:
        """See to it that one process waits; after one has died by itself, not at once again."""
        with self._changing:
            if self._spare is not None and not self._spare.is_alive():
                self._spare.end()
                self._spare = None
                self._rest_until = time.monotonic() + _REST_S
            if self._spare is None and not self._closed and time.monotonic() >= self._rest_until:
                self._spare = Child(self._load)

    def close(self) -> None:
        """End the process that waits. Those at work are ended by who asked for them."""
        with self._changing:
            self._closed = True
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.end()

"""A real server for tests: the command ``lianpian serve`` in a process of its own, on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Running:
    """A server that answers at ``url``; ``pid`` is its process."""

    url: str
    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        """The process of the server."""
        return self.process.pid

    def kill(self) -> None:
        """End it as kill -9 does, at once and without a word."""
        self.process.kill()
        self.stop()

    def stop(self) -> None:
        """End it as a service is stopped, and wait for that."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()


def start_server(
    project: Path, *, settings: Mapping[str, str] | None = None, log: Path | None = None
) -> Running:
    """Start a server and return when it listens."""
    command = [sys.executable, "-m", "api.cli", "serve", str(project), "--port", "0", "--json"]
    given = {f"LIANPIAN_{name.upper()}": value for name, value in (settings or {}).items()}
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(log.open("ab")) if log is not None else subprocess.DEVNULL
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
            env={**os.environ, **given},
            start_new_session=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait(60)
        raise AssertionError(f"the server did not start ({process.returncode})")
    return Running(json.loads(line)["url"].rstrip("/"), process)


@contextlib.contextmanager
def server_of(project: Path, **settings: str) -> Iterator[Running]:
    """Run a server for the length of a block and stop it as a service is stopped."""
    running = start_server(project, settings=settings)
    try:
        yield running
    finally:
        running.stop()

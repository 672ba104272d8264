"""Which server process looks after a job, and whether that one is gone."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import time
from functools import cache
from pathlib import Path
from typing import Final

STALE_S: Final = 30.0
"""A server that has said nothing for so long is gone, wherever it was.

The clocks of machines that share an office must agree to some seconds.
"""


@cache
def _place() -> str:
    """Name the set of processes that this one sees: the machine since it started, the container."""
    known = [socket.gethostname()]
    with contextlib.suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii"))
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]


@cache
def server_name() -> str:
    """Return the name of this process: its place, its number, and what no later process has."""
    return f"{_place()}/{os.getpid()}/{secrets.token_hex(4)}"


def server_is_gone(server: str, beat: float) -> bool:
    """Whether the process of that name, last heard of at ``beat``, looks after nothing any more."""
    if time.time() - beat > STALE_S:
        return True
    place, _, rest = server.partition("/")
    pid = rest.partition("/")[0]
    if server == server_name() or place != _place() or not pid.isdecimal():
        return False
    return int(pid) == os.getpid() or not _runs(int(pid))


def _runs(pid: int) -> bool:
    """Whether there is a process of that number; yes, where that cannot be asked."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

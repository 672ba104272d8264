"""The server: it listens first, says where, and stops without losing anything."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

GRACE_S: Final = 10
"""Seconds that open requests have to end once the server was told to stop."""

SWITCH_S: Final = 0.0005
"""How long a thread may keep the interpreter while others wait. With Python's usual 5 ms a tile of
1 ms waits for every thread that computes: at 50 viewers the slow ones took half as long again."""


class Server(uvicorn.Server):
    """Tells the application that it is being stopped before it waits for open requests.

    Else a page that follows a job would keep the server until its grace is over. ``ready`` is
    called in a thread of its own as soon as the server answers.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None] | None = None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self._ready is not None and self.started:
            threading.Thread(target=self._ready, name="ready", daemon=True).start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's)
        """Begin to stop; asked a second time, do not wait for open requests."""
        app: FastAPI = self.config.app  # type: ignore[assignment]  # ours is never a name
        app.state.stopping.set()
        jobs = getattr(app.state, "jobs", None)
        if jobs is not None:
            jobs.hang_up()
        # The base class would also raise the signal anew at the end: a stop that was asked for and
        # went well is a success, not a death.
        self.force_exit = self.should_exit
        self.should_exit = True


def run_server(
    app: FastAPI, listening: socket.socket, *, ready: Callable[[], None] | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; open requests end, new ones are refused."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # whose word on the client is believed is one setting, in api.auth
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        date_header=True,
    )
    sys.setswitchinterval(SWITCH_S)
    Server(config, ready).run(sockets=[listening])

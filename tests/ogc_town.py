"""A little town to be read by the programs of others, and a server that a test can start."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from shapely import Point, Polygon, box

from api.app import create_app
from api.settings import Settings
from api.store import Project
from tests.layers import layer

PHONE = "13900001111"
NAMES = ["甲 <b>里</b>", "乙里", "丙里", "丁里", "戊里"]


def square(x: float, y: float, side: float = 100) -> Polygon:
    """A square, in metres from the corner of the town."""
    return box(x, y, x + side, y + side)


def town(path: Path) -> Path:
    """Make a project: five estates from west to east, 1 km apart, a facility, projects with dates.

    The estates have a column of the user's own with a telephone number; nothing is known of the
    people of the second. The third of the projects has neither a place nor a date.
    """
    with Project.create(path, name="镇") as project:
        estates = layer(
            "estates",
            [square(1000 * i, 0) for i in range(5)],
            first=1,
            name=NAMES,
            people=[10, None, 30, 40, 50],
            built_year=[1980, 1985, 1990, 1995, 2000],
            联系电话=[PHONE] * 5,
        )
        facilities = layer("facilities", [Point(0, 500)], name=["菜场"], category=["market"])
        works = layer(
            "projects",
            [square(0, 0), square(1000, 0), None, square(3000, 0)],
            estate=["E1", "E2", "E3", "E4"],
            start=["2024-03-01", "2025", None, None],
            end=["2024-09-30", None, None, "2023-05"],
        )
        project.write_layers([(made, None) for made in (estates, facilities, works)])
    return path


class _Server(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listens.set()


@contextmanager
def serving(**settings: Any) -> Iterator[str]:
    """Serve on a free port of this machine; give the address."""
    app = create_app(Settings(log="off", **settings))
    server = _Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.listens.wait(60)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()

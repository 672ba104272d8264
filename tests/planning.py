"""Projects to plan in, and clients of them, for tests of the application."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from api.analyses.memory import Memory, memory_of
from api.app import create_app
from api.settings import Settings
from api.store import Project
from gis.sample import make_city
from tests.plan_grid import grid_estates, grid_plan

# 东 东 西
# 东 西 西
# 南 南 南
BOARD = "东 东 西 东 西 西 南 南 南"
ASKED = {"sizes": {"people": (2000.0, 4000.0)}, "persons_per_household": 2.6}
CITY_KINDS = (
    "estates", "buildings", "gates", "walls", "facilities", "streets", "barriers", "communities",
    "sites",
)  # fmt: skip


def make_board(path: Path, words: str = BOARD, rows: int = 3, columns: int = 3) -> Path:
    """Make a project of a board of estates, 1,000 people each, with the plan 'drawn'."""
    estates = grid_estates(rows, columns)
    with Project.create(path, name="棋盘", crs=estates.crs) as project:
        project.write_layers([(estates, None)])
        project.save_plan(grid_plan(words, rows, columns, **ASKED))
    return path


def make_town(path: Path, estates: int = 12) -> Path:
    """Make a project of a small made-up city."""
    city = make_city(seed=1, estates=estates)
    with Project.create(path, name="小城") as project:
        project.write_layers([(city.layer(kind), None) for kind in CITY_KINDS if kind in city])
    return path


@contextmanager
def served(path: Path, **settings: Any) -> Iterator[TestClient]:
    """Give a client of a project's application."""
    app = create_app(Settings(project=str(path), log="off", **settings))
    with TestClient(app, headers={"X-Lianpian": "1"}) as client:
        yield client


def memory_in(client: TestClient) -> Memory:
    """What the application behind a client keeps."""
    app: Any = client.app
    return memory_of(app.state.projects)


def run_work(path: Path, name: str, **options: Any) -> Any:
    """Do a work in this process, as a job does in its own."""
    from importlib import import_module

    from api.analyses.work import WORK, read_options

    module, function = WORK[name].split(":")
    folder = {"_folder": str(path.parent), "_job": "job-1"}
    with Project.open(path) as project:
        work = getattr(import_module(module), function)
        return work(project, read_options(name, options) | folder, lambda share, doing: None)

"""Who may import whom, what modules are called, and that each has its words and its tests.

A new module needs its line in ``MAY_IMPORT`` and its ``tests/test_<module>.py``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gis", "api")

# The rows of gis, from the bottom up. Parts of a package live by its row and may import each other.
MAY_IMPORT: dict[str, set[str]] = {
    "gis.errors": set(),
    "gis.compiling": set(),
    "gis.resources": {"gis.errors"},
    "gis.crs": {"gis.errors"},
    "gis.model": {"gis.errors", "gis.crs", "gis.resources"},
    "gis.walkers": {"gis.errors", "gis.resources"},
    "gis.hours": {"gis.errors"},
    "gis.rules": {"gis.errors", "gis.model", "gis.resources", "gis.walkers"},
    "gis.demand": {"gis.errors", "gis.model", "gis.resources"},
    "gis.units": {"gis.errors", "gis.model", "gis.demand"},
    "gis.capacity": {"gis.errors", "gis.model"},
    "gis.grade": {"gis.errors"},
    "gis.renewal": {"gis.errors", "gis.resources"},
    "gis.network": {
        "gis.errors",
        "gis.compiling",
        "gis.crs",
        "gis.model",
        "gis.resources",
        "gis.walkers",
        "gis.hours",
    },
    "gis.isochrones": {
        "gis.errors",
        "gis.compiling",
        "gis.model",
        "gis.network",
        "gis.walkers",
    },
    "gis.io": {"gis.errors", "gis.crs", "gis.model", "gis.resources"},
    "gis.osm": {"gis.errors", "gis.crs", "gis.model", "gis.resources", "gis.io"},
    "gis.quality": {"gis.errors", "gis.crs", "gis.model", "gis.network"},
    "gis.coverage": {
        "gis.errors",
        "gis.compiling",
        "gis.model",
        "gis.network",
        "gis.walkers",
        "gis.rules",
        "gis.demand",
        "gis.units",
        "gis.capacity",
        "gis.grade",
    },
    "gis.scenario": {
        "gis.errors",
        "gis.model",
        "gis.hours",
        "gis.network",
        "gis.walkers",
        "gis.rules",
        "gis.demand",
        "gis.coverage",
    },
    "gis.explain": {
        "gis.errors",
        "gis.crs",
        "gis.model",
        "gis.hours",
        "gis.network",
        "gis.walkers",
        "gis.rules",
        "gis.coverage",
    },
    "gis.stepfree": {
        "gis.errors",
        "gis.compiling",
        "gis.model",
        "gis.network",
        "gis.walkers",
        "gis.rules",
        "gis.demand",
        "gis.coverage",
    },
    "gis.partition": {"gis.errors", "gis.compiling"},
    "gis.districts": {
        "gis.errors",
        "gis.model",
        "gis.io",
        "gis.network",
        "gis.coverage",
        "gis.partition",
    },
    "gis.plans": {
        "gis.errors",
        "gis.model",
        "gis.network",
        "gis.coverage",
        "gis.partition",
        "gis.districts",
    },
    "gis.siting": {"gis.errors", "gis.compiling"},
    "gis.sites": {
        "gis.errors",
        "gis.model",
        "gis.resources",
        "gis.network",
        "gis.rules",
        "gis.demand",
        "gis.coverage",
        "gis.scenario",
        "gis.siting",
    },
    "gis.sheets": {
        "gis.errors",
        "gis.model",
        "gis.coverage",
        "gis.rules",
        "gis.districts",
        "gis.plans",
        "gis.sites",
    },
    "gis.sample": {"gis.errors", "gis.crs", "gis.model", "gis.rules", "gis.resources"},
    "gis.tiles": {"gis.errors", "gis.compiling"},
    "gis.dashboard": set(),
    "gis.maps": {
        "gis.errors",
        "gis.crs",
        "gis.model",
        "gis.rules",
        "gis.coverage",
        "gis.districts",
        "gis.sites",
        "gis.resources",
    },
}
GIS = {row for row in MAY_IMPORT if row.startswith("gis.")}
STORE = GIS | {"api.store"}
MAY_IMPORT |= {
    "api.plain": set(),
    "api.settings": set(),
    "api.errors": {"gis.errors", "api.answers", "api.plain"},
    "api.answers": {"api.plain"},
    "api.listen": {"gis.errors", "api.settings"},
    "api.store": GIS - {"gis.maps", "gis.sheets", "gis.tiles"} | {"api.plain"},
    "api.analyses": STORE | {"api.plain"},
    "api.live": STORE | {"api.settings", "api.plain", "api.analyses"},
    "api.jobs": STORE | {"api.settings", "api.plain", "api.errors", "api.analyses"},
    "api.auth": {"gis.errors", "api.settings", "api.errors", "api.store", "api.live"},
    "api.uploads": GIS | {"api.settings"},
    "api.schemas": STORE | {"api.plain", "api.analyses", "api.live"},
    "api.serving": {"gis.errors", "api.settings", "api.answers"},
}
SERVER = set(MAY_IMPORT)
MAY_IMPORT |= {
    "api.routes": SERVER,
    "api.app": SERVER | {"api.routes"},
    "api.cli": SERVER | {"api.app"},
}

# Packages of others: the rows that may use them, and nobody else of ours.
SPEAK_HTTP = {
    "api.app",
    "api.errors",
    "api.answers",
    "api.auth",
    "api.routes",
    "api.schemas",
    "api.serving",
    "api.uploads",
}
ONLY_IN: dict[str, set[str]] = {
    "alembic": {"api.store"},
    "authlib": {"api.auth"},
    "branca": {"gis.maps"},
    "click": {"api.cli"},
    "distributed": {"api.jobs"},
    "fastapi": SPEAK_HTTP | {"api.cli"},
    "folium": {"gis.maps"},
    "httpx": {"api.auth"},
    "joserfc": {"api.auth"},
    "osmium": {"gis.osm"},
    "playwright": set(),
    "prometheus_client": {"api.serving"},
    "psycopg": {"api.store"},
    "pwdlib": {"api.auth"},
    "sqlalchemy": {"api.store"},
    "starlette": SPEAK_HTTP,
    "tqdm": {"api.cli"},
    "uvicorn": {"api.serving"},
    "xlsxwriter": {"gis.sheets", "gis.io"},
}

EMPTY_NAMES = {"utils", "util", "core", "common", "helpers", "services", "managers", "misc"}
# Lines, without docstrings; a longer one is two things.
LONGEST_FUNCTION = 60
LONGEST_MODULE = 600


@dataclass(frozen=True)
class Module:
    """One source file under its dotted name."""

    name: str
    text: str
    is_package: bool

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.name)


def modules_of(root: Path) -> dict[str, Module]:
    """All modules of our packages by name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            found[name] = Module(name, path.read_text(encoding="utf-8"), is_package)
    return found


def imports_of(module: Module, known: Iterable[str]) -> Iterator[tuple[str, int]]:
    """What a module imports, anywhere in it, with the line; of ours the deepest module meant."""
    known = set(known)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = module.name.split(".")
                up = node.level - module.is_package
                base = ".".join([*here[: len(here) - up], *filter(None, [node.module])])
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                yield (deeper if deeper in known else base), node.lineno


def row_of(name: str, rows: Iterable[str]) -> str | None:
    """The row that a module lives by: its own name or the package it is in."""
    fitting = [row for row in rows if name == row or name.startswith(row + ".")]
    return max(fitting, key=len, default=None)


def forbidden_imports(
    modules: Mapping[str, Module],
    *,
    may_import: Mapping[str, set[str]] = MAY_IMPORT,
    only_in: Mapping[str, set[str]] = ONLY_IN,
) -> list[str]:
    """Every import that the tables do not allow, as file:line and words."""
    faults = []
    for module in modules.values():
        row = row_of(module.name, may_import)
        if row is None and module.name not in PACKAGES:
            faults.append(f"{module.name}: has no row in MAY_IMPORT")
        for target, line in imports_of(module, modules):
            top = target.split(".")[0]
            theirs = row_of(target, may_import)
            if top in PACKAGES:
                # The packages themselves hold nothing but a version.
                bad = target not in PACKAGES and theirs != row
                bad = bad and theirs not in may_import.get(row or "", set())
            else:
                bad = top in only_in and row not in only_in[top]
            if bad:
                faults.append(f"{module.name}:{line} may not import {target}")
    return faults


def cycles(modules: Mapping[str, Module]) -> list[str]:
    """Circles of modules that import each other, each told once."""
    links = {
        name: sorted({target for target, _ in imports_of(module, modules) if target in modules})
        for name, module in modules.items()
    }
    found: list[str] = []
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> None:
        if name in way:
            found.append(" -> ".join([*way[way.index(name) :], name]))
        elif name not in done:
            for target in links[name]:
                visit(target, [*way, name])
            done.add(name)

    for name in links:
        visit(name, [])
    return found


def long_functions(modules: Mapping[str, Module]) -> list[str]:
    """Functions over the limit, their docstrings not counted."""
    faults = []
    for module in modules.values():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                words = node.body[0]
                lines -= (words.end_lineno or words.lineno) - words.lineno + 1
            if lines > LONGEST_FUNCTION:
                faults.append(f"{module.name}:{node.lineno} {node.name} has {lines} lines")
    return faults


def noun_of(module: Module) -> str | None:
    """What a module's tests are called after: its package, or the route that it is."""
    parts = module.name.split(".")
    if parts[:2] == ["api", "routes"]:
        return f"api.routes_{parts[2]}" if "\nrouter = " in module.text else None
    return ".".join(parts[:2]) if len(parts) > 1 else None


def test_files_of(name: str) -> list[str]:
    """Names that the tests of a module may have; gis.errors and api.errors share one noun."""
    top, noun = name.split(".")[:2]
    if name == "api.schemas":  # shapes of requests and answers, nothing else
        return ["test_openapi.py"]
    return [f"test_{noun}.py", f"test_{top}_{noun}.py"] if top == "api" else [f"test_{noun}.py"]


test_files_of.__test__ = False  # type: ignore[attr-defined]


def made_up(**texts: str) -> dict[str, Module]:
    """Modules from texts; ``gis__io`` stands for gis.io, ``gis__io__`` for the package gis.io."""
    found = {}
    for key, text in texts.items():
        name = key.removesuffix("__").replace("__", ".")
        found[name] = Module(name, text, key.endswith("__"))
    return found


@pytest.fixture(scope="module")
def ours() -> dict[str, Module]:
    return modules_of(ROOT)


def test_imports_point_the_right_way(ours: dict[str, Module]) -> None:
    assert forbidden_imports(ours) == []


def test_no_modules_import_each_other_in_a_circle(ours: dict[str, Module]) -> None:
    assert cycles(ours) == []


def test_every_module_says_what_it_is(ours: dict[str, Module]) -> None:
    assert [m.name for m in ours.values() if not ast.get_docstring(m.tree)] == []


def test_no_module_has_a_name_that_says_nothing(ours: dict[str, Module]) -> None:
    assert [name for name in ours if EMPTY_NAMES & set(name.split("."))] == []


def test_every_module_has_its_tests(ours: dict[str, Module]) -> None:
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    nouns = {noun for module in ours.values() if (noun := noun_of(module)) is not None}
    assert sorted(noun for noun in nouns if not there & set(test_files_of(noun))) == []


def test_functions_and_modules_stay_short(ours: dict[str, Module]) -> None:
    assert long_functions(ours) == []
    lines = {m.name: len(m.text.splitlines()) for m in ours.values()}
    assert [f"{name}: {n} lines" for name, n in lines.items() if n > LONGEST_MODULE] == []


def test_every_row_allows_rows_that_exist() -> None:
    named = set().union(*MAY_IMPORT.values(), *ONLY_IN.values())
    assert named - set(MAY_IMPORT) == set()


def test_the_table_itself_has_no_circle() -> None:
    assert set(TopologicalSorter(MAY_IMPORT).static_order()) == set(MAY_IMPORT)


def test_the_library_never_reaches_up_to_the_application() -> None:
    allowed = set().union(*(targets for row, targets in MAY_IMPORT.items() if row in GIS))
    assert not [row for row in allowed if row.startswith("api")]


@pytest.mark.parametrize(
    ("importer", "text", "target"),
    [
        ("gis__model", "from gis.coverage import Coverage", "gis.coverage"),
        ("gis__model", "import gis.coverage", "gis.coverage"),
        ("gis__model", "from gis import coverage", "gis.coverage"),
        ("gis__model", "from . import coverage", "gis.coverage"),
        ("gis__model", "from .coverage import Coverage", "gis.coverage"),
        ("gis__model", "def late():\n    from gis.coverage import Coverage", "gis.coverage"),
        ("gis__coverage", "from api.cli import main", "api.cli"),
        ("gis__coverage", "import folium.plugins", "folium.plugins"),
        ("gis__coverage", "from sqlalchemy import text", "sqlalchemy"),
        ("gis__io__dbf", "from gis.maps import render_map", "gis.maps"),
        ("gis__io__", "from ..maps import render_map", "gis.maps"),
        ("api__store", "from gis.maps import render_map", "gis.maps"),
    ],
)
def test_a_forbidden_import_is_found(importer: str, text: str, target: str) -> None:
    known = made_up(gis__coverage="", gis__maps="", api__cli="") | made_up(**{importer: text})
    (fault,) = forbidden_imports(known)
    name = importer.removesuffix("__").replace("__", ".")
    assert fault.startswith(f"{name}:")
    assert fault.endswith(f"may not import {target}")


@pytest.mark.parametrize(
    ("importer", "text"),
    [
        ("gis__coverage", "from gis.network import reach"),
        ("gis__io__", "from gis.io.dbf import read"),
        ("gis__io__dbf", "from .report import Report"),
        ("gis__maps", "import folium"),
        ("gis__model", "import numpy, os.path"),
        ("api__cli", "from gis import __version__"),
    ],
)
def test_an_allowed_import_is_no_fault(importer: str, text: str) -> None:
    known = made_up(gis__="", gis__io__dbf="", gis__io__report="", gis__network="")
    assert forbidden_imports(known | made_up(**{importer: text})) == []


def test_a_module_without_a_row_is_found() -> None:
    assert forbidden_imports(made_up(gis__magic="")) == ["gis.magic: has no row in MAY_IMPORT"]


def test_a_circle_is_found() -> None:
    circle = made_up(gis__io="import gis.osm", gis__osm="from gis import io", gis__crs="")
    assert cycles(circle) == ["gis.io -> gis.osm -> gis.io"]
    assert cycles(made_up(gis__io="import gis.osm", gis__osm="import gis.crs", gis__crs="")) == []


def test_a_long_function_is_found_but_words_are_free() -> None:
    body = "\n".join(["    x = 1"] * LONGEST_FUNCTION)
    assert long_functions(made_up(gis__crs=f"def f():\n{body}")) == ["gis.crs:1 f has 61 lines"]
    words = '    """' + "word\n" * 100 + '"""'
    short = "\n".join(["    x = 1"] * (LONGEST_FUNCTION - 1))
    assert long_functions(made_up(gis__crs=f"def f():\n{words}\n{short}")) == []

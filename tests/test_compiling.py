"""How loops are compiled: kept beside their file, and without a place for them just the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from gis.compiling import compiled, inlined, inner

SOURCE = """
from gis.compiling import compiled, inlined, inner

@inlined
def half(number):
    return number // 2

@inner
def twice(number):
    return 2 * number

@compiled
def even(number):
    return twice(half(number))
"""


def load(path: Path) -> Any:
    """Read a module anew, as a new process would."""
    found = importlib.util.spec_from_file_location("loops", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def loops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("numba.core.config.CACHE_DIR", "")
    path = tmp_path / "loops.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_a_loop_is_compiled_once_and_kept_beside_its_file(loops: Path) -> None:
    first = load(loops)
    assert not list(loops.parent.rglob("*.nbi"))
    assert first.even(7) == 6
    assert first.even.nopython_signatures
    assert sum(first.even.stats.cache_misses.values()) == 1
    kept = {path.name.split("-")[0] for path in (loops.parent / "__pycache__").glob("*.nbi")}
    assert kept == {"loops.even", "loops.twice"}
    again = load(loops)
    assert again.even(9) == 8
    assert sum(again.even.stats.cache_hits.values()) == 1
    assert not again.even.stats.cache_misses


@pytest.mark.parametrize("compile_it", [compiled, inlined])
def test_without_a_place_to_keep_it_a_loop_is_compiled_all_the_same(compile_it: Any) -> None:
    # What has no file has no place that numba could keep it in.
    place: dict[str, Any] = {}
    exec("def half(number):\n    return number // 2\n", place)
    loop = compile_it(place["half"])
    assert loop(7) == 3
    assert loop.nopython_signatures
    assert loop.stats.cache_path is None


def test_an_inner_loop_without_a_place_serves_other_loops() -> None:
    # Never called from here: without an entry for Python that would end the process.
    place: dict[str, Any] = {}
    exec("def half(number):\n    return number // 2\n", place)
    place["half"] = inner(place["half"])
    exec("def more(number):\n    return half(number) + 1\n", place)
    assert compiled(place["more"])(7) == 4

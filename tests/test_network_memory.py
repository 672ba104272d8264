"""Freed memory is given back after work on many nodes, and only then."""

from __future__ import annotations

import ctypes

import pytest

from gis.network.memory import MANY_NODES, give_back


class _Library:
    def __init__(self) -> None:
        self.trimmed: list[int] = []

    def malloc_trim(self, left: int) -> int:
        self.trimmed.append(left)
        return 1


def test_only_work_on_many_nodes_gives_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    library = _Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    assert not give_back(MANY_NODES - 1)
    assert library.trimmed == []
    assert give_back(MANY_NODES)
    assert library.trimmed == [0]


def test_a_c_library_that_cannot_do_it_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not give_back(MANY_NODES)

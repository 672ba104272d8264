"""The tree of errors that the module draws is the tree that is there."""

from __future__ import annotations

import inspect
import re

import pytest

from gis import errors


def drawn() -> dict[str, str]:
    """Parents by name, read off the indents of the drawing in the docstring."""
    parents: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^ {4}([ │├└─]*)([A-Z]\w+Error)\b", line)
        if found:
            depth = len(found[1]) // 4
            above[depth] = found[2]
            if depth:
                parents[found[2]] = above[depth - 1]
    return parents


def test_the_drawing_shows_every_error_under_its_base() -> None:
    classes = dict(inspect.getmembers(errors, inspect.isclass))
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in classes.items()
        if issubclass(kind, errors.LianpianError)
    }
    assert real.pop("LianpianError") == "Exception"
    assert drawn() == real


@pytest.mark.parametrize("name", ["FileError", "CrsError", "OptionError"])
def test_unusable_input_is_a_value_error_too(name: str) -> None:
    assert issubclass(getattr(errors, name), ValueError)


def test_a_fault_of_ours_is_not_blamed_on_the_input() -> None:
    assert not issubclass(errors.CheckError, errors.InputError)

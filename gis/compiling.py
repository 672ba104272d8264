"""How inner loops are compiled (numba): on first call, and kept beside their file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile on first call and keep the result on disk where some folder can be written."""
    return _compile(function, {})


def inner(function: _Function) -> _Function:
    """Compile like `compiled`, but without the entry for callers in Python, which takes time.

    Only compiled functions may call it: a call from Python ends the process.
    """
    return _compile(function, {"no_cpython_wrapper": True, "no_cfunc_wrapper": True})


def inlined(function: _Function) -> _Function:
    """Compile as a part of each function that calls it."""
    return cast("_Function", njit(nogil=True, inline="always")(function))


def _compile(function: _Function, options: dict[str, Any]) -> _Function:
    build = cast("Any", njit)
    try:
        return cast("_Function", build(cache=True, nogil=True, **options)(function))
    except RuntimeError:  # a service account without any writable folder
        return cast("_Function", build(nogil=True, **options)(function))

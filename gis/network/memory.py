"""Freed memory goes back to the system: laying out a million nodes would keep 1 GB in pieces."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

MANY_NODES: Final = 50_000
"""Below this it is not worth the milliseconds that looking through all pieces takes."""


def give_back(nodes: int) -> bool:
    """Let the system have freed memory back after work on so many nodes.

    The C library keeps what is freed for the next request, in pieces between what is still used,
    and so takes ever more from one step of a layout to the next. Returns whether it was asked to.
    """
    if nodes < MANY_NODES:
        return False
    with suppress(OSError, AttributeError, TypeError):  # a C library without this call
        ctypes.CDLL(None).malloc_trim(0)
        return True
    return False

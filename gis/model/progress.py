"""How long work says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Is told the share that is done (0 to 1) and what is being done; may raise to stop the work."""


def silent(_share: float, _doing: str) -> None:
    """Tell nobody."""

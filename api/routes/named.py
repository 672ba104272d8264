"""Names of plans and scenarios in paths: free words of people, also with a slash in them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Path, Request

from gis.errors import UnknownNameError


def _plan(request: Request, plan: Annotated[str, Path(min_length=1, max_length=100)]) -> str:
    """Return the name of the plan as it was written in the path.

    A path is matched when "%2F" in it has become a slash, so that a plan called "东/changes" looks
    like the changes of a plan called "东". What was sent tells them apart.
    """
    sent = request.scope.get("raw_path")
    if sent is not None:
        parts = sent.split(b"?")[0].split(b"/plans/", 1)
        first = parts[1].split(b"/")[0] if len(parts) == 2 else b""
        written = unquote(first.decode("latin-1"))
        if "/" in written and written != plan:
            raise UnknownNameError(
                f"The plan '{written[:100]}' cannot be asked for by its name: rename it first, "
                "without the slash (lianpian plan rename)"
            )
    return plan


PlanInPath = Annotated[str, Depends(_plan)]
"""The name of the plan in the path."""

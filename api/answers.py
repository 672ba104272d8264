"""Answers that routes give when no response model makes them."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from api.plain import json_text


class JsonAnswer(Response):
    """JSON of plain or numpy values; what is unknown becomes null."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        # A file's name may hold half a letter; an answer with a mark in its place beats a fault.
        return json_text(content).encode("utf-8", "replace")

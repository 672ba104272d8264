"""No request may make the server hold more than it says."""

from __future__ import annotations

import re
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import JsonAnswer

LARGEST_BODY: Final = 16 * 2**20
"""Bytes of a body, but for files that are sent: their route counts them itself."""
LARGEST_OF_NOBODY: Final = 64 * 2**10
"""Of a request that brings nothing by which somebody could have signed in: a body is read and
parsed before anybody asks who sends it."""
LONGEST_QUERY: Final = 16 * 2**10
_FILES: Final = re.compile(r"/api/projects/[^/]+/uploads")


class BodyLimit:
    """Refuses a body or a query that is too large, as soon as that is known.

    Where people sign in, who brings neither cookie nor token may send but little.
    """

    def __init__(self, app: ASGIApp, *, needs_login: bool = False) -> None:
        self._app = app
        self._needs_login = needs_login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if len(scope["query_string"]) > LONGEST_QUERY:
            answer = _refusal(414, f"The query is longer than {LONGEST_QUERY} bytes; shorten it")
            await answer(scope, receive, send)
            return
        if scope["method"] == "POST" and _FILES.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        most = LARGEST_BODY if self._may_be_known(scope) else LARGEST_OF_NOBODY
        too_large = f"The body is larger than {most // 2**10} kB; send it in parts"
        if most < LARGEST_BODY:
            too_large = f"{too_large}, or sign in first"
        if _announced(scope) > most:
            await _refusal(413, too_large)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(413, too_large)
            return message

        await self._app(scope, counted, send)

    def _may_be_known(self, scope: Scope) -> bool:
        if not self._needs_login:
            return True
        return any(name in (b"cookie", b"authorization") for name, _ in scope["headers"])


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _refusal(status: int, message: str) -> JsonAnswer:
    return JsonAnswer({"error": "HTTPException", "message": message}, status)

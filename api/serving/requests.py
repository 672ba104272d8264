"""What is kept of every request: an id that its answer bears, a log line, figures."""

from __future__ import annotations

import logging
import secrets
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import JsonAnswer
from api.serving.log import LOGGER, Watch, say
from api.serving.metrics import Metrics

QUIET: Final = frozenset({"/api/health", "/api/ready", "/metrics"})
"""Routes that are asked all the time by machines; they are counted, not logged."""
NO_ROUTE: Final = "(none)"


class Requests:
    """Gives each request an id, logs and counts it, and answers for what went wrong."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told: dict[str, Any] = {"request": secrets.token_hex(8), "status": 0}
        watch = Watch()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = told["request"]
            await send(message)

        self._metrics.open_requests.inc()
        try:
            await self._app(scope, receive, noted)
        except Exception:
            LOGGER.exception("a request failed", extra={"told": {"request": told["request"]}})
            if told["status"]:
                raise  # half of the answer is sent already
            message = f"A fault of ours; the log tells more under {told['request']}"
            await JsonAnswer({"error": "Fault", "message": message}, 500)(scope, receive, noted)
        finally:
            self._metrics.open_requests.dec()
            self._note(scope, told, watch.seconds)

    def _note(self, scope: Scope, told: dict[str, Any], seconds: float) -> None:
        route = getattr(scope.get("route"), "path", NO_ROUTE)
        method = scope["method"] if route != NO_ROUTE else "ANY"
        self._metrics.requests.labels(method, route, str(told["status"])).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if route in QUIET:
            return
        level = logging.ERROR if told["status"] >= 500 else logging.INFO
        say(
            "request",
            level=level,
            request=told["request"],
            method=method,
            route=route,
            status=told["status"],
            ms=round(seconds * 1000, 1),
        )

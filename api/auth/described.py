"""The ways to sign in, as the OpenAPI document tells programs of them."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from api.auth.door import cookie_name
from api.auth.origins import HEADER, SAFE_METHODS
from api.settings import Settings

OPEN: Final = frozenset(
    {
        "GET /api/health",
        "GET /api/ready",
        "GET /api/session",
        "POST /api/session",
        "DELETE /api/session",
        "GET /api/session/oidc",
        "GET /api/session/oidc/return",
    }
)
"""What the document tells of that nobody needs to sign in for."""

_HEADER: Final = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["1"]},
    "description": (
        "needed with every change, unless a Bearer token is sent: it shows that no other site "
        "made a browser send this"
    ),
}
_SIGNING_IN: Final = "/api/session"
_NOTE: Final = (
    "Programs send a token with every request, as `Authorization: Bearer TOKEN` or as the password "
    "of HTTP Basic with any name; `lianpian users token PROJECT NAME` makes one, and so does "
    f"`POST /api/tokens`. With a cookie or Basic, changes also need the header `{HEADER}: 1`. The "
    "layers as OGC API - Features have a document of their own: `/ogc/api`, in a folder "
    "`/ogc/NAME/api`."
)


def describe_ways_in(app: FastAPI, settings: Settings) -> None:
    """Let the OpenAPI document of an application say how programs sign in."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(plain(), cookie_name(settings))
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation says


def _described(document: dict[str, Any], cookie: str) -> dict[str, Any]:
    ways: dict[str, Any] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "a token of a program"},
        "basic": {"type": "http", "scheme": "basic", "description": "any name; the token"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
    }
    document["info"]["description"] = _NOTE
    document.setdefault("components", {})["securitySchemes"] = ways
    document["security"] = [{way: []} for way in ways]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            if name in OPEN:
                operation["security"] = []
            ours = name not in OPEN or path == _SIGNING_IN
            if ours and method.upper() not in SAFE_METHODS:
                operation.setdefault("parameters", []).append(dict(_HEADER))
    return document

"""The web application: for now the project's start page, its map and the JSON of its layers."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from starlette.middleware.base import RequestResponseEndpoint
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api.analyses import map_of, public_frame, today
from api.errors import add_error_handlers
from api.settings import Settings
from api.store import Project
from gis import __version__
from gis.errors import UnknownNameError
from gis.model import KINDS

READ: Final = ["GET", "HEAD"]
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
GEOJSON: Final = "application/geo+json"
SECURITY_HEADERS: Final = {
    # The map is one file with its scripts inside; nothing may be fetched from anywhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; "
        "form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class LayerOut(BaseModel):
    """One layer of the project."""

    layer: str
    zh: str
    en: str
    rows: int
    geometry: str


class ProjectOut(BaseModel):
    """The project and what is in it."""

    name: str
    crs: str | None
    profile: str | None
    layers: list[LayerOut]
    plans: list[str]


class HealthOut(BaseModel):
    """That the application runs and can open its project."""

    status: str
    version: str


def create_app(settings: Settings, project: Path) -> FastAPI:
    """Return the application for one project file; nothing is opened before the first request."""
    app = FastAPI(title="连片 Lianpian", version=__version__, docs_url=None, redoc_url=None)
    add_error_handlers(app)
    if settings.host in LOOPBACK:
        # A page elsewhere could point its own host name at this machine and read the project.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK, "[::1]", "testserver"])

    @app.middleware("http")
    async def secure(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.api_route("/", methods=READ, response_class=HTMLResponse, include_in_schema=False)
    def start() -> str:
        with Project.open(project) as opened:
            return _start_page(_describe(opened))

    @app.api_route("/map", methods=READ, response_class=HTMLResponse, include_in_schema=False)
    def show_map(lang: Annotated[str, Query(pattern="^(zh|en)$")] = "zh") -> str:
        with Project.open(project) as opened:
            return map_of(opened, date=today(), lang=lang)

    @app.get("/api/health")
    def health() -> HealthOut:
        """Say that the application runs and its project opens."""
        with Project.open(project):
            return HealthOut(status="ok", version=__version__)

    @app.get("/api/project")
    def describe() -> ProjectOut:
        """Say what is in the project."""
        with Project.open(project) as opened:
            return _describe(opened)

    @app.get("/api/layers/{kind}", response_class=Response)
    def layer(
        kind: str,
        limit: Annotated[int, Query(ge=1)] = settings.max_features,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        """Return a layer as GeoJSON (longitude, latitude), without the user's extra columns."""
        with Project.open(project) as opened:
            body = _geojson(opened, kind, offset, min(limit, settings.max_features))
        return Response(json.dumps(body, ensure_ascii=False), media_type=GEOJSON)

    return app


def _describe(project: Project) -> ProjectOut:
    code = project.crs.to_epsg() if project.crs else None
    return ProjectOut(
        name=project.name,
        crs=f"EPSG:{code}" if code else None,
        profile=project.profile,
        layers=[
            LayerOut(
                layer=info.kind,
                zh=KINDS[info.kind].zh,
                en=KINDS[info.kind].en,
                rows=info.rows,
                geometry=info.geometry,
            )
            for info in project.layers()
        ],
        plans=list(project.plan_names()),
    )


def _geojson(project: Project, kind: str, offset: int, limit: int) -> dict[str, Any]:
    here = [info.kind for info in project.layers()]
    if kind not in here:
        raise UnknownNameError(f"The project has no layer '{kind}'; it has: {', '.join(here)}")
    frame = public_frame(project.read_layer(kind))
    page = frame.iloc[offset : offset + limit].to_crs("EPSG:4326")
    body: dict[str, Any] = page.to_geo_dict(na="null")
    body["numberMatched"], body["numberReturned"] = len(frame), len(page)
    return body


def _start_page(project: ProjectOut) -> str:
    rows = "".join(
        f'<tr><td>{html.escape(layer.zh)}</td><td>{html.escape(layer.en)}</td><td class="n">'
        f'{layer.rows:,}</td><td><a href="/api/layers/{layer.layer}">GeoJSON</a></td></tr>'
        for layer in project.layers
    )
    name = html.escape(project.name)
    return f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} · 连片</title><style>{_START_CSS}</style></head>
<body><header><b>连片</b><h1>{name}</h1><nav><a href="/map">全屏地图</a>
<a href="/map?lang=en">Map in English</a></nav></header>
<main><iframe src="/map" title="{name}"></iframe>
<details><summary>图层 {len(project.layers)} · {html.escape(project.crs or "坐标系待定")}</summary>
<table><thead><tr><th>图层</th><th>Layer</th><th class="n">行数</th><th>数据</th></tr></thead>
<tbody>{rows}</tbody></table></details></main></body></html>"""


_START_CSS: Final = """
body{margin:0;height:100vh;display:flex;flex-direction:column;color:#1f2933;background:#f5f7f6;
font:15px/1.5 'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif}
header{display:flex;gap:1rem;align-items:baseline;padding:.5rem 1rem;background:#fff;
border-bottom:1px solid #d9e0dd}
header b{color:#0b6e4f;font-size:1.15rem}h1{font-size:1.05rem;margin:0;flex:1;font-weight:600}
a{color:#0b6e4f;margin-left:1rem}main{flex:1;display:flex;flex-direction:column;min-height:0}
iframe{flex:1;border:0;width:100%}details{padding:.5rem 1rem;background:#fff;max-height:40vh;
overflow:auto;border-top:1px solid #d9e0dd}table{border-collapse:collapse}
th,td{text-align:left;padding:.15rem 1.25rem .15rem 0}.n{text-align:right}"""

"""The start page: the projects of a folder, or the map and the layers of the only project."""

from __future__ import annotations

import html
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from api.auth import Role, role_in, visitor
from api.live import Live, Projects
from api.live.titles import title_of
from api.routes.projects import crs_told
from api.serving.pages import policy_of, small_page
from gis.model import KINDS

router = APIRouter()


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
def start(
    request: Request,
    project: str | None = None,
    sign_in: Annotated[str | None, Query(alias="sign-in")] = None,
) -> HTMLResponse:
    """Show the projects, or one of them with ``?project=``; before that, let people sign in."""
    try:
        person = visitor(request)
    except HTTPException as error:
        if error.status_code != 401:
            raise
        oidc = request.app.state.settings.oidc_issuer is not None
        return _page(_sign_in_page(oidc=oidc, failed=sign_in is not None), status=401)
    leave = _sign_out(person.name) if person.id is not None else ""
    projects: Projects = request.app.state.projects
    seen = {name: role for name in projects.names() if (role := role_in(request, name)) is not None}
    if project is None and projects.single is not None and projects.single in seen:
        project = projects.single
    if project in seen:
        return _page(_project_page(projects.live(project), leave))
    # On one's own machine one is no owner of something: one is alone.
    rows = [
        (name, title_of(projects, name), role if person.id is not None else None)
        for name, role in seen.items()
    ]
    return _page(_list_page(rows, leave))


def _page(page: str, *, status: int = 200) -> HTMLResponse:
    policy = policy_of(page, asks=True, frames=True)
    headers = {"content-security-policy": policy, "cache-control": "no-store"}
    return HTMLResponse(page, status, headers)


def _sign_in_page(*, oidc: bool, failed: bool) -> str:
    told = "没有登录成功，请再试。 Signing in did not work; try again." if failed else ""
    other = (
        '<p><a href="/api/session/oidc">用单位账号登录 <span class="en">Sign in with your '
        "organisation</span></a></p>"
        if oidc
        else ""
    )
    return small_page(
        "登录 Sign in",
        f'<form><p class="bad" role="alert">{told}</p>'
        '<label>姓名 <span class="en">Name</span><input name="name" required autofocus '
        'autocomplete="username" maxlength="100"></label>'
        '<label>密码 <span class="en">Password</span><input name="password" type="password" '
        'required autocomplete="current-password" maxlength="1024"></label>'
        f"<button>登录 Sign in</button></form>{other}<script>{_SIGN_IN_SCRIPT}</script>",
    )


def _list_page(projects: list[tuple[str, str, Role | None]], leave: str) -> str:
    rows = "".join(_list_line(*project) for project in projects)
    words = f"<ul>{rows}</ul>" if rows else '<p>没有项目。</p><p class="en">No projects.</p>'
    return small_page("项目 Projects", f"{_LIST_STYLE}{words}{leave}")


def _list_line(name: str, title: str, role: Role | None) -> str:
    told = [html.escape(name)] if name != title else []
    told += [_ROLES[role]] if role is not None else []
    below = f'<span class="en">{" · ".join(told)}</span>' if told else ""
    return f'<li><a href="/?project={quote(name, safe="")}">{html.escape(title)}{below}</a></li>'


def _sign_out(name: str) -> str:
    return f"""<p class="leave"><span>{html.escape(name)}</span>
<button type="button" id="leave">退出 Sign out</button></p>{_SIGN_OUT}"""


def _project_page(live: Live, leave: str) -> str:
    base = f"/api/projects/{quote(live.name, safe='')}"
    layers = live.project.layers()
    rows = "".join(
        f"<tr><td>{html.escape(KINDS[info.kind].zh)}</td><td>{html.escape(KINDS[info.kind].en)}"
        f'</td><td class="n">{info.rows:,}</td>'
        f'<td><a href="{base}/layers/{info.kind}">GeoJSON</a></td></tr>'
        for info in layers
    )
    name, crs = html.escape(live.project.name), html.escape(crs_told(live) or "坐标系待定")
    return f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} · 连片</title><style>{_CSS}</style></head>
<body><header><b>连片</b><h1>{name}</h1><nav><a href="{base}/map">全屏地图</a>
<a href="{base}/map?lang=en">Map in English</a></nav>{leave}</header>
<main><iframe src="{base}/map" title="{name}"></iframe>
<details><summary>图层 {len(layers)} · {crs}</summary>
<table><thead><tr><th>图层</th><th>Layer</th><th class="n">行数</th><th>数据</th></tr></thead>
<tbody>{rows}</tbody></table></details></main></body></html>"""


_SIGN_IN_SCRIPT: Final = """
const form = document.forms[0], told = document.querySelector('[role=alert]');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const answer = await fetch('/api/session', {
      method: 'POST',
      headers: {'Content-Type': 'application/json', 'X-Lianpian': '1'},
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    });
    if (answer.ok) { location.replace('/'); return; }
    told.textContent = answer.status === 401 ? '姓名或密码不对。 Name or password is wrong.'
      : answer.status === 429 ? '试得太多了，请过一会儿再试。 Too many tries; wait a while.'
      : (await answer.json()).message;
  } catch { told.textContent = '连不上服务器。 The server cannot be reached.'; }
  button.disabled = false;
});"""

_ROLES: Final[dict[Role, str]] = {
    "viewer": "查看 viewer",
    "reviewer": "审阅 reviewer",
    "planner": "规划 planner",
    "owner": "负责 owner",
}

_LIST_STYLE: Final = """<style>ul{list-style:none;margin:0;padding:0}
li{border-top:1px solid #d9e0dd}li a{display:block;padding:.6rem .1rem;color:#0b6e4f;
overflow-wrap:anywhere}li .en{display:block}</style>"""

_SIGN_OUT: Final = """<style>.leave{display:flex;gap:.7rem;justify-content:flex-end;
align-items:baseline;margin:0;color:#52606d;font-size:.85rem}.leave span{overflow-wrap:anywhere}
.leave button{width:auto;margin:0;padding:.1rem .5rem;font-size:.85rem;white-space:nowrap;
color:#52606d;background:none;border:1px solid #c5cfcb;border-radius:.3rem}
main .leave{margin-top:1rem}</style><script>
document.getElementById('leave').addEventListener('click', async () => {
  await fetch('/api/session', {method: 'DELETE', headers: {'X-Lianpian': '1'}});
  location.replace('/');
});</script>"""

_CSS: Final = """
body{margin:0;height:100vh;display:flex;flex-direction:column;color:#1f2933;background:#f5f7f6;
font:15px/1.5 'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif}
header{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:baseline;padding:.5rem 1rem;
background:#fff;border-bottom:1px solid #d9e0dd}
header b{color:#0b6e4f;font-size:1.15rem}button{font:inherit;padding:.15rem .7rem;cursor:pointer}
h1{font-size:1.05rem;margin:0;flex:1 1 12rem;font-weight:600;overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1rem}a{color:#0b6e4f;white-space:nowrap}
main{flex:1;display:flex;flex-direction:column;min-height:0}
iframe{flex:1;border:0;width:100%}details{padding:.5rem 1rem;background:#fff;max-height:40vh;
overflow:auto;border-top:1px solid #d9e0dd}table{border-collapse:collapse}
th,td{text-align:left;padding:.15rem 1.25rem .15rem 0}.n{text-align:right}"""

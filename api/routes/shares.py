"""Shares: links to frozen maps and dashboards that leaders open without signing in."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from api.analyses import map_of, today
from api.analyses.dashboard import dashboard_of
from api.auth import Visit, require, visitor
from api.auth.passwords import BusyError
from api.schemas.faults import faults
from api.schemas.shares import ShareIn, ShareMade, ShareOut, SharesOut
from api.serving.pages import policy_of, small_page
from api.store.office.shares import LARGEST_PAGE, Link, Share
from gis.dashboard import render_dashboard
from gis.errors import UnknownNameError

router = APIRouter(tags=["shares"])

Planner = Annotated[Visit, Depends(require("planner"))]
ShareNumber = Annotated[int, Path(ge=1, le=2**53)]
Token = Annotated[str, Path(min_length=1, max_length=100)]


@dataclass(frozen=True)
class Keeper:
    """Who may list and take back the shares under a name; no visit where the project is gone."""

    name: str
    visit: Visit | None


def _keeper(request: Request, project: str) -> Keeper:
    try:
        visit = require("planner")(request, project)
    except UnknownNameError:
        name = unicodedata.normalize("NFC", project)
        if not visitor(request).admin or not request.app.state.office.shares(name):
            raise
        return Keeper(name, None)
    return Keeper(visit.live.name, visit)


ShareKeeper = Annotated[Keeper, Depends(_keeper)]

LARGEST_FORM: Final = 4096
ENTERED_HOURS: Final = 12
TRIES: Final = 10
"""Wrong passwords of a share within a quarter of an hour, from anywhere: links travel."""
_SHARES: Final = "/api/projects/{project}/shares"
_NEVER_KEPT: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


@router.get(_SHARES, responses=faults(401, 403, 404))
def list_shares(request: Request, keeper: ShareKeeper) -> SharesOut:
    """List the shares of a project, the newest first, with how often each was opened.

    An administrator sees those of a project that is gone, too.
    """
    shares = request.app.state.office.shares(keeper.name)
    return SharesOut(shares=[_out(share) for share in shares])


@router.post(_SHARES, status_code=201, responses=faults(401, 403, 404, 413, 422))
def make_share(request: Request, visit: Planner, asked: ShareIn) -> ShareMade:
    """Freeze a map or a dashboard as it is now, and tell the link to it: only now.

    What changes in the project later does not change the share. No extra column of the user's own
    and nothing of the table of private persons is in it.
    """
    page = _frozen(visit, asked)
    if len(page) > LARGEST_PAGE:
        raise HTTPException(413, f"The page has {len(page):,} characters; share fewer layers")
    hashed = None
    if asked.password is not None:
        with _not_too_busy():
            hashed = request.app.state.door.passwords.hash(asked.password)
    expires = None if asked.days is None else datetime.now(UTC) + timedelta(days=asked.days)
    share, token = request.app.state.office.add_share(
        visit.live.name,
        page,
        title=asked.title,
        kind=asked.kind,
        who=visit.person.name,
        expires=expires,
        password_hash=hashed,
    )
    visit.live.project.note("shared", f"share {share.id}", kind=asked.kind)
    base = request.app.state.settings.public_url or str(request.base_url)
    return ShareMade(**_out(share).model_dump(), url=f"{base.rstrip('/')}/s/{token}")


@router.delete(_SHARES + "/{share}", status_code=204, responses=faults(401, 403, 404))
def revoke_share(request: Request, keeper: ShareKeeper, share: ShareNumber) -> None:
    """Take a share back: its link leads nowhere from now on, and its page is deleted.

    An administrator takes back those of a project that is gone, too.
    """
    request.app.state.office.revoke_share(keeper.name, share)
    if keeper.visit is not None:
        keeper.visit.live.project.note("share revoked", f"share {share}")


@router.get("/s/{token}", response_class=HTMLResponse, include_in_schema=False)
def show_share(request: Request, token: Token) -> Response:
    """Show a share, or ask for its password."""
    link: Link | None = request.app.state.office.link(token)
    if link is None:
        return _gone()
    if link.password_hash is not None and not _has_entered(request, token, link.password_hash):
        return _page(_form(link.title), form=True)
    return _opened(request, link)


@router.post("/s/{token}", response_class=HTMLResponse, include_in_schema=False)
async def enter_share(request: Request, token: Token) -> Response:
    """Take the password of a share."""
    office = request.app.state.office
    link: Link | None = await run_in_threadpool(office.link, token)
    if link is None or link.password_hash is None:
        return _gone()
    given = await _password(request)
    key = f"share {link.share_id}"
    wait = await run_in_threadpool(office.take_attempt, {key: TRIES})
    if wait:
        told = "<p>试得太多了，请一刻钟后再来。</p><p class=en>Too many tries; wait 15 minutes.</p>"
        return _page(small_page("请稍候", told), 429, {"Retry-After": str(int(wait) + 1)})
    good = await run_in_threadpool(_is_right, request, given, link.password_hash)
    if not good:
        return _page(_form(link.title, wrong=True), 403, form=True)
    await run_in_threadpool(office.clear_attempts, key)
    # Seen again by its own address: a page that was answered to a form asks anew when reloaded.
    answer = Response(status_code=303, headers={"Location": f"/s/{token}", **_NEVER_KEPT})
    answer.set_cookie(
        _cookie(token),
        _proof(token, link.password_hash),
        max_age=ENTERED_HOURS * 3600,
        path=f"/s/{token}",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


def _frozen(visit: Visit, asked: ShareIn) -> str:
    project = visit.live.project
    given: dict[str, Any] = {"date": today(), "plan": asked.plan, "pack": asked.rules}
    if asked.kind == "map":
        return map_of(project, lang=asked.lang, **given)
    return render_dashboard(dashboard_of(project, title=asked.title, **given))


def _opened(request: Request, link: Link) -> Response:
    page = request.app.state.office.open_share(link.share_id)
    return _gone() if page is None else _page(page)


def _page(
    page: str, status: int = 200, headers: dict[str, str] | None = None, *, form: bool = False
) -> Response:
    told = {"Content-Security-Policy": policy_of(page, form=form), **_NEVER_KEPT, **(headers or {})}
    return HTMLResponse(page, status, told)


def _gone() -> Response:
    """Answer alike for links that never were, are over, or were taken back."""
    told = (
        "<p>它可能已过期或被收回。请向分享的人要新的链接。</p>"
        "<p class=en>This link leads nowhere: it is over, or was taken back. "
        "Ask who shared it for a new one.</p>"
    )
    return _page(small_page("此链接已失效", told), 404)


def _form(title: str, *, wrong: bool = False) -> str:
    told = '<p class="bad" role=alert>密码不对 <span class=en>Wrong password</span></p>'
    return small_page(
        title,
        (told if wrong else "")
        + "<form method=post><label>密码 <span class=en>Password</span><input name=password "
        "type=password required autofocus autocomplete=off maxlength=200></label>"
        "<button>打开 Open</button></form>",
    )


def _is_right(request: Request, given: str, kept: str) -> bool:
    with _not_too_busy():
        right: bool = request.app.state.door.passwords.verify(given, kept)[0]
        return right


@contextmanager
def _not_too_busy() -> Iterator[None]:
    try:
        yield
    except BusyError as error:
        raise HTTPException(503, str(error), {"Retry-After": "5"}) from error


async def _password(request: Request) -> str:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            raise HTTPException(413, "A password is shorter than that")
    return parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).get("password", [""])[0]


def _cookie(token: str) -> str:
    return "lianpian_share_" + hashlib.sha256(token.encode()).hexdigest()[:16]


def _proof(token: str, password_hash: str) -> str:
    """Return what only who knew the password has: the hash never leaves the server."""
    return hmac.new(password_hash.encode(), token.encode(), hashlib.sha256).hexdigest()


def _has_entered(request: Request, token: str, password_hash: str) -> bool:
    given = request.cookies.get(_cookie(token), "")
    return hmac.compare_digest(given.encode(), _proof(token, password_hash).encode())


def _out(share: Share) -> ShareOut:
    return ShareOut.model_validate(vars(share))

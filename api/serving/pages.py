"""HTML pages: what they may load, and the few small ones that need no file of their own."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from typing import Final

_SCRIPT: Final = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_DATA: Final = re.compile(r"""type\s*=\s*["']?application/""", re.IGNORECASE)


def policy_of(
    page: str, *, framed: bool = False, form: bool = False, asks: bool = False, frames: bool = False
) -> str:
    """Return the Content-Security-Policy of a page that carries all it needs.

    Its own scripts run, named by their hashes; nothing else does, whatever a name in its data says.
    It may fetch nothing, unless said. Styles may be inline: they cannot do anything.

    Parameters
    ----------
    page
        The whole page.
    framed, form
        Whether our own pages may show it in a frame; whether it has a form that is sent to us.
    asks, frames
        Whether its scripts ask our API; whether it shows our own pages in frames.
    """
    hashes = [_hash(body) for head, body in _SCRIPT.findall(page) if not _DATA.search(head)]
    scripts = " ".join(dict.fromkeys(hashes)) or "'none'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
        f"img-src data: blob:; font-src data:; connect-src {_self(asks)}; "
        f"frame-src {_self(frames)}; base-uri 'none'; form-action {_self(form)}; "
        f"frame-ancestors {_self(framed)}"
    )


def _hash(body: str) -> str:
    digest = hashlib.sha256(body.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _self(allowed: bool) -> str:
    return "'self'" if allowed else "'none'"


def small_page(title: str, body: str) -> str:
    """Return a page with a title (escaped here) and a body of our own markup."""
    return f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{html.escape(title)} · 连片</title>
<style>{_CSS}</style></head><body><main><p class="brand">连片 Lianpian</p>
<h1>{html.escape(title)}</h1>{body}</main></body></html>"""


_CSS: Final = """
body{margin:0;min-height:100vh;display:grid;place-items:center;background:#f5f7f6;color:#1f2933;
font:16px/1.6 'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif}
main{width:min(26rem,calc(100vw - 5rem));background:#fff;border:1px solid #d9e0dd;
border-radius:.6rem;padding:1.5rem}
.brand{margin:0;color:#0b6e4f;font-weight:600}h1{margin:.2rem 0 .8rem;font-size:1.25rem;
overflow-wrap:anywhere}p{margin:.4rem 0}.en{color:#52606d;font-size:.9rem}
.bad{color:#a61b1b}input,button{font:inherit;width:100%;box-sizing:border-box;padding:.55rem .7rem;
border-radius:.4rem;border:1px solid #829ab1;margin:.35rem 0}
button{background:#0b6e4f;border-color:#0b6e4f;color:#fff;cursor:pointer}
:focus-visible{outline:3px solid #f0b429;outline-offset:2px}"""

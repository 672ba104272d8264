"""The leaders' sheet: key figures, each with what it rests on, as one page that needs no network.

It reads well on a phone and on paper. The page has no scripts; Chinese stands first, English below.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Dashboard", "Figure", "Group", "Table", "render_dashboard"]


@dataclass(frozen=True)
class Figure:
    """One number. ``value`` NaN is unknown, never zero; ``rests_on`` says rule, source and date."""

    zh: str
    en: str
    value: float
    unit_zh: str
    unit_en: str
    rests_on: str
    digits: int = 0


@dataclass(frozen=True)
class Table:
    """Rows under headings (Chinese, English); numbers in a cell are written with their marks."""

    headings: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str | float]]
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Figures about one thing, and tables below them."""

    zh: str
    en: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    note: str = ""


@dataclass(frozen=True)
class Dashboard:
    """What is frozen on one day: ``place`` is the project, ``title`` what the sheet is called."""

    title: str
    place: str
    date: str
    groups: Sequence[Group]


def render_dashboard(dashboard: Dashboard) -> str:
    """Return the page; every text of it is escaped, and it loads nothing."""
    groups = "".join(_group(group) for group in dashboard.groups)
    title, date = html.escape(dashboard.title), html.escape(dashboard.date)
    place = html.escape(dashboard.place)
    return f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{place} {title} · 连片</title><style>{_CSS}</style></head>
<body><header><p class="brand">连片 <span lang="en">Lianpian</span></p>
<h1>{place} <span class="what">{title}</span></h1>
<p class="date">{date} 的状态，此后不再变化 <span lang="en">as of {date}, frozen</span></p></header>
<main>{groups}</main></body></html>"""


def _group(group: Group) -> str:
    figures = "".join(_figure(figure) for figure in group.figures)
    tables = "".join(_table(table) for table in group.tables)
    note = f'<p class="note">{html.escape(group.note)}</p>' if group.note else ""
    return (
        f"<section><h2>{_both(group.zh, group.en)}</h2><dl>{figures}</dl>{tables}{note}</section>"
    )


def _figure(figure: Figure) -> str:
    known = math.isfinite(figure.value)
    number = _number(figure.value, figure.digits) if known else "未知"
    unit = _both(figure.unit_zh, figure.unit_en) if known else '<span lang="en">unknown</span>'
    return (
        f"<div><dt>{_both(figure.zh, figure.en)}</dt>"
        f"<dd><b>{number}</b> {unit}<small>{html.escape(figure.rests_on)}</small></dd></div>"
    )


def _table(table: Table) -> str:
    first = table.rows[0] if table.rows else ()
    numbers = [not isinstance(cell, str) for cell in first] or [False] * len(table.headings)
    head = "".join(
        f"<th scope=col{' class=n' if number else ''}>{_both(zh, en)}</th>"
        for (zh, en), number in zip(table.headings, numbers, strict=True)
    )
    rows = "".join(f"<tr>{_cells(row)}</tr>" for row in table.rows)
    note = f'<p class="note">{html.escape(table.note)}</p>' if table.note else ""
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}"
    )


def _cells(row: Iterable[str | float]) -> str:
    return "".join(
        f"<td>{html.escape(cell)}</td>"
        if isinstance(cell, str)
        else f'<td class="n">{_number(cell) if math.isfinite(cell) else "未知"}</td>'
        for cell in row
    )


def _both(zh: str, en: str) -> str:
    return f'{html.escape(zh)} <span lang="en">{html.escape(en)}</span>'


def _number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"


_CSS: Final = """
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0;background:#f5f7f6;color:#1f2933;
font:16px/1.55 'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif}
header,main{max-width:64rem;margin:0 auto;padding:1rem}
header{padding-bottom:0}.brand{margin:0;color:#0b6e4f;font-weight:600}
h1{margin:.1rem 0;font-size:1.6rem;line-height:1.25;overflow-wrap:anywhere}
.what{font-weight:400;color:#334e68}.date,.note{margin:.2rem 0;color:#52606d;font-size:.9rem}
[lang=en]{color:#52606d;font-size:.86em;font-weight:400}
section{background:#fff;border:1px solid #d9e0dd;border-radius:.5rem;padding:1rem;margin:0 0 1rem}
h2{margin:0 0 .6rem;font-size:1.15rem}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.75rem 1.25rem;
margin:0}
dl>div{border-left:3px solid #0b6e4f;padding-left:.7rem}dd{margin:0}
dt{font-size:.92rem}b{font-size:1.5rem;font-variant-numeric:tabular-nums}
small{display:block;color:#52606d;line-height:1.35}
.wide{overflow-x:auto;margin-top:.8rem}table{border-collapse:collapse;width:100%;font-size:.94rem}
th,td{text-align:left;padding:.35rem .7rem .35rem 0;border-bottom:1px solid #e4e9e7;
vertical-align:top}th [lang=en]{display:block}
.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
@media print{body{background:#fff}section{break-inside:avoid}}"""

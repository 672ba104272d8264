"""Why two estates are linked, or why they are not: the words, in English and in Chinese."""

from __future__ import annotations

from typing import Final

import numpy as np

WHY: Final = ("far", "gap", "barrier", "arterial", "wall", "border", "around", "island", "off")
"""Why a pair is not linked: too far on foot; too far between the outlines; a river, railway or
expressway between without a crossing; an arterial road without one; a wall that stays; a border;
on foot only past other estates; no street leads from one to the other; switched off by hand."""

BARRIERS: Final = {
    "river": ("the river", "河流"),
    "railway": ("the railway", "铁路"),
    "expressway": ("the expressway", "快速路"),
    "other": ("the barrier", "阻隔"),
    "arterial": ("the arterial road", "主次干道"),
}
"""Kinds of what parts estates: in English and in Chinese."""

AREAS: Final = {"community": ("community", "社区"), "subdistrict": ("subdistrict", "街道")}


def barrier_words(kind: str, name: str, language: str = "en") -> str:
    """Name a barrier: "the river 永定河"."""
    en, zh = BARRIERS.get(kind, BARRIERS["other"])
    if language == "zh":
        return f"{zh}“{name}”" if name else zh
    return f"{en} {name}".rstrip()


def link_words(
    how: str, walk_m: float, gap_m: float, shared_m: float, note: str, language: str = "en"
) -> str:
    """Say why two estates are linked; numbers that are NaN are not told.

    How far outlines are apart is told where it is what links them, or with the wall they share.
    """
    zh = language == "zh"
    said: list[str] = []
    if how == "added":
        said.append(_by_hand("人工添加" if zh else "added by hand", note, zh))
    if how == "street":
        return _across(walk_m, gap_m, shared_m, zh)
    if not np.isnan(walk_m):
        said.append(f"沿路步行 {walk_m:,.0f} m" if zh else f"{walk_m:,.0f} m on foot along streets")
    if how in ("walk", "wall", "added") and shared_m > 0:
        apart = _apart(gap_m, zh)
        said.append(
            f"共用围墙 {shared_m:,.0f} m（{apart}）"
            if zh
            else f"{shared_m:,.0f} m of common wall, {apart}"
        )
    elif not np.isnan(gap_m) and (how == "touch" or np.isnan(walk_m)):
        said.append(_apart(gap_m, zh))
    return ("；" if zh else "; ").join(said)


def _across(walk_m: float, gap_m: float, front_m: float, zh: bool) -> str:
    if zh:
        return f"隔街相对，相距 {gap_m:,.0f} m，相对 {front_m:,.0f} m；沿路步行 {walk_m:,.0f} m"
    return f"across a street, {gap_m:,.0f} m, front {front_m:,.0f} m; {walk_m:,.0f} m on foot"


def _by_hand(what: str, note: str, zh: bool) -> str:
    return f"{what}{'：' if zh else ': '}{note}" if note else what


def _apart(gap_m: float, zh: bool) -> str:
    if gap_m == 0:
        return "边界相接" if zh else "outlines touch"
    return f"边界相距 {gap_m:,.1f} m" if zh else f"outlines {gap_m:,.1f} m apart"


def why_words(why: str, metres: float, what: str, language: str = "en") -> str:
    """Say why two estates are not linked.

    Parameters
    ----------
    why
        A word of `WHY`; "" says nothing.
    metres
        How far they are apart: on foot for "far", else between the outlines.
    what
        Parts joined by "|": for "far" the longest link, and the kind and name of a barrier that
        lies between; "gap": the widest gap; "barrier" and "arterial": kind and name; "border":
        the kind of area and both names; "wall": the names of its rows; "off": the note.
    """
    zh = language == "zh"
    part = [*what.split("|"), "", "", ""]
    m = f"{metres:,.0f} m"
    if why == "far":
        return _far_words(m, part, zh)
    if why == "gap":
        limit = f"{part[0]} m"
        return f"边界相距 {m}，超过 {limit}" if zh else f"{m} between outlines, beyond {limit}"
    if why in ("barrier", "arterial"):
        told = barrier_words(part[0], part[1], language)
        return (
            f"相距 {m}，但被{told}隔开，且无直接通道"
            if zh
            else f"{m} away, but {told} lies between and no way leads straight across"
        )
    if why == "wall":
        told = f" {part[0]}" if part[0] else ""
        return (
            f"相距 {m}，其间围墙{told}不可拆除"
            if zh
            else f"{m} away, but the wall{told} between them may not be opened"
        )
    if why == "border":
        return _border_words(part, zh)
    if why == "off":
        return _by_hand("人工断开" if zh else "switched off by hand", part[0], zh)
    if why == "around":
        return (
            f"相距 {m}，但步行途经其他小区"
            if zh
            else f"{m} away, but on foot other estates lie in between"
        )
    if why == "island":
        return (
            f"相距 {m}，但道路互不连通"
            if zh
            else f"{m} away, but no street leads from one to the other"
        )
    return ""


def _far_words(m: str, part: list[str], zh: bool) -> str:
    round_ = barrier_words(part[1], part[2], "zh" if zh else "en") if part[1] else ""
    if zh:
        way = f"绕行{round_}步行" if round_ else "步行"
        return f"{way} {m}，超过最长距离 {part[0]} m"
    way = f"on foot round {round_}" if round_ else "on foot"
    return f"{m} {way}, beyond the longest link {part[0]} m"


def _border_words(part: list[str], zh: bool) -> str:
    en, word = AREAS.get(part[0], ("area", "区域"))
    if part[1] and part[2]:
        one, other = part[1], part[2]
        return (
            f"分属{word}“{one}”和“{other}”"
            if zh
            else f"the border between the {en} {one} and the {en} {other} lies between"
        )
    named = part[1] or part[2]
    return (
        f"一方属{word}“{named}”，另一方{word}未知"
        if zh
        else f"one is in the {en} {named}, the {en} of the other is unknown"
    )
